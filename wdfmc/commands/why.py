"""`wdfmc why`: what a line of a driver is there for."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, OPEN, complain, deliver
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.reading import read
from wdfmc.progress_display import watched
from wdfmc.usage import STDIN, read_stdin

PLACE: Final = re.compile(r"(?P<model>.+):(?P<line>\d+)")
EXITS: Final = """\b
Exit codes:
  0    it is said what the line is for, or that it is not needed
  2    the command line or the text is wrong, or nothing to be left out stands on the line
  3    not decided
  70   internal error
  130  interrupted"""


@click.command("why", epilog=EXITS)
@click.argument("place", metavar="MODEL:LINE")
@option.specs()
@option.rules("Ask about this rule only; may be repeated.")
@option.requests
@option.target
@option.timeout()
@click.option("--all-traces", is_flag=True, help="Show a trace for every change, not for one only.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    place: str,
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    all_traces: bool,
    form: str,
) -> int:
    """Leave out or weaken the line of MODEL in every way, and show the shortest trace that becomes possible.

    A lock goes with its release; a test is taken to be always true or false; a statement changes places with its
    neighbour. Every changed driver is checked as any other. Rules that MODEL itself violates do not count.
    """
    found = PLACE.fullmatch(place)
    if found is None:
        advice = "name the file and the line, as `wdfmc why models/cancellation/pending_read.wdf:28`"
        raise Rejected([Diagnostic("WDF901", f"`{place}` names no line", help=advice)])
    source = read_stdin() if found["model"] == STDIN else read(Path(found["model"]))
    begun = time.monotonic()
    seen: list[str] = []
    from wdfmc.checking import Options
    from wdfmc.mutants.judged import with_room_for
    from wdfmc.mutants.why import Need, why
    from wdfmc.reports.changed import why_json, why_lines

    options = Options(
        specs=specs, rules=rules, requests=requests, target=target,
        jobs=os.cpu_count() or 1, widening=0,
    )  # fmt: skip
    line = int(found["line"])
    deadline = None if timeout is None else begun + timeout
    with watched(lambda: [f"{time.monotonic() - begun:.0f} s, {len(seen)} changes checked"], sys.stderr):
        answer = with_room_for(
            source,
            lambda: why(source, line, options, deadline, lambda each: seen.append(each.mutant.mutation.words)),
        )
    code = OPEN if answer.need is Need.OPEN else DONE
    if answer.before.model.warnings:
        complain(answer.before.model.warnings)
    deliver(None, lambda look: why_lines(answer, look, all_traces), why_json(answer, code) if form == "json" else None)
    return code
