"""Last-writer ghosts: who made a shared flag what it is. No guard reads them, so they change no run.

That somebody holds a taken lock is a statement about all requests. That whoever the ghost refers to is at a line where
it holds the lock is one about a single request, and implies it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

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


def with_writers(system: TemplateSystem) -> TemplateSystem:
    """The system with a ghost for each flag that a strongly fair transition waits for, after its other variables."""
    waited = {place.variable for template in system.templates if template.fairness == "strong"
              for place, _ in template.guard if place.slot is None}  # fmt: skip
    for number in sorted(waited):
        if set(system.variables[number].domain) == FLAG:
            system = _with_writer(system, number)
    return system


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
