"""From proofs for so many requests to proofs for any number: the rules of one instance, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias

from wdfmc.engines import eventually
from wdfmc.engines.anynumber import Patience
from wdfmc.engines.certificate import Certificate
from wdfmc.engines.certificate import audit as proves
from wdfmc.engines.engine import Path
from wdfmc.engines.eventually import Missing
from wdfmc.engines.shrinking import shrunk
from wdfmc.proofs import Proofs
from wdfmc.system.lemma import Lemma
from wdfmc.system.named import Invariant, Stop, carried, named
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.system import TemplateSystem
from wdfmc.system.writers import spoken_of, with_writers

Lemmas: TypeAlias = "tuple[TemplateSystem, tuple[Lemma, ...]]"  # of a slice

PATIENCE: Final[Sequence[Patience]] = "some", "much"  # for lemmas of "eventually"


@dataclass(slots=True)
class Widening:
    """What is found out about rules that hold for some number of requests.

    `system`: of the instance. `contracts`: at whose breach a run ends. `intact`: those that hold for that number; every
    verdict relies on them, and `insecure` are those that are not proved for more.

    `widened`: the rules that hold for any number. `larger`: runs of more requests, on a slice, that break a rule.
    `reasons`: why not, for the others. `invariants`: of the rules that are widened, if `evidence` is asked for, each
    with the rules whose slice it is about.
    """

    system: TemplateSystem
    contracts: frozenset[str]
    intact: frozenset[str]
    stops: tuple[Stop, ...]
    evidence: bool
    deadline: float
    proofs: Proofs
    insecure: list[str] = field(default_factory=list)
    widened: set[str] = field(default_factory=set)
    larger: dict[str, tuple[int, Path, Slice]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    invariants: dict[str, tuple[Slice, tuple[Invariant, ...]]] = field(default_factory=dict)
    _found: Lemmas | None = None  # all of the first group: candidates for the next ones
    _proved: Lemmas | None = None  # what was needed last

    def safety(self, groups: Sequence[Sequence[str]]) -> None:
        """The first group is tried together with all contracts."""
        for number, group in enumerate(groups):
            part = sliced(self.system, frozenset(group), self.contracts)
            breakable = {item.violates for item in part.system.templates if item.violates is not None}
            wanted = self.intact.union(group) if number == 0 else frozenset(group)
            asked = sorted(breakable & wanted)
            known = tuple(carried(*self._found, part.system)) if self._found else ()
            certified = self.proofs.about(part.system, asked, self.deadline, known, needed=self.intact)
            proof, certificates = certified.proof, certified.certificates
            free = sorted(set(group).difference(asked))  # no transition at all can break them
            self.widened.update(free, *(each.goals for each in certificates))
            self.larger |= {rule: (requests, path, part) for rule, (requests, path) in proof.violated.items()}
            if number == 0:
                self.insecure = sorted(self.intact.intersection(asked) - self.widened)
                self._found = part.system, proof.lemmas
            needed = tuple(dict.fromkeys(lemma for each in certificates for lemma in each.lemmas))
            self._proved = spoken_of(part.system, needed), needed
            self.reasons |= dict.fromkeys(set(asked) - self.widened, Missing.LEMMAS.value)
            if self.evidence:
                invariants = [Invariant(tuple(free), ())] if free else []
                invariants += [self.explained(part.system, each) for each in certificates]
                self.invariants |= dict.fromkeys(group, (part, tuple(invariants)))

    def liveness(self, rules: Sequence[str]) -> None:
        """One after the other: what helped to prove one often helps with the next. More patience only after all."""
        left = rules
        for patience in PATIENCE:
            left = [rule for rule in left if self._argued(rule, patience) is Missing.LEMMAS]

    def _argued(self, rule: str, patience: Patience) -> Missing | None:
        """None if there is nothing to try again."""
        part = sliced(self.system, frozenset([rule]), self.contracts)
        system = with_writers(part.system)
        once = self._never_twice(rule, part)
        if once is None:
            return None
        if not eventually.obligations(system, rule):
            self.widened.add(rule)  # nothing is ever owed
            return None
        known = tuple(carried(*self._proved, system)) if self._proved else ()
        proof = eventually.prove(system, rule, self.deadline, known, patience)
        if isinstance(proof, Missing):
            self.reasons[rule] = proof.value
            return proof
        self.widened.add(rule)
        self._proved = system, proof.certificate.lemmas
        if self.evidence:
            argued = self.named(part.system, joined(proof.certificate, *once), (rule,))
            self.invariants[rule] = part, (argued, *self._contracts(part))
        return None

    def _never_twice(self, rule: str, part: Slice) -> tuple[Certificate, ...] | None:
        """Proofs that nothing breaks the rule at once, as `exactly once` can be broken; None if there are none."""
        if all(template.violates != rule for template in part.system.templates):
            return ()
        known = tuple(carried(*self._found, part.system)) if self._found else ()
        certified = self.proofs.about(part.system, [rule], self.deadline, known)
        for broken, (requests, path) in certified.proof.violated.items():
            self.larger[broken] = requests, path, part
        if rule in certified.goals:
            return certified.certificates
        self.reasons[rule] = Missing.LEMMAS.value
        return None

    def _contracts(self, part: Slice) -> Iterator[Invariant]:
        """Of a slice on which no rule about states was decided."""
        asked = self.intact & {item.violates for item in part.system.templates if item.violates is not None}
        known = tuple(carried(*self._found, part.system)) if self._found else ()
        for certificate in self.proofs.about(part.system, sorted(asked), self.deadline, known).certificates:
            yield self.explained(part.system, certificate)

    def explained(self, system: TemplateSystem, certificate: Certificate) -> Invariant:
        """The invariant of a certificate, with few lemmas."""
        spoken = spoken_of(system, certificate.lemmas, certificate.followed)
        small = shrunk(spoken, certificate, self.deadline)
        kept = small if proves(spoken, small, self.deadline) else certificate
        return self.named(system, kept, tuple(sorted(kept.goals)))

    def named(self, system: TemplateSystem, certificate: Certificate, goals: tuple[str, ...]) -> Invariant:
        """`system`: without ghosts."""
        system = spoken_of(system, certificate.lemmas, certificate.followed)
        lemmas = tuple(named(system, lemma) for lemma in certificate.lemmas)
        labels = {str(v) for lemma in lemmas for c in lemma.conditions for v in (*c.values, *c.excluded)}
        stops = tuple(stop for stop in self.stops if stop.label in labels)
        looked_into = tuple(system.variables[at].name for at in certificate.followed)
        return Invariant(goals, lemmas, looked_into, stops)


def joined(*certificates: Certificate) -> Certificate:
    """Of one system, whose numbers of variables they share; what each of them proves, all prove together."""
    lemmas = dict.fromkeys(chain(*(each.lemmas for each in certificates)))
    looked_into = dict.fromkeys(chain(*(each.followed for each in certificates)))
    goals = frozenset[str]().union(*(each.goals for each in certificates))
    return Certificate(goals, tuple(lemmas), None, tuple(looked_into))
