"""Cone of influence: variables that no guard reads, directly or through copies, are dropped, and then idle templates.

Templates that look alike without the dropped variables become one; `Slice.kept` leads back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial

from wdfmc.system.system import (
    OTHER,
    SELF,
    Assignment,
    Others,
    Place,
    Ref,
    Standing,
    Statement,
    Template,
    TemplateCube,
    TemplateObligation,
    TemplateSystem,
    Value,
)


@dataclass(frozen=True, slots=True)
class Slice:
    """`kept`: for each template of `system`, the numbers of those of the full system that look like it.

    `variables`: for each variable of `system` its number in the full system.
    `goals`: the rules that it decides.
    """

    system: TemplateSystem
    kept: tuple[tuple[int, ...], ...]
    variables: tuple[int, ...]
    goals: frozenset[str]


def sliced(system: TemplateSystem, goals: frozenset[str], contracts: frozenset[str]) -> Slice:
    """The part of a system that decides the rules `goals`. Breaches of contracts stay: they end a run."""
    every = cache(partial(full, system))
    pruned = [pruned_guards(template, every) for template in system.templates]
    kept = goals | contracts
    obligations = [item for item in system.obligations if item.rule in goals]
    alive = [at for at, item in enumerate(pruned) if item.violates is None or item.violates in kept]
    while True:
        relevant = cone(obligations, [pruned[at] for at in alive])
        effective = [at for at in alive if matters(pruned[at], relevant, bool(obligations))]
        if effective == alive:
            break
        alive = effective
    kept_variables = sorted(relevant)
    renumber = {variable: at for at, variable in enumerate(kept_variables)}
    found: dict[Template, list[int]] = {}
    shown: dict[Template, Template] = {}
    for at in alive:
        template = renumbered(pruned[at], renumber)
        same = replace(template, statements=(), events=frozenset())
        shown.setdefault(same, template)
        found.setdefault(same, []).append(at)
    variables = tuple(system.variables[variable] for variable in kept_variables)
    owed = tuple(replace(item, variable=renumber[item.variable]) for item in obligations)
    templates = tuple(shown[same] for same in found)
    kept_templates = tuple(tuple(ats) for ats in found.values())
    return Slice(TemplateSystem(variables, templates, owed), kept_templates, tuple(kept_variables), goals)


def full(system: TemplateSystem, variable: int, footprint: int, own: bool) -> frozenset[Value]:
    """Every value, with references to each symbol of the footprint."""
    found: set[Value] = set()
    for value in system.variables[variable].domain:
        found.add(value)
        if isinstance(value, Ref) and value.slot == OTHER:
            found.update(value._replace(slot=symbol) for symbol in range(footprint))
            if own:
                found.add(value._replace(slot=SELF))
    return frozenset(found)


def pruned_guards(template: Template, every: Callable[[int, int, bool], frozenset[Value]]) -> Template:
    """Without tests that every value passes. `every`: the values of a variable, as `full` spells them."""

    def passes_all(place: Place, values: frozenset[Value]) -> bool:
        return values >= every(place.variable, template.footprint, place.slot == SELF)

    def prune(cube: TemplateCube) -> TemplateCube:
        return tuple((place, values) for place, values in cube if not passes_all(place, values))

    others = tuple(
        Others(tuple(tuple(prune(cube) for cube in cubes) for cubes in item.entities), item.low, item.high)
        for item in template.others
    )
    line = in_line(template, prune)
    return replace(template, guard=prune(template.guard), others=others, line=line)


def in_line(template: Template, changed: Callable[[TemplateCube], TemplateCube]) -> tuple[Standing, ...]:
    """What the template does to the line of requests, with changed conditions."""
    return tuple(
        turn._replace(rivals=tuple(rival._replace(when=tuple(map(changed, rival.when))) for rival in turn.rivals))
        for turn in template.line
    )


def places_read(template: Template) -> Iterable[Place]:
    for place, _ in template.guard:
        yield place
    for item in template.others:
        for cubes in item.entities:
            for cube in cubes:
                for place, _ in cube:
                    yield place
    for turn in template.line:
        for rival in turn.rivals:
            for cube in rival.when:
                for place, _ in cube:
                    yield place


def cone(obligations: list[TemplateObligation], templates: list[Template]) -> set[int]:
    """The variables that decide whether a template can be taken or a goal is owed."""
    relevant = {item.variable for item in obligations}
    for template in templates:
        relevant |= {place.variable for place in places_read(template)}
    copies = {
        (update.source.variable, update.target.variable)
        for template in templates
        for update in template.updates
        if update.source is not None
    }
    while fresh := {source for source, target in copies if target in relevant} - relevant:
        relevant |= fresh
    return relevant


def matters(template: Template, relevant: set[int], fairness: bool) -> bool:
    """Where fairness counts, a fair step without effect stays: who can take it for ever need take no other."""
    if template.violates is not None or (fairness and template.fairness is not None):
        return True
    return any(update.target.variable in relevant for update in template.updates)


def renumbered(template: Template, renumber: dict[int, int]) -> Template:
    def place(old: Place) -> Place:
        return Place(renumber[old.variable], old.slot)

    def cube(old: TemplateCube) -> TemplateCube:
        return tuple((place(at), values) for at, values in old)

    def assignments(updates: tuple[Assignment, ...]) -> tuple[Assignment, ...]:
        return tuple(
            Assignment(place(u.target), u.source and place(u.source), u.table) for u in updates
            if u.target.variable in renumber and (u.source is None or u.source.variable in renumber)
        )  # fmt: skip

    statements = tuple(Statement(s.span, s.action, s.result, assignments(s.effects)) for s in template.statements)
    others = tuple(
        Others(tuple(tuple(cube(c) for c in cubes) for cubes in item.entities), item.low, item.high)
        for item in template.others
    )
    return replace(
        template,
        guard=cube(template.guard),
        others=others,
        updates=assignments(template.updates),
        statements=statements,
        line=in_line(template, cube),
    )
