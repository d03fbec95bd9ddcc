"""Expressions of the typed program as functions of a world (direct interpreter)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.system.system import Obj, Ref
from wdfmc.traces.world import NOTHING, Alias, Broken, Datum, Subject, Variables, World

Term: TypeAlias = Callable[[World], Datum]
Test: TypeAlias = Callable[[World], bool]
T = TypeVar("T")

STALE = "no-stale-handle"
DEAD = "no-access-after-ownership-loss"


@dataclass(frozen=True, slots=True)
class Mode:
    """lenient: a field of null is NOTHING instead of a violation. driver: text of the driver itself."""

    lenient: bool = False
    driver: bool = False


LENIENT = Mode(lenient=True)


class Terms:
    """Compiles expressions. `resting`: whether a thread of the driver stands at its beginning (the machine knows)."""

    def __init__(self, program: typed.Program, variables: Variables) -> None:
        self.program = program
        self.variables = variables
        self.statuses = program.statuses
        self.alive = {sort: (name, self.test(body, LENIENT)) for sort, (name, body) in program.alive.items()}
        self.constants: dict[tuple[Obj, str, Mode], Term] = {}
        self.busy: Callable[[World], bool] = lambda world: bool(world.active)

    # ------------------------------------------------------------ values

    def term(self, expr: typed.Expr, mode: Mode) -> Term:
        match expr:
            case typed.Const(value):
                return lambda world: value
            case typed.Local(name):
                return lambda world: world.local(name)
            case typed.FieldOf(base, _, name, driver):
                return self.field(base, name, mode, checked=driver and mode.driver)
            case typed.Conditional(condition, then, otherwise):
                decide, yes, no = self.test(condition, mode), self.term(then, mode), self.term(otherwise, mode)
                return lambda world: yes(world) if decide(world) else no(world)
            case typed.Arithmetic(op, left, right):
                return self.arithmetic(op, self.term(left, mode), self.term(right, mode))
            case typed.Pick(variable, sort, condition):
                return self.pick(variable, sort, condition)
            case typed.CountOf(variable, sort, condition):
                found = self.candidates(variable, sort, condition)
                return lambda world: len(found(world))
            case _:
                return self.test(expr, mode)

    def target(self, expr: typed.Expr, mode: Mode) -> Callable[[World], Subject | None]:
        """What an expression refers to; None only in lenient text."""
        value = self.term(expr, mode)

        def run(world: World) -> Subject | None:
            found = value(world)
            if isinstance(found, Obj | Ref):
                return found
            if mode.lenient:
                return None
            raise Broken(STALE)

        return run

    def field(self, base: typed.Expr, name: str, mode: Mode, checked: bool) -> Term:
        """checked: the driver reads its own context of a request or object, which must be alive."""
        target, at, variables = self.target(base, mode), self.variables.at, self.variables

        def run(world: World) -> Datum:
            found = target(world)
            if found is None:
                return NOTHING
            place = at.get((found, name))
            if place is not None:
                if checked:
                    self.check_alive(world, found)
                return world.values[place]
            if isinstance(found, Ref):
                return variables.origin(found) if name == "origin" else variables.parent(found)
            return self.constant(found, name, mode)(world)

        return run

    def constant(self, owner: Obj, name: str, mode: Mode) -> Term:
        """A const field; a condition that the driver gives (`hardware X when C;`) is evaluated as its text."""
        key = owner, name, mode
        if key not in self.constants:
            given = self.program.objects[owner.name].constants[name]
            self.constants[key] = self.term(given, replace(mode, driver=True))
        return self.constants[key]

    def is_alive(self, world: World, owner: Subject) -> bool:
        sort = self.variables.dynamic if isinstance(owner, Ref) else self.program.objects[owner.name].sort
        if sort not in self.alive:
            return True
        name, test = self.alive[sort]
        return self.bound(world, name, owner, test)

    def check_alive(self, world: World, owner: Subject) -> None:
        if not self.is_alive(world, owner):
            raise Broken(DEAD if isinstance(owner, Ref) else STALE)

    def bound(self, world: World, name: str, value: Datum, term: Callable[[World], T]) -> T:
        """The value of an expression in which only that name is bound."""
        names, world.names = world.names, {name: value}
        try:
            return term(world)
        finally:
            world.names = names

    def arithmetic(self, op: str, left: Term, right: Term) -> Term:
        def run(world: World) -> Datum:
            first, second = left(world), right(world)
            if isinstance(first, frozenset) and isinstance(second, frozenset):
                return first | second
            assert isinstance(first, int) and isinstance(second, int)
            return first + second if op == "+" else first - second

        return run

    # ------------------------------------------------------------ quantifiers

    def candidates(self, variable: str, sort: str, condition: typed.Expr) -> Callable[[World], list[Subject]]:
        """All objects or requests of the sort that satisfy a condition of the framework."""
        domain: tuple[Subject, ...]
        if self.program.sorts[sort].dynamic:
            domain = self.variables.requests
        else:
            domain = tuple(Obj(item.name) for item in self.program.objects_of(sort))
        test = self.test(condition, LENIENT)

        def run(world: World) -> list[Subject]:
            found, names = [], world.names
            for item in domain:
                names[variable] = item
                if test(world):
                    found.append(item)
            names.pop(variable, None)
            return found

        return run

    def pick(self, variable: str, sort: str, condition: typed.Expr) -> Term:
        candidates = self.candidates(variable, sort, condition)

        def run(world: World) -> Datum:
            found = candidates(world)
            if not found:
                return None
            if len(found) == 1:
                return found[0]
            return found[world.chooser.choose(len(found), lambda at: f"any: {found[at]}")]

        return run

    # ------------------------------------------------------------ conditions

    def test(self, expr: typed.Expr, mode: Mode) -> Test:
        match expr:
            case typed.Const(constant):
                return lambda world: constant is True
            case typed.Not(operand):
                inner = self.test(operand, mode)
                return lambda world: not inner(world)
            case typed.And(left, right):
                first, second = self.test(left, mode), self.test(right, mode)
                return lambda world: first(world) and second(world)
            case typed.Or(left, right):
                first, second = self.test(left, mode), self.test(right, mode)
                return lambda world: first(world) or second(world)
            case typed.Conditional(condition, then, otherwise):
                decide, yes, no = self.test(condition, mode), self.test(then, mode), self.test(otherwise, mode)
                return lambda world: yes(world) if decide(world) else no(world)
            case typed.Compare(op, left, right):
                return self.compare(op, self.term(left, mode), self.term(right, mode))
            case typed.OneOf(operand, members):
                value = self.term(operand, mode)
                return lambda world: value(world) in members
            case typed.HasFlag(operand, flag):
                value = self.term(operand, mode)
                return lambda world: isinstance(found := value(world), frozenset) and flag in found
            case typed.Succeeded(status):
                value = self.term(status, mode)
                return lambda world: not self.statuses.get(str(value(world)), 1 << 31) >> 31
            case typed.Exists(variable, sort, condition):
                candidates = self.candidates(variable, sort, condition)
                return lambda world: bool(candidates(world))
            case typed.Maybe(words):
                return lambda world: world.chooser.choose(2, lambda at: f"{words}: {'no' if at else 'yes'}") == 0
            case typed.Mine(lock):
                value = self.term(lock, mode)
                return lambda world: self.holds(world, value(world))
            case typed.Inside(kind, subject):
                value = self.term(subject, mode)
                return lambda world: kind in world.kinds and world.key is not None and value(world) == world.key.subject
            case typed.Hosted(host):
                value = self.term(host, mode)
                return lambda world: self.is_in(world, value(world))
            case typed.Active(host):
                target = self.target(host, mode)
                return lambda world: self.hosts(world, target(world))
            case typed.RoleActive(role, subject):
                return self.role_active(role, self.target(subject, LENIENT))
            case typed.Quiet():
                return lambda world: not self.busy(world)
            case typed.Stored(request):
                return self.stored(self.target(request, mode))
            case typed.Happens() | typed.Once() | typed.Since():
                raise AssertionError("only rules speak of events, and rules are not interpreted")
            case _:
                term = self.term(expr, mode)
                return lambda world: term(world) is True

    def holds(self, world: World, lock: Datum) -> bool:
        return isinstance(lock, Obj) and world.key is not None and world.held.get(lock.name) == world.key

    def is_in(self, world: World, host: Datum) -> bool:
        found = world.active.get(world.key) if world.key is not None else None
        return found is not None and found.host is not None and found.host == host

    def hosts(self, world: World, host: Subject | None) -> bool:
        return host is not None and any(found.host == host for found in world.active.values())

    def compare(self, op: str, left: Term, right: Term) -> Test:
        match op:
            case "==":
                return lambda world: left(world) == right(world)
            case "!=":
                return lambda world: left(world) != right(world)

        def run(world: World) -> bool:
            first, second = left(world), right(world)
            if not isinstance(first, int) or not isinstance(second, int):
                return False
            match op:
                case "<":
                    return first < second
                case "<=":
                    return first <= second
                case ">":
                    return first > second
                case _:
                    return first >= second

        return run

    def role_active(self, role: str, target: Callable[[World], Subject | None]) -> Test:
        def run(world: World) -> bool:
            wanted = target(world)
            return any(key.role == role and key.subject == wanted for key in world.active)

        return run

    def stored(self, target: Callable[[World], Subject | None]) -> Test:
        """A variable or list of the driver, a set of it, or a field of another live request refers to the request."""
        sorts, variables = self.program.sorts, self.variables
        names = [f.name for f in sorts[variables.dynamic].fields.values() if f.driver and f.name.startswith("in ")]
        bits = [(name, self.program.owner_of_set(name)) for name in names]
        keepers = [
            (owner, place) for (owner, name), place in variables.at.items()
            if variables.ranges[place].driver and isinstance(variables.ranges[place].type, RefType)
        ]  # fmt: skip

        def run(world: World) -> bool:
            wanted = target(world)
            if not isinstance(wanted, Ref):
                return False
            for bit, keeper in bits:
                if world.values[variables.at[wanted, bit]] is True and (keeper is None or self.is_alive(world, keeper)):
                    return True
            return any(
                world.values[place] == wanted and self.is_alive(world, owner)
                for owner, place in keepers if owner != wanted
            )  # fmt: skip

        return run

    # ------------------------------------------------------------ places

    def place(self, expr: typed.Expr, mode: Mode) -> Callable[[World], Alias]:
        """What an argument for an `out` or `ref` parameter stands for."""
        match expr:
            case typed.Local(name):

                def local(world: World) -> Alias:
                    known = world.names.get(name)
                    return known if isinstance(known, Alias) else Alias(len(world.frames) - 1, name, -1)

                return local
            case typed.FieldOf(base, _, name, driver):
                target = self.target(base, replace(mode, lenient=False))

                def cell(world: World) -> Alias:
                    found = target(world)
                    assert found is not None
                    if driver and mode.driver:
                        self.check_alive(world, found)
                    return Alias(-1, "", self.variables.at[found, name])

                return cell
        raise AssertionError(expr)
