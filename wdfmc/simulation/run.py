"""A run in the making: what was taken, step back, the way to a point, and a run by chance."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from wdfmc.engines.engine import Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.simulation.stepwise import Choice, Stepwise
from wdfmc.system.step import enabled, step
from wdfmc.system.system import State, Transition
from wdfmc.traces.follow import RULE_ACTORS
from wdfmc.verdict import Trace, TraceStep

HERE: Final = "(here)"  # the goal of a search; no rule is called so
PATIENCE: Final = 30.0  # seconds for the way to a point
MOST_STATES: Final = 1_000_000


class NoWay(Exception):
    """There is no run from here to the point, or none was found in time."""


@dataclass
class Run:
    """`taken`: transitions, from the initial state on. The last one may break a rule (`broken`): then it ends there.

    states: the initial one, and the one after each transition that was executed.
    """

    stepwise: Stepwise
    taken: list[int] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    broken: str | None = None
    _steps: list[tuple[TraceStep, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states = [self.stepwise.system.initial]

    @property
    def state(self) -> State:
        return self.states[-1]

    @property
    def steps(self) -> tuple[TraceStep, ...]:
        return tuple(one for each in self._steps for one in each)

    def choices(self) -> list[Choice]:
        """What can happen now; nothing after a rule was broken."""
        return [] if self.broken else list(self.stepwise.choices(self.state))

    def take(self, number: int) -> tuple[TraceStep, ...]:
        """Returns what was printed of it. Raises NotEnabled."""
        assert self.broken is None
        system = self.stepwise.system
        after = step(system, self.state, number)
        steps = self.stepwise.steps(self.state, number, len(self.taken), len(self.steps))
        self.taken.append(number)
        self._steps.append(steps)
        self.broken = system.transitions[number].violates
        if self.broken is None:
            self.states.append(after)
        return steps

    def back(self, number: int = 1) -> int:
        """Undo so many transitions, or as many as there are. Returns how many."""
        number = min(number, len(self.taken))
        for _ in range(number):
            if self.broken is None:
                self.states.pop()
            self.broken = None
            self.taken.pop()
            self._steps.pop()
        return number

    def trace(self) -> Trace:
        """With the rule that the last state breaks by itself as a step of its own."""
        steps, broken = self.steps, self.broken
        if broken is None and (found := self.stepwise.broken(self.state)):
            broken, number = next(iter(found.items()))
            steps += self.stepwise.steps(self.state, number, len(self.taken), len(steps))
        return Trace("violation" if broken else "open", None, steps)

    def verdict(self) -> str | None:
        """The rule that is broken at the end."""
        return self.broken or next(iter(self.stepwise.broken(self.state)), None)

    # ------------------------------------------------------------ the way to a point

    def to_line(self, line: int, model: str) -> list[int]:
        """The shortest way from here, at least one step, to a state in which a statement on the line can be next.

        Raises NoWay.
        """
        transitions = self.stepwise.system.transitions
        begins = [self.stepwise.begins(number) for number in range(len(transitions))]
        there = [at for at, span in enumerate(begins) if span.line == line and span.source.name == model]
        if not there:
            raise NoWay(f"no statement that can run begins on line {line} of {model}")
        if any(enabled(transitions[number], self.state) for number in there):
            return self.one_step_and(there)
        return self.way(there, with_last=False)

    def to_end(self, actor: str) -> list[int]:
        """The shortest way from here on which a callback that runs now comes to its end. Raises NoWay."""
        found = self.stepwise.counter(actor)
        if found is None:
            raise NoWay(f"{actor} is no callback, so it has no end")
        counter, idle = found
        if self.state[counter] == idle:
            raise NoWay(f"{actor} is not running")
        end = Transition(((counter, 1 << idle),), (), (), 0, None, HERE, 0, ())
        return self.way((), extra=end, with_last=False)

    def to_breach(self, rule: str | None) -> list[int]:
        """The shortest way from here to a breach of the rule, or of any. Raises NoWay."""
        if (now := self.verdict()) is not None and rule in (None, now):
            raise NoWay(f"{now} is broken already")
        transitions = self.stepwise.system.transitions
        there = [
            number
            for number, one in enumerate(transitions)
            if one.violates is not None and rule in (None, one.violates)
        ]
        if not there:
            raise NoWay(f"no step breaks {rule or 'a rule'}")
        way = self.way(there, with_last=True)
        by_state = self.stepwise.system.actors[transitions[way[-1]].actor] in RULE_ACTORS
        return way[:-1] if by_state else way  # what a state breaks by itself is a step of nobody

    def way(self, there: Iterable[int], with_last: bool, extra: Transition | None = None) -> list[int]:
        """The shortest run from the present state that ends with one of the transitions `there`, or with `extra`.

        with_last: that one is part of the way.

        The engine that decides rules finds it, in a system that begins here and has one rule: do not get there. Its
        slots are not interchangeable, as the requests have their names already.
        """
        if self.broken:
            raise NoWay("the run has ended: a rule is broken")
        system, targets = self.stepwise.system, set(there)
        transitions = [
            replace(one, violates=HERE if number in targets else one.violates)
            for number, one in enumerate(system.transitions)
        ]
        transitions += [extra] if extra else []
        relevant = cone([one for one in transitions if one.violates in (None, HERE)])
        beginning = tuple(
            replace(variable, initial=value) for variable, value in zip(system.variables, self.state, strict=True)
        )
        asked = replace(
            system,
            variables=beginning,
            transitions=tuple(
                replace(one, updates=tuple(update for update in one.updates if update.target in relevant))
                for one in transitions
            ),
            slots=0,
            obligations=(),
        )
        ((_, outcome),) = Explicit(MOST_STATES, time.monotonic() + PATIENCE).check(asked, [HERE])
        match outcome:
            case Violated(path):
                return list(path.transitions if with_last else path.transitions[:-1])
            case Unknown(reason):
                raise NoWay(f"no way there was found: {reason}")
            case _:
                raise NoWay("no run from here comes there")

    def one_step_and(self, there: list[int]) -> list[int]:
        """The shortest of the ways that have some step."""
        ways = []
        for choice in self.choices():
            if choice.breaks is None:
                onward = Run(self.stepwise)
                onward.states = [step(self.stepwise.system, self.state, choice.number)]
                with suppress(NoWay):
                    ways.append([choice.number, *onward.way(there, with_last=False)])
        if not ways:
            raise NoWay("no run from here comes there")
        return min(ways, key=len)


def cone(transitions: Sequence[Transition]) -> set[int]:
    """The variables that decide which of the transitions can be taken, now or later."""
    found = {variable for one in transitions for variable, _ in one.guard}
    found |= {v for one in transitions for count in one.counts for cubes in count.entities for c in cubes for v, _ in c}
    read = [(update.target, update.source) for one in transitions for update in one.updates if update.source >= 0]
    while more := {source for target, source in read if target in found} - found:
        found |= more
    return found


def at_random(run: Run, seed: int, most: int) -> None:
    """Goes on by chance, for at most so many transitions: first who steps, then how. Ends where a rule is broken."""
    dice = random.Random(seed)
    for _ in range(most):
        if run.verdict() is not None:
            return
        choices = sorted(run.choices(), key=lambda choice: choice.order)
        if not choices:
            return
        by_actor = [list(group) for _, group in groupby(choices, key=lambda choice: choice.actor)]
        run.take(dice.choice(dice.choice(by_actor)).number)
