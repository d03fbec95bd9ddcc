""" "Eventually" in AIGER 1.9: a justice property for each rule, and what is fair as fairness constraints.

Inputs guess from when on which obligation stays owed, and which strong groups are never enabled again. Latches remember
the guesses, and one, `refuted`, that a guess was wrong; after the first guess, so does a step that may happen only
finitely often. A justice property says that an obligation of its rule was guessed. The fairness constraints say that no
guess is refuted, that a weak group is disabled or its actor takes a step, and that a strong one takes a step or was
guessed to be never enabled again. On some run all of this holds again and again just if the rule can be broken. Inputs
may name no transition, and then the state stays: so stuck states are among these runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.exports.circuit import Circuit, Encoding, Literals
from wdfmc.exports.subject import Subject
from wdfmc.system.system import FairGroup, Obligation


class Justice:
    """The circuit of a subject's system with guesses about the rules that ask for something eventually, if any."""

    def __init__(self, subject: Subject, encoding: Encoding) -> None:
        self.subject = subject
        self.system = subject.system
        self.owed = [owed for owed in self.system.obligations if owed.rule in subject.owed]
        self.groups = list(enumerate(self.system.fairness)) if self.owed else []
        strong = [number for number, group in self.groups if group.strong]
        bits = len(self.owed).bit_length()
        memory = len(self.owed) + len(strong) + 1 if self.owed else 0
        self.circuit = Circuit(self.system, encoding, guesses=bits + len(strong), memory=memory, idle=bool(self.owed))
        self.which, self.swears = self.circuit.guesses[:bits], self.circuit.guesses[bits:]
        self.watched = self.circuit.memory[: len(self.owed)]
        self.gone = dict(zip(strong, self.circuit.memory[len(self.owed) :], strict=False))

    def symbols(self) -> Iterator[tuple[str, str]]:
        """(what, name) of the inputs and latches that are added; what is `i` or `l`."""
        yield from (("i", f"owed from now on[{bit}]") for bit in range(len(self.which)))
        yield from (("i", f"never again: {self.told(number)}") for number in self.gone)
        yield from (("l", f"stays owed: {self.system.variables[owed.variable].name}") for owed in self.owed)
        yield from (("l", f"never again: {self.told(number)}") for number in self.gone)
        if self.owed:
            yield "l", "refuted"

    def told(self, number: int) -> str:
        group: FairGroup = self.system.fairness[number]
        actor = self.system.actors[group.actor]
        return f"{actor} acquires {group.lock}" if group.strong else actor

    # ------------------------------------------------------------ the guesses

    def following(self) -> Literals:
        """The next values of the latches that are added."""
        if not self.owed:
            return []
        graph = self.circuit.graph
        undecided = graph.every(literal ^ 1 for literal in self.watched)
        watched = [
            graph.some((literal, graph.both(undecided, self.circuit.named(number, self.which))))
            for number, literal in enumerate(self.watched, 1)
        ]
        gone = [graph.some(guess) for guess in zip(self.gone.values(), self.swears, strict=True)]
        return [*watched, *gone, graph.some((self.circuit.memory[-1], self.wrong()))]

    def wrong(self) -> int:
        """A guess is refuted now."""
        graph = self.circuit.graph
        rare = graph.some(
            self.circuit.taken(number) for number, one in enumerate(self.circuit.moves) if not one.lasting
        )
        ended = (
            graph.both(literal, self.pending(owed) ^ 1) for literal, owed in zip(self.watched, self.owed, strict=True)
        )
        again = (graph.both(literal, self.able(number)) for number, literal in self.gone.items())
        return graph.some((graph.both(graph.some(self.watched), rare), *ended, *again))

    def pending(self, owed: Obligation) -> int:
        return self.circuit.member(owed.variable, owed.pending)

    # ------------------------------------------------------------ properties

    def property(self, rule: str) -> int:
        return self.circuit.graph.some(
            literal for literal, owed in zip(self.watched, self.owed, strict=True) if owed.rule == rule
        )

    def constraints(self) -> Iterator[tuple[str, int]]:
        """(name, literal): what holds again and again on a fair run."""
        if self.owed:
            yield "no guess is refuted", self.circuit.memory[-1] ^ 1
        for number, group in self.groups:
            met = self.gone[number] if group.strong else self.able(number) ^ 1
            yield f"fair to {self.told(number)}", self.circuit.graph.some((met, self.served(number)))

    def able(self, number: int) -> int:
        """Some transition of the group is enabled, be it one that violates a rule."""
        members = (one for one in self.system.transitions if one.fairness == number)
        return self.circuit.graph.some(map(self.circuit.enabled, members))

    def served(self, number: int) -> int:
        group = self.system.fairness[number]
        return self.circuit.graph.some(
            self.circuit.taken(at)
            for at, one in enumerate(self.circuit.moves)
            if (one.fairness == number if group.strong else one.actor == group.actor)
        )
