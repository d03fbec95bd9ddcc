"""JUnit XML is held to the schema that Jenkins' xUnit plugin publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wdfmc.diagnostics import Diagnostic
from wdfmc.reports import FORMATS
from wdfmc.verdict import ModelReport, Report

etree = pytest.importorskip("lxml.etree")
SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parent / "schemas" / "junit-10.xsd")))


def document(report: Report) -> Any:
    found = etree.fromstring(FORMATS["junit"](report).encode())
    SCHEMA.assertValid(found)
    return found


def outcomes(report: Report) -> dict[str, str]:
    """Test case -> what became of it, "" for one that passed."""
    found = {}
    for case in document(report).iter("testcase"):
        marks = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        assert len(marks) <= 1, "a test case has one outcome"
        found[case.get("name")] = marks[0] if marks else ""
    return found


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.junit.xml", FORMATS["junit"](report))


def test_outcomes(report: Report) -> None:
    assert outcomes(report) == {
        "no-double-complete": "",  # violated, as the model expects
        "request-eventually-completed": "failure",
        "stop-leads-to-power-down": "failure",
        "unmark-only-when-marked": "",
        "cancel-responsive": "failure",  # proved, but the model expects otherwise
        "deadlock-free": "error",  # bounded
        "forward-once": "skipped",  # vacuous
        "model-bound": "error",  # unknown
        "timer-stop-protocol": "skipped",
        "timer-armed-once": "skipped",
        "target-serialized": "skipped",
    }


def test_bounded_never_passes(report: Report) -> None:
    """With `--engine bmc` it is all that was asked for, and the exit code is 0: then it is not an error."""
    bounded = tuple(result for result in report.models[0].results if result.rule == "deadlock-free")
    assert outcomes(Report(0, (replace(report.models[0], results=bounded),))) == {"deadlock-free": "skipped"}


def test_sums_are_those_of_the_cases(report: Report) -> None:
    root = document(report)
    for element in (root, root.find("testsuite")):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        assert int(element.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert int(element.get("errors")) == sum(case.find("error") is not None for case in cases)
        assert float(element.get("time")) == pytest.approx(sum(float(case.get("time")) for case in cases), abs=1e-3)


def test_failure_has_its_trace(report: Report) -> None:
    root = document(report)
    failure = next(case for case in root.iter("testcase") if case.get("name") == "stop-leads-to-power-down")[0]
    assert failure.get("message") == "violated in 2 steps"
    assert "stuck: no step that must happen is left" in failure.text
    expected = next(case for case in root.iter("testcase") if case.get("name") == "no-double-complete")
    assert "violated in 7 steps (as expected)" in expected.findtext("system-out")


def test_exit_code_and_warnings_are_told(report: Report) -> None:
    said = document(report).findtext("testsuite/system-err")
    assert "exit 1: a rule is violated that was not expected to be" in said
    assert "warning[WDF410]" in said


def test_rejected_text_fails() -> None:
    rejected = Report(2, (), (Diagnostic("WDF904", "there is no model", help="name one"),))
    assert outcomes(rejected) == {"there is no model": "error"}
    assert document(rejected).find(".//error").get("type") == "WDF904"


def test_classes_are_paths_with_dots() -> None:
    model = ModelReport("./models\\sub.dir/a.wdf", "A", ())
    root = document(Report(0, (model,)))
    assert root.find("testsuite").get("name") == model.path


def test_characters_that_xml_cannot_carry(report: Report) -> None:
    model = report.models[0]
    odd = replace(model.results[7], reason="a \x00 & \x1b <b> \ud800 " + json.loads('"\\ud83d\\ude00"'))
    (found,) = document(Report(3, (replace(model, results=(odd,)),))).iter("error")
    assert "& � <b> � \U0001f600" in found.get("message")
