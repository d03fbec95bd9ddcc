"""One state for all that differ only in the names of the requests.

The records are sorted by a hash of what each one looks like to itself: its own fields, where a reference reads "me" or
"another", and for every shared reference whether it is to me. This hash does not change under renaming. Where hashes
tie and a record refers to another one, the order is not determined; there the least of all renamings is taken if there
are few, and else any: that costs some reduction, but a state is always represented by one of its renamings.
(Symmetry reduction: Ip and Dill, *Better Verification Through Symmetry*, FMSD 1996.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import Final

import numpy as np

from wdfmc.engines.packed import Bools, Chunk, Column, Numbers, Packing, Region, Words
from wdfmc.system.system import Cube, State, Transition, TransitionSystem

MOST_RENAMINGS: Final = 720  # tables for more than 6 slots are not worth their size
MOST_TRIED: Final = 24  # up to here ties are resolved by trying every renaming


class Symmetry:
    """The renamings of a system's slots; just the identity where the slots are not interchangeable.

    `renamings[k][s]`: the new slot of slot s; number 0 is the identity.
    """

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.slots = system.slots if interchangeable(system) else 0
        self.renamings = list(permutations(range(self.slots)))
        self.many = len(self.renamings) > 1
        bits = 16 - len(self.renamings).bit_length()
        self.packing = Packing(system, records=self.many, chunk_bits=bits)
        if self.many:
            self._prepare(self.packing)

    def canonical(self, states: Words) -> Words:
        """[words, states], changed in place."""
        if not self.many or not states.shape[1]:
            return states
        chosen, tied = self._sorting(states)
        self._rename_rows(states, np.flatnonzero(chosen), chosen)
        if tied is not None:
            rows = np.flatnonzero(tied & self._entangled(states))
            if rows.size:
                states[:, rows] = self._least(states[:, rows])
        return states

    def renamed(self, states: Words, renaming: int) -> Words:
        """All states under one renaming."""
        if not renaming:
            return states
        return self._apply(states, np.full(states.shape[1], renaming, np.int64))

    def transition(self, number: int, renaming: int) -> int:
        """The image of a transition."""
        if not renaming:
            return number
        transition = self.system.transitions[number]
        target = self.renamings[renaming]
        return self._transitions[transition.template, tuple(target[slot] for slot in transition.slots)]

    # ------------------------------------------------------------ tables

    def _prepare(self, packing: Packing) -> None:
        system, slots = self.system, self.slots
        self._transitions = {(one.template, one.slots): at for at, one in enumerate(system.transitions)}
        self._to = np.array(self.renamings)  # [renaming, slot]
        # A renaming by the ranks of the slots, read as digits.
        self._numbered = np.zeros(slots**slots, np.int64)
        for number, target in enumerate(self.renamings):
            self._numbered[sum(rank * slots**slot for slot, rank in enumerate(target))] = number
        many = packing.record.words + len(packing.shared.chunks)
        factors = np.random.default_rng(2).integers(0, 1 << 63, many, np.uint64) * np.uint64(2) + np.uint64(1)
        self._factors = factors[: packing.record.words]
        self._rest = [_outside_chunks(packing.shared), _outside_chunks(packing.record)]
        self._tables = [self._renaming_tables(packing.shared), self._renaming_tables(packing.record)]
        self._shared_looks = [
            self._looks(chunk) * factor
            for chunk, factor in zip(packing.shared.chunks, factors[packing.record.words :], strict=True)
        ]
        self._record_looks = [
            (self._looks(chunk) << np.uint64(chunk.shift)) * self._factors[chunk.word]
            for chunk in packing.record.chunks
        ]
        self._to_another = [self._refers_to_another(chunk) for chunk in packing.record.chunks]

    def _values(self, chunk: Chunk, shift: int, variable: int) -> Numbers:
        """The value of a variable for each content of its chunk; contents that do not occur count as value 0."""
        size = len(self.system.variables[variable].domain)
        values = np.arange(1 << chunk.bits) >> shift & ((1 << (size - 1).bit_length()) - 1)
        return np.where(values < size, values, 0)

    def _renaming_tables(self, region: Region) -> list[Column]:
        """Per chunk: [renaming << bits | content] -> the renamed content, at its place in the word."""
        tables = []
        for chunk in region.chunks:
            table = np.zeros((len(self.renamings), 1 << chunk.bits), np.uint64)
            for variable, shift in chunk.variables:
                refers = self.system.variables[variable].refers
                values = self._values(chunk, shift, variable)
                at = {reference: value for value, reference in enumerate(refers) if reference is not None}
                for number, target in enumerate(self.renamings):
                    image = np.array(
                        [
                            value if reference is None else at[reference[0], target[reference[1]]]
                            for value, reference in enumerate(refers)
                        ],
                        np.uint64,
                    )
                    table[number] |= image[values] << np.uint64(shift + chunk.shift)
            tables.append(table.reshape(-1))
        return tables

    def _looks(self, chunk: Chunk) -> Words:
        """[slot, content]: what the content is for that slot, references being reduced to "me" and "another"."""
        looks = np.zeros((self.slots, 1 << chunk.bits), np.uint64)
        for variable, shift in chunk.variables:
            refers = self.system.variables[variable].refers
            values = self._values(chunk, shift, variable)
            at = {reference: value for value, reference in enumerate(refers) if reference is not None}
            for slot in range(self.slots):
                image = np.array(
                    [
                        value if reference is None else at[reference[0], 0 if reference[1] == slot else 1]
                        for value, reference in enumerate(refers)
                    ],
                    np.uint64,
                )
                looks[slot] |= image[values] << np.uint64(shift)
        return looks

    def _refers_to_another(self, chunk: Chunk) -> Bools:
        """[slot, content]: whether a record with this content refers to a slot other than its own."""
        another = np.zeros((self.slots, 1 << chunk.bits), np.bool_)
        for variable, shift in chunk.variables:
            refers = self.system.variables[variable].refers
            values = self._values(chunk, shift, variable)
            for slot in range(self.slots):
                image = np.array([reference is not None and reference[1] != slot for reference in refers])
                another[slot] |= image[values]
        return another

    # ------------------------------------------------------------ states

    def _sorting(self, states: Words) -> tuple[Numbers, Bools | None]:
        """The renaming that sorts the records of each state, and where two of them look the same (None: nowhere)."""
        looks = self._hashes(states)
        number = np.zeros(states.shape[1], np.int64)
        tied: Bools | None = None
        for i in range(self.slots):
            for j in range(i + 1, self.slots):
                later = looks[j] < looks[i]
                # Slot i goes behind j, or j behind i: one more in the rank of one of them.
                number += np.where(later, self.slots**i, self.slots**j)
                if self._to_another:
                    same = looks[i] == looks[j]
                    tied = same if tied is None else tied | same
        return self._numbered[number], tied

    def _hashes(self, states: Words) -> list[Column]:
        """For each slot, a hash of what its record looks like."""
        packing = self.packing
        shared = [_content(states[chunk.word], chunk) for chunk in packing.shared.chunks]
        hashes = []
        for slot in range(self.slots):
            first = packing.record_word(slot)
            look = np.zeros(states.shape[1], np.uint64)
            for word, (rest, factor) in enumerate(zip(self._rest[1], self._factors, strict=True)):
                look += (states[first + word] & rest) * factor
            for chunk, table in zip(packing.record.chunks, self._record_looks, strict=True):
                look += table[slot][_content(states[first + chunk.word], chunk)]
            for content, table in zip(shared, self._shared_looks, strict=True):
                look += table[slot][content]
            hashes.append(look)
        return hashes

    def _entangled(self, states: Words) -> Bools:
        """Where some record refers to another one."""
        entangled = np.zeros(states.shape[1], np.bool_)
        for slot in range(self.slots):
            first = self.packing.record_word(slot)
            for chunk, table in zip(self.packing.record.chunks, self._to_another, strict=True):
                entangled |= table[slot][_content(states[first + chunk.word], chunk)]
        return entangled

    def _least(self, states: Words) -> Words:
        if len(self.renamings) > MOST_TRIED:
            return states
        least = states.copy()
        for renaming in range(1, len(self.renamings)):
            other = self.renamed(states, renaming)
            less = np.zeros(states.shape[1], np.bool_)
            equal = np.ones(states.shape[1], np.bool_)
            for new, old in zip(other, least, strict=True):
                less |= equal & (new < old)
                equal &= new == old
            least[:, less] = other[:, less]
        return least

    def _rename_rows(self, states: Words, rows: Numbers, renaming: Numbers) -> None:
        if rows.size:
            states[:, rows] = self._apply(states[:, rows], renaming[rows])

    def _apply(self, states: Words, renaming: Numbers) -> Words:
        """Each state under its renaming."""
        packing = self.packing
        result = np.empty_like(states)
        for word, renamed in enumerate(self._region(states, 0, packing.shared, 0, renaming)):
            result[word] = renamed
        everywhere = np.arange(states.shape[1])
        for slot in range(self.slots):
            target = packing.shared.words + self._to[renaming, slot] * packing.record.words
            first = packing.record_word(slot)
            for word, renamed in enumerate(self._region(states, first, packing.record, 1, renaming)):
                result[target + word, everywhere] = renamed
        return result

    def _region(self, states: Words, first: int, region: Region, which: int, renaming: Numbers) -> list[Column]:
        """The words of a region with their references renamed."""
        words = [states[first + word] for word in range(region.words)]
        if region.chunks:
            words = [word & rest for word, rest in zip(words, self._rest[which], strict=True)]
            for chunk, table in zip(region.chunks, self._tables[which], strict=True):
                content = _content(states[first + chunk.word], chunk)
                words[chunk.word] |= table[(renaming << chunk.bits) | content]
        return words


def _outside_chunks(region: Region) -> list[np.uint64]:
    """The mask of each word without its chunks."""
    masks = [(1 << 64) - 1] * region.words
    for chunk in region.chunks:
        masks[chunk.word] &= ~(((1 << chunk.bits) - 1) << chunk.shift)
    return [np.uint64(mask) for mask in masks]


def _content(word: Column, chunk: Chunk) -> Numbers:
    return ((word >> np.uint64(chunk.shift)) & np.uint64((1 << chunk.bits) - 1)).view(np.int64)


def interchangeable(system: TransitionSystem) -> bool:
    """Whether the system looks the same under every renaming of its slots, as far as its shape tells.

    An instance of templates does; a slice or a hand-made system need not.
    """
    slots = range(system.slots)
    if system.slots < 2 or factorial(system.slots) > MOST_RENAMINGS:
        return False
    first = {variable.template: variable for variable in system.variables if variable.slot == 0}
    for variable in system.variables:
        if variable.slot is not None:
            other = first.get(variable.template)
            if other is None or (other.domain, other.refers) != (variable.domain, variable.refers):
                return False
        kinds = {reference[0] for reference in variable.refers if reference is not None}
        if any((kind, slot) not in variable.refers for kind in kinds for slot in slots):
            return False
    if any((template, slot) not in system.index for template in first for slot in slots):
        return False
    return _starts_alike(system, system.initial) and _closed(system)


def _starts_alike(system: TransitionSystem, state: State) -> bool:
    """Every record starts alike, and referring at most to itself."""
    for number, variable in enumerate(system.variables):
        reference = variable.refers[state[number]]
        if reference is not None and reference[1] != variable.slot:
            return False
        if variable.slot:
            first = system.index[variable.template, 0]
            start = system.variables[first].refers[state[first]]
            if reference is None and state[first] != state[number]:
                return False
            if reference is not None and start != (reference[0], 0):
                return False
    return True


def _closed(system: TransitionSystem) -> bool:
    """Every image of a transition is there, under exchanges of neighbours (they generate all renamings)."""
    there = {(one.template, one.slots) for one in system.transitions}
    if len(there) != len(system.transitions):
        return False
    for low in range(system.slots - 1):
        swap = {low: low + 1, low + 1: low}
        for template, slots in there:
            if (template, tuple(swap.get(slot, slot) for slot in slots)) not in there:
                return False
    return True


def symmetric(system: TransitionSystem) -> bool:
    """Whether the system is the same under every renaming of its slots: `interchangeable`, and nothing is believed."""
    if not interchangeable(system):
        return False
    meaning = frozenset(_meaning(system, one, None) for one in system.transitions)
    for low in range(system.slots - 1):
        swap = {low: low + 1, low + 1: low}
        if frozenset(_meaning(system, one, swap) for one in system.transitions) != meaning:
            return False
    return True


def _meaning(system: TransitionSystem, transition: Transition, target: Mapping[int, int] | None) -> tuple[object, ...]:
    """What a transition says, with slot s called `target[s]`, as a value that compares."""
    image = _Image(system, {} if target is None else target)
    admitted = dict(transition.guard)
    return (
        image.cube(transition.guard),
        frozenset(
            (
                frozenset(Counter(frozenset(map(image.cube, cubes)) for cubes in count.entities).items()),
                count.low,
                count.high,
            )
            for count in transition.counts
        ),
        frozenset(
            (
                image.variable(update.target),
                None if update.source < 0 else image.variable(update.source),
                frozenset(
                    (None if update.source < 0 else image.value(update.source, old), image.value(update.target, new))
                    for old, new in enumerate(update.table)
                    if update.source < 0 or admitted.get(update.source, -1) >> old & 1
                ),
            )
            for update in transition.updates
        ),
        transition.violates,
    )


@dataclass(frozen=True, slots=True)
class _Image:
    """What becomes of variables and values when slot s is called `target[s]`, or s if that says nothing."""

    system: TransitionSystem
    target: Mapping[int, int]

    def variable(self, variable: int) -> int:
        one = self.system.variables[variable]
        return variable if one.slot is None else self.system.index[one.template, self.target.get(one.slot, one.slot)]

    def value(self, variable: int, value: int) -> int:
        refers = self.system.variables[variable].refers
        reference = refers[value]
        if reference is None or reference[1] not in self.target:
            return value
        return refers.index((reference[0], self.target[reference[1]]))

    def cube(self, cube: Cube) -> frozenset[tuple[int, int]]:
        return frozenset(
            (
                self.variable(variable),
                sum(1 << self.value(variable, value) for value in range(mask.bit_length()) if mask >> value & 1),
            )
            for variable, mask in cube
        )
