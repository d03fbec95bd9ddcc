"""Callbacks on the calling thread: what a call may run before it returns, with the locks that its caller holds.

Such a callback is started beside its caller, so two things are looked at where it may begin: whether it may wait for a
lock that the calling thread holds, and whether it waits for anything else, which might be its caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wdfmc.semantics import typed
from wdfmc.system import flow
from wdfmc.system.evaluate import Context
from wdfmc.system.paths import K, Path
from wdfmc.system.system import Obj
from wdfmc.system.waits import DEADLOCK, never

if TYPE_CHECKING:
    from wdfmc.system.lower import Lowering
    from wdfmc.system.sources import Source

INLINE_ROLES: Final = ("handler", "cancel", "routine")  # what a call may run on the calling thread


class CallingThread:
    """The checks at the calls of one lowering."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.acquired_by: dict[str, frozenset[str]] = {}
        self.waiting: dict[str, bool] = {}

    def takes(self, name: str) -> frozenset[str]:
        """The locks that a callback acquires itself."""
        if name not in self.acquired_by:
            self.acquired_by[name] = frozenset()
            found: set[str] = set()
            callback = self.lowering.program.callbacks[name]
            for kind in callback.kinds[:1]:
                for node in self.lowering.callback_graph(name, self.lowering.program.kinds[kind]).nodes:
                    match node.operation:
                        case flow.Acquire(typed.Const(Obj(lock))):
                            found.add(lock)
                        case _:
                            pass
            self.acquired_by[name] = frozenset(found)
        return self.acquired_by[name]

    def assume_no_wait(self) -> None:
        """A callback that runs on the calling thread is started beside it: that differs if it waits for its caller."""
        waits = sorted(name for name in self.lowering.program.callbacks if self.waits(name))
        if waits:
            names = ", ".join(waits)
            self.lowering.bounds.add(
                f"a caller that runs {names} on its own thread is not what that callback waits for"
            )

    def waits(self, name: str) -> bool:
        """Whether the callback may wait for something else than a lock."""
        if name not in self.waiting:
            kinds = self.lowering.program.callbacks[name].kinds[:1]
            nodes = (n for k in kinds for n in self.lowering.callback_graph(name, self.lowering.program.kinds[k]).nodes)
            found = any(isinstance(n.operation, flow.Await) and not never(n.operation) for n in nodes)
            self.waiting[name] = found and self.lowering.program.kinds[kinds[0]].role in INLINE_ROLES
        return self.waiting[name]

    def check_inline(self, path: Path, callback: typed.Expr, source: Source, context: Context) -> None:
        """The callback may run here, on this thread, which holds a lock that the callback waits for."""
        if not path.locks:
            return
        for here, value in self.lowering.evaluator.eval(callback, path, context):
            for there, name in self.lowering.evaluator.split(here, value):
                if isinstance(name, str) and self.takes(name) & path.locks:
                    self.lowering.violate(there, DEADLOCK, source)

    def check_enter(self, path: Path, queue: typed.Expr, if_idle: bool, source: Source, context: Context) -> None:
        """The calling thread may run the queue's loop, with the locks that it holds."""
        if not path.locks:
            return
        for here, target in self.lowering.evaluator.targets(queue, path, replace(context, lenient=True)):
            if not isinstance(target, Obj):
                continue
            for there, busy in self.lowering.evaluator.decide(typed.Active(typed.Const(target)), here, context):
                if not (if_idle and busy):
                    for step in self.lowering.program.steps:
                        if step.loop:
                            self.check_line(there, step, target, source)

    def check_line(self, path: Path, step: typed.Step, queue: Obj, source: Source) -> None:
        """Would this line of the loop start a callback that waits for a lock of the calling thread?"""
        loop, *rest = step.parameters
        inner = Context(bind={loop.name: K(queue)}, lenient=True)
        starts = list(starts_in(self.lowering.program, step.body, {}))
        if not starts:
            return
        found: list[tuple[Path, Context]] = []
        if not rest:
            found = [(at, inner) for at, holds in self.lowering.evaluator.decide(step.when, path, inner) if holds]
        else:
            variable = rest[0].name
            for at, target in self.lowering.evaluator.search(
                variable, self.lowering.evaluator.dynamic, step.when, path, inner
            ):
                if target is not None:
                    found.append((at, inner.binding(variable, K(target))))
        for at, bound in found:
            for callback, kind_name in starts:
                expr = substituted(callback, bound)
                if expr is None:
                    continue
                for here, value in self.lowering.evaluator.eval(expr, at, bound):
                    for there, name in self.lowering.evaluator.split(here, value):
                        if isinstance(name, str) and self.blocked_by(name, kind_name, queue, there):
                            self.lowering.violate(there, DEADLOCK, source)

    def blocked_by(self, name: str, kind_name: str, queue: Obj, path: Path) -> bool:
        kind = self.lowering.program.kinds[kind_name]
        if kind.lock is not None and any(lock.startswith(queue.name + ".") for lock in path.locks):
            return False  # a thread that owns the presentation lock does not dispatch
        return bool(self.takes(name) & path.locks)


def starts_in(
    program: typed.Program, block: typed.Block, names: dict[str, typed.Expr]
) -> Iterator[tuple[typed.Expr, str]]:
    """The callbacks that a body may start, in terms of the body's parameters where they are known."""
    for statement in block:
        match statement:
            case typed.Start(_, "start" | "call", callback, kind, _):
                yield renamed(callback, names), kind
            case typed.Invoke(_, _, routine, args):
                called = program.routines[routine]
                inner = {p.name: renamed(arg, names) for p, arg in zip(called.parameters, args, strict=True)}
                yield from starts_in(program, called.body, inner)
            case typed.If(_, _, then, otherwise):
                yield from starts_in(program, then, names)
                yield from starts_in(program, otherwise, names)
            case typed.ForEach(_, _, _, _, body) | typed.While(_, _, _, body):
                yield from starts_in(program, body, names)
            case typed.Choose(_, alternatives):
                for alternative in alternatives:
                    yield from starts_in(program, alternative, names)
            case _:
                pass


def renamed(expr: typed.Expr, names: dict[str, typed.Expr]) -> typed.Expr:
    match expr:
        case typed.Local(name):
            return names.get(name, expr)
        case typed.FieldOf(base, sort, name, driver):
            return typed.FieldOf(renamed(base, names), sort, name, driver)
        case _:
            return expr


def substituted(expr: typed.Expr, context: Context) -> typed.Expr | None:
    """None if the expression reads a local that is not a parameter of the line."""
    match expr:
        case typed.Local(name):
            return expr if name in context.bind else None
        case typed.FieldOf(base):
            return expr if substituted(base, context) is not None else None
        case typed.Const():
            return expr
        case _:
            return None
