"""A report for people: per driver the verdicts, then a trace for each violation, then one line that sums up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from wdfmc.reports.covered import coverage_lines
from wdfmc.reports.effort import statistics_lines
from wdfmc.reports.invariant import UNTOUCHED, grouped
from wdfmc.reports.page import PIPE, Line, Look, Piece, cells, padded, paragraph, plain, shortened, wrapped
from wdfmc.reports.phrases import (
    MEMORY,
    NOTHING,
    PASSING,
    RULE,
    acts,
    assumed,
    counts,
    deed,
    ending,
    explained,
    found,
    is_library,
    lacking,
    lanes,
    last_owners,
    last_place,
    moved,
    other_changes,
    place,
    plural,
    source_line,
    title,
    verdict_phrase,
)
from wdfmc.reports.snippet import diagnostic_lines
from wdfmc.system.named import Invariant
from wdfmc.verdict import Minimal, ModelReport, Report, Result, Trace, TraceStep, Word

STYLES: Final[Mapping[Word, str]] = {
    Word.PROVED: "green",
    Word.BOUNDED: "yellow",
    Word.VIOLATED: "red",
    Word.VACUOUS: "yellow",
    Word.UNKNOWN: "yellow",
    Word.SKIPPED: "dim",
}
NARROW: Final = 24  # columns that a verdict gets at least
UNBOUNDED: Final = 10_000  # columns, where nothing is to be wrapped
FEW: Final = 5  # rules that were skipped and are still named one by one
LANE_STYLES: Final = ("cyan", "magenta", "green", "yellow", "blue")
MEANING: Final[Mapping[int, str]] = {
    0: "",
    1: "a rule is violated that was not expected to be, or an expectation is not met",
    2: "the command line or a text is wrong",
    3: "something stayed undecided",
    130: "interrupted; only what was already decided is shown",
}


def render(report: Report, look: Look = PIPE) -> str:
    return plain(report_lines(report, look))


def report_lines(report: Report, look: Look) -> list[Line]:
    lines: list[Line] = []
    if report.diagnostics:
        lines += [*diagnostic_lines(report.diagnostics, look), ()]
    for model in report.models:
        lines += [*model_lines(model, look), ()]
    if report.statistics is not None:
        lines += [*statistics_lines(report.statistics, look), ()]
    if report.models or report.exit != 2:
        lines += paragraph("", sum_up(report), look.width, "bold")
    return lines


def sum_up(report: Report) -> str:
    meaning = MEANING.get(report.exit, "")
    return f"{counts(report)}; exit {report.exit}" + (f": {meaning}" if meaning else "")


def model_lines(model: ModelReport, look: Look) -> list[Line]:
    lines: list[Line] = [((title(model), "bold"),), ()]
    told = common(model)
    lines += table([r for r in model.results if r.verdict is not Word.SKIPPED or r.expectation], told, look)
    lines += notes(model, told, look)
    if model.coverage is not None:
        lines += [(), *coverage_lines(model, model.coverage, look)]
    for invariant in dict.fromkeys(result.invariant for result in model.results if result.invariant):
        rules = [row_name(result, model.results) for result in model.results if result.invariant == invariant]
        lines += [(), *invariant_lines(rules, invariant, model.path, look)]
    for result in model.results:
        if result.trace:
            lines += [(), *trace_lines(result, result.trace, model.path, look, row_name(result, model.results))]
    for result in model.results:
        if result.minimal:
            lines += [(), *minimal_lines(result, result.minimal, model, look)]
    return lines


def common(model: ModelReport) -> frozenset[str]:
    """The breached contracts and the bounds that a note says once for all verdicts."""
    breaches = {result.under for result in model.results if result.under}
    shared = frozenset(breaches.pop() if len(breaches) == 1 else ())
    bounds = [frozenset(result.bounds) for result in model.results if result.verdict is not Word.SKIPPED]
    return shared | (frozenset.intersection(*bounds) if bounds else frozenset())


# ---------------------------------------------------------------- the table of verdicts


def table(results: Sequence[Result], told: frozenset[str], look: Look) -> list[Line]:
    rows = [
        (
            r,
            (
                row_name(r, results),
                verdict_phrase(r, told),
                r.expectation or "",
                shortened(r.engine, 12),
                f"{r.seconds:.1f}",
            ),
        )
        for r in results
    ]
    if not rows:
        return [(("  no rule concerns this driver", "dim"),)]
    heads = ("rule", "verdict", "expected" if any(r.expectation for r, _ in rows) else "", "engine", "seconds")
    widths = [max(cells(head), *(cells(row[at]) for _, row in rows)) for at, head in enumerate(heads)]
    room = look.width - 2 - sum(width + 2 for width in widths[2:] if width) - 2
    widths[0] = min(widths[0], max(room - min(widths[1], NARROW), room // 2))
    widths[1] = min(widths[1], room - widths[0])
    lines = [table_line(heads, widths, ("dim",) * 5)]
    for result, row in rows:
        unmet = "bold red" if result.expectation == "unmet" else ""
        styles = ("", STYLES[result.verdict], unmet, "dim", "dim")
        columns = [wrapped(row[0], widths[0]), wrapped(row[1], widths[1]), *([cell] for cell in row[2:])]
        lines += [table_line(cut, widths, styles) for cut in zip_longest(*columns, fillvalue="")]
    return lines


def row_name(result: Result, results: Sequence[Result]) -> str:
    """The rule; if it was checked in several environments, also what tells this one from the others."""
    own = telling(result, results)
    return f"{result.rule} ({', '.join(own)})" if own else result.rule


def telling(result: Result, results: Sequence[Result]) -> list[str]:
    """The assumptions that other results of the same rule do not share."""
    others = [other for other in results if other.rule == result.rule and other is not result]
    return [word for word in result.assumptions if not all(word in other.assumptions for other in others)]


def table_line(row: Iterable[str], widths: Iterable[int], styles: Iterable[str]) -> Line:
    pieces: list[Piece] = [("  ", "")]
    for at, (cell, width, style) in enumerate(zip(row, widths, styles, strict=True)):
        if width:
            pieces += [(" " * (width - cells(cell)) + cell if at == 4 else padded(cell, width), style), ("  ", "")]
    return tuple(pieces)


def notes(model: ModelReport, told: frozenset[str], look: Look) -> list[Line]:
    """What the verdicts rest on, and which rules do not concern this driver, each said once."""
    decided = [result for result in model.results if result.verdict is not Word.SKIPPED]
    skipped = [result for result in model.results if result.verdict is Word.SKIPPED and not result.expectation]
    rows: list[tuple[str, str]] = []
    if breaches := sorted({rule for result in decided for rule in result.under if rule in told}):
        rows.append(
            ("breach", f"a run ends where it breaks {', '.join(breaches)}; nothing is said of what comes after")
        )
    rows += [("bound", bound) for bound in dict.fromkeys(b for r in decided for b in r.bounds if b in told)]
    limits: dict[tuple[int | str, str], list[str]] = {}
    for result in decided:
        if result.limited is not None:
            limits.setdefault((result.requests, result.limited), []).append(result.rule)
    for (requests, why), rules in limits.items():
        who = f"{', '.join(rules)}" if len(rules) <= FEW else f"{len(rules)} rules"
        rows.append(("limit", f"{who}: for {requests} requests only, since {why}"))
    if decided:
        rows.append(("assumes", MEMORY))
    relying: dict[str, list[str]] = {}
    for result in decided:
        own = telling(result, decided)
        for word in (word for word in result.assumptions if word not in own):
            relying.setdefault(word, []).append(result.rule)
    rules_of: dict[tuple[str, ...], list[str]] = {}
    for word, rules in relying.items():
        rules_of.setdefault(tuple(dict.fromkeys(rules)), []).append(assumed(word))
    for names, words in rules_of.items():
        who = "" if len(names) == len({result.rule for result in decided}) else f"{', '.join(names)}: "
        rows.append(("assumes", who + "; ".join(words)))
    if any(result.verdict is Word.VACUOUS for result in decided):
        rows.append(("warning", "a vacuous rule is not proved: what it speaks of cannot happen in this driver"))
    if len(skipped) > FEW:
        rows.append(("skipped", f"{len(skipped)} rules that do not concern this driver (--rule NAME says why)"))
    else:
        rows += [("skipped", f"{result.rule}: {result.reason or 'not for this driver'}") for result in skipped]
    return [(), *(line for label, words in rows for line in paragraph(f"  {label:<8}", words, look.width, "dim"))]


def invariant_lines(rules: Sequence[str], invariant: Invariant, model: str, look: Look) -> list[Line]:
    """Why the rules hold, for any number of requests."""
    lines = paragraph("", f"why {', '.join(rules)} {'holds' if len(rules) == 1 else 'hold'}", look.width, "bold")
    groups = grouped(invariant, model)
    if not groups:
        return [*lines, *paragraph("  - ", UNTOUCHED, look.width)]
    for name, sentences in groups:
        lines.append(((f"  {name}", "dim"),))
        for sentence in sentences:
            lines += paragraph("  - ", sentence, look.width)
    return lines


def minimal_lines(result: Result, minimal: Minimal, model: ModelReport, look: Look) -> list[Line]:
    """What a proof needs, and for each of these the trace that appears without it."""
    name = row_name(result, model.results)
    lines = paragraph("", f"what {name} needs", look.width, "bold")
    for needed in minimal.needed:
        lines += paragraph("  needs       ", f"{explained(needed.assumption)}: {found(needed)}", look.width)
    if not minimal.needed:
        lines += paragraph("  needs       ", NOTHING, look.width)
    if minimal.dropped:
        lines += paragraph("  not needed  ", "; ".join(map(explained, minimal.dropped)), look.width, "dim")
    for needed in minimal.needed:
        if needed.trace:
            lines += [(), *trace_lines(result, needed.trace, model.path, look, f"{name} {lacking(needed)}")]
    return lines


# ---------------------------------------------------------------- the trace


def trace_lines(result: Result, trace: Trace, model: str, look: Look, name: str | None = None) -> list[Line]:
    """`model`: the path of the text whose lines are shown by number alone; `name`: that of the row, if not the rule."""
    expected = " (as expected)" if result.expectation == "met" else ""
    head = f"{name or result.rule}: violated in {plural(len(trace.steps), 'step')}{expected}"
    lines = paragraph("", head, look.width, "bold red")
    lines += paragraph("  ", result.sentence, look.width)
    lines.append(())
    lines += Drawing(trace, model, look).lines()
    mark = look.glyph("✗", "X") if trace.end == "violation" else "="
    lines += paragraph(f"  {mark} ", ending(result, trace), look.width, "bold red")
    if where := last_place(trace):
        lines.append((("    at ", ""), (f"{where.source.name}:{where.line}:{where.column}", "")))
    owners = [f"{request} {owner}" for request, owner in last_owners(trace).items()]
    if owners:
        lines += paragraph("    owners at the end: ", ", ".join(owners), look.width)
    return lines


class Drawing:
    """The steps down the page; one column of the gutter for each lane; what changed at the right.

    A lane is drawn from its first to its last step. The name of a callback stands where control switches to it.
    """

    def __init__(self, trace: Trace, model: str, look: Look) -> None:
        self.trace = trace
        self.model = model
        self.look = look
        self.lane_of = lanes(trace)
        self.names = list(dict.fromkeys(self.lane_of.values()))
        steps = trace.steps
        self.first = {name: min(s.index for s in steps if self.lane_of[s.index] == name) for name in self.names}
        self.last = {name: max(s.index for s in steps if self.lane_of[s.index] == name) for name in self.names}
        self.digits = max((len(str(step.index)) for step in steps), default=1)
        room = look.width - self.digits - 4 - 2 * len(self.names)
        widest = max((cells(text) for step in steps for text, _ in self.changes(step)), default=0)
        self.right = min(widest, max(room * 2 // 5, 12))
        self.left = room - self.right - 2

    def lines(self) -> list[Line]:
        lines: list[Line] = []
        before: str | None = None
        for step in self.trace.steps:
            if step.index == self.trace.loop:
                lines.append(((f"  {self.look.glyph('↻', '+')} from here on for ever:", "bold red"),))
            name = step.actor if acts(step) else None
            if name is not None and name != before:
                lines.append((self.number(""), *self.gutter(step.index, ""), (name, "bold " + self.ink(step))))
            before = name
            lines += self.step_lines(step)
        return lines

    def ink(self, step: TraceStep) -> str:
        return LANE_STYLES[self.names.index(self.lane_of[step.index]) % len(LANE_STYLES)]

    def number(self, text: str) -> Piece:
        return (f"  {text:>{self.digits}}  ", "dim")

    def gutter(self, index: int, mark: str) -> list[Piece]:
        """`mark` is drawn in the lane of this step, a bar in each other lane that has begun and not ended."""
        pieces: list[Piece] = []
        for at, name in enumerate(self.names):
            style = LANE_STYLES[at % len(LANE_STYLES)]
            if name == self.lane_of[index] and mark:
                pieces.append((mark + " ", "bold " + style))
            elif self.first[name] < index <= self.last[name] or (name == self.lane_of[index] and mark == " "):
                pieces.append((self.look.glyph("│ ", "| "), style))
            else:
                pieces.append(("  ", ""))
        return pieces

    def step_lines(self, step: TraceStep) -> list[Line]:
        final = step is self.trace.steps[-1] and self.trace.end == "violation"
        mark = self.look.glyph("✗" if final else "●", "X" if final else "o")
        left = [(line, style) for text, style in self.said(step) for line in hanging(text, self.left)]
        right = [(line, style) for text, style in self.changes(step) for line in hanging(text, self.right)]
        lines: list[Line] = []
        for at, ((text, style), change) in enumerate(zip_longest(left, right, fillvalue=("", ""))):
            last = self.last[self.lane_of[step.index]] == step.index
            gutter = self.gutter(step.index, mark if at == 0 else "" if last else " ")
            if at and not last:
                gutter = self.bars(step.index)
            number = self.number(str(step.index) if at == 0 else "")
            lines.append((number, *gutter, *self.placed(step, text, style), change))
        return lines

    def placed(self, step: TraceStep, text: str, style: str) -> list[Piece]:
        """A row of the left half; the place in the source is dim."""
        where = place(step.span, self.model) + ":"
        at = len(where) if text.startswith(where) else 0
        return [(text[:at], "dim"), (padded(text[at:], self.left + 2 - cells(text[:at])), style)]

    def bars(self, index: int) -> list[Piece]:
        """Below a step: every lane that goes on."""
        return [
            (self.look.glyph("│ ", "| ") if self.first[name] <= index < self.last[name] else "  ", style_of(at))
            for at, name in enumerate(self.names)
        ]

    def said(self, step: TraceStep) -> list[tuple[str, str]]:
        """The driver's own line, and what it does or gives where the line does not say so itself."""
        where = place(step.span, self.model)
        if step.actor == RULE:
            return [(f"{where}: the rule is broken now", "")]
        if step.action in PASSING and not is_library(step.span):
            return [(f"{where}: {step.action}", "")]
        code = source_line(step.span)
        if is_library(step.span):
            if step.action in PASSING:
                return [(f"{where}: {code}", "dim")]
            return [(f"{where}: {self.done(step) if acts(step) else deed(step)}", "")]
        if code.rstrip(";") in step.action or (step.action in code and not step.action.isidentifier()):
            code = step.action  # it is source text itself: a condition without its block, a statement
        elif step.action not in code:
            return [(f"{where}: {code}", ""), (f"  {self.done(step)}", "")]
        if step.result is None:
            return [(f"{where}: {code}", "")]
        given = f"{self.look.arrow} {step.result}"
        if cells(f"{where}: {code} {given}") <= self.left:
            return [(f"{where}: {code} {given}", "")]
        return [(f"{where}: {code}", ""), (f"  {given}", "")]

    def done(self, step: TraceStep) -> str:
        return step.action if step.result is None else f"{step.action} {self.look.arrow} {step.result}"

    def changes(self, step: TraceStep) -> list[tuple[str, str]]:
        arrow = self.look.arrow
        owners = [(f"{request}: {a} {arrow} {b}", "bold") for request, (a, b) in moved(step).items()]
        return owners + [(f"{name}: {a} {arrow} {b}", "") for name, (a, b) in other_changes(step).items()]


def in_one_line(step: TraceStep, model: str, look: Look) -> str:
    """A step with its place, if it is one of a callback: `14: if (NT_SUCCESS(status)) -> yes`."""
    where = place(step.span, model) + ": "
    if step.action in (*PASSING, "returns") and acts(step):
        return where + step.action
    drawing = Drawing(Trace("open", None, (step,)), model, Look(UNBOUNDED, look.unicode))
    text = " ".join(words.strip() for words, _ in drawing.said(step))
    return text if acts(step) else text.removeprefix(where)


def style_of(lane: int) -> str:
    return LANE_STYLES[lane % len(LANE_STYLES)]


def hanging(text: str, width: int) -> list[str]:
    """Wrapped, with its indentation; the later lines are indented by two more."""
    indent = " " * (len(text) - len(text.lstrip()))
    first, *_ = wrapped(text, width - len(indent))
    words = " ".join(text.split())
    if first == words:
        return [indent + first]
    rest = words[len(first) :].strip()
    return [indent + first, *(indent + "  " + line for line in wrapped(rest, width - len(indent) - 2))]
