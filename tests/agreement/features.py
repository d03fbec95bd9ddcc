"""What there is in a system that engines could differ about."""

from __future__ import annotations

from wdfmc.system.system import SELF, Place, Ref, Template, TemplateCube, TemplateSystem

ALWAYS = (
    "references",
    "none of the others",
    "so many of the others",
    "a round over all",
    "fairness weak",
    "fairness strong",
    "fairness free",
    "fairness None",
)


def features(system: TemplateSystem) -> set[str]:
    found = {f"fairness {each.fairness}" for each in system.templates}
    values = {value for variable in system.variables for value in variable.domain}
    if any(isinstance(value, Ref) and value.slot is not None for value in values):
        found.add("references")
    for condition in {condition for template in system.templates for condition in template.others}:
        if (condition.low, condition.high) != (0, 0):
            found.add("so many of the others")
            continue
        found.add("none of the others")
        if any(
            makes_fewer(template, cube)
            for cubes in condition.entities
            for cube in cubes
            for template in system.templates
        ):
            found.add("a round over all")
    return found


def makes_fewer(template: Template, cube: TemplateCube) -> bool:
    """Whether it changes a request of which the condition holds: one after the other, until it holds of none."""
    guard = dict(template.guard)
    written = {assignment.target for assignment in template.updates}
    for slot in range(template.footprint):
        places = [(Place(place.variable, slot if place.slot == SELF else None), values) for place, values in cube]
        if all(place in guard and guard[place] <= values for place, values in places):
            if not written.isdisjoint(place for place, _ in places if place.slot == slot):
                return True
    return False
