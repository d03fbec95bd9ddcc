"""What is new about a model that was checked again, for people."""

from __future__ import annotations

from wdfmc.rechecks import Changed, News
from wdfmc.reports.page import Line, Look, cells, paragraph
from wdfmc.reports.phrases import counts, plural
from wdfmc.reports.snippet import diagnostic_lines
from wdfmc.reports.text import STYLES, trace_lines
from wdfmc.verdict import ModelReport, Report, Word


def news_lines(news: News, at: str, look: Look) -> list[Line]:
    """`at`: the time of day, as it is shown."""
    head = f"{at}  {news.path}"
    lines: list[Line] = [((head, "bold"),)]
    if news.new:
        lines += diagnostic_lines(news.new, look)
    if news.gone:
        lines += paragraph("  ", f"{plural(news.gone, 'diagnostic')} gone", look.width, "green")
    if news.report is None:
        left = f"{plural(news.left, 'diagnostic')} left" if not news.new or news.left > len(news.new) else ""
        words = "the text is wrong, so nothing was checked" + (f"; {left}" if left else "")
        return [*lines, *paragraph("  ", words, look.width, "red")]
    if news.first:
        lines += standing_lines(news.report, look)
    else:
        lines += [line for change in news.changes for line in change_lines(change, look)]
        if not news.changes:
            lines.append((("  no verdict changed", "dim"),))
    lines += paragraph("  ", counts(Report(0, (news.report,))), look.width, "dim")
    return [*lines, *shortest_trace(news, look)]


def standing_lines(report: ModelReport, look: Look) -> list[Line]:
    """At the first time: what is not as it should be."""
    return [
        line
        for result in report.results
        if result.verdict in (Word.VIOLATED, Word.UNKNOWN, Word.BOUNDED) and result.expectation != "met"
        for line in paragraph("  ", f"{result.rule}: {result.verdict}", look.width, STYLES[result.verdict])
    ]


def change_lines(change: Changed, look: Look) -> list[Line]:
    style = "dim" if change.result is None else STYLES[change.result.verdict]
    before, after = change.before or "not checked", change.after or "no longer checked"
    name = f"  {change.rule}: "
    words = f"{before} {look.arrow} {after}"
    if cells(name) + cells(words) <= look.width:
        return [((name, ""), (words, style))]
    return [((name, ""),), *paragraph("      ", words, look.width, style)]


def shortest_trace(news: News, look: Look) -> list[Line]:
    """Of the violations that are new and nobody expects."""
    assert news.report is not None
    shown = news.report.results if news.first else [change.result for change in news.changes if change.result]
    broken = [result for result in shown if result.trace is not None and result.expectation != "met"]
    if not broken:
        return []
    result = min(broken, key=lambda result: len(result.trace.steps) if result.trace else 0)
    assert result.trace is not None
    return [(), *trace_lines(result, result.trace, news.path, look), ()]
