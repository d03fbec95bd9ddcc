"""A repair is shown as proved only if the rule and all that held before are proved."""

from __future__ import annotations

from functools import cache

from tests.shipped import MODELS
from wdfmc.checking import Options
from wdfmc.language.edits import edited
from wdfmc.language.reading import read
from wdfmc.mutants.judged import Baseline, baseline, read_model
from wdfmc.repairs.driver import Driver, Repair
from wdfmc.repairs.results import test_result as results_tested
from wdfmc.repairs.verified import Standing, Unit, Verified, verified
from wdfmc.source import Source

MODEL = MODELS["cancellation/pending_read_ignored_unmark.wdf"]
RULE = "no-double-complete"
OPTIONS = Options(widening=0)


@cache
def before() -> Baseline:
    return baseline(read_model(read(MODEL), OPTIONS), OPTIONS, None)


def judged(text: str, options: Options = OPTIONS, seconds: float | None = None) -> Verified:
    unit = Unit(Repair("", "", ()), Source(MODEL.name, text), RULE, before().known, options, seconds)
    return verified(unit)


def test_the_result_is_tested() -> None:
    text = before().model.program.source
    driver = Driver(text, before().model.program, frozenset({30}))
    repair = next(each for each in results_tested(driver) if "forget r" in each.words)
    found = judged(edited(text.source, repair.edits).text)
    assert found.standing is Standing.PROVED
    assert found.mended == ("no-double-complete", "no-complete-after-cancel-won")
    assert (found.still, found.requests) == ((), 2)


def test_what_breaks_another_rule_is_no_repair() -> None:
    text = MODEL.read_text(encoding="utf-8")
    leaks = text.replace("if (r != null) { WdfRequestComplete(r, STATUS_SUCCESS); }", "")
    assert leaks != text
    assert judged(leaks).standing is Standing.FAILED


def test_a_driver_that_does_nothing_is_no_repair() -> None:
    text = MODEL.read_text(encoding="utf-8")
    assert judged(text.replace("EvtIoRead = OnRead;", "")).standing is Standing.FAILED


def test_no_driver_is_no_repair() -> None:
    assert judged("driver Wrong { queue Q : parallel { EvtIoRead = Missing; } }").standing is Standing.FAILED


def test_what_is_not_decided_is_not_proved() -> None:
    text = MODEL.read_text(encoding="utf-8")
    right = text.replace(
        "WdfRequestUnmarkCancelable(r); ", "if (!NT_SUCCESS(WdfRequestUnmarkCancelable(r))) { r = null; }"
    )
    assert right != text
    found = judged(right, seconds=0.000001)
    assert found.standing is Standing.OPEN
    assert found.left
