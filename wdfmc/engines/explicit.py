"""Explicit search: every reachable state, breadth first, up to renaming of the requests.

Decides safety goals exactly, all in one pass, each with a shortest path. A goal with obligations is refuted in the same
pass by a stuck state (no fair transition is enabled, violating ones included, while the goal is owed); what is then
left of it is a question about cycles, see `liveness.py`. Left out: partial order reduction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from wdfmc.engines.engine import Holds, Outcome, Path, Unknown, Violated
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.liveness import GaveUp, Graph, fair_cycle
from wdfmc.engines.packed import Bools, Index, Numbers, Words, holding
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.system.step import enabled, step
from wdfmc.system.system import Obligation, State, TransitionSystem

BATCH: Final = 1 << 14  # states expanded at once: large enough for numpy, small enough for the cache


@dataclass(frozen=True, slots=True)
class Explicit:
    """`limit_states`: visited up to renaming of requests. `deadline`: on the clock of `time.monotonic`."""

    limit_states: int = 5_000_000
    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        search = _Search(system, goals)
        yield from self._visit(search)
        for goal in sorted(search.open, key=lambda goal: goal in search.owed):
            if search.gave_up is not None:
                yield goal, Unknown(search.gave_up, depth=None if goal in search.owed else search.depth)
            elif goal in search.owed:
                yield goal, self._cycle(search, goal)
            else:
                yield goal, Holds(search.index.size)

    def states(self, system: TransitionSystem, goals: Sequence[str]) -> tuple[dict[str, Path], Words | None]:
        """How goals are violated, as far as that was seen; all states, up to renaming of requests, if there was room
        for them and a goal was left to look for.
        """
        search = _Search(system, goals)
        violated = {goal: outcome.path for goal, outcome in self._visit(search)}
        return violated, search.index.words if search.open and search.gave_up is None else None

    def _visit(self, search: _Search) -> Iterator[tuple[str, Violated]]:
        """Visit all states, layer by layer, while a goal is open."""
        start, end = 0, 1
        while start < end and search.open:
            for first in range(start, end, BATCH):
                if self.deadline is not None and time.monotonic() > self.deadline:
                    search.gave_up = "out of time"
                    return
                if search.index.size > self.limit_states:
                    search.gave_up = f"state limit ({self.limit_states}) reached"
                    return
                for goal, path in search.expand(first, min(first + BATCH, end)):
                    yield goal, Violated(path)
                search.work.at(depth=search.depth, states=search.index.size)
            start, end = end, search.index.size
            search.depth += 1

    def _cycle(self, search: _Search, goal: str) -> Outcome:
        work = Work("cycles", search.system.slots)
        try:
            path = fair_cycle(search.graph(), search.owed[goal], self.limit_states, self.deadline)
        except GaveUp as trouble:
            return Unknown(str(trouble))
        finally:
            work.at()
        return Holds(search.index.size) if path is None else Violated(path)


class _Search:
    """The states seen, how each was first reached, and the goals still open.

    `owed`: the obligations of each goal that has any. `depth`: every path of so many transitions has been looked at.
    `gave_up`: why not all were visited.
    `lasting`: whether a transition may be taken for ever; new requests, cancels and power transitions may not.
    """

    def __init__(self, system: TransitionSystem, goals: Sequence[str]) -> None:
        self.system = system
        self.work = Work("explicit", system.slots)
        self.symmetry = Symmetry(system)
        self.expansion = Expansion(system, self.symmetry.packing)
        self.open = dict.fromkeys(goals)
        self.owed: dict[str, list[Obligation]] = {}
        for obligation in system.obligations:
            if obligation.rule in self.open:
                self.owed.setdefault(obligation.rule, []).append(obligation)
        self.index = Index(self.symmetry.packing.words)
        self.index.add(self.symmetry.packing.pack([system.initial]))
        self.depth = 0
        self.gave_up: str | None = None
        self.lasting = np.array([one.lasting for one in system.transitions], np.bool_)
        self._parent: list[npt.NDArray[np.int32]] = [np.full(1, -1, np.int32)]
        self._via: list[npt.NDArray[np.int32]] = [np.full(1, -1, np.int32)]
        self._source: list[npt.NDArray[np.int32]] = []  # edges between states that owe something
        self._target: list[npt.NDArray[np.int32]] = []

    def expand(self, first: int, end: int) -> list[tuple[str, Path]]:
        """Add the successors of the states first..end-1. Returns the goals that these refute, no longer open."""
        states = self.index.words[:, first:end]
        able = self.expansion.enabled(states)
        owed = {goal: self._owes(states, goal) for goal in self.open if goal in self.owed}
        refuted = self._violating(first, able) | self._stuck(first, able, owed)
        for goal in refuted:
            del self.open[goal]
        if self.open:
            transitions = self.system.transitions
            found = self.expansion.successors(states, [one for one in able if transitions[one[0]].violates is None])
            numbers, fresh = self.index.add(self.symmetry.canonical(found.states))
            self._parent.append((found.source[fresh] + first).astype(np.int32))
            self._via.append(found.transition[fresh].astype(np.int32))
            if owed:
                kept = np.logical_or.reduce(list(owed.values()))[found.source] & self.lasting[found.transition]
                self._source.append((found.source[kept] + first).astype(np.int32))
                self._target.append(numbers[kept].astype(np.int32))
        return list(refuted.items())

    def _violating(self, first: int, able: list[tuple[int, Numbers]]) -> dict[str, Path]:
        """The open goals that a violating transition refutes, each at the first state that has one."""
        earliest: dict[str, tuple[int, int]] = {}
        for number, rows in able:
            rule = self.system.transitions[number].violates
            if rule is not None and rule in self.open:
                here = int(rows[0]), number
                earliest[rule] = min(earliest.get(rule, here), here)
        refuted = {}
        for rule, (row, number) in earliest.items():
            path, state = self.path(first + row)
            template = self.system.transitions[number].template
            last = next(at for at in self._instances(template) if enabled(self.system.transitions[at], state))
            refuted[rule] = Path((*path, last), "violation")
        return refuted

    def _stuck(self, first: int, able: list[tuple[int, Numbers]], owed: dict[str, Bools]) -> dict[str, Path]:
        """The open goals that a state refutes in which they are owed and nothing has to happen."""
        refuted: dict[str, Path] = {}
        if owed:
            idle = np.ones(len(next(iter(owed.values()))), np.bool_)
            for number, rows in able:
                if self.system.transitions[number].fairness is not None:
                    idle[rows] = False
            for goal, owing in owed.items():
                stuck = np.flatnonzero(idle & owing)
                if stuck.size:
                    refuted[goal] = Path(tuple(self.path(first + int(stuck[0]))[0]), "stuck")
        return refuted

    def _owes(self, states: Words, goal: str) -> Bools:
        packing = self.symmetry.packing
        masks = [holding(packing, self.system, states, owed.variable, owed.pending) for owed in self.owed[goal]]
        return np.asarray(np.logical_or.reduce(masks))

    def _instances(self, template: int) -> list[int]:
        return [number for number, one in enumerate(self.system.transitions) if one.template == template]

    def path(self, number: int) -> tuple[list[int], State]:
        """A shortest path to a renaming of a state seen, and that state.

        The states seen are renamed apart, so the path is found anew: from each state, some instance of the template
        that was taken leads to a renaming of the next one.
        """
        parent, via = np.concatenate(self._parent), np.concatenate(self._via)
        back = []
        while number:
            back.append((int(via[number]), number))
            number = int(parent[number])
        state, path = self.system.initial, list[int]()
        for taken, number in reversed(back):
            able = [
                at
                for at in self._instances(self.system.transitions[taken].template)
                if enabled(self.system.transitions[at], state)
            ]
            after = [step(self.system, state, at) for at in able]
            canonical = self.symmetry.canonical(self.symmetry.packing.pack(after))
            which = int(np.flatnonzero(self.index.find(canonical) == number)[0])
            path.append(able[which])
            state = after[which]
        return path, state

    def graph(self) -> Graph:
        """What was visited, once all of it was. Lasting edges are complete between states that owe an open goal."""
        none = np.empty(0, np.int32)
        return Graph(
            self.system,
            self.symmetry,
            self.expansion,
            self.index,
            np.concatenate([none, *self._source]),
            np.concatenate([none, *self._target]),
            self.lasting,
            self.path,
        )
