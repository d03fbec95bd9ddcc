"""The one shortest trace that is shown of a violation, or of being stuck, whichever engine found it.

Shortest first; then the fewest switches between actors, the fewest requests named, the fewest steps of the environment,
and of what is left the run that comes first by (template, slots) of its transitions. As slots are interchangeable,
the first one also names request slot 0 before slot 1, and so on: only such runs are looked at.

The states up to the depth are explored up to renaming (`_Layers`). What lies on a shortest violation is unfolded into
runs (`_Runs`), and the best one is found by dynamic programming, last step first. Where that is too large, z3 finds it
(`descent`), within so much work; how much is too large or too hard is the same for everyone, so what is found depends
on the system and the known run only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from wdfmc.engines.engine import Path
from wdfmc.engines.expansion import Expansion
from wdfmc.engines.packed import Bools, Index, Numbers, Words, holding
from wdfmc.progress import Work
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.preference import End, Preference
from wdfmc.traces.replay import Refuted

MOST_STATES: Final = 400_000  # up to renaming
MOST_RUNS: Final = 2_000_000  # steps between (state, actor, requests named so far)
BATCH: Final = 1 << 14
SWITCH: Final = 1 << 32  # the weights of the criteria in one number
REQUEST: Final = 1 << 16
DEAD_END: Final = np.int64(1 << 62)
NO_STEP: Final = -1  # instead of a transition, where a run just ends


class TooLarge(Exception):
    """To be explored; z3 has to do it. `shorter`: no run that refutes the goal has at most so many transitions."""

    def __init__(self, shorter: int) -> None:
        super().__init__(shorter)
        self.shorter = shorter


class TooHard(Exception):
    """For z3, to find such a run within its work or before the deadline."""


def canonical(
    system: TransitionSystem, goal: str, depth: int, end: End = "violation", deadline: float | None = None
) -> Path:
    """The best shortest run that refutes the goal with such an end.

    Args:
        depth: transitions of such a run that is known, a violating one included. One that is not the shortest only
            costs time, unless it is too hard for z3 to find a shorter one.
        deadline: as of time.monotonic(); past it z3 gives the best that it has. Exploring takes seconds at most.

    Raises:
        TooHard: from z3, which has none yet.
        Refuted: no such run has at most `depth` transitions.
    """
    work = Work("trace", system.slots)
    preference = Preference(system)
    try:
        return _explored(preference, goal, depth, end)
    except TooLarge as trouble:
        # z3 is imported only where it is needed: most violations are near.
        from wdfmc.traces.descent import descended

        return descended(preference, goal, trouble.shorter + 1, depth, end, deadline)
    finally:
        work.at(depth=depth)


def _explored(preference: Preference, goal: str, depth: int, end: End) -> Path:
    layers = _Layers(preference, goal, end)
    while not layers.ends:
        if layers.depth >= depth or not layers.grow():
            raise Refuted(
                f"{goal}: an engine found a run with {depth} transitions that ends in {end}, "
                f"exploration finds none with {layers.depth}"
            )
    return _Runs(preference, layers).best()


class _Layers:
    """The states at each distance up to renaming, until a run can end in some: `ends`."""

    def __init__(self, preference: Preference, goal: str, end: End) -> None:
        self.preference = preference
        self.goal = goal
        self.end = end
        self.expansion = Expansion(preference.system, preference.symmetry.packing)
        self.index = Index(preference.symmetry.packing.words)
        self.index.add(preference.symmetry.canonical(preference.symmetry.packing.pack([preference.system.initial])))
        self.starts = [0]  # the first state of each layer
        self.edges: list[tuple[Numbers, Numbers]] = []  # from each layer but the last to the next one
        self.ends = self._look(0, 1)
        self._able: list[list[tuple[int, Numbers]]]

    @property
    def length(self) -> int:
        """The distance of the last layer."""
        return len(self.starts) - 1

    @property
    def depth(self) -> int:
        """The transitions of a run that ends in the last layer."""
        return self.length + (self.end == "violation")

    def _look(self, first: int, end: int) -> list[int]:
        """Where a run can end among the states first..end-1; remembers what is enabled for `grow`."""
        self._able, found = [], list[int]()
        for start in range(first, end, BATCH):
            states = self.index.words[:, start : min(start + BATCH, end)]
            able = self.expansion.enabled(states)
            self._able.append([one for one in able if self.preference.system.transitions[one[0]].violates is None])
            found += (np.flatnonzero(self.ending(states, able)) + start).tolist()
        return found

    def ending(self, states: Words, able: list[tuple[int, Numbers]]) -> Bools:
        """Where a run can end, given what is enabled."""
        system = self.preference.system
        if self.end == "violation":
            here = np.zeros(states.shape[1], np.bool_)
            for at, rows in able:
                if system.transitions[at].violates == self.goal:
                    here[rows] = True
            return here
        packing = self.preference.symmetry.packing
        owed = [o for o in system.obligations if o.rule == self.goal]
        here = np.zeros(states.shape[1], np.bool_)
        for obligation in owed:
            here |= holding(packing, system, states, obligation.variable, obligation.pending)
        for at, rows in able:
            if system.transitions[at].fairness is not None:
                here[rows] = False
        return here

    def grow(self) -> bool:
        """Add the next layer; False if there is none.

        Raises:
            TooLarge: there are too many states.
        """
        first, end = self.starts[-1], self.index.size
        sources, targets = [], []
        for start, able in zip(range(first, end, BATCH), self._able, strict=True):
            found = self.expansion.successors(self.index.words[:, start : min(start + BATCH, end)], able)
            numbers, _ = self.index.add(self.preference.symmetry.canonical(found.states))
            ahead = numbers >= end
            sources.append((found.source[ahead] + start).astype(np.int32))
            targets.append(numbers[ahead].astype(np.int32))
            if self.index.size > MOST_STATES:
                raise TooLarge(self.depth)
        if self.index.size == end:
            return False
        self.starts.append(end)
        self.edges.append((np.concatenate(sources), np.concatenate(targets)))
        self.ends = self._look(end, self.index.size)
        return True

    def useful(self) -> Bools:
        """For each state: it lies on a shortest run."""
        useful = np.zeros(self.index.size, np.bool_)
        useful[self.ends] = True
        for source, target in reversed(self.edges):
            useful[source[useful[target]]] = True
        return useful


@dataclass(frozen=True, slots=True)
class _Steps:
    """From the `nodes` nodes of a layer to those of the next one (after the last: to nowhere). `cost` is weighted."""

    nodes: int
    source: Numbers
    target: Numbers
    transition: Numbers
    cost: Numbers


class _Runs:
    """All shortest runs, as a graph in layers. A node is (state, last actor, slots named so far)."""

    def __init__(self, preference: Preference, layers: _Layers) -> None:
        self.preference = preference
        self.layers = layers
        self.useful = layers.useful()
        self.states = preference.symmetry.packing.pack([preference.system.initial])
        nodes = np.array([[0, -1, 0]])  # [nodes, (state, actor, named)]
        self.steps: list[_Steps] = []
        total = 0
        for _ in range(layers.length):
            nodes, steps = self._next(nodes)
            self.steps.append(steps)
            total += len(steps.source)
            if total > MOST_RUNS:
                raise TooLarge(layers.depth - 1)
        self.steps.append(self._last(nodes))

    def best(self) -> Path:
        """By dynamic programming: what the rest of a run costs at least, from each node."""
        rest = np.zeros(1, np.int64)
        todo: list[tuple[_Steps, Numbers]] = []
        for steps in reversed(self.steps):
            costs = steps.cost + rest[steps.target]
            rest = np.full(steps.nodes, DEAD_END)
            np.minimum.at(rest, steps.source, costs)
            todo.append((steps, costs))
        node, taken = 0, []
        for steps, costs in reversed(todo):
            here = np.flatnonzero(steps.source == node)
            least = here[costs[here] == costs[here].min()]
            chosen = min(least.tolist(), key=lambda at: self._rank(int(steps.transition[at])))
            taken.append(int(steps.transition[chosen]))
            node = int(steps.target[chosen])
        return Path(tuple(at for at in taken if at != NO_STEP), self.layers.end)

    def _rank(self, transition: int) -> int:
        """Staying where it is stuck has no rank of its own; a system may have no transition at all."""
        return -1 if transition == NO_STEP else int(self.preference.rank[transition])

    def _next(self, nodes: Numbers) -> tuple[Numbers, _Steps]:
        """The next layer of nodes, and the steps to it. Replaces `states` by those of that layer."""
        transitions = self.preference.system.transitions
        index = Index(len(self.states))
        found: list[tuple[Numbers, Numbers, Numbers]] = []
        for start in range(0, self.states.shape[1], BATCH):
            batch = self.states[:, start : start + BATCH]
            able = self.layers.expansion.enabled(batch)
            after = self.layers.expansion.successors(
                batch, [one for one in able if transitions[one[0]].violates is None]
            )
            kept = self._on_the_way(after.states)
            numbers, _ = index.add(np.ascontiguousarray(after.states[:, kept]))
            found.append((after.source[kept] + start, after.transition[kept], numbers))
        self.states = index.words
        source, transition, target = (np.concatenate(each) for each in zip(*found, strict=True))
        steps = self._joined(nodes, source, transition, target)
        system = self.preference.system
        key = steps.target * len(system.actors) + self.preference.actor[steps.transition]
        _, first, node = np.unique(
            (key << system.slots) | self._names(nodes, steps), return_index=True, return_inverse=True
        )
        parts = (steps.target, self.preference.actor[steps.transition], self._names(nodes, steps))
        following = np.stack([part[first] for part in parts], axis=1)
        return following, _Steps(len(nodes), steps.source, node, steps.transition, steps.cost)

    def _on_the_way(self, states: Words) -> Numbers:
        """Which states are, up to renaming, in the next layer and lead to a violation."""
        length = len(self.steps) + 1
        numbers = self.layers.index.find(self.preference.symmetry.canonical(states.copy()))
        ends = [*self.layers.starts[1:], self.layers.index.size]
        ahead = (numbers >= self.layers.starts[length]) & (numbers < ends[length])
        return np.flatnonzero(ahead & self.useful[numbers])

    def _last(self, nodes: Numbers) -> _Steps:
        """The violating transitions, if a run ends so; the requests are paid for here, when all are known."""
        transitions = self.preference.system.transitions
        able = self.layers.expansion.enabled(self.states)
        if self.layers.end == "stuck":
            source = np.flatnonzero(self.layers.ending(self.states, able)[nodes[:, 0]])
            cost = np.array([int(names).bit_count() * REQUEST for names in nodes[source, 2]], np.int64)
            return _Steps(len(nodes), source, np.zeros_like(source), np.full_like(source, NO_STEP), cost)
        broken = [(at, rows) for at, rows in able if transitions[at].violates == self.layers.goal]
        source = np.concatenate([rows for _, rows in broken])
        transition = np.repeat([at for at, _ in broken], [len(rows) for _, rows in broken])
        steps = self._joined(nodes, source, transition, np.zeros(len(source), np.int64))
        requests = np.array([int(names).bit_count() for names in self._names(nodes, steps)], np.int64)
        return _Steps(len(nodes), steps.source, steps.target, steps.transition, steps.cost + requests * REQUEST)

    def _names(self, nodes: Numbers, steps: _Steps) -> Numbers:
        return np.asarray(nodes[steps.source, 2] | self.preference.named[steps.transition])

    def _joined(self, nodes: Numbers, source: Numbers, transition: Numbers, target: Numbers) -> _Steps:
        """From steps between states to steps from nodes to states."""
        order = np.argsort(source, kind="stable")
        source, transition, target = source[order], transition[order], target[order]
        begin = np.searchsorted(source, nodes[:, 0], "left")
        many = np.searchsorted(source, nodes[:, 0], "right") - begin
        node = np.repeat(np.arange(len(nodes)), many)
        at = np.arange(len(node)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(begin, many)
        fits = self.preference.first_names(nodes[node, 2], self.preference.named[transition[at]])
        node, at = node[fits], at[fits]
        actor = nodes[node, 1]
        switches = (actor >= 0) & (actor != self.preference.actor[transition[at]])
        cost = switches * SWITCH + self.preference.environment[transition[at]]
        return _Steps(len(nodes), node, target[at], transition[at], cost)
