"""All successors of many packed states at once.

Each literal of a guard is evaluated once for the whole batch. Transitions stand in a tree by their literals, the most
selective first, so that a transition is tried only on the states that passed the literals it shares with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from wdfmc.engines.packed import Bools, Column, Numbers, Packing, Words, admitted
from wdfmc.system.system import Count, Transition, TransitionSystem

Literal: TypeAlias = "tuple[int, int] | Count"  # (variable, mask of values), or a count


@dataclass(slots=True)
class _Node:
    transitions: list[int] = field(default_factory=list)
    children: dict[Literal, _Node] = field(default_factory=dict)


class _Copy(NamedTuple):
    """word |= table[value of source], the table being shifted to its place."""

    word: int
    source_word: int
    source_shift: np.uint64
    source_mask: np.uint64
    table: Column


class _Effect(NamedTuple):
    """word := word & keep | constant for the words that change, then the copies."""

    words: tuple[tuple[int, np.uint64, np.uint64], ...]
    copies: tuple[_Copy, ...]


class Successors(NamedTuple):
    states: Words
    source: Numbers  # the row of the batch that each one comes from
    transition: Numbers


class Expansion:
    """A system's transitions, prepared for states in a given packing."""

    def __init__(self, system: TransitionSystem, packing: Packing) -> None:
        self.system = system
        self.packing = packing
        self._root = _Node()
        self._effects = [self._effect(transition) for transition in system.transitions]
        for number, transition in enumerate(system.transitions):
            node = self._root
            literals: list[Literal] = [*sorted(transition.guard, key=self._breadth), *transition.counts]
            for literal in literals:
                node = node.children.setdefault(literal, _Node())
            node.transitions.append(number)

    def enabled(self, states: Words) -> list[tuple[int, Numbers]]:
        """(transition, rows where it is enabled) by transition number, for each that is enabled anywhere."""
        batch = _Batch(self.system, self.packing, states)
        found: list[tuple[int, Numbers]] = []

        def visit(node: _Node, rows: Numbers | None) -> None:
            for number in node.transitions:
                found.append((number, np.arange(states.shape[1]) if rows is None else rows))
            for literal, child in node.children.items():
                holds = batch.literal(literal)
                passed = np.flatnonzero(holds) if rows is None else rows[holds[rows]]
                if passed.size:
                    visit(child, passed)

        visit(self._root, None)
        found.sort(key=lambda pair: pair[0])
        return found

    def successors(self, states: Words, enabled: Iterable[tuple[int, Numbers]]) -> Successors:
        """What the given transitions make of their rows."""
        pairs = list(enabled)
        total = sum(len(rows) for _, rows in pairs)
        after = np.empty((self.packing.words, total), np.uint64)
        source = np.empty(total, np.int64)
        taken = np.empty(total, np.int64)
        start = 0
        for number, rows in pairs:
            stop = start + len(rows)
            source[start:stop] = rows
            taken[start:stop] = number
            self._execute(self._effects[number], states, rows, after[:, start:stop])
            start = stop
        return Successors(after, source, taken)

    @staticmethod
    def _execute(effect: _Effect, states: Words, rows: Numbers, after: Words) -> None:
        for old, new in zip(states, after, strict=True):
            np.take(old, rows, out=new, mode="clip")
        copied = [
            (copy.word, copy.table[((after[copy.source_word] >> copy.source_shift) & copy.source_mask).view(np.int64)])
            for copy in effect.copies
        ]
        for word, keep, constant in effect.words:
            after[word] &= keep
            if constant:
                after[word] |= constant
        for word, values in copied:
            after[word] |= values

    def _effect(self, transition: Transition) -> _Effect:
        keep: dict[int, int] = {}
        constant: dict[int, int] = {}
        copies = []
        for target, source, table in transition.updates:
            word, shift, mask = self.packing.fields[target]
            keep[word] = keep.get(word, (1 << 64) - 1) & ~(mask << shift)
            if source < 0:
                constant[word] = constant.get(word, 0) | table[0] << shift
            else:
                source_word, source_shift, source_mask = self.packing.fields[source]
                shifted = np.array(table, np.uint64) << np.uint64(shift)
                copies.append(_Copy(word, source_word, np.uint64(source_shift), np.uint64(source_mask), shifted))
        words = tuple((word, np.uint64(kept), np.uint64(constant.get(word, 0))) for word, kept in keep.items())
        return _Effect(words, tuple(copies))

    def _breadth(self, literal: tuple[int, int]) -> tuple[bool, float, int, int]:
        """How much of the states a literal is likely to let through: most variables are mostly as they start."""
        number, mask = literal
        variable = self.system.variables[number]
        return bool(mask >> variable.initial & 1), mask.bit_count() / len(variable.domain), number, mask


class _Batch:
    """The literals of a batch of states, evaluated when first needed."""

    def __init__(self, system: TransitionSystem, packing: Packing, states: Words) -> None:
        self._system = system
        self._packing = packing
        self._states = states
        self._columns: dict[int, Numbers] = {}
        self._literals: dict[Literal, Bools] = {}

    def literal(self, literal: Literal) -> Bools:
        holds = self._literals.get(literal)
        if holds is None:
            holds = self._count(literal) if isinstance(literal, Count) else self._holding(*literal)
            self._literals[literal] = holds
        return holds

    def _holding(self, variable: int, mask: int) -> Bools:
        column = self._columns.get(variable)
        if column is None:
            column = self._columns[variable] = self._packing.column(self._states, variable)
        return admitted(column, mask, len(self._system.variables[variable].domain))

    def _count(self, count: Count) -> Bools:
        number = np.zeros(self._states.shape[1], np.int16)
        for alternatives in count.entities:
            holds = np.zeros(self._states.shape[1], np.bool_)
            for cube in alternatives:
                holds |= self._all(self.literal(literal) for literal in cube)
            number += holds
        return (number >= count.low) & (number <= count.high)

    def _all(self, literals: Iterator[Bools]) -> Bools:
        every = np.ones(self._states.shape[1], np.bool_)
        for holds in literals:
            every &= holds
        return every
