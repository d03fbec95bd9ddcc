"""What of a driver can ever run: its callbacks, statements, branches, and the outcomes of its calls.

The places are read from the typed driver, so that what lowering removes is listed too: it never runs. Each is a safety
goal of its own, "never", in a lowering without rules. A place inside a helper runs if it runs in any of the places
where the helper is expanded.

Queues keep their order: what runs only if a request is presented before one that came earlier does not run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from wdfmc.checking import STANDARD_TARGET, Options, with_target
from wdfmc.decide import MOST_ACTIVATIONS
from wdfmc.diagnostics import Diagnostic, Label, Severity
from wdfmc.engines.reachability import Reached, reached
from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system.evaluate import NULL_HANDLE
from wdfmc.system.flow import TRUE
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, Lowering, OutOfTime
from wdfmc.system.paths import NotExpressible
from wdfmc.system.places import outcomes, passing, returning
from wdfmc.system.slice import sliced
from wdfmc.verdict import Coverage, Covered

MOST_STATES: Final = 5_000_000


def coverage(program: typed.Program, options: Options, deadline: float | None) -> Coverage:
    """With the given number of requests, in the environment in which rules are checked that name none."""
    started = time.monotonic()
    target = options.target or STANDARD_TARGET
    places = dict(named(places_of(program)))
    contracts = frozenset({name for name, rule in program.rules.items() if rule.form == "contract"})
    contracts |= {MODEL_BOUND, NULL_HANDLE}
    try:
        found, bound = explored(
            with_target(program, target, options.target is not None), frozenset(places), contracts, options, deadline
        )
    except (NotExpressible, OutOfTime) as problem:
        found, bound = Reached(open=set(places)), str(problem)
    reason = bound
    if reason is None and not found.open.isdisjoint(places):
        reason = "out of time" if late(deadline) else f"not all states were visited ({MOST_STATES} at most)"
    under = tuple(sorted(contracts & found.happens.keys() - {MODEL_BOUND}))
    covered = tuple(
        Covered(place.kind, place.span, place.way, runs(name, found, bound is not None))
        for name, place in places.items()
    )  # fmt: skip
    return Coverage(options.requests, covered, under, reason, time.monotonic() - started)


def late(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def runs(name: str, found: Reached, cut_off: bool) -> bool | None:
    """`cut_off`: runs end at a bound of the model, so that nothing is known to be out of their reach."""
    if name in found.happens:
        return True
    return False if name in found.never and not cut_off else None


def explored(
    program: typed.Program, places: frozenset[str], contracts: frozenset[str], options: Options, deadline: float | None
) -> tuple[Reached, str | None]:
    """What happens of the places and the breaches of contracts; and the bound of the model that is hit, if one is.

    Raises:
        NotExpressible: the model is outside the shape of the transition system.
        OutOfTime: the deadline passed while it was lowered.
    """
    overlaps: dict[str, int] = {}
    while True:
        lowering = Lowering(program, places, overlaps, deadline)
        part = sliced(lowering.system(), places, contracts)
        small = instantiate(part.system, options.requests)
        found = reached(small, sorted(places | contracts), MOST_STATES, deadline)
        if MODEL_BOUND not in found.happens:
            return found, None
        limit = part.system.templates[small.transitions[found.happens[MODEL_BOUND]].template].limit
        role = lowering.raisable.get(limit or "")
        if role is None or role in overlaps:
            return found, f"a bound of the model is hit: {limit}"
        overlaps[role] = MOST_ACTIVATIONS


# ---------------------------------------------------------------- the places of a driver


def places_of(program: typed.Program) -> Iterator[Covered]:
    """In the order of the text."""
    found = [Covered("callback", callback.span, "", None) for callback in program.callbacks.values()]
    bodies = [callback.body for callback in program.callbacks.values()]
    bodies += [thread.body for thread in program.threads if not thread.library]
    bodies += [routine.body for routine in program.routines.values() if not routine.atomic]
    for body in bodies:
        found += in_block(program, body)
    yield from sorted(found, key=lambda place: (place.span.source.name, place.span.start))


def in_block(program: typed.Program, block: typed.Block) -> Iterator[Covered]:
    for statement in block:
        span = statement.span
        yield Covered("statement", span, "", None)
        match statement:
            case typed.If(_, _, then, otherwise):
                yield from (Covered("branch", span, way, None) for way in ("yes", "no"))
                yield from in_block(program, (*then, *otherwise))
            case typed.While(_, before, condition, body):
                if condition != TRUE:
                    yield from (Covered("branch", span, way, None) for way in ("yes", "no"))
                yield from in_block(program, (*before, *body))
            case typed.ForEach(_, _, _, _, body):
                yield from in_block(program, body)
            case typed.Choose(_, alternatives):
                for alternative in alternatives:
                    yield from in_block(program, alternative)
            case typed.Invoke(_, _, name, _) if program.routines[name].ddi:
                called = program.routines[name]
                for value in outcomes(program, called):
                    yield Covered("outcome", span, returning(called.name, value), None)
            case _:
                pass


def named(places: Iterable[Covered]) -> Iterator[tuple[str, Covered]]:
    return ((passing(place.span, place.way), place) for place in places)


# ---------------------------------------------------------------- what is worth a warning


def never_run(program: typed.Program, found: Coverage) -> list[Diagnostic]:
    """The callbacks that no run starts, although an object of the driver or a call names them."""
    bound: Mapping[object, str] = {item.span: name for name, item in program.callbacks.items() if item.kinds}
    return [
        Diagnostic(
            "WDF413",
            f"`{bound[place.span]}` never runs",
            (Label(head(place.span)),),
            "nothing in this model leads to it; drop it, or model what does",
            Severity.WARNING,
        )
        for place in found.places
        if place.kind == "callback" and place.runs is False and place.span in bound
    ]


def head(span: Span) -> Span:
    """A callback without its body."""
    return replace(span, end=span.start + len(span.text.split("{")[0].rstrip()))
