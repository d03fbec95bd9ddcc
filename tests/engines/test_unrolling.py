from __future__ import annotations

import time
from itertools import product

import pytest
import z3  # type: ignore[import-untyped]

from tests.engines.naive import random_system, runs
from wdfmc.engines.abstraction import reach
from wdfmc.engines.relation import FALSE, TRUE, Clauses, Pattern, following, numbering
from wdfmc.engines.solver import GaveUp, Sat, Solver, Unsat
from wdfmc.engines.unrolling import Unrolling
from wdfmc.system.step import step
from wdfmc.system.system import Count, Transition, TransitionSystem, Update, Variable


def unrolled(system: TransitionSystem, *goals: str) -> Unrolling:
    known = reach(system)
    assert known is not None
    return Unrolling(system, known, goals)


@pytest.mark.parametrize("seed", range(12))
def test_models_are_runs_and_all_ends_of_runs_are_found(seed: int) -> None:
    system = random_system(seed, transitions=6)
    unrolling = unrolled(system, "bad", "worse")
    for length in range(3):
        ends = {state for _, state in runs(system, length)}
        answer = unrolling.solve()
        assert isinstance(answer, Sat if ends else Unsat)
        if isinstance(answer, Sat):
            state = system.initial
            for at in unrolling.transitions(answer.model):
                assert system.transitions[at].violates is None
                state = step(system, state, at)
        for state in product(*(range(len(variable.domain)) for variable in system.variables)):
            assert isinstance(_ending(unrolling, state), Sat if state in ends else Unsat), (length, state)
        unrolling.extend()


def _ending(unrolling: Unrolling, state: tuple[int, ...]) -> object:
    literals = [each.get(value, FALSE) for each, value in zip(unrolling.relation.values, state, strict=True)]
    return unrolling.solve(*map(unrolling.at, literals))


@pytest.mark.parametrize(("low", "high"), [(low, high) for low in range(5) for high in range(low, 5)])
def test_counts_are_exact(low: int, high: int) -> None:
    entities = tuple((((at, 0b10),), ((at, 0b100),)) for at in range(4))
    variables = tuple(Variable(f"v{at}", ("a", "b", "c"), 0, at, None, (None,) * 3) for at in range(4))
    moves = [
        Transition((), (), (Update(at, -1, (value,)),), 0, None, None, 0, ()) for at in range(4) for value in (1, 2)
    ]
    breach = Transition((), (Count(entities, low, high),), (), 0, None, "bad", 0, ())
    system = TransitionSystem(variables, (*moves, breach), ("a",))
    unrolling = unrolled(system, "bad")
    for _ in range(4):
        unrolling.extend()
    bad = unrolling.violation("bad")
    for state in product(range(3), repeat=4):
        if any(state):
            literals = [unrolling.at(unrolling.relation.values[at][value]) for at, value in enumerate(state)]
            number = sum(value > 0 for value in state)
            assert isinstance(unrolling.solve(bad, *literals), Sat if low <= number <= high else Unsat), state


@pytest.mark.parametrize("size", [1, 2, 5, 12, 13, 30])
def test_at_most_one(size: int) -> None:
    clauses = Clauses()
    literals = [clauses.fresh() for _ in range(size)]
    clauses.at_most_one(literals)
    solver = z3.Solver()
    solver.add(*(z3.Or([_bool(literal) for literal in clause]) for clause in clauses.here))
    for at in range(size):
        assert solver.check(_bool(literals[at])) == z3.sat
        for other in range(at):
            assert solver.check(_bool(literals[at]), _bool(literals[other])) == z3.unsat


def _bool(literal: int) -> z3.BoolRef:
    name = z3.Bool(str(abs(literal)))
    return name if literal > 0 else z3.Not(name)


def test_shared_literals_come_first_and_steps_follow_each_other() -> None:
    pattern = Pattern.of([(1, -2), (following(1), TRUE + 1)], width=5, shared=2)
    assert pattern.at(0) == "3 -4 0\n8 2 0\n"
    assert pattern.at(10) == "13 -14 0\n18 2 0\n"
    assert numbering(5, 2)(-TRUE) == -1


def test_a_system_without_transitions() -> None:
    system = TransitionSystem((Variable("v", ("a", "b"), 1, 0, None, (None, None)),), (), ())
    unrolling = unrolled(system, "bad")
    assert isinstance(unrolling.solve(), Sat)
    assert isinstance(unrolling.solve(unrolling.violation("bad")), Unsat)
    unrolling.extend()
    assert isinstance(unrolling.solve(), Unsat)


def test_bounds_on_literals_made_later() -> None:
    solver = Solver()
    solver.read("1 2 0\n-1 -2 0\n")
    three = [solver.fresh() for _ in range(3)]
    assert isinstance(solver.check([solver.at_most(three, 1), *three[:2]]), Unsat)
    assert isinstance(solver.check([solver.at_most(three, 1), three[0], -three[1]]), Sat)
    assert isinstance(solver.check([solver.any_of(three), *(-literal for literal in three)]), Unsat)
    assert isinstance(solver.check([-solver.if_any(three), three[1]]), Unsat)
    solver.insist(-three[2], 1)
    assert isinstance(solver.check([three[2], 2]), Unsat)
    found = solver.check([three[2]])
    assert isinstance(found, Sat) and found.model.true(1) and not found.model.true(2) and found.model.true(-2)


def test_past_the_deadline_it_gives_up() -> None:
    unrolling = unrolled(random_system(1), "bad")
    assert unrolling.solve(deadline=time.monotonic() - 1) == GaveUp("out of time")
