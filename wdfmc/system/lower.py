"""Typed driver to transition system.

From each stop location a symbolic run goes to the next ones; each path is one template. Atomic steps are joined by
movers (Lipton, Reduction, CACM 1975; Wang et al., TACAS 2008): a transition is right movers, at most one non-mover,
left movers. Locals, and variables that every callback touches under one common lock, move both ways; acquire moves
right, release left; a DDI is a non-mover. An acquire while a lock is held begins a transition, or lock-order
deadlocks would vanish.

Values, locations and locksets are found on the way: sources are run again until no variable gets a new value.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from wdfmc.progress import Work
from wdfmc.semantics import typed
from wdfmc.semantics.types import IntType
from wdfmc.source import Span
from wdfmc.system import expand, flow
from wdfmc.system.evaluate import IDLE, STEP, Context, Decided, Evaluator, Record, cell_name
from wdfmc.system.inline import CallingThread
from wdfmc.system.named import Stop
from wdfmc.system.observers import Observers
from wdfmc.system.paths import (
    Domains,
    Entity,
    K,
    Known,
    Path,
    Symbolic,
    TraceLine,
    Turn,
)
from wdfmc.system.places import passing
from wdfmc.system.races import accesses, data_races, racing
from wdfmc.system.sources import Activity, Location, Source
from wdfmc.system.system import (
    Obj,
    Place,
    Ref,
    Template,
    TemplateObligation,
    TemplateSystem,
    TemplateVariable,
    Value,
)
from wdfmc.system.templates import RULES, Templates
from wdfmc.system.waits import Way, wait_cycles

NO_LOCK: Final[frozenset[str]] = frozenset()
UNSEEN = (  # what reads and writes nothing that others may write
    flow.AtomBegin | flow.AtomEnd | flow.Line | flow.Outcome | flow.Pause | flow.Probe | flow.End
)
MODEL_BOUND: Final = "model-bound"
MOST_FORKS: Final = 6  # splits of a driver's path in one transition: more would double its templates each time


class OutOfTime(Exception):
    """The deadline passed before the transition system was complete."""

    def __init__(self) -> None:
        super().__init__("out of time while the transition system was built")


def lower(program: typed.Program, goals: frozenset[str]) -> TemplateSystem:
    """The templates of a model, with the observers of the rules `goals`. Contracts are always part of it.

    Raises:
        NotExpressible: a text needs a condition or an update outside the shape of the transition system.
    """
    return Lowering(program, goals).system()


class Lowering:
    """`overlaps`: how many activations of a role may overlap on one request, where that is more than one."""

    def __init__(
        self, program: typed.Program, goals: frozenset[str], overlaps: Mapping[str, int] | None = None,
        deadline: float | None = None, stepwise: bool = False,
    ) -> None:  # fmt: skip
        self.program = program
        self.stepwise = stepwise
        self.deadline = deadline  # on the clock of time.monotonic
        self.overlaps = overlaps or {}
        self.raisable: dict[str, str] = {}  # limit -> the role of which more activations would lift it
        self.domains = Domains()
        self.evaluator = Evaluator(program, self.domains)
        self.observers = Observers(program.rules, goals, self.evaluator)
        self.observed = frozenset(self.observers.by_event)
        self.templates = Templates(program, self.evaluator, self.observers)
        self.sources: list[Source] = []
        self.by_label: dict[tuple[int, str], Source] = {}
        self.graphs: dict[str, flow.Graph] = {}
        self.protection: dict[int, frozenset[str]] = {}  # variable -> locks held at every access so far
        self.ends_seen = False  # some rule looks at whether callbacks run
        self.locations: dict[tuple[int, str], Location] = {}
        self.goals = goals
        self.racing = racing(program, goals)  # the rules that forbid data races
        self.calling_thread = CallingThread(self)
        self.tested: set[str] = {MODEL_BOUND}  # the contracts that some path meets
        self.bounds: set[str] = set()  # real assumptions of the model, for every verdict
        self.bounds_of: dict[str, set[str]] = {}  # rule -> what only its verdict assumes

    # ------------------------------------------------------------ the whole system

    def system(self) -> TemplateSystem:
        work = Work("lowering")
        for step in self.program.steps:
            self.add_steps(step)
        for thread in self.program.threads:
            self.add_thread(thread)
        self.domains.dirty = {source.number for source in self.sources}
        breaches = self.saturated()
        for sort in self.program.sorts.values():
            number = len(self.program.objects_of(sort.name))
            if sort.bounded and number:
                self.bounds.add(f"at most {number} {sort.name}{'s' if number > 1 else ''}")
        started = any(item.activity.kind == "callback" for item in self.locations.values())
        if self.program.callbacks and not started:
            self.bounds.add("no callback of the driver ever runs: requests arrive at queues that are declared `front`")
        templates = [template for source in self.sources for template in source.templates]
        templates += breaches + wait_cycles(self) + data_races(self)
        variables = tuple(
            TemplateVariable(name, owned, tuple(values), initial, kind)
            for name, owned, values, initial, kind in zip(
                self.domains.names,
                self.domains.owned,
                self.domains.values,
                self.domains.initial,
                self.domains.kinds,
                strict=True,
            )
        )
        owed = tuple(
            TemplateObligation(rule, variable, frozenset({True})) for variable, rule in self.observers.owed.items()
        )
        work.at()
        return TemplateSystem(variables, tuple(dict.fromkeys(templates)), owed)

    def saturated(self) -> list[Template]:
        """Runs the sources until nothing new appears. Returns the templates of the rules that speak of states only.

        What has run least comes first, so that what many others make grow is read when these are done: 11 s instead of
        110 s for a driver of 300 statements.
        """
        runs = Counter[int]()
        while True:
            while self.domains.dirty:
                number = min(self.domains.dirty, key=lambda number: (runs[number], number))
                runs[number] += 1
                self.domains.dirty.discard(number)
                if number != RULES:
                    self.run(self.sources[number])
            self.evaluator.touched = set()
            breaches = self.templates.invariant_breaches()
            self.expose(self.evaluator.touched)
            if not self.domains.dirty:
                return breaches

    def expose(self, looked_at: Iterable[int]) -> None:
        """Rules look at these variables in every state: no write to them moves, and no end of a callback if it is seen.

        Joining could otherwise hide a state in which a rule is broken.
        """
        kinds = {self.domains.kinds[variable] for variable in looked_at}
        if "pc" in kinds and not self.ends_seen:
            self.ends_seen = True
            self.domains.dirty |= {source.number for source in self.sources if source.activity is not None}
        for variable in looked_at:
            if self.domains.kinds[variable] == "driver" and self.protection.get(variable, NO_LOCK):
                self.domains.dirty |= {source.number for source in self.sources if variable in source.protected}
                self.protection[variable] = NO_LOCK

    # ------------------------------------------------------------ sources

    def add_source(self, source: Source) -> Source:
        source.number = len(self.sources)
        self.sources.append(source)
        self.domains.dirty.add(source.number)
        return source

    def add_steps(self, step: typed.Step) -> None:
        """One source for each choice of declared objects and of the kind of request."""
        graph = expand.graph(
            self.program, step.body, step.span, driver=False, atomic=True, observed=self.observed, goals=self.goals
        )
        bindings: list[list[tuple[str, Value]]] = [[]]
        footprint = 0
        for parameter in step.parameters:
            sort = getattr(parameter.type, "sort", None)
            choices: list[Value] = []
            if sort == self.evaluator.dynamic:
                choices += [Ref(e.pool, e.index, footprint if e.owned else None) for e in self.evaluator.entities]
                footprint += 1
            else:
                choices += [Obj(found.name) for found in self.program.objects_of(str(sort))]
            bindings = [[*before, (parameter.name, value)] for before in bindings for value in choices]
        for binding in bindings:
            self.add_source(Source(0, None, step.name, graph, graph.entry, NO_LOCK, step=step, binding=tuple(binding)))

    def add_thread(self, thread: typed.Thread) -> None:
        subject = thread.subject or Obj(thread.name)
        name = lane_of(thread)
        graph = expand.graph(
            self.program, thread.body, thread.span, driver=not thread.library, atomic=False, repeat=not thread.once,
            begin=() if thread.when == typed.Const(True) else (flow.Await(thread.when),), observed=self.observed,
            goals=self.goals,
        )  # fmt: skip
        record = Record(f"thread {thread.name}", subject, 0)
        activity = Activity(name, record, (), None, None, "environment" if thread.library else "thread")
        counter = self.evaluator.counter(activity.record)
        label = self.location(activity, graph, graph.entry, NO_LOCK, unfair=True)
        self.domains.initial[counter] = label
        self.domains.values[counter] = {label: None}
        self.evaluator.resting[counter] = frozenset({label})
        if thread.library:
            self.evaluator.resting[counter] = EVERYTHING

    def location(
        self, activity: Activity, graph: flow.Graph, node: flow.Node, locks: frozenset[str], *,
        pick: bool = False, unfair: bool = False, in_atom: bool = False,
    ) -> str:  # fmt: skip
        """The value of the program counter for a place in the code; its source is made when it is new."""
        where = "waits to run" if pick else f"{node.span.line}.{node.number}"
        label = f"{activity.name}:{where}"
        if activity.host is not None:
            label += f"@{activity.host}"
        if not pick and locks:
            label += " holding " + ", ".join(sorted(locks))
        if activity.lock is not None:
            label += f" [{activity.lock}]"
        variable = self.evaluator.counter(activity.record)
        if (variable, label) not in self.by_label:
            source = Source(0, activity, label, graph, node, locks, pick, unfair=unfair, in_atom=in_atom)
            self.by_label[variable, label] = self.add_source(source)
            self.evaluator.hosts[label] = activity.host
            self.locations[variable, label] = Location(variable, label, locks, activity)
        return label

    def stops(self) -> tuple[Stop, ...]:
        """Where in a text the values of program counters are."""
        found = []
        for (_, label), source in self.by_label.items():
            whole = source.node.span == source.graph.entry.span
            edge = "" if not whole else "start" if source.node is source.graph.entry else "end"
            found.append(Stop(label, source.node.span, edge))
        return tuple(found)

    def callback_graph(self, name: str, kind: typed.Kind) -> flow.Graph:
        key = f"{name} as {kind.role}"
        if key not in self.graphs:
            callback = self.program.callbacks[name]
            subject = typed.Local(callback_subject(callback, kind))
            begin: list[flow.Operation] = []
            end: list[flow.Operation] = []
            if kind.role == "handler" and "handler_begins" in self.program.events:
                begin.append(flow.Emit("handler_begins", (subject,)))
                end.append(flow.Emit("handler_ends", (subject,)))
            if passing(callback.span) in self.goals:
                begin.append(flow.Probe(passing(callback.span), flow.TRUE))
            if "callback_begins" in self.program.events:
                begin.append(flow.Emit("callback_begins", ()))
            if "callback_ends" in self.program.events:
                end.append(flow.Emit("callback_ends", ()))
            self.graphs[key] = expand.graph(
                self.program, callback.body, callback.span, driver=True, atomic=False,
                begin=tuple(begin), end=tuple(end), observed=self.observed, goals=self.goals,
            )  # fmt: skip
        return self.graphs[key]

    # ------------------------------------------------------------ running a source

    def run(self, source: Source) -> None:
        self.domains.current = source.number
        source.templates = []
        source.protected = set()
        source.waits, source.ways, source.accesses = [], [], []
        self.evaluator.touched = set()
        beginnings = list(self.beginnings(source))
        if source.activity is None:  # what decides whether the step may happen is read without any lock
            self.is_mover(self.evaluator.touched, Path(source.node, 0, NO_LOCK), source)
        for path, context in beginnings:
            source.driver_context = replace(context, driver=True)
            todo = [path]
            while todo:
                if self.deadline is not None and time.monotonic() >= self.deadline:
                    raise OutOfTime
                todo.extend(self.advance(todo.pop(), source, context))

    def beginnings(self, source: Source) -> Iterator[tuple[Path, Context]]:
        """The paths with which the transitions of a source begin: its guard, and nothing done yet."""
        if source.activity is not None:
            activity = source.activity
            subject = activity.record.subject
            slot = 0 if isinstance(subject, Entity) and subject.owned else None
            context = self.context(source, slot)
            path = Path(source.node, 0 if slot is None else 1, source.locks, fair=not source.unfair, free=source.unfair)
            if self.may_halt(activity):
                path.fair, path.free = False, True
            path.in_atom = path.committed = source.in_atom
            counter = Place(self.evaluator.counter(activity.record), slot)
            self.evaluator.old(path, counter)
            path.guard[counter] = frozenset({source.label})
            if source.pick:
                assert activity.lock is not None
                for here in self.acquire(path, activity.lock, source, source.node.span):
                    here.lines.append(TraceLine(source.node.span, "begins", None, {}))
                    yield here, context
            else:
                path.lines += resumed(source.node)
                yield path, context
            return
        assert source.step is not None
        bind: dict[str, Symbolic] = {name: K(value) for name, value in source.binding}
        slots = [v.slot for _, v in source.binding if isinstance(v, Ref) and v.slot is not None]
        # a step is one transition: what it binds never lives on
        context = Context(STEP, (), "environment", bind=bind, lenient=True)
        path = Path(source.node, max((slot + 1 for slot in slots), default=0), NO_LOCK)
        path.lines.append(TraceLine(source.step.span, spoken(source.step.name), None, {}))
        for here, holds in self.evaluator.decide(source.step.when, path, context):
            if holds:
                for there, fair in self.evaluator.decide(source.step.fair, here, context):
                    after = there.copy()
                    after.fair, after.free = fair, not fair and source.step.promised
                    yield after, replace(context, lenient=False)
        self.evaluator.broken.clear()

    def context(self, source: Source, slot: int | None) -> Context:
        activity = source.activity
        assert activity is not None
        bind: dict[str, Symbolic] = {}
        subject = activity.record.subject
        value: Value = Ref(subject.pool, subject.index, slot) if isinstance(subject, Entity) else subject
        if activity.kind == "callback":
            callback = self.program.callbacks[activity.name.split("[")[0]]
            kind = self.program.kinds[activity.kinds[0]]
            bind[callback_subject(callback, kind)] = K(value)
        else:
            thread = next(t for t in self.program.threads if lane_of(t) == activity.name)
            if thread.variable is not None:
                bind[thread.variable] = K(value)
        return Context(activity.record, activity.kinds, activity.name, slot, bind, host=activity.host)

    def advance(self, path: Path, source: Source, context: Context) -> Iterator[Path]:
        """Execute one operation, or end the transition before it."""
        node = path.node
        if self.must_stop(path, node, source):
            self.finish(path, source, context, node)
            return
        touched_before = self.evaluator.touched
        self.evaluator.touched = set()
        here_context = source.driver_context if node.driver and not path.in_atom else context
        broken_from = len(self.evaluator.broken)
        self.evaluator.accesses = {}
        after = list(self.execute(path, node, source, here_context))
        if self.racing and source.activity is not None:
            source.accesses += accesses(self, path, node)
        if not path.in_atom and not isinstance(node.operation, UNSEEN):
            mover = self.is_mover(self.evaluator.touched, path, source)
            mover &= not isinstance(node.operation, flow.Put | flow.Take)
            mover &= len(self.evaluator.broken) == broken_from  # a violation is one: others may step before it
            if not mover and path.committed:
                del self.evaluator.broken[broken_from:]
                self.evaluator.touched = touched_before
                self.finish(path, source, context, node)
                return
            for there in after:
                there.nontrivial |= bool(self.shared(self.evaluator.touched))
                there.committed |= not mover
        elif path.in_atom:
            self.is_mover(self.evaluator.touched, path, source)
        self.evaluator.touched = touched_before
        for there, rule in self.evaluator.broken[broken_from:]:
            self.tested.add(rule)
            self.violate(there, rule, source)
        del self.evaluator.broken[broken_from:]
        split = len(after) > 1 and not path.in_atom
        for there in after:
            counts = not isinstance(node.operation, flow.Probe)  # transitions are the same with it and without it
            there.steps += counts
            there.forks += split
            if counts and not isinstance(node.operation, flow.Line):
                there.begun = None
            yield there

    def may_halt(self, activity: Activity) -> bool:
        """Whether nobody promises that it goes on."""
        return activity.kind == "thread" and self.program.options.get(typed.THREADS) == typed.WITHDRAWN

    def must_stop(self, path: Path, node: flow.Node, source: Source) -> bool:
        if source.activity is None:
            return False  # a step of the environment is one transition: what it awaits is part of its guard
        if not path.in_atom:
            # Joining takes for granted that what was begun is ended, and that a lock is got once it is free.
            if path.nontrivial and self.may_halt(source.activity):
                return True
            if path.acquired and self.program.options.get(typed.LOCKS) == typed.WITHDRAWN:
                return True
        match node.operation:
            case flow.Line() | flow.Test() | flow.Outcome() if self.stepwise and self.says_enough(path, node, source):
                return True
            case flow.Pause(head):
                if path.steps == 0:
                    return False
                return not head or node.number in path.heads
            case flow.Test() | flow.Fork() | flow.ChooseValue() if not path.in_atom:
                return path.forks >= MOST_FORKS
            case flow.Await() if path.in_atom:
                return any(self.domains.kinds[place.variable] != "local" for place in path.values)
            case flow.Await() | flow.Occurs():
                return path.nontrivial or path.committed
            case flow.End():
                return self.ends_seen and (path.nontrivial or path.committed)
            case flow.AtomBegin(heavy, acquires, waits):
                if path.committed and (heavy or acquires):
                    return True
                return (waits and path.nontrivial) or (acquires and bool(path.locks) and path.nontrivial)
            case _:
                return False

    def says_enough(self, path: Path, node: flow.Node, source: Source) -> bool:
        """Whether a statement of the driver is done, and the next one begins at the node."""
        own = len(path.lines) > len(resumed(source.node))
        done = path.begun is None or isinstance(node.operation, flow.Line)  # some statements execute nothing
        return node.driver and not path.in_atom and own and done

    def shared(self, touched: Iterable[int]) -> set[int]:
        return {variable for variable in touched if self.domains.kinds[variable] != "local"}

    def is_mover(self, touched: Iterable[int], path: Path, source: Source) -> bool:
        """Whether the accesses move both ways: locals, and variables of which each access holds one common lock."""
        mover = True
        for variable in self.shared(touched):
            if self.domains.kinds[variable] != "driver":
                mover = False
                continue
            source.protected.add(variable)
            before = self.protection.get(variable)
            now = path.locks if before is None else before & path.locks
            if now != before:
                self.protection[variable] = now
                if before is not None:
                    users = {s.number for s in self.sources if variable in s.protected and s is not source}
                    self.domains.dirty |= users | {source.number}
            mover &= bool(now)
        return mover

    # ------------------------------------------------------------ operations

    def execute(self, path: Path, node: flow.Node, source: Source, context: Context) -> Iterator[Path]:
        match node.operation:
            case flow.Set(target, value):
                for here, result in self.evaluator.eval(value, path, context):
                    yield from self.assign(here, target, result, source, context, node)
            case flow.Test(condition, otherwise):
                for here, holds in self.evaluator.decide(condition, path, context):
                    following = node.next if holds else otherwise
                    assert following is not None
                    yield to(here, following)
            case flow.Fork(ways):
                yield from (to(path, way) for way in ways)
            case flow.ChooseValue(target, values):
                for constant in values:
                    yield from self.assign(path, target, K(constant), source, context, node)
            case flow.Each(variable, sort, where, body):
                lenient = replace(context, lenient=True, driver=False)
                for here, found in self.evaluator.pick(variable, sort, where, path, lenient):
                    if found is None:
                        yield self.forward(here, node)
                    else:
                        there = to(here, body)
                        place = self.evaluator.local(variable, context)
                        self.evaluator.write(there, place, K(found))
                        yield there
            case flow.Await(condition):
                decided = list(self.evaluator.decide(condition, path, context))
                if self.evaluator.touched and not all(holds for _, holds in decided):
                    number = source.waits_here(path, None, condition, node.span)
                else:
                    number = frozenset()  # what is never awaited, or excluded by the arguments
                for here, holds in decided:
                    if holds:
                        there = self.forward(here, node)
                        there.waited |= number
                        yield there
            case flow.Emit(event, args):
                yield from self.emit(path, event, args, node, source, context)
            case flow.Require(condition, rule):
                self.tested.add(rule)
                for here, holds in self.evaluator.decide(condition, path, context):
                    if holds:
                        yield self.forward(here, node)
                    else:
                        self.violate(here, rule, source)
            case flow.Probe(rule, condition):
                for here, holds in self.evaluator.decide(condition, path, context):
                    if holds:
                        self.violate(here, rule, source)
                yield self.forward(path, node)
            case flow.Touch(field_of):
                for here, base in self.evaluator.targets(field_of.base, path, context):
                    yield from (self.forward(at, node) for at in self.evaluator.alive(here, base, context))
            case flow.Limit(words):
                self.violate(path, MODEL_BOUND, source, words)
            case flow.End():
                self.finish(path, source, context, None)
            case flow.Start() | flow.Inline() | flow.Enter() | flow.Acquire() | flow.Release():
                yield from self.synchronize(path, node, source, context)
            case flow.Put() | flow.Take():
                yield from self.line_up(path, node, context)
            case _:
                yield self.mark(path, node, context)

    def synchronize(self, path: Path, node: flow.Node, source: Source, context: Context) -> Iterator[Path]:
        """Operations on locks and on other activations."""
        match node.operation:
            case flow.Start(callback, kind, args):
                yield from self.start(path, callback, kind, args, source, context, node)
            case flow.Inline() as inline:
                self.calling_thread.assume_no_wait()
                self.calling_thread.check_inline(path, inline, node.call, source, context)
                yield self.forward(path, node)
            case flow.Enter() as enter:
                self.calling_thread.assume_no_wait()
                self.calling_thread.check_enter(path, enter, node.call, source, context)
                yield self.forward(path, node)
            case flow.Acquire(lock):
                for here, target in self.evaluator.targets(lock, path, replace(context, lenient=True)):
                    if isinstance(target, Obj):
                        waiting = self.acquire(here, target.name, source, node.span)
                        yield from (self.forward(at, node) for at in waiting)
                    else:
                        yield self.forward(here, node)
            case flow.Release(lock):
                for here, target in self.evaluator.targets(lock, path, replace(context, lenient=True)):
                    there = self.forward(here, node)
                    if isinstance(target, Obj):
                        self.release(there, target.name)
                    yield there
            case _:
                raise AssertionError(node.operation)

    def line_up(self, path: Path, node: flow.Node, context: Context) -> Iterator[Path]:
        """What is done to the line of requests is noted, and decides nothing here."""
        touched = set(self.evaluator.touched)
        match node.operation:
            case flow.Put(request, last):
                for here, target in self.evaluator.targets(request, path, context):
                    assert isinstance(target, Ref), target
                    there = self.forward(here, node)
                    there.turns.append(Turn(target, "last" if last else "first"))
                    yield there
            case flow.Take(request, variable, where):
                lenient = replace(context, lenient=True, driver=False)

                def satisfies(here: Path, rival: Ref) -> Decided:
                    yield from self.evaluator.decide(where, here, lenient.binding(variable, K(rival)))

                for here, target in self.evaluator.targets(request, path, context):
                    assert isinstance(target, Ref), target
                    for at, rivals in self.evaluator.rivals(here, target, satisfies):
                        there = self.forward(at, node)
                        there.turns.append(Turn(target, "taken", rivals))
                        yield there
            case _:
                raise AssertionError(node.operation)
        self.evaluator.touched = touched

    def mark(self, path: Path, node: flow.Node, context: Context) -> Path:
        """Operations that neither read nor write, but say how the transition looks and where it may end."""
        there = self.forward(path, node)
        match node.operation:
            case flow.Occurs(words, fair):
                there.fair, there.free, there.words = bool(fair), fair is False, words
                there.lines.append(TraceLine(node.span, words, None, dict(there.values)))
            case flow.Pause(head):
                if head:
                    there.heads |= {node.number}
            case flow.AtomBegin(heavy, acquires, _):
                there.in_atom = True
                there.committed |= heavy
                there.nontrivial |= heavy or acquires
            case flow.AtomEnd():
                there.in_atom = False
                if there.lines:
                    self.settle_result(there, context)
            case flow.Line(action, local):
                there.lines.append(TraceLine(node.span, action, local and f"={local}", dict(there.values)))
                there.begun = node
            case flow.Outcome(action, answer):
                there.lines.append(TraceLine(node.span, action, answer, dict(there.values)))
            case _:
                raise AssertionError(node.operation)
        return there

    def forward(self, path: Path, node: flow.Node) -> Path:
        assert node.next is not None, node.operation
        return to(path, node.next)

    def settle_result(self, path: Path, context: Context) -> None:
        """The line shows what the call returned, where that is the same for the whole transition."""
        line = path.lines[-1]
        if line.result is None or not line.result.startswith("="):
            return
        value = path.values.get(self.evaluator.local(line.result[1:], context))
        shown = shown_value(value.value) if isinstance(value, K) else None
        path.lines[-1] = replace(line, result=shown)

    def assign(
        self, path: Path, target: typed.Local | typed.FieldOf, value: Symbolic, source: Source, context: Context,
        node: flow.Node,
    ) -> Iterator[Path]:  # fmt: skip
        if isinstance(target, typed.Local):
            there = self.forward(path, node)
            self.evaluator.write(there, self.evaluator.local(target.name, context), value)
            yield there
            return
        for here, base in self.evaluator.targets(target.base, path, context):
            place = self.evaluator.field_place(base, target.field)
            assert place is not None, target
            alive = [here]
            if target.driver and context.driver:
                alive = list(self.evaluator.alive(here, base, context))
            bounds = self.evaluator.field_type(target.sort, target.field, base)
            for at in alive:
                result = self.evaluator.refreshed(at, value)
                inside: Path | None = at
                if isinstance(bounds, IntType):
                    inside, outside = self.evaluator.test(at, result, partial(in_range, bounds))
                    if outside is not None:
                        words = f"{target.field} leaves its range {bounds}"
                        self.violate(outside, MODEL_BOUND, source, words)
                if inside is not None:
                    there = self.forward(inside, node)
                    self.evaluator.write(there, place, result)
                    yield there

    def lock_place(self, lock: str) -> Place:
        return Place(self.domains.variable(("lock", lock), f"{lock}.held", False, False, "lock"), None)

    def acquire(self, path: Path, lock: str, source: Source, span: Span) -> Iterator[Path]:
        number = source.waits_here(path, lock, None, span)
        place = self.lock_place(lock)
        free, _ = self.evaluator.test(path, self.evaluator.read(path, place), lambda held: held is False)
        if free is not None:
            there = free.copy()
            self.evaluator.write(there, place, K(True))
            there.locks |= {lock}
            there.nontrivial = True
            there.acquired = lock
            there.waited |= number
            yield there

    def release(self, path: Path, lock: str) -> None:
        self.evaluator.write(path, self.lock_place(lock), K(False))
        path.locks -= {lock}
        path.committed = path.nontrivial = True

    def emit(
        self, path: Path, event: str, args: tuple[typed.Expr, ...], node: flow.Node, source: Source, context: Context
    ) -> Iterator[Path]:
        path = path.copy()
        path.events |= {event}
        if event not in self.observers.by_event:
            yield self.forward(path, node)
            return
        held = path.locks
        if event == "callback_ends" and source.activity is not None:
            path.locks -= {source.activity.lock or ""}  # the framework releases its own lock after the callback
        for here, values in self.evaluator.eval_all(args, path, context):
            for there, violated in self.observers.react(here, event, values, context):
                if violated is not None:
                    self.violate(there, violated, source)
                else:
                    after = self.forward(there, node)
                    after.locks = held
                    yield after

    # ------------------------------------------------------------ callbacks

    def start(
        self, path: Path, callback: typed.Expr, kind_name: str, args: tuple[typed.Expr, ...], source: Source,
        context: Context, node: flow.Node,
    ) -> Iterator[Path]:  # fmt: skip
        for here, value in self.evaluator.eval(callback, path, context):
            for there, name in self.evaluator.split(here, value):
                if name is None:
                    yield self.forward(there, node)
                    continue
                assert isinstance(name, str)
                kind = self.program.kinds[self.kind_of(name, kind_name)]
                for at, subject in self.evaluator.targets(args[0], there, context):
                    yield from self.activate(at, name, kind, subject, args, source, context, node)

    def kind_of(self, callback: str, wanted: str) -> str:
        kinds = self.program.callbacks[callback].kinds
        return wanted if wanted in kinds or not kinds else kinds[0]

    def activate(
        self, path: Path, name: str, kind: typed.Kind, subject: Value, args: tuple[typed.Expr, ...], source: Source,
        context: Context, node: flow.Node,
    ) -> Iterator[Path]:  # fmt: skip
        parameters = Context(bind={kind.parameters[0].name: K(subject)}, lenient=True)
        owner: Entity | Obj
        if isinstance(subject, Ref):
            owner, slot = self.evaluator.entity(subject), subject.slot
        else:
            assert isinstance(subject, Obj)
            owner, slot = subject, None
        for here, host in self.optional(kind.host, path, parameters, None if isinstance(subject, Ref) else subject):
            for there, lock in self.optional(kind.lock, here, parameters, None):
                pending = [there]
                for copy in range(max(kind.overlap, self.overlaps.get(kind.role, 1))):
                    record = Record(kind.role, owner, copy)
                    place = Place(self.evaluator.counter(record), slot)
                    following = []
                    for at in pending:
                        idle, busy = self.evaluator.test(at, self.evaluator.read(at, place), lambda v: v == IDLE)
                        if idle is not None:
                            yield from self.begin(idle, name, kind, record, place, host, lock, args, context, node)
                        if busy is not None:
                            following.append(busy)
                    pending = following
                if pending and kind.overlap > 1:
                    self.bounds.add(f"at most {kind.overlap} runs of {name} at once")
                    continue
                words = f"{name} is started again while it runs"
                if isinstance(subject, Ref):
                    self.raisable[words] = kind.role
                for at in pending:
                    self.violate(at, MODEL_BOUND, source, words)

    def optional(
        self, expr: typed.Expr | None, path: Path, context: Context, default: Value
    ) -> Iterator[tuple[Path, Value]]:
        if expr is None:
            yield path, default
            return
        for here, value in self.evaluator.eval(expr, path, context):
            for there, found in self.evaluator.split(here, value):
                assert not isinstance(found, frozenset)
                yield there, found if isinstance(found, Obj) else None

    def begin(
        self, path: Path, name: str, kind: typed.Kind, record: Record, place: Place, host: Value, lock: Value,
        args: tuple[typed.Expr, ...], context: Context, node: flow.Node,
    ) -> Iterator[Path]:  # fmt: skip
        callback = self.program.callbacks[name]
        lane = name
        if isinstance(record.subject, Entity) and record.subject != self.evaluator.received:
            lane = f"{name}[{cell_name(record.subject)}]"
        host_name = host.name if isinstance(host, Obj) else None
        lock_name = lock.name if isinstance(lock, Obj) else None
        kinds = (kind.name, *(other for other in callback.kinds if other != kind.name))
        activity = Activity(lane, record, kinds, host_name, lock_name, "callback")
        graph = self.callback_graph(name, kind)
        label = self.location(activity, graph, graph.entry, NO_LOCK, pick=lock_name is not None)
        inner = Context(record, activity.kinds, lane, place.slot)
        for here, values in self.evaluator.eval_all(args[1:], path, context):
            there = self.forward(here, node)
            self.evaluator.write(there, place, K(label))
            for at, value in zip(range(1, len(callback.parameters)), values, strict=False):
                if callback.parameters[at] in graph.live[graph.entry.number]:
                    self.evaluator.write(there, self.evaluator.local(callback.parameters[at], inner), value)
            yield there

    # ------------------------------------------------------------ ends of transitions

    def finish(self, path: Path, source: Source, context: Context, node: flow.Node | None) -> None:
        """The transition ends before `node`, or with the end of the activity."""
        live: frozenset[str] = frozenset()
        activity = source.activity
        after = path.copy()
        if (
            node is not None and after.begun is not None and not isinstance(node.operation, flow.Line | flow.Pause)
        ):  # nothing of the statement was executed: the next begins with it; a `return` ends a round without executing
            node = after.begun
            after.lines.pop()
        elif node is not None and isinstance(node.operation, flow.AtomBegin) and node.operation.action and after.lines:
            after.lines[-1] = replace(after.lines[-1], action=f"reads the arguments of {node.operation.action}")
        entry = source.graph.entry
        if node is not None and isinstance(node.operation, flow.Pause) and node.next is entry:
            node = entry  # a repeating thread has ended its round: it rests, and need not begin another
        if activity is not None:
            counter = Place(self.evaluator.counter(activity.record), context.slot)
            if node is None:
                if activity.lock is not None and activity.lock in path.locks:
                    self.release(after, activity.lock)
                after.values[counter] = K(IDLE)
            else:
                live = source.graph.live[node.number]
                label = self.location(activity, source.graph, node, after.locks, in_atom=path.in_atom)
                after.values[counter] = K(label)
        self.reset_locals(after, source, context, live)
        source.ways.append(Way(dict(after.guard), after.waited))
        source.templates.append(self.templates.template(after, source))

    def reset_locals(self, path: Path, source: Source, context: Context, live: frozenset[str]) -> None:
        """Locals that nobody reads any more get their initial value, so that states differing in rubbish coincide."""
        if source.activity is None:
            kept: dict[Place, Symbolic] = {
                place: value for place, value in path.values.items() if self.domains.kinds[place.variable] != "local"
            }
            path.values = kept | self.foreign_locals(path)
            return
        names = self.own_locals(source) - context.bind.keys()
        own = {self.evaluator.local(name, context): name for name in names}
        for place, name in own.items():
            if name in live:
                continue
            if name in source.graph.live[source.node.number]:
                path.values[place] = K(None)
            else:
                path.values.pop(place, None)

    def own_locals(self, source: Source) -> set[str]:
        names: set[str] = set(source.graph.live[source.node.number])
        if source.activity is not None:
            names.update(self.domains.locals.get((source.activity.record, source.activity.name), ()))
        return names

    def foreign_locals(self, path: Path) -> dict[Place, Symbolic]:
        """Parameters handed to callbacks that a step starts."""
        mine = self.domains.locals.get((STEP, "environment"), {}).values()
        return {
            place: value for place, value in path.values.items()
            if self.domains.kinds[place.variable] == "local" and place.variable not in mine
        }  # fmt: skip

    def violate(self, path: Path, rule: str, source: Source, words: str | None = None) -> None:
        source.templates.append(self.templates.template(path, source, rule, words))


class _Everything(frozenset[Value]):
    """A thread of the environment rests wherever it is."""

    def __contains__(self, item: object) -> bool:
        return True


EVERYTHING: frozenset[Value] = _Everything()


def to(path: Path, node: flow.Node) -> Path:
    after = path.copy()
    after.node = node
    return after


def in_range(bounds: IntType, value: Known) -> bool:
    return isinstance(value, int) and bounds.low <= value <= bounds.high


def resumed(node: flow.Node) -> list[TraceLine]:
    """The line of a transition that begins inside a statement of the driver."""
    match node.operation:
        case flow.Line() | flow.Outcome() | flow.End() | flow.Pause():
            return []
        case flow.AtomBegin(action=action, result=result) if action:
            return [TraceLine(node.span, action, result and f"={result}", {})]
        case _ if node.driver:
            return [TraceLine(node.span, " ".join(node.span.text.split()), None, {})]
        case _:
            return []


def lane_of(thread: typed.Thread) -> str:
    return thread.name if thread.subject is None else f"{thread.name} {thread.subject.name}"


def callback_subject(callback: typed.Callback, kind: typed.Kind) -> str:
    """The driver's name for the request or object that the callback is about."""
    return callback.parameters[0] if callback.parameters else kind.parameters[0].name


def spoken(name: str) -> str:
    return name.replace("_", " ")


def shown_value(value: object) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case None:
            return "NULL"
        case Obj(name):
            return name
        case _:
            return str(value)
