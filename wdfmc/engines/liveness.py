"""Fair cycles on which an obligation stays owed, under weak and strong fairness.

Exact, on the explicit graph: strongly connected components of the states that owe, discarded where a weak group is
always enabled and never served, cut down where a strong group is enabled but never served, and decomposed again
(Lichtenstein and Pnueli, POPL 1985; Emerson and Lei, 1987). Runs that end in a stuck state are found by the search.

Fairness tells requests apart, so the cycles are not searched among states up to renaming. But every cycle lies over a
cycle of those, by whatever renaming, so only the states over a non-trivial component there are unfolded into all their
renamings: for most drivers none. The slots being interchangeable, one obligation stands for all its images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from wdfmc.engines.engine import Path
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.packed import Bools, Index, Numbers, Words, holding
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.system import Obligation, State, TransitionSystem

BATCH: Final = 1 << 14
BITS: Final = 64  # fairness groups in one word of a bit set


class GaveUp(Exception):
    """Time or space ran out; the text says which."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The reachable states up to renaming, numbered by distance from the initial state.

    `source`, `target`: the edges between states that owe something, of transitions that may be taken for ever
    (`lasting`). `path`: to some renaming of a state, and that renaming.
    """

    system: TransitionSystem
    symmetry: Symmetry
    expansion: Expansion
    index: Index
    source: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]
    lasting: Bools
    path: Callable[[int], tuple[list[int], State]]


def fair_cycle(
    graph: Graph, obligations: Sequence[Obligation], limit_states: int, deadline: float | None
) -> Path | None:
    """A path into a fair cycle on which one of the obligations of a rule is owed for ever, None if there is none.

    Raises:
        GaveUp: at the deadline, or when more than `limit_states` states would have to be unfolded.
    """
    owing = np.zeros(graph.index.size, np.bool_)
    for owed in obligations:
        owing |= holding(graph.symmetry.packing, graph.system, graph.index.words, owed.variable, owed.pending)
    inside = owing[graph.source] & owing[graph.target]
    over = components(graph.index.size, graph.source[inside], graph.target[inside], deadline)
    core = np.flatnonzero(over >= 0)
    if not core.size:
        return None
    if core.size * len(graph.symmetry.renamings) > limit_states:
        raise GaveUp(f"state limit ({limit_states}) reached while looking for fair cycles")
    best: tuple[int, _Unfolding, _Cycle] | None = None
    for owed in _representatives(graph, obligations):
        unfolding = _Unfolding(graph, core, owed, deadline)
        cycle = unfolding.earliest(deadline)
        if cycle is not None:
            at = int(unfolding.base[cycle.start])
            if best is None or at < best[0]:
                best = at, unfolding, cycle
    return None if best is None else best[1].lasso(best[2])


def _representatives(graph: Graph, obligations: Sequence[Obligation]) -> list[Obligation]:
    """One of each set of obligations that are renamings of each other."""
    variables = graph.system.variables
    return [owed for owed in obligations if not graph.symmetry.many or not variables[owed.variable].slot]


class _Cycle(NamedTuple):
    """A fair component: one of its first states, and its edges (a subset of the unfolding's)."""

    start: int
    edges: Numbers


class _Unfolding:
    """The states over `core`, renamings told apart, in which an obligation is owed, with the edges between them.

    `base`: the number in the graph of what each state is a renaming of. `able`: [word, state], the fairness groups that
    are enabled. `served`: [word, transition], the groups that taking a transition satisfies.
    """

    def __init__(self, graph: Graph, core: Numbers, owed: Obligation, deadline: float | None) -> None:
        self.graph = graph
        symmetry, system = graph.symmetry, graph.system
        words = graph.index.words[:, core]
        renamed = [symmetry.renamed(words, renaming) for renaming in range(len(symmetry.renamings))]
        # All renamings of one state after the other, in small portions, so that numbers still grow with the distance.
        states = np.stack(renamed, axis=2).reshape(len(words), -1)
        kept = np.flatnonzero(holding(symmetry.packing, system, states, owed.variable, owed.pending))
        self.index = Index(symmetry.packing.words)
        base = [np.empty(0, np.int64)]
        for first in range(0, len(kept), BATCH):
            some = kept[first : first + BATCH]
            _, fresh = self.index.add(states[:, some])
            base.append(core[some[fresh] // len(renamed)])
        self.base = np.concatenate(base)
        self.weak, self.strong, self.served = _served(system)
        self.able = np.zeros((len(self.weak), self.index.size), np.uint64)
        none = (np.empty(0, np.int64),) * 3
        edges = [none, *(self._expand(first, deadline) for first in range(0, self.index.size, BATCH))]
        self.source, self.transition, self.target = (np.concatenate(columns) for columns in zip(*edges, strict=True))

    def _expand(self, first: int, deadline: float | None) -> tuple[Numbers, Numbers, Numbers]:
        """The edges (source, transition, target) from a batch of states, whose enabled groups are noted."""
        _in_time(deadline)
        system, expansion = self.graph.system, self.graph.expansion
        states = self.index.words[:, first : first + BATCH]
        enabled = expansion.enabled(states)
        for number, rows in enabled:
            group = system.transitions[number].fairness
            if group is not None:
                self.able[group // BITS, rows + first] |= np.uint64(1 << group % BITS)
        found = expansion.successors(states, [one for one in enabled if system.transitions[one[0]].violates is None])
        target = self.index.find(found.states)
        inside = (target >= 0) & self.graph.lasting[found.transition]
        return found.source[inside] + first, found.transition[inside], target[inside]

    def earliest(self, deadline: float | None) -> _Cycle | None:
        """The fair component that begins closest to the initial state."""
        best: _Cycle | None = None
        edges = np.arange(len(self.source))
        while edges.size:
            component = components(self.index.size, self.source[edges], self.target[edges], deadline)
            inner = (component[self.source[edges]] >= 0) & (
                component[self.source[edges]] == component[self.target[edges]]
            )
            edges = edges[inner]
            if not edges.size:
                break
            starved_weak, starved_strong = self._starved(component, edges)
            fair = ~starved_weak & ~starved_strong.any(axis=0)
            best = self._first(component, edges, fair, best)
            # What starves a strong group must be left for good; the rest may still hold a fair cycle.
            left = np.zeros(self.index.size, np.bool_)
            inside = np.flatnonzero(component >= 0)
            of = component[inside]
            left[inside] = ~starved_weak[of] & ~fair[of] & ~(self.able[:, inside] & starved_strong[:, of]).any(axis=0)
            edges = edges[left[self.source[edges]] & left[self.target[edges]]]
        return best

    def _starved(self, component: Numbers, edges: Numbers) -> tuple[Bools, Words]:
        """For each component, whether it starves a weak group, and the strong groups that it starves."""
        nodes = np.flatnonzero(component >= 0)
        nodes = nodes[np.argsort(component[nodes], kind="stable")]
        starts = np.flatnonzero(np.diff(component[nodes], prepend=-1))
        always = np.bitwise_and.reduceat(self.able[:, nodes], starts, axis=1)
        ever = np.bitwise_or.reduceat(self.able[:, nodes], starts, axis=1)
        of = component[self.source[edges]]
        order = np.argsort(of, kind="stable")
        starts = np.flatnonzero(np.diff(of[order], prepend=-1))
        served = np.bitwise_or.reduceat(self.served[:, self.transition[edges[order]]], starts, axis=1)
        starved_weak: Words = always & self.weak[:, None] & ~served
        starved_strong: Words = ever & self.strong[:, None] & ~served
        return np.asarray(starved_weak.any(axis=0)), starved_strong

    def _first(self, component: Numbers, edges: Numbers, fair: Bools, best: _Cycle | None) -> _Cycle | None:
        nodes = np.flatnonzero(component >= 0)
        nodes = nodes[fair[component[nodes]]]
        if not nodes.size:
            return best
        start = int(nodes[np.argmin(self.base[nodes])])
        if best is not None and self.base[best.start] <= self.base[start]:
            return best
        return _Cycle(start, edges[component[self.source[edges]] == component[start]])

    def lasso(self, cycle: _Cycle) -> Path:
        """The path to the start of the cycle, renamed to lead to that very state, then once around."""
        graph, symmetry = self.graph, self.graph.symmetry
        path, state = graph.path(int(self.base[cycle.start]))
        there = symmetry.packing.pack([state])
        goal = self.index.words[:, cycle.start : cycle.start + 1]
        renaming = next(
            number for number in range(len(symmetry.renamings)) if np.array_equal(symmetry.renamed(there, number), goal)
        )
        stem = [symmetry.transition(number, renaming) for number in path]
        return Path((*stem, *self._around(cycle)), "loop", len(stem))

    def _around(self, cycle: _Cycle) -> list[int]:
        """A closed walk from the start that serves every group it has to: to the nearest need, and on, and home."""
        order = cycle.edges[np.lexsort((self.transition[cycle.edges], self.source[cycle.edges]))]
        leaving: dict[int, list[tuple[int, int]]] = {}
        for edge in order.tolist():
            leaving.setdefault(int(self.source[edge]), []).append((int(self.transition[edge]), int(self.target[edge])))
        weak, strong = _number(self.weak), _number(self.strong)
        at = cycle.start
        always = ever = _number(self.able[:, at])
        served = 0
        walk: list[int] = []
        while True:
            need_weak, need_strong = weak & always & ~served, strong & ever & ~served

            def wanted(taken: int, target: int, weak: int = need_weak, strong: int = need_strong) -> bool:
                if not weak | strong:
                    return target == cycle.start
                return bool(_number(self.served[:, taken]) & (weak | strong) or weak & ~_number(self.able[:, target]))

            if walk and at == cycle.start and not need_weak | need_strong:
                return walk
            for taken, target in _nearest(leaving, at, wanted):
                at = target
                walk.append(taken)
                served |= _number(self.served[:, taken])
                always &= _number(self.able[:, at])
                ever |= _number(self.able[:, at])


def _nearest(
    leaving: dict[int, list[tuple[int, int]]], start: int, wanted: Callable[[int, int], bool]
) -> list[tuple[int, int]]:
    """The shortest walk of at least one edge, as (transition, state it leads to), whose last edge is wanted."""
    came: dict[int, tuple[int, int]] = {}
    layer = [start]
    while layer:
        following = []
        for state in layer:
            for taken, target in leaving.get(state, ()):
                if wanted(taken, target):
                    walk = [(taken, target)]
                    while state != start:
                        before, by = came[state]
                        walk.append((by, state))
                        state = before
                    return walk[::-1]
                if target not in came and target != start:
                    came[target] = state, taken
                    following.append(target)
        layer = following
    raise AssertionError("a strongly connected component has a way")


def _served(system: TransitionSystem) -> tuple[Words, Words, Words]:
    """Bit sets: the weak groups [word], the strong ones [word], what each transition serves [word, transition]."""
    words = max(1, -(-len(system.fairness) // BITS))
    weak, strong = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    by_actor: dict[int, list[int]] = {}
    for number, group in enumerate(system.fairness):
        (strong if group.strong else weak)[number // BITS] |= np.uint64(1 << number % BITS)
        if not group.strong:
            by_actor.setdefault(group.actor, []).append(number)
    served = np.zeros((words, len(system.transitions)), np.uint64)
    for at, transition in enumerate(system.transitions):
        named = [] if transition.fairness is None else [transition.fairness]
        for number in (*named, *by_actor.get(transition.actor, ())):
            served[number // BITS, at] |= np.uint64(1 << number % BITS)
    return weak, strong, served


def _number(words: Words) -> int:
    """A bit set as one Python integer."""
    return sum(int(word) << BITS * at for at, word in enumerate(words))


def _in_time(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise GaveUp("out of time")


def components(
    size: int, source: npt.NDArray[np.integer], target: npt.NDArray[np.integer], deadline: float | None = None
) -> Numbers:
    """The number of each node's strongly connected component, from 0 without gaps; -1 for a node on no cycle.

    Every node gets the colour of the highest node that reaches it. A node of its own colour, with those of its colour
    that reach it, is a component (Orzan, 2004). With nodes numbered by their distance from a start, nearly all are
    found in the first of few rounds. Nodes without edges are forgotten before each.
    """
    root = np.full(size, -1, np.int64)
    names = np.arange(size)
    while source.size:
        _in_time(deadline)
        left, entered = _marked(len(names), source), _marked(len(names), target)
        kept = entered[source] & left[target]
        source, target, names = _compact(source[kept], target[kept], names)
        itself = np.arange(len(names))
        colour = itself.copy()
        rising = np.flatnonzero(source > target)
        while rising.size:
            np.maximum.at(colour, target[rising], colour[source[rising]])
            edges = np.flatnonzero(_marked(len(names), target[rising])[source])
            rising = edges[colour[source[edges]] > colour[target[edges]]]
        inner = colour[source] == colour[target]
        source, target = source[inner], target[inner]
        found = colour == itself
        new = source[found[target] & ~found[source]]
        while new.size:
            found[new] = True
            new = source[found[target] & ~found[source]]
        cyclic = found & _marked(len(names), colour[source[found[source] & found[target]]])[colour]
        root[names[cyclic]] = names[colour[cyclic]]
        kept = ~found[source] & ~found[target]
        source, target = source[kept], target[kept]
    somewhere = root >= 0
    roots = _marked(size, root[somewhere])
    root[somewhere] = (np.cumsum(roots) - 1)[root[somewhere]]
    return root


def _compact(
    source: npt.NDArray[np.integer], target: npt.NDArray[np.integer], names: Numbers
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], Numbers]:
    """The edges with nodes without edges left out of the numbering, and the names of the others."""
    nodes = np.flatnonzero(_marked(len(names), source) | _marked(len(names), target))
    among = np.empty(len(names), np.int32)
    among[nodes] = np.arange(len(nodes))
    return among[source], among[target], names[nodes]


def _marked(size: int, nodes: npt.NDArray[np.integer]) -> Bools:
    marked = np.zeros(size, np.bool_)
    marked[nodes] = True
    return marked
