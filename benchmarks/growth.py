"""How time and memory grow with the number of requests: a section of benchmarks/results.md, and docs/growth.svg."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from compare import by_wdfmc, judged, together
from tables import machine, table
from timing import ROOT, Limits, Run, cpu, interleaved, memory, middle, seconds, seeded, wdfmc

PLOT: Final = ROOT / "docs" / "growth.svg"
GROWING: Final = (
    "cancellation/pending_read",
    "cancellation/forward_canceller",
    "drivers/echo_autosync",
    "seeds/complete_from_cancel",
)
NUMBERS: Final = range(1, 9)


def growth(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{machine()} `wdfmc check --requests N --jobs 2`, the safety rules that are decided together; the median of"
    yield f"{arguments.seeds} runs: seconds of wall time, of processor time, and MiB of the largest process. The same"
    yield "as a plot: [growth.svg](../docs/growth.svg)."
    yield ""
    measured: dict[str, dict[int, Sequence[Run]]] = {}
    limits = Limits(arguments.seconds, arguments.memory)

    def rows() -> Iterator[tuple[str, ...]]:
        for name in GROWING:
            path = ROOT / "models" / f"{name}.wdf"
            rules = [f"--rule={rule}" for rule in together(path, 1)]
            command = wdfmc("check", path.relative_to(ROOT).as_posix(), *rules, "--jobs", "2", "--format", "json")
            jobs = {str(n): seeded([*command, "--requests", str(n)], arguments.seeds) for n in NUMBERS}
            measured[name] = {int(n): runs for n, runs in interleaved(jobs, limits).items()}
            words = {n: judged(str(n), runs, by_wdfmc).word for n, runs in measured[name].items()}
            yield name, *(cell(measured[name][n], words[n]) for n in NUMBERS)

    yield from table(("model", *(f"N = {n}" for n in NUMBERS)), rows())
    drawn(measured, PLOT)


def cell(runs: Sequence[Run], word: str) -> str:
    figures = f"{seconds(middle(runs))}, {cpu(runs)}, {memory(runs)}"
    return figures if word == "proved" else f"{figures} ({word})"


def drawn(measured: Mapping[str, Mapping[int, Sequence[Run]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "wdfmc"  # the same figures give the same file
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(7, 6), layout="constrained")
    for name, by_number in measured.items():
        numbers = list(by_number)
        above.plot(numbers, [middle(by_number[n]) for n in numbers], marker="o", label=name)
        below.plot(numbers, [max(run.mebibytes or 0 for run in by_number[n]) for n in numbers], marker="o")
    above.set_ylabel("seconds, whole process")
    below.set_ylabel("MiB, largest process")
    below.set_xlabel("requests")
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    above.legend()
    figure.savefig(path, metadata={"Date": None})
