"""Proofs of "eventually" for any number of requests: no fair run has a tail on which an obligation stays owed.

The tail of such a run is argued about (`tail`) until nothing is left of it. What lasting transitions may do there are
its ways. Again and again, ways are found to be impossible in a state of the tail, or to decrease a rank that no other
increases (`ranking`), so that no loop contains them; the fewer are left, the more is known to be disabled. Where that
comes to an end, cases are told apart by the values within which a variable stays. The argument holds if every case ends
with no state left, and rests on lemmas about single states. These are guessed, each from a state that the argument
cannot exclude and that is like none of those of few requests (`reachable`), and proved at the end (`anynumber`).

z3 checks the argument (`audit`), and the lemmas from the templates (`certificate.audit`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from itertools import chain
from typing import Final, TypeAlias

from wdfmc.engines import anynumber
from wdfmc.engines.abstraction import reach
from wdfmc.engines.anynumber import Patience
from wdfmc.engines.cdcl import Cdcl
from wdfmc.engines.certificate import Certificate
from wdfmc.engines.certificate import audit as proves
from wdfmc.engines.houdini import Candidates
from wdfmc.engines.ic3 import OutOfTime, representatives
from wdfmc.engines.ranking import Weights, increase, ranking
from wdfmc.engines.reachable import Reachable
from wdfmc.engines.solver import Asked
from wdfmc.engines.tail import Change, Tail, Way
from wdfmc.progress import Work
from wdfmc.system.instantiate import Instance, first_use
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.slice import places_read
from wdfmc.system.system import Actor, Cube, State, Template, TemplateObligation, TemplateSystem

Guesses: TypeAlias = Callable[[Instance, State], Iterator[Lemma]]

TRIED: Final = 3  # requests of the instance whose pairs of values are the first lemmas
ROUNDS: Final = 6  # of guessing lemmas
MOST_FOLLOWED: Final = 4
MOST_CASES: Final = 3000


@dataclass(frozen=True, slots=True)
class Stage:
    """Ways that the tail does not go: some are impossible, and of the others those that decrease the rank."""

    impossible: frozenset[Way]
    weights: Weights


@dataclass(frozen=True, slots=True)
class Case:
    """After the stages no state is left; or there is one case for each part of the values of a variable."""

    stages: tuple[Stage, ...]
    split: int | None = None
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """Why an obligation does not stay owed. `ways`: all that lasting transitions may do while it is."""

    owed: TemplateObligation
    followed: tuple[int, ...]
    lemmas: tuple[Lemma, ...]
    ways: tuple[Way, ...]
    case: Case


@dataclass(frozen=True, slots=True)
class Proof:
    """`lemmas`: inductive, for any number of requests; they imply those of the arguments."""

    arguments: tuple[Argument, ...]
    certificate: Certificate


class NotConclusive(Exception):
    """The argument has a gap: a fault of wdfmc, never of the model."""


class Missing(Enum):
    """Why there is no proof for more requests."""

    ARGUMENT = "no argument was found for more"
    LEMMAS = "no lemmas were found that prove more"
    TIME = "time ran out before more was proved"


def prove(
    system: TemplateSystem, rule: str, deadline: float, known: Sequence[Lemma] = (), patience: Patience = "much"
) -> Proof | Missing:
    """The proof of a rule of the form "eventually", audited.

    Args:
        system: with its last-writer ghosts.
        deadline: as of time.monotonic().
        known: lemmas that may help.
        patience: as of `anynumber.prove`, for the lemmas.
    """
    try:
        guesses = _Guesses(system, deadline, known, patience)
        for _ in range(ROUNDS):
            found = [guesses.argument(owed) for owed in obligations(system, rule)]
            arguments = tuple(each for each in found if each is not None)
            if len(arguments) < len(found):
                return Missing.LEMMAS if guesses.unproved else Missing.ARGUMENT
            certificate = guesses.proved(tuple(dict.fromkeys(chain(*(each.lemmas for each in arguments)))))
            if certificate is not None:
                complete = proves(system, certificate, deadline) and all(
                    audit(system, replace(each, lemmas=certificate.lemmas), deadline) for each in arguments
                )
                return Proof(arguments, certificate) if complete else Missing.TIME
    except (OutOfTime, TimeoutError):
        return Missing.TIME
    return Missing.LEMMAS


def argue(system: TemplateSystem, rule: str, lemmas: Sequence[Lemma], deadline: float | None) -> bool:
    """Whether the lemmas alone let the rule be argued, and z3 accepts the argument."""
    for owed in obligations(system, rule):
        found = _Search(system, owed, followed(system), deadline).argument(lemmas)
        if found is None or not audit(system, replace(found, lemmas=tuple(lemmas)), deadline):
            return False
    return True


def obligations(system: TemplateSystem, rule: str) -> list[TemplateObligation]:
    """Those of a rule that are ever owed."""
    return [
        owed
        for owed in system.obligations
        if owed.rule == rule and owed.pending.intersection(system.variables[owed.variable].domain)
    ]


def followed(system: TemplateSystem) -> tuple[int, ...]:
    """Last writers first: who holds a lock is what an argument needs most."""
    found = sorted(anynumber.followed(system), key=lambda at: system.variables[at].kind != "writer")
    return tuple(found[:MOST_FOLLOWED])


class _Guesses:
    """Lemmas that are taken for true until they are proved. `unproved`: those that were not; they are
    guessed no more."""

    def __init__(self, system: TemplateSystem, deadline: float, known: Sequence[Lemma], patience: Patience) -> None:
        self.system = system
        self.patience = patience
        self.deadline = deadline
        instance = Instance(system, TRIED)
        flat = instance.flat()
        pairs = reach(flat, deadline)
        if pairs is None:
            raise OutOfTime
        self.lemmas = dict.fromkeys((*known, *lifted(instance, representatives(flat, pairs))))
        self.unproved: set[Lemma] = set()
        self.followed = followed(system)
        self._searches: dict[TemplateObligation, _Search] = {}

    @cached_property
    def states(self) -> Reachable:
        return anynumber.reachable(self.system, self.deadline)

    def guesses(self, instance: Instance, state: State) -> Iterator[Lemma]:
        """What the states that are known never show of the parts of a state."""
        return (lemma for lemma in self.states.lemmas(instance, state) if lemma not in self.unproved)

    def argument(self, owed: TemplateObligation) -> Argument | None:
        if owed not in self._searches:
            self._searches[owed] = _Search(self.system, owed, self.followed, self.deadline)
        search = self._searches[owed]
        found = search.argument(tuple(self.lemmas), self.guesses)
        self.lemmas |= dict.fromkeys(search.lemmas)
        again = found
        while again is not None:  # what solvers name as a reason is seldom the least that would do
            found = again
            again = search.argument(found.lemmas)
            if again is not None and len(again.lemmas) == len(found.lemmas):
                break
        return found

    def proved(self, lemmas: Sequence[Lemma]) -> Certificate | None:
        """A certificate of them all. That one does not hold is a violation of a rule of its own."""
        names = {f"lemma {number}": lemma for number, lemma in enumerate(lemmas)}
        stated = tuple(_violating(lemma, name) for name, lemma in names.items())
        system = replace(self.system, templates=(*self.system.templates, *stated))
        proof = anynumber.prove(
            system, tuple(names), self.deadline, tuple(self.lemmas), patience=self.patience, states=lambda: self.states
        )
        open_goals = set(names).difference(*(each.goals for each in proof.certificates))
        if open_goals:
            self._give_up({names[name] for name in open_goals})
            return None
        together = dict.fromkeys(chain(*(each.lemmas for each in proof.certificates)))
        looked_into = tuple(dict.fromkeys(chain(*(each.followed for each in proof.certificates))))
        if any(lemma not in together for lemma in lemmas):
            # What implies a lemma where more references are looked into need not imply it in a tail.
            candidates = Candidates(self.system, tuple(together | dict.fromkeys(lemmas)), [], None, looked_into)
            candidates.houdini(self.deadline)
            together = dict.fromkeys(candidates.left())
            fallen = {lemma for lemma in lemmas if lemma not in together}
            if fallen:
                self._give_up(fallen)
                return None
        return Certificate(frozenset(), tuple(together), None, looked_into)

    def _give_up(self, lemmas: Set[Lemma]) -> None:
        self.unproved |= lemmas
        self.lemmas = {lemma: None for lemma in self.lemmas if lemma not in lemmas}


def _violating(lemma: Lemma, name: str) -> Template:
    return Template(lemma.requests, lemma.cube, (), (), Actor(name, None, "framework"), (), violates=name)


# ---------------------------------------------------------------- the search


class _Search:
    """For an argument, again and again with other lemmas."""

    def __init__(
        self, system: TemplateSystem, owed: TemplateObligation, followed: tuple[int, ...], deadline: float | None
    ) -> None:
        self.owed = owed
        self.followed = followed
        self.deadline = deadline
        self.solver = Cdcl([], 0)
        self.tail = Tail(system, owed, followed, self.solver)
        self.guesses: Guesses | None = None
        self.names: dict[int, Lemma] = {}
        self.used: dict[Lemma, None] = {}
        self.going: dict[Way, int] = {}
        self.cases = 0
        self._name: dict[Lemma, int] = {}
        self._work = Work("liveness", "any")
        self._around = [
            each
            for each in self.tail.instance.flat(lambda _, slots: first_use(slots, self.tail.core)).transitions
            if system.templates[each.template].fairness in ("weak", "strong")
        ]

    @property
    def lemmas(self) -> tuple[Lemma, ...]:
        """Those of the last search, with the guesses that it made."""
        return tuple(self.names.values())

    def argument(self, lemmas: Sequence[Lemma], guesses: Guesses | None = None) -> Argument | None:
        """Raises TimeoutError."""
        self.guesses = guesses
        self.names, self.used, self.cases = {}, {}, 0
        for lemma in lemmas:
            self._learn(lemma)
        ways = self._ways()
        self.going |= {way: self.tail.goes(way) for way in ways if way not in self.going}
        case = self._case([], ways, self.tail.own)
        if case is None:
            return None
        return Argument(self.owed, self.followed, tuple(self.used), ways, case)

    def _learn(self, lemma: Lemma) -> None:
        if lemma not in self._name:
            self._name[lemma] = self.tail.lemma(lemma)
        self.names[self._name[lemma]] = lemma

    def _possible(self, assumed: Sequence[int]) -> bool:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError
        if self.solver.satisfiable([*self.names, *assumed]):
            return True
        self.used |= dict.fromkeys(self.names[name] for name in self.solver.core() if name in self.names)
        return False

    def _state(self, variables: Iterable[int] | None = None) -> State:
        """That of the last answer: the values of these variables, or of all."""
        model = self.solver.model()
        asked = self.tail.here if variables is None else (self.tail.here[variable] for variable in variables)
        return tuple(next(value for value, literal in enumerate(each) if model[literal - 1] > 0) for each in asked)

    def _ways(self) -> tuple[Way, ...]:
        """All that lasting transitions may do, one question after the other until there is no more."""
        found: dict[tuple[int, tuple[Change, ...]], list[tuple[int, Cube]]] = {}
        for number, transition in enumerate(self.tail.lasting):
            touched = self.tail.touched(number)
            new = self.solver.fresh()
            while self._possible([self.tail.able(number), new]):
                cube = tuple((variable, 1 << old) for variable, old in zip(touched, self._state(touched), strict=True))
                self.tail.exclude(cube, new)
                found.setdefault((transition.template, self.tail.changes(number, cube)), []).append((number, cube))
        return tuple(Way(template, changes, tuple(cubes)) for (template, changes), cubes in found.items())

    def _case(self, literals: list[int], ways: tuple[Way, ...], named: int) -> Case | None:
        """None if there is a state that looks possible and tells no cases apart."""
        self.cases += 1
        self._work.at(lemmas=len(self.names), queries=self.cases)
        stages: list[Stage] = []
        while True:
            assumed = [*literals, *self.tail.disabled(ways)]
            if not self._possible(assumed):
                return Case(tuple(stages))
            left = tuple(way for way in ways if self._possible([*assumed, self.going[way]]))
            weights = ranking(left) if left else {}
            after = tuple(way for way in left if not increase(weights, way))
            if len(after) < len(ways):
                stages.append(Stage(frozenset(ways).difference(left), weights))
                ways = after
            elif not self._guessed(assumed, ways):
                break
        if self.cases > MOST_CASES:
            return None
        for variable in self._telling(self._state(), ways, named):
            parts = self.tail.parts(variable, ways, named)
            possible = [part for part in parts if self._possible([*assumed, self.tail.member(variable, part.mask)])]
            if len(possible) > 1 or any(len(part.ways) < len(ways) or part.named > named for part in possible):
                cases = []
                for part in parts:
                    inner = self._case([*literals, self.tail.member(variable, part.mask)], part.ways, part.named)
                    if inner is None:
                        return None
                    cases.append(inner)
                return Case(tuple(stages), variable, tuple(cases))
        return None

    def _guessed(self, assumed: list[int], ways: tuple[Way, ...]) -> bool:
        """Whether new lemmas exclude all states, or some way. If not, the solver has a state without any."""
        for question in ([], *([self.going[way]] for way in ways)):
            while self._possible([*assumed, *question]):
                lemma = self._guess()
                if lemma is None:
                    break
                self._learn(lemma)
            else:
                return True
        self._possible(assumed)
        return False

    def _guess(self) -> Lemma | None:
        if self.guesses is None:
            return None
        known = set(self.names.values())
        found = self.guesses(self.tail.instance, self._state())
        return next((lemma for lemma in found if lemma not in known), None)

    def _telling(self, state: State, ways: tuple[Way, ...], named: int) -> Iterator[int]:
        """Variables that may tell cases apart, the most promising first.

        Those come first that the tail changes, or whose reference has no name yet, and that keep a fair transition,
        which looks enabled in the state, from being known to be disabled; then what the ways read.
        """
        templates = self.tail.system.templates
        taken = {way.template for way in ways}
        places = {change.place for way in ways for change in way.changes}
        score: Counter[int] = Counter()
        unnamed: set[int] = set()
        for transition in self._around:
            if transition.template not in taken and all(mask >> state[at] & 1 for at, mask in transition.guard):
                score.update(dict.fromkeys((at for at, _ in transition.guard if at in places), len(templates)))
                unnamed.update(slot for slot in transition.slots if slot >= named)
        for at, variable in enumerate(self.tail.variables):
            to = variable.refers[state[at]]
            if variable.slot is None and at not in places and to is not None and to[1] in unnamed:
                score[at] += len(templates)
        read = Counter(place.variable for number in taken for place in set(places_read(templates[number])))
        for at, variable in enumerate(self.tail.variables):
            if read[variable.template]:
                score[at] += read[variable.template]
        for at, _ in score.most_common():
            slot = self.tail.variables[at].slot
            if slot is None or slot < named:
                yield at


# ---------------------------------------------------------------- the audit


def audit(system: TemplateSystem, argument: Argument, deadline: float | None = None) -> bool:
    """Checks an argument with z3; that its lemmas hold is not asked here.

    Returns:
        False if time ran out.

    Raises:
        NotConclusive: there is a gap.
    """
    try:
        _Audit(system, argument, Asked(deadline)).check()
    except TimeoutError:
        return False
    return True


class _Audit:
    def __init__(self, system: TemplateSystem, argument: Argument, solver: Asked) -> None:
        self.argument = argument
        self.solver = solver
        self.tail = Tail(system, argument.owed, argument.followed, solver)
        for lemma in argument.lemmas:
            solver.add((self.tail.lemma(lemma),))

    def check(self) -> None:
        for way in self.argument.ways:
            for number, cube in way.cubes:
                known = self.tail.lasting[number].template, self.tail.changes(number, cube)
                self._insist(known == (way.template, way.changes), "a way does something else")
        self._insist(not self.solver.satisfiable([self.tail.strays(self.argument.ways)]), "a way is left out")
        self._case(self.argument.case, [], self.argument.ways, self.tail.own)

    def _case(self, case: Case, literals: list[int], ways: tuple[Way, ...], named: int) -> None:
        for stage in case.stages:
            some = self.solver.fresh()
            self.solver.add((-some, *(self.tail.goes(way) for way in stage.impossible)))
            going = [*literals, *self.tail.disabled(ways), some]
            self._insist(not self.solver.satisfiable(going), "a way is possible")
            ways = tuple(way for way in ways if way not in stage.impossible)
            self._insist(all(increase(stage.weights, way) <= 0 for way in ways), "a way increases the rank")
            ways = tuple(way for way in ways if not increase(stage.weights, way))
        if case.split is None:
            left = self.solver.satisfiable([*literals, *self.tail.disabled(ways)])
            self._insist(not left, "a state is left")
            return
        slot = self.tail.variables[case.split].slot
        parts = self.tail.parts(case.split, ways, named)
        self._insist(slot is None or slot < named, "a case is about a request without a name")
        self._insist(len(parts) == len(case.cases), "a case is left out")
        for part, inner in zip(parts, case.cases, strict=True):
            self._case(inner, [*literals, self.tail.member(case.split, part.mask)], part.ways, part.named)

    def _insist(self, condition: bool, gap: str) -> None:
        if not condition:
            rule = self.argument.owed.rule
            raise NotConclusive(
                f"{rule}: the engine says that it has an argument for any number of requests, z3: {gap}"
            )
