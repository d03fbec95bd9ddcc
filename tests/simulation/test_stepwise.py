"""One transition for each statement, and no run that the direct interpreter does not have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wdfmc.checking import with_target
from wdfmc.simulation.run import Run, at_random
from wdfmc.simulation.stepwise import Stepwise
from wdfmc.system.system import State
from wdfmc.traces.follow import Refuted, follow, steps_of

MODELS = [
    "cancellation/pending_read.wdf",
    "cancellation/pending_read_no_lock.wdf",
    "cancellation/forward_canceller.wdf",
    "cancellation/power_cycle.wdf",
    "seeds/split_parallel.wdf",
    "seeds/several_targets.wdf",
    "seeds/forward_unmodified.wdf",
]


@pytest.mark.parametrize("name", MODELS)
def test_a_choice_is_one_statement(model: Callable[[str], Stepwise], name: str) -> None:
    system = model(name)
    for seed in range(5):
        run = Run(system)
        at_random(run, seed, 60)
        assert len(run.steps) == len(run.taken)


@pytest.mark.parametrize("name", MODELS)
def test_runs_are_runs_of_the_direct_interpreter(model: Callable[[str], Stepwise], name: str) -> None:
    system = model(name)
    program = with_target(system.model.program, "answers", False)
    for seed in range(3):
        run = Run(system)
        at_random(run, seed, 40)
        states: list[State] = [state[: len(system.full.variables)] for state in run.states]
        steps = steps_of(system.full, states, run.taken)
        overlaps = {kind.role: 2 for kind in program.kinds.values()}
        found = follow(program, system.requests, steps, overlaps=overlaps, in_order=True)
        assert not isinstance(found, Refuted), f"seed {seed}: {found}"


def test_what_waits_is_taken_in_its_order(model: Callable[[str], Stepwise]) -> None:
    """A queue that is not parallel gives the driver the request that came first."""
    system = model("seeds/split_reuse.wdf")
    run = Run(system)
    while len(run.taken) < 2:
        issues = [choice for choice in run.choices() if choice.actor.startswith("sender_issues")]
        run.take(issues[0].number)
    first, second = [step.actor[-3:-1] for step in run.steps]
    delivers = {choice.actor for choice in run.choices() if choice.steps[0].kind == "framework"}
    assert first != second
    assert not any(second in actor for actor in delivers)


def test_a_step_of_a_second_run_of_the_same_callback_is_not_taken_for_the_first(
    model: Callable[[str], Stepwise],
) -> None:
    system = model("cancellation/pending_read.wdf")
    first, second = system.counter("OnRead(r1)"), system.counter("OnRead #2(r1)")
    assert first is not None
    assert second is not None
    assert first != second
    assert system.counter("sender_cancels(r1)") is None
