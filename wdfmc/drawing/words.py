"""What every form of a life cycle says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wdfmc.lifecycle import Deed, Life, LifeCycle
from wdfmc.reports.phrases import deed_of, is_library, place, plural


@dataclass(frozen=True, slots=True)
class Arrow:
    """All edges between two states in one direction. `labels`: one line each; `taken`: by some run."""

    before: str
    after: str
    labels: tuple[str, ...]
    taken: bool


def arrows(life: Life, model: str) -> list[Arrow]:
    """In the order of the states. What no run takes has an arrow of its own."""
    found: dict[tuple[str, str, bool], list[Deed]] = {}
    for edge in life.edges:
        found.setdefault((edge.before, edge.after, edge.taken), []).append(edge.deed)
    rank = {state: at for at, state in enumerate(life.states)}
    ordered = sorted(found.items(), key=lambda item: (rank[item[0][0]], rank[item[0][1]], not item[0][2]))
    return [Arrow(before, after, labels(deeds, model), taken) for (before, after, taken), deeds in ordered]


def labels(deeds: Iterable[Deed], model: str) -> tuple[str, ...]:
    """`OnRead, OnDpc 21, 35: WdfRequestComplete`: what is done, and by whom in which lines."""
    lines: dict[tuple[str, str | None], dict[str, dict[str, None]]] = {}
    found: dict[str, None] = {}
    for deed in deeds:
        if is_library(deed.span) and not from_driver(deed):
            found[deed_of(deed.actor, deed.action)] = None
        elif is_library(deed.span):  # the rest of a call, after the framework has let others run
            found[f"{deed.actor}: in {place(deed.span, model)}"] = None
        else:
            actors = lines.setdefault((deed.action.rstrip(";"), deed.result), {})
            actors.setdefault(deed.actor, {})[place(deed.span, model)] = None
    for (action, result), actors in lines.items():
        by_lines: dict[tuple[str, ...], list[str]] = {}
        for actor, places in actors.items():
            by_lines.setdefault(tuple(places), []).append(actor)
        for numbers, who in by_lines.items():
            given = "" if result is None else f" = {result}"
            found[f"{', '.join(who)} {', '.join(numbers)}: {action}{given}"] = None
    return tuple(found)


def from_driver(deed: Deed) -> bool:
    return deed.kind in ("callback", "thread")


def heading(life: Life) -> str:
    return f"requests of the pool {life.pool}" if life.pool else "requests that the driver receives"


def unreached(life: Life) -> list[str]:
    return [state for state in life.states if state not in life.reached]


def final(life: Life) -> frozenset[str]:
    """Reached states that no run leaves."""
    left = {edge.before for edge in life.edges if edge.taken}
    return life.reached - left


def drawn(life: Life) -> list[str]:
    """The states that the picture joins by arrows, in the order of the library; the others stand aside."""
    joined = life.reached.union(*((edge.before, edge.after) for edge in life.edges))
    return [state for state in life.states if state in joined]


def notes(cycle: LifeCycle) -> Iterator[str]:
    """What has to be known to read it."""
    size = f"{plural(cycle.requests, 'request')} in a run, {plural(cycle.visited, 'state')} of the model"
    if cycle.reason is None:
        yield f"complete: {size}; no run comes to what is grey"
    else:
        yield f"not complete: {cycle.reason} ({size}); what is grey was not seen, which is no proof"
    if cycle.under:
        yield f"a run ends where it breaks {', '.join(cycle.under)}; what would come after is not shown"
