"""One system, every engine and every other tool: what each says of each rule, and that none contradicts another.

The exhaustive search is what all are compared with; on small systems it is itself compared with the definitions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.agreement.ltl import expressible, refuted_by_formula
from tests.exports.tools import decided_by_abc, spun
from tests.oracle import fair_components, reachable, shortest_violation, stuck, without_unfair
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.certificate import audit, certificate_of
from wdfmc.engines.engine import Holds, Outcome, Unknown, Violated
from wdfmc.engines.engine import Path as Run
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Ic3
from wdfmc.engines.kliveness import KLiveness
from wdfmc.engines.pairs import Pairs
from wdfmc.exports.aiger import Encoding
from wdfmc.exports.subject import Subject
from wdfmc.system.system import TemplateSystem, TransitionSystem
from wdfmc.traces.minimize import canonical
from wdfmc.traces.replay import replay

DEPTH = 9  # of bounded model checking
PATIENCE = 10.0  # seconds for k-liveness, which may leave a question open
DEFINED = 400  # states of a system that is also looked at by the definitions alone
MOST_STRONG = 4  # groups of strong fairness: each doubles what SPIN looks at
ENCODINGS: tuple[Encoding, ...] = ("binary", "one-hot")


@dataclass(frozen=True)
class Case:
    """`safety`, `owed`: the rules without and with obligations. `name`: of the system, for messages."""

    name: str
    system: TransitionSystem
    safety: tuple[str, ...]
    owed: tuple[str, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        return (*self.safety, *self.owed)

    @property
    def templates(self) -> TemplateSystem:
        assert self.system.origin is not None
        return self.system.origin

    @cached_property
    def truth(self) -> Mapping[str, Outcome]:
        return dict(Explicit().check(self.system, self.rules))

    def broken(self, rules: Iterable[str]) -> set[str]:
        return {rule for rule in rules if isinstance(self.truth[rule], Violated)}

    def opinions(self, folder: Path | None) -> Counter[str]:
        """How often each verdict was given by whom. Without a folder the other tools are not asked.

        Raises:
            AssertionError, Refuted, NotInductive: two disagree.
        """
        found: Counter[str] = Counter()
        for rule, outcome in self.truth.items():
            assert not isinstance(outcome, Unknown), (self.name, rule, outcome)
            if isinstance(outcome, Violated):
                replay(self.system, outcome.path, rule)
            found[f"explicit: {verdict(outcome)}"] += 1
        for opinion in (self.by_definition, self.by_bmc, self.by_pairs, self.by_ic3, self.by_kliveness):
            found.update(opinion())
        if folder is not None:
            for tool in (self.by_spin, self.by_formulas, self.by_abc):
                found.update(tool(folder))
        return found

    # ------------------------------------------------------------ engines

    def by_definition(self) -> Iterable[str]:
        graph = reachable(self.system, DEFINED)
        if graph is None:
            return
        lasting = without_unfair(self.system, graph)
        for rule, outcome in self.truth.items():
            obligations = [owed for owed in self.system.obligations if owed.rule == rule]
            shortest = shortest_violation(self.system, graph, rule)
            ends = [state for owed in obligations for state in stuck(self.system, graph, owed)]
            cycles = [states for owed in obligations for states in fair_components(self.system, lasting, owed)]
            refuted = shortest is not None or ends or cycles
            assert isinstance(outcome, Violated) == bool(refuted), (self.name, rule, outcome, shortest, ends, cycles)
            if isinstance(outcome, Violated) and outcome.path.end == "violation":
                assert len(outcome.path.transitions) == shortest, (self.name, rule)
            yield f"definition: {verdict(outcome)}"

    def by_bmc(self) -> Iterable[str]:
        for rule, outcome in Bmc(DEPTH).check(self.system, self.rules):
            told = self.name, rule, outcome, self.truth[rule]
            match outcome, self.truth[rule]:
                case Violated(path), Violated(other):
                    replay(self.system, path, rule)
                    assert len(path.transitions) <= len(other.transitions), told
                    if path.end == other.end == "violation":
                        assert len(path.transitions) == len(other.transitions), told
                        assert len(canonical(self.system, rule, len(path.transitions)).transitions) == len(
                            path.transitions
                        ), told
                case Unknown(depth=depth), Violated(other):
                    # The exhaustive search finds some fair cycle, not the shortest.
                    assert depth == DEPTH and (len(other.transitions) > DEPTH or other.end == "loop"), told
                case Unknown(depth=depth), Holds():
                    assert depth == DEPTH, told
                case _:
                    raise AssertionError(told)
            yield f"bmc: {verdict(outcome)}"

    def by_pairs(self) -> Iterable[str]:
        for rule, outcome in Pairs().check(self.system, self.rules):
            assert not isinstance(outcome, Violated), (self.name, rule)
            assert isinstance(outcome, Unknown) or (rule in self.safety and isinstance(self.truth[rule], Holds)), (
                self.name,
                rule,
            )
            yield f"pairs: {verdict(outcome)}"

    def by_ic3(self) -> Iterable[str]:
        for rule, outcome in Ic3().check(self.system, self.safety):
            assert type(outcome) is type(self.truth[rule]), (self.name, rule, outcome, self.truth[rule])
            match outcome:
                case Violated(path):
                    replay(self.system, path, rule)
                case Holds(invariant=invariant):
                    slots = self.system.slots
                    assert audit(self.templates, certificate_of(self.templates, invariant, frozenset([rule]), slots))
            yield f"ic3: {verdict(outcome)}"

    def by_kliveness(self) -> Iterable[str]:
        for rule, outcome in KLiveness(time.monotonic() + PATIENCE).check(self.system, self.owed):
            told = self.name, rule, outcome, self.truth[rule]
            if isinstance(outcome, Violated):
                replay(self.system, outcome.path, rule)
            assert isinstance(outcome, Unknown) or type(outcome) is type(self.truth[rule]), told
            yield f"k-liveness: {verdict(outcome)}"

    # ------------------------------------------------------------ other tools

    def by_spin(self, folder: Path) -> Iterable[str]:
        """All safety rules in one run, each other rule in one of its own."""
        guessed = sum(group.strong for group in self.system.fairness)
        groups = [self.safety, *((rule,) for rule in self.owed if guessed <= MOST_STRONG)]
        for rules in groups:
            subject = Subject(self.system, rules)
            if subject.breakable or subject.owed:
                told = spun(subject, folder).broken
                assert told == self.broken(rules), (self.name, rules, told, self.broken(rules))
                kind = "eventually" if subject.owed else "never"
                yield from (f"spin, {kind}: {'violated' if rule in told else 'proved'}" for rule in rules)

    def by_formulas(self, folder: Path) -> Iterable[str]:
        if expressible(self.system):
            for rule in self.owed:
                refuted = refuted_by_formula(self.system, rule, folder)
                assert refuted == bool(self.broken([rule])), (self.name, rule, refuted, self.truth[rule])
                yield f"spin, formula: {'violated' if refuted else 'proved'}"

    def by_abc(self, folder: Path) -> Iterable[str]:
        subject = Subject(self.system, self.safety)
        if subject.breakable:
            encoding = ENCODINGS[len(self.system.transitions) % 2]
            told = decided_by_abc(subject, encoding, folder)
            assert told == self.broken(self.safety), (self.name, encoding, told, self.broken(self.safety))
            yield from (f"abc: {'violated' if rule in told else 'proved'}" for rule in self.safety)


def verdict(outcome: Outcome) -> str:
    match outcome:
        case Violated(Run(end="violation")):
            return "violated"
        case Violated(Run(end=end)):
            return end
        case Holds():
            return "proved"
        case Unknown():
            return "open"
