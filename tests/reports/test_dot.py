"""DOT is held to a grammar of its own, and drawn by Graphviz where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from wdfmc.reports import FORMATS
from wdfmc.reports.dot import quoted
from wdfmc.verdict import ModelReport, Report

STRING = r'"(?:[^"\\]|\\.)*"'
GRAMMAR = re.compile(
    rf"""digraph\ {STRING}\ \{{\n
    \ {{4}}label={STRING};\ [^\n]*\n
    \ {{4}}node\ \[[^\n]*\];\n
    \ {{4}}edge\ \[[^\n]*\];\n
    (?:\ {{4}}subgraph\ cluster_\d+\ \{{\n
        \ {{8}}label={STRING};\ [^\n]*\n
        (?:\ {{8}}s\d+\ \[label={STRING}(?:,\ [^\n"]*"\#[0-9a-f]+",\ penwidth=2)?\];\n)+
    \ {{4}}\}}\n)+
    (?:\ {{4}}s\d+\ ->\ s\d+(?:\ \[style="dashed",\ label="for\ ever",\ constraint=false\])?;\n)*
    \}}\n""",
    re.VERBOSE,
)


def graphs(text: str) -> list[str]:
    return [f"digraph{part}" for part in re.split(r"^digraph", text, flags=re.MULTILINE)[1:]]


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.dot", FORMATS["dot"](report))


def test_grammar(report: Report) -> None:
    drawn = graphs(FORMATS["dot"](report))
    assert len(drawn) == 3
    for text in drawn:
        assert GRAMMAR.fullmatch(text.rstrip("\n") + "\n"), text
    assert [text.count("for ever") > 0 and "dashed" in text for text in drawn] == [False, True, False]
    assert ["#b00020" in text for text in drawn] == [True, False, False], "only a broken rule has a step that breaks it"


def test_strings_are_quoted() -> None:
    assert quoted('say "a\\b"\nc') == '"say \\"a\\\\b\\"\\nc"'


def test_without_a_violation() -> None:
    text = FORMATS["dot"](Report(0, (ModelReport("a.wdf", "A", ()),)))
    assert "No violation was found" in text


def test_graphviz_draws_every_graph(report: Report) -> None:
    dot = shutil.which("dot")
    if not dot:
        pytest.skip("Graphviz is not installed")
    model = report.models[0]
    odd = replace(model.results[0], sentence='"<b>\\N {x|y} \\l & é')
    text = FORMATS["dot"](replace(report, models=(replace(model, results=(odd, *model.results[1:])),)))
    done = subprocess.run([dot, "-Tsvg"], input=text.encode(), capture_output=True, check=True)
    assert not done.stderr
    drawn = done.stdout.decode()
    assert drawn.count("<svg ") == 3
    assert "&lt;b&gt;\\N {x|y} \\l &amp; é" in drawn
