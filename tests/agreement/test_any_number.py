"""What is proved for any number of requests on random template systems, checked with one to five of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from tests.agreement.ledger import Ledger
from tests.engines.test_anynumber import for_any, proof_of, rules
from tests.systems import with_bad_states
from wdfmc.engines.engine import Holds, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import TemplateSystem
from wdfmc.traces.replay import replay

LARGEST = 5
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
