"""What could have stood at a place in a text, in the words of the language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from wdfmc.language.lalr import END, Cell, automaton

# Terminals that are neither one word nor a choice of words.
SPELLED: Final[Mapping[str, str]] = {
    "LEADS": "`leads to`",
    "FAIR": "`fair weak`",
    "BY": "`by contract`",
    "FOR": "`for each`",
    "EXACTLY": "`exactly once`",
    "IF_IDLE": "`if idle`",
    "COMPARE": "a comparison",
    "SUM": "`+`, `-` or `|`",
    "NAME": "a name",
    "RULE_NAME": "the name of a rule",
    "NUMBER": "a number",
    "STRING": 'words in `"` quotes',
    END: "the end of the text",
}

# Nonterminals, the largest first: the first that can start with a terminal says what that terminal would be.
CONSTRUCTS: Final[Mapping[str, str]] = {
    "item": "an item (`driver`, `rule` ...)",
    "driver_item": "an item of the driver (`queue`, `callback` ...)",
    "statement": "a statement",
    "rule_body": "what the rule says (`never`, `always`, `by contract` ...)",
    "monitor_state": "a `state`",
    "on": "an edge (`on event(r) -> state;`)",
    "field_line": "a field (`Busy : bool;`)",
    "binding": "a binding (`EvtIoRead = OnRead;`)",
    "setting": "a setting (`power on;`)",
    "loop_line": "a line of the loop",
    "word": "a word (`parallel`, `managed` ...)",
    "type": "a type",
    "params": "a parameter",
    "param": "a parameter",
    "body": "a body in braces",
    "block": "a block in braces",
}
# Those that stand in lists: where one can begin, reading can start again.
ELEMENTS: Final = frozenset(
    {"item", "driver_item", "statement", "field_line", "binding", "setting", "loop_line", "monitor_state", "on"}
)
EXPRESSIONS: Final = frozenset(
    {
        "expr", "formula", "implication", "disjunction", "conjunction", "temporal", "past", "conditional", "or_expr",
        "and_expr", "comparison", "sum", "unary", "postfix", "atom",
    }
)  # fmt: skip
OPERATORS: Final = frozenset(
    {"OR", "AND", "COMPARE", "SUM", "MINUS", "QMARK", "DOT", "LPAR", "IN", "HAS", "IMPLIES", "SINCE", "AFTER", "WHILE"}
)
CONDITION_AFTER: Final = frozenset({"WHEN", "AWAIT", "REQUIRES", "WHERE", "NEVER", "ALWAYS", "TRIGGER", "ON"})
NAME_AFTER: Final[Mapping[str, str]] = {
    "DRIVER": "the driver's name",
    "SORT": "the sort's name",
    "HELPER": "the helper's name",
    "CALLBACK": "the callback's name",
    "THREAD": "the thread's name",
    "DDI": "the name of the DDI",
    "DEFINE": "the name of the condition",
    "GHOST": "the event's name",
    "EMIT": "the event's name",
    "ENUM": "the enum's name",
    "START": "the name of the first state",
    "STATE": "the state's name",
    "DOT": "the name of a field",
    "HAS": "the name of an option",
    "COLON": "the name of a sort or type",
    "EXPECT": "`proved` or `violated`",
    "ROLE": "the name of a role",
}
MOST_LISTED: Final = 4


def listed(words: Iterable[str]) -> str:
    """`a`, `b` or `c`"""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def expected(stack: Cell, before: tuple[str, ...]) -> str | None:
    """What can stand after `stack`, None if that is too much to list.

    Args:
        before: the terminals already read, as far as they matter (the last two).
    """
    found = automaton().acceptable(stack)
    calls = "DOT" in found  # what is before can be called, so `(` goes on with it
    words = dict.fromkeys(
        said(terminal, cell, before)
        for terminal, cell in found.items()
        if not operator(terminal, cell) or (terminal == "LPAR" and not calls)
    )
    if not words:
        return "an operator"
    if any(word == "a statement" for word in words):
        words = {word: None for word in words if word in ("a statement", "`}`", "`else`")}
    if len(words) > 1:
        words.pop(SPELLED[END], None)
    listing = sorted(words, key=lambda word: (word.startswith("`"), word))
    return listed(listing) if len(listing) <= MOST_LISTED else None


def operator(terminal: str, cell: Cell) -> bool:
    """The terminal would go on with an expression that could also end here."""
    joins = terminal in OPERATORS or spelling(terminal) in ("`or`", "`and`")
    return joins and not EXPRESSIONS & starts(terminal, cell)


def said(terminal: str, cell: Cell, before: tuple[str, ...]) -> str:
    possible = starts(terminal, cell)
    for construct, words in CONSTRUCTS.items():
        if construct in possible:
            return words
    last = before[-1] if before else ""
    if possible & EXPRESSIONS:
        in_condition = last in CONDITION_AFTER or (last == "LPAR" and before[-2:-1] in (("IF",), ("WHILE",)))
        return "a condition" if in_condition else "an expression"
    if terminal == "NAME":
        return NAME_AFTER.get(last, "a name")
    return spelling(terminal)


def starts(terminal: str, cell: Cell) -> frozenset[str]:
    """The nonterminals that can begin at `cell` with `terminal`."""
    return frozenset(symbol for symbol in automaton().goto[cell.state] if terminal in first().get(symbol, ()))


def spelling(terminal: str) -> str:
    if terminal in SPELLED:
        return SPELLED[terminal]
    if words := keywords(terminal):
        return listed(f"`{word}`" for word in words)
    known = automaton().terminals[terminal]
    assert known.exact, terminal
    return f"`{known.value}`"


def keywords(terminal: str) -> tuple[str, ...]:
    """The words that are a terminal: `acquire` and `release` are LOCK_OP; none for NAME, NUMBER or `;`."""
    if terminal in ("NAME", "RULE_NAME", "NUMBER", "STRING", "IF_IDLE", END):
        return ()
    pattern = automaton().terminals[terminal].value.removesuffix(r"\b")
    return tuple(re.findall(r"[A-Za-z_]+", pattern))


@cache
def all_keywords() -> frozenset[str]:
    """All that are keywords somewhere."""
    return frozenset(word for terminal in automaton().terminals for word in keywords(terminal))


@cache
def first() -> Mapping[str, frozenset[str]]:
    """Nonterminal -> the terminals that it can begin with. No production of the grammar begins with an empty part."""
    found: dict[str, set[str]] = {}
    productions = automaton().productions
    empty = {origin for origin, symbols in productions if not symbols}
    grown = True
    while grown:
        grown = False
        for origin, symbols in productions:
            begins = found.setdefault(origin, set())
            size = len(begins)
            for name, terminal in symbols:
                begins |= {name} if terminal else found.get(name, set())
                if name not in empty:
                    break
            grown |= len(begins) != size
    return {origin: frozenset(begins) for origin, begins in found.items()}
