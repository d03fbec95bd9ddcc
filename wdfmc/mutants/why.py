"""Why a line is there: what becomes possible when it is left out or weakened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from wdfmc.checking import Options
from wdfmc.diagnostics import Diagnostic, Label, Rejected
from wdfmc.language import ast
from wdfmc.mutants.judged import Answer, Baseline, Judged, baseline, judged, read_model
from wdfmc.mutants.mutations import REMOVALS, mutants_of_line
from wdfmc.mutants.spots import spots
from wdfmc.source import Source, Span


class Need(StrEnum):
    NEEDED = "needed"  # without it something goes wrong, or the driver does less
    UNNEEDED = "not needed"
    OPEN = "not decided"


@dataclass(frozen=True, slots=True)
class Why:
    """`line`: 1-based. `judged`: every change of the line that is still a driver, removals first."""

    before: Baseline
    line: int
    judged: tuple[Judged, ...]

    @property
    def need(self) -> Need:
        """By what comes of leaving it out; of a line with nothing but a test by what comes of weakening that."""
        telling = [each for each in self.judged if each.mutant.mutation.kind in REMOVALS] or self.judged
        if any(each.noticed for each in telling):
            return Need.NEEDED
        return Need.OPEN if any(each.answer is Answer.OPEN for each in telling) else Need.UNNEEDED

    @property
    def told(self) -> Judged | None:
        """The change whose trace says most: the shortest trace of a removal, else of any other change."""
        shown = [each for each in self.judged if each.broken]
        return min(shown, key=lambda each: each.mutant.mutation.kind not in REMOVALS, default=None)


def why(
    source: Source, line: int, options: Options, deadline: float | None, on_judged: Callable[[Judged], None]
) -> Why:
    """Raises Rejected: the text has mistakes, or nothing that can be left out stands on the line."""
    model = read_model(source, options)
    text = model.program.source
    mutants = mutants_of_line(text, model.program, line)
    if not mutants:
        raise Rejected([nothing_there(text, line)])
    before = baseline(model, options, deadline)
    found = []
    for mutant in sorted(mutants, key=lambda mutant: mutant.mutation.kind not in REMOVALS):
        result = judged(mutant, before.known, options, deadline, thorough=False)
        if result.answer is not Answer.REFUSED:
            found.append(result)
            on_judged(result)
    if not found:
        raise Rejected([nothing_there(text, line)])
    return Why(before, line, tuple(found))


def nothing_there(text: ast.Text, line: int) -> Diagnostic:
    """The line is a declaration, a comment, a brace, empty or behind the end; or no driver is left without it."""
    last = len(text.source.line_starts)
    if not 1 <= line <= last:
        return Diagnostic("WDF940", f"`{text.source.name}` has no line {line}, it ends with line {last}")
    lines = sorted({spot.statement.span.line for spot in spots(text)}, key=lambda known: abs(known - line))
    start = text.source.line_starts[line - 1]
    label = Label(Span(text.source, start, start + len(text.source.line(line))))
    advice = f"statements stand near it in line {' and '.join(map(str, sorted(lines[:2])))}" if lines else None
    return Diagnostic("WDF940", "no statement that can be left out or weakened stands on this line", (label,), advice)
