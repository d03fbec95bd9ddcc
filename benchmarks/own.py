"""What wdfmc takes by itself: sections of benchmarks/results.md."""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from tables import machine, table
from timing import ROOT, Job, Limits, Run, cpu, memory, middle, repeated, seconds, slowest, timed, used, wdfmc

MISSPELT: Final = "driver Small {\n    queue Reads : parallel, front { EvtIoRead = OnRead }\n}\n"
BOUNDED: Final = (
    "cancellation/pending_read",
    "cancellation/forward_canceller",
    "cancellation/power_cycle",
    "drivers/echo_autosync",
    "drivers/kmdf_fx2",
)  # right ones: no violation ends the search early
DEPTHS: Final = (15, 20)


def models(pattern: str, *, wrong: bool) -> list[Path]:
    """The shipped models that say that some rule is violated, or those that do not."""
    found = sorted((ROOT / "models").rglob("*.wdf"))
    return [
        path for path in found
        if bool(re.search(r"^\s*expect violated ", path.read_text(encoding="utf-8"), re.MULTILINE)) is wrong
        and re.search(pattern, path.relative_to(ROOT).as_posix())
    ]  # fmt: skip


def called(path: Path) -> str:
    return path.relative_to(ROOT / "models").with_suffix("").as_posix()


def checked(path: Path, arguments: argparse.Namespace) -> list[Run]:
    """All rules that are on by default, each with its verdict, as JSON."""
    name = path.relative_to(ROOT).as_posix()
    command = wdfmc("check", name, "--requests", "2", "--jobs", "2", "--format", "json")
    return repeated(command, arguments.seeds, Limits(arguments.seconds, arguments.memory))


def overall(middles: Sequence[float], worst: Sequence[float], cpus: Sequence[float], empty: int) -> tuple[str, ...]:
    """The last row: the medians of the medians, and the worst."""
    figures = (seconds(median(middles)), seconds(max(worst)), seconds(median(cpus)))
    return f"**all {len(middles)}**", *(f"**{figure}**" for figure in figures), *([""] * empty)


def results(run: Run) -> list[dict[str, Any]]:
    """Nothing if there is no report."""
    try:
        report: dict[str, Any] = json.loads(run.printed)
    except ValueError:
        return []
    return [{"path": model["path"], **result} for model in report["models"] for result in model["results"]]


def ended(run: Run) -> str:
    return "out of time" if run.late else str(run.exit)


# ---------------------------------------------------------------- starting


def starting(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{machine()} Whole processes; the median of {arguments.seeds}."
    yield ""
    heads = ("command", "seconds", "to be met", "CPU", "MiB", "exit")
    yield from table(heads, commands(arguments))


def commands(arguments: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder, "wrong.wdf")
        wrong.write_text(MISSPELT, encoding="utf-8")
        for name, command, limit in (
            ("`wdfmc --help`", wdfmc("--help"), "0.4"),
            ("`wdfmc check` on a syntax error", wdfmc("check", str(wrong)), "0.8"),
        ):
            runs = repeated(command, arguments.seeds, Limits(arguments.seconds))
            yield name, seconds(middle(runs)), limit, cpu(runs), memory(runs), str(runs[0].exit)


# ---------------------------------------------------------------- all models


def everything(arguments: argparse.Namespace) -> Iterator[str]:
    run = timed(Job([wdfmc("check", "models", "--jobs", "2", "--format", "json")]), Limits(3600, arguments.memory))
    yield from told_of_everything(run)


def told_of_everything(run: Run) -> Iterator[str]:
    found = results(run)
    models = {result["path"] for result in found}
    unmet = sum(result["expectation"] == "unmet" for result in found)
    meant = sum(result["verdict"] == "violated" and result["expectation"] == "met" for result in found)
    anyone = sum(result["verdict"] == "proved" and result["requests"] == "any" for result in found)
    words = Counter(result["verdict"] for result in found)
    yield f"{machine()} `wdfmc check models --jobs 2`: every rule on every model, each proved for any number of"
    yield "requests where that is possible. To be met: below 20 minutes and 1536 MiB, exit 0."
    yield ""
    yield from table(["models", *words], [[str(len(models)), *map(str, words.values())]])
    yield ""
    yield f"{anyone} of the proofs are for any number of requests. {meant} of the violations are expected, and {unmet}"
    yield f"expectations are not met. Exit {ended(run)} after {seconds(run.seconds)} s, {cpu([run])} s of a processor,"
    yield f"at most {memory([run])} MiB in one process."


# ---------------------------------------------------------------- wrong models


def wrong_models(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{machine()} `wdfmc check MODEL --requests 2 --jobs 2`: all default rules, each violation with its canonical"
    yield f"shortest trace; {arguments.seeds} runs. To be met: a median of 2 s, none above 15 s, below 1024 MiB."
    yield ""
    middles: list[float] = []
    worst: list[float] = []
    cpus: list[float] = []

    def rows() -> Iterator[tuple[str, ...]]:
        for path in models(arguments.models, wrong=True):
            runs = checked(path, arguments)
            middles.append(middle(runs))
            worst.append(slowest(runs))
            cpus.append(median(map(used, runs)))
            found = [result for result in results(runs[0]) if result["verdict"] == "violated"]
            depths = sorted(result["depth"] for result in found)
            shown = f"{depths[0]} to {depths[-1]}" if found else ""
            yield (called(path), seconds(middles[-1]), seconds(worst[-1]), cpu(runs), memory(runs), ended(runs[0]),
                   str(len(found)), shown)  # fmt: skip
        if middles:
            yield overall(middles, worst, cpus, 4)

    heads = ("model", "median", "worst", "CPU", "MiB", "exit", "rules violated", "depths")
    yield from table(heads, rows())


# ---------------------------------------------------------------- right models


def right_models(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{machine()} `wdfmc check MODEL --requests 2 --jobs 2`: all default rules; {arguments.seeds} runs."
    yield "To be met: any-number verdicts in 3 s median, 60 s worst. Rules that are skipped or vacuous are not counted."
    yield ""
    middles: list[float] = []
    worst: list[float] = []
    cpus: list[float] = []

    def rows() -> Iterator[tuple[str, ...]]:
        for path in models(arguments.models, wrong=False):
            runs = checked(path, arguments)
            middles.append(middle(runs))
            worst.append(slowest(runs))
            cpus.append(median(map(used, runs)))
            found = [proven(results(run)) for run in runs]
            fewest = min(found, key=lambda counts: (counts["any"], counts["few"]))
            left = ", ".join(sorted({rule for run in runs for rule in fewer(results(run))})) or "-"
            yield (called(path), seconds(middles[-1]), seconds(worst[-1]), cpu(runs), memory(runs), ended(runs[0]),
                   str(fewest["any"]), left)  # fmt: skip
        if middles:
            yield overall(middles, worst, cpus, 4)

    heads = ("model", "median", "worst", "CPU", "MiB", "exit", "proved for any number", "for 2 requests or undecided")
    yield from table(heads, rows())


def proven(found: Sequence[dict[str, Any]]) -> Counter[str]:
    return Counter("any" if one["requests"] == "any" else "few" for one in found if one["verdict"] == "proved")


def fewer(found: Sequence[dict[str, Any]]) -> list[str]:
    """The rules that are not known to hold for any number of requests."""
    return [
        one["rule"] for one in found
        if one["verdict"] not in ("skipped", "vacuous") and (one["verdict"], one["requests"]) != ("proved", "any")
    ]  # fmt: skip


# ---------------------------------------------------------------- bounded model checking by itself


def bounded(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{machine()} Bounded model checking by itself, 2 requests, one process, the rules that need no ghost. Right"
    yield "models, so that the whole depth is searched. To be met: building does not dominate."
    yield ""
    heads = ("model", "variables / transitions", "depth", "reached", "build", "solve", "whole")
    names = [name for name in BOUNDED if re.search(arguments.models, f"models/{name}.wdf")]
    yield from table(heads, (searched(name, depth, arguments.seconds) for name in names for depth in DEPTHS))


def searched(name: str, depth: int, patience: float) -> tuple[str, ...]:
    """All rules that need no memory of the past, in one search without a violation."""
    from wdfmc.checking import Options, loaded, with_target
    from wdfmc.decide import groups, lowered
    from wdfmc.engines.bmc import Bmc
    from wdfmc.engines.engine import Unknown
    from wdfmc.system.instantiate import instantiate
    from wdfmc.system.slice import sliced

    options = Options(requests=2)
    (model, *_), _ = loaded([ROOT / "models" / f"{name}.wdf"], options)
    goals = [goal for goal in model.goals if goal.target == model.goals[0].target]
    program = with_target(model.program, goals[0].target, False)
    instance = lowered(program, goals, options, {}, None)
    rules, *_ = groups(program, [goal.rule for goal in goals])
    part = sliced(instance.system, frozenset(rules), instance.contracts)
    system = instantiate(part.system, options.requests)
    wanted = sorted({one.violates for one in system.transitions if one.violates is not None} & set(rules))
    engine = Bmc(depth, deadline=time.monotonic() + patience)
    begun = time.perf_counter()
    outcomes = [outcome for _, outcome in engine.check(system, wanted)]
    whole = time.perf_counter() - begun
    reached = [one.depth for one in outcomes if isinstance(one, Unknown) and one.depth is not None]
    size = f"{len(system.variables)} / {len(system.transitions)}"
    spent = engine.spent
    return (name, size, str(depth), str(min(reached, default="violated")), seconds(spent.build), seconds(spent.solve),
            seconds(whole))  # fmt: skip
