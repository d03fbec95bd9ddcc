"""`wdfmc mutate`: what every line of a driver is there for."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, complain, save, show, show_text
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.reading import read
from wdfmc.progress_display import watched
from wdfmc.usage import STDIN, read_stdin, unwritable

OPEN: Final = 3
EXITS: Final = """\b
Exit codes:
  0    every changed driver was told from the given one, or not
  2    the command line or the text is wrong
  3    for some it is not decided
  70   internal error
  130  interrupted"""


@click.command("mutate", epilog=EXITS, short_help="Say which rules notice when a line is left out, for all lines.")
@click.argument("model")
@option.specs()
@option.rules("Ask about this rule only; may be repeated.")
@option.requests
@option.target
@option.timeout()
@option.jobs
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the table here; not touched if there is an error.")
def command(
    model: str,
    specs: tuple[str, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int | None,
    form: str,
    output: str | None,
) -> int:
    """Leave out or weaken every line of MODEL in every way, and say which rules are violated then.

    The score is the share of the changed drivers that some rule notices. `wdfmc why MODEL:LINE` shows the trace.
    """
    file = None if output == STDIN else output
    if file is not None and (wrong := unwritable(Path(file), [model, *specs])):
        raise Rejected(wrong)
    if model != STDIN and Path(model).is_dir():
        raise Rejected([Diagnostic("WDF002", f"`{model}` is a directory, one model is changed at a time")])
    source = read_stdin() if model == STDIN else read(Path(model))
    from wdfmc.checking import Options
    from wdfmc.mutants.judged import with_room_for
    from wdfmc.mutants.table import mutation_table
    from wdfmc.reports.changed import table_json, table_lines
    from wdfmc.reports.page import PIPE, plain

    options = Options(
        specs=tuple(map(Path, specs)), rules=tuple(dict.fromkeys(rules)), requests=requests, target=target,
        jobs=jobs or os.cpu_count() or 1, widening=0,
    )  # fmt: skip
    counter = Counter(time.monotonic())
    deadline = None if timeout is None else counter.begun + timeout
    with watched(lambda: [counter.line()], sys.stderr):
        found = with_room_for(
            source,
            lambda: mutation_table(source, options, deadline, counter.start, lambda each: counter.count(each.noticed)),
        )
    code = OPEN if found.left_open else DONE
    if found.before.model.warnings:
        complain(found.before.model.warnings)
    if file is not None:
        save(Path(file), table_json(found, code) if form == "json" else plain(table_lines(found, PIPE)))
    elif form == "json":
        show_text(table_json(found, code))
    else:
        show(lambda look: table_lines(found, look))
    return code


@dataclass
class Counter:
    """How far the work is. `begun`: as of time.monotonic()."""

    begun: float
    many: int = 0
    done: int = 0
    noticed: int = 0

    def start(self, many: int) -> None:
        self.many = many

    def count(self, noticed: bool) -> None:
        self.done += 1
        self.noticed += noticed

    def line(self) -> str:
        return f"{time.monotonic() - self.begun:.0f} s, {self.done} of {self.many} changes, {self.noticed} noticed"
