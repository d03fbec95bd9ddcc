"""What is exported: the flat instance that `wdfmc check` decides, and the words that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from wdfmc import __version__
from wdfmc.assumptions import in_words
from wdfmc.checking import Goal, Model, Options, with_target
from wdfmc.decide import MOST_ACTIVATIONS, Instance, limit_of, lowered, run_engine
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.engines.engine import Violated
from wdfmc.semantics import typed
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND
from wdfmc.system.paths import NotExpressible
from wdfmc.system.slice import sliced
from wdfmc.system.system import Transition, TransitionSystem

CANNOT: Final = "WDF910"
WIDTH: Final = 110  # of a note


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance, and the rules of it that are asked about, in their order.

    A violating transition of another rule still ends the run, as it does in `wdfmc check`.
    """

    system: TransitionSystem
    rules: tuple[str, ...]
    heading: tuple[str, ...] = ()  # lines for people

    @property
    def owed(self) -> tuple[str, ...]:
        """The rules that ask for something to happen eventually."""
        return tuple(rule for rule in self.rules if any(o.rule == rule for o in self.system.obligations))

    @property
    def breakable(self) -> tuple[str, ...]:
        """The rules that some transition violates."""
        broken = {one.violates for one in self.system.transitions}
        return tuple(rule for rule in self.rules if rule in broken)

    @property
    def ending(self) -> tuple[str, ...]:
        """The rules that end a run without being asked about."""
        broken = {one.violates for one in self.system.transitions if one.violates is not None}
        return tuple(sorted(broken - set(self.rules)))

    def notes(self) -> Iterator[str]:
        """The heading, and what has to be known to read a verdict."""
        yield from self.heading
        asked = {*self.breakable, *self.owed}
        yield from listed("rules", [rule for rule in self.rules if rule in asked])
        yield from listed("rules that no transition can break", [rule for rule in self.rules if rule not in asked])
        yield from listed("a run also ends, silently, where one of these is broken", self.ending)
        yield f"{len(self.system.variables)} variables, {len(self.system.transitions)} transitions"

    def told(self, transition: Transition) -> str:
        """The lane and the statements of a transition, on one line."""
        actor = self.system.actors[transition.actor]
        if self.system.origin is None:
            return actor
        statements = self.system.origin.templates[transition.template].statements
        told = [s.action if s.result is None else f"{s.action} -> {s.result}" for s in statements]
        return " ".join(f"{actor}: {'; '.join(told)}".split())


def listed(what: str, names: Sequence[str]) -> list[str]:
    return wrap(f"{what}: {', '.join(names)}", WIDTH, break_on_hyphens=False) if names else []


def subject(model: Model, options: Options) -> Subject:
    """The instance of the slice for the selected rules; without `options.rules`, for every safety rule that is on.

    Raises:
        Rejected: the rules have no instance in common, or one that is asked for cannot be expressed.
    """
    goals, left_out = chosen(model, options), list[str]()
    program = with_target(model.program, goals[0].target, options.target is not None)
    while True:
        try:
            instance = settled(program, goals, options)
            break
        except NotExpressible as problem:
            blamed = [goal for goal in goals if problem.rule in (None, goal.rule)]
            goals = [goal for goal in goals if goal not in blamed]
            if options.rules or not goals:
                names = ", ".join(f"`{goal.rule}`" for goal in blamed)
                raise Rejected([Diagnostic(CANNOT, f"{names} cannot be exported: {problem}")]) from None
            left_out += (f"left out: {goal.rule} ({problem})" for goal in blamed)
    rules = tuple(goal.rule for goal in goals)
    part = sliced(instance.system, frozenset(rules), instance.contracts)
    heading = (
        f"wdfmc {__version__}: driver {program.name} in {model.path}",
        f"requests: {options.requests}; targets: {goals[0].target}",
        *(f"bound: {bound}" for bound in instance.bounds),
        *(f"{goal.rule}, assuming: {words}" for goal in goals if (words := "; ".join(in_words(program, goal.rule)))),
        *left_out,
    )
    return Subject(instantiate(part.system, options.requests), rules, heading)


def chosen(model: Model, options: Options) -> list[Goal]:
    """One goal for each rule, all in one environment."""
    goals: dict[str, Goal] = {}
    for goal in model.goals:
        if options.rules or not model.program.rules[goal.rule].liveness:
            goals.setdefault(goal.rule, goal)
    if not goals:
        raise Rejected([Diagnostic("WDF506", "no rule is selected: no safety rule concerns this model")])
    if len({goal.target for goal in goals.values()}) > 1:
        told = ", ".join(f"`{goal.rule}` with target {goal.target}" for goal in goals.values())
        advice = "name one with --target, or export them one by one"
        raise Rejected([Diagnostic("WDF905", f"the rules have different environments: {told}", help=advice)])
    return list(goals.values())


def settled(program: typed.Program, goals: Sequence[Goal], options: Options) -> Instance:
    """Lowered with as many records of each callback as overlap, found as `wdfmc check` finds it."""
    overlaps: dict[str, int] = {}
    while True:
        instance = lowered(program, goals, options, overlaps)
        role = overlapping(instance, options)
        if role is None:
            return instance
        overlaps[role] = MOST_ACTIVATIONS


def overlapping(instance: Instance, options: Options) -> str | None:
    """A role that needs more records: a run hits the bound that they would lift."""
    part = sliced(instance.system, frozenset({MODEL_BOUND}), instance.contracts)
    small = instantiate(part.system, options.requests)
    if instance.raisable and any(one.violates == MODEL_BOUND for one in small.transitions):
        for _, _, outcome in run_engine(small, [MODEL_BOUND], options, None):
            if isinstance(outcome, Violated):
                return instance.raisable.get(limit_of(part, small, outcome.path))
    return None
