"""`wdfmc watch`: models are checked again when they are saved."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, show
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.usage import STDIN, model_files

if TYPE_CHECKING:
    from wdfmc.rechecks import Rechecks

TEXTS: Final = (".wdf", ".wdfspec")
CALM: Final = 100  # milliseconds without a change after which what was saved is looked at
OFTEN: Final = 200  # milliseconds after which Ctrl-C is noticed
PATIENCE: Final = 1000  # milliseconds after which it is looked at even if changes go on
EXITS: Final = """\b
Exit codes:
  0    left by Ctrl-C, the only way to leave
  2    the command line is wrong; a wrong model is shown, and watched on
  70   internal error"""


@click.command("watch", epilog=EXITS)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@option.specs()
@option.rules()
@option.requests
@option.target
@option.timeout("For each check of a model.")
def command(
    models: tuple[str, ...],
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    timeout: float | None,
) -> int:
    """Check each MODEL (a file, a directory, a glob), and again whenever it or what it imports is saved.

    What is shown is what changed: verdicts, diagnostics, and the shortest new trace. Rules are proved for --requests
    only; `wdfmc check` proves them for any number. Ctrl-C leaves.
    """
    if STDIN in models:
        raise Rejected([Diagnostic("WDF905", "what comes from stdin is not saved again", help="name a file")])
    model_files(models)  # a model that is not there at the start is a mistake, later it may come back
    from wdfmc.checking import Options
    from wdfmc.rechecks import Rechecks

    options = Options(specs, rules, requests, target, timeout=timeout, widening=0)
    try:
        attend(models, Rechecks(options))
    except KeyboardInterrupt:
        show(lambda look: [()])
    return DONE


def attend(models: Sequence[str], rechecks: Rechecks) -> None:
    """Never returns: Ctrl-C raises KeyboardInterrupt."""
    from watchfiles import watch

    from wdfmc.reports.phrases import plural

    report(models, rechecks)
    while True:
        watched, begun = folders(models, rechecks), False
        for saved in watch(
            *watched, watch_filter=is_text, debounce=PATIENCE, step=CALM, recursive=False, raise_interrupt=True,
            rust_timeout=OFTEN, yield_on_timeout=True,
        ):  # fmt: skip
            if saved or not begun:  # what was saved before the watching began is noticed at its beginning
                report(models, rechecks)
            if not begun:
                told = f"watching {plural(len(rechecks.known), 'model')}; Ctrl-C leaves"
                show(lambda look, told=told: [((told, "dim"),)])  # type: ignore[misc]
                begun = True
            if saved and folders(models, rechecks) != watched:
                break


def is_text(change: object, path: str) -> bool:
    return path.endswith(TEXTS)


def report(models: Sequence[str], rechecks: Rechecks) -> None:
    """Checks what has changed, and shows what is new."""
    from wdfmc.reports.news import news_lines
    from wdfmc.reports.snippet import diagnostic_lines

    try:
        paths = [path for path in model_files(models) if isinstance(path, Path)]
    except Rejected as error:
        diagnostics = error.diagnostics
        show(lambda look: diagnostic_lines(diagnostics, look))
        return
    for news in rechecks.look(paths):
        at = time.strftime("%H:%M:%S")
        show(lambda look, news=news, at=at: news_lines(news, at, look))  # type: ignore[misc]


def folders(models: Sequence[str], rechecks: Rechecks) -> list[str]:
    """Where something may be saved that concerns a model. Editors replace a file, so it is not watched by itself."""
    found = {path.parent for files in rechecks.files.values() for path in files}
    for argument in models:
        path = Path(argument)
        if path.is_dir():
            found |= {Path(below) for below, _, _ in os.walk(path)}
    return sorted({str(folder.resolve()) for folder in found if folder.is_dir()})
