"""The closest run that goes well: where it leaves the run that breaks a rule."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from tests.shipped import MODELS
from wdfmc.beside import Beside, beside
from wdfmc.checking import Options
from wdfmc.language.reading import read
from wdfmc.mutants.judged import baseline, read_model
from wdfmc.source import Source
from wdfmc.verdict import Result, TraceStep, Word

OPTIONS = Options(widening=0, evidence=True)


@cache
def pair(model: str, rule: str) -> tuple[Result, Beside]:
    before = baseline(read_model(read(MODELS[model]), OPTIONS), OPTIONS, None)
    result = next(each for each in before.results if each.rule == rule and each.verdict is Word.VIOLATED)
    return result, beside(before.model, result, before.results, OPTIONS, None)


def told(step: TraceStep) -> tuple[str, str]:
    return step.actor, step.action


@pytest.mark.parametrize(
    ("model", "rule", "lost", "won"),
    [
        (
            "cancellation/pending_read_no_lock.wdf",
            "no-access-after-ownership-loss",
            ("OnCancel(r1)", "WdfRequestComplete"),
            ("OnRead(r1)", "add Request to Pending;"),
        ),
        (
            "cancellation/forward_canceller_stale.wdf",
            "cancel-sent-handle-valid",
            ("OnRead(r1)", "WdfRequestComplete"),
            ("Canceller", "WdfRequestCancelSentRequest"),
        ),
    ],
)
def test_the_step_that_decides(model: str, rule: str, lost: tuple[str, str], won: tuple[str, str]) -> None:
    result, found = pair(model, rule)
    assert found.bad == result.trace
    assert found.good is not None
    assert found.bad.steps[: found.common] == found.good.steps[: found.common]
    assert told(found.bad.steps[found.common]) == lost
    assert told(found.good.steps[found.common]) == won
    owners = {request: after for step in found.good.steps for request, (_, after) in step.owners.items()}
    assert owners == {"r1": "done"}


ALWAYS = """\
driver Always {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) {
        WdfRequestComplete(Request, STATUS_SUCCESS);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""


def test_a_driver_that_never_does_well_has_no_such_run() -> None:
    options = replace(OPTIONS, rules=("no-double-complete",))
    before = baseline(read_model(Source("always.wdf", ALWAYS), options), options, None)
    found = beside(before.model, before.results[0], before.results, options, None)
    assert found.good is None
    assert found.reason is not None
