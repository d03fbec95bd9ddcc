"""The life cycle that the requests of a driver really have: the states of a request, and what leads to another one.

The states are the values of the field that says who may act on a request, as the library declares them. Every reachable
state of the instance is visited; an edge is a step that some run takes. Nothing here knows what a state means.

Queues keep their order, and a run ends where it breaks the contract of a call: what could come after is not drawn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from wdfmc.checking import STANDARD_TARGET, Options, with_target
from wdfmc.decide import MOST_ACTIVATIONS
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.explicit import BATCH
from wdfmc.engines.packed import Index, Numbers, Words
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.semantics import typed
from wdfmc.semantics.types import EnumType
from wdfmc.source import Span
from wdfmc.system.evaluate import NULL_HANDLE
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, Lowering, OutOfTime
from wdfmc.system.ordered import ordered
from wdfmc.system.paths import NotExpressible
from wdfmc.system.slice import Slice, renumbered, sliced
from wdfmc.system.step import step
from wdfmc.system.system import Actor, State, Statement, Template, TemplateSystem, TransitionSystem
from wdfmc.traces.explain import OWNER, evaluated

MOST_STATES: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Deed:
    """What a step is: the statement of a callback, or what the environment does. `actor`: without its request."""

    actor: str
    kind: str  # callback, thread, environment, framework
    action: str
    result: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Edge:
    """`taken`: by some run; else only by the text of the driver, and no run comes to it."""

    before: str
    after: str
    deed: Deed
    taken: bool


@dataclass(frozen=True, slots=True)
class Life:
    """The requests of one kind. `pool`: of which they are created; empty for those that the driver receives.

    states: as the library declares them. reached: in some run. initial: before there is a request.
    """

    pool: str
    states: tuple[str, ...]
    reached: frozenset[str]
    initial: str
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """
    Args:
        requests: in one run.
        visited: states of the instance, up to renaming of requests.
        reason: why what is not drawn may exist nevertheless; None if all was visited.
        under: the contracts that some run breaks, and ends there.
    """

    driver: str
    requests: int
    lives: tuple[Life, ...]
    visited: int
    reason: str | None
    under: tuple[str, ...]


def life_cycle(
    program: typed.Program, options: Options, deadline: float | None, most_states: int = MOST_STATES
) -> LifeCycle:
    """With the given number of requests. `deadline`: on the clock of `time.monotonic`."""
    program = with_target(program, options.target or STANDARD_TARGET, options.target is not None)
    overlaps: dict[str, int] = {}
    while True:
        try:
            lowering = Lowering(program, frozenset(), overlaps, deadline)
            full = lowering.system()
        except (NotExpressible, OutOfTime) as problem:
            return LifeCycle(program.name, options.requests, (), 0, str(problem), ())
        search = _Search(program, full, options.requests)
        reason = search.visit(most_states, deadline)
        role = lowering.raisable.get(search.limit or "")
        if role is None or role in overlaps:
            break
        overlaps[role] = MOST_ACTIVATIONS
    if reason is None and search.limit is not None:
        reason = f"a bound of the model is hit: {search.limit}"
    under = tuple(sorted(search.broken - {MODEL_BOUND}))
    return LifeCycle(program.name, options.requests, tuple(search.lives()), search.index.size, reason, under)


def contracts_of(program: typed.Program) -> frozenset[str]:
    stated = {name for name, rule in program.rules.items() if rule.form == "contract"}
    return frozenset(stated | {MODEL_BOUND, NULL_HANDLE})


def narrowed(full: TemplateSystem, contracts: frozenset[str]) -> Slice:
    """Without variables that nothing reads, except who owns a request."""
    part = sliced(full, frozenset(), contracts)
    owners = {at for at, variable in enumerate(full.variables) if is_owner(variable.name) and len(variable.domain) > 1}
    if owners <= set(part.variables):
        return part
    everything = tuple(range(len(full.variables)))
    return Slice(full, tuple((at,) for at in range(len(full.templates))), everything, frozenset())


def is_owner(name: str) -> bool:
    return name == OWNER or name.endswith("." + OWNER)


@dataclass
class _Search:
    """Breadth first. `found`: (pool, before, after, deed) of every step that a run takes.

    changing: by template, those of the full system that it stands for, if a request changes owner.
    seen: by transition, the values that it was tried with: of owners, and of what an owner is copied from.
    """

    program: typed.Program
    full: TemplateSystem
    requests: int
    found: dict[tuple[str, str, str, Deed], None] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    limit: str | None = None

    def __post_init__(self) -> None:
        self.part = narrowed(self.full, contracts_of(self.program))
        self.system = ordered(instantiate(self.part.system, self.requests))
        self.pools = {f"{pool.name}{at + 1}": pool.name for pool in self.program.pools for at in range(pool.bound)}
        self.owners = {at: self.pool_of(name) for at, name in enumerate(self.template_names()) if is_owner(name)}
        self.changing = {at: found for at, _ in enumerate(self.part.kept) if (found := self.changes(at))}
        self.symmetry = Symmetry(self.system)
        self.expansion = Expansion(self.system, self.symmetry.packing)
        self.index = Index(self.symmetry.packing.words)
        self.index.add(self.symmetry.packing.pack([self.system.initial]))
        self.seen: dict[int, set[int]] = {}

    def template_names(self) -> list[str]:
        return [variable.name for variable in self.part.system.variables]

    def pool_of(self, name: str) -> str:
        entity = name.rpartition(".")[0]
        return self.pools.get(entity, entity)

    def changes(self, template: int) -> list[Template]:
        renumber = {variable: at for at, variable in enumerate(self.part.variables)}
        alike = [self.full.templates[at] for at in self.part.kept[template]]
        if not any(update.target.variable in self.owners for update in self.part.system.templates[template].updates):
            return []
        return [renumbered(one, renumber) for one in alike]

    # ------------------------------------------------------------ the search

    def visit(self, most_states: int, deadline: float | None) -> str | None:
        """Why it gave up; None when no state is left."""
        work = Work("life cycle", self.requests)
        start = 0
        while start < self.index.size:
            if deadline is not None and time.monotonic() > deadline:
                return "out of time"
            if self.index.size > most_states:
                return f"only {most_states:,} states were visited"
            end = min(start + BATCH, self.index.size)
            self.expand(self.index.words[:, start:end])
            start = end
            work.at(states=self.index.size)
        return None

    def expand(self, states: Words) -> None:
        lasting = []
        for number, rows in self.expansion.enabled(states):
            transition = self.system.transitions[number]
            if transition.violates is None:
                lasting.append((number, rows))
                if transition.template in self.changing:
                    self.note(number, states, rows)
            else:
                self.broken.add(transition.violates)
                if transition.violates == MODEL_BOUND:
                    self.limit = self.part.system.templates[transition.template].limit
        self.index.add(self.symmetry.canonical(self.expansion.successors(states, lasting).states))

    def note(self, number: int, states: Words, rows: Numbers) -> None:
        """What the transition does to owners, once for each combination of the values that decide it."""
        packing = self.symmetry.packing
        code = np.zeros(len(rows), np.int64)
        for variable in self.deciding(number):
            code = code * len(self.system.variables[variable].domain) + packing.column(states, variable)[rows]
        values, first = np.unique(code, return_index=True)
        seen = self.seen.setdefault(number, set())
        for value, at in zip(values.tolist(), first.tolist(), strict=True):
            if value not in seen:
                seen.add(value)
                self.record(number, packing.unpack(states, int(rows[at])))

    def deciding(self, number: int) -> list[int]:
        """The owners that the transition changes, and the variables that they are copied from."""
        template = self.part.system.variables
        found: dict[int, None] = {}
        for target, source, _ in self.system.transitions[number].updates:
            record = self.system.variables[target].template
            if record < len(template) and is_owner(template[record].name):
                found[target] = None
                if source >= 0:
                    found[source] = None
        return list(found)

    def record(self, number: int, state: State) -> None:
        transition = self.system.transitions[number]
        after = step(self.system, state, number)
        for template in self.changing[transition.template]:
            for before, then, variable, statement in passages(self.system, state, after, template, transition.slots):
                pool = self.owners[self.system.variables[variable].template]
                self.found[pool, before, then, deed(template.actor, statement)] = None

    # ------------------------------------------------------------ what was found

    def lives(self) -> Iterator[Life]:
        for pool in dict.fromkeys(self.owners.values()):
            numbers = [at for at, owner in self.owners.items() if owner == pool]
            initial = str(self.part.system.variables[numbers[0]].initial)
            edges = [Edge(before, after, deed, True) for of, before, after, deed in self.found if of == pool]
            reached = frozenset({initial} | {edge.after for edge in edges})
            taken = {edge.deed for edge in edges}
            never = [edge for edge in self.idle(numbers) if edge.deed not in taken]
            yield Life(pool, self.declared(numbers), reached, initial, tuple(in_order([*edges, *never])))

    def declared(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """All states that the library knows, in its order; of the driver's own requests those it may give them."""
        for sort in self.program.sorts.values():
            owner = sort.fields.get(OWNER)
            if sort.dynamic and owner is not None and isinstance(owner.type, EnumType):
                return owner.type.members
        return tuple(dict.fromkeys(str(v) for at in numbers for v in self.part.system.variables[at].domain))

    def idle(self, numbers: Sequence[int]) -> Iterator[Edge]:
        """Statements of the driver that would give a request a new owner, from a state that they require."""
        mine = {self.part.variables[at] for at in numbers}
        for template in self.full.templates:
            if template.violates is None and template.actor.kind in ("callback", "thread"):
                now = {place: values for place, values in template.guard if place.variable in mine}
                for statement in template.statements:
                    for target, source, table in statement.effects:
                        if target in now and source is None:
                            after = table[0][1]
                            if len(now[target]) < len(self.full.variables[target.variable].domain):
                                for before in sorted(map(str, now[target])):
                                    yield Edge(before, str(after), deed(template.actor, statement), False)
                            now[target] = frozenset({after})


def passages(
    system: TransitionSystem, before: State, after: State, template: Template, slots: tuple[int, ...]
) -> Iterator[tuple[str, str, int, Statement]]:
    """Each change of an owner inside a joined transition. What no statement accounts for is of the last one."""
    now = {at: before[at] for at, variable in enumerate(system.variables) if is_owner(variable.name)}
    names: Mapping[int, tuple[str, ...]] = {at: system.variables[at].domain for at in now}
    told = {at: names[at][value] for at, value in now.items()}
    for statement in template.statements:
        following = dict(told)
        for effect in statement.effects:
            target, value = evaluated(system, before, effect, slots)
            if target in following:
                following[target] = value
        if statement is template.statements[-1]:
            following = {at: names[at][after[at]] for at in now}
        for at, value in following.items():
            if value != told[at]:
                yield told[at], value, at, statement
        told = following


def deed(actor: Actor, statement: Statement) -> Deed:
    """The second activation of a callback and the requests that one runs for are not told apart."""
    name = actor.name.partition("[")[0].partition(" #")[0]
    return Deed(name, actor.kind, statement.action, statement.result, statement.span)


def in_order(edges: Sequence[Edge]) -> list[Edge]:
    """Steps of the environment first, then by place in the text."""

    def key(edge: Edge) -> tuple[object, ...]:
        own = edge.deed.kind in ("callback", "thread")
        place = edge.deed.span.source.name, edge.deed.span.start
        return own, *place, edge.deed.actor, edge.deed.action, str(edge.deed.result), edge.before, edge.after

    return sorted(dict.fromkeys(edges), key=key)
