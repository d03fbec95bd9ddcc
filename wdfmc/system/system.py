"""The transition system: templates over requests, and their instance for N of them.

A variable has a finite ordered domain. A guard maps variables to sets of values; every update is a unary function of
one old variable. Hence the exact pre-image of a cube under a transition is again a cube (Bradley, VMCAI 2011, needs
no solver call for it here). What needs two variables is split by cases during lowering.

A template names the requests that it reads or writes by the symbols 0..footprint-1, which stand for pairwise distinct
request slots; conditions on all other requests are uniform. `instantiate.instantiate` turns templates into a flat
system, the only thing that engines see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from wdfmc.source import Span

# ---------------------------------------------------------------- templates

OTHER: Final = -1  # any slot outside the footprint
SELF: Final = -2  # in a condition on all others: the one that it is about


class Ref(NamedTuple):
    """A reference to a request: `pool` is "request" for a received one, else the name of a created pool.

    `slot` is a symbol of the footprint, `OTHER` or `SELF`; after instantiation a slot number; None for a request of a
    pool that belongs to the device. `index` is the place in the pool.
    """

    pool: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a reference
    slot: int | None


class Obj(NamedTuple):
    """A reference to an object that the driver declares."""

    name: str


Value: TypeAlias = "bool | int | str | Ref | Obj | None"


def general(value: Value) -> Value:
    """A reference to some slot, whichever it is: as it stands in the domain of a template variable."""
    return value._replace(slot=OTHER) if isinstance(value, Ref) and value.slot is not None else value


@dataclass(frozen=True, slots=True)
class TemplateVariable:
    """`owned`: one in each request slot's record; else shared. References to slots appear once, with slot `OTHER`."""

    name: str
    owned: bool
    domain: tuple[Value, ...]
    initial: Value
    kind: str = "field"  # field (of the framework), driver, pc, local, rule, lock, ghost, writer


class Place(NamedTuple):
    """A template variable at a symbol of the footprint; `slot` is None for a shared one, `SELF` in `Others`."""

    variable: int
    slot: int | None


TemplateCube: TypeAlias = tuple[tuple[Place, frozenset[Value]], ...]


@dataclass(frozen=True, slots=True)
class Others:
    """How many of the requests outside the footprint satisfy a condition: low <= number <= high (None: no bound).

    `entities`: for each request of a slot's record (itself, its created children) that is counted, its alternatives
    (a DNF over that record). The number is over all pairs of slot and entity.
    """

    entities: tuple[tuple[TemplateCube, ...], ...]
    low: int
    high: int | None


class Assignment(NamedTuple):
    """target := table[old value of source]; a constant has no source and the table {None: constant}."""

    target: Place
    source: Place | None
    table: tuple[tuple[Value, Value], ...]


class Rival(NamedTuple):
    """Another request that may have to wait longer: where one of the cubes holds, before the step.

    `request` has slot `SELF` for all those outside the footprint.
    """

    request: Ref
    when: tuple[TemplateCube, ...]


class Standing(NamedTuple):
    """What a step does to the line of requests: one of them comes to an end of it, or leaves it.

    A line is the order in which requests wait, whichever queue each is in. No guard reads it: engines take any request
    that waits, unless they are given the system of `ordered.ordered`. There, who is `taken` stands before all `rivals`.
    """

    request: Ref
    place: Literal["first", "last", "taken"]
    rivals: tuple[Rival, ...] = ()


class Actor(NamedTuple):
    """Who steps: the lane of a trace. `slot` is the symbol of the request whose activation it is."""

    name: str
    slot: int | None
    kind: str  # callback, thread, environment, framework


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a trace inside a joined transition, with its share of the updates (in terms of the state before)."""

    span: Span
    action: str
    result: str | None = None
    effects: tuple[Assignment, ...] = ()


# free: it may be taken for ever and nobody owes it. Without any of the three it happens finitely often.
Fairness: TypeAlias = Literal["weak", "strong", "free"]


@dataclass(frozen=True, slots=True)
class Template:
    footprint: int
    guard: TemplateCube
    others: tuple[Others, ...]
    updates: tuple[Assignment, ...]
    actor: Actor
    statements: tuple[Statement, ...]
    fairness: Fairness | None = None
    lock: str | None = None  # strong fairness is per (activation, lock)
    violates: str | None = None  # the rule that this transition breaks; it has no successor
    limit: str | None = None  # with violates == "model-bound": the bound that was hit
    events: frozenset[str] = frozenset()  # what it emits, for the triggers of rules
    line: tuple[Standing, ...] = ()  # in this order


@dataclass(frozen=True, slots=True)
class TemplateObligation:
    """While the variable has one of `pending`, the rule's goal is owed."""

    rule: str
    variable: int
    pending: frozenset[Value]


@dataclass(frozen=True, slots=True)
class TemplateSystem:
    variables: tuple[TemplateVariable, ...]
    templates: tuple[Template, ...]
    obligations: tuple[TemplateObligation, ...] = ()


# ---------------------------------------------------------------- the flat system

State: TypeAlias = tuple[int, ...]  # one value index for each variable of the system
Cube: TypeAlias = tuple[tuple[int, int], ...]  # (variable, bit mask over value indices), sorted by variable


@dataclass(frozen=True, slots=True)
class Variable:
    """`refers[v]` is the (kind of reference, slot) of value v, None where value v refers to no request slot.

    `template` and `slot` say which record it belongs to; slot is None for a shared variable. Two variables with the
    same template have the same domain up to the renaming of slots.
    """

    name: str
    domain: tuple[str, ...]  # how values print
    initial: int
    template: int
    slot: int | None
    refers: tuple[tuple[str, int] | None, ...]


class Count(NamedTuple):
    """low <= number of entities of which some alternative holds <= high."""

    entities: tuple[tuple[Cube, ...], ...]
    low: int
    high: int


class Update(NamedTuple):
    """target := table[old value of source], by value index; `source` is -1 for the constant table[0]."""

    target: int
    source: int
    table: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    guard: Cube
    counts: tuple[Count, ...]
    updates: tuple[Update, ...]
    actor: int  # index into `actors`
    fairness: int | None  # index into `fairness`
    violates: str | None
    template: int
    slots: tuple[int, ...]  # the slot of each symbol of the footprint
    free: bool = False  # may be taken for ever although it is in no fairness group

    @property
    def lasting(self) -> bool:
        """Whether a run may take it again and again for ever."""
        return self.free or self.fairness is not None


class FairGroup(NamedTuple):
    """Weak: an actor that stays able to take a fair step takes some step. Strong: able again and again is enough.

    Enabled by the transitions that name the group (violating ones included); discharged for a weak group by any
    transition of the actor, for a strong one by the transitions that name it.
    """

    actor: int
    strong: bool
    lock: str | None


class Obligation(NamedTuple):
    """Owed while `variable` has a value in the mask `pending`. Refuted by a fair run on which it stays owed."""

    rule: str
    variable: int
    pending: int


@dataclass(frozen=True)
class TransitionSystem:
    variables: tuple[Variable, ...]
    transitions: tuple[Transition, ...]
    actors: tuple[str, ...]
    fairness: tuple[FairGroup, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    slots: int = 0  # the number N of request slots; they are fully interchangeable
    origin: TemplateSystem | None = field(default=None, compare=False, repr=False)

    @cached_property
    def initial(self) -> State:
        return tuple(variable.initial for variable in self.variables)

    @cached_property
    def index(self) -> Mapping[tuple[int, int | None], int]:
        """(template variable, slot) -> flat variable"""
        return {(variable.template, variable.slot): at for at, variable in enumerate(self.variables)}
