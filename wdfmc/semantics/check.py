"""Tree to typed driver: names resolved, types checked, defines expanded, calls hoisted out of expressions.

`analysed` collects every mistake it can find; `analyse` raises them, as one `Rejected`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, TypeAlias, assert_never

from wdfmc.diagnostics import Diagnostic, Label, Rejected, Severity, did_you_mean
from wdfmc.language import ast
from wdfmc.semantics import typed
from wdfmc.semantics.declarations import Tables, list_cell, set_bit, walk
from wdfmc.semantics.types import (
    BoolType,
    CallbackType,
    EnumType,
    FlagsType,
    IntType,
    ListType,
    NullType,
    RefType,
    SetType,
    StatusType,
    Type,
    UnknownType,
    VoidType,
    fits,
)  # fmt: skip
from wdfmc.source import Span
from wdfmc.system.system import Obj

BUILT_INS: Final = ("NT_SUCCESS", "maybe", "active", "mine", "in", "empty", "stored", "quiet", "running", "count")
FrameworkStatement: TypeAlias = (
    ast.Emit | ast.Start | ast.Enter | ast.Await | ast.Then | ast.Limit | ast.Requires | ast.Lock | ast.Occurs
)
FRAMEWORK_ONLY: Final = (ast.Emit, ast.Start, ast.Enter, ast.Then, ast.Limit, ast.Requires, ast.Lock)
BEHAVIOURS: Final = ("answers", "honours", "silent")
VERDICTS: Final = ("proved", "violated", "vacuous", "skipped", "unknown")
TRUE, FALSE = typed.Const(True), typed.Const(False)

Typed: TypeAlias = "tuple[typed.Expr, Type]"
Hoisted: TypeAlias = "list[typed.Statement] | None"  # takes the calls of an expression; None where there can be none


@dataclass
class Scope:
    """Where an expression or statement stands.

    names: parameters, bound variables and arguments of an expanded define, with what stands for them.
    locals: created by their first assignment; None where there can be none.
    """

    text: str  # framework, driver, rule
    names: dict[str, Typed] = field(default_factory=dict)
    locals: dict[str, Type] | None = None
    read: set[str] = field(default_factory=set)
    written: dict[str, Span] = field(default_factory=dict)
    result: Type = field(default_factory=VoidType)
    loops: int = 0

    def binding(self, name: str, value: typed.Expr, kind: Type) -> Scope:
        """The same scope with one more name."""
        inner = replace(self, names={**self.names, name: (value, kind)})
        inner.locals, inner.read, inner.written = self.locals, self.read, self.written
        return inner


class Bodies:
    """Checks expressions, statements and rules against the tables."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.fresh = count(1)
        self.expanding: list[str] = []
        self.inferred: dict[tuple[str, str], Type] = {}  # (helper, parameter) -> type of its first argument

    # ------------------------------------------------------------ expressions

    def condition(self, node: ast.Expr, scope: Scope, out: Hoisted = None) -> typed.Expr:
        value, kind = self.expr(node, scope, BoolType(), out)
        if not fits(kind, BoolType()):
            helps = {RefType: "compare it with null", StatusType: "write `NT_SUCCESS(status)`"}
            self.tables.error("WDF304", f"a condition is needed here, this is {kind}", node.span, helps.get(type(kind)))
        return value

    def value(self, node: ast.Expr, scope: Scope, wanted: Type, out: Hoisted = None) -> typed.Expr:
        return self.argument(node, scope, wanted, out)[0]

    def argument(self, node: ast.Expr, scope: Scope, wanted: Type, out: Hoisted) -> Typed:
        value, kind = self.expr(node, scope, wanted, out)
        if isinstance(wanted, FlagsType) and isinstance(kind, IntType | NullType):
            return typed.Const(frozenset()), wanted
        if not fits(kind, wanted):
            self.tables.error("WDF301", f"{wanted} is needed here, this is {kind}", node.span)
        return value, kind

    def expr(self, node: ast.Expr, scope: Scope, wanted: Type | None = None, out: Hoisted = None) -> Typed:
        match node:
            case ast.Name(id):
                return self.name(node, id, scope, wanted)
            case ast.Number(value):
                return typed.Const(value), IntType(value, value)
            case ast.Truth(value):
                return typed.Const(value), BoolType()
            case ast.Null():
                return typed.Const(None), NullType()
            case ast.Words():
                self.tables.error("WDF301", "a string has no value here", node.span, 'only `maybe("words")` takes one')
            case ast.AddressOf():
                self.tables.error("WDF303", "`&` marks an argument that a call writes", node.span)
            case ast.Access(base, name):
                return self.access(node, base, name, scope, out)
            case ast.Call(callee, args):
                return self.call(node, callee, args, scope, out)
            case ast.Unary("!", operand):
                return typed.Not(self.condition(operand, scope, out)), BoolType()
            case ast.Unary("-", operand):
                value_, kind = self.expr(operand, scope, None, out)
                if isinstance(value_, typed.Const) and isinstance(value_.value, int):
                    return typed.Const(-value_.value), IntType(-value_.value, -value_.value)
                self.tables.error("WDF301", f"`-` needs a number, this is {kind}", node.span)
            case ast.Unary(_, operand):
                self.only_in_rules(node, "once", scope)
                return typed.Once(self.condition(operand, scope)), BoolType()
            case ast.Binary(op, left, right):
                return self.binary(node, op, left, right, scope, out)
            case ast.Conditional(test, then, otherwise):
                return self.conditional(test, then, otherwise, scope, wanted, out)
            case ast.Among(operand, members):
                return self.among(operand, members, scope, out)
            case ast.Has(operand, flag):
                return self.has(node, operand, flag, scope)
            case ast.Quantified(kind_, variable, sort, where):
                return self.quantified(node, kind_, variable, sort, where, scope)
            case ast.Count(variable, sort, where):
                bound, inner = self.bind(node, variable, sort, scope)
                return typed.CountOf(bound, self.tables.object_sort(sort), self.condition(where, inner)), IntType(0, 64)
            case ast.Member(which, container):
                return self.member(node, which, container, scope)
        return FALSE, UnknownType()

    def name(self, node: ast.Node, id: str, scope: Scope, wanted: Type | None) -> Typed:
        tables = self.tables
        if id in scope.names:
            scope.read.add(id)
            return scope.names[id]
        if scope.locals is not None and id in scope.locals:
            scope.read.add(id)
            return typed.Local(id), scope.locals[id]
        if isinstance(wanted, EnumType) and id in wanted.members:
            return typed.Const(id), wanted
        if id in tables.contexts and scope.text != "framework":
            owner, sort, found = tables.contexts[id]
            return typed.FieldOf(typed.Const(owner), sort, found.name, driver=True), found.type
        if id in tables.objects:
            sort = tables.objects[id].sort
            return typed.Const(Obj(id)), RefType(sort, False, sort)
        if id in tables.callbacks:
            kinds = tables.callback_kinds.get(id, ["callback"])
            return typed.Const(id), CallbackType(kinds[0], False)
        if id in tables.options:
            kind, value = tables.options[id]
            return typed.Const(value), kind
        if id in tables.statuses:
            return typed.Const(id), StatusType()
        for flag_type, spellings in tables.flags.items():
            if id in spellings:
                return typed.Const(frozenset({spellings[id]})), FlagsType(flag_type)
        for enum in tables.enums.values():
            if id in enum.members:
                return typed.Const(id), enum
        if isinstance(wanted, EnumType):
            choice = "one of " + ", ".join(f"`{member}`" for member in wanted.members)
            tables.unknown("WDF305", f"value of {wanted}", id, wanted.members, node.span, choice)
        else:
            where = "a local exists from its first assignment on; a driver variable is declared in a context"
            tables.unknown("WDF201", "name", id, self.known_names(scope), node.span, where)
        return FALSE, UnknownType()

    def known_names(self, scope: Scope) -> list[str]:
        tables = self.tables
        found = [*scope.names, *(scope.locals or ()), *tables.objects, *tables.callbacks, *tables.options]
        found += [*tables.statuses, *(name for spellings in tables.flags.values() for name in spellings)]
        found += [member for enum in tables.enums.values() for member in enum.members]
        return found + (list(tables.contexts) if scope.text != "framework" else [])

    def access(self, node: ast.Access, base: ast.Expr, name: str, scope: Scope, out: Hoisted) -> Typed:
        value, kind = self.expr(base, scope, None, out)
        if isinstance(kind, UnknownType):
            return FALSE, kind
        if not isinstance(kind, RefType):
            self.tables.error("WDF306", f"`.{name}` needs a request or an object, this is {kind}", node.span)
            return FALSE, UnknownType()
        fields = dict(self.tables.sorts[kind.sort].fields)
        if isinstance(value, typed.Const) and isinstance(value.value, Obj):
            fields |= self.tables.objects[value.value.name].fields
        found = fields.get(name)
        if found is None or (scope.text == "driver" and not found.driver):
            known = [f for f, item in fields.items() if item.driver or scope.text != "driver"]
            declare = f"declare it: `context {kind.sort} {{ {name} : bool; }}`" if scope.text == "driver" else None
            self.tables.unknown("WDF203", f"field of {kind.sort}", name, known, node.span, declare)
            return FALSE, UnknownType()
        constant = self.constant_field(value, name)
        return constant or typed.FieldOf(value, kind.sort, name, found.driver), found.type

    def constant_field(self, base: typed.Expr, name: str) -> typed.Expr | None:
        if isinstance(base, typed.Const) and isinstance(base.value, Obj):
            return self.tables.objects[base.value.name].constants.get(name)
        return None

    def binary(self, node: ast.Binary, op: str, left: ast.Expr, right: ast.Expr, scope: Scope, out: Hoisted) -> Typed:
        match op:
            case "&&" | "||":
                return self.connective(op, left, right, scope, out), BoolType()
            case "implies" | "since" | "after" | "while":
                self.only_in_rules(node, op, scope)
                first, second = self.condition(left, scope), self.condition(right, scope)
                formula: typed.Expr
                if op == "implies":
                    formula = typed.Or(typed.Not(first), second)
                elif op == "since":
                    formula = typed.Since(first, second)
                else:
                    formula = typed.And(first, typed.Once(second) if op == "after" else second)
                return formula, BoolType()
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                return self.comparison(node, op, left, right, scope, out), BoolType()
        first, kind = self.expr(left, scope, None, out)
        second, other = self.expr(right, scope, kind, out)
        if op == "|" and isinstance(kind, FlagsType) and kind == other:
            assert isinstance(first, typed.Const) and isinstance(second, typed.Const)
            assert isinstance(first.value, frozenset) and isinstance(second.value, frozenset)
            return typed.Const(first.value | second.value), kind
        if not (fits(kind, IntType(0, 0)) and fits(other, IntType(0, 0))) or op == "|":
            self.tables.error("WDF301", f"`{op}` needs two numbers, these are {kind} and {other}", node.span)
        return typed.Arithmetic(op, first, second), kind if isinstance(kind, IntType) else IntType(0, 0)

    def connective(self, op: str, left: ast.Expr, right: ast.Expr, scope: Scope, out: Hoisted) -> typed.Expr:
        """A call on the right runs only if the left does not decide: it is hoisted under an `if`."""
        first = self.condition(left, scope, out)
        inner: list[typed.Statement] = []
        second = self.condition(right, scope, inner if out is not None else None)
        if not inner:
            return typed.And(first, second) if op == "&&" else typed.Or(first, second)
        assert out is not None
        temporary = self.temporary()
        run = (*inner, typed.Assign(right.span, temporary, second))
        out.append(typed.Assign(left.span, temporary, first))
        test = temporary if op == "&&" else typed.Not(temporary)
        out.append(typed.If(right.span, test, run, ()))
        return temporary

    def comparison(
        self, node: ast.Binary, op: str, left: ast.Expr, right: ast.Expr, scope: Scope, out: Hoisted
    ) -> typed.Expr:
        if isinstance(left, ast.Name) and not self.is_variable(left.id, scope):
            left, right = right, left
            op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
        first, kind = self.expr(left, scope, None, out)
        second, other = self.expr(right, scope, kind, out)
        if not (fits(other, kind) or fits(kind, other) or isinstance(kind, NullType) or isinstance(other, NullType)):
            self.tables.error("WDF301", f"{kind} is compared with {other}", node.span)
        if op not in ("==", "!=") and not (fits(kind, IntType(0, 0)) and fits(other, IntType(0, 0))):
            self.tables.error("WDF301", f"`{op}` needs two numbers, these are {kind} and {other}", node.span)
        if isinstance(first, typed.CountOf) and not isinstance(second, typed.Const | typed.FieldOf | typed.Conditional):
            self.tables.error("WDF312", "a count is compared with a constant only", node.span)
        return typed.Compare(op, first, second)

    def is_variable(self, id: str, scope: Scope) -> bool:
        known = id in scope.names or id in (scope.locals or {}) or id in self.tables.options
        return known or (id in self.tables.contexts and scope.text != "framework")

    def conditional(
        self, test: ast.Expr, then: ast.Expr, otherwise: ast.Expr, scope: Scope, wanted: Type | None,
        out: Hoisted,
    ) -> Typed:  # fmt: skip
        condition = self.condition(test, scope, out)
        first, kind = self.expr(then, scope, wanted)
        second, other = self.expr(otherwise, scope, kind if not isinstance(kind, NullType) else wanted)
        if isinstance(kind, NullType):
            kind = other
        elif not fits(other, kind) and not isinstance(other, NullType):
            self.tables.error("WDF301", f"the two sides are {kind} and {other}", then.span.to(otherwise.span))
        return typed.Conditional(condition, first, second), kind

    def among(self, operand: ast.Expr, members: tuple[ast.Name, ...], scope: Scope, out: Hoisted) -> Typed:
        value, kind = self.expr(operand, scope, None, out)
        chosen = []
        for member in members:
            constant, _ = self.name(member, member.id, Scope(scope.text), kind)
            if isinstance(constant, typed.Const) and isinstance(constant.value, str):
                chosen.append(constant.value)
        return typed.OneOf(value, frozenset(chosen)), BoolType()

    def has(self, node: ast.Has, operand: ast.Expr, flag: str, scope: Scope) -> Typed:
        value, kind = self.expr(operand, scope)
        if isinstance(kind, FlagsType):
            spellings = self.tables.flags[kind.name]
            if flag in spellings:
                return typed.HasFlag(value, spellings[flag]), BoolType()
            self.tables.unknown("WDF305", f"flag of {kind}", flag, spellings, node.span)
        elif not isinstance(kind, UnknownType):
            self.tables.error("WDF301", f"`has` tests option flags, this is {kind}", node.span)
        return FALSE, BoolType()

    def bind(self, node: ast.Node, variable: str, sort: str, scope: Scope) -> tuple[str, Scope]:
        """A name that is unique in the program for a bound variable, and the scope inside."""
        resolved = self.tables.sort_named(sort, node.span)
        unique = f"{variable}${next(self.fresh)}"
        return unique, scope.binding(variable, typed.Local(unique), RefType(resolved, False, resolved))

    def quantified(self, node: ast.Node, kind: str, variable: str, sort: str, where: ast.Expr, scope: Scope) -> Typed:
        unique, inner = self.bind(node, variable, sort, scope)
        condition, resolved = self.condition(where, inner), self.tables.object_sort(sort)
        if kind == "any":
            return typed.Pick(unique, resolved, condition), RefType(resolved, True, resolved)
        found: typed.Expr = typed.Exists(unique, resolved, condition)
        return (found if kind == "some" else typed.Not(found)), BoolType()

    def member(self, node: ast.Member, which: str, container: ast.Expr, scope: Scope) -> Typed:
        value, kind = self.expr(container, scope)
        match kind, which:
            case SetType(sort), "any":
                assert isinstance(value, typed.FieldOf)
                unique = f"x${next(self.fresh)}"
                bit = typed.FieldOf(typed.Local(unique), sort, set_bit(value.field), driver=True)
                return typed.Pick(unique, sort, bit), RefType(sort, True, sort)
            case ListType(_, sort), "first":
                assert isinstance(value, typed.FieldOf)
                return replace(value, field=list_cell(value.field, 0)), RefType(sort, True, sort)
            case UnknownType(), _:
                return FALSE, kind
        needed = "set" if which == "any" else "list"
        self.tables.error("WDF301", f"`{which} of` needs a {needed}, this is {kind}", node.span)
        return FALSE, UnknownType()

    def only_in_rules(self, node: ast.Node, op: str, scope: Scope) -> None:
        if scope.text != "rule":
            self.tables.error("WDF311", f"`{op}` belongs in a rule", node.span)

    # ------------------------------------------------------------ calls

    def call(self, node: ast.Call, callee: ast.Expr, args: tuple[ast.Expr, ...], scope: Scope, out: Hoisted) -> Typed:
        if not isinstance(callee, ast.Name):
            self.tables.error("WDF207", "only a DDI, a helper or a define can be called", node.span)
            return FALSE, UnknownType()
        id = callee.id
        if id in BUILT_INS:
            return self.built_in(node, id, args, scope, out)
        if id in self.tables.defines:
            return self.expand(node, self.tables.defines[id], args, scope, out)
        if scope.text == "rule" and id in self.tables.events:
            return self.happens(node, id, args, scope), BoolType()
        if id in self.tables.routines:
            return self.invoke(node, id, args, scope, out)
        if id in self.tables.events:
            self.tables.error("WDF209", f"`{id}` is an event; only rules speak of events", node.span)
        elif id in self.tables.callbacks:
            self.tables.error("WDF207", f"`{id}` is a callback; the framework calls it", node.span,
                              "move the shared code into a `helper`")  # fmt: skip
        else:
            known = [*self.tables.routines, *self.tables.defines, *BUILT_INS]
            if scope.text == "rule":
                known += self.tables.events
            self.tables.unknown("WDF207", "DDI, helper or define", id, known, callee.span,
                                "`wdfmc explain NAME` shows what a DDI does")  # fmt: skip
            for arg in args:
                if not isinstance(arg, ast.AddressOf):
                    self.expr(arg, scope, None, out)
        return FALSE, UnknownType()

    def built_in(self, node: ast.Call, id: str, args: tuple[ast.Expr, ...], scope: Scope, out: Hoisted) -> Typed:
        wanted = {"in": 2, "running": 2, "quiet": 0}.get(id, 1)
        if len(args) != wanted:
            self.tables.error("WDF302", f"`{id}` takes {wanted} argument{'s' if wanted > 1 else ''}", node.span)
            return FALSE, BoolType()
        match id:
            case "maybe":
                if isinstance(args[0], ast.Words):
                    return typed.Maybe(args[0].text), BoolType()
                self.tables.error("WDF301", '`maybe` takes words: `maybe("the device reports an error")`', node.span)
                return FALSE, BoolType()
            case "quiet":
                return typed.Quiet(), BoolType()
            case "NT_SUCCESS":
                return typed.Succeeded(self.value(args[0], scope, StatusType(), out)), BoolType()
            case "empty":
                return self.empty(node, args[0], scope), BoolType()
            case "in" | "running":
                kind = args[0].id if isinstance(args[0], ast.Name) else ""
                if kind not in self.tables.kinds:
                    self.tables.unknown("WDF205", "callback kind", kind, self.tables.kinds, args[0].span)
                subject = self.expr(args[1], scope)[0]
                if id == "in":
                    return typed.Inside(kind, subject), BoolType()
                role = self.tables.kinds[kind].role if kind in self.tables.kinds else ""
                return typed.RoleActive(role, subject), BoolType()
        value, kind_ = self.expr(args[0], scope, None, out)
        if not isinstance(kind_, RefType | UnknownType | CallbackType):
            self.tables.error("WDF306", f"`{id}` needs a request or an object, this is {kind_}", args[0].span)
        built: dict[str, Callable[[typed.Expr], typed.Expr]] = {
            "active": typed.Active, "mine": typed.Mine, "stored": typed.Stored
        }  # fmt: skip
        return built[id](value), BoolType()

    def empty(self, node: ast.Node, container: ast.Expr, scope: Scope) -> typed.Expr:
        value, kind = self.expr(container, scope)
        if isinstance(kind, RefType) and "empty_" + kind.sort in self.tables.defines:
            return self.expand_with(self.tables.defines["empty_" + kind.sort], [(value, kind)])[0]
        if isinstance(value, typed.FieldOf) and isinstance(kind, SetType):
            unique = f"x${next(self.fresh)}"
            bit = typed.FieldOf(typed.Local(unique), kind.sort, set_bit(value.field), driver=True)
            return typed.Not(typed.Exists(unique, kind.sort, bit))
        if isinstance(value, typed.FieldOf) and isinstance(kind, ListType):
            return typed.Compare("==", replace(value, field=list_cell(value.field, 0)), typed.Const(None))
        if not isinstance(kind, UnknownType):
            self.tables.error("WDF301", f"`empty` needs a set, a list or a queue, this is {kind}", node.span)
        return FALSE

    def expand(
        self, node: ast.Call, define: ast.Define, args: tuple[ast.Expr, ...], scope: Scope,
        out: Hoisted,
    ) -> Typed:  # fmt: skip
        if len(args) != len(define.parameters):
            self.tables.error("WDF302", f"`{define.name}` takes {len(define.parameters)} arguments, not {len(args)}",
                              node.span, None, Label(define.span, "declared here"))  # fmt: skip
            return FALSE, UnknownType()
        return self.expand_with(define, [self.expr(arg, scope, None, out) for arg in args])

    def expand_with(self, define: ast.Define, args: Sequence[Typed]) -> Typed:
        if define.name in self.expanding:
            self.tables.error("WDF214", f"`{define.name}` uses itself", define.span)
            return FALSE, UnknownType()
        given = zip(define.parameters, args, strict=True)
        text = self.tables.define_text.get(define.name, "framework")
        names: dict[str, Typed] = {}
        for parameter, (value, kind) in given:
            declared = self.tables.type_of(parameter.type) if parameter.type else kind
            names[parameter.name] = value, declared
        self.expanding.append(define.name)
        result = self.expr(define.body, Scope(text, names))
        self.expanding.pop()
        return result

    def happens(self, node: ast.Call, event: str, args: tuple[ast.Expr, ...], scope: Scope) -> typed.Expr:
        parameters = self.tables.events[event]
        if len(args) > len(parameters):
            self.tables.error("WDF302", event_arguments(event, parameters, args), node.span)
        patterns: list[typed.Expr | None] = []
        for at, parameter in enumerate(parameters):
            arg = args[at] if at < len(args) else None
            wild = arg is None or (isinstance(arg, ast.Name) and arg.id == "_")
            patterns.append(None if wild or arg is None else self.value(arg, scope, parameter.type))
        return typed.Happens(event, tuple(patterns))

    def invoke(self, node: ast.Call, id: str, args: tuple[ast.Expr, ...], scope: Scope, out: Hoisted) -> Typed:
        routine = self.tables.routines[id]
        result: Type = self.tables.type_of(routine.result) if routine.result else VoidType()
        if out is None:
            self.tables.error("WDF207", f"`{id}` cannot be called in this place", node.span,
                              "call it in a statement of its own")  # fmt: skip
            return FALSE, result
        arguments = self.arguments(node, routine, args, scope, out)
        if isinstance(result, VoidType):
            out.append(typed.Invoke(node.span, None, id, arguments))
            return FALSE, result
        temporary = self.temporary()
        out.append(typed.Invoke(node.span, temporary, id, arguments))
        return temporary, result

    def temporary(self) -> typed.Local:
        return typed.Local(f"${next(self.fresh)}")

    def arguments(
        self, node: ast.Call, routine: ast.Ddi | ast.Helper, args: tuple[ast.Expr, ...], scope: Scope,
        out: list[typed.Statement],
    ) -> tuple[typed.Expr, ...]:  # fmt: skip
        parameters = self.signature(routine)
        if len(args) != len(parameters):
            listed = ", ".join(p.name if p.mode == "in" else "&" + p.name for p in parameters)
            self.tables.error("WDF302", f"`{routine.name}` takes {len(parameters)} arguments, not {len(args)}",
                              node.span, f"it is `{routine.name}({listed})`")  # fmt: skip
        found: list[typed.Expr] = []
        for parameter, arg in zip(parameters, args, strict=False):
            if parameter.mode == "in":
                found.append(self.read_argument(routine, parameter, arg, scope, out))
            else:
                found.append(self.written_argument(routine, parameter, arg, scope))
        return tuple(found)

    def read_argument(
        self, routine: ast.Ddi | ast.Helper, parameter: typed.Parameter, arg: ast.Expr, scope: Scope,
        out: list[typed.Statement],
    ) -> typed.Expr:  # fmt: skip
        if isinstance(arg, ast.AddressOf):
            self.tables.error("WDF303", f"`{parameter.name}` is not written by the call", arg.span, "drop the `&`")
            arg = arg.operand
        if isinstance(parameter.type, CallbackType):
            return self.callback_argument(arg, parameter.type, scope)
        value, kind = self.argument(arg, scope, parameter.type, out)
        self.infer(routine, parameter, kind)
        return value

    def written_argument(
        self, routine: ast.Ddi | ast.Helper, parameter: typed.Parameter, arg: ast.Expr, scope: Scope
    ) -> typed.Expr:
        if isinstance(arg, ast.AddressOf):
            arg = arg.operand
        elif parameter.mode == "out" and scope.text == "driver":
            self.tables.error("WDF303", f"`{routine.name}` writes its argument `{parameter.name}`", arg.span,
                              "write `&` before it")  # fmt: skip
        return self.place(arg, scope, parameter.type) or typed.Local("?")

    def signature(self, routine: ast.Ddi | ast.Helper) -> tuple[typed.Parameter, ...]:
        """Parameters of a helper without a type have that of the first argument that is passed for them."""
        found = self.tables.parameters(routine.parameters)
        return tuple(replace(p, type=self.inferred.get((routine.name, p.name), p.type)) for p in found)

    def infer(self, routine: ast.Ddi | ast.Helper, parameter: typed.Parameter, kind: Type) -> None:
        if isinstance(parameter.type, UnknownType) and not isinstance(kind, UnknownType | NullType):
            self.inferred[routine.name, parameter.name] = optional(kind)

    def callback_argument(self, arg: ast.Expr, kind: CallbackType, scope: Scope) -> typed.Expr:
        if isinstance(arg, ast.Name) and scope.text == "driver" and not self.is_variable(arg.id, scope):
            if arg.id in self.tables.callbacks:
                return typed.Const(arg.id)
            self.tables.unknown("WDF201", "callback", arg.id, self.tables.callbacks, arg.span,
                                f"declare it: `callback {arg.id}(...) {{ ... }}`")  # fmt: skip
            return typed.Const(None)
        return self.value(arg, scope, kind)

    # ------------------------------------------------------------ statements

    def place(self, node: ast.Expr, scope: Scope, kind: Type) -> typed.Local | typed.FieldOf | None:
        """What an assignment writes; creates a local at its first one."""
        match node:
            case ast.Name(id):
                return self.named_place(node, id, scope, kind)
            case ast.Access():
                return self.field_place(node, scope, kind)
            case _:
                self.tables.error("WDF308", "only a variable or a field can be assigned", node.span)
                return None

    def named_place(self, node: ast.Name, id: str, scope: Scope, kind: Type) -> typed.Local | typed.FieldOf | None:
        if id in scope.names:
            value, _ = scope.names[id]
            if isinstance(value, typed.Local) and scope.locals is not None and value.name in scope.locals:
                scope.written.setdefault(id, node.span)
                return value
            self.tables.error("WDF308", f"`{id}` cannot be assigned", node.span, "use another variable")
            return None
        hidden = scope.locals is not None and id in scope.locals
        if id in self.tables.contexts and scope.text == "driver" and not hidden:
            variable, declared = self.name(node, id, scope, None)
            if not fits(kind, declared):
                self.tables.error("WDF301", f"`{id}` is {declared}, this is {kind}", node.span)
            assert isinstance(variable, typed.FieldOf)
            return variable
        if scope.locals is not None and id not in self.tables.objects and id not in self.tables.statuses:
            known = scope.locals.get(id)
            if known is None or isinstance(known, NullType | UnknownType):
                scope.locals[id] = optional(kind)
            elif not fits(kind, known):
                self.tables.error("WDF301", f"`{id}` is {known}, this is {kind}", node.span)
            scope.written.setdefault(id, node.span)
            return typed.Local(id)
        self.tables.error("WDF308", f"`{id}` cannot be assigned", node.span)
        return None

    def field_place(self, node: ast.Access, scope: Scope, kind: Type) -> typed.FieldOf | None:
        target, declared = self.expr(node, scope)
        if isinstance(target, typed.FieldOf):
            found = self.tables.sorts[target.sort].fields.get(target.field)
            if found is not None and found.mode != "var":
                self.tables.error("WDF308", f"`{target.field}` is fixed by the driver's declarations", node.span)
            elif not fits(kind, declared):
                self.tables.error("WDF301", f"`{target.field}` is {declared}, this is {kind}", node.span)
            return target
        if not isinstance(declared, UnknownType):
            self.tables.error("WDF308", "this cannot be assigned", node.span)
        return None

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
            case ast.Occurs(words, fair):
                out.append(typed.Occurs(node.span, words, fair))
            case _:
                assert_never(node)

    def assign(
        self, node: ast.Node, target: ast.Expr, value: ast.Expr, scope: Scope, out: list[typed.Statement]
    ) -> None:
        wanted = self.declared_type(target, scope)
        result, kind = self.expr(value, scope, wanted, out)
        if isinstance(kind, VoidType):
            self.tables.error("WDF307", "this call returns nothing", value.span)
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
            where: typed.Expr = typed.FieldOf(typed.Local(unique), sort, set_bit(value.field), driver=True)
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
        out.append(typed.ChooseValue(node.span, value, values))

    def return_(self, node: ast.Return, value: ast.Expr | None, scope: Scope, out: list[typed.Statement]) -> None:
        if value is None:
            if not isinstance(scope.result, VoidType | UnknownType):
                self.tables.error("WDF307", f"{scope.result} is to be returned", node.span)
            out.append(typed.Return(node.span, None))
        elif isinstance(scope.result, VoidType):
            self.tables.error("WDF307", "nothing is returned here", node.span, "write `return;`")
        else:
            result = self.value(value, scope, scope.result, out)
            out.append(typed.Return(node.span, None if isinstance(scope.result, UnknownType) else result))

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
            bit = typed.FieldOf(item, kind.sort, set_bit(value.field), driver=True)
            out.append(typed.Assign(node.span, bit, typed.Const(op != "remove")))
            return
        cells = [replace(value, field=list_cell(value.field, at)) for at in range(kind.bound)]
        body = appended(node.span, cells, item, value.field) if op == "append" else removed(node.span, cells, item)
        out.append(typed.Atomic(node.span, body))

    def memory(
        self, node: ast.Node, op: str, operand: ast.Expr | None, scope: Scope, out: list[typed.Statement]
    ) -> None:
        if operand is None:
            self.library_helper(node, "touch_hardware", (), scope, out)
            return
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
        ddi = isinstance(node, ast.Ddi)
        return typed.Routine(
            node.name, parameters, scope.result, requires, body, atomic=not driver, ddi=ddi, span=node.span
        )

    def body_scope(self, parameters: Iterable[typed.Parameter], driver: bool, result: Type) -> Scope:
        scope = Scope("driver" if driver else "framework", {}, {}, result=result)
        assert scope.locals is not None
        for parameter in parameters:
            if parameter.mode == "in":
                scope.names[parameter.name] = typed.Local(parameter.name), parameter.type
            else:
                scope.locals[parameter.name] = parameter.type
                scope.read.add(parameter.name)
        return scope

    def unread(self, scope: Scope) -> None:
        """A local of a driver that is written and never read is usually a misspelt context variable."""
        for name, span in scope.written.items():
            if name not in scope.read:
                helps = did_you_mean(name, self.tables.contexts) or "declare it in a context, or drop it"
                self.tables.error("WDF212", f"`{name}` is written and never read", span, helps)

    def callback(self, node: ast.CallbackBody, driver: str) -> typed.Callback:
        kinds = list(dict.fromkeys(self.tables.callback_kinds.get(node.name, ())))
        if not kinds:
            self.tables.warn("WDF404", f"nothing ever calls `{node.name}`", node.span, "bind it in an object's braces")
        specs = [self.tables.kinds[kind] for kind in kinds]
        parameters: tuple[typed.Parameter, ...] = ()
        if specs:
            parameters = self.tables.parameters(specs[0].parameters)
            if any(len(s.parameters) != len(specs[0].parameters) or s.sort != specs[0].sort for s in specs):
                self.tables.error("WDF405", f"`{node.name}` serves as {' and '.join(kinds)}, which differ", node.span)
            if len(node.parameters) > len(parameters):
                listed = ", ".join(p.name for p in parameters)
                self.tables.error("WDF410", f"{kinds[0]} has {len(parameters)} parameters, not {len(node.parameters)}",
                                  node.span, f"it is `callback {node.name}({listed})`")  # fmt: skip
        names = [parameter.name for parameter in node.parameters]
        filler = typed.Parameter("", UnknownType(), "in")
        padded = [*parameters, *[filler] * len(names)]
        given = [replace(kind, name=name) for name, kind in zip(names, padded, strict=False)]
        scope = self.body_scope(given, True, UnknownType())
        body = self.block(node.body, scope)
        self.unread(scope)
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
        return typed.Step(node.name, parameters, when, fair, body, extra is not None, span=node.span)

    def thread(self, node: ast.Thread, subject: Obj | None, driver: bool) -> typed.Thread:
        scope = self.body_scope((), driver, VoidType())
        if subject is not None and node.variable is not None:
            sort = self.tables.objects[subject.name].sort
            scope.names[node.variable] = typed.Const(subject), RefType(sort, False, sort)
        when = self.condition(node.when, scope) if node.when else TRUE
        body = self.block(node.body, scope)
        if driver:
            self.unread(scope)
        return typed.Thread(node.name, node.variable, subject, node.once, when, body, not driver, span=node.span)

    # ------------------------------------------------------------ rules

    def rule(self, node: ast.Rule) -> typed.Rule:
        parameters = self.tables.parameters(node.parameters)
        scope = Scope("rule", {p.name: (typed.Local(p.name), p.type) for p in parameters})
        metas = {meta.key: meta.words for meta in node.metas}
        trigger = self.condition(node.trigger, scope) if node.trigger else None
        formula: typed.Expr | None = None
        goal: typed.Expr | None = None
        edges: tuple[tuple[str, typed.On], ...] = ()
        start: str | None = None
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
            case ast.LeadsTo(first, second, exactly_once):
                form, formula, goal = "leads-to", self.condition(first, scope), self.condition(second, scope)
                self.needs_events(node, formula, goal)
            case ast.Precedes(first, second):
                form, formula, goal = "precedes", self.condition(first, scope), self.condition(second, scope)
            case ast.Monitor(start, states):
                form, edges = "monitor", self.edges(states, scope)
                names = [state.name for state in states]
                if start not in names:
                    self.tables.unknown("WDF201", "state", start, names, node.span)
            case _:
                assert_never(node.body)
        return typed.Rule(
            node.name, parameters, node.sentence, metas.get("covers", ()), metas.get("assuming", ()),
            metas.get("default", ("on",)) != ("off",), trigger, form, formula, goal, exactly_once, start, edges,
            span=node.span,
        )  # fmt: skip

    def edges(self, states: Sequence[ast.MonitorState], scope: Scope) -> tuple[tuple[str, typed.On], ...]:
        known = [*(state.name for state in states), "violation"]
        found = []
        for state in states:
            for edge in state.edges:
                if edge.target not in known:
                    self.tables.unknown("WDF201", "state", edge.target, known, edge.span)
                found.append((state.name, typed.On(self.condition(edge.event, scope), edge.target)))
        return tuple(found)

    def needs_events(self, node: ast.Rule, *formulas: typed.Expr) -> None:
        for formula in formulas:
            if not any(True for _ in events_of(formula)):
                self.tables.error("WDF505", f"`{node.name}`: both sides of `leads to` need an event", node.span)


def event_arguments(event: str, parameters: Sequence[typed.Parameter], args: Sequence[ast.Expr]) -> str:
    return f"the event `{event}` has {len(parameters)} arguments, not {len(args)}"


def events_of(formula: typed.Expr) -> Iterable[typed.Happens]:
    """The event patterns in a formula, in order."""
    match formula:
        case typed.Happens():
            yield formula
        case typed.And(left, right) | typed.Or(left, right) | typed.Since(left, right):
            yield from events_of(left)
            yield from events_of(right)
        case typed.Not(operand) | typed.Once(operand):
            yield from events_of(operand)
        case _:
            pass


def optional(kind: Type) -> Type:
    """A local may always hold null."""
    return replace(kind, optional=True) if isinstance(kind, RefType | CallbackType) else kind


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


# ---------------------------------------------------------------- the whole program


def analyse(text: ast.Text, library: Sequence[ast.Text], rules: Sequence[ast.Text] = ()) -> typed.Program:
    """Check one model against the framework library and the rules.

    Args:
        text: the driver, or stacked drivers, perhaps with framework items of its own.
        library: framework texts, and texts that the model imports.
        rules: rule texts, built in and the user's own.

    Raises:
        Rejected: with every mistake found. Warnings alone do not reject.
    """
    program, diagnostics = analysed(text, library, rules)
    if program is None or any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    return program


def analysed(
    text: ast.Text, library: Sequence[ast.Text], rules: Sequence[ast.Text]
) -> tuple[typed.Program | None, tuple[Diagnostic, ...]]:
    """As `analyse`, with everything to report; None for a program with a mistake."""
    tables = Tables()
    shared = [item for part in (*library, *rules) for item in part.items]
    own = list(text.items)
    tables.declare([*shared, *own])
    drivers = [item for item in own if isinstance(item, ast.Driver)]
    stacks = [item for item in own if isinstance(item, ast.Stack)]
    check_drivers(tables, text, drivers, stacks)
    below = {stack.lower for stack in stacks}
    positions = {driver.name: "below" if driver.name in below else "top" for driver in drivers}
    tables.define_text |= {i.name: "driver" for d in drivers for i in d.items if isinstance(i, ast.Define)}
    tables.define_text |= {i.name: "rule" for part in rules for i in part.items if isinstance(i, ast.Define)}
    for driver in drivers:
        tables.declare_driver(driver, positions[driver.name])
    for stack in stacks:
        tables.pools.append(typed.Pool(f"{stack.lower}Request", 1, True, "below", stack.lower))
    for driver in drivers:
        tables.build_objects(driver, positions[driver.name])
    for driver in drivers:
        tables.declare_contexts(driver)
    for item in [*shared, *own]:
        collect_kinds(tables, item)
    bodies = Bodies(tables)
    for driver in drivers:
        apply_environment(tables, bodies, driver)
    program = assemble(tables, bodies, text, shared, own, drivers)
    return program, tuple(tables.diagnostics)


def check_drivers(tables: Tables, text: ast.Text, drivers: list[ast.Driver], stacks: list[ast.Stack]) -> None:
    names = [driver.name for driver in drivers]
    if not drivers:
        tables.error("WDF401", "this text declares no driver", Span(text.source, 0, 0), "write `driver Name { ... }`")
    for stack in stacks:
        for name in (stack.upper, stack.lower):
            if name not in names:
                tables.unknown("WDF201", "driver", name, names, stack.span)
    stacked = {name for stack in stacks for name in (stack.upper, stack.lower)}
    if len(drivers) > 1:
        for driver in drivers:
            if driver.name not in stacked:
                stack_them = f"say how they are stacked: `stack {names[0]} over {names[1]};`, or use two files"
                tables.error("WDF402", f"`{driver.name}` stands beside another driver", driver.span, stack_them)


def collect_kinds(tables: Tables, item: object) -> None:
    """As which kinds a callback is passed to DDIs."""
    for node in walk(item):
        if isinstance(node, ast.Call) and isinstance(node.callee, ast.Name) and node.callee.id in tables.routines:
            for parameter, arg in zip(tables.routines[node.callee.id].parameters, node.args, strict=False):
                named = isinstance(parameter.type, ast.NamedType) and parameter.type.name in tables.kinds
                if named and isinstance(arg, ast.Name) and arg.id in tables.callbacks:
                    assert isinstance(parameter.type, ast.NamedType)
                    tables.callback_kinds.setdefault(arg.id, []).append(parameter.type.name)


def apply_environment(tables: Tables, bodies: Bodies, driver: ast.Driver) -> None:
    for item in driver.items:
        match item:
            case ast.Hardware(name, condition):
                found = tables.objects.get(name)
                if found is None or "fires" not in tables.sorts[found.sort].fields:
                    known = [n for n, o in tables.objects.items() if "fires" in tables.sorts[o.sort].fields]
                    tables.unknown("WDF409", "interrupt", name, known, item.span)
                else:
                    fires = bodies.condition(condition, Scope("driver"))
                    tables.objects[name] = replace(found, constants={**found.constants, "fires": fires})
            case ast.Environment(settings):
                for setting in settings:
                    apply_setting(tables, setting)
            case _:
                pass


def apply_setting(tables: Tables, setting: ast.Setting) -> None:
    words = [word.id for word in setting.words]
    match words:
        case ["target", *names, behaviour] if len(names) <= 1:
            if behaviour not in BEHAVIOURS:
                tables.unknown("WDF215", "target behaviour", behaviour, BEHAVIOURS, setting.span)
                return
            targets = [name for name, item in tables.objects.items() if item.sort == "target"]
            if names and names[0] not in targets:
                tables.unknown("WDF201", "target", names[0], targets, setting.span)
                return
            for name in names or targets:
                found = tables.objects[name]
                constants = {**found.constants, "behaviour": typed.Const(behaviour)}
                tables.objects[name] = replace(found, constants=constants)
                tables.explicit_targets.add(name)
        case [option, value] if option in tables.options:
            kind, _ = tables.options[option]
            if value not in kind.members:
                tables.unknown("WDF215", f"value of `{option}`", value, kind.members, setting.span,
                               "one of " + ", ".join(f"`{member}`" for member in kind.members))  # fmt: skip
            else:
                tables.options[option] = kind, value
        case _:
            tables.unknown("WDF215", "setting", words[0], ["target", *tables.options], setting.span,
                           "for example `power on;`, `target honours;`")  # fmt: skip


def assemble(
    tables: Tables, bodies: Bodies, text: ast.Text, shared: list[ast.Item], own: list[ast.Item],
    drivers: list[ast.Driver],
) -> typed.Program | None:  # fmt: skip
    """Checks every body, in an order in which the types of helpers' parameters are known."""
    steps: list[typed.Step] = []
    threads: list[typed.Thread] = []
    routines: dict[str, typed.Routine] = {}
    callbacks: dict[str, typed.Callback] = {}
    rules: dict[str, typed.Rule] = {}
    expectations: list[typed.Expectation] = []
    kinds = {name: bodies.kind(name, node) for name, node in tables.kinds.items()}
    items: list[tuple[ast.Item | ast.DriverItem, ast.Driver | None]] = [(item, None) for item in (*shared, *own)]
    items += [(item, driver) for driver in drivers for item in callers_first(driver)]
    for item, driver in items:
        match item:
            case ast.Ddi(name) | ast.Helper(name):
                if tables.routines.get(name) is item:
                    routines[name] = bodies.routine(item, driver is not None)
            case ast.CallbackBody(name) if driver is not None and tables.callbacks.get(name) is item:
                callbacks[name] = bodies.callback(item, driver.name)
            case ast.Step():
                steps.append(bodies.step(item, None))
            case ast.Loop(lines=lines):
                steps.extend(bodies.step(line, item) for line in lines)
            case ast.Thread(sort=None):
                threads.append(bodies.thread(item, None, driver is not None))
            case ast.Thread(sort=str(sort)):
                for name, found in tables.objects.items():
                    if found.sort == tables.object_sort(sort):
                        threads.append(bodies.thread(item, Obj(name), driver is not None))
            case ast.Rule(name):
                if name in rules:
                    tables.error("WDF503", f"the rule `{name}` is declared twice", item.span, None,
                                 Label(rules[name].span, "first declared here"))  # fmt: skip
                else:
                    rules[name] = bodies.rule(item)
            case ast.Expect(verdict, rule, target):
                check_expectation(tables, item, verdict, target)
                expectations.append(typed.Expectation(verdict, rule, target, span=item.span))
            case _:
                pass
    check_recursion(tables, routines)
    check_rule_names(tables, rules, expectations, own)
    alive = alive_define(tables, bodies)
    if any(item.severity is Severity.ERROR for item in tables.diagnostics):
        return None
    return typed.Program(
        " over ".join(driver.name for driver in drivers), tables.sorts, tables.objects, tuple(tables.pools), kinds,
        callbacks, routines, tuple(steps), tuple(threads), tables.events, tables.statuses, alive, rules,
        tuple(expectations), frozenset(tables.explicit_targets), text,
    )  # fmt: skip


def callers_first(driver: ast.Driver) -> list[ast.DriverItem]:
    """Helpers after those who call them: the types of their parameters may come from there."""
    helpers = {item.name: item for item in driver.items if isinstance(item, ast.Helper)}
    calls = {name: [n for n in called_in(item) if n in helpers] for name, item in helpers.items()}
    ordered: list[ast.DriverItem] = [item for item in driver.items if not isinstance(item, ast.Helper)]
    placed: list[str] = []

    def place(name: str, above: tuple[str, ...]) -> None:
        """In reverse: whatever a helper calls is placed before it."""
        if name not in placed and name not in above:
            for callee in calls[name]:
                place(callee, (*above, name))
            placed.append(name)

    for name in helpers:
        place(name, ())
    return ordered + [helpers[name] for name in reversed(placed)]


def called_in(item: ast.Node) -> list[str]:
    return [n.callee.id for n in walk(item) if isinstance(n, ast.Call) and isinstance(n.callee, ast.Name)]


def alive_define(tables: Tables, bodies: Bodies) -> tuple[str, typed.Expr] | None:
    define = tables.defines.get("alive")
    dynamic = next((name for name, sort in tables.sorts.items() if sort.dynamic), None)
    if define is None or dynamic is None or len(define.parameters) != 1:
        return None
    argument: typed.Expr = typed.Local("alive$")
    return "alive$", bodies.expand_with(define, [(argument, RefType(dynamic, False, dynamic))])[0]


def check_expectation(tables: Tables, item: ast.Expect, verdict: str, target: str | None) -> None:
    if verdict not in VERDICTS:
        tables.unknown("WDF502", "verdict", verdict, VERDICTS, item.span)
    if target is not None and target not in BEHAVIOURS:
        tables.unknown("WDF215", "target behaviour", target, BEHAVIOURS, item.span)


def check_rule_names(
    tables: Tables, rules: dict[str, typed.Rule], expectations: list[typed.Expectation], own: list[ast.Item]
) -> None:
    for item in own:
        for node in walk(item):
            if isinstance(node, ast.Requires) and node.rule not in rules:
                tables.unknown("WDF208", "rule", node.rule, rules, node.span)
            if isinstance(node, ast.Use):
                for name in node.rules:
                    if name.id not in rules:
                        tables.unknown("WDF208", "rule", name.id, rules, name.span)
    for expectation in expectations:
        if expectation.rule not in rules:
            tables.unknown("WDF208", "rule", expectation.rule, rules, expectation.span, "`wdfmc rules` lists them")


def check_recursion(tables: Tables, routines: dict[str, typed.Routine]) -> None:
    calls = {name: {node.routine for node in invocations(routine.body)} for name, routine in routines.items()}
    done: set[str] = set()

    def visit(name: str, stack: tuple[str, ...]) -> None:
        if name in stack:
            tables.error("WDF214", f"`{name}` calls itself", routines[name].span,
                         "helpers are expanded in place; use a loop or a variable")  # fmt: skip
            done.add(name)
        elif name not in done:
            for callee in sorted(calls.get(name, ())):
                visit(callee, (*stack, name))
            done.add(name)

    for name in routines:
        visit(name, ())


def invocations(block: typed.Block) -> Iterable[typed.Invoke]:
    for statement in block:
        match statement:
            case typed.Invoke():
                yield statement
            case typed.If(then=then, otherwise=otherwise):
                yield from invocations(then)
                yield from invocations(otherwise)
            case typed.While(before=before, body=body):
                yield from invocations(before)
                yield from invocations(body)
            case typed.ForEach(body=body) | typed.Atomic(body=body):
                yield from invocations(body)
            case typed.Choose(alternatives=alternatives):
                for alternative in alternatives:
                    yield from invocations(alternative)
            case _:
                pass
