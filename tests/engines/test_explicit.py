"""Explicit search against a search that takes one state at a time and knows no symmetry."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.oracle import orbits, reachable, refutes, renamed, shortest_violation
from tests.systems import GOALS, small_systems
from wdfmc.engines.engine import Holds, Unknown, Violated
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.packed import Index, Packing
from wdfmc.engines.symmetry import Symmetry
from wdfmc.source import Source, Span
from wdfmc.system.instantiate import instantiate
from wdfmc.system.step import choices, step
from wdfmc.system.system import (
    Actor,
    Assignment,
    Place,
    State,
    Statement,
    Template,
    TemplateSystem,
    TemplateVariable,
    TransitionSystem,
)

SAFETY = ("bad", "worse", "absent")
MOST = 1000  # states that the oracle goes through


@settings(max_examples=300, deadline=None, derandomize=True)
@given(small_systems(), st.integers(1, 3))
def test_safety_is_decided_with_shortest_paths_from_all_states(system: TemplateSystem, many: int) -> None:
    flat = instantiate(system, many)
    graph = reachable(flat, MOST)
    assume(graph is not None)
    assert graph is not None
    outcomes = list(Explicit().check(flat, SAFETY))
    assert sorted(goal for goal, _ in outcomes) == sorted(SAFETY)
    for goal, outcome in outcomes:
        shortest = shortest_violation(flat, graph, goal)
        match outcome:
            case Violated(path):
                assert refutes(flat, path, goal)
                assert len(path.transitions) == shortest
            case Holds(states):
                assert shortest is None
                assert states == orbits(flat, graph.depth)
            case Unknown():
                pytest.fail("nothing limits the search")
    # The same search gives out the states.
    violated, states = Explicit().states(flat, SAFETY)
    assert set(violated) == {goal for goal in SAFETY if shortest_violation(flat, graph, goal) is not None}
    assert all(refutes(flat, path, goal) for goal, path in violated.items())
    assert states is None if set(violated) == set(SAFETY) else states.shape[1] == orbits(flat, graph.depth)
    if states is not None and states.shape[1] > 1:
        assert Explicit(limit_states=0).states(flat, SAFETY)[1] is None


@settings(max_examples=150, deadline=None, derandomize=True)
@given(small_systems(), st.integers(2, 4), st.randoms(use_true_random=False))
def test_all_renamings_of_a_state_have_one_canonical_form(system, many, random) -> None:  # type: ignore[no-untyped-def]
    flat = instantiate(system, many)
    symmetry = Symmetry(flat)
    assert symmetry.many
    state = tuple(random.randrange(len(variable.domain)) for variable in flat.variables)
    images = [renamed(flat, state, target) for target in symmetry.renamings]
    packed = symmetry.packing.pack(images)
    assert [symmetry.packing.unpack(packed, row) for row in range(len(images))] == images
    for number in range(len(images)):
        assert np.array_equal(symmetry.renamed(packed[:, :1], number), packed[:, number : number + 1])
    canonical = symmetry.canonical(packed.copy())
    assert (canonical == canonical[:, :1]).all()
    assert symmetry.packing.unpack(canonical, 0) in images


@settings(max_examples=150, deadline=None, derandomize=True)
@given(small_systems(), st.integers(1, 3), st.booleans(), st.randoms(use_true_random=False))
def test_expansion_agrees_with_step(system, many, records, random) -> None:  # type: ignore[no-untyped-def]
    flat = instantiate(system, many)
    packing = Packing(flat, records, chunk_bits=random.choice((3, 12)))
    expansion = Expansion(flat, packing)
    states = [tuple(random.randrange(len(variable.domain)) for variable in flat.variables) for _ in range(20)]
    packed = packing.pack(states)
    enabled = expansion.enabled(packed)
    assert {(row, at) for at, rows in enabled for row in rows.tolist()} == {
        (row, at) for row, state in enumerate(states) for at in choices(flat, state)
    }
    found = expansion.successors(packed, enabled)
    for at, (row, taken) in enumerate(zip(found.source.tolist(), found.transition.tolist(), strict=True)):
        assert packing.unpack(found.states, at) == step(flat, states[row], taken)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60), max_size=8))
def test_index_numbers_states_in_the_order_of_their_coming(batches: list[list[tuple[int, int]]]) -> None:
    index = Index(2)
    known: dict[tuple[int, int], int] = {}
    for batch in batches:
        states = np.array(batch, np.uint64).reshape(len(batch), 2).T
        numbers, fresh = index.add(states)
        assert len({batch[at] for at in fresh} & set(known)) == 0
        for at in fresh.tolist():
            assert batch.index(batch[at]) == at
            known[batch[at]] = int(numbers[at])
        assert [known[state] for state in batch] == numbers.tolist() == index.find(states).tolist()
    assert sorted(known.values()) == list(range(index.size))
    assert index.find(np.array([[41], [0]], np.uint64)).tolist() == [-1]


SPAN = Span(Source("text", ""), 0, 0)


def counters(own: int, size: int) -> TemplateSystem:
    """Each request counts in `own` variables up to `size` - 1; rule `full`: none gets through all of them."""
    variables = tuple(TemplateVariable(f"count{at}", True, tuple(range(size)), 0) for at in range(own))
    actor, line = Actor("OnRead", 0, "callback"), (Statement(SPAN, "count"),)
    up = tuple(
        Template(
            1,
            ((Place(at, 0), frozenset(range(size - 1))),),
            (),
            (Assignment(Place(at, 0), Place(at, 0), tuple((old, old + 1) for old in range(size - 1))),),
            actor,
            line,
        )
        for at in range(own)
    )
    full = tuple((Place(at, 0), frozenset({size - 1})) for at in range(own))
    return TemplateSystem(variables, (*up, Template(1, full, (), (), actor, line, violates="full")))


def check(system: TransitionSystem, engine: Explicit, *goals: str) -> dict[str, object]:
    return dict(engine.check(system, goals))


def test_symmetry_counts_multisets_of_records() -> None:
    flat = instantiate(counters(1, 5), 3)
    assert check(flat, Explicit(), "none") == {"none": Holds(5 * 6 * 7 // 6)}


def test_more_slots_than_can_be_renamed() -> None:
    flat = instantiate(counters(1, 2), 7)
    assert check(flat, Explicit(), "none") == {"none": Holds(2**7)}


def test_a_record_of_several_words() -> None:
    flat = instantiate(counters(40, 4), 2)
    assert Symmetry(flat).packing.record.words == 2
    outcome = check(flat, Explicit(limit_states=2000), "full")["full"]
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "state limit (2000) reached"


def test_limits_tell_how_deep_the_search_was() -> None:
    flat = instantiate(counters(2, 9), 2)
    violated = check(flat, Explicit(), "full")["full"]
    assert isinstance(violated, Violated)
    assert len(violated.path.transitions) == 17
    unknown = check(flat, Explicit(limit_states=100), "full")["full"]
    assert isinstance(unknown, Unknown)
    assert unknown.depth is not None
    assert 0 < unknown.depth < 17
    late = check(flat, Explicit(deadline=time.monotonic() - 1), "full", "none")
    assert late == dict.fromkeys(("full", "none"), Unknown("out of time", depth=0))


def test_the_system_without_slots_or_variables() -> None:
    nothing = TransitionSystem((), (), ())
    assert check(nothing, Explicit(), "goal") == {"goal": Holds(1)}
    assert list(Explicit().check(nothing, ())) == []


@settings(max_examples=30, deadline=None, derandomize=True)
@given(small_systems())
def test_the_same_answer_every_time(system: TemplateSystem) -> None:
    flat = instantiate(system, 2)
    assert list(Explicit().check(flat, GOALS)) == list(Explicit().check(flat, GOALS))


def test_what_is_not_symmetric_is_not_reduced() -> None:
    flat = instantiate(counters(1, 3), 2)
    lopsided = TransitionSystem(flat.variables, flat.transitions[:1], flat.actors, slots=2)
    assert not Symmetry(lopsided).many
    assert check(lopsided, Explicit(), "none") == {"none": Holds(3)}
    start: State = flat.initial
    assert start == (0, 0)
