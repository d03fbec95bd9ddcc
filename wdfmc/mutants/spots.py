"""Where the statements of a driver's text stand, and what surrounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from wdfmc.language import ast

Routine: TypeAlias = ast.CallbackBody | ast.Helper | ast.Thread


@dataclass(frozen=True, slots=True)
class Spot:
    """A statement: `block.statements[at]` of a callback, helper or thread of a driver.

    around: the spots of the statements that it stands in, outermost first.
    """

    routine: Routine
    block: ast.Block
    at: int
    around: tuple[Spot, ...] = ()

    @property
    def statement(self) -> ast.Statement:
        return self.block.statements[self.at]

    @property
    def following(self) -> Spot | None:
        """The next statement of the same block."""
        if self.at + 1 == len(self.block.statements):
            return None
        return Spot(self.routine, self.block, self.at + 1, self.around)

    @property
    def bare(self) -> bool:
        """Whether it stands where a block could, without braces."""
        return self.block.span == self.statement.span


def routines(text: ast.Text) -> Iterator[Routine]:
    """Everything in the drivers of a text that has a body."""
    for item in text.items:
        if isinstance(item, ast.Driver):
            yield from (part for part in item.items if isinstance(part, ast.CallbackBody | ast.Helper | ast.Thread))


def spots(text: ast.Text) -> Iterator[Spot]:
    """Every statement of the drivers of a text, each before those inside it."""
    for routine in routines(text):
        yield from spots_in(routine, routine.body, ())


def spots_in(routine: Routine, block: ast.Block, around: tuple[Spot, ...]) -> Iterator[Spot]:
    for at, statement in enumerate(block.statements):
        spot = Spot(routine, block, at, around)
        yield spot
        for inner in blocks(statement):
            yield from spots_in(routine, inner, (*around, spot))


def blocks(statement: ast.Statement) -> tuple[ast.Block, ...]:
    """The blocks directly inside a statement."""
    match statement:
        case ast.Block():
            return (statement,)
        case ast.If(_, then, otherwise):
            return (then,) if otherwise is None else (then, otherwise)
        case ast.While(_, body) | ast.ForEach(_, _, _, _, body) | ast.Synchronize(_, body):
            return (body,)
        case ast.Choose(alternatives):
            return alternatives
        case _:
            return ()


def spots_of_line(text: ast.Text, line: int) -> list[Spot]:
    """The statements that begin on a 1-based line; if there is none, the innermost one that goes on there."""
    every = list(spots(text))
    if begun := [spot for spot in every if spot.statement.span.line == line]:
        return begun
    return [spot for spot in every if spot.statement.span.line < line <= last_line(spot.statement)][-1:]


def last_line(node: ast.Node) -> int:
    return node.span.source.position(max(node.span.start, node.span.end - 1))[0]
