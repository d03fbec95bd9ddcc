"""A model as it is stepped through: lowered with one transition for each statement, every rule beside it, no reduction.

The same lowering and the same `step` as those of a check, so its runs are runs that a check knows; only the joining of
statements is off, and queues keep their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from wdfmc.checking import STANDARD_TARGET, Model, Options, with_target
from wdfmc.decide import MOST_ACTIVATIONS
from wdfmc.source import Span
from wdfmc.system.evaluate import IDLE
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import Lowering
from wdfmc.system.ordered import ordered
from wdfmc.system.paths import NotExpressible
from wdfmc.system.step import choices, step
from wdfmc.system.system import State, TransitionSystem
from wdfmc.traces.explain import lines
from wdfmc.traces.follow import COPY, RULE_ACTORS
from wdfmc.traces.replay import owed
from wdfmc.verdict import TraceStep

TEST: Final = "if ("  # how the outcome of a test begins in a trace


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can happen now. `steps`: as a trace prints it. `breaks`: the rule that it breaks, if one."""

    number: int  # of the transition
    steps: tuple[TraceStep, ...]
    breaks: str | None

    @property
    def actor(self) -> str:
        return self.steps[0].actor

    @property
    def order(self) -> tuple[object, ...]:
        """Its place among others, by what is shown of it: numbers of transitions differ from one process to another."""
        shown = [
            (each.action, each.result or "", each.span.source.name, each.span.start, sorted(each.changes.items()))
            for each in self.steps
        ]
        return self.actor, shown, self.breaks or "", self.number


@dataclass(frozen=True)
class Stepwise:
    """Args:
    full: the system with the order of queues left open, whose variables are the first of `system`.
    places: where in the text the values of program counters are.
    left_out: rules that cannot be watched in this model, with the reason.
    """

    model: Model
    full: TransitionSystem
    system: TransitionSystem
    places: Mapping[str, Span]
    left_out: tuple[tuple[str, str], ...]

    @property
    def requests(self) -> int:
        return self.full.slots

    @cached_property
    def rules(self) -> frozenset[str]:
        """All that some step or state may break, and those that ask for something to happen."""
        breakable = {one.violates for one in self.full.transitions if one.violates is not None}
        return frozenset(breakable | {each.rule for each in self.full.obligations})

    @cached_property
    def actors(self) -> frozenset[str]:
        return frozenset(self.full.actors) - set(RULE_ACTORS)

    def sentence(self, rule: str) -> str:
        found = self.model.program.rules.get(rule)
        return found.sentence if found else ""

    def choices(self, state: State) -> Iterator[Choice]:
        """What can happen, in the order of the actors. Of two that neither look nor are different, one."""
        seen: set[object] = set()
        for number in choices(self.system, state):
            taken = self.system.transitions[number]
            if self.system.actors[taken.actor] in RULE_ACTORS:
                continue
            steps = self.steps(state, number)
            after = None if taken.violates else step(self.system, state, number)
            looks = tuple((one.actor, one.action, one.result, one.span) for one in steps), after, taken.violates
            if looks not in seen:
                seen.add(looks)
                yield Choice(number, steps, taken.violates)

    def broken(self, state: State) -> Mapping[str, int]:
        """The rules that the state breaks by itself, each with the transition that says so."""
        found: dict[str, int] = {}
        for number in choices(self.system, state):
            taken = self.system.transitions[number]
            if taken.violates is not None and self.system.actors[taken.actor] in RULE_ACTORS:
                found.setdefault(taken.violates, number)
        return found

    def starved(self, state: State) -> tuple[str, ...]:
        """What is owed although nothing has to happen any more."""
        if any(self.system.transitions[at].fairness is not None for at in choices(self.system, state)):
            return ()
        return tuple(sorted({each.rule for each in self.system.obligations if owed(each, state)}))

    def steps(self, state: State, number: int, position: int = 0, printed: int = 0) -> tuple[TraceStep, ...]:
        """A transition as a trace prints it, after so many transitions and lines. It need not be one that is taken."""
        taken = self.full.transitions[number]
        assert self.full.origin is not None
        before = state[: len(self.full.variables)]
        after = before if taken.violates else step(self.system, state, number)[: len(before)]
        template = self.full.origin.templates[taken.template]
        actor = self.full.actors[taken.actor]
        found = lines(self.full, before, after, template, taken.slots, actor, position, printed)
        if len(found) > 1 and found[1].action.startswith(TEST) and not found[0].changes:
            del found[0]  # the condition by itself, before how it turned out
        return tuple(replace(one, index=printed + 1 + at) for at, one in enumerate(found))

    def begins(self, number: int) -> Span:
        """Where in a text a transition begins."""
        assert self.full.origin is not None
        return self.full.origin.templates[self.full.transitions[number].template].statements[0].span

    # ------------------------------------------------------------ states

    def values(self, state: State, kinds: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Name -> (value at the start, value now) of the variables of some kinds (see `TemplateVariable.kind`)."""
        assert self.full.origin is not None
        found = {}
        for variable, value in zip(self.full.variables, state, strict=False):
            if self.full.origin.variables[variable.template].kind in kinds:
                found[variable.name] = variable.domain[variable.initial], variable.domain[value]
        return found

    def counter(self, actor: str) -> tuple[int, int] | None:
        """(program counter, its value while the actor does not run) of a callback; None for what is no callback."""
        assert self.full.origin is not None
        name = COPY.sub("", actor).partition("(")[0]
        for one in self.full.transitions:
            if self.full.actors[one.actor] == actor:
                for variable, mask in one.guard:
                    found = self.full.variables[variable]
                    kind = self.full.origin.variables[found.template].kind
                    only = found.domain[mask.bit_length() - 1] if mask.bit_count() == 1 else ""
                    if kind == "pc" and IDLE in found.domain and only.partition(":")[0] == name:
                        return variable, found.domain.index(IDLE)
        return None


def stepwise(model: Model, options: Options) -> Stepwise:
    """Raises NotExpressible."""
    program = with_target(model.program, options.target or STANDARD_TARGET, options.target is not None)
    rules = frozenset(goal.rule for goal in model.goals)
    overlaps: dict[str, int] = {}
    left_out: list[tuple[str, str]] = []
    while True:
        lowering = Lowering(program, rules, overlaps, stepwise=True)
        try:
            system = lowering.system()
        except NotExpressible as problem:
            if problem.rule not in rules:
                raise
            left_out.append((problem.rule, str(problem)))
            rules -= {problem.rule}
            continue
        raisable = {role: MOST_ACTIVATIONS for role in lowering.raisable.values() if role not in overlaps}
        if not raisable:
            break
        overlaps |= raisable
    full = instantiate(system, options.requests)
    places = {stop.label: stop.span for stop in lowering.stops()}
    return Stepwise(model, full, ordered(full), places, tuple(left_out))
