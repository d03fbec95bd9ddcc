"""Bodies of routines, callbacks, steps and threads, and rules, to typed ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias, assert_never

from wdfmc.diagnostics import Severity, did_you_mean
from wdfmc.language import ast
from wdfmc.semantics import typed
from wdfmc.semantics.assigned import unassigned
from wdfmc.semantics.declarations import list_cell, walk
from wdfmc.semantics.expressions import FALSE, TRUE, Expressions, Scope, event_arguments
from wdfmc.semantics.types import (
    BoolType,
    CallbackType,
    EnumType,
    IntType,
    ListType,
    RefType,
    SetType,
    StatusType,
    Type,
    UnknownType,
    VoidType,
)
from wdfmc.source import Span
from wdfmc.system.system import Obj

FrameworkStatement: TypeAlias = (
    ast.Emit
    | ast.Start
    | ast.Enter
    | ast.Await
    | ast.Then
    | ast.Limit
    | ast.Requires
    | ast.Lock
    | ast.Put
    | ast.Take
    | ast.Occurs
)
STALE: Final = "no-stale-handle"
FRAMEWORK_ONLY: Final = (
    ast.Emit, ast.Start, ast.Enter, ast.Then, ast.Limit, ast.Requires, ast.Lock, ast.Put, ast.Take,
)  # fmt: skip


class Bodies(Expressions):
    """Checks statements and rules against the tables."""

    # ------------------------------------------------------------ statements

    def block(self, node: ast.Block | None, scope: Scope) -> typed.Block:
        out: list[typed.Statement] = []
        for statement in node.statements if node else ():
            self.statement(statement, scope, out)
        return tuple(out)

    def statement(self, node: ast.Statement, scope: Scope, out: list[typed.Statement]) -> None:
        if scope.text == "driver" and isinstance(node, FRAMEWORK_ONLY):
            self.tables.error("WDF310", "only framework text may say this", node.span,
                              "drivers call DDIs; put new framework behaviour into a `ddi` of your own")  # fmt: skip
            return
        match node:
            case ast.Block():
                out.extend(self.block(node, scope))
            case ast.Declare(_, name, value):
                if value is not None:
                    self.assign(node, ast.Name(name, span=node.span), value, scope, out)
                elif scope.locals is not None:
                    scope.locals.setdefault(name, UnknownType())
            case ast.Assign(target, value):
                self.assign(node, target, value, scope, out)
            case ast.Evaluate(call):
                if isinstance(call, ast.Call):
                    self.expr(call, scope, None, out)
                else:
                    self.tables.error("WDF207", "a statement does something: a call, an assignment ...", node.span)
            case ast.If(test, then, otherwise):
                condition = self.condition(test, scope, out)
                first, second = self.block(then, scope), self.block(otherwise, scope)
                out.append(typed.If(test.span, condition, first, second))
            case ast.While(test, body):
                before: list[typed.Statement] = []
                condition = self.condition(test, scope, before)
                inner = replace(scope, loops=scope.loops + 1)
                out.append(typed.While(test.span, tuple(before), condition, self.block(body, inner)))
            case ast.ForEach():
                self.for_each(node, scope, out)
            case ast.Choose(alternatives):
                ways = tuple(self.block(alternative, scope) for alternative in alternatives)
                out.append(typed.Choose(node.span, ways))
            case ast.ChooseValue(target):
                self.choose_value(node, target, scope, out)
            case ast.Break() | ast.Continue():
                if not scope.loops:
                    self.tables.error("WDF309", f"`{node.span.text.rstrip(';')}` outside a loop", node.span)
                out.append(typed.Break(node.span) if isinstance(node, ast.Break) else typed.Continue(node.span))
            case ast.Return(value):
                self.return_(node, value, scope, out)
            case ast.Change(op, element, container):
                self.change(node, op, element, container, scope, out)
            case ast.TouchHardware(request) if request is not None:
                self.library_helper(node, "touch_hardware_for", (request,), scope, out)
            case ast.TouchHardware():
                self.library_helper(node, "touch_hardware", (), scope, out)
            case ast.Memory(op, operand):
                self.memory(node, op, operand, scope, out)
            case ast.Synchronize(interrupt, body):
                self.synchronize(node, interrupt, body, scope, out)
            case _:
                self.framework_statement(node, scope, out)

    def framework_statement(self, node: FrameworkStatement, scope: Scope, out: list[typed.Statement]) -> None:
        match node:
            case ast.Emit(event, args):
                self.emit(node, event, args, scope, out)
            case ast.Start(how, callback, args):
                self.start(node, how, callback, args, scope, out)
            case ast.Enter(queue, if_idle):
                out.append(typed.Enter(node.span, self.expr(queue, scope)[0], if_idle))
            case ast.Await(test):
                out.append(typed.Await(node.span, self.condition(test, scope)))
            case ast.Then():
                out.append(typed.Then(node.span))
            case ast.Limit(words):
                out.append(typed.Limit(node.span, words))
            case ast.Requires(test, rule):
                out.append(typed.Require(node.span, self.condition(test, scope), rule))
            case ast.Lock(op, lock):
                value = self.value(lock, scope, RefType("lock", True, "lock"))
                out.append(typed.Acquire(node.span, value) if op == "acquire" else typed.Release(node.span, value))
            case ast.Put(request, place):
                out.append(typed.Put(node.span, self.waiting(request, scope), place == "last"))
            case ast.Take():
                self.take(node, scope, out)
            case ast.Occurs(words, fair):
                promise = self.condition(fair, scope) if fair else FALSE if scope.text == "driver" else None
                if promise is not None and typed.truth(promise) is None:
                    self.tables.error("WDF314", "whether this step is fair may depend on options only",
                                      node.span, "for example `fair weak when power == on`")  # fmt: skip
                out.append(typed.Occurs(node.span, words, promise))
            case _:
                assert_never(node)

    def waiting(self, request: ast.Expr, scope: Scope) -> typed.Expr:
        """What stands in line: one of the sort whose objects are numbered, not declared."""
        value, kind = self.expr(request, scope)
        if not isinstance(kind, UnknownType) and not (isinstance(kind, RefType) and self.stands_in_line(kind.sort)):
            self.tables.error("WDF301", f"only requests stand in line, this is {kind}", request.span)
        return value

    def stands_in_line(self, sort: str) -> bool:
        declared = self.tables.sorts.get(self.tables.object_sort(sort))
        return declared is None or declared.dynamic

    def take(self, node: ast.Take, scope: Scope, out: list[typed.Statement]) -> None:
        request = self.waiting(node.request, scope)
        if node.variable is None or node.sort is None or node.where is None:
            out.append(typed.Take(node.span, request, "", FALSE))
            return
        unique, inner = self.bind(node, node.variable, node.sort, scope)
        if not self.stands_in_line(node.sort):
            self.tables.error("WDF301", f"only requests stand in line, {node.variable} is a {node.sort}", node.span)
        out.append(typed.Take(node.span, request, unique, self.condition(node.where, inner)))

    def assign(
        self, node: ast.Node, target: ast.Expr, value: ast.Expr, scope: Scope, out: list[typed.Statement]
    ) -> None:
        wanted = self.declared_type(target, scope)
        result, kind = self.expr(value, scope, wanted, out)
        if isinstance(kind, VoidType):
            self.tables.error("WDF307", "this call returns nothing", value.span, self.returns_instead(value))
            kind = UnknownType()
        place = self.place(target, scope, kind)
        if place is None:
            return
        if out and isinstance(out[-1], typed.Invoke) and out[-1].target == result and isinstance(place, typed.Local):
            out[-1] = replace(out[-1], target=place)  # `status = WdfX(...)`: no temporary between
        else:
            out.append(typed.Assign(node.span, place, result))

    def declared_type(self, target: ast.Expr, scope: Scope) -> Type | None:
        if isinstance(target, ast.Name):
            if scope.locals is not None and target.id in scope.locals:
                return scope.locals[target.id]
            if target.id in self.tables.contexts and scope.text != "framework":
                return self.tables.contexts[target.id][2].type
            return scope.names[target.id][1] if target.id in scope.names else None
        before = len(self.tables.diagnostics)
        _, kind = self.expr(target, scope)
        del self.tables.diagnostics[before:]  # reported when the target is resolved as a place
        return kind

    def for_each(self, node: ast.ForEach, scope: Scope, out: list[typed.Statement]) -> None:
        if node.container is not None:
            value, kind = self.expr(node.container, scope)
            if not isinstance(kind, SetType) or not isinstance(value, typed.FieldOf):
                if not isinstance(kind, UnknownType):
                    self.tables.error("WDF301", f"`for each` needs a set, this is {kind}", node.container.span)
                return
            sort = kind.sort
            unique, inner = self.bind(node, node.variable, sort, scope)
            out.extend(self.owner_is_there(node, value))
            where = self.membership(value, typed.Local(unique), sort)
        else:
            assert node.sort is not None
            sort = node.sort
            unique, inner = self.bind(node, node.variable, sort, scope)
            where = self.condition(node.where, inner) if node.where else TRUE
        inner.loops = scope.loops + 1
        body = self.block(node.body, inner)
        out.append(typed.ForEach(node.span, unique, self.tables.object_sort(sort), where, body))

    def choose_value(self, node: ast.Node, target: ast.Expr, scope: Scope, out: list[typed.Statement]) -> None:
        value, kind = self.expr(target, scope)
        values: tuple[typed.Constant, ...]
        match kind:
            case EnumType(members=members):
                values = members
            case BoolType():
                values = (False, True)
            case IntType(low, high):
                values = tuple(range(low, high + 1))
            case _:
                self.tables.error("WDF301", f"`choose` needs a variable of few values, this is {kind}", node.span)
                return
        assert isinstance(value, typed.Local | typed.FieldOf)
        if isinstance(value, typed.FieldOf):
            self.tables.written.add(value.field)
        out.append(typed.ChooseValue(node.span, value, values))

    def return_(self, node: ast.Return, value: ast.Expr | None, scope: Scope, out: list[typed.Statement]) -> None:
        if value is None:
            if not isinstance(scope.result, VoidType | UnknownType):
                self.tables.error("WDF307", f"{scope.result} is to be returned", node.span)
            out.append(typed.Return(node.span, None))
        elif isinstance(scope.result, VoidType):
            self.tables.error("WDF307", "nothing is returned here", node.span, "write `return;`")
        else:
            result, kind = self.argument(value, scope, scope.result, out)
            if not isinstance(scope.result, UnknownType):
                out.append(typed.Return(node.span, result))
            else:  # of a callback: nobody gets it, rules may hear of it
                if isinstance(kind, StatusType) and typed.RETURNS in self.tables.events:
                    out.append(typed.Emit(node.span, typed.RETURNS, (typed.Succeeded(result),)))
                out.append(typed.Return(node.span, None))

    def emit(
        self, node: ast.Node, event: str, args: tuple[ast.Expr, ...], scope: Scope, out: list[typed.Statement]
    ) -> None:
        parameters = self.tables.events.get(event)
        if parameters is None:
            self.tables.unknown("WDF209", "event", event, self.tables.events, node.span, "declare it with `ghost`")
            return
        if len(args) != len(parameters):
            self.tables.error("WDF302", event_arguments(event, parameters, args), node.span)
        values = tuple(self.value(arg, scope, p.type) for p, arg in zip(parameters, args, strict=False))
        out.append(typed.Emit(node.span, event, values))

    def start(
        self, node: ast.Start, how: str, callback: ast.Expr, args: tuple[ast.Expr, ...], scope: Scope,
        out: list[typed.Statement],
    ) -> None:  # fmt: skip
        value, kind = self.expr(callback, scope)
        if not isinstance(kind, CallbackType):
            if not isinstance(kind, UnknownType):
                self.tables.error("WDF301", f"a callback is needed here, this is {kind}", callback.span)
            return
        out.append(typed.Start(node.span, how, value, kind.kind, tuple(self.expr(arg, scope)[0] for arg in args)))

    def change(
        self, node: ast.Change, op: str, element: ast.Expr, container: ast.Expr, scope: Scope,
        out: list[typed.Statement],
    ) -> None:  # fmt: skip
        value, kind = self.expr(container, scope)
        if not isinstance(value, typed.FieldOf) or not isinstance(kind, SetType | ListType):
            if not isinstance(kind, UnknownType):
                self.tables.error("WDF301", f"a set or a list is needed here, this is {kind}", container.span)
            return
        if (op == "append") != isinstance(kind, ListType) and op != "remove":
            right = "append" if isinstance(kind, ListType) else "add"
            self.tables.error("WDF301", f"`{right}` puts into a {kind}", node.span)
            return
        item = self.value(element, scope, RefType(kind.sort, True, kind.sort), out)
        if isinstance(kind, SetType):
            bits = self.set_bits(value, item, kind.sort)
            if not self.tables.sorts[value.sort].bounded:
                out.append(typed.Assign(node.span, bits[0][1], typed.Const(op != "remove")))
                return
            body = changed(node.span, value, bits, typed.Const(op != "remove"))
        else:
            cells = [replace(value, field=list_cell(value.field, at)) for at in range(kind.bound)]
            body = appended(node.span, cells, item, value.field) if op == "append" else removed(node.span, cells, item)
        out.append(typed.Atomic(node.span, (*self.owner_is_there(node, value), *body)))

    def owner_is_there(self, node: ast.Node, container: typed.FieldOf) -> typed.Block:
        """What a use of a set or list requires of an owner that comes and goes."""
        define = self.tables.defines.get(f"alive_{container.sort}")
        if define is None or not self.tables.sorts[container.sort].bounded:
            return ()
        kind = RefType(container.sort, True, container.sort)
        return (typed.Require(node.span, self.expand_with(define, [(container.base, kind)])[0], STALE),)

    def memory(self, node: ast.Node, op: str, operand: ast.Expr, scope: Scope, out: list[typed.Statement]) -> None:
        match operand:
            case ast.Call(ast.Name(view), args) if view in self.tables.views:
                self.library_helper(node, f"{op}_{view}", args, scope, out)
                return
            case _:
                pass
        _, kind = self.expr(operand, scope)
        name = kind.view if isinstance(kind, RefType) else kind.name if isinstance(kind, EnumType) else ""
        if not isinstance(kind, UnknownType):
            if f"{op}_{name}" not in self.tables.routines:
                self.tables.error("WDF301", f"`{op}` does not apply to {kind}", operand.span)
            else:
                self.library_helper(node, f"{op}_{name}", (operand,), scope, out)

    def library_helper(
        self, node: ast.Node, name: str, args: tuple[ast.Expr, ...], scope: Scope, out: list[typed.Statement]
    ) -> None:
        if name not in self.tables.routines:
            self.tables.unknown("WDF207", "helper of the library", name, self.tables.routines, node.span)
            return
        call = ast.Call(ast.Name(name, span=node.span), args, span=node.span)
        arguments = self.arguments(call, self.tables.routines[name], args, scope, out)
        out.append(typed.Invoke(node.span, None, name, arguments))

    def synchronize(
        self, node: ast.Node, interrupt: ast.Expr, body: ast.Block, scope: Scope, out: list[typed.Statement]
    ) -> None:
        enter, leave = "WdfInterruptAcquireLock", "WdfInterruptReleaseLock"
        self.library_helper(node, enter, (interrupt,), scope, out)
        for part in walk(body):
            if isinstance(part, ast.Return | ast.Break | ast.Continue):
                self.tables.error("WDF310", "a `synchronize` block ends at its brace", part.span)
        out.extend(self.block(body, scope))
        self.library_helper(node, leave, (interrupt,), scope, out)

    # ------------------------------------------------------------ bodies

    def routine(self, node: ast.Ddi | ast.Helper, driver: bool) -> typed.Routine:
        parameters = self.signature(node)
        for parameter, written in zip(parameters, node.parameters, strict=True):
            if isinstance(parameter.type, UnknownType) and written.type is None:
                self.tables.error("WDF301", f"nothing tells the type of `{parameter.name}`", written.span,
                                  f"write it: `{parameter.name}: request`")  # fmt: skip
        scope = self.body_scope(parameters, driver, self.tables.type_of(node.result) if node.result else VoidType())
        requires = tuple(
            typed.Require(item.span, self.condition(item.condition, scope), item.rule)
            for item in (node.requires if isinstance(node, ast.Ddi) else ())
        )
        body = self.block(node.body, scope)
        if driver:
            self.unread(scope)
            self.unassigned(body, [p.name for p in parameters if p.mode != "out"], scope)
        else:
            self.has_no_turns(node.body)
        ddi = isinstance(node, ast.Ddi)
        return typed.Routine(
            node.name, parameters, scope.result, requires, body, atomic=not driver, ddi=ddi,
            level=self.level(node, scope) if isinstance(node, ast.Ddi) else None, span=node.span,
        )  # fmt: skip

    def level(self, node: ast.Ddi, scope: Scope) -> typed.Expr | None:
        """What the event of a call says; without a clause the first member of the enumeration that it takes."""
        match self.tables.events.get(typed.CALLED):
            case (typed.Parameter(type=EnumType(members=members) as wanted),):
                clause = next(iter(node.levels), None)
                return typed.Const(members[0]) if clause is None else self.value(clause.value, scope, wanted)
            case _:
                return None

    def body_scope(self, parameters: Iterable[typed.Parameter], driver: bool, result: Type) -> Scope:
        scope = Scope("driver" if driver else "framework", {}, {}, result=result)
        assert scope.locals is not None
        for parameter in parameters:
            if parameter.mode == "in":
                scope.names[parameter.name] = typed.Local(parameter.name), parameter.type
            else:
                scope.locals[parameter.name] = parameter.type
                scope.read[parameter.name] = []
        return scope

    def returns_instead(self, value: ast.Expr) -> str:
        """What to write for a call whose result there is not."""
        extended = f"{value.callee.id}Ex" if isinstance(value, ast.Call) and isinstance(value.callee, ast.Name) else ""
        if extended in self.tables.routines:
            return f"`{extended}` returns one"
        return "write the call alone"

    def unread(self, scope: Scope) -> None:
        """A local of a driver that is written and never read is usually a misspelt context variable."""
        for name, span in scope.written.items():
            if name not in scope.read:
                helps = did_you_mean(name, self.tables.contexts) or "declare it in a context, or drop it"
                self.tables.error("WDF212", f"`{name}` is written and never read", span, helps)

    def unassigned(self, body: typed.Block, given: Iterable[str], scope: Scope) -> None:
        """A local that is read where nothing may have been assigned to it holds whatever was on the stack."""
        if any(item.severity is Severity.ERROR for item in self.tables.diagnostics):
            return  # of a wrong text not even the loops and arguments are certain
        modes = lambda name: [parameter.mode for parameter in self.tables.routines[name].parameters]  # noqa: E731
        for name, span in unassigned(body, given, modes).items():
            inside = [at for at in scope.read.get(name, ()) if span.start <= at.start and at.end <= span.end]
            self.tables.warn("WDF213", f"nothing may have been assigned to `{name}` when it is read here",
                             inside[0] if inside else span, "give it a value on every path")  # fmt: skip

    def callback(self, node: ast.CallbackBody, driver: str) -> typed.Callback:
        kinds = list(dict.fromkeys(self.tables.callback_kinds.get(node.name, ())))
        if not kinds:
            self.tables.warn("WDF404", f"nothing ever calls `{node.name}`", node.span,
                             "bind it in an object's braces, or name it in the call that it belongs to")  # fmt: skip
        specs = [self.tables.kinds[kind] for kind in kinds]
        parameters: tuple[typed.Parameter, ...] = ()
        if specs:
            parameters = self.tables.parameters(specs[0].parameters)
            if any(len(s.parameters) != len(specs[0].parameters) or s.sort != specs[0].sort for s in specs):
                self.tables.error("WDF405", f"`{node.name}` serves as {' and '.join(kinds)}, which differ", node.span)
            if len(node.parameters) > len(parameters):
                listed = ", ".join(p.name for p in parameters)
                self.tables.error("WDF410", f"too many parameters for {kinds[0]}: {len(node.parameters)}, "
                                  f"not {len(parameters)}", node.parameters[len(parameters)].span,
                                  f"it is `callback {node.name}({listed})`; the others play no part")  # fmt: skip
        names = [parameter.name for parameter in node.parameters]
        filler = typed.Parameter("", UnknownType(), "in")
        padded = [*parameters, *[filler] * len(names)]
        given = [replace(kind, name=name) for name, kind in zip(names, padded, strict=False)]
        scope = self.body_scope(given, True, UnknownType())
        body = self.block(node.body, scope)
        self.unread(scope)
        self.unassigned(body, names, scope)
        return typed.Callback(node.name, tuple(kinds), tuple(names), body, driver, span=node.span)

    def kind(self, name: str, node: ast.CallbackKind) -> typed.Kind:
        parameters = self.tables.parameters(node.parameters)
        scope = Scope("framework", {p.name: (typed.Local(p.name), p.type) for p in parameters})
        host = self.expr(node.host, scope)[0] if node.host else None
        lock = self.expr(node.lock, scope)[0] if node.lock else None
        return typed.Kind(name, parameters, node.role, self.tables.object_sort(node.sort), host, lock, node.overlap)

    def step(self, node: ast.Step, extra: ast.Loop | None) -> typed.Step:
        parameters = self.tables.parameters(node.parameters)
        if extra is not None:
            sort = self.tables.sort_named(extra.sort, extra.span)
            parameters = (typed.Parameter(extra.variable, RefType(sort, False, sort), "in"), *parameters)
        scope = self.body_scope(parameters, False, VoidType())
        when = self.condition(node.when, scope) if node.when else TRUE
        fair_node = extra.fair if extra is not None else node.fair
        fair = self.condition(fair_node, scope) if fair_node else FALSE
        body = self.block(node.body, scope)
        loop, promised = extra is not None, fair_node is not None
        return typed.Step(node.name, parameters, when, fair, body, loop, promised, span=node.span)

    def has_no_turns(self, body: ast.Block) -> None:
        """What the framework does at once does not wait for the surroundings; only a thread does."""
        for part in walk(body):
            if isinstance(part, ast.Occurs):
                self.tables.error("WDF310", "`environment` stands in a thread only", part.span,
                                  "say it in the thread that calls this")  # fmt: skip

    def thread(self, node: ast.Thread, subject: Obj | None, driver: bool) -> typed.Thread:
        scope = self.body_scope((), driver, VoidType())
        if subject is not None and node.variable is not None:
            sort = self.tables.objects[subject.name].sort
            scope.names[node.variable] = typed.Const(subject), RefType(sort, False, sort)
        when = self.condition(node.when, scope) if node.when else TRUE
        body = self.block(node.body, scope)
        if driver:
            self.unread(scope)
            self.unassigned(body, (), scope)
        return typed.Thread(node.name, node.variable, subject, node.once, when, body, not driver, span=node.span)

    # ------------------------------------------------------------ rules

    def rule(self, node: ast.Rule) -> typed.Rule:
        parameters = self.tables.parameters(node.parameters)
        scope = Scope("rule", {p.name: (typed.Local(p.name), p.type) for p in parameters})
        metas = {meta.key: meta.words for meta in node.metas}
        if not node.sentence.strip():
            self.tables.error("WDF501", f"`{node.name}` says nothing", node.span, "one sentence: what must hold")
        trigger = self.condition(node.trigger, scope) if node.trigger else None
        formula: typed.Expr | None = None
        goal: typed.Expr | None = None
        edges: tuple[tuple[str, typed.On], ...] = ()
        start: str | None = None
        calls: tuple[str, ...] = ()
        exactly_once = False
        match node.body:
            case ast.ByContract():
                form = "contract"
            case ast.Never(body):
                form, formula = "never", self.condition(body, scope)
            case ast.Always(body):
                form, formula = "always", self.condition(body, scope)
            case ast.NoWaitCycle():
                form = "no-wait-cycle"
            case ast.NoDataRace():
                form = "no-data-race"
            case ast.NoSharedLock(named):
                form, calls = "no-shared-lock", tuple(name.id for name in named)
                for name in named:
                    if name.id not in self.tables.routines:
                        self.tables.unknown("WDF202", "call", name.id, self.tables.routines, name.span)
            case ast.LeadsTo(first, second, exactly_once):
                form, formula, goal = "leads-to", self.condition(first, scope), self.condition(second, scope)
                self.needs_events(node, formula, goal)
            case ast.Precedes(first, second):
                form, formula, goal = "precedes", self.condition(first, scope), self.condition(second, scope)
                self.tells_past(node, typed.Once(formula))
            case ast.Monitor(start, states):
                form, edges = "monitor", self.edges(states, scope)
                names = [state.name for state in states]
                if start not in names:
                    self.tables.unknown("WDF201", "state", start, names, node.span)
            case _:
                assert_never(node.body)
        for part in (formula, goal, *(edge.event for _, edge in edges)):
            if part is not None:
                self.tells_past(node, part)
        return typed.Rule(
            node.name, parameters, node.sentence, metas.get("covers", ()), metas.get("assuming", ()),
            metas.get("default", ("on",)) != ("off",), trigger, form, formula, goal, exactly_once, start, edges,
            calls, span=node.span,
        )  # fmt: skip

    def edges(self, states: Sequence[ast.MonitorState], scope: Scope) -> tuple[tuple[str, typed.On], ...]:
        known = [*(state.name for state in states), "violation"]
        found = []
        for state in states:
            for edge in state.edges:
                if edge.target not in known:
                    self.tables.unknown("WDF201", "state", edge.target, known, edge.span)
                event = self.condition(edge.event, scope)
                if not typed.happens(event):
                    self.tables.error("WDF505", "a monitor goes on at an event", edge.event.span)
                found.append((state.name, typed.On(event, edge.target)))
        return tuple(found)

    def needs_events(self, node: ast.Rule, *formulas: typed.Expr) -> None:
        for formula in formulas:
            if not typed.happens(formula):
                self.tables.error("WDF505", f"`{node.name}`: both sides of `leads to` need an event", node.span)

    def tells_past(self, node: ast.Rule, formula: typed.Expr) -> None:
        if any(True for _ in typed.unnoticed(formula)):
            self.tables.error("WDF507", f"`{node.name}` asks for a state of the past that no event tells", node.span,
                              "remember events: `once complete(r, _)`, `not send(r, _) since reuse(r)`")  # fmt: skip


def changed(
    span: Span, container: typed.FieldOf, bits: Sequence[tuple[typed.Expr, typed.FieldOf]], value: typed.Expr
) -> typed.Block:
    """The bit of the object whose set it is."""
    body: typed.Block = ()
    for owner, bit in reversed(bits):
        owned = typed.Compare("==", container.base, owner)
        body = (typed.If(span, owned, (typed.Assign(span, bit, value),), body),)
    return body


# A list is stored in as many cells as it is long, the filled ones first.


def appended(span: Span, cells: Sequence[typed.FieldOf], item: typed.Expr, name: str) -> typed.Block:
    body: typed.Block = (typed.Limit(span, f"the list {name} is full"),)
    for cell in reversed(cells):
        free = typed.Compare("==", cell, typed.Const(None))
        body = (typed.If(span, free, (typed.Assign(span, cell, item),), body),)
    return body


def removed(span: Span, cells: Sequence[typed.FieldOf], item: typed.Expr) -> typed.Block:
    body: typed.Block = ()
    for at in reversed(range(len(cells))):
        shift: list[typed.Statement] = [
            typed.Assign(span, cells[to], cells[to + 1]) for to in range(at, len(cells) - 1)
        ]
        shift.append(typed.Assign(span, cells[-1], typed.Const(None)))
        body = (typed.If(span, typed.Compare("==", cells[at], item), tuple(shift), body),)
    return body
