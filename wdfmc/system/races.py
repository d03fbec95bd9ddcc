"""`never data race`: two activations that may access one variable of the driver at the same time, one of them writing.

While a source is run it notes its accesses. What every access finds under one common lock cannot race; any other access
is no mover, so the transition that contains it has nothing before it but steps that commute back (Lipton). Two accesses
race if both their transitions are enabled as far as the accesses, in one state, with no lock in common: a cube over two
program counters (Savage et al., Eraser, 1997, decides by the locks alone; here the state decides, too). Interlocked
calls do not race with each other, nor with reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, NamedTuple

from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system import flow
from wdfmc.system.paths import Entity, Path, SelfCube
from wdfmc.system.system import OTHER, Actor, Place, Ref, Statement, Template, Value

if TYPE_CHECKING:
    from wdfmc.system.lower import Lowering
    from wdfmc.system.sources import Activity, Source

MEMBERSHIP = "in "  # the names of the bits in the records of requests that stand for a set


class Access(NamedTuple):
    """An access to data of the driver, with the old values for which its path comes there.

    alone: the path has no condition on all other requests. interlocked: by a call that reads and writes in one step.
    """

    place: Place
    written: bool
    interlocked: bool
    guard: SelfCube
    footprint: int
    alone: bool
    locks: frozenset[str]
    span: Span


def racing(program: typed.Program, goals: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name, rule in program.rules.items() if rule.form == "no-data-race" and name in goals)


def accesses(lowering: Lowering, path: Path, node: flow.Node) -> Iterator[Access]:
    """What the operation that was just executed has accessed."""
    if not isinstance(node.operation, flow.Set | flow.Test | flow.ChooseValue | flow.Each):
        return
    routine = lowering.program.routines.get(node.call)
    interlocked = routine is not None and any(parameter.mode == "ref" for parameter in routine.parameters)
    for place, written in lowering.evaluator.accesses.items():
        if lowering.domains.kinds[place.variable] == "driver":
            guard = dict(path.guard)
            yield Access(
                place, written, interlocked, guard, path.footprint, not path.others, path.locks, node.span
            )  # fmt: skip


def data_races(lowering: Lowering) -> list[Template]:
    """Also notes what is not looked for, as bounds of the rules."""
    if not lowering.racing:
        return []
    candidates: dict[str, list[tuple[Source, Access]]] = {}
    unfollowed: set[str] = set()
    for source in lowering.sources:
        for access in source.accesses:
            if lowering.protection.get(access.place.variable):
                continue
            name = variable_name(lowering, access.place.variable)
            if is_followed(lowering, source, access):
                candidates.setdefault(name, []).append((source, access))
            else:
                unfollowed.add(f"which requests some accesses to {name} are about is not followed")
    found = [
        template
        for name, group in candidates.items()
        for one, other in combinations_with_replacement(group, 2)
        if conflict(one[1], other[1])
        for template in together(lowering, name, one, other)
    ]
    for rule in lowering.racing:
        lowering.bounds_of.setdefault(rule, set()).update(unfollowed)
    return found


def variable_name(lowering: Lowering, variable: int) -> str:
    """The driver's name for it. All bits of a set are one variable: who adds a request changes the whole list."""
    field = field_name(lowering, variable)
    return field.removeprefix(MEMBERSHIP) if is_set(lowering, variable) else lowering.domains.names[variable]


def is_set(lowering: Lowering, variable: int) -> bool:
    return field_name(lowering, variable).startswith(MEMBERSHIP)


def field_name(lowering: Lowering, variable: int) -> str:
    return str(next(key for key, number in lowering.domains.keys.items() if number == variable)[-1])


def own_slots(activity: Activity) -> int:
    """How many requests its own record names: one, or none."""
    return int(isinstance(activity.record.subject, Entity) and activity.record.subject.owned)


def is_followed(lowering: Lowering, source: Source, access: Access) -> bool:
    """Whether the path says no more of requests than of its own one, and the variable is shared or its own one's."""
    assert source.activity is not None
    own = own_slots(source.activity)
    if not access.alone or access.footprint > own:
        return False
    return access.place.slot is None or is_set(lowering, access.place.variable) or (own == 1 and access.place.slot == 0)


def conflict(one: Access, other: Access) -> bool:
    """One of them writes plainly, or one writes and neither is interlocked; and no lock keeps them apart."""
    if one.locks & other.locks:
        return False
    return any(access.written and not access.interlocked for access in (one, other)) or (
        (one.written or other.written) and not one.interlocked and not other.interlocked
    )


def together(
    lowering: Lowering, name: str, one: tuple[Source, Access], other: tuple[Source, Access]
) -> Iterator[Template]:
    """The states in which both may access the variable next."""
    (first, left), (second, right) = one, other
    assert first.activity is not None and second.activity is not None
    counters = [lowering.evaluator.counter(source.activity.record) for source in (first, second) if source.activity]
    actor = Actor("framework", None, "framework")
    lines = f"{first.activity.name} (line {left.span.line}) and {second.activity.name} (line {right.span.line})"
    statement = Statement(left.span, f"{lines} access {name} at the same time")
    for slots in placements(first.activity, second.activity, left, right, lowering):
        if counters[0] == counters[1] and slots[0] == slots[1]:
            continue  # one activation
        footprint = max((slot + 1 for slot in slots if slot is not None), default=0)
        guard: dict[Place, frozenset[Value]] | None = {}
        for access, slot in zip((left, right), slots, strict=True):
            guard = joined(guard, access.guard, slot, footprint)
        if guard is not None:
            for rule in lowering.racing:
                yield Template(footprint, tuple(guard.items()), (), (), actor, (statement,), violates=rule)


def placements(
    first: Activity, second: Activity, left: Access, right: Access, lowering: Lowering
) -> Iterator[tuple[int | None, int | None]]:
    """The ways in which the two can be about requests: about the same one where the variable is part of its record."""
    owned = bool(own_slots(first)), bool(own_slots(second))
    match owned:
        case (True, True):
            yield 0, 0
            if left.place.slot is None or is_set(lowering, left.place.variable):
                yield 0, 1
        case (True, False):
            yield 0, None
        case (False, True):
            yield None, 0
        case _:
            yield None, None


def joined(
    guard: dict[Place, frozenset[Value]] | None, more: SelfCube, slot: int | None, footprint: int
) -> dict[Place, frozenset[Value]] | None:
    """Both guards; `more` speaks of the request `slot`. None if no state satisfies both."""
    if guard is None:
        return None
    for place, values in more.items():
        here = place if place.slot is None else Place(place.variable, slot)
        wanted = frozenset(meant for value in values for meant in meanings(value, slot, footprint))
        guard[here] = guard.get(here, wanted) & wanted
        if not guard[here]:
            return None
    return guard


def meanings(value: Value, slot: int | None, footprint: int) -> Iterator[Value]:
    """A value of one activation's guard in a template about more requests: another request may be the other's one."""
    match value:
        case Ref(slot=0):
            yield value._replace(slot=slot)
        case Ref(slot=at) if at == OTHER:
            yield value
            yield from (value._replace(slot=symbol) for symbol in range(footprint) if symbol != slot)
        case _:
            yield value
