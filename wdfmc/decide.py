"""From goals to results: which systems decide which rules, which engine runs, and the audit of what it says."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from typing import Final, Literal

from wdfmc.assumptions import in_words
from wdfmc.checking import Goal, Model, Options, expectation, with_target
from wdfmc.engines import anynumber
from wdfmc.engines.anynumber import Patience
from wdfmc.engines.auto import ANY_NUMBER, Auto, Proof, within_reach
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.certificate import audit as proves
from wdfmc.engines.certificate import certificate_of
from wdfmc.engines.engine import Holds, Outcome, Path, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Ic3
from wdfmc.engines.kliveness import KLiveness
from wdfmc.proofs import Proofs, until
from wdfmc.semantics import typed
from wdfmc.system.evaluate import NULL_HANDLE
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, Lowering, OutOfTime
from wdfmc.system.named import Invariant, Stop
from wdfmc.system.observers import observer
from wdfmc.system.paths import NotExpressible
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.step import step
from wdfmc.system.system import State, TemplateSystem, TransitionSystem
from wdfmc.traces.delivery import OUT_OF_ORDER, Delivery
from wdfmc.traces.explain import explained, lifted
from wdfmc.traces.follow import Refuted as NoRun
from wdfmc.traces.follow import follow, steps_of
from wdfmc.traces.replay import Refuted, replay
from wdfmc.vacuity import Idle, Triggers, Vacuity, triggers, vacuity
from wdfmc.verdict import Audit, Basis, Result, Trace, Word
from wdfmc.widening import Widening

AUDITS: Final[Mapping[str, Audit]] = {
    "explicit": Audit.EXHAUSTIVE,
    "pairs": Audit.CERTIFIED,  # z3 has proved its invariant again
    "ic3": Audit.CERTIFIED,
    "k-liveness": Audit.CERTIFIED,  # the same, of the system with the watcher that counts rounds
    "domains": Audit.NONE,  # no transition of the lowered system can break the rule; there is nothing to search
}
MOST_ACTIVATIONS: Final = 2  # of one role on one request
FIRST: Final = 15.0  # seconds of a processor for a proof for any number of requests before other engines
FEW: Final = 50_000  # states that are visited in less time than a proof for any number takes where it is easy
MORE: Final = 1_000_000  # the same where it is not


@dataclass(frozen=True)
class Instance:
    """A model in one environment, lowered once for all its rules."""

    program: typed.Program
    system: TemplateSystem
    bounds: tuple[str, ...]
    bounds_of: Mapping[str, tuple[str, ...]]  # what only one rule's verdict assumes
    tested: frozenset[str]  # the contracts of calls that some path reaches
    overlaps: Mapping[str, int]  # activations of a role that may overlap on one request
    raisable: Mapping[str, str]  # bounds that more activation records of a role would lift
    requests: int
    triggers: Triggers
    rules: frozenset[str]
    stops: tuple[Stop, ...]

    @cached_property
    def full(self) -> TransitionSystem:
        return instantiate(self.system, self.requests)

    @cached_property
    def contracts(self) -> frozenset[str]:
        """The rules whose breach ends a run."""
        stated = {name for name, rule in self.program.rules.items() if rule.form == "contract"}
        return frozenset(stated | {MODEL_BOUND, NULL_HANDLE})

    @cached_property
    def emitted(self) -> frozenset[str]:
        return frozenset(event for template in self.system.templates for event in template.events)


def decide(model: Model, options: Options, deadline: float | None) -> Iterator[Result]:
    """The results of a model, as they are decided. Breaches of contracts that were not asked for come last."""
    breaches = Breaches()
    overlaps: dict[str, int] = {}  # what one environment needs the others have too: only fairness differs
    for program, goals in environments(model, options):
        started = time.monotonic()
        while True:
            try:
                instance = lowered(program, goals, options, overlaps, deadline)
                yield from Decision(instance, goals, options, deadline, time.monotonic() - started, breaches).results()
            except NotExpressible as problem:
                blamed = [goal for goal in goals if problem.rule in (None, goal.rule)]
                for goal in blamed:
                    yield undecided(program, goal, str(problem), options, time.monotonic() - started)
                goals = [goal for goal in goals if goal not in blamed]
                if goals:
                    continue
            except OutOfTime as problem:
                for goal in goals:
                    yield undecided(program, goal, str(problem), options, time.monotonic() - started)
            except TooFewActivations as needed:
                overlaps[needed.role] = MOST_ACTIVATIONS
                continue
            break


def environments(model: Model, options: Options) -> Iterator[tuple[typed.Program, list[Goal]]]:
    """Goals that are decided together. To a driver without targets it is all the same how targets behave: one lowering
    serves all its rules.
    """
    known: list[tuple[typed.Program, list[Goal]]] = []
    for target in dict.fromkeys(goal.target for goal in model.goals):
        goals = [goal for goal in model.goals if goal.target == target]
        program = with_target(model.program, target, options.target is not None)
        names = {goal.rule for goal in goals}
        alike = (found for other, found in known if other.objects == program.objects)
        together = next((found for found in alike if names.isdisjoint(goal.rule for goal in found)), None)
        if together is None:
            known.append((program, goals))
        else:
            together += goals
    yield from known


def lowered(
    program: typed.Program,
    goals: Sequence[Goal],
    options: Options,
    overlaps: Mapping[str, int],
    deadline: float | None = None,
) -> Instance:
    """Raises NotExpressible, and OutOfTime at the deadline."""
    rules = frozenset(goal.rule for goal in goals)
    asked = triggers(program, sorted(rules))
    while True:
        lowering = Lowering(asked.observed, rules | asked.goals, overlaps, deadline)
        try:
            system = lowering.system()
            break
        except NotExpressible as problem:
            if problem.rule not in asked.rules:
                raise
            asked = asked.without(problem.rule, str(problem))
    raisable = {limit: role for limit, role in lowering.raisable.items() if role not in overlaps}
    return Instance(
        program,
        system,
        tuple(sorted(lowering.bounds)),
        {rule: tuple(sorted(bounds)) for rule, bounds in lowering.bounds_of.items()},
        frozenset(lowering.tested),
        dict(overlaps),
        raisable,
        options.requests,
        asked,
        rules,
        lowering.stops(),
    )


class TooFewActivations(Exception):
    """A callback can be started again on the same request before its first run has ended: lower with more records."""

    def __init__(self, role: str) -> None:
        super().__init__(role)
        self.role = role


@dataclass(slots=True)
class Breaches:
    """What is known of the contracts. They are decided once, whatever was asked for: every other verdict relies on
    them.
    """

    decided: bool = False
    rules: list[str] = field(default_factory=list)
    open: dict[str, int | None] = field(default_factory=dict)  # undecided, and to which depth they hold
    bound: str | None = None
    violated: bool = False  # some rule, be it a contract or not, in some environment

    @property
    def depth(self) -> int | None:
        """To which depth the open contracts hold; None if not even that is known of one."""
        known = [depth for depth in self.open.values() if depth is not None]
        return min(known) if len(known) == len(self.open) else None

    def reset(self) -> None:
        self.decided, self.bound = False, None
        self.rules.clear()
        self.open.clear()


class Decision:
    """The goals of one instance, group by group; each group has its own slice."""

    def __init__(
        self, instance: Instance, goals: Sequence[Goal], options: Options, deadline: float | None, seconds: float,
        breaches: Breaches,
    ) -> None:  # fmt: skip
        self.instance = instance
        self.goals = {goal.rule: goal for goal in goals}
        self.options = options
        self.deadline = deadline
        self.seconds = seconds
        self.breaches = breaches
        self.proofs = Proofs()

    @property
    def depth(self) -> int:
        return Bmc().depth if self.options.depth is None else self.options.depth

    @cached_property
    def vacuity(self) -> Vacuity:
        """Of all rules together, when the first one is proved."""
        instance = self.instance
        return vacuity(instance.system, instance.triggers, instance.contracts, instance.requests, self.deadline)

    def results(self) -> Iterator[Result]:
        rules = self.instance.program.rules
        skipped = {name: reason for name in self.goals if (reason := self.unconcerned(rules[name])) is not None}
        first, *rest = groups(self.instance.program, [name for name in self.goals if name not in skipped])
        decided = list(self.group(first))  # if a bound can be raised nothing of this lowering counts
        for name, reason in skipped.items():
            yield self.judged(self.goals[name], Word.SKIPPED, "none", reason=reason)
        proved = []
        for result in chain(decided, *map(self.group, rest)):
            if result.verdict in (Word.PROVED, Word.VACUOUS) and self.options.engine in ("auto", "ic3"):
                proved.append(result)
            else:
                self.breaches.violated |= result.verdict is Word.VIOLATED
                yield result
        # A driver that is wrong is to be mended first; what else holds of it with more requests is of no use.
        yield from proved if self.breaches.violated else self.widened(proved)

    def widened(self, proved: Sequence[Result]) -> Iterator[Result]:
        """What is proved for so many requests, proved for any number if possible.

        What is vacuous stays so: more requests may make the trigger happen.
        """
        started = time.monotonic()
        rules = self.instance.program.rules
        live = [r.rule for r in proved if r.rule in rules and rules[r.rule].liveness and r.verdict is Word.PROVED]
        safe = sorted({r.rule for r in proved if r.rule not in rules or not rules[r.rule].liveness})
        if not (safe or live) or not self.options.widening:
            yield from proved
            return
        found = Widening(
            self.instance.system, self.instance.contracts, self.instance.contracts.difference(self.breaches.rules),
            self.instance.stops, self.options.evidence, until(self.options.widening, self.deadline), self.proofs,
        )  # fmt: skip
        found.safety(list(groups(self.instance.program, safe)))
        if not found.larger and not found.insecure:
            found.liveness(live)
        larger = dict(self.broken_by_more(found))
        seconds = (time.monotonic() - started) / len(proved)
        for result in proved:
            wider = larger.pop(result.rule, None) or self.wider(result, found)
            yield replace(wider, seconds=result.seconds + seconds)
        yield from larger.values()
        self.breaches.violated |= bool(found.larger)

    def proofs_of(self, part: Slice) -> Iterator[tuple[int, Proof]]:
        """For `Auto`. A proof for any number looks at few requests: of many it takes less time than other engines."""
        if self.instance.requests < anynumber.TRIED:
            return
        if self.options.widening:  # it is wanted in any case
            yield 0, partial(self.for_any_number, part, "endless")
        elif not self.options.evidence:  # only what is widened keeps what proves it
            yield FEW, partial(self.for_any_number, part, "none")
            yield MORE, partial(self.for_any_number, part, "endless")

    def for_any_number(self, part: Slice, patience: Patience, rules: Set[str]) -> Set[str]:
        """Those of the rules that are found to hold for any number of requests soon."""
        intact = self.instance.contracts.difference(self.breaches.rules)
        asked = intact | rules
        asked &= {item.violates for item in part.system.templates if item.violates is not None}
        if not asked:
            return frozenset()
        widening = self.options.widening
        end = until(min(FIRST, widening) if widening else FIRST, self.deadline)
        found = self.proofs.about(part.system, sorted(asked), end, needed=intact, patience=patience)
        if MODEL_BOUND in found.proof.violated:
            requests, path = found.proof.violated[MODEL_BOUND]
            few = instantiate(part.system, requests)
            if limit_of(part, few, path) in self.instance.raisable:
                self.note_breach(MODEL_BOUND, path, part, few)
        # If a contract is open paths end at its breaches: then nothing is known of the rest.
        return rules & found.goals if intact & asked <= found.goals else frozenset()

    def wider(self, result: Result, found: Widening) -> Result:
        """The result, for any number of requests or with the reason why not."""
        part, invariants = found.invariants.get(result.rule, (None, ()))
        if part is not None and not found.insecure:  # what proves the contracts is kept, if only there
            result = replace(result, basis=self.basis(part, invariants))
        if result.verdict is not Word.PROVED:
            return result
        if found.insecure:
            return replace(result, limited=f"{', '.join(found.insecure)} could not be proved for more")
        if result.rule not in found.widened:
            return replace(result, limited=found.reasons.get(result.rule))
        invariant = next((each for each in invariants if result.rule in each.goals), None)
        result = replace(result, requests="any", invariant=invariant)
        if result.engine == "domains":  # there what holds for so many holds for any, and nothing was certified
            return result
        live = result.rule in self.instance.program.rules and self.instance.program.rules[result.rule].liveness
        return replace(result, engine="liveness" if live else "ic3", audit=Audit.CERTIFIED)

    def broken_by_more(self, found: Widening) -> Iterator[tuple[str, Result]]:
        """Violations that need more requests than were asked for."""
        for rule, (requests, path, part) in found.larger.items():
            if rule != MODEL_BOUND:
                instance = replace(self.instance, requests=requests)
                larger = Decision(instance, [self.goal(rule)], self.options, self.deadline, 0.0, self.breaches)
                small = instantiate(part.system, requests)
                outcome = Delivery(small, self.depth, self.deadline).kept(rule, Violated(path))
                if isinstance(outcome, Violated):
                    yield rule, larger.result(self.goal(rule), "ic3", outcome, part, small)

    def goal(self, rule: str) -> Goal:
        """Also of a contract that nobody asked for."""
        if rule in self.goals:
            return self.goals[rule]
        target = next(iter(self.goals.values())).target
        return Goal(rule, target, expectation(self.instance.program, rule, target))

    def unconcerned(self, rule: typed.Rule) -> str | None:
        """Why a rule does not concern this driver: nothing that it does can emit the trigger."""
        if rule.form == "contract":
            reached = rule.name in self.instance.tested
            return None if reached else "no call that this driver can reach has this contract"
        if rule.trigger is None:
            return None
        wanted = {pattern.event for pattern in typed.events_of(rule.trigger)}
        if wanted and not wanted & self.instance.emitted:
            return f"nothing in this driver can cause {' or '.join(sorted(wanted))}"
        return None

    def group(self, rules: Sequence[str]) -> Iterator[Result]:
        started = time.monotonic()
        if self.deadline is not None and started >= self.deadline:  # to slice a large system takes seconds, too
            for rule in rules:
                yield self.judged(self.goals[rule], Word.UNKNOWN, "none", reason="out of time")
            return
        contracts = self.instance.contracts
        part = sliced(self.instance.system, frozenset(rules), contracts)
        small = instantiate(part.system, self.instance.requests)
        names = set(rules)
        if not self.breaches.decided:
            names |= {t.violates for t in small.transitions if t.violates is not None and t.violates in contracts}
            self.breaches.decided = True
        breakable = {t.violates for t in small.transitions} | {owed.rule for owed in small.obligations}
        found: list[tuple[str, str, Outcome]] = [(rule, "domains", Holds(0)) for rule in sorted(names - breakable)]
        if asked := sorted(names & breakable):
            found += run_engine(small, asked, self.options, self.deadline, self.proofs_of(part))
        delivery = Delivery(small, self.depth, self.deadline)
        found = [(rule, engine, delivery.kept(rule, outcome)) for rule, engine, outcome in self.certified(found, part)]
        for rule, _, outcome in found:
            if isinstance(outcome, Violated) and rule in contracts:
                self.note_breach(rule, outcome.path, part, small)
            elif isinstance(outcome, Unknown) and rule in contracts and rule not in delivery.excluded:
                self.breaches.open[rule] = outcome.depth
        if any(rule in self.goals and isinstance(outcome, Holds) for rule, _, outcome in found):
            _ = self.vacuity  # its time is part of this group's
        seconds = (time.monotonic() - started + self.seconds) / max(1, len(found))
        self.seconds = 0.0
        for rule, engine, outcome in found:
            if rule in self.goals or (isinstance(outcome, Violated) and rule != MODEL_BOUND):
                yield replace(self.result(self.goal(rule), engine, outcome, part, small), seconds=seconds)

    def certified(self, found: Sequence[tuple[str, str, Outcome]], part: Slice) -> Iterator[tuple[str, str, Outcome]]:
        """What IC3 has proved is proved again, from the templates; raises NotInductive if that fails."""
        held = [(rule, each) for rule, engine, each in found if engine == "ic3" and isinstance(each, Holds)]
        proven = set()
        for invariant in {each.invariant for _, each in held}:
            goals = frozenset(rule for rule, each in held if each.invariant == invariant)
            certificate = certificate_of(part.system, invariant, goals, self.instance.requests)
            if proves(part.system, certificate, self.deadline):
                proven.add(invariant)
        for rule, engine, each in found:
            checked = engine != "ic3" or not isinstance(each, Holds) or each.invariant in proven
            known = each if checked else Unknown("out of time for the audit of the proof")
            yield rule, "ic3" if engine == ANY_NUMBER else engine, known

    def note_breach(self, rule: str, path: Path, part: Slice, small: TransitionSystem) -> None:
        """Raises TooFewActivations if it is one of a bound that can be raised."""
        if rule == MODEL_BOUND:
            self.breaches.bound = limit_of(part, small, path)
            if self.breaches.bound in self.instance.raisable:
                role = self.instance.raisable[self.breaches.bound]
                self.breaches.reset()
                raise TooFewActivations(role)
        elif rule not in self.breaches.rules:
            self.breaches.rules.append(rule)

    def result(self, goal: Goal, engine: str, outcome: Outcome, part: Slice, small: TransitionSystem) -> Result:
        bounded = f"a bound of the model is hit: {self.breaches.bound}"
        match outcome:
            case Violated(path) if goal.rule == MODEL_BOUND:
                return self.judged(goal, Word.UNKNOWN, engine, reason=bounded, depth=len(path.transitions))
            case Violated(path):
                trace = self.audited(goal.rule, path, part, small)
                depth = len(path.transitions)
                found = self.judged(goal, Word.VIOLATED, engine, depth=depth, audit=Audit.REPLAYED, trace=trace)
                return replace(found, basis=self.basis(part)) if self.options.evidence else found
            case Holds() if self.breaches.bound is not None:
                return self.judged(goal, Word.UNKNOWN, engine, reason=bounded)
            case Holds() if self.breaches.open:
                # Paths end at breaches; whether there are any is not known, so this is no proof.
                left = f"it relies on contracts that are left open: {', '.join(sorted(self.breaches.open))}"
                return self.left_open(goal, engine, left, self.breaches.depth)
            case Holds():
                under = tuple(rule for rule in self.breaches.rules if rule != goal.rule)
                match self.vacuity.of(goal.rule):
                    case Idle(excluder, reason):
                        audit = AUDITS[excluder]
                        reason += " before a breach" if under else ""
                        return self.judged(goal, Word.VACUOUS, excluder, audit=audit, reason=reason, under=under)
                    case not_known:
                        audit = AUDITS[engine]
                        return self.judged(goal, Word.PROVED, engine, audit=audit, reason=not_known, under=under)
            case Unknown(reason, explored) if reason == OUT_OF_ORDER:
                return self.judged(goal, Word.UNKNOWN, engine, reason=reason, depth=explored)
            case Unknown(reason, explored):
                return self.left_open(goal, engine, reason, explored)

    def basis(self, part: Slice, invariants: tuple[Invariant, ...] = ()) -> Basis:
        target = next(iter(self.goals.values())).target
        rules = tuple(sorted(self.instance.rules))
        return Basis(target, rules, tuple(sorted(part.goals)), self.instance.overlaps, invariants)

    def left_open(self, goal: Goal, engine: str, reason: str, depth: int | None) -> Result:
        word = Word.BOUNDED if depth is not None and self.options.engine == "bmc" else Word.UNKNOWN
        return self.judged(goal, word, engine, reason=reason, depth=depth)

    def audited(self, rule: str, path: Path, part: Slice, small: TransitionSystem) -> Trace:
        """The trace, after three executions: on the slice and on the unreduced system by `step`, and on the typed
        program by the interpreter, which shares nothing with the lowering, and in which queues keep their order.

        Raises:
            Refuted: they do not agree; an internal error with both sides.
        """
        replay(small, path, rule)
        full = self.instance.full
        run = lifted(part, small, full, path)
        states = replay(full, run, rule) if path.end == "violation" else executed(full, run)
        steps = steps_of(full, states, run.transitions)
        program, requests, overlaps = self.instance.program, self.instance.requests, self.instance.overlaps
        found = follow(program, requests, steps, overlaps=overlaps, in_order=True)
        if isinstance(found, NoRun):
            raise Refuted(f"{rule}: step {found.step + 1} of the trace ({found.actor}): {found.reason}")
        return explained(full, run)

    def judged(
        self, goal: Goal, word: Word, engine: str, *, reason: str | None = None, depth: int | None = None,
        audit: Audit = Audit.NONE, under: tuple[str, ...] = (), trace: Trace | None = None,
    ) -> Result:  # fmt: skip
        rule = self.instance.program.rules.get(goal.rule)
        return Result(
            goal.rule, rule.sentence if rule else "", word, self.instance.requests, depth, engine,
            in_words(self.instance.program, goal.rule), 0.0, audit, met(goal, word), reason, under,
            (*self.instance.bounds, *self.instance.bounds_of.get(goal.rule, ())), None, trace,
        )  # fmt: skip


def run_engine(
    system: TransitionSystem,
    goals: Sequence[str],
    options: Options,
    deadline: float | None,
    proofs: Iterable[tuple[int, Proof]] = (),
) -> Iterator[tuple[str, str, Outcome]]:
    """(rule, name of the engine, outcome) for each goal. `proofs`: as of `Auto`."""
    depth = Bmc().depth if options.depth is None else options.depth
    match options.engine:
        case "explicit":
            yield from ((goal, "explicit", found) for goal, found in Explicit(deadline=deadline).check(system, goals))
        case "ic3":
            for name, engine in (("ic3", Ic3(deadline)), ("k-liveness", KLiveness(deadline))):
                if wanted := within_reach(name, system, goals):
                    yield from ((goal, name, found) for goal, found in engine.check(system, wanted))
        case "bmc":
            yield from ((goal, "bmc", found) for goal, found in Bmc(depth, deadline).check(system, goals))
        case _:
            yield from Auto(depth, deadline=deadline, jobs=options.jobs, proofs=tuple(proofs)).check(system, goals)


def executed(system: TransitionSystem, path: Path) -> tuple[State, ...]:
    """The states of a run, each by `step`."""
    states = [system.initial]
    for number in path.transitions:
        states.append(step(system, states[-1], number))
    return tuple(states)


def met(goal: Goal, word: Word) -> Literal["met", "unmet"] | None:
    """A verdict that is left open neither meets an expectation nor refutes it."""
    left_open = word in (Word.BOUNDED, Word.UNKNOWN) and goal.expected != word.value
    if goal.expected is None or left_open:
        return None
    return "met" if goal.expected == word.value else "unmet"


def undecided(program: typed.Program, goal: Goal, reason: str, options: Options, seconds: float) -> Result:
    rule = program.rules[goal.rule]
    return Result(
        goal.rule, rule.sentence, Word.UNKNOWN, options.requests, None, "none", in_words(program, goal.rule), seconds,
        Audit.NONE, met(goal, Word.UNKNOWN), reason,
    )  # fmt: skip


def groups(program: typed.Program, rules: Sequence[str]) -> Iterator[list[str]]:
    """Rules that need no ghost variable together, every other one for itself: each ghost multiplies the states."""
    free: list[str] = []
    ghosts: list[str] = []
    for name in rules:
        item = observer(program.rules[name])
        needs = item is not None and (item.past or item.goal is not None or item.rule.form == "monitor")
        (ghosts if needs else free).append(name)
    if free or not ghosts:
        yield free
    yield from ([name] for name in ghosts)


def limit_of(part: Slice, small: TransitionSystem, path: Path) -> str:
    """The words of the bound that a run hits with its last transition."""
    template = part.system.templates[small.transitions[path.transitions[-1]].template]
    return template.limit or "an unnamed bound"
