"""Locals that are read where on some path nothing has been assigned to them yet (definite assignment, as in Java).

Conditions of two statements are not related to each other: a local that is assigned in one `if` and read in another one
with the same condition counts as unassigned. A call is taken to write its `out` arguments, whatever it returns. The
calls on the right of `&&` and `||` are hoisted: `$t = left; if ($t) { ...; $t = right; }`, then `$t` is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields as parts

from wdfmc.semantics import typed
from wdfmc.source import Span

Assigned = frozenset[str] | None  # None: no path comes here


class Unassigned:
    """`modes`: of a routine's parameters. `found`: each local with the first statement that reads it too early.

    breaks: for each loop around the statement at hand, what is assigned where it is left. first: the left side that a
    temporary stands for. ran: for which value of a temporary the right side has run, and what is assigned then.
    """

    def __init__(self, modes: Callable[[str], Sequence[str]]) -> None:
        self.modes = modes
        self.found: dict[str, Span] = {}
        self.breaks: list[list[Assigned]] = []
        self.first: dict[str, typed.Expr] = {}
        self.ran: dict[str, tuple[bool, frozenset[str]]] = {}

    def block(self, block: typed.Block, before: Assigned) -> Assigned:
        for statement in block:
            if before is None:
                return None
            before = self.statement(statement, before)
        return before

    def statement(self, statement: typed.Statement, before: frozenset[str]) -> Assigned:
        span = statement.span
        match statement:
            case typed.Assign(_, target, value):
                self.read(value, before, span)
                if isinstance(target, typed.Local) and is_temporary(target.name):
                    self.first[target.name] = value
                return self.write(target, before, span)
            case typed.Invoke(_, target, routine, args):
                written: list[typed.Expr] = [] if target is None else [target]
                for mode, arg in zip(self.modes(routine), args, strict=True):
                    if mode != "out":
                        self.read(arg, before, span)
                    if mode != "in":
                        written.append(arg)
                for place in written:
                    before = self.write(place, before, span)
                return before
            case typed.ChooseValue(_, target, _):
                return self.write(target, before, span)
            case typed.If(_, condition, then, otherwise):
                self.read(condition, before, span)
                return self.branches(condition, then, otherwise, before)
            case typed.Choose(_, alternatives):
                return joined(self.block(alternative, before) for alternative in alternatives)
            case typed.While(_, first, condition, body):
                return self.loop(first, condition, body, before, span)
            case typed.ForEach(_, variable, _, where, body):
                self.read(where, before | {variable}, span)
                return joined((before, *self.inside(body, before | {variable})))
            case typed.Atomic(_, body):
                return self.block(body, before)
            case typed.Break():
                self.breaks[-1].append(before)
                return None
            case typed.Continue() | typed.Limit():
                return None
            case typed.Return(_, value):
                self.read(value, before, span)
                return None
            case _:
                for part in parts(statement):
                    self.read(getattr(statement, part.name), before, span)
                return before

    def branches(
        self, condition: typed.Expr, then: typed.Block, otherwise: typed.Block, before: frozenset[str]
    ) -> Assigned:
        first = self.block(then, before | self.implied(condition, True))
        match condition:
            case typed.Local(name) | typed.Not(typed.Local(name)) if is_temporary(name) and not otherwise and first:
                self.ran[name] = condition == typed.Local(name), first
        return joined((first, self.block(otherwise, before | self.implied(condition, False))))

    def implied(self, condition: typed.Expr, value: bool) -> frozenset[str]:
        """What is assigned if a condition has come out so."""
        if not self.ran:
            return frozenset()
        match condition:
            case typed.Not(operand):
                return self.implied(operand, not value)
            case typed.And(left, right) if value:
                return self.implied(left, value) | self.implied(right, value)
            case typed.Or(left, right) if not value:
                return self.implied(left, value) | self.implied(right, value)
            case typed.Local(name) if name in self.ran:
                return self.ran[name][1] if self.ran[name][0] == value else frozenset()
            case typed.Local(name) if name in self.first:
                return self.implied(self.first[name], value)
            case _:
                return frozenset()

    def loop(
        self, first: typed.Block, condition: typed.Expr, body: typed.Block, before: frozenset[str], span: Span
    ) -> Assigned:
        tested = self.block(first, before)
        if tested is None:
            return None
        self.read(condition, tested, span)
        breaks = self.inside(body, tested | self.implied(condition, True))
        left = tested | self.implied(condition, False)
        return joined(breaks if condition == typed.Const(True) else (left, *breaks))

    def inside(self, body: typed.Block, before: frozenset[str]) -> list[Assigned]:
        """The ways out of the body of a loop by `break`."""
        self.breaks.append([])
        self.block(body, before)
        return self.breaks.pop()

    def write(self, target: typed.Expr, before: frozenset[str], span: Span) -> frozenset[str]:
        match target:
            case typed.Local(name):
                return before | {name}
            case typed.FieldOf(base):
                self.read(base, before, span)
        return before

    def read(self, part: object, before: frozenset[str], span: Span) -> None:
        """The right side of && and || is read only if the left one does not decide."""
        match part:
            case typed.And(left, right) | typed.Or(left, right):
                self.read(left, before, span)
                self.read(right, before | self.implied(left, isinstance(part, typed.And)), span)
            case typed.Conditional(condition, then, otherwise):
                self.read(condition, before, span)
                self.read(then, before | self.implied(condition, True), span)
                self.read(otherwise, before | self.implied(condition, False), span)
            case _:
                for name in locals_in(part):
                    if name not in before:
                        self.found.setdefault(name, span)


def unassigned(block: typed.Block, given: Iterable[str], modes: Callable[[str], Sequence[str]]) -> dict[str, Span]:
    """Each local that may be read too early, with the first statement that does. `given`: the parameters."""
    search = Unassigned(modes)
    search.block(block, frozenset(given))
    return search.found


def joined(ways: Iterable[Assigned]) -> Assigned:
    known = [way for way in ways if way is not None]
    return frozenset.intersection(*known) if known else None


def is_temporary(name: str) -> bool:
    return name.startswith("$")


def locals_in(part: object) -> Iterator[str]:
    """Those that the text names; bound variables and temporaries have a `$`."""
    match part:
        case typed.Local(name):
            if "$" not in name:
                yield name
        case tuple():
            for item in part:
                yield from locals_in(item)
        case Span() | str() | int() | frozenset() | None:
            pass
        case _:
            for item in parts(part):  # type: ignore[arg-type]
                yield from locals_in(getattr(part, item.name))
