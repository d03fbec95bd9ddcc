"""Ranks: weights of values, summed over all variables of all requests, that no way of going on increases.

A loop cannot contain what decreases the rank. (Linear ranking functions by linear programming: Colon and Sipma, TACAS
2001; layer by layer, as here, they are lexicographic: Bradley, Manna, Sipma, CAV 2005.) z3's optimizer gives exact
fractions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]

from wdfmc.engines.tail import Change, Way
from wdfmc.system.system import Value

Weights: TypeAlias = Mapping[tuple[int, Value], Fraction]  # of (variable, value); others weigh nothing

MOST: Final = 1 << 20  # of a weight; only keeps the optimum finite


def increase(weights: Weights, way: Way) -> Fraction:
    """By how much a way increases the rank."""
    return sum(
        (_weight(weights, c.variable, c.new) - _weight(weights, c.variable, c.old) for c in way.changes), Fraction()
    )


def _weight(weights: Weights, variable: int, value: Value) -> Fraction:
    return weights.get((variable, value), Fraction())


def ranking(ways: Collection[Way]) -> Weights:
    """Weights with which no way increases the rank, and many decrease it."""
    optimizer = z3.Optimize()
    terms: dict[tuple[int, Value], Any] = {}

    def weight(variable: int, value: Value) -> Any:
        if (variable, value) not in terms:
            term = terms[variable, value] = z3.Real(f"w{len(terms)}")
            optimizer.add(term >= 0, term <= MOST)
        return terms[variable, value]

    def difference(changes: Collection[Change]) -> Any:
        return z3.Sum(
            [z3.RealVal(0), *(weight(c.variable, c.new) - weight(c.variable, c.old) for c in changes if c.old != c.new)]
        )

    decreases: list[Any] = []
    for changes in dict.fromkeys(way.changes for way in ways):
        decreases.append(z3.Real(f"d{len(decreases)}"))
        optimizer.add(decreases[-1] >= 0, decreases[-1] <= 1, difference(changes) <= -decreases[-1])
    optimizer.maximize(z3.Sum([z3.RealVal(0), *decreases]))
    answer = optimizer.check()
    assert answer == z3.sat, "weights of 0 increase nothing"
    model = optimizer.model()
    found = {key: model.eval(term, model_completion=True).as_fraction() for key, term in terms.items()}
    return {key: value for key, value in found.items() if value}
