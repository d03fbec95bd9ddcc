"""Text to tree: the grammar is `wdf.lark`, the nodes are those of `ast`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from wdfmc.diagnostics import Diagnostic, Label, Rejected
from wdfmc.language import ast
from wdfmc.language.lalr import Stuck, Token, TooDeep, automaton
from wdfmc.language.lexical_errors import malformed_number
from wdfmc.language.repairs import misspelt_statement, not_a_type
from wdfmc.language.syntax_errors import syntax_errors
from wdfmc.source import Source, Span

DEEPEST: Final = 20_000  # levels of the tree: see `depth` for the room that the passes over it need


@dataclass
class Spelling:
    """The words of which a tree was made, with their places: of each node those of its own production, in order.

    The tree itself has most names as mere texts.
    """

    tree: ast.Text
    words: dict[int, tuple[Token | ast.Name, ...]]  # the identity of a node -> its terminals and single names

    def of(self, node: ast.Node) -> tuple[Token | ast.Name, ...]:
        return self.words.get(id(node), ())


def parse(source: Source) -> ast.Text:
    """Raises `Rejected` with every syntax error found, at most `syntax_errors.MOST`."""
    builder = Builder(source)

    def made_by(name: str) -> Any:
        method = getattr(builder, name)
        return lambda start, end, parts: method(Span(source, start, end), parts)

    return built(builder, made_by)


def spelled(source: Source) -> Spelling:
    """As `parse`, and where the words stand. Raises `Rejected`."""
    builder = Builder(source)
    words: dict[int, tuple[Token | ast.Name, ...]] = {}

    def made_by(name: str) -> Any:
        method = getattr(builder, name)

        def make(start: int, end: int, parts: list[Any]) -> Any:
            own = tuple(words_among(parts))
            node = method(Span(source, start, end), parts)
            if isinstance(node, ast.Node):
                words[id(node)] = own
            return node

        return make

    return Spelling(built(builder, made_by), words)


def words_among(parts: list[Any]) -> Iterator[Token | ast.Name]:
    for part in parts:
        if isinstance(part, Token | ast.Name):
            yield part
        elif isinstance(part, tuple):  # of `names`, of `flag`
            yield from (name for name in part if isinstance(name, ast.Name | Token))


def built(builder: Builder, made_by: Callable[[str], Any]) -> ast.Text:
    source = builder.text
    try:
        text, levels = automaton().run(source.text, made_by, DEEPEST)
    except Stuck:
        raise Rejected(syntax_errors(source)) from None
    except TooDeep as error:
        raise Rejected([too_deep(Span(source, error.start, error.end))]) from None
    if builder.problems:
        raise Rejected(builder.problems)
    assert isinstance(text, ast.Text)
    return replace(text, levels=levels)


def too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "WDF115",
        f"nested more than {DEEPEST} levels deep",
        (Label(span, "too many levels inside"),),
        "move the inner part to a `helper`, or split a long chain of operators with a `define`",
    )


def unquoted(token: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", token[1:-1])


class Builder:
    """One method a production. `None` stands for an optional part that is absent."""

    def __init__(self, source: Source) -> None:
        self.text = source
        self.problems: list[Diagnostic] = []

    def at(self, token: Token) -> Span:
        return Span(self.text, token.start, token.end)

    def named(self, token: Token) -> ast.Name:
        return ast.Name(str(token), span=self.at(token))

    def value_of(self, token: Token) -> int:
        if problem := malformed_number(token, self.at(token)):
            self.problems.append(problem)
            return 0
        return int(token, 0)

    # items

    def start(self, span: Span, c: list[Any]) -> ast.Text:
        return ast.Text(self.text, tuple(c))

    def names(self, span: Span, c: list[Any]) -> tuple[ast.Name, ...]:
        return tuple(self.named(token) for token in c)

    def import_(self, span: Span, c: list[Any]) -> ast.Import:
        return ast.Import(unquoted(c[0]), span=span)

    def sort(self, span: Span, c: list[Any]) -> ast.Sort:
        *modifiers, name, fields = c
        given = {str(m) for m in modifiers}
        return ast.Sort(str(name), fields, "dynamic" in given, "implicit" in given, "bounded" in given, span=span)

    def fields(self, span: Span, c: list[Any]) -> tuple[ast.Field, ...]:
        return tuple(field for line in c for field in line)

    def field_line(self, span: Span, c: list[Any]) -> list[ast.Field]:
        mode, names, kind, initial = c if len(c) == 4 else (None, *c)
        return [ast.Field(n.id, kind, str(mode) if mode else "var", initial, span=n.span) for n in names]

    def enum(self, span: Span, c: list[Any]) -> ast.EnumDeclaration:
        return ast.EnumDeclaration(str(c[0]), c[1], span=span)

    def flags(self, span: Span, c: list[Any]) -> ast.FlagsDeclaration:
        return ast.FlagsDeclaration(str(c[0]), tuple((str(full), str(short)) for full, short in c[1:]), span=span)

    def flag(self, span: Span, c: list[Any]) -> tuple[Token, Token]:
        return c[0], c[1] or c[0]

    def status(self, span: Span, c: list[Any]) -> ast.StatusDeclaration:
        return ast.StatusDeclaration(str(c[0]), self.value_of(c[1]), span=span)

    def option(self, span: Span, c: list[Any]) -> ast.OptionDeclaration:
        return ast.OptionDeclaration(str(c[0]), c[1], c[2], span=span)

    def ghost(self, span: Span, c: list[Any]) -> ast.Ghost:
        return ast.Ghost(str(c[0]), c[1] or (), span=span)

    def view(self, span: Span, c: list[Any]) -> ast.View:
        return ast.View(tuple(n.id for n in c[0]), str(c[1]), span=span)

    def alias(self, span: Span, c: list[Any]) -> ast.Alias:
        return ast.Alias(str(c[0]), str(c[1]), tuple(c[2:]), span=span)

    def define(self, span: Span, c: list[Any]) -> ast.Define:
        return ast.Define(str(c[0]), c[1] or (), c[2], span=span)

    def helper(self, span: Span, c: list[Any]) -> ast.Helper:
        return ast.Helper(str(c[0]), c[1] or (), c[2], c[3], span=span)

    def callback_kind(self, span: Span, c: list[Any]) -> ast.CallbackKind:
        names, params, role, sort, host, lock, overlap = c
        return ast.CallbackKind(
            tuple(n.id for n in names), params or (), str(role), str(sort), host, lock,
            self.value_of(overlap) if overlap else 1, span=span,
        )  # fmt: skip

    def ddi(self, span: Span, c: list[Any]) -> ast.Ddi:
        name, params, result, *clauses, body = c
        requires = tuple(clause for clause in clauses if isinstance(clause, ast.Requires))
        sources = tuple(text for clause in clauses if isinstance(clause, list) for text in clause)
        levels = tuple(clause for clause in clauses if isinstance(clause, ast.Level))
        return ast.Ddi(str(name), params or (), result, requires, sources, levels, body, span=span)

    def level(self, span: Span, c: list[Any]) -> ast.Level:
        return ast.Level(c[0], span=span)

    def requires(self, span: Span, c: list[Any]) -> ast.Requires:
        return ast.Requires(c[0], c[1].id, span=span)

    def source(self, span: Span, c: list[Any]) -> list[str]:
        return [unquoted(text) for text in c]

    def fair(self, span: Span, c: list[Any]) -> ast.Expr:
        return c[0] or ast.Truth(True, span=span)

    def environment_step(self, span: Span, c: list[Any]) -> ast.Step:
        name, params, when, fair, body = c
        return ast.Step(str(name), params or (), when, fair, body, span=span)

    def loop_of(self, span: Span, c: list[Any]) -> ast.Loop:
        variable, sort, fair, *lines = c
        return ast.Loop(str(variable), str(sort), fair, tuple(lines), span=span)

    def loop_line(self, span: Span, c: list[Any]) -> ast.Step:
        name, params, when, body = c
        return ast.Step(str(name), params or (), when, None, body, span=span)

    def thread(self, span: Span, c: list[Any]) -> ast.Thread:
        name, variable, sort, once, when, body = c
        return ast.Thread(
            str(name), variable and str(variable), sort and str(sort), once is not None, when, body, span=span
        )

    def params(self, span: Span, c: list[Any]) -> tuple[ast.Parameter, ...]:
        return tuple(c)

    def param(self, span: Span, c: list[Any]) -> ast.Parameter:
        kind = c.pop()
        mode = str(c.pop(0)) if isinstance(c[0], Token) and c[0].type == "PARAM_MODE" else "in"
        return ast.Parameter(str(c[-1]), kind, mode, span=self.at(c[-1]))

    # types

    def named_type(self, span: Span, c: list[Any]) -> ast.NamedType:
        return ast.NamedType(str(c[0]), span=span)

    def optional_type(self, span: Span, c: list[Any]) -> ast.NamedType:
        return ast.NamedType(str(c[0]), True, span=span)

    def range_type(self, span: Span, c: list[Any]) -> ast.RangeType:
        low, high = self.value_of(c[0]), self.value_of(c[1])
        if low > high:
            self.problems.append(
                Diagnostic(
                    "WDF114",
                    f"the range `{span.text}` is empty",
                    (Label(span, "the first number is the larger one"),),
                    f"write `{high}..{low}`",
                )
            )
        return ast.RangeType(low, high, span=span)

    def enum_type(self, span: Span, c: list[Any]) -> ast.EnumType:
        return ast.EnumType(c[0], span=span)

    def set_type(self, span: Span, c: list[Any]) -> ast.SetType:
        return ast.SetType(str(c[0]), span=span)

    def list_type(self, span: Span, c: list[Any]) -> ast.ListType:
        return ast.ListType(self.value_of(c[0]), str(c[1]), span=span)

    # drivers

    def driver(self, span: Span, c: list[Any]) -> ast.Driver:
        name, origin, *items = c
        return ast.Driver(str(name), unquoted(origin) if origin else None, tuple(items), span=span)

    def object(self, span: Span, c: list[Any]) -> ast.Object:
        sort, name, number, *rest = c
        words = tuple(part for part in rest if isinstance(part, ast.Word))
        bindings = tuple(part for part in rest if isinstance(part, ast.Binding))
        return ast.Object(str(sort), str(name), words, bindings, number and self.value_of(number), span=span)

    def word(self, span: Span, c: list[Any]) -> ast.Word:
        return ast.Word(str(c[0]), c[1], span=span)

    def binding(self, span: Span, c: list[Any]) -> ast.Binding:
        return ast.Binding(str(c[0]), c[1], span=span)

    def context(self, span: Span, c: list[Any]) -> ast.Context:
        sort, name, *lines = c
        fields = tuple(field for line in lines if isinstance(line, list) for field in line)
        bindings = tuple(line for line in lines if isinstance(line, ast.Binding))
        return ast.Context(str(sort), name and str(name), fields, bindings, span=span)

    def callback_body(self, span: Span, c: list[Any]) -> ast.CallbackBody:
        _, name, params, body = c
        return ast.CallbackBody(str(name), params or (), body, span=span)

    def created(self, span: Span, c: list[Any]) -> ast.Created:
        return ast.Created(str(c[0]), self.value_of(c[1]), str(c[2]), span=span)

    def hardware(self, span: Span, c: list[Any]) -> ast.Hardware:
        return ast.Hardware(str(c[0]), c[1] or ast.Truth(True, span=span), span=span)

    def environment(self, span: Span, c: list[Any]) -> ast.Environment:
        return ast.Environment(tuple(c), span=span)

    def setting(self, span: Span, c: list[Any]) -> ast.Setting:
        return ast.Setting(tuple(self.named(word) for word in c), span=span)

    def expect(self, span: Span, c: list[Any]) -> ast.Expect:
        return ast.Expect(str(c[0]), c[1].id, c[2] and str(c[2]), span=span)

    def stack(self, span: Span, c: list[Any]) -> ast.Stack:
        return ast.Stack(str(c[0]), str(c[1]), span=span)

    # rules

    def rule_name(self, span: Span, c: list[Any]) -> ast.Name:
        return self.named(c[0])

    def rule(self, span: Span, c: list[Any]) -> ast.Rule:
        *head, body = c
        return self.rule_of(span, head, body)

    def monitor(self, span: Span, c: list[Any]) -> ast.Rule:
        start = next(part for part in c[3:] if isinstance(part, Token))
        states = tuple(part for part in c if isinstance(part, ast.MonitorState))
        return self.rule_of(span, c[: c.index(start, 3)], ast.Monitor(str(start), states, span=span))

    def rule_of(self, span: Span, head: list[Any], body: ast.RuleBody) -> ast.Rule:
        name, params, sentence, *clauses = head
        metas = tuple(clause for clause in clauses if isinstance(clause, ast.Meta))
        trigger = next((clause for clause in clauses if not isinstance(clause, ast.Meta)), None)
        return ast.Rule(name.id, params or (), unquoted(sentence), metas, trigger, body, span=span)

    def meta_strings(self, span: Span, c: list[Any]) -> ast.Meta:
        return ast.Meta(str(c[0]), tuple(unquoted(text) for text in c[1:]), span=span)

    def meta_names(self, span: Span, c: list[Any]) -> ast.Meta:
        return ast.Meta(str(c[0]), tuple(str(name) for name in c[1:]), span=span)

    def trigger(self, span: Span, c: list[Any]) -> ast.Expr:
        return c[0]  # type: ignore[no-any-return]

    def by_contract(self, span: Span, c: list[Any]) -> ast.ByContract:
        return ast.ByContract(span=span)

    def never(self, span: Span, c: list[Any]) -> ast.Never:
        return ast.Never(c[0], span=span)

    def no_wait_cycle(self, span: Span, c: list[Any]) -> ast.NoWaitCycle:
        return ast.NoWaitCycle(span=span)

    def no_data_race(self, span: Span, c: list[Any]) -> ast.NoDataRace:
        return ast.NoDataRace(span=span)

    def no_shared_lock(self, span: Span, c: list[Any]) -> ast.NoSharedLock:
        return ast.NoSharedLock(tuple(c[0] or ()), span=span)

    def always(self, span: Span, c: list[Any]) -> ast.Always:
        return ast.Always(c[0], span=span)

    def leads_to(self, span: Span, c: list[Any]) -> ast.LeadsTo:
        return ast.LeadsTo(c[0], c[1], c[2] is not None, span=span)

    def precedes(self, span: Span, c: list[Any]) -> ast.Precedes:
        return ast.Precedes(c[0], c[1], span=span)

    def monitor_state(self, span: Span, c: list[Any]) -> ast.MonitorState:
        return ast.MonitorState(str(c[0]), tuple(c[1:]), span=span)

    def on(self, span: Span, c: list[Any]) -> ast.On:
        return ast.On(c[0], str(c[1]), span=span)

    def use(self, span: Span, c: list[Any]) -> ast.Use:
        return ast.Use(tuple(c), span=span)

    def unchecked(self, span: Span, c: list[Any]) -> ast.Unchecked:
        name, sentence, *metas = c
        return ast.Unchecked(name.id, unquoted(sentence), tuple(metas), span=span)

    def joined(op: str) -> Any:  # type: ignore[misc]
        def build(self: Builder, span: Span, c: list[Any]) -> ast.Binary:
            return ast.Binary(op, c[0], c[1], span=span)

        return build

    implies, since, after, while_ = joined("implies"), joined("since"), joined("after"), joined("while")
    or_, and_ = joined("||"), joined("&&")

    def once(self, span: Span, c: list[Any]) -> ast.Unary:
        return ast.Unary("once", c[0], span=span)

    # statements

    def block(self, span: Span, c: list[Any]) -> ast.Block:
        return ast.Block(tuple(c), span=span)

    body = block

    def declare(self, span: Span, c: list[Any]) -> ast.Declare:
        if meant := misspelt_statement(c[0]):
            label = Label(self.at(c[0]), "misspelt?")
            message = f"`{c[0]}` is not a keyword"
            self.problems.append(Diagnostic("WDF111", message, (label,), f"did you mean `{meant}`?"))
        elif advice := not_a_type(c[0]):
            label = Label(self.at(c[0]), "cannot stand here")
            self.problems.append(Diagnostic("WDF116", f"there is no `{c[0]}` in the language", (label,), advice))
        return ast.Declare(str(c[0]), str(c[1]), c[2], span=span)

    def assign(self, span: Span, c: list[Any]) -> ast.Assign:
        return ast.Assign(c[0], c[1], span=span)

    def evaluate(self, span: Span, c: list[Any]) -> ast.Evaluate:
        return ast.Evaluate(c[0], span=span)

    def if_(self, span: Span, c: list[Any]) -> ast.If:
        condition, then, otherwise = c
        return ast.If(condition, blocked(then), otherwise and blocked(otherwise), span=span)

    def while_loop(self, span: Span, c: list[Any]) -> ast.While:
        return ast.While(c[0], blocked(c[1]), span=span)

    def forever(self, span: Span, c: list[Any]) -> ast.While:
        return ast.While(ast.Truth(True, span=span), c[0], span=span)

    def for_each_slot(self, span: Span, c: list[Any]) -> ast.ForEach:
        variable, sort, where, body = c
        return ast.ForEach(str(variable), str(sort), None, where, body, span=span)

    def for_each_member(self, span: Span, c: list[Any]) -> ast.ForEach:
        return ast.ForEach(str(c[0]), None, c[1], None, c[2], span=span)

    def choose(self, span: Span, c: list[Any]) -> ast.Choose:
        return ast.Choose(tuple(c), span=span)

    def choose_value(self, span: Span, c: list[Any]) -> ast.ChooseValue:
        return ast.ChooseValue(c[0], span=span)

    def break_(self, span: Span, c: list[Any]) -> ast.Break:
        return ast.Break(span=span)

    def continue_(self, span: Span, c: list[Any]) -> ast.Continue:
        return ast.Continue(span=span)

    def return_(self, span: Span, c: list[Any]) -> ast.Return:
        return ast.Return(c[0], span=span)

    def emit(self, span: Span, c: list[Any]) -> ast.Emit:
        return ast.Emit(str(c[0]), c[1] or (), span=span)

    def start_call(self, span: Span, c: list[Any]) -> ast.Start:
        return self.started(str(c[0]), c[1], span)

    def inline_call(self, span: Span, c: list[Any]) -> ast.Start:
        return self.started("inline", c[0], span)

    def started(self, how: str, called: ast.Expr, span: Span) -> ast.Start:
        callee, args = (called.callee, called.args) if isinstance(called, ast.Call) else (called, ())
        return ast.Start(how, callee, args, span=span)

    def enter(self, span: Span, c: list[Any]) -> ast.Enter:
        return ast.Enter(c[0], c[1] is not None, span=span)

    def await_(self, span: Span, c: list[Any]) -> ast.Await:
        return ast.Await(c[0], span=span)

    def then_await(self, span: Span, c: list[Any]) -> ast.Block:
        span = span
        return ast.Block((ast.Then(span=span), ast.Await(c[0], span=span)), span=span)

    def then_(self, span: Span, c: list[Any]) -> ast.Then:
        return ast.Then(span=span)

    def limit(self, span: Span, c: list[Any]) -> ast.Limit:
        return ast.Limit(unquoted(c[0]), span=span)

    def changed(op: str) -> Any:  # type: ignore[misc]
        def build(self: Builder, span: Span, c: list[Any]) -> ast.Change:
            return ast.Change(op, c[0], c[1], span=span)

        return build

    add, append, remove = changed("add"), changed("append"), changed("remove")

    def allocate(self, span: Span, c: list[Any]) -> ast.Memory:
        return ast.Memory("allocate", c[0], span=span)

    def free(self, span: Span, c: list[Any]) -> ast.Memory:
        return ast.Memory("free", c[0], span=span)

    def touch(self, span: Span, c: list[Any]) -> ast.Memory:
        return ast.Memory("touch", c[0], span=span)

    def touch_of(self, span: Span, c: list[Any]) -> ast.Memory:
        return ast.Memory("touch", ast.Call(self.named(c[0]), (c[1],), span=span), span=span)

    def put(self, span: Span, c: list[Any]) -> ast.Put:
        return ast.Put(c[0], str(c[1]), span=span)

    def take(self, span: Span, c: list[Any]) -> ast.Take:
        request, variable, sort, where = c
        return ast.Take(request, variable and str(variable), sort and str(sort), where, span=span)

    def touch_hardware(self, span: Span, c: list[Any]) -> ast.TouchHardware:
        return ast.TouchHardware(c[0], span=span)

    def lock(self, span: Span, c: list[Any]) -> ast.Lock:
        return ast.Lock(str(c[0]), c[1], span=span)

    def synchronize(self, span: Span, c: list[Any]) -> ast.Synchronize:
        return ast.Synchronize(c[0], c[1], span=span)

    def occurs(self, span: Span, c: list[Any]) -> ast.Occurs:
        return ast.Occurs(unquoted(c[0]), c[1], span=span)

    # expressions

    def conditional(self, span: Span, c: list[Any]) -> ast.Conditional:
        return ast.Conditional(*c, span=span)

    def binary(self, span: Span, c: list[Any]) -> ast.Binary:
        return ast.Binary(str(c[1]), c[0], c[2], span=span)

    def among(self, span: Span, c: list[Any]) -> ast.Among:
        return ast.Among(c[0], c[1], span=span)

    def within(self, span: Span, c: list[Any]) -> ast.Within:
        return ast.Within(c[0], c[1], span=span)

    def has(self, span: Span, c: list[Any]) -> ast.Has:
        return ast.Has(c[0], str(c[1]), span=span)

    def not_(self, span: Span, c: list[Any]) -> ast.Unary:
        return ast.Unary("!", c[0], span=span)

    def negative(self, span: Span, c: list[Any]) -> ast.Unary:
        return ast.Unary("-", c[-1], span=span)

    def address_of(self, span: Span, c: list[Any]) -> ast.AddressOf:
        return ast.AddressOf(c[0], span=span)

    def access(self, span: Span, c: list[Any]) -> ast.Access:
        return ast.Access(c[0], str(c[1]), span=span)

    def call(self, span: Span, c: list[Any]) -> ast.Call:
        return ast.Call(c[0], c[1] or (), span=span)

    def args(self, span: Span, c: list[Any]) -> tuple[ast.Expr, ...]:
        return tuple(c)

    def name(self, span: Span, c: list[Any]) -> ast.Name:
        return self.named(c[0])

    def number(self, span: Span, c: list[Any]) -> ast.Number:
        return ast.Number(self.value_of(c[0]), span=span)

    def words(self, span: Span, c: list[Any]) -> ast.Words:
        return ast.Words(unquoted(c[0]), span=span)

    def true(self, span: Span, c: list[Any]) -> ast.Truth:
        return ast.Truth(True, span=span)

    def false(self, span: Span, c: list[Any]) -> ast.Truth:
        return ast.Truth(False, span=span)

    def null(self, span: Span, c: list[Any]) -> ast.Null:
        return ast.Null(span=span)

    def quantified(self, span: Span, c: list[Any]) -> ast.Quantified:
        kind, variable, sort, condition = c
        return ast.Quantified(str(kind), str(variable), str(sort), condition, span=span)

    def any_slot(self, span: Span, c: list[Any]) -> ast.Quantified:
        variable, sort, condition = c
        return ast.Quantified("any", str(variable), str(sort), condition, span=span)

    def count(self, span: Span, c: list[Any]) -> ast.Count:
        variable, sort, condition = c
        return ast.Count(str(variable), str(sort), condition, span=span)

    def any_of(self, span: Span, c: list[Any]) -> ast.Member:
        return ast.Member("any", c[0], span=span)

    def first_of(self, span: Span, c: list[Any]) -> ast.Member:
        return ast.Member("first", c[0], span=span)


def blocked(statement: ast.Statement) -> ast.Block:
    return statement if isinstance(statement, ast.Block) else ast.Block((statement,), span=statement.span)
