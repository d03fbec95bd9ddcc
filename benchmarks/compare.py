"""wdfmc against SPIN and ABC on the same instances: a section of benchmarks/results.md."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Final

from own import called, models
from tables import machine, table
from timing import ROOT, Job, Limits, Run, interleaved, seconds, seeded, used, wdfmc

from wdfmc.checking import Options, loaded
from wdfmc.decide import groups
from wdfmc.exports.subject import subject

ENCODINGS: Final = ("binary", "one-hot")
BY_HAND: Final = ROOT / "benchmarks" / "promela"  # of models with the same name
DEPTH: Final = 5_000_000  # of SPIN's search, in steps
TOOLS: Final = ("spin", "gcc", "berkeley-abc")
OWN: Final = "wdfmc"
ANY: Final = "wdfmc, any number"
KINDS: Final = ("SPIN exported", "SPIN by hand", "ABC")
UNREDUCED: Final = ", -DNOREDUCE"


@dataclass(frozen=True, slots=True)
class Judged:
    """A contestant on an instance. `word`: proved, or what it said instead in some run."""

    name: str
    word: str
    runs: Sequence[Run]

    @property
    def wall(self) -> float:
        return median(one.seconds for one in self.runs)

    @property
    def cpu(self) -> float:
        return median(map(used, self.runs))

    @property
    def shown(self) -> str:
        if self.word != "proved":
            return f"{self.word} ({self.cpu:.0f})"
        return f"{seconds(self.wall)} ({seconds(max(one.seconds for one in self.runs))}) {seconds(self.cpu)}"


# ---------------------------------------------------------------- what they say


def by_wdfmc(run: Run) -> str:
    try:
        report = json.loads(run.printed)
    except ValueError:
        return "no report"
    words = {result["verdict"] for model in report["models"] for result in model["results"]}
    words -= {"vacuous", "skipped"}  # these, too, are never violated
    return "proved" if words == {"proved"} else ", ".join(sorted(words)) or "no verdict"


def by_spin(run: Run) -> str:
    errors = re.search(r"errors: (\d+)", run.printed)
    if "out of memory" in run.printed or "reached -DMEMLIM bound" in run.printed:
        return "out of memory"
    if "max search depth too small" in run.printed:
        return "too deep"
    if errors is not None and int(errors[1]):
        return "violated"
    return "no verdict" if errors is None or "Search not completed" in run.printed else "proved"


def by_abc(run: Run) -> str:
    counts = re.search(r"Disproved = (\d+)\. Undecided = (\d+)\.", run.printed)
    if counts is None:
        return "out of memory" if run.exit else "no verdict"
    return "violated" if int(counts[1]) else "undecided" if int(counts[2]) else "proved"


def judged(name: str, runs: Sequence[Run], read: Callable[[Run], str]) -> Judged:
    words = {"out of time" if run.late else read(run) for run in runs}
    return Judged(name, min(words - {"proved"}, default="proved"), runs)


def best(candidates: Sequence[Judged]) -> Judged:
    """Whoever proves in the shortest time; if nobody does, whoever gave up last."""
    return min(candidates, key=lambda one: (one.word != "proved", one.cpu if one.word == "proved" else -one.cpu))


def ratios(other: Judged, own: Judged) -> str:
    """How many times longer the other took, run by run: the median and the worst for wdfmc of wall times, and the
    median of processor times.
    """
    if other.word != "proved" and own.word != "proved":
        return "-"
    pairs = list(zip(other.runs, own.runs, strict=False))
    wall = [one.seconds / mine.seconds for one, mine in pairs]
    cpu = [used(one) / used(mine) for one, mine in pairs]
    bound = "> " if other.word != "proved" else "< " if own.word != "proved" else ""
    return f"{bound}{median(wall):.2f} ({min(wall):.2f}) {median(cpu):.2f}"


# ---------------------------------------------------------------- the contestants


def together(path: Path, requests: int) -> list[str]:
    """The safety rules of a model that some transition can break and that need no memory of the past."""
    (model,), _ = loaded([path], Options(requests=requests))
    breakable = subject(model, Options(requests=requests)).breakable
    return next(groups(model.program, breakable))


def export(asked: Sequence[str], language: str, output: Path) -> None:
    subprocess.run(wdfmc("export", *asked, "--to", language, "--output", str(output)), cwd=ROOT, check=True)


def spin(text: Path, folder: Path, requests: int, *, reducing: bool, memory: int) -> Job:
    """The whole way from a text, to be done in a folder of its own."""
    reduction = () if reducing else ("-DNOREDUCE",)
    compiled = ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", *reduction, f"-DMEMLIM={memory}", "-o", "pan", "pan.c"]
    return Job([["spin", f"-DN={requests}", "-a", str(text)], compiled, ["./pan", f"-m{DEPTH}"]], folder)


def abc(text: Path) -> Job:
    return Job([["berkeley-abc", "-c", f"read_aiger {text.name}; pdr -a"]], text.parent)


def contestants(
    asked: Sequence[str], hand: Path, requests: int, folder: Path, memory: int
) -> Iterator[tuple[str, Job]]:
    """All but wdfmc. Writing the exports is nobody's time."""
    export(asked, "promela", folder / "exported.pml")
    texts = {"exported": folder / "exported.pml"}
    if hand.is_file():
        texts["by hand"] = hand
    for name, text in texts.items():
        for reducing in (True, False) if text == hand else (False,):  # one process leaves nothing to be reduced
            place = folder / f"{text.stem}-{reducing}"
            place.mkdir()
            label = f"SPIN {name}{'' if reducing else UNREDUCED}"
            yield label, spin(text, place, requests, reducing=reducing, memory=memory)
    for encoding in ENCODINGS:
        export([*asked, "--encoding", encoding], "aiger", folder / f"{encoding}.aig")
        yield f"ABC {encoding}", abc(folder / f"{encoding}.aig")


def compared(path: Path, requests: int, arguments: argparse.Namespace) -> Mapping[str, Judged]:
    """wdfmc and the best of each kind of contestant. Who is the best is seen in the first round."""
    name = path.relative_to(ROOT).as_posix()
    asked = [name, "--requests", str(requests), *(f"--rule={rule}" for rule in together(path, requests))]
    limits = Limits(arguments.seconds, arguments.memory)
    with tempfile.TemporaryDirectory() as made:
        check = wdfmc("check", *asked, "--jobs", "2", "--format", "json")
        own = {
            OWN: seeded([*check, "--fixed-requests"], arguments.seeds),
            ANY: seeded(check, arguments.seeds),
        }
        hand = BY_HAND / f"{path.stem}.pml"
        jobs = dict(contestants(asked, hand, requests, Path(made), arguments.memory))
        turns = {label: each[:1] for label, each in own.items()}
        first = interleaved({**turns, **{label: [job] for label, job in jobs.items()}}, limits)
        judges = {label: verdict(label, runs) for label, runs in first.items()}
        kept = [
            best(same) for kind in KINDS
            if (same := [one for one in judges.values() if one.name.startswith(kind)])
        ]  # fmt: skip
        more = {one.name: [jobs[one.name]] * (arguments.seeds - 1) for one in kept if not one.runs[-1].late}
        left = {label: [] if first[label][-1].late else each[1:] for label, each in own.items()}
        again = interleaved({**left, **more}, limits)
    return {label: verdict(label, [*first[label], *again.get(label, ())]) for label in (*own, *(o.name for o in kept))}


def verdict(label: str, runs: Sequence[Run]) -> Judged:
    return judged(label, runs, {"SPIN": by_spin, "ABC": by_abc}.get(label.split()[0], by_wdfmc))


# ---------------------------------------------------------------- the section


def row(name: str, found: Mapping[str, Judged]) -> tuple[str, ...]:
    own = found[OWN]
    cells, ratio = [], []
    for kind in KINDS:
        other = of_kind(found, kind)
        variant = "" if other is None or kind == KINDS[0] else other.name.removeprefix(kind).strip(", ")
        cells.append("" if other is None else f"{other.shown} {variant}".strip())
        ratio.append("" if other is None else ratios(other, own))
    return name, own.shown, found[ANY].shown, *cells, *ratio


def of_kind(found: Mapping[str, Judged], kind: str) -> Judged | None:
    return next((one for one in found.values() if one.name.startswith(kind)), None)


def summary(measured: Sequence[Mapping[str, Judged]], own_name: str, times: str) -> Iterator[str]:
    """What the targets say, and how often it is met. `own_name`: OWN or ANY. `times`: wall or cpu."""

    def took(one: Judged) -> float:
        return one.wall if times == "wall" else one.cpu

    slow, quick, hopeless, factors, bounded = [], [], [], [], 0
    for found in measured:
        own, other = found[own_name], best([one for one in found.values() if one.name.startswith("SPIN")])
        if other.word == "violated":
            bounded += 1
        elif other.word != "proved":
            hopeless.append(own.word == "proved")
        elif took(other) >= 10:
            slow.append(own.word == "proved" and took(other) >= 10 * took(own))
        else:
            quick.append(own.word == "proved" and took(own) <= took(other) + 1)
        abc_run = found[next(name for name in found if name.startswith("ABC"))]
        finished = (abc_run.word == "proved", own.word == "proved")
        values = {(True, True): took(abc_run) / took(own), (True, False): 0.0, (False, True): float("inf")}
        factors.append(values.get(finished, 1.0))
    yield f"SPIN needs less than 10 s: at most its time + 1 s on {sum(quick)} of {len(quick)} models."
    yield f"SPIN needs 10 s or more: 10 times faster on {sum(slow)} of {len(slow)}."
    yield f"SPIN is out of time or memory: finished on {sum(hopeless)} of {len(hopeless)}."
    if bounded:
        yield f"SPIN finds a bound of the model exceeded on {bounded}; they stay unknown."
    if factors:
        yield (
            f"ABC: {median(factors):.2f} times wdfmc's time in the median of {len(factors)} models; "
            f"{factors.count(1.0)} of them, which neither proves in time, count as 1."
        )


def comparison(requests: int, arguments: argparse.Namespace) -> Iterator[str]:
    yield machine(TOOLS)
    yield ""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        yield f"Not measured: {', '.join(missing)} not installed."
        return
    limits = f"{arguments.seconds:.0f} s and {arguments.memory} MiB"
    yield f"Right models with the safety rules that are decided together, at {requests} requests. Seconds of whole"
    yield f"processes: the median of {arguments.seeds} of wall time (worst), then the median of processor time, which"
    yield f"others on the machine stretch less. At most {limits} each; who was out of time got so many seconds of"
    yield "a processor. All take turns, so that whatever else the machine does meets all of them."
    yield ""
    yield "wdfmc: `check --jobs 2 --fixed-requests`, which answers what the others answer: do the rules hold for so"
    yield "many requests? The second column is `check --jobs 2`, which proves them for any number where it can."
    yield "SPIN: `spin -a`, `gcc -O2 -DSAFETY -DCOLLAPSE` and the exhaustive search, of the export, which is one"
    yield "process and leaves nothing to partial order reduction, and of what is written by hand in"
    yield "benchmarks/promela, with and without it. ABC: `pdr -a`, values in binary or one-hot. The best of each"
    yield "kind in a first round. Writing the exports is nobody's time. Ratios: the other's time by that in wdfmc's"
    yield "first column, run by run, of wall time: the median (and the worst), then the median of processor time;"
    yield "above 1 wdfmc is faster."
    yield ""
    measured: list[Mapping[str, Judged]] = []

    def rows() -> Iterator[tuple[str, ...]]:
        for path in models(arguments.models, wrong=False):
            measured.append(compared(path, requests, arguments))
            yield row(called(path), measured[-1])

    yield from table(("model", OWN, ANY, *KINDS, *(f"{kind} / {OWN}" for kind in KINDS)), rows())
    for own_name, times in product((OWN, ANY), ("wall", "cpu")):
        yield ""
        yield f"{own_name}, in {'wall' if times == 'wall' else 'processor'} time:"
        yield ""
        yield from (f"- {line}" for line in summary(measured, own_name, times))
