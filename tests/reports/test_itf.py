"""ITF is held to the grammar of ADR-015, and read by `itf-py`, which is of the authors of the format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from wdfmc import __version__
from wdfmc.reports import FORMATS
from wdfmc.reports.itf import left_out
from wdfmc.verdict import ModelReport, Report, Trace


def trace_of(report: Report, rule: str) -> Any:
    model = report.models[0]
    only = tuple(result for result in model.results if result.rule == rule)
    return json.loads(FORMATS["itf"](replace(report, models=(replace(model, results=only),))))


def is_value(value: Any) -> bool:
    """ADR-015: booleans, strings, big integers, lists, records, tuples, sets and maps."""
    match value:
        case bool() | str():
            return True
        case {"#bigint": str(digits)}:
            return re.fullmatch(r"-?\d+", digits) is not None
        case {"#set": list(members)} | {"#tup": list(members)}:
            return all(map(is_value, members))
        case {"#map": list(pairs)}:
            return all(len(pair) == 2 and all(map(is_value, pair)) for pair in pairs)
        case _:
            return False


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.itf.json", FORMATS["itf"](report).replace(f'"version": "{__version__}"', '"version": ""'))


@pytest.mark.parametrize("rule", ["no-double-complete", "request-eventually-completed", "stop-leads-to-power-down"])
def test_grammar(report: Report, rule: str) -> None:
    found = trace_of(report, rule)
    assert found["#meta"]["format"] == "ITF"
    for at, state in enumerate(found["states"]):
        assert state.pop("#meta") == {"index": at}
        assert set(state) == set(found["vars"])
        assert all(map(is_value, state.values()))
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in found["vars"])
    assert set(found["#meta"]["varTypes"]) == set(found["vars"])
    assert found.get("loop", 0) < len(found["states"])


def test_states_are_those_between_the_steps(report: Report) -> None:
    found = trace_of(report, "no-double-complete")
    owners = [dict(state["own"]["#map"])["r1"] for state in found["states"]]
    assert owners == ["none", "driver", "driver", "cancelable", "cancelable", "canceling", "done", "done"]
    assert found["states"][0]["last_actor"] == ""
    assert found["states"][3]["last_action"] == "WdfRequestMarkCancelableEx = STATUS_SUCCESS"
    assert found["#meta"]["varTypes"]["irp_cancel"] == "Str -> Bool"


def test_loop_leads_to_the_state_after_the_first_repeated_step(report: Report) -> None:
    assert "loop" not in trace_of(report, "no-double-complete")
    found = trace_of(report, "request-eventually-completed")
    assert found["loop"] == 5
    assert found["states"][5]["last_actor"] == "sender(r1)"


def test_sets_numbers_and_names(report: Report) -> None:
    """A set of requests, a number, two variables of one name, and a name that is none in TLA+."""
    result = report.models[0].results[0]
    assert result.trace is not None
    step = replace(
        result.trace.steps[0],
        changes={
            "r1.in Pending": ("false", "true"),
            "r2.in Pending": ("true", "false"),
            "r1.in Handle1.Waiting": ("false", "true"),
            "Pending": ("null", "r1"),
            "r1.Child2.refs": ("0", "2"),
            "r1.refs": ("1", "0"),
            "a b": ("x", "y"),
            "last_actor": ("0", "z"),
        },
    )
    model = replace(report.models[0], results=(replace(result, trace=Trace("stuck", None, (step,))),))
    found = json.loads(FORMATS["itf"](Report(1, (model,))))
    before, after = found["states"]
    assert found["#meta"]["varTypes"] == {
        "Pending": "Str", "Pending_": "Set(Str)", "Handle1_Waiting": "Set(Str)", "refs": "Str -> Int", "a_b": "Str",
        "last_actor_": "Str", "last_actor": "Str", "last_action": "Str",
    }  # fmt: skip
    assert (before["Pending_"], after["Pending_"]) == ({"#set": ["r2"]}, {"#set": ["r1"]})
    assert (before["Pending"], after["Pending"]) == ("null", "r1")
    assert after["refs"] == {"#map": [["r1", {"#bigint": "0"}], ["r1.Child2", {"#bigint": "2"}]]}
    assert all(is_value(value) for state in found["states"] for name, value in state.items() if name != "#meta")


def test_what_has_no_room_is_named(report: Report) -> None:
    (warning,) = left_out(report)
    assert "`no-double-complete`, 2 more are left out" in warning.message
    assert "`request-eventually-completed`" in str(warning.help)
    assert not left_out(Report(0, (ModelReport("a.wdf", "A", ()),)))


def test_without_a_violation_there_is_no_state() -> None:
    found = json.loads(FORMATS["itf"](Report(0, (ModelReport("a.wdf", "A", ()),))))
    assert (found["vars"], found["states"]) == ([], [])
    assert "no rule was decided" in found["#meta"]["description"]


@pytest.mark.parametrize("rule", ["no-double-complete", "request-eventually-completed"])
def test_a_reader_of_the_format_reads_it(report: Report, rule: str) -> None:
    itf_py = pytest.importorskip("itf_py")
    text = trace_of(report, rule)
    trace = itf_py.trace_from_json(text)
    assert trace.vars == text["vars"]
    assert trace.loop == text.get("loop")
    assert trace.states[-1].values["own"]["r1"] == "done"
