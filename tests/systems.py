"""Small random template systems, for comparing what should agree: engines, instances, reductions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from hypothesis import strategies as st

from wdfmc.source import Source, Span
from wdfmc.system.system import (
    OTHER,
    SELF,
    Actor,
    Assignment,
    Fairness,
    Obj,
    Others,
    Place,
    Ref,
    Statement,
    Template,
    TemplateCube,
    TemplateObligation,
    TemplateSystem,
    TemplateVariable,
    Value,
)

GOALS: Final = ("bad", "worse", "live", "both")  # violating, violating, owed, violating and owed

_SPAN: Final = Span(Source("random", ""), 0, 0)
_REFERENCES: Final = (Ref("request", 0, OTHER), Ref("Child", 0, OTHER), Ref("Child", 1, OTHER))
_OBJECTS: Final[tuple[Value, ...]] = (Ref("Pool", 0, None), Obj("Lower"))


@st.composite
def small_systems(draw: st.DrawFn, most_templates: int = 12) -> TemplateSystem:
    """Shared and owned variables, references, footprints 0 to 2, conditions on all others, tables, fairness, cycles.

    At 3 slots mostly below 2,000 states. Rules: `GOALS`.
    """
    seed = draw(st.integers(0, 2**32 - 1))
    return small_system(seed, draw(st.integers(min(4, most_templates), most_templates)))


def with_bad_states(seed: int, rules: int = 8, broadcast: bool = False) -> TemplateSystem:
    """A seeded system with rules "never in this cube", many of which hold."""
    system = small_system(seed)
    random = Random(seed)
    if broadcast:
        system = with_broadcast(random, system)
    return replace(system, templates=(*system.templates, *(_never(random, system, f"never{n}") for n in range(rules))))


def system_to_agree_on(seed: int) -> TemplateSystem:
    """Seeded: rules "never", obligations, perhaps a broadcast; of four one without strong fairness, one without any."""
    random = Random(f"agreement {seed}")
    system = small_system(seed, 4 + seed % 9)
    system = with_broadcast(random, system) if random.random() < 0.4 else system
    system = replace(
        system, templates=(*system.templates, *(_never(random, system, f"never{n}") for n in range(seed % 4)))
    )
    if seed % 4 == 2:
        return replace(system, templates=tuple(_without_strong(each) for each in system.templates))
    if seed % 4 == 3:
        return replace(system, templates=tuple(replace(each, fairness=None, lock=None) for each in system.templates))
    return system


def _without_strong(template: Template) -> Template:
    return replace(template, fairness="weak", lock=None) if template.fairness == "strong" else template


def with_broadcast(random: Random, system: TemplateSystem) -> TemplateSystem:
    """A round that changes every request of which a condition holds, one after the other, until none is left."""
    number, variable = random.choice([(at, each) for at, each in enumerate(system.variables) if each.owned])
    chosen = frozenset(random.sample(variable.domain, random.randint(1, len(variable.domain) - 1)))
    left = [value for value in symbolic(variable.domain, [0]) if value not in chosen and not _is_slot(value)]
    flag = Place(len(system.variables), None)
    fairness = random.choice((None, "weak"))

    def step(footprint: int, running: bool, cube: TemplateCube, updates: tuple[Assignment, ...]) -> Template:
        actor, statements = Actor("purge", None, "thread"), (Statement(_SPAN, "purge"),)
        guard = ((flag, frozenset([running])), *cube)
        return Template(footprint, guard, (), updates, actor, statements, "weak" if running else fairness)

    begin = step(0, False, (), (Assignment(flag, None, ((None, True),)),))
    each = step(
        1,
        True,
        ((Place(number, 0), chosen),),
        (Assignment(Place(number, 0), None, ((None, random.choice(left or [None])),)),),
    )
    none = Others(((((Place(number, SELF), chosen),),),), 0, 0)
    end = replace(step(0, True, (), (Assignment(flag, None, ((None, False),)),)), others=(none,))
    return replace(
        system,
        variables=(*system.variables, TemplateVariable("purging", False, (False, True), False)),
        templates=(*system.templates, begin, each, end),
    )


def _is_slot(value: Value) -> bool:
    return isinstance(value, Ref) and value.slot is not None


def _never(random: Random, system: TemplateSystem, rule: str) -> Template:
    footprint = random.choice((0, 1, 1, 2))
    places = _places(system.variables, range(footprint)) or _places(system.variables, range(1))
    footprint = max([footprint, *(place.slot + 1 for place in places if place.slot is not None)])
    symbols = [*range(footprint), OTHER]
    chosen = random.sample(places, min(len(places), random.choice((1, 2, 3))))
    guard = tuple(
        (place, frozenset([random.choice(symbolic(system.variables[place.variable].domain, symbols))]))
        for place in chosen
    )
    others = tuple(_others(random, system.variables, range(footprint)) for _ in range(random.choice((0, 0, 0, 1))))
    statements = (Statement(_SPAN, "check"),)
    return Template(footprint, guard, others, (), Actor("monitor", None, "framework"), statements, violates=rule)


def small_system(seed: int, count: int = 9) -> TemplateSystem:
    """The one of `small_systems` with this seed and so many templates."""
    random = Random(seed)
    variables = _variables(random)
    templates = tuple(_template(random, variables) for _ in range(count))
    return TemplateSystem(variables, templates, tuple(_obligations(random, variables)))


def symbolic(domain: Sequence[Value], symbols: Sequence[int]) -> list[Value]:
    """The values as a template may name them: each kind of slot reference once for each symbol."""
    return [
        value._replace(slot=symbol) if isinstance(value, Ref) and symbol is not None else value
        for value in domain
        for symbol in (symbols if isinstance(value, Ref) and value.slot is not None else (None,))
    ]


def _variables(random: Random) -> tuple[TemplateVariable, ...]:
    def plain(name: str, owned: bool) -> TemplateVariable:
        if random.random() < 0.3:
            return TemplateVariable(name, owned, (False, True), False)
        words = ("a", "b", "c")[: random.randint(2, 3)]
        return TemplateVariable(name, owned, words, random.choice(words))

    def reference(name: str, owned: bool) -> TemplateVariable:
        kinds = random.sample(_REFERENCES, random.choice((1, 1, 2)))
        objects: list[Value] = list(random.sample(_OBJECTS, random.choice((0, 0, 1))))
        domain: tuple[Value, ...] = (None, *kinds, *objects)
        if random.random() < 0.3:
            domain = domain[1:] + domain[:1]
        start: Value = kinds[0]._replace(slot=SELF) if owned and random.random() < 0.1 else None
        return TemplateVariable(name, owned, domain, start)

    variables = [plain(f"shared{at}", False) for at in range(random.randint(0, 2))]
    variables += [plain(f"own{at}", True) for at in range(random.randint(1, 2))]
    if random.random() < 0.6:
        variables.append(reference("owner", False))
    if random.random() < 0.3:
        variables.append(reference("next", True))
    random.shuffle(variables)
    return tuple(variables)


def _places(variables: Sequence[TemplateVariable], symbols: Sequence[int]) -> list[Place]:
    return [
        Place(number, slot)
        for number, variable in enumerate(variables)
        for slot in (symbols if variable.owned else (None,))
    ]


def _some(random: Random, values: Sequence[Value], likely: Value) -> frozenset[Value]:
    """Some of the values, mostly with the likely one: else hardly anything is ever enabled."""
    chosen = set(random.sample(values, random.randint(1, max(1, len(values) - 1))))
    return frozenset(chosen | {likely} if likely in values and random.random() < 0.5 else chosen)


def _cube(
    random: Random,
    variables: Sequence[TemplateVariable],
    places: Sequence[Place],
    symbols: Sequence[int],
    most: int,
) -> TemplateCube:
    chosen = random.sample(places, min(len(places), random.randint(1, most)))
    return tuple(
        (place, _some(random, symbolic(variables[place.variable].domain, symbols), variables[place.variable].initial))
        for place in chosen
    )


def _others(random: Random, variables: Sequence[TemplateVariable], symbols: Sequence[int]) -> Others:
    owned = [Place(number, SELF) for number, variable in enumerate(variables) if variable.owned]
    shared = [place for place in _places(variables, ()) if place.slot is None]
    places = owned + shared if random.random() < 0.3 else owned
    inner = [*symbols, OTHER, SELF]
    entities = tuple(
        tuple(_cube(random, variables, places, inner, 2) for _ in range(random.choice((1, 1, 2))))
        for _ in range(random.choice((1, 1, 2)))
    )
    low, high = random.choice(((0, 0), (0, 0), (0, 1), (0, 1), (1, None), (2, None), (1, 1), (0, 2), (0, None)))
    return Others(entities, low, high)


def _assignment(
    random: Random, variables: Sequence[TemplateVariable], target: Place, places: Sequence[Place], guard: TemplateCube
) -> Assignment:
    symbols = sorted({place.slot for place in places if place.slot is not None})
    constants = symbolic(variables[target.variable].domain, symbols)
    if random.random() < 0.6 or not constants:
        return Assignment(target, None, ((None, random.choice(constants or [None])),))
    source = random.choice(places)
    if random.random() < 0.5:
        source = target

    def image(value: Value) -> Value:
        same = isinstance(value, Ref) and value.slot == OTHER
        if same and value in variables[target.variable].domain and random.random() < 0.8:
            return value
        return random.choice(constants)

    admitted = symbolic(variables[source.variable].domain, [*symbols, OTHER])
    for place, values in guard:
        if place == source:
            admitted = [value for value in admitted if value in values]
    return Assignment(target, source, tuple((value, image(value)) for value in admitted))


def _template(random: Random, variables: Sequence[TemplateVariable]) -> Template:
    footprint = random.choice((0, 0, 1, 1, 1, 1, 2))
    symbols = range(footprint)
    places = _places(variables, symbols)
    if not places:
        footprint, symbols = 1, range(1)
        places = _places(variables, symbols)
    guard = _cube(random, variables, places, [*symbols, OTHER], random.choice((1, 2, 2, 3)))
    targets = random.sample(places, min(len(places), random.randint(1, 3)))
    fairness: Fairness | None = random.choice((None, None, "free", "weak", "weak", "strong"))
    violates = random.choice(("bad", "worse", "both")) if random.random() < 0.12 else None
    slot = random.choice(symbols) if footprint and random.random() < 0.8 else None
    return Template(
        footprint=footprint,
        guard=guard,
        others=tuple(_others(random, variables, symbols) for _ in range(random.choice((0, 0, 0, 0, 1, 2)))),
        updates=() if violates else tuple(_assignment(random, variables, one, places, guard) for one in targets),
        actor=Actor(random.choice(("OnRead", "OnCancel", "Irq")), slot, "callback"),
        statements=(Statement(_SPAN, "step"),),
        fairness=fairness,
        lock=random.choice(("L", "M")) if fairness == "strong" else None,
        violates=violates,
    )


def _obligations(random: Random, variables: Sequence[TemplateVariable]) -> list[TemplateObligation]:
    return [
        TemplateObligation(rule, number, _some(random, variables[number].domain, None))
        for rule in ("live", "both")
        for number in random.sample(range(len(variables)), random.choice((1, 1, 2)) if len(variables) > 1 else 1)
    ]
