from __future__ import annotations

import time
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import pytest
from lark import Lark, Tree
from lark import Token as LarkToken

from tests.mutations import corpus
from wdfmc.diagnostics import Rejected
from wdfmc.language import ast
from wdfmc.language.expected import CONSTRUCTS, NAME_AFTER, spelling
from wdfmc.language.lalr import END, IGNORED, Stuck, Token, automaton
from wdfmc.language.parse import DEEPEST, Builder, parse
from wdfmc.source import Source, Span


@cache
def lark_parser() -> Lark:
    grammar = files("wdfmc.language").joinpath("wdf.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)


def by_lark(source: Source) -> Any:
    """The same tree, from lark's own loop and tree."""
    builder = Builder(source)

    def built(tree: Tree[LarkToken]) -> Any:
        parts = [
            built(part)
            if isinstance(part, Tree)
            else part and Token.of(part.type, str(part), part.start_pos or 0, part.end_pos or 0)
            for part in tree.children
        ]
        start, end = (0, 0) if tree.meta.empty else (tree.meta.start_pos, tree.meta.end_pos)
        return getattr(builder, tree.data)(Span(source, start, end), parts)

    return built(lark_parser().parse(source.text))


def places(node: object) -> list[tuple[str, int, int]]:
    """(node, start, end) of all nodes that have an extent, in order."""
    if isinstance(node, tuple):
        return [place for part in node for place in places(part)]
    if not isinstance(node, ast.Node) or not is_dataclass(node):
        return []
    own = [(type(node).__name__, node.span.start, node.span.end)] if node.span.end > node.span.start else []
    return own + [
        place for field in fields(node) if field.name != "span" for place in places(getattr(node, field.name))
    ]


@pytest.mark.parametrize("name", corpus())
def test_agrees_with_lark(name: str) -> None:
    source = Source(name, corpus()[name])
    ours, theirs = parse(source), by_lark(source)
    assert ours == theirs
    assert places(ours.items) == places(theirs.items)


def statement(text: str) -> ast.Statement:
    tree = parse(Source("t", f"driver D {{ callback F(Request) {{ {text} }} }}"))
    assert isinstance(tree.items[0], ast.Driver)
    callback = tree.items[0].items[0]
    assert isinstance(callback, ast.CallbackBody)
    return callback.body.statements[0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("state = power;", ast.Assign),  # keywords elsewhere, names here
        ("rule = driver;", ast.Assign),
        ("NTSTATUS status;", ast.Declare),
        ("(VOID) WdfTimerStop(Tick, TRUE);", ast.Evaluate),
        ("if (a) x = 1; else y = 1;", ast.If),
        ("for each r of S { break; }", ast.ForEach),
        ("enter q if idle;", ast.Enter),
        ("touch hardware;", ast.TouchHardware),
        ("touch hardware for r;", ast.TouchHardware),
        ("x = no r: request (r.own == done);", ast.Assign),
        ('x = maybe("a \\"quoted\\" word");', ast.Assign),
        ("x = 0xC0000120;", ast.Assign),
        ("(VOID) x;", ast.Evaluate),
    ],
)
def test_statement(text: str, kind: type[ast.Node]) -> None:
    assert type(statement(text)) is kind


def test_spans_are_exact() -> None:
    assign = statement("x = (a + b) . c;")
    assert isinstance(assign, ast.Assign)
    assert assign.span.text == "x = (a + b) . c;"
    assert assign.value.span.text == "(a + b) . c"
    assert isinstance(assign.value, ast.Access)
    assert assign.value.base.span.text == "a + b"


def test_a_keyword_is_a_whole_word() -> None:
    with pytest.raises(Rejected):
        parse(Source("t", "driverEcho { }"))


def test_quotes() -> None:
    emit = statement('limit "a \\\\ b \\" c";')
    assert isinstance(emit, ast.Limit)
    assert emit.words == 'a \\ b " c'


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends(line_end: str) -> None:
    text = "driver D { // comment\n    queue Q : manual;\n}\n"
    tree = parse(Source("t", text.replace("\n", line_end)))
    assert tree.items == parse(Source("t", text)).items


@pytest.mark.parametrize("text", ["", "  \n", "// only a comment", "/* and\nanother */\n"])
def test_nothing(text: str) -> None:
    assert parse(Source("t", text)).items == ()


def outcome(text: str) -> tuple[list[str], ast.Text | None]:
    """The codes of the diagnostics, and the tree."""
    try:
        return [], parse(Source("t", text))
    except Rejected as error:
        return [diagnostic.code for diagnostic in error.diagnostics], None


@pytest.mark.parametrize("kind", ["(", "!", "-", "{", "if (a) ", "f(", "x ? y : ", "a + "])
def test_deep_nesting(kind: str) -> None:
    """A tree or a diagnostic, whatever the depth."""
    close = {"(": ")", "{": "}", "f(": ")"}.get(kind, "")
    for depth in (DEEPEST // 4, DEEPEST, 3_000, 30_000):
        inner = "" if kind == "{" else "x;" if kind == "if (a) " else "x"
        body = f"{kind * depth}{inner}{close * depth}"
        text = body if kind in ("{", "if (a) ") else f"x = {body};"
        codes, tree = outcome(f"driver D {{ callback F(Request) {{ {text} }} }}")
        assert tree is None or tree.levels <= DEEPEST
        assert codes in ([], ["WDF115"])
        assert tree or depth > DEEPEST // 4


def test_ten_thousand_lines() -> None:
    text = corpus()["tests/data/vhci.wdf"]
    text *= 10_000 // text.count("\n") + 1
    begin = time.process_time()
    parse(Source("t", text))
    assert time.process_time() - begin < 5
    with pytest.raises(Rejected) as error:
        parse(Source("t", text[:-3]))
    assert len(error.value.diagnostics) == 1
    assert time.process_time() - begin < 15


def test_every_symbol_of_the_grammar_has_words() -> None:
    machine = automaton()
    for terminal in machine.terminals:
        assert terminal in IGNORED or spelling(terminal)
    assert spelling(END)
    origins = {reduction.origin for reduction in machine.reductions}
    assert set(CONSTRUCTS) <= origins
    assert set(NAME_AFTER) <= set(machine.terminals)


def test_terminals_read_are_those_of_the_text() -> None:
    text = 'rule no-double-complete(r: request) "W." never complete(r) after complete(r);'
    read = [(terminal, text[start:end]) for _, terminal, start, end in automaton().read(text)]
    assert read[:3] == [("RULE", "rule"), ("RULE_NAME", "no-double-complete"), ("LPAR", "(")]
    with pytest.raises(Stuck):
        list(automaton().read(text[:-1]))


def test_texts_do_not_disturb_each_other() -> None:
    """The automaton is shared, and learns spellings; the order of the texts must not matter."""
    names = list(corpus())
    alone = {name: parse(Source(name, corpus()[name])) for name in names}
    Random(1).shuffle(names)
    assert all(parse(Source(name, corpus()[name])) == alone[name] for name in names)
