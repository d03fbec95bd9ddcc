"""What each name in a text stands for, and where it is declared.

Names in expressions are those that the checker resolved (`semantics.uses`); names of declarations, types, objects,
rules and the like are found by their place in the tree. Nothing is looked for by its spelling alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from wdfmc.language import ast
from wdfmc.language.lalr import Token
from wdfmc.language.parse import Spelling
from wdfmc.parts import part_names
from wdfmc.semantics.check import BEHAVIOURS
from wdfmc.semantics.declarations import Tables, numbered
from wdfmc.semantics.types import EnumType, Type
from wdfmc.semantics.uses import Role, Thing
from wdfmc.source import Span

Word: TypeAlias = Token | ast.Name
TYPES: tuple[Role, ...] = (Role.SORT, Role.ALIAS, Role.ENUM, Role.FLAGS, Role.VIEW, Role.KIND)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name at a place. `declares`: it is the one that says what the name is."""

    span: Span
    thing: Thing
    declares: bool
    type: Type | None


@dataclass(frozen=True)
class Index:
    """The occurrences of a text in their order, none inside another one."""

    occurrences: tuple[Occurrence, ...]

    @cached_property
    def starts(self) -> list[int]:
        return [one.span.start for one in self.occurrences]

    @cached_property
    def declared(self) -> Mapping[Thing, Occurrence]:
        found: dict[Thing, Occurrence] = {}
        for one in self.occurrences:
            if one.declares:
                found.setdefault(one.thing, one)
        return found

    def at(self, offset: int) -> Occurrence | None:
        """The name that an offset is in, or right behind."""
        before = bisect_right(self.starts, offset) - 1
        if before >= 0 and offset <= self.occurrences[before].span.end:
            return self.occurrences[before]
        return None

    def of(self, thing: Thing) -> tuple[Occurrence, ...]:
        return tuple(one for one in self.occurrences if one.thing == thing)


@dataclass(frozen=True, slots=True)
class Within:
    """The part of a text in which names are known: a body, or what a variable is bound in.

    names: what is known only here, and in the parts inside.
    base: where the body begins: its other locals belong to that.
    """

    base: int
    names: Mapping[str, Thing]
    driver: str = ""

    def local(self, name: str) -> Thing:
        return self.names.get(name) or Thing(Role.LOCAL, name, str(self.base))

    def binding(self, name: str, at: int) -> Within:
        return Within(self.base, {**self.names, name: Thing(Role.LOCAL, name, str(at))}, self.driver)


def index_of(spelling: Spelling, tables: Tables) -> Index:
    """`tables`: of the text, after it was examined; of a text that is right by itself, those of the library."""
    reader = Reader(spelling, tables)
    top = Within(-1, {})
    for item in spelling.tree.items:
        reader.item(item, top)
    return Index(tuple(ordered(reader.found.values())))


def ordered(found: Iterable[Occurrence]) -> Iterator[Occurrence]:
    """By place; the first occurrence of a local is where it is declared."""
    seen: set[Thing] = set()
    declared = {one.thing for one in found if one.declares}
    for one in sorted(found, key=lambda one: one.span.start):
        new = one.thing.role is Role.LOCAL and one.thing not in seen and one.thing not in declared
        seen.add(one.thing)
        yield Occurrence(one.span, one.thing, True, one.type) if new else one


@dataclass
class Reader:
    """Goes through a tree and collects the names of it."""

    spelling: Spelling
    tables: Tables
    found: dict[int, Occurrence] = field(default_factory=dict)

    # ------------------------------------------------------------ one name

    def add(
        self, word: Word | Span | None, thing: Thing | None, declares: bool = False, type: Type | None = None
    ) -> None:
        if word is None or thing is None:
            return
        source = self.spelling.tree.source
        span = word if isinstance(word, Span) else word.span if isinstance(word, ast.Name) else None
        if span is None:
            assert isinstance(word, Token)
            span = Span(source, word.start, word.end)
        if span.source is source:
            self.found[span.start] = Occurrence(span, thing, declares, type)

    def noted(self, span: Span) -> tuple[Thing, Type] | None:
        return self.tables.uses.names.get((span.start, span.end)) if self.tables.uses else None

    def resolved(self, key: Span, word: Word | Span, within: Within) -> None:
        """A name that the checker has resolved."""
        noted = self.noted(key)
        if noted is not None:
            thing, type = noted
            if thing.role is Role.LOCAL:
                thing = within.local(thing.name)
            elif thing.role is Role.OBJECT:
                thing = self.object_named(thing.name)
            self.add(word, thing, type=type)
        elif isinstance(word, ast.Name):  # in an expression that was not reached
            self.add(word, within.names.get(word.id) or self.named(word.id))

    def named(self, name: str, *roles: Role) -> Thing | None:
        """What is known by a name in the whole text; the first of the roles, if there are several."""
        tables = self.tables
        known: dict[Role, object] = {
            Role.OBJECT: tables.objects, Role.CALLBACK: tables.callbacks, Role.VARIABLE: tables.contexts,
            Role.DDI: {n for n, r in tables.routines.items() if isinstance(r, ast.Ddi)} if Role.DDI in roles else (),
            Role.HELPER: tables.routines, Role.DEFINE: tables.defines, Role.EVENT: tables.events,
            Role.STATUS: tables.statuses, Role.OPTION: tables.options, Role.SORT: tables.sorts,
            Role.ALIAS: tables.aliases, Role.ENUM: tables.enums, Role.FLAGS: tables.flags, Role.VIEW: tables.views,
            Role.KIND: tables.kinds, Role.POOL: {pool.name for pool in tables.pools},
        }  # fmt: skip
        for role in roles or (Role.VARIABLE, Role.OBJECT, Role.CALLBACK, Role.OPTION, Role.STATUS):
            if name in known[role]:  # type: ignore[operator]
                return self.object_named(name) if role is Role.OBJECT else Thing(role, name)
        return None

    def object_named(self, name: str) -> Thing:
        """`Handle2` is one of those that `file Handle[2];` declares."""
        return Thing(Role.OBJECT, self.families.get(name, name))

    @cached_property
    def families(self) -> Mapping[str, str]:
        drivers = [item for item in self.spelling.tree.items if isinstance(item, ast.Driver)]
        objects = [item for driver in drivers for item in driver.items if isinstance(item, ast.Object)]
        return {name: node.name for node in objects for name in numbered(node)}

    def words(self, node: ast.Node) -> tuple[Word, ...]:
        return self.spelling.of(node)

    def tokens(self, node: ast.Node) -> list[Token]:
        return [word for word in self.words(node) if isinstance(word, Token)]

    def declare(self, node: ast.Node, at: int, role: Role, owner: str = "") -> None:
        words = self.words(node)
        if at < len(words):
            self.add(words[at], Thing(role, text_of(words[at]), owner), declares=True)

    # ------------------------------------------------------------ declarations

    def item(self, node: ast.Item | ast.DriverItem, within: Within) -> None:
        inside = Within(node.span.start, within.names, within.driver)
        match node:
            case ast.Driver(name, _, items):
                self.declare(node, 0, Role.DRIVER)
                for item in items:
                    self.item(item, Within(-1, {}, name))
            case ast.Object():
                self.object_of_driver(node, within)
            case ast.Context():
                self.context(node, inside)
            case ast.CallbackBody(_, parameters, body):
                self.declare(node, -1, Role.CALLBACK)
                self.part((body,), self.with_parameters(parameters, inside))
            case ast.Helper(_, parameters, result, body) | ast.Ddi(_, parameters, result, body=body):
                self.declare(node, 0, Role.DDI if isinstance(node, ast.Ddi) else Role.HELPER)
                known = self.with_parameters(parameters, inside)
                more = (node.requires, node.levels) if isinstance(node, ast.Ddi) else ()
                self.part((result, *more, body), known)
            case ast.Define(_, parameters, body):
                self.declare(node, 0, Role.DEFINE)
                self.part((body,), self.with_parameters(parameters, inside))
            case ast.Step(_, parameters, when, fair, body):
                self.declare(node, 0, Role.STEP)
                self.part((when, fair, body), self.with_parameters(parameters, inside))
            case ast.Loop(variable, _, fair, lines):
                tokens = self.tokens(node)
                known = self.bound(tokens[0], inside)
                self.add(tokens[1], self.named(str(tokens[1]), *TYPES))
                self.part((fair,), known)
                for line in lines:
                    self.declare(line, 0, Role.STEP)
                    base = Within(line.span.start, known.names)
                    self.part((line.when, line.fair, line.body), self.with_parameters(line.parameters, base))
            case ast.Thread(_, variable, _, _, when, body):
                self.declare(node, 0, Role.THREAD)
                known = inside
                if variable is not None:
                    tokens = self.tokens(node)
                    known = self.bound(tokens[1], inside)
                    self.add(tokens[2], self.named(str(tokens[2]), *TYPES))
                self.part((when, body), known)
            case ast.Rule():
                self.rule(node, inside)
            case ast.CallbackKind():
                self.kind(node, inside)
            case ast.Created():
                self.declare(node, 0, Role.POOL)
                self.named_word(node, -1, *TYPES)
            case ast.Hardware(_, condition):
                self.named_word(node, 0, Role.OBJECT)
                self.part((condition,), inside)
            case ast.Environment(settings):
                for setting in settings:
                    self.setting(setting)
            case ast.Expect() | ast.Use():
                for word in self.words(node):
                    if isinstance(word, ast.Name):
                        self.add(word, Thing(Role.RULE, word.id))
            case ast.Stack():
                for word in self.words(node):
                    self.add(word, Thing(Role.DRIVER, text_of(word)))
            case ast.Unchecked():
                self.declare(node, 0, Role.RULE)
            case _:
                self.type_item(node, inside)

    def type_item(self, node: ast.Item, within: Within) -> None:
        """What declares sorts, types, events and the like."""
        words = self.words(node)
        match node:
            case ast.Sort(name, fields):
                name_word = next(word for word in words if text_of(word) == name)
                self.add(name_word, Thing(Role.SORT, name), declares=True)
                self.fields(fields, Role.FIELD, name, within)
            case ast.EnumDeclaration(name, members):
                self.declare(node, 0, Role.ENUM)
                for member in members:
                    self.add(member, Thing(Role.MEMBER, member.id, name), declares=True)
            case ast.FlagsDeclaration(name):
                self.declare(node, 0, Role.FLAGS)
                for word in words[1:]:
                    self.add(word, Thing(Role.FLAG, text_of(word), name), declares=True)
            case ast.StatusDeclaration():
                self.declare(node, 0, Role.STATUS)
            case ast.OptionDeclaration(name, type):
                self.declare(node, 0, Role.OPTION)
                self.part((type,), within)
                for word in words[1:]:
                    self.add(word, self.member(self.tables.options.get(name, (None, ""))[0], text_of(word)))
            case ast.View():
                for word in words[:-1]:
                    self.add(word, Thing(Role.VIEW, text_of(word)), declares=True)
                self.named_word(node, -1, *TYPES)
            case ast.Alias(_, sort, given):
                self.declare(node, 0, Role.ALIAS)
                self.named_word(node, 1, *TYPES)
                for each in given:
                    self.word(each, sort)
            case ast.Ghost(_, parameters):
                self.declare(node, 0, Role.EVENT)
                self.with_parameters(parameters, within)
            case _:
                pass

    def named_word(self, node: ast.Node, at: int, *roles: Role) -> None:
        words = self.words(node)
        if words:
            self.add(words[at], self.named(text_of(words[at]), *roles))

    def bound(self, word: Word, within: Within) -> Within:
        """Inside of what binds a variable."""
        name, at = text_of(word), start_of(word)
        self.add(word, Thing(Role.LOCAL, name, str(at)), declares=True)
        return within.binding(name, at)

    def with_parameters(self, parameters: Sequence[ast.Parameter], within: Within) -> Within:
        names = dict(within.names)
        for parameter in parameters:
            thing = Thing(Role.LOCAL, parameter.name, str(within.base))
            names[parameter.name] = thing
            known = self.tables.type_of(parameter.type) if parameter.type else None
            self.add(parameter.span, thing, declares=True, type=known)
            self.part((parameter.type,), within)
        return Within(within.base, names, within.driver)

    def fields(self, nodes: Sequence[ast.Field], role: Role, owner: str, within: Within) -> None:
        for node in nodes:
            kind = self.tables.type_of(node.type)
            self.add(node.span, Thing(role, node.name, owner), declares=True, type=kind)
            self.part((node.type,), within)
            if isinstance(node.initial, ast.Name):
                self.add(node.initial, self.member(kind, node.initial.id) or self.named(node.initial.id))

    def member(self, kind: Type | None, name: str) -> Thing | None:
        return Thing(Role.MEMBER, name, str(kind)) if isinstance(kind, EnumType) and name in kind.members else None

    def object_of_driver(self, node: ast.Object, within: Within) -> None:
        words = self.words(node)
        self.add(words[0], self.named(node.sort, *TYPES))
        self.add(words[1], Thing(Role.OBJECT, node.name), declares=True)
        sort = self.tables.object_sort(node.sort)
        for word in node.words:
            self.word(word, sort)
        for binding in node.bindings:
            self.binding(binding, sort)

    def word(self, node: ast.Word, sort: str) -> None:
        """`managed`, `limit 2`, `synchronization device`"""
        words = self.words(node)
        found = self.tables.sorts.get(sort)
        if found is None or not words:
            return
        declared = found.fields.get(node.name)
        if declared is not None:
            self.add(words[0], Thing(Role.FIELD, node.name, sort))
            if isinstance(node.value, ast.Name):
                self.add(
                    node.value, self.member(declared.type, node.value.id) or self.named(node.value.id, Role.OBJECT)
                )
            return
        for other in found.fields.values():
            if other.mode == "const" and (thing := self.member(other.type, node.name)):
                self.add(words[0], thing)
                return

    def binding(self, node: ast.Binding, sort: str) -> None:
        words = self.words(node)
        self.add(words[0], Thing(Role.FIELD, node.field, sort))
        found = self.tables.sorts.get(sort)
        declared = found.fields.get(node.field) if found else None
        if isinstance(node.value, ast.Name):
            kind = declared.type if declared else None
            self.add(
                node.value, self.member(kind, node.value.id) or self.named(node.value.id, Role.CALLBACK, Role.OBJECT)
            )

    def context(self, node: ast.Context, within: Within) -> None:
        self.named_word(node, 0, *TYPES)
        sort = self.tables.object_sort(node.sort)
        if node.object is not None:
            self.named_word(node, 1, Role.OBJECT)
        found = self.tables.sorts.get(sort)
        shared = found is not None and (found.dynamic or found.bounded)
        self.fields(node.fields, Role.FIELD if shared else Role.VARIABLE, sort if shared else "", within)
        for binding in node.bindings:
            self.binding(binding, sort)

    def kind(self, node: ast.CallbackKind, within: Within) -> None:
        names = set(node.names)
        for word in self.words(node):
            if text_of(word) in names:
                names.discard(text_of(word))
                self.add(word, Thing(Role.KIND, text_of(word)), declares=True)
        known = self.with_parameters(node.parameters, within)
        self.part((node.host, node.lock), known)

    def setting(self, node: ast.Setting) -> None:
        """`power on;`, `target Lower silent;`"""
        first = node.words[0]
        option = self.tables.options.get(first.id)
        if option is not None:
            self.add(first, Thing(Role.OPTION, first.id))
            for word in node.words[1:]:
                self.add(word, self.member(option[0], word.id))
            return
        for word in node.words[1:]:
            if word.id not in BEHAVIOURS:
                self.add(word, self.named(word.id, Role.OBJECT))

    def rule(self, node: ast.Rule, within: Within) -> None:
        self.declare(node, 0, Role.RULE)
        known = self.with_parameters(node.parameters, within)
        for meta in node.metas:
            if meta.key == "assuming":
                for word in self.tokens(meta)[1:]:
                    self.add(word, self.named(str(word), Role.OPTION))
        self.part((node.trigger,), known)
        match node.body:
            case ast.Monitor(_, states):
                self.monitor(node, states, known)
            case ast.NoSharedLock(calls):
                for call in calls:
                    self.add(call, self.named(call.id, Role.DDI, Role.HELPER))
            case body:
                self.part((body,), known)

    def monitor(self, node: ast.Rule, states: Sequence[ast.MonitorState], within: Within) -> None:
        owner = str(within.base)
        self.add(self.tokens(node)[-1], Thing(Role.STATE, str(self.tokens(node)[-1]), owner))
        for state in states:
            self.declare(state, 0, Role.STATE, owner)
            for edge in state.edges:
                self.part((edge.event,), within)
                word = self.words(edge)[-1]
                if text_of(word) != "violation":
                    self.add(word, Thing(Role.STATE, text_of(word), owner))

    # ------------------------------------------------------------ statements and expressions

    def part(self, node: object, within: Within) -> None:
        """Statements, expressions, types, and tuples of them."""
        if isinstance(node, tuple):
            for one in node:
                self.part(one, within)
        elif isinstance(node, ast.Node):
            self.node(node, within)

    def node(self, node: ast.Node, within: Within) -> None:
        match node:
            case ast.Name():
                self.resolved(node.span, node, within)
            case ast.Access(base, name):
                self.part(base, within)
                self.resolved(node.span.last(name), node.span.last(name), within)
            case ast.Has(operand, flag):
                self.part(operand, within)
                self.resolved(node.span.last(flag), node.span.last(flag), within)
            case ast.Quantified(condition=condition) | ast.Count(condition=condition):
                *_, variable, sort = self.tokens(node)
                self.add(sort, self.named(str(sort), *TYPES))
                self.part(condition, self.bound(variable, within))
            case ast.NamedType():
                self.named_word(node, 0, *TYPES)
            case ast.EnumType(members):
                kind = str(EnumType("", tuple(member.id for member in members)))
                for member in members:
                    self.add(member, Thing(Role.MEMBER, member.id, kind), declares=True)
            case ast.SetType() | ast.ListType():
                self.named_word(node, -1, *TYPES)
            case ast.Declare(_, _, value):
                self.part(value, within)
                self.resolved(node.span, self.tokens(node)[-1], within)
            case ast.ForEach(_, sort_name, container, where, body):
                tokens = self.tokens(node)
                if sort_name is not None:
                    self.add(tokens[1], self.named(sort_name, *TYPES))
                self.part(container, within)
                self.part((where, body), self.bound(tokens[0], within))
            case ast.Take(request, variable_name, _, where):
                self.part(request, within)
                if variable_name is not None:
                    variable, sort = self.tokens(node)
                    self.add(sort, self.named(str(sort), *TYPES))
                    self.part(where, self.bound(variable, within))
            case ast.Emit(_, args):
                self.named_word(node, 0, Role.EVENT)
                self.part(args, within)
            case ast.Memory(operand=ast.Call(ast.Name() as view, args)):  # `touch buffer of r`
                self.add(view, self.named(view.id, Role.VIEW))
                self.part(args, within)
            case ast.Requires(condition, _):
                self.part(condition, within)
                word = self.words(node)[-1]
                self.add(word, Thing(Role.RULE, text_of(word)))
            case _:
                for name in part_names(type(node)):
                    if name != "span":
                        self.part(getattr(node, name), within)


def text_of(word: Word) -> str:
    return word.id if isinstance(word, ast.Name) else str(word)


def start_of(word: Word) -> int:
    return word.span.start if isinstance(word, ast.Name) else word.start
