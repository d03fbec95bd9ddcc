"""Each rule has two tiny drivers: one with the mistake, one without. The exhaustive engine tells them apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_models
from wdfmc.verdict import Result, Word

PAIRS = Path(__file__).with_name("rules")
FOLDERS = sorted(path.parent.name for path in PAIRS.glob("*/proved.wdf"))
FAULT = re.compile(r"\s*expect\s+violated\s+([\w-]+)\s*;")


@pytest.mark.parametrize("folder", FOLDERS)
def test_driver_with_the_mistake(folder: str) -> None:
    path = PAIRS / folder / "violated.wdf"
    expectations = {result.rule: result.expectation for result in checked(path, (folder,))}
    assert expectations[folder] == "met"


@pytest.mark.parametrize("folder", FOLDERS)
def test_driver_without_the_mistake(folder: str) -> None:
    """No other rule finds fault with it either, unless a comment above the `expect` says why it must."""
    path = PAIRS / folder / "proved.wdf"
    results = checked(path, ())
    assert {result.expectation for result in results if result.rule == folder} == {"met"}
    unmet = {result.rule: result.verdict.value for result in results if result.expectation == "unmet"}
    faults = {result.rule for result in results if result.verdict is Word.VIOLATED and result.expectation is None}
    assert (unmet, faults) == ({}, set())
    lines = path.read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        if (fault := FAULT.match(line)) and fault[1] != folder:
            above = next(text for text in reversed(lines[:at]) if not FAULT.match(text))
            assert above.lstrip().startswith("//"), line


def checked(path: Path, rules: tuple[str, ...]) -> list[Result]:
    """What the exhaustive engine says of these rules, or of all that are on by default or expected, in one go."""
    report = check_models([path], Options(rules=rules, engine="explicit", widening=0), lambda name, result: None)
    return [result for model in report.models for result in model.results]
