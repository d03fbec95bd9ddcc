"""What can stand at a place in a text that is being written, however wrong the text is before and behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from wdfmc.language.expected import starts
from wdfmc.language.lalr import Cell, Lexeme, automaton
from wdfmc.language.lexical_errors import lexical_errors
from wdfmc.language.syntax_errors import Reader
from wdfmc.source import Source

WORD: Final = re.compile(r"[A-Za-z0-9_]*\Z")
RULE_WORD: Final = re.compile(r"[A-Za-z0-9_-]*\Z")
HEALED: Final = ("x", "x;", "x)", "x);", "x) {}", ";", "")  # one of these may make a text of what is being written
CLOSING: Final = {"RPAR": "LPAR", "RBRACE": "LBRACE", "RSQB": "LSQB"}


@dataclass(frozen=True, slots=True)
class Read:
    """A terminal before the cursor."""

    terminal: str
    text: str
    start: int


@dataclass(frozen=True)
class Cursor:
    """A place in a text.

    start: where the word begins that is being written; the place itself if none is.
    before: what stands before that word.
    repaired: what stands before could not be read as it is.
    """

    source: Source
    start: int
    offset: int
    stack: Cell
    before: tuple[Read, ...]
    repaired: bool

    @cached_property
    def acceptable(self) -> Mapping[str, Cell]:
        """Terminals that can stand here."""
        return automaton().acceptable(self.stack)

    def begins(self, terminal: str = "NAME") -> frozenset[str]:
        """What can begin here with such a terminal, in the words of the grammar."""
        cell = self.acceptable.get(terminal)
        return frozenset() if cell is None else starts(terminal, cell)

    def last(self, number: int = 1) -> tuple[str, ...]:
        """The last terminals."""
        return tuple(read.terminal for read in self.before[-number:])

    @cached_property
    def element(self) -> tuple[Read, ...]:
        """The statement, item or line that is being written, up to here."""
        at = len(self.before)
        while at and self.before[at - 1].terminal not in ("SEMICOLON", "LBRACE", "RBRACE"):
            at -= 1
        return self.before[at:]

    @cached_property
    def heads(self) -> tuple[tuple[Read, ...], ...]:
        """What stands before each `{` that is open here, innermost first."""
        found: list[tuple[Read, ...]] = []
        depth = 0
        for at in reversed(range(len(self.before))):
            terminal = self.before[at].terminal
            if terminal == "RBRACE":
                depth += 1
            elif terminal == "LBRACE" and depth:
                depth -= 1
            elif terminal == "LBRACE":
                begun = at
                while begun and self.before[begun - 1].terminal not in ("SEMICOLON", "LBRACE", "RBRACE"):
                    begun -= 1
                found.append(self.before[begun:at])
        return tuple(found)

    @cached_property
    def call(self) -> tuple[str, int] | None:
        """The name before the innermost `(` that is open in this element, and how many arguments are before."""
        depth, arguments = 0, 0
        for at in reversed(range(len(self.element))):
            read = self.element[at]
            if read.terminal in CLOSING:
                depth += 1
            elif read.terminal in CLOSING.values() and depth:
                depth -= 1
            elif read.terminal == "LPAR":
                named = at > 0 and self.element[at - 1].terminal == "NAME"
                return (self.element[at - 1].text, arguments) if named else None
            elif read.terminal == "COMMA" and not depth:
                arguments += 1
        return None

    def path(self) -> list[str]:
        """`a.b` of `a.b.|`"""
        names: list[str] = []
        at = len(self.before)
        while at >= 2 and self.before[at - 1].terminal == "DOT" and self.before[at - 2].terminal == "NAME":
            names.insert(0, self.before[at - 2].text)
            at -= 2
        return names

    def healed(self) -> Source | None:
        """The text with something here that makes it one that can be read; None if nothing simple does."""
        if self.repaired:
            return None
        text = self.source.text
        rest = [lexeme for lexeme in automaton().lexemes(text) if lexeme.start >= self.offset]
        for words, lexemes in healing():
            if reads_on(self.stack, lexemes, words, rest, text):
                return Source(self.source.name, text[: self.start] + words + text[self.offset :])
        return None


def cursor_at(source: Source, offset: int) -> Cursor | None:
    """None within a comment or a string."""
    before = source.text[:offset]
    rule_start, start = (pattern.search(before).start() for pattern in (RULE_WORD, WORD))  # type: ignore[union-attr]
    if rule_start < start:
        found = cursor_before(source, rule_start, offset)
        if found is None or "RULE_NAME" in found.acceptable:
            return found
    return cursor_before(source, start, offset)


def cursor_before(source: Source, start: int, offset: int) -> Cursor | None:
    machine = automaton()
    text = source.text
    lexemes = [lexeme for lexeme in machine.lexemes(text) if lexeme.end <= start]
    if in_comment_or_string(text, lexemes, start):
        return None
    stack, index = machine.empty, 0
    before: list[Read] = []
    while index < len(lexemes):
        moved = machine.after(stack, lexemes, index, text)
        if moved is None:
            return repaired(source, Source(source.name, text[:start]), start, offset)
        before.append(Read(moved[2], text[lexemes[index].start : lexemes[moved[1] - 1].end], lexemes[index].start))
        stack, index, _ = moved
    return Cursor(source, start, offset, stack, tuple(before), False)


def repaired(source: Source, cut: Source, start: int, offset: int) -> Cursor:
    reader = Reader(cut, *lexical_errors(cut, automaton().lexemes(cut.text)))
    stack = reader.read()
    lexemes = reader.lexemes
    before = tuple(Read(one.terminal, lexemes[one.index].text, lexemes[one.index].start) for one in reader.trail)
    return Cursor(source, start, offset, stack, before, True)


def in_comment_or_string(text: str, lexemes: Sequence[Lexeme], start: int) -> bool:
    """Whether an offset is inside of one. `lexemes`: those before it."""
    behind = lexemes[-1].end if lexemes else 0
    for match in automaton().lexeme.finditer(text[:start], behind):
        if match.lastgroup == "ignored" and match[0].startswith("//") and match.end() == start:
            return True
        if match[0] == '"' or (match[0] == "/" and text.startswith("/*", match.start())):
            return True
    for lexeme in lexemes:  # what no terminal begins with: a comment or a string without an end
        if not lexeme.terminals:
            if text.startswith("/*", lexeme.start):
                return True
            if lexeme.text == '"' and "\n" not in text[lexeme.start : start]:
                return True
    return False


@cache
def healing() -> tuple[tuple[str, tuple[Lexeme, ...]], ...]:
    return tuple((words, tuple(automaton().lexemes(words))) for words in HEALED)


def reads_on(stack: Cell, words: Sequence[Lexeme], words_text: str, rest: Sequence[Lexeme], rest_text: str) -> bool:
    """Whether these words, and then the rest of a text, can be read to its end."""
    machine = automaton()
    for lexemes, text in ((words, words_text), (rest, rest_text)):
        index = 0
        while index < len(lexemes):
            moved = machine.after(stack, lexemes, index, text)
            if moved is None:
                return False
            stack, index, _ = moved
    return machine.ends(stack)
