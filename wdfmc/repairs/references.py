"""Idioms about references: who keeps a handle valid after the lock under which it was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc.language import ast
from wdfmc.language.edits import removed
from wdfmc.mutants.mutations import call_of
from wdfmc.mutants.spots import Spot
from wdfmc.repairs.driver import Driver, Repair, after, before, first_argument, mentions
from wdfmc.semantics.deeds import Deeds, opposites

EMPTY: Final = Deeds()
IDIOM: Final = "take the reference before releasing"


def reference_in_time(driver: Driver) -> Iterator[Repair]:
    """A reference that is taken after a lock was given back is taken before, under the same tests."""
    for spot in driver.spots:
        call = call_of(spot)
        subject = first_argument(spot)
        if call is None or subject is None or not takes_reference(driver, spot):
            continue
        for release in releases_before(driver, spot):
            text = guarded(spot, release, subject, spot.statement.span.text)
            words = f"take the reference on {subject} before line {release.statement.span.line}"
            yield Repair(IDIOM, words, (before(release, text), removed(spot.statement.span)))


def reference(driver: Driver) -> Iterator[Repair]:
    """A handle that is used after a lock was given back is kept by a reference from before until after its last use."""
    pair = reference_calls(driver)
    if pair is None:
        return
    take, drop = pair
    for spot in driver.spots:
        subject = first_argument(spot)
        call = call_of(spot)
        known = call is not None and isinstance(call.callee, ast.Name) and call.callee.id in driver.deeds
        if subject is None or not known or driver.deeds[name_of(spot)].locks:
            continue
        for release in releases_before(driver, spot):
            last = max(at for at, each in enumerate(spot.block.statements) if mentions(each, subject))
            end = Spot(spot.routine, spot.block, last, spot.around)
            text = guarded(spot, release, subject, f"{take}({subject});")
            words = f"take a reference on {subject} before line {release.statement.span.line}, and drop it after line "
            edits = (before(release, text), after(end, f"{drop}({subject});"))
            yield Repair(IDIOM, f"{words}{end.statement.span.line}", edits)


def name_of(spot: Spot) -> str:
    call = call_of(spot)
    return call.callee.id if call is not None and isinstance(call.callee, ast.Name) else ""


def takes_reference(driver: Driver, spot: Spot) -> bool:
    deed = driver.deeds.get(name_of(spot), EMPTY)
    return bool(deed.begins) and not deed.locks


def reference_calls(driver: Driver) -> tuple[str, str] | None:
    """The library's calls that count a reference up and down."""
    for name, deed in driver.deeds.items():
        if deed.begins and not deed.locks:
            for other in opposites(driver.deeds, name):
                return name, other
    return None


def releases_before(driver: Driver, spot: Spot) -> Iterator[Spot]:
    """Where a lock was given back on the way to a statement, in a block around it or in its own; the last one."""
    chain = (*spot.around, spot)
    for inner in reversed(chain):
        for at in reversed(range(inner.at)):
            found = Spot(inner.routine, inner.block, at, inner.around)
            deed = driver.deeds.get(name_of(found), EMPTY)
            if deed.locks and deed.ends:
                yield found
                return


def guarded(spot: Spot, place: Spot, subject: str, text: str) -> str:
    """A statement under the tests of its request that stand around a spot but not around a place."""
    tests = [
        around.statement.condition.span.text
        for around in spot.around
        if around not in place.around
        and isinstance(around.statement, ast.If)
        and mentions(around.statement.condition, subject)
    ]
    return f"if ({' && '.join(tests)}) {{ {text} }}" if tests else text
