"""`wdfmc report`: what a check finds, as one page of HTML for a design review."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from wdfmc.commands import option
from wdfmc.commands.check import EXITS, Decided, progress
from wdfmc.console import complain, write
from wdfmc.diagnostics import Rejected
from wdfmc.progress import Meter, listening
from wdfmc.progress_display import watched
from wdfmc.source import Source
from wdfmc.usage import model_files, unwritable


@click.command("report", epilog=EXITS)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@option.output("Write the page here (- for stdout).", "-o", required=True)
@option.specs()
@option.rules()
@option.requests
@option.target
@option.timeout()
@option.jobs
def command(
    models: tuple[str, ...],
    file: Path | None,
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
    jobs: int,
) -> int:
    """Check each MODEL as `wdfmc check` does and write what was found as one page of HTML: the verdicts and what they
    assume, each violation to step through, why each rule holds, and what of the driver can run.

    The page needs no network and opens from a file share.
    """
    if wrong := unwritable(file, [*models, *specs]):
        raise Rejected(wrong)
    paths = model_files(models)
    from wdfmc.checking import Options
    from wdfmc.reports.html import render
    from wdfmc.review import review

    done = Decided({path.name if isinstance(path, Source) else str(path): [] for path in paths})
    meter = Meter()
    begun = time.monotonic()
    options = Options(
        specs=specs,
        rules=rules,
        requests=requests,
        target=target,
        timeout=timeout,
        jobs=jobs,
    )
    with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
        found = review(paths, options, done.add)
    complain(found.report.diagnostics)
    write(file, render(found))
    return found.report.exit
