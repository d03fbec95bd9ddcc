"""The direct interpreter: executes the typed program statement by statement, with concrete values.

It checks the lowering, so it shares nothing with it. A driver's statement is one move; a DDI, a step of the
environment or a line of a loop is one move for each outcome, up to the places where others may step (`then`, an
`await` after something was written, a round of `for each`, `call`). A callback returns together with the last thing
that it does, unless a rule watches its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.source import Span
from wdfmc.system.system import Obj, Ref
from wdfmc.traces.statements import ALWAYS, FRAMEWORK, Statements, Style
from wdfmc.traces.terms import LENIENT, Test
from wdfmc.traces.world import (
    LOST,
    Activation,
    Blocked,
    Broken,
    Call,
    Chooser,
    Code,
    Configuration,
    Datum,
    Frame,
    Key,
    Local,
    Subject,
    World,
    attempts,
)


@dataclass(frozen=True, slots=True)
class Move:
    """One small step. `choices`: how it went, where it could go otherwise. `after`: None if a rule was broken."""

    actor: str
    span: Span
    choices: tuple[str, ...]
    events: tuple[tuple[str, tuple[Datum, ...]], ...]
    after: Configuration | None
    broken: str | None
    words: str | None = None
    violated: frozenset[str] = frozenset()  # rules that are no contracts: the run goes on


@dataclass(eq=False, slots=True)
class Instance:
    """A step of the environment for one choice of objects and requests."""

    actor: str
    names: dict[str, Datum]
    when: Test
    code: Code
    span: Span


class Machine(Statements):
    """The interpreter of one program for a number of request slots.

    Args:
        spare: how many activations more than the model's bounds are interpreted. Starting one breaks `model-bound` in
            any case; with spare ones the run goes on as well.
        overlaps: how many activations of a role may overlap on one request, where that is more than its kind says.
        rules: safety rules that are watched at each event.
        in_order: what is taken from a queue is its head; else any request that waits there may be taken.
    """

    def __init__(
        self, program: typed.Program, slots: int, spare: int = 0, overlaps: Mapping[str, int] | None = None,
        rules: Iterable[str] = (), in_order: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(program, slots, spare, overlaps or {}, rules, in_order)
        self.terms.busy = self.watch.busy = lambda world: self.busy(world.active.items())
        self.numbers: dict[Key, int] = {}
        self.lanes: dict[tuple[str, Key], str] = {}
        self.threads = {thread_key(thread): thread for thread in program.threads}
        self.beginnings = {key: self.thread_start(thread) for key, thread in self.threads.items()}
        self.instances = [instance for step in program.steps for instance in self.instances_of(step)]

    @property
    def initial(self) -> Configuration:
        active = {
            key: Activation(thread.name, None, None, None, True, self.beginnings[key])
            for key, thread in self.threads.items()
        }
        return Configuration(tuple(self.variables.initial), (), self.ordered(active), tuple(self.watch.initial))

    def ordered(self, active: Mapping[Key, Activation]) -> tuple[tuple[Key, Activation], ...]:
        """In the order in which the machine has met them first."""
        return tuple(sorted(active.items(), key=lambda item: self.numbers.setdefault(item[0], len(self.numbers))))

    # ------------------------------------------------------------ who can step

    def thread_start(self, thread: typed.Thread) -> tuple[Call, ...]:
        style = Style(driver=not thread.library, atomic=False)
        code = Code()
        if thread.when != ALWAYS:
            code.items.append(self.await_(thread.span, thread.when, style))
        code.items += self.block(thread.body, style).items
        names: dict[str, Local] = {}
        if thread.variable is not None and thread.subject is not None:
            names[thread.variable] = thread.subject
        return (Frame(names, [(code, 0)], None, atomic=False).frozen(),)

    def instances_of(self, step: typed.Step) -> Iterator[Instance]:
        choices: list[tuple[Subject, ...]] = []
        for parameter in step.parameters:
            assert isinstance(parameter.type, RefType)
            if self.program.sorts[parameter.type.sort].dynamic:
                choices.append(self.variables.requests)
            else:
                choices.append(tuple(Obj(item.name) for item in self.program.objects_of(parameter.type.sort)))
        when, code = self.terms.test(step.when, LENIENT), self.block(step.body, FRAMEWORK)
        for chosen in product(*choices):
            if len({value for value in chosen if isinstance(value, Ref)}) < sum(isinstance(v, Ref) for v in chosen):
                continue
            names = {parameter.name: value for parameter, value in zip(step.parameters, chosen, strict=True)}
            yield Instance(step_name(step, chosen, self.variables.dynamic), dict(names), when, code, step.span)

    def lane(self, name: str, key: Key) -> str:
        """How an activation prints as an actor."""
        found = self.lanes.get((name, key))
        if found is None:
            found = name
            if (thread := self.threads.get(key)) is not None:
                found = thread.name if thread.subject is None else f"{thread.name} {thread.subject.name}"
            elif isinstance(key.subject, Ref) and key.subject.pool != self.variables.dynamic:
                found = f"{name}[{key.subject.pool}{key.subject.index + 1}]"
            if key.copy:
                found += f" #{key.copy + 1}"
            if isinstance(key.subject, Ref) and key.subject.slot is not None:
                found += f"(r{key.subject.slot + 1})"
            self.lanes[name, key] = found
        return found

    def at_rest(self, configuration: Configuration) -> bool:
        """No callback is unfinished, and every thread of the driver stands at its beginning or has ended."""
        return not self.busy(configuration.active)

    def busy(self, active: Iterable[tuple[Key, Activation]]) -> bool:
        """A callback or a thread of the driver is unfinished."""
        for key, found in active:
            thread = self.threads.get(key)
            if thread is None or (not thread.library and found.calls != self.beginnings[key]):
                return True
        return False

    # ------------------------------------------------------------ moves

    def moves(self, configuration: Configuration, actor: str | None = None) -> Iterator[Move]:
        """Every step that can be taken in a configuration, or every one of a single actor."""
        for key, found in configuration.active:
            lane = self.lane(found.name, key)
            if actor is None or lane == actor:
                yield from self.activation_moves(configuration, key, found, lane)
        glance = World(configuration, Chooser([]))
        for instance in self.instances:
            if (actor is None or instance.actor == actor) and self.may_step(glance, instance):
                yield from self.step_moves(configuration, instance)

    def may_step(self, world: World, instance: Instance) -> bool:
        """Whether the condition of a step holds, unless that is a matter of choice."""
        world.names = dict(instance.names)
        world.chooser.taken.clear()
        try:
            return instance.when(world) or bool(world.chooser.taken)
        except Broken:
            return bool(world.chooser.taken)

    def step_moves(self, configuration: Configuration, instance: Instance) -> Iterator[Move]:
        def attempt(chooser: Chooser) -> tuple[World, Broken | None]:
            world = World(configuration, chooser)
            world.enter(Frame(dict(instance.names), [(instance.code, 0)], None, atomic=True))
            try:
                if not instance.when(world):
                    raise Blocked
            except Broken:
                raise Blocked from None
            return world, self.guarded(world)

        for (world, broken), chooser in attempts(attempt):
            assert broken is not None or not world.frames, "a step of the environment is one move"
            yield self.move(instance.actor, instance.span, world, broken, chooser)

    def activation_moves(self, configuration: Configuration, key: Key, found: Activation, lane: str) -> Iterator[Move]:
        place: list[Span] = []

        def run(chooser: Chooser) -> tuple[World, Broken | None] | Blocked:
            try:
                return self.attempt(configuration, key, found, chooser, place)
            except Blocked as blocked:
                if not blocked.violated:
                    raise
                return blocked

        for result, chooser in attempts(run):
            if isinstance(result, Blocked):  # to begin the call is a violation, whether it returns or not
                yield Move(lane, place[0], tuple(chooser.words), (), None, None, None, result.violated)
            else:
                yield self.move(lane, place[0], *result, chooser)

    def attempt(
        self, configuration: Configuration, key: Key, found: Activation, chooser: Chooser, place: list[Span]
    ) -> tuple[World, Broken | None]:
        """One move of an activation; `place` gets its span."""
        world = World(configuration, chooser)
        world.key = key
        world.kinds = () if found.kind is None else (found.kind,)
        for call in found.calls:
            world.enter(Frame(dict(call.names), list(call.places), call.target, call.atomic))
        if not found.begun:
            place[:] = [self.program.callbacks[found.name].span]
            self.begin(world, found)
            if found.lock is not None:
                world.executed = 1
        if world.executed == 0:
            instruction = world.next()
            if instruction is not None:
                place[:] = [instruction.span]
            elif found.kind is not None:
                place[:] = [self.program.callbacks[found.name].span]
        try:
            broken = self.guarded(world)
        except Blocked as blocked:
            raise Blocked(blocked.lock, frozenset(world.violated)) from None
        if broken is None:
            self.store(world, key, found)
        return world, broken

    def deadlocked(self, configuration: Configuration) -> bool:
        """Whether some activations wait for each other's locks."""
        holders = dict(configuration.held)
        waits: dict[Key, Key | str] = {}
        for key, found in configuration.active if holders else ():
            try:
                self.attempt(configuration, key, found, Chooser([]), [])
            except Blocked as blocked:
                if blocked.lock is not None:
                    waits[key] = holders[blocked.lock]
        for start in waits:
            at: Key | str | None = start
            for _ in waits:
                at = waits.get(at) if isinstance(at, Key) else None
                if at == start:
                    return True
        return False

    def move(self, actor: str, span: Span, world: World, broken: Broken | None, chooser: Chooser) -> Move:
        events, choices = tuple(world.events), tuple(chooser.words)
        if broken is not None:
            return Move(actor, span, choices, events, None, broken.rule, broken.words, frozenset(world.violated))
        held = tuple(sorted(world.held.items(), key=lambda item: item[0]))
        after = Configuration(
            tuple(world.values), held, self.ordered(world.active), tuple(world.past), tuple(world.line)
        )
        return Move(actor, span, choices, events, after, None, None, frozenset(world.violated))

    def guarded(self, world: World) -> Broken | None:
        try:
            self.advance(world)
        except Broken as broken:
            return broken
        return None

    def advance(self, world: World) -> None:
        """Run one statement, or an atomic body up to its end or to a place where others may step."""
        instruction = world.next()
        while instruction is not None and not world.paused:
            atomic = world.frames[-1].atomic
            if world.executed and not instruction.silent and (not atomic or instruction.rounds):
                return
            world.step_over()
            world.executed += not instruction.silent
            instruction.run(world)
            instruction = world.next()

    def begin(self, world: World, found: Activation) -> None:
        """The callback has got its thread, and takes the lock that the framework holds around it."""
        assert world.key is not None and found.kind is not None
        if found.lock is not None:
            if found.lock in world.held:
                raise Blocked(found.lock)
            world.held[found.lock] = world.key
        if self.program.kinds[found.kind].role == "handler":
            self.tell(world, "handler_begins", world.key.subject)
        self.tell(world, "callback_begins")

    def store(self, world: World, key: Key, found: Activation) -> None:
        """After a move: the activation as it stands, or its end."""
        if world.frames:
            calls = tuple(frame.frozen() for frame in world.frames)
            world.active[key] = found._replace(begun=True, calls=calls)
            return
        if found.kind is not None and world.executed and self.watch.ends:
            world.active[key] = found._replace(begun=True, calls=())
            return
        thread = self.threads.get(key)
        if thread is not None and not thread.once:
            world.active[key] = found._replace(calls=self.beginnings[key])
            return
        if found.lock is not None and world.held.get(found.lock) == key:
            del world.held[found.lock]
        if found.kind is not None:
            if self.program.kinds[found.kind].role == "handler":
                self.tell(world, "handler_ends", key.subject)
            self.tell(world, "callback_ends")
        for lock, holder in world.held.items():
            if holder == key:
                world.held[lock] = LOST
        del world.active[key]


def thread_key(thread: typed.Thread) -> Key:
    return Key(f"thread {thread.name}", thread.subject or Obj(thread.name), 0)


def step_name(step: typed.Step, chosen: tuple[Subject, ...], dynamic: str) -> str:
    """How a step of the environment prints as an actor: `sender_cancels(r1)`, `Reads.cancel_callback(r1)`."""
    name, slot = step.name, None
    for at, value in enumerate(chosen):
        if isinstance(value, Obj):
            name = f"{value.name}.{name}" if step.loop and at == 0 else f"{name} {value.name}"
        elif slot is None:
            slot = value.slot
            if value.pool != dynamic:
                name = f"{name}[{value.pool}{value.index + 1}]"
    return name if slot is None else f"{name}(r{slot + 1})"
