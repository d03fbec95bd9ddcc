"""The difference between two versions of a design, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wdfmc import __version__
from wdfmc.difference import Change, Difference, Steps, Verdicts
from wdfmc.reports.covered import said, worth_telling
from wdfmc.reports.json import covered_object, result_object
from wdfmc.reports.page import Line, Look, cells, padded, paragraph
from wdfmc.reports.phrases import deed_of, place, plural, title, verdict_phrase
from wdfmc.reports.text import FEW, common, row_name, trace_lines
from wdfmc.verdict import Coverage, Covered, ModelReport, Result, Word

STYLES: Final[Mapping[Change, str]] = {
    Change.WORSE: "bold red",
    Change.OPEN: "yellow",
    Change.OTHER: "",
    Change.BETTER: "green",
    Change.SAME: "dim",
}
MEANING: Final[Mapping[int, str]] = {
    0: "no difference",
    1: "a verdict is worse",
    3: "something is not decided, so there may be a difference that is not shown",
    4: "there are differences, and no verdict is worse",
}


def lines(found: Difference, look: Look) -> list[Line]:
    old, new = title(found.old), title(found.new)
    page: list[Line] = [((f"old  {old}", "bold"),), ((f"new  {new}", "bold"),), ()]
    page += [(("verdicts", "bold"),), *verdict_lines(found, look)]
    page += section("life cycle of requests", life_lines(found, look))
    page += section("statements", statement_lines(found, look))
    page += section("open", [line for words in found.open for line in paragraph("  ", words, look.width)])
    for item in found.changed:
        if item.change is Change.WORSE and item.new is not None and item.new.trace is not None:
            name = row_name(item.new, found.new.results)
            page += [(), *trace_lines(item.new, item.new.trace, found.new.path, look, name)]
    return [*page, (), *paragraph("", f"{sums(found)}; exit {found.exit}: {MEANING[found.exit]}", look.width, "bold")]


def section(name: str, body: Sequence[Line]) -> list[Line]:
    return [(), ((name, "bold"),), *body] if body else []


def verdict_lines(found: Difference, look: Look) -> Iterator[Line]:
    told = common(found.old) | common(found.new)
    weaker = [item for item in found.changed if only_under_a_breach(item)]
    for item in found.changed:
        if len(weaker) <= FEW or item not in weaker:
            words = f"{name_of(item, found)}: {phrase(item.old, told)} {look.arrow} {phrase(item.new, told)}"
            yield from paragraph(f"  {item.change:<8}", words, look.width, STYLES[item.change])
    if len(weaker) > FEW:
        words = f"{len(weaker)} rules: proved {look.arrow} proved up to a breach of what is violated now"
        yield from paragraph(f"  {Change.OTHER:<8}", words, look.width)
    same = found.number(Change.SAME)
    if same:
        yield from paragraph(f"  {Change.SAME:<8}", plural(same, "rule"), look.width, "dim")


def only_under_a_breach(item: Verdicts) -> bool:
    """The rule holds as it did, as far as runs go before they break a contract."""
    old, new = item.old, item.new
    if old is None or new is None:
        return False
    return old.verdict is new.verdict is Word.PROVED and bool(new.under) and not old.under


def name_of(item: Verdicts, found: Difference) -> str:
    model = found.new if item.new is not None else found.old
    return row_name(item.result, model.results)


def phrase(result: Result | None, told: frozenset[str]) -> str:
    return "no verdict" if result is None else verdict_phrase(result, told)


def life_lines(found: Difference, look: Look) -> list[Line]:
    rows = [("new", *row(step, found.new, look)) for step in found.appeared]
    rows += [("gone", *row(step, found.old, look)) for step in found.vanished]
    width = max((cells(states) for _, states, _ in rows), default=0)
    return [
        line
        for head, states, words in rows
        for line in paragraph(f"  {head:<8}{padded(states, width)}  ", words, look.width)
    ]


def row(step: Steps, model: ModelReport, look: Look) -> tuple[str, str]:
    states = f"{step.edge.before} {look.arrow} {step.edge.after}" + (f" ({step.pool})" if step.pool else "")
    return states, deed_words(step, model)


def deed_words(step: Steps, model: ModelReport) -> str:
    deed = step.edge.deed
    if deed.kind not in ("callback", "thread"):
        return deed_of(deed.actor, deed.action)
    result = "" if deed.result is None else f" = {deed.result}"
    return f"{deed.actor} {place(deed.span, model.path)}: {deed.action.rstrip(';')}{result}"


def statement_lines(found: Difference, look: Look) -> list[Line]:
    page: list[Line] = []
    for coverage, words in ((found.died, "can no longer run"), (found.revived, "can run now")):
        for covered in outermost(coverage):
            where = f"{place(covered.span, found.new.path)}: {said(covered, look)}"
            page += paragraph(f"  {words:<19}", where, look.width)
    return page


def outermost(coverage: Coverage) -> list[Covered]:
    """What is inside another place of the list is left out. `worth_telling` asks for places that do not run."""
    places = {(place.span, place.kind, place.way): place for place in coverage.places}
    idle = replace(coverage, places=tuple(replace(place, runs=False) for place in coverage.places))
    return [places[place.span, place.kind, place.way] for place in worth_telling(idle)]


def sums(found: Difference) -> str:
    words = {change: found.number(change) for change in Change if change is not Change.SAME}
    parts = [f"{number} {change}" for change, number in words.items() if number]
    told = f"verdicts: {', '.join(parts)}" if parts else "every verdict is the same"
    steps = len(found.appeared) + len(found.vanished)
    return told + (f"; {plural(steps, 'step')} of the life cycle differ{'s' if steps == 1 else ''}" if steps else "")


# ---------------------------------------------------------------- for scripts


def difference_object(found: Difference) -> dict[str, Any]:
    """Later versions add keys and change none."""
    return {
        "tool": "wdfmc",
        "version": __version__,
        "exit": found.exit,
        "old": {"path": found.old.path, "driver": found.old.driver},
        "new": {"path": found.new.path, "driver": found.new.driver},
        "verdicts": [
            {
                "rule": item.result.rule,
                "change": str(item.change),
                "old": None if item.old is None else result_object(item.old, found.old.path),
                "new": None if item.new is None else result_object(item.new, found.new.path),
            }
            for item in found.verdicts
        ],
        "life_cycle": {
            "appeared": [step_object(step) for step in found.appeared],
            "vanished": [step_object(step) for step in found.vanished],
        },
        "statements": {
            "died": [covered_object(place) for place in found.died.places],
            "revived": [covered_object(place) for place in found.revived.places],
        },
        "open": list(found.open),
    }


def step_object(step: Steps) -> dict[str, Any]:
    deed = step.edge.deed
    return {
        "pool": step.pool or None,
        "before": step.edge.before,
        "after": step.edge.after,
        "actor": deed.actor,
        "action": deed.action,
        "result": deed.result,
        "file": deed.span.source.name,
        "line": deed.span.line,
    }


def render_json(found: Difference) -> str:
    return json.dumps(difference_object(found), indent=2) + "\n"
