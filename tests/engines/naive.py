"""Oracles: exhaustive search without any cleverness, and random flat systems to compare engines on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from wdfmc.system.step import choices, enabled, step
from wdfmc.system.system import (
    Count,
    Cube,
    FairGroup,
    Obligation,
    State,
    Transition,
    TransitionSystem,
    Update,
    Variable,
)


def layers(system: TransitionSystem) -> Iterator[set[State]]:
    """The states at distance 0, 1, 2, ..., until there are no more."""
    seen: set[State] = set()
    layer = {system.initial}
    while layer:
        yield layer
        seen |= layer
        layer = {after for state in layer for _, after in successors(system, state)} - seen


def successors(system: TransitionSystem, state: State) -> Iterator[tuple[int, State]]:
    for at in choices(system, state):
        if system.transitions[at].violates is None:
            yield at, step(system, state, at)


def shortest(system: TransitionSystem, goal: str) -> int | None:
    """The number of transitions of a shortest violation; None if there is none."""
    for length, layer in enumerate(layers(system)):
        if any(system.transitions[at].violates == goal for state in layer for at in choices(system, state)):
            return length + 1
    return None


def runs(system: TransitionSystem, length: int) -> Iterator[tuple[tuple[int, ...], State]]:
    """All runs of so many transitions that violate nothing, with their last states."""
    if length == 0:
        yield (), system.initial
        return
    for taken, state in runs(system, length - 1):
        for at, after in successors(system, state):
            yield (*taken, at), after


def refuted(system: TransitionSystem, goal: str) -> bool:
    """A fair run exists on which an obligation of the goal stays owed; by strongly connected components."""
    reachable = set().union(*layers(system))
    edges = {state: list(successors(system, state)) for state in reachable}
    lasting = {
        state: [(at, after) for at, after in steps if system.transitions[at].lasting] for state, steps in edges.items()
    }
    for obligation in system.obligations:
        if obligation.rule == goal:
            owed = {state for state in reachable if obligation.pending >> state[obligation.variable] & 1}
            if any(_stuck(system, state) for state in owed) or _fair_cycle(system, lasting, owed):
                return True
    return False


def able(system: TransitionSystem, state: State, group: int) -> bool:
    return any(each.fairness == group and enabled(each, state) for each in system.transitions)


def _stuck(system: TransitionSystem, state: State) -> bool:
    return not any(each.fairness is not None and enabled(each, state) for each in system.transitions)


def _fair_cycle(system: TransitionSystem, edges: dict[State, list[tuple[int, State]]], within: set[State]) -> bool:
    """Emerson and Lei: a component without what a group needs loses the states where the group is able, if strong."""
    for component in _components(edges, within):
        taken = {at for state in component for at, after in edges[state] if after in component}
        if not taken:
            continue
        for number, group in enumerate(system.fairness):
            can = {state for state in component if able(system, state, number)}
            if group.strong:
                if can and not any(system.transitions[at].fairness == number for at in taken):
                    if _fair_cycle(system, edges, component - can):
                        return True
                    break
            elif can == component and not any(system.transitions[at].actor == group.actor for at in taken):
                break
        else:
            return True
    return False


def _components(edges: dict[State, list[tuple[int, State]]], within: set[State]) -> Iterator[set[State]]:
    def forward(state: State) -> set[State]:
        seen, todo = {state}, [state]
        while todo:
            for _, after in edges[todo.pop()]:
                if after in within and after not in seen:
                    seen.add(after)
                    todo.append(after)
        return seen

    reach = {state: forward(state) for state in within}
    left = set(within)
    while left:
        state = next(iter(left))
        component = {other for other in reach[state] if state in reach[other]}
        yield component
        left -= component


# ---------------------------------------------------------------- random systems


def random_system(seed: int, *, live: bool = False, variables: int = 5, transitions: int = 12) -> TransitionSystem:
    """Flat, without slots; every transition is its own template. Goals: "bad", "worse", and if `live` "live"."""
    random = Random(seed)
    sizes = [random.randint(2, 4) for _ in range(variables)]
    each = tuple(
        Variable(f"v{at}", tuple(map(str, range(size))), random.randrange(size), at, None, (None,) * size)
        for at, size in enumerate(sizes)
    )
    actors = 3
    fairness = tuple(FairGroup(random.randrange(actors), random.random() < 0.4, None) for _ in range(3)) if live else ()
    moves = []
    for number in range(transitions):
        violates = random.choice(["bad", "worse"]) if random.random() < (0.1 if live else 0.25) else None
        group = random.randrange(len(fairness)) if live and random.random() < 0.5 else None
        moves.append(
            Transition(
                _cube(random, sizes, 3 if violates else 2),
                tuple(_count(random, sizes) for _ in range(random.choice([0, 0, 1]))),
                () if violates else _updates(random, sizes),
                random.randrange(actors) if group is None else fairness[group].actor,
                group,
                violates,
                number,
                (),
                free=live and group is None and random.random() < 0.3,
            )
        )
    owed = [at for at, size in enumerate(sizes) if size > 2] or [0]
    obligations = tuple(Obligation("live", at, (1 << sizes[at]) - 2) for at in owed[:2]) if live else ()
    return TransitionSystem(each, tuple(moves), tuple("abc"[:actors]), fairness, obligations)


def _cube(random: Random, sizes: Sequence[int], width: int) -> Cube:
    chosen = sorted(random.sample(range(len(sizes)), min(width, len(sizes))))
    return tuple((at, random.randrange(1, (1 << sizes[at]) - 1)) for at in chosen)


def _count(random: Random, sizes: Sequence[int]) -> Count:
    entities = tuple(
        tuple(_cube(random, sizes, random.randint(1, 2)) for _ in range(random.randint(1, 2)))
        for _ in range(random.randint(1, 4))
    )
    low = random.randint(0, len(entities))
    return Count(entities, low, random.randint(low, len(entities)))


def _updates(random: Random, sizes: Sequence[int]) -> tuple[Update, ...]:
    found = []
    for target in random.sample(range(len(sizes)), random.randint(1, 2)):
        source = random.choice([-1, -1, target, random.randrange(len(sizes))])
        table = tuple(random.randrange(sizes[target]) for _ in range(sizes[source] if source >= 0 else 1))
        found.append(Update(target, source, table))
    return tuple(found)
