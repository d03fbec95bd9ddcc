"""Symbolic paths: what a transition under construction has read and written so far.

A value on a path is a constant or a unary function of one old variable. A test narrows the set of old values of that
variable; what needs two variables is split by cases. References are split by target before they are followed: a
target outside the footprint becomes a new symbol of the footprint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system.flow import Node
from wdfmc.system.system import OTHER, SELF, Place, Ref, Value

Known: TypeAlias = "Value | frozenset[str]"  # a constant of the text may also be a set of flags


class Entity(NamedTuple):
    """Requests that live in the same place of a record: received ones, or cell `index` of a pool."""

    pool: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on an entity
    owned: bool  # part of each request slot's record


class K(NamedTuple):
    """A constant."""

    value: Known


class M(NamedTuple):
    """table[old value of place]; the identity if the table is None."""

    place: Place
    table: dict[Value, Value] | None = None


Symbolic: TypeAlias = K | M
Accepts: TypeAlias = Callable[[Known], bool]


class NeedsSplit(Exception):
    """A condition on all other requests depends on this place of the footprint or shared data."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


class NeedsDecision(Exception):
    """A condition on all other requests contains one that is about none of them: it is decided first."""

    def __init__(self, condition: typed.Expr, key: tuple[object, ...], context: object) -> None:
        super().__init__(condition)
        self.condition, self.key, self.context = condition, key, context


class NotExpressible(Exception):
    """A text needs what the transition system cannot express. `rule`: the one that does, if only a rule does."""

    def __init__(self, problem: str, rule: str | None = None) -> None:
        super().__init__(problem)
        self.rule = rule


SelfCube: TypeAlias = dict[Place, frozenset[Value]]


@dataclass(slots=True)
class OthersCondition:
    """`Others` under construction."""

    entities: list[list[SelfCube]]
    low: int
    high: int | None

    def copy(self) -> OthersCondition:
        return OthersCondition([[dict(cube) for cube in cubes] for cubes in self.entities], self.low, self.high)


@dataclass(slots=True)
class Turn:
    """`Standing` under construction."""

    request: Ref
    place: Literal["first", "last", "taken"]
    rivals: list[tuple[Ref, list[SelfCube]]] = field(default_factory=list)

    def copy(self) -> Turn:
        return Turn(self.request, self.place, [(rival, [dict(cube) for cube in cubes]) for rival, cubes in self.rivals])

    def widen(self, symbol: int) -> None:
        """One more request is in the footprint: what is said of all others is said of it by name, too."""
        for _, cubes in self.rivals:
            for cube in cubes:
                for place in cube:
                    cube[place] = wider_set(cube[place], symbol)
        self.rivals += [
            (rival._replace(slot=symbol), [named(cube, symbol) for cube in cubes])
            for rival, cubes in self.rivals
            if rival.slot == SELF
        ]


@dataclass(slots=True)
class TraceLine:
    """A statement begun on this path. `before`: the values when it began."""

    span: Span
    action: str
    result: str | None
    before: dict[Place, Symbolic]


@dataclass(slots=True)
class Path:
    """A transition under construction, before the operation at `node`.

    guard: the old values that are still possible, where that is not all. values: what places hold now, in terms of
    old values. lines: of the trace. heads: of the loops that were entered. locks: held now.
    """

    node: Node
    footprint: int
    locks: frozenset[str]
    guard: dict[Place, frozenset[Value]] = field(default_factory=dict)
    values: dict[Place, Symbolic] = field(default_factory=dict)
    others: list[OthersCondition] = field(default_factory=list)
    lines: list[TraceLine] = field(default_factory=list)
    heads: frozenset[int] = frozenset()
    steps: int = 0  # operations executed
    nontrivial: bool = False  # something that others may see was executed
    committed: bool = False  # past its one non-mover or a release: only left movers may follow (Lipton)
    in_atom: bool = False
    acquired: str | None = None
    fair: bool = True
    words: str | None = None  # of an environment step inside a thread
    events: frozenset[str] = frozenset()
    forks: int = 0  # how often the path was split between atomic bodies
    begun: Node | None = None  # the statement whose line was written last, while nothing of it was executed
    waited: frozenset[int] = frozenset()  # numbers of the waits, in its source, that it is past
    free: bool = False  # without being fair it may be taken for ever
    turns: list[Turn] = field(default_factory=list)  # what was done to the line of requests

    def copy(self) -> Path:
        return Path(
            self.node, self.footprint, self.locks, dict(self.guard), dict(self.values),
            [condition.copy() for condition in self.others], list(self.lines), self.heads, self.steps, self.nontrivial,
            self.committed, self.in_atom, self.acquired, self.fair, self.words, self.events, self.forks,
            self.begun, self.waited, self.free, [turn.copy() for turn in self.turns],
        )  # fmt: skip


class Domains:
    """The values that each template variable can have, as far as found; grows until nothing new appears.

    A cartesian over-approximation of the reachable states: what it excludes costs nothing anywhere.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.owned: list[bool] = []
        self.initial: list[Value] = []
        self.values: list[dict[Value, None]] = []  # insertion order is the domain's order
        self.kinds: list[str] = []  # field, driver, pc, local, rule, lock
        self.keys: dict[tuple[object, ...], int] = {}
        self.readers: list[set[int]] = []  # sources to run again when a value appears
        self.dirty: set[int] = set()
        self.current = -1
        # for each variable, by footprint and whether it is read of another request, until it gets a new value
        self.old_values: list[dict[tuple[int, bool], frozenset[Value]]] = []
        self.locals: dict[tuple[object, ...], dict[str, int]] = {}  # (record, callback or thread) -> name -> variable

    def variable(self, key: tuple[object, ...], name: str, owned: bool, initial: Value, kind: str) -> int:
        found = self.keys.get(key)
        if found is None:
            found = self.keys[key] = len(self.names)
            self.names.append(name)
            self.owned.append(owned)
            self.initial.append(initial)
            self.values.append({initial: None})
            self.kinds.append(kind)
            self.readers.append(set())
            self.old_values.append({})
            if kind == "local":
                *owner, local = key[1:]
                self.locals.setdefault(tuple(owner), {})[str(local)] = found
        return found

    def add(self, variable: int, values: Iterable[Value]) -> None:
        known = self.values[variable]
        fresh = [value for value in values if value not in known]
        if fresh:
            for value in fresh:
                known[value] = None
            self.dirty |= self.readers[variable]
            self.old_values[variable].clear()

    def possible(self, place: Place, footprint: int) -> frozenset[Value]:
        """Old values at a place: each reference stands for every symbol of the footprint and for the others."""
        self.readers[place.variable].add(self.current)
        known = self.old_values[place.variable]
        key = (footprint, place.slot == SELF)
        if key not in known:
            known[key] = frozenset(self.spelled_out(place, footprint))
        return known[key]

    def spelled_out(self, place: Place, footprint: int) -> Iterator[Value]:
        for value in self.values[place.variable]:
            yield value
            if isinstance(value, Ref) and value.slot == OTHER:
                yield from (value._replace(slot=symbol) for symbol in range(footprint))
                if place.slot == SELF:
                    yield value._replace(slot=SELF)


def abstracted(value: Value) -> Value:
    """As it stands in a domain: a reference to a slot appears once, for all of them."""
    return value._replace(slot=OTHER) if isinstance(value, Ref) and value.slot is not None else value


class Algebra:
    """Reading, testing and splitting values on paths."""

    def __init__(self, domains: Domains) -> None:
        self.domains = domains
        self.self_mode = False
        self.touched: set[int] = set()
        self.accesses: dict[Place, bool] = {}  # of the operation at hand: is the place written?

    def old(self, path: Path, place: Place) -> frozenset[Value]:
        known = path.guard.get(place)
        return known if known is not None else self.domains.possible(place, path.footprint)

    def read(self, path: Path, place: Place) -> Symbolic:
        self.touched.add(place.variable)
        self.accesses.setdefault(place, False)
        return path.values.get(place) or M(place)

    def write(self, path: Path, place: Place, value: Symbolic) -> None:
        self.touched.add(place.variable)
        self.accesses[place] = True
        path.values[place] = value

    def image(self, path: Path, value: M) -> Iterator[tuple[Value, Value]]:
        """(old value, value now) for each old value that is still possible."""
        for before in self.old(path, value.place):
            if value.table is None:
                yield before, before
            elif before in value.table:  # else the domain has just grown, and this source will run again
                yield before, value.table[before]

    def restricted(self, path: Path, place: Place, allowed: frozenset[Value]) -> Path:
        if self.old(path, place) == allowed:
            return path
        if self.self_mode and place.slot != SELF:
            raise NeedsSplit(place)
        after = path.copy()
        after.guard[place] = allowed
        return after

    def test(self, path: Path, value: Symbolic, accepts: Accepts) -> tuple[Path | None, Path | None]:
        """The path on which the value is accepted, and that on which it is not."""
        if isinstance(value, K):
            return (path, None) if accepts(value.value) else (None, path)
        yes: set[Value] = set()
        no: set[Value] = set()
        for before, now in self.image(path, value):
            (yes if accepts(now) else no).add(before)
        if not no:
            return path, None
        if not yes:
            return None, path
        return self.restricted(path, value.place, frozenset(yes)), self.restricted(path, value.place, frozenset(no))

    def split(self, path: Path, value: Symbolic) -> Iterator[tuple[Path, Known]]:
        """One path for each value; a reference to some other request becomes a new symbol."""
        if isinstance(value, K):
            yield path, value.value
            return
        groups: dict[Value, set[Value]] = {}
        for before, now in self.image(path, value):
            groups.setdefault(now, set()).add(before)
        for now in sorted(groups, key=repr):
            here = self.restricted(path, value.place, frozenset(groups[now]))
            if not (isinstance(now, Ref) and now.slot == OTHER):
                yield here, now
                continue
            if value.place.slot == SELF:
                raise NotExpressible("a condition on all other requests follows a reference to a request")
            for wider, symbol in self.introduced(here):
                target = now._replace(slot=symbol)
                hits = frozenset(b for b, n in self.image(wider, self.widened(wider, value)) if n == target)
                if hits:
                    yield self.restricted(wider, value.place, hits), target

    def widened(self, path: Path, value: M) -> M:
        """The same value after the footprint has grown: its table covers the new symbol."""
        if value.table is None:
            return value
        return M(value.place, wider_table(value.table, path.footprint))

    def refreshed(self, path: Path, value: Symbolic) -> Symbolic:
        """A value read before the footprint may have grown, as it is now."""
        return self.widened(path, value) if isinstance(value, M) else value

    def introduced(self, path: Path) -> Iterator[tuple[Path, int]]:
        """The path with one more request in its footprint, split by what the conditions on all others say of it."""
        if self.self_mode:
            raise NotExpressible("a condition on all other requests names a second request")
        symbol = path.footprint
        wider = path.copy()
        wider.footprint += 1
        wider.guard = {place: wider_set(values, symbol) for place, values in path.guard.items()}
        wider.values = {
            place: value if isinstance(value, K) or value.table is None
            else M(value.place, wider_table(value.table, wider.footprint))
            for place, value in path.values.items()
        }  # fmt: skip
        for condition in wider.others:
            for cubes in condition.entities:
                for cube in cubes:
                    for place in cube:
                        cube[place] = wider_set(cube[place], symbol)
        for turn in wider.turns:
            turn.widen(symbol)
        for settled in self.settle(wider, symbol, 0):
            yield settled, symbol

    def settle(self, path: Path, symbol: int, at: int) -> Iterator[Path]:
        """Account for the new symbol in the conditions on all others, from number `at` on."""
        if at == len(path.others):
            yield path
            return
        pending = [(path, 0)]
        for entity in range(len(path.others[at].entities)):
            following = []
            for here, number in pending:
                for there, holds in self.satisfies(here, here.others[at].entities[entity], symbol):
                    following.append((there, number + holds))
            pending = following
        for here, number in pending:
            condition = here.others[at]
            if condition.high is not None and number > condition.high:
                continue
            there = here.copy()
            there.others[at].low = max(0, condition.low - number)
            if condition.high is not None:
                there.others[at].high = condition.high - number
            yield from self.settle(there, symbol, at + 1)

    def satisfies(self, path: Path, cubes: list[SelfCube], symbol: int) -> Iterator[tuple[Path, bool]]:
        """Whether the request `symbol` satisfies one of the cubes, by its old values."""
        if not cubes:
            yield path, False
            return
        cube, rest = cubes[0], cubes[1:]
        here: Path | None = path
        for place, values in cube.items():
            assert here is not None
            allowed = frozenset(self_as(value, symbol) for value in values)
            yes, no = self.test(here, M(place._replace(slot=symbol)), allowed.__contains__)
            if no is not None:
                yield from self.satisfies(no, rest, symbol)
            here = yes
            if here is None:
                return
        assert here is not None
        yield here, True


def named(cube: SelfCube, symbol: int) -> SelfCube:
    """A condition on one of the others, said of the request `symbol`."""
    return {
        place._replace(slot=symbol) if place.slot == SELF else place: frozenset(self_as(v, symbol) for v in values)
        for place, values in cube.items()
    }


def self_as(value: Value, symbol: int) -> Value:
    return value._replace(slot=symbol) if isinstance(value, Ref) and value.slot == SELF else value


def wider_set(values: frozenset[Value], symbol: int) -> frozenset[Value]:
    fresh = {v._replace(slot=symbol) for v in values if isinstance(v, Ref) and v.slot == OTHER}
    return values | fresh if fresh else values


def wider_table(table: dict[Value, Value], footprint: int) -> dict[Value, Value]:
    wider = dict(table)
    for before, now in table.items():
        if isinstance(before, Ref) and before.slot == OTHER:
            for symbol in range(footprint):
                key = before._replace(slot=symbol)
                if key not in wider:
                    same = isinstance(now, Ref) and now.slot == OTHER
                    wider[key] = now._replace(slot=symbol) if same and isinstance(now, Ref) else now
    return wider
