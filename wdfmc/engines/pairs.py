"""Proofs by pairs of values: most contracts of most drivers, with any number of requests that is fixed, in a second.

The invariant is that certain pairs of values never occur together (`abstraction`). Before anything is called proved, z3
confirms that the initial state satisfies it, that every transition keeps it, and that it excludes the violations; this
shares no code with the search for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import NotInductive
from wdfmc.engines.engine import Holds, Outcome, Unknown
from wdfmc.engines.relation import TRUE, Pattern, Relation, following, numbering
from wdfmc.engines.solver import Sat, Solver, Unsat
from wdfmc.engines.unrolling import excluded, occurring
from wdfmc.progress import Work
from wdfmc.system.system import TransitionSystem


@dataclass(frozen=True, slots=True)
class Pairs:
    """Decides some safety goals, and all of them only one way. `deadline`: as of time.monotonic()."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        """`states` of what holds is 0: none was visited.

        Raises:
            NotInductive: z3 refutes the invariant.
        """
        work = Work("pairs", system.slots)
        known = reach(system, self.deadline)
        held: set[str] = set()
        if known is not None:
            possible = {system.transitions[at].violates for at in known.first}
            owed = {obligation.rule for obligation in system.obligations}
            held = {goal for goal in goals if goal not in possible and goal not in owed}
            if held and not audit(system, known, sorted(held), self.deadline):
                held = set()
        work.at()
        for goal in goals:
            yield goal, Holds(0) if goal in held else Unknown("no invariant of pairs of values")


def audit(system: TransitionSystem, found: Reach, goals: Sequence[str], deadline: float | None = None) -> bool:
    """Proves that the pairs of values that `found` rules out never occur, and that no goal is violated then.

    Returns:
        False if time ran out.

    Raises:
        NotInductive: there is a counterexample.
    """
    start = [found.offset[variable] + value for variable, value in enumerate(system.initial)]
    if not all(found.together[one, other] for one in start for other in start):
        raise NotInductive("the engine rules out a pair of values that the initial state has")
    everything = tuple((1 << len(variable.domain)) - 1 for variable in system.variables)
    asked = [at for at, one in enumerate(system.transitions) if one.violates is None or one.violates in goals]
    relation = Relation(system, everything, asked)
    clauses = relation.clauses
    invariant = [*occurring(relation, found), *excluded(relation, found)]
    state = list(clauses.here)
    broken, left = clauses.fresh(), clauses.fresh()
    clauses.add(-broken, *relation.broken.values())
    names = []
    for clause in invariant:
        clauses.add(*clause)
        names.append(clauses.fresh())
        clauses.implies(names[-1], (-following(literal) for literal in clause))
    clauses.add(-left, *names)
    number = numbering(clauses.width, clauses.shared)
    solver = Solver()
    solver.read(f"{number(TRUE)} 0\n" + Pattern.of(clauses.here, clauses.width, clauses.shared).at(0))
    answers = [solver.check([number(broken)], deadline)]
    solver.read(Pattern.of(clauses.ahead, clauses.width, clauses.shared).at(0))
    solver.read(Pattern.of(state, clauses.width, clauses.shared).at(clauses.width))
    answers.append(solver.check([number(left)], deadline))
    for answer, claim in zip(answers, ("excludes every violation", "is kept by every transition"), strict=True):
        if isinstance(answer, Sat):
            raise NotInductive(f"the engine says that its invariant {claim}, z3 has a counterexample")
    return all(isinstance(answer, Unsat) for answer in answers)
