"""Small drivers, lowered: their templates by lane, and what their instances can reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from random import Random
from textwrap import dedent

from wdfmc.checking import library_texts
from wdfmc.language.parse import parse
from wdfmc.semantics import typed
from wdfmc.semantics.check import analyse
from wdfmc.source import Source
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import Lowering
from wdfmc.system.step import choices, step
from wdfmc.system.system import State, Template, TemplateSystem, TransitionSystem

# OnSecond is called while OnRead, which has forwarded the request, has not yet returned.
AGAIN = """
driver D {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    queue Second : parallel { EvtIoRead = OnSecond; }
    callback OnRead(Request) {
        status = WdfRequestForwardToIoQueue(Request, Second);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }
    }
    callback OnSecond(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""
MOST = 20_000  # states of a driver that is meant to be small


@cache
def program(text: str) -> typed.Program:
    framework, rules = library_texts()
    return analyse(parse(Source("t.wdf", dedent(text))), framework, rules)


@dataclass(frozen=True)
class Lowered:
    """A driver with the observers of some rules; `overlaps` as for `Lowering`."""

    text: str
    goals: tuple[str, ...] = ()
    overlaps: tuple[tuple[str, int], ...] = ()

    @cached_property
    def program(self) -> typed.Program:
        return program(self.text)

    @cached_property
    def lowering(self) -> Lowering:
        return Lowering(self.program, frozenset(self.goals), dict(self.overlaps))

    @cached_property
    def system(self) -> TemplateSystem:
        return self.lowering.system()

    def templates(self, lane: str) -> list[Template]:
        """The transitions of a lane that violate nothing."""
        return [one for one in self.system.templates if one.actor.name == lane and one.violates is None]

    def violating(self, rule: str) -> list[Template]:
        return [one for one in self.system.templates if one.violates == rule]

    def joined(self, lane: str) -> set[tuple[str, ...]]:
        """The statements of each transition of a lane."""
        return {tuple(statement.action for statement in one.statements) for one in self.templates(lane)}

    def variable(self, name: str) -> int:
        return [one.name for one in self.system.variables].index(name)

    def instance(self, requests: int) -> Instance:
        return Instance(instantiate(self.system, requests))


@dataclass(frozen=True)
class Instance:
    """All reachable states, by `step` alone."""

    system: TransitionSystem

    @cached_property
    def states(self) -> Mapping[State, int]:
        """Each with the length of a shortest run to it."""
        return self._explored[0]

    @cached_property
    def broken(self) -> Mapping[str, int]:
        """Rules that are violated, with the length of a shortest run."""
        return self._explored[1]

    @cached_property
    def _explored(self) -> tuple[dict[State, int], dict[str, int]]:
        found = {self.system.initial: 0}
        broken: dict[str, int] = {}
        level, depth = [self.system.initial], 0
        while level:
            depth += 1
            following = []
            for state in level:
                for chosen in choices(self.system, state):
                    rule = self.system.transitions[chosen].violates
                    if rule is not None:
                        broken.setdefault(rule, depth)
                    elif (after := step(self.system, state, chosen)) not in found:
                        found[after] = depth
                        following.append(after)
            assert len(found) <= MOST, "not a small driver"
            level = following
        return found, broken

    def values(self, *names: str) -> set[tuple[str, ...]]:
        """The combinations of values that these variables have in some reachable state."""
        at = [self.number(name) for name in names]
        return {tuple(self.system.variables[v].domain[state[v]] for v in at) for state in self.states}

    def number(self, name: str) -> int:
        return [one.name for one in self.system.variables].index(name)

    def names(self) -> Iterable[str]:
        return (one.name for one in self.system.variables)


def random_run(system: TransitionSystem, seed: int, length: int) -> tuple[list[State], list[int]]:
    """Up to so many transitions that break nothing, each actor as likely as another. The states are one more."""
    random = Random(seed)
    states, taken = [system.initial], list[int]()
    while len(taken) < length:
        able = [at for at in choices(system, states[-1]) if system.transitions[at].violates is None]
        if not able:
            break
        actor = random.choice(sorted({system.transitions[at].actor for at in able}))
        taken.append(random.choice([at for at in able if system.transitions[at].actor == actor]))
        states.append(step(system, states[-1], taken[-1]))
    return states, taken
