"""What the direct interpreter computes with: concrete values, configurations, and the world that one move changes.

Nothing here knows the transition system: no joining, no domains, no reset of dead locals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypeVar

from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system.system import Obj, Ref

Datum: TypeAlias = "bool | int | str | Obj | Ref | frozenset[str] | None"
Subject: TypeAlias = "Obj | Ref"

NOTHING: Final = "(none)"  # what a field of null is in conditions of the framework
LOST: Final = "(nobody)"  # the holder of a lock whose callback has returned without releasing it

T = TypeVar("T")


class Blocked(Exception):
    """The step cannot be taken now: a lock is held, or what is awaited does not hold.

    violated: the rules that are broken by what it does before it waits.
    """

    def __init__(self, lock: str | None = None, violated: frozenset[str] = frozenset()) -> None:
        super().__init__(lock)
        self.lock = lock
        self.violated = violated


class Broken(Exception):
    """The step violates a rule."""

    def __init__(self, rule: str, words: str | None = None) -> None:
        super().__init__(rule, words)
        self.rule = rule
        self.words = words


# ---------------------------------------------------------------- programs


@dataclass(eq=False, slots=True)
class Instruction:
    """One statement, ready to run.

    silent: only moves on in the text (break, return without a value); runs together with the statement before it.
    rounds: the test of a `for each`; others may step before each round, also inside an atomic body.
    """

    span: Span
    run: Callable[[World], None]
    silent: bool = False
    rounds: bool = False


@dataclass(eq=False, slots=True)
class Code:
    """A block. again: a loop, whose end leads to its beginning. leaves: `break` ends it, `continue` goes to its end."""

    items: list[Instruction] = field(default_factory=list)
    again: bool = False
    leaves: bool = False


class Alias(NamedTuple):
    """What an `out` or `ref` parameter stands for: a local of the call at `level`, or the variable number `cell`."""

    level: int
    local: str
    cell: int


Local: TypeAlias = "Datum | Alias"


class Call(NamedTuple):
    """A routine in progress, between moves. `target`: the caller's local that takes the result."""

    names: tuple[tuple[str, Local], ...]
    places: tuple[tuple[Code, int], ...]
    target: str | None
    atomic: bool


class Frame:
    """A routine in progress, while a move is executed."""

    __slots__ = ("atomic", "names", "places", "target")

    def __init__(
        self, names: dict[str, Local], places: list[tuple[Code, int]], target: str | None, atomic: bool
    ) -> None:
        self.names = names
        self.places = places
        self.target = target
        self.atomic = atomic

    def frozen(self) -> Call:
        return Call(tuple(sorted(self.names.items())), tuple(self.places), self.target, self.atomic)


# ---------------------------------------------------------------- configurations


class Key(NamedTuple):
    """Which activation: its role, the request or object that it is about, and which of those that may overlap."""

    role: str
    subject: Subject
    copy: int


class Activation(NamedTuple):
    """A callback or thread in progress. `kind`: as which it was started. `begun`: past its wait for `lock`."""

    name: str
    kind: str | None
    host: Obj | None
    lock: str | None
    begun: bool
    calls: tuple[Call, ...]


class Configuration(NamedTuple):
    """values: one for each variable of the machine. held: (lock, holder). past: what rules remember.

    All are in a fixed order. line: the requests that wait, the one at the head first, whichever queue each is in.
    """

    values: tuple[Datum, ...]
    held: tuple[tuple[str, Key | str], ...]
    active: tuple[tuple[Key, Activation], ...]
    past: tuple[Datum, ...] = ()
    line: tuple[Ref, ...] = ()


class Variables:
    """The variables of all objects and requests of an instance, numbered.

    names: as they print: `r1.own`, `Reads.power`, `r1.in Pending`, `r1.Child1.own`, `Waiting`.
    """

    def __init__(self, program: typed.Program, slots: int) -> None:
        self.program = program
        self.dynamic = next(name for name, sort in program.sorts.items() if sort.dynamic)
        self.requests: tuple[Ref, ...] = tuple(self._requests(slots))
        self.names: list[str] = []
        self.initial: list[Datum] = []
        self.ranges: list[typed.Field] = []
        self.at: dict[tuple[Subject, str], int] = {}
        for item in program.objects.values():
            declared = program.sorts[item.sort].fields
            for name, spec in {**declared, **item.fields}.items():
                if spec.mode == "var":
                    given = item.constants.get(name)
                    start = given.value if isinstance(given, typed.Const) else spec.initial
                    label = name if name in item.fields else f"{item.name}.{name}"
                    self._add(Obj(item.name), name, label, start, spec)
        for request in self.requests:
            for name, spec in program.sorts[self.dynamic].fields.items():
                if spec.mode == "var":
                    self._add(request, name, self.label(request, name), spec.initial, spec)

    def _requests(self, slots: int) -> Iterator[Ref]:
        for slot in range(slots):
            yield Ref(self.dynamic, 0, slot)
        for pool in self.program.pools:
            for index in range(pool.bound):
                if pool.per_request:
                    yield from (Ref(pool.name, index, slot) for slot in range(slots))
                else:
                    yield Ref(pool.name, index, None)

    def _add(self, owner: Subject, name: str, label: str, initial: Datum, spec: typed.Field) -> None:
        self.at[owner, name] = len(self.names)
        self.names.append(label)
        self.initial.append(initial)
        self.ranges.append(spec)

    def label(self, request: Ref, name: str) -> str:
        cell = "" if request.pool == self.dynamic else f"{request.pool}{request.index + 1}."
        record = "" if request.slot is None else f"r{request.slot + 1}."
        return f"{record}{cell}{name}"

    def origin(self, request: Ref) -> str:
        if request.pool == self.dynamic:
            return "received"
        return next(pool.origin for pool in self.program.pools if pool.name == request.pool)

    def parent(self, request: Ref) -> Ref | None:
        if request.pool == self.dynamic or request.slot is None:
            return None
        return Ref(self.dynamic, 0, request.slot)


def shown(value: Datum) -> str:
    """How a value prints in a trace."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Obj(name):
            return name
        case Ref(_, 0, int(slot)) if value.pool == "request":
            return f"r{slot + 1}"
        case Ref(pool, index, None):
            return f"{pool}{index + 1}"
        case Ref(pool, index, int(slot)):
            return f"{pool}{index + 1}(r{slot + 1})"
        case frozenset():
            return " | ".join(sorted(value))
        case _:
            return str(value)


# ---------------------------------------------------------------- one move


class Chooser:
    """Answers the choices of one attempt at a move: first as prescribed, then always the first alternative."""

    def __init__(self, prescribed: list[int]) -> None:
        self.prescribed = prescribed
        self.taken: list[tuple[int, int]] = []  # (answer, number of alternatives)
        self.words: list[str] = []

    def choose(self, number: int, words: Callable[[int], str]) -> int:
        at = len(self.taken)
        answer = self.prescribed[at] if at < len(self.prescribed) else 0
        self.taken.append((answer, number))
        self.words.append(words(answer))
        return answer

    def next(self) -> list[int] | None:
        """What to prescribe for the next attempt, None if all have been made."""
        taken = list(self.taken)
        while taken:
            answer, number = taken.pop()
            if answer + 1 < number:
                return [*(earlier for earlier, _ in taken), answer + 1]
        return None


def attempts(run: Callable[[Chooser], T]) -> Iterator[tuple[T, Chooser]]:
    """Runs a function once for each sequence of answers to the choices that it makes. Blocked attempts do not count."""
    prescribed: list[int] | None = []
    while prescribed is not None:
        chooser = Chooser(prescribed)
        try:
            result = run(chooser)
        except Blocked:
            pass
        else:
            yield result, chooser
        prescribed = chooser.next()


class World:
    """A configuration while one move changes it.

    names: the locals of the routine that runs. wrote: something that others can see was written in this move.
    paused: the move ends here although an atomic body does not.
    past, now, offset: what rules remember; the event that happens; where the memories of the instance at hand begin.
    violated: the rules that an event has broken.
    """

    __slots__ = (
        "active", "chooser", "events", "executed", "frames", "held", "key", "kinds", "line", "names", "now", "offset",
        "past", "paused", "values", "violated", "wrote",
    )  # fmt: skip

    def __init__(self, configuration: Configuration, chooser: Chooser) -> None:
        self.values: list[Datum] = list(configuration.values)
        self.held: dict[str, Key | str] = dict(configuration.held)
        self.active: dict[Key, Activation] = dict(configuration.active)
        self.past: list[Datum] = list(configuration.past)
        self.line: list[Ref] = list(configuration.line)
        self.now: tuple[str, tuple[Datum, ...]] | None = None
        self.offset = 0
        self.violated: set[str] = set()
        self.chooser = chooser
        self.key: Key | None = None
        self.kinds: tuple[str, ...] = ()
        self.names: dict[str, Local] = {}
        self.frames: list[Frame] = []
        self.events: list[tuple[str, tuple[Datum, ...]]] = []
        self.executed = 0
        self.wrote = False
        self.paused = False

    # ------------------------------------------------------------ locals

    def local(self, name: str) -> Datum:
        value = self.names.get(name)
        if type(value) is Alias:
            return self.values[value.cell] if value.cell >= 0 else self.local_at(value.level, value.local)
        return value  # type: ignore[return-value]

    def local_at(self, level: int, name: str) -> Datum:
        value = self.frames[level].names.get(name)
        assert not isinstance(value, Alias)
        return value

    def set_local(self, name: str, value: Datum) -> Alias | None:
        """Returns the alias if the name stands for a variable: then nothing is written."""
        known = self.names.get(name)
        if type(known) is Alias:
            if known.cell >= 0:
                return known
            self.frames[known.level].names[known.local] = value
        else:
            self.names[name] = value
        return None

    # ------------------------------------------------------------ the line

    def put(self, request: Ref, last: bool) -> None:
        self.leave_line(request)
        self.line.insert(len(self.line) if last else 0, request)

    def leave_line(self, request: Ref) -> list[Ref]:
        """Returns those who stood before it. Who is not in line is behind all who are."""
        if request not in self.line:
            return list(self.line)
        place = self.line.index(request)
        del self.line[place]
        return self.line[:place]

    # ------------------------------------------------------------ the text

    def push(self, code: Code) -> None:
        if code.items:
            self.frames[-1].places.append((code, 0))

    def enter(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.names = frame.names

    def leave(self) -> str | None:
        """Drops the routine that runs. Returns the caller's local that takes the result."""
        left = self.frames.pop()
        if self.frames:
            self.names = self.frames[-1].names
        return left.target

    def next(self) -> Instruction | None:
        """The instruction to run now; ends finished blocks and routines. None when everything has ended."""
        while self.frames:
            places = self.frames[-1].places
            if not places:
                self.leave()
                continue
            code, at = places[-1]
            if at < len(code.items):
                return code.items[at]
            if code.again:
                places[-1] = code, 0
            else:
                places.pop()
        return None

    def step_over(self) -> None:
        places = self.frames[-1].places
        code, at = places[-1]
        places[-1] = code, at + 1

    def break_loop(self) -> None:
        places = self.frames[-1].places
        while True:
            code, _ = places.pop()
            if code.again or code.leaves:
                return

    def continue_loop(self) -> None:
        """To the next round: blocks inside the loop end. A `for each` over objects is at its next object already."""
        places = self.frames[-1].places
        while not (places[-1][0].again or places[-1][0].leaves):
            places.pop()
        code, at = places[-1]
        places[-1] = code, len(code.items) if code.again else at
