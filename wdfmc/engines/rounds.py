""" "Eventually" as a question about what never happens: how many rounds can fairness complete while something is owed?

A watcher decides at some point that from now on one obligation stays owed. Then it lets happen only what keeps it owed
and can happen again and again, and counts rounds. A round is over when every fairness group has had what it asks for: a
weak group was served, or was seen disabled; a strong one was served, or the watcher has sworn that it is never enabled
again, and no state contradicts that. A fair run that owes for ever completes any number of rounds, and so does a stuck
state; if some number of rounds is never completed there is neither (k-liveness: Claessen and Soerensson, FMCAD 2012).
Conversely, if every number is, then, the states being finitely many, one of the two exists.

The watcher may leave fairness groups out of account: then it completes more rounds, and a proof is worth the more.

That a group is disabled is no cube, but it is a condition that counts: of the ways in which it is enabled none holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Final

from wdfmc.engines.abstraction import Reach, recurring
from wdfmc.engines.cubes import Masks, key, within
from wdfmc.engines.relation import values
from wdfmc.engines.symmetry import interchangeable
from wdfmc.system.system import Count, Cube, Obligation, Transition, TransitionSystem, Update, Variable

MOST_WAYS: Final = 1000  # in which one fairness group can be enabled

NOTHING: Final = 0  # value of `watched` before the watcher has decided; else 1 + the number of an obligation
MET, OPEN, GONE = range(3)  # values of a group's status; MET also before the watcher has decided


class TooManyWays(Exception):
    """There is no short form of when a fairness group is enabled."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The system with the watcher beside it.

    `limits[k]`: the rule that a run breaks which completes k + 1 rounds. `taken`: for each transition the one of the
    original system that it takes, None for the watcher's own. `decides`: those with which the first round begins;
    `completes`: the one with which a round is over. `status`: the variable that tells of each fairness group that is
    minded. `ignored`: each group that is not, with its kind.
    """

    system: TransitionSystem
    limits: tuple[str, ...]
    taken: tuple[int | None, ...]
    decides: frozenset[int]
    completes: int
    status: dict[int, int]
    ignored: dict[int, int]


def rounds(system: TransitionSystem, known: Reach, goal: str, most: int, minded: Container[int]) -> Rounds:
    """For a goal with obligations. Transitions that violate it still do, those that violate others are left out.

    Args:
        known: of the system, from `abstraction.reach`.
        most: `limits` is longer by one.
        minded: kinds of fairness groups. Images of a group are of its kind.

    Raises:
        TooManyWays
    """
    return _Watcher(system, known, goal, most, minded).beside()


@dataclass(frozen=True, slots=True)
class _Owed:
    """An obligation that can be watched.

    `value`: of `watched`. `kind`: what it has in common with its images. `staying`: the transitions that can be taken
    again and again while it is owed, each with what that needs beside the guard.
    """

    obligation: Obligation
    value: int
    slot: int | None
    kind: tuple[int, int]
    staying: dict[int, Masks]


@dataclass(frozen=True, slots=True)
class _Group:
    """A fairness group with a status of its own, which is the variable `status`.

    `kind`: what it has in common with its images. `ways`: cubes; it is enabled in their union.
    """

    number: int
    strong: bool
    slot: int | None
    kind: int
    ways: tuple[Cube, ...]
    status: int


class _Watcher:
    """`forsworn`: states that contradict an oath, each cube under what the oath is.

    `disabled`: ways in which those groups are enabled that nothing serves and that nothing enables or disables.
    """

    def __init__(
        self, system: TransitionSystem, known: Reach, goal: str, most: int, minded: Container[int]
    ) -> None:  # fmt: skip
        self.system = system
        self.known = known
        self.goal = goal
        self.most = most
        self.symmetric = interchangeable(system)
        self.watched = len(system.variables)
        self.round = self.watched + 1
        self.owed = list(self._owing())
        self.deciding = (1 << len(self.owed) + 1) - 1 & ~(1 << NOTHING)
        self.again = {at for each in self.owed for at in each.staying}
        self.minded = minded
        self.ignored: dict[int, int] = {}
        self.disabled: list[Cube] = []
        self.forsworn: list[Cube] = []
        self.groups = list(self._grouped())
        self.transitions: list[Transition] = []
        self.taken: list[int | None] = []
        self.templates: dict[object, int] = {}

    # ------------------------------------------------------------ what can happen while something stays owed

    def _owing(self) -> Iterator[_Owed]:
        seen: Counter[int] = Counter()  # several obligations may be about one variable
        for value, owed in enumerate((one for one in self.system.obligations if one.rule == self.goal), NOTHING + 1):
            variable = self.system.variables[owed.variable]
            kind = variable.template, seen[owed.variable]
            seen[owed.variable] += 1
            yield _Owed(owed, value, variable.slot if self.symmetric else None, kind, self._staying(owed))

    def _staying(self, owed: Obligation) -> dict[int, Masks]:
        kept: dict[int, Masks] = {}
        narrowed = []
        for at, transition in enumerate(self.system.transitions):
            needed = self._keeping(transition, owed)
            if needed is not None and transition.lasting and transition.violates is None:
                kept[at] = needed
                guard = conjunction(dict(transition.guard), {owed.variable: owed.pending}, needed)
                assert guard is not None, transition
                narrowed.append(replace(transition, guard=key(guard)))
        alone = replace(self.system, transitions=tuple(narrowed))
        again = recurring(alone, replace(self.known, first=dict.fromkeys(range(len(narrowed)), 0)))
        return {at: needed for number, (at, needed) in enumerate(kept.items()) if number in again}

    def _keeping(self, transition: Transition, owed: Obligation) -> Masks | None:
        """What must hold beside the guard for it to stay owed; None if it cannot."""
        admitted = dict(transition.guard)
        if not admitted.get(owed.variable, -1) & owed.pending:
            return None
        update = next((each for each in transition.updates if each.target == owed.variable), None)
        if update is None:
            return {}
        if update.source < 0:
            return {} if owed.pending >> update.table[0] & 1 else None
        before = admitted.get(update.source, self._whole(update.source))
        if update.source == owed.variable:
            before &= owed.pending
        kept = sum(1 << old for old in values(before) if owed.pending >> update.table[old] & 1)
        return {} if kept == before else {update.source: kept} if kept else None

    def _whole(self, variable: int) -> int:
        return (1 << len(self.system.variables[variable].domain)) - 1

    # ------------------------------------------------------------ fairness

    def _grouped(self) -> Iterator[_Group]:
        """The groups that need a status; of the others it is known from the start that they have to be disabled."""
        transitions = self.system.transitions
        changing = {update.target for at in self.again for update in transitions[at].updates}
        status = self.round + 1
        for number, group in enumerate(self.system.fairness):
            members = [at for at, one in enumerate(transitions) if one.fairness == number and at in self.known.first]
            ways = absorbed(way for at in members for way in self._ways(transitions[at]))
            if not ways:
                continue
            serving = any(self._serves(at, number) for at in self.again)
            if not serving and changing.isdisjoint(variable for way in ways for variable, _ in way):
                self.disabled += ways
            elif not serving and group.strong:
                self.forsworn += ((*way, (self.watched, self.deciding)) for way in ways)
            elif (kind := self._template(members) if self.symmetric else number) not in self.minded:
                self.ignored[number] = kind
            else:
                if group.strong:
                    self.forsworn += ((*way, (status, 1 << GONE)) for way in ways)
                yield _Group(number, group.strong, self._slot(members), kind, ways, status)
                status += 1

    def _serves(self, at: int, group: int) -> bool:
        transition, fair = self.system.transitions[at], self.system.fairness[group]
        return transition.fairness == group if fair.strong else transition.actor == fair.actor

    def _template(self, members: Sequence[int]) -> int:
        return min(self.system.transitions[at].template for at in members)

    def _slot(self, members: Sequence[int]) -> int | None:
        """What a template's instances in the group have in common; for an image of the group it is the image."""
        least = self._template(members)
        slots = [one.slots for at in members if (one := self.system.transitions[at]).template == least]
        common = (here[0] for here in zip(*slots, strict=True) if len(set(here)) == 1)
        return next(common, None) if self.symmetric else None

    def _ways(self, transition: Transition) -> list[Masks]:
        """Cubes; the transition is enabled in their union."""
        found: list[Masks] = [dict(transition.guard)]
        for count in transition.counts:
            found = both(both(found, self._enough(count)), self._not_more(count))
        return found

    def _enough(self, count: Count) -> list[Masks]:
        return [
            way
            for chosen in combinations(count.entities, count.low)
            for cubes in product(*chosen)
            if (way := conjunction(*map(dict, cubes))) is not None
        ]

    def _not_more(self, count: Count) -> list[Masks]:
        found: list[Masks] = []
        for idle in combinations(count.entities, len(count.entities) - count.high):
            ways: list[Masks] = [{}]
            for cube in (cube for cubes in idle for cube in cubes):
                ways = both(ways, [{variable: self._whole(variable) & ~mask} for variable, mask in cube])
            found += ways
        return found

    # ------------------------------------------------------------ the system with the watcher

    def beside(self) -> Rounds:
        for at in range(len(self.system.transitions)):
            self._step(at)
        decides = frozenset(self._decisions())
        completes = self._completion()
        for group in self.groups:
            self._observation(group)
        limits = tuple(f"{self.goal}, {number + 1} rounds" for number in range(self.most + 1))
        for number, limit in enumerate(limits):
            guard, counts = self._complete()
            self._add(limit, (), {**guard, self.round: 1 << number}, (), counts=counts, violates=limit)
        whole = replace(
            self.system,
            variables=(*self.system.variables, *self._variables()),
            transitions=tuple(self.transitions),
            actors=(*self.system.actors, "watcher"),
            fairness=(),
            obligations=(),
            origin=None,
        )
        status = {group.number: group.status for group in self.groups}
        return Rounds(whole, limits, tuple(self.taken), decides, completes, status, self.ignored)

    def _variables(self) -> Iterator[Variable]:
        fresh = max((variable.template for variable in self.system.variables), default=0) + 1
        names = tuple(self.system.variables[each.obligation.variable].name for each in self.owed)
        refers = (None if each.slot is None else (f"owing {each.kind}", each.slot) for each in self.owed)
        yield Variable("watched", ("nothing", *names), NOTHING, fresh, None, (None, *refers))
        rounds = tuple(map(str, range(self.most + 1)))
        yield Variable("rounds", rounds, 0, fresh + 1, None, (None,) * len(rounds))
        for group in self.groups:
            words = ("met", "open", "gone") if group.strong else ("met", "open")
            name = f"fairness to {self.system.actors[self.system.fairness[group.number].actor]}"
            yield Variable(name, words, MET, fresh + 2 + group.kind, group.slot, (None,) * len(words))

    def _step(self, at: int) -> None:
        """A transition of the system: before the watcher has decided, and what is left of it after that."""
        one = self.system.transitions[at]
        kind, undecided = ("step", one.template), {self.watched: 1 << NOTHING}
        if one.violates is not None:
            if one.violates == self.goal:
                guard = {**dict(one.guard), **undecided}
                self._add(kind, one.slots, guard, (), counts=one.counts, taken=at, violates=one.violates)
            return
        served = [Update(group.status, -1, (MET,)) for group in self.groups if self._serves(at, group.number)]
        counts, updates = (*one.counts, *none_of(self.forsworn)), (*one.updates, *served)
        needs = [(each, each.staying[at]) for each in self.owed if at in each.staying]
        anyway = sum(1 << each.value for each, needed in needs if not needed)
        if anyway:
            guard = {**dict(one.guard), self.watched: 1 << NOTHING | anyway}
            self._add(kind, one.slots, guard, updates, counts=counts, taken=at)
        else:
            guard = {**dict(one.guard), **undecided}
            self._add(kind, one.slots, guard, one.updates, counts=one.counts, taken=at)
        for each, needed in needs:
            if needed:
                narrowed = conjunction(dict(one.guard), needed, {self.watched: 1 << each.value})
                assert narrowed is not None, one
                slots = one.slots if each.slot is None else (*one.slots, each.slot)
                self._add((*kind, each.kind, each.slot is None), slots, narrowed, updates, counts=counts, taken=at)

    def _decisions(self) -> Iterator[int]:
        """From now on an obligation stays owed; the first round begins."""
        opened = [Update(group.status, -1, (OPEN,)) for group in self.groups]
        for each in self.owed:
            guard = {each.obligation.variable: each.obligation.pending, self.watched: 1 << NOTHING}
            slots = () if each.slot is None else (each.slot,)
            kind = "decide", each.kind if self.symmetric else each.value
            yield self._add(kind, slots, guard, (Update(self.watched, -1, (each.value,)), *opened))

    def _completion(self) -> int:
        """A round is over, the next one begins."""
        guard, counts = self._complete()
        opened = [
            Update(group.status, group.status, (OPEN, OPEN, GONE)[: 3 if group.strong else 2]) for group in self.groups
        ]
        counted = Update(self.round, self.round, tuple(min(number + 1, self.most) for number in range(self.most + 1)))
        return self._add("complete", (), guard, (counted, *opened), counts=counts)

    def _complete(self) -> tuple[Masks, tuple[Count, ...]]:
        """The condition that a round is over."""
        guard = {self.watched: self.deciding}
        for group in self.groups:
            guard[group.status] = 1 << MET | 1 << GONE if group.strong else 1 << MET
        return guard, none_of((*self.disabled, *self.forsworn))

    def _observation(self, group: _Group) -> None:
        slots = () if group.slot is None else (group.slot,)
        guard = {group.status: 1 << OPEN}
        if group.strong:
            gone = Update(group.status, -1, (GONE,))
            self._add(("forswear", group.kind), slots, {**guard, self.round: 1}, (gone,))
        else:
            met = Update(group.status, -1, (MET,))
            self._add(("see disabled", group.kind), slots, guard, (met,), counts=none_of(group.ways))

    def _add(
        self, kind: object, slots: tuple[int, ...], guard: Mapping[int, int], updates: Iterable[Update],
        *, counts: Iterable[Count] = (), taken: int | None = None, violates: str | None = None,
    ) -> int:  # fmt: skip
        """`kind`: what a transition has in common with its images."""
        template = self.templates.setdefault(kind, len(self.templates))
        actor = len(self.system.actors) if taken is None else self.system.transitions[taken].actor
        self.taken.append(taken)
        self.transitions.append(
            Transition(key(guard), tuple(counts), tuple(updates), actor, None, violates, template, slots)
        )
        return len(self.transitions) - 1


# ---------------------------------------------------------------- unions of cubes


def conjunction(*cubes: Mapping[int, int]) -> Masks | None:
    """None if no state is in it."""
    found: Masks = {}
    for cube in cubes:
        for variable, mask in cube.items():
            found[variable] = found.get(variable, -1) & mask
            if not found[variable]:
                return None
    return found


def both(some: Sequence[Masks], others: Sequence[Masks]) -> list[Masks]:
    """Raises TooManyWays."""
    met = (conjunction(one, other) for one in some for other in others)
    found = [dict(way) for way in absorbed(way for way in met if way is not None)]
    if len(found) > MOST_WAYS:
        raise TooManyWays
    return found


def absorbed(ways: Iterable[Masks]) -> tuple[Cube, ...]:
    """The same union without the cubes that lie within others."""
    kept: list[Masks] = []
    for way in sorted({key(way) for way in ways}, key=lambda way: (len(way), way)):
        if not any(within(dict(way), other) for other in kept):
            kept.append(dict(way))
    return tuple(map(key, kept))


def none_of(ways: Iterable[Cube]) -> tuple[Count, ...]:
    """The condition that a state is in none of the cubes."""
    ways = tuple(ways)
    return (Count((ways,), 0, 0),) if ways else ()
