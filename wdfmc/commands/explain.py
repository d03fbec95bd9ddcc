"""`wdfmc explain`: what a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wdfmc.console import show
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean

if TYPE_CHECKING:
    from wdfmc.reports.page import Line, Look


@click.command("explain")
@click.argument("name")
def command(name: str) -> int:
    """Say what NAME means: a DDI, a callback, a rule, a status, a diagnostic code, anything that the library names."""
    from wdfmc.catalogue import CATALOGUE
    from wdfmc.reports.manual import entry_lines, explanation_lines, worded

    code = name.upper()
    if code in CATALOGUE:
        return show(lambda look: explanation_lines(code, CATALOGUE[code], look))
    from wdfmc.language.expected import all_keywords
    from wdfmc.library import entries, find
    from wdfmc.semantics.expressions import BUILT_INS

    found = find(name)
    if not found:
        if sorts := worded(name):
            where = f"it is a word of {', '.join(sorts)}: `wdfmc explain {sorts[0]}`"
            raise Rejected([Diagnostic("WDF907", f"`{name}` has no entry of its own", help=where)])
        if name in all_keywords() or name in BUILT_INS:
            where = "it is a word of the language: docs/language.md shows what it is for"
            raise Rejected([Diagnostic("WDF907", f"`{name}` has no entry in the library", help=where)])
        advice = did_you_mean(name, [*(entry.name for entry in entries()), *CATALOGUE])
        raise Rejected([Diagnostic("WDF907", f"the library names nothing `{name}`", help=advice)])

    def pages(look: Look) -> list[Line]:
        lines: list[Line] = []
        for entry in found:
            lines += [*([()] if lines else []), *entry_lines(entry, look)]
        return lines

    return show(pages)
