"""Copies of a transition system over steps 0..k as one growing problem for z3.

The clauses of a step are written once, as a text with holes for the numbers of its literals (`relation.Pattern`); a
step is added by filling the holes. What pairs of values rule out (`abstraction`) is added to each state: solving is
then 4 to 50 times faster, on systems of 20 to 46 variables and 117 to 683 transitions, to depth 16 and 20.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from wdfmc.engines.abstraction import Reach, recurring
from wdfmc.engines.relation import SHARED, TRUE, Literal, Pattern, Relation, following, numbering, values
from wdfmc.engines.solver import Answer, Model, Solver
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.system import FairGroup, TransitionSystem


@dataclass(slots=True)
class Spent:
    """Seconds since the start of a check: making the clauses, z3's reading of them included; and solving."""

    build: float = 0.0
    solve: float = 0.0


class Unrolling:
    """Runs of exactly `length` transitions, none of which violates, and what can be asked about their end.

    All methods speak of the solver's literals; `at` gives that of a step's literal.

    Args:
        known: of the system, from `abstraction.reach`.
        goals: rules; only their violating transitions and obligations are encoded.
        lasso: also encode what `stuck` and `closed` need, for the goals that have obligations.
        spent: the time taken is added there.
    """

    def __init__(
        self,
        system: TransitionSystem,
        known: Reach,
        goals: Sequence[str],
        *,
        lasso: bool = False,
        spent: Spent | None = None,
    ) -> None:
        begun = time.monotonic()
        self.system = system
        self.length = 0
        self.spent = Spent() if spent is None else spent
        self.solver = Solver()
        self._first = known.first
        live = {goal for goal in goals if lasso and any(goal == o.rule for o in system.obligations)}
        asked = [
            at
            for at in known.first
            if (rule := system.transitions[at].violates) is None
            or rule in goals
            or (live and system.transitions[at].fairness is not None)
        ]
        self.relation = Relation(system, tuple(map(known.mask, range(len(system.variables)))), asked)
        clauses = self.relation.clauses
        for clause in excluded(self.relation, known):
            clauses.add(*clause)
        self._violation = {goal: self._some_broken(goal) for goal in goals}
        self._ends = _Ends(self.relation, sorted(live), recurring(system, known)) if live else None
        untouched = _in_order(self.relation) if Symmetry(system).many else []
        self._number = numbering(clauses.width, clauses.shared)
        self._state = Pattern.of(clauses.here, clauses.width, clauses.shared)
        self._step = Pattern.of(clauses.ahead, clauses.width, clauses.shared)
        start = [*self.relation.initial(system.initial), *untouched]
        first = [(TRUE,), *((literal,) for literal in start), *(self._ends.initial if self._ends else ())]
        self.solver.read(_lines([self.at(literal, 0) for literal in clause] for clause in first) + self._entered())
        self.spent.build += time.monotonic() - begun

    def _some_broken(self, goal: str) -> Literal:
        """Implies: a transition that violates the goal is enabled."""
        name = self.relation.clauses.fresh()
        broken = [n for at, n in self.relation.broken.items() if self.system.transitions[at].violates == goal]
        self.relation.clauses.add(-name, *broken)
        return name

    def extend(self) -> None:
        """One more transition."""
        begun = time.monotonic()
        step = self._step.at(self.length * self.relation.clauses.width)
        self.length += 1
        self.solver.read(step + self._entered())
        self.spent.build += time.monotonic() - begun

    def _entered(self) -> str:
        """The conditions on state number `length`, and what cannot be so soon."""
        names = {**self.relation.taken, **self.relation.broken}
        early = _lines([-self.at(name)] for at, name in names.items() if self._first[at] > self.length)
        return self._state.at(self.length * self.relation.clauses.width) + early

    def at(self, literal: Literal, step: int | None = None) -> int:
        """The solver's literal for that of a step (default: of the last state)."""
        number = self._number(literal)
        if abs(literal) > SHARED:
            return number
        offset = (self.length if step is None else step) * self.relation.clauses.width
        return number + offset if number > 0 else number - offset

    def solve(self, *assumed: int, deadline: float | None = None, work: int | None = None) -> Answer:
        """Is there such a run, with the assumed literals true? `deadline` and `work` are those of `Solver.check`."""
        begun = time.monotonic()
        answer = self.solver.check(assumed, deadline, work)
        self.spent.solve += time.monotonic() - begun
        return answer

    # ------------------------------------------------------------ what can be assumed, and read off a model

    def violation(self, goal: str) -> int:
        """Implies: a transition that violates the goal is enabled in the last state."""
        return self.at(self._violation[goal])

    def live(self, goal: str) -> int | None:
        """Implies: an obligation of the goal is owed at the end of a stuck run, or throughout the loop. None: it has
        no obligations."""
        return self.at(self._ends.owed[goal]) if self._ends and goal in self._ends.owed else None

    @property
    def stuck(self) -> int:
        """Implies: no fair transition, be it a violating one, is enabled in the last state."""
        assert self._ends is not None
        return self.at(self._ends.stuck)

    @property
    def closed(self) -> int:
        """Implies: the last state is that of an earlier step, and the part between them is fair."""
        assert self._ends is not None
        return self.at(self._ends.closed)

    def loop(self, model: Model) -> int:
        """The step at which the loop of a closed run begins."""
        assert self._ends is not None
        return next(step for step in range(self.length) if model.true(self.at(self._ends.inside, step)))

    def transitions(self, model: Model) -> tuple[int, ...]:
        """The transition of each step."""
        rows, columns = self.relation.rows, self.relation.columns
        found = []
        for step in range(self.length):
            row = next(at for at, literal in enumerate(rows) if model.true(self.at(literal, step)))
            column = next(at for at, literal in enumerate(columns) if model.true(self.at(literal, step)))
            found.append(self.relation.order[row * len(columns) + column])
        return tuple(found)

    def broken(self, model: Model, goal: str) -> int:
        """A transition that violates the goal in the last state."""
        names = self.relation.broken.items()
        return next(
            at for at, name in names if self.system.transitions[at].violates == goal and model.true(self.at(name))
        )


def _lines(clauses: Iterable[Sequence[int]]) -> str:
    return "".join(" ".join([*map(str, clause), "0\n"]) for clause in clauses)


def occurring(relation: Relation, known: Reach) -> Iterator[tuple[Literal, ...]]:
    """Which values a variable can have, as clauses."""
    for variable, each in enumerate(relation.values):
        yield tuple(each[value] for value in values(known.mask(variable)))


def excluded(relation: Relation, known: Reach) -> Iterator[tuple[Literal, ...]]:
    """What a value of one variable says about another one, as clauses."""
    for one, each in enumerate(relation.values):
        for other in range(one + 1, len(relation.values)):
            there = relation.values[other]
            for value, literal in each.items():
                beside = known.mask(other, known.offset[one] + value)
                if beside.bit_count() < len(there):
                    yield -literal, *(there[value] for value in values(beside))


def _in_order(relation: Relation) -> list[Literal]:
    """Only runs whose transitions name request slot 0 before slot 1, and so on; every run is one up to renaming.

    Returns: what is true at first.
    """
    clauses, system = relation.clauses, relation.system
    before = [clauses.fresh() for _ in range(system.slots - 1)]  # slot i was named on the way to this state
    names = {**relation.taken, **relation.broken}
    for slot, literal in enumerate(before):
        users = [name for at, name in relation.taken.items() if slot in system.transitions[at].slots]
        clauses.add(-following(literal), literal, *users)
        for at, name in names.items():
            if slot + 1 in system.transitions[at].slots and slot not in system.transitions[at].slots:
                clauses.add(-name, literal)
    return [-literal for literal in before]


class _Ends:
    """How a run can go on for ever with an obligation owed: stuck, or in a loop.

    After Biere, Artho and Schuppan (FMICS 2002): the state at which the loop begins is saved, here in shared literals,
    and a run is closed when it is in that state again. So every step adds the same clauses, whatever the length.
    """

    def __init__(self, relation: Relation, goals: Sequence[str], recurring: Set[int]) -> None:
        clauses = relation.clauses
        self._relation = relation
        self._clauses = clauses
        self.inside = clauses.fresh()  # the loop began in this state or before
        self.closed = clauses.fresh()
        self.stuck = clauses.fresh()
        self.initial: list[tuple[Literal, ...]] = [(-self.closed,)]
        self._by_actor: dict[int, Literal] = {}
        self._loop()
        for at, name in relation.taken.items():
            if at not in recurring:
                clauses.add(-self.inside, -name)
        self.owed = {goal: self._owed(goal) for goal in goals}
        disabled = [self._disabled(at) for at in range(len(relation.system.fairness))]
        for at, group in enumerate(relation.system.fairness):
            clauses.add(-self.stuck, disabled[at])
            if disabled[at] != TRUE:
                self._fair(at, group, disabled[at])

    def _loop(self) -> None:
        clauses = self._clauses
        begins = clauses.fresh()
        self.initial.append((-self.inside, begins))
        clauses.add(-begins, self.inside)
        clauses.add(-self.inside, following(self.inside))
        clauses.add(-following(self.inside), self.inside, following(begins))
        clauses.add(-self.inside, -following(begins))
        clauses.add(-following(self.closed), self.inside)
        for at, taken in self._relation.taken.items():
            if not self._relation.system.transitions[at].lasting:
                clauses.add(-self.inside, -taken)  # unfair steps are finitely many
        for each in self._relation.values:
            for literal in list(each.values()) if len(each) != 2 else list(each.values())[:1]:
                if literal != TRUE:
                    saved = clauses.fresh_shared()
                    for name in (begins, self.closed):
                        clauses.add(-name, -literal, saved)
                        clauses.add(-name, literal, -saved)

    def _owed(self, goal: str) -> Literal:
        """A shared literal. Implies: one obligation of the goal is owed wherever the loop is, and where it is stuck."""
        chosen = []
        for obligation in self._relation.system.obligations:
            if obligation.rule == goal:
                name = self._clauses.fresh_shared()
                pending = self._relation.member(obligation.variable, obligation.pending)
                self._clauses.add(-name, -self.inside, pending)
                self._clauses.add(-name, -self.stuck, pending)
                chosen.append(name)
        owed = self._clauses.fresh_shared()
        self._clauses.add(-owed, *chosen)
        return owed

    def _blocked(self, name: Literal, at: int) -> None:
        """`name` implies: the transition is not enabled."""
        self._clauses.add(-name, *(-part for part in self._relation.enabled(self._relation.system.transitions[at])))

    def _disabled(self, group: int) -> Literal:
        """Implies: no transition that names the group is enabled."""
        kept = (*self._relation.taken, *self._relation.broken)
        members = [at for at in kept if self._relation.system.transitions[at].fairness == group]
        if not members:
            return TRUE
        name = self._clauses.fresh()
        for at in members:
            self._blocked(name, at)
        return name

    def _fair(self, at: int, group: FairGroup, disabled: Literal) -> None:
        """A closed run is fair to the group; see FairGroup."""
        clauses = self._clauses
        met = clauses.fresh()  # before this state, inside the loop
        hit = clauses.fresh()  # in this state
        self.initial.append((-met,))
        clauses.add(-following(met), met, hit)
        clauses.add(-hit, self.inside)
        if group.strong:
            named = [n for t, n in self._relation.taken.items() if self._relation.system.transitions[t].fairness == at]
            clauses.add(-hit, *named)
            never = clauses.fresh_shared()
            clauses.add(-never, -self.inside, disabled)
            clauses.add(-self.closed, met, never)
        else:
            clauses.add(-hit, disabled, self._acts(group.actor))
            clauses.add(-self.closed, met)

    def _acts(self, actor: int) -> Literal:
        """Equivalent to: the transition taken is one of the actor's."""
        if actor not in self._by_actor:
            transitions = self._relation.system.transitions
            names = [n for t, n in self._relation.taken.items() if transitions[t].actor == actor]
            self._by_actor[actor] = self._clauses.either(names)
        return self._by_actor[actor]
