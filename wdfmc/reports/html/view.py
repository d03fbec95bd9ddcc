"""A review as the templates want it: every word chosen, nothing escaped yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from wdfmc import library
from wdfmc.lanes import Lane
from wdfmc.reports.covered import said, sums, worth_telling
from wdfmc.reports.html.colouring import coloured
from wdfmc.reports.html.swimlane import APART, ASIDE, ROW, Row, Swimlane, Token, swimlane
from wdfmc.reports.invariant import OVERLAPPING, UNTOUCHED, grouped
from wdfmc.reports.page import PIPE
from wdfmc.reports.phrases import (
    assumed,
    counts,
    ending,
    is_library,
    last_owners,
    place,
    plural,
    verdict_phrase,
)
from wdfmc.reports.text import common
from wdfmc.source import Source, Span
from wdfmc.verdict import Covered, ModelReport, Result, Trace, Word

if TYPE_CHECKING:
    from wdfmc.matrix import Act, Cell, Matrix
    from wdfmc.matrix import Row as MatrixRow
    from wdfmc.review import Review

AUDITS: Final = {
    "replayed": "trace replayed two ways",
    "certified": "invariant proved again",
    "exhaustive": "all states visited",
    "none": "",
}
ENGINES: Final = {"domains": "no step of the model can break it", "none": ""}  # where nothing is left to audit
MEANING: Final[Mapping[int, str]] = {
    0: "Nothing is violated or open that was not expected.",
    1: "A rule is violated that was not expected to be, or an expectation is not met.",
    3: "Something stayed undecided.",
    130: "Interrupted: only what was already decided is shown.",
}


KINDS: Final[Mapping[Word, str]] = {
    Word.VIOLATED: "bad",
    Word.UNKNOWN: "warn",
    Word.BOUNDED: "warn",
    Word.VACUOUS: "warn",
    Word.PROVED: "good",
    Word.SKIPPED: "dim",
}
ORDER: Final = tuple(KINDS)  # of the table
MOST_NAMED: Final = 3  # drivers in the title


@dataclass(frozen=True, slots=True)
class Pill:
    """A verdict in one word, and the class of its colour."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the table. `anchor`: of its trace or its proof further down, if it has one."""

    rule: str
    sentence: str
    pill: Pill
    phrase: str
    assumptions: tuple[int, ...]
    evidence: str
    seconds: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a text, as an index into the texts of the page."""

    text: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Step:
    row: Row
    number: int
    where: str
    model: Place | None  # the line of the driver
    library: Place | None  # what the framework does in it, in the words of the library


@dataclass(frozen=True, slots=True)
class Violation:
    anchor: str
    rule: str
    sentence: str
    pill: Pill
    phrase: str
    ending: str
    lanes: Swimlane
    steps: tuple[Step, ...]
    loop: int | None
    owners: tuple[tuple[str, str], ...]  # each request and its state when the trace ends

    @property
    def lost(self) -> int | None:
        return next((step.number for step in self.steps if step.row.mark == "lost"), None)

    @property
    def decided(self) -> int | None:
        return next((step.number for step in self.steps if step.row.mark == "decided"), None)


@dataclass(frozen=True, slots=True)
class Proof:
    anchor: str
    rules: tuple[str, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class CodeLine:
    """`kind`: what is known of it: run, part, never, open; empty where there is nothing to run."""

    number: int
    code: Markup
    kind: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoverageView:
    summary: str
    never: tuple[tuple[int, str], ...]
    lines: tuple[CodeLine, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActsView:
    """What one actor does in a cell. `lines`: of the driver's own text, to link to; or of another text, as words."""

    who: str
    lines: tuple[int, ...]
    elsewhere: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellView:
    """`becomes`: other states of the request right after the event. `breaks`: contracts, with the anchor of each."""

    pill: Pill
    becomes: tuple[str, ...]
    acts: tuple[ActsView, ...]
    by_itself: tuple[ActsView, ...]
    breaks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MatrixView:
    """`events`: and whether no cell has them. `rows`: with a cell for each. `absent`: states that no run reaches."""

    summary: str
    notes: tuple[str, ...]
    events: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[MatrixRow, tuple[CellView, ...]], ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    anchor: str
    path: str
    driver: str
    pill: Pill
    tally: tuple[tuple[Pill, int], ...]
    verdicts: tuple[Verdict, ...]
    skipped: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]  # from number 1 on
    environment: tuple[tuple[str, str], ...]
    breaches: tuple[str, ...]
    bounds: tuple[str, ...]
    violations: tuple[Violation, ...]
    proofs: tuple[Proof, ...]
    coverage: CoverageView | None
    matrix: MatrixView | None


@dataclass
class Texts:
    """The texts that the page shows, each once. Library texts only where a step leads there."""

    sources: list[Source] = field(default_factory=list)

    def place(self, span: Span) -> Place:
        if span.source not in self.sources:
            self.sources.append(span.source)
        first, _ = span.source.position(span.start)
        last, _ = span.source.position(max(span.start, span.end - 1))
        return Place(self.sources.index(span.source), first, last)

    @property
    def coloured(self) -> tuple[tuple[str, tuple[Markup, ...]], ...]:
        return tuple((source.name, tuple(coloured(source))) for source in self.sources)


@dataclass(frozen=True, slots=True)
class PageView:
    title: str
    pill: Pill
    summary: str
    meaning: str
    models: tuple[ModelView, ...]
    texts: tuple[tuple[str, tuple[Markup, ...]], ...]
    warnings: tuple[tuple[str, str, str, str], ...]  # code, message, place, help


def page_view(review: Review) -> PageView:
    report = review.report
    texts = Texts()
    names = Names()
    models = tuple(model_view(model, review, texts, names) for model in report.models)
    title = ", ".join(model.driver or model.path for model in models[:MOST_NAMED])
    title += f" and {len(models) - MOST_NAMED} more" if len(models) > MOST_NAMED else ""
    results = [result for model in report.models for result in model.results]
    warnings = tuple(
        (item.code, item.message, place(item.labels[0].span, "") if item.labels else "", item.help or "")
        for item in report.diagnostics
    )
    meaning = MEANING.get(report.exit, "")
    return PageView(title, overall(results), counts(report), meaning, models, texts.coloured, warnings)


@dataclass
class Names:
    """Anchors: the rule, if no other part of the page has its name; else with the driver, else with a number."""

    taken: set[str] = field(default_factory=set)

    def new(self, *candidates: str) -> str:
        for name in candidates:
            if name not in self.taken:
                break
        else:
            name = next(n for at in range(2, len(self.taken) + 3) if (n := f"{candidates[-1]}-{at}") not in self.taken)
        self.taken.add(name)
        return name


def overall(results: Sequence[Result]) -> Pill:
    """The worst of the verdicts, in one word."""
    if any(result.expectation == "unmet" for result in results):
        return Pill("not as expected", "bad")
    if any(result.verdict is Word.VIOLATED and result.expectation != "met" for result in results):
        return Pill("violated", "bad")
    if any(result.verdict in (Word.UNKNOWN, Word.BOUNDED) and result.expectation != "met" for result in results):
        return Pill("open", "warn")
    if any(result.verdict is Word.VIOLATED for result in results):
        return Pill("violated as expected", "expected")
    return Pill("proved", "good") if any(r.verdict is Word.PROVED for r in results) else Pill("nothing decided", "dim")


def pill_of(result: Result) -> Pill:
    if result.verdict is Word.VIOLATED and result.expectation == "met":
        return Pill("violated, as expected", "expected")
    if result.verdict is Word.PROVED and result.under:  # nothing is said of what comes after the breach
        return Pill("up to a breach", "info")
    return Pill(str(result.verdict), KINDS[result.verdict])


def model_view(model: ModelReport, review: Review, texts: Texts, names: Names) -> ModelView:
    anchor = names.new(slug(model.driver or model.path))
    decided = [result for result in model.results if result.verdict is not Word.SKIPPED or result.expectation]
    decided.sort(key=lambda result: ORDER.index(result.verdict))
    assumptions = list(dict.fromkeys(word for result in decided for word in result.assumptions))
    invariants = list(dict.fromkeys(r.invariant for r in decided if r.invariant and r.verdict is Word.PROVED))
    traced = [(result, result.trace) for result in decided if result.trace]
    anchors = {id(result): names.new(slug(result.rule), f"{anchor}.{slug(result.rule)}") for result, _ in traced}
    proofs = []
    for invariant in invariants:
        relying = [result for result in decided if result.invariant == invariant]
        name = names.new(*(f"{before}why-{slug(relying[0].rule)}" for before in ("", f"{anchor}.")))
        anchors |= {id(result): name for result in relying if id(result) not in anchors}
        groups = tuple((about, tuple(words)) for about, words in grouped(invariant, model.path))
        rules = tuple(dict.fromkeys(result.rule for result in relying))
        proofs.append(Proof(name, rules, groups or (("", (UNTOUCHED,)),)))
    told = common(model)
    found = review.matrices.get(model.path)
    verdicts = tuple(verdict(result, assumptions, told, anchors.get(id(result), "")) for result in decided)
    return ModelView(
        anchor=anchor,
        path=model.path,
        driver=model.driver or model.path,
        pill=overall(model.results),
        tally=tally(model.results),
        verdicts=verdicts,
        skipped=tuple(
            (result.rule, result.reason or "not for this driver")
            for result in model.results
            if result.verdict is Word.SKIPPED and not result.expectation
        ),
        assumptions=(*map(assumed, assumptions),),
        environment=tuple(review.environments.get(model.path, {}).items()),
        breaches=tuple(sorted({rule for result in decided for rule in result.under} & told)),
        bounds=tuple(dict.fromkeys(bound for result in decided for bound in result.bounds)),
        violations=tuple(
            violation(result, trace, anchors[id(result)], review.lanes, model, texts) for result, trace in traced
        ),
        proofs=tuple(proofs),
        coverage=coverage_view(model),
        matrix=None if found is None else matrix_view(found, model, anchors_by_rule(verdicts)),
    )


def slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "model"


def tally(results: Iterable[Result]) -> tuple[tuple[Pill, int], ...]:
    found: dict[Pill, int] = {}
    for result in sorted(results, key=lambda result: ORDER.index(result.verdict)):
        found[pill_of(result)] = found.get(pill_of(result), 0) + 1
    return tuple(found.items())


def verdict(result: Result, assumptions: Sequence[str], told: frozenset[str], anchor: str) -> Verdict:
    phrase = verdict_phrase(result, told)
    if result.expectation == "unmet":
        phrase += "; another verdict was expected"
    numbers = tuple(assumptions.index(word) + 1 for word in result.assumptions)
    evidence = AUDITS[str(result.audit)] or ENGINES.get(result.engine, f"found by {result.engine}")
    return Verdict(
        result.rule, result.sentence, pill_of(result), phrase, numbers, evidence,
        f"{result.seconds:.1f} s", anchor,
    )  # fmt: skip


# ---------------------------------------------------------------- traces


def violation(
    result: Result, trace: Trace, anchor: str, lanes: Sequence[Lane], model: ModelReport, texts: Texts
) -> Violation:
    drawn = swimlane(trace, lanes)
    steps = []
    for row in drawn.rows:
        span = row.step.span
        mine = None if is_library(span) else texts.place(span)
        steps.append(Step(row, row.step.index, place(span, model.path), mine, library_place(row, texts)))
    owners = tuple(last_owners(trace).items())
    return Violation(
        anchor, result.rule, result.sentence, pill_of(result), verdict_phrase(result), ending(result, trace), drawn,
        tuple(steps), trace.loop, owners,
    )  # fmt: skip


def library_place(row: Row, texts: Texts) -> Place | None:
    """The text that says what a step does: the entry of the library that it calls, or where it stands itself."""
    step = row.step
    if not is_library(step.span):
        called = library.lookup(step.action) if step.action.isidentifier() else None
        return None if called is None else texts.place(called[1])
    around = [entry.span for entry in library.entries() if contains(entry.span, step.span)]
    return texts.place(min(around, key=lambda span: span.end - span.start, default=step.span))


def contains(outer: Span, inner: Span) -> bool:
    return outer.source.name == inner.source.name and outer.start <= inner.start and inner.end <= outer.end


def data_of(found: Violation) -> dict[str, Any]:
    """What the script needs to step through a trace."""
    return {
        "steps": [
            {
                "column": step.row.column,
                "who": step.row.who,
                "code": step.row.code,
                "result": step.row.result,
                "where": step.where,
                "model": step.model and [step.model.text, step.model.first, step.model.last],
                "library": step.library and [step.library.text, step.library.first, step.library.last],
                "changes": [list(change) for change in step.row.changes],
            }
            for step in found.steps
        ],
    }


# ---------------------------------------------------------------- drawing


def middle(lanes: Swimlane, token: Token, at: int) -> float | None:
    """Where the token of a request is at a step: right of who steps there, the requests side by side."""
    column = token.columns[at]
    if column is None:
        return None
    number = lanes.tokens.index(token)
    return centre(lanes, column) + ASIDE + min(APART, (lanes.lane / 2 - ASIDE) / len(lanes.tokens)) * number


def centre(lanes: Swimlane, column: int) -> float:
    return lanes.lane * (column + 0.5)


def level(at: int) -> float:
    return ROW * at + ROW / 2


def thread(lanes: Swimlane, token: Token) -> str:
    """The way of a request through the lanes, as an SVG path."""
    words: list[str] = []
    before: float | None = None
    for at in range(len(token.columns)):
        x = middle(lanes, token, at)
        if x is None:
            continue
        if before is None:
            words.append(f"M{x:g} {level(at):g}")
        elif x == before:
            words.append(f"V{level(at):g}")
        else:
            half = level(at) - ROW / 2
            words.append(f"C{before:g} {half:g} {x:g} {half:g} {x:g} {level(at):g}")
        before = x
    return "".join(words)


def moves(lanes: Swimlane, token: Token) -> list[tuple[float, float, str]]:
    """Where the token is drawn: where it comes into being, and at every new state. (x, y, state)"""
    found = []
    state: str | None = None
    for at, now in enumerate(token.states):
        x = middle(lanes, token, at)
        if x is not None and now != state:
            found.append((x, level(at), now))
            state = now
    return found


# ---------------------------------------------------------------- coverage


def coverage_view(model: ModelReport) -> CoverageView | None:
    """The lines of the driver's own text, with what is known of the places on them."""
    found = model.coverage
    if found is None or not model.texts:
        return None
    source = model.texts[0]
    told: dict[int, list[Covered]] = {}
    for covered in found.places:
        if covered.span.source.name == source.name:
            told.setdefault(covered.span.line, []).append(covered)
    lines = []
    for number, code in enumerate(coloured(source), start=1):
        here = told.get(number, [])
        lines.append(CodeLine(number, code, kind_of(here), tuple(dict.fromkeys(map(noted, missing(here))))))
    never = tuple((covered.span.line, said(covered, PIPE)) for covered in worth_telling(found))
    notes = []
    if found.reason is not None:
        notes.append(f"What no run was seen to come to is open: {found.reason}.")
    if found.under:
        notes.append(f"A run ends where it breaks {', '.join(found.under)}; what would come after counts as never.")
    return CoverageView(f"With {plural(found.requests, 'request')}: {sums(found)}.", never, tuple(lines), tuple(notes))


def missing(here: Sequence[Covered]) -> list[Covered]:
    return [covered for covered in here if covered.runs is not True]


def kind_of(here: Sequence[Covered]) -> str:
    whole = [covered for covered in here if covered.kind in ("callback", "statement")]
    if not here:
        return ""
    if any(covered.runs is None for covered in here):
        return "open"
    if whole and not any(covered.runs for covered in whole):
        return "never"
    return "part" if missing(here) else "run"


def noted(covered: Covered) -> str:
    word = "open" if covered.runs is None else "never"
    return f"{word}: {covered.way}" if covered.way else word


# ---------------------------------------------------------------- the matrix


def anchors_by_rule(verdicts: Iterable[Verdict]) -> dict[str, str]:
    return {verdict.rule: verdict.anchor for verdict in reversed(tuple(verdicts))}


def matrix_view(found: Matrix, model: ModelReport, anchors: Mapping[str, str]) -> MatrixView:
    notes = []
    waiting = [result.rule for result in model.results if result.trace and result.trace.end != "violation"]
    if waiting:
        rules = ", ".join(dict.fromkeys(waiting))
        notes.append(f"In some run nobody acts on a request any more: see the traces of {rules}.")
    if found.reason is not None:
        notes.append(f"Not all is known: {found.reason}. What was not seen is open.")
    if found.under:
        notes.append(
            f"A run ends where it breaks {', '.join(found.under)}; what would come after counts as unreachable."
        )
    silent = [event for event in found.events if not any(event == name for _, name in found.cells)]
    if silent and found.reason is None:
        notes.append(f"Nothing in this driver and its environment causes: {', '.join(silent)}.")
    size = f"{found.size:,} states with {plural(found.requests, 'request')} in one run."
    rows = tuple(
        (row, tuple(cell_view(found, row.state, event, model.path, anchors) for event in found.events))
        for row in found.rows
        if row.reached
    )
    absent = tuple(row.state for row in found.rows if not row.reached) if found.reason is None else ()
    events = tuple((event, event in silent) for event in found.events)
    return MatrixView(size if found.reason else f"All {size}", tuple(notes), events, rows, absent)


def cell_view(found: Matrix, state: str, event: str, model: str, anchors: Mapping[str, str]) -> CellView:
    cell = found.cells.get((state, event))
    if cell is None:
        return CellView(Pill("open", "warn") if found.reason else Pill("unreachable", "none"), (), (), (), ())
    broken = tuple(dict.fromkeys(rule for rule, _ in cell.breaches))
    return CellView(
        status(cell, found.reason is None),
        tuple(after for after in cell.becomes if after != state),
        acts_view(cell.lines, model),
        tuple(replace(one, who=one.who.replace("_", " ")) for one in acts_view(cell.by_itself, model)),
        tuple((rule, anchors.get(rule, "")) for rule in broken),
    )


def status(cell: Cell, whole: bool) -> Pill:
    """How sure it is that the request is taken care of, and by whom."""
    if cell.breaches:
        return Pill("breach", "bad")
    if not whole:
        return Pill("seen", "warn")
    if cell.lines:
        return Pill("proved", "good")
    return Pill("assumed", "info") if cell.by_itself else Pill("nobody", "warn")


def acts_view(acts: Iterable[Act], model: str) -> tuple[ActsView, ...]:
    """By actor; activations of one callback that overlap are one."""
    grouped_acts: dict[str, tuple[set[int], set[str]]] = {}
    for act in acts:
        lines, elsewhere = grouped_acts.setdefault(act.who.partition(OVERLAPPING)[0], (set(), set()))
        if act.span.source.name == model:
            lines.add(act.span.line)
        else:
            elsewhere.add(place(act.span, model))
    return tuple(
        ActsView(who, tuple(sorted(lines)), tuple(sorted(elsewhere)))
        for who, (lines, elsewhere) in grouped_acts.items()
    )
