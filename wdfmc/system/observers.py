"""Rules as observers: each rule becomes ghost variables that the events of the framework update.

A past operator is one bit, `leads to` one bit while the goal is owed, a monitor one variable (Havelund, Rosu,
Synthesizing Monitors for Safety Properties, TACAS 2002). The variables of a rule about a request stand in its record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple, TypeAlias

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.system.evaluate import Context, Evaluator
from wdfmc.system.flow import locals_of
from wdfmc.system.paths import K, M, NotExpressible, Path, Symbolic
from wdfmc.system.system import Obj, Place, Ref, Value

Past: TypeAlias = typed.Once | typed.Since
Binding: TypeAlias = dict[str, Symbolic]  # what parameters of a rule stand for


class Bit(NamedTuple):
    """Whether a past formula holds. `names`: the parameters of the rule that it names."""

    number: int
    formula: Past
    names: frozenset[str]


class Part(NamedTuple):
    """One of the conditions of a conjunction: the parameters that it names, and what it remembers."""

    condition: typed.Expr
    names: frozenset[str]
    bits: tuple[Bit, ...]


@dataclass(frozen=True)
class Observer:
    """violation: at the event. past: what must be remembered. goal: of `leads to`, owed from the trigger on."""

    rule: typed.Rule
    violation: typed.Expr | None
    past: tuple[Past, ...]
    goal: typed.Expr | None

    @property
    def name(self) -> str:
        return self.rule.name

    def formulas(self) -> Iterator[typed.Expr]:
        if self.violation is not None:
            yield self.violation
        if self.rule.form == "leads-to":
            assert self.rule.formula is not None and self.goal is not None
            yield self.rule.formula
            yield self.goal
        for _, edge in self.rule.edges:
            yield edge.event

    @cached_property
    def by_event(self) -> Mapping[str, tuple[typed.Happens, ...]]:
        """How the rule names each event, in all its formulas and in what they remember."""
        found: dict[str, list[typed.Happens]] = {}
        for formula in self.formulas():
            for pattern in typed.events_of(formula):
                found.setdefault(pattern.event, []).append(pattern)
        return {event: tuple(patterns) for event, patterns in found.items()}

    @cached_property
    def now(self) -> frozenset[str]:
        """The events at which the rule may be violated."""
        return frozenset(now_events(self.violation)) if self.violation is not None else frozenset()

    @cached_property
    def positions(self) -> Mapping[str, tuple[int, ...]]:
        """For each event the arguments that name an instance of the rule."""
        names = {p.name for p in self.rule.parameters}
        return {
            event: tuple(sorted({
                at for pattern in patterns for at, arg in enumerate(pattern.args)
                if isinstance(arg, typed.Local) and arg.name in names
            }))
            for event, patterns in self.by_event.items()
        }  # fmt: skip

    @cached_property
    def bits(self) -> tuple[Bit, ...]:
        return tuple(Bit(at, past, self.concerned(past)) for at, past in enumerate(self.past))

    @cached_property
    def violated(self) -> tuple[Part, ...]:
        """The rule is violated where all of these hold."""
        return self.parts(self.violation) if self.violation is not None else ()

    @cached_property
    def sets(self) -> tuple[tuple[Part, ...], ...]:
        """For each bit, what must hold to set it."""
        return tuple(
            self.parts(past.operand) if isinstance(past, typed.Once) else (self.part(past.right),) for past in self.past
        )

    @cached_property
    def clears(self) -> tuple[Part | None, ...]:
        """For each bit, what must fail to clear it, if anything does."""
        return tuple(self.part(past.left) if isinstance(past, typed.Since) else None for past in self.past)

    def parts(self, formula: typed.Expr) -> tuple[Part, ...]:
        return tuple(self.part(condition) for condition in conjuncts(formula))

    def part(self, condition: typed.Expr) -> Part:
        known = frozenset(pasts(condition))
        return Part(condition, self.concerned(condition), tuple(bit for bit in self.bits if bit.formula in known))

    def concerned(self, formula: typed.Expr) -> frozenset[str]:
        """The parameters of the rule that a formula names."""
        return locals_of(formula) & {parameter.name for parameter in self.rule.parameters}

    @property
    def is_state_invariant(self) -> bool:
        return self.violation is not None and not self.now


def observer(rule: typed.Rule) -> Observer | None:
    """None for rules that need no ghost variable: contracts, and cycles of waits."""
    match rule.form:
        case "never":
            violation = rule.formula
        case "always":
            assert rule.formula is not None
            violation = typed.Not(rule.formula)
        case "precedes":
            assert rule.formula is not None and rule.goal is not None
            violation = typed.And(rule.goal, typed.Not(typed.Once(rule.formula)))
        case "leads-to" if rule.exactly_once:
            assert rule.goal is not None
            violation = typed.And(rule.goal, typed.Once(rule.goal))
        case "leads-to" | "monitor":
            violation = None
        case _:
            return None
    followed = (rule.formula, rule.goal) if rule.form == "leads-to" else ()
    formulas = (violation, *followed, *(edge.event for _, edge in rule.edges))
    past = tuple(dict.fromkeys(p for formula in formulas for p in pasts(formula)))
    return Observer(rule, violation, past, rule.goal if rule.form == "leads-to" else None)


def conjuncts(formula: typed.Expr) -> list[typed.Expr]:
    if isinstance(formula, typed.And):
        return [*conjuncts(formula.left), *conjuncts(formula.right)]
    return [formula]


def projected(bindings: Iterable[Binding], names: Set[str]) -> list[Binding]:
    """The bindings, of these parameters only, without those that another one includes."""
    found: list[Binding] = []
    for binding in bindings:
        kept = {name: value for name, value in binding.items() if name in names}
        if kept not in found:
            found.append(kept)
    return [each for each in found if not any(other.items() < each.items() for other in found)]


def pasts(formula: object) -> Iterator[Past]:
    match formula:
        case typed.Once(operand):
            yield formula
            yield from pasts(operand)
        case typed.Since(left, right):
            yield formula
            yield from pasts(left)
            yield from pasts(right)
        case typed.Not() | typed.And() | typed.Or():
            for part in fields(formula):
                yield from pasts(getattr(formula, part.name))
        case _:
            pass


def now_events(formula: typed.Expr) -> set[str]:
    """The events at which the truth of a formula may differ from the state's: those outside past operators."""
    match formula:
        case typed.Happens(event):
            return {event}
        case typed.And(left, right) | typed.Or(left, right):
            return now_events(left) | now_events(right)
        case typed.Not(operand):
            return now_events(operand)
        case _:
            return set()


class Observers:
    """All observers of one system; called at each event of each path."""

    def __init__(self, rules: Mapping[str, typed.Rule], goals: frozenset[str], evaluator: Evaluator) -> None:
        found = (observer(rule) for name, rule in rules.items() if name in goals)
        self.all = tuple(item for item in found if item is not None)
        self.evaluator = evaluator
        self.by_event: dict[str, list[Observer]] = {}
        for item in self.all:
            for event in item.by_event:
                self.by_event.setdefault(event, []).append(item)
        self.owed: dict[int, str] = {}  # obligation variable -> rule

    def react(
        self, path: Path, event: str, args: tuple[Symbolic, ...], context: Context
    ) -> Iterator[tuple[Path, str | None]]:
        """The paths on which the event was observed; a path with a rule's name has violated it."""
        pending = [path]
        for item in self.by_event.get(event, ()):
            following = []
            for here in pending:
                for there, violated in self.observe(item, here, event, args, context):
                    if violated:
                        yield there, item.name
                    else:
                        following.append(there)
            pending = following
        yield from ((here, None) for here in pending)

    def observe(
        self, item: Observer, path: Path, event: str, args: tuple[Symbolic, ...], context: Context
    ) -> Iterator[tuple[Path, bool]]:
        pending = [path]
        for position in item.positions[event]:
            pending = [there for here in pending for there in self.divided(here, args[position])]
        for here in pending:
            values = self.settled(here, args, item, event)
            happening = replace(context, event=(event, values), lenient=True, driver=False)
            yield from self.reaction(item, here, self.named(item, event, values), happening)

    def reaction(
        self, item: Observer, path: Path, named: Sequence[Binding], context: Context
    ) -> Iterator[tuple[Path, bool]]:
        """Instances share what they remember: all of them look at it before any of it changes."""
        assert context.event is not None
        if item.violation is not None and context.event[0] in item.now:
            # A rule that is no contract does not end the run: the system goes on behind the violation, unsplit.
            for binding in named:
                yield from ((there, True) for there in self.broken(item, item.violated, path, binding, context))
        whole = self.whole(item, named) if item.goal is not None or item.rule.form == "monitor" else []
        pending = [path]
        if item.goal is not None:  # before this event is remembered: what a formula remembers is what came before
            for binding in whole:
                pending = [at for here in pending for at in self.owe(item, here, binding, context)]
        for bit in item.bits:
            for binding in projected(named, bit.names):
                pending = [at for here in pending for at in self.remember(item, bit, here, binding, context)]
        if item.rule.form == "monitor":
            for binding in whole:
                following = []
                for here in pending:
                    for at, violated in self.advance(item, here, binding, context):
                        if violated:
                            yield at, True
                        else:
                            following.append(at)
                pending = following
        yield from ((here, False) for here in pending)

    def divided(self, path: Path, value: Symbolic) -> Iterator[Path]:
        """A path for each value."""
        yield from (there for there, _ in self.evaluator.split(path, self.evaluator.refreshed(path, value)))

    def settled(self, path: Path, args: tuple[Symbolic, ...], item: Observer, event: str) -> tuple[Symbolic, ...]:
        """Arguments that name an instance are single values on this path."""
        positions = item.positions[event]
        found: list[Symbolic] = []
        for at, arg in enumerate(args):
            now = self.evaluator.refreshed(path, arg)
            if at in positions and isinstance(now, M):
                images = {image for _, image in self.evaluator.image(path, now)}
                assert len(images) == 1, (event, images)
                now = K(images.pop())
            found.append(now)
        return tuple(found)

    def named(self, item: Observer, event: str, args: tuple[Symbolic, ...]) -> list[Binding]:
        """The instances of the rule that the event concerns: for each way in which the rule names the event, the
        parameters that the event settles. The others, which stand for declared objects, may be any of them.
        """
        found: list[Binding] = []
        for pattern in item.by_event[event]:
            binding: Binding = {}
            for parameter in item.rule.parameters:
                at = next((at for at, arg in enumerate(pattern.args) if arg == typed.Local(parameter.name)), None)
                if at is not None:
                    binding[parameter.name] = args[at]
                elif self.sort(parameter) == self.evaluator.dynamic:
                    problem = f"rule {item.name}: the event `{event}` must name `{parameter.name}`"
                    raise NotExpressible(problem, item.name)
            if binding not in found and K(None) not in binding.values():
                found.append(binding)
        return found

    def whole(self, item: Observer, named: Iterable[Binding]) -> list[Binding]:
        """The same instances, each with a value for every parameter."""
        found: list[Binding] = []
        for partial in named:
            for binding in self.settling(item, tuple(p.name for p in item.rule.parameters), partial):
                if binding not in found:
                    found.append(binding)
        return found

    def settling(self, item: Observer, names: Iterable[str], binding: Binding) -> Iterator[Binding]:
        """The binding with a declared object for each of these parameters that it leaves open."""
        unsettled = [p for p in item.rule.parameters if p.name in names and p.name not in binding]
        choices = [self.evaluator.program.objects_of(self.sort(p)) for p in unsettled]
        for combination in product(*choices):
            settled = {p.name: K(Obj(found.name)) for p, found in zip(unsettled, combination, strict=True)}
            yield {**binding, **settled}

    def sort(self, parameter: typed.Parameter) -> str:
        assert isinstance(parameter.type, RefType)
        return parameter.type.sort

    # ------------------------------------------------------------ one instance

    def place(self, item: Observer, binding: Binding, part: str, initial: Value) -> Place:
        """A ghost variable of an instance: in the record of its request, if it has one."""
        owner: Ref | None = None
        label = f"{item.name}.{part}"
        for parameter in item.rule.parameters:
            value = binding.get(parameter.name)
            if isinstance(value, K) and isinstance(value.value, Ref):
                owner = value.value
            elif isinstance(value, K) and isinstance(value.value, Obj):
                label += f"[{value.value.name}]"
        if owner is None:
            return Place(self.evaluator.domains.variable(("rule", label), label, False, initial, "rule"), None)
        entity = self.evaluator.entity(owner)
        name = label if entity == self.evaluator.received else f"{owner.pool}{owner.index + 1}.{label}"
        key = ("rule", label, entity)
        return Place(self.evaluator.domains.variable(key, name, entity.owned, initial, "rule"), owner.slot)

    def place_of(self, item: Observer, bit: Bit, binding: Binding) -> Place:
        """Instances that differ only in what a past formula does not name remember it together."""
        named = {name: value for name, value in binding.items() if name in bit.names}
        return self.place(item, named, f"past{bit.number}", False)

    def remembered(self, item: Observer, bits: Iterable[Bit], binding: Binding) -> dict[typed.Expr, Place]:
        return {bit.formula: self.place_of(item, bit, binding) for bit in bits}

    def decided(
        self, item: Observer, part: Part, path: Path, binding: Binding, context: Context
    ) -> Iterator[tuple[Path, bool]]:
        inner = replace(context, bind=binding, past=self.remembered(item, part.bits, binding))
        yield from self.evaluator.decide(part.condition, path, inner)

    def broken(
        self, item: Observer, parts: Sequence[Part], path: Path, binding: Binding, context: Context
    ) -> Iterator[Path]:
        """The paths on which all of the conditions hold. A parameter is settled where one first names it: of all the
        declared objects most are out of the question by then.
        """
        if not parts:
            yield path
            return
        part, *rest = parts
        for settled in self.settling(item, part.names, binding):
            for here, holds in self.decided(item, part, path, settled, context):
                if holds:
                    yield from self.broken(item, rest, here, settled, context)

    def remember(self, item: Observer, bit: Bit, path: Path, binding: Binding, context: Context) -> Iterator[Path]:
        """once F: set when F happens. L since R: set when R happens, cleared when L fails."""
        assert context.event is not None
        sets, clears, event = item.sets[bit.number], item.clears[bit.number], context.event[0]
        happens = any(event in now_events(part.condition) for part in sets)
        if clears is None:
            yield from self.set(item, bit, sets, path, binding, context) if happens else (path,)
            return
        pending = [path]
        for settled in self.settling(item, bit.names, binding):
            if event in now_events(clears.condition):
                pending = [at for here in pending for at in self.cleared(item, bit, clears, here, settled, context)]
            if happens:
                pending = [at for here in pending for at in self.set(item, bit, sets, here, settled, context)]
        yield from pending

    def cleared(
        self, item: Observer, bit: Bit, clears: Part, path: Path, binding: Binding, context: Context
    ) -> Iterator[Path]:
        for here, holds in self.decided(item, clears, path, binding, context):
            there = here
            if not holds:
                there = here.copy()
                self.evaluator.write(there, self.place_of(item, bit, binding), K(False))
            yield there

    def set(
        self, item: Observer, bit: Bit, parts: Sequence[Part], path: Path, binding: Binding, context: Context
    ) -> Iterator[Path]:
        """All paths; on those on which the conditions hold it is remembered. Parameters are settled as in `broken`."""
        if not parts:
            after = path.copy()
            self.evaluator.write(after, self.place_of(item, bit, binding), K(True))
            yield after
            return
        part, *rest = parts
        pending = [path]
        for settled in self.settling(item, part.names, binding):
            following: list[Path] = []
            for here in pending:
                for there, holds in self.decided(item, part, here, settled, context):
                    following += self.set(item, bit, rest, there, settled, context) if holds else [there]
            pending = following
        yield from pending

    def owe(self, item: Observer, path: Path, binding: Binding, context: Context) -> Iterator[Path]:
        """Set by the trigger, cleared by the goal; an event that is both owes nothing."""
        place = self.place(item, binding, "owed", False)
        self.owed[place.variable] = item.name
        assert item.goal is not None and item.rule.formula is not None
        context = replace(context, bind=binding, past=self.remembered(item, item.bits, binding))
        for here, reached in self.evaluator.decide(item.goal, path, context):
            if reached:
                there = here.copy()
                self.evaluator.write(there, place, K(False))
                yield there
                continue
            for at, triggered in self.evaluator.decide(item.rule.formula, here, context):
                after = at
                if triggered:
                    after = at.copy()
                    self.evaluator.write(after, place, K(True))
                yield after

    def advance(self, item: Observer, path: Path, binding: Binding, context: Context) -> Iterator[tuple[Path, bool]]:
        assert item.rule.start is not None
        context = replace(context, bind=binding, past=self.remembered(item, item.bits, binding))
        place = self.place(item, binding, "state", item.rule.start)
        for here, state in self.evaluator.split(path, self.evaluator.read(path, place)):
            pending = [here]
            for name, edge in item.rule.edges:
                if name != state:
                    continue
                following = []
                for at in pending:
                    for there, taken in self.evaluator.decide(edge.event, at, context):
                        if not taken:
                            following.append(there)
                        elif edge.target == "violation":
                            yield there, True
                        else:
                            after = there.copy()
                            self.evaluator.write(after, place, K(edge.target))
                            yield after, False
                pending = following
            yield from ((at, False) for at in pending)
