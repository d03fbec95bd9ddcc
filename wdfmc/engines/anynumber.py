"""Proofs for any number of requests: lemmas found for few requests, as far as they hold for all.

IC3 proves three requests. Its lemmas and the pairs of values that cannot occur (`abstraction`), lifted to lemmas about
any requests, are candidates: those that some instance refutes are dropped until the rest is inductive (`houdini`), and
if the rest still excludes the violations, it is a proof for any number. Lemmas that only hold because the number is
fixed, such as a pigeonhole over the slots, do not survive this. Where that is not enough or takes long, the instance is
looked at with all requests that shared variables refer to. Lemmas are learned from all states of three requests, or of
two if these are too many (`learning`), more candidates come from what a sample of the states of two requests never
shows (`sampling`), and IC3 starts again from what survived. Where lemmas cannot say that some other request is at work,
ghosts for who wrote a flag last let them (`system/writers.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final, Literal, TypeAlias

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import Certificate
from wdfmc.engines.engine import Path
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.houdini import Candidates
from wdfmc.engines.ic3 import Frames, OutOfTime, representatives
from wdfmc.engines.learning import Learning
from wdfmc.engines.reachable import ROOM, Reachable
from wdfmc.engines.sampling import never_seen, visited
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.system import Cube, Ref, TemplateSystem, TransitionSystem
from wdfmc.system.writers import with_writers

Patience: TypeAlias = Literal["none", "some", "much", "endless"]

SAMPLED: Final = 2  # requests of the instance that is sampled
TRIED: Final = 3  # requests of the instance that IC3 proves
MOST_FOLLOWED: Final = 10
FIRST: Final = 2000  # questions of IC3 before states are looked at
SECOND: Final = 5000  # questions of IC3 about what is not learned
MOST_LEARNED: Final = 400_000  # states from which lemmas are learned, up to renaming
GROWTH: Final = 20  # of their number with the third request, seldom less where they are many


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about the goals; nothing of it is audited yet.

    `certificates`: for any number of requests, each for the goals that it names, about what `spoken_of` gives.
    `violated`: runs of a larger instance that break goals, with its number of requests. `lemmas`: all that hold for any
    number, without ghosts. `hopeless`: goals that lemmas about few requests do not prove, and if one that is needed is
    among them or violated, all.
    """

    certificates: tuple[Certificate, ...]
    violated: Mapping[str, tuple[int, Path]]
    lemmas: tuple[Lemma, ...]
    hopeless: frozenset[str]


def prove(
    system: TemplateSystem,
    goals: Sequence[str],
    deadline: float,
    lemmas: Sequence[Lemma] = (),
    *,
    patience: Patience = "endless",
    states: Callable[[], Reachable] | None = None,
) -> Proof:
    """Safety goals for any number of requests, as far as time allows. The arguments are those of `Search`."""
    return Search(system, goals, states=states).proof(deadline, lemmas, patience)


class Search:
    """For proofs of safety goals; it can be continued.

    Args:
        needed: goals without which the others are worth nothing.
        states: to learn from; if there are none, they are looked for.
    """

    def __init__(
        self,
        system: TemplateSystem,
        goals: Sequence[str],
        *,
        needed: Set[str] = frozenset(),
        states: Callable[[], Reachable] | None = None,
    ) -> None:
        self.system = system
        self.left = sorted(goals, key=lambda goal: goal not in needed)  # what is still open, and not hopeless
        self.needed = frozenset(needed)
        self.certificates: list[Certificate] = []
        self.violated: dict[str, tuple[int, Path]] = {}
        self.followed: tuple[int, ...] = ()  # shared variables whose references are looked into
        self.lemmas: tuple[Lemma, ...] = ()
        self.hopeless: frozenset[str] = frozenset()
        self._begun = False  # IC3 was asked its first questions
        self._learned = False  # the lemmas contain what could be learned
        self._written = False  # last writers were asked for
        self._states = states
        self._instance = Instance(system, TRIED)
        self._reached: Reach | None = None

    def proof(self, deadline: float, lemmas: Sequence[Lemma] = (), patience: Patience = "endless") -> Proof:
        """What is found until time is up, and what was found before.

        Args:
            deadline: as of time.monotonic().
            lemmas: candidates, for example those of another slice.
            patience: "none" for what IC3 finds at once; "some" if the candidates may lack little, which is learned;
                "much" for all else, with a bounded number of questions.
        """
        if self.left and lemmas:
            self.by_candidates((*lemmas, *self.lemmas), deadline)
        if self.left and patience != "some" and not self._begun:
            self.by_ic3(deadline, FIRST)
            self._begun = time.monotonic() < deadline
        if self.left and patience != "none":
            self.by_learning(deadline)
        if patience == "endless":
            self.by_writers(deadline)
        if patience in ("much", "endless"):
            self.thoroughly(deadline, None if patience == "endless" else SECOND)
        certificates = tuple(each for each in self.certificates if each.goals)
        return Proof(certificates, dict(self.violated), self.lemmas, self.hopeless)

    @cached_property
    def _flat(self) -> TransitionSystem:
        return self._instance.flat()

    def _known(self, deadline: float) -> Reach | None:
        """None if time runs out."""
        if self._reached is None:
            self._reached = reach(self._flat, deadline)
        return self._reached

    def _pairs(self, deadline: float) -> tuple[Lemma, ...]:
        known = self._known(deadline)
        return () if known is None else lifted(self._instance, representatives(self._flat, known))

    def by_candidates(self, lemmas: Sequence[Lemma], deadline: float) -> None:
        self.followed = followed(self.system)
        with suppress(OutOfTime):
            self._try(lemmas, deadline)

    def thoroughly(self, deadline: float, most: int | None) -> None:
        """`most`: questions of IC3 at the end."""
        if self.hopeless:
            others, self.left = self.left, sorted(self.hopeless)
            self.by_ic3(deadline, SECOND)
            self.hopeless = self.hopeless.intersection(self.left)
            self.left = others
        if self.needed & (self.hopeless | self.violated.keys()):
            self.hopeless |= set(self.left)
            return
        if self.left:
            self.by_samples(deadline)
        if self.left:
            self.by_ic3(deadline, most)

    def by_learning(self, deadline: float) -> None:
        """Goals that are out of reach are set aside."""
        self.followed = followed(self.system)
        if self._learned:
            return
        lemmas = self.lemmas
        if self._states is None:
            states, lemmas = self._looked_at(deadline), tuple(dict.fromkeys((*lemmas, *self._pairs(deadline))))
        else:
            states = self._states()
        if not self.left:
            return
        candidates = Candidates(self.system, lemmas, self.left, None, self.followed, ROOM)
        learning = Learning(candidates, states, self.left, self.needed)
        with suppress(OutOfTime):
            candidates.houdini(deadline)
            with suppress(OutOfTime):
                learning.run(deadline)
                self._learned = True
            self._kept(candidates, deadline)
            self.hopeless = frozenset(learning.hopeless)
            self.left = [goal for goal in self.left if goal not in self.hopeless]

    def by_writers(self, deadline: float) -> None:
        """With ghosts that say who wrote a flag last, since a lemma cannot say that some other request is where it made
        the flag what it is.
        """
        goals = [*self.left, *sorted(self.hopeless)]
        if not goals or self._written or self.needed & self.violated.keys():
            return
        system = with_writers(self.system, every=True)
        if len(system.variables) == len(self.system.variables):
            return
        search = Search(system, goals, needed=self.needed)
        search.by_candidates((*self.lemmas, *self._pairs(deadline)), deadline)
        if search.left:
            search.by_ic3(deadline, FIRST)
        if search.left:
            search.by_learning(deadline)
        self._written = time.monotonic() < deadline
        self.certificates += search.certificates
        self.violated |= search.violated  # ghosts change no run
        decided = set().union(self.violated, *(each.goals for each in search.certificates))
        self.left = [goal for goal in self.left if goal not in decided]
        self.hopeless -= decided

    def _looked_at(self, deadline: float) -> Reachable:
        """What is seen to be violated needs no proof."""
        violated, states = Explicit(MOST_LEARNED, deadline).states(self._flat, self.left)
        self.violated |= {goal: (TRIED, path) for goal, path in violated.items()}
        self.left = [goal for goal in self.left if goal not in violated]
        if states is None:
            return nearest(self.system, SAMPLED, deadline)[0]
        return Reachable(self._instance, states, Symmetry(self._flat))

    def by_samples(self, deadline: float) -> None:
        small = Instance(self.system, SAMPLED)
        sampled = lifted(small, never_seen(small.flat(), deadline=deadline))
        lemmas = tuple(dict.fromkeys((*self.lemmas, *sampled, *self._pairs(deadline))))
        few = Candidates(self.system, lemmas, [], TRIED)
        with suppress(OutOfTime):
            few.houdini(deadline)  # what falls here falls 50 times faster than among more
            self._try(few.left(), deadline)

    def by_ic3(self, deadline: float, most: int | None = None) -> None:
        """What is known for any number is known of this instance. `most`: questions."""
        known = self._known(deadline)
        if known is None:
            return
        facts = [cube for lemma in self.lemmas for cube in lemma.placements(self._instance)]
        frames = Frames(self._flat, known, self.left, deadline, facts, most=most)
        with suppress(OutOfTime):
            self.violated |= {goal: (TRIED, path) for goal, path in frames.violations()}
            self.left = [goal for goal in self.left if goal not in self.violated]
            found = frames.invariant()
            split = chain.from_iterable(_split(self._flat, cube) for cube in found)
            self._try((*self.lemmas, *lifted(self._instance, [*found, *split]), *self._pairs(deadline)), deadline)

    def _try(self, lemmas: Sequence[Lemma], deadline: float) -> None:
        """Raises OutOfTime."""
        self._kept(Candidates(self.system, tuple(dict.fromkeys(lemmas)), self.left, None, self.followed), deadline)

    def _kept(self, candidates: Candidates, deadline: float) -> None:
        """Raises OutOfTime."""
        candidates.houdini(deadline)
        self.lemmas = candidates.left()
        self.certificates.append(candidates.certificate(self.left))
        self.left = [goal for goal in self.left if goal not in self.certificates[-1].goals]


def reachable(system: TemplateSystem, deadline: float) -> Reachable:
    """All states of three requests; of two, if these are too many."""
    few, _ = nearest(system, SAMPLED, deadline)
    if few.states > MOST_LEARNED // GROWTH:
        return few
    more, complete = nearest(system, TRIED, deadline)
    return more if complete else few


def nearest(system: TemplateSystem, requests: int, deadline: float) -> tuple[Reachable, bool]:
    """States of so many requests, the nearest first, and whether these are all."""
    work = Work("sampling", requests)
    instance = Instance(system, requests)
    flat = instance.flat()
    symmetry = Symmetry(flat)
    states, complete = visited(flat, symmetry, MOST_LEARNED, deadline)
    work.at(states=states.shape[1])
    return Reachable(instance, states, symmetry), complete


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
