"""On every shipped model the bounded and the exhaustive search agree on verdicts and on the length of violations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tests.shipped import MODELS
from wdfmc.checking import Options, loaded, with_target
from wdfmc.decide import MOST_ACTIVATIONS, Instance, groups, lowered
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Holds, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND
from wdfmc.system.slice import sliced
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.minimize import canonical
from wdfmc.traces.replay import replay

DEPTH = 12
DEEP = 16
REQUESTS = 2
QUICK = [model for model in MODELS if not model.startswith("drivers/")]


def instance_of(model: str, overlaps: Mapping[str, int]) -> tuple[Instance, list[str]]:
    """The model in the environment of its first goal, lowered with all rules that are checked in it."""
    options = Options(requests=REQUESTS)
    (found, *_), _ = loaded([MODELS[model]], options)
    target = found.goals[0].target
    program = with_target(found.program, target, False)
    goals = [goal for goal in found.goals if goal.target == target]
    return lowered(program, goals, options, overlaps, None), [goal.rule for goal in goals]


def compare(system: TransitionSystem, goals: list[str], depth: int) -> dict[str, int]:
    """The length of each violation that both have found. Both searches look for all goals at once.

    Of an obligation that stays owed the exhaustive search finds some fair cycle, the bounded one the shortest.
    """
    bounded = dict(Bmc(depth).check(system, goals))
    exact = dict(Explicit().check(system, goals))
    assert set(bounded) == set(exact) == set(goals)
    found = {}
    for goal in goals:
        match bounded[goal], exact[goal]:
            case Violated(one), Violated(other):
                replay(system, one, goal)
                replay(system, other, goal)
                found[goal] = len(one.transitions)
                if one.end == other.end == "violation":
                    assert len(other.transitions) == found[goal], goal
                    assert len(canonical(system, goal, found[goal]).transitions) == found[goal], goal
                else:
                    assert len(other.transitions) >= found[goal], goal
            case Unknown(depth=reached), Violated(other):
                assert reached == depth, goal
                assert len(other.transitions) > depth or other.end == "loop", goal
            case Unknown(depth=reached), Holds():
                assert reached == depth, goal
            case pair:
                raise AssertionError((goal, pair))
    return found


def agreed(model: str, depth: int, alone: bool, overlaps: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
    """`alone`: each rule that needs a memory of its own in its own slice, as `wdfmc check` does; else one for all."""
    instance, rules = instance_of(model, overlaps)
    found: dict[str, int] = {}
    for part in groups(instance.program, rules) if alone else [rules]:
        system = instantiate(sliced(instance.system, frozenset(part), instance.contracts).system, REQUESTS)
        breakable = {one.violates for one in system.transitions} | {owed.rule for owed in system.obligations}
        goals = [rule for rule in (*part, MODEL_BOUND) if rule in breakable]
        found |= compare(system, goals, depth) if goals else {}
    if MODEL_BOUND in found and not overlaps:  # as `wdfmc check`: again, with more records
        return agreed(model, depth, alone, dict.fromkeys(instance.raisable.values(), MOST_ACTIVATIONS))
    assert MODEL_BOUND not in found
    return found


@pytest.mark.parametrize("model", QUICK)
def test_both_searches_agree(model: str) -> None:
    agreed(model, DEPTH, alone=False)


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS)
def test_both_searches_agree_deeper_and_rule_by_rule(model: str) -> None:
    agreed(model, DEEP, alone=True)


def test_there_is_something_to_agree_about() -> None:
    """Guards against rules that silently drop out of the comparison."""
    found = agreed("cancellation/pending_read_no_lock.wdf", DEPTH, alone=False)
    assert found, "a wrong model has a violation within the depth"
