"""`wdfmc lsp`: the language server."""

from __future__ import annotations

from typing import Final

import click

from wdfmc.console import DONE
from wdfmc.diagnostics import Diagnostic, Rejected

ABANDONED: Final = 1  # the editor has left without saying so before, as the protocol asks


@click.command("lsp")
@click.option("--stdio", is_flag=True, help="Over standard input and output; so it is without this, too.")
def command(stdio: bool) -> int:
    """Answer an editor over standard input and output, as the language server protocol says.

    An editor starts this; docs/editor/README.md says how each is told.
    """
    try:
        from wdfmc.editor.server import language_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        help = 'install it: `pip install "wdfmc[lsp]"`, in a clone of the repository `pip install ".[lsp]"`'
        raise Rejected([Diagnostic("WDF930", "the language server needs `pygls`", help=help)]) from None
    server = language_server()
    server.start_io()
    return DONE if server.told_to_stop else ABANDONED
