"""What a call may run on the calling thread, and the locks that the thread holds then."""

from __future__ import annotations

import pytest

from tests.lowered import Lowered

DEADLOCK = "deadlock-free"


def test_a_handler_that_the_call_may_run_takes_a_lock_of_the_caller() -> None:
    lowered = Lowered("""
        driver D {
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            spinlock Lock;
            callback OnRead(Request) {
                WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock);
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }
            thread T { WdfIoQueueStop(Reads, NULL); WdfSpinLockAcquire(Lock); WdfIoQueueStart(Reads); WdfSpinLockRelease(Lock); }
        }
        """, (DEADLOCK,))  # noqa: E501  # fmt: skip
    assert DEADLOCK in lowered.instance(1).broken


@pytest.mark.parametrize(("kinds", "broken"), [("read", False), ("write", True)])
def test_a_handler_of_another_kind_of_request_is_not_run(kinds: str, broken: bool) -> None:
    """Only what the line of the loop starts for the request that waits, not what it starts in another branch."""
    kind = "EvtIoRead" if kinds == "read" else "EvtIoWrite"
    lowered = Lowered(f"""
        driver D {{
            queue Front : parallel, front {{ {kind} = OnFirst; }}
            queue Later : parallel {{ EvtIoRead = OnRead; EvtIoWrite = OnWrite; }}
            spinlock Lock;
            callback OnFirst(Request) {{
                status = WdfRequestForwardToIoQueue(Request, Later);
                if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
            }}
            callback OnRead(Request) {{ WdfRequestComplete(Request, STATUS_SUCCESS); }}
            callback OnWrite(Request) {{
                WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock);
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
            thread T {{ WdfIoQueueStop(Later, NULL); WdfSpinLockAcquire(Lock); WdfIoQueueStart(Later); WdfSpinLockRelease(Lock); }}
        }}
        """, (DEADLOCK,))  # noqa: E501  # fmt: skip
    assert (DEADLOCK in lowered.instance(1).broken) == broken


@pytest.mark.parametrize(("scope", "broken"), [("device", False), ("none", True)])
def test_a_thread_that_owns_the_presentation_lock_does_not_dispatch(scope: str, broken: bool) -> None:
    """With one lock for the device a handler of one queue keeps the handlers of the other out."""
    lowered = Lowered(f"""
        driver D {{
            queue Reads : parallel, front, scope {scope} {{ EvtIoRead = OnRead; }}
            queue Later : parallel, scope {scope} {{ EvtIoRead = OnLater; }}
            spinlock Lock;
            callback OnRead(Request) {{
                WdfIoQueueStop(Later, NULL);
                status = WdfRequestForwardToIoQueue(Request, Later);
                if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); return; }}
                WdfSpinLockAcquire(Lock);
                WdfIoQueueStart(Later);
                WdfSpinLockRelease(Lock);
            }}
            callback OnLater(Request) {{
                WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock);
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        """, (DEADLOCK,))  # fmt: skip
    assert (DEADLOCK in lowered.instance(1).broken) == broken


NESTED = """
driver D {{
    queue Reads : sequential, front {{ EvtIoRead = OnRead; }}
    target Lower;
    spinlock Lock;
    spinlock Other;
    callback OnRead(Request) {{
        WdfSpinLockAcquire({taken}); WdfSpinLockRelease({taken});
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        WdfSpinLockAcquire(Lock);
        sent = WdfRequestSend(Request, Lower, 0);
        WdfSpinLockRelease(Lock);
        if (!sent) {{ WdfRequestComplete(Request, WdfRequestGetStatus(Request)); }}
    }}
    callback OnDone(Request) {{ WdfRequestComplete(Request, STATUS_SUCCESS); }}
}}
"""


def test_what_a_callback_runs_in_turn_is_a_bound() -> None:
    """The routine takes no lock, but completes, and so may run the next handler, on the thread that holds Lock."""
    lowered = Lowered(NESTED.format(taken="Lock"), (DEADLOCK,))
    assert lowered.system is not None
    assert lowered.lowering.bounds_of[DEADLOCK] == {
        "what OnDone runs in turn on a thread that holds Lock is not followed"
    }


def test_without_a_handler_in_its_turn_nothing_is_left_open() -> None:
    """The same, but the routine keeps the request: nothing runs after it on this thread."""
    text = NESTED.replace("{{ WdfRequestComplete(Request, STATUS_SUCCESS); }}", "{{ }}")
    lowered = Lowered(text.format(taken="Lock"), (DEADLOCK,))
    assert lowered.system is not None
    assert lowered.lowering.bounds_of[DEADLOCK] == set()


@pytest.mark.parametrize(
    ("call", "broken"),
    [
        ("WdfRequestMarkCancelable(Request, OnCancel);", {"in-any", "in-mark"}),
        ("(VOID) WdfRequestMarkCancelableEx(Request, OnCancel);", set()),
        ("WdfRequestComplete(Request, STATUS_SUCCESS);", {"in-any"}),
    ],
)
def test_a_rule_may_be_about_some_calls_only(call: str, broken: set[str]) -> None:
    lowered = Lowered(
        f"""
        driver D {{
            queue Reads : sequential, front {{ EvtIoRead = OnRead; }}
            timer Tick {{ EvtTimerFunc = OnTick; }}
            spinlock Lock;
            context device {{ Current : request?; }}
            callback OnRead(Request) {{
                WdfSpinLockAcquire(Lock); Current = Request; WdfSpinLockRelease(Lock); WdfTimerStart(Tick);
            }}
            callback OnTick() {{
                Request = Current;
                WdfSpinLockAcquire(Lock); {call} WdfSpinLockRelease(Lock);
            }}
            callback OnCancel(Request) {{ WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock); }}
        }}
        rule in-any "No call." never inline under shared lock;
        rule in-mark "Not this call." never inline under shared lock in WdfRequestMarkCancelable;
        rule in-send "Not that call." never inline under shared lock in WdfRequestSend;
        """,
        ("in-any", "in-mark", "in-send"),
    )
    assert lowered.instance(2).broken.keys() & {"in-any", "in-mark", "in-send"} == broken
