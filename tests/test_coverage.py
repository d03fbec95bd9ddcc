"""What of a driver can ever run, on small drivers of which one sees it."""

from __future__ import annotations

import json

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.diagnostics import Severity
from wdfmc.reports import FORMATS
from wdfmc.verdict import Coverage, Report

COMPLETE = "WdfRequestComplete(Request, STATUS_SUCCESS);"


def driver(body: str, items: str = "") -> str:
    return f"""driver Small {{
    queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
    context device {{ Flag : bool; Count : 0..3; }}
    {items}
    callback OnRead(Request) {{
{body}
    }}
}}
"""


def report(text: str, **options: object) -> Report:
    return check_text(text, options=Options(coverage=True, rules=("model-bound",), widening=0, **options))  # type: ignore[arg-type]


def covered(text: str, **options: object) -> Coverage:
    found = report(text, **options).models[0].coverage
    assert found is not None
    return found


def never(text: str) -> set[str]:
    """What never runs: the way if there is one, else the source text."""
    found = covered(text)
    assert found.reason is None
    return {place.way or place.span.text.split("{")[0].strip() for place in found.places if place.runs is False}


def test_nothing_is_listed_that_was_not_asked_for() -> None:
    (model,) = check_text(driver(COMPLETE)).models
    assert model.coverage is None


def test_all_of_a_driver_that_runs() -> None:
    found = covered(driver(COMPLETE))
    assert [(place.kind, place.runs) for place in found.places] == [("callback", True), ("statement", True)]
    assert (found.requests, found.under, found.reason) == (2, (), None)


def test_code_behind_a_return() -> None:
    assert never(driver(f"{COMPLETE} return; Flag = TRUE;")) == {"Flag = TRUE;"}


def test_a_branch_that_constants_decide_is_listed_too() -> None:
    """Lowering drops it; it is read from the text."""
    helper = "helper Finish(r: request, once: bool) { if (once) { Flag = TRUE; } else { Flag = FALSE; } }"
    assert never(driver(f"Finish(Request, true); {COMPLETE}", helper)) == {"no", "Flag = FALSE;"}


def test_a_helper_runs_where_any_of_its_calls_does() -> None:
    helper = "helper Finish(r: request, once: bool) { if (once) { Flag = TRUE; } else { Flag = FALSE; } }"
    body = f"Finish(Request, true); {COMPLETE} return; Finish(Request, false);"
    assert never(driver(body, helper)) == {"no", "Flag = FALSE;", "Finish(Request, false)"}
    assert never(driver(f"Finish(Request, true); Finish(Request, false); {COMPLETE}", helper)) == set()


def test_a_loop_that_constants_decide() -> None:
    helper = "helper Spin(on: bool) { while (on) { Count = 1; break; } }"
    assert never(driver(f"Spin(true); {COMPLETE}", helper)) == {"no"}
    assert never(driver(f"Spin(false); {COMPLETE}", helper)) == {"yes", "Count = 1;", "break;"}
    assert never(driver(f"while (TRUE) {{ Count = 1; break; }} {COMPLETE}")) == set()


def test_a_helper_that_nobody_calls() -> None:
    assert never(driver(COMPLETE, "helper Forgotten() { Flag = TRUE; }")) == {"Flag = TRUE;"}


def test_the_outcomes_of_a_call() -> None:
    queue = "queue Second : manual;"
    body = f"status = WdfRequestForwardToIoQueue(Request, Second);\nif (!NT_SUCCESS(status)) {{ {COMPLETE} }}"
    assert "WdfRequestForwardToIoQueue = STATUS_WDF_BUSY" in never(driver(body, queue))
    found = covered(driver(body, queue))
    gives = {place.way: place.runs for place in found.places if place.kind == "outcome"}
    assert gives == {
        "WdfRequestForwardToIoQueue = STATUS_WDF_BUSY": False,
        "WdfRequestForwardToIoQueue = STATUS_SUCCESS": True,
    }


def test_a_result_that_nobody_keeps_is_an_outcome() -> None:
    timer = "timer Late { EvtTimerFunc = OnLate; }\n    callback OnLate() { return; }"
    found = covered(driver(f"WdfTimerStop(Late, FALSE); {COMPLETE}", timer))
    assert {place.way: place.runs for place in found.places if place.kind == "outcome"} == {
        "WdfTimerStop = TRUE": False,
        "WdfTimerStop = FALSE": True,
    }


def test_a_statement_before_a_wait_that_never_ends_runs() -> None:
    """Both may be one transition, which is never taken as a whole."""
    lock = "spinlock Lock;\n    thread Greedy once { WdfSpinLockAcquire(Lock); while (TRUE) { Count = 1; } }"
    text = driver(f"WdfSpinLockAcquire(Lock); WdfSpinLockAcquire(Lock); Flag = TRUE; {COMPLETE}", lock)
    assert never(text) >= {"Flag = TRUE;", "WdfRequestComplete(Request, STATUS_SUCCESS)"}
    assert "WdfSpinLockAcquire(Lock)" not in never(text)


def test_a_callback_that_never_runs_is_a_warning() -> None:
    timer = "timer Late { EvtTimerFunc = OnLate; }\n    callback OnLate() { Flag = TRUE; }"
    found = report(driver(COMPLETE, timer))
    assert [(item.code, item.severity, item.labels[0].span.text) for item in found.diagnostics] == [
        ("WDF413", Severity.WARNING, "callback OnLate()")
    ]
    assert found.exit == 0
    assert report(driver(f"WdfTimerStart(Late); {COMPLETE}", timer)).diagnostics == ()


def test_what_stands_behind_a_breach() -> None:
    found = covered(driver(f"{COMPLETE} {COMPLETE} Flag = TRUE;"))
    assert found.under == ("no-double-complete",)
    assert [place.runs for place in found.places] == [True, True, True, False]


def test_nothing_is_called_unreachable_behind_a_bound_of_the_model() -> None:
    found = covered(driver(f"{COMPLETE} Count = Count + 1; Count = Count + 1; if (Flag) {{ Count = 0; }}"))
    assert found.reason is not None
    assert "Count leaves its range" in found.reason
    assert {place.runs for place in found.places} == {True, None}
    assert report(driver(f"{COMPLETE} Count = Count + 1; Count = Count + 1;")).diagnostics == ()


def test_a_bound_that_can_be_raised_is_raised() -> None:
    """A request that is forwarded is presented again while its first handler still runs."""
    items = "queue Second : parallel { EvtIoRead = OnSecond; }\n    callback OnSecond(Request) { " + COMPLETE + " }"
    body = f"if (!NT_SUCCESS(WdfRequestForwardToIoQueue(Request, Second))) {{ {COMPLETE} }}"
    found = covered(driver(body, items))
    assert found.reason is None
    assert [place.runs for place in found.places if place.kind == "callback"] == [True, True]


@pytest.mark.parametrize("timeout", [0.0, 1e-9])
def test_what_time_cuts_off_is_left_open(timeout: float) -> None:
    found = covered(driver(COMPLETE), timeout=timeout)
    assert found.reason is not None
    assert "out of time" in found.reason
    assert {place.runs for place in found.places} == {None}


def test_too_many_states_leave_places_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wdfmc.coverage.MOST_STATES", 1)
    found = covered(driver(COMPLETE))
    assert found.reason == "not all states were visited (1 at most)"
    assert {place.runs for place in found.places} == {None}


def test_the_text_report_names_lines() -> None:
    text = FORMATS["text"](report(driver(f"        {COMPLETE}\n        return;\n        Flag = TRUE;")))
    assert "what can run, with 2 requests: 1 of 1 callback, 2 of 3 statements" in text
    assert "never   8: Flag = TRUE" in text


def test_json_has_every_place() -> None:
    (model,) = json.loads(FORMATS["json"](report(driver(f"{COMPLETE} return; Flag = TRUE;"))))["models"]
    assert model["coverage"]["requests"] == 2
    assert [(place["kind"], place["line"], place["way"], place["runs"]) for place in model["coverage"]["places"]] == [
        ("callback", 5, None, True),
        ("statement", 6, None, True),
        ("statement", 6, None, True),
        ("statement", 6, None, False),
    ]
