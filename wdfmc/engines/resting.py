"""Runs that come to rest: no callback is unfinished, nothing is owed, and no rule can be broken at once."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from wdfmc.engines.expansion import Expansion
from wdfmc.engines.packed import Bools, Index, Numbers, Packing, Words, holding
from wdfmc.system.system import State, TransitionSystem

BATCH: Final = 1 << 14  # states expanded at once


class GaveUp(Exception):
    """The search is not finished; the message says why."""


@dataclass
class Resting:
    """Searches from several states, breadth first, which share what they have seen.

    Renamings of requests are not taken for the same: a run is to go on from a given state.

    Args:
        counters: the variables that say where callbacks and threads stand, at the start: nowhere.
        rules: those that matter.
        requests: the slots that take part; none else is issued or created.
        deadline: as of time.monotonic().
    """

    system: TransitionSystem
    counters: Sequence[int]
    rules: Set[str]
    requests: Set[int]
    limit_states: int = 300_000
    deadline: float | None = None
    _parent: list[int] = field(default_factory=list)
    _via: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.packing = Packing(self.system, records=False)
        self.expansion = Expansion(self.system, self.packing)
        self.index = Index(self.packing.words)
        taken = enumerate(self.system.transitions)
        self.idle = {number for number, transition in taken if not self.requests >= set(transition.slots)}

    def run_from(self, state: State) -> tuple[int, ...] | None:
        """The transitions of a shortest run to a state at rest; None if there is none.

        No run comes to rest from a state that an earlier call has seen, or it would have found it.

        Raises:
            GaveUp: there are too many states, or it is too late.
        """
        first = self.index.size
        self.index.add(self.packing.pack([state]))
        if self.index.size == first:
            return None
        self._parent.append(-1)
        self._via.append(-1)
        start, end = first, first + 1
        while start < end:
            for low in range(start, end, BATCH):
                found = self._expand(low, min(low + BATCH, end))
                if found is not None:
                    return self._path(found)
            start, end = end, self.index.size
        return None

    def _expand(self, first: int, end: int) -> int | None:
        """Add the successors of states; the number of one of these that is at rest, if there is one."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise GaveUp("out of time")
        if self.index.size > self.limit_states:
            raise GaveUp(f"state limit ({self.limit_states}) reached")
        states = self.index.words[:, first:end]
        able = [one for one in self.expansion.enabled(states) if one[0] not in self.idle]
        resting = np.flatnonzero(self._at_rest(states, able))
        if resting.size:
            return first + int(resting[0])
        transitions = self.system.transitions
        found = self.expansion.successors(states, [one for one in able if transitions[one[0]].violates is None])
        _, fresh = self.index.add(found.states)
        self._parent += (found.source[fresh] + first).tolist()
        self._via += found.transition[fresh].tolist()
        return None

    def _at_rest(self, states: Words, able: list[tuple[int, Numbers]]) -> Bools:
        rest = np.ones(states.shape[1], np.bool_)
        for number, rows in able:
            if self.system.transitions[number].violates in self.rules:
                rest[rows] = False
        for counter in self.counters:
            rest &= self.packing.column(states, counter) == self.system.variables[counter].initial
        for owed in (owed for owed in self.system.obligations if owed.rule in self.rules):
            rest &= ~holding(self.packing, self.system, states, owed.variable, owed.pending)
        return rest

    def _path(self, number: int) -> tuple[int, ...]:
        taken: list[int] = []
        while self._parent[number] >= 0:
            taken.append(self._via[number])
            number = self._parent[number]
        return tuple(reversed(taken))
