"""Offsets in a text, and the positions of an editor: 0-based lines, and columns in the units of an encoding."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]
LINE_END: Final = re.compile(r"\r\n|\n|\r")  # these three and no others end a line of an editor


class Positions:
    """Of one text. Columns beyond the end of a line mean its end, lines beyond the last one the end of the text."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text, self.encoding = text, encoding

    @cached_property
    def starts(self) -> list[int]:
        return [0, *(found.end() for found in LINE_END.finditer(self.text))]

    @cached_property
    def plain(self) -> bool:
        """A character is one unit in every encoding."""
        return self.text.isascii() or self.encoding == "utf-32"

    def line_at(self, number: int) -> str:
        """Without its end."""
        if number >= len(self.starts):
            return ""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end].rstrip("\r\n")

    def units(self, text: str) -> int:
        if self.encoding == "utf-16":
            return len(text) + sum(char > "\uffff" for char in text)
        return len(text.encode("utf-8", "surrogatepass")) if self.encoding == "utf-8" else len(text)

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset in characters."""
        line = bisect_right(self.starts, offset) - 1
        before = self.text[self.starts[line] : offset]
        return line, len(before) if self.plain else self.units(before)

    def offset(self, line: int, column: int) -> int:
        if line >= len(self.starts):
            return len(self.text)
        words = self.line_at(line)
        if self.plain:
            return self.starts[line] + min(column, len(words))
        at, units = 0, 0
        while at < len(words) and units + (width := self.units(words[at])) <= column:
            at, units = at + 1, units + width
        return self.starts[line] + at


@dataclass(frozen=True)
class Shift:
    """From a text to a later one that differs in one place, as texts do that are being written.

    prefix, suffix: characters at the beginning and at the end that are the same.
    """

    before: int
    after: int
    prefix: int
    suffix: int

    @staticmethod
    def between(before: str, after: str) -> Shift:
        prefix = same_at_start(before, after)
        suffix = same_at_start(before[prefix:][::-1], after[prefix:][::-1])
        return Shift(len(before), len(after), prefix, suffix)

    def forth(self, offset: int) -> int:
        """An offset of the earlier text in the later one; in what was replaced, where that begins."""
        if offset <= self.prefix:
            return offset
        return max(self.prefix, self.after - (self.before - offset))

    def back(self, offset: int) -> int | None:
        """An offset of the later text in the earlier one; None in what is new."""
        if offset <= self.prefix:
            return offset
        return self.before - (self.after - offset) if self.after - offset <= self.suffix else None


def same_at_start(one: str, other: str) -> int:
    """How many characters."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
