"""Idioms about the order of statements, and about what belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc.language import ast
from wdfmc.language.edits import swapped
from wdfmc.mutants.mutations import head
from wdfmc.mutants.spots import Spot
from wdfmc.repairs.driver import Driver, Repair, after, called

LISTED: Final = "keep the list and the request's state in step"
TOGETHER: Final = "clear what belongs together"


def other_order(driver: Driver) -> Iterator[Repair]:
    """A change of the driver's variables goes before or after the call beside it: as `remove` before the mark is taken
    back, `add` before a send.
    """
    for spot in driver.spots:
        following = spot.following
        if following is not None and changes(driver, spot) != changes(driver, following):
            one, other = (spot, following) if changes(driver, spot) else (following, spot)
            if any(name in driver.deeds for name in called(other.statement)):
                side = "after" if one is spot else "before"
                words = f"`{head(one.statement)}` {side} `{head(other.statement)}`"
                yield Repair(LISTED, words, swapped(spot.statement.span, following.statement.span))


def changes(driver: Driver, spot: Spot) -> bool:
    """Whether a statement changes a variable of the driver, and calls nobody."""
    known = {variable.name for variable in driver.fields}
    match spot.statement:
        case ast.Change(_, _, container):
            return isinstance(container, ast.Name) and container.id in known
        case ast.Assign(ast.Name(name), value):
            return name in known and not list(called(value))
        case _:
            return False


def clear_together(driver: Driver) -> Iterator[Repair]:
    """Where one variable of the driver is cleared another one is, too."""
    for spot in driver.spots:
        if cleared(driver, spot) is None or (spot.at + 1 < len(spot.block.statements) and clears_next(driver, spot)):
            continue  # behind the last one of a row
        known = {cleared(driver, each) for each in siblings(spot)}
        for variable in driver.fields:
            value = nothing(variable)
            if value is not None and variable.name not in known:
                words = f"also clear {variable.name} after line {spot.statement.span.line}"
                yield Repair(TOGETHER, words, (after(spot, f"{variable.name} = {value};"),))


def clears_next(driver: Driver, spot: Spot) -> bool:
    return spot.following is not None and cleared(driver, spot.following) is not None


def siblings(spot: Spot) -> Iterator[Spot]:
    return (Spot(spot.routine, spot.block, at, spot.around) for at in range(len(spot.block.statements)))


def cleared(driver: Driver, spot: Spot) -> str | None:
    """The variable of the driver that a statement sets to nothing."""
    match spot.statement:
        case ast.Assign(ast.Name(name), ast.Null() | ast.Truth(False) | ast.Number(0)):
            return name if any(variable.name == name for variable in driver.fields) else None
        case _:
            return None


def nothing(variable: ast.Field) -> str | None:
    """How a variable without a value is written."""
    match variable.type:
        case ast.NamedType(_, True):
            return "null"
        case ast.NamedType("bool", _):
            return "false"
        case _:
            return None
