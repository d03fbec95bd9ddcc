from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wdfmc.diagnostics import Diagnostic
from wdfmc.reports import FORMATS
from wdfmc.verdict import Report

SCHEMA = json.loads(Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8"))

# Design section 5, in its order. What is added later comes after these.
CONTRACT = {
    "report": ["tool", "version", "exit", "models", "diagnostics"],
    "model": ["path", "driver", "results"],
    "result": ["rule", "verdict", "requests", "depth", "engine", "assumptions", "seconds", "audit", "expectation",
               "reason", "under", "bounds", "invariant", "trace"],
    "trace": ["end", "loop", "steps"],
    "step": ["index", "actor", "action", "result", "file", "line", "changes"],
    "diagnostic": ["code", "severity", "message", "file", "line", "column", "help"],
}  # fmt: skip


@pytest.fixture
def printed(report: Report) -> Any:
    return json.loads(FORMATS["json"](report))


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.json", FORMATS["json"](report))


def test_schema_holds(printed: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(printed, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_keys_and_their_order_are_the_contract(printed: Any) -> None:
    model = printed["models"][0]
    result = model["results"][0]
    objects = {
        "report": printed,
        "model": model,
        "result": result,
        "trace": result["trace"],
        "step": result["trace"]["steps"][0],
        "diagnostic": printed["diagnostics"][0],
    }
    for name, keys in CONTRACT.items():
        assert list(objects[name])[: len(keys)] == keys, name


def test_rejected_text_gives_an_object_too() -> None:
    printed = json.loads(FORMATS["json"](Report(2, (), (Diagnostic("WDF903", "there is no file `a.wdf`"),))))
    jsonschema.validate(printed, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert printed["models"] == []
    assert printed["diagnostics"][0]["file"] is None
    assert printed["diagnostics"][0]["line"] is None
