"""The races of wdf-semantics section 5: the bad interleaving of the wrong idiom is found, the right one is proved.

The drivers of the folder `races` are named by their race, and their comments begin with `// RC-n, wrong:` or `right:`.
A right driver is right by every rule that is on by default, unless it says why it cannot be. One whose comment says
"(two requests)" is checked with two, the others with one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Result, Word

DRIVERS = sorted((Path(__file__).parent / "races").glob("*.wdf"))
EXPECTED = re.compile(r"^ +expect +\w+ +([\w-]+)", re.MULTILINE)
NUMBERS = range(1, 35)


def comment(path: Path) -> str:
    """Up to the driver, in one line."""
    return " ".join(path.read_text(encoding="utf-8").split("driver ")[0].replace("//", " ").split())


def is_right(path: Path) -> bool:
    return re.match(r"(RC-\d+, )+right: ", comment(path)) is not None


def races(path: Path) -> set[int]:
    return {int(number) for number in re.findall(r"RC-(\d+)", comment(path).split(":")[0])}


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_race(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    stated = tuple(dict.fromkeys(EXPECTED.findall(text)))
    requests = 2 if "(two requests)" in comment(path) else 1
    rules = () if is_right(path) else stated
    report = check_text(text, path.name, Options(rules=rules, requests=requests, engine="explicit", widening=0))
    results = [result for model in report.models for result in model.results if result.verdict is not Word.SKIPPED]
    assert {result.rule for result in results} >= set(stated)
    assert {result.rule: result.verdict for result in results if not is_as_expected(result)} == {}


def is_as_expected(result: Result) -> bool:
    if result.expectation is not None:
        return result.expectation == "met"
    return result.verdict in (Word.PROVED, Word.VACUOUS)


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_says_which_race_it_is(path: Path) -> None:
    assert re.match(r"(RC-\d+, )+(right|wrong): ", comment(path))
    assert f"rc{min(races(path)):02}" in path.stem
    assert "expect violated" in path.read_text(encoding="utf-8") or is_right(path)


@pytest.mark.parametrize("number", NUMBERS)
def test_race_has_both_drivers(number: int) -> None:
    found = [path for path in DRIVERS if number in races(path)]
    assert {is_right(path) for path in found} == {True, False}
