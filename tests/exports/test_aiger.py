"""The exported circuits, run beside the system that they stand for, and ABC's answers to them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.exports.circuits import read
from tests.exports.tools import (
    decided_by_abc,
    needs_abc,
    shortest_by_abc,
    some_system,
    violated,
)
from wdfmc.exports.aiger import aiger, delta
from wdfmc.exports.circuit import Encoding
from wdfmc.exports.subject import Subject
from wdfmc.system.step import choices, enabled, step
from wdfmc.system.system import State, TransitionSystem

SAFETY = ("bad", "worse", "absent")
ENCODINGS: tuple[Encoding, ...] = ("binary", "one-hot")
LONG = range(2000)  # seeds
CHUNK = 100
MOST = 40  # steps of a random run


def latches(system: TransitionSystem, state: State, names: dict[str, str]) -> tuple[bool, ...]:
    """What the latches must be in a state, by their symbols: `variable in {value,...}`."""
    values = {variable.name: variable.domain[value] for variable, value in zip(system.variables, state, strict=True)}
    found = []
    for at in range(sum(name.startswith("l") for name in names)):
        variable, _, inside = names[f"l{at}"].partition(" in ")
        found.append(values[variable] in inside.strip("{}").split(","))
    return tuple(found)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("first", range(0, 300, 100))
def test_a_circuit_runs_as_the_system_does(encoding: Encoding, first: int) -> None:
    for seed in range(first, first + 100):
        system = some_system(seed)
        circuit = read(aiger(Subject(system, SAFETY), encoding))
        names = circuit.symbols
        moves = [at for at, transition in enumerate(system.transitions) if transition.violates is None]
        assert [names[f"b{at}"] for at in range(len(SAFETY))] == list(SAFETY)
        random, state = Random(seed), system.initial
        assert not any(latches(system, state, names))
        for _ in range(MOST):
            able = [moves.index(at) for at in choices(system, state) if at in moves]
            code = random.choice(able) if able and random.random() < 0.8 else random.randrange(1 << circuit.inputs)
            inputs = [bool(code >> bit & 1) for bit in range(circuit.inputs)]
            following, bad = circuit.step(latches(system, state, names), inputs)
            broken = {system.transitions[at].violates for at in choices(system, state)}
            assert bad == tuple(rule in broken for rule in SAFETY)
            if code < len(moves) and enabled(system.transitions[moves[code]], state):
                state = step(system, state, moves[code])
            assert following == latches(system, state, names)


def agree(seed: int, folder: Path) -> int:
    """Compare which rules are broken, in both encodings. Returns how many."""
    subject = Subject(some_system(seed), SAFETY)
    expected = violated(subject.system, SAFETY)
    for encoding in ENCODINGS:
        assert decided_by_abc(subject, encoding, folder) == set(expected), (seed, encoding)
    return len(expected)


@needs_abc
def test_abc_agrees(tmp_path: Path) -> None:
    assert 5 < sum(agree(seed, tmp_path) for seed in range(30)) < 50


@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("first", LONG[::CHUNK])
def test_abc_agrees_on_many(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + CHUNK):
        agree(seed, tmp_path)


@needs_abc
def test_shortest_errors_are_as_long_as_ours(tmp_path: Path) -> None:
    compared = 0
    for seed in range(150):
        system = some_system(seed)
        for rule, outcome in violated(system, SAFETY).items():
            steps = len(outcome.path.transitions) - 1
            if steps > 1:
                found = shortest_by_abc(Subject(system, (rule,)), ENCODINGS[seed % 2], tmp_path, steps + 2)
                assert found == steps, (seed, rule)
                compared += 1
    assert compared > 2


@pytest.mark.parametrize(("number", "packed"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (16383, b"\xff\x7f")])
def test_numbers_take_seven_bits_a_byte(number: int, packed: bytes) -> None:
    assert delta(number) == packed
