"""The meaning of a transition, without a solver: it replays every trace (Lamport, Specifying Systems, 2.2)."""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.system.system import Count, Cube, State, Transition, TransitionSystem


class NotEnabled(Exception):
    """The guard of the transition is false in the state."""


def holds(cube: Cube, state: State) -> bool:
    return all(mask >> state[variable] & 1 for variable, mask in cube)


def counts(count: Count, state: State) -> bool:
    number = sum(any(holds(cube, state) for cube in alternatives) for alternatives in count.entities)
    return count.low <= number <= count.high


def enabled(transition: Transition, state: State) -> bool:
    return holds(transition.guard, state) and all(counts(count, state) for count in transition.counts)


def step(system: TransitionSystem, state: State, chosen: int) -> State:
    """Take transition number `chosen`; every update reads the old state.

    Raises:
        NotEnabled: its guard is false in `state`.
    """
    transition = system.transitions[chosen]
    if not enabled(transition, state):
        raise NotEnabled(chosen)
    after = list(state)
    for target, source, table in transition.updates:
        after[target] = table[0] if source < 0 else table[state[source]]
    return tuple(after)


def choices(system: TransitionSystem, state: State) -> Iterator[int]:
    """The transitions enabled in a state, violating ones included."""
    return (at for at, transition in enumerate(system.transitions) if enabled(transition, state))
