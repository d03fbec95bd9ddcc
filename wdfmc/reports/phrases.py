"""The words in which every report for people speaks of a result, and who has which lane of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final, assert_never

from wdfmc.source import Span
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep, Word

MOST_LANES: Final = 12  # with more, the activations of one callback share a lane
CROWDED: Final = 60  # characters of a source line that a reader takes in at once
LIBRARY: Final = "wdfmc/library/"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_phrase(result: Result) -> str:
    """For example `proved, any number of requests, 4 created requests` or `violated in 9 steps`."""
    match result.verdict:
        case Word.PROVED:
            how = f"proved up to a breach of {', '.join(result.under)}" if result.under else "proved"
            size = "any number of requests" if result.requests == "any" else plural(result.requests, "request")
            return ", ".join([how, size, *result.bounds])
        case Word.BOUNDED:
            return ", ".join([f"no violation up to depth {result.depth}", *result.bounds])
        case Word.VIOLATED:
            steps = len(result.trace.steps) if result.trace else result.depth
            phrase = "violated" if steps is None else f"violated in {plural(steps, 'step')}"
            return f"{phrase}: {result.reason}" if result.reason else phrase
        case Word.VACUOUS | Word.UNKNOWN | Word.SKIPPED:
            return f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
        case _:
            assert_never(result.verdict)


def ending(result: Result, trace: Trace) -> str:
    """The last line of a trace."""
    match trace.end:
        case "violation":
            return f"violates {result.rule}: {result.sentence}"
        case "stuck":
            return f"stuck: no step that must happen is left, and this is still owed: {result.sentence}"
        case "loop":
            return f"repeats from step {trace.loop} for ever, and this is still owed: {result.sentence}"
        case _:
            assert_never(trace.end)


def counts(report: Report) -> str:
    """What was found in one line, each verdict with its number."""
    results = [result for model in report.models for result in model.results]
    violated = [result for result in results if result.verdict is Word.VIOLATED]
    expected = sum(result.expectation == "met" for result in violated)
    number = {word: sum(result.verdict is word for result in results) for word in Word}
    parts = [
        (number[Word.PROVED], "proved"),
        (expected, "violated as expected"),
        (len(violated) - expected, "violated"),
        (number[Word.BOUNDED], "without a violation up to a depth"),
        (number[Word.VACUOUS], "vacuous"),
        (number[Word.UNKNOWN], "unknown"),
        (number[Word.SKIPPED], "skipped"),
    ]
    return ", ".join(f"{count} {words}" for count, words in parts if count) or "no rule was decided"


def lanes(trace: Trace) -> Mapping[int, str]:
    """Step index -> lane, lanes in the order of their first step. Two activations that race have a lane each."""

    def own(step: TraceStep) -> str:
        return step.actor if step.kind in ("callback", "thread") else step.lane

    if len({own(step) for step in trace.steps}) <= MOST_LANES:
        return {step.index: own(step) for step in trace.steps}
    return {step.index: step.lane for step in trace.steps}


def moved(step: TraceStep) -> dict[str, tuple[str, str]]:
    """The requests that this step gave a new owner: name -> (before, after)."""
    return {request: change for request, change in step.owners.items() if change[0] != change[1]}


def other_changes(step: TraceStep) -> dict[str, tuple[str, str]]:
    """What else changed. Owners are told apart from it, so `r1.own` is left out."""
    return {
        name: change
        for name, change in step.changes.items()
        if change[0] != change[1] and not (name.endswith(".own") and name.removesuffix(".own") in step.owners)
    }


def last_owners(trace: Trace) -> dict[str, str]:
    """Request -> owner when the trace ends, for those that the trace names."""
    owners: dict[str, str] = {}
    for step in trace.steps:
        owners.update((request, after) for request, (_, after) in step.owners.items())
    return owners


def action_of(step: TraceStep) -> str:
    return step.action if step.result is None else f"{step.action} = {step.result}"


def is_library(span: Span) -> bool:
    return LIBRARY in span.source.name.replace("\\", "/")


def place(span: Span) -> str:
    """`pending_read.wdf:14`: short, since the header of the report has the whole path."""
    return f"{PurePath(span.source.name.replace(chr(92), '/')).name}:{span.line}"


def source_line(span: Span) -> str:
    """The line on which a span starts, without its indentation; of a line that is crowded only the span itself."""
    line = span.source.line(span.line).strip()
    if len(line) <= CROWDED or not span.text.strip():
        return line
    own, *more = span.text.strip().splitlines()
    ends = not more and span.source.text[span.end : span.end + 1] == ";"
    return own.strip() + (";" if ends else "")


def title(model: ModelReport) -> str:
    return f"{model.path}: driver {model.driver}" if model.driver else model.path
