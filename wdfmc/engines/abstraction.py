"""Which values of two variables can occur together: an over-approximation of the reachable states, in no time.

A set of states is described by the pairs of values that occur in it. From the initial state, every transition that is
enabled as far as pairs tell adds the pairs of its successors, until there are no more (abstract interpretation:
Cousot and Cousot, POPL 1977). The cost is polynomial in the number of requests, that of the states is exponential.

A rule of which no violating transition is ever enabled holds; the pairs that never occur are the invariant. Nothing
follows about the others. Bounded model checking adds the invariant to each state.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from wdfmc.engines.relation import values
from wdfmc.system.system import Count, Cube, Transition, TransitionSystem

Values: TypeAlias = npt.NDArray[np.bool_]  # [values], all values of all variables in a row
Matrix: TypeAlias = npt.NDArray[np.bool_]  # [values, values], symmetric; a value occurs if it occurs with itself
Numbers: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reach:
    """`offset[x] + v` is the number of value v of variable x.

    `first`: for each transition that may ever be enabled: in no run before so many others.
    """

    offset: tuple[int, ...]
    together: Matrix
    first: dict[int, int]

    def mask(self, variable: int, given: int | None = None) -> int:
        """The values that a variable can have, together with the value numbered `given` if there is one."""
        low, high = self.offset[variable], self.offset[variable + 1]
        occurs = self.together.diagonal()[low:high] if given is None else self.together[given, low:high]
        return sum(1 << value for value in np.flatnonzero(occurs).tolist())

    def excluded(self) -> Iterator[Cube]:
        """Cubes that no reachable state is in: for each value of a variable what another one does not have beside it,
        and the values that a variable never has.
        """
        count = len(self.offset) - 1
        whole = [(1 << high - low) - 1 for low, high in pairwise(self.offset)]
        for one in range(count):
            mask = self.mask(one)
            if mask != whole[one]:
                yield ((one, whole[one] & ~mask),)
            for value in values(mask):
                for other in range(one + 1, count):
                    beside = self.mask(other, self.offset[one] + value)
                    if beside != self.mask(other):
                        yield (one, 1 << value), (other, whole[other] & ~beside)


def reach(system: TransitionSystem, deadline: float | None = None) -> Reach | None:
    """None if time ran out. `deadline`: as of time.monotonic()."""
    return _Growing(system).grown(deadline)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A transition in terms of numbered values. `reads`: when nothing changes for these, nothing changes.

    `writes`: for each update the pairs (old value or -1 for any, new value). `targets`: all values of what it updates.
    """

    guard: tuple[Numbers, ...]
    counts: tuple[Count, ...]
    reads: Numbers
    writes: tuple[tuple[tuple[int, int], ...], ...]
    targets: Numbers
    violates: bool


class _Growing:
    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        sizes = [len(variable.domain) for variable in system.variables]
        self.offset = (0, *np.cumsum(sizes).tolist())
        self.together = np.zeros((self.offset[-1], self.offset[-1]), np.bool_)
        start = [self.offset[variable] + value for variable, value in enumerate(system.initial)]
        self.together[np.ix_(start, start)] = True
        self.transitions = [self._prepared(transition) for transition in system.transitions]

    def _numbers(self, variable: int, mask: int) -> Numbers:
        low, high = self.offset[variable], self.offset[variable + 1]
        return np.array([low + value for value in range(high - low) if mask >> value & 1], np.intp)

    def _prepared(self, transition: Transition) -> _Prepared:
        guard = tuple(self._numbers(variable, mask) for variable, mask in transition.guard)
        whole = [self._numbers(target, -1) for target, _, _ in transition.updates]
        sources = [self._numbers(source, -1) for _, source, _ in transition.updates if source >= 0]
        writes = tuple(
            ((-1, self.offset[target] + table[0]),)
            if source < 0
            else tuple((self.offset[source] + old, self.offset[target] + new) for old, new in enumerate(table))
            for target, source, table in transition.updates
        )
        return _Prepared(
            guard,
            transition.counts,
            np.concatenate([*guard, *sources]) if guard else np.arange(self.offset[-1]),
            writes if transition.violates is None else (),
            np.concatenate(whole) if whole else np.empty(0, np.intp),
            transition.violates is not None,
        )

    def grown(self, deadline: float | None) -> Reach | None:
        first: dict[int, int] = {}
        changed = np.ones(self.offset[-1], np.bool_)
        step = 0
        while changed.any():
            if deadline is not None and time.monotonic() > deadline:
                return None
            larger = self.together.copy()
            for at, transition in enumerate(self.transitions):
                if changed[transition.reads].any() and not (transition.violates and at in first):
                    before = self._enabled(transition)
                    if before is not None:
                        first.setdefault(at, step)
                        self._execute(transition, before, larger)
            changed = (larger != self.together).any(axis=1)
            self.together = larger
            step += 1
        return Reach(self.offset, self.together, first)

    def _enabled(self, transition: _Prepared) -> Values | None:
        """The values that can occur in a state that enables the transition; None if there is no such state."""
        before = self.together.diagonal().copy()
        for numbers in transition.guard:
            before &= self.together[numbers[before[numbers]]].any(axis=0)
        for numbers in transition.guard:
            kept = numbers[before[numbers]]
            if not kept.size:
                return None
            low = self._first_of(numbers)
            before[low[0] : low[1]] = False
            before[kept] = True
        return before if all(self._possible(count, before) for count in transition.counts) else None

    def _first_of(self, numbers: Numbers) -> tuple[int, int]:
        """The range of all values of the variable to which these belong."""
        variable = int(np.searchsorted(self.offset, numbers[0], "right")) - 1
        return self.offset[variable], self.offset[variable + 1]

    def _possible(self, count: Count, values: Values) -> bool:
        may = must = 0
        for alternatives in count.entities:
            may += any(self._some(cube, values) for cube in alternatives)
            must += any(self._all(cube, values) for cube in alternatives)
        return may >= count.low and must <= count.high

    def _some(self, cube: Cube, values: Values) -> bool:
        return all(values[self._numbers(variable, mask)].any() for variable, mask in cube)

    def _all(self, cube: Cube, values: Values) -> bool:
        return all(not values[self._numbers(variable, ~mask)].any() for variable, mask in cube)

    def _execute(self, transition: _Prepared, before: Values, larger: Matrix) -> None:
        """Add the pairs in which something new takes part."""
        same = before.copy()
        same[transition.targets] = False
        done: list[tuple[int, int]] = []
        for write in transition.writes:
            now = [(old, new) for old, new in write if old < 0 or before[old]]
            for old, new in now:
                with_it = same if old < 0 else same & self.together[old]
                larger[new] |= with_it
                larger[:, new] |= with_it
                larger[new, new] = True
                for other, also in done:
                    if old < 0 or other < 0 or self.together[old, other]:
                        larger[new, also] = larger[also, new] = True
            done += now

    def changes(self, at: int) -> list[list[tuple[int, int]]] | None:
        """For each update of a transition the (old, new) values of the variable that it updates. None: it is never
        enabled.
        """
        before = self._enabled(self.transitions[at])
        if before is None:
            return None
        found = []
        updates = self.system.transitions[at].updates
        for (target, source, _), write in zip(updates, self.transitions[at].writes, strict=True):
            low, high = self.offset[target], self.offset[target + 1]
            olds = (low + np.flatnonzero(before[low:high])).tolist()
            found.append(
                [
                    (old, new)
                    for read, new in write
                    if read < 0 or before[read]
                    for old in ([read] if source == target else olds)
                    if read < 0 or self.together[read, old]
                ]
            )
        return found


# ---------------------------------------------------------------- what can happen again and again


def recurring(system: TransitionSystem, known: Reach) -> set[int]:
    """The transitions that a loop may contain: no others can be taken infinitely often.

    On a loop every variable comes back to each of its values. So a change of a variable from which no way leads back is
    on no loop, nor is a transition that always makes such a change; without these, there may be more.
    """
    growing = _Growing(system)
    growing.together = known.together
    possible = {at: growing.changes(at) for at in known.first if system.transitions[at].violates is None}
    changes = {at: each for at, each in possible.items() if each is not None}
    while True:
        edges: dict[int, set[int]] = {}
        for each in changes.values():
            for old, new in (change for variable in each for change in variable):
                edges.setdefault(old, set()).add(new)
        component = components(edges)
        fewer = {
            at: [[(old, new) for old, new in variable if component[old] == component[new]] for variable in each]
            for at, each in changes.items()
        }
        fewer = {at: each for at, each in fewer.items() if all(each)}
        if fewer == changes:
            return set(changes)
        changes = fewer


Node = TypeVar("Node", bound=Hashable)


def components(edges: Mapping[Node, set[Node]]) -> dict[Node, Node]:
    """The strongly connected component of each node, by one of its nodes. The graphs are small."""
    ahead: dict[Node, set[Node]] = {}
    for start in edges:
        ahead[start], todo = {start}, [start]
        while todo:
            fresh = edges.get(todo.pop(), set()) - ahead[start]
            ahead[start] |= fresh
            todo += fresh
    found: dict[Node, Node] = {}
    for node in chain(edges, *edges.values()):
        if node not in found:
            same = {other for other in ahead.get(node, {node}) if node in ahead.get(other, ())}
            found |= dict.fromkeys({node} | same, node)
    return found
