"""Proofs for any number of requests: lemmas found for few requests, as far as they hold for all.

Candidates are what a sample of the states of two requests never shows (`sampling`), the pairs of values that cannot
occur (`abstraction`), and for what these do not prove the lemmas of IC3 for three requests. Lifted to lemmas about any
requests, those that some instance refutes are dropped until the rest is inductive (Houdini: Flanagan and Leino, FME
2001); if the rest still excludes the violations, it is a proof for any number. Lemmas that only hold because the number
is fixed, such as a pigeonhole over the slots, do not survive this.
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
from wdfmc.engines.relation import values
from wdfmc.engines.sampling import never_seen
from wdfmc.engines.stepping import Stepping, outside
from wdfmc.system.instantiate import Instance, fragment
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.system import Cube, Ref, Template, TemplateSystem, TransitionSystem

SAMPLED: Final = 2  # requests of the instance that is sampled
TRIED: Final = 3  # requests of the instance that IC3 proves
MOST_FOLLOWED: Final = 4


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about the goals; nothing of it is audited yet.

    `certificates`: for any number of requests, each for the goals that it names. `violated`: runs of a larger
    instance that break goals, with its number of requests.
    """

    certificates: tuple[Certificate, ...]
    violated: dict[str, tuple[int, Path]]


def prove(system: TemplateSystem, goals: Sequence[str], deadline: float) -> Proof:
    """Safety goals for any number of requests, as far as time allows. `deadline`: as of time.monotonic()."""
    search = _Search(system, goals, deadline)
    try:
        search.by_samples()
        if search.left:
            search.by_ic3()
    except OutOfTime:
        pass
    return Proof(tuple(each for each in search.certificates if each.goals), search.violated)


class _Search:
    """`left`: the goals that are still open."""

    def __init__(self, system: TemplateSystem, goals: Sequence[str], deadline: float) -> None:
        self.system = system
        self.left = list(goals)
        self.deadline = deadline
        self.certificates: list[Certificate] = []
        self.violated: dict[str, tuple[int, Path]] = {}
        self._alive: set[Lemma] = set()
        self._instance = Instance(system, TRIED)
        self._flat = self._instance.flat()
        known = reach(self._flat, deadline)
        if known is None:
            raise OutOfTime
        self._known = known

    def by_samples(self) -> None:
        small = Instance(self.system, SAMPLED)
        sampled = lifted(small, never_seen(small.flat(), deadline=self.deadline))
        self._try((*sampled, *lifted(self._instance, _representatives(self._flat, self._known))))

    def by_ic3(self) -> None:
        """What is known for any number is known of this instance."""
        facts = [cube for lemma in self._alive for cube in lemma.placements(self._instance)]
        frames = Frames(self._flat, self._known, self.left, self.deadline, facts)
        self.violated = {goal: (TRIED, path) for goal, path in frames.violations()}
        self.left = [goal for goal in self.left if goal not in self.violated]
        found = frames.invariant()
        split = chain.from_iterable(_split(self._flat, cube) for cube in found)
        self._try((*self._alive, *lifted(self._instance, [*found, *split])))

    def _try(self, lemmas: Sequence[Lemma]) -> None:
        candidates = Candidates(self.system, tuple(dict.fromkeys(lemmas)), self.left, followed(self.system))
        candidates.houdini(self.deadline)
        self._alive = candidates.alive
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

    def __init__(
        self, system: TemplateSystem, lemmas: Sequence[Lemma], goals: Sequence[str], followed: Sequence[int] = ()
    ) -> None:
        enough = room(system, lemmas, followed)
        named = max((lemma.requests for lemma in lemmas), default=0)
        instances = [fragment(system, enough, named), *(Instance(system, slots) for slots in range(1, enough))]
        self.followed = tuple(followed)
        self._sizes = [_Size(instance, lemmas, goals, followed) for instance in instances]
        self.alive = set(lemmas).intersection(*(size.initial for size in self._sizes))

    def houdini(self, deadline: float) -> None:
        """Drop what is not inductive relative to the rest. Raises OutOfTime."""
        again = True
        while again:
            again = False
            for size in self._sizes:
                if lost := size.lost(self.alive, deadline):
                    self.alive -= lost
                    again = True

    def certificate(self, goals: Sequence[str]) -> Certificate:
        """Of those goals that the lemmas that are left prove."""
        proved = [goal for goal in goals if self.excludes(goal)]
        return Certificate(frozenset(proved), self.needed(proved), None, self.followed)

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

    def __init__(
        self, instance: Instance, lemmas: Sequence[Lemma], goals: Sequence[str], followed: Sequence[int]
    ) -> None:
        many = {lemma.requests for lemma in lemmas}

        def relevant(template: Template, slots: tuple[int, ...]) -> bool:
            if template.violates is not None:
                return template.violates in goals and first_use(slots, 0)
            return any(first_use(slots, k) for k in many)

        flat = instance.flat(relevant)
        box = tuple((1 << len(variable.domain)) - 1 for variable in flat.variables)
        self._stepping = Stepping(flat, box, range(len(flat.transitions)))
        if instance.named is not None:
            for template in followed:
                variable = flat.index[template, None]
                for value in values(instance.elsewhere(variable)):
                    self._stepping.solver.add((-self._stepping.here[variable][value],))
        self._broken = {
            goal: [n for at, n in self._stepping.broken.items() if flat.transitions[at].violates == goal]
            for goal in goals
        }
        self.initial: set[Lemma] = set()
        self._names: dict[Lemma, int] = {}
        self._placed: dict[Lemma, dict[int, int]] = {}
        self._entered: dict[Lemma, int] = {}  # implies: the next state is where the placed lemma does not hold
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
                    name = self._entered[lemma] = self._stepping.solver.fresh()
                    for literal in outside(self._placed[lemma], self._stepping.ahead):
                        self._stepping.solver.add((-name, -literal))
        self._lemmas = {name: lemma for lemma, name in self._names.items()}

    def lost(self, alive: set[Lemma], deadline: float) -> set[Lemma]:
        """Those that a transition breaks from where all that are alive hold. Raises OutOfTime.

        One question asks about all of them, again without those that fell, until the answer is no.
        """
        lost: set[Lemma] = set()
        while True:
            if time.monotonic() > deadline:
                raise OutOfTime
            left = [lemma for lemma in self._entered if lemma in alive and lemma not in lost]
            some = self._stepping.solver.fresh()
            self._stepping.solver.add((-some, *(self._entered[lemma] for lemma in left)))
            known = [self._names[lemma] for lemma in alive if lemma not in lost]
            broken = self._stepping.solve([*known, self._stepping.step, some])
            self._stepping.solver.add((-some,))
            if not broken:
                return lost
            after = self._stepping.next_state()
            lost |= {lemma for lemma in left if contains(self._placed[lemma], after)}

    def entering(self, lemma: Lemma) -> list[int] | None:
        """Assumptions: a transition leads to where the lemma does not hold. None: it never does in this instance."""
        return [self._stepping.step, self._entered[lemma]] if lemma in self._entered else None

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
