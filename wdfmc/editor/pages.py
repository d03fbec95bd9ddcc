"""What is shown beside a name: what it is, in the words of the text that declares it. Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc import library
from wdfmc.editor.analysis import Analyst, Known
from wdfmc.editor.index import Occurrence
from wdfmc.language import ast
from wdfmc.language.lalr import automaton
from wdfmc.library import Entry, RuleInfo
from wdfmc.reports.manual import facts, listing, with_place
from wdfmc.reports.page import plain
from wdfmc.semantics.declarations import walk
from wdfmc.semantics.types import CallbackType, UnknownType
from wdfmc.semantics.uses import Role, Thing
from wdfmc.source import Span

BUILT_IN: Final = {
    "NT_SUCCESS": "`NT_SUCCESS(status)`: the status is no failure.",
    "maybe": '`maybe("words")`: a condition outside the model; both ways are explored, and the words are in the trace.',
    "active": "`active(q)`: a callback that the object hosts is unfinished.",
    "mine": "`mine(lock)`: the callback or thread that calls holds the lock.",
    "in": "`in(Kind, r)`: the caller is a callback of that kind for the request or object.",
    "empty": "`empty(S)`: nothing is in the set, the list or the queue.",
    "stored": "`stored(r)`: a variable, set, list, or a field of another request refers to the request.",
    "quiet": "`quiet()`: no callback and no thread of the driver is unfinished.",
    "running": "`running(Kind, r)`: a callback of that kind is unfinished for the request or object.",
    "count": "`count(x: sort, C)`: how many satisfy the condition.",
}
ENTRIES: Final = {
    Role.DDI: "DDI", Role.KIND: "callback", Role.STEP: "environment step", Role.RULE: "rule", Role.STATUS: "status",
    Role.SORT: "sort", Role.DEFINE: "definition", Role.HELPER: "helper", Role.EVENT: "event", Role.ENUM: "enumeration",
    Role.OPTION: "option of the environment", Role.FLAGS: "option set", Role.ALIAS: "kind of object",
    Role.VIEW: "view of a request", Role.THREAD: "thread of the framework",
}  # fmt: skip
WHOLE: Final = 24  # lines of a declaration that are shown


def page(one: Occurrence, known: Known, analyst: Analyst) -> str:
    """About the name at a place of a text."""
    thing = one.thing
    if thing.role is Role.BUILT_IN:
        return BUILT_IN[thing.name]
    declared = analyst.declaration(thing, known)
    if declared is None or declared.span.source.name.startswith(library.PREFIX):
        if found := entries_of(thing):
            return "\n\n---\n\n".join(map(entry_page, found))
    if declared is None:
        return f"`{thing.name}`: {thing.role}" + typed(one)
    return declaration_page(thing, declared, one, known, analyst)


def typed(one: Occurrence) -> str:
    return "" if one.type is None or isinstance(one.type, UnknownType) else f" of type `{one.type}`"


# ---------------------------------------------------------------- the library


def entries_of(thing: Thing) -> list[Entry]:
    kind = ENTRIES.get(thing.role)
    if thing.role is Role.MEMBER:
        kind = f"member of {thing.owner}"
    elif thing.role is Role.FLAG:
        kind = f"option of {thing.owner}"
    return [entry for entry in library.entries() if entry.name == thing.name and entry.kind == kind]


def entry_page(entry: Entry) -> str:
    parts = [f"**{entry.name}**: {entry.kind}"]
    if isinstance(entry.item, ast.Rule):
        parts += rule_parts(next(rule for rule in library.rules() if rule.name == entry.name))
    elif isinstance(entry.item, ast.Unchecked):
        parts.append(entry.item.sentence)
    rows = [f"- {label}: {words}" for label, words in facts(entry) if words]
    if rows:
        parts.append("\n".join(rows))
    return "\n\n".join([*parts, fenced(entry.span.text), f"*{with_place(entry.item.span)}*"])


def rule_parts(rule: RuleInfo) -> Iterator[str]:
    yield rule.sentence
    if rule.symptom:
        yield f"Symptom: {rule.symptom}"
    if rule.covers:
        yield f"Covers {', '.join(rule.covers)}."
    if not rule.default:
        yield "Checked only when it is named."


def fenced(text: str) -> str:
    lines = [line[4:] for line in plain(listing(text)).rstrip("\n").split("\n")]
    if len(lines) > WHOLE:
        lines = [*lines[:WHOLE], "// ..."]
    return "\n".join(["```wdf", *lines, "```"])


# ---------------------------------------------------------------- what a text declares


def declaration_page(thing: Thing, declared: Occurrence, one: Occurrence, known: Known, analyst: Analyst) -> str:
    shown = declared if declared.type is not None else one
    parts = []
    if thing.role in (Role.LOCAL, Role.FIELD, Role.VARIABLE) and shown.type is not None:
        owner = f"{thing.owner}." if thing.role is Role.FIELD else ""
        parts.append(fenced(f"{owner}{thing.name} : {shown.type}"))
    else:
        parts.append(fenced(head(declared, known)))
    parts.append(str(thing.role) + (f" of {thing.owner}" if thing.role is Role.FIELD else ""))
    if thing.role is Role.CALLBACK and (kinds := known.tables.callback_kinds.get(thing.name)):
        parts[-1] += ", called as " + ", ".join(f"`{kind}`" for kind in dict.fromkeys(kinds))
    if comment := comment_at(declared.span):
        parts.append(comment)
    if declared.span.source is not known.tree.source:
        parts.append(f"*{with_place(declared.span)}*")
    if isinstance(declared.type, CallbackType):
        kind = Thing(Role.KIND, declared.type.kind)
        parts += [entry_page(entry) for entry in entries_of(kind)]
    return "\n\n".join(parts)


def head(declared: Occurrence, known: Known) -> str:
    """The declaration without its body."""
    inside = [
        node
        for node in walk(known.tree.items)
        if isinstance(node, DECLARING) and node.span.start <= declared.span.start < node.span.end
    ]
    if declared.span.source is not known.tree.source or not inside:
        return declared.span.source.line(declared.span.line).strip()
    node = min(inside, key=lambda node: node.span.end - node.span.start)
    body = getattr(node, "body", None)
    if isinstance(body, ast.Block):
        return Span(node.span.source, node.span.start, body.span.start).text.strip()
    return node.span.text


DECLARING: Final = (
    ast.Object, ast.CallbackBody, ast.Helper, ast.Ddi, ast.Define, ast.Created, ast.Thread, ast.Step, ast.Rule,
    ast.Ghost, ast.EnumDeclaration, ast.FlagsDeclaration, ast.StatusDeclaration, ast.OptionDeclaration, ast.View,
    ast.Alias, ast.CallbackKind, ast.MonitorState,
)  # fmt: skip


def comment_at(span: Span) -> str:
    """The `//` comment behind the line of a declaration, or right above it."""
    source, number = span.source, span.line
    line = source.line(number)
    lexemes = automaton().lexemes(line)
    behind = line[lexemes[-1].end :].strip() if lexemes else ""
    if behind.startswith("//"):
        return behind.removeprefix("//").strip()
    above: list[str] = []
    while (text := source.line(number - 1).strip()).startswith("//"):
        above.insert(0, text.removeprefix("//").strip())
        number -= 1
    return " ".join(above)
