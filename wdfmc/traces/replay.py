"""Is a counterexample one? Executes it with `system.step`, which shares nothing with the engines."""

from __future__ import annotations

from wdfmc.engines.engine import Path
from wdfmc.system.step import NotEnabled, enabled, step
from wdfmc.system.system import FairGroup, Obligation, State, TransitionSystem


class Refuted(Exception):
    """An engine claims what is not so: a fault of wdfmc, never of the model. The message gives both sides."""


def replay(system: TransitionSystem, path: Path, goal: str) -> tuple[State, ...]:
    """The states of the run, the initial one first. A violating transition, being the last, adds none; the state after
    the last transition of a loop is that at which the loop begins.

    Raises:
        Refuted: the path is not a run of the system, or does not end as it says, or does not refute the goal.
    """
    states = _run(system, path, goal)
    match path.end:
        case "violation":
            _violates(system, path, goal)
        case "stuck":
            _check_stuck(system, states[-1], goal)
        case "loop":
            _check_loop(system, path, states, goal)
    return states


def _run(system: TransitionSystem, path: Path, goal: str) -> tuple[State, ...]:
    executed = path.transitions[:-1] if path.end == "violation" else path.transitions
    states = [system.initial]
    for at, chosen in enumerate(path.transitions):
        try:
            after = step(system, states[-1], chosen)
        except (NotEnabled, IndexError):
            raise Refuted(
                f"{goal}: the engine takes transition {chosen} as number {at + 1} of {path}, "
                f"replay finds it disabled in {described(system, states[-1])}"
            ) from None
        if at < len(executed):
            if (rule := system.transitions[chosen].violates) is not None:
                raise Refuted(f"{goal}: the engine goes on in {path} after transition {chosen}, which breaks {rule}")
            states.append(after)
    return tuple(states)


def _violates(system: TransitionSystem, path: Path, goal: str) -> None:
    rule = system.transitions[path.transitions[-1]].violates if path.transitions else None
    if rule != goal:
        raise Refuted(f"{goal}: the engine says that {path} violates it, by replay the last transition breaks {rule}")


def _check_stuck(system: TransitionSystem, state: State, goal: str) -> None:
    if not any(owed(obligation, state) for obligation in system.obligations if obligation.rule == goal):
        raise Refuted(f"{goal}: the engine says it is owed at the end, by replay not in {described(system, state)}")
    for at, transition in enumerate(system.transitions):
        if transition.fairness is not None and enabled(transition, state):
            raise Refuted(
                f"{goal}: the engine says that nothing has to happen in {described(system, state)}, "
                f"by replay transition {at} of {system.actors[transition.actor]} does"
            )


def _check_loop(system: TransitionSystem, path: Path, states: tuple[State, ...], goal: str) -> None:
    start = path.loop
    if start is None or not 0 <= start < len(path.transitions) or states[start] != states[-1]:
        raise Refuted(
            f"{goal}: the engine says that {path} closes a loop at {start}, by replay it ends in "
            f"{described(system, states[-1])}"
        )
    loop = states[start:-1]
    if not any(
        all(owed(obligation, state) for state in loop) for obligation in system.obligations if obligation.rule == goal
    ):
        raise Refuted(f"{goal}: the engine says it is owed throughout the loop of {path}, by replay no obligation is")
    taken = path.transitions[start:]
    for at in taken:
        if not system.transitions[at].lasting:
            actor = system.actors[system.transitions[at].actor]
            raise Refuted(f"{goal}: the engine repeats for ever the step {at} of {actor}, which happens finitely often")
    for number, group in enumerate(system.fairness):
        if not fair(system, number, group, loop, taken):
            raise Refuted(
                f"{goal}: the engine says that the loop of {path} is fair, "
                f"by replay not to {system.actors[group.actor]} ({group})"
            )


def owed(obligation: Obligation, state: State) -> bool:
    return bool(obligation.pending >> state[obligation.variable] & 1)


def fair(
    system: TransitionSystem, number: int, group: FairGroup, loop: tuple[State, ...], taken: tuple[int, ...]
) -> bool:
    """Whether repeating the loop for ever is fair to a group (FairGroup says when).

    Args:
        number: of the group in the system.
        taken: the transitions from each state of the loop.
    """
    members = [transition for transition in system.transitions if transition.fairness == number]
    able = [any(enabled(transition, state) for transition in members) for state in loop]
    if group.strong:
        return not any(able) or any(system.transitions[at].fairness == number for at in taken)
    return not all(able) or any(system.transitions[at].actor == group.actor for at in taken)


def described(system: TransitionSystem, state: State) -> str:
    """What differs from the initial state, for messages."""
    pairs = zip(system.variables, state, strict=True)
    changed = [f"{variable.name}={variable.domain[value]}" for variable, value in pairs if value != variable.initial]
    return "{" + ", ".join(changed) + "}"
