"""Which assumptions a proof of "eventually" really needs, and what goes wrong without each of them.

Each assumption in turn is weakened as far as the rule stays proved, the others being as weak as found so far (deletion,
as for minimal unsatisfiable cores: Chinneck and Dravnieks, 1991). Weakening one only adds runs: what is not assumed may
still happen, even for ever. So a trace found on the way is also one under the assumptions that are left at the end, and
none of these can be weakened alone. Another set may do as well.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

from wdfmc.assumptions import Assumption, assumed, in_words, with_behaviours
from wdfmc.checking import Goal, Model, Options, with_target
from wdfmc.decide import decide
from wdfmc.verdict import Minimal, Needed, Result, Word


def minimized(model: Model, result: Result, options: Options, deadline: float | None) -> Result:
    """The result; if it is the proof of a liveness rule, with the assumptions that it needs."""
    if result.verdict is not Word.PROVED or not result.assumptions:
        return result
    started = time.monotonic()
    goal = goal_of(model, result, options)
    program = with_target(model.program, goal.target, options.target is not None)
    environment = {(each.kind, each.name): each for each in assumed(program, goal.rule)}
    needed, dropped = [], []
    for at, assumption in environment.items():
        refused: list[tuple[Assumption, Result]] = []
        for weaker in assumption.weaker:
            trial = decided(model, goal, {**environment, at: weaker}.values(), options, deadline)
            if trial.verdict is Word.PROVED and trial.requests == result.requests:
                environment[at] = weaker
                break
            refused.append((weaker, trial))
        if refused:
            weaker, trial = refused[-1]
            needed.append(Needed(environment[at].words, weaker.words, trial.verdict, trial.reason, trial.trace))
        elif environment[at] is not assumption:
            dropped.append(assumption.words)
    return replace(result, minimal=Minimal(tuple(needed), tuple(dropped), time.monotonic() - started))


def goal_of(model: Model, result: Result, options: Options) -> Goal:
    """What was asked. Two goals that differ only in their targets, while the text fixes what targets do, are one."""
    return next(
        goal
        for goal in model.goals
        if goal.rule == result.rule
        and in_words(with_target(model.program, goal.target, options.target is not None), goal.rule)
        == result.assumptions
    )


def decided(
    model: Model, goal: Goal, environment: Collection[Assumption], options: Options, deadline: float | None
) -> Result:
    """The rule in that environment alone."""
    program = model.under({each.name: each.value for each in environment if each.kind == "option"})
    program = with_behaviours(program, {each.name: each.value for each in environment if each.kind == "target"})
    trial = replace(model, program=program, goals=(replace(goal, expected=None),))
    found = decide(trial, replace(options, target=None), deadline)
    return next(result for result in found if result.rule == goal.rule)
