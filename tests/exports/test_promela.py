"""The exported Promela, and SPIN's answers to it, against the exhaustive search."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.naive import random_system
from tests.exports.tools import instance, needs_spin, some_system, spun, violated
from wdfmc.diagnostics import Rejected
from wdfmc.exports.promela import comment, promela
from wdfmc.exports.subject import Subject
from wdfmc.system.system import Transition, TransitionSystem, Update, Variable

SAFETY = ("bad", "worse")
LONG = range(2000)  # seeds
CHUNK = 100


def agree_on_safety(seed: int, folder: Path) -> int:
    """Compare which rules are broken. Returns how many."""
    subject = Subject(some_system(seed), SAFETY)
    expected = violated(subject.system, SAFETY)
    assert spun(subject, folder).broken == set(expected), seed
    return len(expected)


def owing_system(seed: int) -> TransitionSystem:
    return random_system(seed, live=True) if seed % 4 == 3 else instance(seed)


def agree_on_eventually(seed: int, rule: str, folder: Path) -> int:
    subject = Subject(owing_system(seed), (rule,))
    expected = violated(subject.system, (rule,))
    assert spun(subject, folder).broken == set(expected), seed
    return len(expected)


@needs_spin
def test_spin_agrees_on_safety(tmp_path: Path) -> None:
    assert 4 <= sum(agree_on_safety(seed, tmp_path) for seed in range(16)) < 28


@needs_spin
def test_spin_agrees_on_what_happens_eventually(tmp_path: Path) -> None:
    assert 5 < sum(agree_on_eventually(seed, ("live", "both")[seed // 2 % 2], tmp_path) for seed in range(16)) < 13


@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_spin_agrees_on_safety_of_many(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + CHUNK):
        agree_on_safety(seed, tmp_path)


@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_spin_agrees_on_what_happens_eventually_in_many(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + CHUNK):
        agree_on_eventually(seed, ("live", "both")[seed // 2 % 2], tmp_path)


@needs_spin
def test_shortest_errors_are_as_long_as_ours(tmp_path: Path) -> None:
    compared = 0
    for seed in range(150):
        system = some_system(seed)
        for rule, outcome in violated(system, SAFETY).items():
            if len(outcome.path.transitions) > 2 and compared < 8:
                found = spun(Subject(system, (rule,)), tmp_path, shortest=True)
                assert found.broken == {rule}
                assert found.depth == len(outcome.path.transitions) - 1, seed
                compared += 1
    assert compared > 2


def rotation(size: int) -> TransitionSystem:
    """One step moves each value to the next variable, all at once; `bad` when the last has come round to the first."""
    domain = tuple(map(str, range(size + 1)))
    variables = tuple(Variable(f"v{at}", domain, at, at, None, (None,) * (size + 1)) for at in range(size))
    turn = tuple(Update((at + 1) % size, at, tuple(range(size + 1))) for at in range(size))
    wrong = tuple((at, 1 << (at + 1) % size) for at in range(size))
    moves = (Transition((), (), turn, 0, None, None, 0, ()), Transition(wrong, (), (), 0, None, "bad", 1, ()))
    return TransitionSystem(variables, moves, ("A",))


@needs_spin
def test_updates_read_old_values(tmp_path: Path) -> None:
    subject = Subject(rotation(4), ("bad",))
    assert spun(subject, tmp_path).broken == {"bad"}
    path = violated(subject.system, ("bad",))["bad"].path
    assert len(path.transitions) == 4
    assert spun(subject, tmp_path, shortest=True).depth == 3


def test_one_rule_of_the_form_eventually_at_a_time() -> None:
    seed = next(seed for seed in range(100) if {"live", "both"} <= {o.rule for o in instance(seed).obligations})
    with pytest.raises(Rejected) as refused:
        promela(Subject(instance(seed), ("live", "bad")))
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "WDF910"
    assert "`live`" in diagnostic.message


def test_the_words_of_a_model_do_not_end_a_comment() -> None:
    assert comment("a */ b /* c") == "/* a * / b / * c */"
