"""Random graphs: boxes do not overlap, and lines lead from state to state through their labels."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdfmc.drawing.layered import Drawing, Link, Point, Size, layered

GAP = Size(10.0, 10.0)
NAMES = "abcdefg"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], list[Link]]:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    size = st.builds(Size, st.integers(20, 90).map(float), st.integers(10, 60).map(float))
    nodes = {name: draw(size) for name in names}
    ends = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda pair: pair[0] != pair[1])
    links = (
        draw(st.lists(st.builds(lambda pair, box: Link(*pair, box), ends, size), max_size=9)) if len(names) > 1 else []
    )
    return nodes, links


def boxes(nodes: dict[str, Size], links: list[Link], drawing: Drawing) -> list[tuple[Point, Size]]:
    found = [(drawing.nodes[name], size) for name, size in nodes.items()]
    return found + [(placed.box, link.box) for link, placed in zip(links, drawing.links, strict=True)]


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_boxes_do_not_overlap(graph: tuple[dict[str, Size], list[Link]]) -> None:
    nodes, links = graph
    drawing = layered(nodes, links, GAP)
    found = boxes(nodes, links, drawing)
    for (one, size), (other, other_size) in combinations(found, 2):
        apart = abs(one.x - other.x) >= (size.width + other_size.width) / 2 - 1e-6
        below = abs(one.y - other.y) >= (size.height + other_size.height) / 2 - 1e-6
        assert apart or below
    for at, size in found:
        assert size.width / 2 - 1e-6 <= at.x <= drawing.size.width - size.width / 2 + 1e-6
        assert size.height / 2 - 1e-6 <= at.y <= drawing.size.height - size.height / 2 + 1e-6


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_lines_lead_from_state_to_state_through_their_label(graph: tuple[dict[str, Size], list[Link]]) -> None:
    nodes, links = graph
    drawing = layered(nodes, links, GAP)
    for link, placed in zip(links, drawing.links, strict=True):
        for end, name in ((placed.points[0], link.before), (placed.points[-1], link.after)):
            at, size = drawing.nodes[name], nodes[name]
            assert abs(end.x - at.x) <= size.width / 2
            assert abs(end.y - at.y) == pytest.approx(size.height / 2)
        ys = [round(point.y, 6) for point in placed.points]
        assert ys == sorted(ys, reverse=ys[0] > ys[-1]), "a line goes one way"
        half = link.box.height / 2
        for side in (-half, half):
            assert any(p.x == placed.box.x and p.y == pytest.approx(placed.box.y + side) for p in placed.points)


def test_chain_is_upright() -> None:
    nodes = dict.fromkeys("abc", Size(40, 20))
    links = [Link("a", "b", Size(90, 10)), Link("b", "c", Size(60, 10))]
    drawing = layered(nodes, links, GAP)
    assert len({point.x for point in drawing.nodes.values()}) == 1
    assert [drawing.nodes[name].y for name in "abc"] == sorted(drawing.nodes[name].y for name in "abc")


def test_two_edges_that_need_not_cross_do_not() -> None:
    nodes = dict.fromkeys("abcd", Size(40, 20))
    links = [Link("a", "d", Size(40, 10)), Link("b", "c", Size(40, 10)), Link("a", "c", Size(40, 10))]
    drawing = layered(nodes, links, GAP)
    a, b, c, d = (drawing.nodes[name].x for name in "abcd")
    assert (a - b) * (d - c) > 0


def test_cycle_goes_down_and_up() -> None:
    nodes = dict.fromkeys("ab", Size(40, 20))
    drawing = layered(nodes, [Link("a", "b", Size(40, 10)), Link("b", "a", Size(40, 10))], GAP)
    down, up = drawing.links
    assert down.points[0].y < down.points[-1].y
    assert up.points[0].y > up.points[-1].y


def test_same_graph_same_drawing() -> None:
    nodes = dict.fromkeys(NAMES, Size(40, 20))
    links = [Link(one, other, Size(30, 10)) for one, other in combinations(NAMES, 2)]
    assert layered(nodes, links, GAP) == layered(nodes, links, GAP)


def test_nothing_to_draw() -> None:
    assert layered({}, [], GAP).size == Size(0.0, 0.0)
