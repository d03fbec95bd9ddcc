"""The lanes of a trace, as the library names them: who they are, and which states of a request each of them holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wdfmc.semantics import typed

PREFIX: Final = "lane-"  # of the rules that name them


@dataclass(frozen=True, slots=True)
class Lane:
    """`name` is what the names of the environment's steps begin with; `holds`: values of a request's state."""

    name: str
    title: str
    holds: frozenset[str]


def lanes_of(program: typed.Program) -> tuple[Lane, ...]:
    """From left to right. `program`: analysed with the review texts of the library."""
    return tuple(
        Lane(name.removeprefix(PREFIX), rule.sentence, frozenset(held(rule.formula)))
        for name, rule in program.rules.items()
        if name.startswith(PREFIX)
    )


def held(formula: typed.Expr | None) -> Iterable[str]:
    """The values with which a formula about one state is true."""
    match formula:
        case typed.OneOf(_, members):
            yield from members
        case typed.Compare("==", _, typed.Const(str() as value)):
            yield value
        case typed.Or(left, right):
            yield from held(left)
            yield from held(right)
        case _:
            assert formula == typed.Const(False), formula
