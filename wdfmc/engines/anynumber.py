"""Proofs for any number of requests: lemmas found for few requests, as far as they hold for all.

IC3 proves an instance of three requests. Its lemmas and the pairs of values that never occur, lifted to lemmas about
any requests, are candidates: those that a fragment of a larger instance refutes are dropped until the rest is
inductive (Houdini: Flanagan and Leino, FME 2001). If the rest still excludes the violations, it is a proof for any
number; else IC3 goes on with one more request. Lemmas that only hold because the number is fixed, such as a pigeonhole
over the slots, do not survive this.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
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
    invariant = frames.invariant()
    split = chain.from_iterable(_split(flat, cube) for cube in invariant)
    lemmas = lifted(instance, [*invariant, *split, *_representatives(flat, known)])
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
    """Lemmas in instances of any size: small ones, and a fragment of all others. `alive`: not refuted yet."""

    def __init__(self, system: TemplateSystem, lemmas: Sequence[Lemma], goals: Sequence[str]) -> None:
        enough = room(system, lemmas)
        named = max((lemma.requests for lemma in lemmas), default=0)
        instances = [fragment(system, enough, named), *(Instance(system, slots) for slots in range(1, enough))]
        self._sizes = [_Size(instance, lemmas, goals) for instance in instances]
        self.alive = set(lemmas).intersection(*(size.initial for size in self._sizes))

    def houdini(self) -> None:
        """Drop what is not inductive relative to the rest."""
        again = True
        while again:
            again = False
            for size in self._sizes:
                while lost := size.lost(self.alive):
                    self.alive -= lost
                    again = True

    def excludes(self, goal: str) -> bool:
        return all(size.excludes(goal, self.alive) for size in self._sizes)

    def needed(self, goals: Iterable[str]) -> tuple[Lemma, ...]:
        """Few of those that are alive that exclude the goals' violations and are inductive by themselves."""
        found: dict[Lemma, None] = {}
        for size in self._sizes:
            for goal in goals:
                for question in size.violating(goal):
                    found |= dict.fromkeys(size.reasons(question, found, self.alive))
        todo = list(found)
        while todo:
            known = len(found)
            lemma = todo.pop()
            for size in self._sizes:
                if (entering := size.entering(lemma)) is not None:
                    found |= dict.fromkeys(size.reasons(entering, found, self.alive))
            todo += list(found)[known:]
        return tuple(found)


class _Size:
    """The lemmas in one instance. `initial`: those that the initial state satisfies."""

    def __init__(self, instance: Instance, lemmas: Sequence[Lemma], goals: Sequence[str]) -> None:
        many = {lemma.requests for lemma in lemmas}

        def relevant(template: Template, slots: tuple[int, ...]) -> bool:
            if template.violates is not None:
                return template.violates in goals and first_use(slots, 0)
            return any(first_use(slots, k) for k in many)

        flat = instance.flat(relevant)
        box = tuple((1 << len(variable.domain)) - 1 for variable in flat.variables)
        self._stepping = Stepping(flat, box, range(len(flat.transitions)))
        self._broken = {
            goal: [n for at, n in self._stepping.broken.items() if flat.transitions[at].violates == goal]
            for goal in goals
        }
        self.initial: set[Lemma] = set()
        self._names: dict[Lemma, int] = {}
        self._placed: dict[Lemma, dict[int, int]] = {}
        for lemma in lemmas:
            cubes = [dict(cube) for cube in lemma.placements(instance)]
            if any(contains(cube, flat.initial) for cube in cubes):
                continue
            self.initial.add(lemma)
            name = self._names[lemma] = self._stepping.solver.fresh()
            for cube in cubes:
                self._stepping.solver.add((-name, *outside(cube, self._stepping.here)))
            if lemma.requests <= instance.slots:
                first = lemma.placed(instance, tuple(range(lemma.requests)))
                if first is not None:
                    self._placed[lemma] = dict(first)
        self._lemmas = {name: lemma for lemma, name in self._names.items()}

    def lost(self, alive: set[Lemma]) -> set[Lemma]:
        """Some that a transition breaks from where all that are alive hold."""
        known = [self._names[lemma] for lemma in alive]
        lost: set[Lemma] = set()
        for lemma in self._placed:
            if lemma in alive and lemma not in lost:
                question = self.entering(lemma)
                if question is not None and self._stepping.solve([*known, *question]):
                    after = self._stepping.next_state()
                    lost |= {other for other in alive & self._placed.keys() if contains(self._placed[other], after)}
        return lost

    def entering(self, lemma: Lemma) -> list[int] | None:
        """Assumptions: a transition leads to where the lemma does not hold. None: it never does in this instance."""
        if lemma not in self._placed:
            return None
        return [self._stepping.step, *(-literal for literal in outside(self._placed[lemma], self._stepping.ahead))]

    def violating(self, goal: str) -> Iterator[list[int]]:
        return ([name] for name in self._broken[goal])

    def excludes(self, goal: str, alive: set[Lemma]) -> bool:
        known = [self._names[lemma] for lemma in alive]
        return not any(self._stepping.solve([*known, *question]) for question in self.violating(goal))

    def reasons(self, question: list[int], found: Iterable[Lemma], alive: set[Lemma]) -> list[Lemma]:
        """More lemmas that, with those found, answer the question with no."""
        if not self._stepping.solve([*(self._names[lemma] for lemma in found), *question]):
            return []
        answer = self._stepping.solve([*(self._names[lemma] for lemma in alive), *question])
        assert not answer, "lemmas that are inductive together answer every question with no"
        return [self._lemmas[name] for name in self._stepping.core if name in self._lemmas]
