"""Bounded model checking (Biere, Cimatti, Clarke, Zhu; TACAS 1999): finds shortest violations, proves nothing.

Lassos and stuck states refute "eventually" under the fairness of the system. All goals share one unrolling, and every
question is put for all open goals at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.engine import Outcome, Path, Unknown, Violated
from wdfmc.engines.solver import GaveUp, Sat, Unsat
from wdfmc.engines.unrolling import Spent, Unrolling
from wdfmc.progress import Work
from wdfmc.system.system import TransitionSystem


@dataclass(frozen=True, slots=True)
class Bmc:
    """Args:
    depth: the most transitions of a run, the violating one included.
    deadline: as of time.monotonic().
    """

    depth: int = 30
    deadline: float | None = None
    spent: Spent = field(default_factory=Spent, compare=False)

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        begun = time.monotonic()
        known = reach(system, self.deadline)
        self.spent.build, self.spent.solve = time.monotonic() - begun, 0.0
        if known is None:
            yield from ((goal, Unknown("out of time")) for goal in dict.fromkeys(goals))
            return
        possible = {system.transitions[at].violates for at in known.first} | {owed.rule for owed in system.obligations}
        search = _Search(system, known, [goal for goal in dict.fromkeys(goals) if goal in possible], self)
        yield from search.run()
        for goal in search.open:
            yield goal, self._undecided(search.gave_up, search.runs.length)
        for goal in dict.fromkeys(goals):
            if goal not in possible:  # at any depth
                yield goal, self._undecided(None, self.depth)

    def _undecided(self, gave_up: str | None, length: int) -> Unknown:
        if gave_up is None:
            return Unknown(f"no violation within {self.depth} transitions", depth=self.depth)
        return Unknown(gave_up, depth=length or None)


class _Search:
    """The goals that are still open while `runs` grows."""

    def __init__(self, system: TransitionSystem, known: Reach, goals: list[str], limits: Bmc) -> None:
        self.open = goals
        self.limits = limits
        self.gave_up: str | None = None
        self.work = Work("bmc", system.slots)
        self.queries = 0
        self.runs = Unrolling(system, known, goals, lasso=True, spent=limits.spent)

    def run(self) -> Iterator[tuple[str, Outcome]]:
        """Until no goal is open, or the depth is reached, or z3 gives up."""
        while self.open and self.gave_up is None:
            for goal, path in self.ends():
                yield goal, Violated(path)
            if self.runs.length >= self.limits.depth:
                return
            for goal, path in self.violations():
                yield goal, Violated(path)
            if self.gave_up is None:
                self.runs.extend()

    def violations(self) -> Iterator[tuple[str, Path]]:
        """Runs that a violating transition ends here, one for each goal that has one."""
        while model := self._solve({goal: self.runs.violation(goal) for goal in self.open}):
            goal, found = model
            taken = (*self.runs.transitions(found.model), self.runs.broken(found.model, goal))
            yield goal, Path(taken, "violation")

    def ends(self) -> Iterator[tuple[str, Path]]:
        """Runs that end here for good, or close a loop here, with an obligation owed."""
        if not self._live():
            return
        while model := self._solve(self._live(), self.runs.stuck):
            goal, found = model
            yield goal, Path(self.runs.transitions(found.model), "stuck")
        while model := self._solve(self._live(), self.runs.closed):
            goal, found = model
            yield goal, Path(self.runs.transitions(found.model), "loop", self.runs.loop(found.model))

    def _live(self) -> dict[str, int]:
        return {goal: live for goal in self.open if (live := self.runs.live(goal)) is not None}

    def _solve(self, literals: dict[str, int], *assumed: int) -> tuple[str, Sat] | None:
        """A run with one of the goals' literals true, and that goal, which is open no more; None if there is none."""
        if not literals or self.gave_up is not None:
            return None
        answer = self.runs.solve(self.runs.solver.any_of(literals.values()), *assumed, deadline=self.limits.deadline)
        self.queries += 1
        self.work.at(depth=self.runs.length, queries=self.queries)
        match answer:
            case Sat() as found:
                goal = next(goal for goal, literal in literals.items() if found.model.true(literal))
                self.open.remove(goal)
                return goal, found
            case Unsat():
                return None
            case GaveUp(reason):
                self.gave_up = reason
                return None
