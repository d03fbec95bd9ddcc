"""Lemmas from all states of a small instance: each excludes a state that is in the way of a proof and never reached.

A violation, or a step to where a lemma fails, that the lemmas so far leave possible begins in a state of the instance
that stands for all numbers of requests. What that state says of few of its requests is looked up among all reachable
states of a small instance. If none of these looks like that, it is made as general as it can be without meeting one,
and is the next lemma. If each of its parts is reachable, no lemma about so few requests excludes the state: a goal is
then out of reach, and a lemma falls.

(Invariants from reachable states and counterexamples to induction: DistAI, Yao et al., OSDI 2021; endive, Schultz,
Dardik and Tripakis, FMCAD 2022.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, TypeGuard

from wdfmc.engines.houdini import Candidates
from wdfmc.engines.ic3 import OutOfTime
from wdfmc.engines.reachable import ROOM, Reachable
from wdfmc.progress import Work
from wdfmc.system.lemma import Lemma

MOST_FALLEN: Final = 25  # lemmas; those who fall in large numbers keep falling


class Learning:
    """`lemmas`: candidates with room for `ROOM` requests; what is learned is added. `hopeless`: goals out of reach."""

    def __init__(
        self, lemmas: Candidates, reachable: Reachable, goals: Sequence[str], needed: frozenset[str] = frozenset()
    ) -> None:
        self.lemmas = lemmas
        self.reachable = reachable
        self.hopeless: set[str] = set()
        self._left = list(goals)
        self._needed = needed
        self._telling = reachable.instance.slots > ROOM  # else no part shows how its requests refer to another one
        self._known = set(lemmas.lemmas)
        self._learned: list[int] = []
        self._fallen = 0

    def run(self, deadline: float) -> None:
        """Until the goals are proved or out of reach, or one that is needed is, or it does not get on.

        Raises OutOfTime.
        """
        work = Work("learning", "any")
        todo = list(self._open())
        while todo and self._fallen <= MOST_FALLEN and not self.hopeless & self._needed:
            if time.monotonic() > deadline:
                raise OutOfTime
            goal, question = todo[0]
            work.at(lemmas=len(self._learned), queries=self.lemmas.questions)
            if self._answered(goal, question):
                todo.pop(0)
                continue
            guesses = self.reachable.lemmas(self.lemmas.where.instance, self.lemmas.stepping.state())
            first = next(guesses, None)
            lemma = next((each for each in chain([first], guesses) if self._fits(each)), None)
            if lemma is not None:
                number = self.lemmas.add(lemma)
                self._known.add(lemma)
                if number in self.lemmas.alive:
                    self._learned.append(number)
                    todo.append((None, self.lemmas.entered[number]))
            elif goal is not None:
                self._left.remove(goal)
                self.hopeless |= {goal} if first is None and self._telling else set()
                todo = list(self._open())
            else:
                fallen = self.lemmas.fallen(self.lemmas.stepping.next_state())
                self.lemmas.alive -= fallen
                self._fallen += len(fallen)
                todo = list(self._open())

    def _open(self) -> Iterator[tuple[str | None, int]]:
        """Questions: goals and what violates them, lemmas that were learned and how they are left."""
        yield from ((goal, name) for goal in self._left for name in self.lemmas.broken[goal])
        yield from ((None, self.lemmas.entered[each]) for each in self._learned if each in self.lemmas.alive)

    def _answered(self, goal: str | None, question: int) -> bool:
        return self.lemmas.never(question, *([] if goal else [self.lemmas.stepping.step]))

    def _fits(self, lemma: Lemma | None) -> TypeGuard[Lemma]:
        """What fell is not learned again."""
        return lemma is not None and lemma.requests <= ROOM and lemma not in self._known
