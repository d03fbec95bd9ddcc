"""What can befall a request: each of its states against each event, and who acts on the request after that.

All states of an instance are visited, without sparing any by symmetry, so that every step is known by the requests
that it is about. Over this graph runs a data flow: the event that finds a request in a state puts a mark (event, state)
on it, which goes along every step until a line of the driver acts on the request, or the request ends by itself. Marks
are united where runs meet, so what is found for a cell is found by some run, and what no run does is not found.

Which events there are is a text of the library (`library/review`): rules whose names begin alike. They are observed as
by any lowering; that their ghost bits are set tells which steps are the event, and for which request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from wdfmc.checking import STANDARD_TARGET, Options, with_target
from wdfmc.decide import MOST_ACTIVATIONS
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.explicit import BATCH
from wdfmc.engines.packed import Index, Numbers, Packing
from wdfmc.lanes import lanes_of
from wdfmc.progress import Work
from wdfmc.semantics import typed
from wdfmc.semantics.types import EnumType
from wdfmc.source import Span
from wdfmc.system.evaluate import NULL_HANDLE
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, Lowering, OutOfTime
from wdfmc.system.ordered import ordered
from wdfmc.system.paths import NotExpressible
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.system import Template, TemplateSystem, TransitionSystem

PREFIX: Final = "matrix-"  # of the rules that name the events
STATE: Final = "own"  # the field of a request that says in whose hands it is
MOST_STATES: Final = 400_000
MOST_REQUESTS: Final = 2  # marks of more do not fit, and tell nothing new of one request and its rivals
DRIVERS: Final = ("callback", "thread")  # the kinds of actors whose steps are lines of the driver

SAID: Final = re.compile(r"^\s*(\w+),?\s*// (.+)$", re.MULTILINE)  # a value of an enum and the comment behind it

Marks: TypeAlias = npt.NDArray[np.uint64]  # one bit for each slot and state


class Act(NamedTuple):
    """A line of the driver, or of the library if `who` is the framework or a target."""

    who: str
    span: Span


@dataclass(frozen=True, slots=True)
class Cell:
    """What was found of an event that finds a request in a state.

    Args:
        becomes: the states of the request right after the event.
        lines: of the driver, that act on the request next.
        by_itself: steps outside the driver that end the request.
        breaches: contracts that can be broken with this request some time after, and where.
    """

    becomes: tuple[str, ...]
    lines: tuple[Act, ...]
    by_itself: tuple[Act, ...]
    breaches: tuple[tuple[str, Act], ...]


class Row(NamedTuple):
    """A state of a request between its arrival and its end. `words`: what the library says of it; `lane`: whose it is.

    `reached`: whether some run has a request in it.
    """

    state: str
    words: str
    lane: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """A cell that is not there: no run has the event in that state, unless `reason` says why that is not known.

    Args:
        events: their headings. rows: in the order of the library.
        requests: in one run.
        size: states of the instance.
        under: the contracts at whose breach a run ends: nothing is said of what comes after.
    """

    events: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: Mapping[tuple[str, str], Cell]  # (state, event)
    requests: int
    size: int
    under: tuple[str, ...]
    reason: str | None


def matrix(program: typed.Program, options: Options, deadline: float | None) -> Matrix:
    """`program`: analysed with the review texts of the library. With fewer requests if there are too many states."""
    columns = {name: rule for name, rule in program.rules.items() if name.startswith(PREFIX)}
    events = tuple(rule.sentence for rule in columns.values())
    rows = lasting(program)
    contracts = frozenset({name for name, rule in program.rules.items() if rule.form == "contract"})
    contracts |= {MODEL_BOUND, NULL_HANDLE}
    target = options.target or STANDARD_TARGET
    watched = observing(with_target(program, target, options.target is not None), columns)
    reason: str | None = None
    requests = min(options.requests, MOST_REQUESTS)
    try:
        for number in range(requests, 0, -1):
            graph, reason = explored(watched, frozenset(columns), contracts, number, deadline)
            if reason is None or number == 1:
                flow = Flow.over(graph, deeds(graph, columns))
                rows = tuple(row._replace(reached=row.state in flow.reached) for row in rows)
                cells = dict(found(flow, columns, [row.state for row in rows]))
                return Matrix(events, rows, cells, number, graph.size, graph.broken, reason)
    except (NotExpressible, OutOfTime) as problem:
        reason = str(problem)
    return Matrix(events, rows, {}, requests, 0, (), reason)


def lasting(program: typed.Program) -> tuple[Row, ...]:
    """The states of a request that are in somebody's hands other than its sender's."""
    _, *lanes = lanes_of(program)
    declared = next(sort for sort in program.sorts.values() if sort.dynamic).fields[STATE]
    assert isinstance(declared.type, EnumType), declared
    text = declared.span.source.text[declared.span.start :]
    said = dict(SAID.findall(text[: text.index("}")]))
    return tuple(
        Row(state, said.get(state, ""), lane.title, False)
        for state in declared.type.members
        for lane in lanes
        if state in lane.holds
    )


def observing(program: typed.Program, columns: Mapping[str, typed.Rule]) -> typed.Program:
    """The program in which each event sets a bit that nothing reads."""
    rules = {
        name: replace(rule, formula=typed.And(typed.Const(False), typed.Once(rule.formula)))
        for name, rule in columns.items()
        if rule.formula is not None
    }
    return replace(program, rules={**program.rules, **rules})


# ---------------------------------------------------------------- the graph


@dataclass
class Graph:
    """Every state and every step of an instance. `breaks`: the steps that have no successor."""

    whole: TemplateSystem
    part: Slice
    system: TransitionSystem
    packing: Packing
    index: Index
    source: Numbers
    target: Numbers
    transition: Numbers
    breaks: tuple[Numbers, Numbers]  # states, transitions

    @property
    def size(self) -> int:
        return self.index.size

    @property
    def broken(self) -> tuple[str, ...]:
        """The contracts that some step breaks."""
        rules = {str(self.system.transitions[number].violates) for number in np.unique(self.breaks[1])}
        return tuple(sorted(rules - {MODEL_BOUND}))

    def templates(self, transition: int) -> Iterator[Template]:
        """Those of the whole system that a transition stands for."""
        for at in self.part.kept[self.system.transitions[transition].template]:
            yield self.whole.templates[at]


def explored(
    program: typed.Program, columns: frozenset[str], contracts: frozenset[str], requests: int, deadline: float | None
) -> tuple[Graph, str | None]:
    """The graph, and why it is not all of it. Bounds of the model are raised as a check raises them."""
    overlaps: dict[str, int] = {}
    while True:
        lowering = Lowering(program, columns | contracts, overlaps, deadline)
        whole = lowering.system()
        part = sliced(whole, frozenset(), contracts)
        graph, reason = visited(whole, part, ordered(instantiate(part.system, requests)), deadline)
        hit = next((t for t in np.unique(graph.breaks[1]) if graph.system.transitions[t].violates == MODEL_BOUND), None)
        if hit is None:
            return graph, reason
        limit = part.system.templates[graph.system.transitions[hit].template].limit
        role = lowering.raisable.get(limit or "")
        if role is None or role in overlaps:
            return graph, f"a bound of the model is hit: {limit}"
        overlaps[role] = MOST_ACTIVATIONS


def visited(
    whole: TemplateSystem, part: Slice, system: TransitionSystem, deadline: float | None
) -> tuple[Graph, str | None]:
    packing = Packing(system, records=False)
    expansion = Expansion(system, packing)
    index = Index(packing.words)
    index.add(packing.pack([system.initial]))
    work = Work("matrix", system.slots)
    edges: list[tuple[Numbers, Numbers, Numbers]] = []
    breaks: list[tuple[Numbers, Numbers]] = []
    reason: str | None = None
    start = 0
    while start < index.size:
        if index.size > MOST_STATES:
            reason = f"not all states were visited ({MOST_STATES} at most)"
        elif deadline is not None and time.monotonic() > deadline:
            reason = "out of time"
        if reason is not None:
            break
        end = min(start + BATCH, index.size)
        batch = index.words[:, start:end].copy()
        able = expansion.enabled(batch)
        going = [(number, rows) for number, rows in able if system.transitions[number].violates is None]
        for number, rows in able:
            if system.transitions[number].violates is not None:
                breaks.append((rows + start, np.full(len(rows), number)))
        after = expansion.successors(batch, going)
        numbers, _ = index.add(after.states)
        edges.append((after.source + start, numbers, after.transition))
        start = end
        work.at(states=index.size)
    source, target, transition = (joined(part) for part in zip(*edges, strict=True)) if edges else [joined([])] * 3
    broken = (joined(states for states, _ in breaks), joined(numbers for _, numbers in breaks))
    return Graph(whole, part, system, packing, index, source, target, transition, broken), reason


def joined(parts: Iterable[Numbers]) -> Numbers:
    found = list(parts)
    return np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)


# ---------------------------------------------------------------- what steps do to requests


@dataclass
class Deeds:
    """What each transition does, by its number.

    Args:
        happens: event -> the slots that it is about.
        acts: slot -> the lines of the driver that change something of its request.
        surely: the slots of which this is true of every template that the transition stands for.
    """

    happens: dict[int, dict[str, frozenset[int]]] = field(default_factory=dict)
    acts: dict[int, dict[int, frozenset[Act]]] = field(default_factory=dict)
    surely: dict[int, frozenset[int]] = field(default_factory=dict)


def deeds(graph: Graph, columns: Iterable[str]) -> Deeds:
    variables = graph.whole.variables
    events = {
        at: name for name in columns for at, item in enumerate(variables)
        if item.kind == "rule" and item.name.startswith(f"{name}.")
    }  # fmt: skip
    fields = {at for at, item in enumerate(variables) if item.kind == "field" and item.owned and "." not in item.name}
    found = Deeds()
    everyone = frozenset(range(graph.system.slots))
    for number in np.unique(graph.transition):
        slots = graph.system.transitions[number].slots
        happens: dict[str, frozenset[int]] = {}
        acts: dict[int, frozenset[Act]] = {}
        surely = everyone
        for template in graph.templates(number):
            for update in template.updates:
                if (event := events.get(update.target.variable)) is not None:
                    of = update.target.slot
                    happens[event] = happens.get(event, frozenset()) | ({slots[of]} if of is not None else everyone)
            changed: set[int] = set()
            for statement in template.statements if template.actor.kind in DRIVERS else ():
                act = Act(template.actor.name, statement.span)
                for effect in statement.effects:
                    if effect.target.variable in fields and effect.target.slot is not None:
                        slot = slots[effect.target.slot]
                        acts[slot] = acts.get(slot, frozenset()) | {act}
                        changed.add(slot)
            surely &= changed
        if happens:
            found.happens[int(number)] = happens
        if acts:
            found.acts[int(number)] = acts
            found.surely[int(number)] = surely
    return found


# ---------------------------------------------------------------- the data flow


@dataclass
class Flow:
    """The graph in numpy's terms. `own[slot]`: the state of the request, as a number in `names`, in each state."""

    graph: Graph
    deeds: Deeds
    names: tuple[str, ...]
    own: list[Numbers]

    @staticmethod
    def over(graph: Graph, deeds: Deeds) -> Flow:
        template = next((at for at, item in enumerate(graph.part.system.variables) if item.name == STATE), None)
        if template is None:  # nothing depends on the state of a request: none ever arrives
            return Flow(graph, deeds, (), [])
        flat = [graph.system.index[template, slot] for slot in range(graph.system.slots)]
        own = [graph.packing.column(graph.index.words, variable) for variable in flat]
        return Flow(graph, deeds, graph.system.variables[flat[0]].domain, own)

    @property
    def reached(self) -> frozenset[str]:
        return frozenset(self.names[state] for column in self.own for state in np.unique(column))

    def bit(self, slot: int, state: int) -> int:
        return 1 << (slot * len(self.names) + state)

    def marked(self, slots: Mapping[int, Iterable[int]]) -> Marks:
        """All marks of the slots that each step's transition has there."""
        marks = np.zeros(len(self.graph.system.transitions), np.uint64)
        for number, found in slots.items():
            for slot in found:
                marks[number] |= self.marks_of(slot)
        return marks[self.graph.transition]

    def marks_of(self, slot: int) -> np.uint64:
        return np.uint64(sum(self.bit(slot, state) for state in range(len(self.names))))

    def ends(self) -> frozenset[int]:
        """The states of a request that it never leaves."""
        left: set[int] = set()
        for column in self.own:
            before, after = column[self.graph.source], column[self.graph.target]
            left.update(int(state) for state in np.unique(before[before != after]))
        return frozenset(range(len(self.names))) - left

    def born(self, event: str) -> Marks:
        """The marks that each step puts."""
        graph = self.graph
        put = np.zeros(len(graph.transition), np.uint64)
        for number, happens in self.deeds.happens.items():
            if slots := happens.get(event):
                rows = np.flatnonzero(graph.transition == number)
                for slot in slots:
                    state = self.own[slot][graph.source[rows]]
                    put[rows] |= np.uint64(1) << (state + slot * len(self.names)).astype(np.uint64)
        return put

    def spread(self, put: Marks, stopped: Marks) -> Marks:
        """The marks of each state. `stopped`: those that a step does not take along."""
        graph = self.graph
        marks = np.zeros(graph.size, np.uint64)
        np.bitwise_or.at(marks, graph.target, put)
        changed = marks != 0
        while changed.any():
            rows = np.flatnonzero(changed[graph.source])
            after = marks.copy()
            np.bitwise_or.at(after, graph.target[rows], marks[graph.source[rows]] & ~stopped[rows])
            changed = after != marks
            marks = after
        return marks

    def by_transition(self, numbers: Numbers, marks: Marks) -> Iterator[tuple[int, int, str]]:
        """(transition, slot, state) for each mark that some step with that transition has."""
        gathered = np.zeros(len(self.graph.system.transitions), np.uint64)
        np.bitwise_or.at(gathered, numbers, marks)
        for number in np.flatnonzero(gathered):
            for slot, state in self.bits(int(gathered[number])):
                yield int(number), slot, state

    def bits(self, marks: int) -> Iterator[tuple[int, str]]:
        for slot in range(self.graph.system.slots):
            for state, name in enumerate(self.names):
                if marks & self.bit(slot, state):
                    yield slot, name


@dataclass
class _Draft:
    """A cell while it is filled."""

    becomes: set[str] = field(default_factory=set)
    lines: set[Act] = field(default_factory=set)
    by_itself: set[Act] = field(default_factory=set)
    breaches: set[tuple[str, Act]] = field(default_factory=set)

    def cell(self) -> Cell:
        return Cell(
            tuple(sorted(self.becomes)), in_order(self.lines), in_order(self.by_itself),
            tuple(sorted(self.breaches, key=lambda breach: (breach[0], key_of(breach[1])))),
        )  # fmt: skip


def in_order(acts: Iterable[Act]) -> tuple[Act, ...]:
    return tuple(sorted(acts, key=key_of))


def key_of(act: Act) -> tuple[str, int, str]:
    return act.span.source.name, act.span.start, act.who


def found(
    flow: Flow, columns: Mapping[str, typed.Rule], states: Sequence[str]
) -> Iterator[tuple[tuple[str, str], Cell]]:
    graph = flow.graph
    acted = flow.marked(flow.deeds.acts)
    settled = flow.marked(flow.deeds.surely)
    ended = np.zeros(len(graph.transition), np.uint64)
    ends = sorted(flow.ends())
    for slot, column in enumerate(flow.own):
        before, after = column[graph.source], column[graph.target]
        ended[(before != after) & np.isin(after, ends)] |= flow.marks_of(slot)
    ended &= ~acted
    settled |= ended
    for name, rule in columns.items():
        drafts = column_of(flow, name, acted, ended, settled)
        for state in states:
            if state in drafts:
                yield (state, rule.sentence), drafts[state].cell()


def column_of(flow: Flow, event: str, acted: Marks, ended: Marks, settled: Marks) -> dict[str, _Draft]:
    """What is found of one event, by state.

    Args:
        acted: for each step the marks of the requests on which the driver may act in it.
        ended: of those that end in it by themselves.
        settled: the marks that the step takes away.
    """
    graph = flow.graph
    put = flow.born(event)
    drafts: dict[str, _Draft] = {}
    if not flow.own or not put.any():
        return drafts
    for slot, own in enumerate(flow.own):
        rows = np.flatnonzero(put & flow.marks_of(slot))
        for before, after in np.unique(np.stack([own[graph.source[rows]], own[graph.target[rows]]]), axis=1).T:
            drafts.setdefault(flow.names[before], _Draft()).becomes.add(flow.names[after])
    due = flow.spread(put & ~ended, settled)[graph.source]
    for number, slot, state in flow.by_transition(graph.transition, due & acted):
        drafts[state].lines |= flow.deeds.acts[number][slot]
    for number, _, state in flow.by_transition(graph.transition, (due | put) & ended):
        drafts[state].by_itself |= set(told(graph, number))
    states, numbers = graph.breaks
    ever = flow.spread(put, np.zeros(len(put), np.uint64))[states]
    for number, slot, state in flow.by_transition(numbers, ever):
        transition = graph.system.transitions[number]
        if slot in transition.slots and transition.violates not in (None, MODEL_BOUND):
            drafts[state].breaches |= {(str(transition.violates), act) for act in told(graph, number)}
    return drafts


def told(graph: Graph, transition: int) -> Iterator[Act]:
    """Who takes a transition, and where it ends."""
    for template in graph.templates(transition):
        yield Act(template.actor.name, template.statements[-1].span)
