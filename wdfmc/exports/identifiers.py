"""The user's names as identifiers of languages that allow only letters, digits and `_`."""

from __future__ import annotations

import re
from collections.abc import Iterable


def identifiers(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """One for each name, all different and none of `taken`. What is no letter, digit or `_` becomes `_`."""
    used = set(taken)
    found = []
    for name in names:
        word = re.sub(r"_?[^A-Za-z0-9_]+", "_", name).strip("_")
        if not re.match("[A-Za-z]", word):
            word = f"x{word}"
        unique, number = word, 2
        while unique in used:
            unique, number = f"{word}_{number}", number + 1
        used.add(unique)
        found.append(unique)
    return found
