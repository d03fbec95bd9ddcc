"""Control-flow graphs without calls, and which locals are live in them.

A node has one operation and at most one successor; operations that branch hold the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from wdfmc.parts import part_names
from wdfmc.semantics import typed
from wdfmc.source import Span

TRUE: Final = typed.Const(True)

# ---------------------------------------------------------------- operations


@dataclass(frozen=True, slots=True)
class Set:
    target: typed.Local | typed.FieldOf
    value: typed.Expr


@dataclass(frozen=True, slots=True)
class Test:
    """Goes to the node's successor if the condition holds, else to `otherwise`."""

    condition: typed.Expr
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Fork:
    ways: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ChooseValue:
    target: typed.Local | typed.FieldOf
    values: tuple[typed.Constant, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """One round: pick a request that satisfies the condition and go to `body`, else to the successor."""

    variable: str
    sort: str
    where: typed.Expr
    body: Node


@dataclass(frozen=True, slots=True)
class Await:
    condition: typed.Expr


@dataclass(frozen=True, slots=True)
class Emit:
    event: str
    args: tuple[typed.Expr, ...]


@dataclass(frozen=True, slots=True)
class Start:
    callback: typed.Expr
    kind: str
    args: tuple[typed.Expr, ...]


@dataclass(frozen=True, slots=True)
class Inline:
    callback: typed.Expr
    kind: str
    args: tuple[typed.Expr, ...]


@dataclass(frozen=True, slots=True)
class Enter:
    queue: typed.Expr
    if_idle: bool


@dataclass(frozen=True, slots=True)
class Require:
    condition: typed.Expr
    rule: str


@dataclass(frozen=True, slots=True)
class Probe:
    """To be here while the condition holds breaks `rule`, a name from `places`. It has no effect."""

    rule: str
    condition: typed.Expr


@dataclass(frozen=True, slots=True)
class Limit:
    words: str


@dataclass(frozen=True, slots=True)
class Touch:
    """The driver hands a field of a request to a call: the request must be alive."""

    field: typed.FieldOf


@dataclass(frozen=True, slots=True)
class Acquire:
    lock: typed.Expr


@dataclass(frozen=True, slots=True)
class Release:
    lock: typed.Expr


@dataclass(frozen=True, slots=True)
class Put:
    """The request comes to an end of the line."""

    request: typed.Expr
    last: bool


@dataclass(frozen=True, slots=True)
class Take:
    """The request leaves the line, in which it stood before every other one that satisfies the condition."""

    request: typed.Expr
    variable: str
    where: typed.Expr


@dataclass(frozen=True, slots=True)
class Occurs:
    words: str
    fair: bool | None  # None: it happens finitely often; False: perhaps for ever, but nobody owes it


@dataclass(frozen=True, slots=True)
class Pause:
    """Others may step here; also the head of a loop (`head`), where a transition ends if it came around."""

    head: bool = False


@dataclass(frozen=True, slots=True)
class AtomBegin:
    """An atomic body begins. `heavy`: it reads or writes more than locals and locks; `acquires`: it takes a lock;
    `waits`: it begins with an await."""

    heavy: bool
    acquires: bool
    waits: bool
    action: str = ""  # the call's name, and the local that holds its result: a transition may begin here
    result: str | None = None


@dataclass(frozen=True, slots=True)
class AtomEnd:
    pass


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of the user begins: a line of a trace. `result`: the local that holds the call's result after it."""

    action: str
    result: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A condition of the driver was decided: a line of a trace."""

    action: str
    result: str


@dataclass(frozen=True, slots=True)
class End:
    pass


Operation: TypeAlias = (
    Set | Test | Fork | ChooseValue | Each | Await | Emit | Start | Inline | Enter | Require | Probe | Limit | Touch
    | Acquire | Release | Put | Take | Occurs | Pause | AtomBegin | AtomEnd | Line | Outcome | End
)  # fmt: skip


@dataclass(eq=False, slots=True)
class Node:
    number: int
    operation: Operation
    span: Span
    next: Node | None = None
    driver: bool = False  # text of the driver itself, not of the framework
    call: str = ""  # the DDI of which it is part, as the driver calls it

    def successors(self) -> Iterator[Node]:
        if self.next is not None:
            yield self.next
        match self.operation:
            case Test(otherwise=node) | Each(body=node):
                yield node
            case Fork(ways):
                yield from ways
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Graph:
    """`live`: for each node number the locals whose value may still be read from there on."""

    entry: Node
    nodes: tuple[Node, ...]
    live: Mapping[int, frozenset[str]]


def reachable(first: Node, stop: Node | None = None) -> tuple[Node, ...]:
    found: dict[int, Node] = {}
    todo = [first]
    while todo:
        node = todo.pop()
        if node.number not in found and node is not stop:
            found[node.number] = node
            todo.extend(node.successors())
    return tuple(found.values())


# ---------------------------------------------------------------- liveness of locals (Aho, Sethi, Ullman, 10.6)


def liveness(nodes: tuple[Node, ...]) -> dict[int, frozenset[str]]:
    live: dict[int, frozenset[str]] = {node.number: frozenset() for node in nodes}
    before: dict[int, list[Node]] = {node.number: [] for node in nodes}
    for node in nodes:
        for after in node.successors():
            before[after.number].append(node)
    known = {node.number: effects(node.operation) for node in nodes}
    todo = list(nodes)
    while todo:
        node = todo.pop()
        out: frozenset[str] = frozenset().union(*(live[after.number] for after in node.successors()))
        written, read = known[node.number]
        now = (out - written) | read
        if now != live[node.number]:
            live[node.number] = now
            todo.extend(before[node.number])
    return live


def effects(operation: Operation) -> tuple[frozenset[str], frozenset[str]]:
    """The locals that an operation writes, and those that it reads."""
    match operation:
        case Set(typed.Local(name), value):
            return frozenset({name}), locals_of(value)
        case ChooseValue(typed.Local(name), _):
            return frozenset({name}), frozenset()
        case Each(variable, _, where, _):
            return frozenset({variable}), locals_of(where) - {variable}
        case Take(request, variable, where):
            return frozenset(), locals_of(request) | (locals_of(where) - {variable})
        case Line():
            return frozenset(), frozenset()
        case _:
            return frozenset(), locals_of(operation)


def locals_of(part: Any) -> frozenset[str]:
    match part:
        case typed.Local(name):
            return frozenset({name})
        case typed.Exists() | typed.Pick() | typed.CountOf():
            return locals_of(part.condition) - {part.variable}
        case tuple():
            return frozenset().union(*(locals_of(item) for item in part))
        case Node() | str() | int() | frozenset() | None:
            return frozenset()
        case _:
            return frozenset().union(*(locals_of(getattr(part, name)) for name in part_names(type(part))))
