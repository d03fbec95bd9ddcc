"""Justice and fairness in the exported circuits: beside the system that they stand for, and by ABC's `l2s`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.exports.circuits import read
from tests.exports.test_aiger import ENCODINGS, latches
from tests.exports.test_fairness import CASES, RULE
from tests.exports.tools import needs_abc, refuted_by_abc, some_system, violated
from tests.oracle import able, owes, serves
from wdfmc.exports.aiger import aiger
from wdfmc.exports.circuit import Encoding
from wdfmc.exports.subject import Subject
from wdfmc.system.step import choices, enabled, step
from wdfmc.system.system import TransitionSystem

OWED = ("live", "both")
LONG = range(1000)  # seeds
CHUNK = 50
MOST = 25  # steps of a random run


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_guesses_and_fairness_are_as_the_system_has_them(encoding: Encoding) -> None:
    seen = {
        (word, truth)
        for seed in range(150)
        for word, truth in beside(some_system(seed), encoding, Random(seed))
    }  # fmt: skip
    assert seen == {(word, truth) for word in ("refuted", "weak", "strong", "just") for truth in (False, True)}


def beside(system: TransitionSystem, encoding: Encoding, random: Random) -> list[tuple[str, bool]]:
    """A random run of the circuit, with random guesses. Returns what was compared, and the values that it had."""
    rules = tuple(rule for rule in OWED if any(owed.rule == rule for owed in system.obligations))
    if not rules:
        return []
    circuit = read(aiger(Subject(system, rules), encoding))
    names = circuit.symbols
    moves = [at for at, transition in enumerate(system.transitions) if transition.violates is None]
    obligations = [owed for rule in rules for owed in system.obligations if owed.rule == rule]
    obligations = [owed for owed in system.obligations if owed in obligations]
    strong = [number for number, group in enumerate(system.fairness) if group.strong]
    own = [at for at in range(circuit.latches) if " in {" in names[f"l{at}"]]
    state, watched, gone, refuted = system.initial, 0, set[int](), False
    seen = []
    for _ in range(MOST):
        of_state = latches(system, state, {f"l{at}": names[f"l{at}"] for at in own})
        guessed = [watched == number for number in range(1, len(obligations) + 1)]
        memory = (*of_state, *guessed, *(number in gone for number in strong), refuted)
        moving = [at for at in choices(system, state) if at in moves]
        taken = random.choice(moving) if moving and random.random() < 0.8 else None
        code = len(moves) if taken is None else moves.index(taken)
        guess = random.randint(1, len(obligations)) if random.random() < 0.2 else 0
        oaths = {number for number in strong if random.random() < 0.1}
        inputs = bits(code, len(moves).bit_length()) if moves else []
        inputs += [*bits(guess, len(obligations).bit_length()), *(number in oaths for number in strong)]
        assert len(inputs) == circuit.inputs
        for rule, literals in zip(rules, circuit.justice, strict=True):
            just = watched > 0 and obligations[watched - 1].rule == rule
            assert circuit.values(literals, memory, inputs) == (just,)
            seen.append(("just", just))
        fair, *groups = circuit.values(circuit.fairness, memory, inputs)
        assert fair == (not refuted)
        seen.append(("refuted", refuted))
        enabled_groups = able(system, state)
        for number, (group, value) in enumerate(zip(system.fairness, groups, strict=True)):
            served = taken is not None and serves(system, [taken], number)
            met = served or (number in gone if group.strong else number not in enabled_groups)
            assert value == met, (number, group)
            seen.append(("strong" if group.strong else "weak", met))
        following, _ = circuit.step(memory, inputs)
        rare = taken is not None and not system.transitions[taken].lasting
        ended = watched > 0 and not owes(system, state, obligations[watched - 1])
        refuted |= (watched > 0 and rare) or ended or bool(gone & enabled_groups)
        gone |= oaths
        watched = watched or guess
        state = state if taken is None else step(system, state, taken)
        after = latches(system, state, {f"l{at}": names[f"l{at}"] for at in own})
        guessed = [watched == number for number in range(1, len(obligations) + 1)]
        assert following == (*after, *guessed, *(number in gone for number in strong), refuted)
    return seen


def bits(number: int, width: int) -> list[bool]:
    return [bool(number >> bit & 1) for bit in range(width)]


def test_safety_is_written_as_without_justice() -> None:
    system = some_system(0)
    header = aiger(Subject(system, ("bad", "worse")), "binary").split(b"\n", 1)[0].split()
    assert len(header) == 7


# ---------------------------------------------------------------- by another tool


@needs_abc
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_abc_knows_what_is_fair(case: str, encoding: Encoding, tmp_path: Path) -> None:
    flat, refuted = CASES[case]
    breached = any(one.violates == RULE and enabled(one, flat.initial) for one in flat.transitions)
    found = refuted_by_abc(Subject(flat, (RULE,)), encoding, tmp_path)
    assert bool(found) == (refuted and not breached)


def agree(seed: int, folder: Path) -> list[bool]:
    """Compare which rules a fair run breaks; where there is no such run, a rule may still be breached."""
    system = some_system(seed)
    rules = tuple(rule for rule in OWED if any(owed.rule == rule for owed in system.obligations))
    expected = violated(system, rules)
    found = refuted_by_abc(Subject(system, rules), ENCODINGS[seed % 2], folder)
    breached = {rule for rule, outcome in expected.items() if outcome.path.end == "violation"}
    assert found - set(expected) == set(), seed
    assert set(expected) - found <= breached, seed
    return [rule in found for rule in rules]


@needs_abc
def test_abc_agrees(tmp_path: Path) -> None:
    found = [each for seed in range(40) for each in agree(seed, tmp_path)]
    assert found.count(True) > 10
    assert found.count(False) > 10


@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_abc_agrees_on_many(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + CHUNK):
        agree(seed, tmp_path)
