"""The exported Horn clauses, and the answers of z3's Spacer to them, against the exhaustive search."""

from __future__ import annotations

import pytest
import z3

from tests.exports.tools import instance, some_system, violated
from wdfmc.diagnostics import Rejected
from wdfmc.exports.smt2 import smt2
from wdfmc.exports.subject import Subject

SAFETY = ("bad", "worse")
LONG = range(2000)  # seeds
CHUNK = 100
PATIENCE = 20_000  # milliseconds for one query


def agree(seed: int) -> int:
    """Compare which rules are broken. Returns how many."""
    system = some_system(seed)
    expected = violated(system, SAFETY)
    for rule in SAFETY:
        solver = z3.SolverFor("HORN")
        solver.set("timeout", PATIENCE)
        solver.from_string(smt2(Subject(system, (rule,))))
        assert solver.check() == (z3.unsat if rule in expected else z3.sat), (seed, rule)
    return len(expected)


def test_spacer_agrees() -> None:
    assert 5 < sum(agree(seed) for seed in range(40)) < 70


@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_spacer_agrees_on_many(first: int) -> None:
    for seed in range(first, first + CHUNK):
        agree(seed)


def test_several_rules_are_one_question() -> None:
    seed = next(seed for seed in range(100) if len(violated(some_system(seed), SAFETY)) == 1)
    solver = z3.SolverFor("HORN")
    solver.from_string(smt2(Subject(some_system(seed), SAFETY)))
    assert solver.check() == z3.unsat


def test_rules_of_the_form_eventually_are_refused() -> None:
    seed = next(seed for seed in range(100) if any(owed.rule == "live" for owed in instance(seed).obligations))
    with pytest.raises(Rejected) as refused:
        smt2(Subject(instance(seed), ("live",)))
    assert refused.value.diagnostics[0].code == "WDF910"
