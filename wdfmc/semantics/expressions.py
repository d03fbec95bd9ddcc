"""Expressions to typed ones: names resolved, types checked, defines expanded, calls hoisted into statements before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, TypeAlias

from wdfmc.diagnostics import Label, did_you_mean
from wdfmc.language import ast
from wdfmc.semantics import typed
from wdfmc.semantics.declarations import Tables, list_cell, set_bit
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
    may_hold,
)
from wdfmc.semantics.uses import Role
from wdfmc.source import Span
from wdfmc.system.system import Obj

BUILT_INS: Final = ("NT_SUCCESS", "maybe", "active", "mine", "in", "empty", "stored", "quiet", "running", "count")
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
    read: dict[str, list[Span]] = field(default_factory=dict)  # name -> where
    written: dict[str, Span] = field(default_factory=dict)
    result: Type = field(default_factory=VoidType)
    loops: int = 0

    def binding(self, name: str, value: typed.Expr, kind: Type) -> Scope:
        """The same scope with one more name."""
        inner = replace(self, names={**self.names, name: (value, kind)})
        inner.locals, inner.read, inner.written = self.locals, self.read, self.written
        return inner


class Expressions:
    """Checks expressions against the tables."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.fresh = count(1)
        self.expanding: list[str] = []
        self.inferred: dict[tuple[str, str], Type] = {}  # (helper, parameter) -> type of its first argument

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
        if not may_hold(wanted, kind):
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
            case ast.Within(operand, container):
                return self.within(node, operand, container, scope, out)
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
        found = self.meaning(id, scope, wanted)
        if found is not None:
            role, owner, value, kind = found
            if role is Role.LOCAL:
                scope.read.setdefault(id, []).append(node.span)
            self.tables.note(node.span, role, id, owner, kind)
            return value, kind
        if isinstance(wanted, EnumType):
            choice = "one of " + ", ".join(f"`{member}`" for member in wanted.members)
            self.tables.unknown("WDF305", f"value of {wanted}", id, wanted.members, node.span, choice)
        else:
            where = "a local exists from its first assignment on; a driver variable is declared in a context"
            if id.startswith("STATUS_"):
                where = f"declare it beside the driver, with the value of ntstatus.h: `status {id} = 0xC...;`"
            elif id.startswith("WDF_NO_"):
                where = "write `NULL`, which it is in C"
            self.tables.unknown("WDF201", "name", id, self.known_names(scope), node.span, where)
        return FALSE, UnknownType()

    def meaning(self, id: str, scope: Scope, wanted: Type | None) -> tuple[Role, str, typed.Expr, Type] | None:
        """What a name stands for, the owner of that, its value and type."""
        tables = self.tables
        if id in scope.names:
            return Role.LOCAL, "", *scope.names[id]
        if scope.locals is not None and id in scope.locals:
            return Role.LOCAL, "", typed.Local(id), scope.locals[id]
        if isinstance(wanted, EnumType) and id in wanted.members:
            return Role.MEMBER, str(wanted), typed.Const(id), wanted
        if id in tables.contexts and scope.text != "framework":
            owner, sort, found = tables.contexts[id]
            return Role.VARIABLE, "", typed.FieldOf(typed.Const(owner), sort, found.name, driver=True), found.type
        if id in tables.objects:
            sort = tables.objects[id].sort
            return Role.OBJECT, "", typed.Const(Obj(id)), RefType(sort, False, sort)
        if id in tables.callbacks:
            kinds = tables.callback_kinds.get(id, ["callback"])
            role = wanted.kind if isinstance(wanted, CallbackType) and wanted.kind in kinds else kinds[0]
            return Role.CALLBACK, "", typed.Const(id), CallbackType(role, False)
        if id in tables.options:
            kind, value = tables.options[id]
            return Role.OPTION, "", typed.Const(value), kind
        if id in tables.statuses:
            return Role.STATUS, "", typed.Const(id), StatusType()
        for flag_type, spellings in tables.flags.items():
            if id in spellings:
                return Role.FLAG, flag_type, typed.Const(frozenset({spellings[id]})), FlagsType(flag_type)
        for enum in tables.enums.values():
            if id in enum.members:
                return Role.MEMBER, enum.name, typed.Const(id), enum
        return None

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
        role, owner = Role.FIELD, kind.sort
        if isinstance(value, typed.Const) and isinstance(value.value, Obj):
            own = self.tables.objects[value.value.name].fields
            fields |= own
            if name in own:
                role, owner = Role.VARIABLE, ""
        found = fields.get(name)
        if found is None or (scope.text == "driver" and not found.driver):
            known = [f for f, item in fields.items() if item.driver or scope.text != "driver"]
            declare = f"declare it: `context {kind.sort} {{ {name} : bool; }}`" if scope.text == "driver" else None
            self.tables.unknown("WDF203", f"field of {kind.sort}", name, known, node.span, declare)
            return FALSE, UnknownType()
        self.tables.note(node.span.last(name), role, name, owner, found.type)
        constant = self.constant_field(value, kind.sort, found)
        return constant or typed.FieldOf(value, kind.sort, name, found.driver), found.type

    def constant_field(self, base: typed.Expr, sort: str, found: typed.Field) -> typed.Expr | None:
        if isinstance(base, typed.Const) and isinstance(base.value, Obj):
            return self.tables.objects[base.value.name].constants.get(found.name)
        if self.tables.sorts[sort].dynamic and found.mode == "const" and isinstance(found.type, CallbackType):
            return typed.Const(self.tables.attributes.get((sort, found.name)))
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

    def within(self, node: ast.Within, operand: ast.Expr, container: ast.Expr, scope: Scope, out: Hoisted) -> Typed:
        """Handles are compared, not used: a dead one may be looked for."""
        value, kind = self.expr(container, scope)
        if isinstance(value, typed.FieldOf) and isinstance(kind, SetType):
            sought = self.value(operand, scope, RefType(kind.sort, True, kind.sort), out)
            unique = f"x${next(self.fresh)}"
            same = typed.Compare("==", typed.Local(unique), sought)
            held = self.membership(value, typed.Local(unique), kind.sort)
            return self.looked_at(value, typed.Exists(unique, kind.sort, typed.And(same, held)), FALSE), BoolType()
        if isinstance(value, typed.FieldOf) and isinstance(kind, ListType):
            sought = self.value(operand, scope, RefType(kind.sort, True, kind.sort), out)
            held = FALSE
            for at in range(kind.bound):
                held = typed.Or(typed.Compare("==", replace(value, field=list_cell(value.field, at)), sought), held)
            return typed.And(typed.Compare("!=", sought, typed.Const(None)), held), BoolType()
        if not isinstance(kind, UnknownType):
            self.tables.error("WDF301", f"`in` needs a set or a list, this is {kind}", node.span)
        return FALSE, BoolType()

    def has(self, node: ast.Has, operand: ast.Expr, flag: str, scope: Scope) -> Typed:
        value, kind = self.expr(operand, scope)
        if isinstance(kind, FlagsType):
            spellings = self.tables.flags[kind.name]
            if flag in spellings:
                self.tables.note(node.span.last(flag), Role.FLAG, flag, kind.name, kind)
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
                picked = typed.Pick(unique, sort, self.membership(value, typed.Local(unique), sort))
                return self.looked_at(value, picked, typed.Const(None)), RefType(sort, True, sort)
            case ListType(_, sort), "first":
                assert isinstance(value, typed.FieldOf)
                return replace(value, field=list_cell(value.field, 0)), RefType(sort, True, sort)
            case UnknownType(), _:
                return FALSE, kind
        needed = "set" if which == "any" else "list"
        self.tables.error("WDF301", f"`{which} of` needs a {needed}, this is {kind}", node.span)
        return FALSE, UnknownType()

    def membership(self, container: typed.FieldOf, element: typed.Expr, sort: str) -> typed.Expr:
        """The element is in the set: a bit of its own for each object that has the set."""
        choices = self.set_bits(container, element, sort)
        if not self.tables.sorts[container.sort].bounded:
            return choices[0][1]
        held: typed.Expr = FALSE
        for owner, bit in reversed(choices):
            held = typed.Or(typed.And(typed.Compare("==", container.base, owner), bit), held)
        return held

    def looked_at(self, container: typed.FieldOf, value: typed.Expr, unreached: typed.Expr) -> typed.Expr:
        """The value, after the owner of the set was found to be there: its own field holds nothing."""
        if not self.tables.sorts[container.sort].bounded:
            return value
        return typed.Conditional(container, unreached, value)

    def set_bits(
        self, container: typed.FieldOf, element: typed.Expr, sort: str
    ) -> list[tuple[typed.Expr, typed.FieldOf]]:
        """The objects that may have the set, and where each one keeps whether the element is in it."""
        if not self.tables.sorts[container.sort].bounded:
            return [(container.base, typed.FieldOf(element, sort, set_bit(container.field), driver=True))]
        return [
            (typed.Const(Obj(name)), typed.FieldOf(element, sort, set_bit(f"{name}.{container.field}"), driver=True))
            for name, item in self.tables.objects.items()
            if item.sort == container.sort
        ]

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
            self.tables.note(callee.span, Role.BUILT_IN, id, "", BoolType())
            return self.built_in(node, id, args, scope, out)
        if id in self.tables.defines:
            self.tables.note(callee.span, Role.DEFINE, id, "", UnknownType())
            return self.expand(node, self.tables.defines[id], args, scope, out)
        if scope.text == "rule" and id in self.tables.events:
            self.tables.note(callee.span, Role.EVENT, id, "", BoolType())
            return self.happens(node, id, args, scope), BoolType()
        if id in self.tables.routines:
            role = Role.DDI if isinstance(self.tables.routines[id], ast.Ddi) else Role.HELPER
            self.tables.note(callee.span, role, id, "", UnknownType())
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
        if id == "in" and len(args) == 1:
            return typed.Hosted(self.expr(args[0], scope)[0]), BoolType()
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
            member = typed.Exists(unique, kind.sort, self.membership(value, typed.Local(unique), kind.sort))
            return self.looked_at(value, typed.Not(member), FALSE)
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
        id = self.version(id, args, scope)
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

    def version(self, id: str, args: tuple[ast.Expr, ...], scope: Scope) -> str:
        """The version of a DDI that takes such a first argument; the first one if there is none."""
        versions = self.tables.versions.get(id, [id])
        if len(versions) == 1 or not args:
            return versions[0]
        before = len(self.tables.diagnostics)
        first = args[0].operand if isinstance(args[0], ast.AddressOf) else args[0]
        _, kind = self.expr(first, scope, None, [])
        del self.tables.diagnostics[before:]  # reported when the argument is read
        takes = [self.signature(self.tables.routines[key])[0].type for key in versions]
        return next((key for key, wanted in zip(versions, takes, strict=True) if fits(kind, wanted)), id)

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
        place = self.place(arg, scope, parameter.type) or typed.Local("?")
        if isinstance(place, typed.Local) and did_you_mean(place.name, self.tables.contexts) is None:
            scope.read.setdefault(place.name, [])  # C must pass it, even if only the status is of interest
        return place

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
                self.tables.note(arg.span, Role.CALLBACK, arg.id, "", kind)
                return typed.Const(arg.id)
            self.tables.unknown("WDF201", "callback", arg.id, self.tables.callbacks, arg.span,
                                f"declare it: `callback {arg.id}(...) {{ ... }}`")  # fmt: skip
            return typed.Const(None)
        return self.value(arg, scope, kind)

    # ------------------------------------------------------------ what is assigned

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
                self.tables.note(node.span, Role.LOCAL, id, "", scope.names[id][1])
                return value
            self.tables.error("WDF308", f"`{id}` cannot be assigned", node.span,
                              f"use a local instead: it begins with `name = {id};`")  # fmt: skip
            return None
        hidden = scope.locals is not None and id in scope.locals
        if id in self.tables.contexts and scope.text == "driver" and not hidden:
            variable, declared = self.name(node, id, scope, None)
            if not may_hold(declared, kind):
                self.misfit(id, declared, kind, node.span)
            assert isinstance(variable, typed.FieldOf)
            self.tables.written.add(id)
            return variable
        if scope.locals is not None and id not in self.tables.objects and id not in self.tables.statuses:
            known = scope.locals.get(id)
            if known is None or isinstance(known, NullType | UnknownType):
                scope.locals[id] = optional(kind)
            elif not may_hold(known, kind):
                self.tables.error("WDF301", f"`{id}` is {known}, this is {kind}", node.span)
            scope.written.setdefault(id, node.span)
            self.tables.note(node.span, Role.LOCAL, id, "", scope.locals[id])
            return typed.Local(id)
        self.tables.error("WDF308", f"`{id}` cannot be assigned", node.span)
        return None

    def misfit(self, name: str, declared: Type, given: Type, span: Span) -> None:
        null = isinstance(given, NullType) and may_hold(optional(declared), given)
        hint = f"declare it as `{optional(declared)}` if it may be null" if null else None
        self.tables.error("WDF301", f"`{name}` is {declared}, this is {given}", span, hint)

    def field_place(self, node: ast.Access, scope: Scope, kind: Type) -> typed.FieldOf | None:
        target, declared = self.expr(node, scope)
        if isinstance(target, typed.FieldOf):
            self.tables.written.add(node.field)
            found = self.tables.sorts[target.sort].fields.get(target.field)
            if found is not None and found.mode != "var":
                self.tables.error("WDF308", f"`{target.field}` is fixed by the driver's declarations", node.span)
            elif not may_hold(declared, kind):
                self.misfit(target.field, declared, kind, node.span)
            return target
        if not isinstance(declared, UnknownType):
            self.tables.error("WDF308", "this cannot be assigned", node.span)
        return None


def event_arguments(event: str, parameters: Sequence[typed.Parameter], args: Sequence[ast.Expr]) -> str:
    return f"the event `{event}` has {len(parameters)} arguments, not {len(args)}"


def optional(kind: Type) -> Type:
    """A local may always hold null."""
    return replace(kind, optional=True) if isinstance(kind, RefType | CallbackType) else kind
