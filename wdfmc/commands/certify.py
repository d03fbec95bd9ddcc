"""`wdfmc certify`: the verdicts of a certificate, checked again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, WRONG, complain, save, show, show_text
from wdfmc.diagnostics import Rejected
from wdfmc.usage import STDIN, read_stdin, unwritable

DIFFERENT: Final = 1  # a claim does not hold
OPEN: Final = 3  # something is not certified
EXITS: Final = """\b
Exit codes:
  0    every verdict of the certificate is certified or replayed
  1    the certificate claims what does not hold
  2    it is damaged, it is about another text, or the command line is wrong
  3    some verdicts have no certificate, or time ran out
  70   internal error
  130  interrupted"""


@click.command("certify", epilog=EXITS)
@click.argument("certificate", type=click.Path(path_type=Path), metavar="FILE")
@click.argument("model", metavar="MODEL")
@option.timeout()
@click.option(
    "--smt2",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the proofs as SMT-LIB, for any solver; not if one fails.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(certificate: Path, model: str, timeout: float | None, smt2: Path | None, form: str) -> int:
    """Check the verdicts that FILE claims of MODEL again: prove each invariant with z3, execute each trace.

    FILE was written by `wdfmc check MODEL --save-certificate FILE`.
    """
    from wdfmc.reports.certified import certified_lines, certified_object
    from wdfmc.saved import Standing, loaded_certificate

    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        if wrong := unwritable(smt2, [certificate, model], "--smt2"):
            raise Rejected(wrong)
        saved = loaded_certificate(certificate)
        from wdfmc.certify import as_smtlib, certified, model_of

        checked_model, diagnostics = model_of(saved, read_stdin() if model == STDIN else Path(model))
        results = list(certified(saved, checked_model, deadline))
        standings = {item.standing for item in results}
        if smt2 is not None and Standing.REFUTED not in standings:
            save(smt2, as_smtlib(saved, checked_model))
    except Rejected as error:
        complain(error.diagnostics)
        if form == "json":
            show_text(certified_object([], str(certificate), model, WRONG, error.diagnostics))
        return WRONG
    code = DIFFERENT if Standing.REFUTED in standings else OPEN if Standing.OPEN in standings else DONE
    if form == "json":
        show_text(certified_object(results, str(certificate), model, code, diagnostics))
        return code
    if diagnostics:
        complain(diagnostics)
    show(lambda look: certified_lines(results, model, code, look))
    return code
