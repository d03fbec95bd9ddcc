"""The statements of the typed program as instructions of the direct interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wdfmc.semantics import typed
from wdfmc.semantics.types import IntType
from wdfmc.source import Span
from wdfmc.system.system import Obj, Ref
from wdfmc.traces.terms import LENIENT, STALE, Mode, Term, Terms, Test
from wdfmc.traces.watch import Watch
from wdfmc.traces.world import (
    LOST,
    Activation,
    Alias,
    Blocked,
    Broken,
    Code,
    Datum,
    Frame,
    Instruction,
    Key,
    Local,
    Subject,
    Variables,
    World,
)

MODEL_BOUND: Final = "model-bound"
ALWAYS: Final = typed.Const(True)


@dataclass(frozen=True, slots=True)
class Style:
    """Whose text a block is. atomic: inside an atomic body."""

    driver: bool
    atomic: bool

    @property
    def mode(self) -> Mode:
        return Mode(driver=self.driver and not self.atomic)

    @property
    def stepwise(self) -> bool:
        """Each operand and each access is a step of its own."""
        return self.driver and not self.atomic


FRAMEWORK: Final = Style(driver=False, atomic=True)


class Statements:
    """Compiles blocks. Routines and callbacks are compiled when they are first called.

    Args: those of `Machine`.
    """

    def __init__(
        self, program: typed.Program, slots: int, spare: int, overlaps: Mapping[str, int], rules: Iterable[str],
        in_order: bool,
    ) -> None:  # fmt: skip
        self.program = program
        self.spare = spare
        self.overlaps = overlaps
        self.in_order = in_order
        self.variables = Variables(program, slots)
        self.terms = Terms(program, self.variables)
        self.watch = Watch(program, self.variables, rules)
        self.routines: dict[tuple[str, tuple[typed.Parameter, ...], Style], Code] = {}
        self.callbacks: dict[str, Code] = {}
        self.optional: dict[str, tuple[Term | None, Term | None]] = {}

    def tell(self, world: World, event: str, *args: Datum) -> None:
        if event in self.program.events:
            world.events.append((event, args))
            self.watch.notice(world, event, args)

    # ------------------------------------------------------------ statements

    def block(self, block: typed.Block, style: Style) -> Code:
        return Code([instruction for statement in block for instruction in self.statement(statement, style)])

    def statement(self, statement: typed.Statement, style: Style) -> Iterator[Instruction]:
        span, mode, terms = statement.span, style.mode, self.terms
        match statement:
            case typed.Assign(_, target, value):
                yield from self.assign(span, target, value, style)
            case typed.Invoke(_, target, routine, args):
                yield from self.called(span, target, self.program.routines[routine], args, style)
            case typed.If(_, condition, then, otherwise):
                yield self.branch(span, condition, self.block(then, style), self.block(otherwise, style), style)
            case typed.While(_, before, condition, body):
                loop = Code(again=True)
                stop = Code([Instruction(span, World.break_loop, silent=True)])
                loop.items += self.block(before, style).items
                loop.items.append(self.branch(span, condition, self.block(body, style), stop, style))
                yield Instruction(span, lambda world: world.push(loop), silent=True)
            case typed.ForEach(_, variable, sort, where, body):
                yield self.for_each(span, variable, sort, where, self.block(body, style), style)
            case typed.Choose(_, alternatives):
                ways = [self.block(alternative, style) for alternative in alternatives]
                yield Instruction(span, lambda world: world.push(ways[world.chooser.choose(len(ways), str)]))
            case typed.ChooseValue(_, target, values):
                write = self.writer(target, mode)
                yield Instruction(span, lambda world: write(world, one_of(world, values)))
            case typed.Atomic(_, body):
                yield Instruction(span, self.atom(self.block(body, Style(style.driver, atomic=True))))
            case typed.Break():
                yield Instruction(span, World.break_loop, silent=True)
            case typed.Continue():
                yield Instruction(span, World.continue_loop, silent=True)
            case typed.Return(_, value):
                result = None if value is None else terms.term(value, mode)
                yield Instruction(span, lambda world: self.return_(world, result), silent=value is None)
            case typed.Emit(_, event, args):
                given = [terms.term(arg, LENIENT) for arg in args]
                yield Instruction(span, lambda world: self.tell(world, event, *[arg(world) for arg in given]))
            case typed.Start(_, "inline"):
                yield Instruction(span, lambda world: None)
            case typed.Start(_, how, callback, kind, args):
                yield Instruction(span, self.start(callback, kind, args, mode))
                if how == "call":
                    yield self.pause(span, style)
                    waits = typed.Not(typed.RoleActive(self.program.kinds[kind].role, args[0]))
                    yield self.await_(span, waits, style)
            case typed.Enter():
                yield Instruction(span, lambda world: None)
            case typed.Await(_, condition):
                yield self.await_(span, condition, style)
            case typed.Then():
                yield self.pause(span, style)
            case typed.Limit(_, words):
                yield Instruction(span, lambda world: violate(MODEL_BOUND, words))
            case typed.Require(_, condition, rule):
                test = terms.test(condition, mode)
                yield Instruction(span, lambda world: None if test(world) else violate(rule))
            case typed.Acquire(_, lock):
                wanted = terms.target(lock, LENIENT)
                yield Instruction(span, lambda world: acquire(world, wanted(world)))
            case typed.Release(_, lock):
                wanted = terms.target(lock, LENIENT)
                yield Instruction(span, lambda world: release(world, wanted(world)))
            case typed.Put() | typed.Take():
                yield Instruction(span, self.line_up(statement) if self.in_order else lambda world: None)
            case typed.Occurs():
                yield Instruction(span, lambda world: None)
            case _:
                raise AssertionError(statement)

    def line_up(self, statement: typed.Put | typed.Take) -> Callable[[World], None]:
        """Taking is blocked while another request that satisfies the condition stands before the one to be taken."""
        target = self.terms.target(statement.request, Mode())

        def request(world: World) -> Ref:
            found = target(world)
            assert isinstance(found, Ref), found
            return found

        match statement:
            case typed.Put(_, _, last):
                return lambda world: world.put(request(world), last)
            case typed.Take(_, _, variable, where):
                waiting = self.terms.candidates(variable, self.variables.dynamic, where)

                def take(world: World) -> None:
                    before = world.leave_line(request(world))
                    if not set(before).isdisjoint(waiting(world)):
                        raise Blocked

                return take

    def assign(
        self, span: Span, target: typed.Local | typed.FieldOf, value: typed.Expr, style: Style
    ) -> Iterator[Instruction]:
        """What a driver computes from shared data and writes to shared data is two steps."""
        write, result = self.writer(target, style.mode), self.terms.term(value, style.mode)
        if style.stepwise and isinstance(target, typed.FieldOf) and reads_shared(value):

            def read(world: World) -> None:
                world.names["$read"] = result(world)

            def put(world: World) -> None:
                write(world, world.local("$read"))
                del world.names["$read"]

            yield Instruction(span, read)
            yield Instruction(span, put)
        else:
            yield Instruction(span, lambda world: write(world, result(world)))

    def writer(self, target: typed.Local | typed.FieldOf, mode: Mode) -> Callable[[World, Datum], None]:
        match target:
            case typed.Local(name):
                return lambda world, value: self.write_local(world, name, value)
            case typed.FieldOf():
                place = self.terms.place(target, mode)
                return lambda world, value: self.write(world, place(world).cell, value)

    def write_local(self, world: World, name: str, value: Datum) -> None:
        alias = world.set_local(name, value)
        if alias is not None:
            self.write(world, alias.cell, value)

    def write(self, world: World, place: int, value: Datum) -> None:
        spec = self.variables.ranges[place]
        if isinstance(spec.type, IntType):
            assert isinstance(value, int)
            if not spec.type.low <= value <= spec.type.high:
                violate(MODEL_BOUND, f"{spec.name} leaves its range {spec.type}")
        world.values[place] = value
        world.wrote = True

    def branch(self, span: Span, condition: typed.Expr, yes: Code, no: Code, style: Style) -> Instruction:
        """In a driver each operand of && and || is read on its own."""
        if style.stepwise:
            match condition:
                case typed.And(left, right):
                    return self.branch(span, left, Code([self.branch(span, right, yes, no, style)]), no, style)
                case typed.Or(left, right):
                    return self.branch(span, left, yes, Code([self.branch(span, right, yes, no, style)]), style)
                case typed.Not(operand):
                    return self.branch(span, operand, no, yes, style)
                case _:
                    pass
        test = self.terms.test(condition, style.mode)
        return Instruction(span, lambda world: world.push(yes if test(world) else no))

    def for_each(
        self, span: Span, variable: str, sort: str, where: typed.Expr, body: Code, style: Style
    ) -> Instruction:
        if self.program.sorts[sort].dynamic:
            candidates = self.terms.candidates(variable, sort, where)

            def round(world: World) -> None:
                found = candidates(world)
                if not found:
                    world.break_loop()
                    return
                world.names[variable] = found[world.chooser.choose(len(found), lambda at: f"for each: {found[at]}")]
                world.push(body)

            loop = Code([Instruction(span, round, rounds=True)], again=True)
        else:
            loop = Code(leaves=True)
            test = self.terms.test(where, style.mode)
            for item in self.program.objects_of(sort):
                loop.items.append(Instruction(span, self.turn(variable, Obj(item.name), test, body), where == ALWAYS))
        return Instruction(span, lambda world: world.push(loop), silent=True)

    def turn(self, variable: str, item: Obj, test: Test, body: Code) -> Callable[[World], None]:
        def run(world: World) -> None:
            world.names[variable] = item
            if test(world):
                world.push(body)

        return run

    def await_(self, span: Span, condition: typed.Expr, style: Style) -> Instruction:
        """What was written before in the same atomic body is seen by others while it waits."""
        test = self.terms.test(condition, style.mode)

        def run(world: World) -> None:
            if world.wrote and world.key is not None:
                world.frames[-1].places[-1] = (world.frames[-1].places[-1][0], world.frames[-1].places[-1][1] - 1)
                world.paused = True
            elif not test(world):
                raise Blocked

        return Instruction(span, run)

    def pause(self, span: Span, style: Style) -> Instruction:
        def run(world: World) -> None:
            world.paused = True

        return Instruction(span, run, silent=not style.atomic)

    def return_(self, world: World, result: Term | None) -> None:
        value = None if result is None else result(world)
        if len(world.frames) == 1:
            world.frames[0].places.clear()
            return
        target = world.leave()
        if target is not None:
            self.write_local(world, target, value)

    # ------------------------------------------------------------ routines and callbacks

    def called(
        self, span: Span, target: typed.Local | None, routine: typed.Routine, args: tuple[typed.Expr, ...], style: Style
    ) -> Iterator[Instruction]:
        """What a call reads from shared data for its arguments is read before, each in a step of its own."""
        given: list[typed.Expr] = []
        for at, (parameter, arg) in enumerate(zip(routine.parameters, args, strict=True)):
            if parameter.mode == "in" and not style.atomic and reads_shared(arg):
                held = typed.Local(f"$argument{at}")
                yield from self.assign(span, held, arg, style)
                given.append(held)
            else:
                given.append(arg)
        yield Instruction(span, self.invoke(target, routine, tuple(given), style))

    def invoke(
        self, target: typed.Local | None, routine: typed.Routine, args: tuple[typed.Expr, ...], style: Style
    ) -> Callable[[World], None]:
        inner = Style(style.driver and not routine.atomic, style.atomic or routine.atomic)
        given: list[tuple[str, Callable[[World], Local]]] = []
        for parameter, arg in zip(routine.parameters, args, strict=True):
            if parameter.mode == "in":
                given.append((parameter.name, self.terms.term(arg, style.mode)))
            else:
                given.append((parameter.name, self.terms.place(arg, style.mode)))
        result = None if target is None else target.name
        told = routine.level is not None and style.driver
        level = self.terms.term(routine.level, FRAMEWORK.mode) if told and routine.level is not None else None

        def run(world: World) -> None:
            names: dict[str, Local] = {name: value(world) for name, value in given}
            world.enter(Frame(names, [(self.routine(routine, inner), 0)], result, inner.atomic))
            if level is not None:
                self.tell(world, typed.CALLED, level(world))

        return run

    def routine(self, routine: typed.Routine, style: Style) -> Code:
        key = routine.name, routine.parameters, style
        if key not in self.routines:
            self.routines[key] = self.block((*routine.requires, *routine.body), style)
        return self.routines[key]

    def atom(self, code: Code) -> Callable[[World], None]:
        """Several statements in one step, with the locals of the routine around them."""

        def run(world: World) -> None:
            names: dict[str, Local] = {}
            for name in world.names:
                known = world.names[name]
                names[name] = known if isinstance(known, Alias) else Alias(len(world.frames) - 1, name, -1)
            world.enter(Frame(names, [(code, 0)], None, atomic=True))

        return run

    def start(
        self, callback: typed.Expr, kind: str, args: tuple[typed.Expr, ...], mode: Mode
    ) -> Callable[[World], None]:
        name = self.terms.term(callback, mode)
        given = [self.terms.term(arg, mode) for arg in args]

        def run(world: World) -> None:
            wanted = name(world)
            if isinstance(wanted, str):
                self.activate(world, wanted, kind, [arg(world) for arg in given])

        return run

    def activate(self, world: World, name: str, wanted: str, args: list[Datum]) -> None:
        callback = self.program.callbacks[name]
        kind = self.program.kinds[wanted if wanted in callback.kinds or not callback.kinds else callback.kinds[0]]
        subject = args[0]
        if not isinstance(subject, Obj | Ref):
            violate(STALE)
            return
        host, lock = (self.read_for(world, term, kind, subject) for term in self.of_kind(kind))
        key = self.free(world, kind, subject, name)
        if kind.host is None and isinstance(subject, Obj):
            host = subject
        if name not in self.callbacks:
            self.callbacks[name] = self.block(callback.body, Style(driver=True, atomic=False))
        names: dict[str, Local] = dict(zip(callback.parameters, args, strict=False))
        call = Frame(names, [(self.callbacks[name], 0)], None, atomic=False).frozen()
        world.active[key] = Activation(name, kind.name, host, lock.name if lock else None, False, (call,))
        world.wrote = True

    def of_kind(self, kind: typed.Kind) -> tuple[Term | None, Term | None]:
        if kind.name not in self.optional:
            host, lock = (None if expr is None else self.terms.term(expr, LENIENT) for expr in (kind.host, kind.lock))
            self.optional[kind.name] = host, lock
        return self.optional[kind.name]

    def read_for(self, world: World, term: Term | None, kind: typed.Kind, subject: Subject) -> Obj | None:
        """The host or the lock of a callback, by its subject."""
        if term is None:
            return None
        found = self.terms.bound(world, kind.parameters[0].name, subject, term)
        return found if isinstance(found, Obj) else None

    def free(self, world: World, kind: typed.Kind, subject: Subject, name: str) -> Key:
        """The record for a new activation. Where runs may overlap, one too many does not happen; else it is a fault."""
        bound = max(kind.overlap, self.overlaps.get(kind.role, 1))
        for copy in range(bound):
            if Key(kind.role, subject, copy) not in world.active:
                return Key(kind.role, subject, copy)
        if kind.overlap > 1:
            raise Blocked
        spare = (Key(kind.role, subject, bound + copy) for copy in range(self.spare))
        key = next((key for key in spare if key not in world.active), None)
        if key is None or world.chooser.choose(2, lambda at: f"beyond the bound: {'yes' if at else 'no'}") == 0:
            raise Broken(MODEL_BOUND, f"{name} is started again while it runs")
        return key


def violate(rule: str, words: str | None = None) -> None:
    raise Broken(rule, words)


def one_of(world: World, values: tuple[typed.Constant, ...]) -> Datum:
    return values[world.chooser.choose(len(values), lambda at: str(values[at]))]


def acquire(world: World, lock: Subject | None) -> None:
    if isinstance(lock, Obj):
        if lock.name in world.held:
            raise Blocked(lock.name)
        world.held[lock.name] = world.key or LOST
        world.wrote = True


def release(world: World, lock: Subject | None) -> None:
    if isinstance(lock, Obj):
        world.held.pop(lock.name, None)
        world.wrote = True


def reads_shared(expr: typed.Expr) -> bool:
    """Whether an expression of a driver reads more than its locals."""
    match expr:
        case typed.FieldOf() | typed.Pick() | typed.Exists() | typed.Stored():
            return True
        case typed.Not(operand) | typed.OneOf(operand, _) | typed.Succeeded(operand) | typed.HasFlag(operand, _):
            return reads_shared(operand)
        case typed.And(left, right) | typed.Or(left, right):
            return reads_shared(left) or reads_shared(right)
        case typed.Compare(_, left, right) | typed.Arithmetic(_, left, right):
            return reads_shared(left) or reads_shared(right)
        case typed.Conditional(condition, then, otherwise):
            return reads_shared(condition) or reads_shared(then) or reads_shared(otherwise)
        case _:
            return False
