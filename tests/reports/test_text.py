from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdfmc.reports import FORMATS
from wdfmc.reports.page import Look, cells
from wdfmc.reports.phrases import counts, deed, environment_lane, verdict_phrase
from wdfmc.reports.text import render
from wdfmc.source import Source, Span
from wdfmc.verdict import Audit, ModelReport, Report, Result, Trace, TraceStep, Word


def test_report_is_as_reviewed(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/report.txt", FORMATS["text"](report))


def test_terminal_draws_with_more_than_ascii(report: Report, golden: Callable[[str, str], None]) -> None:
    golden("reports/terminal.txt", render(report, Look(120, unicode=True)))


def test_pipe_gets_ascii(report: Report) -> None:
    assert FORMATS["text"](report).isascii()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("unicode", [False, True])
def test_no_line_is_wider_than_the_page(report: Report, width: int, unicode: bool) -> None:
    for line in render(report, Look(width, unicode)).splitlines():
        assert cells(line) <= width, line


def a_result(verdict: Word, **more: object) -> Result:
    known: dict[str, object] = {
        "requests": 2, "depth": None, "engine": "bmc", "assumptions": (), "seconds": 0.1, "audit": Audit.NONE,
    }  # fmt: skip
    return Result(rule="a-rule", sentence="So it is.", verdict=verdict, **(known | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "phrase"),
    [
        (a_result(Word.PROVED), "proved, 2 requests"),
        (a_result(Word.PROVED, requests=1), "proved, 1 request"),
        (a_result(Word.PROVED, requests="any"), "proved, any number of requests"),
        (a_result(Word.PROVED, requests="any", bounds=("4 created requests",)),
         "proved, any number of requests, 4 created requests"),
        (a_result(Word.PROVED, under=("no-double-send",)), "proved up to a breach of no-double-send, 2 requests"),
        (a_result(Word.BOUNDED, depth=12), "no violation up to depth 12"),
        (a_result(Word.VIOLATED, depth=9), "violated in 9 steps"),
        (a_result(Word.VIOLATED, depth=1), "violated in 1 step"),
        (a_result(Word.VACUOUS, reason="never sent"), "vacuous: never sent"),
        (a_result(Word.UNKNOWN, reason="time limit"), "unknown: time limit"),
        (a_result(Word.SKIPPED, reason="the driver has no timer"), "skipped: the driver has no timer"),
    ],
)  # fmt: skip
def test_verdict_phrase(result: Result, phrase: str) -> None:
    assert verdict_phrase(result) == phrase


def test_a_bounded_result_is_never_called_good() -> None:
    report = Report(0, (ModelReport("a.wdf", "A", (a_result(Word.BOUNDED, depth=12),)),))
    words = set(re.findall(r"[a-z]+", FORMATS["text"](report).lower()))
    assert not words & {"ok", "okay", "pass", "passed", "success", "safe", "verified", "proved"}


def test_steps_are_numbered_and_tell_place_result_and_owner(report: Report) -> None:
    text = FORMATS["text"](report)
    trace = text[text.index("no-double-complete: violated") : text.index("request-eventually-completed: violated")]
    assert [int(n) for n in re.findall(r"^ {2}(\d+)  ", trace, re.MULTILINE)] == [1, 2, 3, 4, 5, 6, 7]
    assert "4: WdfSpinLockAcquire(Lock);" in trace
    assert "request.wdf:1: " in trace
    assert "-> STATUS_SUCCESS" in trace
    assert "    at models/cancellation/wrong.wdf:10:" in trace
    assert "r1: driver -> cancelable" in trace
    assert "r1: cancelable -> cancelable" not in trace
    assert "r1.own" not in trace, "the owner is said once"
    assert "violates no-double-complete: A request is completed at most once." in trace


def test_ends_of_traces(report: Report) -> None:
    text = " ".join(FORMATS["text"](report).split())
    assert "repeats from step 5 for ever" in text
    assert "stuck: no step that must happen is left" in text


def test_two_activations_that_race_have_a_lane_each(report: Report) -> None:
    first = report.models[0].results[0]
    assert first.trace
    racing = (first.trace.steps[1], replace(first.trace.steps[1], index=3, actor="OnRead(r2)"))
    trace = replace(first.trace, steps=racing)
    text = FORMATS["text"](replace(report, models=(ModelReport("a", "A", (replace(first, trace=trace),)),)))
    assert re.search(r"^  2  o   ", text, re.MULTILINE)
    assert re.search(r"^  3    X ", text, re.MULTILINE)


def test_skipped_rules_are_named_when_they_are_few(report: Report) -> None:
    assert "skipped timer-stop-protocol: the driver has no timer" in FORMATS["text"](report)


def test_skipped_rules_are_counted_when_they_are_many(report: Report) -> None:
    model = report.models[0]
    skipped = tuple(a_result(Word.SKIPPED, reason="the driver has no timer") for _ in range(20))
    text = FORMATS["text"](replace(report, models=(replace(model, results=model.results + skipped),)))
    assert "skipped 23 rules that do not concern this driver" in text


def test_what_all_verdicts_share_is_said_once() -> None:
    shared = {"under": ("no-double-send",), "bounds": ("at most 2 runs of OnDpc at once",)}
    results = tuple(a_result(Word.PROVED, **shared) for _ in range(3))
    text = FORMATS["text"](Report(0, (ModelReport("a.wdf", "A", results),)))
    assert text.count("proved up to a breach, 2 requests") == 3
    assert text.count("no-double-send") == 1
    assert text.count("at most 2 runs of OnDpc at once") == 1


def test_what_one_verdict_assumes_stands_beside_it() -> None:
    shared, own = "at most 2 runs of OnDpc at once", "the wait of OnDpc for `e.signaled` is not followed"
    results = (a_result(Word.PROVED, bounds=(shared,)), a_result(Word.PROVED, bounds=(shared, own)))
    text = FORMATS["text"](Report(0, (ModelReport("a.wdf", "A", results),)))
    assert text.count("at most 2 runs of OnDpc at once") == 1
    flat = " ".join(text.split())
    assert "proved, 2 requests, the wait of OnDpc" in flat


def test_one_rule_in_two_environments() -> None:
    results = (
        a_result(Word.PROVED, assumptions=("fair", "target Lower answers")),
        a_result(Word.VIOLATED, assumptions=("fair", "target Lower silent"), depth=3),
    )
    text = FORMATS["text"](Report(1, (ModelReport("a.wdf", "A", results),)))
    assert re.search(r"a-rule \(target Lower answers\) +proved", text)
    assert re.search(r"a-rule \(target Lower silent\) +violated", text)


def environment(actor: str, action: str, kind: str = "environment") -> TraceStep:
    span = Span(Source("wdfmc/library/framework/x.wdf", "x"), 0, 1)
    return TraceStep(1, actor, actor.partition("(")[0], kind, action, None, span, {}, {}, 0)


@pytest.mark.parametrize(
    ("step", "lane", "said"),
    [
        (environment("sender_issues Reads(r1)", "sender issues"), "sender", "sender issues Reads (r1)"),
        (environment("sender_cancels(r1)", "sender cancels"), "sender", "sender cancels (r1)"),
        (
            environment("Reads.cancel_callback(r1)", "cancel callback", "framework"),
            "Reads",
            "Reads: cancel callback (r1)",
        ),
        (environment("power Device", "the device leaves D0"), "power", "power Device: the device leaves D0"),
        (environment("rule", "rule", "framework"), "rule", "rule"),
    ],
)
def test_actors_of_the_environment(step: TraceStep, lane: str, said: str) -> None:
    assert (environment_lane(step), deed(step)) == (lane, said)


def test_last_line_sums_up(report: Report) -> None:
    assert counts(report).startswith("2 proved, 1 violated as expected, 2 violated, ")
    assert "; exit 1" in FORMATS["text"](report)


def test_nothing_decided() -> None:
    assert "no rule was decided; exit 130" in FORMATS["text"](Report(130, ()))


words = st.text(max_size=60)
sources = st.builds(Source, words, st.text(max_size=300))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    source = draw(sources)
    start = draw(st.integers(0, len(source.text)))
    return Span(source, start, draw(st.integers(start, len(source.text))))


pairs = st.tuples(words, words)
changed = st.dictionaries(words, pairs, max_size=3)
steps = st.builds(
    TraceStep, index=st.just(0), actor=words, lane=words, kind=st.sampled_from(["callback", "environment"]),
    action=words, result=st.none() | words, span=spans(), changes=changed, owners=changed, transition=st.just(0),
)  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    made = [replace(step, index=at + 1) for at, step in enumerate(draw(st.lists(steps, max_size=20)))]
    loop = draw(st.none() | st.integers(1, len(made))) if made else None
    return Trace("loop" if loop else draw(st.sampled_from(["violation", "stuck"])), loop, tuple(made))


results = st.builds(
    Result, rule=words, sentence=words, verdict=st.sampled_from(Word), requests=st.integers(1, 9) | st.just("any"),
    depth=st.none() | st.integers(0, 99), engine=words, assumptions=st.lists(words, max_size=2).map(tuple),
    seconds=st.floats(0, 1e6), audit=st.sampled_from(Audit), reason=st.none() | words, trace=st.none() | traces(),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(results, max_size=3), st.integers(60, 120), st.booleans())
def test_any_text_can_be_drawn(found: list[Result], width: int, unicode: bool) -> None:
    report = Report(1, (ModelReport("a.wdf", "A", tuple(found)),))
    for line in render(report, Look(width, unicode)).splitlines():
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    for form in ("json", "mermaid"):
        assert FORMATS[form](report)
