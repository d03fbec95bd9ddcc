"""The tree of a text, as written: no name is resolved, nothing is expanded. Every node carries its span."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from wdfmc.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Name(Node):
    id: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: int


@dataclass(frozen=True, slots=True)
class Truth(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class Null(Node):
    pass


@dataclass(frozen=True, slots=True)
class Access(Node):
    """`base.field`"""

    base: Expr
    field: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`callee(args)`: a DDI, a helper, a `define`, an event pattern or a built-in, told apart by the checker."""

    callee: Expr
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class AddressOf(Node):
    """`&name`: an argument that the call writes"""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """op is `!` or `-`, in rules also `once`"""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """op is one of `|| && == != < <= > >= + - |`, in rules also `implies since after while`"""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`condition ? then : otherwise`"""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Among(Node):
    """`operand in { a, b }`"""

    operand: Expr
    members: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Within(Node):
    """`r in S`: a set or a list holds it"""

    operand: Expr
    container: Expr


@dataclass(frozen=True, slots=True)
class Has(Node):
    """`flags has FLAG`"""

    operand: Expr
    flag: str


@dataclass(frozen=True, slots=True)
class Quantified(Node):
    """`some x: sort (C)`, `no ...`, `any ...` (one that satisfies C, or null)"""

    kind: str
    variable: str
    sort: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Count(Node):
    """`count(x: sort, C)`"""

    variable: str
    sort: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`any of set` or `first of list`"""

    which: str
    container: Expr


@dataclass(frozen=True, slots=True)
class Words(Node):
    """A string: only `maybe("words")` takes one, a condition outside the model"""

    text: str


Expr: TypeAlias = (
    Name | Number | Truth | Null | Access | Call | AddressOf | Unary | Binary | Conditional
    | Among | Within | Has | Quantified | Count | Member | Words
)  # fmt: skip


# ---------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class RangeType(Node):
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class EnumType(Node):
    members: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class SetType(Node):
    sort: str


@dataclass(frozen=True, slots=True)
class ListType(Node):
    bound: int
    sort: str


Type: TypeAlias = NamedType | RangeType | EnumType | SetType | ListType


# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Block(Node):
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Declare(Node):
    """`NTSTATUS status = value;`: a pasted C declaration; the type is dropped"""

    c_type: str
    name: str
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Assign(Node):
    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Evaluate(Node):
    """A call as a statement; its result is dropped"""

    call: Expr


@dataclass(frozen=True, slots=True)
class If(Node):
    condition: Expr
    then: Block
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class While(Node):
    """`while (C) { }`; `loop { }` is `while (true)`"""

    condition: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class ForEach(Node):
    """`for each x: sort where C { }` or `for each x of set { }`"""

    variable: str
    sort: str | None
    container: Expr | None
    where: Expr | None
    body: Block


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`choose { } or { }`"""

    alternatives: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ChooseValue(Node):
    """`choose r.kind;`: any value of its type"""

    target: Expr


@dataclass(frozen=True, slots=True)
class Break(Node):
    pass


@dataclass(frozen=True, slots=True)
class Continue(Node):
    pass


@dataclass(frozen=True, slots=True)
class Return(Node):
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Emit(Node):
    event: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Start(Node):
    """how: `start` (beside), `call` (and wait for its end), `inline` (perhaps on this thread)"""

    how: str
    callback: Expr
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Enter(Node):
    """`enter q;` or `enter q if idle;`: this thread may run the queue's loop before it goes on"""

    queue: Expr
    if_idle: bool


@dataclass(frozen=True, slots=True)
class Await(Node):
    condition: Expr


@dataclass(frozen=True, slots=True)
class Then(Node):
    """Others may step here, inside an otherwise atomic body"""


@dataclass(frozen=True, slots=True)
class Limit(Node):
    words: str


@dataclass(frozen=True, slots=True)
class Requires(Node):
    """`requires C else rule;`"""

    condition: Expr
    rule: str


@dataclass(frozen=True, slots=True)
class Change(Node):
    """op is `add` (to a set), `append` (to a list) or `remove` (from either)"""

    op: str
    element: Expr
    container: Expr


@dataclass(frozen=True, slots=True)
class Memory(Node):
    """op is `allocate`, `free` or `touch`"""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class TouchHardware(Node):
    """`touch hardware`; `request`: for which one, if it says so"""

    request: Expr | None


@dataclass(frozen=True, slots=True)
class Lock(Node):
    """op is `acquire` or `release`"""

    op: str
    lock: Expr


@dataclass(frozen=True, slots=True)
class Put(Node):
    """`put r last;`: it comes to an end of the line of requests. place: `first` or `last`"""

    request: Expr
    place: str


@dataclass(frozen=True, slots=True)
class Take(Node):
    """`take r before s: request (C);`: it leaves the line, in which it stood before all s with C; `take r;`: anyhow"""

    request: Expr
    variable: str | None
    sort: str | None
    where: Expr | None


@dataclass(frozen=True, slots=True)
class Synchronize(Node):
    """`synchronize lock { }`: the body under an interrupt lock (WdfInterruptSynchronize)"""

    interrupt: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Occurs(Node):
    """`environment "words" [fair weak [when F]];` in a thread: the environment takes this step when it likes

    `fair` is None for a step that may never happen, else the condition under which it is guaranteed.
    """

    words: str
    fair: Expr | None


Statement: TypeAlias = (
    Block | Declare | Assign | Evaluate | If | While | ForEach | Choose | ChooseValue | Break | Continue | Return
    | Emit | Start | Enter | Await | Then | Limit | Requires | Change | Memory | TouchHardware | Lock | Put | Take
    | Synchronize | Occurs
)  # fmt: skip


# ---------------------------------------------------------------- declarations of any text


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    name: str
    type: Type | None
    mode: str = "in"  # in, out, ref


@dataclass(frozen=True, slots=True)
class Field(Node):
    """`const` fields come from the driver's declarations; a `part` is an object that comes with its owner."""

    name: str
    type: Type
    mode: str = "var"  # var, const, part
    initial: Expr | None = None


@dataclass(frozen=True, slots=True)
class Import(Node):
    path: str


@dataclass(frozen=True, slots=True)
class Sort(Node):
    """`dynamic`: one slot a request of the instance; `implicit`: the driver has one even if it declares none.

    `bounded`: its objects come and go with the surroundings, at most as many as the driver declares.
    """

    name: str
    fields: tuple[Field, ...]
    dynamic: bool = False
    implicit: bool = False
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class EnumDeclaration(Node):
    name: str
    members: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class FlagsDeclaration(Node):
    """Option bits; `aliases` holds (Microsoft's name, short name)."""

    name: str
    aliases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StatusDeclaration(Node):
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class OptionDeclaration(Node):
    """A choice of the environment, set by `environment { name value; }` in a driver."""

    name: str
    type: Type
    default: Expr


@dataclass(frozen=True, slots=True)
class View(Node):
    """`view buffer, mdl of request;`: names of types whose values are requests, seen as what they carry"""

    names: tuple[str, ...]
    sort: str


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """`alias spinlock = lock : spin;`: another way to declare an object of a sort"""

    name: str
    sort: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Ghost(Node):
    """An event for the rules."""

    name: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Define(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Helper(Node):
    name: str
    parameters: tuple[Parameter, ...]
    result: Type | None
    body: Block


@dataclass(frozen=True, slots=True)
class CallbackKind(Node):
    """`callback EvtIoRead, EvtIoWrite(r: request) role handler of request in r.home under r.home.lock overlap 1;`"""

    names: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    role: str
    sort: str
    host: Expr | None  # the object in whose loop it runs
    lock: Expr | None  # the presentation lock, or null
    overlap: int


@dataclass(frozen=True, slots=True)
class Level(Node):
    """`level wait ? PASSIVE_LEVEL : DISPATCH_LEVEL;`"""

    value: Expr


@dataclass(frozen=True, slots=True)
class Ddi(Node):
    """`levels`: of `level E;`, the interrupt request level up to which it may be called; at most one."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type | None
    requires: tuple[Requires, ...]
    sources: tuple[str, ...]
    levels: tuple[Level, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Step(Node):
    """A step that nobody calls: `environment name(...) when C fair weak when F { }` or a line of a loop.

    `fair` is None for a step that may never happen, else the condition under which it is guaranteed.
    """

    name: str
    parameters: tuple[Parameter, ...]
    when: Expr | None
    fair: Expr | None
    body: Block
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """`loop of q: queue fair weak when C { lines }`: what a thread inside the framework's loop may do."""

    variable: str
    sort: str
    fair: Expr | None
    lines: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Thread(Node):
    """Code outside callbacks. In the library `of d: device` gives one thread an object."""

    name: str
    variable: str | None
    sort: str | None
    once: bool
    when: Expr | None
    body: Block


# ---------------------------------------------------------------- drivers


@dataclass(frozen=True, slots=True)
class Word(Node):
    """`managed` or `limit 2` after the colon of an object"""

    name: str
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Binding(Node):
    """`EvtIoRead = OnRead;`"""

    field: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Object(Node):
    """`queue Reads : parallel, managed { EvtIoRead = OnRead; }`; `number` of them as in `file Handle[2];`"""

    sort: str
    name: str
    words: tuple[Word, ...]
    bindings: tuple[Binding, ...]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Context(Node):
    """`context device { ... }`, `context queue Reads { ... }`: the driver's own fields, and the context's callbacks"""

    sort: str
    object: str | None
    fields: tuple[Field, ...]
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class CallbackBody(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Created(Node):
    """`created Child[2] of request;`: the bounded pool of requests that the driver creates"""

    name: str
    bound: int
    sort: str


@dataclass(frozen=True, slots=True)
class Hardware(Node):
    """`hardware Irq when C;`: what the device may do and when"""

    object: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`power on;`, `target honours;` or `target Lower silent;` in an environment block"""

    words: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Environment(Node):
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Expect(Node):
    """`expect violated rule [with target silent];`"""

    verdict: str
    rule: str
    target: str | None


DriverItem: TypeAlias = (
    Object | Context | CallbackBody | Created | Hardware | Environment | Expect | Helper | Define | Thread
)


@dataclass(frozen=True, slots=True)
class Driver(Node):
    name: str
    origin: str | None
    items: tuple[DriverItem, ...]


@dataclass(frozen=True, slots=True)
class Stack(Node):
    """`stack Upper over Lower;`: the upper driver's local target is the lower driver's queues"""

    upper: str
    lower: str


# ---------------------------------------------------------------- rules


@dataclass(frozen=True, slots=True)
class Meta(Node):
    """`covers "SDV-01", "KV-01";`, `assuming answers;`, `symptom "...";`: key and its words"""

    key: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByContract(Node):
    """Stated by `requires ... else this-rule;` in the library."""


@dataclass(frozen=True, slots=True)
class Never(Node):
    formula: Expr


@dataclass(frozen=True, slots=True)
class Always(Node):
    formula: Expr


@dataclass(frozen=True, slots=True)
class NoWaitCycle(Node):
    """`never cycle in waits_for;`"""


@dataclass(frozen=True, slots=True)
class NoDataRace(Node):
    """`never data race;`"""


@dataclass(frozen=True, slots=True)
class NoSharedLock(Node):
    """`never inline under shared lock [in CALL, CALL];`: without calls, in any"""

    calls: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class LeadsTo(Node):
    """`trigger leads to goal [exactly once];`"""

    trigger: Expr
    goal: Expr
    exactly_once: bool


@dataclass(frozen=True, slots=True)
class Precedes(Node):
    first: Expr
    second: Expr


@dataclass(frozen=True, slots=True)
class On(Node):
    """`on event(r) -> target;`; `target` is a state name or `violation`"""

    event: Expr
    target: str


@dataclass(frozen=True, slots=True)
class MonitorState(Node):
    name: str
    edges: tuple[On, ...]


@dataclass(frozen=True, slots=True)
class Monitor(Node):
    start: str
    states: tuple[MonitorState, ...]


RuleBody: TypeAlias = (
    ByContract | Never | Always | NoWaitCycle | NoDataRace | NoSharedLock | LeadsTo | Precedes | Monitor
)


@dataclass(frozen=True, slots=True)
class Rule(Node):
    name: str
    parameters: tuple[Parameter, ...]
    sentence: str
    metas: tuple[Meta, ...]
    trigger: Expr | None
    body: RuleBody


@dataclass(frozen=True, slots=True)
class Use(Node):
    """`use rule-a, rule-b;` in a bundle"""

    rules: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Unchecked(Node):
    """`unchecked name "sentence" covers ...; because ...;`: what others ask of drivers and no rule does, and why"""

    name: str
    sentence: str
    metas: tuple[Meta, ...]


Item: TypeAlias = (
    Import | Sort | EnumDeclaration | FlagsDeclaration | StatusDeclaration | OptionDeclaration | Ghost | Define | Helper
    | CallbackKind | Ddi | Step | Loop | Thread | View | Alias | Driver | Stack | Rule | Use
    | Unchecked
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """All items of one source, in order. `levels`: how deeply its nodes are nested."""

    source: Source
    items: tuple[Item, ...]
    levels: int = field(default=0, compare=False, repr=False)
