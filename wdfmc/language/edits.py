"""Changes of a text at nodes of its tree, and how they look.

A statement that is erased leaves its line behind, so that what is not changed keeps its line number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from wdfmc.source import Source, Span

COMMENT_BEHIND: Final = re.compile(r"[ \t]*//[^\n]*")


@dataclass(frozen=True, slots=True)
class Edit:
    """The text of `span` becomes `text`; with an empty span it is inserted there."""

    span: Span
    text: str


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """The text with all edits done, under the same name. They must not overlap."""
    parts: list[str] = []
    past = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        assert edit.span.start >= past, (edit, past)
        parts += [source.text[past : edit.span.start], edit.text]
        past = edit.span.end
    return Source(source.name, "".join([*parts, source.text[past:]]))


def erased(span: Span) -> Edit:
    """Without what stands there, and without the comment behind it if the line then has nothing else."""
    text = span.source.text
    end = span.end
    alone = not text[text.rfind("\n", 0, span.start) + 1 : span.start].strip()
    if alone and (comment := COMMENT_BEHIND.match(text, end)):
        end = comment.end()
    elif not alone and text[span.start - 1] == " " and text[end : end + 1] == " ":
        end += 1  # one space is left of two
    whole = Span(span.source, span.start, end)
    return Edit(whole, "\n" * whole.text.count("\n"))


def removed(span: Span) -> Edit:
    """As `erased`; if its lines then have nothing else, they go as well."""
    without = erased(span)
    text, start, end = span.source.text, without.span.start, without.span.end
    begin = text.rfind("\n", 0, start) + 1
    if text[begin:start].strip() or text[end : end + 1] != "\n":
        return without
    return Edit(Span(span.source, begin, end + 1), "")


def swapped(first: Span, second: Span) -> tuple[Edit, Edit]:
    """Two places that do not overlap, each with the other's text."""
    return Edit(first, second.text), Edit(second, first.text)


# ---------------------------------------------------------------- how it looks


@dataclass(frozen=True, slots=True)
class Changed:
    """A line that is there before (`mark` is `-`) or after (`+`) only, with its 1-based number in that text."""

    mark: str
    number: int
    text: str


def changed_lines(before: Source, after: Source) -> tuple[Changed, ...]:
    """The lines that differ, in the order of the text; lines without text are none."""
    return tuple(line for line in _compared(_lines(before), _lines(after)) if line.text.strip())


def _lines(source: Source) -> list[str]:
    return source.text.replace("\r\n", "\n").split("\n")


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Changed]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (Changed("-", at + 1, before[at]) for at in range(i, j))
            yield from (Changed("+", at + 1, after[at]) for at in range(k, m))
