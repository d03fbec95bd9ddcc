"""The life cycle as a table."""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.drawing.words import Arrow, arrows, final, heading, notes, unreached
from wdfmc.lifecycle import Life, LifeCycle


def render(cycle: LifeCycle, model: str) -> str:
    return "\n".join(lines(cycle, model)) + "\n"


def lines(cycle: LifeCycle, model: str) -> Iterator[str]:
    yield f"{model}: driver {cycle.driver}"
    for life in cycle.lives:
        yield ""
        yield from life_lines(life, model)
    yield ""
    yield from notes(cycle)


def life_lines(life: Life, model: str) -> Iterator[str]:
    yield heading(life)
    found = arrows(life, model)
    yield from table([arrow for arrow in found if arrow.taken], "  ")
    never = [arrow for arrow in found if not arrow.taken]
    if never:
        yield "  never (grey in the picture):"
        yield from table(never, "    ")
    if ends := [state for state in life.states if state in final(life)]:
        yield f"  ends in: {', '.join(ends)}"
    if others := unreached(life):
        yield f"  not reached: {', '.join(others)}"


def table(found: list[Arrow], indent: str) -> Iterator[str]:
    names = [f"{arrow.before} -> {arrow.after}" for arrow in found]
    width = max(map(len, names), default=0)
    for name, arrow in zip(names, found, strict=True):
        for at, label in enumerate(arrow.labels):
            yield f"{indent}{name if at == 0 else '':<{width}}  {label}"
