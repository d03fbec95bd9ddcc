"""IC3 against the exhaustive search, and what it claims against every reachable state."""

from __future__ import annotations

import time

import pytest

from tests.engines.naive import layers, random_system
from tests.systems import small_system, with_bad_states
from wdfmc.engines.abstraction import reach
from wdfmc.engines.cubes import Preimages, Renamings, contains
from wdfmc.engines.engine import Holds, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Ic3
from wdfmc.engines.symmetry import interchangeable
from wdfmc.system.instantiate import instantiate
from wdfmc.system.step import choices, step
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.replay import replay


def safety_goals(system: TransitionSystem) -> list[str]:
    owed = {obligation.rule for obligation in system.obligations}
    return sorted({one.violates for one in system.transitions if one.violates is not None} - owed)


def agree(system: TransitionSystem) -> int:
    """How many goals hold; each is decided as the exhaustive search says, with a run or an invariant to show."""
    goals = safety_goals(system)
    expected = dict(Explicit().check(system, goals))
    holding = 0
    for goal, outcome in Ic3().check(system, goals):
        assert type(outcome) is type(expected[goal]), (goal, outcome, expected[goal])
        if isinstance(outcome, Violated):
            replay(system, outcome.path, goal)
        else:
            assert isinstance(outcome, Holds)
            holding += 1
            renamings = Renamings(system, interchangeable(system))
            images = [image for cube in outcome.invariant for image in renamings.images(dict(cube))]
            for state in (state for layer in layers(system) for state in layer):
                assert not any(contains(image, state) for image in images)
    return holding


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_agrees_with_the_exhaustive_search_on_random_templates(slots: int) -> None:
    systems = [instantiate(with_bad_states(seed), slots) for seed in range(60)]
    assert sum(map(agree, systems)) > 60


def test_agrees_with_the_exhaustive_search_on_systems_without_symmetry() -> None:
    assert sum(agree(random_system(seed)) for seed in range(60)) > 5


@pytest.mark.parametrize("seed", range(30))
def test_a_preimage_is_exact_where_nothing_is_counted(seed: int) -> None:
    system = random_system(seed, variables=3, transitions=6)
    known = reach(system)
    assert known is not None
    whole = tuple((1 << len(variable.domain)) - 1 for variable in system.variables)
    states = [state for layer in layers(system) for state in layer]
    for at, transition in enumerate(system.transitions):
        if transition.counts or transition.violates is not None:
            continue
        for state in (state for state in states if at in choices(system, state)):
            after = step(system, state, at)
            cube = {0: 1 << after[0], 2: 1 << after[2]}
            before = Preimages(system, whole).of(cube, at, state)
            assert contains(before, state)
            for other in states:
                leads = at in choices(system, other) and contains(cube, step(system, other, at))
                assert contains(before, other) == leads


@pytest.mark.parametrize("seed", range(40))
def test_a_preimage_leads_into_the_cube_where_something_is_counted(seed: int) -> None:
    system = instantiate(small_system(seed), 3)
    whole = tuple((1 << len(variable.domain)) - 1 for variable in system.variables)
    states = [state for layer in layers(system) for state in layer][:60]
    for state in states:
        for at in choices(system, state):
            if system.transitions[at].violates is None:
                after = step(system, state, at)
                cube = {variable: 1 << after[variable] for variable in range(0, len(after), 2)}
                before = Preimages(system, whole).of(cube, at, state)
                assert contains(before, state)
                for other in (other for other in states if contains(before, other)):
                    assert at in choices(system, other)
                    assert contains(cube, step(system, other, at))


def test_what_happens_eventually_is_not_its_business() -> None:
    system = instantiate(small_system(0), 2)
    owed = system.obligations[0].rule
    assert isinstance(dict(Ic3().check(system, [owed]))[owed], Unknown)


def test_time_runs_out() -> None:
    system = instantiate(with_bad_states(3), 2)
    goals = safety_goals(system)
    assert goals
    outcomes = dict(Ic3(deadline=time.monotonic() - 1).check(system, goals))
    assert all(isinstance(outcome, Unknown) for outcome in outcomes.values())
