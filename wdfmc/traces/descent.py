"""The best shortest run by z3: from any shortest one to the best, one criterion after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from wdfmc.engines.abstraction import reach
from wdfmc.engines.engine import Path
from wdfmc.engines.solver import Answer, GaveUp, Model, Sat, Solver
from wdfmc.engines.unrolling import Unrolling
from wdfmc.traces.minimize import TooHard
from wdfmc.traces.preference import End, Preference, environment, requests, switches
from wdfmc.traces.replay import Refuted

MOST_WORK: Final = 10_000_000  # as `Solver.work` counts it; seconds


class _Budget:
    """Questions to z3 that have so much work left in all."""

    def __init__(self, solver: Solver, deadline: float | None) -> None:
        self._solver = solver
        self._deadline = deadline
        self._left = MOST_WORK

    def solve(self, runs: Unrolling, *assumed: int) -> Answer:
        before = self._solver.work
        answer = runs.solve(*assumed, deadline=self._deadline, work=self._left)
        self._left -= self._solver.work - before
        return answer


def descended(preference: Preference, goal: str, least: int, most: int, end: End, deadline: float | None) -> Path:
    """Any shortest run (`least` to `most` transitions), improved criterion by criterion until none is better.

    Where that is too much work: of the runs with `most` transitions, one that could be found and improved in time.

    Raises:
        TooHard: none could be found.
        Refuted: there is none.
    """
    known = reach(preference.system)
    assert known is not None
    runs = Unrolling(preference.system, known, [goal], lasso=end == "stuck")
    shorter, longest = _Budget(runs.solver, deadline), _Budget(runs.solver, deadline)
    for depth in range(end == "violation", most + 1):
        if depth >= least:
            ending = _ending(runs, goal, end)
            match (shorter if depth < most else longest).solve(runs, *ending):
                case Sat(model):
                    for literal in ending:
                        runs.solver.insist(literal)
                    return _Descent(preference, goal, end, runs, deadline).best(model)
                case GaveUp() if depth < most:
                    least = most
                case GaveUp(reason):
                    raise TooHard(f"{goal}: {reason}")
        runs.extend()
    raise Refuted(f"{goal}: an engine found a run with {most} transitions that ends in {end}, z3 finds none")


def _ending(runs: Unrolling, goal: str, end: End) -> list[int]:
    """Literals that say that a run of that length ends so."""
    if end == "violation":
        return [runs.violation(goal)]
    live = runs.live(goal)
    if live is None:
        raise Refuted(f"{goal}: an engine found a stuck run, but nothing is owed")
    return [runs.stuck, live]


class _Descent:
    """Every run of `runs` is a shortest one that refutes the goal now."""

    def __init__(self, preference: Preference, goal: str, end: End, runs: Unrolling, deadline: float | None) -> None:
        self.preference = preference
        self.goal = goal
        self.end: End = end
        self.runs = runs
        self.budget = _Budget(runs.solver, deadline)
        transitions, relation = preference.system.transitions, runs.relation
        broken = {at: name for at, name in relation.broken.items() if transitions[at].violates == goal}
        self.steps = [  # transition -> the literal that says it is the one taken
            {at: runs.at(name, step) for at, name in (relation.taken if step < runs.length else broken).items()}
            for step in range(runs.length + (end == "violation"))
        ]
        if end == "violation":  # several may be enabled then; the run is read with one of them
            runs.solver.insist(runs.solver.at_most(list(self.steps[-1].values()), 1))

    def best(self, model: Model) -> Path:
        path = self._path(model)
        criteria = (
            (switches, self._switching()),
            (requests, self._naming()),
            (environment, self._environment()),
        )
        for cost, literals in criteria:
            while now := cost(self.preference, path):
                better = self._solve(self.runs.solver.at_most(literals, now - 1))
                if better is None:
                    break
                path = better
            if now < len(literals):
                self.runs.solver.insist(self.runs.solver.at_most(literals, now))
        for step, names in enumerate(self.steps):
            while better := self._solve(self.runs.solver.any_of(self._before(path, step))):
                path = better
            self.runs.solver.insist(names[path.transitions[step]])
        return path

    def _before(self, path: Path, step: int) -> list[int]:
        rank = self.preference.rank
        return [name for at, name in self.steps[step].items() if rank[at] < rank[path.transitions[step]]]

    def _path(self, model: Model) -> Path:
        taken = self.runs.transitions(model)
        if self.end == "violation":
            taken = (*taken, self.runs.broken(model, self.goal))
        return Path(taken, self.end)

    def _solve(self, assumed: int) -> Path | None:
        answer = self.budget.solve(self.runs, assumed)
        return self._path(answer.model) if isinstance(answer, Sat) else None

    def _switching(self) -> list[int]:
        """For each step but the first a literal that is true if another actor takes it."""
        found = []
        for now, then in pairwise(self.steps):
            switched = self.runs.solver.fresh()
            for actor in {int(self.preference.actor[at]) for at in now}:
                before = self.runs.solver.if_any(name for at, name in now.items() if self.preference.actor[at] == actor)
                same = self.runs.solver.any_of(name for at, name in then.items() if self.preference.actor[at] == actor)
                self.runs.solver.insist(-before, same, switched)
            found.append(switched)
        return found

    def _naming(self) -> list[int]:
        """For each request slot a literal that is true if a transition names it."""
        return [
            self.runs.solver.if_any(
                name for names in self.steps for at, name in names.items() if self.preference.named[at] >> slot & 1
            )
            for slot in range(self.preference.system.slots)
        ]

    def _environment(self) -> list[int]:
        """For each step a literal that is true if the environment takes it."""
        chosen = ([name for at, name in names.items() if self.preference.environment[at]] for names in self.steps)
        return [self.runs.solver.if_any(names) for names in chosen]
