"""`wdfmc rules` and `wdfmc explain`: the library, and the catalogue of diagnostics, as pages for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Final

from wdfmc.language import ast
from wdfmc.library import Entry, RuleInfo, entries, rules
from wdfmc.reports.page import Line, Look, padded, paragraph, printable
from wdfmc.semantics.check import BEHAVIOURS
from wdfmc.source import Span

if TYPE_CHECKING:
    from wdfmc.catalogue import Explanation

INDENT: Final = "  "
LABEL: Final = 11  # columns of `source     `, `returns    ` ...
FAILURE: Final = 0x80000000  # the high bit of an NTSTATUS


def rule_lines(rule: RuleInfo, look: Look) -> list[Line]:
    behaviour = next((word for word in rule.assuming if word in BEHAVIOURS), None)
    rows = [
        ("covers", ", ".join(rule.covers)),
        ("assuming", ", ".join(word for word in rule.assuming if word not in BEHAVIOURS)),
        ("target", f"{behaviour}, unless the driver or --target says otherwise" if behaviour else ""),
        ("symptom", rule.symptom or ""),
        ("trigger", rule.trigger or ""),
        ("default", "" if rule.default else "off: checked only when named by --rule or used by a bundle"),
    ]
    return [
        *heading(rule.name, "rule", with_place(rule.span), look),
        *paragraph(INDENT, rule.sentence, look.width),
        (),
        *listing(rule.span.text),
        (),
        *labelled(rows, look),
    ]


def entry_lines(entry: Entry, look: Look) -> list[Line]:
    """What the library says about a name: its own text, and what follows from it."""
    if isinstance(entry.item, ast.Rule):
        return rule_lines(next(rule for rule in rules() if rule.name == entry.name), look)
    lines = [*heading(entry.name, entry.kind, with_place(entry.span), look), *listing(entry.span.text)]
    rows = list(facts(entry))
    return [*lines, (), *labelled(rows, look)] if rows else lines


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    match entry.item:
        case ast.Ddi() as ddi:
            yield "source", "; ".join(ddi.sources)
            yield "returns", ", ".join(outcomes(ddi))
            yield "level", ", ".join(one_line(clause.value.span.text) for clause in ddi.levels)
            yield (
                "runs",
                ", ".join(dict.fromkeys(n.callback.span.text for n in walk(ddi.body) if isinstance(n, ast.Start))),
            )
            for clause in [*ddi.requires, *(node for node in walk(ddi.body) if isinstance(node, ast.Requires))]:
                yield "breaks", f"{clause.rule}, unless {one_line(clause.condition.span.text)}"
        case ast.StatusDeclaration(name=name, value=value):
            yield "value", f"0x{value:08X}, NT_SUCCESS is {'false' if value & FAILURE else 'true'}"
            yield "given by", ", ".join(ddi.name for ddi in ddis() if name in outcomes(ddi))
        case ast.CallbackKind(role=role, sort=sort, names=names):
            others = [name for name in names if name != entry.name]
            yield "role", f"{role} of {sort}" + (f", as {', '.join(others)}" if others else "")
            yield "bound by", ", ".join(binders(entry.name))
        case _:
            return


def ddis() -> Iterator[ast.Ddi]:
    return (entry.item for entry in entries() if isinstance(entry.item, ast.Ddi))


def worded(word: str) -> list[str]:
    """The sorts whose declarations may say this word."""
    return [
        entry.name
        for entry in entries()
        if isinstance(entry.item, ast.Sort)
        and any(
            field.name == word or (isinstance(field.type, ast.EnumType) and word in {n.id for n in field.type.members})
            for field in entry.item.fields
            if field.mode == "const"
        )
    ]


def binders(kind: str) -> Iterator[str]:
    """The objects and the DDIs that take a callback of this kind."""
    for entry in entries():
        match entry.item:
            case ast.Sort(name=name, fields=declared):
                if any(
                    isinstance(f.type, ast.NamedType) and f.type.name == kind for f in declared if f.mode == "const"
                ):
                    yield name
            case ast.Ddi(name=name, parameters=parameters):
                if any(isinstance(p.type, ast.NamedType) and p.type.name == kind for p in parameters):
                    yield name


def outcomes(ddi: ast.Ddi) -> list[str]:
    """What a call can return, as written in its body, each once."""
    values = (node.value for node in walk(ddi.body) if isinstance(node, ast.Return))
    return list(dict.fromkeys(one_line(value.span.text) for value in values if value is not None))


def walk(node: object) -> Iterator[ast.Node]:
    """A node and all below it, in the order of the text."""
    if isinstance(node, tuple):
        for part in node:
            yield from walk(part)
    elif isinstance(node, ast.Node) and is_dataclass(node):
        yield node
        for field in fields(node):
            if field.name != "span":
                yield from walk(getattr(node, field.name))


def explanation_lines(code: str, explanation: Explanation, look: Look) -> list[Line]:
    """More about a diagnostic, with a text that is wrong and the same text put right."""
    lines: list[Line] = [((f"{code}: {explanation.title}", "bold"),), ()]
    for part in explanation.text.split("\n\n"):
        lines += [*paragraph(INDENT, part, look.width), ()]
    for title, text in (("wrong", explanation.wrong), ("right", explanation.right)):
        if text:
            lines += [((f"{INDENT}{title}:", "bold"),), *listing(text), ()]
    return lines[:-1]


def heading(name: str, kind: str, where: str, look: Look) -> list[Line]:
    first, *rest = paragraph("", f"{name}: {kind} ({where})", look.width, "bold")
    return [first, *rest, ()]


def with_place(span: Span) -> str:
    return f"{span.source.name}:{span.line}"


def listing(text: str) -> list[Line]:
    """Text of the language as written, indented; comments are dim."""
    lines = text.strip("\n").split("\n")
    shared = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    if len(lines) > 1 and not lines[0].startswith(" "):
        shared = min(shared, len(lines[0]) - len(lines[0].lstrip()))
    return [
        ((INDENT * 2 + printable(line[shared:]).rstrip(), "dim" if line.lstrip().startswith("//") else ""),)
        for line in lines
    ]


def labelled(rows: Iterable[tuple[str, str]], look: Look) -> list[Line]:
    """Rows of a label and its words; a label that comes again is left out."""
    lines: list[Line] = []
    before = ""
    for label, words in rows:
        if not words:
            continue
        shown = "" if label == before else label
        lines += paragraph(INDENT + padded(shown, LABEL), words, look.width)
        before = label
    return lines


def one_line(text: str) -> str:
    return " ".join(text.split())
