"""Rules that hold because nothing happens: for each proved rule, whether its trigger can happen at all.

What starts a rule is the trigger that it declares, the left side of its `leads to`, or, if it is the contract of
calls, one of these calls. Each becomes a safety goal, "never", beside the rules, so that one lowering serves both. One
search answers for all rules of a model.

Queues keep their order: what happens only if a request is presented before one that came earlier does not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from wdfmc.engines.reachability import Reached, reached
from wdfmc.parts import part_names
from wdfmc.semantics import typed
from wdfmc.system.evaluate import BROKEN_BY_HANDLES
from wdfmc.system.instantiate import instantiate
from wdfmc.system.places import calling, statements_of
from wdfmc.system.slice import sliced
from wdfmc.system.system import TemplateSystem

PATIENCE: Final = 300_000  # states; what is not found to happen in so many is rarely worth more time than the proof


class Idle(NamedTuple):
    """The trigger of a rule never happens. `engine`: what excludes it."""

    engine: str
    reason: str


@dataclass(frozen=True)
class Triggers:
    """What starts each rule. `goal_of`: the name of the safety goal. `rules`: those goals that are formulas.

    lost: why nothing is known of the trigger of a rule.
    """

    program: typed.Program
    goal_of: Mapping[str, str]
    rules: Mapping[str, typed.Rule]
    lost: Mapping[str, str] = field(default_factory=dict)

    @property
    def goals(self) -> frozenset[str]:
        return frozenset(self.goal_of.values())

    @property
    def observed(self) -> typed.Program:
        """The program with the triggers as rules."""
        return replace(self.program, rules={**self.program.rules, **self.rules})

    def without(self, goal: str | None, why: str) -> Triggers:
        """`goal`: a name of `rules`; None for all."""
        lost = {rule: why for rule, name in self.goal_of.items() if goal in (None, name)}
        kept = {rule: name for rule, name in self.goal_of.items() if rule not in lost}
        rules = {name: rule for name, rule in self.rules.items() if name in kept.values()}
        return Triggers(self.program, kept, rules, {**self.lost, **lost})


def triggers(program: typed.Program, names: Iterable[str]) -> Triggers:
    """Rules without a trigger (a state that never is, a cycle of waits) are about every run: they are left out."""
    required = {
        item.rule
        for routine in program.routines.values()
        for item in (*routine.requires, *statements_of(routine.body))
        if isinstance(item, typed.Require)
    }
    goal_of: dict[str, str] = {}
    rules: dict[str, typed.Rule] = {}
    known: dict[tuple[typed.Expr, tuple[typed.Parameter, ...]], str] = {}
    for name in names:
        rule = program.rules[name]
        if rule.form == "contract" and name not in BROKEN_BY_HANDLES:
            if name in required:
                goal_of[name] = calling(name)
        elif (formula := trigger_of(rule)) is not None:
            used = tuple(parameter for parameter in rule.parameters if names_local(formula, parameter.name))
            goal = known.setdefault((formula, used), f"the trigger of {name}")
            goal_of[name] = goal
            rules.setdefault(goal, never(rule, goal, formula, used))
    return Triggers(program, goal_of, rules)


def trigger_of(rule: typed.Rule) -> typed.Expr | None:
    if rule.trigger is None and rule.form == "leads-to":
        return rule.formula
    return rule.trigger


def names_local(part: Any, name: str) -> bool:
    match part:
        case typed.Local():
            return part.name == name
        case tuple():
            return any(names_local(item, name) for item in part)
        case None | str() | int() | frozenset():
            return False
        case _:
            return any(names_local(getattr(part, item), name) for item in part_names(type(part)))


def never(rule: typed.Rule, name: str, formula: typed.Expr, parameters: tuple[typed.Parameter, ...]) -> typed.Rule:
    return replace(
        rule, name=name, parameters=parameters, trigger=None, form="never", formula=formula, goal=None,
        exactly_once=False, start=None, edges=(),
    )  # fmt: skip


@dataclass(frozen=True)
class Vacuity:
    """What the search for the triggers of a model has found."""

    triggers: Triggers
    found: Reached
    requests: int

    def of(self, rule: str) -> Idle | str | None:
        """Why the rule is vacuous, or in words why this is not known; None if it has something to say."""
        goal = self.triggers.goal_of.get(rule)
        if goal in self.found.never:
            return Idle(self.found.never[goal], self.reason(rule))
        if goal in self.found.open:
            return f"whether it ever applies is open: no run has {self.happening(rule)} in {self.found.states} states"
        return self.triggers.lost.get(rule)

    def reason(self, rule: str) -> str:
        size = f"{self.requests} request" + ("s" if self.requests > 1 else "")
        return f"with {size}, no run has {self.happening(rule)}"

    def happening(self, rule: str) -> str:
        """The trigger of a rule, in words."""
        trigger = trigger_of(self.triggers.program.rules[rule])
        if trigger is None or self.triggers.goal_of[rule] == calling(rule):
            return "a call with this contract"
        events = list(dict.fromkeys(pattern.event for pattern in typed.events_of(trigger)))
        return " or ".join(f"`{event}`" for event in events) + ("" if plain(trigger) else " as its trigger says")


def plain(trigger: typed.Expr) -> bool:
    """Whether the trigger is the events that it names, whatever the state and the arguments are."""
    match trigger:
        case typed.Happens(_, args):
            return all(arg is None or isinstance(arg, typed.Local) for arg in args)
        case typed.Or(left, right):
            return plain(left) and plain(right)
        case _:
            return False


def vacuity(
    system: TemplateSystem, asked: Triggers, contracts: frozenset[str], requests: int, deadline: float | None
) -> Vacuity:
    """`system`: lowered with the goals of `asked`."""
    part = sliced(system, asked.goals, contracts)
    found = reached(instantiate(part.system, requests), sorted(asked.goals), PATIENCE, deadline)
    return Vacuity(asked, found, requests)
