"""`wdfmc graph`: the life cycle that the requests of a driver really have."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, OPEN, complain, write
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.drawing import DRAWINGS
from wdfmc.progress import Meter, concerning, listening
from wdfmc.progress_display import watched
from wdfmc.usage import is_several, model_files, unwritable

ENDINGS: Final = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".json": "json"}
EXITS: Final = """\b
Exit codes:
  0    every state was visited: what is not drawn does not happen
  2    the command line or a text is wrong
  3    the picture is not complete, and says why
  70   internal error
  130  interrupted"""


@click.command("graph", epilog=EXITS)
@click.argument("model")
@option.requests
@option.target
@option.timeout()
@click.option(
    "--format", "form", type=click.Choice(list(DRAWINGS)), help="[default: by the ending of the output, else text]"
)
@option.output()
def command(
    model: str, requests: int, target: str | None, timeout: float | None, form: str | None, file: Path | None
) -> int:
    """Draw the life cycle that requests have in MODEL (a file, or - for stdin), as SVG, for Graphviz, or as a table.

    Its states are the values of the library's field `own`; its arrows are the statements of the driver and the steps of
    its environment that some run takes. What no run takes is grey.
    """
    begun = time.monotonic()
    deadline = None if timeout is None else begun + timeout
    wrong = unwritable(file, [model])
    if is_several(model):
        wrong.append(Diagnostic("WDF901", f"`{model}`: one model is drawn at a time"))
    if wrong:
        raise Rejected(wrong)
    from wdfmc.checking import Options, loaded

    options = Options(requests=requests, target=target)
    models, diagnostics = loaded(model_files([model]), options)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    complain(diagnostics)
    from wdfmc.lifecycle import life_cycle

    meter, path = Meter(), models[0].path
    with listening(meter.hear), concerning(path), watched(lambda: progress(meter, begun), sys.stderr):
        cycle = life_cycle(models[0].program, options, deadline)
    write(file, DRAWINGS[form or ENDINGS.get("" if file is None else file.suffix.lower(), "text")](cycle, path))
    return DONE if cycle.reason is None else OPEN


def progress(meter: Meter, begun: float) -> list[str]:
    from wdfmc.reports.effort import working

    return [f"{time.monotonic() - begun:.0f} s; {path}: {working(efforts)}" for path, efforts in meter.now().items()]
