"""Ranks: weights of values, summed over all variables of all requests, that no way of going on increases.

A loop cannot contain what decreases the rank. (Linear ranking functions by linear programming: Colon and Sipma, TACAS
2001; layer by layer, as here, they are lexicographic: Bradley, Manna, Sipma, CAV 2005.) z3's optimizer gives exact
fractions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

import z3  # type: ignore[import-untyped]

from wdfmc.engines.tail import Way
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
    names: dict[tuple[int, Value], str] = {}
    text = []
    distinct = dict.fromkeys(way.changes for way in ways)
    for number, changes in enumerate(distinct):
        terms = [f"d{number}"]
        for change in changes:
            if change.old != change.new:
                new, old = (
                    names.setdefault((change.variable, value), f"w{len(names)}") for value in (change.new, change.old)
                )
                terms.append(f"(- {new} {old})")
        text.append(f"(assert (<= 0 d{number} 1))(assert (<= (+ 0 {' '.join(terms)}) 0))")
    decreases = [f"d{number}" for number in range(len(distinct))]
    declared = [f"(declare-const {name} Real)" for name in (*names.values(), *decreases)]
    bounded = [f"(assert (<= 0 {name} {MOST}))" for name in names.values()]
    optimizer = z3.Optimize()
    # z3 reads a text sooner than terms are built from here, one call for each.
    optimizer.from_string("".join([*declared, *bounded, *text, f"(maximize (+ 0 {' '.join(decreases)}))"]))
    answer = optimizer.check()
    assert answer == z3.sat, "weights of 0 increase nothing"
    model = optimizer.model()
    found = {key: model.eval(z3.Real(name), model_completion=True).as_fraction() for key, name in names.items()}
    return {key: value for key, value in found.items() if value}
