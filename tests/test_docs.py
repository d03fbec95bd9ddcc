"""The fenced `wdf` examples of the documentation: each parses, passes the checker, and keeps what it expects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdfmc.checking import check_text, library_texts
from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.semantics.check import analyse
from wdfmc.source import Source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    """(page:line, text) of each example; the text starts at its own line 1."""
    for page in PAGES:
        if not page.exists():
            continue
        markdown = page.read_text(encoding="utf-8")
        for fence in FENCE.finditer(markdown):
            if fence["language"] == "wdf":
                line = markdown.count("\n", 0, fence.start("text")) + 1
                yield f"{page.relative_to(ROOT).as_posix()}:{line}", fence["text"]


EXAMPLES = list(examples())
NOTHING = "driver Nothing { queue Q : manual; }\n"  # completes an example of rules or of framework text


@pytest.mark.parametrize(("place", "text"), EXAMPLES, ids=[place for place, _ in EXAMPLES])
def test_example_parses(place: str, text: str) -> None:
    assert parse(Source(place, text)).items


@pytest.mark.parametrize(("place", "text"), EXAMPLES, ids=[place for place, _ in EXAMPLES])
def test_example_passes_the_checker(place: str, text: str) -> None:
    items = parse(Source(place, text)).items
    if any(isinstance(item, ast.Import) for item in items):
        pytest.skip("the imported file is only named")
    complete = any(isinstance(item, ast.Driver) for item in items)
    analyse(parse(Source(place, text if complete else text + NOTHING)), *library_texts())


@pytest.mark.parametrize(("place", "text"), [e for e in EXAMPLES if re.search(r"^ *expect ", e[1], re.MULTILINE)])
def test_example_keeps_its_expectations(place: str, text: str) -> None:
    report = check_text(text, place)
    assert report.exit == 0, [r for model in report.models for r in model.results if r.expectation == "unmet"]


def test_language_reference_has_an_example_in_every_section() -> None:
    reference = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", reference, flags=re.MULTILINE)[1:]:
        assert "```wdf\n" in section, section.splitlines()[0]
