from __future__ import annotations

import pytest

from wdfmc.engines.engine import Path
from wdfmc.system.system import FairGroup, Obligation, Transition, TransitionSystem, Update, Variable
from wdfmc.traces.replay import Refuted, replay

TAKE, RELEASE, GET, BREAK, IDLE, SHUT = range(6)


def lock(*, strong: bool) -> TransitionSystem:
    """One actor takes and releases a lock, another waits for it, and owes "gets"; both are fair. The environment can do
    nothing at any time, and shut the lock for good."""
    state = Variable("lock", ("free", "taken", "shut"), 0, 0, None, (None,) * 3)
    waits = Variable("waits", ("yes", "no"), 0, 1, None, (None,) * 2)
    return TransitionSystem(
        (state, waits),
        (
            Transition(((0, 1),), (), (Update(0, -1, (1,)),), 0, 0, None, 0, ()),
            Transition(((0, 2),), (), (Update(0, -1, (0,)),), 0, 0, None, 1, ()),
            Transition(((0, 1), (1, 1)), (), (Update(1, -1, (1,)),), 1, 1, None, 2, ()),
            Transition(((0, 2),), (), (), 1, None, "no-wait", 3, ()),
            Transition((), (), (), 2, None, None, 4, ()),
            Transition(((0, 1),), (), (Update(0, -1, (2,)),), 2, None, None, 5, ()),
        ),
        ("taker", "waiter", "environment"),
        (FairGroup(0, False, None), FairGroup(1, strong, "lock" if strong else None)),
        (Obligation("gets", 1, 1),),
    )


@pytest.mark.parametrize(
    ("path", "goal", "states"),
    [
        (Path((TAKE, BREAK), "violation"), "no-wait", ((0, 0), (1, 0))),
        (Path((SHUT,), "stuck"), "gets", ((0, 0), (2, 0))),
        (Path((TAKE, RELEASE), "loop", 0), "gets", ((0, 0), (1, 0), (0, 0))),
    ],
)
def test_what_refutes_is_accepted(path: Path, goal: str, states: object) -> None:
    assert replay(lock(strong=False), path, goal) == states


@pytest.mark.parametrize(
    ("path", "goal", "why"),
    [
        (Path((RELEASE, BREAK), "violation"), "no-wait", "finds it disabled"),
        (Path((TAKE, 77), "violation"), "no-wait", "finds it disabled"),
        (Path((TAKE, RELEASE, BREAK), "violation"), "no-wait", "finds it disabled"),
        (Path((TAKE, BREAK), "violation"), "other", "breaks no-wait"),
        (Path((TAKE, RELEASE), "violation"), "no-wait", "breaks None"),
        (Path((), "violation"), "no-wait", "breaks None"),
        (Path((TAKE, BREAK, RELEASE), "stuck"), "gets", "goes on"),
        (Path((), "stuck"), "gets", "transition 0 of taker does"),
        (Path((GET, SHUT), "stuck"), "gets", "not in {lock=shut, waits=no}"),
        (Path((SHUT,), "stuck"), "other", "owed at the end"),
        (Path((TAKE, RELEASE), "loop", None), "gets", "closes a loop"),
        (Path((TAKE, RELEASE), "loop", 2), "gets", "closes a loop"),
        (Path((TAKE, RELEASE), "loop", 1), "gets", "closes a loop"),
        (Path((GET, TAKE, RELEASE), "loop", 1), "gets", "owed throughout the loop"),
        (Path((IDLE,), "loop", 0), "gets", "happens finitely often"),
        (Path((SHUT, IDLE), "loop", 1), "gets", "happens finitely often"),
    ],
)
def test_what_does_not_refute_is_refuted(path: Path, goal: str, why: str) -> None:
    with pytest.raises(Refuted, match=why):
        replay(lock(strong=False), path, goal)


def test_a_strong_group_must_be_served_where_it_is_able_somewhere() -> None:
    with pytest.raises(Refuted, match="not to waiter"):
        replay(lock(strong=True), Path((TAKE, RELEASE), "loop", 0), "gets")
