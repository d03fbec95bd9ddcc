"""The trace that is shown of a violation: the canonical one of those on which queues keep their order.

Engines leave the order open (see `ordered`), so a violation that they find may be none. Nearly always the canonical
run is in order by itself. If not, the search is done again with the order as part of the state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from wdfmc.engines.engine import Outcome, Path, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.system.lower import MODEL_BOUND
from wdfmc.system.ordered import ordered
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.minimize import TooHard, canonical
from wdfmc.traces.replay import Refuted, replay

OUT_OF_ORDER: Final = "needs out-of-order delivery"
MOST_STATES: Final = 300_000  # visited before z3 looks for a run in order


@dataclass(frozen=True)
class Delivery:
    """Args:
    system: an instance, the order of queues left open.
    depth: the most transitions of a run in order that is looked for, if what the engine found is not longer.
    deadline: as of time.monotonic().

    `excluded`: the rules that no run in order violates at any depth.
    """

    system: TransitionSystem
    depth: int
    deadline: float | None = None
    excluded: set[str] = field(default_factory=set)

    @cached_property
    def line(self) -> TransitionSystem:
        return ordered(self.system)

    def kept(self, goal: str, outcome: Outcome) -> Outcome:
        """What an engine says of a rule, or of a violation the trace to be shown; unknown if none is in order.

        A bound of the model is one in any order.
        """
        if not isinstance(outcome, Violated) or goal == MODEL_BOUND:
            return outcome
        best = self.best(self.system, goal, outcome.path)
        return Violated(best) if refutes(self.line, goal, best) else self.again(goal, len(best.transitions))

    def best(self, system: TransitionSystem, goal: str, path: Path) -> Path:
        """The same trace, whichever engine found the violation; as it was found if it is a lasso, or too hard."""
        if path.end == "loop":
            return path
        try:
            return canonical(system, goal, len(path.transitions), path.end, self.deadline)
        except TooHard:
            return path

    def again(self, goal: str, length: int) -> Outcome:
        """The canonical violation in order, if one has no more transitions than `length` or the depth."""
        depth = max(self.depth, length)
        match self.shortest(goal, depth):
            case Violated(path):
                best = self.best(self.line, goal, path)
                # A step that is out of order may still be one that has to happen: then the run does not end there.
                if refutes(self.system, goal, best):
                    return Violated(best)
                return Unknown(OUT_OF_ORDER, len(best.transitions) - 1)
            case Unknown(_, explored):
                return Unknown(OUT_OF_ORDER, explored)
            case _:
                self.excluded.add(goal)
                return Unknown(OUT_OF_ORDER, depth)

    def shortest(self, goal: str, depth: int) -> Outcome:
        ((_, outcome),) = Explicit(MOST_STATES, self.deadline).check(self.line, [goal])
        if isinstance(outcome, Unknown):
            from wdfmc.engines.bmc import Bmc  # z3 is imported only where it is needed

            ((_, outcome),) = Bmc(depth, self.deadline).check(self.line, [goal])
        return outcome


def refutes(system: TransitionSystem, goal: str, path: Path) -> bool:
    try:
        replay(system, path, goal)
    except Refuted:
        return False
    return True
