"""`wdfmc lsp`: the language server."""

from __future__ import annotations

import click

from wdfmc.console import DONE
from wdfmc.diagnostics import Diagnostic, Rejected


@click.command("lsp", short_help="Serve an editor: diagnostics, completion, hover, checks (language server protocol).")
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
        raise Rejected([Diagnostic("WDF913", "the language server needs `pygls`", help=help)]) from None
    language_server().start_io()
    return DONE
