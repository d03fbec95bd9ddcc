"""Verdicts and traces as pieces of HTML for a notebook. Text and ground have the colours of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from wdfmc.reports.page import Look, plain
from wdfmc.reports.phrases import acts, ending, environment_lane, moved, other_changes, plural, title, verdict_phrase
from wdfmc.reports.snippet import diagnostic_lines
from wdfmc.reports.text import in_one_line, row_name
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep, Word

# Legible on white and on black. What they say is said in words, too.
COLOURS: Final = {
    Word.PROVED: "#1a9850",
    Word.VIOLATED: "#e0453a",
    Word.BOUNDED: "#c08a00",
    Word.VACUOUS: "#c08a00",
    Word.UNKNOWN: "#c08a00",
    Word.SKIPPED: "#808080",
}
LANES: Final = ("#2b8cbe", "#b0579f", "#1a9850", "#c08a00", "#6a6fd1", "#a0522d")
LOOK: Final = Look(100, unicode=True)
CELL: Final = "text-align:left;vertical-align:top;padding:2px 10px"


def report_html(report: Report) -> str:
    parts = [diagnostics_html(report)] if report.diagnostics else []
    return "".join([*parts, *map(model_html, report.models)])


def diagnostics_html(report: Report) -> str:
    return f"<pre>{escape(plain(diagnostic_lines(report.diagnostics, LOOK)))}</pre>"


def model_html(model: ModelReport) -> str:
    """The verdicts, and each trace to be unfolded. Skipped rules are only counted."""
    told = [result for result in model.results if result.verdict is not Word.SKIPPED or result.expectation]
    rows = [
        [escape(row_name(result, model.results)), verdict_html(result), escape(result.expectation or "")]
        for result in told
    ]
    parts = [f"<p><b>{escape(title(model))}</b></p>", table(("rule", "verdict", "expected"), rows)]
    if skipped := len(model.results) - len(told):
        parts.append(f"<p>{plural(skipped, 'rule')} skipped: not about this driver</p>")
    for result in model.results:
        if result.trace is not None:
            summary = f"{escape(row_name(result, model.results))}: {escape(verdict_phrase(result))}"
            parts.append(
                f"<details><summary>{summary}</summary>{trace_html(result, result.trace, model.path)}</details>"
            )
    return "".join(parts)


def result_html(result: Result, model: ModelReport) -> str:
    head = (
        f"<p><b>{escape(row_name(result, model.results))}</b>: {verdict_html(result)}<br>{escape(result.sentence)}</p>"
    )
    return head + ("" if result.trace is None else trace_html(result, result.trace, model.path))


def verdict_html(result: Result) -> str:
    return f'<span style="color:{COLOURS[result.verdict]}">{escape(verdict_phrase(result))}</span>'


def trace_html(result: Result, trace: Trace, model: str) -> str:
    """One row a step: who, the statement, what it changes."""
    names = list(dict.fromkeys(map(who, trace.steps)))
    rows = [
        [
            str(step.index),
            f'<span style="color:{LANES[names.index(who(step)) % len(LANES)]}">{escape(who(step))}</span>',
            f"<code>{escape(in_one_line(step, model, LOOK))}</code>",
            "<br>".join(changes(step)),
        ]
        for step in trace.steps
    ]
    end = f'<p style="color:{COLOURS[Word.VIOLATED]}"><b>{escape(ending(result, trace))}</b></p>'
    return table(("", "who", "step", "changes"), rows) + end


def who(step: TraceStep) -> str:
    return step.actor if acts(step) else environment_lane(step)


def changes(step: TraceStep) -> Iterable[str]:
    for name, (before, after) in moved(step).items():
        yield f"<b>{escape(f'{name}: {before} {LOOK.arrow} {after}')}</b>"
    for name, (before, after) in other_changes(step).items():
        yield escape(f"{name}: {before} {LOOK.arrow} {after}")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Without the columns that are empty."""
    used = [at for at, _ in enumerate(heads) if any(row[at] for row in rows)]
    head = "".join(f'<th style="{CELL}">{heads[at]}</th>' for at in used)
    lines = ("".join(f'<td style="{CELL}">{row[at]}</td>' for at in used) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
