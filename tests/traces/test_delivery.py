"""Queues keep their order in what is reported: a violation that needs another one is none."""

from __future__ import annotations

import pytest

from tests.drivers import random_driver
from tests.lowered import Lowered
from tests.traces.queues import out_of_order
from wdfmc.checking import Options, check_text
from wdfmc.engines.engine import Path, Unknown, Violated
from wdfmc.system.instantiate import instantiate
from wdfmc.system.ordered import ordered
from wdfmc.traces.delivery import OUT_OF_ORDER, Delivery
from wdfmc.traces.minimize import canonical
from wdfmc.traces.replay import replay
from wdfmc.verdict import Result, Word

REACHED = 'rule reached "Words." never Reached;'
RULE = "reached"


def driver(poll: str, read: str = "", queues: str = "", items: str = "") -> str:
    """Requests are forwarded one after the other to `Waiting`; `First` came first. A timer looks at them once."""
    return f"""
driver InLine {{
    queue Reads : sequential, front, scope queue {{ EvtIoRead = OnRead; }}
    queue Waiting : manual;
    {queues}
    timer Poll : armed {{ EvtTimerFunc = OnPoll; }}
    context device {{ First : request?; Reached : bool; }}
    callback OnRead(Request) {{
        {read}
        if (First == null) {{ First = Request; }}
        status = WdfRequestForwardToIoQueue(Request, Waiting);
        if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
    }}
    callback OnPoll() {{ {poll} }}
    {items}
}}
{REACHED}
"""


NEXT = "WdfIoQueueRetrieveNextRequest(Waiting, &{0})"
END = "WdfRequestComplete({0}, STATUS_SUCCESS);"


def two(first: str, second: str, then: str) -> str:
    """Takes two requests from `Waiting`; `then` is done with both of them, `a` and `b`."""
    return f"""
        if (NT_SUCCESS({NEXT.format("a")})) {{
            {first}
            if (NT_SUCCESS({NEXT.format("b")})) {{ {second} {then} {END.format("b")} }}
            {END.format("a")}
        }}
    """


IN_ORDER = driver(two("", "", "if (a == First) { Reached = true; }"))
OUT = driver(two("", "", "if (b == First) { Reached = true; }"))
# Whoever comes first is put back, to the head, and so comes first again.
PUT_BACK = """
    if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &a))) {{
        again = WdfRequestRequeue(a);
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &b))) {{
            if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &c))) {{
                if ({0} == First) {{ Reached = true; }}
                WdfRequestComplete(c, again);
            }}
            WdfRequestComplete(b, again);
        }}
    }}
"""
# Whoever comes first goes to the tail of another queue, and so does the other one.
PASSED_ON = """
    if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &a))) {{
        one = WdfRequestForwardToIoQueue(a, Other);
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &b))) {{
            two = WdfRequestForwardToIoQueue(b, Other);
            if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Other, &c))) {{
                if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Other, &d))) {{
                    if ({0} == First) {{ Reached = true; }}
                    WdfRequestComplete(d, one);
                }}
                WdfRequestComplete(c, two);
            }}
        }}
    }}
"""
# Found behind the head, and taken from there.
FOUND = """
    if (NT_SUCCESS(WdfIoQueueFindRequest(Waiting, NULL, &a))) {
        if (NT_SUCCESS(WdfIoQueueFindRequest(Waiting, a, &b))) {
            if (NT_SUCCESS(WdfIoQueueRetrieveFoundRequest(Waiting, b, &c))) {
                if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &d))) {
                    if (d == First) { Reached = true; }
                    WdfRequestComplete(d, STATUS_SUCCESS);
                }
                WdfRequestComplete(c, STATUS_SUCCESS);
            }
            WdfObjectDereference(b);
        }
        WdfObjectDereference(a);
    }
"""
# The head is cancelled, so the next one comes first. It cannot be completed behind the one before.
CANCELLED = driver(f"if (NT_SUCCESS({NEXT.format('a')})) {{ if (a != First) {{ Reached = true; }} {END.format('a')} }}")
# The request of the second file is behind that of the first one in the queue.
OF_A_FILE = driver(
    """
    if (NT_SUCCESS(WdfIoQueueRetrieveRequestByFileObject(Waiting, Handle2, &a))) {
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &b))) {
            if (b == First) { Reached = true; }
            WdfRequestComplete(b, STATUS_SUCCESS);
        }
        WdfRequestComplete(a, STATUS_SUCCESS);
    }
    """,
    items="file Handle[2];",
)
SAME_FILE = driver(
    """
    if (NT_SUCCESS(WdfIoQueueRetrieveRequestByFileObject(Waiting, Handle1, &a))) {
        if (NT_SUCCESS(WdfIoQueueRetrieveRequestByFileObject(Waiting, Handle1, &b))) {
            if (b == First) { Reached = true; }
            WdfRequestComplete(b, STATUS_SUCCESS);
        }
        WdfRequestComplete(a, STATUS_SUCCESS);
    }
    """,
    items="file Handle[1];",
)
# Both wait in a queue that is stopped; when it is started its handler gets them in order, at the same time if it may.
STARTED = (
    """
driver Started {{
    queue Reads : {0}, front, scope queue {{ EvtIoRead = OnRead; }}
    queue Waiting : {1}, scope queue {{ EvtIoRead = OnWaiting; }}
    timer Poll : armed {{ EvtTimerFunc = OnPoll; }}
    context device {{ First, Latest : request?; Held, Reached : bool; }}
    callback OnRead(Request) {{
        if (!Held) {{ WdfIoQueueStop(Waiting, NULL); Held = true; First = Request; }}
        status = WdfRequestForwardToIoQueue(Request, Waiting);
        if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
    }}
    callback OnWaiting(Request) {{
        if ({2}) {{ Reached = true; }}
        Latest = Request;
        {3}
    }}
    callback OnPoll() {{ WdfIoQueueStart(Waiting); }}
}}
"""
    + REACHED
)
EARLIER = "Latest != null && Request == First"
LATER = "Latest == First && Request != First"


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        pytest.param(IN_ORDER, True, id="next"),
        pytest.param(OUT, False, id="next-later"),
        pytest.param(driver(PUT_BACK.format("b")), True, id="requeue"),
        pytest.param(driver(PUT_BACK.format("c")), False, id="requeue-later"),
        pytest.param(driver(PASSED_ON.format("c"), queues="queue Other : manual;"), True, id="forward"),
        pytest.param(driver(PASSED_ON.format("d"), queues="queue Other : manual;"), False, id="forward-later"),
        pytest.param(driver(FOUND), True, id="found"),
        pytest.param(CANCELLED, True, id="cancelled"),
        pytest.param(OF_A_FILE, True, id="file"),
        pytest.param(SAME_FILE, False, id="same-file-later"),
        pytest.param(STARTED.format("parallel", "parallel", LATER, ""), True, id="parallel"),
        pytest.param(STARTED.format("parallel", "parallel", EARLIER, ""), True, id="parallel-handlers-race"),
        pytest.param(
            STARTED.format("parallel", "parallel, limit 1", EARLIER, END.format("Request")), False, id="limit-1-later"
        ),
        pytest.param(
            STARTED.format("sequential", "sequential", EARLIER, END.format("Request")), False, id="sequential"
        ),
    ],
)
def test_only_what_happens_in_order_is_a_violation(text: str, possible: bool) -> None:
    found = decided(text)
    if possible:
        assert found.verdict is Word.VIOLATED
        assert found.trace is not None
        assert out_of_order(found.trace) == []
    else:
        assert (found.verdict, found.reason) == (Word.UNKNOWN, OUT_OF_ORDER)
        assert found.depth is not None
        # The order alone excludes it: engines do find the violation.
        assert violated(text).end == "violation"


def decided(text: str, rule: str = RULE, **options: int) -> Result:
    report = check_text(text, options=Options(rules=(rule,), engine="explicit", widening=0, **options))  # type: ignore[arg-type]
    assert not report.diagnostics or all(item.severity.name == "WARNING" for item in report.diagnostics), report
    (result,) = [result for result in report.models[0].results if result.rule == rule]
    return result


def violated(text: str, requests: int = 2) -> Path:
    """The canonical violation with the order of queues left open."""
    return canonical(instantiate(Lowered(text, (RULE,)).system, requests), RULE, 99)


# Whoever is taken second is marked by the flag that the first one of them sets, or by its own place in the queue; the
# shortest run takes them in the wrong order, a longer one in the right one.
EITHER = driver(
    two("", "", "if (b == First || Late) { Reached = true; }"),
    items="""
    context device { Late : bool; }
    timer Clock : armed { EvtTimerFunc = OnClock; }
    callback OnClock() { Late = true; }
    """,
)


def test_another_run_is_shown_if_the_shortest_is_out_of_order() -> None:
    found, shortest = decided(EITHER), violated(EITHER)
    assert found.verdict is Word.VIOLATED
    assert found.trace is not None and found.depth is not None
    assert found.depth > len(shortest.transitions)
    assert out_of_order(found.trace) == []
    assert any("OnClock" in step.actor for step in found.trace.steps)


def test_what_is_shown_is_a_shortest_run_in_order() -> None:
    system = instantiate(Lowered(EITHER, (RULE,)).system, 2)
    outcome = Delivery(system, 20).kept(RULE, Violated(violated(EITHER)))
    assert isinstance(outcome, Violated)
    replay(ordered(system), outcome.path, RULE)
    shorter = Delivery(system, 0).shortest(RULE, len(outcome.path.transitions) - 1)
    assert isinstance(shorter, Violated)
    assert len(shorter.path.transitions) == len(outcome.path.transitions)


@pytest.mark.parametrize("limit", [300_000, 0])
def test_z3_finds_no_other_run_either(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wdfmc.traces.delivery.MOST_STATES", limit)
    system = instantiate(Lowered(OUT, (RULE,)).system, 2)
    delivery = Delivery(system, 14)
    assert delivery.kept(RULE, Violated(violated(OUT))) == Unknown(OUT_OF_ORDER, 14)
    assert delivery.excluded == ({RULE} if limit else set())


def test_a_breach_in_order_leaves_no_proof_open() -> None:
    """What no run in order breaks cuts off no run in order: the other rules hold of all of them."""
    text = OUT.replace("Reached = true;", "WdfRequestComplete(b, STATUS_SUCCESS);")
    report = check_text(text, options=Options(engine="explicit", widening=0))
    verdicts = {result.rule: result.verdict for result in report.models[0].results}
    assert verdicts["no-double-complete"] is Word.UNKNOWN
    assert verdicts["complete-only-when-owned"] is Word.PROVED
    assert report.exit == 1  # the driver keeps a stale reference in `First`


ROUNDS = """
driver Rounds {
    queue Reads : sequential, front, scope queue { EvtIoRead = OnRead; }
    queue Waiting : manual { EvtIoCanceledOnQueue = OnCanceled; }
    timer Poll : periodic, armed { EvtTimerFunc = OnPoll; }
    context device { First : request?; Served : bool; }
    callback OnRead(Request) {
        if (First == null) { First = Request; }
        status = WdfRequestForwardToIoQueue(Request, Waiting);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }
    }
    callback OnCanceled(Request) { Served = true; WdfRequestComplete(Request, STATUS_CANCELLED); }
    callback OnPoll() {
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &a))) {
            if (ENDS) { Served = true; WdfRequestComplete(a, STATUS_SUCCESS); } else { WdfRequestRequeue(a); }
        }
    }
}
"""


ENDS = """
rule ends(r: request)
    "What the driver receives it completes, however often it puts it back."
    assuming ticks;
    deliver(r) leads to complete(r, _);
"""


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        pytest.param("Served || a == First", Word.UNKNOWN, id="the-first-one-comes-first"),
        pytest.param("Served", Word.VIOLATED, id="nobody-is-ever-served"),
        pytest.param("true", Word.PROVED, id="everybody-is-served"),
    ],
)
def test_a_lasso_keeps_the_order_too(ends: str, verdict: Word) -> None:
    found = decided(ROUNDS.replace("ENDS", ends) + ENDS, "ends")
    assert (found.verdict, found.reason == OUT_OF_ORDER) == (verdict, verdict is Word.UNKNOWN)
    if found.trace is not None:
        assert found.trace.end == "loop"
        assert out_of_order(found.trace) == []


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_violations_of_random_drivers_are_in_order(seed: int) -> None:
    report = check_text(random_driver(seed), options=Options(engine="explicit", widening=0, depth=12))
    for result in report.models[0].results:
        if result.trace is not None:
            assert out_of_order(result.trace) == [], result.rule


def test_more_requests_break_nothing_out_of_order() -> None:
    """One request alone overtakes nobody; that two would have to does not count against the proof for one."""
    report = check_text(OUT, options=Options(rules=(RULE,), requests=1))
    (result,) = [result for result in report.models[0].results if result.rule == RULE]
    assert (result.verdict, result.requests) == (Word.PROVED, 1)


@pytest.mark.parametrize(
    ("text", "runs"), [pytest.param(IN_ORDER, True, id="next"), pytest.param(OUT, False, id="later")]
)
def test_what_runs_runs_in_order(text: str, runs: bool) -> None:
    report = check_text(text, options=Options(rules=(RULE,), engine="explicit", widening=0, coverage=True))
    found = report.models[0].coverage
    assert found is not None
    (place,) = [place for place in found.places if place.span.text == "Reached = true;"]
    assert place.runs is runs


@pytest.mark.parametrize(
    ("text", "verdict"),
    [pytest.param(IN_ORDER, Word.PROVED, id="next"), pytest.param(OUT, Word.VACUOUS, id="later")],
)
def test_a_trigger_that_needs_another_order_never_happens(text: str, verdict: Word) -> None:
    marked = text.replace("Reached = true;", "WdfRequestSetInformation(b);").replace(REACHED, "")
    rule = 'rule marks(r: request) "Words." trigger setinfo(r); never setinfo(r) after complete(r, _);'
    found = decided(marked + rule, "marks")
    assert found.verdict is verdict
