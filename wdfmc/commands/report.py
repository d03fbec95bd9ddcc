"""`wdfmc report`: what a check finds, as one page of HTML for a design review."""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import click

from wdfmc.commands.check import EXITS, SINGLE, Decided, progress
from wdfmc.console import complain, save, show_text
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.progress import Meter, listening
from wdfmc.progress_display import watched
from wdfmc.source import Source
from wdfmc.usage import STDIN, TARGETS, model_files, unwritable


@click.command("report", epilog=EXITS, short_help="Check models and write one HTML page for a design review.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="Write the page here (- for stdout).")
@click.option("--spec", "specs", metavar="FILE", multiple=True, help="Also check the rules of this file.")
@click.option("--rule", "rules", metavar="NAME", multiple=True, help="Check this rule only; may be repeated.")
@click.option("--requests", type=click.IntRange(min=1), default=2, show_default=True, help="Requests in one run.")
@click.option("--target", type=click.Choice(TARGETS), help="What I/O targets do with what they are sent.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For the whole run.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes at the same time, for models or engines.  [default: all processors]",
)
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
    os.environ.setdefault(*SINGLE)  # read when numpy is imported, here and in processes that are started
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
