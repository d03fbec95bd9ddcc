"""One layout for all texts: `wdfmc fmt`.

Works on the terminals, not on the tree, so that nothing is lost: comments, casts and annotations stay, and so do the
author's line breaks. What it sets: four columns of indentation a brace; single spaces; at most one empty line; no
trailing white space. What the author may choose: how much more than one level a line is indented that goes on with the
line before, the columns of the names and colons of declarations, and of a comment behind a line where there is room.
Formatting twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from wdfmc.language.expected import ELEMENTS, EXPRESSIONS, starts
from wdfmc.language.lalr import Cell, automaton
from wdfmc.language.parse import parse
from wdfmc.source import Source

INDENT: Final = 4
COMMENT, CAST, ANNOTATION, WHITESPACE = "COMMENT", "CAST", "ANNOTATION", "WHITESPACE"

TIGHT_BEFORE: Final = frozenset({"SEMICOLON", "COMMA", "RPAR", "RSQB", "DOT", "..", "LSQB"})
TIGHT_AFTER: Final = frozenset({"LPAR", "LSQB", "DOT", "..", "BANG", "AMPERSAND", "MINUS", CAST})
CALLED: Final = frozenset({"NAME", "RULE_NAME", "COUNT", "RPAR"})  # a `(` right behind them is a call or parameters
VARIABLE_AFTER: Final = frozenset(
    {"QUANTIFIER", "ANY", "EACH", "OF", "BEFORE"}
)  # `some r: request`, with a tight colon


IGNORED: Final = frozenset({COMMENT, CAST, ANNOTATION})


@dataclass(frozen=True, slots=True)
class Piece:
    """A terminal, comment, cast or annotation.

    kind: the terminal, `..` for its mark, QUESTION or CHOICE for the `?` and `:` of a conditional expression.
    element: it begins a statement, an item, a field ...; declares: an item in particular.
    names: it is a `{` around names, whose lines are elements.
    lines, spaces: line ends and columns between the piece before and this one.
    column: of its first character, 0-based, tabs taken as four.
    """

    kind: str
    text: str
    element: bool = False
    declares: bool = False
    names: bool = False
    lines: int = 0
    spaces: int = 0
    column: int = 0


END_OF_TEXT: Final = Piece("SEMICOLON", "", element=True)


def formatted(source: Source) -> str:
    """The text in the layout of the language; ends in one line feed, and has no carriage return.

    Raises:
        Rejected: the text has a syntax error.
    """
    parse(source)
    pieces = list(pieces_of(source.text))
    return "".join(f"{line}\n" for line in lines_of(pieces))


# ---------------------------------------------------------------- pieces


def pieces_of(text: str) -> Iterator[Piece]:
    past = 0
    before = ""
    for cell, terminal, start, end in automaton().read(text):
        yield from ignored(text, past, start)
        yield placed(text, start, terminal_piece(cell, terminal, text[start:end], before))
        past, before = end, terminal
    yield from ignored(text, past, len(text))


def ignored(text: str, start: int, end: int) -> Iterator[Piece]:
    """The comments, casts and annotations between two terminals."""
    while start < end:  # not `finditer(text, start, end)`: a cast looks at what follows it
        found = gap().match(text, start)
        assert found is not None, text[start:end]
        kind = found.lastgroup or ""
        if kind != WHITESPACE:
            yield placed(text, start, Piece(kind, "\n".join(line.rstrip() for line in found[0].split("\n"))))
        start = found.end()


@cache
def gap() -> re.Pattern[str]:
    terminals = automaton().terminals
    kinds = (COMMENT, CAST, ANNOTATION, WHITESPACE)
    return re.compile("|".join(f"(?P<{kind}>{terminals[kind].regexp})" for kind in kinds))


def placed(text: str, start: int, piece: Piece) -> Piece:
    blank = blank_from(text, start)
    begin = text.rfind("\n", 0, start) + 1
    column = len(text[begin:start].expandtabs(INDENT))
    spaces = column - len(text[begin : max(begin, blank)].expandtabs(INDENT))
    return replace(piece, lines=text.count("\n", blank, start), spaces=spaces, column=column)


def blank_from(text: str, end: int) -> int:
    """Where the white space that ends at `end` begins."""
    while end and text[end - 1].isspace():
        end -= 1
    return end


def terminal_piece(cell: Cell, terminal: str, text: str, before: str) -> Piece:
    machine = automaton()
    after = machine.goto[machine.shift[cell.state][terminal]]
    begun = ELEMENTS & starts(terminal, cell)
    element = bool(begun) and before not in ("RPAR", "ELSE")
    declares = not begun.isdisjoint(("item", "driver_item"))
    if terminal == "LBRACE":
        return Piece(terminal, text, element, names="names" in after or "flag" in after)
    if terminal == "QMARK" and EXPRESSIONS & after.keys():
        return Piece("QUESTION", text)
    if terminal == "COLON" and EXPRESSIONS & after.keys():
        return Piece("CHOICE", text)
    if terminal == "IF_IDLE":
        return Piece(terminal, "if idle")
    return Piece(".." if text == ".." else terminal, text, element, declares)


# ---------------------------------------------------------------- lines


def lines_of(pieces: Sequence[Piece]) -> Iterator[str]:
    """The lines, without their ends; an empty line where the author left one or more."""
    depth = Depth()
    line: list[Piece] = []
    for index, piece in enumerate(pieces):
        if line and piece.lines:
            yield depth.closed(line, index, pieces)
            if piece.lines > 1 and pieces[index - 1].kind != "LBRACE" and piece.kind != "RBRACE":
                yield ""
            line = []
        line.append(piece)
    if line:
        yield depth.closed(line, len(pieces), pieces)


class Depth:
    """Where a line stands.

    open: the brackets that are open, innermost last: LBRACE, NAMES (a `{` around names), LPAR, LSQB.
    moved: how far the last line that did not go on with another one was moved to the right.
    """

    def __init__(self) -> None:
        self.open: list[str] = []
        self.moved = 0

    def closed(self, line: Sequence[Piece], following: int, pieces: Sequence[Piece]) -> str:
        """The text of a line; counts its brackets. `following`: index of the first piece behind it."""
        words = joined(line, self.indentation(line, following, pieces), "LPAR" in self.open)
        for piece in line:
            if piece.kind in ("LBRACE", "LPAR", "LSQB"):
                self.open.append("NAMES" if piece.names else piece.kind)
            elif piece.kind in ("RBRACE", "RPAR", "RSQB") and self.open:
                self.open.pop()
        return words

    def indentation(self, line: Sequence[Piece], following: int, pieces: Sequence[Piece]) -> int:
        first = line[0]
        comment = first.kind == COMMENT and len(line) == 1
        braces = sum(kind in ("LBRACE", "NAMES") for kind in self.open)
        if comment:  # stands as what it is about: the next piece that is no comment
            first = next((piece for piece in pieces[following:] if piece.kind != COMMENT), END_OF_TEXT)
        elif first.kind in IGNORED:
            first = next((piece for piece in line if piece.kind not in IGNORED), first)
        if first.kind == "RBRACE":
            indentation = INDENT * (braces if comment else braces - 1)
        elif (
            first.element
            or self.around_names()
            or first.kind in ("LBRACE", "ELSE")
            or (first.text == "or" and self.in_body())
        ):
            indentation = INDENT * braces
        else:
            return max(INDENT * (braces + 1), first.column + self.moved)
        if not comment:
            self.moved = indentation - line[0].column
        return indentation

    def around_names(self) -> bool:
        return bool(self.open) and self.open[-1] == "NAMES"

    def in_body(self) -> bool:
        return bool(self.open) and self.open[-1] == "LBRACE"


def joined(line: Sequence[Piece], indentation: int, in_parentheses: bool) -> str:
    """The pieces of a line with single spaces; a comment at the end keeps its column."""
    words = " " * indentation + line[0].text
    open_parentheses = [in_parentheses]
    for index, piece in enumerate(line):
        if index:
            if piece.kind == COMMENT and index == len(line) - 1:
                width = len(words.rsplit("\n", 1)[-1])
                words += " " * max(1, piece.column - width)
            elif kept_column(line, index, open_parentheses[-1]):
                words += " " * piece.spaces
            elif spaced(line, index, open_parentheses[-1]) or cast_like(line, index):
                words += " "
            words += piece.text
        if piece.kind == "LPAR":
            open_parentheses.append(True)
        elif piece.kind == "LBRACE":
            open_parentheses.append(False)
        elif piece.kind in ("RPAR", "RBRACE") and len(open_parentheses) > 1:
            open_parentheses.pop()
    return words.rstrip()


def spaced(line: Sequence[Piece], index: int, in_parentheses: bool) -> bool:
    """Whether a space stands between the pieces at `index` - 1 and `index`."""
    last, piece = line[index - 1], line[index]
    if last.kind in TIGHT_AFTER or piece.kind in TIGHT_BEFORE:
        return False
    if piece.kind == "QMARK":
        return False
    before = line[index - 2].kind if index > 1 else ""
    if piece.kind == "LPAR":
        return last.kind not in CALLED or (before == "COLON" and last.kind == "NAME")
    if piece.kind == "COLON":
        return not (in_parentheses or before in VARIABLE_AFTER)
    return True


def kept_column(line: Sequence[Piece], index: int, in_parentheses: bool) -> bool:
    """The name or the colon of a declaration, set by the author in a column."""
    piece = line[index]
    if not piece.spaces or in_parentheses:
        return False
    names = index == 1 and line[0].declares and piece.kind == "NAME"
    return names or (piece.kind == "COLON" and spaced(line, index, in_parentheses))


def cast_like(line: Sequence[Piece], index: int) -> bool:
    """`( ULONG ) x` is a name in parentheses; without its spaces it would be a cast."""
    if index + 1 >= len(line):
        return False
    last, piece, after = line[index - 1], line[index], line[index + 1]
    return last.kind == "LPAR" and after.kind == "RPAR" and gap().match(f"({piece.text})x") is not None
