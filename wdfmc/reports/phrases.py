"""The words in which every report for people speaks of a result, and who has which lane of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final, assert_never

from wdfmc.source import Span
from wdfmc.verdict import ModelReport, Needed, Report, Result, Trace, TraceStep, Word

# What the words of `assuming` in a rule stand for.
ASSUMPTIONS: Final = {
    "hardware answers": "devices raise the interrupts that they may raise",
    "hardware silent": "devices may stay silent",
    "ticks": "timers that are armed, DPCs and work items that are queued run eventually",
    "threads": "the driver's own threads go on",
    "locks": "a lock that is free again and again is got in the end",
    "returns": "a device that is out of D0 comes back",
    "settles": "the device leaves D0 finitely often",
}
MEMORY: Final = "memory is sequentially consistent"
NOTHING: Final = "none of its assumptions: that callbacks which have begun go on is enough"
MOST_LANES: Final = 12  # with more, the activations of one callback share a lane
CROWDED: Final = 60  # characters of a source line that a reader takes in at once
OWNER: Final = "own"  # the library's field, and its value for a request that has ended
DONE: Final = "done"
RULE: Final = "rule"  # the actor of a step in which a rule finds itself broken, between the steps of all others
PASSING: Final = ("begins", "goes on")  # actions that only say where a callback is
LIBRARY: Final = "wdfmc/library/"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verdict_phrase(result: Result, told: frozenset[str] = frozenset()) -> str:
    """For example `proved, any number of requests, 4 created requests` or `violated in 9 steps`.

    told: breached contracts and bounds that a note under the table names for all rows; they are not repeated.
    """
    bounds = [bound for bound in result.bounds if bound not in told]
    match result.verdict:
        case Word.PROVED:
            under = [rule for rule in result.under if rule not in told]
            how = "proved"
            if result.under:
                how += f" up to a breach of {', '.join(under)}" if under else " up to a breach"
            size = "any number of requests" if result.requests == "any" else plural(result.requests, "request")
            phrase = ", ".join([how, size, *bounds])
            return f"{phrase}; {result.reason}" if result.reason else phrase
        case Word.BOUNDED:
            return ", ".join([f"no violation up to depth {result.depth}", *bounds])
        case Word.VIOLATED:
            steps = len(result.trace.steps) if result.trace else result.depth
            phrase = "violated" if steps is None else f"violated in {plural(steps, 'step')}"
            return f"{phrase}: {result.reason}" if result.reason else phrase
        case Word.VACUOUS | Word.UNKNOWN | Word.SKIPPED:
            return f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
        case _:
            assert_never(result.verdict)


def assumed(word: str) -> str:
    """An assumption of a verdict as people say it."""
    return ASSUMPTIONS.get(word, word)


def explained(word: str) -> str:
    """The word itself, and what it means where that is not plain."""
    return f"{word} ({ASSUMPTIONS[word]})" if word in ASSUMPTIONS else word


def lacking(needed: Needed) -> str:
    """What is less in a trace: `without ticks`, `with target Lower honours instead`."""
    return f"with {needed.instead} instead" if needed.instead else f"without {needed.assumption}"


def found(needed: Needed) -> str:
    """What came of the rule without an assumption."""
    without = f"with {needed.instead} instead" if needed.instead else "without it"
    if needed.trace is not None:
        return f"{without}, violated in {plural(len(needed.trace.steps), 'step')}"
    return f"{without}, not decided ({needed.reason or needed.verdict}), so it is kept"


def ending(result: Result, trace: Trace) -> str:
    """The last line of a trace."""
    match trace.end:
        case "violation":
            return f"violates {result.rule}: {result.sentence}"
        case "stuck":
            return f"stuck: no step that must happen is left, and this is still owed: {result.sentence}"
        case "loop":
            return f"repeats from step {trace.loop} for ever, and this is still owed: {result.sentence}"
        case "open":
            return "ends here"
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
    own = {step.index: step.actor if acts(step) else environment_lane(step) for step in trace.steps}
    if len(set(own.values())) <= MOST_LANES:
        return own
    return {step.index: step.lane if acts(step) else environment_lane(step) for step in trace.steps}


def acts(step: TraceStep) -> bool:
    """Is it a step of a callback or a thread, not of the environment or of the framework by itself?"""
    return step.kind in ("callback", "thread")


def environment_lane(step: TraceStep) -> str:
    """Who of the environment it is: `sender` for `sender_issues Reads` and `sender_cancels`, `Reads` for its loop."""
    who = step.lane.partition(".")[0].partition(" ")[0]
    return who if "." in step.lane else who.partition("_")[0]


def deed(step: TraceStep) -> str:
    return deed_of(step.actor, step.action)


def deed_of(actor: str, action: str) -> str:
    """What an actor that is no callback does, with its name: `sender issues Reads (r1)`."""
    name = action.replace(" ", "_")
    if not name or name not in actor:
        return action if actor == action else f"{actor}: {action}"
    words = actor.replace(name, action, 1).replace("(", " (", 1)
    owner, dot, rest = words.partition(".")
    return f"{owner}: {rest}" if dot else words


def moved(step: TraceStep) -> dict[str, tuple[str, str]]:
    """The requests that this step gave a new owner: name -> (before, after)."""
    return {request: change for request, change in step.owners.items() if change[0] != change[1]}


def other_changes(step: TraceStep) -> dict[str, tuple[str, str]]:
    """What else changed. The owner is told apart from it; that a request which is done forgets the rest is no news."""
    done = {request for request, (_, after) in step.owners.items() if after == DONE}

    def told(name: str) -> bool:
        request, _, field = name.rpartition(".")
        return (field == OWNER and request in step.owners) or any(name.startswith(f"{gone}.") for gone in done)

    return {name: change for name, change in step.changes.items() if change[0] != change[1] and not told(name)}


def last_owners(trace: Trace) -> dict[str, str]:
    """Request -> owner when the trace ends, for those that the trace names."""
    owners: dict[str, str] = {}
    for step in trace.steps:
        owners.update((request, after) for request, (_, after) in step.owners.items())
    return owners


def last_place(trace: Trace) -> Span | None:
    """Where the driver was when the trace ends."""
    return next((step.span for step in reversed(trace.steps) if not is_library(step.span)), None)


def is_library(span: Span) -> bool:
    return LIBRARY in span.source.name.replace("\\", "/")


def place(span: Span, model: str) -> str:
    """The line in the text of the model, `request.wdf:14` in any other text."""
    if span.source.name == model:
        return str(span.line)
    return f"{PurePath(span.source.name.replace(chr(92), '/')).name}:{span.line}"


def source_line(span: Span) -> str:
    """The line on which a span starts, without its indentation; of a line that says more only the span itself."""
    whole = span.source.line(span.line)
    inside = any(mark in whole[: span.column - 1] for mark in "{(")  # a block on one line, an argument, a condition
    if not span.text.strip() or (len(whole.strip()) <= CROWDED and not inside):
        return whole.strip()
    own, *more = span.text.strip().splitlines()
    ends = not more and span.source.text[span.end : span.end + 1] == ";"
    return own.strip() + (";" if ends else "")


def title(model: ModelReport) -> str:
    return f"{model.path}: driver {model.driver}" if model.driver else model.path
