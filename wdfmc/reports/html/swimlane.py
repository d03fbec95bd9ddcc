"""A trace as lanes down the page: who steps, who has each request, and where the race was decided.

Everything here is a number or a word; the templates draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from wdfmc.lanes import Lane
from wdfmc.reports.phrases import (
    OWNER,
    PASSING,
    RULE,
    acts,
    deed,
    environment_lane,
    is_library,
    lanes,
    moved,
    other_changes,
    source_line,
)
from wdfmc.verdict import Trace, TraceStep

ROW: Final = 38  # pixels: the height of one step
WIDEST: Final = 108  # one lane
NARROWEST: Final = 80
WISHED: Final = 560  # all lanes together
ASIDE: Final = 17  # from the one who steps to the first request that the lane holds
APART: Final = 15  # between two requests in one lane, if there is room
FRAMEWORK: Final = "framework"  # the lane of everything that has no lane of its own
DRIVER: Final = "driver"  # the lane that is split by callbacks
RETURNS: Final = "returns"  # the action with which a callback ends
COLOURS: Final = 6  # of requests; more begin again


@dataclass(frozen=True, slots=True)
class Token:
    """A request: its colour, and where it is after each step, as a column; None before it is there."""

    name: str
    colour: int
    columns: tuple[int | None, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One step. `mark`: `lost` where the rule is broken, `decided` where another callback settled the race."""

    step: TraceStep
    column: int
    who: str
    code: str
    result: str | None
    mark: str
    changes: tuple[tuple[str, str, str], ...]  # what, before, after


@dataclass(frozen=True, slots=True)
class Swimlane:
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    tokens: tuple[Token, ...]

    @property
    def lane(self) -> int:
        return max(NARROWEST, min(WIDEST, WISHED // len(self.columns)))

    @property
    def width(self) -> int:
        return self.lane * len(self.columns)

    @property
    def height(self) -> int:
        return ROW * len(self.rows)


def swimlane(trace: Trace, known: Sequence[Lane]) -> Swimlane:
    """`known`: the lanes of the library. A callback's lane stands where the driver's does."""
    titles = {lane.name: lane.title for lane in known}
    own = lanes(trace)
    placed = {
        step.index: own[step.index] if acts(step) else titles.get(environment_lane(step), titles[FRAMEWORK])
        for step in trace.steps
    }
    placed |= {step.index: own[step.index] for step in trace.steps if step.actor == RULE}
    callbacks = list(dict.fromkeys(placed[step.index] for step in trace.steps if acts(step)))
    columns: list[str] = []
    for lane in known:
        columns += callbacks if lane.name == DRIVER else [lane.title]
    states = states_of(trace)
    homes = {value: lane for lane in known for value in lane.holds}
    needed = {*placed.values(), titles[FRAMEWORK]}
    needed |= {homes[value].title for values in states.values() for value in values if value in homes}
    needed |= {lane.title for lane in known[:1]}
    shown = tuple(title for title in columns if title in needed)
    at = {title: column for column, title in enumerate(shown)}
    broken = trace.steps[-1].index if trace.end == "violation" and trace.steps else None
    if broken is not None and trace.steps[-1].actor == RULE:
        placed[broken] = titles[FRAMEWORK]
    decided = decisive(trace)
    rows = tuple(
        Row(
            step, at[placed[step.index]], placed[step.index] if step.actor != RULE else RULE, code(step), step.result,
            "lost" if step.index == broken else "decided" if step.index == decided else "", changes(step),
        )
        for step in trace.steps
    )  # fmt: skip
    tokens = tuple(
        Token(name, number % COLOURS, places(name, trace, values, homes, placed, at), values)
        for number, (name, values) in enumerate(states.items())
    )
    return Swimlane(shown, rows, tokens)


def states_of(trace: Trace) -> dict[str, tuple[str, ...]]:
    """For each request that the trace names: its state after each step."""
    first: dict[str, str] = {}
    for step in trace.steps:
        for name, (before, _) in step.owners.items():
            first.setdefault(name, before)
    found = {}
    for name, state in first.items():
        values = []
        for step in trace.steps:
            state = step.owners.get(name, (state, state))[1]
            values.append(state)
        found[name] = tuple(values)
    return found


def places(
    name: str, trace: Trace, states: Sequence[str], homes: Mapping[str, Lane], placed: Mapping[int, str],
    at: Mapping[str, int],
) -> tuple[int | None, ...]:  # fmt: skip
    """The column of a request after each step. What the driver has stands with the callback that touched it last."""
    found: list[int | None] = []
    column: int | None = None
    begun = False
    for number, (step, state) in enumerate(zip(trace.steps, states, strict=True)):
        home = homes.get(state)
        begun |= name in step.owners
        if not begun:
            found.append(None)
            continue
        if home is not None and home.name != DRIVER:
            column = at[home.title]
        elif acts(step) and touches(step, name):
            column = at[placed[step.index]]
        elif name in step.owners:
            taker = next((s for s in trace.steps[number:] if acts(s) and touches(s, name)), None)
            if taker is not None:
                column = at[placed[taker.index]]
        found.append(column)
    return tuple(found)


def touches(step: TraceStep, name: str) -> bool:
    """Whether a step is about a request: it runs for it, or changes something of it."""
    return step.actor.endswith(f"({name})") or any(changed.startswith(f"{name}.") for changed in step.changes)


def decisive(trace: Trace) -> int | None:
    """Where the race was lost: the last time that somebody else moved a request while the loser was under way."""
    working = [step for step in trace.steps if acts(step)]
    if trace.end != "violation" or not working:
        return None
    loser = working[-1].actor
    mine = [step for step in working if step.actor == loser]
    ends = [step.index for step, after in pairwise(mine) if step.action == RETURNS and after.action != RETURNS]
    activation = [step.index for step in mine if not ends or step.index > ends[-1]]
    others = [
        step.index
        for step in trace.steps
        if moved(step) and step.actor != loser and activation[0] < step.index < activation[-1]
    ]
    return others[-1] if others else None


def changes(step: TraceStep) -> tuple[tuple[str, str, str], ...]:
    owners = [(f"{name}.{OWNER}", before, after) for name, (before, after) in moved(step).items()]
    return (*owners, *((name, before, after) for name, (before, after) in other_changes(step).items()))


def code(step: TraceStep) -> str:
    """What is done, in the words of the text where it is a line of the driver."""
    if step.actor == RULE:
        return "the rule finds itself broken"
    if not acts(step):
        return deed(step)
    if is_library(step.span) or step.action in PASSING or step.action == RETURNS:
        return step.action
    line = source_line(step.span)
    return line.rstrip(";") if step.action.rstrip(";") in line else step.action
