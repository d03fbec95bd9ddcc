""" "Eventually", proved for a fixed number of requests without looking at every state (k-liveness).

`rounds` puts a watcher beside the system that counts how often fairness completes a round while something stays owed.
IC3 is asked whether one round can be completed, then two, and so on, until it proves that so many cannot; what it has
learned is kept from one question to the next. z3 then proves its invariant again, and that what pairs of values rule
out, which the watcher relies on, does not happen in the system. A run on which two rounds begin in the same state is a
refutation; other engines find these sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wdfmc.engines import pairs
from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import confirmed
from wdfmc.engines.cubes import Renamings
from wdfmc.engines.engine import Holds, Outcome, Path, Unknown, Violated
from wdfmc.engines.ic3 import Frames, OutOfTime, representatives
from wdfmc.engines.rounds import Rounds, TooManyWays, rounds
from wdfmc.engines.symmetry import symmetric
from wdfmc.system.step import choices, step
from wdfmc.system.system import Cube, TransitionSystem

ROUNDS: Final = 8  # that are counted at first; when these are completed, twice as many


@dataclass(frozen=True, slots=True)
class KLiveness:
    """Decides goals with obligations; what holds has been proved again. `deadline`: as of time.monotonic()."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        """`states` of what holds is 0: none was visited.

        Raises:
            NotInductive: z3 refutes the invariant.
        """
        owed = {obligation.rule for obligation in system.obligations}
        known = reach(system, self.deadline)
        for goal in dict.fromkeys(goals):
            if goal not in owed:
                yield goal, Unknown("it is about what never happens")
            elif known is None:
                yield goal, Unknown("out of time")
            else:
                yield goal, self._decided(system, known, goal)

    def _decided(self, system: TransitionSystem, known: Reach, goal: str) -> Outcome:
        completed, counted = 0, ROUNDS
        try:
            while True:
                question = rounds(system, known, goal, counted - 1)
                around = reach(question.system, self.deadline)
                if around is None:
                    return Unknown("out of time")
                asked = question.limits[completed:]
                frames = Frames(question.system, around, [goal, asked[0]], self.deadline, later=asked[1:])
                for broken, path in frames.violations():
                    refuted = refutation(system, question, path) if broken != goal else run(question, path)
                    if refuted is not None:
                        return Violated(refuted)
                    completed += 1
                    if completed == counted:
                        break
                    frames.add(question.limits[completed])
                else:
                    proof = (*frames.invariant(), *representatives(question.system, around))
                    proved = self._proved(system, known, question, completed, proof)
                    return Holds(0) if proved else Unknown("out of time for the audit of the proof")
                counted *= 2
        except OutOfTime:
            return Unknown("out of time")
        except TooManyWays:
            return Unknown("there are too many ways in which one step of an actor is enabled")

    def _proved(
        self, system: TransitionSystem, known: Reach, question: Rounds, completed: int, invariant: Sequence[Cube]
    ) -> bool:
        """False if time ran out. Raises NotInductive."""
        possible = question.limits[:completed]
        kept = tuple(one for one in question.system.transitions if one.violates not in possible)
        watched = replace(question.system, transitions=kept)
        alike = symmetric(watched)
        renamings = Renamings(watched, alike)
        images = [tuple(sorted(image.items())) for cube in invariant for image in renamings.images(dict(cube))]
        return pairs.audit(system, known, (), self.deadline) and confirmed(watched, images, invariant, self.deadline)


def run(question: Rounds, path: Path) -> Path:
    """The run of the system alone."""
    taken = (question.taken[at] for at in path.transitions)
    return Path(tuple(at for at in taken if at is not None), path.end)


def refutation(system: TransitionSystem, question: Rounds, path: Path) -> Path | None:
    """A stuck state, or a fair loop, on a run that completes rounds."""
    taken: list[int] = []
    state = system.initial
    begun: dict[tuple[int, ...], int] = {}
    for at in path.transitions:
        chosen = question.taken[at]
        if chosen is not None:
            state = step(system, state, chosen)
            taken.append(chosen)
        elif at == question.completes or question.system.transitions[at].violates is not None:
            if all(system.transitions[able].fairness is None for able in choices(system, state)):
                return Path(tuple(taken), "stuck")
            if state in begun:
                return Path(tuple(taken), "loop", begun[state])
            begun[state] = len(taken)
    return None
