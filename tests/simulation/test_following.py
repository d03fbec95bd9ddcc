"""Traces of checks, followed statement by statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_models
from wdfmc.simulation.following import Lost, followed, marks_of
from wdfmc.simulation.run import Run
from wdfmc.simulation.stepwise import Stepwise
from wdfmc.verdict import Result

ROOT = Path(__file__).parents[2]


def violated(name: str, *rules: str) -> list[Result]:
    options = Options(rules=rules, engine="explicit", widening=0)
    report = check_models([ROOT / "models" / name], options, lambda path, result: None)
    return [result for result in report.models[0].results if result.trace and (not rules or result.rule in rules)]


@pytest.mark.parametrize(
    "name",
    ["cancellation/pending_read_no_lock.wdf", "cancellation/pending_read_lock_held.wdf"],
)
def test_counterexample_is_followed_to_its_breach(model: Callable[[str], Stepwise], name: str) -> None:
    results = violated(name)
    assert results
    for result in results:
        assert result.trace is not None
        run = Run(model(name))
        for number in followed(run.stepwise, marks_of(result.trace.steps), "violation", result.rule):
            run.take(number)
        assert run.verdict() == result.rule
        owners = [step.owners for step in run.steps if step.owners]
        assert owners == [step.owners for step in result.trace.steps if step.owners]


def test_trace_without_an_end_is_followed_to_where_it_repeats(model: Callable[[str], Stepwise]) -> None:
    name = "seeds/forward_unmodified_never_completed.wdf"
    (result,) = violated(name, "request-eventually-completed")
    assert result.trace is not None
    assert result.trace.end in ("stuck", "loop")
    run = Run(model(name))
    for number in followed(run.stepwise, marks_of(result.trace.steps), result.trace.end, result.rule):
        run.take(number)
    assert run.broken is None
    if result.trace.end == "stuck":
        assert result.rule in run.stepwise.starved(run.state)


def test_trace_of_another_text_is_refused_where_it_leaves_the_model(model: Callable[[str], Stepwise]) -> None:
    name = "cancellation/pending_read_no_lock.wdf"
    (result,) = violated(name, "no-access-after-ownership-loss")
    assert result.trace is not None
    marks = marks_of(result.trace.steps)
    wrong = [*marks[:3], replace(marks[3], changes={"r1.own": "done"}), *marks[4:]]
    with pytest.raises(Lost) as lost:
        followed(model(name), wrong, "violation", result.rule)
    assert lost.value.at == 3


def test_trace_whose_end_breaks_another_rule_is_refused(model: Callable[[str], Stepwise]) -> None:
    name = "cancellation/pending_read_no_lock.wdf"
    (result,) = violated(name, "no-access-after-ownership-loss")
    assert result.trace is not None
    with pytest.raises(Lost):
        followed(model(name), marks_of(result.trace.steps), "violation", "no-double-complete")
