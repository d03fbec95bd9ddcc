"""A report as SARIF 2.1.0, for code hosts and the viewers of editors.

`results` are what somebody has to look at: a violation that nobody expected, an expectation that is not met, a rule
that stayed undecided, a diagnostic. Nothing else stands there, since GitHub shows every result as an alert, whatever
its `kind` and its `suppressions`. The verdict on each rule, good ones included, is a notification of the invocation.

A violation has one thread flow for each lane of its trace. `executionOrder` is the number of the step in the trace, so
that the interleaving is kept; viewers that show a thread flow at a time have it in the words, too.

Sources: OASIS, *Static Analysis Results Interchange Format (SARIF) Version 2.1.0*, section numbers below; GitHub Docs,
*SARIF support for code scanning*, for what is required beyond it and for the limits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import PureWindowsPath
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from wdfmc import __version__
from wdfmc.catalogue import CATALOGUE
from wdfmc.diagnostics import Diagnostic, Label, Severity
from wdfmc.reports.phrases import (
    PASSING,
    acts,
    deed,
    ending,
    is_library,
    lanes,
    last_place,
    moved,
    other_changes,
    verdict_phrase,
)
from wdfmc.reports.standing import Standing, standing
from wdfmc.reports.text import MEANING, row_name
from wdfmc.source import Span
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep, Word

Object: TypeAlias = dict[str, Any]

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LIBRARY: Final = "WDFMC"  # the base of the uris of wdfmc's own texts
# GitHub refuses a result with more than 10,000 locations in thread flows, and shows 1,000; it refuses a run with more
# than 25,000 results, and shows the 5,000 that are most severe; of the locations of a result it shows 100.
MOST_LOCATIONS: Final = 1_000
MOST_RESULTS: Final = 5_000
MOST_RELATED: Final = 99
LEVELS: Final = {Standing.FAILED: "error", Standing.OPEN: "warning"}


def render(report: Report) -> str:
    return json.dumps(log(report), indent=2) + "\n"


def log(report: Report) -> Object:
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run(report)]}


def run(report: Report) -> Object:
    rules = Rules(report)
    found = [
        result_object(model, result, how, rules)
        for model in report.models
        for result, how in worth_a_look(model, report)
    ]
    found += [diagnostic_object(diagnostic, rules) for diagnostic in report.diagnostics]
    found.sort(key=lambda result: result["level"] != "error")  # a host that cuts the list keeps its beginning
    left_out = len(found) - MOST_RESULTS
    return {
        "tool": {
            "driver": {
                "name": "wdfmc",
                "fullName": f"wdfmc {__version__}",
                "semanticVersion": __version__,
                "rules": rules.descriptors(),
            }
        },
        "originalUriBaseIds": {LIBRARY: {"description": {"text": "The folder that wdfmc is installed in."}}},
        "invocations": [invocation(report, rules, left_out)],
        "results": found[:MOST_RESULTS],
        "columnKind": "unicodeCodePoints",
    }


# ---------------------------------------------------------------- rules


class Rules:
    """The rules that were decided and the codes of the diagnostics, numbered."""

    def __init__(self, report: Report) -> None:
        self.sentences = {result.rule: result.sentence for model in report.models for result in decided(model)}
        self.codes = list(dict.fromkeys(diagnostic.code for diagnostic in report.diagnostics))
        self.index = {name: at for at, name in enumerate([*self.sentences, *self.codes])}

    def descriptors(self) -> list[Object]:
        found = [descriptor(name, words, words, f"wdfmc rules {name}") for name, words in self.sentences.items()]
        for code in self.codes:
            known = CATALOGUE[code]
            found.append(descriptor(code, sentence(known.title), known.text, f"wdfmc explain {code}"))
        return found

    def reference(self, name: str) -> Object:
        return {"id": name, "index": self.index[name]}


def decided(model: ModelReport) -> list[Result]:
    """Not the many rules that do not concern the driver."""
    return [result for result in model.results if result.verdict is not Word.SKIPPED or result.expectation]


def descriptor(name: str, short: str, long: str, command: str) -> Object:
    text = f"{long}\n\n`{command}` says more, with an example."
    return {
        "id": name,
        "name": "".join(word[:1].upper() + word[1:] for word in name.split("-")),
        "shortDescription": {"text": short},
        "fullDescription": {"text": long},
        "help": {"text": text, "markdown": text},
    }


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


# ---------------------------------------------------------------- the invocation


def invocation(report: Report, rules: Rules, left_out: int) -> Object:
    """3.20. The exit code, and the verdict on every rule."""
    notes = [
        {
            "descriptor": {"id": str(result.verdict)},
            "associatedRule": rules.reference(result.rule),
            "level": LEVELS.get(standing(result, report), "note"),
            "message": {"text": f"{model.path}: {row_name(result, model.results)}: {told(result)}"},
            "locations": [{"physicalLocation": {"artifactLocation": artifact(model.path)}}],
        }
        for model in report.models
        for result in decided(model)
    ]
    if left_out > 0:
        notes.append(
            {"level": "warning", "message": {"text": f"{left_out} results are left out: a code host's limit."}}
        )
    found: Object = {
        "executionSuccessful": report.exit in (0, 1, 3),
        "exitCode": report.exit,
        "toolExecutionNotifications": notes,
    }
    if MEANING.get(report.exit):
        found["exitCodeDescription"] = MEANING[report.exit]
    return found


def told(result: Result) -> str:
    expected = {None: "", "met": " (as expected)", "unmet": " (not as expected)"}[result.expectation]
    return verdict_phrase(result) + expected


# ---------------------------------------------------------------- results


def worth_a_look(model: ModelReport, report: Report) -> Iterator[tuple[Result, Standing]]:
    for result in model.results:
        if (how := standing(result, report)) in LEVELS:
            yield result, how


def result_object(model: ModelReport, result: Result, how: Standing, rules: Rules) -> Object:
    """3.27."""
    found: Object = {
        "ruleId": result.rule,
        "ruleIndex": rules.index[result.rule],
        "level": LEVELS[how],
        "message": {"text": message(result, how)},
        "locations": [location(span_of(model, result), model.path)],
        "partialFingerprints": {"ruleInDriver/v1": fingerprint(model, result)},
    }
    if result.trace is not None:
        found["codeFlows"] = [code_flow(result, result.trace)]
        found["relatedLocations"] = related(result.trace)
    found["properties"] = {
        "verdict": str(result.verdict),
        "driver": model.driver,
        "requests": result.requests,
        "depth": result.depth,
        "engine": result.engine,
        "audit": str(result.audit),
        "expectation": result.expectation,
        "assumptions": list(result.assumptions),
        "under": list(result.under),
        "bounds": list(result.bounds),
    }
    return found


def message(result: Result, how: Standing) -> str:
    """Hosts show the first sentence where room is short."""
    words = [result.sentence, sentence(verdict_phrase(result))]
    if how is Standing.OPEN:
        words.insert(0, "Not decided.")
    elif result.expectation == "unmet":
        words.insert(0, "The model expects another verdict.")
    return " ".join(words)


def span_of(model: ModelReport, result: Result) -> Span | None:
    """The line of the driver with which the trace ends; else where the text expects another verdict; else its head."""
    if result.trace is not None and (place := last_place(result.trace)) is not None:
        return place
    return model.expected.get(result.rule, model.place)


def fingerprint(model: ModelReport, result: Result) -> str:
    """3.27.17. The same for the same finding after an edit of the driver."""
    words = (model.path, model.driver, row_name(result, model.results))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]


def related(trace: Trace) -> list[Object]:
    """The lines of the driver in the order of the trace, each with what was done there, once."""
    own = [step for step in trace.steps if not is_library(step.span) and step.action not in PASSING]
    spans = {(step.span, step.actor): step for step in own}
    return [
        {"id": at, **location(step.span, "", f"{step.index}. {said(step)}")}
        for at, step in enumerate(list(spans.values())[-MOST_RELATED:], start=1)
    ]


# ---------------------------------------------------------------- thread flows


def code_flow(result: Result, trace: Trace) -> Object:
    lane_of = lanes(trace)
    steps = trace.steps[-MOST_LOCATIONS:]
    words = ending(result, trace)
    if len(steps) < len(trace.steps):
        words = f"The first {len(trace.steps) - len(steps)} steps are left out. {words}"
    names = dict.fromkeys(lane_of[step.index] for step in steps)
    return {
        "message": {"text": words},
        "threadFlows": [
            {
                "id": name,
                "message": {"text": name},
                "locations": [
                    thread_flow_location(step, step is trace.steps[-1], trace.loop)
                    for step in steps
                    if lane_of[step.index] == name
                ],
            }
            for name in names
        ],
    }


def thread_flow_location(step: TraceStep, last: bool, loop: int | None) -> Object:
    """3.38. `state`: the values of what the step has changed."""
    again = "from here on for ever: " if step.index == loop else ""
    found: Object = {
        "location": location(step.span, "", f"{step.index}. {again}{said(step)}"),
        "executionOrder": step.index,
        "importance": importance(step, last),
    }
    state = {name: {"text": after} for name, (_, after) in step.changes.items()}
    if state:
        found["state"] = state
    return found


def importance(step: TraceStep, last: bool) -> str:
    if last or moved(step):
        return "essential"
    return "unimportant" if step.action in PASSING else "important"


def said(step: TraceStep) -> str:
    """`OnRead(r1): WdfRequestComplete -> STATUS_SUCCESS; r1: driver -> done`"""
    words = f"{step.actor}: {step.action.rstrip(';')}" if acts(step) else deed(step)
    if step.result is not None:
        words += f" -> {step.result}"
    changes = [f"{name}: {a} -> {b}" for name, (a, b) in {**moved(step), **other_changes(step)}.items()]
    return "; ".join([words, *changes])


# ---------------------------------------------------------------- diagnostics


def diagnostic_object(diagnostic: Diagnostic, rules: Rules) -> Object:
    words = [sentence(diagnostic.message)] + ([sentence(diagnostic.help)] if diagnostic.help else [])
    found: Object = {
        "ruleId": diagnostic.code,
        "ruleIndex": rules.index[diagnostic.code],
        "level": "error" if diagnostic.severity is Severity.ERROR else "warning",
        "message": {"text": " ".join(words)},
    }
    if diagnostic.labels:
        first, *others = diagnostic.labels
        found["locations"] = [location(first.span, "", first.text)]
        found["partialFingerprints"] = {"diagnostic/v1": labelled(diagnostic, first)}
        if others:
            found["relatedLocations"] = [
                {"id": at, **location(label.span, "", label.text)} for at, label in enumerate(others[:MOST_RELATED], 1)
            ]
    return found


def labelled(diagnostic: Diagnostic, label: Label) -> str:
    words = (diagnostic.code, diagnostic.message, label.span.source.name, label.span.text)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]


# ---------------------------------------------------------------- places


def location(span: Span | None, path: str, words: str = "") -> Object:
    """3.28. Without a span: the first line of the text at `path`."""
    found: Object = {"physicalLocation": physical(span) if span is not None else whole(path)}
    if words:
        found["message"] = {"text": words}
    return found


def physical(span: Span) -> Object:
    end_line, end_column = span.source.position(max(span.start, span.end))
    region = {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}
    return {"artifactLocation": artifact(span.source.name), "region": region}


def whole(path: str) -> Object:
    region = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    return {"artifactLocation": artifact(path), "region": region}


def artifact(name: str) -> Mapping[str, str]:
    """3.4. A relative path stands as it is: hosts take it from the root of the repository."""
    path = name.replace("\\", "/")
    if path.startswith("wdfmc/library/"):
        return {"uri": quote(path), "uriBaseId": LIBRARY}
    if path.startswith("/"):
        return {"uri": "file://" + quote(path)}
    if PureWindowsPath(name).is_absolute():
        return {"uri": PureWindowsPath(name).as_uri()}
    return {"uri": quote(path)}
