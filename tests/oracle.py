"""What holds in a small flat system, found by going through the definitions one state at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

from wdfmc.engines.engine import Path
from wdfmc.system.step import choices, step
from wdfmc.system.system import Obligation, State, TransitionSystem


@dataclass(frozen=True)
class Reachable:
    """`depth`: of every reachable state. `edges`: (transition, successor) of each, without violating ones."""

    depth: dict[State, int]
    edges: dict[State, list[tuple[int, State]]]


def reachable(system: TransitionSystem, limit: int) -> Reachable | None:
    """None if there are more than `limit` states."""
    depth = {system.initial: 0}
    edges: dict[State, list[tuple[int, State]]] = {}
    queue = [system.initial]
    for state in queue:
        if len(queue) > limit:
            return None
        edges[state] = [
            (at, step(system, state, at)) for at in choices(system, state) if system.transitions[at].violates is None
        ]
        for _, after in edges[state]:
            if after not in depth:
                depth[after] = depth[state] + 1
                queue.append(after)
    return Reachable(depth, edges)


def shortest_violation(system: TransitionSystem, graph: Reachable, goal: str) -> int | None:
    """The number of transitions of a shortest path that ends in a violating one."""
    return min(
        (
            depth + 1
            for state, depth in graph.depth.items()
            if any(system.transitions[at].violates == goal for at in choices(system, state))
        ),
        default=None,
    )


def renamed(system: TransitionSystem, state: State, target: tuple[int, ...]) -> State:
    """The state with slot s called `target[s]`."""
    after = list(state)
    for variable, value in zip(system.variables, state, strict=True):
        image = system.index[variable.template, None if variable.slot is None else target[variable.slot]]
        reference = variable.refers[value]
        if reference is not None:
            value = system.variables[image].refers.index((reference[0], target[reference[1]]))
        after[image] = value
    return tuple(after)


def orbits(system: TransitionSystem, states: Iterable[State]) -> int:
    """How many states there are up to renaming of slots."""
    renamings = list(permutations(range(system.slots)))
    return len({min(renamed(system, state, target) for target in renamings) for state in states})


def owes(system: TransitionSystem, state: State, owed: Obligation) -> bool:
    return bool(owed.pending >> state[owed.variable] & 1)


def able(system: TransitionSystem, state: State) -> set[int]:
    """The fairness groups that are enabled."""
    groups = (system.transitions[at].fairness for at in choices(system, state))
    return {group for group in groups if group is not None}


def serves(system: TransitionSystem, taken: Iterable[int], group: int) -> bool:
    """Whether one of the transitions discharges the group."""
    fair = system.fairness[group]
    if fair.strong:
        return any(system.transitions[at].fairness == group for at in taken)
    return any(system.transitions[at].actor == fair.actor for at in taken)


def starved(system: TransitionSystem, states: Iterable[State], taken: Iterable[int]) -> set[int]:
    """The groups to which it is unfair to visit exactly these states and take exactly these transitions for ever."""
    enabled = [able(system, state) for state in states]
    taken = set(taken)
    return {
        number
        for number, group in enumerate(system.fairness)
        if (any if group.strong else all)(number in groups for groups in enabled) and not serves(system, taken, number)
    }


def stuck(system: TransitionSystem, graph: Reachable, owed: Obligation) -> list[State]:
    return [state for state in graph.depth if owes(system, state, owed) and not able(system, state)]


def without_unfair(system: TransitionSystem, graph: Reachable) -> Reachable:
    """The same states, with the edges of fair transitions only."""
    return Reachable(
        graph.depth,
        {
            state: [(at, after) for at, after in edges if system.transitions[at].lasting]
            for state, edges in graph.edges.items()
        },
    )


def fair_components(system: TransitionSystem, graph: Reachable, owed: Obligation) -> list[set[State]]:
    """The sets of states in which a fair run can stay for ever, owing, while visiting all of them."""
    fair = []
    work = [{state for state in graph.depth if owes(system, state, owed)}]
    while work:
        states = work.pop()
        for component in _components(graph, states):
            inner = [at for state in component for at, after in graph.edges[state] if after in component]
            if not inner:
                continue
            bad = starved(system, component, inner)
            if not bad:
                fair.append(component)
            elif all(system.fairness[group].strong for group in bad):
                work.append({state for state in component if not able(system, state) & bad})
    return fair


def _components(graph: Reachable, states: set[State]) -> list[set[State]]:
    """Strongly connected components within a set of states (Kosaraju and Sharir)."""
    entering: dict[State, list[State]] = {state: [] for state in states}
    for state in states:
        for _, after in graph.edges[state]:
            if after in states:
                entering[after].append(state)
    finished: list[State] = []
    seen: set[State] = set()
    for root in states:
        stack = [(root, False)]
        while stack:
            state, done = stack.pop()
            if done:
                finished.append(state)
            elif state not in seen:
                seen.add(state)
                stack.append((state, True))
                stack += [(after, False) for _, after in graph.edges[state] if after in states]
    found: list[set[State]] = []
    placed: set[State] = set()
    for root in reversed(finished):
        component: set[State] = set()
        todo = [root]
        while todo:
            state = todo.pop()
            if state not in placed:
                placed.add(state)
                component.add(state)
                todo += entering[state]
        if component:
            found.append(component)
    return found


def refutes(system: TransitionSystem, path: Path, goal: str) -> bool:
    """Whether the path is a run of the system that breaks the goal.

    Raises:
        NotEnabled: it is no run at all.
    """
    executed = path.transitions[:-1] if path.end == "violation" else path.transitions
    states = [system.initial]
    for at in executed:
        if system.transitions[at].violates is not None:
            return False
        states.append(step(system, states[-1], at))
    obligations = [owed for owed in system.obligations if owed.rule == goal]
    match path.end:
        case "violation":
            last = path.transitions[-1]
            return last in choices(system, states[-1]) and system.transitions[last].violates == goal
        case "stuck":
            return not able(system, states[-1]) and any(owes(system, states[-1], owed) for owed in obligations)
        case "loop":
            assert path.loop is not None
            loop = states[path.loop :]
            return (
                len(loop) > 1
                and loop[0] == loop[-1]
                and any(all(owes(system, state, owed) for state in loop) for owed in obligations)
                and not starved(system, loop, path.transitions[path.loop :])
            )
