"""Speed and memory: `python benchmarks/run.py [SECTION...]` measures, and writes benchmarks/results.md.

Sections that are not measured, and those that people have written, stay as they are. Whole processes, the package
compiled to bytecode as installers do it. Nothing here passes or fails: machines differ. What is to be met stands in the
head of each section.
"""

from __future__ import annotations

import argparse
import compileall
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from compare import comparison
from growth import growth
from large import large
from own import bounded, everything, right_models, starting, wrong_models
from tables import entered
from timing import ROOT

Measure: TypeAlias = Callable[[argparse.Namespace], Iterator[str]]

SECTIONS: Final[Mapping[str, tuple[str, Measure]]] = {
    "starting": ("Starting", starting),
    "wrong": ("Wrong models", wrong_models),
    "right": ("Right models, all rules", right_models),
    "everything": ("All models in one command", everything),
    **{
        f"compare{requests}": (f"wdfmc, SPIN and ABC, N = {requests}", partial(comparison, requests))
        for requests in (2, 3, 4)
    },
    "growth": ("Growth with the number of requests", growth),
    "large": ("A driver of 300 statements", large),
    "bounded": ("Bounded model checking by itself", bounded),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each process (default 5)")
    parser.add_argument("--models", default="", metavar="REGEX", help="only models whose path matches")
    parser.add_argument("--seconds", type=float, default=120.0, help="for one run (default 120)")
    parser.add_argument("--memory", type=int, default=4000, help="MiB for each process of one run (default 4000)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results.md")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    compileall.compile_dir(ROOT / "wdfmc", quiet=1)
    command = shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]])
    for name in arguments.sections or SECTIONS:
        heading, measure = SECTIONS[name]
        lines = [f"`{command}`", ""]
        for line in measure(arguments):
            print(line, flush=True)
            lines.append(line)
        entered(arguments.output, heading, lines)


if __name__ == "__main__":
    main()
