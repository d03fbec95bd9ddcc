"""What is proved for any number of requests on random template systems, checked with one to five of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from tests.agreement.ledger import Ledger
from tests.engines.test_anynumber import for_any, proof_of, rules
from tests.systems import system_to_agree_on, with_bad_states
from wdfmc.engines.engine import Holds, Violated
from wdfmc.engines.eventually import Proof, obligations, prove
from wdfmc.engines.explicit import Explicit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import TemplateSystem
from wdfmc.system.writers import with_writers
from wdfmc.traces.replay import replay

LARGEST = 5
LARGEST_LIVE = 4  # where something has to happen eventually
OWED = range(60)  # seeds of every run
LONG_OWED = range(20_000, 26_000, 200)
MOST = 1_000_000  # states; a larger system does not count
SHARE = 12  # systems of every run
LONG = range(10_000, 20_000, 500)  # first seeds, each of a chunk
CHUNK = 50  # systems


def systems(first: int) -> Iterator[TemplateSystem]:
    return (with_bad_states(seed, broadcast=seed % 3 == 0) for seed in count(first))


def compare(first: int, many: int) -> Counter[str]:
    """So many systems of which something is proved for any number, each exhaustively searched at all sizes."""
    said: Counter[str] = Counter()
    for system in systems(first):
        proof = proof_of(system, rules(system))
        goals = sorted(for_any(system, proof))
        for goal, (requests, path) in proof.violated.items():
            replay(instantiate(system, requests), path, goal)
        if goals and all(exhausted(system, goals, requests) for requests in range(1, LARGEST + 1)):
            said["systems"] += 1
            said["rules, for any number: proved"] += len(goals)
            said["rules, for three: violated"] += len(proof.violated)
        if said["systems"] == many:
            break
    return said


def exhausted(system: TemplateSystem, goals: list[str], requests: int) -> bool:
    """Whether all goals hold with so many requests; False if there are too many states to say so."""
    outcomes = list(Explicit(limit_states=MOST).check(instantiate(system, requests), goals))
    assert not any(isinstance(outcome, Violated) for _, outcome in outcomes), (requests, outcomes)
    return all(isinstance(outcome, Holds) for _, outcome in outcomes)


def test_what_is_proved_for_any_number_holds_for_five(ledger: Ledger) -> None:
    ledger.enter("systems proved for any number", SHARE, compare(0, SHARE))


@pytest.mark.long
@pytest.mark.parametrize("first", LONG)
def test_it_holds_for_five_in_many_systems(first: int, ledger: Ledger) -> None:
    ledger.enter("systems proved for any number", CHUNK, compare(first, CHUNK))


# ---------------------------------------------------------------- eventually


def compare_owed(seeds: range) -> Counter[str]:
    """Systems in which something has to happen, with broadcasts, and with weak, strong or no fairness."""
    said: Counter[str] = Counter()
    for seed in seeds:
        system = system_to_agree_on(seed)
        if obligations(system, "live"):
            proof = isinstance(prove(with_writers(system), "live", time.monotonic() + 10), Proof)
            said["proved for any number" if proof else "left open"] += 1
            for requests in range(1, LARGEST_LIVE + 1) if proof else ():
                found = dict(Explicit(limit_states=MOST).check(instantiate(system, requests), ["live"]))["live"]
                assert not isinstance(found, Violated), (seed, requests, found)
    return said


def test_what_happens_eventually_for_any_number_does_for_four(ledger: Ledger) -> None:
    found = compare_owed(OWED)
    ledger.enter("systems that owe something", len(OWED), found)
    assert found["proved for any number"] >= 3


@pytest.mark.long
@pytest.mark.parametrize("first", LONG_OWED)
def test_it_does_for_four_in_many_systems(first: int, ledger: Ledger) -> None:
    ledger.enter("systems that owe something", 200, compare_owed(range(first, first + 200)))
