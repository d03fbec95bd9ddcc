"""The flat instance of a template system for N request slots.

A template becomes one transition for each injective assignment of slots to the symbols of its footprint. Owned
variables are copied once per slot. A value that refers to a slot stands once in a template domain (slot `OTHER`) and N
times, in slot order, in the flat one; all copies of a variable have the same flat domain. What cannot fire is dropped,
conditions that always hold are left out, and conditions on all others that are a conjunction of literals become part of
the guard, so that engines meet a `Count` only where it really counts or chooses between alternatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import permutations
from typing import TypeAlias

from wdfmc.system.system import (
    OTHER,
    SELF,
    Assignment,
    Count,
    Cube,
    FairGroup,
    Obj,
    Obligation,
    Others,
    Place,
    Ref,
    Template,
    TemplateCube,
    TemplateSystem,
    TemplateVariable,
    Transition,
    TransitionSystem,
    Update,
    Value,
    Variable,
)

Alternatives: TypeAlias = tuple[TemplateCube, ...]
Slots: TypeAlias = tuple[int, ...]  # the slot of each symbol of a footprint


def instantiate(system: TemplateSystem, slots: int) -> TransitionSystem:
    """The instance for `slots` request slots. Templates with a larger footprint have no instance."""
    return Instance(system, slots).flat()


def fragment(system: TemplateSystem, slots: int, chosen: int) -> Instance:
    """What `slots` requests of any instance with at least so many do, if they are all that take part.

    Every reference has one more value, `elsewhere`: some request outside, which no transition follows. Conditions on
    all others speak of the requests in the fragment alone, which weakens upper bounds; lower bounds are kept where
    there is room for who meets them, and are dropped elsewhere. So a step of the large instance, restricted to any such
    requests that include all that the transition needs, is one of the fragment's.

    Args:
        chosen: how many of the requests are there for another reason than the transition. Room that they may take is no
            room for who meets a lower bound.
    """
    return Instance(system, slots, chosen)


def slot_name(slot: int) -> str:
    """How a request slot prints: r1, r2, ..."""
    return f"r{slot + 1}"


def value_name(value: Value) -> str:
    """How a flat value prints (its slot, if any, is a number)."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Obj(name):
            return name
        case Ref("request", 0, int(slot)):
            return slot_name(slot)
        case Ref(pool, index, None):
            return f"{pool}{index + 1}"
        case Ref(pool, index, int(slot)):
            return f"{pool}{index + 1}({slot_name(slot)})"
        case _:
            return str(value)


def refers_to(value: Value) -> tuple[str, int] | None:
    """The kind of a flat reference to a request, and its slot."""
    match value:
        case Ref(pool, index, int(slot)):
            return f"{pool}{index + 1}", slot
        case _:
            return None


def _slotted(value: Value) -> bool:
    return isinstance(value, Ref) and value.slot is not None


@dataclass(frozen=True)
class _Domain:
    """The flat domain of a template variable. `first[pool, index]`: where the references of that kind begin."""

    values: tuple[Value, ...]
    first: dict[tuple[str, int], int]
    at: dict[Value, int]

    @staticmethod
    def of(variable: TemplateVariable, slots: int) -> _Domain:
        values: list[Value] = []
        first: dict[tuple[str, int], int] = {}
        for value in variable.domain:
            if isinstance(value, Ref) and value.slot is not None:
                assert value.slot == OTHER, (variable.name, value)
                first[value.pool, value.index] = len(values)
                values += (Ref(value.pool, value.index, slot) for slot in range(slots))
            else:
                values.append(value)
        return _Domain(tuple(values), first, {value: at for at, value in enumerate(values)})

    @cached_property
    def full(self) -> int:
        return (1 << len(self.values)) - 1

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(map(value_name, self.values))

    @cached_property
    def refers(self) -> tuple[tuple[str, int] | None, ...]:
        return tuple(map(refers_to, self.values))


@dataclass(frozen=True, slots=True)
class _Mask:
    """A set of template values: the mask of those without a slot, and for each kind of reference where it begins,
    the symbols in the set, and whether `OTHER` and `SELF` are in it."""

    plain: int
    kinds: tuple[tuple[int, tuple[int, ...], bool, bool], ...]

    def of(self, slots: Slots, outside: int, me: int) -> int:
        """`outside`: bit mask of the slots that are neither in the footprint nor `me`."""
        mask = self.plain
        for first, symbols, other, itself in self.kinds:
            for symbol in symbols:
                mask |= 1 << first + slots[symbol]
            if other:
                mask |= outside << first
            if itself:
                mask |= 1 << first + me
        return mask


@dataclass(frozen=True, slots=True)
class _Updating:
    """An assignment, prepared. `fixed`: its flat table where no slot matters (-1: the table has no entry)."""

    target: Place
    source: Place | None
    table: dict[Value, Value]
    fixed: tuple[int, ...] | None


class Instance:
    """`chosen`: None for an instance, else see `fragment`."""

    def __init__(self, system: TemplateSystem, slots: int, chosen: int | None = None) -> None:
        self.system = system
        self.slots = slots
        self.chosen = chosen
        # In a fragment the last slot is `elsewhere`: it is outside of every footprint and has no record.
        referable = slots if chosen is None else slots + 1
        self.everywhere = (1 << referable) - 1
        self.domains = [_Domain.of(variable, referable) for variable in system.variables]
        self.masks: dict[tuple[int, frozenset[Value]], _Mask] = {}
        self.alternatives: dict[tuple[Alternatives, int], tuple[Cube, ...]] = {}
        self.actors: dict[str, int] = {}
        self.fairness: dict[FairGroup, int] = {}
        self.variables = tuple(self._variables())
        at = {(variable.template, variable.slot): place for place, variable in enumerate(self.variables)}
        self.place = at
        self.full = [self.domains[variable.template].full for variable in self.variables]

    def flat(self, relevant: Callable[[Template, Slots], bool] = lambda template, slots: True) -> TransitionSystem:
        """`relevant`: which templates are wanted at which slots."""
        transitions = tuple(
            transition
            for number, template in enumerate(self.system.templates)
            for transition in self.transitions(number, partial(relevant, template))
        )
        return TransitionSystem(
            variables=self.variables,
            transitions=transitions,
            actors=tuple(self.actors),
            fairness=tuple(self.fairness),
            obligations=tuple(self._obligations()),
            slots=self.slots,
            origin=self.system,
        )

    def _variables(self) -> Iterator[Variable]:
        """Shared variables first, then one record after the other."""
        for slot in (None, *range(self.slots)):
            for number, variable in enumerate(self.system.variables):
                if variable.owned == (slot is not None):
                    domain = self.domains[number]
                    name = variable.name if slot is None else f"{slot_name(slot)}.{variable.name}"
                    start = _resolved(variable.initial, (), -1 if slot is None else slot)
                    yield Variable(name, domain.names, domain.at[start], number, slot, domain.refers)

    def _obligations(self) -> Iterator[Obligation]:
        for owed in self.system.obligations:
            owned = self.system.variables[owed.variable].owned
            for slot in range(self.slots) if owned else (None,):
                variable = self.place[owed.variable, slot]
                mask = self._mask(owed.variable, owed.pending).of((), self.everywhere, -1 if slot is None else slot)
                if mask:
                    yield Obligation(owed.rule, variable, mask)

    def placed(self, cube: TemplateCube, slots: Slots, me: int = -1) -> Cube | None:
        """A cube over request symbols at these slots, and the slot `me`; None if no state is in it."""
        outside = self._outside(slots) & ~(1 << me) if me >= 0 else self._outside(slots)
        masks = self._cube(cube, slots, outside, me)
        return None if masks is None else tuple(sorted(masks.items()))

    def elsewhere(self, variable: int) -> int:
        """The mask of the values of a flat variable that refer to a request outside the fragment."""
        refers = self.domains[self.variables[variable].template].refers
        return sum(1 << at for at, to in enumerate(refers) if to is not None and to[1] >= self.slots)

    def outside(self, slots: Slots) -> list[int]:
        """The slots beside these."""
        return [slot for slot in range(self.slots) if slot not in slots]

    def _outside(self, slots: Slots) -> int:
        outside = self.everywhere
        for slot in slots:
            outside &= ~(1 << slot)
        return outside

    # ------------------------------------------------------------ guards

    def _mask(self, variable: int, values: frozenset[Value]) -> _Mask:
        """Values outside the domain may be named: lowering keeps only those that the variable can get."""
        key = variable, values
        found = self.masks.get(key)
        if found is None:
            domain = self.domains[variable]
            plain = 0
            kinds: dict[tuple[str, int], list[int]] = {}
            for value in values:
                if isinstance(value, Ref) and value.slot is not None:
                    if (value.pool, value.index) in domain.first:
                        kinds.setdefault((value.pool, value.index), []).append(value.slot)
                elif value in domain.at:
                    plain |= 1 << domain.at[value]
            found = self.masks[key] = _Mask(
                plain,
                tuple(
                    (domain.first[kind], tuple(sorted(s for s in of if s >= 0)), OTHER in of, SELF in of)
                    for kind, of in sorted(kinds.items())
                ),
            )
        return found

    def _flat_place(self, place: Place, slots: Slots, me: int) -> int:
        slot = place.slot
        if slot is None:
            return self.place[place.variable, None]
        return self.place[place.variable, me if slot == SELF else slots[slot]]

    def _cube(self, cube: TemplateCube, slots: Slots, outside: int, me: int) -> dict[int, int] | None:
        """None if no state is in it. A mask that admits every value is left out."""
        masks: dict[int, int] = {}
        for place, values in cube:
            variable = self._flat_place(place, slots, me)
            full = self.full[variable]
            mask = masks.get(variable, full) & self._mask(place.variable, values).of(slots, outside, me)
            if not mask:
                return None
            if mask != full:
                masks[variable] = mask
        return masks

    def _others(
        self, others: Others, slots: Slots, outside: int, fixed: Sequence[bool]
    ) -> tuple[list[tuple[Cube, ...]], int]:
        """The flat entities that may count but need not, and the number of those that always do."""
        entities: list[tuple[Cube, ...]] = []
        always = 0
        for me in range(self.slots):
            if not outside >> me & 1:
                continue
            for alternatives, independent in zip(others.entities, fixed, strict=True):
                key = alternatives, me
                cubes = self.alternatives.get(key) if independent else None
                if cubes is None:
                    found = (self._cube(cube, slots, outside & ~(1 << me), me) for cube in alternatives)
                    cubes = tuple(tuple(sorted(cube.items())) for cube in found if cube is not None)
                    if independent:
                        self.alternatives[key] = cubes
                if () in cubes:
                    always += 1
                elif cubes:
                    entities.append(cubes)
        return entities, always

    def _conjoin(self, guard: dict[int, int], variable: int, mask: int) -> bool:
        guard[variable] = guard.get(variable, self.full[variable]) & mask
        return guard[variable] != 0

    def _counted(self, guard: dict[int, int], entities: list[tuple[Cube, ...]], low: int, high: int) -> Count | bool:
        """The condition low <= number <= high; True or False where it is one, or where `guard` has taken it over."""
        if low > len(entities) or high < max(low, 0):
            return False
        if low <= 0 and high >= len(entities):
            return True
        if high == 0 and all(len(cube) == 1 for cubes in entities for cube in cubes):
            return all(
                self._conjoin(guard, variable, self.full[variable] & ~mask)
                for cubes in entities
                for cube in cubes
                for variable, mask in cube
            )
        if low == len(entities) and all(len(cubes) == 1 for cubes in entities):
            return all(
                self._conjoin(guard, variable, mask) for cubes in entities for cube in cubes for variable, mask in cube
            )
        return Count(tuple(entities), max(low, 0), min(high, len(entities)))

    # ------------------------------------------------------------ updates

    def _prepared(self, assignment: Assignment) -> _Updating:
        target, source, entries = assignment
        table = dict(entries)
        fixed: tuple[int, ...] | None = None
        if not any(_slotted(old) or _slotted(new) for old, new in entries):
            into = self.domains[target.variable].at
            if source is None:
                fixed = (into[table[None]],)
            else:
                values = self.domains[source.variable].values
                fixed = tuple(into[table[value]] if value in table else -1 for value in values)
        return _Updating(target, source, table, fixed)

    def _update(self, prepared: _Updating, slots: Slots, guard: dict[int, int]) -> Update | None:
        """None for an update that changes nothing."""
        target = self._flat_place(prepared.target, slots, -1)
        into = self.domains[prepared.target.variable].at
        if prepared.source is None:
            value = into[_resolved(prepared.table[None], slots, -1)] if prepared.fixed is None else prepared.fixed[0]
            return self._constant(target, value, guard)
        source = self._flat_place(prepared.source, slots, -1)
        values = self.domains[prepared.source.variable].values
        table = prepared.fixed
        if table is None:
            symbols = {slot: symbol for symbol, slot in enumerate(slots)}
            table = tuple(_looked_up(prepared.table, value, slots, symbols, into) for value in values)
        admitted = guard.get(source, self.full[source])
        reached = {new for old, new in enumerate(table) if admitted >> old & 1}
        assert -1 not in reached, (self.variables[source].name, prepared, slots)
        if len(reached) == 1:
            return self._constant(target, reached.pop(), guard)
        if source == target and all(old == new for old, new in enumerate(table) if admitted >> old & 1):
            return None
        return Update(target, source, tuple(new if admitted >> old & 1 else 0 for old, new in enumerate(table)))

    def _constant(self, target: int, value: int, guard: dict[int, int]) -> Update | None:
        return None if guard.get(target) == 1 << value else Update(target, -1, (value,))

    # ------------------------------------------------------------ transitions

    def transitions(self, number: int, relevant: Callable[[Slots], bool]) -> Iterator[Transition]:
        """Of the template with this number. `relevant`: at which slots they are wanted."""
        template = self.system.templates[number]
        prepared = tuple(map(self._prepared, template.updates))
        fixed = [tuple(map(_independent, others.entities)) for others in template.others]
        roomy = self.chosen is None or self.chosen + taking_part(template) <= self.slots
        for slots in permutations(range(self.slots), template.footprint):
            if not relevant(slots):
                continue
            outside = self._outside(slots)
            guard = self._cube(template.guard, slots, outside, -1)
            if guard is None:
                continue
            counts: list[Count] = []
            for others, independent in zip(template.others, fixed, strict=True):
                entities, always = self._others(others, slots, outside, independent)
                high = len(entities) if others.high is None else others.high - always
                low = others.low - always if roomy else 0
                condition = self._counted(guard, entities, low, high)
                if condition is False:
                    break
                if condition is not True:
                    counts.append(condition)
            else:
                updates = (self._update(one, slots, guard) for one in prepared)
                actor = self._actor(template, slots)
                yield Transition(
                    guard=tuple(sorted((variable, mask) for variable, mask in guard.items())),
                    counts=tuple(counts),
                    updates=tuple(update for update in updates if update is not None),
                    actor=actor,
                    fairness=self._fair(template, actor),
                    violates=template.violates,
                    template=number,
                    slots=slots,
                    free=template.fairness == "free",
                )

    def _actor(self, template: Template, slots: Slots) -> int:
        name, slot, _ = template.actor
        lane = name if slot is None else f"{name}({slot_name(slots[slot])})"
        return self.actors.setdefault(lane, len(self.actors))

    def _fair(self, template: Template, actor: int) -> int | None:
        if template.fairness in (None, "free"):
            return None
        strong = template.fairness == "strong"
        # Weak fairness is about the whole activation, whichever lock its next step concerns.
        group = FairGroup(actor, strong, template.lock if strong else None)
        return self.fairness.setdefault(group, len(self.fairness))


def taking_part(template: Template) -> int:
    """The most requests that it takes to see that it is enabled: the footprint, and who meets lower bounds."""
    return template.footprint + sum(others.low for others in template.others)


def first_use(slots: Slots, named: int) -> bool:
    """Whether the slots beside the first `named` ones are used in order; every other one is a renaming of such."""
    fresh = [slot for slot in slots if slot >= named]
    return fresh == list(range(named, named + len(fresh)))


def _independent(alternatives: Alternatives) -> bool:
    """Whether the condition on another request is the same whatever the footprint is."""
    return all(
        (place.slot is None or place.slot == SELF)
        and not any(isinstance(value, Ref) and value.slot not in (None, SELF) for value in values)
        for cube in alternatives
        for place, values in cube
    )


def _resolved(value: Value, slots: Slots, me: int) -> Value:
    """The flat value of a single template value (not of `OTHER`, which is many)."""
    if not isinstance(value, Ref) or value.slot is None:
        return value
    assert value.slot != OTHER, value
    return value._replace(slot=me if value.slot == SELF else slots[value.slot])


def _looked_up(
    table: dict[Value, Value], old: Value, slots: Slots, symbols: dict[int, int], into: dict[Value, int]
) -> int:
    """Where the table sends a flat value, -1 if nowhere. `symbols`: the symbol of each slot of the footprint."""
    key = old
    if isinstance(old, Ref) and old.slot is not None:
        key = old._replace(slot=symbols.get(old.slot, OTHER))
    if key not in table:
        return -1
    new = table[key]
    if isinstance(new, Ref) and new.slot == OTHER:
        # The same slot as before: only a value that refers to some other slot can keep referring to it.
        assert isinstance(old, Ref), (old, new)
        assert old.slot not in symbols, (old, new)
        return into[new._replace(slot=old.slot)]
    return into[_resolved(new, slots, -1)]
