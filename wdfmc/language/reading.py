"""Files to texts. Every way in which a file is no text is a diagnostic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label, Rejected, did_you_mean
from wdfmc.source import Source, Span

UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def read(path: Path | str) -> Source:
    """The text of a file: UTF-8 with or without a byte order mark, lines that end in LF, CRLF or CR.

    The name of the source is the path as given.

    Raises:
        Rejected: there is no such file, it cannot be read, it is not UTF-8, or there is nothing in it.
    """
    name = str(path)
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise Rejected([Diagnostic("WDF001", f"there is no file `{name}`", help=similar_file(Path(path)))]) from None
    except IsADirectoryError:
        raise Rejected([is_directory(name)]) from None
    except PermissionError:  # Windows says this of a directory, too
        if Path(path).is_dir():
            raise Rejected([is_directory(name)]) from None
        raise Rejected([Diagnostic("WDF003", f"`{name}` may not be read", help="look at its permissions")]) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        why = getattr(error, "strerror", None) or error
        raise Rejected([Diagnostic("WDF003", f"`{name}` cannot be read: {why}")]) from None
    return decoded(name, content)


def decoded(name: str, content: bytes) -> Source:
    """Offsets of the text are those of the decoded characters, without the byte order mark."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected([not_utf8(name, content, error.start)]) from None
    source = Source(name, re.sub(r"\r(?!\n)", "\n", text))
    if not text.strip():
        raise Rejected([Diagnostic("WDF005", f"there is nothing in `{name}`", help="write `driver Name { ... }`")])
    return source


def not_utf8(name: str, content: bytes, at: int) -> Diagnostic:
    """`at`: offset of the first byte that is wrong."""
    before = content[:at].decode("utf-8-sig")
    shown = Source(name, content.decode("utf-8-sig", "replace"))
    label = Label(Span(shown, len(before), len(before) + 1), f"byte {at} is 0x{content[at]:02X}")
    advice = "save it as UTF-8; it looks like UTF-16" if content.startswith(UTF16) else "save it as UTF-8"
    return Diagnostic("WDF004", f"`{name}` is not UTF-8", (label,), advice)


def is_directory(name: str) -> Diagnostic:
    return Diagnostic("WDF002", f"`{name}` is a directory", help="name a file in it")


def similar_file(path: Path) -> str | None:
    try:
        beside = [other.name for other in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"there is no directory `{path.parent}` either"
    return did_you_mean(path.name, beside)
