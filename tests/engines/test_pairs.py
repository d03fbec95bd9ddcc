from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.naive import layers, random_system, shortest, successors
from tests.systems import GOALS, small_systems
from wdfmc.engines.abstraction import Reach, reach, recurring
from wdfmc.engines.certificate import NotInductive
from wdfmc.engines.engine import Holds, Unknown
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.pairs import Pairs, audit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.step import choices
from wdfmc.system.system import State, TemplateSystem, Transition, TransitionSystem, Update, Variable


def known(system: TransitionSystem) -> Reach:
    found = reach(system)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(60))
def test_what_occurs_is_among_what_can_occur_and_not_before(seed: int) -> None:
    system = random_system(seed)
    found = known(system)
    for length, layer in enumerate(layers(system)):
        for state in layer:
            numbers = [found.offset[variable] + value for variable, value in enumerate(state)]
            assert found.together[np.ix_(numbers, numbers)].all()
            assert all(found.first[at] <= length for at in choices(system, state))


@pytest.mark.parametrize("seed", range(40))
def test_what_is_on_a_loop_can_recur(seed: int) -> None:
    system = random_system(seed, variables=3, transitions=6)
    edges = {state: list(successors(system, state)) for layer in layers(system) for state in layer}
    ahead: dict[State, set[State]] = {}
    for state in edges:
        ahead[state], todo = {state}, [state]
        while todo:
            fresh = {after for _, after in edges[todo.pop()]} - ahead[state]
            ahead[state] |= fresh
            todo += fresh
    looping = {at for state, each in edges.items() for at, after in each if state in ahead[after]}
    assert looping <= recurring(system, known(system))


def test_what_only_goes_forward_does_not_recur() -> None:
    """v counts up; w alternates, but once, where v changes, it is set for good."""
    size = 3
    v = Variable("v", tuple("012"), 0, 0, None, (None,) * size)
    w = Variable("w", tuple("012"), 0, 1, None, (None,) * size)
    moves = (
        Transition((), (), (Update(0, 0, (1, 2, 2)),), 0, None, None, 0, ()),
        Transition(((0, 1), (1, 1)), (), (Update(1, -1, (1,)),), 0, None, None, 1, ()),
        Transition(((0, 1), (1, 2)), (), (Update(1, -1, (0,)),), 0, None, None, 2, ()),
        Transition(((0, 2), (1, 3)), (), (Update(0, -1, (2,)), Update(1, -1, (2,))), 0, None, None, 3, ()),
        Transition(((1, 4),), (), (Update(1, -1, (0,)), Update(0, -1, (2,))), 0, None, None, 4, ()),
    )
    system = TransitionSystem((v, w), moves, ("a",))
    # Number 0 does nothing at the end, and number 4 leads back, but only where v is 2, so number 3 is never again.
    assert recurring(system, known(system)) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(60))
def test_what_is_found_is_an_invariant(seed: int) -> None:
    system = random_system(seed)
    possible = {system.transitions[at].violates for at in known(system).first}
    assert audit(system, known(system), [goal for goal in ("bad", "worse") if goal not in possible])


@pytest.mark.parametrize("seed", range(20))
def test_the_audit_sees_what_is_missing(seed: int) -> None:
    system = random_system(seed)
    found = known(system)
    start = [found.offset[variable] + value for variable, value in enumerate(system.initial)]
    for one in np.flatnonzero(found.together.diagonal()):
        fewer = found.together.copy()
        fewer[one] = fewer[:, one] = False
        with pytest.raises(NotInductive, match="initial state" if one in start else "kept"):
            audit(system, replace(found, together=fewer), [])


def test_the_audit_sees_violations() -> None:
    system = next(system for system in map(random_system, range(99)) if shortest(system, "bad"))
    with pytest.raises(NotInductive, match="excludes every violation"):
        audit(system, known(system), ["bad"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_systems(), st.integers(1, 3))
def test_what_is_proved_holds(templates: TemplateSystem, slots: int) -> None:
    system = instantiate(templates, slots)
    proved = [goal for goal, outcome in Pairs().check(system, GOALS) if isinstance(outcome, Holds)]
    assert not {"live", "both"} & set(proved), "nothing is proved about what is owed"
    if proved:
        assert all(isinstance(outcome, Holds) for _, outcome in Explicit().check(system, proved))


def test_past_the_deadline_nothing_is_decided() -> None:
    system = random_system(1)
    assert reach(system, time.monotonic() - 1) is None
    assert all(isinstance(found, Unknown) for _, found in Pairs(time.monotonic() - 1).check(system, ["bad", "worse"]))
