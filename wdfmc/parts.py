"""What a node of a tree is made of."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

_known: Final[dict[type[Any], tuple[str, ...]]] = {}


def part_names(kind: type[Any]) -> tuple[str, ...]:
    """The names of the fields of a dataclass. `dataclasses.fields` makes its answer anew each time: passes over trees
    spent a tenth of their time on it.
    """
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = tuple(field.name for field in fields(kind))
    return found
