"""Reading and running AIGER files, written from the format's description alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True)
class Circuit:
    """`following`: the literal of each latch's next value. `gates`: the two inputs of each, in order.

    `justice`: the literals of each justice property.
    """

    inputs: int
    latches: int
    following: tuple[int, ...]
    bad: tuple[int, ...]
    justice: tuple[tuple[int, ...], ...]
    fairness: tuple[int, ...]
    gates: tuple[tuple[int, int], ...]
    symbols: dict[str, str]

    def step(self, latches: Sequence[bool], inputs: Sequence[bool]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """The next values of the latches, and the bad literals now."""
        return self.values(self.following, latches, inputs), self.values(self.bad, latches, inputs)

    def values(
        self, literals: Sequence[int], latches: Sequence[bool], inputs: Sequence[bool]
    ) -> tuple[bool, ...]:  # fmt: skip
        values = [False, *inputs, *latches]

        def value(literal: int) -> bool:
            return values[literal >> 1] != bool(literal & 1)

        for one, other in self.gates:
            values.append(value(one) and value(other))
        return tuple(map(value, literals))


def read(text: bytes) -> Circuit:
    head, rest = text.split(b"\n", 1)
    magic, *numbers = head.split()
    assert magic == b"aig"
    most, inputs, latches, outputs, gates, bad, constraints, justice, fairness = map(int, [*numbers, 0, 0, 0][:9])
    assert most == inputs + latches + gates
    assert outputs == constraints == 0
    *lines, rest = rest.split(b"\n", latches + bad + justice)
    sizes = [int(line) for line in lines[latches + bad :]]
    *more, rest = rest.split(b"\n", sum(sizes) + fairness)
    literals = [int(line) for line in (*lines[: latches + bad], *more)]
    assert all(literal <= 2 * most + 1 for literal in literals)
    left = iter(literals)
    following, wrong = tuple(islice(left, latches)), tuple(islice(left, bad))
    just = tuple(tuple(islice(left, size)) for size in sizes)
    fair = tuple(left)
    packed = iter(rest)

    def delta() -> int:
        number = shift = 0
        for byte in packed:
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return number
        raise AssertionError("the file ends within a number")

    found = []
    for node in range(2 * (inputs + latches + 1), 2 * (most + 1), 2):
        one = node - delta()
        other = one - delta()
        assert node > one >= other >= 0
        found.append((one, other))
    symbols, _, comment = bytes(packed).decode().partition("c\n")
    assert comment
    return Circuit(
        inputs,
        latches,
        following,
        wrong,
        just,
        fair,
        tuple(found),
        dict(line.split(" ", 1) for line in symbols.splitlines()),
    )
