"""Bodies as control-flow graphs: routines are expanded in place, so that a graph has no calls left.

Locals of an expanded routine get the number of the expansion.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from wdfmc.parts import part_names
from wdfmc.semantics import typed
from wdfmc.semantics.types import VoidType
from wdfmc.source import Span
from wdfmc.system.flow import (
    TRUE,
    Acquire,
    AtomBegin,
    AtomEnd,
    Await,
    ChooseValue,
    Each,
    Emit,
    End,
    Enter,
    Fork,
    Graph,
    Inline,
    Limit,
    Line,
    Node,
    Occurs,
    Operation,
    Outcome,
    Pause,
    Probe,
    Put,
    Release,
    Require,
    Set,
    Start,
    Take,
    Test,
    Touch,
    liveness,
    reachable,
)
from wdfmc.system.places import calling, outcomes, passing, returning
from wdfmc.system.system import Obj


@dataclass(slots=True)
class Frame:
    """The routine being expanded: what its names stand for, where `return`, `break` and `continue` go."""

    program: typed.Program
    names: dict[str, typed.Expr]
    suffix: str
    exit: Node
    result: typed.Local | typed.FieldOf | None
    driver: bool
    atomic: bool
    breaks: list[Node] = field(default_factory=list)
    continues: list[Node] = field(default_factory=list)


def graph(
    program: typed.Program, body: typed.Block, span: Span, *, driver: bool, atomic: bool, repeat: bool = False,
    begin: tuple[Operation, ...] = (), end: tuple[Operation, ...] = (), observed: frozenset[str] = frozenset(),
    goals: frozenset[str] = frozenset(),
) -> Graph:  # fmt: skip
    """The graph of one callback, thread or step.

    Args:
        atomic: the body is one transition (environment steps, lines of loops).
        repeat: the end leads back to the beginning (a thread that runs again and again).
        begin: operations before the body, and `end` after it.
        observed: the events whose arguments some rule reads; those of others keep no local alive.
        goals: which places get a probe, among other names.
    """
    builder = Builder(program, observed, goals)
    last = builder.node(End(), span, None, False)
    tail = last
    for operation in reversed(end):
        tail = builder.node(operation, span, tail, False)
    frame = Frame(program, {}, "", tail, None, driver, atomic)
    first = builder.block(body, tail, frame)
    if atomic:
        first = builder.node(AtomBegin(True, False, False), span, first, False)
    for operation in reversed(begin):
        first = builder.node(operation, span, first, False)
    if repeat:
        last.operation, last.next = Pause(), first
    nodes = reachable(first)
    return Graph(first, nodes, liveness(nodes))


class Builder:
    """Builds backwards: each method takes the node that follows and returns the first of its own."""

    def __init__(self, program: typed.Program, observed: frozenset[str], goals: frozenset[str]) -> None:
        self.program = program
        self.observed = observed
        self.goals = goals
        self.numbers = count()
        self.expansions = count(1)
        self.call = ""  # the DDI that is being expanded, as the driver calls it

    def node(self, operation: Operation, span: Span, after: Node | None, driver: bool) -> Node:
        return Node(next(self.numbers), operation, span, after, driver, self.call)

    def block(self, block: typed.Block, after: Node, frame: Frame) -> Node:
        for statement in reversed(block):
            after = self.passed(statement.span, self.statement(statement, after, frame), frame)
        return after

    def passed(
        self, span: Span, after: Node, frame: Frame, way: str = "", condition: typed.Expr = TRUE
    ) -> Node:  # fmt: skip
        """A probe of a place in the driver's own text, if it is asked for."""
        if self.goals and frame.driver and not frame.atomic and (name := passing(span, way)) in self.goals:
            return self.node(Probe(name, condition), span, after, False)
        return after

    def statement(self, statement: typed.Statement, after: Node, frame: Frame) -> Node:
        """Statements that branch or expand; `simple` has those that are one operation."""
        span = statement.span
        match statement:
            case typed.Assign(_, target, value):
                return self.assign(statement, renamed(target, frame), renamed(value, frame), after, frame)
            case typed.Invoke(_, target, routine, args):
                return self.invoke(statement, renamed(target, frame), routine, renamed(args, frame), after, frame)
            case typed.If(_, condition, then, otherwise):
                yes, no = self.block(then, after, frame), self.block(otherwise, after, frame)
                return self.shown_test(span, renamed(condition, frame), yes, no, frame)
            case typed.While(_, before, condition, body):
                return self.loop(statement, before, condition, body, after, frame)
            case typed.ForEach(_, variable, sort, where, body):
                return self.for_each(statement, variable, sort, where, body, after, frame)
            case typed.Choose(_, alternatives):
                ways = tuple(self.block(way, after, frame) for way in alternatives)
                return self.node(Fork(ways), span, None, frame.driver)
            case typed.Atomic(_, body):
                inner = replace(frame, atomic=True)
                first = self.block(body, self.node(AtomEnd(), span, after, frame.driver), inner)
                begin = self.node(AtomBegin(True, False, False), span, first, frame.driver)
                return self.lined(statement, begin, frame)
            case typed.Break():
                return self.node(Pause(head=True), span, frame.breaks[-1], frame.driver)
            case typed.Continue():
                return self.node(Pause(head=True), span, frame.continues[-1], frame.driver)
            case typed.Return(_, returned):
                first = frame.exit
                if returned is not None and frame.result is not None:
                    first = self.node(Set(frame.result, renamed(returned, frame)), span, first, frame.driver)
                return self.lined(statement, first, frame)
            case typed.Start(_, how, callback, kind, args) if how != "inline":
                given = renamed(args, frame)
                if how == "call":
                    role = self.program.kinds[kind].role
                    ended = Await(typed.Not(typed.RoleActive(role, given[0])))
                    after = self.node(Pause(), span, self.node(ended, span, after, frame.driver), frame.driver)
                return self.node(Start(renamed(callback, frame), kind, given), span, after, frame.driver)
            case typed.Require(_, condition, rule):
                required = self.node(Require(renamed(condition, frame), rule), span, after, frame.driver)
                return self.called(span, rule, required)
            case typed.Occurs(_, words, fair):
                promised = None if fair is None else typed.truth(fair)
                occurs = self.node(Occurs(words, promised), span, after, frame.driver)
                return self.node(Pause(), span, occurs, frame.driver)
            case _:
                return self.node(self.simple(statement, frame), span, after, frame.driver)

    def simple(self, statement: typed.Statement, frame: Frame) -> Operation:
        """The operation of a statement that is only one."""
        match statement:
            case typed.ChooseValue(_, target, values):
                return ChooseValue(renamed(target, frame), values)
            case typed.Emit(_, event, args):
                return Emit(event, renamed(args, frame) if event in self.observed else ())
            case typed.Start(_, "inline", callback, kind, args):
                return Inline(renamed(callback, frame), kind, renamed(args, frame))
            case typed.Enter(_, queue, if_idle):
                return Enter(renamed(queue, frame), if_idle)
            case typed.Await(_, condition):
                return Await(renamed(condition, frame))
            case typed.Then():
                return Pause()
            case typed.Limit(_, words):
                return Limit(words)
            case typed.Acquire(_, lock):
                return Acquire(renamed(lock, frame))
            case typed.Release(_, lock):
                return Release(renamed(lock, frame))
            case typed.Put(_, request, last):
                return Put(renamed(request, frame), last)
            case typed.Take(_, request, variable, where):
                return Take(renamed(request, frame), variable, renamed(where, frame))
        raise AssertionError(statement)

    def called(self, span: Span, contract: str, after: Node) -> Node:
        """A probe of the calls that have a contract, if it is asked for."""
        name = calling(contract)
        return self.node(Probe(name, TRUE), span, after, False) if name in self.goals else after

    def lined(self, statement: typed.Statement, first: Node, frame: Frame, result: str | None = None) -> Node:
        """Statements of the driver are lines of a trace."""
        if not frame.driver or frame.atomic:
            return first
        return self.node(Line(" ".join(statement.span.text.split()), result), statement.span, first, True)

    def assign(
        self, statement: typed.Statement, target: typed.Expr, value: typed.Expr, after: Node, frame: Frame
    ) -> Node:
        """`x = x + 1` on shared data reads and writes in two steps; only interlocked calls are one."""
        assert isinstance(target, typed.Local | typed.FieldOf)
        if frame.driver and not frame.atomic and isinstance(target, typed.FieldOf) and reads_fields(value):
            temporary = typed.Local(f"${next(self.expansions)}read")
            after = self.node(Set(target, temporary), statement.span, after, True)
            target = temporary
        return self.lined(statement, self.node(Set(target, value), statement.span, after, frame.driver), frame)

    def test(self, span: Span, condition: typed.Expr, yes: Node, no: Node, frame: Frame) -> Node:
        """In a driver each operand of && and || is read on its own. What the arguments decide is no test."""
        known = typed.truth(condition)
        if known is not None:
            return yes if known else no
        if frame.driver and not frame.atomic:
            match condition:
                case typed.And(left, right):
                    return self.test(span, left, self.test(span, right, yes, no, frame), no, frame)
                case typed.Or(left, right):
                    return self.test(span, left, yes, self.test(span, right, yes, no, frame), frame)
                case typed.Not(operand):
                    return self.test(span, operand, no, yes, frame)
                case _:
                    pass
        return self.node(Test(condition, no), span, yes, frame.driver)

    def shown_test(self, span: Span, condition: typed.Expr, yes: Node, no: Node, frame: Frame) -> Node:
        """A test of the driver, and the line of a trace that says how it went."""
        if frame.driver and not frame.atomic:
            text = f"if ({' '.join(span.text.split())})"
            yes = self.passed(span, self.node(Outcome(text, "yes"), span, yes, True), frame, "yes")
            no = self.passed(span, self.node(Outcome(text, "no"), span, no, True), frame, "no")
        return self.test(span, condition, yes, no, frame)

    def loop(
        self, statement: typed.Statement, before: typed.Block, condition: typed.Expr, body: typed.Block, after: Node,
        frame: Frame,
    ) -> Node:  # fmt: skip
        head = self.node(Pause(head=True), statement.span, None, frame.driver)
        frame.breaks.append(after)
        frame.continues.append(head)
        inside = self.block(body, head, frame)
        frame.breaks.pop()
        frame.continues.pop()
        if condition == TRUE:
            head.next = self.block(before, inside, frame)
        else:
            tested = renamed(condition, frame)
            head.next = self.block(before, self.shown_test(statement.span, tested, inside, after, frame), frame)
        return head

    def for_each(
        self, statement: typed.Statement, variable: str, sort: str, where: typed.Expr, body: typed.Block, after: Node,
        frame: Frame,
    ) -> Node:  # fmt: skip
        if not self.program.sorts[sort].dynamic:
            return self.unrolled(statement, variable, sort, where, body, after, frame)
        local = variable + frame.suffix
        inner = replace(frame, names={**frame.names, variable: typed.Local(local)})
        head = self.node(Pause(), statement.span, None, frame.driver)
        inner.breaks, inner.continues = [*frame.breaks, after], [*frame.continues, head]
        inside = self.block(body, head, inner)
        head.next = self.node(Each(local, sort, renamed(where, inner), inside), statement.span, after, frame.driver)
        return head

    def unrolled(
        self, statement: typed.Statement, variable: str, sort: str, where: typed.Expr, body: typed.Block, after: Node,
        frame: Frame,
    ) -> Node:  # fmt: skip
        """Over declared objects: one copy of the body for each, in order."""
        end = after
        for found in reversed(self.program.objects_of(sort)):
            names = {**frame.names, variable: typed.Const(Obj(found.name))}
            inner = replace(frame, names=names, breaks=[*frame.breaks, end], continues=[*frame.continues, after])
            inside = self.block(body, after, inner)
            condition = renamed(where, inner)
            after = inside if condition == typed.Const(True) else self.node(
                Test(condition, after), statement.span, inside, frame.driver
            )  # fmt: skip
        return after

    def invoke(
        self, statement: typed.Statement, target: typed.Expr | None, name: str, args: tuple[typed.Expr, ...],
        after: Node, frame: Frame,
    ) -> Node:  # fmt: skip
        routine = self.program.routines[name]
        suffix = f"~{next(self.expansions)}"
        assert target is None or isinstance(target, typed.Local | typed.FieldOf)
        begins_atom = routine.atomic and not frame.atomic
        result = target
        if target is None and begins_atom and routine.result != VoidType():
            result = typed.Local(f"${suffix}")  # nobody reads it but the trace
        exit = after
        if begins_atom:
            exit = self.node(AtomEnd(), statement.span, after, frame.driver)
            if result is not None:
                for given in outcomes(self.program, routine) if self.goals and frame.driver else ():
                    condition = typed.Compare("==", result, typed.Const(given))
                    exit = self.passed(statement.span, exit, frame, returning(routine.name, given), condition)
        names, copies = self.bind(routine, args, suffix)
        driver, atomic = frame.driver and not routine.atomic, routine.atomic or frame.atomic
        inner = Frame(self.program, names, suffix, exit, result, driver, atomic)
        outer, self.call = self.call, self.call or (name if routine.ddi else "")
        first = self.block(routine.body, exit, inner)
        for require in reversed(routine.requires):
            required = Require(renamed(require.condition, inner), require.rule)
            first = self.node(required, require.span, first, inner.driver)
        self.call = outer
        if routine.level is not None and frame.driver:
            event = Emit(typed.CALLED, (renamed(routine.level, inner),) if typed.CALLED in self.observed else ())
            first = self.node(event, statement.span, first, inner.driver)
        for require in routine.requires:  # the call is made, whichever of its contracts it keeps
            first = self.called(require.span, require.rule, first)
        if frame.driver and not frame.atomic:
            for parameter, arg in zip(routine.parameters, args, strict=True):
                if parameter.mode != "in" and isinstance(arg, typed.FieldOf) and arg.driver:
                    first = self.node(Touch(arg), statement.span, first, True)
        if begins_atom:
            shown = result.name if isinstance(result, typed.Local) else None
            begin = replace(weight(first, exit), action=routine.name, result=shown)
            first = self.node(begin, statement.span, first, frame.driver)
        for local, value in reversed(copies):  # arguments are read before the call: others may step between
            first = self.node(Set(local, value), statement.span, first, frame.driver)
        if routine.ddi and frame.driver and not frame.atomic:
            shown = result.name if isinstance(result, typed.Local) else None
            first = self.node(Line(routine.name, shown), statement.span, first, True)
        return first

    def bind(
        self, routine: typed.Routine, args: tuple[typed.Expr, ...], suffix: str
    ) -> tuple[dict[str, typed.Expr], list[tuple[typed.Local, typed.Expr]]]:
        """Parameters stand for constants and locals directly; anything else is copied first."""
        names: dict[str, typed.Expr] = {}
        copies: list[tuple[typed.Local, typed.Expr]] = []
        written = {arg for arg, p in zip(args, routine.parameters, strict=True) if p.mode != "in"}
        for parameter, arg in zip(routine.parameters, args, strict=True):
            direct = isinstance(arg, typed.Const) or (isinstance(arg, typed.Local) and arg not in written)
            if parameter.mode != "in" or direct:
                names[parameter.name] = arg
            else:
                local = typed.Local(parameter.name + suffix)
                names[parameter.name] = local
                copies.append((local, arg))
        return names, copies


def renamed(expr: Any, frame: Frame) -> Any:
    """The expression with the names of the routine replaced; bound variables keep theirs, they are unique."""
    match expr:
        case typed.Local(name):
            if name in frame.names:
                return frame.names[name]
            return typed.Local(name + frame.suffix) if not is_bound(name) else expr
        case typed.FieldOf(base, sort, name, driver):
            target = renamed(base, frame)
            return constant_of(frame.program, target, name) or typed.FieldOf(target, sort, name, driver)
        case typed.Conditional(condition, then, otherwise):
            test = renamed(condition, frame)
            known = typed.truth(test)
            if known is not None:
                return renamed(then if known else otherwise, frame)
            return typed.Conditional(test, renamed(then, frame), renamed(otherwise, frame))
        case typed.Const() | typed.Maybe() | typed.Quiet():
            return expr
        case None | str() | bool() | frozenset() | int():
            return expr
        case tuple():
            return tuple(renamed(item, frame) for item in expr)
        case _:
            changed = {name: renamed(getattr(expr, name), frame) for name in part_names(type(expr))}
            return type(expr)(**changed)


def constant_of(program: typed.Program, base: typed.Expr, name: str) -> typed.Const | None:
    """The field of a declared object, if the driver's declarations fix it: which lock, which callback."""
    if isinstance(base, typed.Const) and isinstance(base.value, Obj) and base.value.name in program.objects:
        found = program.objects[base.value.name]
        declared = program.sorts[found.sort].fields.get(name)
        constant = found.constants.get(name)
        if declared is not None and declared.mode != "var" and isinstance(constant, typed.Const):
            return constant
    return None


def is_bound(name: str) -> bool:
    """Variables of quantifiers are numbered by the checker: `r$7`."""
    return "$" in name[1:]


def reads_fields(expr: typed.Expr) -> bool:
    match expr:
        case typed.FieldOf() | typed.Pick() | typed.Exists() | typed.Stored():
            return True
        case typed.Const() | typed.Local() | typed.Maybe():
            return False
        case _:
            return any(reads_fields(part) for name in part_names(type(expr))
                       if not isinstance(part := getattr(expr, name), str | frozenset | tuple))  # fmt: skip


def weight(first: Node, exit: Node) -> AtomBegin:
    """What the nodes of an atomic body do, for the rule of movers."""
    heavy = acquires = False
    for node in reachable(first, exit):
        match node.operation:
            case Acquire():
                acquires = True
            case Set(target, value):
                heavy |= isinstance(target, typed.FieldOf) or reads_fields(value)
            case Test(condition) | Require(condition):
                heavy |= not is_local(condition)
            case Touch() | Start() | Enter() | Inline() | Await() | Each() | ChooseValue() | Pause() | Occurs():
                heavy = True
            case Put() | Take():
                heavy = True
            case _:
                pass
    starts = first
    while isinstance(starts.operation, Probe | Require | Set | Emit) and starts.next is not None:
        starts = starts.next
    ways = starts.operation.ways if isinstance(starts.operation, Fork) else (starts,)
    return AtomBegin(heavy, acquires, any(isinstance(way.operation, Await) for way in ways))


def is_local(condition: typed.Expr) -> bool:
    match condition:
        case typed.Mine(typed.Const() | typed.Local()):
            return True
        case typed.Exists(condition=inner):
            return is_local(inner)
        case typed.FieldOf() | typed.Pick() | typed.CountOf() | typed.Active() | typed.RoleActive() | typed.Stored():
            return False
        case typed.Const() | typed.Local() | typed.Maybe():
            return True
        case typed.Mine():
            return False
        case _:
            return all(is_local(part) for name in part_names(type(condition))
                       if not isinstance(part := getattr(condition, name), str | frozenset | tuple))  # fmt: skip
