"""The whole pipeline: text, tree, typed driver, transition system, verdict, audited verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wdfmc import library
from wdfmc.depth import SHALLOW, NoRoom, with_room
from wdfmc.diagnostics import Diagnostic, Label, Rejected, Severity, did_you_mean
from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.language.reading import read
from wdfmc.progress import concerning
from wdfmc.semantics import typed
from wdfmc.semantics.check import BEHAVIOURS, analysed
from wdfmc.semantics.declarations import walk
from wdfmc.source import Source, Span
from wdfmc.verdict import ModelReport, Report, Result, Word

if TYPE_CHECKING:
    pass

STANDARD_TARGET = "answers"
RACING = 3  # processes of a race


@dataclass(frozen=True, slots=True)
class Options:
    """What a check is asked for. `depth` in transitions, `timeout` in seconds for the whole run.

    `widening`: seconds of a processor, for each model and behaviour of targets, for the proof that the number of
    requests does not matter; with 0 none is tried.
    """

    specs: tuple[Path, ...] = ()
    rules: tuple[str, ...] = ()
    requests: int = 2
    target: str | None = None
    engine: str = "auto"
    depth: int | None = None
    timeout: float | None = None
    jobs: int = 1
    coverage: bool = False  # also what of each driver can ever run
    evidence: bool = False  # also what it takes to check the verdicts again
    minimal: bool = False  # also which assumptions each proof of "eventually" needs
    widening: float = 60.0


@dataclass(frozen=True, slots=True)
class Model:
    """A text that is right: its program, and what is to be decided of it.

    `texts`: the model, what it imports, the specifications, the library.
    """

    path: str
    program: typed.Program
    goals: tuple[Goal, ...]
    warnings: tuple[Diagnostic, ...]
    texts: tuple[Source, ...]
    under: Callable[[Mapping[str, str]], typed.Program]  # the same text with other values of the library's options


@dataclass(frozen=True, slots=True)
class Goal:
    """A rule in an environment. `expected`: the verdict that the text expects, if it says so."""

    rule: str
    target: str
    expected: str | None


def check_models(paths: Sequence[Path | Source], options: Options, on_result: Callable[[str, Result], None]) -> Report:
    """Decide the selected rules of each model; `on_result` is called as soon as one is decided.

    Raises:
        Rejected: with every mistake in every text; then nothing was checked.
    """
    return check_read(read_texts(paths, options), options, on_result)


def check_read(texts: Texts, options: Options, on_result: Callable[[str, Result], None]) -> Report:
    """The same for texts that were read. Raises Rejected."""
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    try:
        return with_room(texts.deepest.levels, lambda: check_texts(texts, options, deadline, on_result))
    except NoRoom:
        raise Rejected([too_deep(texts.deepest)]) from None


def too_deep(text: ast.Text) -> Diagnostic:
    message = f"nested {text.levels} levels deep, and this Python cannot follow"
    help = "move inner parts to helpers, or split long chains of operators with a `define`"
    return Diagnostic("WDF115", message, (Label(Span(text.source, 0, 0)),), help)


def check_texts(
    texts: Texts, options: Options, deadline: float | None, on_result: Callable[[str, Result], None]
) -> Report:
    models, diagnostics = analysed_texts(texts, options)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    if side_by_side(len(models), options) and texts.deepest.levels <= SHALLOW:
        from wdfmc.parallel import check_in_processes

        checked = check_in_processes(models, options, deadline, on_result)
    else:
        checked = [check_model(model, options, deadline, on_result) for model in models]
    reports = [report for report, _ in checked]
    diagnostics += [item for _, found in checked for item in found]
    return Report(exit_code(reports, options), tuple(reports), tuple(diagnostics))


def side_by_side(models: int, options: Options) -> bool:
    """Whether processes are better spent on the models than on the engines that race for one of them."""
    racing = min(options.jobs, RACING) if options.engine == "auto" else 1
    return options.jobs > 1 and models > 1 and models >= racing


def check_model(
    model: Model, options: Options, deadline: float | None, on_result: Callable[[str, Result], None]
) -> tuple[ModelReport, list[Diagnostic]]:
    """What is decided of a model, and warnings about what of it never runs."""
    from wdfmc.decide import decide  # z3 and numpy are imported only when an engine runs

    results: list[Result] = []
    covered, never = None, list[Diagnostic]()
    with concerning(model.path):
        for result in decide(model, options, deadline):
            if options.minimal:
                from wdfmc.minimal import minimized

                result = minimized(model, result, options, deadline)
            on_result(model.path, result)
            results.append(result)
        if options.coverage:
            from wdfmc.coverage import coverage, never_run

            covered = coverage(model.program, options, deadline)
            never += never_run(model.program, covered)
    ordered = tuple(in_order(model, results))
    expected = {item.rule: item.span for item in reversed(model.program.expectations)}
    place = declared(model.program)
    return ModelReport(model.path, model.program.name, ordered, covered, model.texts, place, expected), never


def declared(program: typed.Program) -> Span | None:
    """The head of the first driver in the text."""
    driver = next((item for item in program.source.items if isinstance(item, ast.Driver)), None)
    if driver is None:
        return None
    return replace(driver.span, end=driver.span.start + len(driver.span.text.split("{")[0].rstrip()))


def in_order(model: Model, results: list[Result]) -> Iterator[Result]:
    """As the goals stand; then breaches of contracts that nobody asked for."""
    names = [goal.rule for goal in model.goals]
    yield from sorted(results, key=lambda item: names.index(item.rule) if item.rule in names else len(names))


def exit_code(reports: Sequence[ModelReport], options: Options) -> int:
    results = [result for report in reports for result in report.results]
    unexpected = any(r.verdict is Word.VIOLATED and r.expectation != "met" for r in results)
    if unexpected or any(r.expectation == "unmet" for r in results):
        return 1
    open_words = {Word.UNKNOWN} if options.engine == "bmc" else {Word.UNKNOWN, Word.BOUNDED}
    if any(r.verdict in open_words and r.expectation != "met" for r in results):
        return 3
    return 0


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Texts:
    """What was read for a check. models: name, text, and the texts that it imports."""

    models: tuple[tuple[str, ast.Text, list[ast.Text]], ...]
    specs: tuple[ast.Text, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def deepest(self) -> ast.Text:
        every = [part for _, text, imported in self.models for part in (text, *imported)]
        nothing = ast.Text(Source("", ""), ())
        return max((*every, *self.specs), key=lambda text: text.levels, default=nothing)


def read_texts(paths: Sequence[Path | Source], options: Options) -> Texts:
    diagnostics: list[Diagnostic] = []
    models: list[tuple[str, ast.Text, list[ast.Text]]] = []
    for path in paths:
        try:
            source = path if isinstance(path, Source) else read(path)
            text = parse(source)
            models.append((source.name, text, imports(text, Path(source.name))))
        except Rejected as rejected:
            diagnostics += rejected.diagnostics
    specs: list[ast.Text] = []
    for path in options.specs:
        try:
            specs.append(parse(read(path)))
        except Rejected as rejected:
            diagnostics += rejected.diagnostics
    return Texts(tuple(models), tuple(specs), tuple(diagnostics))


def loaded(paths: Sequence[Path | Source], options: Options) -> tuple[list[Model], list[Diagnostic]]:
    return analysed_texts(read_texts(paths, options), options)


def analysed_texts(texts: Texts, options: Options) -> tuple[list[Model], list[Diagnostic]]:
    diagnostics = list(texts.diagnostics)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        return [], diagnostics
    models = []
    for name, text, imported in texts.models:
        model, found = analysed_model(name, text, imported, texts.specs, options)
        diagnostics += [item for item in found if item not in diagnostics]
        if model is not None:
            models.append(model)
    return models, diagnostics


def imports(text: ast.Text, path: Path) -> list[ast.Text]:
    """The texts that a model imports, each once, depth first. Raises Rejected for a missing file or a cycle."""
    found: dict[Path, ast.Text] = {}

    def visit(current: ast.Text, at: Path, chain: tuple[Path, ...]) -> None:
        for item in current.items:
            if isinstance(item, ast.Import):
                target = import_target(item, at, chain)
                if target not in found:
                    part = parse(read(target))
                    visit(part, target, (*chain, target))
                    found[target] = part

    visit(text, path, (path.resolve(),))
    return list(found.values())


def import_target(item: ast.Import, importer: Path, chain: tuple[Path, ...]) -> Path:
    """The file that an import names. `chain`: the files whose imports led here."""
    target = (importer.parent / item.path).resolve()
    label = (Label(item.span),)
    if target in chain:
        circle = " -> ".join(step.name for step in (*chain[chain.index(target) :], target))
        message = f"the imports go round in a circle: {circle}"
        raise Rejected([Diagnostic("WDF210", message, label, "drop one of them")])
    if not target.is_file():
        beside = [file.name for file in target.parent.glob("*")] if target.parent.is_dir() else []
        message = f"there is no file `{item.path}` beside this text"
        raise Rejected([Diagnostic("WDF211", message, label, did_you_mean(target.name, beside))])
    return target


def analysed_model(
    name: str, text: ast.Text, imported: Sequence[ast.Text], specs: Sequence[ast.Text], options: Options
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    framework, built_in = library_texts()
    program, diagnostics = analysed(text, [*framework, *imported], [*built_in, *specs])
    if program is None:
        return None, diagnostics
    goals, wrong = selected(program, text, specs, options)
    texts = tuple(each.source for each in (text, *imported, *specs, *framework, *built_in))
    under = partial(program_under, text, tuple(imported), tuple(specs))
    return (None if wrong else Model(name, program, goals, diagnostics, texts, under)), (*diagnostics, *wrong)


def program_under(
    text: ast.Text, imported: tuple[ast.Text, ...], specs: tuple[ast.Text, ...], settings: Mapping[str, str]
) -> typed.Program:
    framework, built_in = library_texts()
    other, _ = analysed(text, [*framework, *imported], [*built_in, *specs], settings)
    assert other is not None, settings
    return other


def library_texts() -> tuple[list[ast.Text], list[ast.Text]]:
    texts = library.texts()
    framework = [text for text in texts if text.source.name.endswith(".wdf")]
    return framework, [text for text in texts if text.source.name.endswith(".wdfspec")]


def check_text(text: str, name: str = "<text>", options: Options | None = None) -> Report:
    """Check a model given as text, for notebooks and tests. Raises Rejected."""
    return check_models([Source(name, text)], options or Options(), lambda path, result: None)


# ---------------------------------------------------------------- which rules


def selected(
    program: typed.Program, text: ast.Text, specs: Sequence[ast.Text], options: Options
) -> tuple[tuple[Goal, ...], list[Diagnostic]]:
    """--rule names rules; else --spec gives those that it declares or uses; else all on by default or expected."""
    wrong = []
    if options.rules:
        names = list(options.rules)
        for name in names:
            if name not in program.rules:
                wrong.append(Diagnostic("WDF208", f"there is no rule `{name}`", (), did_you_mean(name, program.rules)))
    elif specs:
        names = [name for spec in specs for name in named_by(spec)]
        if not names:
            wrong.append(Diagnostic("WDF506", "no rule is selected: the specification declares and uses none"))
    else:
        own = [item.name for item in text.items if isinstance(item, ast.Rule)]
        expected = [item.rule for item in program.expectations]
        names = [name for name, rule in program.rules.items() if rule.default or name in own or name in expected]
    if wrong:
        return (), wrong
    goals: dict[tuple[str, str], Goal] = {}
    for name in dict.fromkeys(names):
        for target in targets(program, name, options):
            goals[name, target] = Goal(name, target, expectation(program, name, target))
    return tuple(goals.values()), wrong


def named_by(spec: ast.Text) -> list[str]:
    found = []
    for item in spec.items:
        if isinstance(item, ast.Rule):
            found.append(item.name)
        found += [name.id for node in walk(item) if isinstance(node, ast.Use) for name in node.rules]
    return found


def targets(program: typed.Program, rule: str, options: Options) -> list[str]:
    """The behaviours of targets under which a rule is checked: the chosen one, or its own and the expected ones."""
    if options.target is not None:
        return [options.target]
    return list(dict.fromkeys([default_target(program, rule), *(
        item.target for item in program.expectations if item.rule == rule and item.target is not None
    )]))  # fmt: skip


def default_target(program: typed.Program, rule: str) -> str:
    return next((word for word in program.rules[rule].assuming if word in BEHAVIOURS), STANDARD_TARGET)


def expectation(program: typed.Program, rule: str, target: str) -> str | None:
    """`with target T` binds an expectation to T; without it to the rule's own environment."""
    for item in program.expectations:
        own = default_target(program, rule) if rule in program.rules else STANDARD_TARGET
        if item.rule == rule and (item.target or own) == target:
            return item.verdict
    return None


def with_target(program: typed.Program, behaviour: str, override: bool) -> typed.Program:
    """The program in an environment in which targets behave so.

    Args:
        override: also targets of which the text says otherwise.
    """
    objects = {
        name: replace(item, constants={**item.constants, "behaviour": typed.Const(behaviour)})
        if item.sort == "target" and (override or name not in program.explicit_targets) else item
        for name, item in program.objects.items()
    }  # fmt: skip
    return replace(program, objects=objects)
