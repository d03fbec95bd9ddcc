"""The interpreter on a system small enough to read."""

from __future__ import annotations

import pytest

from wdfmc.system.step import NotEnabled, choices, counts, enabled, holds, step
from wdfmc.system.system import Count, Transition, TransitionSystem, Update, Variable


def variable(name: str, size: int) -> Variable:
    return Variable(name, tuple(map(str, range(size))), 0, 0, None, (None,) * size)


def transition(guard: tuple[tuple[int, int], ...], *updates: Update, count: Count | None = None) -> Transition:
    return Transition(guard, () if count is None else (count,), updates, 0, None, None, 0, ())


SYSTEM = TransitionSystem(
    variables=(variable("x", 3), variable("y", 3)),
    transitions=(
        transition(((0, 0b001),), Update(0, -1, (2,))),
        transition(((0, 0b110),), Update(0, 1, (0, 1, 2)), Update(1, 0, (0, 1, 2))),
        transition((), Update(1, 1, (1, 2, 0)), count=Count(((((0, 0b100),),), (((1, 0b100),),)), 1, 1)),
    ),
    actors=("T",),
)


@pytest.mark.parametrize(
    ("state", "expected"),
    [((0, 0), [0]), ((2, 0), [1, 2]), ((2, 2), [1]), ((1, 2), [1, 2]), ((0, 2), [0, 2])],
    ids=str,
)
def test_choices(state: tuple[int, int], expected: list[int]) -> None:
    assert list(choices(SYSTEM, state)) == expected


def test_updates_read_the_old_state() -> None:
    assert step(SYSTEM, (2, 1), 1) == (1, 2)


@pytest.mark.parametrize(
    ("state", "chosen", "after"), [((0, 1), 0, (2, 1)), ((2, 0), 2, (2, 1)), ((1, 2), 2, (1, 0))], ids=str
)
def test_constants_and_tables(state: tuple[int, int], chosen: int, after: tuple[int, int]) -> None:
    assert step(SYSTEM, state, chosen) == after


def test_a_transition_that_is_not_enabled() -> None:
    with pytest.raises(NotEnabled):
        step(SYSTEM, (1, 0), 0)
    assert not enabled(SYSTEM.transitions[0], (1, 0))


def test_a_cube_is_a_conjunction() -> None:
    assert holds((), (0, 0))
    assert holds(((0, 0b1), (1, 0b10)), (0, 1))
    assert not holds(((0, 0b1), (1, 0b10)), (0, 0))


@pytest.mark.parametrize(("low", "high", "expected"), [(0, 1, False), (2, 2, True), (3, 3, False), (1, 3, True)])
def test_a_count_counts_entities_not_alternatives(low: int, high: int, expected: bool) -> None:
    both = (((0, 0b1),), ((1, 0b1),))  # two alternatives, both true in (0, 0)
    assert counts(Count((both, (((0, 0b1),),), (((0, 0b10),),)), low, high), (0, 0)) is expected
