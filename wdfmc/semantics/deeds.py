"""What the calls of the library do to locks, counters and callbacks, read off their bodies.

By the name that a driver calls: the versions of a DDI that differ in their first argument are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wdfmc.semantics import typed


@dataclass(frozen=True, slots=True)
class Deeds:
    """What one call does that another one undoes, and whom it may run.

    Args:
        begins, ends: what it takes and gives back: a lock, or one more on a counter of an argument. Named by the
            position of the argument that it belongs to.
        locks: one of these is a lock.
        calls_back: callbacks of the driver may run before it returns.
    """

    begins: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    locks: bool = False
    calls_back: bool = False


def deeds(program: typed.Program) -> Mapping[str, Deeds]:
    """Of every DDI of a program, by name."""
    found: dict[str, Deeds] = {}
    for routine in program.routines.values():
        if routine.ddi:
            known = found.get(routine.name, Deeds())
            begins, ends = (frozenset(done(routine, begun)) for begun in (True, False))
            found[routine.name] = Deeds(
                known.begins | begins,
                known.ends | ends,
                known.locks or any(what.startswith("lock ") for what in begins | ends),
                known.calls_back or calls_back(program, routine),
            )
    return found


def opposites(known: Mapping[str, Deeds], name: str) -> frozenset[str]:
    """The calls that undo what a call does, or whose deed it undoes."""
    own = known.get(name, Deeds())
    return frozenset(other for other, deed in known.items() if deed.ends & own.begins or deed.begins & own.ends)


def done(routine: typed.Routine, begun: bool) -> Iterator[str]:
    """What a DDI takes (`begun`) or gives back."""
    parameters = {parameter.name: str(at) for at, parameter in enumerate(routine.parameters)}
    for statement in statements(routine.body):
        match statement:
            case typed.Acquire(lock=lock) if begun:
                yield f"lock {place(lock, parameters)}"
            case typed.Release(lock=lock) if not begun:
                yield f"lock {place(lock, parameters)}"
            case typed.Assign(
                target=typed.FieldOf(base=typed.Local(base)) as target,
                value=typed.Arithmetic(op, left, typed.Const(1)),
            ) if left == target and base in parameters and op == ("+" if begun else "-"):
                yield f"count {place(target, parameters)}"
            case _:
                pass


def place(of: typed.Expr, parameters: Mapping[str, str]) -> str:
    """An expression as text, with the positions of parameters for their names."""
    return re.sub(r"Local\(name='(\w+)'\)", lambda found: parameters.get(found[1], found[1]), repr(of))


def calls_back(program: typed.Program, routine: typed.Routine, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a callback may run on the calling thread before it returns."""
    for statement in statements(routine.body):
        match statement:
            case typed.Start(how="call" | "inline") | typed.Enter():
                return True
            case typed.Invoke(routine=name) if name in program.routines and name not in seen:
                if calls_back(program, program.routines[name], seen | {name}):
                    return True
            case _:
                pass
    return False


def statements(block: typed.Block) -> Iterator[typed.Statement]:
    """The statements of a block and of all blocks inside it."""
    for statement in block:
        yield statement
        match statement:
            case typed.If(then=then, otherwise=otherwise):
                yield from statements((*then, *otherwise))
            case typed.While(before=before, body=body):
                yield from statements((*before, *body))
            case typed.ForEach(body=body) | typed.Atomic(body=body):
                yield from statements(body)
            case typed.Choose(alternatives=alternatives):
                for alternative in alternatives:
                    yield from statements(alternative)
            case _:
                pass
