"""Callbacks on the calling thread: what a call may run before it returns, with the locks that its caller holds.

Such a callback is started beside its caller, so two things are looked at where it may begin: whether it may wait for a
lock that the calling thread holds, and whether it waits for anything else, which might be its caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from wdfmc.semantics import typed
from wdfmc.system import expand, flow
from wdfmc.system.evaluate import STEP, Context
from wdfmc.system.paths import K, Path
from wdfmc.system.sources import Source
from wdfmc.system.system import Obj, Value
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


class CallingThread:
    """The checks at the calls of one lowering."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.program = lowering.program
        self.evaluator = lowering.evaluator
        self.touched: dict[str, Locks] = {}
        self.nested: dict[str, frozenset[str]] = {}
        self.waiting: dict[str, bool] = {}
        self.rules: dict[str, tuple[str, ...]] = {}

    # ------------------------------------------------------------ what is known of callbacks

    def operations(self, name: str) -> Iterator[flow.Operation]:
        for kind in self.program.callbacks[name].kinds[:1]:  # the others have the same body
            for node in self.lowering.callback_graph(name, self.program.kinds[kind]).nodes:
                yield node.operation

    def takes(self, name: str) -> Locks:
        if name not in self.touched:
            acquired = [operation.lock for operation in self.operations(name) if isinstance(operation, flow.Acquire)]
            known = [lock.value for lock in acquired if isinstance(lock, typed.Const)]
            self.touched[name] = Locks(
                frozenset(lock.name for lock in known if isinstance(lock, Obj)), len(known) < len(acquired)
            )
        return self.touched[name]

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
            if not isinstance(target, Obj):
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
        for step, graph in self.lines:
            loop, *rest = step.parameters
            if getattr(loop.type, "sort", None) != self.program.objects[queue.name].sort:
                continue
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
                if lock is not None:
                    self.assume_free(begun.callback, lock, path, rules)
                if self.blocked(begun.callback, path, rules):
                    yield there

    def assume_free(self, name: str, lock: str, path: Path, rules: tuple[str, ...]) -> None:
        """The callback waits for its presentation lock on this thread, which has locks of its own."""
        bounds = {f"that {name} waits for {lock} on a thread that holds {held} is not followed" for held in path.locks}
        for rule in rules:
            self.lowering.bounds_of.setdefault(rule, set()).update(bounds)

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

    def blocked(self, name: str, path: Path, rules: tuple[str, ...]) -> bool:
        """Whether the callback may take a lock of this thread. What it runs in turn is only a bound of the verdict."""
        if self.takes(name).named & path.locks:
            return True
        bounds = set[str]()
        for lock in path.locks:
            if self.takes(name).others:
                bounds.add(f"which locks {name} takes on a thread that holds {lock} is not followed")
            if any(lock in taken.named or taken.others for taken in map(self.takes, self.in_turn(name))):
                bounds.add(f"what {name} runs in turn on a thread that holds {lock} is not followed")
        for rule in rules if bounds else ():
            self.lowering.bounds_of.setdefault(rule, set()).update(bounds)
        return False
