"""Checks a certificate again, in a fresh process: nothing of the search that led to it is trusted.

The model is lowered again. An invariant is proved again by z3 from the templates (`engines.certificate`). The steps of
a trace are looked for among the transitions of the unreduced system; the run that prints so is executed by `step` on
the slice and on the unreduced system, and followed by the interpreter of the typed program.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wdfmc import __version__
from wdfmc.checking import Goal, Model, Options, loaded, with_target
from wdfmc.decide import Breaches, Decision, Instance, lowered
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.engines.certificate import Certificate as Proof
from wdfmc.engines.certificate import NotInductive, audit
from wdfmc.engines.engine import Path as Run
from wdfmc.engines.eventually import argue
from wdfmc.engines.smtlib import NotWritable, script
from wdfmc.reports.json import step_object
from wdfmc.saved import Certificate, Checked, Claim, Standing, digest_of
from wdfmc.source import Source
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, OutOfTime
from wdfmc.system.named import Invariant, NoSuchName, number_of, numbered, resolved
from wdfmc.system.paths import NotExpressible
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.step import NotEnabled, step
from wdfmc.system.system import Ref, State, TemplateSystem, TransitionSystem
from wdfmc.system.writers import with_more_and_more_writers
from wdfmc.traces.explain import NotLiftable, lines
from wdfmc.traces.replay import Refuted
from wdfmc.verdict import Basis, Word


def model_of(certificate: Certificate, path: Path | Source) -> tuple[Model, list[Diagnostic]]:
    """The model that a certificate is about, and warnings.

    Raises:
        Rejected: a text is wrong, or is not the one that was checked.
    """
    options = Options(specs=tuple(map(Path, certificate.specs)), rules=certificate.rules, target=certificate.target)
    models, found = loaded([path], options)
    wrong = [item for item in found if item.severity is Severity.ERROR]
    if wrong:
        raise Rejected(wrong)
    (model,) = models
    changed = [
        now.name for now, (_, digest) in zip(model.texts, certificate.texts, strict=False) if digest_of(now) != digest
    ]
    if changed or len(model.texts) != len(certificate.texts):
        which = ", ".join(f"`{name}`" for name in changed) or "the number of texts"
        advice = "check the model again: `wdfmc check MODEL --save-certificate FILE`"
        message = f"this is not what the certificate is about: {which} changed since"
        raise Rejected([Diagnostic("WDF909", message, help=advice)])
    return model, list(found) + other_version(certificate)


def other_version(certificate: Certificate) -> list[Diagnostic]:
    """A warning only: all is proved and executed again, by the version that runs."""
    if certificate.version == __version__:
        return []
    message = f"the certificate was written by wdfmc {certificate.version}, this is {__version__}"
    return [Diagnostic("WDF912", message, severity=Severity.WARNING)]


def certified(certificate: Certificate, model: Model, deadline: float | None) -> Iterator[Checked]:
    """Every claim, in the order of the file."""
    checking = _Checking(certificate, model, deadline)
    for claim in certificate.claims:
        started = time.monotonic()
        standing, reason = checking.checked(claim)
        yield Checked(claim, standing, reason, time.monotonic() - started)


class _Wrong(Exception):
    """A claim does not hold; the message says why."""


@dataclass
class _Checking:
    certificate: Certificate
    model: Model
    deadline: float | None
    instances: list[tuple[Basis, Instance]] = field(default_factory=list)
    slices: list[tuple[Basis, Slice]] = field(default_factory=list)
    proved: list[tuple[Basis, frozenset[str]]] = field(default_factory=list)

    def checked(self, claim: Claim) -> tuple[Standing, str | None]:
        try:
            if claim.basis is None:
                return Standing.OPEN, unsupported(claim)
            if claim.verdict == Word.PROVED and claim.requests == "any":
                self.prove(claim, claim.basis)
                return Standing.CERTIFIED, None
            if claim.verdict == Word.VIOLATED and claim.trace is not None and isinstance(claim.requests, int):
                self.replay(claim, claim.basis, claim.trace, claim.requests)
                return Standing.REPLAYED, None
            return Standing.OPEN, unsupported(claim)
        except (OutOfTime, TimeoutError, _Late):
            return Standing.OPEN, "out of time"
        except (_Wrong, NoSuchName, NotExpressible, NotInductive, Refuted, NotLiftable) as error:
            words = f"the model has no such name: {error}" if isinstance(error, NoSuchName) else str(error)
            return Standing.REFUTED, words

    # ------------------------------------------------------------ proofs

    def prove(self, claim: Claim, basis: Basis) -> None:
        instance = self.instance(basis)
        rule = instance.program.rules.get(claim.rule)
        if claim.rule not in basis.part:
            raise _Wrong("what was saved proves nothing about this rule")
        broken = set(claim.under)
        if MODEL_BOUND in broken or not broken <= instance.contracts:
            raise _Wrong("it relies on the breach of what is no contract")
        shown = {other.rule for other in self.certificate.claims if other.verdict == Word.VIOLATED and other.trace}
        if not broken <= shown:
            raise _Wrong(f"it relies on breaches without a trace: {', '.join(sorted(broken - shown))}")
        part = self.slice(basis)
        violated = {template.violates for template in part.system.templates} - {None}
        needed = violated & ({claim.rule} | instance.contracts.difference(broken))
        needed |= {claim.rule} if rule is not None and rule.liveness else set()
        missing = needed - self.goals(basis)
        for other in self.beside(basis):  # what no run of one slice breaks, no run of the whole system breaks
            if missing:
                missing -= self.goals(other)
        if missing:
            raise _Wrong(f"no invariant excludes a violation of {', '.join(sorted(map(str, missing)))}")

    def beside(self, basis: Basis) -> Iterator[Basis]:
        """The bases that are about other slices of the same system."""
        for claim in self.certificate.claims:
            other = claim.basis
            if other is not None and other != basis and lowering_of(other) == lowering_of(basis):
                yield other

    def goals(self, basis: Basis) -> frozenset[str]:
        """The rules that the invariants of a basis prove, each after its audit."""
        for known, goals in self.proved:
            if known == basis:
                return goals
        rules = self.instance(basis).program.rules
        proved: frozenset[str] = frozenset()
        for invariant in basis.invariants:
            live = [goal for goal in invariant.goals if goal in rules and rules[goal].liveness]
            system = system_of(self.slice(basis), invariant, bool(live))
            proof = proof_of(system, invariant)
            if not audit(system, proof, self.deadline):
                raise _Late
            for goal in live:
                if not argue(system, goal, proof.lemmas, self.deadline):
                    raise _Wrong(f"the lemmas are not enough to argue that {goal} holds")
            proved |= proof.goals
        self.proved.append((basis, proved))
        return proved

    # ------------------------------------------------------------ traces

    def replay(self, claim: Claim, basis: Basis, trace: Mapping[str, Any], requests: int) -> None:
        instance = replace(self.instance(basis), requests=requests)
        names = {now.name: name for now, (name, _) in zip(self.model.texts, self.certificate.texts, strict=True)}
        part = self.slice(basis)
        small = instantiate(part.system, requests)
        run = _Printing(instance.full, part, small, claim.rule, names).run(trace, claim.depth)
        goal = Goal(claim.rule, basis.target, None)
        decision = Decision(instance, [goal], Options(requests=requests), None, 0.0, Breaches())
        decision.audited(claim.rule, run, part, small)

    # ------------------------------------------------------------ the system

    def instance(self, basis: Basis) -> Instance:
        """Raises OutOfTime, NotExpressible."""
        for known, instance in self.instances:
            if lowering_of(known) == lowering_of(basis):
                return instance
        unknown = sorted({*basis.rules, *basis.part} - set(self.model.program.rules))
        if unknown:
            raise NoSuchName(f"the rule `{unknown[0]}`")
        program = with_target(self.model.program, basis.target, self.certificate.target is not None)
        goals = [Goal(rule, basis.target, None) for rule in basis.rules]
        instance = lowered(program, goals, Options(), basis.overlaps, self.deadline)
        self.instances.append((basis, instance))
        return instance

    def slice(self, basis: Basis) -> Slice:
        for known, part in self.slices:
            if known == basis:
                return part
        instance = self.instance(basis)
        part = sliced(instance.system, frozenset(basis.part), instance.contracts)
        self.slices.append((basis, part))
        return part


def lowering_of(basis: Basis) -> tuple[str, tuple[str, ...], Mapping[str, int]]:
    """What decides which system a basis is about."""
    return basis.target, basis.rules, basis.overlaps


def system_of(part: Slice, invariant: Invariant, live: bool) -> TemplateSystem:
    """What lemmas speak of: arguments for "eventually" need last-writer ghosts, and other proofs may.

    Raises NoSuchName.
    """
    plain, *ghostly = with_more_and_more_writers(part.system)
    spoken = {condition.variable for lemma in invariant.lemmas for condition in lemma.conditions}
    spoken |= set(invariant.followed)
    for system in ghostly if live else (plain, *ghostly):
        missing = spoken - numbered(system).keys()
        if not missing:
            return system
    raise NoSuchName(f"`{min(missing)}`")


class _Late(Exception):
    """z3 ran out of time."""


def unsupported(claim: Claim) -> str:
    """Why there is nothing to check a claim by."""
    if claim.verdict in (Word.PROVED, Word.VACUOUS):
        how = "exhaustive search" if claim.engine == "explicit" else f"nothing is kept of engine {claim.engine}"
        return f"{how}; run check again"
    return f"{claim.verdict}: {claim.reason}" if claim.reason else claim.verdict


def proof_of(system: TemplateSystem, invariant: Invariant) -> Proof:
    """Raises NoSuchName."""
    numbers = numbered(system)
    followed = tuple(number_of(numbers, name) for name in invariant.followed)
    for at in followed:
        variable = system.variables[at]
        if variable.owned or not any(isinstance(value, Ref) and value.slot is not None for value in variable.domain):
            raise NoSuchName(f"`{variable.name}` as a shared reference")
    lemmas = tuple(resolved(system, lemma) for lemma in invariant.lemmas)
    return Proof(frozenset(invariant.goals), lemmas, None, followed)


class _Printing:
    """Runs of the slice of which a run of the unreduced system prints as a trace.

    Args:
        rule: that the trace breaks.
        names: of the texts, as the trace has them.
    """

    def __init__(
        self, full: TransitionSystem, part: Slice, small: TransitionSystem, rule: str, names: Mapping[str, str]
    ) -> None:
        self.system = full
        self.rule = rule
        self.names = names
        kept = {template: at for at, templates in enumerate(part.kept) for template in templates}
        numbers = {(transition.template, transition.slots): at for at, transition in enumerate(small.transitions)}
        self.reduced: dict[int, int] = {}  # transition -> that of the slice
        for at, transition in enumerate(full.transitions):
            number = numbers.get((kept.get(transition.template, -1), transition.slots))
            if number is not None:
                self.reduced[at] = number

    def run(self, trace: Mapping[str, Any], depth: int | None) -> Run:
        """Raises _Wrong: there is none."""
        steps, end, loop = trace.get("steps"), trace.get("end"), trace.get("loop")
        if not isinstance(steps, list) or end not in ("violation", "stuck", "loop") or not depth:
            raise _Wrong("the trace is damaged")
        groups: list[list[Any]] = [[] for _ in range(depth)]
        for number, item in enumerate(steps, 1):
            at = item.get("transition") if isinstance(item, dict) and item.get("index") == number else None
            if not isinstance(at, int) or not 0 <= at < depth:
                raise _Wrong("the trace is damaged")
            groups[at].append(item)
        start = None
        if end == "loop":
            if not isinstance(loop, int) or not 1 <= loop <= len(steps):
                raise _Wrong("the trace is damaged")
            start = steps[loop - 1]["transition"]
        found = self.found(groups, end == "violation")
        return Run(tuple(self.reduced[number] for number in found), end, start)

    def found(self, groups: Sequence[list[Any]], violation: bool) -> tuple[int, ...]:
        """Depth first: steps that print alike may lead on or not."""
        stack = [self.choices(self.system.initial, groups, 0, violation)]
        chosen: list[int] = []
        furthest = 0
        while stack:
            taken = next(stack[-1], None)
            if taken is None:
                stack.pop()
                del chosen[-1:]
                continue
            number, after = taken
            chosen.append(number)
            if len(chosen) == len(groups):
                return tuple(chosen)
            furthest = max(furthest, len(chosen))
            stack.append(self.choices(after, groups, len(chosen), violation))
        printed = next((item.get("index") for item in groups[furthest] if item.get("index")), furthest + 1)
        raise _Wrong(f"the model has no run that goes on as step {printed} of the trace says")

    def choices(
        self, state: State, groups: Sequence[list[Any]], at: int, violation: bool
    ) -> Iterator[tuple[int, State]]:
        """The transitions from a state that print as the group, each with the state after it."""
        assert self.system.origin is not None
        printed = sum(map(len, groups[:at]))
        last = violation and at == len(groups) - 1
        for number in self.reduced:
            transition = self.system.transitions[number]
            template = self.system.origin.templates[transition.template]
            actor = self.system.actors[transition.actor]
            if transition.violates != (self.rule if last else None) or len(template.statements) != len(groups[at]):
                continue
            if any(item.get("actor") != actor for item in groups[at]):
                continue
            try:
                after = step(self.system, state, number)
            except NotEnabled:
                continue
            after = state if last else after
            found = lines(self.system, state, after, template, transition.slots, actor, at, printed)
            if [self.saved(step_object(item)) for item in found] == groups[at]:
                yield number, after

    def saved(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "file": self.names.get(item["file"], item["file"])}


def as_smtlib(certificate: Certificate, model: Model) -> str:
    """All invariants of a certificate that holds, for any solver.

    Raises:
        Rejected: a condition on all other requests cannot be written.
    """
    checking = _Checking(certificate, model, None)
    bases: list[Basis] = []
    for claim in certificate.claims:
        if claim.basis is not None and claim.basis.invariants and claim.basis not in bases:
            bases.append(claim.basis)
    parts = [
        f"; {model.path}: why rules hold for any number of requests; every query must be answered `unsat`\n"
        "(set-logic UF)\n"
    ]
    try:
        for basis in bases:
            rules = checking.instance(basis).program.rules
            for invariant in basis.invariants:
                live = any(goal in rules and rules[goal].liveness for goal in invariant.goals)
                system = system_of(checking.slice(basis), invariant, live)
                parts.append(script(system, proof_of(system, invariant)))
    except NotWritable as problem:
        raise Rejected([Diagnostic("WDF911", f"SMT-LIB cannot say this here: {problem}")]) from None
    return "".join(parts)
