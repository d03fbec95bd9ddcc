"""Reading and running AIGER files, written from the format's description alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Circuit:
    """`following`: the literal of each latch's next value. `gates`: the two inputs of each, in order."""

    inputs: int
    latches: int
    following: tuple[int, ...]
    bad: tuple[int, ...]
    gates: tuple[tuple[int, int], ...]
    symbols: dict[str, str]

    def step(self, latches: Sequence[bool], inputs: Sequence[bool]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """The next values of the latches, and the bad literals now."""
        values = [False, *inputs, *latches]

        def value(literal: int) -> bool:
            return values[literal >> 1] != bool(literal & 1)

        for one, other in self.gates:
            values.append(value(one) and value(other))
        return tuple(map(value, self.following)), tuple(map(value, self.bad))


def read(text: bytes) -> Circuit:
    head, rest = text.split(b"\n", 1)
    magic, *numbers = head.split()
    assert magic == b"aig"
    most, inputs, latches, outputs, gates, bad = map(int, numbers)
    assert most == inputs + latches + gates
    assert outputs == 0
    lines = rest.split(b"\n", latches + bad)
    packed = iter(lines.pop())
    literals = [int(line) for line in lines]
    assert all(literal <= 2 * most + 1 for literal in literals)

    def delta() -> int:
        number = shift = 0
        for byte in packed:
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return number
        raise AssertionError("the file ends within a number")

    found = []
    for left in range(2 * (inputs + latches + 1), 2 * (most + 1), 2):
        one = left - delta()
        other = one - delta()
        assert left > one >= other >= 0
        found.append((one, other))
    symbols, _, comment = bytes(packed).decode().partition("c\n")
    assert comment
    return Circuit(
        inputs,
        latches,
        tuple(literals[:latches]),
        tuple(literals[latches:]),
        tuple(found),
        dict(line.split(" ", 1) for line in symbols.splitlines()),
    )
