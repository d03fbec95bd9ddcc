"""The typed driver: every name is resolved, defines are expanded, calls stand as statements of their own.

It is what the lowering and the direct interpreter read. A value is a bool, an int, a string (member of an enum, a
status, a callback), an `Obj`, a `frozenset` of option flags, or None for null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wdfmc.language import ast
from wdfmc.semantics.types import Type
from wdfmc.source import Span
from wdfmc.system.system import Obj

Constant: TypeAlias = "bool | int | str | Obj | frozenset[str] | None"

THREADS: Final = "threads"  # the option that says whether the driver's threads go on
CALLED: Final = "ddi_called"  # the event at which a driver calls a DDI, with the level up to which it may be called
RETURNS: Final = "returns"  # the event at which a callback returns a status, with whether that is a success
LOCKS: Final = "locks"  # the option that says whether a lock which is free again and again is got in the end
WITHDRAWN: Final = "off"  # of these options: no

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Const:
    value: Constant


@dataclass(frozen=True, slots=True)
class Local:
    """A parameter or local of the routine, or a variable bound by a quantifier (those are unique in a program)."""

    name: str


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of an object or a request. `driver`: declared in a `context` of the driver, not by the library."""

    base: Expr
    sort: str
    field: str
    driver: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr


@dataclass(frozen=True, slots=True)
class And:
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Or:
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    """op is one of `== != < <= > >=`"""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """op is `+` or `-`, or `|` on flags"""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class OneOf:
    operand: Expr
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasFlag:
    operand: Expr
    flag: str


@dataclass(frozen=True, slots=True)
class Exists:
    """some variable of the sort satisfies the condition"""

    variable: str
    sort: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Pick:
    """any one of the sort that satisfies the condition, null if there is none"""

    variable: str
    sort: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class CountOf:
    """how many satisfy the condition; only ever compared with a constant"""

    variable: str
    sort: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Succeeded:
    """NT_SUCCESS(status)"""

    status: Expr


@dataclass(frozen=True, slots=True)
class Active:
    """A callback hosted by the object is unfinished."""

    host: Expr


@dataclass(frozen=True, slots=True)
class RoleActive:
    """A callback of the role is unfinished for the object or request."""

    role: str
    subject: Expr


@dataclass(frozen=True, slots=True)
class Mine:
    """The lock is held by the calling activation."""

    lock: Expr


@dataclass(frozen=True, slots=True)
class Inside:
    """The calling activation is a callback of that kind for the request or object."""

    kind: str
    subject: Expr


@dataclass(frozen=True, slots=True)
class Hosted:
    """The calling activation is a callback that the object hosts."""

    host: Expr


@dataclass(frozen=True, slots=True)
class Stored:
    """A variable, set or list of the driver, or a field of another request, refers to the request."""

    request: Expr


@dataclass(frozen=True, slots=True)
class Quiet:
    """No callback and no thread of the driver is unfinished."""


@dataclass(frozen=True, slots=True)
class Maybe:
    words: str


@dataclass(frozen=True, slots=True)
class Happens:
    """In rules: this event is the one that happens now. None in `args` matches anything."""

    event: str
    args: tuple[Expr | None, ...]


@dataclass(frozen=True, slots=True)
class Once:
    """In rules: it happened before."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Since:
    """In rules: the left has held ever since the right happened."""

    left: Expr
    right: Expr


Expr: TypeAlias = (
    Const | Local | FieldOf | Not | And | Or | Compare | Arithmetic | Conditional | OneOf | HasFlag | Exists | Pick
    | CountOf | Succeeded | Active | RoleActive | Mine | Inside | Hosted | Stored | Quiet | Maybe | Happens | Once
    | Since
)  # fmt: skip

# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Statement:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    target: Local | FieldOf
    value: Expr


@dataclass(frozen=True, slots=True)
class Invoke(Statement):
    """target := routine(args). An argument for an `out` or `ref` parameter is a place."""

    target: Local | None
    routine: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class If(Statement):
    condition: Expr
    then: Block
    otherwise: Block


@dataclass(frozen=True, slots=True)
class While(Statement):
    """`before` computes what the condition reads; it runs before each test."""

    before: Block
    condition: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class ForEach(Statement):
    variable: str
    sort: str
    where: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Choose(Statement):
    alternatives: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ChooseValue(Statement):
    target: Local | FieldOf
    values: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Atomic(Statement):
    """One statement of the user that is several here (list operations)."""

    body: Block


@dataclass(frozen=True, slots=True)
class Break(Statement):
    pass


@dataclass(frozen=True, slots=True)
class Continue(Statement):
    pass


@dataclass(frozen=True, slots=True)
class Return(Statement):
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Emit(Statement):
    event: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Start(Statement):
    """how: start, call, inline. `kind`: the callback kind as which it is started."""

    how: str
    callback: Expr
    kind: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Enter(Statement):
    queue: Expr
    if_idle: bool


@dataclass(frozen=True, slots=True)
class Await(Statement):
    condition: Expr


@dataclass(frozen=True, slots=True)
class Then(Statement):
    pass


@dataclass(frozen=True, slots=True)
class Limit(Statement):
    words: str


@dataclass(frozen=True, slots=True)
class Require(Statement):
    condition: Expr
    rule: str


@dataclass(frozen=True, slots=True)
class Acquire(Statement):
    lock: Expr


@dataclass(frozen=True, slots=True)
class Release(Statement):
    lock: Expr


@dataclass(frozen=True, slots=True)
class Put(Statement):
    """The request comes to the end (`last`) or to the head of the line in which requests wait."""

    request: Expr
    last: bool


@dataclass(frozen=True, slots=True)
class Take(Statement):
    """The request leaves the line, in which it stood before every other one, `variable`, that satisfies a condition."""

    request: Expr
    variable: str
    where: Expr


@dataclass(frozen=True, slots=True)
class Occurs(Statement):
    """`fair`: None where nothing is said, so that it happens finitely often; else a condition of constants."""

    words: str
    fair: Expr | None


Block: TypeAlias = tuple[Statement, ...]

# ---------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    mode: str  # var, const, part
    initial: Constant
    driver: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sort:
    name: str
    dynamic: bool
    bounded: bool
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Object:
    """`constants`: the value of each const field; a callback by its name. `fields`: variables that only it has."""

    name: str
    sort: str
    constants: Mapping[str, Expr]
    fields: Mapping[str, Field]
    driver: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pool:
    """Created requests: `bound` of them in all, or for each request slot. origin: created or below."""

    name: str
    bound: int
    per_request: bool
    origin: str
    driver: str


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: Type
    mode: str  # in, out, ref


@dataclass(frozen=True, slots=True)
class Routine:
    """A DDI (atomic, with contracts), a helper of the library (atomic) or of the driver (expanded in place).

    level: what a DDI tells about itself when it is called, as an expression of its parameters; None if nobody asks.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: Type
    requires: tuple[Require, ...]
    body: Block
    atomic: bool
    ddi: bool
    level: Expr | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """A callback kind. `subject`: the sort whose record holds its activation; host and lock read the parameters."""

    name: str
    parameters: tuple[Parameter, ...]
    role: str
    subject: str
    host: Expr | None
    lock: Expr | None
    overlap: int


@dataclass(frozen=True, slots=True)
class Callback:
    """`parameters` are the driver's names for those of its kinds, in order (it may take fewer)."""

    name: str
    kinds: tuple[str, ...]
    parameters: tuple[str, ...]
    body: Block
    driver: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """An environment step, or a line of a loop (then the first parameter is the loop's object).

    `promised`: something is said of when it is fair. Where it is not fair it may still happen for ever; a step of which
    nothing is said happens finitely often.
    """

    name: str
    parameters: tuple[Parameter, ...]
    when: Expr
    fair: Expr
    body: Block
    loop: bool
    promised: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Thread:
    """`subject`: the object that this copy of the thread serves, bound to `variable`."""

    name: str
    variable: str | None
    subject: Obj | None
    once: bool
    when: Expr
    body: Block
    library: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class On:
    event: Expr
    target: str


@dataclass(frozen=True, slots=True)
class Rule:
    """form: contract, never, always, no-wait-cycle, no-data-race, no-shared-lock, leads-to, precedes,
    monitor.

    `formula` and `goal` as the form needs them (precedes: first, second). `edges`: (state, On) of a monitor.
    `calls`: those that a rule about shared locks speaks of; without any, of all.
    """

    name: str
    parameters: tuple[Parameter, ...]
    sentence: str
    covers: tuple[str, ...]
    assuming: tuple[str, ...]
    default: bool
    trigger: Expr | None
    form: str
    formula: Expr | None
    goal: Expr | None
    exactly_once: bool
    start: str | None
    edges: tuple[tuple[str, On], ...]
    calls: tuple[str, ...]
    span: Span = field(compare=False, repr=False)

    @property
    def liveness(self) -> bool:
        return self.form == "leads-to"


@dataclass(frozen=True, slots=True)
class Expectation:
    verdict: str
    rule: str
    target: str | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """One model: the framework library, its driver (or stacked drivers) and all rules that were given."""

    name: str
    sorts: Mapping[str, Sort]
    objects: Mapping[str, Object]
    pools: tuple[Pool, ...]
    kinds: Mapping[str, Kind]
    callbacks: Mapping[str, Callback]
    routines: Mapping[str, Routine]
    steps: tuple[Step, ...]
    threads: tuple[Thread, ...]
    events: Mapping[str, tuple[Parameter, ...]]
    statuses: Mapping[str, int]
    alive: Mapping[str, tuple[str, Expr]]  # sort -> the parameter and body of the library's `define alive_SORT(x)`
    rules: Mapping[str, Rule]
    expectations: tuple[Expectation, ...]
    explicit_targets: frozenset[str]  # whose behaviour the driver itself sets
    options: Mapping[str, str]  # the choices of the environment in force
    promises: Mapping[str, tuple[str, ...]]  # the options on which fairness depends, their values from the strongest on
    source: ast.Text

    def owner_of_set(self, bit: str) -> Obj | None:
        """The object of a bounded sort whose set the membership bit `in Handle1.Pending` belongs to."""
        owner = bit.removeprefix("in ").rpartition(".")[0]
        return Obj(owner) if owner else None

    def objects_of(self, sort: str) -> tuple[Object, ...]:
        return tuple(item for item in self.objects.values() if item.sort == sort)


def events_of(formula: Expr) -> Iterable[Happens]:
    """The event patterns in a formula, in order."""
    match formula:
        case Happens():
            yield formula
        case And(left, right) | Or(left, right) | Since(left, right):
            yield from events_of(left)
            yield from events_of(right)
        case Not(operand) | Once(operand):
            yield from events_of(operand)
        case _:
            pass


def happens(formula: Expr) -> bool:
    """Whether it can be true at an event only."""
    match formula:
        case Happens() | Const(False):
            return True
        case Not(operand):
            return ends(operand)
        case And(left, right):
            return happens(left) or happens(right)
        case Or(left, right):
            return happens(left) and happens(right)
        case _:
            return False


def ends(formula: Expr) -> bool:
    """Whether it can be false at an event only."""
    match formula:
        case Const(True):
            return True
        case Not(operand):
            return happens(operand)
        case And(left, right):
            return ends(left) and ends(right)
        case Or(left, right):
            return ends(left) or ends(right)
        case _:
            return False


def unnoticed(formula: Expr) -> Iterable[Expr]:
    """What a formula says of the past that no event tells: it could come and go between two events."""
    match formula:
        case Once(operand):
            if not happens(operand):
                yield operand
            yield from unnoticed(operand)
        case Since(left, right):
            if not ends(left):
                yield left
            if not happens(right):
                yield right
            yield from unnoticed(left)
            yield from unnoticed(right)
        case And(left, right) | Or(left, right):
            yield from unnoticed(left)
            yield from unnoticed(right)
        case Not(operand):
            yield from unnoticed(operand)
        case _:
            pass


def truth(condition: Expr) -> bool | None:
    """The value of a condition that only constants decide: option flags, what the driver declares and chooses."""
    match condition:
        case Const(bool() as value):
            return value
        case HasFlag(Const(frozenset() as flags), flag):
            return flag in flags
        case Compare("==" | "!=" as op, Const(left), Const(right)):
            return (left == right) == (op == "==")
        case OneOf(Const(str() as value), members):
            return value in members
        case Not(operand):
            known = truth(operand)
            return None if known is None else not known
        case And(left, right):
            sides = truth(left), truth(right)
            return False if False in sides else True if sides == (True, True) else None
        case Or(left, right):
            sides = truth(left), truth(right)
            return True if True in sides else False if sides == (False, False) else None
        case _:
            return None
