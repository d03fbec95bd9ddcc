"""What people get wrong, and how to read on as if they had not.

A repair looks at the place where the reader is stuck. It reports the mistake and gives the stack and the lexeme with
which to go on, or None if the mistake is another one. It is believed only if the next lexemes can be read after it.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, TypeAlias

from wdfmc.diagnostics import Label
from wdfmc.language.expected import ELEMENTS, keywords
from wdfmc.language.lalr import Cell
from wdfmc.source import Span

if TYPE_CHECKING:
    from wdfmc.language.syntax_errors import Reader

Place: TypeAlias = tuple[Cell, int]  # a stack, and the index of the lexeme to read next
Repair: TypeAlias = "Callable[[Reader, Cell, int], Place | None]"

IN_DRIVER: Final = ("DRIVER", "NAME", "LBRACE")
IN_BODY: Final = ("HELPER", "NAME", "LPAR", "RPAR", "LBRACE")

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
    "elseif": "write `else if (...) { ... }`",
    "elif": "write `else if (...) { ... }`",
    "elsif": "write `else if (...) { ... }`",
    "foreach": "write `for each r of Pending { ... }`, or `for each r: request where condition { ... }`",
    "try": "there are no exceptions: test what a call returns",
    "__try": "there are no exceptions: test what a call returns",
    "else": "an `else` follows directly on the `}` of its `if`",
}
TAKES_A_NAME: Final = (
    "return",
    "await",
    "enter",
    "allocate",
    "free",
    "touch",
    "acquire",
    "release",
    "inline",
    "choose",
)
# The types of C without a capital in their names that a pasted declaration may begin with; besides those in `_t`.
C_TYPES: Final = frozenset({"auto", "bool", "char", "double", "float", "int", "long", "short", "signed", "unsigned"})
WORD_OPERATORS: Final = {"and": "AND", "or": "OR"}


# ---------------------------------------------------------------- braces and places


def left_wrong_place(reader: Reader, stack: Cell, index: int) -> Place | None:
    """The item in the wrong place is over: go back to where it stood."""
    before, at = reader.begun(stack, index)
    for depth in reversed(range(len(reader.outer))):
        outer, _ = reader.outer[depth]
        if reader.lexemes[index].text == "}" and at == index:
            back = reader.survives(outer, index, 1) == 1
        else:
            back = reader.survives(outer, at, 4) > reader.survives(before, at, 4)
        if back:
            del reader.outer[depth:]
            return outer, at
    return None


def wrong_bracket(reader: Reader, stack: Cell, index: int) -> Place | None:
    """A `}` where a `)` is meant ..."""
    found = reader.lexemes[index].text
    if found not in (")", "]", "}") or (found == "}" and reader.first_on_line(index)):
        return None
    for mark, terminal in ((")", "RPAR"), ("]", "RSQB"), ("(", "LPAR"), ("{", "LBRACE")):
        if mark != found and (read_on := taken_for(reader, stack, terminal, index)):
            opened = open_bracket(reader, {")": "(", "]": "["}[mark]) if mark in ")]" else None
            why = [Label(reader.here(opened), "opened here")] if opened is not None else []
            reader.report(
                "WDF105", f"expected `{mark}`, found `{found}`", reader.here(index), f"expected `{mark}`", *why
            )
            return read_on
    return None


def stray_bracket(reader: Reader, stack: Cell, index: int) -> Place | None:
    if reader.brackets.partner.get(index, -1) is not None or reader.lexemes[index].text not in ("}", ")", "]"):
        return None
    mark = reader.lexemes[index].text
    if mark != "}" and reader.survives(stack, index + 1, 2) < 2:
        return None
    opening = {"}": "{", ")": "(", "]": "["}[mark]
    reader.report("WDF105", f"this `{mark}` closes nothing", reader.here(index), f"no `{opening}` is open here")
    return stack, index + 1


def unclosed_brace(reader: Reader, stack: Cell, index: int) -> Place | None:
    """An item begins where a statement stands, and a `}` is missing somewhere in the text."""
    if not reader.brackets.unclosed:
        return None
    before, at = reader.begun(stack, index)
    starts = [(before, at), *((read.before, read.index) for read in reader.begun_line(index))]
    if reader.lexemes[index].text != "}":
        starts.append((stack, index))
    for before, at in starts:
        if not reader.first_on_line(at):
            continue
        closed: Cell | None = before
        for _ in range(4):
            closed = reader.fed(closed, "RBRACE")
            if closed is None:
                break
            if reader.survives(closed, at, 8) > max(3, reader.survives(before, at, 8)):
                opened = reader.brackets.suspect(at)
                why = Label(reader.here(at), f"{reader.shown(at)} stands inside it")
                message = "this `{` is never closed"
                reader.report("WDF104", message, reader.here(opened), "its `}` is missing", why)
                reader.brackets.unclosed.discard(opened)
                return closed, at
    return None


def wrong_place(reader: Reader, stack: Cell, index: int) -> Place | None:
    """An item of a driver outside one, a rule inside a driver, a statement outside a body ..."""
    before, at = reader.begun(stack, index)
    place = level_of(reader, before)
    if place is None:
        return None
    levels = {
        "item": ("outside of every driver", reader.machine.empty),
        "driver_item": ("inside a driver", reader.fed(reader.machine.empty, *IN_DRIVER)),
        "statement": ("in a body", reader.fed(reader.machine.empty, *IN_BODY)),
    }
    limit = max(8, index - at + 2)
    # A word that begins an item here is no sort of an object of a driver.
    begins_item = is_keyword(reader, before, at)
    reached = {
        level: reader.survives(there, at, limit)
        for level, (_, there) in levels.items()
        if not begins_item or is_keyword(reader, there, at)
    }
    reached[place] = reader.survives(before, at, limit) + 2
    level = max(reached, key=lambda level: reached[level])
    if level == place or reached[level] < max(5, index - at + 2):
        return None
    if level == "statement" and reached[level] < min(8, until(reader, at, ";{}")):
        return None  # rather an item without its keyword
    what = "a statement" if level == "statement" else reader.shown(at)
    home = {
        "item": "beside the drivers, not in them", "driver_item": "inside `driver Name { ... }`",
        "statement": "in the body of a callback, helper or thread",
    }[level]  # fmt: skip
    ended = next((read for read in reversed(reader.trail) if read.terminal == "RBRACE"), None)
    outside = (place, level) == ("item", "driver_item")
    why = [Label(reader.here(ended.index), "the driver ends here")] if ended and outside else []
    reader.report("WDF110", f"{what} cannot stand {levels[place][0]}", reader.here(at), f"belongs {home}", *why)
    reader.outer.append((before, at))
    there = levels[level][1]
    assert there is not None
    return there, at


def is_keyword(reader: Reader, stack: Cell | None, index: int) -> bool:
    read = None if stack is None else reader.machine.after(stack, reader.lexemes, index, reader.text)
    return read is not None and read[2] not in ("NAME", "RULE_NAME")


def until(reader: Reader, index: int, marks: str) -> int:
    """How many lexemes there are from `index` to the first one of `marks`, that one included."""
    ends = (at for at in range(index, len(reader.lexemes)) if reader.lexemes[at].text in marks)
    return next(ends, len(reader.lexemes)) - index + 1


def level_of(reader: Reader, stack: Cell) -> str | None:
    """Which list the innermost place belongs to."""
    goto = reader.machine.goto[stack.state]
    return next((name for name in ("statement", "driver_item", "item") if name in goto), None) or next(
        (name for name in ("statement", "driver_item", "item") if lists(reader, stack) & {name}), None
    )


def lists(reader: Reader, stack: Cell) -> set[str]:
    """The lists that can go on after `stack`, all that is complete being reduced."""
    found = reader.machine.acceptable(stack).values()
    return {name for cell in found for name in ELEMENTS if name in reader.machine.goto[cell.state]}


# ---------------------------------------------------------------- words


def foreign_word(reader: Reader, stack: Cell, index: int) -> Place | None:
    before, at = reader.begun(stack, index)
    in_body = "statement" in reader.machine.goto[reader.anchor(stack).state]
    word = reader.lexemes[at].text
    if word == "else" and in_body and (at == index or not is_keyword(reader, before, at)):
        reader.report(
            "WDF116", "this `else` has no `if`", reader.here(at), "cannot stand here", help=FOREIGN_WORDS[word]
        )
        return reader.resumed(stack, index)
    for place in (at, index):
        word = reader.lexemes[place].text
        if word in FOREIGN_WORDS and word != "else":
            message = f"there is no `{word}` in the language"
            reader.report("WDF116", message, reader.here(place), "cannot stand here", help=FOREIGN_WORDS[word])
            return behind_do(reader, stack, at, index) if word == "do" else reader.resumed(stack, index)
    if reader.lexemes[at].text == "for" and reader.lexemes[index].text == "(" and index == at + 1:
        instead = "write `while (condition) { ... }`, or `for each r: request where condition { ... }`"
        reader.report(
            "WDF116", "there is no `for (...)` in the language", reader.here(at), "expected `for each`", help=instead
        )
        return after_parentheses(reader, before, index)
    return None


def behind_do(reader: Reader, stack: Cell, at: int, index: int) -> Place:
    """Go on behind `do { ... } while (...);`."""
    close = reader.brackets.partner.get(at + 1)
    behind = "" if close is None else "".join(lexeme.text for lexeme in reader.lexemes[close + 1 : close + 2])
    return reader.resumed(stack, close + 1 if close is not None and behind == "while" else index)


def after_parentheses(reader: Reader, before: Cell, index: int) -> Place:
    """Go on at what follows `( ... )`, as the body of an `if`."""
    close = reader.brackets.partner.get(index)
    condition = reader.fed(before, "IF", "LPAR", "NAME", "RPAR")
    if close is None or close < index or condition is None:
        return reader.resumed(before, index)
    return condition, close + 1


def glued_number(reader: Reader, stack: Cell, index: int) -> Place | None:
    if (
        not index
        or "NUMBER" not in reader.lexemes[index - 1].terminals
        or "NAME" not in reader.lexemes[index].terminals
    ):
        return None
    number, word = reader.lexemes[index - 1], reader.lexemes[index]
    if number.end != word.start:
        return None
    span = Span(reader.source, number.start, word.end)
    reader.report("WDF113", f"`{span.text}` is neither a number nor a name", span, "a name cannot begin with a digit")
    if reader.trail and (named := reader.fed(reader.trail[-1].before, "NAME")) and reader.survives(named, index + 1, 2):
        return named, index + 1
    return stack, index + 1


def c_operator(reader: Reader, stack: Cell, index: int) -> Place | None:
    here, last = reader.lexemes[index], reader.lexemes[index - 1] if index else reader.lexemes[index]
    glued = last.end == here.start
    if here.text == "=" and glued and last.text in ("+", "-", "|", "&&", "||"):
        span = Span(reader.source, last.start, here.end)
        reader.report(
            "WDF116", f"there is no `{span.text}` in the language", span, help=f"write `x = x {last.text} ...;`"
        )
        return reader.resumed(stack, index)
    if here.text == "=" and (read_on := taken_for(reader, stack, "COMPARE", index)):
        instead = "a comparison is written `==`; `=` assigns, and only as a statement"
        reader.report("WDF117", "`=` cannot stand in an expression", reader.here(index), "`==` is meant?", help=instead)
        return read_on
    if here.text == "->" and (read_on := taken_for(reader, stack, "DOT", index)):
        reader.report("WDF116", "there are no pointers in the language", reader.here(index), "write `.`")
        return read_on
    in_body = "statement" in reader.machine.goto[reader.anchor(stack).state]
    if in_body and here.text == "&" and (read_on := taken_for(reader, stack, "SUM", index)):
        instead = "an enumeration is compared by `==`, a set of options is asked by `options has NAME`"
        reader.report("WDF116", "there are no operations on bits", reader.here(index), "not an operator", help=instead)
        return read_on
    if (
        in_body
        and (terminal := WORD_OPERATORS.get(here.text))
        and (read_on := taken_for(reader, stack, terminal, index))
    ):
        mark = {"AND": "&&", "OR": "||"}[terminal]
        reader.report("WDF116", f"`{here.text}` joins conditions in rules only", reader.here(index), f"write `{mark}`")
        return read_on
    twice = reader.lexemes[index - 2 : index] if here.text not in ("+", "-") else reader.lexemes[index - 1 : index + 1]
    if len(twice) == 2 and twice[0].text == twice[1].text in ("+", "-") and twice[0].end == twice[1].start:
        span = Span(reader.source, twice[0].start, twice[1].end)
        instead = f"write `x = x {twice[0].text} 1;`, or `InterlockedIncrement(ref x);` if others may do so too"
        reader.report("WDF116", f"there is no `{span.text}` in the language", span, "not an operator", help=instead)
        return reader.resumed(stack, index)
    if here.text == "[":
        instead = "use a `set of request`, a `list[4] of request`, or one field each"
        reader.report("WDF116", "there are no arrays in the language", reader.here(index), "not allowed", help=instead)
        return reader.resumed(stack, index)
    return None


def taken_for(reader: Reader, stack: Cell, terminal: str, index: int) -> Place | None:
    """Reading goes on well if the lexeme at `index` is taken for `terminal`."""
    read_on = reader.fed(stack, terminal)
    return (read_on, index + 1) if read_on and reader.survives(read_on, index + 1, 3) >= 2 else None


def reserved_word(reader: Reader, stack: Cell, index: int) -> Place | None:
    """The word before was taken for a keyword, and a name is meant."""
    if not reader.trail:
        return None
    last = reader.trail[-1]
    word = reader.lexemes[last.index].text
    if word not in keywords(last.terminal) or last.index != index - 1:
        return None
    named = reader.fed(last.before, "NAME")
    if named is None or reader.survives(named, index, 4) < 3:
        return None
    message = f"`{word}` is a keyword here and cannot be a name"
    reader.report(
        "WDF109", message, reader.here(last.index), "reserved", help=f"write `{word.capitalize()}`, or another name"
    )
    return named, index


def misspelt(reader: Reader, stack: Cell, index: int) -> Place | None:
    """A word of the statement or item is nearly a keyword that could stand in its place."""
    best: tuple[float, str, int, Cell] | None = None
    places = [(stack, index)]
    for read in reversed(reader.trail[-8:]):
        if read.terminal in ("SEMICOLON", "LBRACE", "RBRACE"):
            break
        if read.terminal in ("NAME", "RULE_NAME"):
            places.append((read.before, read.index))
    for before, at in places:
        word = reader.lexemes[at].text
        if len(word) < 2 or not (word[0].isalpha() or word[0] == "_"):
            continue
        for terminal in reader.machine.acceptable(before):
            for keyword in keywords(terminal):
                closeness = likeness(word, keyword)
                if keyword == word or closeness < 0.65 or (best and closeness <= best[0]):
                    continue
                after = reader.fed(before, terminal)
                assert after is not None
                if reader.survives(after, at + 1, index - at + 4) >= index - at + 2:
                    best = closeness, keyword, at, after
    if best is None:
        return None
    _, keyword, at, after = best
    message = f"`{reader.lexemes[at].text}` is not a keyword"
    reader.report("WDF111", message, reader.here(at), "misspelt?", help=f"did you mean `{keyword}`?")
    return after, at + 1


def without_keyword(reader: Reader, stack: Cell, index: int) -> Place | None:
    """`VOID OnRead(WDFREQUEST Request) {` or `OnRead(Request) {` in a driver."""
    before, at = reader.begun(stack, index)
    ruled = reader.fed(before, "RULE")
    if ruled is not None and reader.survives(ruled, at, index - at + 4) >= index - at + 4:
        message, advice = "`rule` is missing here", f"write `rule {reader.shown(at).strip('`')}...`"
        reader.report("WDF101", message, reader.here(at), "what is it?", help=advice)
        return ruled, at
    if reader.lexemes[index].text != "(" or "NAME" not in reader.lexemes[at].terminals or index - at not in (1, 2):
        return None
    close = reader.brackets.partner.get(index)
    if close is None or close + 1 >= len(reader.lexemes) or reader.lexemes[close + 1].text != "{":
        return None
    for level in (before, reader.fed(reader.machine.empty, *IN_DRIVER)):
        after = reader.fed(level, "CALLBACK")
        if after is None or reader.survives(after, index - 1, 8) < 6:
            continue
        name = reader.lexemes[index - 1].text
        span = Span(reader.source, reader.lexemes[at].start, reader.lexemes[index - 1].end)
        message = f"`{name}(...)` lacks a keyword"
        reader.report(
            "WDF101", message, span, "what is it?", help=f"write `callback {name}(...)` or `helper {name}(...)`"
        )
        if level is not before:
            reader.outer.append((before, at))
        return after, index - 1
    return None


# ---------------------------------------------------------------- one mark more or less


def missing_semicolon(reader: Reader, stack: Cell, index: int) -> Place | None:
    for read in reader.begun_line(index):  # `queue A : manual` and `callback F...`: a word of two words, so far
        after = reader.fed(read.before, "SEMICOLON")
        if after is not None and reader.survives(after, read.index, index - read.index + 4) >= index - read.index + 3:
            reader.report("WDF103", "a `;` is missing", reader.just_before(read.index), "expected `;`")
            return after, read.index
    after = reader.fed(stack, "SEMICOLON")
    needed = 1 if reader.first_on_line(index) or reader.lexemes[index].text == "}" else 3
    if after is None or not index or reader.survives(after, index, needed) < needed:
        return None
    reader.report("WDF103", "a `;` is missing", reader.just_before(index), "expected `;`")
    return after, index


def missing_bracket(reader: Reader, stack: Cell, index: int) -> Place | None:
    for closing, terminal in ((")", "RPAR"), ("]", "RSQB")):
        after: Cell | None = stack
        for count in range(1, 4):
            after = reader.fed(after, terminal)
            if after is None:
                break
            if reader.survives(after, index, 3) < 2:
                continue
            if reader.owed >= count:
                reader.owed -= count
            else:
                missing = f"`{closing}`" if count == 1 else f"{count} `{closing}`"
                message = f"{missing} {'is' if count == 1 else 'are'} missing"
                opened = open_bracket(reader, {")": "(", "]": "["}[closing])
                why = [Label(reader.here(opened), "opened here")] if opened is not None else []
                reader.report("WDF104", message, reader.just_before(index), f"expected `{closing}`", *why)
            return after, index
    return None


def open_bracket(reader: Reader, mark: str) -> int | None:
    """The last bracket that is open on the trail."""
    closing = {"(": ")", "[": "]"}[mark]
    closed = 0
    for read in reversed(reader.trail):
        text = reader.lexemes[read.index].text
        if text == closing:
            closed += 1
        elif text == mark:
            if not closed:
                return read.index
            closed -= 1
    return None


def missing_mark(reader: Reader, stack: Cell, index: int) -> Place | None:
    for mark, terminal in (("(", "LPAR"), (",", "COMMA"), ("{", "LBRACE"), (":", "COLON"), ("=", "EQUAL")):
        after = reader.fed(stack, terminal)
        if after is None or reader.survives(after, index, 4) < 3:
            continue
        if mark == "{" and not reader.first_on_line(index):
            continue
        reader.owed += mark == "("
        wanted = "a condition in parentheses" if reader.last_terminals()[-1:] in (("IF",), ("WHILE",)) else f"`{mark}`"
        message = f"expected {wanted}, found {reader.shown(index)}"
        if reader.first_on_line(index):
            reader.report("WDF101", message, reader.just_before(index), f"expected `{mark}`")
        else:
            reader.report("WDF101", message, reader.here(index), f"`{mark}` is missing before this")
        return after, index
    return None


def superfluous(reader: Reader, stack: Cell, index: int) -> Place | None:
    text = reader.lexemes[index].text
    unfinished = text == ";" and reader.begun(stack, index)[1] != index  # then the statement lacks something
    if text in ("{", "}") or unfinished or reader.survives(stack, index + 1, 5) < 4:
        return None
    advice = "no `;` follows a `}`" if text == ";" and index and reader.lexemes[index - 1].text == "}" else None
    reader.report("WDF101", reader.unexpected(stack, index), reader.here(index), reader.expectation(stack), help=advice)
    return stack, index + 1


def misspelt_statement(word: str) -> str | None:
    """The keyword that `word` nearly is, when `word other;` could be a statement with it: `retrun status;`."""
    close = [keyword for keyword in TAKES_A_NAME if likeness(word, keyword) >= 0.8]
    return max(close, key=lambda keyword: likeness(word, keyword), default=None)


def not_a_type(word: str) -> str | None:
    """What to do if `word name;` looks like a declaration of C, and `word` is no type of C: `goto End;`."""
    if word in FOREIGN_WORDS:
        return FOREIGN_WORDS[word]
    if word.islower() and word not in C_TYPES and not word.endswith("_t"):
        return "a statement is `Name(...);` or `name = ...;`, or begins with a keyword"
    return None


def likeness(word: str, keyword: str) -> float:
    """0 to 1; two neighbouring letters swapped count as one mistake."""
    if word.lower() == keyword:
        return 1.0
    if sorted(word.lower()) == sorted(keyword):
        return 0.95
    return SequenceMatcher(None, word.lower(), keyword).ratio()


# In the order in which they are tried: what is told apart most surely comes first.
REPAIRS: Final[tuple[Repair, ...]] = (
    left_wrong_place,
    wrong_bracket,
    stray_bracket,
    foreign_word,
    unclosed_brace,
    wrong_place,
    glued_number,
    c_operator,
    reserved_word,
    misspelt,
    without_keyword,
    missing_semicolon,
    missing_bracket,
    missing_mark,
    superfluous,
)
