"""Fewer requests than slots: one instance that stands for all instances up to its size.

A slot that is absent takes part in nothing, is counted in no condition on all others, and nothing refers to it. So
what holds whichever slots are absent holds for every smaller number of requests, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import (
    SELF,
    Others,
    Place,
    State,
    Template,
    TemplateCube,
    TemplateSystem,
    TemplateVariable,
    TransitionSystem,
)

PRESENT: Final = frozenset({True})


def with_presence(system: TemplateSystem) -> TemplateSystem:
    """The system with one more variable in each record, the last one, that never changes."""
    number = len(system.variables)
    presence = TemplateVariable("present", True, (True, False), True, "ghost")
    templates = tuple(_among_present(template, number) for template in system.templates)
    return replace(system, variables=(*system.variables, presence), templates=templates)


def _among_present(template: Template, number: int) -> Template:
    others = tuple(
        Others(
            tuple(tuple((*cube, (Place(number, SELF), PRESENT)) for cube in cubes) for cubes in item.entities),
            item.low,
            item.high,
        )
        for item in template.others
    )
    return replace(template, guard=(*template.guard, *_present(number, template.footprint)), others=others)


def present(instance: Instance, state: State) -> list[int]:
    """The slots that are not absent in a state of a system with presence."""
    number = len(instance.system.variables) - 1
    there = instance.domains[number].at[True]
    return [slot for slot in range(instance.slots) if state[instance.place[number, slot]] == there]


def _present(number: int, requests: int) -> TemplateCube:
    return tuple((Place(number, symbol), PRESENT) for symbol in range(requests))


def among_present(lemma: Lemma, system: TemplateSystem) -> Lemma:
    """A lemma of the system without presence, about requests that are there."""
    number = len(system.variables) - 1
    return replace(lemma, cube=(*lemma.cube, *_present(number, lemma.requests)))


def dangling(system: TransitionSystem) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of (variable, mask) that never hold together: a reference to a slot, and the slot's absence."""
    number = max(variable.template for variable in system.variables)
    for at, variable in enumerate(system.variables):
        for slot in range(system.slots):
            mask = sum(1 << value for value, to in enumerate(variable.refers) if to is not None and to[1] == slot)
            if mask:
                yield (at, mask), (system.index[number, slot], 1 << system.variables[-1].domain.index("false"))
