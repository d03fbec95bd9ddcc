"""A driver's text as idioms see it, and statements written into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from wdfmc.language import ast
from wdfmc.language.edits import COMMENT_BEHIND, Edit
from wdfmc.mutants.mutations import call_of, successes
from wdfmc.mutants.spots import Routine, Spot, routines, spots, spots_in
from wdfmc.semantics import typed
from wdfmc.semantics.declarations import walk
from wdfmc.semantics.deeds import Deeds, deeds
from wdfmc.source import Span


@dataclass(frozen=True, slots=True)
class Repair:
    """`idiom`: its name, the same in every driver. `words`: what it does here."""

    idiom: str
    words: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Driver:
    """Args:
    text: the driver.
    program: the same, typed.
    lines: those that the trace passes through. Idioms change the callbacks, helpers and threads around them.
    """

    text: ast.Text
    program: typed.Program
    lines: frozenset[int] = field(default=frozenset())

    @cached_property
    def deeds(self) -> Mapping[str, Deeds]:
        return deeds(self.program)

    @cached_property
    def successes(self) -> Mapping[str, str]:
        return successes(self.program)

    @cached_property
    def routines(self) -> tuple[Routine, ...]:
        return tuple(routines(self.text))

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """The statements of the routines that the trace passes through."""
        return tuple(spot for spot in spots(self.text) if self.passed(spot.routine))

    def passed(self, routine: Routine) -> bool:
        first, last = routine.span.line, routine.span.source.position(routine.span.end)[0]
        return any(first <= line <= last for line in self.lines)

    @cached_property
    def fields(self) -> tuple[ast.Field, ...]:
        """The variables of the driver's contexts."""
        return tuple(
            part
            for item in self.text.items
            if isinstance(item, ast.Driver)
            for context in item.items
            if isinstance(context, ast.Context)
            for part in context.fields
        )

    @cached_property
    def calling_back(self) -> frozenset[str]:
        """The calls, and helpers of the driver, during which a callback may run on the same thread."""
        found = {name for name, deed in self.deeds.items() if deed.calls_back}
        helpers = [routine for routine in self.routines if isinstance(routine, ast.Helper)]
        while fresh := {each.name for each in helpers if found & set(called(each.body))} - found:
            found |= fresh
        return frozenset(found)

    def calls_back(self, node: object) -> bool:
        return not self.calling_back.isdisjoint(called(node))


def called(node: object) -> Iterator[str]:
    """The names of what is called in a node."""
    for found in walk(node):
        if isinstance(found, ast.Call) and isinstance(found.callee, ast.Name):
            yield found.callee.id


def mentions(node: object, name: str) -> bool:
    return any(isinstance(found, ast.Name) and found.id == name for found in walk(node))


def assigned(routine: Routine) -> frozenset[str]:
    """The locals and variables that a routine gives a value to."""
    return frozenset(
        spot.statement.target.id
        for spot in spots_in(routine, routine.body, ())
        if isinstance(spot.statement, ast.Assign) and isinstance(spot.statement.target, ast.Name)
    )


def first_argument(spot: Spot) -> str | None:
    """The variable that the call of a statement is about."""
    call = call_of(spot)
    return call.args[0].id if call is not None and call.args and isinstance(call.args[0], ast.Name) else None


# ---------------------------------------------------------------- writing


def before(spot: Spot, text: str) -> Edit:
    """The text of a statement in front of another one."""
    span = spot.statement.span
    return Edit(Span(span.source, span.start, span.start), f"{text}{gap(spot)}")


def after(spot: Spot, text: str) -> Edit:
    """The text of a statement behind another one, and behind its comment."""
    span = spot.statement.span
    end = span.end
    if not inline(spot) and (comment := COMMENT_BEHIND.match(span.source.text, end)):
        end = comment.end()
    return Edit(Span(span.source, end, end), f"{gap(spot)}{text}")


def inside(block: ast.Block, text: str) -> Edit:
    """The text of a statement at the beginning of a block with braces."""
    start = block.span.start + 1
    lines = "\n" in block.span.text
    return Edit(Span(block.span.source, start, start), f"\n{text}" if lines else f" {text}")


def gap(spot: Spot) -> str:
    """Between two statements of a block: a line, or a space if the block stands on one line."""
    return " " if inline(spot) else "\n"


def inline(spot: Spot) -> bool:
    return spot.block.span.line == spot.statement.span.line


def short(statement: ast.Statement) -> str:
    return " ".join(statement.span.text.split())
