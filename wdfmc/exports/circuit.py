"""A transition system as an and-inverter graph with latches: values, conditions, steps.

Values are encoded in binary, or one-hot with a latch for each value. All latches start at 0, which every checker reads:
codes are taken relative to the initial value. Inputs choose the transition; if the chosen one is not enabled the state
stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

from wdfmc.system.system import Count, Cube, Transition, TransitionSystem, Variable

Encoding: TypeAlias = Literal["binary", "one-hot"]
Literals: TypeAlias = list[int]  # even: a node, odd: its negation

FALSE: Final = 0
TRUE: Final = 1


class Graph:
    """Nodes in the order that AIGER wants: inputs, latches, then gates, each after what it reads."""

    def __init__(self, inputs: int, latches: int) -> None:
        self.first = inputs + latches + 1
        self.gates: list[tuple[int, int]] = []
        self.known: dict[tuple[int, int], int] = {}

    def both(self, one: int, other: int) -> int:
        if one < other:
            one, other = other, one
        if other == FALSE or one == other ^ 1:
            return FALSE
        if other == TRUE or one == other:
            return one
        found = self.known.get((one, other))
        if found is None:
            found = self.known[one, other] = 2 * (self.first + len(self.gates))
            self.gates.append((one, other))
        return found

    def every(self, literals: Iterable[int]) -> int:
        """Of a sorted list, so that what is shared is found, as a balanced tree."""
        layer = sorted(set(literals)) or [TRUE]
        while len(layer) > 1:
            pairs = [self.both(*layer[at : at + 2]) for at in range(0, len(layer) - 1, 2)]
            layer = pairs + layer[len(layer) - len(layer) % 2 :]
        return layer[0]

    def some(self, literals: Iterable[int]) -> int:
        return self.every(literal ^ 1 for literal in literals) ^ 1

    def either(self, condition: int, then: int, otherwise: int) -> int:
        return self.some((self.both(condition, then), self.both(condition ^ 1, otherwise)))


class Circuit:
    """The states of a system and its steps.

    `bits`: of each variable the latches, as nodes. `moves`: the transitions that may be chosen. `guesses`, `memory`:
    the literals of inputs and latches beside those of the system.

    Args:
        idle: there are inputs with which nothing is taken, whatever is enabled.
    """

    def __init__(
        self, system: TransitionSystem, encoding: Encoding, *, guesses: int = 0, memory: int = 0, idle: bool = False
    ) -> None:
        self.system = system
        self.encoding = encoding
        self.moves = [one for one in self.system.transitions if one.violates is None]
        self.choices = (len(self.moves) - (not idle)).bit_length() if self.moves else 0
        self.inputs = self.choices + guesses
        self.guesses = [2 * (self.choices + 1 + at) for at in range(guesses)]
        self.bits: list[list[int]] = []
        node = self.inputs + 1
        for variable in self.system.variables:
            latches = len(self.codes(variable))
            self.bits.append(list(range(node, node + latches)))
            node += latches
        self.memory = [2 * (node + at) for at in range(memory)]
        self.latches = node + memory - 1 - self.inputs
        self.graph = Graph(self.inputs, self.latches)
        self.values = [self.decoded(number) for number in range(len(self.bits))]

    # ------------------------------------------------------------ encodings

    def codes(self, variable: Variable) -> list[int]:
        """For each latch the mask of the values with which it is 1. It is 0 with the initial one."""
        size, start = len(variable.domain), variable.initial
        if self.encoding == "one-hot" and size > 2:
            full = (1 << size) - 1
            return [full & ~(1 << value) if value == start else 1 << value for value in range(size)]
        return [
            sum(1 << value for value in range(size) if (value ^ start) >> bit & 1)
            for bit in range((size - 1).bit_length())
        ]

    def decoded(self, number: int) -> Literals:
        """A literal for each value of a variable."""
        variable = self.system.variables[number]
        size, start = len(variable.domain), variable.initial
        latches = [2 * node for node in self.bits[number]]
        if self.encoding == "one-hot" and size > 2:
            return [literal ^ (value == start) for value, literal in enumerate(latches)]
        return [
            self.graph.every(literal ^ (1 ^ (value ^ start) >> bit & 1) for bit, literal in enumerate(latches))
            for value in range(size)
        ]

    # ------------------------------------------------------------ conditions

    def member(self, variable: int, mask: int) -> int:
        values = self.values[variable]
        if mask.bit_count() * 2 <= len(values):
            return self.graph.some(values[value] for value in range(len(values)) if mask >> value & 1)
        return self.graph.every(values[value] ^ 1 for value in range(len(values)) if not mask >> value & 1)

    def cube(self, cube: Cube) -> int:
        return self.graph.every(self.member(variable, mask) for variable, mask in cube)

    def count(self, count: Count) -> int:
        entities = [self.graph.some(self.cube(cube) for cube in cubes) for cubes in count.entities]
        most = min(count.high + 1, len(entities) + 1)
        reached = [TRUE, *([FALSE] * max(most, count.low))]  # reached[k]: k or more of those seen so far
        for entity in entities:
            for number in range(len(reached) - 1, 0, -1):
                more = self.graph.both(entity, reached[number - 1])
                reached[number] = self.graph.some((reached[number], more))
        too_many = reached[count.high + 1] if count.high < len(entities) else FALSE
        return self.graph.both(reached[count.low], too_many ^ 1)

    def enabled(self, transition: Transition) -> int:
        counts = (self.count(count) for count in transition.counts)
        return self.graph.every((self.cube(transition.guard), *counts))

    # ------------------------------------------------------------ the circuit

    def chosen(self, number: int) -> int:
        """The inputs name this one of the moves. Codes beyond the last one name none."""
        return self.named(number, [2 * (bit + 1) for bit in range(self.choices)])

    def named(self, number: int, inputs: Literals) -> int:
        return self.graph.every(literal ^ (1 ^ number >> bit & 1) for bit, literal in enumerate(inputs))

    def taken(self, number: int) -> int:
        return self.graph.both(self.chosen(number), self.enabled(self.moves[number]))

    def following(self) -> list[Literals]:
        """The next value of each latch of each variable."""
        written: list[Literals] = [[] for _ in self.values]
        reaching: list[list[Literals]] = [[[] for _ in values] for values in self.values]
        for number, transition in enumerate(self.moves):
            if not transition.updates:
                continue
            taken = self.taken(number)
            admitted = dict(transition.guard)
            for target, source, table in transition.updates:
                written[target].append(taken)
                if source < 0:
                    reaching[target][table[0]].append(taken)
                    continue
                for new in set(table):
                    olds = sum(1 << old for old, image in enumerate(table) if image == new)
                    olds &= admitted.get(source, olds)
                    if olds:
                        reaching[target][new].append(self.graph.both(taken, self.member(source, olds)))
        return [self.latched(at, written[at], reaching[at]) for at in range(len(self.values))]

    def latched(self, number: int, written: Literals, reaching: Sequence[Literals]) -> Literals:
        arriving = [self.graph.some(literals) for literals in reaching]
        anything = self.graph.some(written)
        return [
            self.graph.either(
                anything,
                self.graph.some(literal for value, literal in enumerate(arriving) if mask >> value & 1),
                2 * node,
            )
            for node, mask in zip(self.bits[number], self.codes(self.system.variables[number]), strict=True)
        ]

    def bad(self, rule: str) -> int:
        return self.graph.some(self.enabled(one) for one in self.system.transitions if one.violates == rule)
