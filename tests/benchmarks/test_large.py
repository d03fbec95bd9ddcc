"""Shipped drivers side by side in one: what is wrong with one of them is wrong with both, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_models
from wdfmc.source import Source
from wdfmc.verdict import Word

ROOT = Path(__file__).parents[2]
RULES = (
    "no-double-complete",
    "no-access-after-ownership-loss",
    "complete-requires-unmark",
    "lock-order-acyclic",
    "no-inline-callback-under-lock",
)
SIDE_BY_SIDE = (
    ("seeds/send_and_forget", "cancellation/pending_read_plain_mark"),
    ("seeds/send_and_forget_completes", "seeds/complete_from_cancel"),
)


def verdicts(source: Source) -> dict[str, Word]:
    report = check_models([source], Options(rules=RULES, requests=1, widening=0.0), lambda path, result: None)
    return {result.rule: result.verdict for result in report.models[0].results}


def together(words: set[Word]) -> set[Word]:
    """Of a rule in a driver, by its verdicts for the parts. Where it speaks of one part it speaks of the whole."""
    for strongest in (Word.VIOLATED, Word.PROVED, Word.VACUOUS):
        if strongest in words:
            return {strongest}
    return {Word.SKIPPED, Word.VACUOUS}


@pytest.mark.parametrize("parts", SIDE_BY_SIDE, ids=" and ".join)
def test_drivers_side_by_side_have_the_verdicts_of_each(
    parts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    from large import merged

    paths = [ROOT / "models" / f"{part}.wdf" for part in parts]
    alone = [verdicts(Source(path.name, path.read_text(encoding="utf-8"))) for path in paths]
    found = verdicts(Source("both.wdf", merged(paths)))
    assert Word.VIOLATED in found.values()
    for rule, word in found.items():
        assert word in together({each[rule] for each in alone if rule in each}), rule
