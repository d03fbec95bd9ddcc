"""Tree to typed driver: names resolved, types checked, defines expanded, calls hoisted out of expressions.

`analysed` collects every mistake it can find; `analyse` raises them, as one `Rejected`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label, Rejected, Severity
from wdfmc.language import ast
from wdfmc.semantics import typed
from wdfmc.semantics.bodies import Bodies
from wdfmc.semantics.declarations import Tables, walk
from wdfmc.semantics.expressions import Scope
from wdfmc.semantics.single_steps import check_single_steps
from wdfmc.semantics.types import BoolType, CallbackType, EnumType, IntType, RefType
from wdfmc.semantics.uses import Uses
from wdfmc.source import Span
from wdfmc.system.system import Obj

BEHAVIOURS: Final = ("answers", "honours", "silent")
VERDICTS: Final = ("proved", "violated", "vacuous", "skipped", "unknown")


def analyse(text: ast.Text, library: Sequence[ast.Text], rules: Sequence[ast.Text] = ()) -> typed.Program:
    """Check one model against the framework library and the rules.

    Args:
        text: the driver, or stacked drivers, perhaps with framework items of its own.
        library: framework texts, and texts that the model imports.
        rules: rule texts, built in and the user's own.

    Raises:
        Rejected: with every mistake found. Warnings alone do not reject.
    """
    program, diagnostics = analysed(text, library, rules)
    if program is None or any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    return program


def analysed(
    text: ast.Text, library: Sequence[ast.Text], rules: Sequence[ast.Text], settings: Mapping[str, str] | None = None
) -> tuple[typed.Program | None, tuple[Diagnostic, ...]]:
    """As `analyse`, with everything to report; None for a program with a mistake.

    settings: values of options, whatever the text itself chooses.
    """
    shared = [item for part in (*library, *rules) for item in part.items]
    tables = Tables()
    tables.declare(shared)
    drivers = declare_own(tables, text)
    tables.define_text |= {i.name: "rule" for part in rules for i in part.items if isinstance(i, ast.Define)}
    for item in [*shared, *text.items]:
        collect_kinds(tables, item)
    bodies = Bodies(tables)
    for driver in drivers:
        apply_environment(tables, bodies, driver)
    for option, value in (settings or {}).items():
        tables.options[option] = tables.options[option][0], value
    program = assemble(tables, bodies, text, shared, list(text.items), drivers)
    return program, tuple(tables.diagnostics)


def declare_own(tables: Tables, text: ast.Text) -> list[ast.Driver]:
    """What a text declares beside what the library does; its drivers."""
    tables.declare(text.items)
    drivers = [item for item in text.items if isinstance(item, ast.Driver)]
    stacks = [item for item in text.items if isinstance(item, ast.Stack)]
    check_drivers(tables, text, drivers, stacks)
    below = {stack.lower for stack in stacks}
    positions = {driver.name: "below" if driver.name in below else "top" for driver in drivers}
    tables.define_text |= {i.name: "driver" for d in drivers for i in d.items if isinstance(i, ast.Define)}
    for driver in drivers:
        tables.declare_driver(driver, positions[driver.name])
    for stack in stacks:
        tables.pools.append(typed.Pool(f"{stack.lower}Request", 1, True, "below", stack.lower))
    for driver in drivers:
        tables.build_objects(driver, positions[driver.name])
    for driver in drivers:
        tables.declare_contexts(driver)
    return drivers


@dataclass(frozen=True)
class Base:
    """What a library declares, ready for texts that are examined beside it. `stated`: the rules that calls require."""

    tables: Tables
    rules: Mapping[str, Span]
    stated: frozenset[str]


def base(library: Sequence[ast.Text], rules: Sequence[ast.Text]) -> Base:
    tables = Tables()
    shared = [item for part in (*library, *rules) for item in part.items]
    tables.declare(shared)
    tables.define_text |= {i.name: "rule" for part in rules for i in part.items if isinstance(i, ast.Define)}
    named = {item.name: item.span for item in shared if isinstance(item, ast.Rule)}
    return Base(tables, named, stated(shared))


def examined(text: ast.Text, base: Base, text_of_rules: bool = False) -> Tables:
    """What is wrong with a text, as `analysed` finds it, and what its names stand for; the library is taken as right.

    Nothing of the library is read again: that is nine tenths of the work of `analysed`.

    Args:
        text_of_rules: its definitions may speak of events.
    """
    tables = base.tables.copied()
    tables.uses = Uses(text.source)
    drivers = declare_own(tables, text)
    if text_of_rules:
        tables.define_text |= {item.name: "rule" for item in text.items if isinstance(item, ast.Define)}
    for item in text.items:
        collect_kinds(tables, item)
    bodies = Bodies(tables)
    for driver in drivers:
        apply_environment(tables, bodies, driver)
    for name in tables.kinds.keys() - base.tables.kinds.keys():
        bodies.kind(name, tables.kinds[name])
    own = list(text.items)
    read = read_bodies(tables, bodies, own, drivers)
    check_recursion(tables, read.routines)
    check_single_steps(tables, read.steps, read.routines)
    check_rule_names(tables, base.rules.keys() | read.rules.keys(), read.expectations, own)
    for name in [name for name in read.rules if name in base.rules]:
        tables.error("WDF503", f"the rule `{name}` is declared twice", read.rules[name].span, None,
                     Label(base.rules[name], "first declared here"))  # fmt: skip
    check_assumptions(tables, read.rules)
    check_contracts(tables, base.stated | stated(own), own)
    check_unwritten(tables, drivers, own)
    return tables


def examined_within(text: ast.Text, library: Sequence[ast.Text], rules: Sequence[ast.Text], driver: ast.Text) -> Tables:
    """As `examined`, of a text that is one of the library itself; beside a driver, since a program has one."""
    shared = [item for part in (*library, *rules) for item in part.items]
    tables = Tables()
    tables.uses = Uses(text.source)
    tables.declare(shared)
    drivers = declare_own(tables, driver)
    tables.define_text |= {i.name: "rule" for part in rules for i in part.items if isinstance(i, ast.Define)}
    bodies = Bodies(tables)
    for name, node in tables.kinds.items():
        bodies.kind(name, node)
    read = read_bodies(tables, bodies, shared, drivers)
    check_recursion(tables, read.routines)
    check_single_steps(tables, read.steps, read.routines)
    check_rule_names(tables, read.rules.keys(), (), text.items)
    check_assumptions(tables, read.rules)
    return tables


def check_drivers(tables: Tables, text: ast.Text, drivers: list[ast.Driver], stacks: list[ast.Stack]) -> None:
    names = [driver.name for driver in drivers]
    if not drivers:
        tables.error("WDF401", "this text declares no driver", Span(text.source, 0, 0), "write `driver Name { ... }`")
    for stack in stacks:
        for name in (stack.upper, stack.lower):
            if name not in names:
                tables.unknown("WDF201", "driver", name, names, stack.span)
    stacked = {name for stack in stacks for name in (stack.upper, stack.lower)}
    if len(drivers) > 1:
        for driver in drivers:
            if driver.name not in stacked:
                stack_them = f"say how they are stacked: `stack {names[0]} over {names[1]};`, or use two files"
                tables.error("WDF402", f"`{driver.name}` stands beside another driver", driver.span, stack_them)


def collect_kinds(tables: Tables, item: object) -> None:
    """As which kinds a callback is passed to DDIs, or kept in a variable."""
    for node in walk(item):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in tables.callbacks:
            for kind in kept_kinds(tables, node.target):
                tables.callback_kinds.setdefault(node.value.id, []).append(kind)
        if isinstance(node, ast.Call) and isinstance(node.callee, ast.Name) and node.callee.id in tables.routines:
            for parameter, arg in zip(tables.routines[node.callee.id].parameters, node.args, strict=False):
                named = isinstance(parameter.type, ast.NamedType) and parameter.type.name in tables.kinds
                if named and isinstance(arg, ast.Name) and arg.id in tables.callbacks:
                    assert isinstance(parameter.type, ast.NamedType)
                    tables.callback_kinds.setdefault(arg.id, []).append(parameter.type.name)


def kept_kinds(tables: Tables, target: ast.Expr) -> Iterator[str]:
    """The kinds of callbacks that a variable or a field of this name may have."""
    match target:
        case ast.Name(name) if name in tables.contexts:
            fields = [tables.contexts[name][2]]
        case ast.Access(_, name):
            fields = [sort.fields[name] for sort in tables.sorts.values() if name in sort.fields]
        case _:
            fields = []
    yield from (field.type.kind for field in fields if isinstance(field.type, CallbackType))


def apply_environment(tables: Tables, bodies: Bodies, driver: ast.Driver) -> None:
    for item in driver.items:
        match item:
            case ast.Hardware(name, condition):
                found = tables.objects.get(name)
                if found is None or "fires" not in tables.sorts[found.sort].fields:
                    known = [n for n, o in tables.objects.items() if "fires" in tables.sorts[o.sort].fields]
                    tables.unknown("WDF409", "interrupt", name, known, item.span)
                else:
                    fires = bodies.condition(condition, Scope("driver"))
                    tables.objects[name] = replace(found, constants={**found.constants, "fires": fires})
            case ast.Environment(settings):
                for setting in settings:
                    apply_setting(tables, setting)
            case _:
                pass


def apply_setting(tables: Tables, setting: ast.Setting) -> None:
    words = [word.id for word in setting.words]
    match words:
        case ["target", *names, behaviour] if len(names) <= 1:
            if behaviour not in BEHAVIOURS:
                tables.unknown("WDF215", "target behaviour", behaviour, BEHAVIOURS, setting.span)
                return
            targets = [name for name, item in tables.objects.items() if item.sort == "target"]
            if names and names[0] not in targets:
                tables.unknown("WDF201", "target", names[0], targets, setting.span)
                return
            for name in names or targets:
                found = tables.objects[name]
                constants = {**found.constants, "behaviour": typed.Const(behaviour)}
                tables.objects[name] = replace(found, constants=constants)
                tables.explicit_targets.add(name)
        case [option, value] if option in tables.options:
            kind, _ = tables.options[option]
            if value not in kind.members:
                tables.unknown("WDF215", f"value of `{option}`", value, kind.members, setting.span,
                               "one of " + ", ".join(f"`{member}`" for member in kind.members))  # fmt: skip
            else:
                tables.options[option] = kind, value
        case _:
            tables.unknown("WDF215", "setting", words[0], ["target", *tables.options], setting.span,
                           "for example `power on;`, `target honours;`")  # fmt: skip


@dataclass
class Read:
    """The bodies of a text, checked."""

    steps: list[typed.Step] = field(default_factory=list)
    threads: list[typed.Thread] = field(default_factory=list)
    routines: dict[str, typed.Routine] = field(default_factory=dict)
    callbacks: dict[str, typed.Callback] = field(default_factory=dict)
    rules: dict[str, typed.Rule] = field(default_factory=dict)
    expectations: list[typed.Expectation] = field(default_factory=list)


def read_bodies(tables: Tables, bodies: Bodies, listed: Sequence[ast.Item], drivers: Sequence[ast.Driver]) -> Read:
    """Checks every body, in an order in which the types of helpers' parameters are known."""
    read = Read()
    items: list[tuple[ast.Item | ast.DriverItem, ast.Driver | None]] = [(item, None) for item in listed]
    items += [(item, driver) for driver in drivers for item in callers_first(driver)]
    for item, driver in items:
        match item:
            case ast.Ddi(name) | ast.Helper(name):
                for key in tables.versions.get(name, [name]):
                    if tables.routines.get(key) is item:
                        read.routines[key] = bodies.routine(item, driver is not None)
            case ast.CallbackBody(name) if driver is not None and tables.callbacks.get(name) is item:
                read.callbacks[name] = bodies.callback(item, driver.name)
            case ast.Step():
                read.steps.append(bodies.step(item, None))
            case ast.Loop(lines=lines):
                read.steps.extend(bodies.step(line, item) for line in lines)
            case ast.Thread(sort=None):
                read.threads.append(bodies.thread(item, None, driver is not None))
            case ast.Thread(sort=str(sort)):
                for name, found in tables.objects.items():
                    if found.sort == tables.object_sort(sort):
                        read.threads.append(bodies.thread(item, Obj(name), driver is not None))
            case ast.Rule(name):
                if name in read.rules:
                    tables.error("WDF503", f"the rule `{name}` is declared twice", item.span, None,
                                 Label(read.rules[name].span, "first declared here"))  # fmt: skip
                else:
                    read.rules[name] = bodies.rule(item)
            case ast.Expect(verdict, rule, target):
                check_expectation(tables, item, verdict, target)
                read.expectations.append(typed.Expectation(verdict, rule, target, span=item.span))
            case _:
                pass
    return read


def assemble(
    tables: Tables, bodies: Bodies, text: ast.Text, shared: list[ast.Item], own: list[ast.Item],
    drivers: list[ast.Driver],
) -> typed.Program | None:  # fmt: skip
    kinds = {name: bodies.kind(name, node) for name, node in tables.kinds.items()}
    read = read_bodies(tables, bodies, [*shared, *own], drivers)
    check_recursion(tables, read.routines)
    check_single_steps(tables, read.steps, read.routines)
    check_rule_names(tables, read.rules.keys(), read.expectations, own)
    check_assumptions(tables, read.rules)
    check_contracts(tables, stated([*shared, *own]), own)
    check_unwritten(tables, drivers, own)
    alive = alive_defines(tables, bodies)
    if any(item.severity is Severity.ERROR for item in tables.diagnostics):
        return None
    return typed.Program(
        " over ".join(driver.name for driver in drivers), tables.sorts, tables.objects, tuple(tables.pools), kinds,
        read.callbacks, read.routines, tuple(read.steps), tuple(read.threads), tables.events, tables.statuses, alive,
        read.rules, tuple(read.expectations), frozenset(tables.explicit_targets),
        {name: value for name, (_, value) in tables.options.items()}, promises(tables, [*shared, *own], read.threads),
        text,
    )  # fmt: skip


def promises(tables: Tables, items: Sequence[ast.Item], threads: Sequence[typed.Thread]) -> dict[str, tuple[str, ...]]:
    """The options on which the fairness of steps, of running threads and of locks depends, with their values."""
    running = {thread.name for thread in threads if typed.truth(thread.when) is not False}
    found = {typed.THREADS, typed.LOCKS}
    for item in items:
        match item:
            case ast.Step(fair=fair) | ast.Loop(fair=fair):
                found |= {node.id for node in walk(fair) if isinstance(node, ast.Name)}
            case ast.Thread(name) if name in running:
                occurs = [node.fair for node in walk(item) if isinstance(node, ast.Occurs)]
                found |= {node.id for node in walk(tuple(occurs)) if isinstance(node, ast.Name)}
            case _:
                pass
    return {name: kind.members for name, (kind, _) in tables.options.items() if name in found}


def callers_first(driver: ast.Driver) -> list[ast.DriverItem]:
    """Helpers after those who call them: the types of their parameters may come from there."""
    helpers = {item.name: item for item in driver.items if isinstance(item, ast.Helper)}
    calls = {name: [n for n in called_in(item) if n in helpers] for name, item in helpers.items()}
    ordered: list[ast.DriverItem] = [item for item in driver.items if not isinstance(item, ast.Helper)]
    placed: list[str] = []

    def place(name: str, above: tuple[str, ...]) -> None:
        """In reverse: whatever a helper calls is placed before it."""
        if name not in placed and name not in above:
            for callee in calls[name]:
                place(callee, (*above, name))
            placed.append(name)

    for name in helpers:
        place(name, ())
    return ordered + [helpers[name] for name in reversed(placed)]


def called_in(item: ast.Node) -> list[str]:
    return [n.callee.id for n in walk(item) if isinstance(n, ast.Call) and isinstance(n.callee, ast.Name)]


def alive_defines(tables: Tables, bodies: Bodies) -> dict[str, tuple[str, typed.Expr]]:
    """When the driver's context of an object that comes and goes may be used: `define alive(r)`, `alive_file(f)`."""
    found: dict[str, tuple[str, typed.Expr]] = {}
    for name, sort in tables.sorts.items():
        define = tables.defines.get("alive" if sort.dynamic else f"alive_{name}")
        if define is not None and len(define.parameters) == 1:
            argument: typed.Expr = typed.Local("alive$")
            found[name] = "alive$", bodies.expand_with(define, [(argument, RefType(name, False, name))])[0]
    return found


def check_expectation(tables: Tables, item: ast.Expect, verdict: str, target: str | None) -> None:
    if verdict not in VERDICTS:
        tables.unknown("WDF502", "verdict", verdict, VERDICTS, item.span)
    if target is not None and target not in BEHAVIOURS:
        tables.unknown("WDF215", "target behaviour", target, BEHAVIOURS, item.span)


def check_rule_names(
    tables: Tables, rules: Set[str], expectations: Sequence[typed.Expectation], own: Sequence[ast.Item]
) -> None:
    for item in own:
        for node in walk(item):
            if isinstance(node, ast.Requires) and node.rule not in rules:
                tables.unknown("WDF208", "rule", node.rule, rules, node.span)
            if isinstance(node, ast.Use):
                for name in node.rules:
                    if name.id not in rules:
                        tables.unknown("WDF208", "rule", name.id, rules, name.span)
    for expectation in expectations:
        if expectation.rule not in rules:
            tables.unknown("WDF208", "rule", expectation.rule, rules, expectation.span, "`wdfmc rules` lists them")


def check_assumptions(tables: Tables, rules: Mapping[str, typed.Rule]) -> None:
    """What a rule assumes is something that can be assumed."""
    known = [*BEHAVIOURS, *tables.options]
    for rule in rules.values():
        for word in rule.assuming:
            if word not in known:
                tables.unknown("WDF215", "assumption", word, known, rule.span, "for example `assuming answers, ticks;`")


def stated(items: Iterable[ast.Item]) -> frozenset[str]:
    """The rules that stand for what calls require."""
    return frozenset(node.rule for item in items for node in walk(item) if isinstance(node, ast.Requires))


def check_contracts(tables: Tables, stated: Set[str], own: Sequence[ast.Item]) -> None:
    """A rule of the model that stands for what calls require is named by one."""
    for item in own:
        if isinstance(item, ast.Rule) and isinstance(item.body, ast.ByContract) and item.name not in stated:
            tables.error("WDF504", f"no call requires `{item.name}`", item.span,
                         f"write `requires ... else {item.name};` in a `ddi`, or a formula here")  # fmt: skip


def check_unwritten(tables: Tables, drivers: Iterable[ast.Driver], own: Iterable[ast.Item]) -> None:
    """A variable that keeps its first value, and was not given one, stands for an event that was forgotten."""
    if any(item.severity is Severity.ERROR for item in tables.diagnostics):
        return  # of a wrong text not every assignment is known
    read = {node.id for item in [*drivers, *own] for node in walk(item) if isinstance(node, ast.Name)}
    for variable in (variable for driver in drivers for item in driver.items for variable in fields_of(item)):
        name = variable.name
        known = tables.contexts.get(name)
        if known is None or variable.initial is not None or name in tables.written or name not in read:
            continue
        if isinstance(known[2].type, BoolType | IntType | EnumType | RefType):
            tables.warn("WDF216", f"`{name}` is read, but never written", variable.span,
                        f"assign it where it changes, or write `{name} : ... = ...;` if it is a constant")  # fmt: skip


def fields_of(item: ast.Item | ast.DriverItem) -> tuple[ast.Field, ...]:
    return item.fields if isinstance(item, ast.Context) else ()


def check_recursion(tables: Tables, routines: dict[str, typed.Routine]) -> None:
    calls = {name: {node.routine for node in invocations(routine.body)} for name, routine in routines.items()}
    done: set[str] = set()

    def visit(name: str, stack: tuple[str, ...]) -> None:
        if name in stack:
            tables.error("WDF214", f"`{name}` calls itself", routines[name].span,
                         "helpers are expanded in place; use a loop or a variable")  # fmt: skip
            done.add(name)
        elif name not in done:
            for callee in sorted(calls.get(name, ())):
                visit(callee, (*stack, name))
            done.add(name)

    for name in routines:
        visit(name, ())


def invocations(block: typed.Block) -> Iterable[typed.Invoke]:
    for statement in block:
        match statement:
            case typed.Invoke():
                yield statement
            case typed.If(then=then, otherwise=otherwise):
                yield from invocations(then)
                yield from invocations(otherwise)
            case typed.While(before=before, body=body):
                yield from invocations(before)
                yield from invocations(body)
            case typed.ForEach(body=body) | typed.Atomic(body=body):
                yield from invocations(body)
            case typed.Choose(alternatives=alternatives):
                for alternative in alternatives:
                    yield from invocations(alternative)
            case _:
                pass
