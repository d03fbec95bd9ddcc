"""The runs on which requests wait in line: an instance in which who is taken from a queue was its head.

Engines take any request that waits. That is safe for proofs, as every real run is among theirs; a run that they find
is real if it is one of the ordered system, too. That has the same transitions under the same numbers, and one more
variable for each two requests of which one may have to wait for the other: the line without all others.

These variables belong to no record. Engines see by themselves that the slots are interchangeable for two requests, and
not for more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from wdfmc.system.instantiate import Instance, refers_to, value_name
from wdfmc.system.system import SELF, Count, Cube, Ref, Standing, Transition, TransitionSystem, Update, Variable

Pair: TypeAlias = tuple[Ref, Ref]
Conditions: TypeAlias = tuple[tuple[Ref, tuple[Cube, ...]], ...]  # request -> when it may be a rival

# The values of the variable of a pair: which of the two are in line, by their places in the pair, the head first.
LINES: Final = ((), (0,), (1,), (0, 1), (1, 0))
KINDS: Final = (
    "",
    "alone",
    "alone",
    "before",
    "before",
)  # of reference: one value is another one with the two exchanged


def moved(line: tuple[int, ...], one: int, place: str) -> tuple[int, ...]:
    """The line of a pair after one of the two was put `first` or `last`, or `taken`."""
    rest = tuple(each for each in line if each != one)
    return {"first": (one, *rest), "last": (*rest, one), "taken": rest}[place]


def waits(line: tuple[int, ...], one: int) -> bool:
    """Whether the other one stands before it: who is not in line stands behind who is."""
    return bool(line) and line[0] != one


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
    """`pairs`: each in a fixed order. `of`: the numbers of the pairs that a request is in."""

    system: TransitionSystem
    pairs: tuple[Pair, ...]
    of: dict[Ref, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for at, pair in enumerate(self.pairs):
            for request in pair:
                self.of.setdefault(request, []).append(at)

    def variables(self) -> Iterator[Variable]:
        assert self.system.origin is not None
        for at, pair in enumerate(self.pairs):
            names = tuple(map(value_name, pair))
            number = len(self.system.origin.variables) + at
            domain = tuple(" ".join(names[each] for each in line) or "nobody" for line in LINES)
            refers = [None if not line else refers_to(pair[line[0]]) for line in LINES]
            kinds = tuple(
                None if found is None else (f"{found[0]} {kind}", found[1])
                for found, kind in zip(refers, KINDS, strict=True)
            )
            yield Variable(f"{names[0]} and {names[1]} in line", domain, 0, number, None, kinds)

    def kept(self, transition: Transition, turns: tuple[Turn, ...]) -> Transition:
        """The transition, if who is taken stands before its rivals."""
        lines: dict[int, list[tuple[int, ...]]] = {}  # pair -> for each old line the one at this point
        conditions = list[Count]()
        for turn in turns:
            before = [cubes for rival, when in turn.rivals if (cubes := self._stands_before(rival, turn, when, lines))]
            if before:
                conditions.append(Count(tuple(before), 0, 0))
            for at in self.of.get(turn.request, ()):
                one = self.pairs[at].index(turn.request)
                lines[at] = [moved(line, one, turn.place) for line in lines.get(at, LINES)]
        start = len(self.system.variables)
        updates = tuple(Update(start + at, start + at, tuple(map(LINES.index, now))) for at, now in lines.items())
        return replace(
            transition, counts=(*transition.counts, *conditions), updates=(*transition.updates, *updates)
        )  # fmt: skip

    def _stands_before(
        self, rival: Ref, turn: Turn, when: tuple[Cube, ...], lines: dict[int, list[tuple[int, ...]]]
    ) -> tuple[Cube, ...]:  # fmt: skip
        """When a rival stands before who is taken."""
        pair = _pair(rival, turn.request)
        at, one = self.pairs.index(pair), pair.index(turn.request)
        mask = sum(1 << old for old, line in enumerate(lines.get(at, LINES)) if waits(line, one))
        return tuple((*cube, (len(self.system.variables) + at, mask)) for cube in when) if mask else ()
