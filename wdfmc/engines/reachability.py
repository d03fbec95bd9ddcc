"""Which of many things can ever happen: a safety goal for each, and the question is only whether it is violated.

What happens usually happens soon, so the states are visited breadth first; no paths are kept. What is still open after
some states is often excluded by pairs of values; only then the search goes on.

All this is done with the order of queues left open, where there are fewer states. What happens there is looked for once
more in the runs on which queues keep their order.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from wdfmc.engines.engine import Holds
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.explicit import BATCH
from wdfmc.engines.packed import Index, Words
from wdfmc.engines.pairs import Pairs
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.system.ordered import ordered
from wdfmc.system.system import TransitionSystem

FIRST: Final = 300_000  # states that are visited sooner than pairs of values are found and audited


@dataclass(slots=True)
class Reached:
    """What was asked for, each in one of the three.

    happens: the number of a transition that violates the goal. never: the name of the engine that excludes it.
    states: how many were visited, up to renaming of requests.
    """

    happens: dict[str, int] = field(default_factory=dict)
    never: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    states: int = 0


def reached(
    system: TransitionSystem, goals: Iterable[str], limit_states: int, deadline: float | None = None
) -> Reached:
    """Args:
    limit_states: visited up to renaming of requests. deadline: on the clock of `time.monotonic`.
    """
    possible = {transition.violates for transition in system.transitions}
    found = Reached(open={goal for goal in goals if goal in possible})
    found.never = {goal: "domains" for goal in goals if goal not in possible}
    search = _Search(system)
    search.visit(found, min(FIRST, limit_states), deadline)
    if found.open and search.size < limit_states:
        for goal, outcome in Pairs(deadline).check(system, sorted(found.open)):
            if isinstance(outcome, Holds):
                found.never[goal] = "pairs"
                found.open.discard(goal)
        search.visit(found, limit_states, deadline)
    found.states = search.size
    return in_order(system, found, limit_states, deadline)


def in_order(system: TransitionSystem, found: Reached, limit_states: int, deadline: float | None) -> Reached:
    """What happens in a run on which queues keep their order, given what happens in any."""
    line = ordered(system)
    if line is system or not found.happens:
        return found
    again = Reached(open=set(found.happens))
    search = _Search(line)
    search.visit(again, limit_states, deadline)
    return Reached(
        again.happens, {**found.never, **again.never}, found.open | again.open, max(found.states, search.size)
    )


class _Search:
    """The states seen; those from number `start` on have not been expanded."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.work = Work("reachability", system.slots)
        self.symmetry = Symmetry(system)
        self.expansion = Expansion(system, self.symmetry.packing)
        self.index = Index(self.symmetry.packing.words)
        self.index.add(self.symmetry.packing.pack([system.initial]))
        self.start = 0

    @property
    def size(self) -> int:
        return self.index.size

    def visit(self, found: Reached, limit_states: int, deadline: float | None) -> None:
        """Go on while something is open. When no state is left, what is open never happens."""
        while found.open and self.start < self.size:
            if self.size > limit_states or (deadline is not None and time.monotonic() > deadline):
                return
            end = min(self.start + BATCH, self.size)
            self.expand(found, self.index.words[:, self.start : end])
            self.start = end
            self.work.at(states=self.size)
        if self.start == self.size:
            found.never |= dict.fromkeys(found.open, "explicit")
            found.open.clear()

    def expand(self, found: Reached, states: Words) -> None:
        able = self.expansion.enabled(states)
        lasting = []
        for number, rows in able:
            rule = self.system.transitions[number].violates
            if rule is None:
                lasting.append((number, rows))
            elif rule in found.open:
                found.happens[rule] = number
                found.open.discard(rule)
        self.index.add(self.symmetry.canonical(self.expansion.successors(states, lasting).states))
