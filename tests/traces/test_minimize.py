from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.naive import random_system, runs, shortest
from tests.systems import small_systems
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Path, Violated
from wdfmc.engines.solver import Answer, GaveUp, Solver
from wdfmc.engines.unrolling import Unrolling
from wdfmc.system.instantiate import instantiate
from wdfmc.system.step import choices
from wdfmc.system.system import (
    Actor,
    Assignment,
    Place,
    Template,
    TemplateSystem,
    TemplateVariable,
    Transition,
    TransitionSystem,
    Update,
    Variable,
)
from wdfmc.traces import descent, minimize
from wdfmc.traces.descent import descended
from wdfmc.traces.minimize import TooHard, canonical
from wdfmc.traces.preference import End, Preference
from wdfmc.traces.replay import Refuted, replay

TIRED = 5_000  # runs that the oracle looks at


def best(system: TransitionSystem, goal: str, depth: int, end: End = "violation") -> Path | None:
    """By trying all runs; None if there are too many."""
    found: list[tuple[int, ...]] = []
    for looked, (taken, state) in enumerate(runs(system, depth - (end == "violation"))):
        if looked > TIRED:
            return None
        if end == "violation":
            found += [(*taken, at) for at in choices(system, state) if system.transitions[at].violates == goal]
        elif _refutes(system, Path(taken, "stuck"), goal):
            found.append(taken)
    return Path(min(found, key=lambda taken: _cost(system, taken)), end)


def _refutes(system: TransitionSystem, path: Path, goal: str) -> bool:
    try:
        replay(system, path, goal)
    except Refuted:
        return False
    return True


def _cost(system: TransitionSystem, taken: tuple[int, ...]) -> tuple[object, ...]:
    each = [system.transitions[at] for at in taken]
    return (
        sum(one.actor != two.actor for one, two in pairwise(each)),
        len({slot for transition in each for slot in transition.slots}),
        sum(_of_environment(system, one) for one in each),
        [(one.template, one.slots, at) for one, at in zip(each, taken, strict=True)],
    )


def _of_environment(system: TransitionSystem, transition: Transition) -> bool:
    return system.origin is not None and system.origin.templates[transition.template].actor.kind == "environment"


def some_environment(system: TemplateSystem) -> TemplateSystem:
    """Every third template is a step of the environment."""
    templates = [
        replace(one, actor=one.actor._replace(kind="environment")) if number % 3 == 0 else one
        for number, one in enumerate(system.templates)
    ]
    return replace(system, templates=tuple(templates))


def test_of_two_violations_in_one_state_the_better_one_ends_the_run() -> None:
    """The second request's callback takes both steps; the first one's would be a switch."""
    place = TemplateVariable("place", True, ("begun", "ended"), "begun")
    both = [(Place(0, slot), frozenset({"begun"})) for slot in range(2)]
    end = tuple(Assignment(Place(0, slot), None, ((None, "ended"),)) for slot in range(2))
    step = Template(2, tuple(both), (), end, Actor("OnRead", 1, "callback"), ())
    bad = Template(
        1, ((Place(0, 0), frozenset({"ended"})),), (), (), Actor("OnRead", 0, "callback"), (), violates="bad"
    )
    system = instantiate(TemplateSystem((place,), (step, bad), ()), 2)
    assert descended(Preference(system), "bad", 1, 2, "violation", None) == canonical(system, "bad", 2)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_systems(), st.integers(1, 3))
def test_the_best_run_is_found_whichever_way(templates: TemplateSystem, slots: int) -> None:
    system = replace(instantiate(some_environment(templates), slots), obligations=())
    for goal, outcome in Bmc(6).check(system, ["bad", "worse", "both"]):
        if isinstance(outcome, Violated):
            length = len(outcome.path.transitions)
            path = canonical(system, goal, length)
            assert len(replay(system, path, goal)) == length
            assert path == descended(Preference(system), goal, 1, length, "violation", None)
            expected = best(system, goal, length)
            assert expected is None or path == expected


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_systems(), st.integers(1, 3))
def test_the_best_stuck_run_is_found_whichever_way(templates: TemplateSystem, slots: int) -> None:
    system = instantiate(some_environment(templates), slots)
    for goal, outcome in Bmc(5).check(system, ["live", "both"]):
        if isinstance(outcome, Violated) and outcome.path.end == "stuck":
            length = len(outcome.path.transitions)
            path = canonical(system, goal, length, "stuck")
            assert len(replay(system, path, goal)) == length + 1
            assert path == descended(Preference(system), goal, 0, length, "stuck", None)
            expected = best(system, goal, length, "stuck")
            assert expected is None or path == expected


@pytest.mark.parametrize("seed", range(60))
def test_without_slots_and_without_origin(seed: int) -> None:
    system = random_system(seed)
    for goal in ("bad", "worse"):
        length = shortest(system, goal)
        if length is not None:
            path = canonical(system, goal, length)
            assert len(replay(system, path, goal)) == length
            assert path == descended(Preference(system), goal, length, length, "violation", None)
            expected = best(system, goal, length)
            assert expected is None or path == expected


@pytest.mark.parametrize("limit", ["MOST_STATES", "MOST_RUNS"])
def test_above_the_limits_z3_finds_the_same(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    systems = [(seed, random_system(seed)) for seed in range(30)]
    expected = {seed: canonical(system, "bad", 99) for seed, system in systems if shortest(system, "bad")}
    monkeypatch.setattr(minimize, limit, 1)
    for seed, system in systems:
        if seed in expected:
            assert canonical(system, "bad", len(expected[seed].transitions)) == expected[seed]


def grid(slots: int) -> TransitionSystem:
    """Each of some slots counts to 3; the breach needs two of them at 3."""
    variables = tuple(Variable(f"n{at}", tuple("0123"), 0, 0, at, (None,) * 4) for at in range(slots))
    moves = [
        Transition(((at, 1 << value),), (), (Update(at, -1, (value + 1,)),), at, None, None, value, (at,))
        for at in range(slots)
        for value in range(3)
    ]
    breach = [
        Transition(((min(a, b), 8), (max(a, b), 8)), (), (), a, None, "bad", 3, (a, b))
        for a in range(slots)
        for b in range(slots)
        if a != b
    ]
    return TransitionSystem(variables, (*moves, *breach), tuple(f"a{at}" for at in range(slots)), (), (), slots)


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_one_actor_after_the_other_and_the_first_request_first(slots: int) -> None:
    system = grid(slots)
    path = canonical(system, "bad", 7)
    # Switching once is enough: the breach belongs to the actor that goes last.
    assert [system.transitions[at].slots for at in path.transitions] == [(0,)] * 3 + [(1,)] * 3 + [(1, 0)]
    assert path == canonical(system, "bad", 12), "a longer violation that is known makes no difference"


def test_a_violation_that_does_not_exist_is_refuted() -> None:
    with pytest.raises(Refuted, match="finds none with 6"):
        canonical(grid(3), "bad", 6)
    with pytest.raises(Refuted, match="finds none"):
        canonical(grid(3), "other", 40)
    with pytest.raises(Refuted, match="finds none"):
        canonical(grid(3), "bad", 6, "stuck")
    with pytest.raises(Refuted, match="nothing is owed"):
        descended(Preference(grid(3)), "bad", 1, 6, "stuck", None)
    with pytest.raises(Refuted, match="z3 finds none"):
        descended(Preference(grid(3)), "bad", 1, 6, "violation", None)


def test_past_the_deadline_nothing_is_looked_for() -> None:
    with pytest.raises(TooHard, match="out of time"):
        descended(Preference(grid(3)), "bad", 1, 7, "violation", time.monotonic() - 1)


class Allowed:
    """Stands for the work that z3 is given: so many questions."""

    def __init__(self, questions: int) -> None:
        self.questions = questions

    def solve(self, runs: Unrolling, *assumed: int) -> Answer:
        self.questions -= 1
        return runs.solve(*assumed, work=None if self.questions >= 0 else 0)


def test_without_work_for_better_ones_any_shortest_violation_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    system = grid(3)
    budgets = iter([Allowed(9), Allowed(1), Allowed(0)])
    monkeypatch.setattr(descent, "_Budget", lambda *_: next(budgets))
    path = descended(Preference(system), "bad", 1, 7, "violation", None)
    assert len(replay(system, path, "bad")) == 7


def test_without_work_for_shorter_ones_a_violation_as_long_as_the_known_one_is_improved() -> None:
    system = grid(3)
    budgets = iter([Allowed(2), Allowed(1), Allowed(99)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(descent, "_Budget", lambda *_: next(budgets))
        path = descended(Preference(system), "bad", 1, 8, "violation", None)
    assert len(replay(system, path, "bad")) == 8


def test_without_work_at_all_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "MOST_WORK", 0)
    with pytest.raises(TooHard, match="out of work"):
        descended(Preference(grid(3)), "bad", 1, 7, "violation", None)


def test_z3_counts_its_work_and_stops() -> None:
    solver = Solver()
    dice = random.Random(1)
    for _ in range(850):
        solver.insist(*(dice.choice((1, -1)) * literal for literal in dice.sample(range(1, 201), 3)))
    assert isinstance(solver.check(work=1000), GaveUp)
    before = solver.work
    assert isinstance(solver.check(work=1000), GaveUp)
    assert before < solver.work < before + 10_000
