"""The audit of an invariant: z3 proves it again, from the templates, sharing nothing with the search for it.

For N requests: the initial state satisfies every lemma, every transition keeps it, and no violating transition is
enabled where all hold. Transitions are not unrolled: the exact pre-image of a lemma's cube under a transition is a
cube of the state before, and one question asks whether the lemmas leave room for any of these.

For any number of requests the same question is asked of a fragment (`instantiate.fragment`) large enough for the
requests that one lemma names, those that some shared variables refer to, and, all distinct from these, those that take
part in one transition: a violation with more requests restricts to them. For fewer, some of its slots are absent
(`presence`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from wdfmc.engines.solver import Sat, Solver, Unsat
from wdfmc.progress import Work
from wdfmc.system.instantiate import Instance, first_use, fragment, taking_part
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.presence import among_present, dangling, with_presence
from wdfmc.system.system import Count, Cube, Template, TemplateSystem, Transition, TransitionSystem


class NotInductive(Exception):
    """What was found is no invariant: a fault of wdfmc, never of the model. The message gives both sides."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Lemmas that prove that no transition which violates one of `goals` is ever enabled.

    `requests`: for how many; None for any number. `followed`: shared variables whose references are looked into.
    """

    goals: frozenset[str]
    lemmas: tuple[Lemma, ...]
    requests: int | None
    followed: tuple[int, ...] = ()


def certificate_of(
    system: TemplateSystem, invariant: Sequence[Cube], goals: frozenset[str], requests: int
) -> Certificate:
    """`invariant`: cubes of the instance for so many requests that, with their renamings, exclude the violations."""
    return Certificate(goals, lifted(Instance(system, requests), invariant), requests)


def audit(system: TemplateSystem, certificate: Certificate, deadline: float | None = None) -> bool:
    """Proves the certificate again. `deadline`: as of time.monotonic().

    Returns:
        False if time ran out.

    Raises:
        NotInductive: there is a counterexample.
    """
    return _Audit(_claim(size(system, certificate), certificate.requests), deadline).passed()


def confirmed(
    system: TransitionSystem, invariant: Sequence[Cube], asked: Sequence[Cube], deadline: float | None
) -> bool:
    """Proves that no reachable state of an instance is in a cube of the invariant, and that nothing is violated then.

    Args:
        asked: some of the invariant's cubes; the system looks the same from every other one as from one of these.

    Returns and raises: as `audit`.
    """
    every = tuple((system.slots, cube) for cube in asked)
    return _Audit(_Claim(system, tuple(invariant), every, (), system.slots), deadline).passed()


@dataclass(frozen=True, slots=True)
class Size:
    """Where a certificate is checked: an instance, its lemmas there, and pairs of cubes that exclude each other."""

    instance: Instance
    flat: TransitionSystem
    lemmas: tuple[Lemma, ...]
    impossible: tuple[Cube, ...]


def size(system: TemplateSystem, certificate: Certificate, room: int = -1) -> Size:
    """One instance for so many requests, or one that stands for all numbers.

    Args:
        room: lemmas that are to come name up to so many requests; -1 if none are to come.
    """
    named = {lemma.requests for lemma in certificate.lemmas} | set(range(room + 1))

    def relevant(template: Template, slots: tuple[int, ...]) -> bool:
        """Every other transition is a renaming of one of these, beside the lemmas where they are asked about."""
        if template.violates is not None:
            return template.violates in certificate.goals and first_use(slots, 0)
        return any(first_use(slots, each) for each in named)

    if certificate.requests is not None:
        instance = Instance(system, certificate.requests)
        return Size(instance, instance.flat(relevant), certificate.lemmas, ())
    present = with_presence(system)
    chosen = len(certificate.followed) + max(named, default=0)
    instance = fragment(present, chosen + max(map(taking_part, system.templates), default=0), chosen)
    flat = instance.flat(relevant)
    followed = (flat.index[template, None] for template in certificate.followed)
    outside = tuple(((variable, instance.elsewhere(variable)),) for variable in followed)
    lemmas = tuple(among_present(lemma, present) for lemma in certificate.lemmas)
    return Size(instance, flat, lemmas, (*outside, *dangling(flat)))


@dataclass(frozen=True, slots=True)
class _Claim:
    """That no reachable state of a system is in a cube of the invariant, and that nothing is violated then.

    `asked`: how many requests a cube names, and the cube: is it entered by a transition whose other requests are fresh?
    """

    flat: TransitionSystem
    invariant: tuple[Cube, ...]
    asked: tuple[tuple[int, Cube], ...]
    impossible: tuple[Cube, ...]
    requests: int | None


def _claim(size: Size, requests: int | None) -> _Claim:
    invariant = tuple(chain.from_iterable(lemma.placements(size.instance) for lemma in size.lemmas))
    placed = (
        (lemma.requests, lemma.placed(size.instance, tuple(range(lemma.requests))))
        for lemma in size.lemmas
        if lemma.requests <= size.instance.slots
    )
    asked = tuple((named, cube) for named, cube in placed if cube is not None)
    return _Claim(size.flat, invariant, asked, size.impossible, requests)


class _Audit:
    def __init__(self, claim: _Claim, deadline: float | None) -> None:
        self.claim = claim
        self.flat = claim.flat
        self.work = Work("audit", "any" if claim.requests is None else claim.requests)
        self.deadline = deadline
        self.solver = Solver()
        self.lines: list[str] = []
        self.literals: list[list[int]] = []
        self.count = 0
        for variable in self.flat.variables:
            self.literals.append([self._fresh() for _ in variable.domain])
        self.masks: dict[tuple[int, int], int] = {}
        self.conditions: dict[Count, int] = {}
        for cube in claim.impossible:
            self._exclude(cube)

    def passed(self) -> bool:
        """Raises NotInductive."""
        self._states()
        for cube in self.claim.invariant:
            self._exclude(cube)
            if all(mask >> self.flat.initial[variable] & 1 for variable, mask in cube):
                raise NotInductive(f"a lemma of the engine's invariant excludes the initial state: {self._told(cube)}")
        broken, left = self._fresh(), self._fresh()
        self._clause(-broken, *self._violations())
        self._clause(-left, *self._escapes())
        self.solver.read("".join(self.lines))
        claims = (("excludes every violation", broken), ("is kept by every transition", left))
        for queries, (claim, question) in enumerate(claims, 1):
            answer = self.solver.check([question], self.deadline)
            self.work.at(lemmas=len(self.claim.asked), queries=queries)
            if isinstance(answer, Sat):
                how_many = "any number of" if self.claim.requests is None else str(self.claim.requests)
                raise NotInductive(
                    f"the engine says that its invariant {claim}, z3 has a counterexample, with {how_many} requests"
                )
            if not isinstance(answer, Unsat):
                return False
        return True

    def _told(self, cube: Cube) -> str:
        variables = self.flat.variables
        return ", ".join(
            f"{variables[at].name} in {{{','.join(n for v, n in enumerate(variables[at].domain) if mask >> v & 1)}}}"
            for at, mask in cube
        )

    def _exclude(self, cube: Cube) -> None:
        self._clause(*(-self._member(variable, mask) for variable, mask in cube))

    def _fresh(self) -> int:
        self.count += 1
        return self.count

    def _clause(self, *literals: int) -> None:
        self.lines.append(" ".join(map(str, literals)) + " 0\n")

    def _states(self) -> None:
        """Each variable has exactly one value."""
        for each in self.literals:
            self._clause(*each)
            for at, one in enumerate(each):
                for other in each[at + 1 :]:
                    self._clause(-one, -other)

    def _member(self, variable: int, mask: int) -> int:
        """Equivalent to: the variable has a value in the mask."""
        if (variable, mask) not in self.masks:
            name = self.masks[variable, mask] = self._fresh()
            inside = [literal for value, literal in enumerate(self.literals[variable]) if mask >> value & 1]
            self._clause(-name, *inside)
            for literal in inside:
                self._clause(-literal, name)
        return self.masks[variable, mask]

    def _violations(self) -> Iterator[int]:
        for transition in self.flat.transitions:
            if transition.violates is not None:
                yield self._within(dict(transition.guard), transition)

    def _escapes(self) -> Iterator[int]:
        """Literals, each of which implies that some transition leads into a cube that is asked about."""
        by_variable: dict[int, list[tuple[int, Cube]]] = {}
        for number, (_, cube) in enumerate(self.claim.asked):
            for variable, _ in cube:
                by_variable.setdefault(variable, []).append((number, cube))
        for transition in self.flat.transitions:
            if transition.violates is None:
                touched = chain.from_iterable(by_variable.get(update.target, ()) for update in transition.updates)
                for number, cube in dict(touched).items():
                    if first_use(transition.slots, self.claim.asked[number][0]):
                        before = _preimage(cube, transition)
                        if before is not None:
                            yield self._within(before, transition)

    def _within(self, masks: dict[int, int], transition: Transition) -> int:
        """Implies: the state is within the masks, and all counting conditions of the transition hold."""
        name = self._fresh()
        for variable, mask in masks.items():
            self._clause(-name, self._member(variable, mask))
        for count in transition.counts:
            self._clause(-name, self._counted(count))
        return name

    def _counted(self, count: Count) -> int:
        """Implies: the number of entities is within its bounds."""
        if count not in self.conditions:
            name = self.conditions[count] = self._fresh()
            holding, entities = [], []
            for alternatives in count.entities:
                cubes = [[self._member(variable, mask) for variable, mask in cube] for cube in alternatives]
                holds, held = self._fresh(), self._fresh()
                witnesses = []
                for cube in cubes:
                    self._clause(held, *(-literal for literal in cube))
                    witnesses.append(self._fresh())
                    for literal in cube:
                        self._clause(-witnesses[-1], literal)
                self._clause(-holds, *witnesses)
                holding.append(holds)
                entities.append(held)
            self.solver.insist(-name, self.solver.at_most(entities, count.high))
            if count.low:
                fewer = [-literal for literal in holding]
                self.solver.insist(-name, self.solver.at_most(fewer, len(fewer) - count.low))
        return self.conditions[count]


def _preimage(cube: Cube, transition: Transition) -> dict[int, int] | None:
    """The states, as far as the guard tells, from which the transition leads into the cube; None if there are none."""
    updates = {update.target: update for update in transition.updates}
    found = dict(transition.guard)
    for variable, mask in cube:
        update = updates.get(variable)
        if update is None:
            source, pulled = variable, mask
        elif update.source >= 0:
            source = update.source
            pulled = sum(1 << old for old, new in enumerate(update.table) if mask >> new & 1)
        elif mask >> update.table[0] & 1:
            continue
        else:
            return None
        found[source] = found.get(source, -1) & pulled
        if not found[source]:
            return None
    return found
