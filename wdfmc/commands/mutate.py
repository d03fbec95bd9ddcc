"""`wdfmc mutate`: what every line of a driver is there for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, OPEN, complain, deliver
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.reading import read
from wdfmc.progress_display import Tally, watched
from wdfmc.usage import STDIN, read_stdin, unwritable

EXITS: Final = """\b
Exit codes:
  0    every changed driver was told from the given one, or not
  2    the command line or the text is wrong
  3    for some it is not decided
  70   internal error
  130  interrupted"""


@click.command("mutate", epilog=EXITS)
@click.argument("model")
@option.specs()
@option.rules("Ask about this rule only; may be repeated.")
@option.requests
@option.target
@option.timeout()
@option.jobs
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@option.output("Write the table here; not touched if there is an error.")
def command(
    model: str,
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int,
    form: str,
    file: Path | None,
) -> int:
    """Leave out or weaken every line of MODEL in every way, and say which rules are violated then.

    The score is the share of the changed drivers that some rule notices. `wdfmc why MODEL:LINE` shows the trace.
    """
    if wrong := unwritable(file, [model, *specs]):
        raise Rejected(wrong)
    if model != STDIN and Path(model).is_dir():
        raise Rejected([Diagnostic("WDF002", f"`{model}` is a directory, one model is changed at a time")])
    source = read_stdin() if model == STDIN else read(Path(model))
    from wdfmc.checking import Options
    from wdfmc.mutants.judged import with_room_for
    from wdfmc.mutants.table import mutation_table
    from wdfmc.reports.changed import table_json, table_lines

    options = Options(
        specs=specs, rules=rules, requests=requests, target=target,
        jobs=jobs, widening=0,
    )  # fmt: skip
    tally = Tally("changes", "noticed")
    deadline = None if timeout is None else tally.begun + timeout
    with watched(lambda: [tally.line()], sys.stderr):
        found = with_room_for(
            source,
            lambda: mutation_table(source, options, deadline, tally.start, lambda each: tally.count(each.noticed)),
        )
    code = OPEN if found.left_open else DONE
    if found.before.model.warnings:
        complain(found.before.model.warnings)
    deliver(file, lambda look: table_lines(found, look), table_json(found, code) if form == "json" else None)
    return code
