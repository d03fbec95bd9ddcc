"""Instances against the definition of templates, evaluated directly."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.systems import small_systems
from wdfmc.source import Source, Span
from wdfmc.system.instantiate import instantiate, value_name
from wdfmc.system.step import choices, enabled, step
from wdfmc.system.system import (
    OTHER,
    SELF,
    Actor,
    Assignment,
    FairGroup,
    Obj,
    Others,
    Place,
    Ref,
    State,
    Statement,
    Template,
    TemplateCube,
    TemplateObligation,
    TemplateSystem,
    TemplateVariable,
    TransitionSystem,
    Value,
)

Record = dict[tuple[int, int | None], Value]  # the value of a template variable at a slot, slots being numbers


def naive_symbol(value: Value, slots: tuple[int, ...], me: int | None) -> Value:
    if not isinstance(value, Ref) or value.slot is None:
        return value
    if value.slot == me:
        return value._replace(slot=SELF)
    return value._replace(slot=slots.index(value.slot) if value.slot in slots else OTHER)


def naive_holds(cube: TemplateCube, state: Record, slots: tuple[int, ...], me: int | None = None) -> bool:
    for (variable, symbol), values in cube:
        slot = None if symbol is None else me if symbol == SELF else slots[symbol]
        if naive_symbol(state[variable, slot], slots, me) not in values:
            return False
    return True


def naive_counts(others: Others, state: Record, slots: tuple[int, ...], many: int) -> bool:
    number = sum(
        any(naive_holds(cube, state, slots, me) for cube in alternatives)
        for me in range(many)
        if me not in slots
        for alternatives in others.entities
    )
    return others.low <= number and (others.high is None or number <= others.high)


def naive_after(template: Template, state: Record, slots: tuple[int, ...]) -> Record:
    after = dict(state)
    for target, source, table in template.updates:
        if source is None:
            old, new = None, dict(table)[None]
        else:
            old = state[source.variable, None if source.slot is None else slots[source.slot]]
            new = dict(table)[naive_symbol(old, slots, None)]
        match new:
            case Ref(_, _, None):
                pass
            case Ref(_, _, slot) if slot == OTHER:
                assert isinstance(old, Ref)
                new = new._replace(slot=old.slot)
            case Ref(_, _, int(slot)):
                new = new._replace(slot=slots[slot])
        after[target.variable, None if target.slot is None else slots[target.slot]] = new
    return after


def flat_values(template: TemplateVariable, many: int) -> list[Value]:
    return [
        value._replace(slot=slot) if isinstance(value, Ref) and value.slot is not None else value
        for value in template.domain
        for slot in (range(many) if isinstance(value, Ref) and value.slot is not None else (None,))
    ]


def record(flat: TransitionSystem, state: State) -> Record:
    assert flat.origin is not None
    return {
        (variable.template, variable.slot): flat_values(flat.origin.variables[variable.template], flat.slots)[value]
        for variable, value in zip(flat.variables, state, strict=True)
    }


@settings(max_examples=300, deadline=None, derandomize=True)
@given(small_systems(), st.integers(1, 4), st.integers(0, 1000))
def test_an_instance_does_what_its_templates_say(system: TemplateSystem, many: int, seed: int) -> None:
    flat = instantiate(system, many)
    random = Random(seed)
    state = flat.initial
    for _ in range(6):
        values = record(flat, state)
        expected = {
            (number, slots): naive_after(template, values, slots)
            for number, template in enumerate(system.templates)
            for slots in permutations(range(many), template.footprint)
            if naive_holds(template.guard, values, slots)
            and all(naive_counts(others, values, slots, many) for others in template.others)
        }
        found = {
            (flat.transitions[at].template, flat.transitions[at].slots): record(flat, step(flat, state, at))
            for at in choices(flat, state)
        }
        assert found == expected
        options = list(choices(flat, state))
        state = (
            step(flat, state, random.choice(options))
            if options and random.random() < 0.8
            else tuple(random.randrange(len(variable.domain)) for variable in flat.variables)
        )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(small_systems(), st.integers(1, 3))
def test_an_instance_is_in_normal_form(system: TemplateSystem, many: int) -> None:
    flat = instantiate(system, many)
    full = [(1 << len(variable.domain)) - 1 for variable in flat.variables]
    for transition in flat.transitions:
        cubes = [transition.guard, *(cube for count in transition.counts for one in count.entities for cube in one)]
        for cube in cubes:
            assert list(cube) == sorted(dict(cube).items())
            assert all(0 < mask < full[variable] for variable, mask in cube)
        for low, high, entities in ((count.low, count.high, count.entities) for count in transition.counts):
            assert 0 <= low <= high <= len(entities)
            assert (low, high) != (0, len(entities))
        targets = [target for target, _, _ in transition.updates]
        assert len(targets) == len(set(targets))
        for target, source, table in transition.updates:
            assert len(table) == (1 if source < 0 else len(flat.variables[source].domain))
            assert all(0 <= value < len(flat.variables[target].domain) for value in table)
    for variable in flat.variables:
        assert len(set(variable.domain)) == len(variable.domain) == len(variable.refers)
        other = flat.index[variable.template, None if variable.slot is None else 0]
        assert (variable.domain, variable.refers) == (flat.variables[other].domain, flat.variables[other].refers)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (3, "3"),
        ("queued", "queued"),
        (Obj("Reads"), "Reads"),
        (Ref("request", 0, 1), "r2"),
        (Ref("Child", 1, 0), "Child2(r1)"),
        (Ref("Pool", 0, None), "Pool1"),
    ],
    ids=str,
)
def test_value_names(value: Value, name: str) -> None:
    assert value_name(value) == name


SPAN = Span(Source("text", ""), 0, 0)
REQUEST = Ref("request", 0, OTHER)


def hand_made() -> TemplateSystem:
    """A lock with an owner: OnRead takes it where nobody else waits, and returns it to whom it likes."""
    free, mine = frozenset[Value]({None}), frozenset[Value]({Ref("request", 0, 0)})
    owner, waits = Place(0, None), Place(1, 0)
    take = Template(
        1,
        ((owner, free), (waits, frozenset({True}))),
        (Others(((((Place(1, SELF), frozenset({True})),),),), 0, 0),),
        (Assignment(owner, None, ((None, Ref("request", 0, 0)),)),),
        Actor("OnRead", 0, "callback"),
        (Statement(SPAN, "take"),),
        "strong",
        "Lock",
    )
    give = Template(
        1,
        ((owner, mine),),
        (),
        (Assignment(owner, owner, ((Ref("request", 0, 0), None),)),),
        Actor("OnRead", 0, "callback"),
        (Statement(SPAN, "give"),),
        "weak",
    )
    power = Template(2, (), (), (), Actor("Power", None, "environment"), (Statement(SPAN, "off"),))
    variables = (
        TemplateVariable("owner", False, (None, REQUEST), None),
        TemplateVariable("waits", True, (False, True), False),
    )
    return TemplateSystem(variables, (take, give, power), (TemplateObligation("served", 1, frozenset({True})),))


def test_names_groups_and_obligations() -> None:
    flat = instantiate(hand_made(), 2)
    assert [variable.name for variable in flat.variables] == ["owner", "r1.waits", "r2.waits"]
    assert flat.variables[0].domain == ("null", "r1", "r2")
    assert flat.variables[0].refers == (None, ("request1", 0), ("request1", 1))
    assert flat.actors == ("OnRead(r1)", "OnRead(r2)", "Power")
    assert set(flat.fairness) == {
        FairGroup(actor, strong, "Lock" if strong else None) for actor in (0, 1) for strong in (True, False)
    }
    assert [(owed.variable, owed.pending) for owed in flat.obligations] == [(1, 2), (2, 2)]


def test_a_condition_on_all_others_becomes_part_of_the_guard() -> None:
    flat = instantiate(hand_made(), 3)
    take = flat.transitions[0]
    assert take.counts == ()
    assert take.guard == ((0, 0b0001), (1, 0b10), (2, 0b01), (3, 0b01))
    assert flat.transitions[3].updates == ((0, -1, (0,)),)


def test_a_footprint_needs_that_many_slots() -> None:
    assert all(transition.template != 2 for transition in instantiate(hand_made(), 1).transitions)
    assert sum(transition.template == 2 for transition in instantiate(hand_made(), 3).transitions) == 6


def test_enabled_agrees_with_choices() -> None:
    flat = instantiate(hand_made(), 2)
    assert list(choices(flat, flat.initial)) == [
        at for at, transition in enumerate(flat.transitions) if enabled(transition, flat.initial)
    ]
