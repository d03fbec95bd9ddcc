"""SARIF is held to the published schema; where WDFMC_SARIF_MULTITOOL names Microsoft's `Sarif.Multitool`, also to the
rules of the standard's text and of the code hosts that it knows."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wdfmc import __version__
from wdfmc.checking import Options, check_text
from wdfmc.diagnostics import Diagnostic
from wdfmc.reports import FORMATS, sarif
from wdfmc.verdict import ModelReport, Report, Trace

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
PUBLISHED = {"GHAzDO1014"}  # the id of the build, which only the task that publishes the file knows
MODEL = """\
driver Wrong {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    expect violated no-double-complete;
    callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""


def log(report: Report) -> Any:
    found = json.loads(FORMATS["sarif"](report))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def results(report: Report) -> dict[str, Any]:
    return {result["ruleId"]: result for result in log(report)["runs"][0]["results"]}


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    text = FORMATS["sarif"](report)
    golden("reports/report.sarif", text.replace(f'"{__version__}"', '""').replace(f"wdfmc {__version__}", "wdfmc"))


def test_schema_holds(report: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    log(report)
    log(Report(0, ()))
    log(Report(2, (), (Diagnostic("WDF904", "there is no model", help="name one"),)))


def test_only_what_needs_a_look_is_a_result(report: Report) -> None:
    """Hosts show each as an alert: neither what is proved, nor what is expected, skipped or vacuous."""
    levels = {rule: result["level"] for rule, result in results(report).items()}
    assert levels == {
        "request-eventually-completed": "error",
        "stop-leads-to-power-down": "error",
        "cancel-responsive": "error",  # proved, but the model expects otherwise
        "deadlock-free": "warning",  # bounded
        "model-bound": "warning",  # unknown
        "WDF410": "warning",
    }


def test_nothing_undecided_looks_decided(report: Report) -> None:
    found = results(report)
    for rule in ("deadlock-free", "model-bound"):
        assert found[rule]["message"]["text"].startswith("Not decided. ")
    assert "another verdict" in found["cancel-responsive"]["message"]["text"]


def test_every_verdict_is_a_notification(report: Report) -> None:
    (run,) = log(report)["runs"]
    (invocation,) = run["invocations"]
    said = {note["associatedRule"]["id"]: note for note in invocation["toolExecutionNotifications"]}
    assert said["no-double-complete"]["level"] == "note"
    assert said["no-double-complete"]["message"]["text"].endswith("violated in 7 steps (as expected)")
    assert said["unmark-only-when-marked"]["descriptor"] == {"id": "proved"}
    assert said["forward-once"]["descriptor"] == {"id": "vacuous"}
    assert said["model-bound"]["level"] == "warning"
    assert "timer-stop-protocol" not in said, "it does not concern the driver"
    for rule, note in said.items():
        assert run["tool"]["driver"]["rules"][note["associatedRule"]["index"]]["id"] == rule


@pytest.mark.parametrize(("code", "successful"), [(0, True), (1, True), (2, False), (3, True), (70, False)])
def test_exit_code_is_told(code: int, successful: bool) -> None:
    (invocation,) = log(Report(code, ()))["runs"][0]["invocations"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (code, successful)


def test_thread_flows_keep_the_interleaving(report: Report) -> None:
    trace = next(r.trace for r in report.models[0].results if r.rule == "request-eventually-completed")
    assert trace is not None
    (flow,) = results(report)["request-eventually-completed"]["codeFlows"]
    assert [thread["id"] for thread in flow["threadFlows"]] == ["sender", "OnRead(r1)", "OnCancel(r1)", "OnDpc"]
    orders = [place["executionOrder"] for thread in flow["threadFlows"] for place in thread["locations"]]
    assert sorted(orders) == [step.index for step in trace.steps]
    for thread in flow["threadFlows"]:
        inside = [place["executionOrder"] for place in thread["locations"]]
        assert inside == sorted(inside)
    first = flow["threadFlows"][0]["locations"]
    assert first[0]["state"] == {"r1.own": {"text": "driver"}}
    assert "for ever" in first[1]["location"]["message"]["text"]


def test_limits_of_hosts_are_those_that_they_document() -> None:
    """GitHub Docs, SARIF results exceed limits: what is displayed at most."""
    assert (sarif.MOST_LOCATIONS, sarif.MOST_RESULTS, sarif.MOST_RELATED + 1) == (1_000, 5_000, 100)


def test_limits_of_hosts_are_kept(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_LOCATIONS", 40)
    monkeypatch.setattr(sarif, "MOST_RESULTS", 20)
    model = report.models[0]
    result = model.results[1]
    assert result.trace is not None
    steps = tuple(replace(result.trace.steps[0], index=at) for at in range(1, 40 + 200))
    long = replace(result, trace=Trace("violation", None, steps), rule="long")
    bounded = replace(model.results[5], reason=None)
    many = tuple(replace(bounded, rule=f"rule-{at}") for at in range(20 + 10))
    (run,) = log(Report(1, (replace(model, results=(*many, long)),)))["runs"]
    assert len(run["results"]) == 20
    assert run["results"][0]["ruleId"] == "long", "the worst come first"
    (flow,) = run["results"][0]["codeFlows"]
    assert sum(len(thread["locations"]) for thread in flow["threadFlows"]) == 40
    assert flow["message"]["text"].startswith("The first 199 steps are left out.")
    assert any("11 results are left out" in note["message"]["text"]
               for note in run["invocations"][0]["toolExecutionNotifications"])  # fmt: skip


def test_unmet_expectation_points_at_its_line() -> None:
    report = check_text(MODEL, "a.wdf", Options(rules=("no-double-complete",), engine="explicit"))
    (result,) = results(report).values()
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (3, 5)


def test_open_rule_points_at_the_driver() -> None:
    options = Options(rules=("no-double-complete",), engine="bmc", depth=1)
    report = replace(
        check_text(MODEL.replace("    expect violated no-double-complete;\n", ""), "a.wdf", options), exit=3
    )
    (result,) = results(report).values()
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 13}


def test_fingerprint_outlives_an_edit(report: Report) -> None:
    model = report.models[0]
    assert model.results[1].trace is not None
    shorter = replace(model.results[1], trace=replace(model.results[1].trace, steps=model.results[1].trace.steps[:3]))
    edited = replace(report, models=(replace(model, results=(*model.results[:1], shorter, *model.results[2:])),))
    before, after = (
        {rule: result["partialFingerprints"] for rule, result in results(one).items()} for one in (report, edited)
    )
    assert before == after
    assert len({json.dumps(value) for value in before.values()}) == len(before)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("models/a b.wdf", {"uri": "models/a%20b.wdf"}),
        ("models\\a.wdf", {"uri": "models/a.wdf"}),
        ("/src/a.wdf", {"uri": "file:///src/a.wdf"}),
        ("C:\\src\\a.wdf", {"uri": "file:///C:/src/a.wdf"}),
        ("<stdin>", {"uri": "%3Cstdin%3E"}),
        ("wdfmc/library/framework/queue.wdf", {"uri": "wdfmc/library/framework/queue.wdf", "uriBaseId": "WDFMC"}),
    ],
)
def test_paths_are_uris(name: str, place: dict[str, str]) -> None:
    assert sarif.artifact(name) == place


def test_multitool_finds_no_error(report: Report, tmp_path: Path) -> None:
    tool = os.environ.get("WDFMC_SARIF_MULTITOOL")
    if not tool:
        pytest.skip("WDFMC_SARIF_MULTITOOL does not name Sarif.Multitool")
    path, found = tmp_path / "report.sarif", tmp_path / "found.sarif"
    path.write_text(FORMATS["sarif"](report), encoding="utf-8")
    command = [tool, "validate", str(path), "--rule-kind", "Sarif;Ghas;Ado", "--output", str(found)]
    subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    )
    errors = [
        (result["ruleId"], result["message"])
        for run in json.loads(found.read_text(encoding="utf-8-sig"))["runs"]
        for result in run["results"]
        if result.get("level", "warning") == "error" and result["ruleId"] not in PUBLISHED
    ]
    assert not errors


def test_model_without_a_verdict() -> None:
    (run,) = log(Report(0, (ModelReport("a.wdf", "A", ()),)))["runs"]
    assert run["results"] == []
