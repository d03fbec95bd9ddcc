"""States as a few 64-bit words each, in columns, and a hash table over them that numpy fills in bulk.

The record of each request slot takes whole words and all records have the same layout, so that renaming requests is
exchanging words (`symmetry.py`). Within a region, variables that refer to requests come first, in chunks of a few bits,
small enough to be renamed by one table look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from wdfmc.system.system import State, TransitionSystem

Words: TypeAlias = npt.NDArray[np.uint64]  # [words, states]
Column: TypeAlias = npt.NDArray[np.uint64]  # [states]
Numbers: TypeAlias = npt.NDArray[np.int64]  # [states], row numbers, identities of states, numbers of transitions
Bools: TypeAlias = npt.NDArray[np.bool_]

WORD: Final = 64


class Field(NamedTuple):
    """Where a variable lies: (word >> shift) & mask."""

    word: int
    shift: int
    mask: int


class Chunk(NamedTuple):
    """Adjacent bits with the variables that refer to requests: (variable, its shift in the chunk). `word` is relative
    to the region."""

    word: int
    shift: int
    bits: int
    variables: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """The layout of the shared variables or of one record, by template variable number."""

    words: int
    fields: dict[int, Field]
    chunks: tuple[Chunk, ...]


class Packing:
    """The layout of a system's states. Without `records` every variable is laid out as a shared one.

    `chunk_bits`: how wide a chunk of references may be (a single variable may be wider).
    """

    def __init__(self, system: TransitionSystem, records: bool, chunk_bits: int = 12) -> None:
        variables = list(enumerate(system.variables))
        self.slots = system.slots if records else 0
        shared = [number for number, variable in variables if not records or variable.slot is None]
        self.shared = _region(system, shared, chunk_bits)
        # The records look alike, so the first one tells the layout of all; `owned` maps it to the others' variables.
        first = [number for number, variable in variables if records and variable.slot == 0]
        self.record = _region(system, first, chunk_bits)
        self.words = self.shared.words + self.slots * self.record.words
        self.fields: list[Field] = [Field(0, 0, 0)] * len(variables)
        for number in shared:
            self.fields[number] = self.shared.fields[number]
        for number in first:
            word, shift, mask = self.record.fields[number]
            for slot in range(self.slots):
                image = system.index[system.variables[number].template, slot]
                self.fields[image] = Field(self.record_word(slot) + word, shift, mask)

    def record_word(self, slot: int) -> int:
        """The first word of a slot's record."""
        return self.shared.words + slot * self.record.words

    def pack(self, states: Sequence[State]) -> Words:
        packed = np.zeros((self.words, len(states)), np.uint64)
        table = np.array(states, np.uint64).reshape(len(states), len(self.fields))
        for number, (word, shift, _) in enumerate(self.fields):
            packed[word] |= table[:, number] << np.uint64(shift)
        return packed

    def unpack(self, packed: Words, row: int) -> State:
        words = [int(word) for word in packed[:, row]]
        return tuple(words[word] >> shift & mask for word, shift, mask in self.fields)

    def column(self, packed: Words, variable: int) -> Numbers:
        """The value index of a variable in each state."""
        word, shift, mask = self.fields[variable]
        values: Column = (packed[word] >> np.uint64(shift)) & np.uint64(mask)
        return values.view(np.int64)


def admitted(column: Numbers, mask: int, size: int) -> Bools:
    """Where the value indices of a column are in a mask over a domain of `size` values."""
    if mask.bit_count() == 1:
        return np.equal(column, mask.bit_length() - 1)
    if mask.bit_count() == size - 1:
        return np.not_equal(column, (~mask & (1 << size) - 1).bit_length() - 1)
    return np.array([mask >> value & 1 for value in range(size)], np.bool_)[column]


def holding(packing: Packing, system: TransitionSystem, states: Words, variable: int, mask: int) -> Bools:
    """Where a variable has one of the values in a mask."""
    return admitted(packing.column(states, variable), mask, len(system.variables[variable].domain))


def _region(system: TransitionSystem, variables: Iterable[int], chunk_bits: int) -> Region:
    fields: dict[int, Field] = {}
    chunks: list[Chunk] = []
    word, used = 0, 0

    def refers(number: int) -> bool:
        return any(reference is not None for reference in system.variables[number].refers)

    for number in sorted(variables, key=lambda number: not refers(number)):
        width = (len(system.variables[number].domain) - 1).bit_length()
        if used + width > WORD:
            word, used = word + 1, 0
        fields[number] = Field(word, used, (1 << width) - 1)
        if refers(number) and width:
            last = chunks[-1] if chunks else None
            if last is not None and last.word == word and last.bits + width <= chunk_bits:
                chunks[-1] = Chunk(word, last.shift, last.bits + width, (*last.variables, (number, last.bits)))
            else:
                chunks.append(Chunk(word, used, width, ((number, 0),)))
        used += width
    return Region(word + 1 if fields else 0, fields, tuple(chunks))


class Index:
    """The set of the states seen, numbered in the order in which they were added.

    Open addressing with linear probing; all candidates of a call probe together, in rounds. Whole states are compared:
    a collision of hashes costs time, not correctness.
    """

    def __init__(self, words: int) -> None:
        self.size = 0
        self._words = np.empty((words, 1 << 10), np.uint64)
        self._table = np.full(1 << 12, -1, np.int32)
        # Odd constants: any fixed choice will do, this one is the same in every run.
        self._factors = np.random.default_rng(1).integers(0, 1 << 63, words, np.uint64) * np.uint64(2) + np.uint64(1)

    @property
    def words(self) -> Words:
        """[words, size], a view."""
        return self._words[:, : self.size]

    def add(self, states: Words) -> tuple[Numbers, Numbers]:
        """The number of each state, and for each state that was new, in the order of its number, where it first
        stands in `states`."""
        count = states.shape[1]
        self._reserve(count)
        table, known = self._table, self._words
        found = np.empty(count, np.int64)
        fresh: list[Numbers] = []
        last = np.int64(len(table) - 1)
        pending = np.arange(count)
        probe = self._hash(states) & last
        while pending.size:
            at = table[probe]
            empty = np.flatnonzero(at < 0)
            if empty.size:
                claims = (-2 - pending[empty]).astype(np.int32)
                # Of several writes to one place the last one stays: backwards, so that the first claim wins.
                table[probe[empty][::-1]] = claims[::-1]
                won = empty[table[probe[empty]] == claims]
                winners = pending[won]
                numbers = np.arange(self.size, self.size + len(won))
                table[probe[won]] = numbers
                known[:, self.size : self.size + len(won)] = states[:, winners]
                self.size += len(won)
                fresh.append(winners)
                found[winners] = numbers
                at = table[probe]
            same = _equal(known, at, states, pending)
            found[pending[same]] = at[same]
            pending, probe = pending[~same], (probe[~same] + 1) & last
        return found, np.concatenate(fresh) if fresh else np.empty(0, np.int64)

    def find(self, states: Words) -> Numbers:
        """The number of each state, -1 for one that was never added."""
        found = np.full(states.shape[1], -1, np.int64)
        last = np.int64(len(self._table) - 1)
        pending = np.arange(states.shape[1])
        probe = self._hash(states) & last
        while pending.size:
            at = self._table[probe]
            occupied = at >= 0
            pending, probe, at = pending[occupied], probe[occupied], at[occupied]
            same = _equal(self._words, at, states, pending)
            found[pending[same]] = at[same]
            pending, probe = pending[~same], (probe[~same] + 1) & last
        return found

    def _hash(self, states: Words) -> Numbers:
        mixed = np.zeros(states.shape[1], np.uint64)
        for word, factor in zip(states, self._factors, strict=True):
            mixed += word * factor
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        return (mixed >> np.uint64(1)).view(np.int64)

    def _reserve(self, more: int) -> None:
        if self.size + more > self._words.shape[1]:
            larger = np.empty((len(self._words), 2 * (self.size + more)), np.uint64)
            larger[:, : self.size] = self.words
            self._words = larger
        if 2 * (self.size + more) > len(self._table):
            self._table = np.full(1 << (4 * (self.size + more)).bit_length(), -1, np.int32)
            pending = np.arange(self.size)
            last = np.int64(len(self._table) - 1)
            probe = self._hash(self.words) & last
            while pending.size:
                empty = self._table[probe] < 0
                self._table[probe[empty]] = pending[empty]
                left = self._table[probe] != pending
                pending, probe = pending[left], (probe[left] + 1) & last


def _equal(known: Words, at: npt.NDArray[np.int32], states: Words, rows: Numbers) -> Bools:
    """Which of the given rows of `states` equal the known state numbered `at`."""
    same = np.ones(len(rows), np.bool_)
    for old, new in zip(known, states, strict=True):
        same &= old[at] == new[rows]
    return same
