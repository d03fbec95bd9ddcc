"""Steps of the environment and lines of dispatch loops are one step each: nothing in them lets others step.

No activation record belongs to them, so there is no place in which half of one could wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wdfmc.diagnostics import Label
from wdfmc.semantics import typed
from wdfmc.semantics.declarations import Tables
from wdfmc.source import Span


def check_single_steps(tables: Tables, steps: list[typed.Step], routines: Mapping[str, typed.Routine]) -> None:
    for step in steps:
        what = "a line of a dispatch loop" if step.loop else "a step of the environment"
        for where, words, deepest in pauses(tables, step.body, routines, ()):
            also = () if deepest == where else (Label(deepest, "others may step here"),)
            tables.error("WDF313", f"{what} is one step, and {words} would cut it in two", where,
                         "let it set a variable or start a callback, and a `thread` do the rest", *also)  # fmt: skip


def pauses(
    tables: Tables, block: typed.Block, routines: Mapping[str, typed.Routine], above: tuple[str, ...]
) -> Iterator[tuple[Span, str, Span]]:
    """Where others could step: the statement of this block, what it is, and the statement that pauses in the end.

    An `await` alone is none: what it awaits is a condition of the whole step.
    """
    for statement in block:
        span = statement.span
        match statement:
            case typed.Then():
                yield span, "`then`", span
            case typed.Occurs():
                yield span, "`environment`", span
            case typed.Start(how="call"):
                yield span, "`call`", span
            case typed.While():
                yield span, "a loop", span
            case typed.ForEach(sort=sort) if tables.sorts[sort].dynamic:
                yield span, f"`for each` over {sort}s", span
            case typed.ForEach(body=body):
                yield from pauses(tables, body, routines, above)
            case typed.If(then=then, otherwise=otherwise):
                yield from pauses(tables, then, routines, above)
                yield from pauses(tables, otherwise, routines, above)
            case typed.Choose(alternatives=alternatives):
                for alternative in alternatives:
                    yield from pauses(tables, alternative, routines, above)
            case typed.Invoke(routine=name) if name in routines and name not in above:
                for _, words, deepest in pauses(tables, routines[name].body, routines, (*above, name)):
                    yield span, f"{words} in `{name}`", deepest
                    break
            case _:
                pass
