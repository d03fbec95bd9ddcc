"""`wdfmc explain-trace`: why a rule is violated, and which repairs help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, complain, deliver
from wdfmc.language.reading import read
from wdfmc.progress_display import Tally, watched
from wdfmc.usage import STDIN, read_stdin

REPORT: Final = ".json"
EXITS: Final = """\b
Exit codes:
  0    the violation is explained, with repairs or without
  2    the command line or the text is wrong, or the rule is not violated
  70   internal error
  130  interrupted"""


@click.command("explain-trace", epilog=EXITS)
@click.argument("model", metavar="MODEL|REPORT.json")
@click.option("--rule", metavar="NAME", help="That is violated.  [default: the one with the shortest trace]")
@option.specs()
@option.requests
@option.target
@option.timeout()
@option.jobs
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    model: str,
    rule: str | None,
    specs: tuple[Path, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int,
    form: str,
) -> int:
    """Show the closest run that goes well beside the one that breaks a rule, and the repairs that make the rule hold.

    MODEL is a file or -; or a report that `wdfmc check --format json` wrote. Repairs are known idioms: hold a lock over
    these lines, test this result, take the reference before releasing. Each was checked with all rules.
    """
    tally = Tally("repairs", "that help")
    from wdfmc.checking import Options
    from wdfmc.mutants.judged import with_room_for
    from wdfmc.repairs.explanation import changed_since, explanation, reported
    from wdfmc.reports.parted import explanation_json, explanation_lines

    report = None
    if model.lower().endswith(REPORT):
        report = reported(Path(model), read(Path(model)).text, rule)
        model = report.model
    asked = rule if report is None else report.rule
    source = read_stdin() if model == STDIN else read(Path(model))
    options = Options(specs=specs, requests=requests, target=target, jobs=jobs, widening=0)
    deadline = None if timeout is None else tally.begun + timeout
    with watched(lambda: [tally.line()], sys.stderr):
        found = with_room_for(
            source,
            lambda: explanation(source, asked, options, deadline, tally.start, lambda each: tally.count(each.helps)),
        )
    notes = [*found.before.model.warnings, *(changed_since(found, report) if report is not None else ())]
    if notes:
        complain(notes)
    packed = explanation_json(found, DONE) if form == "json" else None
    deliver(None, lambda look: explanation_lines(found, look), packed)
    return DONE
