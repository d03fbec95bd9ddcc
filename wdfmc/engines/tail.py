"""The last part of a fair run on which an obligation stays owed, however many requests there are: questions about it.

On its tail such a run takes no transition that it does not take again and again, comes back to each of its states, and
starves no one. So in every state of the tail

- the obligation is owed;
- a variable stays within one strongly connected component of the changes that the tail makes to it;
- a weakly fair transition of an actor that takes no step in the tail is disabled if the tail changes nothing that it
  reads: it would be enabled for ever;
- a strongly fair transition of a group that takes no step in the tail is disabled: it would be enabled again and again.

The tail of a run that ends is its last state, in which no fair transition is enabled. All these are claims about single
states, so that a fragment (`instantiate.fragment`) stands for all numbers of requests. Its requests are: the core,
which is the one that the obligation is about, and one more that a case names; those that some shared variables refer
to; and those that take part in one transition. "Disabled" restricts to the fragment, too, unless it is because of too
many others: there the fragment has room for these if the transition is about the first request of the core or about
none, and nothing is claimed of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Final, NamedTuple, Protocol, TypeAlias

from wdfmc.engines.abstraction import components
from wdfmc.engines.relation import values
from wdfmc.system.instantiate import first_use, fragment, taking_part
from wdfmc.system.lemma import Lemma
from wdfmc.system.presence import among_present, dangling, with_presence
from wdfmc.system.slice import places_read
from wdfmc.system.system import (
    Count,
    Cube,
    Others,
    Ref,
    Template,
    TemplateObligation,
    TemplateSystem,
    Transition,
    Value,
    general,
)

MOST_WITNESSES: Final = 8  # requests that are there only because too many of them disable a transition
NAMED: Final = 1  # requests that a case may name beside the one that the obligation is about

Slots: TypeAlias = "tuple[int, ...]"


class Questions(Protocol):
    """A SAT solver. A literal is a positive number or its negation."""

    def fresh(self) -> int: ...

    def add(self, clause: Iterable[int]) -> None: ...

    def satisfiable(self, assumed: Sequence[int]) -> bool: ...


class Change(NamedTuple):
    """A variable gets another value; references are told apart by their kind only.

    `place`: the flat variable, if it is shared or in the record of a request of the core.
    """

    variable: int
    old: Value
    new: Value
    place: int | None


@dataclass(frozen=True, slots=True)
class Way:
    """What a transition may do in a tail. `cubes`: (number of a transition of `Tail.lasting`, the old values)."""

    template: int
    changes: tuple[Change, ...]
    cubes: tuple[tuple[int, Cube], ...]


class Part(NamedTuple):
    """One case of a tail: a variable has values in the mask only. `named`: requests of the core that have a name."""

    mask: int
    ways: tuple[Way, ...]
    named: int


class Tail:
    """Literals for what is true of a state of a tail; with only its own clauses, of any state that owes.

    Args:
        owed: the obligation; of request 0 if it is in a request's record.
        followed: shared variables whose references are looked into.
    """

    def __init__(
        self, system: TemplateSystem, owed: TemplateObligation, followed: Sequence[int], solver: Questions
    ) -> None:
        self.system = system
        self.solver = solver
        self.followed = frozenset(followed)
        self.own = int(system.variables[owed.variable].owned)
        self.core = self.own + min(NAMED, len(followed))
        self.present = with_presence(system)
        self._witnessed = self._room_for_witnesses()
        witnesses = sum(others.high + 1 for others in self._witnessed if others.high is not None)
        chosen = self.own + len(followed) + witnesses
        self.instance = fragment(self.present, chosen + max(map(taking_part, system.templates), default=0), chosen)
        lasting = {id(each) for at, each in enumerate(self.present.templates) if self.is_lasting(at)}
        flat = self.instance.flat(lambda template, slots: id(template) in lasting and first_use(slots, self.core))
        self.lasting = flat.transitions
        self.variables = flat.variables
        self.index = flat.index
        self.here = [[solver.fresh() for _ in variable.domain] for variable in self.variables]
        self._members: dict[tuple[int, int], int] = {}
        self._absent_literals: dict[int, list[tuple[Slots | None, int]]] = {}
        self._able: dict[int, int] = {}
        for literals in self.here:
            solver.add(literals)
            for one, other in combinations(literals, 2):
                solver.add((-one, -other))
        for cube in dangling(flat):
            self.exclude(cube)
        for template in followed:
            variable = self.index[template, None]
            self.exclude(((variable, self.instance.elsewhere(variable)),))
        at = self.index[owed.variable, 0 if self.own else None]
        pending = next(each.pending for each in flat.obligations if (each.rule, each.variable) == (owed.rule, at))
        solver.add((self.member(at, pending),))
        if self.own:
            presence = self.index[len(system.variables), 0]
            solver.add((self.here[presence][self.variables[presence].domain.index("true")],))

    def is_lasting(self, number: int) -> bool:
        """Whether a run may take transitions of a template for ever."""
        template = self.system.templates[number]
        return template.fairness is not None and template.violates is None

    @cached_property
    def fair(self) -> list[int]:
        """The numbers of the templates that somebody owes. A violating one must not be starved either."""
        return [at for at, each in enumerate(self.system.templates) if each.fairness in ("weak", "strong")]

    def _room_for_witnesses(self) -> frozenset[Others]:
        """Upper bounds whose excess the fragment has room for. Where two transitions have the same, so have their
        witnesses."""
        found: dict[Others, None] = {}
        room = 0
        for number in self.fair:
            template = self.system.templates[number]
            for others in template.others if template.footprint <= min(1, self.core) else ():
                if others.high is not None and others not in found and room + others.high + 1 <= MOST_WITNESSES:
                    found[others] = None
                    room += others.high + 1
        return frozenset(found)

    # ------------------------------------------------------------ states

    def member(self, variable: int, mask: int) -> int:
        """Equivalent to: the variable has a value in the mask."""
        if mask and not mask & (mask - 1):  # a single value
            return self.here[variable][mask.bit_length() - 1]
        if (variable, mask) not in self._members:
            name = self._members[variable, mask] = self.solver.fresh()
            self.solver.add((-name, *(self.here[variable][value] for value in values(mask))))
            for value, literal in enumerate(self.here[variable]):
                self.solver.add((-literal, name if mask >> value & 1 else -name))
        return self._members[variable, mask]

    def exclude(self, cube: Cube, unless: int | None = None) -> None:
        """No state is in the cube; if `unless` is given, it implies so."""
        first = () if unless is None else (-unless,)
        self.solver.add((*first, *(-self.member(variable, mask) for variable, mask in cube)))

    def lemma(self, lemma: Lemma) -> int:
        """A literal that implies the lemma, wherever it is placed."""
        name = self.solver.fresh()
        for cube in among_present(lemma, self.present).placements(self.instance):
            self.exclude(cube, name)
        return name

    # ------------------------------------------------------------ transitions

    def able(self, number: int) -> int:
        """Implies that a transition of `lasting` is enabled, as far as bounds of one and none tell."""
        if number not in self._able:
            name = self._able[number] = self.solver.fresh()
            transition = self.lasting[number]
            for variable, mask in transition.guard:
                self.solver.add((-name, self.member(variable, mask)))
            for count in transition.counts:
                if count.low == 1:
                    self.solver.add((-name, *map(self._inside, entities(count))))
                if count.high == 0:
                    for cube in entities(count):
                        self.exclude(cube, name)
        return self._able[number]

    def _inside(self, cube: Cube) -> int:
        """Implies that the state is in a cube."""
        name = self.solver.fresh()
        for variable, mask in cube:
            self.solver.add((-name, self.member(variable, mask)))
        return name

    def changes(self, number: int, cube: Cube) -> tuple[Change, ...]:
        """What a transition of `lasting` does, given the old values of all variables that it reads or writes."""
        old = {variable: mask.bit_length() - 1 for variable, mask in cube}
        found = set()
        for target, source, table in self.lasting[number].updates:
            before, after = old[target], table[old[source] if source >= 0 else 0]
            if before != after:
                slot = self.variables[target].slot
                variable = self.variables[target].template
                domain = self.instance.domains[variable].values
                place = target if slot is None or slot < self.core else None
                found.add(Change(variable, general(domain[before]), general(domain[after]), place))
        return tuple(sorted(found, key=repr))

    def touched(self, number: int) -> list[int]:
        """The variables that decide what a transition of `lasting` changes."""
        updates = self.lasting[number].updates
        return sorted({update.target for update in updates} | {each.source for each in updates if each.source >= 0})

    def goes(self, way: Way) -> int:
        """Implies that the tail goes this way."""
        name = self.solver.fresh()
        some = []
        for number, cube in way.cubes:
            some.append(self._inside(cube))
            self.solver.add((-some[-1], self.able(number)))
        self.solver.add((-name, *some))
        return name

    def strays(self, ways: Iterable[Way]) -> int:
        """Implies that some lasting transition is enabled and goes none of the ways."""
        known: dict[int, list[Cube]] = {}
        for way in ways:
            for number, cube in way.cubes:
                known.setdefault(number, []).append(cube)
        name = self.solver.fresh()
        some = []
        for number in range(len(self.lasting)):
            some.append(self.solver.fresh())
            self.solver.add((-some[-1], self.able(number)))
            for cube in known.get(number, ()):
                self.exclude(cube, some[-1])
        self.solver.add((-name, *some))
        return name

    # ------------------------------------------------------------ cases

    def parts(self, at: int, ways: Sequence[Way], named: int) -> list[Part]:
        """The sets of values of which a tail that only goes these ways keeps a variable within one.

        A reference that does not change may tell requests of the core apart; if not all of these have a name yet, who a
        followed variable refers to gets the next one, without loss of generality.

        Args:
            at: a flat variable, shared or of a request that has a name.
        """
        edges: dict[Value, set[Value]] = {}
        for way in ways:
            for change in way.changes:
                if change.place == at:
                    edges.setdefault(change.old, set()).add(change.new)
        component = components(edges)
        template, slot = self.variables[at].template, self.variables[at].slot
        naming = named < self.core and slot is None and template in self.followed
        masks: dict[tuple[Value, int | None], int] = {}
        for position, value in enumerate(self.instance.domains[template].values):
            kind = general(value)
            who = None
            if not edges and isinstance(value, Ref) and value.slot is not None:
                if value.slot < named + naming:
                    who = value.slot
                elif naming:
                    continue
            key = component.get(kind, kind), who
            masks[key] = masks.get(key, 0) | 1 << position
        found = []
        for (kind, who), mask in masks.items():
            leaving = {way for way in ways if any(c.place == at and component[c.new] != kind for c in way.changes)}
            kept = tuple(way for way in ways if way not in leaving)
            found.append(Part(mask, kept, named + (who == named)))
        return found

    # ------------------------------------------------------------ fairness

    def disabled(self, ways: Iterable[Way]) -> Iterator[int]:
        """Literals: those fair transitions are disabled that a tail which only goes these ways would starve."""
        templates = self.system.templates
        taken = {way.template for way in ways}
        actors = {templates[number].actor.name for number in taken}
        strong = {_strong_group(templates[number]) for number in taken if templates[number].fairness == "strong"}
        changed = {change.variable for way in ways for change in way.changes}
        places = {change.place for way in ways for change in way.changes}
        for number in self.fair:
            template = templates[number]
            if template.fairness == "strong":
                if _strong_group(template) not in strong:
                    yield from (literal for _, literal in self._disabled(number))
            elif template.actor.name not in actors:
                for slots, literal in self._disabled(number):
                    if not self._reads(template, slots, changed, places):
                        yield literal

    def _reads(self, template: Template, slots: Slots | None, changed: set[int], places: set[int | None]) -> bool:
        """Whether a template, at slots of the core if they are given, reads what is changed."""
        if slots is None:
            return any(place.variable in changed for place in places_read(template))
        own = {self.index[at, None if slot is None else slots[slot]] for (at, slot), _ in template.guard}
        others = {place.variable for place in places_read(replace(template, guard=()))}
        return bool(own & places or others & changed)

    def _disabled(self, number: int) -> list[tuple[Slots | None, int]]:
        """For each place in the core, and for all others together (None), a literal that implies that a template is
        disabled there, as far as this is claimed."""
        if number not in self._absent_literals:
            template = self.system.templates[number]
            bounded = {others for others in template.others if others.high is not None}
            found: dict[Slots | None, int] = {}
            if not bounded or (template.footprint <= min(1, self.core) and bounded <= self._witnessed):
                first = tuple(range(template.footprint))
                for transition in self.instance.transitions(number, lambda slots: not bounded or slots == first):
                    where = transition.slots if max(transition.slots, default=-1) < self.core else None
                    if where not in found:
                        found[where] = self.solver.fresh()
                    self._disable(transition, found[where])
            self._absent_literals[number] = list(found.items())
        return self._absent_literals[number]

    def _disable(self, transition: Transition, name: int) -> None:
        """`name` implies that the transition is disabled."""
        reasons = [-self.member(variable, mask) for variable, mask in transition.guard]
        for count in transition.counts:
            missing, excess = self.solver.fresh(), self.solver.fresh()
            if count.low == 1:
                for cube in entities(count):
                    self.exclude(cube, missing)
            if count.high == 0:
                self.solver.add((-excess, *map(self._inside, entities(count))))
            # Of other bounds nothing is claimed: either literal may be true.
            reasons += [missing] if count.low else []
            reasons += [excess] if count.high < len(count.entities) else []
        self.solver.add((-name, *reasons))


def entities(count: Count) -> Iterator[Cube]:
    for alternatives in count.entities:
        yield from alternatives


def _strong_group(template: Template) -> tuple[str, str | None]:
    return template.actor.name, template.lock
