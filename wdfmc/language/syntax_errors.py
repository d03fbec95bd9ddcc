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
from difflib import SequenceMatcher
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label
from wdfmc.language.expected import expected, keywords
from wdfmc.language.lalr import Cell, Lexeme, automaton
from wdfmc.language.lexical_errors import lexical_errors, malformed_number
from wdfmc.source import Source, Span

MOST: Final = 20  # diagnostics
DEEPEST_BRACKETS: Final = 400

# Nonterminals that stand in lists: where one can begin, reading can start again.
LISTS: Final = (
    "statement",
    "item",
    "driver_item",
    "field_line",
    "binding",
    "setting",
    "loop_line",
    "monitor_state",
    "on",
)
PLACE_CODES: Final = ("WDF104", "WDF105", "WDF110")
IN_DRIVER: Final = ("DRIVER", "NAME", "LBRACE")
IN_BODY: Final = ("HELPER", "NAME", "LPAR", "RPAR", "LBRACE")
# What may have been meant before a `{` when the line before it cannot be read.
HEADS: Final = (
    ("IF", "LPAR", "NAME", "RPAR"), ("HELPER", "NAME", "LPAR", "RPAR"), ("DRIVER", "NAME"), ("SORT", "NAME"),
    ("NAME", "NAME"),
    ("LOOP", "OF", "NAME", "COLON", "NAME"), ("CONTEXT", "NAME"), ("ENUM", "NAME"), ("FLAGS", "NAME"), ("ENVIRONMENT",),
    ("MONITOR", "RULE_NAME", "STRING"), ("STATE", "NAME"),
)  # fmt: skip

# Words of C and of other languages at the start of a statement or item, and what to write instead.
FOREIGN_WORDS: Final = {
    "switch": "write `if (x == a) { ... } else if (x == b) { ... }`",
    "case": "write `if (x == a) { ... } else if (x == b) { ... }`",
    "do": "write `while (true) { ...; if (!condition) { break; } }`",
    "goto": "put the shared end into a `helper`, and call it before each `return`",
    "struct": "fields of the driver stand in `context device { ... }` or `context request { ... }`",
    "typedef": "an enum is declared by `enum Name { a, b }`, a driver's fields by `context device { ... }`",
    "union": "fields of the driver stand in `context device { ... }` or `context request { ... }`",
    "static": "write `callback Name(...) { }` or `helper Name(...) { }`",
    "extern": "write `callback Name(...) { }` or `helper Name(...) { }`",
    "function": "write `callback Name(...) { }` or `helper Name(...) { }`",
    "else": "an `else` follows directly on the `}` of its `if`",
}
WORD_OPERATORS: Final = {"and": "AND", "or": "OR"}


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
        self.braces = Braces.of(self.source, self.lexemes)

    # ---------------------------------------------------------------- reading

    def read(self) -> None:
        if deep := self.braces.deepest_beyond(DEEPEST_BRACKETS):
            label = Label(self.span(self.lexemes[deep]), "too many brackets are open here")
            self.problems = [Diagnostic("WDF115", f"nested more than {DEEPEST_BRACKETS} levels deep", (label,))]
            return
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

    def left_by_brace(self, stack: Cell, index: int) -> Cell:
        """A `}` whose `{` stands before an item in the wrong place ends what the item stood in."""
        opened = self.braces.partner.get(index) if self.outer and self.lexemes[index].text == "}" else None
        while opened is not None and self.outer and opened < self.outer[-1][1]:
            stack, _ = self.outer.pop()
        return stack

    def repaired(self, stack: Cell, index: int) -> tuple[Cell, int]:
        """Report what is wrong at `index`, and give the stack and the lexeme with which to go on."""
        again = self.stuck_at == index
        self.stuck_at = index
        if not again:
            for repair in (
                self.left_wrong_place, self.wrong_bracket, self.stray_bracket, self.foreign_word,
                self.unclosed_brace, self.wrong_place, self.glued_number, self.c_operator,
                self.reserved_word, self.misspelt, self.without_keyword, self.missing_semicolon,
                self.missing_bracket, self.missing_mark, self.superfluous,
            ):  # fmt: skip
                if (done := repair(stack, index)) is not None:
                    return done
            self.report("WDF101", self.unexpected(stack, index), self.here(index), self.expectation(stack))
        return self.resumed(stack, index)

    def report(
        self, code: str, message: str, span: Span, label: str = "", *more: Label, help: str | None = None
    ) -> None:
        """Add a diagnostic, unless it follows from one before: a lexical error of its line, an odd brace."""
        known = any(p.labels[0].span == span for p in self.problems)
        if code in PLACE_CODES and self.braces.uneven:
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

    # ---------------------------------------------------------------- braces and places

    def left_wrong_place(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """The item in the wrong place is over: go back to where it stood."""
        before, at = self.begun(stack, index)
        for depth in reversed(range(len(self.outer))):
            outer, _ = self.outer[depth]
            if self.lexemes[index].text == "}" and at == index:
                back = self.survives(outer, index, 1) == 1
            else:
                back = self.survives(outer, at, 4) > self.survives(before, at, 4)
            if back:
                del self.outer[depth:]
                return outer, at
        return None

    def wrong_bracket(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """A `}` where a `)` is meant ..."""
        found = self.lexemes[index].text
        if found not in (")", "]", "}") or (found == "}" and self.first_on_line(index)):
            return None
        for mark, terminal in ((")", "RPAR"), ("]", "RSQB"), ("(", "LPAR"), ("{", "LBRACE")):
            if mark != found and (read_on := self.instead(stack, terminal, index)):
                opened = self.opened({")": "(", "]": "["}[mark]) if mark in ")]" else None
                why = [Label(self.here(opened), "opened here")] if opened is not None else []
                self.report(
                    "WDF105", f"expected `{mark}`, found `{found}`", self.here(index), f"expected `{mark}`", *why
                )
                return read_on
        return None

    def stray_bracket(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        if self.braces.partner.get(index, -1) is not None or self.lexemes[index].text not in ("}", ")", "]"):
            return None
        mark = self.lexemes[index].text
        if mark != "}" and self.survives(stack, index + 1, 2) < 2:
            return None
        opening = {"}": "{", ")": "(", "]": "["}[mark]
        self.report("WDF105", f"this `{mark}` closes nothing", self.here(index), f"no `{opening}` is open here")
        return stack, index + 1

    def unclosed_brace(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """An item begins where a statement stands, and a `}` is missing somewhere in the text."""
        if not self.braces.unclosed:
            return None
        before, at = self.begun(stack, index)
        starts = [(before, at), *((read.before, read.index) for read in self.begun_line(index))]
        if self.lexemes[index].text != "}":
            starts.append((stack, index))
        for before, at in starts:
            if not self.first_on_line(at):
                continue
            closed: Cell | None = before
            for _ in range(4):
                closed = self.fed(closed, "RBRACE")
                if closed is None:
                    break
                if self.survives(closed, at, 8) > max(3, self.survives(before, at, 8)):
                    opened = self.braces.suspect(at)
                    why = Label(self.here(at), f"{self.shown(at)} stands inside it")
                    message = "this `{` is never closed"
                    self.report("WDF104", message, self.here(opened), "its `}` is missing", why)
                    self.braces.unclosed.discard(opened)
                    return closed, at
        return None

    def wrong_place(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """An item of a driver outside one, a rule inside a driver, a statement outside a body ..."""
        before, at = self.begun(stack, index)
        place = self.level(before)
        if place is None:
            return None
        levels = {
            "item": ("outside of every driver", self.machine.empty),
            "driver_item": ("inside a driver", self.fed(self.machine.empty, *IN_DRIVER)),
            "statement": ("in a body", self.fed(self.machine.empty, *IN_BODY)),
        }
        limit = max(8, index - at + 2)
        # A word that begins an item here is no sort of an object of a driver.
        begins_item = self.is_keyword(before, at)
        reached = {
            level: self.survives(there, at, limit)
            for level, (_, there) in levels.items()
            if not begins_item or self.is_keyword(there, at)
        }
        reached[place] = self.survives(before, at, limit) + 2
        level = max(reached, key=lambda level: reached[level])
        if level == place or reached[level] < max(5, index - at + 2):
            return None
        if level == "statement" and reached[level] < min(8, self.until(at, ";{}")):
            return None  # rather an item without its keyword
        what = "a statement" if level == "statement" else self.shown(at)
        home = {
            "item": "beside the drivers, not in them", "driver_item": "inside `driver Name { ... }`",
            "statement": "in the body of a callback, helper or thread",
        }[level]  # fmt: skip
        ended = next((read for read in reversed(self.trail) if read.terminal == "RBRACE"), None)
        outside = (place, level) == ("item", "driver_item")
        why = [Label(self.here(ended.index), "the driver ends here")] if ended and outside else []
        self.report("WDF110", f"{what} cannot stand {levels[place][0]}", self.here(at), f"belongs {home}", *why)
        self.outer.append((before, at))
        there = levels[level][1]
        assert there is not None
        return there, at

    def is_keyword(self, stack: Cell | None, index: int) -> bool:
        read = None if stack is None else self.machine.after(stack, self.lexemes, index, self.text)
        return read is not None and read[2] not in ("NAME", "RULE_NAME")

    def until(self, index: int, marks: str) -> int:
        """How many lexemes there are from `index` to the first one of `marks`, that one included."""
        ends = (at for at in range(index, len(self.lexemes)) if self.lexemes[at].text in marks)
        return next(ends, len(self.lexemes)) - index + 1

    def level(self, stack: Cell) -> str | None:
        """Which list the innermost place belongs to."""
        goto = self.machine.goto[stack.state]
        return next((name for name in ("statement", "driver_item", "item") if name in goto), None) or next(
            (name for name in ("statement", "driver_item", "item") if self.lists(stack) & {name}), None
        )

    def lists(self, stack: Cell) -> set[str]:
        """The lists that can go on after `stack`, all that is complete being reduced."""
        found = self.machine.acceptable(stack).values()
        return {name for cell in found for name in LISTS if name in self.machine.goto[cell.state]}

    # ---------------------------------------------------------------- words

    def foreign_word(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        before, at = self.begun(stack, index)
        in_body = "statement" in self.machine.goto[self.anchor(stack).state]
        word = self.lexemes[at].text
        if word == "else" and in_body and (at == index or self.is_keyword(before, at) is False):
            self.report(
                "WDF116", "this `else` has no `if`", self.here(at), "cannot stand here", help=FOREIGN_WORDS[word]
            )
            return self.resumed(stack, index)
        for place in (at, index):
            word = self.lexemes[place].text
            if word in FOREIGN_WORDS and word != "else":
                message = f"there is no `{word}` in the language"
                self.report("WDF116", message, self.here(place), "cannot stand here", help=FOREIGN_WORDS[word])
                return self.behind_do(stack, at, index) if word == "do" else self.resumed(stack, index)
        if self.lexemes[at].text == "for" and self.lexemes[index].text == "(" and index == at + 1:
            instead = "write `while (condition) { ... }`, or `for each r: request where condition { ... }`"
            self.report(
                "WDF116", "there is no `for (...)` in the language", self.here(at), "expected `for each`", help=instead
            )
            return self.after_parentheses(before, index)
        return None

    def behind_do(self, stack: Cell, at: int, index: int) -> tuple[Cell, int]:
        """Go on behind `do { ... } while (...);`."""
        close = self.braces.partner.get(at + 1)
        behind = "" if close is None else "".join(lexeme.text for lexeme in self.lexemes[close + 1 : close + 2])
        return self.resumed(stack, close + 1 if close is not None and behind == "while" else index)

    def after_parentheses(self, before: Cell, index: int) -> tuple[Cell, int]:
        """Go on at what follows `( ... )`, as the body of an `if`."""
        close = self.braces.partner.get(index)
        condition = self.fed(before, "IF", "LPAR", "NAME", "RPAR")
        if close is None or close < index or condition is None:
            return self.resumed(before, index)
        return condition, close + 1

    def glued_number(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        if (
            not index
            or "NUMBER" not in self.lexemes[index - 1].terminals
            or "NAME" not in self.lexemes[index].terminals
        ):
            return None
        number, word = self.lexemes[index - 1], self.lexemes[index]
        if number.end != word.start:
            return None
        span = Span(self.source, number.start, word.end)
        self.report("WDF113", f"`{span.text}` is neither a number nor a name", span, "a name cannot begin with a digit")
        if self.trail and (named := self.fed(self.trail[-1].before, "NAME")) and self.survives(named, index + 1, 2):
            return named, index + 1
        return stack, index + 1

    def c_operator(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        here, last = self.lexemes[index], self.lexemes[index - 1] if index else self.lexemes[index]
        glued = last.end == here.start
        if here.text == "=" and glued and last.text in ("+", "-", "|", "&&", "||"):
            span = Span(self.source, last.start, here.end)
            self.report(
                "WDF116", f"there is no `{span.text}` in the language", span, help=f"write `x = x {last.text} ...;`"
            )
            return self.resumed(stack, index)
        if here.text == "=" and (read_on := self.instead(stack, "COMPARE", index)):
            instead = "a comparison is written `==`; `=` assigns, and only as a statement"
            self.report("WDF117", "`=` cannot stand in an expression", self.here(index), "`==` is meant?", help=instead)
            return read_on
        if here.text == "->" and (read_on := self.instead(stack, "DOT", index)):
            self.report("WDF116", "there are no pointers in the language", self.here(index), "write `.`")
            return read_on
        in_body = "statement" in self.machine.goto[self.anchor(stack).state]
        if (
            in_body
            and (terminal := WORD_OPERATORS.get(here.text))
            and (read_on := self.instead(stack, terminal, index))
        ):
            mark = {"AND": "&&", "OR": "||"}[terminal]
            self.report("WDF116", f"`{here.text}` joins conditions in rules only", self.here(index), f"write `{mark}`")
            return read_on
        twice = self.lexemes[index - 2 : index] if here.text not in ("+", "-") else self.lexemes[index - 1 : index + 1]
        if len(twice) == 2 and twice[0].text == twice[1].text in ("+", "-") and twice[0].end == twice[1].start:
            span = Span(self.source, twice[0].start, twice[1].end)
            instead = f"write `x = x {twice[0].text} 1;`, or `InterlockedIncrement(ref x);` if others may do so too"
            self.report("WDF116", f"there is no `{span.text}` in the language", span, "not an operator", help=instead)
            return self.resumed(stack, index)
        if here.text == "[":
            instead = "use a `set of request`, a `list[4] of request`, or one field each"
            self.report("WDF116", "there are no arrays in the language", self.here(index), "not allowed", help=instead)
            return self.resumed(stack, index)
        return None

    def instead(self, stack: Cell, terminal: str, index: int) -> tuple[Cell, int] | None:
        """Reading goes on well if the lexeme at `index` is taken for `terminal`."""
        read_on = self.fed(stack, terminal)
        return (read_on, index + 1) if read_on and self.survives(read_on, index + 1, 3) >= 2 else None

    def reserved_word(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """The word before was taken for a keyword, and a name is meant."""
        if not self.trail:
            return None
        last = self.trail[-1]
        word = self.lexemes[last.index].text
        if word not in keywords(last.terminal) or last.index != index - 1:
            return None
        named = self.fed(last.before, "NAME")
        if named is None or self.survives(named, index, 4) < 3:
            return None
        message = f"`{word}` is a keyword here and cannot be a name"
        self.report(
            "WDF109", message, self.here(last.index), "reserved", help=f"write `{word.capitalize()}`, or another name"
        )
        return named, index

    def misspelt(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """A word of the statement or item is nearly a keyword that could stand in its place."""
        best: tuple[float, str, int, Cell] | None = None
        places = [(stack, index)]
        for read in reversed(self.trail[-8:]):
            if read.terminal in ("SEMICOLON", "LBRACE", "RBRACE"):
                break
            if read.terminal in ("NAME", "RULE_NAME"):
                places.append((read.before, read.index))
        for before, at in places:
            word = self.lexemes[at].text
            if len(word) < 2 or not (word[0].isalpha() or word[0] == "_"):
                continue
            for terminal in self.machine.acceptable(before):
                for keyword in keywords(terminal):
                    closeness = likeness(word, keyword)
                    if keyword == word or closeness < 0.65 or (best and closeness <= best[0]):
                        continue
                    after = self.fed(before, terminal)
                    assert after is not None
                    if self.survives(after, at + 1, index - at + 4) >= index - at + 2:
                        best = closeness, keyword, at, after
        if best is None:
            return None
        _, keyword, at, after = best
        message = f"`{self.lexemes[at].text}` is not a keyword"
        self.report("WDF111", message, self.here(at), "misspelt?", help=f"did you mean `{keyword}`?")
        return after, at + 1

    def without_keyword(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        """`VOID OnRead(WDFREQUEST Request) {` or `OnRead(Request) {` in a driver."""
        before, at = self.begun(stack, index)
        ruled = self.fed(before, "RULE")
        if ruled is not None and self.survives(ruled, at, index - at + 4) >= index - at + 4:
            message, advice = "`rule` is missing here", f"write `rule {self.shown(at).strip('`')}...`"
            self.report("WDF101", message, self.here(at), "what is it?", help=advice)
            return ruled, at
        if self.lexemes[index].text != "(" or "NAME" not in self.lexemes[at].terminals or index - at not in (1, 2):
            return None
        close = self.braces.partner.get(index)
        if close is None or close + 1 >= len(self.lexemes) or self.lexemes[close + 1].text != "{":
            return None
        for level in (before, self.fed(self.machine.empty, *IN_DRIVER)):
            after = self.fed(level, "CALLBACK")
            if after is None or self.survives(after, index - 1, 8) < 6:
                continue
            name = self.lexemes[index - 1].text
            span = Span(self.source, self.lexemes[at].start, self.lexemes[index - 1].end)
            message = f"`{name}(...)` lacks a keyword"
            self.report(
                "WDF101", message, span, "what is it?", help=f"write `callback {name}(...)` or `helper {name}(...)`"
            )
            if level is not before:
                self.outer.append((before, at))
            return after, index - 1
        return None

    # ---------------------------------------------------------------- one mark more or less

    def missing_semicolon(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        after = self.fed(stack, "SEMICOLON")
        needed = 1 if self.first_on_line(index) or self.lexemes[index].text == "}" else 3
        if after is None or not index or self.survives(after, index, needed) < needed:
            return None
        self.report("WDF103", "a `;` is missing", self.just_before(index), "expected `;`")
        return after, index

    def missing_bracket(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        for closing, terminal in ((")", "RPAR"), ("]", "RSQB")):
            after: Cell | None = stack
            for count in range(1, 4):
                after = self.fed(after, terminal)
                if after is None:
                    break
                if self.survives(after, index, 3) < 2:
                    continue
                if self.owed >= count:
                    self.owed -= count
                else:
                    missing = f"`{closing}`" if count == 1 else f"{count} `{closing}`"
                    message = f"{missing} {'is' if count == 1 else 'are'} missing"
                    opened = self.opened({")": "(", "]": "["}[closing])
                    why = [Label(self.here(opened), "opened here")] if opened is not None else []
                    self.report("WDF104", message, self.just_before(index), f"expected `{closing}`", *why)
                return after, index
        return None

    def opened(self, mark: str) -> int | None:
        """The last bracket that is open on the trail."""
        closing = {"(": ")", "[": "]"}[mark]
        closed = 0
        for read in reversed(self.trail):
            text = self.lexemes[read.index].text
            if text == closing:
                closed += 1
            elif text == mark:
                if not closed:
                    return read.index
                closed -= 1
        return None

    def missing_mark(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        for mark, terminal in (("(", "LPAR"), (",", "COMMA"), ("{", "LBRACE"), (":", "COLON"), ("=", "EQUAL")):
            after = self.fed(stack, terminal)
            if after is None or self.survives(after, index, 4) < 3:
                continue
            if mark == "{" and not self.first_on_line(index):
                continue
            self.owed += mark == "("
            wanted = (
                "a condition in parentheses" if self.last_terminals()[-1:] in (("IF",), ("WHILE",)) else f"`{mark}`"
            )
            message = f"expected {wanted}, found {self.shown(index)}"
            if self.first_on_line(index):
                self.report("WDF101", message, self.just_before(index), f"expected `{mark}`")
            else:
                self.report("WDF101", message, self.here(index), f"`{mark}` is missing before this")
            return after, index
        return None

    def superfluous(self, stack: Cell, index: int) -> tuple[Cell, int] | None:
        text = self.lexemes[index].text
        if text in ("{", "}") or self.survives(stack, index + 1, 5) < 4:
            return None
        advice = "no `;` follows a `}`" if text == ";" and index and self.lexemes[index - 1].text == "}" else None
        self.report("WDF101", self.unexpected(stack, index), self.here(index), self.expectation(stack), help=advice)
        return stack, index + 1

    # ---------------------------------------------------------------- going on, and the end

    def resumed(self, stack: Cell, index: int) -> tuple[Cell, int]:
        """The next place where an element of the innermost list can begin, or where the list ends."""
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
                partner = self.braces.partner.get(at)
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
            if any(name in self.machine.goto[at.state] for name in LISTS):
                return at
            at = at.below
        return self.machine.empty

    def closing(self, anchor: Cell | None) -> Cell | None:
        """The innermost list from `anchor` down that a `}` can end."""
        while anchor is not None:
            if any(name in self.machine.goto[anchor.state] for name in LISTS) and self.fed(anchor, "RBRACE"):
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
        if self.braces.unclosed:
            opened = self.braces.suspect(last)
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


def likeness(word: str, keyword: str) -> float:
    """0 to 1; two neighbouring letters swapped count as one mistake."""
    if word.lower() == keyword:
        return 1.0
    if sorted(word.lower()) == sorted(keyword):
        return 0.95
    return SequenceMatcher(None, word.lower(), keyword).ratio()


@dataclass
class Braces:
    """Which bracket belongs to which.

    partner: index of a bracket -> index of the one that belongs to it, None if there is none.
    unclosed: indices of the `{` that are probably the ones without a `}`: by indentation, because by counting it is
        always the outermost that is left over.
    """

    partner: dict[int, int | None]
    unclosed: set[int]
    depth: list[int]

    @staticmethod
    def of(source: Source, lexemes: list[Lexeme]) -> Braces:
        partner: dict[int, int | None] = {}
        opened: list[int] = []
        depth = []
        pairs = {")": "(", "]": "[", "}": "{"}
        for index, lexeme in enumerate(lexemes):
            if lexeme.text in ("(", "[", "{"):
                opened.append(index)
            elif lexeme.text in pairs:
                while opened and lexemes[opened[-1]].text != pairs[lexeme.text] and lexeme.text == "}":
                    if "{" not in (lexemes[i].text for i in opened):
                        break
                    partner[opened.pop()] = None
                if opened and lexemes[opened[-1]].text == pairs[lexeme.text]:
                    partner[index] = opened.pop()
                    partner[partner[index] or 0] = index
                else:
                    partner[index] = None
            depth.append(len(opened))
        partner.update((index, None) for index in opened)
        missing = sum(lexemes[index].text == "{" for index in opened)
        unclosed = set(Braces.by_indentation(source, lexemes)[:missing])
        spare = [index for index in opened if lexemes[index].text == "{" and index not in unclosed]
        unclosed.update(spare[: missing - len(unclosed)])
        return Braces(partner, unclosed, depth)

    @staticmethod
    def by_indentation(source: Source, lexemes: list[Lexeme]) -> list[int]:
        """The `{` whose `}` stands further left than the line of the `{`."""
        found: list[int] = []
        opened: list[tuple[int, int]] = []
        for index, lexeme in enumerate(lexemes):
            if lexeme.text not in ("{", "}"):
                continue
            line = source.line(source.position(lexeme.start)[0])
            indent = len(line) - len(line.lstrip())
            if lexeme.text == "{":
                opened.append((index, indent))
                continue
            if line.lstrip().startswith("}"):
                while len(opened) > 1 and opened[-1][1] > indent:
                    found.append(opened.pop()[0])
            if opened:
                opened.pop()
        return found

    @property
    def uneven(self) -> bool:
        return None in self.partner.values()

    def suspect(self, before: int) -> int:
        """The best guess of the `{` that is not closed, when `before` shows that one is not."""
        earlier = [index for index in self.unclosed if index < before]
        return max(earlier) if earlier else min(self.unclosed)

    def deepest_beyond(self, limit: int) -> int | None:
        return next((index for index, depth in enumerate(self.depth) if depth > limit), None)
