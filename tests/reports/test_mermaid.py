"""Diagrams are put to mermaid itself where WDFMC_MERMAID names a folder in which `npm install mermaid jsdom` was run;
everywhere they are held to a grammar that is stricter than mermaid's."""

from __future__ import annotations

import json
import os
import re
import shutil
import string
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wdfmc.reports import FORMATS
from wdfmc.reports.mermaid import escaped, sequence
from wdfmc.verdict import ModelReport, Report, Result, Trace

ODD = [
    string.punctuation,
    "end",
    "a ->> b; loop as x",
    "Note over: wrap: x",
    "%% c",
    "#35; é → ü",
    "-x",
    "as",
    "()",
    "[x]",
]

TEXT = r"(?:[^;#\"<>&%{}\[\]|\\`*~$^@\n]|\#\d+;|<br/>)+"
ID = r"[LR]\d+"
GRAMMAR = re.compile(
    rf"""sequenceDiagram\n
    (?:\ {{4}}participant\ {ID}\ as\ {TEXT}\n)+
    (?:\ {{4,8}}(?:Note\ over\ {ID}(?:,{ID})?:\ {TEXT} | {ID}->>{ID}:\ {TEXT} | loop\ for\ ever | end)\n)+""",
    re.VERBOSE,
)


def diagrams(markdown: str) -> list[str]:
    return re.findall(r"```mermaid\n(.*?)```", markdown, re.DOTALL)


def traced(report: Report) -> list[tuple[Result, Trace]]:
    return [(result, result.trace) for model in report.models for result in model.results if result.trace]


def odd_diagrams(report: Report) -> list[str]:
    result, trace = traced(report)[1]
    found = []
    for odd in ODD:
        steps = tuple(replace(step, actor=odd, lane=odd, action=odd, changes={odd: (odd, "")}) for step in trace.steps)
        found.append(sequence(replace(result, sentence=odd), replace(trace, steps=steps)))
    return found


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.md", FORMATS["mermaid"](report))


def test_grammar(report: Report) -> None:
    drawn = diagrams(FORMATS["mermaid"](report))
    assert len(drawn) == 3
    for text in [*drawn, *odd_diagrams(report)]:
        assert GRAMMAR.fullmatch(text), text
        assert text.count("loop for ever") == len(re.findall(r"^ *end$", text, re.MULTILINE))


def test_one_violation_is_one_block(report: Report) -> None:
    only = replace(report, models=(replace(report.models[0], results=report.models[0].results[:1]),))
    text = FORMATS["mermaid"](only)
    assert text.startswith("```mermaid\nsequenceDiagram\n")
    assert text.endswith("```\n")


def test_several_have_headings(report: Report) -> None:
    text = FORMATS["mermaid"](report)
    assert "## models/cancellation/wrong.wdf: driver Wrong\n" in text
    assert "### no-double-complete\n" in text


def test_without_a_violation_there_is_no_diagram() -> None:
    text = FORMATS["mermaid"](Report(0, (ModelReport("a.wdf", "A", ()),)))
    assert "No violation was found" in text
    assert "```" not in text


def test_special_characters_are_numbers() -> None:
    assert escaped('say "a; b" #1 <c>') == "say #34;a#59; b#34; #35;1 #60;c#62;"


@pytest.fixture
def mermaid() -> Callable[[list[str]], list[dict[str, Any]]]:
    node, folder = shutil.which("node"), os.environ.get("WDFMC_MERMAID")
    if not node:
        pytest.skip("node is not installed")
    if not folder:
        pytest.skip("WDFMC_MERMAID does not name a folder with mermaid and jsdom")

    def read(texts: list[str]) -> list[dict[str, Any]]:
        script = Path(__file__).with_name("mermaid_parse.mjs")
        done = subprocess.run(
            [node, str(script), folder],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return read


def test_mermaid_reads_every_diagram(report: Report, mermaid: Callable[[list[str]], list[dict[str, Any]]]) -> None:
    drawn = diagrams(FORMATS["mermaid"](report))
    for text, read in zip([*drawn, *odd_diagrams(report)], mermaid([*drawn, *odd_diagrams(report)]), strict=True):
        assert "error" not in read, (read, text)
    actors = mermaid(drawn)[0]["actors"]
    assert actors == ["sender", "OnRead(r1)", "OnCancel(r1)", "OnDpc", "request r1"]
