"""What the framework does, as small drivers: points of wdf-semantics section 7, and facts about the environment.

Each driver of the folders `points` (named by the point), `callbacks` (named by what it is about), `environment` (the
env-... rows of the catalogue) and `disagreements` (of documentation and source) states what must come out: `expect
violated RULE;` shows that something can happen, `expect proved RULE;` that it cannot. A driver whose comment says "(two
requests)" is checked with two, the others with one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Result, Word

HERE = Path(__file__).parent
POINTS = range(1, 91)
OUT_OF_SCOPE = {
    75: "the byte count of a completion and the length of the buffer are data, which the model has not",
    82: "a transfer of no bytes is a length, which the model has not",
}
FOLDERS = ("points", "callbacks", "environment", "disagreements")
DRIVERS = sorted(path for folder in FOLDERS for path in HERE.glob(f"{folder}/*.wdf"))
EXPECTED = re.compile(r"^ +expect +\w+ +([\w-]+)", re.MULTILINE)


@pytest.mark.parametrize("path", DRIVERS, ids=lambda path: path.stem)
def test_driver(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rules = tuple(dict.fromkeys(EXPECTED.findall(text)))
    comment = " ".join(text.replace("//", " ").split())
    requests = 2 if "(two requests)" in comment else 1
    report = check_text(text, path.name, Options(rules=rules, requests=requests, engine="explicit"))
    results = [result for model in report.models for result in model.results if result.verdict is not Word.SKIPPED]
    assert {result.rule for result in results} == set(rules)
    unmet = {result.rule: result.verdict for result in results if not is_as_expected(result)}
    assert unmet == {}


def is_as_expected(result: Result) -> bool:
    """An expectation with a target leaves open what comes out with another one, as long as nothing is violated."""
    return result.expectation == "met" or (result.expectation is None and result.verdict is Word.PROVED)


@pytest.mark.parametrize(
    "name",
    [
        "cancel_sent_atomic",
        "filter_autoforward",
        "handle_per_driver",
        "completion_routine_after_target",
        "sync_send_returns_after_target",
    ],
)
def test_each_fact_about_the_environment_has_its_driver(name: str) -> None:
    text = (HERE / "environment" / f"{name}.wdf").read_text(encoding="utf-8")
    assert f"env-{name.replace('_', '-')}" in text


def named(path: Path) -> set[int]:
    """The points that the comment at the head of a driver names."""
    head = path.read_text(encoding="utf-8").split("\ndriver ")[0]
    return {int(number) for number in re.findall(r"\bP(\d+)\b", head)}


@pytest.mark.parametrize("number", POINTS)
def test_point_has_its_driver_or_is_out_of_scope(number: int) -> None:
    drivers = [path.stem for path in DRIVERS if number in named(path)]
    assert bool(drivers) != (number in OUT_OF_SCOPE)


@pytest.mark.parametrize("path", sorted(HERE.glob("points/p*.wdf")), ids=lambda path: path.stem)
def test_driver_is_named_by_its_point(path: Path) -> None:
    assert int(path.stem[1:3]) in named(path)
