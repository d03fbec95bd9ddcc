"""wdfmc against SPIN and ABC: `python benchmarks/cross_check.py` prints a table and writes it to cross_check.md.

Every right model of models/ (those that expect no violation), its safety rules that can be decided together, at several
numbers of requests. Whole processes, cold: `wdfmc check --rule ...` on these rules; SPIN on what `wdfmc export` writes
for them, with `spin -a`, gcc and the exhaustive run; ABC's `pdr` on the better of two encodings. Writing the exports is
nobody's time. Needs spin, gcc, berkeley-abc and a system with process groups.

Nothing here passes or fails: machines differ.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from run import ROOT, machine, table, wdfmc

from wdfmc.check import Options, loaded
from wdfmc.decide import groups
from wdfmc.exports.subject import subject

ENCODINGS: Final = ("binary", "one-hot")
MEMORY: Final = 3000  # MiB for SPIN
DEPTH: Final = 5_000_000  # of its search
UNSAID: Final = "(nothing)"


@dataclass(frozen=True, slots=True)
class Timed:
    """One tool on one instance. `seconds`: wall time; `word`: proved, or what it said instead."""

    seconds: float
    word: str

    @property
    def shown(self) -> str:
        return f"{self.seconds:.2f}" if self.word == "proved" else f"{self.word} ({self.seconds:.0f})"


def timed(commands: Sequence[Sequence[str]], folder: Path, patience: float, read: Callable[[str], str]) -> Timed:
    """The commands one after the other, `read` on what the last one prints. With all they start they are ended late."""
    begun = time.perf_counter()
    said = ""
    for command in commands:
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        try:
            said, _ = process.communicate(timeout=max(0.01, patience - (time.perf_counter() - begun)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Timed(time.perf_counter() - begun, "out of time")
    return Timed(time.perf_counter() - begun, read(said))


def by_wdfmc(printed: str) -> str:
    try:
        report = json.loads(printed[printed.index("{") :])
    except ValueError:
        return UNSAID
    words = {result["verdict"] for model in report["models"] for result in model["results"]}
    return "proved" if words == {"proved"} else ", ".join(sorted(words)) or UNSAID


def by_spin(printed: str) -> str:
    if "out of memory" in printed or "reached -DMEMLIM bound" in printed:
        return "out of memory"
    if "max search depth too small" in printed:
        return "too deep"
    errors = re.search(r"errors: (\d+)", printed)
    if errors is None or "Search not completed" in printed:
        return "violated" if errors and int(errors[1]) else UNSAID
    return "violated" if int(errors[1]) else "proved"


def by_abc(printed: str) -> str:
    counts = re.search(r"Disproved = (\d+)\. Undecided = (\d+)\.", printed)
    if counts is None:
        return UNSAID
    return "violated" if int(counts[1]) else "undecided" if int(counts[2]) else "proved"


def together(path: Path, requests: int) -> list[str]:
    """The safety rules of a model that some transition can break and that need no memory of the past."""
    (model,), _ = loaded([path], Options(requests=requests))
    breakable = subject(model, Options(requests=requests)).breakable
    return next(groups(model.program, breakable))


def right_models(pattern: str) -> list[Path]:
    found = sorted((ROOT / "models").rglob("*.wdf"))
    return [
        path for path in found
        if not re.search(r"^\s*expect violated ", path.read_text(encoding="utf-8"), re.MULTILINE)
        and re.search(pattern, path.relative_to(ROOT).as_posix())
    ]  # fmt: skip


def compared(path: Path, requests: int, patience: float, times: int) -> tuple[str, ...]:
    name = path.relative_to(ROOT).as_posix()
    rules = together(path, requests)
    asked = [name, "--requests", str(requests), *(word for rule in rules for word in ("--rule", rule))]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        export(asked, "promela", folder / "x.pml")
        for encoding in ENCODINGS:
            export([*asked, "--encoding", encoding], "aiger", folder / f"{encoding}.aig")
        own = middle(
            [timed([wdfmc("check", *asked, "--format", "json")], ROOT, patience, by_wdfmc) for _ in range(times)]
        )
        compiled = [
            "gcc",
            "-O2",
            "-w",
            "-DSAFETY",
            "-DCOLLAPSE",
            "-DNOREDUCE",
            f"-DMEMLIM={MEMORY}",
            "-o",
            "pan",
            "pan.c",
        ]
        searched = [["spin", "-a", "x.pml"], compiled, ["./pan", f"-m{DEPTH}"]]
        spin = middle([timed(searched, folder, patience, by_spin) for _ in range(times)])
        abc = [
            middle([
                timed([["berkeley-abc", "-c", f"read_aiger {encoding}.aig; pdr -a"]], folder, patience, by_abc)
                for _ in range(times)
            ])
            for encoding in ENCODINGS
        ]  # fmt: skip
    best = min(abc, key=lambda one: (one.word != "proved", one.seconds))
    return (
        name, str(requests), str(len(rules)), own.shown, spin.shown, abc[0].shown, abc[1].shown,
        ratio(spin, own), ratio(best, own),
    )  # fmt: skip


def export(asked: Sequence[str], language: str, output: Path) -> None:
    subprocess.run(wdfmc("export", *asked, "--to", language, "--output", str(output)), cwd=ROOT, check=True)


def middle(runs: Sequence[Timed]) -> Timed:
    """The median time; the word of a run that did not prove counts."""
    words = {one.word for one in runs} - {"proved"}
    return Timed(median(one.seconds for one in runs), min(words, default="proved"))


def ratio(other: Timed, own: Timed) -> str:
    """How many times longer the other took; a bound where one of them did not finish."""
    if other.word != "proved" and own.word != "proved":
        return "-"
    bound = "> " if other.word != "proved" else "< " if own.word != "proved" else ""
    return f"{bound}{other.seconds / own.seconds:.2f}"


def report(arguments: argparse.Namespace) -> Iterator[str]:
    yield "# wdfmc, SPIN and ABC on the same instances"
    yield ""
    limits = f"at most {arguments.patience:.0f} s each, SPIN at most {MEMORY} MiB"
    yield "Written by `python benchmarks/cross_check.py`. Wall time of whole processes in seconds, the median of"
    yield f"{arguments.repeat}; {limits}. Ratios above 1: wdfmc is faster."
    yield "Right models, with those of their safety rules that are decided together."
    yield ""
    yield from machine()
    yield ""
    heads = (
        "model", "requests", "rules", "wdfmc", "SPIN", "ABC binary", "ABC one-hot",
        "SPIN / wdfmc", "ABC's best / wdfmc",
    )  # fmt: skip
    yield from table(
        heads,
        (
            compared(path, requests, arguments.patience, arguments.repeat)
            for path in right_models(arguments.models)
            for requests in arguments.requests
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", default="", metavar="REGEX", help="only models whose path matches")
    parser.add_argument("--requests", type=int, nargs="+", default=[2, 3, 4], help="request slots (default 2 3 4)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the median counts (default 1)")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for one run (default 120)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "cross_check.md")
    arguments = parser.parse_args()
    missing = [tool for tool in ("spin", "gcc", "berkeley-abc") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    lines = []
    for line in report(arguments):
        print(line, flush=True)
        lines.append(line)
    arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
