"""Safety rules over runs of the direct interpreter: what the observers of the lowered system are compared with.

Each instance of a rule is evaluated at each event that the rule names; what it remembers is part of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import fields as parts
from itertools import product

from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.system.system import Obj
from wdfmc.traces.terms import LENIENT, Mode, Terms, Test
from wdfmc.traces.world import Chooser, Configuration, Datum, Local, Subject, Variables, World

SAFETY = ("never", "always", "precedes", "monitor")
ENDS = frozenset({"handler_ends", "callback_ends"})


@dataclass(eq=False, slots=True)
class Memory:
    """One past operator. `left`: None for `once`. `at`: its place among the memories of its instance."""

    at: int
    left: Test | None
    right: Test


@dataclass(eq=False, slots=True)
class Watched:
    """A rule, compiled. state: the place of a monitor's state among the memories. edges: (from, condition, to)."""

    name: str
    events: frozenset[str]
    violation: Test | None
    memories: list[Memory] = field(default_factory=list)
    edges: list[tuple[str, Test, str]] = field(default_factory=list)
    instances: list[tuple[int, dict[str, Local]]] = field(default_factory=list)  # (offset of its memories, binding)


class Watch(Terms):
    """Compiles rules, and evaluates them at events and in states."""

    def __init__(self, program: typed.Program, variables: Variables, rules: Iterable[str]) -> None:
        super().__init__(program, variables)
        self.initial: list[Datum] = []
        self.memories: dict[typed.Expr, Memory] = {}
        wanted = [program.rules[name] for name in rules if name in program.rules]
        self.rules = [self.watched(rule) for rule in wanted if rule.form in SAFETY]
        asking = [rule for rule in wanted if any(asks_for_callbacks(part) for part in (rule.formula, rule.goal))]
        # some rule watches the ends of callbacks, or asks in a state whether they have ended
        self.ends = bool(asking) or any(rule.events & ENDS for rule in self.rules)

    # ------------------------------------------------------------ compiling

    def watched(self, rule: typed.Rule) -> Watched:
        self.memories = {}
        formulas: list[typed.Expr] = [part for part in (rule.formula, rule.goal) if part is not None]
        formulas += [edge.event for _, edge in rule.edges]
        found = Watched(rule.name, frozenset(event for part in formulas for event in events_in(part)), None)
        match rule.form:
            case "never":
                assert rule.formula is not None
                found.violation = self.test(rule.formula, LENIENT)
            case "always":
                assert rule.formula is not None
                found.violation = self.test(typed.Not(rule.formula), LENIENT)
            case "precedes":
                assert rule.formula is not None and rule.goal is not None
                late = typed.And(rule.goal, typed.Not(typed.Once(rule.formula)))
                found.violation = self.test(late, LENIENT)
            case _:
                found.edges = [(name, self.test(edge.event, LENIENT), edge.target) for name, edge in rule.edges]
        found.memories = list(self.memories.values())
        for binding in self.bindings(rule):
            found.instances.append((len(self.initial), binding))
            self.initial += [False] * len(found.memories)
            if rule.start is not None:
                self.initial.append(rule.start)
        return found

    def bindings(self, rule: typed.Rule) -> Iterator[dict[str, Local]]:
        choices: list[tuple[Subject, ...]] = []
        for parameter in rule.parameters:
            assert isinstance(parameter.type, RefType)
            if parameter.type.sort == self.variables.dynamic:
                choices.append(self.variables.requests)
            else:
                choices.append(tuple(Obj(item.name) for item in self.program.objects_of(parameter.type.sort)))
        for values in product(*choices):
            yield {parameter.name: value for parameter, value in zip(rule.parameters, values, strict=True)}

    def test(self, expr: typed.Expr, mode: Mode) -> Test:
        match expr:
            case typed.Happens(event, args):
                wanted = [None if arg is None else self.term(arg, mode) for arg in args]
                return lambda world: (
                    world.now is not None and world.now[0] == event
                    and all(w is None or w(world) == given for w, given in zip(wanted, world.now[1], strict=True))
                )  # fmt: skip
            case typed.Once() | typed.Since():
                memory = self.memories.get(expr)
                if memory is None:
                    memory = self.memories[expr] = Memory(len(self.memories), None, lambda world: False)
                    if isinstance(expr, typed.Once):
                        memory.right = self.test(expr.operand, mode)
                    else:
                        memory.left, memory.right = self.test(expr.left, mode), self.test(expr.right, mode)
                at = memory.at
                return lambda world: world.past[world.offset + at] is True
            case _:
                return super().test(expr, mode)

    # ------------------------------------------------------------ evaluating

    def notice(self, world: World, event: str, args: tuple[Datum, ...]) -> None:
        """An event happens: which rules does it break, and what is remembered of it."""
        world.now = event, args
        names = world.names
        for rule in self.rules:
            if event in rule.events:
                for offset, binding in rule.instances:
                    world.offset, world.names = offset, dict(binding)
                    self.instance(world, rule)
        world.now, world.names = None, names

    def instance(self, world: World, rule: Watched) -> None:
        if rule.violation is not None and rule.violation(world):
            world.violated.add(rule.name)
        after = [self.remembered(world, memory) for memory in rule.memories]
        if rule.edges:
            place = world.offset + len(rule.memories)
            for state, condition, target in rule.edges:
                if world.past[place] == state and condition(world):
                    if target == "violation":
                        world.violated.add(rule.name)
                    else:
                        world.past[place] = target
                    break
        world.past[world.offset : world.offset + len(after)] = after

    def remembered(self, world: World, memory: Memory) -> bool:
        before = world.past[world.offset + memory.at] is True
        if memory.left is not None and not memory.left(world):
            before = False
        return before or memory.right(world)

    def bad(self, configuration: Configuration) -> set[str]:
        """The rules that speak of states only and are broken in this one."""
        world = World(configuration, Chooser([]))
        found: set[str] = set()
        for rule in self.rules:
            if not rule.events and rule.violation is not None:
                for _, binding in rule.instances:
                    world.names = dict(binding)
                    if rule.violation(world):
                        found.add(rule.name)
                        break
        return found


def asks_for_callbacks(part: object) -> bool:
    match part:
        case typed.Active() | typed.RoleActive() | typed.Quiet():
            return True
        case typed.Not() | typed.And() | typed.Or() | typed.Exists() | typed.CountOf() | typed.Compare():
            return any(asks_for_callbacks(getattr(part, item.name)) for item in parts(part))
        case typed.Once() | typed.Since():
            return any(asks_for_callbacks(getattr(part, item.name)) for item in parts(part))
        case _:
            return False


def events_in(formula: object) -> Iterator[str]:
    match formula:
        case typed.Happens(event):
            yield event
        case typed.Not() | typed.And() | typed.Or() | typed.Once() | typed.Since():
            for part in parts(formula):
                yield from events_in(getattr(formula, part.name))
        case _:
            pass
