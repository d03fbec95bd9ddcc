"""AIGER 1.9, binary (Biere, Heljanko, Wieringa, 2011): and-inverter graphs with latches, and a property for each rule.

A bad literal holds in the states in which a transition that violates its rule is enabled, so a counterexample is
shorter than a trace by that last step. Rules on "eventually" have a justice property (`justice`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wdfmc.exports.circuit import Encoding
from wdfmc.exports.justice import Justice
from wdfmc.exports.subject import Subject


def aiger(subject: Subject, encoding: Encoding) -> bytes:
    return _File(subject, encoding).written()


class _File:
    """`bad`: the rules that have a bad literal, those on "eventually" only where some transition violates them."""

    def __init__(self, subject: Subject, encoding: Encoding) -> None:
        self.subject = subject
        self.encoding = encoding
        self.justice = Justice(subject, encoding)
        self.circuit = self.justice.circuit
        self.bad = [rule for rule in subject.rules if rule not in subject.owed or rule in subject.breakable]

    def symbols(self) -> Iterator[str]:
        circuit = self.circuit
        added = list(self.justice.symbols())
        inputs = [f"transition[{bit}]" for bit in range(circuit.choices)]
        latches = []
        for variable in circuit.system.variables:
            for mask in circuit.codes(variable):
                inside = [value for number, value in enumerate(variable.domain) if mask >> number & 1]
                latches.append(f"{variable.name} in {{{','.join(inside)}}}")
        kinds = {
            "i": [*inputs, *(name for what, name in added if what == "i")],
            "l": [*latches, *(name for what, name in added if what == "l")],
            "b": self.bad,
            "j": self.subject.owed,
            "f": [name for name, _ in self.justice.constraints()],
        }
        for kind, names in kinds.items():
            yield from (f"{kind}{at} {name}" for at, name in enumerate(names))

    def written(self) -> bytes:
        circuit = self.circuit
        following = [literal for literals in circuit.following() for literal in literals] + self.justice.following()
        bad = [circuit.bad(rule) for rule in self.bad]
        just = [self.justice.property(rule) for rule in self.subject.owed]
        fair = [literal for _, literal in self.justice.constraints()]
        gates = circuit.graph.gates
        most = circuit.inputs + circuit.latches + len(gates)
        numbers = [most, circuit.inputs, circuit.latches, 0, len(gates), len(bad)]
        numbers += [0, len(just), len(fair)] if just else []
        sizes = [1] * len(just)
        head = [" ".join(["aig", *map(str, numbers)]), *map(str, (*following, *bad, *sizes, *just, *fair))]
        packed = bytearray()
        for at, (one, other) in enumerate(gates):
            packed += delta(2 * (circuit.graph.first + at) - one)
            packed += delta(one - other)
        tail = [*self.symbols(), "c", *self.subject.notes(), f"values: {self.encoding}"]
        return b"".join((lines(head), bytes(packed), lines(tail)))


def delta(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def lines(texts: Iterable[str]) -> bytes:
    return "".join(text + "\n" for text in texts).encode()
