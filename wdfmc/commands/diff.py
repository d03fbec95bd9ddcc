"""`wdfmc diff`: what is different between two versions of a design."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.commands.check import Decided, progress
from wdfmc.console import complain, save, show, show_text
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


@click.command("diff", epilog=EXITS, short_help="Compare two versions of a design.")
@click.argument("old")
@click.argument("new")
@option.specs("Compare the rules of this file.")
@option.rules("Compare this rule only; may be repeated.")
@option.requests
@option.target
@option.timeout()
@option.jobs
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write here; not touched if there is an error.")
def command(
    old: str,
    new: str,
    specs: tuple[str, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int | None,
    form: str,
    output: str | None,
) -> int:
    """Check two versions of a design (files; one may be - for stdin) and show what is different.

    Verdicts per rule, with the trace for each that is worse; the steps of the life cycle of requests that appeared or
    vanished; statements that can no longer run. What has only moved in the text is no difference.
    """
    file = None if output in (None, STDIN) else Path(str(output))
    wrong = [] if file is None else unwritable(file, [old, new, *specs])
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
        specs=tuple(Path(spec) for spec in specs),
        rules=tuple(dict.fromkeys(rules)),
        requests=requests,
        target=target,
        timeout=timeout,
        jobs=jobs or os.cpu_count() or 1,
    )
    done, meter, begun = Decided(), Meter(), time.monotonic()
    with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
        found, report = difference(before, after, options, done.add)
    complain(report.diagnostics)
    if file is not None:
        from wdfmc.reports.page import PIPE, plain

        save(file, render_json(found) if form == "json" else plain(lines(found, PIPE)))
    elif form == "json":
        show_text(render_json(found))
    else:
        show(lambda look: lines(found, look))
    return found.exit
