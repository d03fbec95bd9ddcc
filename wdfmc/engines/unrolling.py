"""Copies of a transition system over steps 0..k as one growing z3 problem (the only module of the engines with z3).

The clauses of a step are written once, as a text with holes for the numbers of its literals (`relation.Pattern`); a
step is added by filling the holes and handing z3 the text. That is 20 times faster than one z3 call per clause.
Nothing is ever retracted: what holds for one question only is an assumption.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import z3  # type: ignore[import-untyped]

from wdfmc.engines.relation import (
    TRUE,
    Literal,
    Pattern,
    Relation,
    cartesian,
    following,
    numbering,
    possible,
)
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.system import FairGroup, TransitionSystem

FRESH: Final = 1 << 26  # literals made between the steps come after this number


@dataclass(slots=True)
class Spent:
    """Seconds, since the start of a check."""

    build: float = 0.0
    solve: float = 0.0


@dataclass(frozen=True, slots=True)
class Sat:
    model: Any


@dataclass(frozen=True, slots=True)
class Unsat:
    pass


@dataclass(frozen=True, slots=True)
class GaveUp:
    reason: str


Answer: TypeAlias = Sat | Unsat | GaveUp


class Unrolling:
    """Runs of exactly `length` transitions, none of which violates, and what can be asked about their end.

    Args:
        goals: rules; only their violating transitions and obligations are encoded.
        lasso: also encode what `stuck` and `closed` need, for the goals that have obligations.
    """

    def __init__(self, system: TransitionSystem, goals: Sequence[str], *, lasso: bool = False) -> None:
        begun = time.monotonic()
        self.system = system
        self.length = 0
        self.spent = Spent()
        boxes = cartesian(system)
        live = {goal for goal in goals if lasso and any(goal == o.rule for o in system.obligations)}
        self._first = _first_steps(system, boxes)
        asked = [
            at
            for at in self._first
            if (rule := system.transitions[at].violates) is None
            or rule in goals
            or (live and system.transitions[at].fairness is not None)
        ]
        self.relation = Relation(system, boxes[-1], asked)
        clauses = self.relation.clauses
        self.violation: dict[str, Literal] = {goal: self._violation(goal) for goal in goals}
        self._ends = _Ends(self.relation, sorted(live)) if live else None
        untouched = _in_order(self.relation) if Symmetry(system).many else []
        self._number = numbering(clauses.width, clauses.shared)
        self._state = Pattern.of(clauses.here, clauses.width, clauses.shared)
        self._step = Pattern.of(clauses.ahead, clauses.width, clauses.shared)
        self._solver = z3.SolverFor("QF_FD")
        self._consts: dict[int, Any] = {}
        self._fresh = 0
        start = self.relation.initial(system.initial)
        first = [[TRUE], *([literal] for literal in (*start, *untouched)), *(self._ends.initial if self._ends else ())]
        self._text(self._lines(first) + self._entered())
        self.spent.build += time.monotonic() - begun

    def _violation(self, goal: str) -> Literal:
        """Implies: a transition that violates the goal is enabled."""
        name = self.relation.clauses.fresh()
        broken = [n for at, n in self.relation.broken.items() if self.system.transitions[at].violates == goal]
        self.relation.clauses.add(-name, *broken)
        return name

    # ------------------------------------------------------------ growing

    def extend(self) -> None:
        """One more transition."""
        begun = time.monotonic()
        step = self._step.at(self.length * self.relation.clauses.width)
        self.length += 1
        self._text(step + self._entered())
        self.spent.build += time.monotonic() - begun

    def _entered(self) -> str:
        """The conditions on state number `length`, and what cannot be so soon."""
        names = {**self.relation.taken, **self.relation.broken}
        early = self._lines([-self.at(n)] for at, n in names.items() if self._first[at] > self.length)
        return self._state.at(self.length * self.relation.clauses.width) + early

    def _lines(self, clauses: Iterable[Sequence[Literal]]) -> str:
        """Clauses of literals that are shared, or of step 0, or that already carry their step (`at`)."""
        return "".join(" ".join([*(str(self._number(n)) for n in clause), "0\n"]) for clause in clauses)

    def _text(self, lines: str) -> None:
        if lines:
            self._solver.from_string(f"p cnf 1 {lines.count(chr(10))}\n{lines}")

    def at(self, literal: Literal, step: int | None = None) -> Literal:
        """The literal in a step (default: in the last state), for all the questions below."""
        offset = (self.length if step is None else step) * self.relation.clauses.width
        return literal if abs(literal) >= TRUE else literal + offset if literal > 0 else literal - offset

    # ------------------------------------------------------------ asking

    def fresh(self) -> Literal:
        """A literal that nothing is said about yet."""
        self._fresh += 1
        name = FRESH + self._fresh
        self._consts[name] = z3.Bool(f"fresh{self._fresh}")
        return name

    def any_of(self, literals: Iterable[Literal]) -> Literal:
        """A fresh literal that implies one of the literals."""
        name = self.fresh()
        self.insist(-name, *literals)
        return name

    def if_any(self, literals: Iterable[Literal]) -> Literal:
        """A fresh literal that every one of the literals implies."""
        name = self.fresh()
        self._solver.add(*(z3.Or(self._const(name), self._const(-literal)) for literal in literals))
        return name

    def at_most(self, literals: Sequence[Literal], number: int) -> Literal:
        """A fresh literal that implies that at most so many of the literals are true."""
        name = self.fresh()
        bounded = z3.AtMost(*(self._const(literal) for literal in literals), number)
        self._solver.add(z3.Or(self._const(-name), bounded))
        return name

    def insist(self, *clause: Literal) -> None:
        """Add a clause for good."""
        self._solver.add(z3.Or(*map(self._const, clause)))

    def solve(self, *assumed: Literal, deadline: float | None = None) -> Answer:
        """Is there such a run, with the assumed literals true? `deadline`: as of time.monotonic()."""
        begun = time.monotonic()
        if deadline is not None:
            if begun >= deadline:
                return GaveUp("out of time")
            self._solver.set("timeout", max(1, int((deadline - begun) * 1000)))
        answer = self._solver.check(*map(self._const, assumed))
        self.spent.solve += time.monotonic() - begun
        if answer == z3.sat:
            return Sat(self._solver.model())
        if answer == z3.unsat:
            return Unsat()
        reason = str(self._solver.reason_unknown())
        if "interrupted" in reason:  # z3 catches the signal of control-C itself
            raise KeyboardInterrupt
        return GaveUp("out of time" if "timeout" in reason or "canceled" in reason else reason)

    def _const(self, literal: Literal) -> Any:
        size = abs(literal)
        if size not in self._consts:
            context = z3.main_ctx()
            symbol = z3.Z3_mk_int_symbol(context.ref(), self._number(size))  # what a DIMACS number is called
            term = z3.Z3_mk_const(context.ref(), symbol, z3.BoolSort().ast)
            self._consts[size] = z3.BoolRef(term, context)
        return self._consts[size] if literal > 0 else z3.Not(self._consts[size])

    # ------------------------------------------------------------ reading a model

    def true(self, model: Any, literal: Literal) -> bool:
        return literal == TRUE or bool(z3.is_true(model.eval(self._const(literal))))

    def transitions(self, model: Any) -> tuple[int, ...]:
        """The transition of each step."""
        relation = self.relation
        found = []
        for step in range(self.length):
            row, column = (
                next((at for at, literal in enumerate(each) if self.true(model, self.at(literal, step))), 0)
                for each in (relation.rows, relation.columns)
            )
            found.append(relation.order[row * len(relation.columns) + column])
        return tuple(found)

    def broken(self, model: Any, goal: str) -> int:
        """A transition that violates the goal in the last state."""
        return next(
            at
            for at, name in self.relation.broken.items()
            if self.system.transitions[at].violates == goal and self.true(model, self.at(name))
        )

    # ------------------------------------------------------------ runs without end

    def live(self, goal: str) -> Literal | None:
        """Implies: an obligation of the goal is owed at the end of a stuck run, or throughout the loop."""
        return self._ends.owed.get(goal) if self._ends else None

    @property
    def stuck(self) -> Literal:
        """Implies: no fair transition, be it a violating one, is enabled in the last state."""
        assert self._ends is not None
        return self.at(self._ends.stuck)

    @property
    def closed(self) -> Literal:
        """Implies: the last state is that of an earlier step, and the part between them is fair."""
        assert self._ends is not None
        return self.at(self._ends.closed)

    def loop(self, model: Any) -> int:
        """The step at which the loop of a closed run begins."""
        assert self._ends is not None
        return next(step for step in range(self.length) if self.true(model, self.at(self._ends.inside, step)))


def _first_steps(system: TransitionSystem, boxes: Sequence[tuple[int, ...]]) -> dict[int, int]:
    """For each transition that can be enabled at all: before which step it cannot."""
    return {
        at: step
        for at, transition in enumerate(system.transitions)
        if (step := next((i for i, box in enumerate(boxes) if possible(transition, box)), None)) is not None
    }


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

    def __init__(self, relation: Relation, goals: Sequence[str]) -> None:
        clauses = relation.clauses
        self._relation = relation
        self._clauses = clauses
        self.inside = clauses.fresh()  # the loop began in this state or before
        self.closed = clauses.fresh()
        self.stuck = clauses.fresh()
        self.initial: list[tuple[Literal, ...]] = [(-self.closed,)]
        self._by_actor: dict[int, Literal] = {}
        self._loop()
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
            if self._relation.system.transitions[at].fairness is None:
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
