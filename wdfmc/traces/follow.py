"""Runs of the direct interpreter: one that follows a trace of the lowered system, and all of them for small drivers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wdfmc.semantics import typed
from wdfmc.system.system import Obj, State, TransitionSystem
from wdfmc.traces.interpreter import Machine, Move
from wdfmc.traces.watch import SAFETY
from wdfmc.traces.world import Configuration, shown

COPY: Final = re.compile(r" #\d+")  # of a run of a callback that overlaps another one
RULE_ACTORS: Final = ("rule", "framework")  # of transitions that only say that the state is bad


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of the lowered system.

    Args:
        actor: as printed, for example `OnRead(r1)`.
        after: name of a visible variable -> its printed value after the transition.
        broken: the rule that it breaks; then `after` is empty.
    """

    actor: str
    after: Mapping[str, str] = field(default_factory=dict)
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Refuted:
    """The interpreter has no such run. `step`: the 0-based one that it cannot take; `reason`: both sides."""

    step: int
    actor: str
    reason: str


def steps_of(system: TransitionSystem, states: Sequence[State], transitions: Sequence[int]) -> list[Step]:
    """The transitions of a run of a flat system as steps to follow.

    Args:
        states: that of each transition and, unless the last one breaks a rule, the one after it.
    """
    steps = []
    for at, chosen in enumerate(transitions):
        taken = system.transitions[chosen]
        after: dict[str, str] = {}
        if taken.violates is None:
            pairs = zip(system.variables, states[at + 1], strict=True)
            after = {found.name: found.domain[value] for found, value in pairs if is_visible(found.name)}
        steps.append(Step(system.actors[taken.actor], after, taken.violates))
    return steps


def follow(
    program: typed.Program, slots: int, steps: Sequence[Step], bound: int = 400, width: int = 4000,
    overlaps: Mapping[str, int] | None = None, in_order: bool = False,
) -> Configuration | Refuted:  # fmt: skip
    """A run in which each step is a sequence of moves of its actor alone, and ends as the step says.

    All configurations that agree so far are kept: which statement an actor stands at is not visible.

    Args:
        bound: the most small moves in one step.
        width: the most configurations that are kept after a step.
        overlaps, in_order: see `Machine`.

    Returns: a configuration at the end of such a run (before the violation, if a rule is broken).
    """
    rules = [step.broken for step in steps if step.broken]
    machine = Machine(program, slots, overlaps=overlaps, rules=rules, in_order=in_order)
    index = {name: at for at, name in enumerate(machine.variables.names)}
    current: dict[Configuration, None] = {machine.initial: None}
    for number, step in enumerate(steps):
        near = Nearest(step)
        if step.broken is not None:
            if number == len(steps) - 1 and breaks(machine, current, step, bound, near):
                return next(iter(current))
            return Refuted(number, step.actor, near.text())
        following: dict[Configuration, None] = {}
        for found in bursts(machine, current, step, bound):
            if isinstance(found, Move):
                near.broken.add(found.broken or "")
            elif near.agrees(machine, found, index):
                following[found] = None
                if len(following) >= width:
                    break
        if not following:
            return Refuted(number, step.actor, near.text())
        current = following
    return next(iter(current))


def breaks(machine: Machine, current: Iterable[Configuration], step: Step, bound: int, near: Nearest) -> bool:
    """Whether the actor can break the rule. For a rule that is not safety it is enough that the actor can step."""
    spoken = machine.program.rules.get(step.broken or "")
    if spoken is not None and spoken.form not in ("contract", *SAFETY):
        if step.actor in RULE_ACTORS:
            return True
        actors = alike(machine, current, step.actor)
        return any(True for each in current for actor in actors for _ in machine.moves(each, actor))
    if step.actor in RULE_ACTORS:
        return any(step.broken in machine.watch.bad(configuration) for configuration in current)
    for found in bursts(machine, current, step, bound):
        if isinstance(found, Move):
            near.broken |= found.violated | {found.broken or ""}
            if found.broken == step.broken or step.broken in found.violated:
                return True
    return False


@dataclass(slots=True)
class Nearest:
    """What the interpreter reached instead, for the message."""

    step: Step
    differing: dict[str, tuple[str, str]] | None = None
    broken: set[str] = field(default_factory=set)

    def agrees(self, machine: Machine, found: Configuration, index: Mapping[str, int]) -> bool:
        differing: dict[str, tuple[str, str]] = {}
        for name, wanted in self.step.after.items():
            now = visible_value(machine, found, name, index)
            if now is not None and now != wanted:
                differing[name] = wanted, now
        if self.differing is None or len(differing) < len(self.differing):
            self.differing = differing
        return not differing

    def text(self) -> str:
        step = self.step
        if step.broken is not None:
            instead = ", ".join(sorted(self.broken - {""})) or "nothing"
            return f"{step.actor} breaks {step.broken} in the lowered system, {instead} in the direct interpreter"
        if self.differing is None:
            instead = f"it breaks {', '.join(sorted(self.broken))}" if self.broken else "it cannot step"
            return f"{step.actor} steps in the lowered system; in the direct interpreter {instead}"
        pairs = ", ".join(f"{name} = {wanted}, not {now}" for name, (wanted, now) in self.differing.items())
        return f"after {step.actor} the lowered system has {pairs} in the direct interpreter"


def bursts(
    machine: Machine, current: Iterable[Configuration], step: Step, bound: int
) -> Iterator[Configuration | Move]:
    """What the actor can reach alone; moves that break a rule as they are.

    First what a callback or thread reaches without any move: a transition may only go on to the next place in the text.
    """
    start = list(current)
    if not any(instance.actor == step.actor for instance in machine.instances):
        yield from start
    for actor in alike(machine, start, step.actor):
        yield from burst(machine, start, step.broken, actor, bound)


def alike(machine: Machine, current: Iterable[Configuration], actor: str) -> list[str]:
    """The actor, and the other runs of the same callback that overlap.

    Here a callback ends with its last statement, there it still has to return: a run that begins in between is the
    second one there and the only one here.
    """
    lanes = (machine.lane(found.name, key) for configuration in current for key, found in configuration.active)
    same = (lane for lane in dict.fromkeys(lanes) if COPY.sub("", lane) == COPY.sub("", actor))
    return list(dict.fromkeys((actor, *same)))


def burst(
    machine: Machine, start: Sequence[Configuration], broken: str | None, actor: str, bound: int
) -> Iterator[Configuration | Move]:
    level: Sequence[Configuration] = start
    seen: set[Configuration] = set()
    for _ in range(bound):
        following: list[Configuration] = []
        for configuration in level:
            for move in machine.moves(configuration, actor):
                if move.after is None or broken in move.violated:
                    yield move
                elif move.after not in seen:
                    seen.add(move.after)
                    following.append(move.after)
                    yield move.after
        if not following:
            return
        level = following


def is_visible(name: str) -> bool:
    """Whether a flat variable of the lowered system is one that the interpreter has too."""
    local = name.split(".", 1)[1] if name[:1] == "r" and name[1:].split(".")[0].isdigit() else name
    return not local.startswith("pc ") and ".$" not in name


def visible_value(machine: Machine, configuration: Configuration, name: str, index: Mapping[str, int]) -> str | None:
    """The printed value of a variable by its flat name; None for one that only the lowered system has."""
    at = index.get(name)
    if at is not None:
        return shown(configuration.values[at])
    lock = name.removesuffix(".held")
    if "." in lock:
        return None  # a presentation lock: here the last statement releases it, there the end of the callback does
    given = typed.Const(Obj(lock))
    if lock != name and any(given in item.constants.values() for item in machine.program.objects.values()):
        return None  # the lock of another object, whose callbacks run under it: likewise
    if lock != name and lock in machine.program.objects:
        return shown(any(held == lock for held, _ in configuration.held))
    return None


# ---------------------------------------------------------------- all runs


@dataclass(slots=True)
class Explored:
    """Everything reachable in a small instance.

    Args:
        names: the visible variables, in the order of the states.
        states: all visible states.
        resting: those in which no callback and no thread of the driver is unfinished.
        broken: the rules of which some step breaks the contract, and the watched ones that are broken.
        complete: whether the search ended before the limit.
        deadlock: whether some activations wait for each other's locks.
    """

    names: tuple[str, ...]
    states: set[tuple[str, ...]]
    resting: set[tuple[str, ...]]
    broken: set[str]
    configurations: int
    complete: bool
    deadlock: bool = False


def explore(
    program: typed.Program, slots: int, limit: int, names: Sequence[str] | None = None, spare: int = 0,
    rules: Iterable[str] = (),
) -> Explored:  # fmt: skip
    """Breadth-first search over the moves of the interpreter.

    Args:
        limit: the most configurations.
        names: the variables to look at, by their flat names; all by default.
        spare, rules: see `Machine`.
    """
    machine = Machine(program, slots, spare, rules=rules)
    index = {name: at for at, name in enumerate(machine.variables.names)}
    locks = [f"{item.name}.held" for item in program.objects.values() if item.sort == "lock"]
    wanted = tuple(names) if names is not None else (*machine.variables.names, *locks)
    places = [(index.get(name), name.removesuffix(".held")) for name in wanted]
    found = Explored(wanted, set(), set(), set(), 0, True)
    seen = {machine.initial}
    level = [machine.initial]
    while level:
        following: list[Configuration] = []
        for configuration in level:
            held = {lock for lock, _ in configuration.held}
            state = tuple(shown(configuration.values[at] if at is not None else lock in held) for at, lock in places)
            found.states.add(state)
            if machine.at_rest(configuration):
                found.resting.add(state)
            found.broken |= machine.watch.bad(configuration)
            found.deadlock = found.deadlock or machine.deadlocked(configuration)
            for move in machine.moves(configuration):
                found.broken |= move.violated
                if move.broken is not None:
                    found.broken.add(move.broken)
                elif move.after is not None and move.after not in seen:
                    seen.add(move.after)
                    following.append(move.after)
        if len(seen) > limit:
            found.complete = False
            break
        level = following
    found.configurations = len(seen)
    return found
