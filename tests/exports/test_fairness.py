"""What fair means, in systems of a few transitions: one for each word of the definition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.exports.tools import needs_spin, spun, violated
from wdfmc.exports.subject import Subject
from wdfmc.system.system import FairGroup, Obligation, Transition, TransitionSystem, Update, Variable

RULE = "live"
OWED, GATE = 0, 1  # the variables, both of two values; it is owed while the first is 0
WORKER, OTHER = 0, 1  # the actors
WEAK, STRONG, OTHERS = 0, 1, 2  # the fairness groups: two of the worker, one of the other


def move(actor: int, group: int | None, guard: dict[int, int], updates: dict[int, int]) -> Transition:
    """`guard`, `updates`: from variables to values."""
    return Transition(
        tuple((variable, 1 << value) for variable, value in sorted(guard.items())),
        (),
        tuple(Update(variable, -1, (value,)) for variable, value in updates.items()),
        actor,
        group,
        None,
        0,
        (),
    )


def breach(rule: str, group: int | None) -> Transition:
    return replace(move(WORKER, group, {}, {}), violates=rule)


def system(*moves: Transition) -> TransitionSystem:
    variables = tuple(
        Variable(name, ("no", "yes"), 0, at, None, (None, None)) for at, name in enumerate(("done", "gate"))
    )
    groups = (FairGroup(WORKER, False, None), FairGroup(WORKER, True, "Lock"), FairGroup(OTHER, False, None))
    return TransitionSystem(variables, moves, ("worker", "other"), groups, (Obligation(RULE, OWED, 1),))


def done(group: int | None, gate: int | None = None) -> Transition:
    return move(WORKER, group, {} if gate is None else {GATE: gate}, {OWED: 1})


def opens(actor: int, group: int | None) -> Transition:
    return move(actor, group, {GATE: 0}, {GATE: 1})


def closes(actor: int, group: int | None) -> Transition:
    return move(actor, group, {GATE: 1}, {GATE: 0})


IDLES = move(OTHER, OTHERS, {}, {})
CASES = {
    "nothing has to happen": (system(), True),
    "what can always happen happens": (system(done(WEAK), IDLES), False),
    "what need not happen does not": (system(done(None), IDLES), True),
    "what need not happen does not, and nothing else can": (system(done(None)), True),
    "weak: it is not always able": (system(done(WEAK, gate=1), opens(OTHER, OTHERS), closes(OTHER, OTHERS)), True),
    "strong: able again and again": (system(done(STRONG, gate=1), opens(OTHER, OTHERS), closes(OTHER, OTHERS)), False),
    "strong: never able": (system(done(STRONG, gate=1), IDLES), True),
    "strong: able for a while": (system(done(STRONG, gate=0), opens(OTHER, None), IDLES), True),
    "weak: any step of the actor serves": (system(done(WEAK), move(WORKER, STRONG, {}, {})), True),
    "strong: only its own steps serve": (system(done(STRONG), move(WORKER, WEAK, {}, {}), IDLES), False),
    "no loop needs what happens finitely often": (
        system(done(WEAK, gate=1), opens(OTHER, OTHERS), closes(OTHER, None)),
        False,
    ),
    "who can only break another rule is able": (system(breach("contract", WEAK), IDLES), False),
    "who need not break another rule is not": (system(breach("contract", None), IDLES), True),
    "a breach of the rule itself": (system(breach(RULE, WEAK), IDLES), True),
}


@needs_spin
@pytest.mark.parametrize("case", CASES)
def test_spin_knows_what_is_fair(case: str, tmp_path: Path) -> None:
    flat, refuted = CASES[case]
    assert set(violated(flat, (RULE,))) == ({RULE} if refuted else set())
    assert spun(Subject(flat, (RULE,)), tmp_path).broken == ({RULE} if refuted else set())
