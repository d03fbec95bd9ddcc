"""Ghosts for proofs: who last wrote a shared variable.

"Somebody holds the lock" is a lemma about all requests at once, and a different one for each number of them. "The lock
is held, and r, who last wrote it, is not where it is held" is never true, names one request, and holds for any number.
The ghosts are only written, so they change no behaviour, and what is proved with them holds without them.
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

NOBODY: Final = "nobody"


def with_writers(system: TemplateSystem) -> TemplateSystem:
    """The system with one more shared variable for each that some actor's steps write."""
    ghosts: dict[int, int] = {}
    names: dict[int, dict[Value, None]] = {}
    for template in system.templates:
        for update in template.updates:
            variable = update.target.variable
            if not system.variables[variable].owned:
                ghosts.setdefault(variable, len(system.variables) + len(ghosts))
                writer = _writer(template)
                lasting = writer._replace(slot=OTHER) if isinstance(writer, Ref) else writer
                names.setdefault(variable, {NOBODY: None})[lasting] = None
    variables = tuple(
        TemplateVariable(f"last writer of {system.variables[variable].name}", False, tuple(found), NOBODY, "ghost")
        for variable, found in names.items()
    )
    return replace(
        system,
        variables=(*system.variables, *variables),
        templates=tuple(_recorded(template, ghosts) for template in system.templates),
    )


def _writer(template: Template) -> Value:
    actor = template.actor
    return actor.name if actor.slot is None else Ref("request", 0, actor.slot)


def _recorded(template: Template, ghosts: dict[int, int]) -> Template:
    written = dict.fromkeys(u.target.variable for u in template.updates if u.target.variable in ghosts)
    record = ((None, _writer(template)),)
    added = tuple(Assignment(Place(ghosts[variable], None), None, record) for variable in written)
    return replace(template, updates=(*template.updates, *added))
