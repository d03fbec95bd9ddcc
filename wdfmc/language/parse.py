"""Text to tree: the grammar is `wdf.lark`, the nodes are those of `ast`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import VisitError
from lark.tree import Meta as TreeMeta

from wdfmc.language import ast
from wdfmc.source import Source, Span


@cache
def parser() -> Lark:
    """The LALR(1) parser; built once a process."""
    grammar = files("wdfmc.language").joinpath("wdf.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)


def parse(source: Source) -> ast.Text:
    """Raises `Rejected` with every syntax error found."""
    tree = parser().parse(source.text)
    try:
        return Builder(source).transform(tree)  # type: ignore[no-any-return]
    except VisitError as error:
        raise error.orig_exc from error


def unquoted(token: str) -> str:
    return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")


@v_args(meta=True)
class Builder(Transformer[Token, Any]):
    """One method a production. `None` stands for an optional part that is absent."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.text = source

    def span(self, meta: TreeMeta) -> Span:
        if meta.empty:
            return Span(self.text, 0, 0)
        return Span(self.text, meta.start_pos, meta.end_pos)

    def at(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.text, token.start_pos, token.end_pos)

    def named(self, token: Token) -> ast.Name:
        return ast.Name(str(token), span=self.at(token))

    # items

    def start(self, meta: TreeMeta, c: list[Any]) -> ast.Text:
        return ast.Text(self.text, tuple(c))

    def names(self, meta: TreeMeta, c: list[Any]) -> tuple[ast.Name, ...]:
        return tuple(self.named(token) for token in c)

    def import_(self, meta: TreeMeta, c: list[Any]) -> ast.Import:
        return ast.Import(unquoted(c[0]), span=self.span(meta))

    def sort(self, meta: TreeMeta, c: list[Any]) -> ast.Sort:
        *modifiers, name, fields = c
        given = {str(m) for m in modifiers}
        return ast.Sort(str(name), fields, "dynamic" in given, "implicit" in given, span=self.span(meta))

    def fields(self, meta: TreeMeta, c: list[Any]) -> tuple[ast.Field, ...]:
        return tuple(field for line in c for field in line)

    def field_line(self, meta: TreeMeta, c: list[Any]) -> list[ast.Field]:
        mode, names, kind, initial = c if len(c) == 4 else (None, *c)
        return [ast.Field(n.id, kind, str(mode) if mode else "var", initial, span=n.span) for n in names]

    def enum(self, meta: TreeMeta, c: list[Any]) -> ast.EnumDeclaration:
        return ast.EnumDeclaration(str(c[0]), c[1], span=self.span(meta))

    def flags(self, meta: TreeMeta, c: list[Any]) -> ast.FlagsDeclaration:
        return ast.FlagsDeclaration(str(c[0]), tuple(c[1:]), span=self.span(meta))

    def flag(self, meta: TreeMeta, c: list[Any]) -> tuple[str, str]:
        return str(c[0]), str(c[1] or c[0])

    def status(self, meta: TreeMeta, c: list[Any]) -> ast.StatusDeclaration:
        return ast.StatusDeclaration(str(c[0]), int(c[1], 0), span=self.span(meta))

    def option(self, meta: TreeMeta, c: list[Any]) -> ast.OptionDeclaration:
        return ast.OptionDeclaration(str(c[0]), c[1], c[2], span=self.span(meta))

    def ghost(self, meta: TreeMeta, c: list[Any]) -> ast.Ghost:
        return ast.Ghost(str(c[0]), c[1] or (), span=self.span(meta))

    def define(self, meta: TreeMeta, c: list[Any]) -> ast.Define:
        return ast.Define(str(c[0]), c[1] or (), c[2], span=self.span(meta))

    def helper(self, meta: TreeMeta, c: list[Any]) -> ast.Helper:
        return ast.Helper(str(c[0]), c[1] or (), c[2], c[3], span=self.span(meta))

    def callback_kind(self, meta: TreeMeta, c: list[Any]) -> ast.CallbackKind:
        names, params, role, sort, host, lock, overlap = c
        return ast.CallbackKind(
            tuple(n.id for n in names), params or (), str(role), str(sort), host, lock,
            int(overlap) if overlap else 1, span=self.span(meta),
        )  # fmt: skip

    def ddi(self, meta: TreeMeta, c: list[Any]) -> ast.Ddi:
        name, params, result, *clauses, body = c
        requires = tuple(clause for clause in clauses if isinstance(clause, ast.Requires))
        sources = tuple(text for clause in clauses if isinstance(clause, list) for text in clause)
        return ast.Ddi(str(name), params or (), result, requires, sources, body, span=self.span(meta))

    def requires(self, meta: TreeMeta, c: list[Any]) -> ast.Requires:
        return ast.Requires(c[0], c[1].id, span=self.span(meta))

    def source(self, meta: TreeMeta, c: list[Any]) -> list[str]:
        return [unquoted(text) for text in c]

    def fair(self, meta: TreeMeta, c: list[Any]) -> ast.Expr:
        return c[0] or ast.Truth(True, span=self.span(meta))

    def environment_step(self, meta: TreeMeta, c: list[Any]) -> ast.Step:
        name, params, when, fair, body = c
        return ast.Step(str(name), params or (), when, fair, body, span=self.span(meta))

    def loop_of(self, meta: TreeMeta, c: list[Any]) -> ast.Loop:
        variable, sort, fair, *lines = c
        return ast.Loop(str(variable), str(sort), fair, tuple(lines), span=self.span(meta))

    def loop_line(self, meta: TreeMeta, c: list[Any]) -> ast.Step:
        name, params, when, body = c
        return ast.Step(str(name), params or (), when, None, body, span=self.span(meta))

    def thread(self, meta: TreeMeta, c: list[Any]) -> ast.Thread:
        name, variable, sort, once, when, body = c
        return ast.Thread(
            str(name), variable and str(variable), sort and str(sort), once is not None, when, body, span=self.span(meta)
        )

    def params(self, meta: TreeMeta, c: list[Any]) -> tuple[ast.Parameter, ...]:
        return tuple(c)

    def param(self, meta: TreeMeta, c: list[Any]) -> ast.Parameter:
        kind = c.pop()
        mode = str(c.pop(0)) if isinstance(c[0], Token) and c[0].type == "PARAM_MODE" else "in"
        return ast.Parameter(str(c[-1]), kind, mode, span=self.at(c[-1]))

    # types

    def named_type(self, meta: TreeMeta, c: list[Any]) -> ast.NamedType:
        return ast.NamedType(str(c[0]), span=self.span(meta))

    def optional_type(self, meta: TreeMeta, c: list[Any]) -> ast.NamedType:
        return ast.NamedType(str(c[0]), True, span=self.span(meta))

    def range_type(self, meta: TreeMeta, c: list[Any]) -> ast.RangeType:
        return ast.RangeType(int(c[0], 0), int(c[1], 0), span=self.span(meta))

    def enum_type(self, meta: TreeMeta, c: list[Any]) -> ast.EnumType:
        return ast.EnumType(c[0], span=self.span(meta))

    def set_type(self, meta: TreeMeta, c: list[Any]) -> ast.SetType:
        return ast.SetType(str(c[0]), span=self.span(meta))

    def list_type(self, meta: TreeMeta, c: list[Any]) -> ast.ListType:
        return ast.ListType(int(c[0], 0), str(c[1]), span=self.span(meta))

    # drivers

    def driver(self, meta: TreeMeta, c: list[Any]) -> ast.Driver:
        name, origin, *items = c
        return ast.Driver(str(name), unquoted(origin) if origin else None, tuple(items), span=self.span(meta))

    def object(self, meta: TreeMeta, c: list[Any]) -> ast.Object:
        sort, name, *rest = [part for part in c if part is not None]
        words = tuple(part for part in rest if isinstance(part, ast.Word))
        bindings = tuple(part for part in rest if isinstance(part, ast.Binding))
        return ast.Object(str(sort), str(name), words, bindings, span=self.span(meta))

    def word(self, meta: TreeMeta, c: list[Any]) -> ast.Word:
        return ast.Word(str(c[0]), c[1], span=self.span(meta))

    def binding(self, meta: TreeMeta, c: list[Any]) -> ast.Binding:
        return ast.Binding(str(c[0]), c[1], span=self.span(meta))

    def context(self, meta: TreeMeta, c: list[Any]) -> ast.Context:
        return ast.Context(str(c[0]), c[1] and str(c[1]), c[2], span=self.span(meta))

    def callback_body(self, meta: TreeMeta, c: list[Any]) -> ast.CallbackBody:
        _, name, params, body = c
        return ast.CallbackBody(str(name), params or (), body, span=self.span(meta))

    def created(self, meta: TreeMeta, c: list[Any]) -> ast.Created:
        return ast.Created(str(c[0]), int(c[1], 0), str(c[2]), span=self.span(meta))

    def hardware(self, meta: TreeMeta, c: list[Any]) -> ast.Hardware:
        return ast.Hardware(str(c[0]), c[1] or ast.Truth(True, span=self.span(meta)), span=self.span(meta))

    def environment(self, meta: TreeMeta, c: list[Any]) -> ast.Environment:
        return ast.Environment(tuple(c), span=self.span(meta))

    def setting(self, meta: TreeMeta, c: list[Any]) -> ast.Setting:
        return ast.Setting(tuple(self.named(word) for word in c), span=self.span(meta))

    def expect(self, meta: TreeMeta, c: list[Any]) -> ast.Expect:
        return ast.Expect(str(c[0]), c[1].id, c[2] and str(c[2]), span=self.span(meta))

    def stack(self, meta: TreeMeta, c: list[Any]) -> ast.Stack:
        return ast.Stack(str(c[0]), str(c[1]), span=self.span(meta))

    # rules

    def rule_name(self, meta: TreeMeta, c: list[Any]) -> ast.Name:
        return self.named(c[0])

    def rule(self, meta: TreeMeta, c: list[Any]) -> ast.Rule:
        *head, body = c
        return self.rule_of(meta, head, body)

    def monitor(self, meta: TreeMeta, c: list[Any]) -> ast.Rule:
        start = next(part for part in c[3:] if isinstance(part, Token))
        states = tuple(part for part in c if isinstance(part, ast.MonitorState))
        return self.rule_of(meta, c[: c.index(start, 3)], ast.Monitor(str(start), states, span=self.span(meta)))

    def rule_of(self, meta: TreeMeta, head: list[Any], body: ast.RuleBody) -> ast.Rule:
        name, params, sentence, *clauses = head
        metas = tuple(clause for clause in clauses if isinstance(clause, ast.Meta))
        trigger = next((clause for clause in clauses if not isinstance(clause, ast.Meta)), None)
        return ast.Rule(name.id, params or (), unquoted(sentence), metas, trigger, body, span=self.span(meta))

    def meta_strings(self, meta: TreeMeta, c: list[Any]) -> ast.Meta:
        return ast.Meta(str(c[0]), tuple(unquoted(text) for text in c[1:]), span=self.span(meta))

    def meta_names(self, meta: TreeMeta, c: list[Any]) -> ast.Meta:
        return ast.Meta(str(c[0]), tuple(str(name) for name in c[1:]), span=self.span(meta))

    def trigger(self, meta: TreeMeta, c: list[Any]) -> ast.Expr:
        return c[0]  # type: ignore[no-any-return]

    def by_contract(self, meta: TreeMeta, c: list[Any]) -> ast.ByContract:
        return ast.ByContract(span=self.span(meta))

    def never(self, meta: TreeMeta, c: list[Any]) -> ast.Never:
        return ast.Never(c[0], span=self.span(meta))

    def no_wait_cycle(self, meta: TreeMeta, c: list[Any]) -> ast.NoWaitCycle:
        return ast.NoWaitCycle(span=self.span(meta))

    def always(self, meta: TreeMeta, c: list[Any]) -> ast.Always:
        return ast.Always(c[0], span=self.span(meta))

    def leads_to(self, meta: TreeMeta, c: list[Any]) -> ast.LeadsTo:
        return ast.LeadsTo(c[0], c[1], c[2] is not None, span=self.span(meta))

    def precedes(self, meta: TreeMeta, c: list[Any]) -> ast.Precedes:
        return ast.Precedes(c[0], c[1], span=self.span(meta))

    def monitor_state(self, meta: TreeMeta, c: list[Any]) -> ast.MonitorState:
        return ast.MonitorState(str(c[0]), tuple(c[1:]), span=self.span(meta))

    def on(self, meta: TreeMeta, c: list[Any]) -> ast.On:
        return ast.On(c[0], str(c[1]), span=self.span(meta))

    def use(self, meta: TreeMeta, c: list[Any]) -> ast.Use:
        return ast.Use(tuple(c), span=self.span(meta))

    def joined(op: str) -> Any:  # type: ignore[misc]  # noqa: N805
        def build(self: Builder, meta: TreeMeta, c: list[Any]) -> ast.Binary:
            return ast.Binary(op, c[0], c[1], span=self.span(meta))

        return build

    implies, since, after, while_ = joined("implies"), joined("since"), joined("after"), joined("while")
    or_, and_ = joined("||"), joined("&&")

    def once(self, meta: TreeMeta, c: list[Any]) -> ast.Unary:
        return ast.Unary("once", c[0], span=self.span(meta))

    # statements

    def block(self, meta: TreeMeta, c: list[Any]) -> ast.Block:
        return ast.Block(tuple(c), span=self.span(meta))

    body = block

    def declare(self, meta: TreeMeta, c: list[Any]) -> ast.Declare:
        return ast.Declare(str(c[0]), str(c[1]), c[2], span=self.span(meta))

    def assign(self, meta: TreeMeta, c: list[Any]) -> ast.Assign:
        return ast.Assign(c[0], c[1], span=self.span(meta))

    def evaluate(self, meta: TreeMeta, c: list[Any]) -> ast.Evaluate:
        return ast.Evaluate(c[0], span=self.span(meta))

    def if_(self, meta: TreeMeta, c: list[Any]) -> ast.If:
        condition, then, otherwise = c
        return ast.If(condition, blocked(then), otherwise and blocked(otherwise), span=self.span(meta))

    def while_loop(self, meta: TreeMeta, c: list[Any]) -> ast.While:
        return ast.While(c[0], blocked(c[1]), span=self.span(meta))

    def forever(self, meta: TreeMeta, c: list[Any]) -> ast.While:
        return ast.While(ast.Truth(True, span=self.span(meta)), c[0], span=self.span(meta))

    def for_each_slot(self, meta: TreeMeta, c: list[Any]) -> ast.ForEach:
        variable, sort, where, body = c
        return ast.ForEach(str(variable), str(sort), None, where, body, span=self.span(meta))

    def for_each_member(self, meta: TreeMeta, c: list[Any]) -> ast.ForEach:
        return ast.ForEach(str(c[0]), None, c[1], None, c[2], span=self.span(meta))

    def choose(self, meta: TreeMeta, c: list[Any]) -> ast.Choose:
        return ast.Choose(tuple(c), span=self.span(meta))

    def choose_value(self, meta: TreeMeta, c: list[Any]) -> ast.ChooseValue:
        return ast.ChooseValue(c[0], span=self.span(meta))

    def break_(self, meta: TreeMeta, c: list[Any]) -> ast.Break:
        return ast.Break(span=self.span(meta))

    def continue_(self, meta: TreeMeta, c: list[Any]) -> ast.Continue:
        return ast.Continue(span=self.span(meta))

    def return_(self, meta: TreeMeta, c: list[Any]) -> ast.Return:
        return ast.Return(c[0], span=self.span(meta))

    def emit(self, meta: TreeMeta, c: list[Any]) -> ast.Emit:
        return ast.Emit(str(c[0]), c[1] or (), span=self.span(meta))

    def start_call(self, meta: TreeMeta, c: list[Any]) -> ast.Start:
        return self.started(str(c[0]), c[1], meta)

    def inline_call(self, meta: TreeMeta, c: list[Any]) -> ast.Start:
        return self.started("inline", c[0], meta)

    def started(self, how: str, called: ast.Expr, meta: TreeMeta) -> ast.Start:
        callee, args = (called.callee, called.args) if isinstance(called, ast.Call) else (called, ())
        return ast.Start(how, callee, args, span=self.span(meta))

    def enter(self, meta: TreeMeta, c: list[Any]) -> ast.Enter:
        return ast.Enter(c[0], c[1] is not None, span=self.span(meta))

    def await_(self, meta: TreeMeta, c: list[Any]) -> ast.Await:
        return ast.Await(c[0], span=self.span(meta))

    def then_await(self, meta: TreeMeta, c: list[Any]) -> ast.Block:
        span = self.span(meta)
        return ast.Block((ast.Then(span=span), ast.Await(c[0], span=span)), span=span)

    def then_(self, meta: TreeMeta, c: list[Any]) -> ast.Then:
        return ast.Then(span=self.span(meta))

    def limit(self, meta: TreeMeta, c: list[Any]) -> ast.Limit:
        return ast.Limit(unquoted(c[0]), span=self.span(meta))

    def changed(op: str) -> Any:  # type: ignore[misc]  # noqa: N805
        def build(self: Builder, meta: TreeMeta, c: list[Any]) -> ast.Change:
            return ast.Change(op, c[0], c[1], span=self.span(meta))

        return build

    add, append, remove = changed("add"), changed("append"), changed("remove")

    def allocate(self, meta: TreeMeta, c: list[Any]) -> ast.Memory:
        return ast.Memory("allocate", c[0], span=self.span(meta))

    def free(self, meta: TreeMeta, c: list[Any]) -> ast.Memory:
        return ast.Memory("free", c[0], span=self.span(meta))

    def touch(self, meta: TreeMeta, c: list[Any]) -> ast.Memory:
        return ast.Memory("touch", c[0], span=self.span(meta))

    def touch_of(self, meta: TreeMeta, c: list[Any]) -> ast.Memory:
        return ast.Memory("touch", ast.Call(self.named(c[0]), (c[1],), span=self.span(meta)), span=self.span(meta))

    def touch_hardware(self, meta: TreeMeta, c: list[Any]) -> ast.Memory:
        return ast.Memory("touch", None, span=self.span(meta))

    def lock(self, meta: TreeMeta, c: list[Any]) -> ast.Lock:
        return ast.Lock(str(c[0]), c[1], span=self.span(meta))

    def synchronize(self, meta: TreeMeta, c: list[Any]) -> ast.Synchronize:
        return ast.Synchronize(c[0], c[1], span=self.span(meta))

    def occurs(self, meta: TreeMeta, c: list[Any]) -> ast.Occurs:
        return ast.Occurs(unquoted(c[0]), c[1] is not None, span=self.span(meta))

    # expressions

    def conditional(self, meta: TreeMeta, c: list[Any]) -> ast.Conditional:
        return ast.Conditional(*c, span=self.span(meta))

    def binary(self, meta: TreeMeta, c: list[Any]) -> ast.Binary:
        return ast.Binary(str(c[1]), c[0], c[2], span=self.span(meta))

    def among(self, meta: TreeMeta, c: list[Any]) -> ast.Among:
        return ast.Among(c[0], c[1], span=self.span(meta))

    def has(self, meta: TreeMeta, c: list[Any]) -> ast.Has:
        return ast.Has(c[0], str(c[1]), span=self.span(meta))

    def not_(self, meta: TreeMeta, c: list[Any]) -> ast.Unary:
        return ast.Unary("!", c[0], span=self.span(meta))

    def negative(self, meta: TreeMeta, c: list[Any]) -> ast.Unary:
        return ast.Unary("-", c[-1], span=self.span(meta))

    def address_of(self, meta: TreeMeta, c: list[Any]) -> ast.AddressOf:
        return ast.AddressOf(c[0], span=self.span(meta))

    def access(self, meta: TreeMeta, c: list[Any]) -> ast.Access:
        return ast.Access(c[0], str(c[1]), span=self.span(meta))

    def call(self, meta: TreeMeta, c: list[Any]) -> ast.Call:
        return ast.Call(c[0], c[1] or (), span=self.span(meta))

    def args(self, meta: TreeMeta, c: list[Any]) -> tuple[ast.Expr, ...]:
        return tuple(c)

    def name(self, meta: TreeMeta, c: list[Any]) -> ast.Name:
        return self.named(c[0])

    def number(self, meta: TreeMeta, c: list[Any]) -> ast.Number:
        return ast.Number(int(c[0], 0), span=self.span(meta))

    def words(self, meta: TreeMeta, c: list[Any]) -> ast.Words:
        return ast.Words(unquoted(c[0]), span=self.span(meta))

    def true(self, meta: TreeMeta, c: list[Any]) -> ast.Truth:
        return ast.Truth(True, span=self.span(meta))

    def false(self, meta: TreeMeta, c: list[Any]) -> ast.Truth:
        return ast.Truth(False, span=self.span(meta))

    def null(self, meta: TreeMeta, c: list[Any]) -> ast.Null:
        return ast.Null(span=self.span(meta))

    def quantified(self, meta: TreeMeta, c: list[Any]) -> ast.Quantified:
        kind, variable, sort, condition = c
        return ast.Quantified(str(kind), str(variable), str(sort), condition, span=self.span(meta))

    def any_slot(self, meta: TreeMeta, c: list[Any]) -> ast.Quantified:
        variable, sort, condition = c
        return ast.Quantified("any", str(variable), str(sort), condition, span=self.span(meta))

    def count(self, meta: TreeMeta, c: list[Any]) -> ast.Count:
        variable, sort, condition = c
        return ast.Count(str(variable), str(sort), condition, span=self.span(meta))

    def any_of(self, meta: TreeMeta, c: list[Any]) -> ast.Member:
        return ast.Member("any", c[0], span=self.span(meta))

    def first_of(self, meta: TreeMeta, c: list[Any]) -> ast.Member:
        return ast.Member("first", c[0], span=self.span(meta))


def blocked(statement: ast.Statement) -> ast.Block:
    return statement if isinstance(statement, ast.Block) else ast.Block((statement,), span=statement.span)
