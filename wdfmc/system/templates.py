"""Finished paths to templates: guard, updates, actor, and the lines of the trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from wdfmc.semantics import typed
from wdfmc.system import flow
from wdfmc.system.evaluate import IDLE, Context, Evaluator, cell_name
from wdfmc.system.observers import Observers
from wdfmc.system.paths import Entity, K, OthersCondition, Path, SelfCube, Symbolic, Turn, abstracted
from wdfmc.system.sources import Source
from wdfmc.system.system import (
    OTHER,
    Actor,
    Assignment,
    Fairness,
    Obj,
    Others,
    Place,
    Ref,
    Rival,
    Standing,
    Statement,
    Template,
    TemplateCube,
    Value,
)

RULES: Final = -1  # the number under which rules read variables; sources have theirs
SHOWN: Final = ("field", "driver", "lock")  # the kinds of variables that the lines of a trace change


class Templates:
    """The templates of one lowering."""

    def __init__(self, program: typed.Program, evaluator: Evaluator, observers: Observers) -> None:
        self.program = program
        self.evaluator = evaluator
        self.observers = observers
        self.domains = evaluator.domains

    def template(self, path: Path, source: Source, violates: str | None = None, limit: str | None = None) -> Template:
        updates: list[Assignment] = []
        if violates is None:
            for place, value in path.values.items():
                update = self.assignment(path, place, value)
                if update is not None:
                    updates.append(update)
                    self.domains.add(update.target.variable, (abstracted(now) for _, now in update.table))
        fairness: Fairness | None = None
        if path.fair:
            granted = self.program.options.get(typed.LOCKS) != typed.WITHDRAWN
            fairness = "strong" if path.acquired and source.activity and granted else "weak"
        elif path.free:
            fairness = "free"
        return Template(
            path.footprint, cube_of(path.guard), others_of(path.others), tuple(updates), self.actor(path, source),
            self.statements(path, source), fairness, path.acquired if fairness == "strong" else None, violates, limit,
            path.events, line_of(path.turns),
        )  # fmt: skip

    def assignment(self, path: Path, place: Place, value: Symbolic) -> Assignment | None:
        if isinstance(value, K):
            assert not isinstance(value.value, frozenset)
            if self.evaluator.old(path, place) == frozenset({value.value}) and not is_vague(value.value):
                return None
            return Assignment(place, None, ((None, value.value),))
        if value.place == place and value.table is None:
            return None
        table = tuple(sorted(self.evaluator.image(path, value), key=repr))
        return Assignment(place, value.place, table)

    def actor(self, path: Path, source: Source) -> Actor:
        slot: int | None = None
        if source.activity is not None:
            kind = "environment" if path.words is not None else source.activity.kind
            record = source.activity.record
            if isinstance(record.subject, Entity) and record.subject.owned:
                slot = 0
            copy = f" #{record.copy + 1}" if record.copy else ""
            return Actor(source.activity.name + copy, slot, kind)
        assert source.step is not None
        name = source.step.name
        for _, value in source.binding:
            if isinstance(value, Obj):
                owns_loop = source.step.loop and value == source.binding[0][1]
                name = f"{value.name}.{name}" if owns_loop else f"{name} {value.name}"
            elif isinstance(value, Ref) and slot is None:
                slot = value.slot
                if value.pool != self.evaluator.received.pool:
                    name = f"{name}[{cell_name(value)}]"
        return Actor(name, slot, "framework" if source.step.loop else "environment")

    def statements(self, path: Path, source: Source) -> tuple[Statement, ...]:
        """The lines of the trace; each shows what changed between its beginning and the next one."""
        found = []
        for at, line in enumerate(path.lines):
            until = path.lines[at + 1].before if at + 1 < len(path.lines) else path.values
            effects = []
            for place, value in until.items():
                if line.before.get(place) != value and self.domains.kinds[place.variable] in SHOWN:
                    update = self.assignment(path, place, self.evaluator.refreshed(path, value))
                    if update is not None:
                        effects.append(update)
            result = None if line.result is not None and line.result.startswith("=") else line.result
            found.append(Statement(line.span, line.action, result, tuple(effects)))
        if not found:
            over = any(now == K(IDLE) and self.domains.kinds[at.variable] == "pc" for at, now in path.values.items())
            found.append(Statement(source.node.span, "returns" if over else "goes on"))
        return tuple(found)

    # ------------------------------------------------------------ properties of states

    def invariant_breaches(self) -> list[Template]:
        """Rules that speak of states only: a step without effect wherever the state is bad."""
        found = []
        self.domains.current = RULES
        actor = Actor("rule", None, "framework")
        for item in self.observers.all:
            if not item.is_state_invariant:
                continue
            assert item.violation is not None
            node = flow.Node(0, flow.End(), item.rule.span)
            said = (Statement(item.rule.span, item.rule.sentence),)
            for context, footprint in self.instances(item.rule):
                path = Path(node, footprint, frozenset())
                remembering = replace(context, past=self.observers.remembered(item, item.bits, dict(context.bind)))
                for here, violated in self.evaluator.decide(item.violation, path, remembering):
                    if violated:
                        guard, others = cube_of(here.guard), others_of(here.others)
                        found.append(Template(here.footprint, guard, others, (), actor, said, violates=item.name))
        self.evaluator.broken.clear()
        return found

    def instances(self, rule: typed.Rule) -> list[tuple[Context, int]]:
        """The rule's parameters bound in each way, with the footprint that this takes."""
        choices: list[tuple[Context, int]] = [(Context(lenient=True), 0)]
        for parameter in rule.parameters:
            sort = getattr(parameter.type, "sort", None)
            if sort == self.evaluator.dynamic:
                choices = [
                    (context.binding(parameter.name, K(Ref(e.pool, e.index, n if e.owned else None))), n + e.owned)
                    for context, n in choices
                    for e in self.evaluator.entities
                ]
            else:
                choices = [
                    (context.binding(parameter.name, K(Obj(found.name))), n)
                    for context, n in choices
                    for found in self.program.objects_of(str(sort))
                ]
        return choices


def cube_of(cube: SelfCube) -> TemplateCube:
    return tuple(sorted(cube.items(), key=lambda item: repr(item[0])))


def others_of(conditions: Iterable[OthersCondition]) -> tuple[Others, ...]:
    return tuple(
        Others(tuple(tuple(cube_of(cube) for cube in cubes) for cubes in item.entities), item.low, item.high)
        for item in conditions
    )


def line_of(turns: Iterable[Turn]) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            turn.request,
            turn.place,
            tuple(Rival(rival, tuple(cube_of(cube) for cube in cubes)) for rival, cubes in turn.rivals),
        )
        for turn in turns
    )


def is_vague(value: Value) -> bool:
    """Whether it may be any of several references."""
    return isinstance(value, Ref) and value.slot == OTHER
