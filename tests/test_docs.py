"""Every fenced `wdf` example of the documentation parses, and every complete driver among them passes the checker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdfmc.language.parse import parse
from wdfmc.source import Source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
                yield f"{page.name}:{line}", fence["text"]


EXAMPLES = list(examples())


@pytest.mark.parametrize(("place", "text"), EXAMPLES, ids=[place for place, _ in EXAMPLES])
def test_example_parses(place: str, text: str) -> None:
    assert parse(Source(place, text)).items


def test_language_reference_has_an_example_in_every_section() -> None:
    reference = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", reference, flags=re.MULTILINE)[1:]:
        assert "```wdf\n" in section, section.splitlines()[0]
