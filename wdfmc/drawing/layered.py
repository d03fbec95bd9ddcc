"""A layered drawing of a small directed graph whose edges carry boxes (their labels).

Sugiyama, Tagawa, Toda, *Methods for Visual Understanding of Hierarchical System Structures* (1981): turn edges round
until there is no cycle, put each node on a layer below its predecessors, order the layers for few crossings, place the
nodes. The box of an edge is a node of its own between the layers of its ends, so labels never overlap. The last step
takes the layers in turn: the places nearest to those at which lines are upright that keep order and distance
(isotonic regression by pooling adjacent violators; Barlow and others, 1972).

Why not a library: Graphviz has to be installed beside Python; of what pip installs, grandalf is under the GPL or EPL
and igraph under the GPL, igraph and fast-sugiyama know no boxes on edges, and fast-sugiyama needs a recent glibc.
A life cycle has a dozen states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

SWEEPS: Final = 24  # down and up; the order with the fewest crossings is kept
STRAIGHT: Final = 4.0  # how much more a bend in a line matters than a node away from its neighbours' middle
SLOPE: Final = 0.05  # of the distance that a line goes aside: how far it goes down meanwhile, at least


class Size(NamedTuple):
    width: float
    height: float


class Point(NamedTuple):
    x: float
    y: float


class Link(NamedTuple):
    """An edge of the graph. `box`: the size of its label."""

    before: str
    after: str
    box: Size


class Placed(NamedTuple):
    """An edge in the drawing. `points`: its line, from `before` to `after`; `box`: the middle of its label."""

    points: tuple[Point, ...]
    box: Point


@dataclass(frozen=True, slots=True)
class Drawing:
    """`nodes`: the middle of each. All coordinates are positive, y grows downwards."""

    nodes: Mapping[str, Point]
    links: tuple[Placed, ...]
    size: Size


def layered(nodes: Mapping[str, Size], links: Sequence[Link], gap: Size) -> Drawing:
    """`nodes`: in the order in which they are preferred as tops. `gap`: the least distance between boxes."""
    return _Layout(dict(nodes), list(links), gap).drawing()


@dataclass
class _Layout:
    nodes: dict[str, Size]
    links: list[Link]
    gap: Size
    sizes: list[Size] = field(default_factory=list)  # by vertex: nodes, boxes, bends of long edges
    chains: list[list[int]] = field(default_factory=list)  # by link: its vertices from top to bottom
    middle: list[int] = field(default_factory=list)  # by link: the vertex that is its box
    layers: list[list[int]] = field(default_factory=list)
    layer_of: list[int] = field(default_factory=list)

    def drawing(self) -> Drawing:
        number = {name: at for at, name in enumerate(self.nodes)}
        turned = self.turned()
        ranks = self.ranks(turned)
        self.sizes = list(self.nodes.values())
        self.layer_of = [ranks[name] for name in self.nodes]
        for link, back in zip(self.links, turned, strict=True):
            top, bottom = (link.after, link.before) if back else (link.before, link.after)
            self.add_chain(number[top], number[bottom], link.box)
        self.layers = [[] for _ in range(max(self.layer_of, default=-1) + 1)]
        for vertex, layer in enumerate(self.layer_of):
            self.layers[layer].append(vertex)
        self.order()
        return self.placed(number, turned, self.columns())

    # ------------------------------------------------------------ layers

    def turned(self) -> list[bool]:
        """Which edges lead upwards: those that close a cycle in a depth-first search from the first nodes."""
        out: dict[str, list[int]] = {name: [] for name in self.nodes}
        for at, link in enumerate(self.links):
            out[link.before].append(at)
        back = [False] * len(self.links)
        state: dict[str, int] = {}  # 1: on the path, 2: left

        def visit(name: str) -> None:
            state[name] = 1
            for at in out[name]:
                after = self.links[at].after
                if state.get(after) == 1:
                    back[at] = True
                elif after not in state:
                    visit(after)
            state[name] = 2

        for name in self.nodes:
            if name not in state:
                visit(name)
        return back

    def ranks(self, turned: Sequence[bool]) -> dict[str, int]:
        """The longest path to each node, two layers an edge; one without predecessors is right above its first."""
        rank = dict.fromkeys(self.nodes, 0)
        pairs = [
            (link.after, link.before) if back else (link.before, link.after)
            for link, back in zip(self.links, turned, strict=True)
        ]
        for _ in self.nodes:
            for top, bottom in pairs:
                rank[bottom] = max(rank[bottom], rank[top] + 2)
        for name in self.nodes:
            below = [rank[bottom] - 2 for top, bottom in pairs if top == name]
            if below and not any(bottom == name for _, bottom in pairs):
                rank[name] = min(below)
        return rank

    def add_chain(self, top: int, bottom: int, box: Size) -> None:
        """The box stands in the middle of a long edge; on the other layers the edge has a bend."""
        first, last = self.layer_of[top], self.layer_of[bottom]
        label = (first + last) // 2
        if label % 2 == first % 2:
            label += 1 if label < last - 1 else -1
        chain = [top]
        for layer in range(first + 1, last):
            chain.append(len(self.sizes))
            if layer == label:
                self.middle.append(len(self.sizes))
            self.sizes.append(box if layer == label else Size(0.0, 0.0))
            self.layer_of.append(layer)
        self.chains.append([*chain, bottom])

    # ------------------------------------------------------------ order

    def neighbours(self, up: bool) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.sizes]
        for chain in self.chains:
            for above, below in pairwise(chain):
                found[below if up else above].append(above if up else below)
        return found

    def order(self) -> None:
        """By the median of the neighbours, down and up in turn; then neighbours change places while that helps."""
        above, below = self.neighbours(True), self.neighbours(False)
        best, fewest = [list(layer) for layer in self.layers], self.crossings()
        for sweep in range(SWEEPS):
            near = above if sweep % 2 == 0 else below
            for layer in self.layers[1:] if sweep % 2 == 0 else self.layers[-2::-1]:
                position = self.positions()
                keys = {v: (_median([position[n] for n in near[v]], position[v]), position[v]) for v in layer}
                layer.sort(key=keys.__getitem__)
            crossings = self.exchanged()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def exchanged(self) -> int:
        """Exchange neighbours in a layer as long as this leaves fewer crossings; how many are left."""
        fewest = self.crossings()
        better = True
        while better and fewest:
            better = False
            for layer in self.layers:
                for at in range(len(layer) - 1):
                    layer[at : at + 2] = layer[at + 1], layer[at]
                    crossings = self.crossings()
                    if crossings < fewest:
                        fewest, better = crossings, True
                    else:
                        layer[at : at + 2] = layer[at + 1], layer[at]
        return fewest

    def positions(self) -> dict[int, int]:
        return {vertex: at for layer in self.layers for at, vertex in enumerate(layer)}

    def crossings(self) -> int:
        position = self.positions()
        between: dict[int, list[tuple[int, int]]] = {}
        for chain in self.chains:
            for above, below in pairwise(chain):
                between.setdefault(self.layer_of[above], []).append((position[above], position[below]))
        return sum(
            (one[0] - other[0]) * (one[1] - other[1]) < 0
            for lines in between.values()
            for at, one in enumerate(lines)
            for other in lines[at + 1 :]
        )

    # ------------------------------------------------------------ places

    def columns(self) -> list[float]:
        """The x of the middle of each vertex."""
        xs = [0.0] * len(self.sizes)
        for layer in self.layers:
            for left, right in pairwise(layer):
                xs[right] = xs[left] + self.distance(left, right)
        above, below = self.neighbours(True), self.neighbours(False)
        for sweep in range(2 * SWEEPS):
            near = above if sweep % 2 == 0 else below
            for layer in self.layers if sweep % 2 == 0 else self.layers[::-1]:
                if sweep < SWEEPS // 2:
                    wanted = [_mean([xs[n] for n in near[v]], xs[v]) for v in layer]
                else:
                    wanted = [_upright([xs[n] for n in above[v] + below[v]], xs[v]) for v in layer]
                weights = [STRAIGHT if self.sizes[v].width == 0 else 1.0 for v in layer]
                self.settle(layer, wanted, weights, xs)
        margin = min((xs[v] - size.width / 2 for v, size in enumerate(self.sizes)), default=0.0)
        return [x - margin for x in xs]

    def distance(self, left: int, right: int) -> float:
        return (self.sizes[left].width + self.sizes[right].width) / 2 + self.gap.width

    def settle(self, layer: Sequence[int], wanted: Sequence[float], weights: Sequence[float], xs: list[float]) -> None:
        """The least weighted squares of the distances from `wanted` under the order of the layer."""
        offsets = [0.0]
        for left, right in pairwise(layer):
            offsets.append(offsets[-1] + self.distance(left, right))
        blocks: list[tuple[float, float, int]] = []  # mean of wanted - offset, weight, members
        for want, offset, weight in zip(wanted, offsets, weights, strict=True):
            block = (want - offset, weight, 1)
            while blocks and blocks[-1][0] > block[0]:
                mean, heavy, members = blocks.pop()
                total = heavy + block[1]
                block = ((mean * heavy + block[0] * block[1]) / total, total, members + block[2])
            blocks.append(block)
        means = [mean for mean, _, members in blocks for _member in range(members)]
        for vertex, mean, offset in zip(layer, means, offsets, strict=True):
            xs[vertex] = mean + offset

    def rows(self, xs: Sequence[float]) -> list[tuple[float, float]]:
        """The top and the bottom of each layer. The farther lines go aside between two layers, the farther apart."""
        aside = [0.0] * len(self.layers)
        for chain in self.chains:
            for above, below in pairwise(chain):
                at = self.layer_of[above]
                aside[at] = max(aside[at], abs(xs[above] - xs[below]))
        found, y = list[tuple[float, float]](), 0.0
        for layer, far in zip(self.layers, aside, strict=True):
            height = max((self.sizes[vertex].height for vertex in layer), default=0.0)
            found.append((y, y + height))
            y += height + self.gap.height + far * SLOPE
        return found

    def placed(self, number: Mapping[str, int], turned: Sequence[bool], xs: Sequence[float]) -> Drawing:
        rows = self.rows(xs)
        points = [Point(xs[v], sum(rows[layer]) / 2) for v, layer in enumerate(self.layer_of)]
        ports = self.ports(xs)
        links = []
        for at, (chain, back) in enumerate(zip(self.chains, turned, strict=True)):
            line = [
                Point(ports.get((at, vertex), xs[vertex]), y)
                for vertex in chain
                for y in self.stops(vertex, chain, points[vertex].y, *rows[self.layer_of[vertex]])
            ]
            links.append(Placed(tuple(reversed(line)) if back else tuple(line), points[self.middle[at]]))
        width = max((x + size.width / 2 for x, size in zip(xs, self.sizes, strict=True)), default=0.0)
        height = max((bottom for _, bottom in rows), default=0.0)
        return Drawing({name: points[v] for name, v in number.items()}, tuple(links), Size(width, height))

    def stops(self, vertex: int, chain: Sequence[int], middle: float, top: float, bottom: float) -> tuple[float, ...]:
        """The y at which a line is upright: it goes aside between layers only, so that it runs through no box."""
        half = self.sizes[vertex].height / 2
        if vertex == chain[0]:
            return middle + half, bottom
        if vertex == chain[-1]:
            return top, middle - half
        return (top, middle - half, middle + half, bottom) if half else (top, bottom)

    def ports(self, xs: Sequence[float]) -> dict[tuple[int, int], float]:
        """(link, its top or bottom) -> x: the lines at a side of a node stand apart, ordered by where they go."""
        at_side: dict[tuple[int, bool], list[tuple[float, int]]] = {}
        for link, chain in enumerate(self.chains):
            at_side.setdefault((chain[0], True), []).append((xs[chain[1]], link))
            at_side.setdefault((chain[-1], False), []).append((xs[chain[-2]], link))
        found = {}
        for (vertex, _), lines in at_side.items():
            room = self.sizes[vertex].width * 0.8
            for at, (_, link) in enumerate(sorted(lines)):
                found[link, vertex] = xs[vertex] + room * ((at + 0.5) / len(lines) - 0.5)
        return found


def _mean(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own


def _upright(places: Sequence[float], own: float) -> float:
    """Where the lines are the least slanted in all, as near as possible to where it is."""
    if not places:
        return own
    ordered = sorted(places)
    return min(max(own, ordered[(len(ordered) - 1) // 2]), ordered[len(ordered) // 2])


def _median(places: Sequence[int], own: int) -> float:
    if not places:
        return own
    ordered = sorted(places)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return (low + high) / 2
