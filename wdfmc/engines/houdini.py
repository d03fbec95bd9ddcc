"""Houdini: of lemmas that are candidates, those that are inductive together (Flanagan and Leino, FME 2001).

Each lemma is asked about by itself: does a step lead from where all of them hold to where it does not? One question
about all at once took 20 times longer in the end. The answer no holds as long as the lemmas are left that gave it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from wdfmc.engines.cdcl import MANY_ASSUMED
from wdfmc.engines.certificate import Certificate, size
from wdfmc.engines.cubes import contains
from wdfmc.engines.ic3 import OutOfTime
from wdfmc.engines.relation import values
from wdfmc.engines.stepping import Stepping
from wdfmc.progress import Work
from wdfmc.system.lemma import Lemma
from wdfmc.system.presence import among_present
from wdfmc.system.system import State, TemplateSystem

UNANSWERED: Final = frozenset({-1})  # the number of no lemma


class Candidates:
    """Lemmas in an instance for so many requests, or one that stands for all numbers.

    `where`: the instance. `alive`: the numbers of those that are not refuted. `questions`: asked by `never`.

    Args:
        room: as of `certificate.size`.
    """

    def __init__(
        self,
        system: TemplateSystem,
        lemmas: Sequence[Lemma],
        goals: Sequence[str],
        requests: int | None = None,
        followed: Sequence[int] = (),
        room: int = -1,
    ) -> None:
        self.requests = requests
        self.followed = tuple(followed)
        self.lemmas = list(lemmas)
        self.questions = 0
        self.where = size(system, Certificate(frozenset(goals), tuple(lemmas), requests, self.followed), room)
        flat = self.where.flat
        box = tuple((1 << len(variable.domain)) - 1 for variable in flat.variables)
        self.stepping = Stepping(flat, box, range(len(flat.transitions)), solver=MANY_ASSUMED)
        self._solver = self.stepping.solver
        for cube in self.where.impossible:
            self._solver.add(self.stepping.outside(dict(cube)))
        self.broken: dict[str, list[int]] = {goal: [] for goal in goals}
        for at, name in self.stepping.broken.items():
            self.broken[flat.transitions[at].violates or ""].append(name)
        self._names: list[int] = []  # implies: the lemma holds, wherever it is placed
        self._number: dict[int, int] = {}  # of the lemma with that name
        self.entered: list[int] = []  # implies: the next state is where the lemma, at the first slots, does not hold
        self._excluding: list[list[int]] = [[0] * len(variable.domain) for variable in flat.variables]
        self._reasons: dict[int, frozenset[int]] = {}  # lemmas with which a question was answered with no
        self._assumed: tuple[set[int], list[int]] = set(), []  # `alive` as it was, and the names
        self.alive: set[int] = set()
        for number, lemma in enumerate(self.where.lemmas):
            self._enter(number, lemma)

    def _enter(self, number: int, lemma: Lemma) -> None:
        cubes = [dict(cube) for cube in lemma.placements(self.where.instance)]
        first = lemma.placed(self.where.instance, tuple(range(lemma.requests)))
        self._names.append(self._solver.fresh())
        self._number[self._names[-1]] = number
        self.entered.append(self._solver.fresh())
        if first is None or any(contains(cube, self.where.flat.initial) for cube in cubes):
            return
        self.alive.add(number)
        for cube in cubes:
            self._solver.add((-self._names[-1], *self.stepping.outside(cube)))
        for literal in self.stepping.outside_next(dict(first)):
            self._solver.add((-self.entered[-1], -literal))
        for variable, mask in first:
            for value, excluding in enumerate(self._excluding[variable]):
                if not mask >> value & 1:
                    self._excluding[variable][value] = excluding | 1 << number

    def add(self, lemma: Lemma) -> int:
        """One more, about any number of requests. Returns its number."""
        assert self.requests is None
        number = len(self.lemmas)
        self.lemmas.append(lemma)
        self._enter(number, among_present(lemma, self.where.instance.system))
        return number

    def houdini(self, deadline: float) -> None:
        """Drop what is not inductive relative to the rest, until all that is left is. Raises OutOfTime."""
        work = Work("houdini", "any" if self.requests is None else self.requests)
        before = self.questions
        users: dict[int, set[int]] = {}  # of each lemma, those that hold because of it
        todo = dict.fromkeys(sorted(self.alive))
        while todo:
            if time.monotonic() > deadline:
                raise OutOfTime
            number = next(iter(todo))
            del todo[number]
            if self.never(self.entered[number], self.stepping.step):
                for reason in self._reasons[self.entered[number]]:
                    users.setdefault(reason, set()).add(number)
            else:
                fallen = self.fallen(self.stepping.next_state())
                self.alive -= fallen
                again = chain.from_iterable(users.pop(each, ()) for each in sorted(fallen))
                todo = {each: None for each in chain(todo, again) if each in self.alive}
            work.at(lemmas=len(self.alive), queries=self.questions - before)

    def never(self, question: int, *assumed: int) -> bool:
        """Whether the lemmas that are left answer a question with no."""
        if not self._reasons.get(question, UNANSWERED) <= self.alive:
            self.questions += 1
            if self.stepping.solve([*self._holding(), *assumed, question]):
                return False
            self._reasons[question] = frozenset(
                self._number[name] for name in self.stepping.core if name in self._number
            )
        return True

    def _holding(self) -> Sequence[int]:
        """Assumptions: the lemmas that are left hold."""
        if self._assumed[0] != self.alive:
            self._assumed = self.alive.copy(), [self._names[number] for number in sorted(self.alive)]
        return self._assumed[1]

    def fallen(self, state: State) -> set[int]:
        """The lemmas that are left and do not hold in a state, at the first slots."""
        holding = 0
        for value, excluding in zip(state, self._excluding, strict=True):
            holding |= excluding[value]
        return self.alive.intersection(values(~holding & (1 << len(self.lemmas)) - 1))

    def left(self) -> tuple[Lemma, ...]:
        return tuple(self.lemmas[number] for number in sorted(self.alive))

    def proves(self, goals: Iterable[str]) -> bool:
        """Whether the lemmas that are left exclude every violation of the goals."""
        return all(self.never(name) for goal in goals for name in self.broken[goal])

    def certificate(self, goals: Sequence[str]) -> Certificate:
        """Of those goals that the lemmas that are left prove."""
        proved = [goal for goal in goals if self.proves([goal])]
        lemmas = tuple(self.lemmas[number] for number in self._needed(proved))
        return Certificate(frozenset(proved), lemmas, self.requests, self.followed)

    def _needed(self, goals: Iterable[str]) -> list[int]:
        """Few of those that are alive that exclude the goals' violations and are inductive by themselves."""
        found: dict[int, None] = {}
        for name in chain.from_iterable(self.broken[goal] for goal in goals):
            found |= dict.fromkeys(self._more(found, name))
        todo = list(found)
        while todo:
            more = self._more(found, self.entered[todo.pop()], self.stepping.step)
            found |= dict.fromkeys(more)
            todo += more
        return sorted(found)

    def _more(self, found: Iterable[int], question: int, *assumed: int) -> list[int]:
        """Lemmas that, with those found, answer a question with no."""
        if not self.stepping.solve([*(self._names[number] for number in found), *assumed, question]):
            return []
        answered = self.never(question, *assumed)
        assert answered, "lemmas that are inductive together answer every question with no"
        return sorted(self._reasons[question].difference(found))
