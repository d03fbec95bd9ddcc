"""Incremental SAT solvers over numbered literals, for the many small questions of IC3 and Houdini.

About 4 ms per question were measured with z3, 20 times what CaDiCaL needs (the only module that imports these).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pysat.solvers import Cadical195, Glucose4  # type: ignore[import-untyped]

FEW_ASSUMED: Final = Cadical195
MANY_ASSUMED: Final = Glucose4  # a thousand assumptions: a tenth of CaDiCaL's time


class Cdcl:
    """A literal is a positive number or its negation. Clauses are only added; a guard literal can retire them."""

    def __init__(self, clauses: Iterable[Sequence[int]], width: int, solver: Any = FEW_ASSUMED) -> None:
        """`width`: the literals 1..width are the caller's. `solver`: for how many assumptions with each question."""
        self._solver = solver()
        self._width = width
        for clause in clauses:
            self._solver.add_clause(list(clause))

    def fresh(self) -> int:
        self._width += 1
        return self._width

    def add(self, clause: Iterable[int]) -> None:
        self._solver.add_clause(list(clause))

    def satisfiable(self, assumed: Sequence[int]) -> bool:
        return bool(self._solver.solve(assumptions=assumed))

    def model(self) -> list[int]:
        """After `satisfiable` was true: literal n is true if element n - 1 is positive."""
        found: list[int] = self._solver.get_model()
        return found

    def core(self) -> frozenset[int]:
        """After `satisfiable` was false: assumed literals that cannot be true together."""
        return frozenset(self._solver.get_core() or ())

    def close(self) -> None:
        self._solver.delete()
