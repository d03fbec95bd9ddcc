"""One step of a transition system for CaDiCaL: what IC3 and Houdini ask their questions of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from wdfmc.engines.abstraction import Reach
from wdfmc.engines.cdcl import Cdcl
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
    """

    def __init__(
        self, system: TransitionSystem, box: Box, keep: Iterable[int], known: Reach | None = None
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
        self.solver = Cdcl([(number(TRUE),), *now, *then, *self._one_value()], self.step)
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
        return tuple(next(value for value, literal in each.items() if self.true(literal)) for each in self.here)

    def next_state(self) -> State:
        return tuple(next(value for value, literal in each.items() if self.true(literal)) for each in self.ahead)

    def taken(self) -> int:
        """The transition."""
        row = next(at for at, literal in enumerate(self._rows) if self.true(literal))
        column = next(at for at, literal in enumerate(self._columns) if self.true(literal))
        return self._order[row * len(self._columns) + column]


def outside(cube: Mapping[int, int], literals: Sequence[Mapping[int, int]]) -> Iterator[int]:
    """Literals of which one is true where the cube is not."""
    for variable, mask in cube.items():
        for value, literal in literals[variable].items():
            if not mask >> value & 1:
                yield literal
