"""The life cycle for Graphviz: a state is a node, an arrow an edge, each kind of request a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc.drawing.words import arrows, final, heading, notes, unreached
from wdfmc.lifecycle import Life, LifeCycle
from wdfmc.reports.dot import quoted

GREY: Final = 'color="#b0b0b0", fontcolor="#909090"'


def render(cycle: LifeCycle, model: str) -> str:
    return "\n".join(["digraph life_cycle {", *(f"    {line}" for line in lines(cycle, model)), "}"]) + "\n"


def lines(cycle: LifeCycle, model: str) -> Iterator[str]:
    title = "\n".join([f"{model}: driver {cycle.driver}", *notes(cycle)])
    yield f'label={quoted(title)}; labelloc="t"; fontname="Helvetica"; compound=true;'
    yield 'node [shape="box", style="rounded", fontname="Helvetica"];'
    yield 'edge [fontname="Helvetica", fontsize=10];'
    for number, life in enumerate(cycle.lives):
        yield f"subgraph cluster_{number} {{"
        yield from (f"    {line}" for line in life_lines(life, number, model))
        yield "}"


def life_lines(life: Life, number: int, model: str) -> Iterator[str]:
    yield f'label={quoted(heading(life))}; color="#999999"; fontname="Helvetica";'

    def node(state: str) -> str:
        return quoted(f"{number} {state}")

    for state in life.states:
        looks = [f"label={quoted(state)}"]
        if state in unreached(life):
            looks.append(GREY)
        elif state in final(life):
            looks.append("peripheries=2")
        elif state == life.initial:
            looks.append('style="rounded,dashed"')
        yield f"{node(state)} [{', '.join(looks)}];"
    for arrow in arrows(life, model):
        # \l ends a line that is set to the left
        label = "".join(quoted(line)[1:-1] + "\\l" for line in arrow.labels)
        looks = [f'label="{label}"', *([] if arrow.taken else [GREY, 'style="dashed"'])]
        yield f"{node(arrow.before)} -> {node(arrow.after)} [{', '.join(looks)}];"
