"""The runs on which requests wait in line: an instance in which who is taken from a queue was its head.

Engines take any request that waits. That is safe for proofs, as every real run is among theirs; a run that they find
is real if it is one of the ordered system, too. That has the same transitions under the same numbers, and one more
variable for each two requests of which one may have to wait for the other: which of them stands before the other. It is
null while one of them is not in line.

These variables belong to no record. Engines see by themselves that the slots are interchangeable for two requests, and
not for more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from wdfmc.system.instantiate import Instance, refers_to, value_name
from wdfmc.system.system import SELF, Count, Cube, Ref, Standing, Transition, TransitionSystem, Update, Variable

Pair: TypeAlias = tuple[Ref, Ref]
Conditions: TypeAlias = tuple[tuple[Ref, tuple[Cube, ...]], ...]  # request -> when it may be a rival


class Turn(NamedTuple):
    """A `Standing` of an instance."""

    request: Ref
    place: str
    rivals: Conditions


def ordered(system: TransitionSystem) -> TransitionSystem:
    """The system itself where the order makes no difference."""
    turns = [tuple(found) for found in _turns(system)]
    pairs = {_pair(turn.request, rival) for taken in turns for turn in taken for rival, _ in turn.rivals}
    if not pairs:
        return system
    line = _Line(system, tuple(sorted(pairs, key=repr)))
    transitions = tuple(
        line.kept(transition, taken) if taken else transition
        for transition, taken in zip(system.transitions, turns, strict=True)
    )
    return replace(system, variables=(*system.variables, *line.variables()), transitions=transitions)


def _pair(one: Ref, other: Ref) -> Pair:
    return (one, other) if repr(one) < repr(other) else (other, one)


def _turns(system: TransitionSystem) -> Iterator[Iterator[Turn]]:
    """What each transition does to the line."""
    assert system.origin is not None, "an ordered system is made from an instance of templates"
    instance = Instance(system.origin, system.slots)
    for transition in system.transitions:
        line = system.origin.templates[transition.template].line
        yield (_turn(instance, transition.slots, standing) for standing in line)


def _turn(instance: Instance, slots: tuple[int, ...], standing: Standing) -> Turn:
    rivals: list[tuple[Ref, tuple[Cube, ...]]] = []
    for rival, when in standing.rivals:
        for me in instance.outside(slots) if rival.slot == SELF else (-1,):
            request = rival._replace(slot=me) if rival.slot == SELF else _at(rival, slots)
            cubes = tuple(cube for each in when if (cube := instance.placed(each, slots, me)) is not None)
            if cubes:
                rivals.append((request, cubes))
    return Turn(_at(standing.request, slots), standing.place, tuple(rivals))


def _at(request: Ref, slots: tuple[int, ...]) -> Ref:
    return request if request.slot is None else request._replace(slot=slots[request.slot])


@dataclass
class _Line:
    """`pairs`: each in a fixed order. The variable of a pair has the values null, its first and its second request."""

    system: TransitionSystem
    pairs: tuple[Pair, ...]
    of: dict[Ref, list[int]] = field(default_factory=dict)  # the pairs that a request is in

    def __post_init__(self) -> None:
        for at, pair in enumerate(self.pairs):
            for request in pair:
                self.of.setdefault(request, []).append(at)

    def variables(self) -> Iterator[Variable]:
        assert self.system.origin is not None
        for at, pair in enumerate(self.pairs):
            names = tuple(map(value_name, pair))
            number = len(self.system.origin.variables) + at
            refers = (None, *map(refers_to, pair))
            yield Variable(f"first of {names[0]} and {names[1]}", ("null", *names), 0, number, None, refers)

    def kept(self, transition: Transition, turns: tuple[Turn, ...]) -> Transition:
        """The transition, if who is taken is the first of its rivals."""
        first: dict[int, int] = {}  # pair -> the value that its variable has got so far in this transition
        conditions = list[Count]()
        for turn in turns:
            waits = [cubes for rival, when in turn.rivals if (cubes := self._stands_before(rival, turn, when, first))]
            if waits:
                conditions.append(Count(tuple(waits), 0, 0))
            for at in self.of.get(turn.request, ()):
                mine = 1 + self.pairs[at].index(turn.request)
                first[at] = {"first": mine, "last": 3 - mine, "taken": 0}[turn.place]
        start = len(self.system.variables)
        updates = tuple(Update(start + at, -1, (value,)) for at, value in first.items())
        return replace(
            transition, counts=(*transition.counts, *conditions), updates=(*transition.updates, *updates)
        )  # fmt: skip

    def _stands_before(
        self, rival: Ref, turn: Turn, when: tuple[Cube, ...], first: dict[int, int]
    ) -> tuple[Cube, ...]:  # fmt: skip
        """When a rival stands before who is taken."""
        pair = _pair(rival, turn.request)
        at = self.pairs.index(pair)
        value = 1 + pair.index(rival)
        if at in first:
            return when if first[at] == value else ()
        return tuple((*cube, (len(self.system.variables) + at, 1 << value)) for cube in when)
