"""The parts of a text, as a tree, and what each of its words is, for colouring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wdfmc.editor.analysis import Known, in_library
from wdfmc.editor.index import Occurrence
from wdfmc.language import ast
from wdfmc.language.lalr import Token
from wdfmc.library import names_of
from wdfmc.semantics.uses import Role
from wdfmc.source import Span


@dataclass(frozen=True)
class Part:
    """A declaration. `kind`: in the words of the language; `name_span` lies inside `span`."""

    name: str
    detail: str
    kind: str
    span: Span
    name_span: Span
    parts: tuple[Part, ...] = ()


def outline(known: Known) -> list[Part]:
    return [part for item in known.tree.items for part in parts_of(item, known)]


def parts_of(item: ast.Item | ast.DriverItem, known: Known) -> Iterator[Part]:
    def part(name: str, detail: str, kind: str, parts: Sequence[Part] = (), node: ast.Node = item) -> Part:
        return Part(name, detail, kind, node.span, name_in(node, name, known), tuple(parts))

    match item:
        case ast.Driver(name, _, items):
            yield part(name, "driver", "driver", [inner for each in items for inner in parts_of(each, known)])
        case ast.Object(sort, name):
            yield part(name, sort, "object", [part(b.field, b.value.span.text, "field", (), b) for b in item.bindings])
        case ast.Context(sort, of, nodes):
            fields = [part(f.name, f.type.span.text, "field", (), f) for f in nodes]
            yield part(f"context {sort}", of or "", "context", fields)
        case ast.CallbackBody(name):
            yield part(name, "callback", "callback")
        case ast.Created(name):
            yield part(name, "created", "object")
        case ast.Expect(verdict, rule):
            yield part(rule, f"expect {verdict}", "rule")
        case ast.Sort(name, nodes):
            yield part(name, "sort", "sort", [part(f.name, f.type.span.text, "field", (), f) for f in nodes])
        case ast.Hardware() | ast.Environment():
            return
        case _:
            for name, kind in names_of(item):
                yield part(name, kind, kind)


def name_in(node: ast.Node, name: str, known: Known) -> Span:
    for word in known.spelling.of(node):
        if str(word.id if isinstance(word, ast.Name) else word) == name:
            return Span(node.span.source, word.start, word.end) if isinstance(word, Token) else word.span
    return Span(node.span.source, node.span.start, min(node.span.end, node.span.start + len(name)))


# ---------------------------------------------------------------- colours

COLOURS: Final = (
    "function", "method", "property", "variable", "parameter", "enumMember", "type", "enum", "event", "class",
    "decorator", "label", "macro",
)  # fmt: skip
SHADES: Final = ("declaration", "defaultLibrary")
COLOUR_OF: Final = {
    Role.LOCAL: "variable", Role.FIELD: "property", Role.VARIABLE: "property", Role.OBJECT: "variable",
    Role.POOL: "variable", Role.CALLBACK: "method", Role.DDI: "function", Role.HELPER: "function",
    Role.DEFINE: "function", Role.BUILT_IN: "function", Role.EVENT: "event", Role.STATUS: "enumMember",
    Role.OPTION: "macro", Role.MEMBER: "enumMember", Role.FLAG: "enumMember", Role.RULE: "decorator",
    Role.SORT: "type", Role.ENUM: "enum", Role.FLAGS: "enum", Role.VIEW: "type", Role.ALIAS: "type",
    Role.KIND: "property", Role.STEP: "function", Role.THREAD: "method", Role.DRIVER: "class", Role.STATE: "label",
}  # fmt: skip
OWN: Final = frozenset({Role.LOCAL, Role.VARIABLE, Role.OBJECT, Role.POOL, Role.CALLBACK, Role.DRIVER, Role.STATE})


def colours(known: Known) -> Iterator[tuple[Span, int, int]]:
    """Each word that is coloured, the number of its colour and the bits of its shades."""
    for one in known.index.occurrences:
        yield one.span, COLOURS.index(COLOUR_OF[one.thing.role]), shades(one, known)


def shades(one: Occurrence, known: Known) -> int:
    shipped = one.thing.role not in OWN and one.thing not in known.index.declared and in_library(one.thing) is not None
    return int(one.declares) | (2 if shipped or one.thing.role is Role.BUILT_IN else 0)
