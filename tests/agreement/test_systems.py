"""Random small systems: no engine and no other tool contradicts another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.agreement.features import ALWAYS, features
from tests.agreement.ledger import Ledger
from tests.agreement.opinions import Case
from tests.exports.tools import needs_abc, needs_spin
from tests.systems import system_to_agree_on
from wdfmc.system.instantiate import instantiate

SHARE = range(120)  # seeds of every run; the other tools are asked about a few
TOOLS = range(16)
LONG = range(2000)
CHUNK = 50


def case(seed: int) -> Case:
    system = instantiate(system_to_agree_on(seed), 1 + seed // 4 % 3)
    owed = {obligation.rule for obligation in system.obligations}
    broken = {one.violates for one in system.transitions if one.violates is not None}
    return Case(f"seed {seed}", system, tuple(sorted(broken - owed)), tuple(sorted(owed)))


def test_the_systems_have_everything_that_engines_can_differ_about() -> None:
    cases = [case(seed) for seed in SHARE]
    found = Counter(feature for each in cases for feature in features(each.templates))
    for feature in ALWAYS:
        assert found[feature] >= len(cases) // 4, (feature, found)
    assert sum(not each.system.fairness for each in cases) >= len(cases) // 4, "without fairness"
    assert sum(any(group.strong for group in each.system.fairness) for each in cases) >= len(cases) // 4


def test_engines_agree(ledger: Ledger) -> None:
    found = sum((case(seed).opinions(None) for seed in SHARE), Counter[str]())
    ledger.enter("systems", len(SHARE), found)
    for opinion in (
        "explicit: violated", "explicit: stuck", "explicit: loop", "explicit: proved",
        "definition: loop", "definition: proved", "bmc: violated", "bmc: stuck", "bmc: loop", "bmc: open",
        "ic3: violated", "ic3: proved", "pairs: proved",
    ):  # fmt: skip
        assert found[opinion] >= 20, (opinion, found)


@needs_spin
@needs_abc
def test_other_tools_agree(ledger: Ledger, tmp_path: Path) -> None:
    found = sum((case(seed).opinions(tmp_path) for seed in TOOLS), Counter[str]())
    ledger.enter("systems, with other tools", len(TOOLS), found)
    for tool in ("spin, never", "spin, eventually", "spin, formula", "abc"):
        assert found[f"{tool}: proved"] >= 3 and found[f"{tool}: violated"] >= 3, (tool, found)


@needs_spin
@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_all_agree_on_many(first: int, ledger: Ledger, tmp_path: Path) -> None:
    for seed in range(first, first + CHUNK):
        ledger.enter("systems, with other tools", 1, case(seed).opinions(tmp_path))
