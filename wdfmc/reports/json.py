"""A report for scripts: one JSON object. Its keys, their order and where null may stand are a contract
(`tests/reports/report.schema.json`): later versions add keys, at the end of their object, and change none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdfmc import __version__
from wdfmc.diagnostics import Diagnostic, Label
from wdfmc.progress import Effort
from wdfmc.reports.invariant import sentences
from wdfmc.verdict import (
    Coverage,
    Covered,
    Minimal,
    ModelReport,
    Needed,
    Report,
    Result,
    Statistics,
    Trace,
    TraceStep,
)

if TYPE_CHECKING:
    from wdfmc.checking import Model


def render(report: Report) -> str:
    return json.dumps(report_object(report), indent=2) + "\n"


def report_object(report: Report) -> dict[str, Any]:
    return {
        "tool": "wdfmc",
        "version": __version__,
        "exit": report.exit,
        "models": [model_object(model) for model in report.models],
        "diagnostics": [diagnostic_object(diagnostic) for diagnostic in report.diagnostics],
        "statistics": None if report.statistics is None else statistics_object(report.statistics),
    }


def about(model: Model, exit: int) -> dict[str, Any]:
    """How an object about one model begins. `exit`: the exit code of the command."""
    path, driver = model.path, model.program.name
    return {"tool": "wdfmc", "version": __version__, "exit": exit, "path": path, "driver": driver}


def statistics_object(statistics: Statistics) -> dict[str, Any]:
    return {
        "seconds": round(statistics.seconds, 3),
        "memory": statistics.memory,
        "efforts": [effort_object(effort) for effort in statistics.efforts],
    }


def effort_object(effort: Effort) -> dict[str, Any]:
    return {
        "engine": effort.engine,
        "requests": effort.requests,
        "seconds": round(effort.seconds, 3),
        "depth": effort.depth,
        "frames": effort.frames,
        "lemmas": effort.lemmas,
        "states": effort.states,
        "queries": effort.queries,
    }


def model_object(model: ModelReport) -> dict[str, Any]:
    return {
        "path": model.path,
        "driver": model.driver,
        "results": [result_object(result, model.path) for result in model.results],
        "coverage": None if model.coverage is None else coverage_object(model.coverage),
    }


def coverage_object(coverage: Coverage) -> dict[str, Any]:
    return {
        "requests": coverage.requests,
        "reason": coverage.reason,
        "under": list(coverage.under),
        "seconds": round(coverage.seconds, 3),
        "places": [covered_object(covered) for covered in coverage.places],
    }


def covered_object(covered: Covered) -> dict[str, Any]:
    return {
        "kind": covered.kind,
        "file": covered.span.source.name,
        "line": covered.span.line,
        "column": covered.span.column,
        "way": covered.way or None,
        "runs": covered.runs,
    }


def result_object(result: Result, model: str) -> dict[str, Any]:
    return {
        "rule": result.rule,
        "verdict": str(result.verdict),
        "requests": result.requests,
        "depth": result.depth,
        "engine": result.engine,
        "assumptions": list(result.assumptions),
        "seconds": round(result.seconds, 3),
        "audit": str(result.audit),
        "expectation": result.expectation,
        "reason": result.reason or result.limited,
        "under": list(result.under),
        "bounds": list(result.bounds),
        "invariant": None if result.invariant is None else list(sentences(result.invariant, model)),
        "trace": None if result.trace is None else trace_object(result.trace),
        "sentence": result.sentence,
        "minimal": None if result.minimal is None else minimal_object(result.minimal),
    }


def minimal_object(minimal: Minimal) -> dict[str, Any]:
    return {
        "needed": [needed_object(needed) for needed in minimal.needed],
        "dropped": list(minimal.dropped),
        "seconds": round(minimal.seconds, 3),
    }


def needed_object(needed: Needed) -> dict[str, Any]:
    return {
        "assumption": needed.assumption,
        "instead": needed.instead or None,
        "verdict": str(needed.verdict),
        "reason": needed.reason,
        "trace": None if needed.trace is None else trace_object(needed.trace),
    }


def trace_object(trace: Trace) -> dict[str, Any]:
    return {"end": trace.end, "loop": trace.loop, "steps": [step_object(step) for step in trace.steps]}


def step_object(step: TraceStep) -> dict[str, Any]:
    return {
        "index": step.index,
        "actor": step.actor,
        "action": step.action,
        "result": step.result,
        "file": step.span.source.name,
        "line": step.span.line,
        "changes": pairs(step.changes),
        "lane": step.lane,
        "kind": step.kind,
        "owners": pairs(step.owners),
        "transition": step.transition,
    }


def pairs(changes: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    return {name: list(change) for name, change in changes.items()}


def diagnostic_object(diagnostic: Diagnostic) -> dict[str, Any]:
    primary = diagnostic.labels[0].span if diagnostic.labels else None
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "file": primary and primary.source.name,
        "line": primary and primary.line,
        "column": primary and primary.column,
        "help": diagnostic.help,
        "labels": [label_object(label) for label in diagnostic.labels],
    }


def label_object(label: Label) -> dict[str, Any]:
    return {
        "file": label.span.source.name,
        "line": label.span.line,
        "column": label.span.column,
        "text": label.text,
    }
