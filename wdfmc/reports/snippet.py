"""A diagnostic as text: code, message, the lines with carets, help. The layout is that of rustc and Elm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wdfmc.diagnostics import Diagnostic, Label, Severity
from wdfmc.reports.page import PIPE, Line, Look, Piece, cells, fitting, paragraph, plain, printable
from wdfmc.reports.phrases import plural
from wdfmc.source import Source

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}
GUTTER = "blue"


def render(diagnostics: Sequence[Diagnostic], look: Look = PIPE) -> str:
    return plain(diagnostic_lines(diagnostics, look))


def diagnostic_lines(diagnostics: Sequence[Diagnostic], look: Look) -> list[Line]:
    """All of them, a blank line between two, and a count when there are several."""
    lines: list[Line] = []
    for diagnostic in diagnostics:
        lines += [*one(diagnostic, look), ()]
    if len(diagnostics) > 1:
        lines.append(((tally(diagnostics), "bold"),))
        return lines
    return lines[:-1]


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    files = len({diagnostic.labels[0].span.source.name for diagnostic in diagnostics if diagnostic.labels})
    found = [plural(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(found) + (f" in {plural(files, 'file')}" if files > 1 else "")


def one(diagnostic: Diagnostic, look: Look) -> list[Line]:
    style = STYLES[diagnostic.severity]
    head = f"{diagnostic.severity}[{diagnostic.code}]: "
    first, *rest = paragraph(head, diagnostic.message, look.width, "bold")
    lines: list[Line] = [((head, style), *first[1:]), *rest]
    margin = max((len(str(mark.line)) for label in diagnostic.labels for mark in marks_of(label, style, 0)), default=1)
    for number, source in enumerate(dict.fromkeys(label.span.source for label in diagnostic.labels)):
        marks = [
            mark
            for at, label in enumerate(diagnostic.labels)
            if label.span.source == source
            for mark in marks_of(label, style, at)
        ]
        arrow = " " * margin + ("--> " if number == 0 else "::: ")
        lines.append(((arrow, GUTTER), (f"{source.name}:{marks[0].line}:{marks[0].at + 1}", "")))
        lines += excerpt(source, marks, margin, look)
    if diagnostic.help:
        lines += paragraph(" " * margin + " = help: ", diagnostic.help, look.width)
    return lines


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters [at, end) of a line, 0-based, and what to say under them."""

    line: int
    at: int
    end: int
    text: str
    sign: str
    style: str


def marks_of(label: Label, style: str, number: int) -> list[Mark]:
    """One mark; for a span over several lines one where it starts and one, with the words, where it ends."""
    sign, ink = ("^", style) if number == 0 else ("-", "bold blue")
    span = label.span
    source = span.source
    line, column = source.position(span.start)
    last, end = source.position(max(span.end, span.start))
    text = source.line(line)
    if last == line:
        at = min(column - 1, len(text))
        return [Mark(line, at, max(min(end - 1, len(text)), at + 1), label.text, sign, ink)]
    if end == 1:  # up to and with the end of the line before
        last, end = last - 1, len(source.line(last - 1)) + 1
    at = min(column - 1, len(text))
    if last == line:
        return [Mark(line, at, max(len(text), at + 1), label.text, sign, ink)]
    closing = source.line(last)
    begin = len(closing) - len(closing.lstrip())
    return [
        Mark(line, at, max(len(text.rstrip()), at + 1), "from here", sign, ink),
        Mark(last, min(begin, end - 2) if end > 1 else 0, max(end - 1, 1), label.text or "to here", sign, ink),
    ]


def excerpt(source: Source, marks: Sequence[Mark], margin: int, look: Look) -> list[Line]:
    lines: list[Line] = []
    before: int | None = None
    for number in sorted({mark.line for mark in marks}):
        if before is not None and number == before + 2:
            lines.append(quoted(source, number - 1, margin, look))
        elif before is not None and number > before + 1:
            lines.append((("...", GUTTER),))
        lines += marked_line(source, [mark for mark in marks if mark.line == number], margin, look)
        before = number
    return lines


def gutter(number: int | None, margin: int) -> Piece:
    return (f"{'' if number is None else number:>{margin}} | ", GUTTER)


def quoted(source: Source, number: int, margin: int, look: Look) -> Line:
    text = printable(source.line(number))
    return (gutter(number, margin), (text[: fitting(text, look.width - margin - 3)] if text else "", ""))


def marked_line(source: Source, marks: Sequence[Mark], margin: int, look: Look) -> list[Line]:
    """The source line, the row of carets with the last mark's words, and a row for each other mark's words."""
    raw = source.line(marks[0].line)
    room = look.width - margin - 3
    columns = [(cells(printable(raw[: mark.at])), cells(printable(raw[: mark.end])), mark) for mark in marks]
    columns = [(start, max(end, start + 1), mark) for start, end, mark in columns]
    text, shift = window(printable(raw), min(start for start, _, _ in columns), columns[0][0], room)
    edge = min(cells(text), room - 1)
    columns = [
        (at := min(max(start - shift, 0), edge), max(min(end - shift, edge + 1), at + 1), mark)
        for start, end, mark in columns
    ]
    columns.sort(key=lambda column: column[0])
    lines: list[Line] = [(gutter(marks[0].line, margin), (text, ""))]
    empty = gutter(None, margin)
    *others, (_, _, last) = columns
    width = max(end for _, end, _ in columns)
    carets = caret_row([*others, columns[-1]])
    said = f" {last.text}" if last.text else ""
    if cells(said) <= room - width or not last.text:
        lines.append((empty, *carets, (said, last.style)))
        waiting = [column for column in others if column[2].text]
    else:
        lines.append((empty, *carets))
        waiting = [column for column in columns if column[2].text]
    while waiting:
        *waiting, (start, _, mark) = waiting
        bars: list[Piece] = []
        at = 0
        for column, _, other in waiting:
            if at <= column < start:
                bars += [(" " * (column - at), ""), ("|", other.style)]
                at = column + 1
        indent = start if room - start >= 24 else max(min(start, room - 24), at)
        for piece in paragraph("", mark.text, room - indent):
            lines.append((empty, *bars, (" " * (indent - at), ""), (piece[1][0], mark.style)))
    return lines


def caret_row(columns: Sequence[tuple[int, int, Mark]]) -> list[Piece]:
    """Where two marks overlap, the one that starts later is on top."""
    row: dict[int, Mark] = {}
    for start, end, mark in columns:
        row.update((at, mark) for at in range(start, end))
    for start, end, mark in columns:
        if mark.sign == "^":
            row.update((at, mark) for at in range(start, end))
    return [(row[at].sign, row[at].style) if at in row else (" ", "") for at in range(max(row) + 1)]


def window(text: str, leftmost: int, primary: int, room: int) -> tuple[str, int]:
    """The part of a long line that is shown, and how many columns were cut off (or added, if negative) at its left."""
    if cells(text) <= room:
        return text, 0
    start = max(0, min(leftmost, primary) - 8)
    if start + room - 6 < primary + 4:
        start = max(0, primary - room // 3)
    if start + room >= cells(text):
        start = max(0, cells(text) - room + 3)
    skip = fitting(text, start) if start else 0
    start = cells(text[:skip])
    head = "..." if start else ""
    rest = text[skip:]
    room -= len(head)
    if cells(rest) > room:
        rest = rest[: fitting(rest, room - 3)] + "..."
    return head + rest, start - len(head)
