"""`never cycle in waits_for`: groups of activations that wait for each other, as violating templates.

While a source is run it notes the waits that its paths meet: for a lock, or until a condition holds. A location waits
where every way on is past such a wait. Which locks are held is a function of the location. A cycle is a cube over as
many program counters as it is long (Coffman, Elphick, Shoshani, System Deadlocks, 1971).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system import flow
from wdfmc.system.paths import Entity, SelfCube
from wdfmc.system.system import Actor, Obj, Place, Ref, Statement, Template, TemplateCube, Value

if TYPE_CHECKING:
    from wdfmc.system.lower import Lowering
    from wdfmc.system.sources import Location, Source

DEADLOCK: Final = "deadlock-free"
MOST: Final = 20_000  # chains of waits of one length, and templates: more takes minutes


class Wait(NamedTuple):
    """A place on a path where it waits for a lock or for a condition, with the old values for which it comes there.

    alone: the path has no condition on all other requests.
    """

    guard: SelfCube
    footprint: int
    alone: bool
    lock: str | None
    condition: typed.Expr | None
    span: Span


class Way(NamedTuple):
    """A transition of a source: its guard, and the numbers of the waits that it is past."""

    guard: SelfCube
    waited: frozenset[int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A location that waits: for a lock, or until the callbacks of the objects `hosts` have ended.

    guard: of all values with which it does, where that is not always.
    """

    location: Location
    lock: str | None
    hosts: frozenset[str]
    guard: tuple[tuple[Place, frozenset[Value]], ...] = ()

    def on(self, other: Waiting) -> bool:
        """Whether this wait lasts at least as long as the other one."""
        return (self.lock is not None and self.lock in other.location.locks) or (
            other.location.activity.host in self.hosts
        )

    @property
    def owned(self) -> bool:
        subject = self.location.activity.record.subject
        return isinstance(subject, Entity) and subject.owned


def wait_cycles(lowering: Lowering) -> list[Template]:
    """Also notes what is not looked for, as bounds of the rule."""
    if DEADLOCK not in lowering.goals:
        return []
    waiting: list[Waiting] = []
    unfollowed: dict[str, set[str]] = {}  # the words of a wait -> whose it is
    for (variable, label), location in lowering.locations.items():
        if label in lowering.domains.values[variable]:
            edges, others = waits_at(location, lowering.by_label[variable, label])
            waiting += edges
            if location.activity.kind != "environment":  # nobody waits for one of these but by a wait of this kind
                for wait in others:
                    unfollowed.setdefault(words_of(wait), set()).add(location.activity.name)
    bounds = [
        f"the wait of {', '.join(sorted(whose))} for {words} is not followed" for words, whose in unfollowed.items()
    ]
    found: list[Template] = []
    for length, cycle in cycles(waiting):
        if cycle is not None and len(found) <= MOST:
            found += cubes(lowering, cycle)
            continue
        looked_for = length if cycle is None else length - 1
        bounds.append(f"groups of more than {looked_for} that wait for each other are not looked for")
        break
    lowering.bounds_of.setdefault(DEADLOCK, set()).update(bounds)
    return found


# ---------------------------------------------------------------- who waits for what


def waits_at(location: Location, source: Source) -> tuple[list[Waiting], list[Wait]]:
    """What is known of whom it waits for, and the waits of which that is not, or not all."""
    groups: dict[tuple[str | None, frozenset[str]], list[int]] = {}
    for number, wait in enumerate(source.waits):
        groups.setdefault((wait.lock, frozenset(hosts_in(wait.condition))), []).append(number)
    edges: list[Waiting] = []
    unfollowed: list[Wait] = []
    for (lock, hosts), numbers in groups.items():
        known = lock is not None or bool(hosts)
        if known and all(way.waited.intersection(numbers) for way in source.ways):
            edges.append(Waiting(location, lock, hosts))
            unfollowed += [source.waits[number] for number in numbers if not is_understood(source.waits[number])]
            continue
        for number in numbers:
            wait = source.waits[number]
            instead = escapes(source, wait, numbers)
            if not all(way.waited for way in instead):
                continue  # it may go on without any wait
            edge = known and not instead and is_local(wait, location)
            if edge:
                edges.append(Waiting(location, lock, hosts, tuple(wait.guard.items())))
            if not edge or not is_understood(wait):
                unfollowed.append(wait)
    return edges, unfollowed


def escapes(source: Source, wait: Wait, group: Collection[int]) -> list[Way]:
    """The ways on that a path which stands before the wait may take instead, without any wait of its group."""
    return [way for way in source.ways if way.waited.isdisjoint(group) and compatible(way.guard, wait.guard)]


def compatible(left: SelfCube, right: SelfCube) -> bool:
    return all(values & right[place] for place, values in left.items() if place in right)


def is_local(wait: Wait, location: Location) -> bool:
    """Whether the values for which the path comes to the wait are of its own request, or shared, and no references."""
    subject = location.activity.record.subject
    own = int(isinstance(subject, Entity) and subject.owned)
    references = (value for values in wait.guard.values() for value in values if isinstance(value, Ref))
    return wait.alone and wait.footprint == own and all(value.slot is None for value in references)


def words_of(wait: Wait) -> str:
    text = " ".join(wait.span.text.split()).removeprefix("then ").removeprefix("await ").rstrip("; ")
    return f"`{text}`"


def never(operation: flow.Operation) -> bool:
    """Whether it is a wait whose condition is false for these arguments of the call."""
    match operation:
        case flow.Await(condition):
            return typed.truth(condition) is False
        case _:
            return False


def is_understood(wait: Wait) -> bool:
    """Whether nothing but a lock, and the end of the callbacks of some objects, is waited for."""
    return wait.condition is None or all(host_in(part) or typed.truth(part) for part in conjuncts(wait.condition))


def hosts_in(condition: typed.Expr | None) -> set[str]:
    """The objects whose callbacks must have ended for the condition to hold."""
    return {host for part in conjuncts(condition) if (host := host_in(part)) is not None}


def conjuncts(condition: typed.Expr | None) -> Iterator[typed.Expr]:
    match condition:
        case None:
            pass
        case typed.And(left, right):
            yield from conjuncts(left)
            yield from conjuncts(right)
        case _:
            yield condition


def host_in(condition: typed.Expr) -> str | None:
    match condition:
        case typed.Not(typed.Active(typed.Const(Obj(name)))):
            return name
        case _:
            return None


# ---------------------------------------------------------------- circles


def cycles(waiting: list[Waiting]) -> Iterator[tuple[int, list[Waiting] | None]]:
    """(length, circle), shorter ones first; None for the circle if there are too many chains of this length to go on.

    Only circles without a chord (a shorter one is part of any other), of which no two hold one lock (no state has two
    holders). Each begins with its lowest number.
    """
    after = [frozenset(at for at, other in enumerate(waiting) if one.on(other)) for one in waiting]
    chains: list[tuple[int, ...]] = [(at,) for at in range(len(waiting))]
    length = 1
    while chains:
        following: list[tuple[int, ...]] = []
        for chain in chains:
            if chain[0] in after[chain[-1]]:
                yield length, [waiting[at] for at in chain]
                continue
            following += [(*chain, at) for at in sorted(after[chain[-1]]) if goes_on(chain, at, after, waiting)]
            if len(following) > MOST:
                yield length, None
                return
        chains = following
        length += 1


def goes_on(chain: tuple[int, ...], at: int, after: list[frozenset[int]], waiting: list[Waiting]) -> bool:
    """Whether a circle without a chord may go through this chain and then `at`."""
    if at <= chain[0] or at in after[at] or any(at in after[before] for before in chain[:-1]):
        return False
    if any(before in after[at] for before in chain[1:]):
        return False
    new = waiting[at]
    for before in (waiting[number] for number in chain):
        if before.location.locks & new.location.locks:
            return False
        if before.location.variable == new.location.variable and not new.owned:
            return False
    return True


def cubes(lowering: Lowering, group: list[Waiting]) -> Iterator[Template]:
    """The group's records on the same or on distinct requests."""
    names = " and ".join(x.location.activity.name for x in group)
    waits = "waits for itself" if len(group) == 1 else "wait for each other"
    first = group[0].location
    statement = Statement(lowering.by_label[first.variable, first.label].node.span, f"{names} {waits}")
    actor = Actor("framework", None, "framework")
    for slots in distributions(group):
        guard = joined(group, slots)
        if guard is not None:
            footprint = max((slot + 1 for slot in slots if slot is not None), default=0)
            yield Template(footprint, guard, (), (), actor, (statement,), violates=DEADLOCK)


def distributions(group: list[Waiting]) -> Iterator[tuple[int | None, ...]]:
    """The ways in which a group can be about requests, up to their names: requests are numbered as they come."""
    found: list[tuple[int | None, ...]] = [()]
    for item in group:
        found = [
            (*slots, slot)
            for slots in found
            for slot in (range(1 + max((s + 1 for s in slots if s is not None), default=0)) if item.owned else (None,))
        ]
    yield from found


def joined(group: Iterable[Waiting], slots: Iterable[int | None]) -> TemplateCube | None:
    """The guard; None if two have one record, or need different values of a variable."""
    guard: dict[Place, frozenset[Value]] = {}
    counters: set[Place] = set()
    for item, slot in zip(group, slots, strict=True):
        counter = Place(item.location.variable, slot)
        if counter in counters:
            return None
        counters.add(counter)
        own = [(place if place.slot is None else Place(place.variable, slot), values) for place, values in item.guard]
        for place, values in [(counter, frozenset({item.location.label})), *own]:
            guard[place] = guard.get(place, values) & values
            if not guard[place]:
                return None
    return tuple(guard.items())
