"""One step of a transition system for a SAT solver: what IC3 and Houdini ask their questions of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from wdfmc.engines.abstraction import Reach
from wdfmc.engines.cdcl import FEW_ASSUMED, Cdcl
from wdfmc.engines.cubes import Masks
from wdfmc.engines.relation import TRUE, Box, Relation, following, numbering
from wdfmc.engines.unrolling import excluded
from wdfmc.system.system import State, TransitionSystem


class Stepping:
    """A state, and if `step` is assumed, one transition from there to a next state.

    `here` and `ahead`: for each variable and value the literal that says so of the state, and of the next one.
    `broken`: for each violating transition that is asked about, a literal that implies that it is enabled.

    Args:
        box: for each variable the mask of the values that it can have.
        keep: as of `Relation`.
        known: of the system, from `abstraction.reach`.
        solver: as of `Cdcl`.
    """

    def __init__(
        self, system: TransitionSystem, box: Box, keep: Iterable[int], known: Reach | None = None,
        solver: Any = FEW_ASSUMED,
    ) -> None:  # fmt: skip
        relation = Relation(system, box, keep)
        clauses = relation.clauses
        if known is not None:
            for clause in excluded(relation, known):
                clauses.add(*clause)
        number = numbering(clauses.width, clauses.shared)
        self.here = [{value: number(literal) for value, literal in each.items()} for each in relation.values]
        self.ahead = [
            {value: number(literal if literal == TRUE else following(literal)) for value, literal in each.items()}
            for each in relation.values
        ]
        self.broken = {at: number(literal) for at, literal in relation.broken.items()}
        self.initial = [number(literal) for literal in relation.initial(system.initial)]
        self._order = relation.order
        self._rows = [number(literal) for literal in relation.rows]
        self._columns = [number(literal) for literal in relation.columns]
        # The last state of a run need not have a step.
        self.step = clauses.shared + 2 * clauses.width + 1
        now = [tuple(map(number, clause)) for clause in clauses.here]
        then = [(-self.step, *map(number, clause)) for clause in clauses.ahead]
        self.solver = Cdcl([(number(TRUE),), *now, *then, *self._one_value()], self.step, solver)
        self._here, self._ahead = _in_a_row(self.here), _in_a_row(self.ahead)
        self._others_here: dict[tuple[int, int], list[int]] = {}
        self._others_ahead: dict[tuple[int, int], list[int]] = {}
        self._model: list[int] = []
        self.core: frozenset[int] = frozenset()

    def _one_value(self) -> Iterator[tuple[int, ...]]:
        """Each variable has one value in the next state; of this state the relation says so."""
        for each in self.ahead:
            if len(each) > 2:
                literals = list(each.values())
                yield tuple(literals)
                yield from ((-one, -other) for one, other in combinations(literals, 2))

    def solve(self, assumed: Sequence[int]) -> bool:
        """If true, `state`, `next_state` and `taken` tell of a model; else `core` of the assumptions."""
        if self.solver.satisfiable(assumed):
            self._model = self.solver.model()
            return True
        self.core = self.solver.core()
        return False

    def true(self, literal: int) -> bool:
        return (self._model[abs(literal) - 1] > 0) == (literal > 0)

    def state(self) -> State:
        return self._read(self._here)

    def next_state(self) -> State:
        return self._read(self._ahead)

    def _read(self, literals: Sequence[tuple[int, int, int]]) -> State:
        model = self._model
        return tuple([value for at, literal, value in literals if model[at] == literal])

    def taken(self) -> int:
        """The transition."""
        row = next(at for at, literal in enumerate(self._rows) if self.true(literal))
        column = next(at for at, literal in enumerate(self._columns) if self.true(literal))
        return self._order[row * len(self._columns) + column]

    def outside(self, cube: Masks) -> list[int]:
        """Literals of which one is true if the state is not in the cube."""
        return _outside(cube, self.here, self._others_here)

    def outside_next(self, cube: Masks) -> list[int]:
        """The same of the next state."""
        return _outside(cube, self.ahead, self._others_ahead)


def _in_a_row(literals: Sequence[Mapping[int, int]]) -> list[tuple[int, int, int]]:
    """Where a model tells of each literal, the literal, and the value that it stands for; variable by variable."""
    return [(abs(literal) - 1, literal, value) for each in literals for value, literal in each.items()]


def _outside(cube: Masks, literals: Sequence[Mapping[int, int]], known: dict[tuple[int, int], list[int]]) -> list[int]:
    """`known`: of variables and masks that were asked for before."""
    found: list[int] = []
    for part in cube.items():
        others = known.get(part)
        if others is None:
            variable, mask = part
            others = known[part] = [one for value, one in literals[variable].items() if not mask >> value & 1]
        found += others
    return found
