"""How far engines have come, and what a run took, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from wdfmc.progress import Effort
from wdfmc.reports.page import Line, Look, cells, padded, paragraph, wrapped
from wdfmc.reports.phrases import plural
from wdfmc.verdict import Statistics

MIB: Final = 1 << 20
HEADS: Final = ("engine", "requests", "seconds", "work")


def effort_phrase(effort: Effort) -> str:
    """For example `12,345 states, depth 17` or `5 frames, 34 lemmas, 812 queries`."""
    parts = [
        None if effort.frames is None else counted(effort.frames, "frame"),
        None if effort.states is None else counted(effort.states, "state"),
        None if effort.depth is None else f"depth {effort.depth}",
        None if effort.lemmas is None else counted(effort.lemmas, "lemma"),
        None if effort.queries is None else f"{effort.queries:,} {'query' if effort.queries == 1 else 'queries'}",
    ]
    return ", ".join(part for part in parts if part is not None)


def counted(number: int, noun: str) -> str:
    return plural(number, noun).replace(str(number), f"{number:,}", 1)


def progress_lines(now: Mapping[str, Sequence[Effort]], decided: int, seconds: float) -> list[str]:
    """One line about the run, and one for each model that is being checked."""
    rules = counted(decided, "rule")
    return [f"{seconds:.0f} s, {rules} decided", *(f"{model}: {working(now[model])}" for model in now if model)]


def working(efforts: Sequence[Effort]) -> str:
    """What goes on, for example `ic3 with 2 requests: 5 frames, 34 lemmas, 812 queries; lowering`."""
    return "; ".join(": ".join(filter(None, (work_of(effort), effort_phrase(effort)))) for effort in efforts)


def work_of(effort: Effort) -> str:
    match effort.requests:
        case None:
            return effort.engine
        case "any":
            return f"{effort.engine} with any number of requests"
        case number:
            return f"{effort.engine} with {plural(number, 'request')}"


def statistics_lines(statistics: Statistics, look: Look) -> list[Line]:
    rows = [
        (each.engine, "" if each.requests is None else str(each.requests), f"{each.seconds:.1f}", effort_phrase(each))
        for each in statistics.efforts
    ]
    lines: list[Line] = []
    if rows:
        widths = [max(cells(head), *(cells(row[at]) for row in rows)) for at, head in enumerate(HEADS)]
        room = look.width - 2 - sum(width + 2 for width in widths[:3])
        for engine, requests, seconds, work in (HEADS, *rows):
            for at, words in enumerate(wrapped(work, room)):
                first = (padded(engine, widths[0]), requests.rjust(widths[1]), seconds.rjust(widths[2]))
                cut = first if at == 0 else tuple(" " * width for width in widths[:3])
                lines.append((("  " + "  ".join((*cut, words)), "dim"),))
        lines.append(())
    return [*lines, *paragraph("", in_all(statistics), look.width)]


def in_all(statistics: Statistics) -> str:
    """For example `12.3 seconds; at most 210 MiB of memory in one process`."""
    words = f"{statistics.seconds:.1f} seconds"
    if statistics.memory is None:
        return words
    return f"{words}; at most {statistics.memory / MIB:,.0f} MiB of memory in one process"
