"""The models that are written in Promela by hand say what wdfmc says, also of what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.exports.tools import needs_spin, run
from wdfmc.checking import Options, check_models, loaded
from wdfmc.verdict import Word

ROOT = Path(__file__).parents[2]
BY_HAND = ROOT / "benchmarks" / "promela"
PAIRS = {
    "pending_read": ("cancellation/pending_read", "cancellation/pending_read_no_lock"),
    "forward_canceller": ("cancellation/forward_canceller", "cancellation/forward_canceller_stale"),
    "split_parallel": ("seeds/split_parallel", "seeds/split_parallel_no_bias"),
}


def broken(model: str, requests: int) -> bool:
    """Whether wdfmc finds that a safety rule is violated of which the model says anything."""
    path = ROOT / "models" / f"{model}.wdf"
    ((found,), _) = loaded([path], Options())
    rules = tuple(item.rule for item in found.program.expectations if not found.program.rules[item.rule].liveness)
    report = check_models([path], Options(rules=rules, requests=requests, widening=0.0), lambda path, result: None)
    words = {result.verdict for result in report.models[0].results}
    assert words <= {Word.PROVED, Word.VIOLATED, Word.SKIPPED, Word.VACUOUS}, words
    return Word.VIOLATED in words


def errors(name: str, requests: int, folder: Path, *flags: str) -> int:
    """What SPIN finds, dead ends included."""
    assert "rror" not in run(["spin", f"-DN={requests}", *flags, "-a", str(BY_HAND / f"{name}.pml")], folder)
    run(["gcc", "-O0", "-w", "-DSAFETY", "-o", "pan", "pan.c"], folder)
    told = run(["./pan", "-m1000000"], folder)
    assert "max search depth too small" not in told, told
    found = re.search(r"errors: (\d+)", told)
    assert found, told
    return int(found[1])


def test_there_is_a_pair_of_models_for_each() -> None:
    assert {path.stem for path in BY_HAND.glob("*.pml")} == set(PAIRS)


@needs_spin
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_the_right_one_is_right(name: str, requests: int, tmp_path: Path) -> None:
    assert not errors(name, requests, tmp_path)
    assert not broken(PAIRS[name][0], requests)


@needs_spin
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_the_wrong_one_is_wrong(name: str, requests: int, tmp_path: Path) -> None:
    assert errors(name, requests, tmp_path, "-DBROKEN")
    assert broken(PAIRS[name][1], requests)
