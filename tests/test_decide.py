"""What a proof relies on: the contracts, the activations, and the fairness that is in force."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from wdfmc import decide
from wdfmc.checking import Goal, Options, check_text, loaded
from wdfmc.decide import Instance, environments, lowered
from wdfmc.semantics.typed import Program
from wdfmc.source import Source
from wdfmc.verdict import Word

MODELS = Path(__file__).parents[1] / "models" / "cancellation"

DRIVER = """
driver Small {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    target Lower;
    callback OnRead(Request) {
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        if (!WdfRequestSend(Request, Lower, NULL)) { WdfRequestComplete(Request, WdfRequestGetStatus(Request)); }
    }
    callback OnDone(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""


def test_nothing_is_proved_while_a_contract_is_open() -> None:
    report = check_text(DRIVER, options=Options(engine="bmc", depth=3))
    assert {result.verdict for result in report.models[0].results} == {Word.BOUNDED, Word.SKIPPED}
    assert report.exit == 0


def test_nothing_is_proved_when_time_runs_out() -> None:
    report = check_text(DRIVER, options=Options(engine="explicit", timeout=0.0))
    assert not any(result.verdict is Word.PROVED for result in report.models[0].results)


def test_after_the_deadline_nothing_more_is_sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large driver each group of rules would take seconds."""
    (model,), _ = loaded([Source("small.wdf", DRIVER)], Options())

    def without_deadline(
        program: Program, goals: Sequence[Goal], options: Options, overlaps: Mapping[str, int], deadline: float | None
    ) -> Instance:
        return lowered(program, goals, options, overlaps)

    def refused(*_: object) -> None:
        raise AssertionError("the time is over")

    monkeypatch.setattr(decide, "lowered", without_deadline)
    monkeypatch.setattr(decide, "sliced", refused)
    results = list(decide.decide(model, Options(), time.monotonic()))
    assert {result.verdict for result in results} == {Word.UNKNOWN, Word.SKIPPED}
    assert {result.reason for result in results if result.verdict is Word.UNKNOWN} == {"out of time"}
    assert sorted(result.rule for result in results) == sorted(goal.rule for goal in model.goals)


def test_a_rule_of_the_users_names_the_fairness_that_it_uses() -> None:
    rule = 'rule back(r: request) "It comes back." send(r, _) leads to cr(r);'
    report = check_text(DRIVER + rule, options=Options(rules=("back",)))
    (result,) = report.models[0].results
    assert result.verdict is Word.PROVED
    assert set(result.assumptions) >= {"target Lower answers", "ticks", "threads", "hardware answers"}


PUTS_BACK = """
driver PutsBack {
    device  Device { EvtDevicePrepareHardware = OnPrepare; }
    queue   Reads : manual, front, takes_reads;
    context request { Tries : 0..2; }
    callback OnPrepare() { WdfIoQueueReadyNotify(Reads, OnReady); }
    callback OnReady(Queue) {
        while (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &r))) {
            if (r.Tries == N) { return; }
            r.Tries = r.Tries + 1;
            if (!NT_SUCCESS(WdfRequestRequeue(r))) { WdfRequestComplete(r, STATUS_SUCCESS); }
        }
    }
}
rule second(r: request)
    "A request that is put back for the second time ends."
    requeue(r) after requeue(r) leads to complete(r, _);
"""


@pytest.mark.parametrize(("tries", "verdict"), [("1", Word.VACUOUS), ("2", Word.VIOLATED)])
def test_what_leads_to_something_may_ask_for_what_came_before(tries: str, verdict: Word) -> None:
    """An event does not come before itself."""
    report = check_text(PUTS_BACK.replace("== N", f"== {tries}"), options=Options(rules=("second",), engine="explicit"))
    (result,) = report.models[0].results
    assert result.verdict is verdict


@pytest.mark.parametrize(
    ("goal", "verdict"), [("deliver(r) after requeue(r)", Word.PROVED), ("deliver(r) after mark(r)", Word.VIOLATED)]
)
def test_what_it_leads_to_may_ask_for_what_came_before(goal: str, verdict: Word) -> None:
    body = f"requeue(r) while !r.irp_cancel leads to {goal} or complete(r, _);"
    rule = f'rule again(r: request) "It is fetched again." {body}'
    report = check_text(PUTS_BACK.replace("== N", "== 2") + rule, options=Options(rules=("again",), engine="explicit"))
    (result,) = report.models[0].results
    assert result.verdict is verdict


FORWARDS = """
driver Forwards {
    queue Front : parallel, front { EvtIoRead = OnFront; }
    queue Second : parallel { EvtIoRead = OnSecond; }
    callback OnFront(Request) {
        if (!NT_SUCCESS(WdfRequestForwardToIoQueue(Request, Second))) { WdfRequestComplete(Request, STATUS_SUCCESS); }
    }
    callback OnSecond(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
    expect proved request-eventually-completed with target silent;
}
"""


@pytest.mark.parametrize("engine", ["explicit", "auto"])
def test_a_second_environment_keeps_the_raised_activations(engine: str) -> None:
    report = check_text(FORWARDS, options=Options(rules=("request-eventually-completed",), engine=engine))
    assert [result.verdict for result in report.models[0].results] == [Word.PROVED, Word.PROVED]


def test_a_driver_that_nothing_reaches_says_so() -> None:
    """A queue that is neither `default` nor `front`, to which nothing forwards, makes every rule hold for no reason."""
    unreached = "driver Small { queue Q : parallel { EvtIoRead = OnRead; } callback OnRead(Request) { return; } }"
    for text, said in ((unreached, True), (unreached.replace("parallel", "parallel, front"), False)):
        report = check_text(text, options=Options(rules=("model-bound",), engine="explicit"))
        (result,) = report.models[0].results
        assert any("no callback of the driver ever runs" in bound for bound in result.bounds) == said


def test_how_targets_behave_is_all_the_same_to_a_driver_without_targets() -> None:
    """One lowering serves all its rules, and each verdict still has its own assumptions."""
    options = Options()
    for name, several in (("pending_read", 1), ("forward_canceller", 2)):
        ((model,), _) = loaded([MODELS / f"{name}.wdf"], options)
        found = list(environments(model, options))
        assert len(found) == several
        assert sorted(goal.rule for _, goals in found for goal in goals) == sorted(goal.rule for goal in model.goals)
