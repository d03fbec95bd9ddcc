"""`wdfmc report`: what a check finds, as one page of HTML for a design review."""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import click

from wdfmc.commands import option
from wdfmc.commands.check import EXITS, Decided, progress
from wdfmc.console import complain, save, show_text
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.progress import Meter, listening
from wdfmc.progress_display import watched
from wdfmc.source import Source
from wdfmc.usage import STDIN, model_files, unwritable


@click.command("report", epilog=EXITS, short_help="Check models and write one HTML page for a design review.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="Write the page here (- for stdout).")
@option.specs()
@option.rules()
@option.requests
@option.target
@option.timeout()
@option.jobs
def command(
    models: tuple[str, ...],
    output: str,
    specs: tuple[str, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int | None,
) -> int:
    """Check each MODEL as `wdfmc check` does and write what was found as one page of HTML: the verdicts and what they
    assume, each violation to step through, why each rule holds, and what of the driver can run.

    The page needs no network and opens from a file share.
    """
    wrong = unusable(timeout, output, [*models, *specs])
    if wrong:
        raise Rejected(wrong)
    paths = model_files(models)
    from wdfmc.checking import Options
    from wdfmc.reports.html import render
    from wdfmc.review import review

    done = Decided({path.name if isinstance(path, Source) else str(path): [] for path in paths})
    meter = Meter()
    begun = time.monotonic()
    options = Options(
        specs=tuple(Path(spec) for spec in specs),
        rules=tuple(dict.fromkeys(rules)),
        requests=requests,
        target=target,
        timeout=timeout,
        jobs=jobs or os.cpu_count() or 1,
    )
    with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
        found = review(paths, options, done.add)
    complain(found.report.diagnostics)
    page = render(found)
    if output == STDIN:
        show_text(page)
    else:
        save(Path(output), page)
    return found.report.exit


def unusable(timeout: float | None, output: str, inputs: list[str]) -> list[Diagnostic]:
    found = []
    if timeout is not None and not math.isfinite(timeout):
        found.append(Diagnostic("WDF901", f"`--timeout`: {timeout} is not a number of seconds"))
    return found + ([] if output == STDIN else unwritable(Path(output), inputs))
