"""Lemmas from all states of a small instance: each excludes a state that is in the way of a proof and never reached.

A violation, or a step to where a lemma fails, that the lemmas so far leave possible begins in a state of the instance
that stands for all numbers of requests. What that state says of few of its requests is looked up among all reachable
states of a small instance. If none of these looks like that, it is made as general as it can be without meeting one,
and is the next lemma. If each of its parts is reachable, no lemma about so few requests excludes the state: a goal is
then out of reach, and a lemma falls.

(Invariants from reachable states and counterexamples to induction: DistAI, Yao et al., OSDI 2021; endive, Schultz,
Dardik and Tripakis, FMCAD 2022.)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, combinations
from typing import Final, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from wdfmc.engines.cubes import Masks, key
from wdfmc.engines.houdini import Candidates
from wdfmc.engines.ic3 import OutOfTime
from wdfmc.engines.packed import Bools, Numbers, Words
from wdfmc.engines.relation import values
from wdfmc.engines.symmetry import Symmetry
from wdfmc.progress import Work
from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma, lifted, symbolic
from wdfmc.system.system import Cube, Place, State

Row: TypeAlias = npt.NDArray[np.uint64]  # a bit for each state

ROOM: Final = 2  # requests that a lemma names; of three, the third is the other one
MOST_FALLEN: Final = 25  # lemmas; those who fall in large numbers keep falling
SPARSE: Final = 8
MOST_BYTES: Final = 1 << 27  # of rows of several values, which are kept


class _Met(NamedTuple):
    """A set of states. `at`: the words of a row that `bits` are; None: all of them."""

    at: Numbers | None
    bits: Row

    def among(self, row: Row) -> _Met:
        """Those of them in a row. Words without a state are left out where they are many."""
        bits = self.bits & (row if self.at is None else row[self.at])
        if SPARSE * np.count_nonzero(bits) < bits.size:
            kept = np.flatnonzero(bits)
            return _Met(kept if self.at is None else self.at[kept], bits[kept])
        return _Met(self.at, bits)

    def some(self) -> bool:
        return bool(self.bits.any())


class Reachable:
    """All reachable states of an instance, as a row of bits for each value of each variable.

    Args:
        states: up to renaming.
    """

    def __init__(self, instance: Instance, states: Words, symmetry: Symmetry) -> None:
        self.instance = instance
        renamings = len(symmetry.renamings) if symmetry.many else 1
        columns = -(-states.shape[1] // 64)
        self._rows = [np.zeros((len(each.domain), renamings * columns), np.uint64) for each in instance.variables]
        for renaming in range(renamings):
            renamed = symmetry.renamed(states.copy(), renaming)
            here = slice(renaming * columns, (renaming + 1) * columns)
            for variable, rows in enumerate(self._rows):
                column = symmetry.packing.column(renamed, variable)
                for value, row in enumerate(rows):
                    row[here] = _bits(column == value, columns)
        self._united = {
            (variable, 1 << value): row for variable, rows in enumerate(self._rows) for value, row in enumerate(rows)
        }
        self._all = _Met(None, ~np.zeros(renamings * columns, np.uint64))

    def beyond(self, lemma: Lemma) -> Cube | None:
        """The lemma's cube at the first requests, if it has one and no reachable state is in it."""
        cube = lemma.placed(self.instance, tuple(range(lemma.requests)))
        return None if cube is None or self._met(cube).some() else cube

    def generalised(self, cube: Cube, backwards: bool) -> Lemma:
        """A lemma whose cube contains this one, with nothing to spare: of requests, then of variables, then of values.

        Args:
            backwards: variables are left out in the other order.
        """
        masks = dict(cube)
        for slot in range(self.instance.slots):
            rest = {at: mask for at, mask in masks.items() if self.instance.variables[at].slot != slot}
            if not self._met(rest.items()).some():
                masks = rest
        masks = self._fewest(masks, sorted(masks, key=self._preference, reverse=backwards))
        for variable in sorted(masks, key=self._preference):
            others = self._met((at, mask) for at, mask in masks.items() if at != variable)
            for value in values(self.instance.full[variable] & ~masks[variable]):
                if not others.among(self._rows[variable][value]).some():
                    masks[variable] |= 1 << value
        return lifted(self.instance, [key(masks)])[0]

    def _fewest(self, masks: Masks, order: Sequence[int]) -> Masks:
        """Without the variables, one after the other, that are not needed to keep every reachable state out."""
        rows = [self._row(variable, masks[variable]) for variable in order]
        after = [*accumulate(reversed(rows), _Met.among, initial=self._all)]  # of the last ones, more and more
        met, found = self._all.bits, {}
        for variable, row in zip(order, rows, strict=True):
            after.pop()
            if after[-1].among(met).some():
                met = met & row
                found[variable] = masks[variable]
        return found

    def _met(self, cube: Iterable[tuple[int, int]]) -> _Met:
        """The reachable states in a cube."""
        met = self._all
        for variable, mask in cube:
            met = met.among(self._row(variable, mask))
        return met

    def _preference(self, variable: int) -> tuple[bool, bool, int]:
        """As in `ic3`: references last, they tell which request it is about."""
        each = self.instance.variables[variable]
        return any(each.refers), each.slot is not None, variable

    def _row(self, variable: int, mask: int) -> Row:
        """Where the variable has one of the values."""
        rows = self._rows[variable]
        found = self._united.get((variable, mask))
        if found is None:
            found = np.zeros_like(self._all.bits)
            for value in values(mask):
                found |= rows[value]
            if len(self._united) * found.nbytes < MOST_BYTES:
                self._united[variable, mask] = found
        return found


def _bits(flags: Bools, words: int) -> Row:
    padded = np.zeros(64 * words, np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded).view(np.uint64)


class Learning:
    """`lemmas`: candidates with room for `ROOM` requests; what is learned is added. `hopeless`: goals out of reach."""

    def __init__(
        self, lemmas: Candidates, reachable: Reachable, goals: Sequence[str], needed: frozenset[str] = frozenset()
    ) -> None:
        self.lemmas = lemmas
        self.reachable = reachable
        self.hopeless: set[str] = set()
        self._left = list(goals)
        self._needed = needed
        self._known = set(lemmas.lemmas)
        self._learned: list[int] = []
        self._fallen = 0

    def run(self, deadline: float) -> None:
        """Until the goals are proved or out of reach, or one that is needed is, or it does not get on.

        Raises OutOfTime.
        """
        work = Work("learning", "any")
        todo = list(self._open())
        while todo and self._fallen <= MOST_FALLEN and not self.hopeless & self._needed:
            if time.monotonic() > deadline:
                raise OutOfTime
            goal, question = todo[0]
            work.at(lemmas=len(self._learned), queries=self.lemmas.questions)
            if self._answered(goal, question):
                todo.pop(0)
                continue
            guesses = self._excluding(self.lemmas.stepping.state())
            first = next(guesses, None)
            lemma = next((each for each in chain([first], guesses) if self._fits(each)), None)
            if lemma is not None:
                number = self.lemmas.add(lemma)
                self._known.add(lemma)
                if number in self.lemmas.alive:
                    self._learned.append(number)
                    todo.append((None, self.lemmas.entered[number]))
            elif goal is not None:
                self._left.remove(goal)
                self.hopeless |= {goal} if first is None else set()
                todo = list(self._open())
            else:
                fallen = self.lemmas.fallen(self.lemmas.stepping.next_state())
                self.lemmas.alive -= fallen
                self._fallen += len(fallen)
                todo = list(self._open())

    def _open(self) -> Iterator[tuple[str | None, int]]:
        """Questions: goals and what violates them, lemmas that were learned and how they are left."""
        yield from ((goal, name) for goal in self._left for name in self.lemmas.broken[goal])
        yield from ((None, self.lemmas.entered[each]) for each in self._learned if each in self.lemmas.alive)

    def _answered(self, goal: str | None, question: int) -> bool:
        return self.lemmas.never(question, *([] if goal else [self.lemmas.stepping.step]))

    def _excluding(self, state: State) -> Iterator[Lemma]:
        """Lemmas that the state contradicts and no reachable one."""
        for requests in range(ROOM + 1):
            for slots in combinations(self._present(state), requests):
                cube = self.reachable.beyond(self._part(state, slots))
                if cube is not None:
                    yield from (self.reachable.generalised(cube, backwards) for backwards in (False, True))

    def _fits(self, lemma: Lemma | None) -> TypeGuard[Lemma]:
        """What fell is not learned again."""
        return lemma is not None and lemma.requests <= ROOM and lemma not in self._known

    def _present(self, state: State) -> list[int]:
        flat = self.lemmas.where.flat
        template = len(self.lemmas.where.instance.system.variables) - 1
        place = [flat.index[template, slot] for slot in range(flat.slots)]
        return [slot for slot, at in enumerate(place) if flat.variables[at].domain[state[at]] == "true"]

    def _part(self, state: State, slots: tuple[int, ...]) -> Lemma:
        """What a state says of shared variables and of these requests."""
        where = self.lemmas.where
        symbols = {slot: symbol for symbol, slot in enumerate(slots)}
        presence = len(where.instance.system.variables) - 1
        cube = []
        for at, variable in enumerate(where.flat.variables):
            if variable.template != presence and (variable.slot is None or variable.slot in symbols):
                value = where.instance.domains[variable.template].values[state[at]]
                place = Place(variable.template, None if variable.slot is None else symbols[variable.slot])
                cube.append((place, frozenset([symbolic(value, symbols)])))
        return Lemma(len(slots), tuple(cube))
