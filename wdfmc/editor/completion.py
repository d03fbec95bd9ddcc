"""What can be written at a place: names that mean something there, words of the language, arguments of a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from wdfmc import library
from wdfmc.editor.analysis import Analyst, Known
from wdfmc.editor.cursor import Cursor, cursor_at
from wdfmc.editor.pages import BUILT_IN
from wdfmc.language import ast
from wdfmc.language.expected import EXPRESSIONS, keywords
from wdfmc.semantics import typed
from wdfmc.semantics.check import BEHAVIOURS, VERDICTS
from wdfmc.semantics.declarations import Tables
from wdfmc.semantics.types import CallbackType, EnumType, FlagsType, RefType, StatusType, Type, UnknownType, fits
from wdfmc.semantics.uses import Role
from wdfmc.source import Source

# Of the protocol's kinds of completion items.
FUNCTION, FIELD, VARIABLE, CLASS, EVENT, KEYWORD, MEMBER, CONSTANT, REFERENCE = 3, 5, 6, 7, 23, 14, 20, 21, 18
LOCAL, FITTING, NEAR, KNOWN, WORD = range(
    5
)  # ranks: what is wanted here, the driver's own, the library's, the language's


@dataclass(frozen=True, slots=True)
class Offer:
    name: str
    kind: int
    detail: str = ""
    words: str = ""
    rank: int = KNOWN


@dataclass(frozen=True)
class Scope:
    """What is known at the cursor: the tables of the text, and the types of locals."""

    cursor: Cursor
    tables: Tables
    locals: Mapping[str, Type | None]
    text: str  # driver, framework or rule
    rules: tuple[str, ...]  # that the text itself declares

    def type_of(self, path: Iterable[str]) -> Type | None:
        """Of `a.b`."""
        found: Type | None = None
        for at, name in enumerate(path):
            if at == 0:
                found = self.variable(name)
            elif isinstance(found, RefType) and found.sort in self.tables.sorts:
                declared = self.tables.sorts[found.sort].fields.get(name)
                found = declared.type if declared else None
            else:
                return None
        return found

    def variable(self, name: str) -> Type | None:
        if name in self.locals:
            return self.locals[name]
        if name in self.tables.contexts:
            return self.tables.contexts[name][2].type
        if name in self.tables.objects:
            sort = self.tables.objects[name].sort
            return RefType(sort, False, sort)
        return None


def offers(source: Source, offset: int, good: Known | None, analyst: Analyst) -> tuple[list[Offer], int]:
    """What can be written, and where the word begins that it replaces.

    Args:
        good: of the text when it could last be read.
    """
    cursor = cursor_at(source, offset)
    if cursor is None:
        return [], offset
    scope = scope_at(cursor, good, analyst)
    found = {offer.name: offer for offer in (*words_here(cursor), *names_here(scope))}
    return list(found.values()), cursor.start


def scope_at(cursor: Cursor, good: Known | None, analyst: Analyst) -> Scope:
    healed = cursor.healed()
    known = analyst.analysis(healed).known if healed else None
    shown = known or good
    tables = shown.tables if shown else analyst.base(()).tables
    locals = locals_at(cursor, shown, exact=known is not None) if shown else {}
    rules = [thing.name for thing in shown.index.declared if thing.role is Role.RULE] if shown else []
    return Scope(cursor, tables, locals, text_at(cursor), tuple(rules))


def text_at(cursor: Cursor) -> str:
    """Whether a driver, a rule or the framework is being written."""
    outermost = (cursor.heads[-1] if cursor.heads else cursor.element) or cursor.element
    first = outermost[0].terminal if outermost else ""
    return {"DRIVER": "driver", "RULE": "rule", "MONITOR": "rule"}.get(first, "framework")


def locals_at(cursor: Cursor, known: Known, exact: bool) -> dict[str, Type | None]:
    """Names of the item that the cursor is in. Without `exact`, `known` is of an older text: by the item's name."""
    items = [item for each in known.tree.items for item in (each.items if isinstance(each, ast.Driver) else (each,))]
    if exact:
        inside = [item for item in items if item.span.start <= cursor.start <= item.span.end]
    else:
        heads = cursor.heads[-2:] if cursor.heads else (cursor.element,)
        written = {read.text for head in heads for read in head if read.terminal in ("NAME", "RULE_NAME")}
        inside = [item for item in items if getattr(item, "name", None) in written]
    found: dict[str, Type | None] = {}
    for item in inside[:1]:
        for one in known.index.occurrences:
            if one.thing.role is Role.LOCAL and item.span.start <= one.span.start < item.span.end:
                if one.span.start != cursor.start or not exact:
                    found[one.thing.name] = one.type or found.get(one.thing.name)
    return found


# ---------------------------------------------------------------- words of the language


def words_here(cursor: Cursor) -> Iterator[Offer]:
    for terminal in cursor.acceptable:
        for word in keywords(terminal):
            yield Offer(word, KEYWORD, rank=WORD)


# ---------------------------------------------------------------- names


def names_here(scope: Scope) -> Iterator[Offer]:
    cursor = scope.cursor
    last = cursor.last(1)[0] if cursor.before else ""
    begins = cursor.begins()
    head = cursor.heads[0] if cursor.heads else ()
    if last in ("RULE", "MONITOR", "DRIVER", "CALLBACK", "HELPER", "DEFINE", "DDI", "SORT", "GHOST", "ENUM", "STATUS"):
        return  # a new name
    if last == "DOT":
        yield from fields(scope)
    elif last == "EXPECT":
        yield from (Offer(word, KEYWORD, rank=FITTING) for word in VERDICTS)
    elif last == "TARGET":
        yield from (Offer(word, MEMBER, rank=FITTING) for word in BEHAVIOURS)
    elif last == "HAS":
        yield from (Offer(name, MEMBER, kind) for kind, names in scope.tables.flags.items() for name in names)
    elif last == "EMIT":
        yield from events(scope)
    elif "RULE_NAME" in cursor.acceptable:
        yield from rules(scope)
    elif cursor.element and cursor.element[0].terminal == "META_NAMES":
        yield from (Offer(word, MEMBER, "assumption") for word in (*BEHAVIOURS, *scope.tables.options))
    elif head and head[0].terminal == "ENVIRONMENT" and "expr" not in begins and "statement" not in begins:
        yield from settings(scope)
    elif "binding" in begins:
        yield from bindings(scope, head)
    elif begins & {"word", "value"}:
        yield from words_of_object(scope, cursor.element)
    elif "driver_item" in begins:
        yield from kinds_of_objects(scope)
    elif "type" in begins or (last in ("COLON", "OF") and not begins & EXPRESSIONS):
        yield from types(scope)
    elif begins & EXPRESSIONS or begins & {"statement", "expr"}:
        yield from expressions(scope)


def fields(scope: Scope) -> Iterator[Offer]:
    path = scope.cursor.path()
    kind = scope.type_of(path)
    if not isinstance(kind, RefType) or kind.sort not in scope.tables.sorts:
        return
    found = dict(scope.tables.sorts[kind.sort].fields)
    if len(path) == 1 and path[0] in scope.tables.objects and path[0] not in scope.locals:
        found |= scope.tables.objects[path[0]].fields
    for name, declared in found.items():
        if name.isidentifier() and (declared.driver or scope.text != "driver"):
            yield Offer(name, FIELD, str(declared.type), rank=FITTING)


def events(scope: Scope) -> Iterator[Offer]:
    for name, parameters in scope.tables.events.items():
        yield Offer(name, EVENT, f"{name}({', '.join(p.name for p in parameters)})")


def rules(scope: Scope) -> Iterator[Offer]:
    for rule in library.rules():
        yield Offer(rule.name, REFERENCE, rule.group, rule.sentence, rank=FITTING)
    for name in scope.rules:
        yield Offer(name, REFERENCE, "of this text", rank=FITTING)


def settings(scope: Scope) -> Iterator[Offer]:
    """`power on;`, `target Lower silent;`"""
    written = [read.text for read in scope.cursor.element]
    if not written:
        yield Offer("target", KEYWORD, rank=FITTING)
        for name, (kind, value) in scope.tables.options.items():
            yield Offer(name, MEMBER, f"{', '.join(kind.members)}; {value} if nothing is said", rank=FITTING)
    elif written[0] == "target":
        yield from (Offer(word, MEMBER, rank=FITTING) for word in BEHAVIOURS)
        if len(written) == 1:
            targets = (name for name, item in scope.tables.objects.items() if item.sort == "target")
            yield from (Offer(name, VARIABLE, "target", rank=NEAR) for name in targets)
    elif written[0] in scope.tables.options:
        members = scope.tables.options[written[0]][0].members
        yield from (Offer(word, MEMBER, rank=FITTING) for word in members)


def bindings(scope: Scope, head: tuple[object, ...]) -> Iterator[Offer]:
    """The events of a `queue Reads { ... }`, or of `context request { ... }`."""
    sort = sort_named(scope, scope.cursor.heads[0])
    for field in constants(scope, sort):
        if isinstance(field.type, CallbackType):
            yield Offer(field.name, EVENT, f"callback of a {sort}", rank=FITTING)


def sort_named(scope: Scope, head: Iterable[object]) -> str:
    """The sort of the object, or of the context, at whose beginning we are."""
    names = [read.text for read in scope.cursor.heads[0] if read.terminal == "NAME"]
    return scope.tables.object_sort(names[0]) if names else ""


def constants(scope: Scope, sort: str) -> Iterator[typed.Field]:
    found = scope.tables.sorts.get(sort)
    yield from (field for field in (found.fields.values() if found else ()) if field.mode == "const")


def words_of_object(scope: Scope, element: Iterable[object]) -> Iterator[Offer]:
    """`queue Reads : parallel, limit 2`"""
    names = [read for read in scope.cursor.element if read.terminal == "NAME"]
    sort = scope.tables.object_sort(names[0].text) if names else ""
    before = scope.cursor.before[-1]
    for field in constants(scope, sort):
        if before.terminal == "NAME":  # a value of the word before
            if field.name == before.text and isinstance(field.type, EnumType):
                yield from (Offer(word, MEMBER, rank=FITTING) for word in field.type.members)
            elif field.name == before.text and isinstance(field.type, RefType):
                yield from objects(scope, field.type.sort)
        elif isinstance(field.type, EnumType):
            yield from (Offer(word, MEMBER, f"{field.name} of a {sort}", rank=FITTING) for word in field.type.members)
        if before.terminal != "NAME" and not isinstance(field.type, CallbackType):
            yield Offer(field.name, FIELD, str(field.type), rank=FITTING)


def objects(scope: Scope, sort: str) -> Iterator[Offer]:
    for name, item in scope.tables.objects.items():
        if item.sort == sort and name.isidentifier():
            yield Offer(name, VARIABLE, sort, rank=FITTING)


def kinds_of_objects(scope: Scope) -> Iterator[Offer]:
    for name, sort in scope.tables.sorts.items():
        if not sort.dynamic:
            yield Offer(name, CLASS, "declares an object", rank=NEAR)
    yield from (
        Offer(name, CLASS, f"declares a {alias.sort}", rank=NEAR) for name, alias in scope.tables.aliases.items()
    )


def types(scope: Scope) -> Iterator[Offer]:
    tables = scope.tables
    simple = ("bool", "NTSTATUS", "set", "list") if scope.cursor.begins() else ()
    for name in (*simple, *tables.sorts, *tables.aliases, *tables.views, *tables.enums, *tables.flags):
        yield Offer(name, CLASS, rank=FITTING if name in simple or name == "request" else KNOWN)


def expressions(scope: Scope) -> Iterator[Offer]:
    tables = scope.tables
    wanted = wanted_type(scope)
    for name, kind in scope.locals.items():
        yield Offer(name, VARIABLE, str(kind or ""), rank=LOCAL if wanted is None or fitting(kind, wanted) else NEAR)
    if scope.text != "framework":
        for name, (_, _, field) in tables.contexts.items():
            yield Offer(name, FIELD, str(field.type), rank=NEAR)
    for name, item in tables.objects.items():
        fits = isinstance(wanted, RefType) and wanted.sort == item.sort
        if name.isidentifier():
            yield Offer(name, VARIABLE, item.sort, rank=FITTING if fits else NEAR)
    for name in tables.callbacks:
        yield Offer(name, FUNCTION, "callback", rank=FITTING if isinstance(wanted, CallbackType) else KNOWN)
    for name in tables.statuses:
        yield Offer(name, CONSTANT, "NTSTATUS", rank=FITTING if isinstance(wanted, StatusType) else KNOWN)
    if isinstance(wanted, FlagsType):
        yield from (Offer(name, MEMBER, wanted.name, rank=FITTING) for name in tables.flags[wanted.name])
    if isinstance(wanted, EnumType):
        yield from (Offer(name, MEMBER, str(wanted), rank=FITTING) for name in wanted.members)
    for name, routine in tables.routines.items():
        if name.isidentifier() and (scope.text != "rule"):
            detail, words = library_calls().get(name) or about(routine)
            yield Offer(name, FUNCTION, detail, words, KNOWN if isinstance(routine, ast.Ddi) else NEAR)
    for name, define in tables.defines.items():
        own = tables.define_text.get(name)
        if own == scope.text or scope.text == "framework":
            yield Offer(name, FUNCTION, label_of(name, define.parameters, None)[0], rank=NEAR)
    if scope.text == "rule":
        yield from events(scope)
    yield from (Offer(name, FUNCTION, words=words) for name, words in BUILT_IN.items())


def fitting(kind: Type | None, wanted: Type) -> bool:
    return kind is not None and fits(kind, wanted) and not isinstance(kind, UnknownType)


def wanted_type(scope: Scope) -> Type | None:
    """What fits best here: as an argument of a call, as the value of a binding, beside a comparison or `=`."""
    element = scope.cursor.element
    if scope.cursor.call is not None:
        name, at = scope.cursor.call
        if name == "NT_SUCCESS":
            return StatusType()
        routine = scope.tables.routines.get(name)
        if routine is not None and at < len(routine.parameters) and element[-1].terminal in ("LPAR", "COMMA"):
            declared = routine.parameters[at].type
            return quietly(scope.tables, declared) if declared else None
    if len(element) >= 2 and element[-1].terminal in ("COMPARE", "EQUAL") and element[-2].terminal == "NAME":
        if element[-1].terminal == "EQUAL" and len(element) == 2 and element[0].text not in scope.locals:
            head = scope.cursor.heads[0] if scope.cursor.heads else ()
            if head and "statement" not in scope.cursor.begins() and element[0].text in scope.tables.kinds:
                return CallbackType(element[0].text, True)
        return scope.type_of([element[-2].text])
    return None


def quietly(tables: Tables, node: ast.Type) -> Type:
    """The type that a tree stands for; its mistakes are told elsewhere."""
    before = len(tables.diagnostics)
    found = tables.type_of(node)
    del tables.diagnostics[before:]
    return found


# ---------------------------------------------------------------- calls


@dataclass(frozen=True)
class Signature:
    """`places`: of each parameter in the label; `active`: the one that is being written."""

    label: str
    places: tuple[tuple[int, int], ...]
    active: int


def signature_at(source: Source, offset: int, good: Known | None) -> Signature | None:
    """Of the call whose arguments are being written."""
    cursor = cursor_at(source, offset)
    if cursor is None or cursor.call is None:
        return None
    name, at = cursor.call
    tables = good.tables if good else None
    routine = (tables.routines.get(name) or tables.defines.get(name)) if tables else library_routines().get(name)
    if routine is None:
        return None
    result = None if isinstance(routine, ast.Define) else routine.result
    label, places = label_of(name, routine.parameters, result)
    return Signature(label, places, at)


@cache
def library_routines() -> Mapping[str, ast.Ddi | ast.Helper]:
    return {entry.name: entry.item for entry in library.entries() if isinstance(entry.item, ast.Ddi | ast.Helper)}


def label_of(
    name: str, parameters: Iterable[ast.Parameter], result: ast.Type | None
) -> tuple[str, tuple[tuple[int, int], ...]]:
    label = name + "("
    places: list[tuple[int, int]] = []
    for parameter in parameters:
        label += ", " if places else ""
        mark = "" if parameter.mode == "in" else "&"
        words = mark + parameter.name + (f": {parameter.type.span.text}" if parameter.type else "")
        places.append((len(label), len(label) + len(words)))
        label += words
    return label + ")" + (f" -> {result.span.text}" if result else ""), tuple(places)


@cache
def library_calls() -> Mapping[str, tuple[str, str]]:
    return {name: about(routine) for name, routine in library_routines().items()}


def about(routine: ast.Ddi | ast.Helper) -> tuple[str, str]:
    """How it is called, and the comment before it."""
    label, _ = label_of(routine.name, routine.parameters, routine.result)
    comment = library.with_comment(routine.span).text.removesuffix(routine.span.text)
    return label, " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines()).strip()
