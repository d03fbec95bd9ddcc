"""A trace that was saved, or that a check has found, as a run of the stepwise system.

A step of a check may be several statements in one, and where a statement does nothing that is seen, the two may divide
it otherwise. So after each step of the trace the run has to agree with it in all that a trace shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from wdfmc.simulation.stepwise import Stepwise
from wdfmc.system.step import choices, step
from wdfmc.system.system import State
from wdfmc.traces.follow import RULE_ACTORS
from wdfmc.verdict import TraceStep

SHOWN: Final = ("field", "driver")  # the kinds of variables that a trace shows


@dataclass(frozen=True, slots=True)
class Mark:
    """What a saved trace says of one step. `changes`: variable -> its value afterwards."""

    actor: str
    action: str
    result: str | None
    file: str
    line: int
    changes: Mapping[str, str]
    transition: int

    def agrees(self, step: TraceStep) -> bool:
        span = step.span
        said = step.actor, step.action, step.result, span.source.name, span.line
        return said == (self.actor, self.action, self.result, self.file, self.line)


class Lost(Exception):
    """The model has no such run. `at`: the 0-based mark that cannot be reached."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def marks_of(steps: Sequence[TraceStep]) -> list[Mark]:
    return [
        Mark(
            one.actor, one.action, one.result, one.span.source.name, one.span.line,
            {name: after for name, (_, after) in one.changes.items()}, one.transition,
        )
        for one in steps
    ]  # fmt: skip


def followed(stepwise: Stepwise, marks: Sequence[Mark], end: str, rule: str | None) -> list[int]:
    """The transitions of a run that shows what the trace shows, and ends as it ends: as of a `Trace` of the rule.

    Raises Lost.
    """
    breaks = rule if end == "violation" else None
    by_state = breaks is not None and bool(marks) and marks[-1].actor in RULE_ACTORS
    if by_state:  # the last state is bad: that is a step of nobody
        marks, breaks = marks[:-1], None

    def finished(state: State) -> bool:
        if by_state:
            return rule in stepwise.broken(state)
        return end != "stuck" or rule in stepwise.starved(state)

    search = _Search(stepwise, marks, breaks, finished)
    path = search.path()
    if path is None:
        raise Lost(search.furthest)
    return path


Place: TypeAlias = tuple[State, int]  # a state, and how much of the trace was shown before it
Onward: TypeAlias = tuple[int | None, Place | None]  # a transition or none; where it leads, None if that is the end


class _Search:
    """Depth first: a step that the trace shows before one that shows nothing. What has failed once is not tried again.

    breaks: the rule that the last step breaks. finished: whether a run may end in a state, where none does.
    expected: what a trace shows of the state after so many marks, where a step of the trace ends there.
    furthest: the last mark that some run came to.
    """

    def __init__(
        self, stepwise: Stepwise, marks: Sequence[Mark], breaks: str | None, finished: Callable[[State], bool]
    ) -> None:
        self.stepwise = stepwise
        self.marks = marks
        self.breaks = breaks
        self.finished = finished
        self.furthest = 0
        self.variables = {variable.name: at for at, variable in enumerate(stepwise.full.variables)}
        now = {name: value for name, (_, value) in stepwise.values(stepwise.full.initial, SHOWN).items()}
        self.expected: dict[int, Mapping[str, str]] = {}
        for at, mark in enumerate(marks):
            now = {**now, **mark.changes}
            if at + 1 == len(marks) or marks[at + 1].transition != mark.transition:
                self.expected[at + 1] = now

    def path(self) -> list[int] | None:
        """Without recursion, since runs may be long: a stack of what is left to try after each step."""
        start = self.stepwise.system.initial, 0
        if self.ends(start):
            return []
        failed = {start}
        stack, taken = [self.onward(start)], list[int | None]()
        while stack:
            number, place = next(stack[-1], (None, start))
            if place is None or (place not in failed and self.ends(place)):
                return [each for each in (*taken, number) if each is not None]
            if place is start:  # nothing is left to try here
                stack.pop()
                if taken:
                    taken.pop()
            elif place not in failed:
                failed.add(place)
                taken.append(number)
                stack.append(self.onward(place))
        return None

    def ends(self, place: Place) -> bool:
        state, at = place
        return at == len(self.marks) and self.breaks is None and self.finished(state)

    def onward(self, place: Place) -> Iterator[Onward]:
        state, at = place
        self.furthest = max(self.furthest, min(at, len(self.marks) - 1))
        quiet: list[Onward] = []
        for number in choices(self.stepwise.system, state):
            taken = self.stepwise.system.transitions[number]
            actor = self.stepwise.system.actors[taken.actor]
            if actor in RULE_ACTORS or (at < len(self.marks) and actor != self.marks[at].actor):
                continue
            if taken.violates is not None:
                if taken.violates == self.breaks and self.shows_nothing(self.marks[at:-1]):
                    yield number, None
                continue
            steps = self.stepwise.steps(state, number)
            after = step(self.stepwise.system, state, number)
            if then := self.shown(steps, at):
                if self.agrees(after, then):
                    yield number, (after, then)
            elif not any(one.changes for one in steps):
                quiet.append((number, (after, at)))
        if at < len(self.marks) and self.shows_nothing(self.marks[at : at + 1]) and self.agrees(state, at + 1):
            yield None, (state, at + 1)
        yield from quiet

    def shown(self, steps: Sequence[TraceStep], at: int) -> int:
        """The place in the trace after these steps; 0 if the trace does not show them next."""
        for first in range(len(steps)):  # the trace need not have what comes before
            part = steps[first:]
            marks = self.marks[at : at + len(part)]
            if len(marks) == len(part) and all(mark.agrees(one) for mark, one in zip(marks, part, strict=True)):
                return at + len(part)
        return 0

    def shows_nothing(self, marks: Sequence[Mark]) -> bool:
        return not any(mark.changes for mark in marks)

    def agrees(self, state: State, at: int) -> bool:
        """Whether the state is as the trace says, if it says so at this place."""
        for name, value in self.expected.get(at, {}).items():
            number = self.variables.get(name)
            if number is None or self.stepwise.full.variables[number].domain[state[number]] != value:
                return False
        return True
