"""The part of the report for people that says what of a driver can never run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc.reports.page import Line, Look, paragraph
from wdfmc.reports.phrases import place, plural
from wdfmc.verdict import Coverage, Covered, ModelReport

NOUNS: Final = {"callback": "callback", "statement": "statement", "branch": "branch", "outcome": "outcome of a call"}
PLURALS: Final = {"branch": "branches", "outcome": "outcomes of calls"}


def coverage_lines(model: ModelReport, coverage: Coverage, look: Look) -> list[Line]:
    lines = paragraph("", f"what can run, with {plural(coverage.requests, 'request')}: {sums(coverage)}", look.width)
    for covered in worth_telling(coverage):
        label = "never" if covered.runs is False else "open"
        words = f"{place(covered.span, model.path)}: {said(covered, look)}"
        lines += paragraph(f"  {label:<8}", words, look.width)
    if coverage.reason is not None:
        lines += paragraph(f"  {'open':<8}", f"what no run was seen to come to: {coverage.reason}", look.width, "dim")
    if coverage.under:
        words = f"a run ends where it breaks {', '.join(coverage.under)}; what would come after counts as never"
        lines += paragraph(f"  {'breach':<8}", words, look.width, "dim")
    return lines


def sums(coverage: Coverage) -> str:
    found = []
    for kind, noun in NOUNS.items():
        places = [covered for covered in coverage.places if covered.kind == kind]
        if places:
            run = sum(covered.runs is True for covered in places)
            found.append(f"{run} of {len(places)} {PLURALS.get(kind, noun + 's') if len(places) > 1 else noun}")
    return ", ".join(found) or "nothing is there to run"


def worth_telling(coverage: Coverage) -> Iterator[Covered]:
    """What is not inside something larger of which the same is told."""
    told: list[Covered] = []
    for covered in sorted(coverage.places, key=lambda place: (place.span.start, -place.span.end, place.way != "")):
        if covered.runs is not True:
            if not any(inside(covered, larger) for larger in told):
                yield covered
            if covered.kind in ("callback", "statement"):
                told.append(covered)


def inside(covered: Covered, larger: Covered) -> bool:
    one, other = covered.span, larger.span
    within = one.source == other.source and other.start <= one.start and one.end <= other.end
    return within and covered.runs is larger.runs


def said(covered: Covered, look: Look) -> str:
    code = " ".join(covered.span.text.split("{")[0].split()).rstrip(";")
    match covered.kind:
        case "branch":
            return f"{code if code.startswith('while') else f'if ({code})'}: {covered.way}"
        case "outcome":
            return f"{code} {look.arrow} {covered.way.split(' = ')[1]}"
        case _:
            return code
