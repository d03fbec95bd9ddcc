from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import pytest

from tests.engines.naive import random_system, refuted, shortest
from wdfmc.engines import auto
from wdfmc.engines.auto import Auto
from wdfmc.engines.engine import Holds, Outcome, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.pairs import Pairs
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.replay import replay


@dataclass(frozen=True, slots=True)
class Broken:
    """An engine with a fault."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        yield from ()
        raise AssertionError("a fault")


@dataclass(frozen=True, slots=True)
class Endless:
    """An engine that finds nothing, for ever."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        while system.variables:
            time.sleep(1)
        yield from ()


@dataclass(frozen=True, slots=True)
class Nothing:
    """An engine that decides nothing."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        yield from ((goal, Unknown("nothing")) for goal in goals)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is small enough to be decided at once."""
    monkeypatch.setattr(auto, "SMALL", 1)
    monkeypatch.setattr(auto, "SAFE", 1)
    monkeypatch.setattr(auto, "Pairs", Nothing)


def agrees(system: TransitionSystem, goal: str, outcome: Outcome) -> None:
    match outcome:
        case Violated(path):
            replay(system, path, goal)
        case Holds():
            assert shortest(system, goal) is None and not refuted(system, goal)
        case Unknown():
            pytest.fail(f"{goal}: {outcome}")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("jobs", [1, 2])
def test_small_systems_are_decided_at_once(seed: int, jobs: int) -> None:
    system = random_system(seed, live=True)
    found = list(Auto(jobs=jobs).check(system, ["bad", "worse", "live"]))
    assert sorted(goal for goal, _, _ in found) == ["bad", "live", "worse"]
    for goal, engine, outcome in found:
        assert engine == "explicit"
        agrees(system, goal, outcome)


@pytest.mark.parametrize("seed", range(10))
def test_pairs_of_values_come_before_the_race(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "SMALL", 1)
    monkeypatch.setattr(auto, "SAFE", 1)
    monkeypatch.setattr(Auto, "_contenders", lambda self: {})
    system = random_system(seed)
    decided = dict(Pairs().check(system, ["bad", "worse"]))
    for goal, engine, outcome in Auto().check(system, ["bad", "worse"]):
        assert engine != "pairs" or outcome == decided[goal] == Holds(0)


def test_other_proofs_are_tried_once_some_states_are_visited() -> None:
    """Of what is still open; what they do not prove is decided as without them."""
    proved = 0
    for system in map(random_system, range(20)):
        holds = {goal for goal in ("bad", "worse") if shortest(system, goal) is None}
        asked = list[Set[str]]()

        def proof(goals: Set[str], holds: Set[str] = holds, asked: list[Set[str]] = asked) -> Set[str]:
            assert goals >= holds
            asked.append(frozenset(goals))
            return holds & {"bad"} if len(asked) == 2 else frozenset()

        found = list(Auto(proofs=((1, proof), (1, proof))).check(system, ["bad", "worse"]))
        assert sorted(goal for goal, _, _ in found) == ["bad", "worse"]
        for goal, engine, outcome in found:
            assert engine == (auto.ANY_NUMBER if asked and goal in holds & {"bad"} else "explicit")
            agrees(system, goal, outcome)
            proved += engine == auto.ANY_NUMBER
        asked.clear()
        found = list(Auto(proofs=((1_000, proof),)).check(system, ["bad", "worse"]))
        assert {engine for _, engine, _ in found} == {"explicit"}
        assert not asked, "a small system needs no other proof"
        list(Auto(proofs=((0, proof),)).check(random_system(1, live=True), ["bad", "live"]))
        assert not asked, "it would be about states alone"
    assert proved > 2


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(10))
def test_with_one_job_they_take_turns(seed: int) -> None:
    system = random_system(seed, live=True)
    for goal, _, outcome in Auto(jobs=1, depth=8).check(system, ["bad", "worse", "live"]):
        agrees(system, goal, outcome)
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(3))
def test_with_two_jobs_they_race(seed: int) -> None:
    system = random_system(seed, live=True)
    for goal, _, outcome in Auto(depth=8).check(system, ["bad", "worse", "live"]):
        agrees(system, goal, outcome)
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("large")
def test_what_nobody_decides_is_unknown_to_the_greatest_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "Ic3", Nothing)
    system = next(s for s in map(random_system, range(99)) if shortest(s, "bad") is None and len(s.transitions) > 3)
    for jobs in (1, 2):
        ((goal, engine, outcome),) = Auto(depth=5, limit_states=0, jobs=jobs).check(system, ["bad"])
        assert (goal, engine, outcome) == ("bad", "bmc", Unknown("no violation within 5 transitions", 5))


@pytest.mark.parametrize("jobs", [1, 2])
def test_past_the_deadline_nothing_is_started(jobs: int) -> None:
    begun = time.monotonic()
    ((_, _, outcome),) = Auto(deadline=begun - 1, jobs=jobs).check(random_system(3), ["bad"])
    assert isinstance(outcome, Unknown)
    assert time.monotonic() - begun < 0.2


@pytest.mark.usefixtures("large")
def test_the_loser_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Auto, "_contenders", lambda self: {"endless": Endless(), "explicit": Explicit()})
    begun = time.monotonic()
    ((_, engine, _),) = Auto().check(random_system(3), ["bad"])
    assert engine == "explicit"
    assert not multiprocessing.active_children()
    assert time.monotonic() - begun < 20


@pytest.mark.usefixtures("large")
def test_who_loses_interest_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Auto, "_contenders", lambda self: {"endless": Endless(), "explicit": Explicit()})
    answers = Auto().check(random_system(3), ["bad", "worse"])
    next(answers)
    del answers
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("large")
def test_the_fault_of_an_engine_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Auto, "_contenders", lambda self: {"broken": Broken(), "endless": Endless()})
    with pytest.raises(AssertionError, match="a fault"):
        list(Auto().check(random_system(3), ["bad"]))
    assert not multiprocessing.active_children()
