"""z3 as a SAT solver over numbered literals (with `ranking`, the only module of the engines that imports it).

Clauses are handed over in bulk, as DIMACS text: 20 times faster than a call for each. Nothing is ever retracted; what
is to hold for one question only is assumed. `SolverFor("QF_FD")` was 1.5 to 2.5 times faster than z3's other solvers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]

FRESH: Final = 1 << 40  # numbers of literals made here come after this one


class Model:
    """Which literals are true. A literal that nothing depends on is false."""

    def __init__(self, solver: Solver, model: Any) -> None:
        self._solver = solver
        self._model = model

    def true(self, literal: int) -> bool:
        return bool(z3.is_true(self._model.eval(self._solver.term(literal))))


@dataclass(frozen=True, slots=True)
class Sat:
    model: Model


@dataclass(frozen=True, slots=True)
class Unsat:
    pass


@dataclass(frozen=True, slots=True)
class GaveUp:
    reason: str


Answer: TypeAlias = Sat | Unsat | GaveUp


class Solver:
    """A literal is a positive number or its negation."""

    def __init__(self) -> None:
        self._solver = z3.SolverFor("QF_FD")
        self._terms: dict[int, Any] = {}
        self._fresh = 0

    def read(self, lines: str) -> None:
        """Add clauses: DIMACS lines without the header."""
        if lines:
            # Only the word "cnf" of the header is looked at.
            self._solver.from_string(f"p cnf 1 1\n{lines}")

    def insist(self, *clause: int) -> None:
        """Add a clause, which may contain literals made here."""
        self._solver.add(z3.Or(*map(self.term, clause)))

    def fresh(self) -> int:
        """A literal that nothing is said about yet."""
        self._fresh += 1
        self._terms[FRESH + self._fresh] = z3.Bool(f"fresh{self._fresh}")
        return FRESH + self._fresh

    def any_of(self, literals: Iterable[int]) -> int:
        """A fresh literal that implies one of the literals."""
        name = self.fresh()
        self.insist(-name, *literals)
        return name

    def if_any(self, literals: Iterable[int]) -> int:
        """A fresh literal that every one of the literals implies."""
        name = self.fresh()
        for literal in literals:
            self.insist(-literal, name)
        return name

    def at_most(self, literals: Sequence[int], number: int) -> int:
        """A fresh literal that implies that at most so many of the literals are true."""
        name = self.fresh()
        self._solver.add(z3.Or(self.term(-name), z3.AtMost(*map(self.term, literals), number)))
        return name

    @property
    def work(self) -> int:
        """What z3 has done in this process, in its own units, the same on every machine: about a million a second."""
        return next((int(count) for name, count in self._solver.statistics() if name == "rlimit count"), 0)

    def check(self, assumed: Iterable[int] = (), deadline: float | None = None, work: int | None = None) -> Answer:
        """Can all clauses be true, and the assumed literals with them?

        Args:
            deadline: as of time.monotonic().
            work: no more than so much, as `work` counts it.
        """
        if work is not None and work <= 0:
            return GaveUp("out of work")
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                return GaveUp("out of time")
            self._solver.set("timeout", max(1, int(left * 1000)))
        self._solver.set("rlimit", work or 0)
        answer = self._solver.check(*map(self.term, assumed))
        if answer == z3.sat:
            return Sat(Model(self, self._solver.model()))
        if answer == z3.unsat:
            return Unsat()
        reason = str(self._solver.reason_unknown())
        if "interrupted" in reason:  # z3 catches the signal of control-C itself
            raise KeyboardInterrupt
        return GaveUp("out of time" if "timeout" in reason or "canceled" in reason else reason)

    def term(self, literal: int) -> Any:
        number = abs(literal)
        if number not in self._terms:
            context = z3.main_ctx()
            symbol = z3.Z3_mk_int_symbol(context.ref(), number)  # what z3 calls a DIMACS number
            self._terms[number] = z3.BoolRef(z3.Z3_mk_const(context.ref(), symbol, z3.BoolSort().ast), context)
        return self._terms[number] if literal > 0 else z3.Not(self._terms[number])


class Asked:
    """Questions of which each has an answer. Clauses are handed over with the next question.

    Args:
        deadline: as of time.monotonic(); TimeoutError is raised when it has passed.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self._solver = Solver()
        self._deadline = deadline
        self._lines: list[str] = []
        self._count = 0

    def fresh(self) -> int:
        self._count += 1
        return self._count

    def add(self, clause: Iterable[int]) -> None:
        self._lines.append(" ".join(map(str, (*clause, 0))) + "\n")

    def satisfiable(self, assumed: Sequence[int]) -> bool:
        self._solver.read("".join(self._lines))
        self._lines.clear()
        answer = self._solver.check(assumed, self._deadline)
        if isinstance(answer, GaveUp):
            raise TimeoutError(answer.reason)
        return isinstance(answer, Sat)
