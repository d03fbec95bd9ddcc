"""`wdfmc fmt`: texts in the standard form."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from wdfmc.console import DONE, show_text, write_whole
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.reading import read
from wdfmc.source import Source
from wdfmc.usage import STDIN, read_stdin

DIFFERENT: Final = 1  # a text would change


@click.command("fmt")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file is not in this form.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def command(only_check: bool, files: tuple[str, ...]) -> int:
    """Write each FILE in the standard form (- for stdin to stdout). If one is wrong, none is written."""
    texts: list[tuple[Source, str]] = []
    wrong: list[Diagnostic] = []
    for name in files:
        try:
            source = read_stdin() if name == STDIN else read(Path(name))
            texts.append((source, in_standard_form(source)))
        except Rejected as error:
            wrong += error.diagnostics
    if wrong:
        raise Rejected(wrong)
    changed = [(name, text) for name, (source, text) in zip(files, texts, strict=True) if text != source.text]
    if only_check:
        show_text("".join(f"{name}: not in the standard form\n" for name, _ in changed))
        return DIFFERENT if changed else DONE
    for name, (_, text) in zip(files, texts, strict=True):
        if name == STDIN:
            show_text(text)
    for name, text in changed:
        if name != STDIN:
            write_whole(Path(name), text)
    return DONE


def in_standard_form(source: Source) -> str:
    """With the line ends that the text has."""
    from wdfmc.language.format import formatted
    from wdfmc.source import Source

    if "\r\n" not in source.text:
        return formatted(source)
    unix = Source(source.name, source.text.replace("\r\n", "\n"))
    return formatted(unix).replace("\n", "\r\n")
