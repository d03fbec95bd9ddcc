from __future__ import annotations

import time

import pytest

from tests.engines.naive import random_system, refuted, runs, shortest
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Path, Unknown, Violated
from wdfmc.system.system import FairGroup, Obligation, Transition, TransitionSystem, Update, Variable
from wdfmc.traces.replay import Refuted, replay

DEPTH = 10


@pytest.mark.parametrize("seed", range(60))
def test_the_shortest_violation_is_found(seed: int) -> None:
    system = random_system(seed)
    outcomes = dict(Bmc(DEPTH).check(system, ["bad", "worse"]))
    assert set(outcomes) == {"bad", "worse"}
    for goal, outcome in outcomes.items():
        length = shortest(system, goal)
        if length is None or length > DEPTH:
            assert outcome == Unknown(f"no violation within {DEPTH} transitions", DEPTH)
        else:
            assert isinstance(outcome, Violated)
            assert len(outcome.path.transitions) == length
            replay(system, outcome.path, goal)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_not_found_does_not_happen_and_the_shortest_lasso_is_found(seed: int) -> None:
    system = random_system(seed, live=True, transitions=8)
    ((_, outcome),) = Bmc(DEPTH).check(system, ["live"])
    if isinstance(outcome, Violated):
        replay(system, outcome.path, "live")
        for length in range(min(4, len(outcome.path.transitions))):
            assert not [path for path in _ends(system, length) if _refutes(system, path)]
    else:
        assert not refuted(system, "live")


def _ends(system: TransitionSystem, length: int) -> list[Path]:
    return [
        path
        for taken, _ in runs(system, length)
        for path in (Path(taken, "stuck"), *(Path(taken, "loop", at) for at in range(length)))
    ]


def _refutes(system: TransitionSystem, path: Path) -> bool:
    try:
        replay(system, path, "live")
    except Refuted:
        return False
    return True


def counter(*, size: int = 8, fair: bool = False) -> TransitionSystem:
    """Counts up to size - 1 and breaks "top" there; owes "reaches" before."""
    moves = [
        Transition(((0, 1 << at),), (), (Update(0, -1, (at + 1,)),), 0, 0 if fair else None, None, at, ())
        for at in range(size - 1)
    ]
    top = Transition(((0, 1 << size - 1),), (), (), 0, None, "top", size, ())
    return TransitionSystem(
        (Variable("n", tuple(map(str, range(size))), 0, 0, None, (None,) * size),),
        (*moves, top),
        ("counter",),
        (FairGroup(0, False, None),) if fair else (),
        (Obligation("reaches", 0, (1 << size - 1) - 1),),
    )


def test_the_depth_counts_the_violating_transition() -> None:
    assert dict(Bmc(8).check(counter(), ["top"])) == {"top": Violated(Path((*range(7), 7), "violation"))}
    assert dict(Bmc(7).check(counter(), ["top"])) == {"top": Unknown("no violation within 7 transitions", 7)}


def test_without_fairness_nothing_has_to_happen() -> None:
    assert dict(Bmc(3).check(counter(), ["reaches"])) == {"reaches": Violated(Path((), "stuck"))}


def test_with_fairness_the_counter_gets_there() -> None:
    assert dict(Bmc(9).check(counter(fair=True), ["reaches"])) == {
        "reaches": Unknown("no violation within 9 transitions", 9)
    }


@pytest.mark.parametrize(("strong", "found"), [(False, True), (True, False)])
def test_a_lock_that_is_free_again_and_again(strong: bool, found: bool) -> None:
    """Another takes and releases the lock for ever; who waits for it gets it under strong fairness only."""
    lock = Variable("lock", ("free", "taken"), 0, 0, None, (None, None))
    waits = Variable("waits", ("yes", "no"), 0, 1, None, (None, None))
    system = TransitionSystem(
        (lock, waits),
        (
            Transition(((0, 1),), (), (Update(0, -1, (1,)),), 0, 0, None, 0, ()),
            Transition(((0, 2),), (), (Update(0, -1, (0,)),), 0, 0, None, 1, ()),
            Transition(((0, 1), (1, 1)), (), (Update(1, -1, (1,)),), 1, 1, None, 2, ()),
        ),
        ("other", "waiter"),
        (FairGroup(0, False, None), FairGroup(1, strong, "lock" if strong else None)),
        (Obligation("gets", 1, 1),),
    )
    ((_, outcome),) = Bmc(6).check(system, ["gets"])
    assert outcome == (Violated(Path((0, 1), "loop", 0)) if found else Unknown("no violation within 6 transitions", 6))
    assert refuted(system, "gets") is found


def test_a_breach_of_another_rule_that_has_to_happen_is_no_lasso() -> None:
    """The only fair step breaks a contract: the run is cut there, not stuck."""
    system = counter(fair=True)
    breach = Transition(((0, 1),), (), (), 0, 0, "contract", 99, ())
    cut = TransitionSystem(system.variables, (breach,), system.actors, system.fairness, system.obligations)
    assert isinstance(dict(Bmc(3).check(cut, ["reaches"]))["reaches"], Unknown)


def test_unknown_goals_and_repeated_goals() -> None:
    assert [goal for goal, _ in Bmc(2).check(counter(), ["top", "top", "other"])] == ["top", "other"]


def test_past_the_deadline_all_is_unknown() -> None:
    outcomes = dict(Bmc(8, deadline=time.monotonic() - 1).check(counter(), ["top", "reaches"]))
    assert outcomes == {"top": Unknown("out of time"), "reaches": Unknown("out of time")}


def test_time_is_accounted_for() -> None:
    engine = Bmc(8)
    list(engine.check(counter(), ["top"]))
    assert engine.spent.build > 0 and engine.spent.solve > 0
