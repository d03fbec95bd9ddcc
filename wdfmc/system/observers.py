"""Rules as observers: each rule becomes ghost variables that the events of the framework update.

A past operator is one bit, `leads to` one bit while the goal is owed, a monitor one variable (Havelund, Rosu,
Synthesizing Monitors for Safety Properties, TACAS 2002). The variables of a rule about a request stand in its record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.system.evaluate import Context, Evaluator
from wdfmc.system.paths import K, M, NotExpressible, Path, Symbolic
from wdfmc.system.system import Obj, Place, Ref, Value


@dataclass(frozen=True)
class Observer:
    """violation: at the event. past: what must be remembered. goal: of `leads to`, owed from the trigger on."""

    rule: typed.Rule
    violation: typed.Expr | None
    past: tuple[typed.Once | typed.Since, ...]
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


def pasts(formula: object) -> Iterator[typed.Once | typed.Since]:
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
            todo = [here]
            for binding in self.bindings(item, event, values):
                past = self.bits(item, binding)
                inner = replace(context, bind=binding, event=(event, values), past=past, lenient=True, driver=False)
                following = []
                for at in todo:
                    for there, violated in self.instance(item, at, binding, inner):
                        if violated:
                            yield there, True
                        else:
                            following.append(there)
                todo = following
            yield from ((at, False) for at in todo)

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

    def bindings(self, item: Observer, event: str, args: tuple[Symbolic, ...]) -> list[dict[str, Symbolic]]:
        """The instances of the rule that the event concerns."""
        found: dict[tuple[Value, ...], dict[str, Symbolic]] = {}
        for pattern in item.by_event[event]:
            choices: list[list[Value]] = []
            for parameter in item.rule.parameters:
                named = [args[at] for at, arg in enumerate(pattern.args) if arg == typed.Local(parameter.name)]
                if named:
                    value = named[0]
                    assert isinstance(value, K) and not isinstance(value.value, frozenset)
                    choices.append([value.value] if value.value is not None else [])
                else:
                    choices.append(self.instances(item, event, parameter))
            for combination in product(*choices):
                binding: dict[str, Symbolic] = {
                    p.name: K(value) for p, value in zip(item.rule.parameters, combination, strict=True)
                }
                found[combination] = binding
        return list(found.values())

    def instances(self, item: Observer, event: str, parameter: typed.Parameter) -> list[Value]:
        assert isinstance(parameter.type, RefType)
        if parameter.type.sort == self.evaluator.dynamic:
            problem = f"rule {item.name}: the event `{event}` must name `{parameter.name}`"
            raise NotExpressible(problem, item.name)
        return [Obj(found.name) for found in self.evaluator.program.objects_of(parameter.type.sort)]

    # ------------------------------------------------------------ one instance

    def place(self, item: Observer, binding: Mapping[str, Symbolic], part: str, initial: Value) -> Place:
        """A ghost variable of an instance: in the record of its request, if it has one."""
        owner: Ref | None = None
        label = f"{item.name}.{part}"
        for value in binding.values():
            assert isinstance(value, K)
            if isinstance(value.value, Ref):
                owner = value.value
            elif isinstance(value.value, Obj):
                label += f"[{value.value.name}]"
        if owner is None:
            return Place(self.evaluator.domains.variable(("rule", label), label, False, initial, "rule"), None)
        entity = self.evaluator.entity(owner)
        name = label if entity == self.evaluator.received else f"{owner.pool}{owner.index + 1}.{label}"
        key = ("rule", label, entity)
        return Place(self.evaluator.domains.variable(key, name, entity.owned, initial, "rule"), owner.slot)

    def bits(self, item: Observer, binding: Mapping[str, Symbolic]) -> dict[typed.Expr, Place]:
        return {p: self.place(item, binding, f"past{at}", False) for at, p in enumerate(item.past)}

    def instance(
        self, item: Observer, path: Path, binding: Mapping[str, Symbolic], context: Context
    ) -> Iterator[tuple[Path, bool]]:
        assert context.event is not None
        pending = [path]
        if item.violation is not None and context.event[0] in item.now:
            # A rule that is no contract does not end the run: the system goes on behind the violation, unsplit.
            for here, violated in self.evaluator.decide(item.violation, path, context):
                if violated:
                    yield here, True
        if item.goal is not None:  # before this event is remembered: what a formula remembers is what came before
            pending = [there for here in pending for there in self.owe(item, here, binding, context)]
        for bit in item.past:
            pending = [there for here in pending for there in self.remember(item, bit, here, context)]
        for here in pending:
            if item.rule.form == "monitor":
                yield from self.advance(item, here, binding, context)
            else:
                yield here, False

    def remember(self, item: Observer, bit: typed.Once | typed.Since, path: Path, context: Context) -> Iterator[Path]:
        """once F: set when F happens. L since R: set when R happens, cleared when L fails."""
        assert context.event is not None
        place = context.past[bit]
        sets = bit.operand if isinstance(bit, typed.Once) else bit.right
        if isinstance(bit, typed.Since) and context.event[0] in now_events(bit.left):
            cleared = []
            for here, holds in self.evaluator.decide(bit.left, path, context):
                there = here
                if not holds:
                    there = here.copy()
                    self.evaluator.write(there, place, K(False))
                cleared.append(there)
        else:
            cleared = [path]
        for here in cleared:
            if context.event[0] not in now_events(sets):
                yield here
                continue
            for there, happens in self.evaluator.decide(sets, here, context):
                at = there
                if happens:
                    at = there.copy()
                    self.evaluator.write(at, place, K(True))
                yield at

    def owe(self, item: Observer, path: Path, binding: Mapping[str, Symbolic], context: Context) -> Iterator[Path]:
        """Set by the trigger, cleared by the goal; an event that is both owes nothing."""
        place = self.place(item, binding, "owed", False)
        self.owed[place.variable] = item.name
        assert item.goal is not None and item.rule.formula is not None
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

    def advance(
        self, item: Observer, path: Path, binding: Mapping[str, Symbolic], context: Context
    ) -> Iterator[tuple[Path, bool]]:
        assert item.rule.start is not None
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
