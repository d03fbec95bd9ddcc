"""Lexemes, and an LALR(1) automaton that runs over them.

lark reads `wdf.lark` and computes the tables (`tables`); running them here is four times as fast as lark's own loop (no
tree of lark's is built), and lets `syntax_errors` ask what could come next at any point of a text that is wrong.

Keywords are contextual: a lexeme carries every terminal that it could be, and the state picks the first that it can
use. So `state` is a name wherever no keyword `state` is possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from string import punctuation
from typing import Any, Final, NamedTuple

from wdfmc.cache import code_of, remembered

END: Final = "$END"
RECENT: Final = 4  # texts
IGNORED: Final = ("COMMENT", "CAST", "ANNOTATION", "WHITESPACE")
STRETCHING: Final = ("RULE_NAME", "IF_IDLE")  # can be longer than one lexeme: `no-double-complete`, `if idle`


class Lexeme(NamedTuple):
    text: str
    start: int
    end: int
    terminals: tuple[str, ...]  # what it could be, the first choice first; none: it is in no text of the language


class Token(str):
    """A terminal whose spelling matters to the tree; offsets are 0-based, half-open."""

    __slots__ = ("end", "start", "type")
    type: str
    start: int
    end: int

    @staticmethod
    def of(terminal: str, text: str, start: int, end: int) -> Token:
        token = Token(text)
        token.type, token.start, token.end = terminal, start, end
        return token


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a production makes of its parts.

    keep: (index of the part, whether it is a list to splice, how many absent options come before it).
    """

    origin: str
    size: int
    builder: str | None  # the method that makes the node; None: it passes, or is the list of a repetition
    keep: tuple[tuple[int, bool, int], ...]
    absent_at_end: int
    passes: bool  # a production of a `?rule`: its only part stands for the whole

    @property
    def transparent(self) -> bool:
        """The part stays where it is on the stack."""
        return self.passes and self.size == 1


class Spelling(NamedTuple):
    """A terminal of the grammar. `value`: the text itself if it is `exact`, else as the grammar writes the pattern."""

    value: str
    regexp: str
    exact: bool
    priority: int


class Production(NamedTuple):
    """`symbols`: (name, whether it is a terminal)."""

    origin: str
    symbols: tuple[tuple[str, bool], ...]


class Stuck(Exception):
    """No transition for the lexeme at `index`; `len(lexemes)` stands for the end of the text."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class TooDeep(Exception):
    """A node that holds more levels of nodes than allowed."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start, self.end = start, end


class Cell(NamedTuple):
    """A stack of states that shares its tail with the stacks that it was made from."""

    state: int
    below: Cell | None


@dataclass(frozen=True)
class Automaton:
    """shift: state -> terminal -> next state (>= 0) or ~index of a reduction; goto: state -> nonterminal -> state."""

    shift: tuple[Mapping[str, int], ...]
    goto: tuple[Mapping[str, int], ...]
    reductions: tuple[Reduction, ...]
    start: int
    accepting: int
    terminals: Mapping[str, Spelling]
    kept: frozenset[str]  # terminals that become tokens of the tree
    productions: tuple[Production, ...]

    # ---------------------------------------------------------------- lexemes

    @cached_property
    def lexeme(self) -> re.Pattern[str]:
        def pattern(name: str) -> str:
            return self.terminals[name].regexp

        symbols = sorted(self.symbols, key=len, reverse=True)
        return re.compile(
            f"(?P<ignored>{'|'.join(f'(?:{pattern(name)})' for name in IGNORED)})"
            f"|(?P<word>{pattern('NAME')})|(?P<number>{pattern('NUMBER')})|(?P<string>{pattern('STRING')})"
            f"|(?P<symbol>{'|'.join(map(re.escape, symbols))})|(?P<illegal>(?s:.))"
        )

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The operators and brackets: texts of one or two punctuation marks that are a terminal."""
        signs = punctuation.replace('"', "").replace("_", "")
        marks = [*signs, *(one + two for one in signs for two in signs)]
        return frozenset(text for text in marks if any(pattern.fullmatch(text) for _, pattern in self.spellings))

    @cached_property
    def known(self) -> dict[str, tuple[str, ...]]:
        """Text of a lexeme -> the terminals that it can be; filled as texts are read."""
        return {}

    @cached_property
    def spellings(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """(terminal, pattern), by priority, exact spellings before patterns, RULE_NAME and NAME last."""

        def rank(name: str) -> tuple[int, int]:
            terminal = self.terminals[name]
            return -terminal.priority, {"RULE_NAME": 2, "NAME": 3}.get(name, 0 if terminal.exact else 1)

        ordered = sorted((name for name in self.terminals if name not in IGNORED), key=rank)
        return tuple((name, re.compile(self.terminals[name].regexp)) for name in ordered)

    def terminals_of(self, text: str) -> tuple[str, ...]:
        found = self.known.get(text)
        if found is None:
            found = tuple(name for name, pattern in self.spellings if pattern.fullmatch(text))
            if text == "if":
                found = ("IF_IDLE", *found)
            if len(self.known) < 100_000:  # a server that reads many texts must not grow without end
                self.known[text] = found
        return found

    def lexemes(self, text: str) -> list[Lexeme]:
        """Every lexeme of a text except white space, comments, casts and annotations."""
        if text in self.recent:
            return list(self.recent[text])
        found = []
        fixed: dict[str, tuple[str, ...]] = {"number": ("NUMBER",), "string": ("STRING",), "illegal": ()}
        known, terminals_of = self.known, self.terminals_of
        for match in self.lexeme.finditer(text):
            kind = match.lastgroup
            if kind == "ignored":
                continue
            spelled = match[0]
            terminals = fixed.get(kind or "")
            if terminals is None:
                terminals = known.get(spelled) or terminals_of(spelled)
            found.append(Lexeme(spelled, match.start(), match.end(), terminals))
        if len(self.recent) >= RECENT:
            del self.recent[next(iter(self.recent))]
        self.recent[text] = list(found)
        return found

    @cached_property
    def recent(self) -> dict[str, list[Lexeme]]:
        """The texts that were read last: one that is wrong, or is being written, is read several times."""
        return {}

    @cached_property
    def stretches(self) -> Mapping[str, re.Pattern[str]]:
        return {name: re.compile(self.terminals[name].regexp) for name in STRETCHING}

    def chosen(self, state: int, lexeme: Lexeme, text: str) -> tuple[str, int] | None:
        """The terminal that a lexeme is in a state, and the offset where that ends; None: it cannot stand here."""
        row = self.shift[state]
        for terminal in lexeme.terminals:
            if terminal in row:
                stretch = self.stretches.get(terminal)
                if stretch is None:
                    return terminal, lexeme.end
                if longer := stretch.match(text, lexeme.start):
                    return terminal, longer.end()
        return None

    # ---------------------------------------------------------------- running on states alone

    @cached_property
    def empty(self) -> Cell:
        return Cell(self.start, None)

    def shifted(self, stack: Cell, terminal: str) -> Cell | None:
        """The stack after a terminal, None if it cannot stand here."""
        at = self.before_shift(stack, terminal)
        return None if at is None else Cell(self.shift[at.state][terminal], at)

    def before_shift(self, stack: Cell, terminal: str) -> Cell | None:
        """The stack when all that ends before `terminal` is reduced, None if the terminal cannot stand here."""
        while True:
            action = self.shift[stack.state].get(terminal)
            if action is None:
                return None
            if action >= 0:
                return stack
            reduction = self.reductions[~action]
            below: Cell | None = stack
            for _ in range(reduction.size):
                assert below is not None
                below = below.below
            assert below is not None
            stack = Cell(self.goto[below.state][reduction.origin], below)
            if terminal == END and stack.state == self.accepting:
                return stack

    def ends(self, stack: Cell) -> bool:
        return self.before_shift(stack, END) is not None

    def acceptable(self, stack: Cell) -> dict[str, Cell]:
        """Every terminal that can stand next, with the stack just before it is shifted."""
        found = ((terminal, self.before_shift(stack, terminal)) for terminal in self.shift[stack.state])
        return {terminal: before for terminal, before in found if before is not None}

    def after(self, stack: Cell, lexemes: Sequence[Lexeme], index: int, text: str) -> tuple[Cell, int, str] | None:
        """The stack after the lexeme at `index`, the index of the next one, and what it was; None: stuck."""
        chosen = self.chosen(stack.state, lexemes[index], text)
        if chosen is None:
            return None
        terminal, end = chosen
        shifted = self.shifted(stack, terminal)
        if shifted is None:
            return None
        index += 1
        while index < len(lexemes) and lexemes[index].start < end:
            index += 1
        return shifted, index, terminal

    def survives(self, stack: Cell | None, lexemes: Sequence[Lexeme], index: int, text: str, limit: int = 6) -> int:
        """How many lexemes from `index` on can be read, at most `limit`; `limit` if the text ends before."""
        for read in range(limit):
            if stack is None:
                return 0
            if index == len(lexemes):
                return limit
            moved = self.after(stack, lexemes, index, text)
            if moved is None:
                return read
            stack, index, _ = moved
        return limit

    def read(self, text: str) -> Iterator[tuple[Cell, str, int, int]]:
        """Each terminal of a text: the stack just before it is shifted, what it is, and where it stands.

        Raises:
            Stuck: at the first lexeme that cannot stand where it is.
        """
        lexemes = self.lexemes(text)
        stack, index = self.empty, 0
        while index < len(lexemes):
            moved = self.after(stack, lexemes, index, text)
            if moved is None:
                raise Stuck(index)
            stack, past, terminal = moved
            assert stack.below is not None
            yield stack.below, terminal, lexemes[index].start, lexemes[past - 1].end
            index = past
        if not self.ends(stack):
            raise Stuck(index)

    # ---------------------------------------------------------------- running with values

    def run(
        self, text: str, builder: Callable[[str], Callable[[int, int, list[Any]], Any]], deepest: int
    ) -> tuple[Any, int]:
        """The value of the start rule, and how many levels of nodes it has.

        Args:
            builder: gives the function that makes a node of a name from its offsets and its parts.
            deepest: the most levels of nodes.

        Raises:
            Stuck: at the first lexeme that cannot stand where it is.
            TooDeep: more than `deepest` levels of nodes.
        """
        shift, goto, reductions, stretches, kept = self.shift, self.goto, self.reductions, self.stretches, self.kept
        make = [None if r.builder is None else builder(r.builder) for r in reductions]
        transparent = [r.transparent for r in reductions]
        lexemes = self.lexemes(text)
        states = [self.start]
        values: list[Any] = []
        marks: list[tuple[int, int, int]] = []  # of each value: start, end, depth; start -1: it is empty
        index, past, end = 0, 0, 0
        while True:
            row = shift[states[-1]]
            if index < len(lexemes):
                _, start, end, terminals = lexemes[index]
                for terminal in terminals:
                    if terminal in row:
                        stretch = stretches.get(terminal)
                        if stretch is None:
                            break
                        if longer := stretch.match(text, start):
                            end = longer.end()
                            break
                else:
                    raise Stuck(index)
            else:
                terminal, start = END, end
                if terminal not in row:
                    raise Stuck(index)
            while True:
                action = shift[states[-1]].get(terminal)
                if action is None:
                    raise Stuck(index)
                if action >= 0:
                    break
                rule = ~action
                reduction = reductions[rule]
                if transparent[rule]:
                    states[-1] = goto[states[-2]][reduction.origin]
                    continue
                value, mark = self.reduced(reduction, make[rule], values, marks, past)
                if mark[2] > deepest:
                    raise TooDeep(mark[0], mark[1])
                if size := reduction.size:
                    del states[-size:], values[-size:], marks[-size:]
                states.append(goto[states[-1]][reduction.origin])
                values.append(value)
                marks.append(mark)
                if terminal == END and states[-1] == self.accepting:
                    return value, mark[2]
            states.append(action)
            values.append(Token.of(terminal, text[start:end], start, end) if terminal in kept else None)
            marks.append((start, end, 0))
            past = end
            index += 1
            while index < len(lexemes) and lexemes[index].start < past:
                index += 1

    @staticmethod
    def reduced(
        reduction: Reduction,
        make: Callable[[int, int, list[Any]], Any] | None,
        values: list[Any],
        marks: list[tuple[int, int, int]],
        past: int,
    ) -> tuple[Any, tuple[int, int, int]]:
        """The value and the mark of a production, from the top of the stacks; `past`: where the text before it ends."""
        size = reduction.size
        base = len(values) - size
        parts: list[Any] = []
        for at, splice, absent in reduction.keep:
            if absent:
                parts += [None] * absent
            if not splice:
                parts.append(values[base + at])
            elif parts:
                parts += values[base + at]
            else:
                parts = values[base + at]  # nobody else holds the list of a repetition
        if reduction.absent_at_end:
            parts += [None] * reduction.absent_at_end
        start, end, depth = -1, past, 0
        for mark in marks[base:]:
            if mark[0] >= 0:
                if start < 0:
                    start = mark[0]
                end = mark[1]
                if mark[2] > depth:
                    depth = mark[2]
        if reduction.passes:
            return parts[0], (start, end, depth)
        if make is None:
            return parts, (start, end, depth)
        return make(start if start >= 0 else past, end, parts), (start, end, depth + 1)


@cache
def automaton() -> Automaton:
    """The automaton of `wdf.lark`; made once, and read once a process."""

    def make() -> Automaton:
        from wdfmc.language.tables import automaton_of_grammar  # lark takes longer than all that is read with it

        return automaton_of_grammar()

    return remembered("grammar", code_of("wdfmc.language"), make)
