"""`never cycle in waits_for`: groups of activations that wait for each other, as violating templates.

A location waits for a lock when every way on begins with acquiring it, and for an object's callbacks when it awaits
their end. Which locks are held is a function of the location. A cycle is a cube over as many program counters as it
is long (Coffman, Elphick, Shoshani, System Deadlocks, 1971).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from wdfmc.semantics import typed
from wdfmc.system import flow
from wdfmc.system.paths import Entity
from wdfmc.system.system import Actor, Place, Statement, Template

if TYPE_CHECKING:
    from wdfmc.system.lower import Location, Lowering, Source

RULE = "deadlock-free"


def wait_cycles(lowering: Lowering) -> list[Template]:
    if RULE not in lowering.goals:
        return []
    waiting: list[tuple[Location, str | None, frozenset[str]]] = []
    reached: list[Location] = []
    for (variable, label), location in lowering.locations.items():
        if label not in lowering.domains.values[variable]:
            continue
        reached.append(location)
        source = lowering.by_label[variable, label]
        lock, hosts = waits_for(lowering, source)
        if lock is not None or hosts:
            waiting.append((location, lock, hosts))
    found: list[Template] = []
    blocks = lambda a, b: (a[1] is not None and a[1] in b[0].locks) or b[0].activity.host in a[2]  # noqa: E731
    for first in waiting:
        if blocks(first, first):
            found += cubes(lowering, [first[0]])
    for first, second in product(waiting, repeat=2):
        if first[0].label < second[0].label and blocks(first, second) and blocks(second, first):
            found += cubes(lowering, [first[0], second[0]])
    for first, second, third in product(waiting, repeat=3):
        distinct = len({first[0].label, second[0].label, third[0].label}) == 3
        if distinct and first[0].label == min(x[0].label for x in (first, second, third)):
            if blocks(first, second) and blocks(second, third) and blocks(third, first):
                found += cubes(lowering, [first[0], second[0], third[0]])
    return found


def waits_for(lowering: Lowering, source: Source) -> tuple[str | None, frozenset[str]]:
    """The lock that a location waits for, and the objects whose callbacks it waits for."""
    if source.pick:
        assert source.activity is not None
        return source.activity.lock, frozenset()
    hosts: set[str] = set()
    node: flow.Node | None = source.node
    while node is not None:
        match node.operation:
            case flow.Await(condition):
                hosts |= hosts_in(condition)
                return None, frozenset(hosts)
            case flow.Acquire(typed.Const(value)) if value is not None:
                return str(value[0]) if isinstance(value, tuple) else None, frozenset()
            case flow.Pause() | flow.Line() | flow.AtomBegin() | flow.Require() | flow.Emit():
                node = node.next
            case flow.Fork(ways):
                # an alternative that can never be taken (a wait lock without a timeout) is no way on
                open_ways = [way for way in ways if not never(way.operation)]
                node = open_ways[0] if len(open_ways) == 1 else None
            case _:
                return None, frozenset()
    return None, frozenset()


def never(operation: flow.Operation) -> bool:
    match operation:
        case flow.Await(typed.HasFlag(typed.Const(frozenset() as flags), flag)):
            return flag not in flags
        case flow.Await(typed.Const(False)):
            return True
        case _:
            return False


def hosts_in(condition: typed.Expr) -> set[str]:
    """The objects whose callbacks must have ended for the condition to hold."""
    match condition:
        case typed.And(left, right):
            return hosts_in(left) | hosts_in(right)
        case typed.Not(typed.Active(typed.Const(value))) if isinstance(value, tuple):
            return {str(value[0])}
        case _:
            return set()


def cubes(lowering: Lowering, group: list[Location]) -> list[Template]:
    """The group's records on the same or on distinct requests."""
    owned = [isinstance(x.activity.record.subject, Entity) and x.activity.record.subject.owned for x in group]
    choices = [range(at + 1) if own else (None,) for at, own in enumerate(owned)]
    found = []
    for slots in product(*choices):
        used = [slot for slot in slots if slot is not None]
        if used and sorted(set(used)) != list(range(max(used) + 1)):
            continue
        places = [Place(x.variable, slot) for x, slot in zip(group, slots, strict=True)]
        if len(set(places)) < len(places):
            continue
        guard = tuple((place, frozenset({x.label})) for place, x in zip(places, group, strict=True))
        names = " and ".join(x.activity.name for x in group)
        waits = "waits for itself" if len(group) == 1 else "wait for each other"
        span = lowering.by_label[group[0].variable, group[0].label].node.span
        statement = Statement(span, f"{names} {waits}")
        footprint = max(used) + 1 if used else 0
        found.append(Template(footprint, guard, (), (), Actor("framework", None, "framework"), (statement,), None, None, RULE))
    return found
