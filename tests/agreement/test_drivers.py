"""Random small drivers, written in the language: no engine and no other tool contradicts another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agreement.features import ALWAYS, features
from tests.agreement.ledger import Ledger
from tests.agreement.opinions import Case
from tests.drivers import driver_to_agree_on
from tests.exports.tools import needs_abc, needs_spin
from wdfmc.checking import Options, loaded
from wdfmc.diagnostics import Rejected
from wdfmc.engines.engine import Unknown
from wdfmc.engines.explicit import Explicit
from wdfmc.exports.subject import Subject, subject
from wdfmc.source import Source

SHARE = range(3, 9)  # seeds of every run
LONG = range(300)
CHUNK = 10
SMALL = 4_000  # states of a safety instance that all are asked about
SMALLER = 800  # states of an instance in which something has to happen eventually
EVENTUALLY = (
    "deferred-request-completes",
    "every-outcome-completes",
    "cancel-responsive",
    "sync-forward-then-complete",
    "power-down-completes",
    "sync-send-terminates",
)


def instance(seed: int, rules: tuple[str, ...], most: int, states: int) -> Case | None:
    """The largest one, of at most so many requests and states; None if the rules are not about this driver."""
    for requests in range(most, 0, -1):
        options = Options(requests=requests, rules=rules)
        (model,), _ = loaded([Source(f"driver {seed}", driver_to_agree_on(seed))], options)
        try:
            found = subject(model, options)
        except Rejected:  # the rule cannot be expressed for this driver, or is about something else
            return None
        asked = list(dict.fromkeys((*found.breakable, *found.owed)))
        outcomes = Explicit(limit_states=states).check(found.system, asked)
        if not any(isinstance(outcome, Unknown) for _, outcome in outcomes):
            return case(f"driver {seed}, {requests} requests", found) if asked else None
    return None


def case(name: str, found: Subject) -> Case:
    return Case(name, found.system, tuple(rule for rule in found.breakable if rule not in found.owed), found.owed)


def cases(seed: int) -> Iterator[Case]:
    for rules, most, states in (
        ((), 1 + seed % 3, SMALL),
        (("request-eventually-completed",), 1 + seed % 2, SMALLER),
        ((EVENTUALLY[seed % len(EVENTUALLY)],), 1, SMALLER),
    ):
        found = instance(seed, rules, most, states)
        if found is not None:
            yield found


def compare(seeds: range, ledger: Ledger, folder: Path) -> Counter[str]:
    """What was said, and how many instances have what."""
    said: Counter[str] = Counter()
    for seed in seeds:
        for number, found in enumerate(cases(seed)):
            opinions = found.opinions(folder)
            ledger.enter("instances of drivers", 1, opinions)
            said.update(opinions)
            said.update(features(found.templates))
            ledger.enter("drivers", int(number == 0), Counter())
    return said


@needs_spin
@needs_abc
def test_all_agree(ledger: Ledger, tmp_path: Path) -> None:
    found = compare(SHARE, ledger, tmp_path)
    for each in (
        *ALWAYS, "explicit: violated", "explicit: stuck", "explicit: loop", "explicit: proved",
        "spin, eventually: violated", "spin, eventually: proved",
    ):  # fmt: skip
        assert found[each], (each, found)


@needs_spin
@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_all_agree_on_many(first: int, ledger: Ledger, tmp_path: Path) -> None:
    assert compare(range(first, first + CHUNK), ledger, tmp_path)
