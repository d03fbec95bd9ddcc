"""Every syntax error of a text that does not parse.

The automaton reads the text on states alone. Where it is stuck, repairs are tried in the order in which people make
mistakes (a brace that is not closed, an item in the wrong place, a misspelt keyword, a missing `;` ...): the first one
that lets the next few lexemes be read names the mistake, and reading goes on as if it had been made. When none does,
reading goes on at the next place where a statement or an item can begin (panic mode). What a mistake drags along is
not reported: an error on the line of a lexical error, or at a lexeme that already has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label
from wdfmc.language.brackets import Brackets
from wdfmc.language.expected import ELEMENTS, expected
from wdfmc.language.lalr import Cell, Lexeme, automaton
from wdfmc.language.lexical_errors import lexical_errors, malformed_number
from wdfmc.language.repairs import REPAIRS
from wdfmc.source import Source, Span

MOST: Final = 20  # diagnostics
DEEPEST_BRACKETS: Final = 10_000

PLACE_CODES: Final = ("WDF104", "WDF105", "WDF110")  # one odd brace gives several of these
# What may have been meant before a `{` when the line before it cannot be read.
HEADS: Final = (
    ("IF", "LPAR", "NAME", "RPAR"), ("HELPER", "NAME", "LPAR", "RPAR"), ("DRIVER", "NAME"), ("SORT", "NAME"),
    ("NAME", "NAME"),
    ("LOOP", "OF", "NAME", "COLON", "NAME"), ("CONTEXT", "NAME"), ("ENUM", "NAME"), ("FLAGS", "NAME"), ("ENVIRONMENT",),
    ("MONITOR", "RULE_NAME", "STRING"), ("STATE", "NAME"),
)  # fmt: skip


def syntax_errors(source: Source) -> list[Diagnostic]:
    """At least one diagnostic, at most `MOST`, in the order of the text. The text does not parse."""
    reader = Reader(source, *lexical_errors(source, automaton().lexemes(source.text)))
    reader.read()
    return sorted(reader.problems, key=lambda d: (d.labels[0].span.start, d.labels[0].span.end))[:MOST]


@dataclass(frozen=True, slots=True)
class Read:
    """One lexeme that was read."""

    index: int
    before: Cell
    terminal: str


@dataclass
class Reader:
    source: Source
    problems: list[Diagnostic]
    lexemes: list[Lexeme]
    cut_short: bool  # by a comment without an end
    trail: list[Read] = field(default_factory=list)
    # Items in the wrong place that are being read: where to go on behind each, and its first lexeme.
    outer: list[tuple[Cell, int]] = field(default_factory=list)
    owed: int = 0  # closing parentheses of opening ones that were missing
    stuck_at: int = -1
    broken_lines: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.machine = automaton()
        self.text = self.source.text
        self.broken_lines = frozenset(label.span.line for problem in self.problems for label in problem.labels[:1])
        self.problems += [
            problem
            for lexeme in self.lexemes
            if lexeme.terminals == ("NUMBER",) and (problem := malformed_number(lexeme.text, self.span(lexeme)))
        ]
        self.brackets = Brackets.of(self.source, self.lexemes)

    # ---------------------------------------------------------------- reading

    def read(self) -> Cell:
        """The stack at the end of the text, if every mistake in it were mended."""
        if deep := self.brackets.deepest_beyond(DEEPEST_BRACKETS):
            label = Label(self.span(self.lexemes[deep]), "too many brackets are open here")
            self.problems = [Diagnostic("WDF115", f"nested more than {DEEPEST_BRACKETS} levels deep", (label,))]
            return self.machine.empty
        stack, index = self.machine.empty, 0
        repairs = 0
        while len(self.problems) < MOST and repairs < 4 * MOST:
            if index >= len(self.lexemes):
                if not self.machine.ends(stack):
                    self.at_end(stack)
                break
            stack = self.left_by_brace(stack, index)
            moved = self.machine.after(stack, self.lexemes, index, self.text)
            if moved is None:
                repairs += 1
                stack, index = self.repaired(stack, index)
            else:
                self.trail.append(Read(index, stack, moved[2]))
                stack, index, _ = moved
        if not self.problems:
            last = self.lexemes[-1] if self.lexemes else Lexeme("", 0, 0, ())
            self.report("WDF101", "the text cannot be read to its end", self.span(last))
        return stack

    def left_by_brace(self, stack: Cell, index: int) -> Cell:
        """A `}` whose `{` stands before an item in the wrong place ends what the item stood in."""
        opened = self.brackets.partner.get(index) if self.outer and self.lexemes[index].text == "}" else None
        while opened is not None and self.outer and opened < self.outer[-1][1]:
            stack, _ = self.outer.pop()
        return stack

    def repaired(self, stack: Cell, index: int) -> tuple[Cell, int]:
        """Report what is wrong at `index`, and give the stack and the lexeme with which to go on."""
        again = self.stuck_at == index
        self.stuck_at = index
        if not again:
            for repair in REPAIRS:
                if (done := repair(self, stack, index)) is not None:
                    return done
            self.report("WDF101", self.unexpected(stack, index), self.here(index), self.expectation(stack))
        return self.resumed(stack, index)

    def report(
        self, code: str, message: str, span: Span, label: str = "", *more: Label, help: str | None = None
    ) -> None:
        """Add a diagnostic, unless it follows from one before: a lexical error of its line, an odd brace."""
        known = any(p.labels[0].span == span for p in self.problems)
        if code in PLACE_CODES and self.brackets.uneven:
            known |= any(p.code in PLACE_CODES for p in self.problems)
        if not self.problems or not (known or span.line in self.broken_lines):
            self.problems.append(Diagnostic(code, message, (Label(span, label), *more), help))

    # ---------------------------------------------------------------- places

    def span(self, lexeme: Lexeme) -> Span:
        return Span(self.source, lexeme.start, lexeme.end)

    def here(self, index: int) -> Span:
        return self.span(self.lexemes[index])

    def just_before(self, index: int) -> Span:
        """The empty span right after the lexeme before `index`."""
        at = self.lexemes[index - 1].end if index else 0
        return Span(self.source, at, at)

    def first_on_line(self, index: int) -> bool:
        return index == 0 or "\n" in self.text[self.lexemes[index - 1].end : self.lexemes[index].start]

    def begun(self, stack: Cell, index: int) -> tuple[Cell, int]:
        """The statement or item that `index` belongs to: its first lexeme, and the stack before that."""
        for read in reversed(self.trail):
            if read.terminal in ("SEMICOLON", "LBRACE", "RBRACE"):
                break
            stack, index = read.before, read.index
        return stack, index

    def begun_line(self, index: int) -> Iterator[Read]:
        """The lexemes read of the present statement or item that begin a line, the last first."""
        for read in reversed(self.trail):
            if read.terminal in ("SEMICOLON", "LBRACE", "RBRACE"):
                return
            if self.first_on_line(read.index) and read.index < index:
                yield read

    def survives(self, stack: Cell | None, index: int, limit: int = 6) -> int:
        return self.machine.survives(stack, self.lexemes, index, self.text, limit)

    def fed(self, stack: Cell | None, *terminals: str) -> Cell | None:
        for terminal in terminals:
            if stack is None:
                return None
            stack = self.machine.shifted(stack, terminal)
        return stack

    def last_terminals(self) -> tuple[str, ...]:
        return tuple(read.terminal for read in self.trail[-2:])

    def shown(self, index: int) -> str:
        text = self.lexemes[index].text
        return f"`{text if len(text) <= 40 else text[:37] + '...'}`"

    def unexpected(self, stack: Cell, index: int) -> str:
        wanted = expected(stack, self.last_terminals())
        return f"expected {wanted}, found {self.shown(index)}" if wanted else f"{self.shown(index)} cannot stand here"

    def expectation(self, stack: Cell) -> str:
        wanted = expected(stack, self.last_terminals())
        return f"expected {wanted}" if wanted else "unexpected"

    # ---------------------------------------------------------------- going on, and the end

    def resumed(self, stack: Cell, index: int) -> tuple[Cell, int]:
        """The next place where an element of the innermost list can begin, or where the list ends."""
        stack, index = self.next_place(stack, index)
        self.trail.append(Read(max(index - 1, 0), stack, "SEMICOLON"))  # what was skipped ends here
        return stack, index

    def next_place(self, stack: Cell, index: int) -> tuple[Cell, int]:
        anchor = self.anchor(stack)
        in_body = "statement" in self.machine.goto[anchor.state]
        at = index
        while at < len(self.lexemes):
            text = self.lexemes[at].text
            if text == "}":
                if closing := self.closing(anchor):
                    return closing, at
                at += 1
            elif text == "{":
                if begun := self.headed(anchor, at):
                    return begun, at
                partner = self.brackets.partner.get(at)
                at = len(self.lexemes) if partner is None else partner + 1
            elif text == ";":
                at += 1
                if at == len(self.lexemes) or self.survives(anchor, at, 1 if in_body else 2) >= (1 if in_body else 2):
                    return anchor, at
                continue
            else:
                if at > index and self.first_on_line(at) and not in_body and self.survives(anchor, at, 4) >= 3:
                    return anchor, at
                at += 1
                continue
            if at < len(self.lexemes) and self.survives(anchor, at, 2) >= 2:
                return anchor, at
        return anchor, at

    def anchor(self, stack: Cell) -> Cell:
        at: Cell | None = stack
        while at is not None:
            if any(name in self.machine.goto[at.state] for name in ELEMENTS):
                return at
            at = at.below
        return self.machine.empty

    def closing(self, anchor: Cell | None) -> Cell | None:
        """The innermost list from `anchor` down that a `}` can end."""
        while anchor is not None:
            if any(name in self.machine.goto[anchor.state] for name in ELEMENTS) and self.fed(anchor, "RBRACE"):
                return anchor
            anchor = anchor.below
        return None

    def headed(self, anchor: Cell, at: int) -> Cell | None:
        """A stack on which the `{ ... }` at `at` can be read as some statement or item of the list."""
        survivals = ((self.survives(begun, at, 40), begun) for head in HEADS if (begun := self.fed(anchor, *head)))
        best = max(survivals, key=lambda pair: pair[0], default=(0, None))
        return best[1] if best[0] >= 3 else None

    def at_end(self, stack: Cell) -> None:
        """The text ends too early."""
        if self.cut_short or self.outer:
            return
        last = len(self.lexemes)
        end = self.just_before(last)
        complete = not last or self.lexemes[-1].text in ("}", ";", "{")
        if self.brackets.unclosed:
            opened = self.brackets.suspect(last)
            if complete:
                self.report(
                    "WDF104",
                    "this `{` is never closed",
                    self.here(opened),
                    "its `}` is missing",
                    Label(end, "the text ends here"),
                )
                return
            why = [Label(self.here(opened), "this `{` is still open")]
        elif self.problems:
            return
        else:
            why = []
        wanted = expected(stack, self.last_terminals())
        message = f"the text ends where {wanted} is expected" if wanted else "the text ends too early"
        self.report("WDF102", message, end, f"expected {wanted}" if wanted else "the text ends here", *why)
