"""Collecting what the texts declare, before any body is read: sorts, objects, kinds, events, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label, Severity, did_you_mean
from wdfmc.language import ast
from wdfmc.parts import part_names
from wdfmc.semantics import typed
from wdfmc.semantics.types import (
    ANY_SORT,
    BoolType,
    CallbackType,
    ConditionType,
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
)
from wdfmc.semantics.uses import Role, Thing, Uses
from wdfmc.source import Span
from wdfmc.system.system import Obj

MOST_BOUNDED: Final = 4  # objects of a bounded sort: each multiplies the states
BEHAVIOUR: Final = "behaviour"  # of a target: what the text says holds unless the command line says otherwise
POSITION: Final = "position"  # of a device: top or below, by `stack`


def walk(node: object) -> Iterator[ast.Node]:
    """The node and everything below it, in order. Without recursion: a deep text takes no longer than a wide one."""
    todo = [node]
    while todo:
        found = todo.pop()
        if isinstance(found, ast.Node):
            yield found
            todo += [getattr(found, name) for name in reversed(part_names(type(found))) if name != "span"]
        elif isinstance(found, tuple):
            todo += reversed(found)


class Tables:
    """Everything declared, by name, and the diagnostics so far."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.statuses: dict[str, int] = {}
        self.enums: dict[str, EnumType] = {}
        self.flags: dict[str, dict[str, str]] = {}  # type -> alias or full name -> short name
        self.views: dict[str, str] = {}
        self.aliases: dict[str, ast.Alias] = {}
        self.sorts: dict[str, typed.Sort] = {}
        self.implicit: list[str] = []
        self.options: dict[str, tuple[EnumType, str]] = {}
        self.events: dict[str, tuple[typed.Parameter, ...]] = {}
        self.defines: dict[str, ast.Define] = {}
        self.kinds: dict[str, ast.CallbackKind] = {}
        self.routines: dict[str, ast.Ddi | ast.Helper] = {}
        self.versions: dict[str, list[str]] = {}  # of each DDI: one for each kind of first argument
        self.callbacks: dict[str, ast.CallbackBody] = {}
        self.callback_kinds: dict[str, list[str]] = {}
        self.objects: dict[str, typed.Object] = {}
        self.object_nodes: dict[str, ast.Object] = {}
        self.object_driver: dict[str, str] = {}
        self.contexts: dict[str, tuple[Obj, str, typed.Field]] = {}  # bare name -> object, its sort, field
        self.written: set[str] = set()  # fields that some statement assigns
        self.attributes: dict[tuple[str, str], str] = {}  # (sort, const field) -> callback
        self.pools: list[typed.Pool] = []
        self.define_text: dict[str, str] = {}  # what a define may speak of: framework (default), driver, rule
        self.places: dict[str, Span] = {}
        self.explicit_targets: set[str] = set()
        self.uses: Uses | None = None  # what the names of a text stand for, if somebody asks

    def copied(self) -> Tables:
        """The same declarations, to which others can be added without changing these."""
        other = Tables()
        for name, value in vars(self).items():
            setattr(other, name, copy(value))
        other.versions = {name: list(versions) for name, versions in self.versions.items()}
        return other

    def note(self, span: Span, role: Role, name: str, owner: str, kind: Type) -> None:
        """The name at `span` stands for this."""
        if self.uses is not None:
            self.uses.note(span, Thing(role, name, owner), kind)

    # ------------------------------------------------------------ diagnostics

    def error(self, code: str, message: str, span: Span | None, help: str | None = None, *also: Label) -> None:
        labels = (Label(span), *also) if span else tuple(also)
        self.diagnostics.append(Diagnostic(code, message, labels, help))

    def warn(self, code: str, message: str, span: Span, help: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, (Label(span),), help, Severity.WARNING))

    def unknown(
        self, code: str, what: str, name: str, known: Iterable[str], span: Span, help: str | None = None
    ) -> None:
        self.error(code, f"there is no {what} `{name}`", span, did_you_mean(name, known) or help)

    def claim(self, name: str, span: Span) -> bool:
        """Take a name of the program; False and a diagnostic if it is taken."""
        before = self.places.get(name)
        if before is not None:
            self.error("WDF202", f"the name `{name}` is declared twice", span,
                       "give one of them another name", Label(before, "first declared here"))  # fmt: skip
            return False
        self.places[name] = span
        return True

    # ------------------------------------------------------------ types

    def type_of(self, node: ast.Type) -> Type:
        match node:
            case ast.RangeType(low, high):
                if low > high:
                    self.error("WDF301", f"the range {low}..{high} is empty", node.span)
                return IntType(low, high)
            case ast.EnumType(members):
                return EnumType("", tuple(member.id for member in members))
            case ast.SetType(sort):
                return SetType(self.sort_named(sort, node.span))
            case ast.ListType(bound, sort):
                return ListType(bound, self.sort_named(sort, node.span))
            case ast.NamedType(name, optional):
                return self.named_type(name, optional, node.span)
        raise AssertionError(node)

    def named_type(self, name: str, optional: bool, span: Span) -> Type:
        simple: dict[str, Type] = {"bool": BoolType(), "BOOLEAN": BoolType(), "NTSTATUS": StatusType(),
                                   "condition": ConditionType(),
                                   ANY_SORT: RefType(ANY_SORT, optional, ANY_SORT)}  # fmt: skip
        if name in simple:
            return simple[name]
        if name in self.enums:
            return self.enums[name]
        if name in self.flags:
            return FlagsType(name)
        if name in self.kinds:
            return CallbackType(name, optional)
        if name in self.sorts:
            return RefType(name, optional, name)
        if name in self.views:
            return RefType(self.views[name], optional, name)
        if name in self.aliases:
            return RefType(self.aliases[name].sort, optional, name)
        known = [*simple, *self.enums, *self.flags, *self.kinds, *self.sorts, *self.views, *self.aliases]
        self.unknown("WDF204", "type", name, known, span)
        return UnknownType()

    def sort_named(self, name: str, span: Span) -> str:
        if name in self.aliases:
            return self.aliases[name].sort
        if name not in self.sorts:
            self.unknown("WDF204", "sort", name, [*self.sorts, *self.aliases], span)
        return name

    def parameters(self, nodes: tuple[ast.Parameter, ...]) -> tuple[typed.Parameter, ...]:
        return tuple(
            typed.Parameter(node.name, self.type_of(node.type) if node.type else UnknownType(), node.mode)
            for node in nodes
        )

    # ------------------------------------------------------------ declarations of the library and of users' sorts

    def declare(self, items: Iterable[ast.Item | ast.DriverItem]) -> None:
        """First everything that types may name, then sorts and signatures."""
        listed = list(items)
        for item in listed:
            self.declare_name(item)
        for item in listed:
            match item:
                case ast.Sort(name, field_nodes):
                    self.add_fields(name, field_nodes, driver=False)
                case ast.OptionDeclaration(name, kind, default):
                    self.declare_option(item, name, kind, default)
                case ast.Ghost(name, parameters):
                    if self.claim(name + "()", item.span):
                        self.events[name] = self.parameters(parameters)
                case _:
                    pass

    def declare_name(self, item: ast.Item | ast.DriverItem) -> None:
        match item:
            case ast.StatusDeclaration(name, value):
                if self.claim(name, item.span):
                    self.statuses[name] = value
            case ast.EnumDeclaration(name, members):
                if self.claim(name, item.span):
                    self.enums[name] = EnumType(name, tuple(member.id for member in members))
            case ast.FlagsDeclaration(name, aliases):
                if self.claim(name, item.span):
                    self.flags[name] = {spelling: short for full, short in aliases for spelling in (full, short)}
            case ast.View(names, sort):
                for name in names:
                    if self.claim(name, item.span):
                        self.views[name] = sort
            case ast.Alias(name, _, _):
                if self.claim(name, item.span):
                    self.aliases[name] = item
            case ast.Sort(name, _, dynamic, implicit, bounded):
                if self.claim(name, item.span):
                    self.sorts[name] = typed.Sort(name, dynamic, bounded, {})
                    if implicit:
                        self.implicit.append(name)
            case ast.CallbackKind(names):
                for name in names:
                    if self.claim(name, item.span):
                        self.kinds[name] = item
            case ast.Define(name):
                if self.claim(name, item.span):
                    self.defines[name] = item
            case ast.Ddi(name) if name in self.versions:
                self.declare_version(name, item)
            case ast.Ddi(name) | ast.Helper(name):
                if self.claim(name, item.span):
                    self.routines[name] = item
                    if isinstance(item, ast.Ddi):
                        self.claim(version_of(item), item.span)
                        self.versions[name] = [name]
            case _:
                pass

    def declare_version(self, name: str, item: ast.Ddi) -> None:
        """Another version of a DDI, for another kind of first argument."""
        key = version_of(item)
        if self.claim(key, item.span):
            self.routines[key] = item
            self.versions[name].append(key)

    def declare_option(self, item: ast.OptionDeclaration, name: str, kind: ast.Type, default: ast.Expr) -> None:
        given = self.type_of(kind)
        if not isinstance(given, EnumType) or not isinstance(default, ast.Name) or default.id not in given.members:
            self.error("WDF215", f"option `{name}` needs a list of words and one of them as default", item.span)
        else:
            self.options[name] = given, default.id

    def add_fields(self, sort: str, nodes: tuple[ast.Field, ...], driver: bool) -> None:
        if sort not in self.sorts:
            return
        before = dict(self.sorts[sort].fields)
        for node in nodes:
            if node.name in before:
                first = Label(before[node.name].span, "first declared here")
                self.error("WDF202", f"`{sort}` has two fields `{node.name}`", node.span,
                           "give one of them another name", first)  # fmt: skip
                continue
            field = before[node.name] = self.field(node, driver)
            kept_apart = driver and self.sorts[sort].bounded  # by `declare_shared_context`
            if isinstance(field.type, SetType | ListType) and not kept_apart:
                self.error("WDF301", f"a {field.type} is no part of a {sort}", node.span,
                           "declare it in the context of a device, a queue or a file")  # fmt: skip
        self.sorts[sort] = replace(self.sorts[sort], fields=before)

    def field(self, node: ast.Field, driver: bool) -> typed.Field:
        kind = self.type_of(node.type)
        initial = self.constant(node.initial, kind) if node.initial else default_value(kind)
        return typed.Field(node.name, kind, node.mode, initial, driver, node.span)

    def constant(self, node: ast.Expr, kind: Type) -> typed.Constant:
        """The value of a constant expression: literals, members of enums, statuses, flags."""
        match node:
            case ast.Truth(value) | ast.Number(value):
                return value
            case ast.Null():
                return frozenset() if isinstance(kind, FlagsType) else None
            case ast.Name(id) if isinstance(kind, EnumType):
                if id in kind.members:
                    return id
                self.unknown("WDF305", f"member of {kind}", id, kind.members, node.span)
            case ast.Name(id) if id in self.statuses or id in self.callbacks:
                return id
            case ast.Name(id) if id in self.objects or id in self.object_nodes:
                return Obj(id)
            case _:
                self.error("WDF301", f"a constant of type {kind} is needed here", node.span)
        return default_value(kind)

    # ------------------------------------------------------------ drivers

    def declare_driver(self, driver: ast.Driver, position: str) -> None:
        for item in driver.items:
            match item:
                case ast.Object():
                    self.declare_object(item, driver, position)
                case ast.CallbackBody(name):
                    if self.claim(name, item.span):
                        self.callbacks[name] = item
                case ast.Created(name, bound, owner):
                    self.declare_pool(item, name, bound, owner, driver.name)
                case ast.Helper(name):
                    if self.claim(name, item.span):
                        self.routines[name] = item
                case ast.Define(name):
                    if self.claim(name, item.span):
                        self.defines[name] = item
                case _:
                    pass
        for sort in self.implicit:
            if not any(isinstance(item, ast.Object) and self.object_sort(item.sort) == sort for item in driver.items):
                name = sort.capitalize() if position == "top" else f"{driver.name}{sort.capitalize()}"
                taken = self.places.get(name)
                if taken is not None:
                    self.error("WDF407", f"`{name}` is the name of the {sort} that every driver has", taken,
                               f"give this another name, or the {sort} one of its own: `{sort} Mine;`")  # fmt: skip
                    name += f" of {driver.name}"
                self.declare_object(ast.Object(sort, name, (), (), span=driver.span), driver, position)

    def object_sort(self, name: str) -> str:
        return self.aliases[name].sort if name in self.aliases else name

    def declare_object(self, node: ast.Object, driver: ast.Driver, position: str) -> None:
        """`NAME[n]` declares the objects NAME1 to NAMEn."""
        found = self.sorts.get(self.object_sort(node.sort))
        if found is None:
            declarable = [*self.sorts, *self.aliases]
            keywords = ["callback", "context", "helper", "thread", "created", "hardware", "environment", "expect"]
            self.unknown("WDF204", "kind of object", node.sort, [*declarable, *keywords], node.span,
                         "a driver declares " + ", ".join(f"`{name}`" for name in declarable))  # fmt: skip
            return
        if found.bounded and position != "top":
            self.error("WDF412", f"a {found.name} of `{driver.name}`, which is not on top of its stack", node.span,
                       f"only the uppermost driver of a stack can have a {found.name}")  # fmt: skip
        if node.number is not None and not found.bounded:
            self.error("WDF411", f"`{node.name}` is one {found.name}", node.span,
                       f"drop `[{node.number}]`, and declare each {found.name} under a name of its own")  # fmt: skip
        elif node.number is not None and not 1 <= node.number <= MOST_BOUNDED:
            self.error("WDF411", f"{node.number} of them are outside 1..{MOST_BOUNDED}", node.span)
        if not self.claim(node.name, node.span):
            return
        for name in numbered(node):
            if name == node.name or self.claim(name, node.span):
                self.object_nodes[name] = replace(node, name=name)
                self.object_driver[name] = driver.name

    def declare_pool(self, node: ast.Created, name: str, bound: int, owner: str, driver: str) -> None:
        if not 1 <= bound <= 8:
            self.error("WDF408", f"a pool of {bound} created requests is outside 1..8", node.span)
        if owner not in self.sorts:
            self.unknown("WDF204", "sort", owner, self.sorts, node.span)
        if self.claim(name, node.span):
            per_request = owner in self.sorts and self.sorts[owner].dynamic
            self.pools.append(typed.Pool(name, bound, per_request, "created", driver))

    def build_objects(self, driver: ast.Driver, position: str) -> None:
        """Constants of the driver's objects, from words, bindings and defaults."""
        for name, node in list(self.object_nodes.items()):
            if self.object_driver.get(name) == driver.name:
                preset = self.aliases[node.sort].words if node.sort in self.aliases else ()
                self.build_object(node, self.object_sort(node.sort), (*preset, *node.words), driver.name, position)

    def build_object(
        self, node: ast.Object, sort: str, words: tuple[ast.Word, ...], driver: str, position: str
    ) -> None:
        fields = self.sorts[sort].fields
        constants: dict[str, typed.Expr] = {}
        for word in words:
            self.apply_word(sort, fields, word, constants)
        if BEHAVIOUR in constants:
            self.explicit_targets.add(node.name)
        for binding in node.bindings:
            self.apply_binding(sort, fields, binding, constants)
        for name, field in fields.items():
            if field.mode == "part":
                assert isinstance(field.type, RefType)
                part = f"{node.name}.{name}"
                constants[name] = typed.Const(Obj(part))
                part_node = ast.Object(field.type.sort, part, (), (), span=node.span)
                self.object_nodes[part] = part_node
                self.build_object(part_node, field.type.sort, (), driver, position)
            elif field.mode == "const" and name not in constants:
                if name == POSITION and sort in self.implicit:
                    constants[name] = typed.Const(position)
                else:
                    constants[name] = self.default_constant(node, field, driver)
        self.objects[node.name] = typed.Object(node.name, sort, constants, {}, driver, node.span)

    def default_constant(self, node: ast.Object, field: typed.Field, driver: str) -> typed.Expr:
        if isinstance(field.type, RefType) and not field.type.optional and field.initial is None:
            wanted = field.type.sort
            own = [n for n, o in self.object_nodes.items()
                   if self.object_sort(o.sort) == wanted and self.object_driver.get(n) == driver]  # fmt: skip
            if len(own) == 1:
                return typed.Const(Obj(own[0]))
            if own:
                self.error("WDF406", f"`{node.name}` must say which {wanted} it belongs to: {', '.join(own)}",
                           node.span, f"add `{field.name} {own[0]}` after the colon")  # fmt: skip
            else:
                self.error("WDF403", f"`{node.name}` needs a {wanted}, and the driver declares none", node.span)
        if isinstance(field.type, CallbackType) and not field.type.optional:
            self.error("WDF403", f"`{node.name}` must bind `{field.name}`", node.span,
                       f"write `{field.name} = SomeCallback;` in its braces")  # fmt: skip
        return typed.Const(field.initial)

    def apply_word(
        self, sort: str, fields: Mapping[str, typed.Field], word: ast.Word, into: dict[str, typed.Expr]
    ) -> None:
        consts = {name: field for name, field in fields.items() if field.mode == "const"}
        field = consts.get(word.name)
        if field is not None and word.value is not None:
            into[word.name] = self.word_value(field, word)
            return
        if field is not None and isinstance(field.type, BoolType):
            into[word.name] = typed.Const(True)
            return
        for name, candidate in consts.items():
            if word.value is None and isinstance(candidate.type, EnumType) and word.name in candidate.type.members:
                into[name] = typed.Const(word.name)
                return
        known = [name for name, f in consts.items() if not isinstance(f.type, CallbackType)]
        known += [m for f in consts.values() if isinstance(f.type, EnumType) for m in f.type.members]
        choice = f"a {sort} may be " + ", ".join(f"`{name}`" for name in known)
        helps = did_you_mean(word.name, known) or choice
        self.error("WDF206", f"`{word.name}` says nothing about a {sort}", word.span, helps)

    def word_value(self, field: typed.Field, word: ast.Word) -> typed.Expr:
        match field.type, word.value:
            case IntType(low, high), ast.Number(value):
                if not low <= value <= high:
                    self.error("WDF301", f"{value} is outside {low}..{high}", word.span)
                return typed.Const(value)
            case RefType(sort), ast.Name(id):
                if id in self.object_nodes and self.object_sort(self.object_nodes[id].sort) == sort:
                    return typed.Const(Obj(id))
                names = [n for n, o in self.object_nodes.items() if self.object_sort(o.sort) == sort]
                self.unknown("WDF201", sort, id, names, word.span)
            case EnumType(members=members), ast.Name(id):
                if id in members:
                    return typed.Const(id)
                self.unknown("WDF305", f"value of `{field.name}`", id, members, word.span)
            case BoolType(), ast.Name(id) if id.lower() in ("true", "false"):
                return typed.Const(id.lower() == "true")
            case _:
                self.error("WDF301", f"`{field.name}` takes {field.type}", word.span)
        return typed.Const(field.initial)

    def apply_binding(
        self, sort: str, fields: Mapping[str, typed.Field], item: ast.Binding, into: dict[str, typed.Expr]
    ) -> None:
        field = fields.get(item.field)
        known = [name for name, f in fields.items() if f.mode == "const" and isinstance(f.type, CallbackType)]
        if field is None or field.mode != "const":
            self.unknown("WDF205", f"callback of a {sort} named", item.field, known, item.span)
            return
        if not isinstance(field.type, CallbackType):
            into[item.field] = typed.Const(self.constant(item.value, field.type))
            return
        if not isinstance(item.value, ast.Name) or item.value.id not in self.callbacks:
            name = item.value.id if isinstance(item.value, ast.Name) else "this"
            self.unknown("WDF201", "callback", name, self.callbacks, item.value.span,
                         f"declare it: `callback {name}(...) {{ ... }}`")  # fmt: skip
            return
        self.callback_kinds.setdefault(item.value.id, []).append(field.type.kind)
        into[item.field] = typed.Const(item.value.id)

    def declare_contexts(self, driver: ast.Driver) -> None:
        for item in driver.items:
            if isinstance(item, ast.Context):
                self.declare_context(item, driver)

    def declare_attributes(self, item: ast.Context, sort: str) -> None:
        """`context request { EvtCleanupCallback = OnCleanup; }`: the callbacks that go with the context."""
        attributes: dict[str, typed.Expr] = {}
        for binding in item.bindings:
            if not self.sorts[sort].dynamic:
                self.error("WDF205", f"the context of a {sort} has no callbacks", binding.span)
                continue
            if any(pool.origin == "below" for pool in self.pools):
                self.error("WDF412", f"`{binding.field}` for the requests of stacked drivers", binding.span,
                           "both drivers have one context here; check each in a text of its own")  # fmt: skip
                continue
            if (sort, binding.field) in self.attributes:
                self.error("WDF202", f"`{binding.field}` is bound twice", binding.span)
                continue
            self.apply_binding(sort, self.sorts[sort].fields, binding, attributes)
        for name, value in attributes.items():
            if isinstance(value, typed.Const) and isinstance(value.value, str):
                self.attributes[sort, name] = value.value

    def declare_shared_context(self, item: ast.Context, sort: str, driver: ast.Driver) -> None:
        """Each object of a bounded sort has these fields: they are used through it, like those of a request.

        A set or list is kept in fields of other names; its own is only there to be looked at when it is used.
        """
        owners = [name for name, found in self.objects.items() if found.sort == sort and found.driver == driver.name]
        if item.object is not None or not owners:
            which = f"the context of every {sort} is the same" if owners else f"the driver declares no {sort}"
            self.error("WDF406", f"this context is not of one {sort}", item.span, which)
            return
        self.add_fields(sort, item.fields, driver=True)
        for node in item.fields:
            field = self.sorts[sort].fields[node.name]
            if isinstance(field.type, SetType) and self.holds_requests(field.type, node.span):
                bits = [bit for name in owners for bit in stored_as(replace(field, name=f"{name}.{field.name}"))]
                self.store(field.type.sort, bits)
            elif isinstance(field.type, ListType):
                self.store(sort, stored_as(field))

    def holds_requests(self, kind: SetType, span: Span) -> bool:
        found = self.sorts.get(kind.sort)
        if found is None or not found.dynamic:
            self.error("WDF301", "a set holds requests", span)
        return found is not None and found.dynamic

    def store(self, sort: str, fields: Iterable[typed.Field]) -> None:
        merged = {**self.sorts[sort].fields, **{field.name: field for field in fields}}
        self.sorts[sort] = replace(self.sorts[sort], fields=merged)

    def declare_context(self, item: ast.Context, driver: ast.Driver) -> None:
        sort = self.object_sort(item.sort)
        if sort not in self.sorts:
            self.unknown("WDF204", "sort", item.sort, self.sorts, item.span, "write `context device { ... }`")
            return
        self.declare_attributes(item, sort)
        if self.sorts[sort].dynamic:
            self.add_fields(sort, item.fields, driver=True)
            return
        if self.sorts[sort].bounded:
            self.declare_shared_context(item, sort, driver)
            return
        owners = [n for n, o in self.objects.items() if o.sort == sort and o.driver == driver.name and "." not in n]
        if item.object is not None:
            if item.object not in owners:
                self.unknown("WDF201", sort, item.object, owners, item.span)
                return
            owners = [item.object]
        if len(owners) != 1:
            which = f"say which: {', '.join(owners)}" if owners else f"the driver declares no {sort}"
            self.error("WDF406", f"this context needs one {sort}", item.span, which)
            return
        owner = self.objects[owners[0]]
        added = dict(owner.fields)
        for node in item.fields:
            if not self.claim(node.name, node.span):
                continue
            field = self.field(node, driver=True)
            self.contexts[node.name] = Obj(owner.name), sort, field
            if not isinstance(field.type, SetType):
                added |= {storage.name: storage for storage in stored_as(field)}
            elif self.holds_requests(field.type, node.span):
                self.store(field.type.sort, stored_as(field))
        self.objects[owner.name] = replace(owner, fields=added)


def numbered(node: ast.Object) -> list[str]:
    """The names of the objects that a declaration makes."""
    return [node.name] if node.number is None else [f"{node.name}{at + 1}" for at in range(node.number)]


def stored_as(field: typed.Field) -> tuple[typed.Field, ...]:
    """A set is a membership bit in each request's record, a list is as many references as it is long."""
    match field.type:
        case SetType():
            return (replace(field, name=set_bit(field.name), type=BoolType(), initial=False),)
        case ListType(bound, sort):
            kind = RefType(sort, True, sort)
            return tuple(replace(field, name=list_cell(field.name, at), type=kind, initial=None) for at in range(bound))
        case _:
            return (field,)


def set_bit(name: str) -> str:
    return f"in {name}"


def list_cell(name: str, at: int) -> str:
    return f"{name}[{at}]"


def default_value(kind: Type) -> typed.Constant:
    match kind:
        case BoolType() | ConditionType():
            return isinstance(kind, ConditionType)
        case IntType(low):
            return low
        case EnumType(members=members):
            return members[0]
        case StatusType():
            return "STATUS_SUCCESS"
        case FlagsType():
            return frozenset()
        case RefType() | CallbackType() | SetType() | ListType() | NullType() | VoidType() | UnknownType():
            return None


def version_of(ddi: ast.Ddi) -> str:
    """What sets a version of a DDI apart from the others."""
    first = ddi.parameters[0].type.span.text.rstrip("?") if ddi.parameters and ddi.parameters[0].type else ""
    return f"{ddi.name}({first})"
