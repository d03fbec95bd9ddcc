"""Last-writer ghosts: who made a shared flag what it is. No guard reads them, so they change no run.

That somebody holds a taken lock is a statement about all requests. That whoever the ghost refers to is at a line where
it holds the lock is one about a single request, and implies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from wdfmc.system.lemma import Lemma
from wdfmc.system.system import (
    OTHER,
    Assignment,
    Place,
    Ref,
    Template,
    TemplateSystem,
    TemplateVariable,
    Value,
)

FLAG: Final = frozenset({True, False})
BY: Final = " by"


def with_writers(system: TemplateSystem, *, every: bool = False) -> TemplateSystem:
    """The system with a ghost for each flag that a strongly fair transition waits for, after its other variables; if
    `every`, then with one for each other flag that changes.
    """
    waited = {place.variable for template in system.templates if template.fairness == "strong"
              for place, _ in template.guard if place.slot is None}  # fmt: skip
    changed = {update.target.variable for template in system.templates for update in template.updates}
    flags = [number for number, variable in enumerate(system.variables)
             if not variable.owned and set(variable.domain) == FLAG]  # fmt: skip
    chosen = sorted(waited.intersection(flags))
    if every:
        chosen += sorted(changed.intersection(flags) - waited)
    for number in chosen:
        system = _with_writer(system, number)
    return system


def spoken_of(system: TemplateSystem, lemmas: Iterable[Lemma], followed: Iterable[int] = ()) -> TemplateSystem:
    """The system, with as many ghosts as the lemmas and the shared variables that are followed need."""
    spoken = chain((place.variable for lemma in lemmas for place, _ in lemma.cube), followed)
    last = max(spoken, default=-1)
    return next(each for each in with_more_and_more_writers(system) if last < len(each.variables))


def with_more_and_more_writers(system: TemplateSystem) -> Iterator[TemplateSystem]:
    """The variables of each are the first ones of the next."""
    yield system
    yield with_writers(system)
    yield with_writers(system, every=True)


def _with_writer(system: TemplateSystem, flag: int) -> TemplateSystem:
    """`null` where the flag is what it was at first."""
    initial = system.variables[flag].initial
    ghost = Place(len(system.variables), None)
    domain: dict[Value, None] = {None: None}
    templates = []
    for template in system.templates:
        table = next((dict(update.table) for update in template.updates if update.target.variable == flag), None)
        if table is None or template.violates is not None:
            templates.append(template)
            continue
        writer = None if table.get(None, not initial) == initial else _writer(template)
        domain[writer._replace(slot=OTHER) if isinstance(writer, Ref) else writer] = None
        assignment = Assignment(ghost, None, ((None, writer),))
        templates.append(replace(template, updates=(*template.updates, assignment)))
    name = system.variables[flag].name + BY
    variable = TemplateVariable(name, False, tuple(domain), None, "writer")
    return replace(system, variables=(*system.variables, variable), templates=tuple(templates))


def _writer(template: Template) -> Value:
    """The request whose activation it is, else the name of the actor."""
    slot = template.actor.slot
    return template.actor.name if slot is None else Ref("request", 0, slot)
