"""A path of the transition system as the trace that people read: one step per statement, only what changed."""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.engines.engine import Path
from wdfmc.system.instantiate import value_name
from wdfmc.system.slice import Slice
from wdfmc.system.step import NotEnabled, step
from wdfmc.system.system import OTHER, Assignment, Place, Ref, State, Template, TransitionSystem, Value
from wdfmc.verdict import Trace, TraceStep

OWNER = "own"  # the field that says who may act on a request


class NotLiftable(Exception):
    """A run of the slice is no run of the full system: an internal error."""


def lifted(part: Slice, small: TransitionSystem, full: TransitionSystem, path: Path) -> Path:
    """The run of the unreduced system that a run of its slice stands for.

    Transitions that look alike in the slice differ in the full system; the first combination that runs is taken.
    """
    by_template: dict[tuple[int, tuple[int, ...]], int] = {
        (transition.template, transition.slots): at for at, transition in enumerate(full.transitions)
    }
    states: list[State] = [full.initial]
    chosen: list[int] = []
    choices: list[Iterator[int]] = []
    while len(chosen) < len(path.transitions):
        if len(choices) == len(chosen):
            transition = small.transitions[path.transitions[len(chosen)]]
            keys = [(template, transition.slots) for template in part.kept[transition.template]]
            choices.append(iter([by_template[key] for key in keys if key in by_template]))
        for candidate in choices[-1]:
            try:
                after = step(full, states[-1], candidate)
            except NotEnabled:
                continue
            chosen.append(candidate)
            states.append(after)
            break
        else:
            choices.pop()
            if not choices:
                raise NotLiftable(f"step {len(chosen) + 1} of the trace cannot be taken in the unreduced system")
            chosen.pop()
            states.pop()
    return Path(tuple(chosen), path.end, path.loop)


def explained(system: TransitionSystem, path: Path) -> Trace:
    """The trace of a path of the unreduced system (with `origin`)."""
    assert system.origin is not None
    state = system.initial
    steps: list[TraceStep] = []
    loop: int | None = None
    for position, number in enumerate(path.transitions):
        transition = system.transitions[number]
        template = system.origin.templates[transition.template]
        if path.loop == position:
            loop = len(steps) + 1
        last = position == len(path.transitions) - 1 and path.end == "violation"
        after = state if last else step(system, state, number)
        actor = system.actors[transition.actor]
        steps += lines(system, state, after, template, transition.slots, actor, position, len(steps))
        state = after
    return Trace(path.end, loop, tuple(steps))


def lines(
    system: TransitionSystem, before: State, after: State, template: Template, slots: tuple[int, ...], actor: str,
    position: int, printed: int,
) -> list[TraceStep]:  # fmt: skip
    """The statements of one transition. What no statement accounts for is shown at the last one."""
    found: list[TraceStep] = []
    now = printed_state(system, before)
    for at, statement in enumerate(template.statements):
        following = list(now)
        for effect in statement.effects:
            target, value = evaluated(system, before, effect, slots)
            following[target] = value
        if at == len(template.statements) - 1:
            following = now if after is before else printed_state(system, after)
        changes = {
            variable.name: (now[i], following[i])
            for i, variable in enumerate(system.variables)
            if now[i] != following[i] and is_shown(system, i)
        }
        suffix = "." + OWNER
        owners = {name.removesuffix(suffix): change for name, change in changes.items() if name.endswith(suffix)}
        found.append(
            TraceStep(
                printed + at + 1, actor, template.actor.name, template.actor.kind, statement.action, statement.result,
                statement.span, changes, owners, position,
            )
        )  # fmt: skip
        now = following
    return found


def printed_state(system: TransitionSystem, state: State) -> list[str]:
    return [variable.domain[value] for variable, value in zip(system.variables, state, strict=True)]


def evaluated(system: TransitionSystem, before: State, effect: Assignment, slots: tuple[int, ...]) -> tuple[int, str]:
    """The flat target of an effect and its new value. A step that breaks a rule may compute what no state ever has."""

    def flat(place: Place) -> int:
        return system.index[place.variable, None if place.slot is None else slots[place.slot]]

    def named(value: Value) -> str:
        if isinstance(value, Ref) and value.slot is not None:
            return value_name(value._replace(slot=slots[value.slot]))
        return value_name(value)

    target = flat(effect.target)
    if effect.source is None:
        return target, named(effect.table[0][1])
    source = flat(effect.source)
    current = system.variables[source].domain[before[source]]
    outside = current
    for old, new in effect.table:
        if isinstance(old, Ref) and old.slot == OTHER:
            outside = current if isinstance(new, Ref) and new.slot == OTHER else named(new)
        elif named(old) == current:
            return target, named(new)
    return target, outside  # a reference to a request outside the footprint


def is_shown(system: TransitionSystem, variable: int) -> bool:
    """Program counters, locals, ghosts of rules and lock bits are told by the steps themselves."""
    name = system.variables[variable].name
    plain = name.split(".", 1)[1] if name[:1] == "r" and name[1:2].isdigit() and "." in name else name
    assert system.origin is not None
    kind = system.origin.variables[system.variables[variable].template].kind
    return not plain.startswith("pc ") and kind in ("field", "driver")
