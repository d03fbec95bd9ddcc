"""Proofs for any number of requests: lemmas found for few requests, as far as they hold for all.

IC3 proves an instance of three requests. Its lemmas and the pairs of values that never occur, lifted to lemmas about
any requests, are candidates: those that a fragment of a larger instance refutes are dropped until the rest is
inductive (Houdini: Flanagan and Leino, FME 2001). If the rest still excludes the violations, it is a proof for any
number; else IC3 goes on with one more request. Lemmas that only hold because the number is fixed, such as a pigeonhole
over the slots, do not survive this.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import Certificate, first_use, room
from wdfmc.engines.cubes import contains
from wdfmc.engines.engine import Path
from wdfmc.engines.ic3 import Frames, OutOfTime
from wdfmc.engines.stepping import Stepping, outside
from wdfmc.system.instantiate import Instance, fragment
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.system import Cube, Template, TemplateSystem, TransitionSystem

FEWEST: Final = 3  # requests of the first instance
MOST: Final = 4
GROWTH: Final = 5  # how many times longer the next instance is expected to take


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about the goals; nothing of it is audited yet.

    `certificates`: for any number of requests, each for the goals that it names. `violated`: runs of a larger
    instance that break goals, with its number of requests. `tried`: the requests of the largest instance that was
    finished.
    """

    certificates: tuple[Certificate, ...]
    violated: dict[str, tuple[int, Path]]
    tried: int | None


def prove(system: TemplateSystem, goals: Sequence[str], deadline: float) -> Proof:
    """Safety goals for any number of requests, as far as time allows. `deadline`: as of time.monotonic()."""
    left = list(goals)
    certificates: list[Certificate] = []
    violated: dict[str, tuple[int, Path]] = {}
    tried = None
    for requests in range(FEWEST, MOST + 1):
        begun = time.monotonic()
        attempt = _attempt(system, left, requests, deadline)
        if attempt is None:
            break
        certificate, broken = attempt
        tried = requests
        certificates.append(certificate)
        violated |= {goal: (requests, path) for goal, path in broken.items()}
        left = [goal for goal in left if goal not in certificate.goals and goal not in broken]
        now = time.monotonic()
        if not left or (now - begun) * GROWTH > deadline - now:
            break
    return Proof(tuple(each for each in certificates if each.goals), violated, tried)


def _attempt(
    system: TemplateSystem, goals: Sequence[str], requests: int, deadline: float
) -> tuple[Certificate, dict[str, Path]] | None:
    """The goals that hold for any number, and those that an instance with so many requests violates; None if time ran
    out."""
    instance = Instance(system, requests)
    flat = instance.flat()
    known = reach(flat, deadline)
    if known is None:
        return None
    frames = Frames(flat, known, goals, deadline)
    try:
        violated = dict(frames.violations())
    except OutOfTime:
        return None
    held = [goal for goal in goals if goal not in violated]
    lemmas = lifted(instance, [*frames.invariant(), *_representatives(flat, known)])
    candidates = Candidates(system, lemmas, held)
    candidates.houdini()
    proved = [goal for goal in held if candidates.excludes(goal)]
    return Certificate(frozenset(proved), candidates.needed(proved), None), violated


def _representatives(system: TransitionSystem, known: Reach) -> Iterable[Cube]:
    """One of each set of pairs that are alike but for the names of the requests, or few."""
    for cube in known.excluded():
        slots = [slot for variable, _ in cube if (slot := system.variables[variable].slot) is not None]
        if first_use(tuple(dict.fromkeys(slots)), 0):
            yield cube


class Candidates:
    """Lemmas in a fragment of any larger instance; `alive` are those that are not refuted yet."""

    def __init__(self, system: TemplateSystem, lemmas: Sequence[Lemma], goals: Sequence[str]) -> None:
        named = max((lemma.requests for lemma in lemmas), default=0)
        many = {lemma.requests for lemma in lemmas}

        def relevant(template: Template, slots: tuple[int, ...]) -> bool:
            if template.violates is not None:
                return template.violates in goals and first_use(slots, 0)
            return any(first_use(slots, k) for k in many)

        instance = fragment(system, room(system, lemmas), named)
        flat = instance.flat(relevant)
        box = tuple((1 << len(variable.domain)) - 1 for variable in flat.variables)
        self._stepping = Stepping(flat, box, range(len(flat.transitions)))
        self._broken = {
            goal: [n for at, n in self._stepping.broken.items() if flat.transitions[at].violates == goal]
            for goal in goals
        }
        self.alive: dict[Lemma, int] = {}
        self._placed: dict[Lemma, dict[int, int]] = {}
        for lemma in lemmas:
            cubes = [dict(cube) for cube in lemma.placements(instance)]
            first = lemma.placed(instance, tuple(range(lemma.requests)))
            if first is None or any(contains(cube, flat.initial) for cube in cubes):
                continue
            name = self.alive[lemma] = self._stepping.solver.fresh()
            self._placed[lemma] = dict(first)
            for cube in cubes:
                self._stepping.solver.add((-name, *outside(cube, self._stepping.here)))

    def houdini(self) -> None:
        """Drop what is not inductive relative to the rest."""
        unchecked = list(self.alive)
        while unchecked:
            dropped = False
            for lemma in unchecked:
                if lemma in self.alive and self._left(lemma):
                    after = self._stepping.next_state()
                    for other in [other for other in self.alive if contains(self._placed[other], after)]:
                        del self.alive[other]
                    dropped = True
            unchecked = list(self.alive) if dropped else []

    def _left(self, lemma: Lemma) -> bool:
        """Whether some transition leads from where all that are alive hold to where this one does not."""
        return self._stepping.solve([*self.alive.values(), *self._entering(lemma)])

    def _entering(self, lemma: Lemma) -> list[int]:
        return [self._stepping.step, *(-literal for literal in outside(self._placed[lemma], self._stepping.ahead))]

    def excludes(self, goal: str) -> bool:
        return all(not self._stepping.solve([*self.alive.values(), name]) for name in self._broken[goal])

    def needed(self, goals: Iterable[str]) -> tuple[Lemma, ...]:
        """Few of those that are alive that exclude the goals' violations and are inductive by themselves."""
        by_name = {name: lemma for lemma, name in self.alive.items()}
        found: dict[Lemma, None] = {}
        for goal in goals:
            for name in self._broken[goal]:
                self._cover(found, by_name, [name])
        todo = list(found)
        while todo:
            known = len(found)
            self._cover(found, by_name, self._entering(todo.pop()))
            todo += list(found)[known:]
        return tuple(found)

    def _cover(self, found: dict[Lemma, None], by_name: dict[int, Lemma], question: list[int]) -> None:
        """Add lemmas that answer the question with no, beside those that are there already."""
        have = [self.alive[lemma] for lemma in found]
        if not self._stepping.solve([*have, *question]):
            return
        answered = self._stepping.solve([*self.alive.values(), *question])
        assert not answered, "lemmas that are inductive together answer every question with no"
        for name in self._stepping.core:
            if name in by_name:
                found[by_name[name]] = None
