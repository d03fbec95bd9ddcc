"""One step of a transition system as clauses over plain integers, for any SAT solver.

States are one-hot, a literal for each value that a variable can have: guards then need hardly any auxiliary
literals. (Bits instead were as fast to build and up to a third slower to solve.) A step takes exactly one
transition. Guards and effects are encoded in the one direction in which they are used (Plaisted and Greenbaum,
J. Symb. Comp. 1986), conditions in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final, TypeAlias

from wdfmc.system.system import Count, Cube, State, Transition, TransitionSystem, Update

Literal: TypeAlias = int  # +-n: the n-th literal of a step; shifted by NEXT: of the step after; by SHARED: of no step
Box: TypeAlias = tuple[int, ...]  # for each variable a mask of values

NEXT: Final = 1 << 24
SHARED: Final = 1 << 25
TRUE: Final = SHARED + 1  # the first literal that belongs to no step
FALSE: Final = -TRUE


def values(mask: int) -> Iterator[int]:
    """The members of a mask, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


# ---------------------------------------------------------------- clauses


class Clauses:
    """A growing list of clauses over the literals of a step, those of the step after, and shared ones."""

    def __init__(self) -> None:
        self.here: list[tuple[Literal, ...]] = []  # about one state
        self.ahead: list[tuple[Literal, ...]] = []  # about a state that has a next one
        self.width = 0  # literals in a step
        self.shared = 1  # literals that belong to no step; the first is TRUE

    def fresh(self) -> Literal:
        self.width += 1
        return self.width

    def fresh_shared(self) -> Literal:
        self.shared += 1
        return SHARED + self.shared

    def add(self, *clause: Literal) -> None:
        if TRUE not in clause:
            ahead = any(NEXT < abs(literal) < SHARED for literal in clause)
            (self.ahead if ahead else self.here).append(tuple(literal for literal in clause if literal != FALSE))

    def implies(self, literal: Literal, conjunction: Iterable[Literal]) -> None:
        for consequence in conjunction:
            self.add(-literal, consequence)

    def either(self, disjunction: Iterable[Literal]) -> Literal:
        """A literal equivalent to the disjunction."""
        parts = {part for part in disjunction if part != FALSE}
        if TRUE in parts or any(-part in parts for part in parts):
            return TRUE
        match sorted(parts):
            case []:
                return FALSE
            case [part]:
                return part
            case many:
                name = self.fresh()
                self.add(-name, *many)
                for part in many:
                    self.add(name, -part)
                return name

    def both(self, conjunction: Iterable[Literal]) -> Literal:
        return -self.either(-part for part in conjunction)

    def at_most_one(self, literals: Sequence[Literal]) -> None:
        """Pairs when there are few, else a grid of rows and columns (Chen's product encoding)."""
        if len(literals) <= 12:
            for at, first in enumerate(literals):
                for second in literals[at + 1 :]:
                    self.add(-first, -second)
        else:
            self.grid(literals)

    def grid(self, literals: Sequence[Literal]) -> tuple[list[Literal], list[Literal]]:
        """At most one; literal number i implies row i // len(columns) and column i % len(columns)."""
        side = isqrt(len(literals) - 1) + 1
        rows = [self.fresh() for _ in range(-(-len(literals) // side))]
        columns = [self.fresh() for _ in range(side)]
        for at, literal in enumerate(literals):
            self.add(-literal, rows[at // side])
            self.add(-literal, columns[at % side])
        self.at_most_one(rows)
        self.at_most_one(columns)
        return rows, columns


def shifted(literal: Literal, by: int) -> Literal:
    return literal + by if literal > 0 else literal - by


def following(literal: Literal) -> Literal:
    """The same literal one step later; shared ones are the same in every step."""
    return literal if abs(literal) > SHARED else shifted(literal, NEXT)


# ---------------------------------------------------------------- the step


class Relation:
    """The clauses of one step, and the literals that an unrolling asks about.

    Args:
        box: for each variable the mask of the values that it can have.
        keep: the numbers of the transitions that a run may take, and of the violating ones that are asked about.
    """

    def __init__(self, system: TransitionSystem, box: Box, keep: Iterable[int]) -> None:
        self.system = system
        self.clauses = Clauses()
        self._box = box
        self._masks: dict[tuple[int, int], Literal] = {}
        self._entities: dict[tuple[Cube, ...], Literal] = {}
        self._numbers: dict[tuple[tuple[Literal, ...], int], Literal] = {}
        self.values: list[dict[int, Literal]] = [self._variable(mask) for mask in box]
        self.taken: dict[int, Literal] = {}  # transition -> it is the one taken
        self.broken: dict[int, Literal] = {}  # violating transition -> implies that it is enabled
        for at in keep:
            self._transition(at, system.transitions[at])
        self.order = list(self.taken)
        self.rows, self.columns = self._choice()
        self._effects()

    def _variable(self, mask: int) -> dict[int, Literal]:
        """value -> the literal that says so."""
        members = list(values(mask))
        match members:
            case [only]:
                return {only: TRUE}
            case [first, second]:
                bit = self.clauses.fresh()
                return {first: -bit, second: bit}
            case _:
                each = [self.clauses.fresh() for _ in members]
                self.clauses.add(*each)
                self.clauses.at_most_one(each)
                return dict(zip(members, each, strict=True))

    def initial(self, state: State) -> list[Literal]:
        """What is true of a state; unit clauses."""
        return [
            literal if value == state[variable] else -literal
            for variable, each in enumerate(self.values)
            for value, literal in each.items()
        ]

    # ------------------------------------------------------------ conditions

    def member(self, variable: int, mask: int) -> Literal:
        """Equivalent to: the variable has a value in the mask."""
        inside, outside = mask & self._box[variable], ~mask & self._box[variable]
        key = (variable, inside)
        if key not in self._masks:
            each = self.values[variable]
            if inside.bit_count() <= outside.bit_count():
                self._masks[key] = self.clauses.either(each[value] for value in values(inside))
            else:
                self._masks[key] = -self.clauses.either(each[value] for value in values(outside))
        return self._masks[key]

    def cube(self, cube: Cube) -> list[Literal]:
        """The literals that together say that the cube holds."""
        return [self.member(variable, mask) for variable, mask in cube]

    def entity(self, alternatives: tuple[Cube, ...]) -> Literal:
        """Equivalent to: some alternative holds."""
        if alternatives not in self._entities:
            self._entities[alternatives] = self.clauses.either(
                self.clauses.both(self.cube(cube)) for cube in alternatives
            )
        return self._entities[alternatives]

    def at_least(self, literals: tuple[Literal, ...], number: int) -> Literal:
        """Equivalent to: at least `number` of the literals are true."""
        if number <= 0:
            return TRUE
        if number > len(literals):
            return FALSE
        key = (literals, number)
        if key not in self._numbers:
            *others, last = literals
            rest = tuple(others)
            with_last = self.clauses.both((last, self.at_least(rest, number - 1)))
            self._numbers[key] = self.clauses.either((self.at_least(rest, number), with_last))
        return self._numbers[key]

    def count(self, count: Count) -> list[Literal]:
        """The literals that together say that the count is within its bounds."""
        entities = tuple(sorted(self.entity(alternatives) for alternatives in count.entities))
        return [self.at_least(entities, count.low), -self.at_least(entities, count.high + 1)]

    def enabled(self, transition: Transition) -> list[Literal]:
        """The literals that together say that the transition is enabled."""
        return self.cube(transition.guard) + [part for count in transition.counts for part in self.count(count)]

    # ------------------------------------------------------------ the choice and its effects

    def _transition(self, at: int, transition: Transition) -> None:
        name = self.clauses.fresh()
        (self.taken if transition.violates is None else self.broken)[at] = name
        self.clauses.implies(name, self.enabled(transition))

    def _choice(self) -> tuple[list[Literal], list[Literal]]:
        """Exactly one transition. Its number among `order` is read off the row and the column that are true."""
        literals = list(self.taken.values())
        self.clauses.ahead.append(tuple(literals))
        return self.clauses.grid(literals) if literals else ([], [])

    def _effects(self) -> None:
        """Updates that several transitions share are encoded once; what no transition updates stays."""
        users: dict[Update, list[Literal]] = {}
        for at, name in self.taken.items():
            for update in self.system.transitions[at].updates:
                if len(self.values[update.target]) > 1 and not self._idle(update):
                    users.setdefault(update, []).append(name)
        changing: list[list[Literal]] = [[] for _ in self.values]
        for update, names in users.items():
            effect = names[0]
            if len(names) > 1:
                effect = self.clauses.fresh()
                for name in names:
                    self.clauses.add(-name, effect)
                self.clauses.add(-effect, *names)
            changing[update.target].append(effect)
            self._update(effect, update)
        for each, effects in zip(self.values, changing, strict=True):
            if len(each) > 1:
                self._frame(each, effects)

    def _idle(self, update: Update) -> bool:
        target, source, table = update
        return source == target and all(table[value] == value for value in self.values[source])

    def _update(self, effect: Literal, update: Update) -> None:
        target, source, table = update
        results = self.values[target]
        if source < 0:
            self.clauses.add(-effect, following(results[table[0]]))
            return
        for value, here in self.values[source].items():
            # A value from which the table leaves the box cannot occur where a transition with this update is enabled.
            result = results.get(table[value], FALSE)
            self.clauses.add(-effect, -here, following(result))

    def _frame(self, each: dict[int, Literal], effects: Sequence[Literal]) -> None:
        changed = self.clauses.fresh()
        self.clauses.add(-changed, *effects)
        for literal in list(each.values())[: 1 if len(each) == 2 else None]:
            self.clauses.add(changed, -literal, following(literal))
            self.clauses.add(changed, literal, -following(literal))


# ---------------------------------------------------------------- text


@dataclass(frozen=True)
class Pattern:
    """Clauses in DIMACS form, as a function of the step. Step i's literals follow those of step i - 1."""

    form: str
    literals: tuple[Literal, ...]

    @classmethod
    def of(cls, clauses: Iterable[Sequence[Literal]], width: int, shared: int) -> Pattern:
        """Every literal becomes a number: shared ones come first, then `width` literals for each step."""
        lines: list[str] = []
        moved: list[Literal] = []
        number = numbering(width, shared)
        for clause in clauses:
            words = []
            for literal in clause:
                if abs(literal) > SHARED:
                    words.append(str(number(literal)))
                else:
                    words.append("%d")
                    moved.append(number(literal))
            lines.append(" ".join([*words, "0\n"]))
        return cls("".join(lines), tuple(moved))

    def at(self, offset: int) -> str:
        return self.form % tuple([n + offset if n > 0 else n - offset for n in self.literals])


def numbering(width: int, shared: int) -> Callable[[Literal], int]:
    """From a literal of step 0 to its DIMACS number."""

    def number(literal: Literal) -> int:
        size = abs(literal)
        if size > SHARED:
            size -= SHARED
        elif size > NEXT:
            size += shared + width - NEXT
        else:
            size += shared
        return size if literal > 0 else -size

    return number
