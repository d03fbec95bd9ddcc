"""`never cycle in waits_for`: groups of activations that wait for each other, as violating templates.

A location waits for a lock when every way on begins with acquiring it, and for an object's callbacks when it awaits
their end. Which locks are held is a function of the location. A cycle is a cube over as many program counters as it
is long (Coffman, Elphick, Shoshani, System Deadlocks, 1971).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from wdfmc.semantics import typed
from wdfmc.system import flow
from wdfmc.system.paths import Entity
from wdfmc.system.system import Actor, Place, Statement, Template

if TYPE_CHECKING:
    from wdfmc.system.lower import Location, Lowering, Source

DEADLOCK: Final = "deadlock-free"


class Waiting(NamedTuple):
    """A location that waits: for a lock, or until the callbacks of the objects `hosts` have ended."""

    location: Location
    lock: str | None
    hosts: frozenset[str]

    def on(self, other: Waiting) -> bool:
        """Whether this wait lasts at least as long as the other one."""
        return (self.lock is not None and self.lock in other.location.locks) or (
            other.location.activity.host in self.hosts
        )


def wait_cycles(lowering: Lowering) -> list[Template]:
    """Groups of up to three: longer cycles of waits are not looked for."""
    if DEADLOCK not in lowering.goals:
        return []
    waiting: list[Waiting] = []
    for (variable, label), location in lowering.locations.items():
        if label in lowering.domains.values[variable]:
            lock, hosts = waits_for(lowering.by_label[variable, label])
            if lock is not None or hosts:
                waiting.append(Waiting(location, lock, hosts))
    found: list[Template] = []
    for length in (1, 2, 3):
        for cycle in product(waiting, repeat=length):
            labels = [item.location.label for item in cycle]
            if len(set(labels)) == length and labels[0] == min(labels):  # each cycle once
                if all(item.on(cycle[(at + 1) % length]) for at, item in enumerate(cycle)):
                    found += cubes(lowering, [item.location for item in cycle])
    return found


def waits_for(source: Source) -> tuple[str | None, frozenset[str]]:
    """The lock that a location waits for, and the objects whose callbacks it waits for."""
    if source.pick:
        assert source.activity is not None
        return source.activity.lock, frozenset()
    node: flow.Node | None = source.node
    while node is not None:
        match node.operation:
            case flow.Await(condition):
                return None, frozenset(hosts_in(condition))
            case flow.Acquire(typed.Const(value)) if value is not None:
                return str(value[0]) if isinstance(value, tuple) else None, frozenset()
            case flow.Pause() | flow.Line() | flow.AtomBegin() | flow.Require() | flow.Probe() | flow.Emit():
                node = node.next
            case flow.Fork(ways):
                # an alternative that can never be taken (a wait lock without a timeout) is no way on
                open_ways = [way for way in ways if not never(way.operation)]
                node = open_ways[0] if len(open_ways) == 1 else None
            case _:
                return None, frozenset()
    return None, frozenset()


def never(operation: flow.Operation) -> bool:
    """Whether it is a wait whose condition is false for these arguments of the call."""
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
        actor = Actor("framework", None, "framework")
        footprint = max(used) + 1 if used else 0
        found.append(Template(footprint, guard, (), (), actor, (statement,), violates=DEADLOCK))
    return found
