"""Expressions on symbolic paths: each evaluation yields the paths on which the result differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType, Type
from wdfmc.system.flow import locals_of
from wdfmc.system.paths import (
    Accepts,
    Algebra,
    Domains,
    Entity,
    K,
    Known,
    M,
    NeedsDecision,
    NeedsSplit,
    NotExpressible,
    OthersCondition,
    Path,
    SelfCube,
    Symbolic,
)
from wdfmc.system.system import OTHER, SELF, Obj, Place, Ref, Value

IDLE: Final = "idle"
NULL_HANDLE: Final = "no-stale-handle"
LOST_HANDLE: Final = "no-access-after-ownership-loss"
BROKEN_BY_HANDLES: Final = frozenset({NULL_HANDLE, LOST_HANDLE})  # by any use of a handle, not only by calls
NOTHING: Final = "(none)"  # what a field of null is, in conditions of the framework

Decided: TypeAlias = Iterator[tuple[Path, bool]]  # paths on which a condition holds, and on which it does not
Check: TypeAlias = Callable[[Path, Ref], Decided]  # a condition on one request
PathTest: TypeAlias = Callable[[Path], Decided]
CounterTest: TypeAlias = Callable[[int, Known], bool]  # (program counter, its value)


@dataclass(frozen=True, slots=True)
class Record:
    """The place of an activation: `copy` tells those apart that may overlap."""

    role: str
    subject: Entity | Obj | str
    copy: int


STEP: Final = Record("step", "environment", 0)  # where the locals of a step of the environment are


@dataclass(frozen=True, slots=True)
class Context:
    """Where an expression is evaluated: whose activation, whose text.

    bind: parameters and bound variables that stand for a value. past: in rules, the variable that remembers each past
    formula. event: in rules, what happens now.
    """

    record: Record | None = None
    kinds: tuple[str, ...] = ()
    locals: str = ""  # the callback or thread whose locals these are
    slot: int | None = None  # the symbol whose record holds the activation's locals and program counter
    bind: Mapping[str, Symbolic] = field(default_factory=dict)
    driver: bool = False
    lenient: bool = False  # a field of null is NOTHING instead of a violation
    event: tuple[str, tuple[Symbolic, ...]] | None = None
    past: Mapping[typed.Expr, Place] = field(default_factory=dict)
    host: str | None = None  # the object in whose loop the callback runs

    def binding(self, name: str, value: Symbolic) -> Context:
        return replace(self, bind={**self.bind, name: value})


class Evaluator(Algebra):
    """`broken` collects the paths that break a contract while an expression is evaluated."""

    def __init__(self, program: typed.Program, domains: Domains) -> None:
        super().__init__(domains)
        self.program = program
        self.broken: list[tuple[Path, str]] = []
        self.entities = entities(program)
        self.received = self.entities[0]
        self.dynamic = next(name for name, sort in program.sorts.items() if sort.dynamic)
        self.hosts: dict[str, str | None] = {}  # location -> the object in whose loop its callback runs
        self.records: dict[int, Record] = {}  # program counters
        self.record_readers: set[int] = set()
        self.resting: dict[int, frozenset[Value]] = {}  # threads: the locations at which nothing is unfinished
        self.assumed: dict[tuple[object, ...], bool] = {}  # in conditions on all others: decided before

    # ------------------------------------------------------------ places

    def field_place(self, base: Value, name: str) -> Place | None:
        """The variable that holds a field, None for a constant."""
        if isinstance(base, Ref):
            spec = self.program.sorts[self.dynamic].fields.get(name)
            if spec is None or spec.mode != "var":
                return None
            owned = self.entity(base).owned
            label = name if base.pool == self.received.pool else f"{cell_name(base)}.{name}"
            kind = "driver" if spec.driver else "field"
            key = ("slot", base.pool, base.index, name)
            assert not isinstance(spec.initial, frozenset), name
            return Place(self.domains.variable(key, label, owned, spec.initial, kind), base.slot)
        assert isinstance(base, Obj), base
        found = self.program.objects[base.name]
        spec = found.fields.get(name) or self.program.sorts[found.sort].fields.get(name)
        if spec is None or spec.mode != "var":
            return None
        label = name if name in found.fields else f"{base.name}.{name}"
        initial: Known = spec.initial
        match found.constants.get(name):
            case typed.Const(given):
                initial = given
            case _:
                pass
        kind = "driver" if spec.driver else "field"
        assert not isinstance(initial, frozenset)
        return Place(self.domains.variable(("object", base.name, name), label, False, initial, kind), None)

    def entity(self, ref: Ref) -> Entity:
        return next(e for e in self.entities if e.pool == ref.pool and e.index == ref.index)

    def field_type(self, sort: str, name: str, base: Value) -> Type | None:
        spec = self.program.sorts[sort].fields.get(name)
        if spec is None and isinstance(base, Obj):
            spec = self.program.objects[base.name].fields.get(name)
        return spec.type if spec else None

    def counter(self, record: Record) -> int:
        """The program counter of a record: a variable whose values are locations."""
        subject = record.subject
        owned = isinstance(subject, Entity) and subject.owned
        name = f"pc {record.role}" + (f" {subject_name(subject)}" if subject != self.received else "")
        name += f" ({record.copy + 1})" if record.copy else ""
        fresh = ("pc", record) not in self.domains.keys
        variable = self.domains.variable(("pc", record), name, owned, IDLE, "pc")
        if fresh:
            self.records[variable] = record
            self.domains.dirty |= self.record_readers
        return variable

    def local(self, name: str, context: Context) -> Place:
        record = context.record
        assert record is not None, name
        owned = isinstance(record.subject, Entity) and record.subject.owned
        label = f"{context.locals}.{name}" + (f" ({record.copy + 1})" if record.copy else "")
        key = ("local", record, context.locals, name)
        return Place(self.domains.variable(key, label, owned, None, "local"), context.slot)

    # ------------------------------------------------------------ values

    def eval(self, expr: typed.Expr, path: Path, context: Context) -> Iterator[tuple[Path, Symbolic]]:
        match expr:
            case typed.Const(value):
                yield path, K(value)
            case typed.Local(name):
                bound = context.bind.get(name)
                if bound is not None:
                    yield path, self.refreshed(path, bound)
                else:
                    yield path, self.read(path, self.local(name, context))
            case typed.FieldOf(base, _, name, driver):
                for here, target in self.targets(base, path, context):
                    yield from self.field_value(here, target, name, driver, context)
            case typed.Conditional(condition, then, otherwise):
                for here, holds in self.decide(condition, path, context):
                    yield from self.eval(then if holds else otherwise, here, context)
            case typed.Arithmetic(op, left, right):
                yield from self.arithmetic(op, left, right, path, context)
            case typed.Pick(variable, sort, condition):
                for here, found in self.pick(variable, sort, condition, path, context):
                    yield here, K(found)
            case _:
                for here, holds in self.decide(expr, path, context):
                    yield here, K(holds)

    def eval_all(
        self, exprs: Iterable[typed.Expr], path: Path, context: Context
    ) -> list[tuple[Path, tuple[Symbolic, ...]]]:
        found: list[tuple[Path, tuple[Symbolic, ...]]] = [(path, ())]
        for expr in exprs:
            found = [
                (there, (*values, value)) for here, values in found for there, value in self.eval(expr, here, context)
            ]
        return found

    def targets(self, base: typed.Expr, path: Path, context: Context) -> Iterator[tuple[Path, Value]]:
        """What an expression refers to, one path for each target. A null reference breaks the contract."""
        for here, value in self.eval(base, path, context):
            for there, target in self.split(here, value):
                if target is None or target == NOTHING:
                    if context.lenient:
                        yield there, NOTHING
                    else:
                        self.broken.append((there, NULL_HANDLE))
                else:
                    assert not isinstance(target, frozenset)
                    yield there, target

    def field_value(
        self, path: Path, base: Value, name: str, driver: bool, context: Context
    ) -> Iterator[tuple[Path, Symbolic]]:
        if base == NOTHING:
            yield path, K(NOTHING)
            return
        if isinstance(base, Ref) and name == "origin":
            yield path, K(self.origin(base))
            return
        if isinstance(base, Ref) and name == "parent":
            created = base.pool != self.received.pool and base.slot is not None
            yield path, K(Ref(self.received.pool, 0, base.slot) if created else None)
            return
        place = self.field_place(base, name)
        if place is None:
            assert isinstance(base, Obj), (base, name)
            constant = self.program.objects[base.name].constants[name]
            yield from self.eval(constant, path, replace(context, bind={}, driver=True))
            return
        if driver and context.driver:
            for here in self.alive(path, base, context):
                yield here, self.read(here, place)
            return
        yield path, self.read(path, place)

    def alive(self, path: Path, owner: Value, context: Context) -> Iterator[Path]:
        """The driver's context of a request, or of an object that comes and goes, is gone with it."""
        for here, holds in self.is_alive(path, owner, context):
            if holds:
                yield here
            else:
                self.broken.append((here, LOST_HANDLE if isinstance(owner, Ref) else NULL_HANDLE))

    def is_alive(self, path: Path, owner: Value, context: Context) -> Decided:
        assert isinstance(owner, Ref | Obj), owner
        sort = self.dynamic if isinstance(owner, Ref) else self.program.objects[owner.name].sort
        if sort not in self.program.alive:
            yield path, True
            return
        parameter, body = self.program.alive[sort]
        yield from self.decide(body, path, replace(context, bind={parameter: K(owner)}, lenient=True, driver=False))

    def origin(self, ref: Ref) -> str:
        if ref.pool == self.received.pool:
            return "received"
        return next(pool.origin for pool in self.program.pools if pool.name == ref.pool)

    def arithmetic(
        self, op: str, left: typed.Expr, right: typed.Expr, path: Path, context: Context
    ) -> Iterator[tuple[Path, Symbolic]]:
        sign = 1 if op == "+" else -1
        for here, first in self.eval(left, path, context):
            for there, second in self.eval(right, here, context):
                for at, number in self.split(there, second):
                    assert isinstance(number, int)
                    if isinstance(first, K):
                        assert isinstance(first.value, int)
                        yield at, K(first.value + sign * number)
                    else:
                        table = {b: plus(now, sign * number) for b, now in self.image(at, first)}
                        yield at, M(first.place, table)

    # ------------------------------------------------------------ conditions

    def decide(self, expr: typed.Expr, path: Path, context: Context) -> Decided:
        if self.self_mode and self.quantifies(expr):
            yield path, self.assumption(expr, context)
            return
        match expr:
            case typed.Const(value):
                yield path, bool(value) and value != NOTHING
            case typed.Not(operand):
                for here, holds in self.decide(operand, path, context):
                    yield here, not holds
            case typed.And(left, right):
                for here, holds in self.decide(left, path, context):
                    if holds:
                        yield from self.decide(right, here, context)
                    else:
                        yield here, False
            case typed.Or(left, right):
                for here, holds in self.decide(left, path, context):
                    if holds:
                        yield here, True
                    else:
                        yield from self.decide(right, here, context)
            case typed.Conditional(condition, then, otherwise):
                for here, holds in self.decide(condition, path, context):
                    yield from self.decide(then if holds else otherwise, here, context)
            case typed.Compare(op, typed.CountOf() as counted, right):
                yield from self.count(op, counted, right, path, context)
            case typed.Compare(op, left, right):
                yield from self.compare(op, left, right, path, context)
            case typed.Exists(variable, sort, condition):
                for here, found in self.search(variable, sort, condition, path, context):
                    yield here, found is not None
            case typed.Maybe():
                yield path, True
                yield path, False
            case _:
                yield from self.decide_atom(expr, path, context)

    def decide_atom(self, expr: typed.Expr, path: Path, context: Context) -> Decided:
        """Conditions without conditions in them."""
        match expr:
            case typed.OneOf(operand, members):
                yield from self.test_of(operand, path, context, members.__contains__)
            case typed.HasFlag(operand, flag):
                yield from self.test_of(operand, path, context, lambda v: isinstance(v, frozenset) and flag in v)
            case typed.Succeeded(status):
                statuses = self.program.statuses
                yield from self.test_of(status, path, context, lambda v: statuses.get(str(v), 1 << 31) < 1 << 31)
            case typed.Mine(lock):
                yield from self.test_of(lock, path, context, lambda v: isinstance(v, Obj) and v.name in path.locks)
            case typed.Inside(kind, subject):
                yield from self.inside(kind, subject, path, context)
            case typed.Hosted(host):
                yield from self.test_of(host, path, context, lambda v: isinstance(v, Obj) and v.name == context.host)
            case typed.Active(host):
                for here, target in self.targets(host, path, context):
                    yield from self.hosted(here, target)
            case typed.RoleActive(role, subject):
                for here, target in self.targets(subject, path, replace(context, lenient=True)):
                    yield from self.role_active(here, role, target)
            case typed.Quiet():
                yield from self.quiet(path)
            case typed.Stored(request):
                for here, target in self.targets(request, path, context):
                    yield from self.stored(here, target)
            case typed.Happens(event, args):
                yield from self.happens(event, args, path, context)
            case typed.Once() | typed.Since():
                yield from self.fork(path, self.read(path, context.past[expr]), bool)
            case _:
                yield from self.test_of(expr, path, context, lambda v: v is True)

    def test_of(self, operand: typed.Expr, path: Path, context: Context, accepts: Accepts) -> Decided:
        for here, value in self.eval(operand, path, context):
            yield from self.fork(here, value, accepts)

    def quantifies(self, expr: typed.Expr) -> bool:
        """Whether the condition itself looks at all requests."""
        match expr:
            case typed.Exists(_, sort) | typed.Compare(_, typed.CountOf(_, sort)):
                return sort == self.dynamic
            case typed.Active() | typed.Quiet() | typed.Stored():
                return True
            case _:
                return False

    def assumption(self, expr: typed.Expr, context: Context) -> bool:
        """A condition inside one on all others, if it is not about them itself."""
        bound = tuple((name, context.bind[name]) for name in sorted(locals_of(expr)) if name in context.bind)
        if any(isinstance(v, K) and isinstance(v.value, Ref) and v.value.slot == SELF for _, v in bound):
            raise NotExpressible("a condition on all other requests quantifies over requests")
        key = (expr, bound)
        if key not in self.assumed:
            raise NeedsDecision(expr, key, context)
        return self.assumed[key]

    def fork(self, path: Path, value: Symbolic, accepts: Accepts) -> Decided:
        yes, no = self.test(path, value, accepts)
        if yes is not None:
            yield yes, True
        if no is not None:
            yield no, False

    def fork_at(self, place: Place, accepts: Accepts) -> PathTest:
        return lambda path: self.fork(path, self.read(path, place), accepts)

    def any_of(self, path: Path, tests: Iterable[PathTest]) -> Decided:
        """Whether one of the tests holds: each is put on the paths on which those before it fail."""
        pending = [path]
        for test in tests:
            following = []
            for here in pending:
                for there, holds in test(here):
                    if holds:
                        yield there, True
                    else:
                        following.append(there)
            pending = following
        yield from ((here, False) for here in pending)

    def compare(self, op: str, left: typed.Expr, right: typed.Expr, path: Path, context: Context) -> Decided:
        """One side is split into its values; that is a constant if there is one."""
        for here, first in self.eval(left, path, context):
            for there, second in self.eval(right, here, context):
                kept, divided, order = self.refreshed(there, first), second, op
                if isinstance(kept, K):
                    kept, divided, order = second, kept, flipped(op)
                for at, other in self.split(there, divided):
                    held = self.refreshed(at, kept)
                    if isinstance(other, Ref) and other.slot == SELF:
                        self.needs_target(at, held)
                    yield from self.fork(at, held, relation(order, other))

    def needs_target(self, path: Path, value: Symbolic) -> None:
        """`s == place` for each other s: a target among the others must be named first."""
        if isinstance(value, M) and value.place.slot != SELF:
            if any(isinstance(now, Ref) and now.slot == OTHER for _, now in self.image(path, value)):
                raise NeedsSplit(value.place)

    def inside(self, kind: str, subject: typed.Expr, path: Path, context: Context) -> Decided:
        if kind not in context.kinds or context.record is None:
            yield path, False
            return
        own: Value = (
            Ref(context.record.subject.pool, context.record.subject.index, context.slot)
            if isinstance(context.record.subject, Entity)
            else context.record.subject
        )
        yield from self.test_of(subject, path, context, equals(own))

    # ------------------------------------------------------------ program counters

    def hosted(self, path: Path, host: Value) -> Decided:
        """Whether some callback that the object hosts is unfinished."""
        assert isinstance(host, Obj), host
        yield from self.any_counter(path, lambda _, location: self.hosts.get(str(location)) == host.name)

    def quiet(self, path: Path) -> Decided:
        """Whether no activation is unfinished; threads may rest where they start."""

        def busy(variable: int, location: Known) -> bool:
            return location != IDLE and location not in self.resting.get(variable, frozenset())

        for here, holds in self.any_counter(path, busy):
            yield here, not holds

    def role_active(self, path: Path, role: str, subject: Value) -> Decided:
        self.record_readers.add(self.domains.current)
        counters = []
        for variable, record in self.records.items():
            if record.role != role or subject == NOTHING:
                continue
            if isinstance(subject, Ref) and record.subject == self.entity(subject):
                counters.append(Place(variable, subject.slot))
            elif record.subject == subject:
                counters.append(Place(variable, None))
        yield from self.any_of(path, [self.fork_at(counter, lambda v: v != IDLE) for counter in counters])

    def any_counter(self, path: Path, accepts: CounterTest) -> Decided:
        """Whether some program counter is at an accepted location."""
        self.record_readers.add(self.domains.current)
        shared: list[PathTest] = []
        owned: dict[Entity, list[int]] = {}
        for variable, record in self.records.items():
            self.domains.readers[variable].add(self.domains.current)
            if not any(accepts(variable, value) for value in self.domains.values[variable]):
                continue
            if isinstance(record.subject, Entity) and record.subject.owned:
                owned.setdefault(record.subject, []).append(variable)
            else:
                shared.append(self.fork_at(Place(variable, None), partial(accepts, variable)))

        def check(here: Path, target: Ref) -> Decided:
            counters = owned.get(self.entity(target), ())
            return self.any_of(here, [self.fork_at(Place(c, target.slot), partial(accepts, c)) for c in counters])

        for here, holds in self.any_of(path, shared):
            if holds:
                yield here, True
            else:
                yield from ((there, found is not None) for there, found in self.search_slots(here, check))

    # ------------------------------------------------------------ quantifiers

    def search(
        self, variable: str, sort: str, condition: typed.Expr, path: Path, context: Context
    ) -> Iterator[tuple[Path, Value]]:
        """One path for each object or request that may be the one, and those on which there is none."""
        lenient = replace(context, lenient=True, driver=False)
        if sort != self.dynamic:
            pending = [path]
            held = isinstance(first := first_conjunct(condition), typed.Mine) and first.lock == typed.Local(variable)
            for found in self.program.objects_of(sort):
                if held and found.name not in path.locks:
                    continue  # of all the locks of a driver a thread holds few
                following = []
                for here in pending:
                    for there, holds in self.decide(condition, here, lenient.binding(variable, K(Obj(found.name)))):
                        if holds:
                            yield there, Obj(found.name)
                        else:
                            following.append(there)
                pending = following
            for here in pending:
                yield here, None
            return

        def check(here: Path, target: Ref) -> Decided:
            yield from self.decide(condition, here, lenient.binding(variable, K(target)))

        yield from self.search_slots(path, check)

    def search_slots(self, path: Path, check: Check) -> Iterator[tuple[Path, Value]]:
        if self.self_mode:
            raise NotExpressible("a condition on all other requests quantifies over requests")
        pending = [path]
        for target in self.known(path):
            following = []
            for here in pending:
                for there, holds in check(here, target):
                    if holds:
                        yield there, target
                    else:
                        following.append(there)
            pending = following
        for here in pending:
            for there, condition in self.on_others(here, check):
                if any(condition):
                    for entity in (e for e, cubes in zip(self.owned_entities(), condition, strict=True) if cubes):
                        for wider, symbol in self.introduced(there):
                            target = Ref(entity.pool, entity.index, symbol)
                            yield from ((at, target) for at, holds in check(wider, target) if holds)
                    none = there.copy()
                    none.others.append(OthersCondition(condition, 0, 0))
                    yield none, None
                else:
                    yield there, None

    def pick(
        self, variable: str, sort: str, condition: typed.Expr, path: Path, context: Context
    ) -> Iterator[tuple[Path, Value]]:
        """Any one that satisfies the condition: unlike in `search`, later ones too where an earlier one does."""
        lenient = replace(context, lenient=True, driver=False)

        def check(here: Path, target: Value) -> Decided:
            yield from self.decide(condition, here, lenient.binding(variable, K(target)))

        slots = sort == self.dynamic
        known: list[Value] = [*self.known(path)] if slots else [Obj(o.name) for o in self.program.objects_of(sort)]
        pending = [(path, False)]
        for target in known:
            following = []
            for here, found in pending:
                for there, holds in check(here, target):
                    if holds:
                        yield there, target
                    following.append((there, found or holds))
            pending = following
        for here, found in pending:
            if slots:
                yield from self.pick_other(here, found, check)
            elif not found:
                yield here, None

    def pick_other(self, path: Path, found: bool, check: Check) -> Iterator[tuple[Path, Value]]:
        for there, condition in self.on_others(path, check):
            for entity in (e for e, cubes in zip(self.owned_entities(), condition, strict=True) if cubes):
                for wider, symbol in self.introduced(there):
                    target = Ref(entity.pool, entity.index, symbol)
                    yield from ((at, target) for at, holds in check(wider, target) if holds)
            if not found:
                none = there
                if any(condition):
                    none = there.copy()
                    none.others.append(OthersCondition(condition, 0, 0))
                yield none, None

    def known(self, path: Path) -> list[Ref]:
        """The requests that a path can name: those of the footprint, and the device's pools."""
        found = [Ref(e.pool, e.index, symbol) for symbol in range(path.footprint) for e in self.owned_entities()]
        return found + [Ref(e.pool, e.index, None) for e in self.entities if not e.owned]

    def owned_entities(self) -> list[Entity]:
        return [entity for entity in self.entities if entity.owned]

    def on_others(self, path: Path, check: Check) -> Iterator[tuple[Path, list[list[SelfCube]]]]:
        """The condition as a DNF over the record of one other request, on paths that it depends on no further."""
        found = self.attempt(path, check)
        match found:
            case NeedsDecision(condition=condition, key=key, context=context):
                assert isinstance(context, Context)
                for here, holds in self.decide(condition, path, context):
                    self.assumed[key] = holds
                    split = list(self.on_others(here, check))
                    del self.assumed[key]
                    yield from split
            case NeedsSplit(place=place):
                for here, _ in self.split(path, M(place)):
                    yield from self.on_others(here, check)
            case _:
                yield path, found

    def attempt(self, path: Path, check: Check) -> list[list[SelfCube]] | NeedsDecision | NeedsSplit:
        self.self_mode = True
        broken = len(self.broken)
        try:
            return [self.self_cubes(path, Ref(e.pool, e.index, SELF), check) for e in self.owned_entities()]
        except (NeedsDecision, NeedsSplit) as needed:
            return needed
        finally:
            self.self_mode = False
            del self.broken[broken:]

    def self_cubes(self, path: Path, target: Ref, check: Check) -> list[SelfCube]:
        found = []
        for here, holds in check(path, target):
            if holds:
                found.append({place: values for place, values in here.guard.items() if place.slot == SELF})
        return found

    def rivals(self, path: Path, request: Ref, check: Check) -> Iterator[tuple[Path, list[tuple[Ref, list[SelfCube]]]]]:
        """When each other request satisfies a condition, in terms of old values."""
        broken = len(self.broken)
        for here, condition in self.on_others(path, check):
            found = [(ref, self.narrowing(here, ref, check)) for ref in self.known(here) if ref != request]
            found += [
                (Ref(e.pool, e.index, SELF), cubes) for e, cubes in zip(self.owned_entities(), condition, strict=True)
            ]
            yield here, [(rival, cubes) for rival, cubes in found if cubes]
        del self.broken[broken:]

    def narrowing(self, path: Path, request: Ref, check: Check) -> list[SelfCube]:
        """A condition on a request of the footprint as a DNF, without splitting the path."""
        return [
            {place: values for place, values in here.guard.items() if path.guard.get(place) != values}
            for here, holds in check(path, request)
            if holds
        ]

    def count(self, op: str, counted: typed.CountOf, right: typed.Expr, path: Path, context: Context) -> Decided:
        """`count(...) < limit` and its kin, by the number among the known requests and a condition on all others."""
        for here, value in self.eval(right, path, context):
            for there, limit in self.split(here, value):
                assert isinstance(limit, int)
                match op:
                    case "<":
                        yield from self.fewer(counted, limit, there, context)
                    case "<=":
                        yield from self.fewer(counted, limit + 1, there, context)
                    case ">=" | ">":
                        bound = limit + (op == ">")
                        yield from ((at, not holds) for at, holds in self.fewer(counted, bound, there, context))
                    case _:
                        for at, above in self.fewer(counted, limit + 1, there, context):
                            if not above:
                                yield at, op == "!="
                            else:
                                fewer = self.fewer(counted, limit, at, context)
                                yield from ((a, below == (op == "!=")) for a, below in fewer)

    def fewer(self, counted: typed.CountOf, limit: int, path: Path, context: Context) -> Decided:
        lenient = replace(context, lenient=True, driver=False)

        def check(here: Path, target: Ref) -> Decided:
            yield from self.decide(counted.condition, here, lenient.binding(counted.variable, K(target)))

        if counted.sort != self.dynamic or self.self_mode:
            raise NotExpressible("`count` counts requests, outside conditions on all other requests")
        pending = [(path, 0)]
        for target in self.known(path):
            pending = [(there, number + holds) for here, number in pending for there, holds in check(here, target)]
        for here, number in pending:
            for there, cubes in self.on_others(here, check):
                if number >= limit:
                    yield there, False
                    continue
                if not any(cubes):
                    yield there, True
                    continue
                below, above = there.copy(), there.copy()
                below.others.append(OthersCondition(cubes, 0, limit - 1 - number))
                above.others.append(OthersCondition([[dict(c) for c in e] for e in cubes], limit - number, None))
                yield below, True
                yield above, False

    # ------------------------------------------------------------ what the driver keeps

    def stored(self, path: Path, request: Value) -> Decided:
        """Whether a variable, set or list of the driver, or a field of another request, refers to the request."""
        assert isinstance(request, Ref), request
        specs = self.program.sorts[self.dynamic].fields.values()
        fields = [spec.name for spec in specs if spec.driver and isinstance(spec.type, RefType)]
        keepers = [partial(self.kept_by, *keeper) for keeper in self.keepers(request)]
        for here, holds in self.any_of(path, keepers):
            if holds or not fields:
                yield here, holds
            else:
                yield from self.stored_in_request(here, request, fields)

    def kept_by(self, owner: Obj | None, place: Place, wanted: Value, path: Path) -> Decided:
        """What is gone keeps nothing. `owner`: None for what is always there."""
        for here, holds in self.fork(path, self.read(path, place), equals(wanted)):
            if holds and owner is not None:
                yield from self.is_alive(here, owner, Context())
            else:
                yield here, holds

    def stored_in_request(self, path: Path, request: Ref, fields: Sequence[str]) -> Decided:
        def refers(name: str, target: Ref, here: Path) -> Decided:
            place = self.field_place(target, name)
            assert place is not None
            value = self.read(here, place)
            if request.slot is not None and target.slot == SELF:
                self.needs_target(here, value)
            yield from self.fork(here, value, equals(request))

        def check(here: Path, target: Ref) -> Decided:
            """A request that is gone keeps nothing."""
            for at, holds in self.any_of(here, [partial(refers, name, target) for name in fields]):
                if holds:
                    yield from self.is_alive(at, target, Context())
                else:
                    yield at, False

        yield from ((here, found is not None) for here, found in self.search_slots(path, check))

    def keepers(self, request: Ref) -> list[tuple[Obj | None, Place, Value]]:
        """The driver's variables that may refer to the request, and its membership bits; their values if they do."""
        found: list[tuple[Obj | None, Place, Value]] = []
        for item in self.program.objects.values():
            shared = (spec for spec in self.program.sorts[item.sort].fields.values() if spec.driver)
            for spec in (*item.fields.values(), *shared):
                if isinstance(spec.type, RefType) and spec.type.sort == self.dynamic:
                    place = self.field_place(Obj(item.name), spec.name)
                    assert place is not None
                    found.append((Obj(item.name), place, request))
        for spec in self.program.sorts[self.dynamic].fields.values():
            if spec.driver and spec.name.startswith("in "):
                place = self.field_place(request, spec.name)
                assert place is not None
                found.append((self.program.owner_of_set(spec.name), place, True))
        return found

    # ------------------------------------------------------------ events

    def happens(self, event: str, args: tuple[typed.Expr | None, ...], path: Path, context: Context) -> Decided:
        if context.event is None or context.event[0] != event:
            yield path, False
            return
        pending = [path]
        for pattern, actual in zip(args, context.event[1], strict=True):
            if pattern is None:
                continue
            following = []
            for here in pending:
                for there, wanted in self.eval(pattern, here, context):
                    for at, value in self.split(there, wanted):
                        yes, no = self.test(at, self.refreshed(at, actual), equals(value))
                        if yes is not None:
                            following.append(yes)
                        if no is not None:
                            yield no, False
            pending = following
        for here in pending:
            yield here, True


def first_conjunct(condition: typed.Expr) -> typed.Expr:
    while isinstance(condition, typed.And):
        condition = condition.left
    return condition


def entities(program: typed.Program) -> tuple[Entity, ...]:
    """Received requests first, then each cell of each pool."""
    dynamic = next(name for name, sort in program.sorts.items() if sort.dynamic)
    found = [Entity(dynamic, 0, True)]
    for pool in program.pools:
        found += [Entity(pool.name, at, pool.per_request) for at in range(pool.bound)]
    return tuple(found)


def cell_name(ref: Ref | Entity) -> str:
    return f"{ref.pool}{ref.index + 1}"


def subject_name(subject: Entity | Obj | str) -> str:
    match subject:
        case Entity():
            return cell_name(subject)
        case Obj(name):
            return name
        case _:
            return subject


def plus(value: Value, number: int) -> Value:
    return value + number if isinstance(value, int) else None


def flipped(op: str) -> str:
    return {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)


def equals(wanted: Known) -> Accepts:
    return lambda value: value == wanted


def relation(op: str, right: Known) -> Accepts:
    return lambda value: related(op, value, right)


def related(op: str, left: Known, right: Known) -> bool:
    match op:
        case "==":
            return left == right and isinstance(left, bool) == isinstance(right, bool)
        case "!=":
            return not related("==", left, right)
    assert isinstance(left, int) and isinstance(right, int), (left, op, right)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
