"""Callbacks on the calling thread: what a call may run before it returns, with the locks that its caller holds.

Such a callback is started beside its caller, so two things are looked at where it may begin: whether it may wait for a
lock that the calling thread holds, and whether it waits for anything else, which might be its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from wdfmc.semantics import typed
from wdfmc.system import expand, flow
from wdfmc.system.evaluate import STEP, Context
from wdfmc.system.observers import conjuncts
from wdfmc.system.paths import K, Path
from wdfmc.system.sources import Source
from wdfmc.system.system import Obj, Ref, Value
from wdfmc.system.waits import DEADLOCK, never

if TYPE_CHECKING:
    from wdfmc.system.lower import Lowering

INLINE_ROLES: Final = ("handler", "cancel", "routine")  # what a call may run on the calling thread


class Begun(NamedTuple):
    """A callback that a line of a dispatch loop would start, on the path that leads to it."""

    path: Path
    callback: str
    kind: typed.Kind
    subject: Value


class Locks(NamedTuple):
    """What a callback may acquire itself: the locks that the text names, and whether there are others."""

    named: frozenset[str]
    others: bool


class Waiting(NamedTuple):
    """Whether a callback waits for a lock of the thread that it begins on; what is not followed of that."""

    surely: bool
    bounds: frozenset[str]


class CallingThread:
    """The checks at the calls of one lowering."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.program = lowering.program
        self.evaluator = lowering.evaluator
        self.taken: dict[str, Locks] = {}
        self.nested: dict[str, frozenset[str]] = {}
        self.found: dict[tuple[str, str, frozenset[str]], Waiting | None] = {}
        self.waiting: dict[str, bool] = {}
        self.rules: dict[str, tuple[str, ...]] = {}

    # ------------------------------------------------------------ what is known of callbacks

    def operations(self, name: str) -> Iterator[flow.Operation]:
        for kind in self.program.callbacks[name].kinds[:1]:  # the others have the same body
            for node in self.lowering.callback_graph(name, self.program.kinds[kind]).nodes:
                yield node.operation

    def takes(self, name: str) -> Locks:
        if name not in self.taken:
            acquired = [operation.lock for operation in self.operations(name) if isinstance(operation, flow.Acquire)]
            known = [lock.value for lock in acquired if isinstance(lock, typed.Const)]
            self.taken[name] = Locks(
                frozenset(lock.name for lock in known if isinstance(lock, Obj)), len(known) < len(acquired)
            )
        return self.taken[name]

    def in_turn(self, name: str) -> frozenset[str]:
        """The callbacks that may run on the thread of this one before it ends, started by what it calls."""
        if name in self.nested:
            return self.nested[name]
        found: set[str] = set()
        todo = [name]
        while todo:
            for operation in self.operations(todo.pop()):
                match operation:
                    case flow.Inline(kind=kind):
                        kinds = frozenset({kind})
                    case flow.Enter():
                        kinds = self.presented
                    case _:
                        continue
                fresh = {n for n, callback in self.program.callbacks.items() if kinds.intersection(callback.kinds)}
                todo += fresh - found
                found |= fresh
        self.nested[name] = frozenset(found)
        return self.nested[name]

    @cached_property
    def lines(self) -> list[tuple[typed.Step, flow.Graph]]:
        """The lines of dispatch loops."""
        return [
            (step, expand.graph(self.program, step.body, step.span, driver=False, atomic=True))
            for step in self.program.steps
            if step.loop
        ]

    @cached_property
    def presented(self) -> frozenset[str]:
        """The kinds of callbacks that a dispatch loop starts."""
        operations = (node.operation for _, graph in self.lines for node in graph.nodes)
        return frozenset(operation.kind for operation in operations if isinstance(operation, flow.Start))

    # ------------------------------------------------------------ waits for more than a lock

    def assume_no_wait(self) -> None:
        """A callback that runs on the calling thread is started beside it: that differs if it waits for its caller."""
        waits = sorted(name for name in self.program.callbacks if self.waits(name))
        if waits:
            names = ", ".join(waits)
            self.lowering.bounds.add(
                f"a caller that runs {names} on its own thread is not what that callback waits for"
            )

    def waits(self, name: str) -> bool:
        """Whether the callback may wait for something else than a lock."""
        if name not in self.waiting:
            found = any(
                isinstance(operation, flow.Await) and not never(operation) for operation in self.operations(name)
            )
            self.waiting[name] = (
                found and self.program.kinds[self.program.callbacks[name].kinds[0]].role in INLINE_ROLES
            )
        return self.waiting[name]

    # ------------------------------------------------------------ waits for a lock of the caller

    def rules_at(self, call: str) -> tuple[str, ...]:
        """The rules that are broken where a callback may wait, inside this call, for a lock of the calling thread."""
        if call not in self.rules:
            spoken = self.program.rules.values()
            shared = [rule.name for rule in spoken if rule.form == "no-shared-lock" and call in (rule.calls or (call,))]
            self.rules[call] = tuple(name for name in (DEADLOCK, *shared) if name in self.lowering.goals)
        return self.rules[call]

    def check_inline(self, path: Path, inline: flow.Inline, call: str, source: Source, context: Context) -> None:
        """The callback may run here, on this thread, which holds a lock that the callback waits for."""
        rules = self.rules_at(call)
        if not path.locks or not rules:
            return
        for here, value in self.evaluator.eval(inline.callback, path, context):
            for there, name in self.evaluator.split(here, value):
                if isinstance(name, str):
                    kind = self.program.kinds[self.lowering.kind_of(name, inline.kind)]
                    for where, subject in self.evaluator.targets(inline.args[0], there, context):
                        for at in self.may_begin(Begun(where, name, kind, subject), path, rules):
                            self.violate(at, rules, source)

    def check_enter(self, path: Path, enter: flow.Enter, call: str, source: Source, context: Context) -> None:
        """The calling thread may run the queue's loop, with the locks that it holds."""
        rules = self.rules_at(call)
        if not path.locks or not rules:
            return
        for here, target in self.evaluator.targets(enter.queue, path, replace(context, lenient=True)):
            if not isinstance(target, Obj) or not any(True for _ in self.telling(target, here.locks, rules)):
                continue
            for there, busy in self.evaluator.decide(typed.Active(typed.Const(target)), here, context):
                if not (enter.if_idle and busy):
                    for at in self.dispatched(there, target, rules):
                        self.violate(at, rules, source)

    def violate(self, path: Path, rules: tuple[str, ...], source: Source) -> None:
        for rule in rules:
            self.lowering.violate(path, rule, source)

    def dispatched(self, path: Path, queue: Obj, rules: tuple[str, ...]) -> Iterator[Path]:
        """The paths on which a line of the queue's loop starts a callback that waits for a lock of this thread."""
        touched, broken = self.evaluator.touched, len(self.evaluator.broken)
        self.evaluator.touched = set()
        for step, graph in self.telling(queue, path.locks, rules):
            loop, *rest = step.parameters
            line = Context(STEP, (), "environment", bind={loop.name: K(queue)}, lenient=True)
            for at, bind in self.bound(path, step, rest, line):
                for begun in self.begun(at, graph, replace(bind, lenient=False)):
                    for there in self.may_begin(begun, path, rules):
                        after = there.copy()
                        after.values = dict(at.values)  # the line itself has not been executed
                        yield after
        self.evaluator.touched = touched
        del self.evaluator.broken[broken:]

    def may_begin(self, begun: Begun, path: Path, rules: tuple[str, ...]) -> Iterator[Path]:
        """The paths on which the callback begins on this thread and waits for a lock of it.

        A thread that owns the presentation lock does not dispatch.
        """
        for there, lock in self.presentation_lock(begun):
            if lock not in path.locks:
                waiting = self.begins_under(begun.callback, lock, path.locks)
                for rule in rules if waiting.bounds else ():
                    self.lowering.bounds_of.setdefault(rule, set()).update(waiting.bounds)
                if waiting.surely:
                    yield there

    def begins_under(self, name: str, lock: str | None, held: frozenset[str]) -> Waiting:
        """What is known of a callback that begins on a thread with these locks. What it runs in turn is only a bound of
        the verdict. `lock`: its presentation lock, for which it waits on this thread.
        """
        bounds = {f"that {name} waits for {lock} on a thread that holds {one} is not followed" for one in held if lock}
        if self.takes(name).named & held:
            return Waiting(True, frozenset(bounds))
        for one in held:
            if self.takes(name).others:
                bounds.add(f"which locks {name} takes on a thread that holds {one} is not followed")
            if any(one in taken.named or taken.others for taken in map(self.takes, self.in_turn(name))):
                bounds.add(f"what {name} runs in turn on a thread that holds {one} is not followed")
        return Waiting(False, frozenset(bounds))

    # ------------------------------------------------------------ lines of which nothing can come

    def telling(
        self, queue: Obj, held: frozenset[str], rules: tuple[str, ...]
    ) -> Iterator[tuple[typed.Step, flow.Graph]]:
        """The lines of the queue's loop that may start a callback of which something is to be said that is not said
        already. Most start none, or one that takes no lock which is held.
        """
        for step, graph in self.lines:
            if getattr(step.parameters[0].type, "sort", None) == self.program.objects[queue.name].sort:
                waiting = self.line_waits(step, graph, queue, held)
                said = (self.lowering.bounds_of.get(rule, set()) for rule in rules)
                if waiting is None or waiting.surely or not all(waiting.bounds <= known for known in said):
                    yield step, graph

    def line_waits(self, step: typed.Step, graph: flow.Graph, queue: Obj, held: frozenset[str]) -> Waiting | None:
        """Of all the callbacks that the line might start, on whatever path; None if the text alone does not say it."""
        key = (step.name, queue.name, held)
        if key not in self.found:
            self.found[key] = self.worst(step, graph, queue, held)
        return self.found[key]

    def worst(self, step: typed.Step, graph: flow.Graph, queue: Obj, held: frozenset[str]) -> Waiting | None:
        surely, bounds = False, frozenset[str]()
        for operation in (node.operation for node in graph.nodes):
            if isinstance(operation, flow.Start):
                for name in self.startable(step, operation, queue):
                    kind = self.program.kinds[self.lowering.kind_of(name, operation.kind)]
                    locks = self.locks_around(step, graph, operation.args[0], kind, queue)
                    if locks is None:
                        return None
                    for lock in locks - held:
                        waiting = self.begins_under(name, lock, held)
                        surely |= waiting.surely
                        bounds |= waiting.bounds
        return Waiting(surely, bounds)

    def startable(self, step: typed.Step, start: flow.Start, queue: Obj) -> Iterator[str]:
        """The callbacks that the operation might start: the one that the queue is declared with, or all of its role."""
        match start.callback:
            case typed.FieldOf(typed.Local(loop), _, field) if loop == step.parameters[0].name:
                declared = self.program.objects[queue.name].constants.get(field)
                spec = self.program.sorts[self.program.objects[queue.name].sort].fields.get(field)
                if spec is not None and spec.mode != "var" and isinstance(declared, typed.Const):
                    if declared.value is not None:
                        yield str(declared.value)
                    return
        role = self.program.kinds[start.kind].role
        for name, callback in self.program.callbacks.items():
            if not callback.kinds or any(self.program.kinds[kind].role == role for kind in callback.kinds):
                yield name

    def locks_around(
        self, step: typed.Step, graph: flow.Graph, subject: typed.Expr, kind: typed.Kind, queue: Obj
    ) -> Set[str | None] | None:
        """The locks that the framework may hold around the callback; None if they depend on the state.

        A line about requests of the queue says so in its condition; that stays true unless its body changes it.
        """
        if kind.lock is None:
            return {None}
        path = Path(graph.entry, 0, frozenset())
        targets: list[Value] = []
        if subject == typed.Local(step.parameters[0].name):
            targets.append(queue)
        for condition in conjuncts(step.when):
            match condition:
                case typed.Compare("==", typed.FieldOf(base, _, field), typed.Local(loop)) if (
                    base == subject and loop == step.parameters[0].name and not assigned(graph, field)
                ):
                    path.footprint = 1
                    for entity in self.evaluator.entities:
                        request = Ref(entity.pool, entity.index, 0 if entity.owned else None)
                        place = self.evaluator.field_place(request, field)
                        if place is not None:
                            path.guard[place] = frozenset({queue})
                            targets.append(request)
        return self.locks_of(path, kind, targets) if targets else None

    def locks_of(self, path: Path, kind: typed.Kind, subjects: Iterable[Value]) -> Set[str | None] | None:
        touched, self.evaluator.touched = self.evaluator.touched, set()
        found = {lock for subject in subjects for _, lock in self.presentation_lock(Begun(path, "", kind, subject))}
        known = {place.variable for place in path.guard}
        static = self.evaluator.touched <= known
        self.evaluator.touched = touched
        return found if static else None

    def bound(
        self, path: Path, step: typed.Step, parameters: list[typed.Parameter], context: Context
    ) -> Iterator[tuple[Path, Context]]:
        """The paths on which the line may be next, with what its parameters stand for."""
        if not parameters:
            yield from ((at, context) for at, holds in self.evaluator.decide(step.when, path, context) if holds)
            return
        first, *rest = parameters
        sort = str(getattr(first.type, "sort", None))
        condition = typed.Const(True) if rest else step.when
        for at, target in self.evaluator.pick(first.name, sort, condition, path, context):
            if target is not None:
                inner = context.binding(first.name, K(target))
                yield from self.bound(at, step, rest, inner) if rest else iter(((at, inner),))

    def begun(self, path: Path, graph: flow.Graph, context: Context) -> Iterator[Begun]:
        """What the line starts: a run that makes no templates, and in which starting has no effect."""
        probe = Source(-1, None, "", graph, graph.entry, path.locks)
        first = path.copy()
        first.node = graph.entry
        todo = [first]
        while todo:
            here = todo.pop()
            match here.node.operation:
                case flow.End():
                    pass
                case flow.Start(callback, kind, args):
                    todo.append(self.lowering.forward(here, here.node))
                    for there, value in self.evaluator.eval(callback, here, context):
                        for where, name in self.evaluator.split(there, value):
                            if isinstance(name, str):
                                found = self.program.kinds[self.lowering.kind_of(name, kind)]
                                for at, subject in self.evaluator.targets(args[0], where, context):
                                    yield Begun(at, name, found, subject)
                case flow.Emit() | flow.Inline() | flow.Enter():
                    todo.append(self.lowering.forward(here, here.node))
                case _:
                    todo += self.lowering.execute(here, here.node, probe, context)

    def presentation_lock(self, begun: Begun) -> Iterator[tuple[Path, str | None]]:
        parameters = Context(bind={begun.kind.parameters[0].name: K(begun.subject)}, lenient=True)
        for path, lock in self.lowering.optional(begun.kind.lock, begun.path, parameters, None):
            yield path, lock.name if isinstance(lock, Obj) else None


def assigned(graph: flow.Graph, field: str) -> bool:
    targets = (getattr(node.operation, "target", None) for node in graph.nodes)
    return any(isinstance(target, typed.FieldOf) and target.field == field for target in targets)
