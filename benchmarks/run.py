"""Speed and memory: `python benchmarks/run.py` prints tables and writes them to benchmarks/results.md.

Whole processes, cold: `wdfmc --help`, a text with a syntax error, and every shipped model that expects a violation,
with all its rules at two requests. Then bounded model checking by itself: making the problem and solving it, apart.

Nothing here passes or fails: machines differ. What is to be met stands in the head of each table.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("wdfmc", "z3-solver", "numpy", "lark", "click")
MISSPELT: Final = "driver Small {\n    queue Reads : parallel, front { EvtIoRead = OnRead }\n}\n"
BOUNDED: Final = (
    "cancellation/pending_read",
    "cancellation/forward_canceller",
    "cancellation/power_cycle",
    "drivers/echo_autosync",
    "drivers/kmdf_fx2",
)  # right ones: no violation ends the search early
DEPTHS: Final = (15, 20)


@dataclass(frozen=True, slots=True)
class Run:
    """One process, to its end. `seconds`: wall time. The system may not tell the rest:

    cpu: seconds of all processes that took part; mebibytes: of the largest one.
    """

    output: str
    exit: int
    seconds: float
    cpu: float | None
    mebibytes: float | None


def run(command: Sequence[str]) -> Run:
    """Run a command from the root of the project. What it prints goes to a file, so that nobody waits for a pipe."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=printed, stderr=subprocess.DEVNULL)
        code, cpu, used = waited(process)
        seconds = time.perf_counter() - begun
        printed.seek(0)
        return Run(printed.read(), code, seconds, cpu, used)


def waited(process: subprocess.Popen[bytes]) -> tuple[int, float | None, float | None]:
    """The exit code; seconds of processor time and peak in MiB of the process and of those that it has waited for."""
    if sys.platform == "win32":
        return process.wait(), None, None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # Popen has not seen the end itself
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def repeated(command: Sequence[str], times: int) -> list[Run]:
    return [run(command) for _ in range(times)]


def wdfmc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "wdfmc", *arguments]


# ---------------------------------------------------------------- whole processes


def start_up(times: int) -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder, "wrong.wdf")
        wrong.write_text(MISSPELT, encoding="utf-8")
        for name, command, limit in (
            ("`wdfmc --help`", wdfmc("--help"), "0.4"),
            ("`wdfmc check` on a syntax error", wdfmc("check", str(wrong)), "0.8"),
        ):
            runs = repeated(command, times)
            yield name, seconds(median(one.seconds for one in runs)), limit, cpu(runs), memory(runs), str(runs[0].exit)


def wrong_models(pattern: str) -> list[Path]:
    """Every shipped model that says that some rule is violated."""
    found = sorted((ROOT / "models").rglob("*.wdf"))
    return [
        path for path in found
        if re.search(r"^\s*expect violated ", path.read_text(encoding="utf-8"), re.MULTILINE)
        and re.search(pattern, path.relative_to(ROOT).as_posix())
    ]  # fmt: skip


def checked(path: Path, requests: int, times: int) -> tuple[str, ...]:
    name = path.relative_to(ROOT).as_posix()
    runs = repeated(wdfmc("check", name, "--requests", str(requests), "--jobs", "2", "--format", "json"), times)
    middle = seconds(median(one.seconds for one in runs))
    slowest = seconds(max(one.seconds for one in runs))
    return (name, middle, slowest, cpu(runs), memory(runs), str(runs[0].exit), *verdicts(runs[0].output))


def verdicts(printed: str) -> tuple[str, str]:
    """How many rules are violated, proved and open; and the depth of the shortest and of the longest trace."""
    try:
        report: dict[str, Any] = json.loads(printed)
    except ValueError:
        return "no report", ""
    results = [result for model in report["models"] for result in model["results"]]
    words = [result["verdict"] for result in results]
    shown = ", ".join(f"{words.count(word)} {word}" for word in ("violated", "proved", "unknown") if word in words)
    depths = [result["depth"] for result in results if result["verdict"] == "violated"]
    return shown, f"{min(depths)} to {max(depths)}" if depths else ""


def seconds(number: float) -> str:
    return f"{number:.2f}"


def cpu(runs: Iterable[Run]) -> str:
    spent = [one.cpu for one in runs if one.cpu is not None]
    return seconds(median(spent)) if spent else "n/a"


def memory(runs: Iterable[Run]) -> str:
    peaks = [one.mebibytes for one in runs if one.mebibytes is not None]
    return f"{max(peaks):.0f}" if peaks else "n/a"


# ---------------------------------------------------------------- bounded model checking by itself


def bounded(name: str, depth: int, requests: int, patience: float) -> tuple[str, ...]:
    """All rules that need no memory of the past, in one search without a violation."""
    from wdfmc.check import Options, loaded, with_target
    from wdfmc.decide import groups, lowered
    from wdfmc.engines.bmc import Bmc
    from wdfmc.engines.engine import Unknown
    from wdfmc.system.instantiate import instantiate
    from wdfmc.system.slice import sliced

    options = Options(requests=requests)
    (model, *_), _ = loaded([ROOT / "models" / f"{name}.wdf"], options)
    goals = [goal for goal in model.goals if goal.target == model.goals[0].target]
    program = with_target(model.program, goals[0].target, False)
    instance = lowered(program, goals, options, {}, None)
    rules, *_ = groups(program, [goal.rule for goal in goals])
    part = sliced(instance.system, frozenset(rules), instance.contracts)
    system = instantiate(part.system, requests)
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


# ---------------------------------------------------------------- the report


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, each as soon as its row is measured."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(['---'] * len(heads))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def machine() -> Iterator[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    yield f"{today}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}."


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def report(arguments: argparse.Namespace) -> Iterator[str]:
    yield "# What wdfmc takes"
    yield ""
    yield "Written by `python benchmarks/run.py`. Seconds are wall time. CPU: processor time of all processes, which"
    yield "others on the machine stretch less. MiB: peak of the largest process."
    yield ""
    yield from machine()
    yield ""
    yield f"## Starting (median of {arguments.repeat})"
    yield ""
    yield from table(("command", "seconds", "limit", "CPU", "MiB", "exit"), start_up(arguments.repeat))
    yield ""
    yield f"## Wrong models, {arguments.requests} requests, all default rules, two jobs"
    yield ""
    yield "To be met: a median of no more than 3 s for each, none above 15 s, below 1024 MiB."
    yield ""
    columns = ("model", f"median of {arguments.repeat}", "slowest", "CPU", "MiB", "exit", "rules", "depth")
    models = wrong_models(arguments.models)
    yield from table(columns, (checked(path, arguments.requests, arguments.repeat) for path in models))
    yield ""
    yield f"## Bounded model checking by itself, {arguments.requests} requests, one process"
    yield ""
    yield "Right models, so that the whole depth is searched. To be met: building does not dominate."
    yield ""
    heads = ("model", "variables / transitions", "depth", "reached", "build", "solve", "whole")
    names = [name for name in BOUNDED if re.search(arguments.models, f"models/{name}.wdf")]
    yield from table(
        heads,
        (bounded(name, depth, arguments.requests, arguments.patience) for name in names for depth in arguments.depth),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each process; the median counts (default 3)")
    parser.add_argument("--requests", type=int, default=2, help="request slots (default 2)")
    parser.add_argument("--models", default="", metavar="REGEX", help="only models whose path matches")
    parser.add_argument("--depth", type=int, nargs="*", default=DEPTHS, help="of bounded search (default 15 20)")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for one bounded search (default 120)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results.md")
    arguments = parser.parse_args()
    lines = []
    for line in report(arguments):
        print(line, flush=True)
        lines.append(line)
    arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
