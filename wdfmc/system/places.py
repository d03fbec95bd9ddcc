"""Names for the places of a text that a run may come to: lowering turns each name that is asked for into a goal."""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.semantics import typed
from wdfmc.semantics.types import BoolType
from wdfmc.source import Span


def passing(span: Span, way: str = "") -> str:
    """The statement, condition or callback at `span`; `way`: with this outcome."""
    return f"passes {span.source.name}:{span.start}-{span.end} {way}"


def returning(call: str, value: typed.Constant) -> str:
    """The way of a statement on which its call gives the value."""
    return f"{call} = {str(value).upper() if isinstance(value, bool) else value}"


def calling(contract: str) -> str:
    """Any call that has the contract, before the contract is tested."""
    return f"calls with {contract}"


def outcomes(program: typed.Program, routine: typed.Routine) -> tuple[typed.Constant, ...]:
    """The constants that a call may return, as its text has them; none where it may return something else."""
    if routine.result == BoolType():
        return (True, False)
    found = dict.fromkeys(results(program, routine))
    return () if None in found else tuple(found)


def results(program: typed.Program, routine: typed.Routine) -> Iterator[typed.Constant]:
    """What the returns of a routine give, None for what is no constant."""
    statements = list(statements_of(routine.body))

    def values(expr: typed.Expr) -> Iterator[typed.Constant]:
        match expr:
            case typed.Const(constant):
                yield constant
            case typed.Conditional(_, then, otherwise):
                yield from values(then)
                yield from values(otherwise)
            case typed.Local() if any(getattr(item, "target", None) == expr for item in statements):
                for item in statements:
                    match item:
                        case typed.Assign(_, target, value) if target == expr:
                            yield from values(value)
                        case typed.Invoke(_, target, name, _) if target == expr:
                            yield from results(program, program.routines[name])
                        case _:
                            pass
            case _:
                yield None

    for statement in statements:
        if isinstance(statement, typed.Return) and statement.value is not None:
            yield from values(statement.value)


def statements_of(block: typed.Block) -> Iterator[typed.Statement]:
    """Every statement of a body, each before those inside it."""
    for statement in block:
        yield statement
        match statement:
            case typed.If(_, _, then, otherwise):
                yield from statements_of((*then, *otherwise))
            case typed.While(_, before, _, body):
                yield from statements_of((*before, *body))
            case typed.ForEach(_, _, _, _, body) | typed.Atomic(_, body):
                yield from statements_of(body)
            case typed.Choose(_, alternatives):
                for alternative in alternatives:
                    yield from statements_of(alternative)
            case _:
                pass
