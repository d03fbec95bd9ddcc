"""Proofs for any number of requests: lemmas found for few requests, as far as they hold for all.

IC3 proves three requests. Its lemmas and the pairs of values that cannot occur (`abstraction`), lifted to lemmas about
any requests, are candidates: those that some instance refutes are dropped until the rest is inductive (Houdini:
Flanagan and Leino, FME 2001), and if the rest still excludes the violations, it is a proof for any number. Lemmas that
only hold because the number is fixed, such as a pigeonhole over the slots, do not survive this. Where that is not
enough or takes long, more candidates come from what a sample of the states of two requests never shows (`sampling`),
the instance is looked at with all requests that shared variables refer to, and IC3 starts again from what survived.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.cdcl import MANY_ASSUMED
from wdfmc.engines.certificate import Certificate, size
from wdfmc.engines.cubes import contains
from wdfmc.engines.engine import Path
from wdfmc.engines.ic3 import Frames, OutOfTime, representatives
from wdfmc.engines.relation import values
from wdfmc.engines.sampling import never_seen
from wdfmc.engines.stepping import Stepping
from wdfmc.progress import Work
from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.system import Cube, Ref, State, TemplateSystem, TransitionSystem

SAMPLED: Final = 2  # requests of the instance that is sampled
TRIED: Final = 3  # requests of the instance that IC3 proves
MOST_FOLLOWED: Final = 10
FIRST: Final = 2000  # questions of IC3 before samples are taken

UNANSWERED: Final = frozenset({-1})  # the number of no lemma


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about the goals; nothing of it is audited yet.

    `certificates`: for any number of requests, each for the goals that it names. `violated`: runs of a larger
    instance that break goals, with its number of requests. `lemmas`: all that hold for any number.
    """

    certificates: tuple[Certificate, ...]
    violated: dict[str, tuple[int, Path]]
    lemmas: tuple[Lemma, ...]


def prove(system: TemplateSystem, goals: Sequence[str], deadline: float, lemmas: Sequence[Lemma] = ()) -> Proof:
    """Safety goals for any number of requests, as far as time allows.

    Args:
        deadline: as of time.monotonic().
        lemmas: candidates, for example those of another slice.
    """
    search = _Search(system, goals, deadline)
    if search.left and lemmas:
        search.by_candidates(lemmas, deadline)
    if search.left:
        search.by_ic3(deadline, FIRST)
    if search.left:
        search.followed = followed(system)
        search.by_samples(deadline)
    if search.left:
        search.by_ic3(deadline)
    return Proof(tuple(each for each in search.certificates if each.goals), search.violated, search.lemmas)


class _Search:
    """`left`: the goals that are still open. `followed`: shared variables whose references are looked into."""

    def __init__(self, system: TemplateSystem, goals: Sequence[str], deadline: float) -> None:
        self.system = system
        self.left = list(goals)
        self.certificates: list[Certificate] = []
        self.violated: dict[str, tuple[int, Path]] = {}
        self.followed: tuple[int, ...] = ()
        self.lemmas: tuple[Lemma, ...] = ()
        self._instance = Instance(system, TRIED)
        self._deadline = deadline

    @cached_property
    def _flat(self) -> TransitionSystem:
        return self._instance.flat()

    @cached_property
    def _known(self) -> Reach | None:
        return reach(self._flat, self._deadline)

    @cached_property
    def _pairs(self) -> tuple[Lemma, ...]:
        return () if self._known is None else lifted(self._instance, representatives(self._flat, self._known))

    def by_candidates(self, lemmas: Sequence[Lemma], deadline: float) -> None:
        with suppress(OutOfTime):
            self._try(lemmas, deadline)

    def by_samples(self, deadline: float) -> None:
        small = Instance(self.system, SAMPLED)
        sampled = lifted(small, never_seen(small.flat(), deadline=deadline))
        lemmas = tuple(dict.fromkeys((*self.lemmas, *sampled, *self._pairs)))
        few = Candidates(self.system, lemmas, [], TRIED)
        with suppress(OutOfTime):
            few.houdini(deadline)  # what falls here falls 50 times faster than among more
            self._try(few.left(), deadline)

    def by_ic3(self, deadline: float, most: int | None = None) -> None:
        """What is known for any number is known of this instance. `most`: questions."""
        if self._known is None:
            return
        facts = [cube for lemma in self.lemmas for cube in lemma.placements(self._instance)]
        frames = Frames(self._flat, self._known, self.left, deadline, facts, most=most)
        with suppress(OutOfTime):
            self.violated |= {goal: (TRIED, path) for goal, path in frames.violations()}
            self.left = [goal for goal in self.left if goal not in self.violated]
            found = frames.invariant()
            split = chain.from_iterable(_split(self._flat, cube) for cube in found)
            self._try((*self.lemmas, *lifted(self._instance, [*found, *split]), *self._pairs), deadline)

    def _try(self, lemmas: Sequence[Lemma], deadline: float) -> None:
        """Raises OutOfTime."""
        candidates = Candidates(self.system, tuple(dict.fromkeys(lemmas)), self.left, None, self.followed)
        candidates.houdini(deadline)
        self.lemmas = candidates.left()
        self.certificates.append(candidates.certificate(self.left))
        self.left = [goal for goal in self.left if goal not in self.certificates[-1].goals]


def followed(system: TemplateSystem) -> tuple[int, ...]:
    """Shared variables that refer to requests, not too many: each makes the fragment one request larger."""
    found = [
        at
        for at, variable in enumerate(system.variables)
        if not variable.owned and any(isinstance(value, Ref) and value.slot is not None for value in variable.domain)
    ]
    return tuple(found[:MOST_FOLLOWED])


def _split(system: TransitionSystem, cube: Cube) -> Iterator[Cube]:
    """Of a cube that names every request, what it says of the one that a shared variable refers to.

    "Busy, and none of the three is with the driver" holds for three only. That the device is busy while the request in
    `Current` is not with the driver, or while there is none, may be impossible for any number, and implies it.
    """
    shared = [(variable, mask) for variable, mask in cube if system.variables[variable].slot is None]
    named = {system.variables[variable].slot for variable, _ in cube} - {None}
    if len(named) < system.slots:
        return
    for variable, each in enumerate(system.variables):
        if each.slot is None and any(each.refers):
            for value, reference in enumerate(each.refers):
                slot = None if reference is None else reference[1]
                own = [
                    (other, mask) for other, mask in cube if slot is not None and system.variables[other].slot == slot
                ]
                met = dict([*shared, *own])
                met[variable] = met.get(variable, -1) & 1 << value
                if met[variable]:
                    yield tuple(sorted(met.items()))


class Candidates:
    """Lemmas in an instance for so many requests, or one that stands for all numbers.

    `alive`: the numbers of those that are not refuted. `questions`: asked by `houdini` and `proves`.
    """

    def __init__(
        self,
        system: TemplateSystem,
        lemmas: Sequence[Lemma],
        goals: Sequence[str],
        requests: int | None = None,
        followed: Sequence[int] = (),
    ) -> None:
        self.requests = requests
        self.followed = tuple(followed)
        self.lemmas = list(lemmas)
        self.questions = 0
        self._size = size(system, Certificate(frozenset(goals), tuple(lemmas), requests, self.followed))
        flat = self._size.flat
        box = tuple((1 << len(variable.domain)) - 1 for variable in flat.variables)
        self._stepping = Stepping(flat, box, range(len(flat.transitions)), solver=MANY_ASSUMED)
        self._solver = self._stepping.solver
        for cube in self._size.impossible:
            self._solver.add(self._stepping.outside(dict(cube)))
        self._broken: dict[str, list[int]] = {goal: [] for goal in goals}
        for at, name in self._stepping.broken.items():
            self._broken[flat.transitions[at].violates or ""].append(name)
        self._names: list[int] = []  # implies: the lemma holds, wherever it is placed
        self._number: dict[int, int] = {}  # of the lemma with that name
        self._entered: list[int] = []  # implies: the next state is where the lemma, at the first slots, does not hold
        self._excluding: list[list[int]] = [[0] * len(variable.domain) for variable in flat.variables]
        self._reasons: dict[int, frozenset[int]] = {}  # lemmas with which a question was answered with no
        self._assumed: tuple[set[int], list[int]] = set(), []  # `alive` as it was, and the names
        self.alive: set[int] = set()
        for number, lemma in enumerate(self._size.lemmas):
            self._enter(number, lemma)

    def _enter(self, number: int, lemma: Lemma) -> None:
        cubes = [dict(cube) for cube in lemma.placements(self._size.instance)]
        first = lemma.placed(self._size.instance, tuple(range(lemma.requests)))
        self._names.append(self._solver.fresh())
        self._number[self._names[-1]] = number
        self._entered.append(self._solver.fresh())
        if first is None or any(contains(cube, self._size.flat.initial) for cube in cubes):
            return
        self.alive.add(number)
        for cube in cubes:
            self._solver.add((-self._names[-1], *self._stepping.outside(cube)))
        for literal in self._stepping.outside_next(dict(first)):
            self._solver.add((-self._entered[-1], -literal))
        for variable, mask in first:
            for value, excluding in enumerate(self._excluding[variable]):
                if not mask >> value & 1:
                    self._excluding[variable][value] = excluding | 1 << number

    def houdini(self, deadline: float) -> None:
        """Drop what is not inductive relative to the rest, until all that is left is.

        Each lemma is asked about by itself: a question about all at once took 20 times longer in the end. The answer no
        holds as long as the lemmas are left that gave it.

        Raises OutOfTime.
        """
        work = Work("houdini", "any" if self.requests is None else self.requests)
        before = self.questions
        users: dict[int, set[int]] = {}  # of each lemma, those that hold because of it
        todo = dict.fromkeys(sorted(self.alive))
        while todo:
            if time.monotonic() > deadline:
                raise OutOfTime
            number = next(iter(todo))
            del todo[number]
            if self._never(self._entered[number], self._stepping.step):
                for reason in self._reasons[self._entered[number]]:
                    users.setdefault(reason, set()).add(number)
            else:
                fallen = self._fallen(self._stepping.next_state())
                self.alive -= fallen
                again = chain.from_iterable(users.pop(each, ()) for each in sorted(fallen))
                todo = {each: None for each in chain(todo, again) if each in self.alive}
            work.at(lemmas=len(self.alive), queries=self.questions - before)

    def _never(self, question: int, *assumed: int) -> bool:
        """Whether the lemmas that are left answer a question with no."""
        if not self._reasons.get(question, UNANSWERED) <= self.alive:
            self.questions += 1
            if self._stepping.solve([*self._holding(), *assumed, question]):
                return False
            self._reasons[question] = frozenset(
                self._number[name] for name in self._stepping.core if name in self._number
            )
        return True

    def _holding(self) -> Sequence[int]:
        """Assumptions: the lemmas that are left hold."""
        if self._assumed[0] != self.alive:
            self._assumed = self.alive.copy(), [self._names[number] for number in sorted(self.alive)]
        return self._assumed[1]

    def _fallen(self, state: State) -> set[int]:
        """The lemmas that are left and do not hold in a state, at the first slots."""
        holding = 0
        for value, excluding in zip(state, self._excluding, strict=True):
            holding |= excluding[value]
        return self.alive.intersection(values(~holding & (1 << len(self.lemmas)) - 1))

    def left(self) -> tuple[Lemma, ...]:
        return tuple(self.lemmas[number] for number in sorted(self.alive))

    def proves(self, goals: Iterable[str]) -> bool:
        """Whether the lemmas that are left exclude every violation of the goals."""
        return all(self._never(name) for goal in goals for name in self._broken[goal])

    def certificate(self, goals: Sequence[str]) -> Certificate:
        """Of those goals that the lemmas that are left prove."""
        proved = [goal for goal in goals if self.proves([goal])]
        lemmas = tuple(self.lemmas[number] for number in self._needed(proved))
        return Certificate(frozenset(proved), lemmas, self.requests, self.followed)

    def _needed(self, goals: Iterable[str]) -> list[int]:
        """Few of those that are alive that exclude the goals' violations and are inductive by themselves."""
        found: dict[int, None] = {}
        for name in chain.from_iterable(self._broken[goal] for goal in goals):
            found |= dict.fromkeys(self._more(found, name))
        todo = list(found)
        while todo:
            more = self._more(found, self._entered[todo.pop()], self._stepping.step)
            found |= dict.fromkeys(more)
            todo += more
        return sorted(found)

    def _more(self, found: Iterable[int], question: int, *assumed: int) -> list[int]:
        """Lemmas that, with those found, answer a question with no."""
        if not self._stepping.solve([*(self._names[number] for number in found), *assumed, question]):
            return []
        answered = self._never(question, *assumed)
        assert answered, "lemmas that are inductive together answer every question with no"
        return sorted(self._reasons[question].difference(found))
