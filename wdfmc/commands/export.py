"""`wdfmc export`: the instance that `check` decides, for other tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, complain, write
from wdfmc.diagnostics import Rejected
from wdfmc.usage import model_files

LANGUAGES: Final = ("promela", "aiger", "smt2")
ENCODINGS: Final = ("binary", "one-hot")


@click.command("export")
@click.argument("model")
@click.option("--to", "language", type=click.Choice(LANGUAGES), required=True, help="The language of the other tool.")
@option.specs("Also know the rules of this file.")
@option.rules("Ask about this rule; may be repeated.  [default: all safety]")
@option.requests
@option.target
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of values, in AIGER.  [default: binary]")
@option.output()
def command(
    model: str,
    language: str,
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    encoding: str | None,
    file: Path | None,
) -> int:
    """Write the instance that `check` decides for MODEL (a file, or - for stdin), so that other tools can check it.

    A comment in what is written names the rules, the variables and their values, and how to run the other tool.
    """
    from wdfmc.usage import export_contradictions

    console = file is None and sys.stdout.isatty()
    wrong = export_contradictions(
        model=model, language=language, encoding=encoding, output=file, inputs=[model, *specs], console=console
    )
    if wrong:
        raise Rejected(wrong)
    paths = model_files([model])
    from wdfmc.checking import Options, loaded
    from wdfmc.diagnostics import Severity
    from wdfmc.exports import written

    options = Options(
        specs=specs,
        rules=rules,
        requests=requests,
        target=target,
        jobs=os.cpu_count() or 1,
    )
    models, diagnostics = loaded(paths, options)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    complain(diagnostics)
    write(file, written(models[0], options, language, encoding))
    return DONE
