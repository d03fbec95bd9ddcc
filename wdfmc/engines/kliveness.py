""" "Eventually", proved for a fixed number of requests without looking at every state (k-liveness).

`rounds` puts a watcher beside the system that counts how often fairness completes a round while something stays owed.
IC3 is asked whether one round can be completed, then two, and so on, until it proves that so many cannot. Fairness
groups are minded only when a run completes a round without being fair to them: most are never needed, and each makes
the questions harder. What IC3 has learned is kept from one question to the next. z3 then proves its invariant again,
and that what pairs of values rule out, which the watcher relies on, does not happen in the system. A run on which two
rounds begin in the same state is a refutation; other engines find these sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wdfmc.engines import pairs
from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import confirmed
from wdfmc.engines.cubes import Masks, Renamings, key
from wdfmc.engines.engine import Holds, Outcome, Path, Unknown, Violated
from wdfmc.engines.ic3 import Frames, OutOfTime, representatives
from wdfmc.engines.rounds import Rounds, TooManyWays, rounds
from wdfmc.engines.symmetry import symmetric
from wdfmc.system.step import choices, step
from wdfmc.system.system import Cube, State, TransitionSystem

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
        search = _Search(system, known, goal, self.deadline)
        try:
            while (found := search.answer()) is None:
                pass
        except OutOfTime:
            return Unknown("out of time")
        except TooManyWays:
            return Unknown("there are too many ways in which one step of an actor is enabled")
        if isinstance(found, Path):
            return Violated(found)
        return Holds(0) if self._proved(system, known, found) else Unknown("out of time for the audit of the proof")

    def _proved(self, system: TransitionSystem, known: Reach, proof: _Proof) -> bool:
        """False if time ran out. Raises NotInductive."""
        images = Renamings(proof.system, symmetric(proof.system)).images
        every = [key(image) for cube in proof.invariant for image in images(dict(cube))]
        return pairs.audit(system, known, (), self.deadline) and confirmed(
            proof.system, every, proof.invariant, self.deadline
        )


@dataclass(frozen=True, slots=True)
class _Proof:
    """Of the system with its watcher, of whose limits only those that are not exceeded are left."""

    system: TransitionSystem
    invariant: tuple[Cube, ...]


class _Search:
    """`minded`: kinds of fairness groups. `completed`: rounds that some run completes. `learned`: from the question
    before, if it is known of the next one, too."""

    def __init__(self, system: TransitionSystem, known: Reach, goal: str, deadline: float | None) -> None:
        self.system = system
        self.known = known
        self.goal = goal
        self.deadline = deadline
        self.minded: frozenset[int] = frozenset()
        self.completed = 0
        self.counted = ROUNDS
        self.learned: tuple[Rounds, Frames] | None = None

    def answer(self) -> Path | _Proof | None:
        """A run that breaks the goal, or a proof that there is none; None if another question has to be asked.

        Raises OutOfTime, TooManyWays.
        """
        question = rounds(self.system, self.known, self.goal, self.counted - 1, self.minded)
        around = reach(question.system, self.deadline)
        if around is None:
            raise OutOfTime
        asked = question.limits[self.completed :]
        frames = Frames(question.system, around, [self.goal, asked[0]], self.deadline, later=asked[1:])
        if self.learned is not None:
            frames.inherit(inherited(*self.learned, question))
        for broken, path in frames.violations():
            if broken == self.goal:
                return run(question, path)
            if starving := starved(self.system, question, path):
                self.minded |= starving
                self.completed, self.learned = 0, (question, frames)
                return None
            found = refutation(self.system, question, path)
            if found is not None:
                return found
            self.completed += 1
            if self.completed == self.counted:
                self.counted, self.learned = 2 * self.counted, None
                return None
            frames.add(question.limits[self.completed])
        possible = question.limits[: self.completed]
        kept = tuple(one for one in question.system.transitions if one.violates not in possible)
        invariant = (*frames.invariant(), *representatives(question.system, around))
        return _Proof(replace(question.system, transitions=kept), invariant)


def inherited(old: Rounds, frames: Frames, new: Rounds) -> Iterator[list[Masks]]:
    """The lemmas of each frame, about a watcher that minds more groups: it does less, and looks at more in between."""
    place = {old.status[group]: new.status[group] for group in old.status}
    for level in frames.levels[1:]:
        yield [{place.get(at, at): mask for at, mask in lemma.cube.items()} for lemma in level.values()]


def starved(system: TransitionSystem, question: Rounds, path: Path) -> frozenset[int]:
    """The kinds of the groups that the watcher ignores and to which a round of the run is not fair."""
    states, steps = [system.initial], list[int]()
    found: frozenset[int] = frozenset()
    for at in path.transitions:
        chosen = question.taken[at]
        if chosen is not None:
            states.append(step(system, states[-1], chosen))
            steps.append(chosen)
            continue
        if at == question.completes or question.system.transitions[at].violates is not None:
            found = found.union(_unfair(system, question.ignored, states, steps))
        if at == question.completes or at in question.decides:
            states, steps = states[-1:], []
    return found


def _unfair(
    system: TransitionSystem, groups: Mapping[int, int], states: Sequence[State], steps: Sequence[int]
) -> Iterator[int]:
    able = [{system.transitions[one].fairness for one in choices(system, state)} for state in states]
    served = {system.transitions[at].fairness for at in steps}
    acting = {system.transitions[at].actor for at in steps}
    for number, kind in groups.items():
        group = system.fairness[number]
        enabled = (any if group.strong else all)(number in each for each in able)
        if enabled and not (number in served if group.strong else group.actor in acting):
            yield kind


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
