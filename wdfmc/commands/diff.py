"""`wdfmc diff`: what is different between two versions of a design."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.commands.check import Decided, progress
from wdfmc.console import complain, deliver
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.progress import Meter, listening
from wdfmc.progress_display import watched
from wdfmc.usage import STDIN, is_several, model_files, unwritable

EXITS: Final = """\b
Exit codes:
  0    no difference in verdicts, life cycle, and what can run
  1    a verdict is worse: a rule is violated that was not
  2    the command line or a text is wrong
  3    no verdict is worse, but something is not decided in one of the two
  4    there are differences, and no verdict is worse
  70   internal error
  130  interrupted"""


@click.command("diff", epilog=EXITS)
@click.argument("old")
@click.argument("new")
@option.specs("Compare the rules of this file.")
@option.rules("Compare this rule only; may be repeated.")
@option.requests
@option.target
@option.timeout()
@option.jobs
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@option.output()
def command(
    old: str,
    new: str,
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int,
    form: str,
    file: Path | None,
) -> int:
    """Check two versions of a design (files; one may be - for stdin) and show what is different.

    Verdicts per rule, with the trace for each that is worse; the steps of the life cycle of requests that appeared or
    vanished; statements that can no longer run. What has only moved in the text is no difference.
    """
    wrong = unwritable(file, [old, new, *specs])
    wrong += [Diagnostic("WDF901", f"`{name}`: two files are compared") for name in (old, new) if is_several(name)]
    if old == new == STDIN:
        wrong.append(Diagnostic("WDF905", "both versions would be read from stdin", help="name a file for one of them"))
    if wrong:
        raise Rejected(wrong)
    (before,), (after,) = model_files([old]), model_files([new])
    from wdfmc.checking import Options
    from wdfmc.difference import difference
    from wdfmc.reports.differing import lines, render_json

    options = Options(
        specs=specs,
        rules=rules,
        requests=requests,
        target=target,
        timeout=timeout,
        jobs=jobs,
    )
    done, meter, begun = Decided(), Meter(), time.monotonic()
    with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
        found, report = difference(before, after, options, done.add)
    complain(report.diagnostics)
    deliver(file, lambda look: lines(found, look), render_json(found) if form == "json" else None)
    return found.exit
