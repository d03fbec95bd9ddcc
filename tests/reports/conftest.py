"""A report with every verdict and every end of a trace, made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wdfmc.diagnostics import Diagnostic, Label, Severity
from wdfmc.progress import Effort
from wdfmc.source import Source, Span
from wdfmc.system.named import Condition, Invariant, NamedLemma
from wdfmc.verdict import (
    Audit,
    Coverage,
    Covered,
    Minimal,
    ModelReport,
    Needed,
    Report,
    Result,
    Statistics,
    Trace,
    TraceStep,
    Word,
)

INVARIANT = Invariant(
    ("cancel-responsive",),
    (
        NamedLemma(
            1,
            (
                Condition("in Pending", "driver", 0, (True,), (False,)),
                Condition("own", "field", 0, ("done",), ("none", "driver")),
            ),
        ),
    ),
)
MODEL = Source(
    "models/cancellation/wrong.wdf",
    """\
driver Wrong {
    queue Reads : parallel { EvtIoRead = OnRead; }
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) { add Request to Pending; }
        WdfSpinLockRelease(Lock);
    }
    callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }
\tcallback OnDpc() { r = any of Pending; WdfRequestComplete(r, STATUS_SUCCESS); }
}
""",
)
LIBRARY = Source("wdfmc/library/framework/request.wdf", "environment sender_issues(r: request) { }\n")


def at(text: str, source: Source = MODEL) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def a_step(
    actor: str, kind: str, action: str, span: Span, *, result: str | None = None,
    changes: dict[str, tuple[str, str]] | None = None, owner: tuple[str, str] = ("driver", "driver"),
) -> TraceStep:  # fmt: skip
    moved = {"r1.own": owner} if owner[0] != owner[1] else {}
    return TraceStep(
        index=0, actor=actor, lane=actor.partition("(")[0], kind=kind, action=action, result=result, span=span,
        changes=moved | (changes or {}), owners={"r1": owner}, transition=0,
    )  # fmt: skip


ENVIRONMENT = at("sender_issues", LIBRARY)
STEPS = tuple(
    replace(step, index=at, transition=at - 1)
    for at, step in enumerate(
        (
            a_step("sender(r1)", "environment", "a read arrives at queue Reads", ENVIRONMENT,
                   owner=("none", "driver")),
            a_step("OnRead(r1)", "callback", "WdfSpinLockAcquire", at("WdfSpinLockAcquire(Lock)"),
                   changes={"Lock": ("free", "OnRead(r1)")}),
            a_step("OnRead(r1)", "callback", "WdfRequestMarkCancelableEx", at("status = WdfRequestMarkCancelableEx"),
                   result="STATUS_SUCCESS", owner=("driver", "cancelable"),
                   changes={"OnRead(r1).status": ("STATUS_PENDING", "STATUS_SUCCESS")}),
            a_step("OnRead(r1)", "callback", "the condition holds", at("if (NT_SUCCESS(status))"),
                   owner=("cancelable", "cancelable")),
            a_step("sender(r1)", "environment", "the sender cancels r1", ENVIRONMENT, owner=("cancelable", "canceling"),
                   changes={"r1.irp_cancel": ("false", "true")}),
            a_step("OnCancel(r1)", "callback", "WdfRequestComplete",
                   at("WdfRequestComplete(Request, STATUS_CANCELLED)"), owner=("canceling", "done")),
            a_step("OnDpc", "callback", "WdfRequestComplete", at("WdfRequestComplete(r, STATUS_SUCCESS)"),
                   owner=("done", "done")),
        ),
        start=1,
    )
)  # fmt: skip


def a_result(rule: str, verdict: Word, **more: object) -> Result:
    known: dict[str, object] = {
        "sentence": "A request is completed at most once.", "requests": 2, "depth": None, "engine": "explicit",
        "assumptions": (), "seconds": 0.4142, "audit": Audit.EXHAUSTIVE,
    }  # fmt: skip
    return Result(rule=rule, verdict=verdict, **(known | more))  # type: ignore[arg-type]


RESULTS = (
    a_result(
        "no-double-complete", Word.VIOLATED, depth=7, engine="bmc", audit=Audit.REPLAYED,
        trace=Trace("violation", None, STEPS), expectation="met",
    ),
    a_result(
        "request-eventually-completed", Word.VIOLATED, depth=7, engine="bmc", audit=Audit.REPLAYED,
        sentence='Every request that is presented ends "exactly" once; #1 of all.', trace=Trace("loop", 5, STEPS),
        assumptions=("target Lower silent", "ticks"),
    ),
    a_result(
        "stop-leads-to-power-down", Word.VIOLATED, depth=2, engine="bmc", audit=Audit.REPLAYED,
        sentence="A device that is told to sleep goes to sleep.", trace=Trace("stuck", None, STEPS[:2]),
    ),
    a_result("unmark-only-when-marked", Word.PROVED),
    a_result("cancel-responsive", Word.PROVED, requests="any", under=("no-double-complete",), audit=Audit.CERTIFIED,
             bounds=("4 created requests",), invariant=INVARIANT, expectation="unmet",
             assumptions=("target Lower answers", "ticks", "threads"),
             minimal=Minimal((
                 Needed("target Lower honours", "target Lower silent", Word.VIOLATED, None,
                        Trace("stuck", None, STEPS[:2])),
                 Needed("ticks", "", Word.UNKNOWN, "time limit of 10 s", None),
             ), ("threads",), 0.25)),
    a_result("deadlock-free", Word.BOUNDED, depth=12, audit=Audit.NONE),
    a_result("forward-once", Word.VACUOUS, reason="no run forwards a request, so nothing was there to go wrong"),
    a_result("model-bound", Word.UNKNOWN, reason="time limit of 10 s", audit=Audit.NONE),
    a_result("timer-stop-protocol", Word.SKIPPED, reason="the driver has no timer", engine="none"),
    a_result("timer-armed-once", Word.SKIPPED, reason="the driver has no timer", engine="none"),
    a_result("target-serialized", Word.SKIPPED, reason="the driver has no target", engine="none"),
)  # fmt: skip

COVERAGE = Coverage(
    2,
    (
        Covered("callback", at("callback OnCancel(Request) {"), "", False),
        Covered("statement", at("status = WdfRequestMarkCancelableEx(Request, OnCancel)"), "", True),
        Covered("outcome", at("status = WdfRequestMarkCancelableEx(Request, OnCancel)"),
                "WdfRequestMarkCancelableEx = STATUS_CANCELLED", None),
        Covered("branch", at("NT_SUCCESS(status)"), "yes", True),
        Covered("branch", at("NT_SUCCESS(status)"), "no", False),
    ),
    ("no-double-complete",),
    "out of time",
    1.25,
)  # fmt: skip

STATISTICS = Statistics(
    (
        Effort("lowering", None, 0.25),
        Effort("explicit", 2, 1.5, depth=17, states=12_345),
        Effort("ic3", "any", 12.0, frames=5, lemmas=34, queries=1),
    ),
    12.34,
    210 << 20,
)

WARNING = Diagnostic(
    "WDF410",
    "`status` is never read",
    (Label(at("status = "), "assigned here"), Label(at("NT_SUCCESS(status)"), "and here it is")),
    help="leave it out",
    severity=Severity.WARNING,
)


@pytest.fixture
def report() -> Report:
    return Report(1, (ModelReport(MODEL.name, "Wrong", RESULTS, COVERAGE),), (WARNING,), STATISTICS)
