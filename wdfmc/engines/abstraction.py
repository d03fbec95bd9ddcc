"""Which values of two variables can occur together: an over-approximation of the reachable states, in no time.

A set of states is described by the pairs of values that occur in it. From the initial state, every transition that is
enabled as far as pairs tell adds the pairs of its successors, until there are no more (abstract interpretation:
Cousot and Cousot, POPL 1977). The cost is polynomial in the number of requests, that of the states is exponential.

A rule of which no violating transition is ever enabled holds; the pairs that never occur are the invariant. Nothing
follows about the others. Bounded model checking adds the invariant to each state.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, chain, pairwise
from operator import or_
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from wdfmc.engines.relation import values
from wdfmc.system.system import Count, Cube, Transition, TransitionSystem

Matrix: TypeAlias = npt.NDArray[np.bool_]  # [values, values], those of all variables; one occurs if it does with itself
Row: TypeAlias = int  # a set of values, as bits


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


def united(rows: Iterable[Row]) -> Row:
    return reduce(or_, rows, 0)


def as_matrix(rows: Sequence[Row]) -> Matrix:
    """Symmetric, as the rows are."""
    octets = b"".join(row.to_bytes(-(-len(rows) // 8), "little") for row in rows)
    bits = np.unpackbits(np.frombuffer(octets, np.uint8), bitorder="little").reshape(len(rows), 8 * -(-len(rows) // 8))
    return bits[:, : len(rows)].astype(np.bool_)


def as_rows(matrix: Matrix) -> list[Row]:
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(matrix, axis=1, bitorder="little")]


def reach(system: TransitionSystem, deadline: float | None = None) -> Reach | None:
    """None if time ran out. `deadline`: as of time.monotonic()."""
    return _Growing(system).grown(deadline)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A transition in terms of numbered values. `reads`: when nothing changes for these, nothing changes.

    `guard`: for each literal its values, and all values of its variable. `writes`: for each update the pairs (old value
    or -1 for any, new value). `targets`: all values of what it updates.
    """

    guard: tuple[tuple[Row, Row], ...]
    counts: tuple[_Count, ...]
    reads: Row
    writes: tuple[tuple[tuple[int, int], ...], ...]
    targets: Row
    violates: bool


@dataclass(frozen=True, slots=True)
class _Count:
    """`entities`: for each entity its alternatives, each as literals: their values, and the others of the variable."""

    entities: tuple[tuple[tuple[tuple[Row, Row], ...], ...], ...]
    low: int
    high: int

    def possible(self, occurring: Row) -> bool:
        may = must = 0
        for alternatives in self.entities:
            may += any(all(occurring & inside for inside, _ in cube) for cube in alternatives)
            must += any(not any(occurring & outside for _, outside in cube) for cube in alternatives)
        return may >= self.low and must <= self.high


class _Growing:
    """`together`: for each value the values that occur with it, as bits: one operation for a row."""

    def __init__(self, system: TransitionSystem, together: list[Row] | None = None) -> None:
        self.system = system
        self.offset = (0, *accumulate(len(variable.domain) for variable in system.variables))
        self.size = self.offset[-1]
        start = sum(1 << self.offset[variable] + value for variable, value in enumerate(system.initial))
        self.together = together or [start if start >> number & 1 else 0 for number in range(self.size)]
        self.transitions = [self._prepared(transition) for transition in system.transitions]
        self._noted()

    def _noted(self) -> None:
        """What is derived from `together`."""
        self._occurring = sum(1 << number for number, row in enumerate(self.together) if row >> number & 1)
        self._beside: dict[Row, Row] = {}

    def _with(self, some: Row) -> Row:
        """What occurs with any of these values."""
        if some not in self._beside:
            self._beside[some] = united(self.together[number] for number in values(some))
        return self._beside[some]

    def _whole(self, variable: int) -> Row:
        return (1 << self.offset[variable + 1]) - (1 << self.offset[variable])

    def _row(self, variable: int, mask: int) -> Row:
        return mask << self.offset[variable] & self._whole(variable)

    def _prepared(self, transition: Transition) -> _Prepared:
        guard = tuple((self._row(variable, mask), self._whole(variable)) for variable, mask in transition.guard)
        sources = [self._whole(source) for _, source, _ in transition.updates if source >= 0]
        writes = tuple(
            ((-1, self.offset[target] + table[0]),)
            if source < 0
            else tuple((self.offset[source] + old, self.offset[target] + new) for old, new in enumerate(table))
            for target, source, table in transition.updates
        )
        return _Prepared(
            guard,
            tuple(self._counted(count) for count in transition.counts),
            united([*(inside for inside, _ in guard), *sources]) if guard else (1 << self.size) - 1,
            writes if transition.violates is None else (),
            united(self._whole(target) for target, _, _ in transition.updates),
            transition.violates is not None,
        )

    def _counted(self, count: Count) -> _Count:
        def literals(cube: Cube) -> tuple[tuple[Row, Row], ...]:
            return tuple((self._row(variable, mask), self._row(variable, ~mask)) for variable, mask in cube)

        return _Count(tuple(tuple(map(literals, each)) for each in count.entities), count.low, count.high)

    def grown(self, deadline: float | None) -> Reach | None:
        first: dict[int, int] = {}
        changed = (1 << self.size) - 1
        step = 0
        while changed:
            if deadline is not None and time.monotonic() > deadline:
                return None
            larger = self.together.copy()
            for at, transition in enumerate(self.transitions):
                if changed & transition.reads and not (transition.violates and at in first):
                    before = self._enabled(transition)
                    if before is not None:
                        first.setdefault(at, step)
                        self._execute(transition, before, larger)
            fresh = [(at, now & ~then) for at, (now, then) in enumerate(zip(larger, self.together, strict=True))]
            for number, row in fresh:
                for other in values(row):
                    larger[other] |= 1 << number
            changed = sum(1 << at for at in range(self.size) if larger[at] != self.together[at])
            self.together = larger
            self._noted()
            step += 1
        return Reach(self.offset, as_matrix(self.together), first)

    def _enabled(self, transition: _Prepared) -> Row | None:
        """The values that can occur in a state that enables the transition; None if there is no such state."""
        before = self._occurring
        for inside, _ in transition.guard:
            before &= self._with(inside & before)
        for inside, whole in transition.guard:
            if not before & inside:
                return None
            before &= inside | ~whole
        return before if all(count.possible(before) for count in transition.counts) else None

    def _execute(self, transition: _Prepared, before: Row, larger: list[Row]) -> None:
        """Add the pairs in which something new takes part, some of them in one order only."""
        same = before & ~transition.targets
        done: list[tuple[int, int]] = []
        for write in transition.writes:
            now = [(old, new) for old, new in write if old < 0 or before >> old & 1]
            for old, new in now:
                larger[new] |= (same if old < 0 else same & self.together[old]) | 1 << new
                for other, also in done:
                    if old < 0 or other < 0 or self.together[old] >> other & 1:
                        larger[new] |= 1 << also
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
            olds = [*values(before & self._whole(target))]
            found.append(
                [
                    (old, new)
                    for read, new in write
                    if read < 0 or before >> read & 1
                    for old in ([read] if source == target else olds)
                    if read < 0 or self.together[read] >> old & 1
                ]
            )
        return found


# ---------------------------------------------------------------- what can happen again and again


def recurring(system: TransitionSystem, known: Reach) -> set[int]:
    """The transitions that a loop may contain: no others can be taken infinitely often.

    On a loop every variable comes back to each of its values. So a change of a variable from which no way leads back is
    on no loop, nor is a transition that always makes such a change; without these, there may be more.
    """
    growing = _Growing(system, as_rows(known.together))
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
