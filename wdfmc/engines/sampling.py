"""Candidates for lemmas: what was never seen together in many reachable states of a small instance.

Pairs of values; and, for each request that a shared variable refers to, pairs of values of which one is in its record.
"Busy, and the request in `Current` is completed" is a triple of the second kind. Nothing follows from a sample: what is
not inductive is refuted later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from wdfmc.engines.expansion import Expansion
from wdfmc.engines.packed import Index, Words
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.system.system import Cube, TransitionSystem

Seen: TypeAlias = npt.NDArray[np.bool_]  # [values, values], all values of all variables in a row

BATCH: Final = 1 << 13
MOST_STATES: Final = 60_000  # up to renaming


def never_seen(system: TransitionSystem, most: int = MOST_STATES, deadline: float | None = None) -> Iterator[Cube]:
    """Cubes that contain none of the states seen, one of each set that are alike but for the names of requests."""
    work = Work("sampling", system.slots)
    symmetry = Symmetry(system)
    states, _ = visited(system, symmetry, most, deadline)
    work.at(states=states.shape[1])
    sample = _Sample(system, symmetry, states)
    work.at(states=states.shape[1])
    yield from sample.pairs()
    yield from sample.triples()


def visited(system: TransitionSystem, symmetry: Symmetry, most: int, deadline: float | None) -> tuple[Words, bool]:
    """States up to renaming, nearest first, and whether these are all."""
    expansion = Expansion(system, symmetry.packing)
    index = Index(symmetry.packing.words)
    index.add(symmetry.packing.pack([system.initial]))
    done = 0
    while done < index.size < most and not (deadline is not None and time.monotonic() > deadline):
        states = index.words[:, done : min(done + BATCH, index.size)]
        able = [one for one in expansion.enabled(states) if system.transitions[one[0]].violates is None]
        done += states.shape[1]
        index.add(symmetry.canonical(expansion.successors(states, able).states))
    return index.words, done == index.size


class _Sample:
    """`together[m, n]`: values number m and n, counted over all variables in a row, occur in one state.

    `beside[n]` is the same of the states in which value number n occurs, for each n that refers to request 0, and for
    the m, `own`, that its record can have.
    """

    def __init__(self, system: TransitionSystem, symmetry: Symmetry, states: Words) -> None:
        self.system = system
        sizes = [len(variable.domain) for variable in system.variables]
        self.offset: list[int] = [0, *np.cumsum(sizes).tolist()]
        self.together = np.zeros((self.offset[-1], self.offset[-1]), np.bool_)
        slots = [variable.slot for variable in system.variables for _ in variable.domain]
        self.own = np.array([number for number, slot in enumerate(slots) if slot == 0], np.intp)
        self.beside = {number: self.together.copy() for number in self._references()}
        for first in range(0, states.shape[1], BATCH):
            part = states[:, first : first + BATCH].copy()
            for renaming in range(len(symmetry.renamings) if symmetry.many else 1):
                occurs = self._occurring(symmetry, symmetry.renamed(part, renaming))
                # Sums of ones are exact in this type below 2**24.
                self.together |= occurs @ occurs.T > 0
                for number, together in self.beside.items():
                    there = occurs[:, occurs[number] > 0]
                    together[self.own] |= there[self.own] @ there.T > 0
                    together[number] |= there.any(axis=1)

    def _references(self) -> Iterator[int]:
        for variable, each in enumerate(self.system.variables):
            if each.slot is None:
                for value, reference in enumerate(each.refers):
                    if reference is not None and reference[1] == 0:
                        yield self.offset[variable] + value

    def _occurring(self, symmetry: Symmetry, states: Words) -> npt.NDArray[np.float32]:
        occurs = np.zeros((self.offset[-1], states.shape[1]), np.float32)
        everywhere = np.arange(states.shape[1])
        for variable in range(len(self.system.variables)):
            occurs[self.offset[variable] + symmetry.packing.column(states, variable), everywhere] = 1
        return occurs

    def pairs(self) -> Iterator[Cube]:
        """What is not seen beside a value, and values that are not seen at all."""
        for one in self._variables():
            seen = self._seen(self.together, one, one)
            if unseen := self._whole(one) & ~seen:
                yield ((one, unseen),)
            for value in range(self._size(one)):
                if seen >> value & 1:
                    for other in self._variables(beside=one):
                        if missing := self._whole(other) & ~self._seen(self.together, other, one, value):
                            if missing & self._seen(self.together, other, other):
                                yield tuple(sorted(((one, 1 << value), (other, missing))))

    def triples(self) -> Iterator[Cube]:
        """What is not seen beside a value of a record while a shared variable refers to that record's request."""
        for number, together in self.beside.items():
            variable = int(np.searchsorted(self.offset, number, "right")) - 1
            if together.any():
                yield from self._triples(variable, number - self.offset[variable], together)

    def _triples(self, variable: int, value: int, together: Seen) -> Iterator[Cube]:
        for one, each in enumerate(self.system.variables):
            if each.slot != 0:
                continue
            seen = self._seen(together, one, one)
            for own in range(self._size(one)):
                if seen >> own & 1:
                    for other in self._variables(beside=one):
                        there = self._seen(together, other, variable, value)
                        missing = there & ~self._seen(together, other, one, own)
                        if other != variable and missing & self._seen(self.together, other, one, own):
                            yield tuple(sorted(((variable, 1 << value), (one, 1 << own), (other, missing))))
            if never := self._seen(self.together, one, one) & ~seen:
                yield tuple(sorted(((variable, 1 << value), (one, never))))

    def _variables(self, beside: int | None = None) -> Iterator[int]:
        """Shared variables, and those of request 0, and of request 1 if it stands beside request 0."""
        slot = None if beside is None else self.system.variables[beside].slot
        for other, each in enumerate(self.system.variables):
            if other != beside and (each.slot is None or each.slot == 0 or (slot == 0 and each.slot == 1)):
                if beside is None or slot is not None or each.slot is not None or other > beside:
                    yield other

    def _size(self, variable: int) -> int:
        low, high = self.offset[variable : variable + 2]
        return high - low

    def _whole(self, variable: int) -> int:
        return (1 << self._size(variable)) - 1

    def _seen(self, together: Seen, variable: int, beside: int, value: int | None = None) -> int:
        """The mask of the values of a variable that occur, or that occur beside a value of another one."""
        low, high = self.offset[variable], self.offset[variable + 1]
        row = together.diagonal()[low:high] if value is None else together[self.offset[beside] + value, low:high]
        mask = 0
        for at in np.flatnonzero(row).tolist():
            mask |= 1 << at
        return mask
