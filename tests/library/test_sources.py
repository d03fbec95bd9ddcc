"""What the library names as its source is there to be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "wdfmc" / "library").rglob("*.wdf*"))
CITED = re.compile(r"wdf-semantics ((?:(?:[A-Z]+-?)?\d[\d.]*(?:, | and )?)+)")
PAGE = (ROOT / "docs" / "wdf-semantics.md").read_text(encoding="utf-8")
PLACES = frozenset(
    re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", PAGE, re.MULTILINE)
    + re.findall(r"^\| ([A-Z]+\d+) \|", PAGE, re.MULTILINE)
    + re.findall(r"^\*\*(T\d+|RC-\d+)\b", PAGE, re.MULTILINE)
)


def cited(text: str) -> set[str]:
    return {place.rstrip(".") for found in CITED.finditer(text) for place in re.split(", | and ", found[1]) if place}


def test_places_are_found() -> None:
    assert {"1.6", "12", "T7", "RC-19", "P90", "D20", "S79", "E20", "U13"} <= PLACES


@pytest.mark.parametrize("path", LIBRARY, ids=[path.name for path in LIBRARY])
def test_what_is_cited_is_there(path: Path) -> None:
    assert cited(path.read_text(encoding="utf-8")) <= PLACES


def test_the_library_cites() -> None:
    assert len(set().union(*(cited(path.read_text(encoding="utf-8")) for path in LIBRARY))) > 60
