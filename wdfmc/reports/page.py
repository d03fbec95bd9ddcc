"""Lines of styled text, and how they reach a terminal, a pipe or a file."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.text import Text

Piece: TypeAlias = tuple[str, str]  # text, style (a name that `rich` understands; "" for none)
Line: TypeAlias = tuple[Piece, ...]

PIPE_WIDTH: Final = 100  # columns when nobody says how wide the page is
WIDEST: Final = 120
NARROWEST: Final = 60
TAB: Final = 4
BREAKABLE: Final = "(,.-/\\"  # a long word is broken behind one of these, if there is one


@dataclass(frozen=True, slots=True)
class Look:
    """`width`: columns. `unicode`: may lines and arrows be drawn with other than ASCII characters?"""

    width: int = PIPE_WIDTH
    unicode: bool = False

    def glyph(self, fine: str, plain: str) -> str:
        return fine if self.unicode else plain

    @property
    def arrow(self) -> str:
        return self.glyph("→", "->")


PIPE: Final = Look()


def look_of(stream: TextIO) -> Look:
    """How to print on a stream. Only a terminal that can encode them gets the drawing characters."""
    if not stream.isatty():
        return PIPE
    columns = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
    return Look(max(NARROWEST, min(columns, WIDEST)), encodes(stream, "→│●"))


def encodes(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def cells(text: str) -> int:
    """How many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(cells_of, text))


def cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def printable(text: str) -> str:
    """One line with its tabs expanded and without characters that would steer a terminal."""
    parts: list[str] = []
    column = 0
    for char in text:
        if char == "\t":
            char = " " * (TAB - column % TAB)
        elif not char.isprintable():
            char = "?"
        parts.append(char)
        column += cells(char)
    return "".join(parts)


def padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def wrapped(text: str, width: int) -> list[str]:
    """Break at spaces, and inside a word only when it is wider than the page. Never empty."""
    width = max(width, 8)
    lines: list[str] = []
    for word in printable(text.replace("\n", " ")).split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += " " + word
            continue
        while cells(word) > width:
            cut = fitting(word, width)
            cut = 1 + max((at for at in range(width // 3, cut) if word[at] in BREAKABLE), default=cut - 1)
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return lines or [""]


def fitting(text: str, width: int) -> int:
    """How many characters of a text fit in `width` columns, at least one."""
    used = 0
    for at, char in enumerate(text):
        used += cells_of(char)
        if used > width:
            return max(at, 1)
    return len(text)


def shortened(text: str, width: int) -> str:
    """At most `width` columns; what is cut off leaves `...`."""
    if cells(text) <= width:
        return text
    return text[: fitting(text, max(width - 3, 1))] + "..."


def paragraph(indent: str, text: str, width: int, style: str = "", hanging: str | None = None) -> list[Line]:
    """Wrapped lines; the second and later ones start with `hanging` (default: as `indent`, in spaces)."""
    later = " " * cells(indent) if hanging is None else hanging
    first, *others = wrapped(text, width - cells(indent))
    return [((indent, ""), (first, style)), *(((later, ""), (line, style)) for line in others)]


def harmless(text: str) -> str:
    """Without characters that would steer a terminal; those of a text that a user wrote may be any."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def plain(lines: Iterable[Line]) -> str:
    return "".join(harmless("".join(text for text, _ in line)).rstrip() + "\n" for line in lines)


def write_lines(lines: Sequence[Line], stream: TextIO) -> None:
    """In colour on a terminal (NO_COLOR is respected), else as plain text."""
    if stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, legacy_windows=None)
        for line in lines:
            console.print(styled(line))
        return
    write_text(plain(lines), stream)


def styled(line: Line) -> Text:
    from rich.text import Text

    return Text.assemble(*((harmless(text), style) for text, style in line))


def write_text(text: str, stream: TextIO) -> None:
    """A character that the stream cannot encode is written as `?` instead of ending the run."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
