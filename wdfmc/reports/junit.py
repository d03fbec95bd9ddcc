"""A report as JUnit XML, for build servers: a test suite for each model, a test case for each rule.

| verdict | becomes |
|---|---|
| proved, or what the text expects | a test case that passes; an expected trace stands in its `system-out` |
| violated, or an expectation that is not met | `failure`, with the trace |
| unknown, or bounded where a proof was asked for | `error`: nothing failed, and nothing is known |
| vacuous, skipped, bounded where only that was asked for | `skipped`, with the reason |

Diagnostics are `system-err`; if they ended the run, each is a test case with an `error`. Nobody owns this format: the
elements and attributes here are those of the schema of Jenkins' xUnit plugin (`tests/reports/junit-10.xsd`), which
Jenkins, Azure Pipelines and GitLab read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from wdfmc.diagnostics import Diagnostic, Severity
from wdfmc.reports.page import PIPE, plain
from wdfmc.reports.phrases import verdict_phrase
from wdfmc.reports.snippet import diagnostic_lines
from wdfmc.reports.standing import Standing, standing
from wdfmc.reports.text import MEANING, row_name, trace_lines
from wdfmc.verdict import ModelReport, Report, Result

ELEMENTS: Final = {Standing.FAILED: "failure", Standing.OPEN: "error", Standing.IDLE: "skipped"}
DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # XML 1.0, production 2


def render(report: Report) -> str:
    suites = [model_suite(model, report) for model in report.models]
    errors = [item for item in report.diagnostics if item.severity is Severity.ERROR]
    if errors:
        suites.append(suite("wdfmc", [rejection(item) for item in errors]))
    root = Element("testsuites", {"name": "wdfmc", **sums(suites)})
    root.extend(suites)
    warnings = [item for item in report.diagnostics if item.severity is not Severity.ERROR]
    words = plain(diagnostic_lines(warnings, PIPE)) if warnings else ""
    if MEANING.get(report.exit):
        words += f"exit {report.exit}: {MEANING[report.exit]}\n"
    if words and suites:
        SubElement(suites[-1], "system-err").text = legal(words)
    indent(root)
    return DECLARATION + tostring(root, encoding="unicode") + "\n"


def model_suite(model: ModelReport, report: Report) -> Element:
    return suite(model.path, [case(model, result, report) for result in model.results])


def suite(name: str, cases: Sequence[Element]) -> Element:
    found = Element("testsuite", {"name": legal(name), **sums(cases)})
    found.extend(cases)
    return found


def sums(parts: Iterable[Element]) -> dict[str, str]:
    """How many test cases are in the parts, by what became of them, and how long they took."""
    cases = [case for part in parts for case in part.iter("testcase")]

    def number(element: str) -> str:
        return str(sum(case.find(element) is not None for case in cases))

    seconds = sum(float(case.get("time", "0")) for case in cases)
    found = {"tests": str(len(cases)), "failures": number("failure"), "errors": number("error")}
    return {**found, "time": f"{seconds:.3f}"}


def case(model: ModelReport, result: Result, report: Report) -> Element:
    name = row_name(result, model.results)
    found = Element(
        "testcase", {"classname": legal(class_of(model)), "name": legal(name), "time": f"{result.seconds:.3f}"}
    )
    how = standing(result, report)
    told = "" if result.trace is None else plain(trace_lines(result, result.trace, model.path, PIPE, name))
    words = verdict_phrase(result)
    if how in ELEMENTS:
        if result.expectation == "unmet":
            words = f"the model expects another verdict: {words}"
        detail = SubElement(found, ELEMENTS[how], {"type": str(result.verdict), "message": legal(words)})
        detail.text = legal(told or f"{result.sentence}\n{words}\n")
    else:
        expected = " (as expected)" if result.expectation else ""
        SubElement(found, "system-out").text = legal(told or f"{words}{expected}\n")
    return found


def class_of(model: ModelReport) -> str:
    """The path with dots: servers show the part before the last dot as a package, the rest as a class."""
    path = model.path.replace("\\", "/").removesuffix(".wdf").lstrip("./")
    return path.replace(".", "_").replace("/", ".")


def rejection(diagnostic: Diagnostic) -> Element:
    found = Element("testcase", {"classname": "wdfmc", "name": legal(diagnostic.message), "time": "0.000"})
    detail = SubElement(found, "error", {"type": diagnostic.code, "message": legal(diagnostic.message)})
    detail.text = legal(plain(diagnostic_lines([diagnostic], PIPE)))
    return found


def legal(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return NOT_XML.sub("�", text)
