"""What the reachable states of few requests never show, seen from a state that should be impossible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, combinations
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from wdfmc.engines.cubes import Masks, key
from wdfmc.engines.packed import Bools, Numbers, Words
from wdfmc.engines.relation import values
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma, lifted, symbolic
from wdfmc.system.presence import present
from wdfmc.system.system import OTHER, Cube, Place, Ref, State

Row: TypeAlias = npt.NDArray[np.uint64]  # a bit for each state

ROOM: Final = 2  # requests that a lemma names; of three, the third is the other one
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
    """Reachable states of an instance, as a row of bits for each value of each variable.

    `states`: how many, up to renaming.

    Args:
        states: up to renaming.
    """

    def __init__(self, instance: Instance, states: Words, symmetry: Symmetry) -> None:
        self.instance = instance
        self.states = states.shape[1]
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
        self._united: dict[tuple[int, int], Row] = {}
        self._room = MOST_BYTES // (8 * renamings * columns)
        self._all = _Met(None, ~np.zeros(renamings * columns, np.uint64))

    def lemmas(self, instance: Instance, state: State) -> Iterator[Lemma]:
        """Lemmas that a state contradicts, and none of these here; none if each part of the state is like one of these.

        Args:
            instance: of the same system with presence, of any size.
        """
        for requests in range(ROOM + 1):
            for slots in combinations(present(instance, state), requests):
                cube = self._part(instance, state, slots).placed(self.instance, tuple(range(requests)))
                if cube is not None and not self._met(cube).some():
                    yield from (self.generalised(cube, backwards) for backwards in (False, True))

    def _part(self, instance: Instance, state: State, slots: tuple[int, ...]) -> Lemma:
        """What a state says of shared variables and of these requests."""
        symbols = {slot: symbol for symbol, slot in enumerate(slots)}
        cube = []
        for (template, slot), at in instance.place.items():
            if template < len(self.instance.system.variables) and (slot is None or slot in symbols):
                value = symbolic(instance.domains[template].values[state[at]], symbols)
                others = isinstance(value, Ref) and value.slot == OTHER
                if not others or len(slots) < self.instance.slots:  # of others nothing is known where there are none
                    place = Place(template, None if slot is None else symbols[slot])
                    cube.append((place, frozenset([value])))
        return Lemma(len(slots), tuple(cube))

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
        first, *more = values(mask)
        found: Row | None = self._united.get((variable, mask)) if more else self._rows[variable][first]
        if found is None:
            found = self._rows[variable][first].copy()
            for value in more:
                found |= self._rows[variable][value]
            if len(self._united) < self._room:
                self._united[variable, mask] = found
        return found


def _bits(flags: Bools, words: int) -> Row:
    padded = np.zeros(64 * words, np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded).view(np.uint64)
