"""How high the code of a driver may run (wdf-semantics, section 3, column IRQL): which calls each place allows."""

from __future__ import annotations

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Word

PASSIVE, DISPATCH, DEVICE = range(3)
PAGED = "(VOID) WdfIoTargetCreate(Other);"  # PASSIVE_LEVEL
PLAIN = "KeSetEvent(Signal);"  # up to DISPATCH_LEVEL
ANYWHERE = "WdfDpcEnqueue(Later);"  # up to the level of a device

SENT = """
    queue Q : parallel, front, passive {{ EvtIoRead = OnRead; }} target Lower;
    callback OnRead(Request) {{
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        (VOID) WdfRequestSend(Request, Lower, NULL);
    }}
    callback OnDone(Request) {{ {body} }}
"""
PLACES = {
    "a handler": (
        DISPATCH,
        "queue Q : parallel, front {{ EvtIoRead = OnRead; }} callback OnRead(Request) {{ {body} }}",
    ),
    "a handler of a driver on top": (
        PASSIVE,
        "environment {{ senders passive; }} queue Q : parallel, front {{ EvtIoRead = OnRead; }}"
        "callback OnRead(Request) {{ {body} }}",
    ),
    "under the lock of a queue, on top": (
        DISPATCH,
        "environment {{ senders passive; }} queue Q : parallel, front, scope queue {{ EvtIoRead = OnRead; }}"
        "callback OnRead(Request) {{ {body} }}",
    ),
    "a handler of a passive queue": (
        PASSIVE,
        "queue Q : parallel, front, passive {{ EvtIoRead = OnRead; }} callback OnRead(Request) {{ {body} }}",
    ),
    "a handler of a passive queue, under its lock": (
        PASSIVE,
        "queue Q : parallel, front, passive, scope queue {{ EvtIoRead = OnRead; }}"
        "callback OnRead(Request) {{ {body} }}",
    ),
    "a handler of a passive device": (
        PASSIVE,
        "device D : passive; queue Q : parallel, front {{ EvtIoRead = OnRead; }}callback OnRead(Request) {{ {body} }}",
    ),
    "a passive handler of two, after forwarding": (
        PASSIVE,
        "queue Q : parallel, front, passive {{ EvtIoRead = OnRead; }} queue W : manual;"
        "callback OnRead(Request) {{ (VOID) WdfRequestForwardToIoQueue(Request, W); {body} }}",
    ),
    "a completion routine of a passive driver": (DISPATCH, SENT),
    "a timer": (DISPATCH, "timer T : armed {{ EvtTimerFunc = OnTick; }} callback OnTick() {{ {body} }}"),
    "a passive timer": (
        PASSIVE,
        "timer T : armed, passive {{ EvtTimerFunc = OnTick; }} callback OnTick() {{ {body} }}",
    ),
    "a work item": (
        PASSIVE,
        "workitem W {{ EvtWorkItem = OnItem; }} callback OnItem() {{ {body} }}"
        "thread T once {{ WdfWorkItemEnqueue(W); }}",
    ),
    "a DPC": (
        DISPATCH,
        "dpc D {{ EvtDpcFunc = OnDpc; }} callback OnDpc() {{ {body} }} thread T once {{ (VOID) WdfDpcEnqueue(D); }}",
    ),
    "a service routine": (DEVICE, "interrupt I {{ EvtInterruptIsr = OnIsr; }} callback OnIsr() {{ {body} }}"),
    "a passive service routine": (
        PASSIVE,
        "interrupt I : passive {{ EvtInterruptIsr = OnIsr; }} callback OnIsr() {{ {body} }}",
    ),
    "the DPC of an interrupt": (DISPATCH, "interrupt I {{ EvtInterruptDpc = OnDpc; }} callback OnDpc() {{ {body} }}"),
    "under the lock of an interrupt": (
        DEVICE,
        "interrupt I {{ EvtInterruptDpc = OnDpc; }} callback OnDpc() {{ synchronize I {{ {body} }} }}",
    ),
    "under a lock that is given to an interrupt": (
        DEVICE,
        "spinlock L; interrupt I : SpinLock L {{ EvtInterruptDpc = OnDpc; }}"
        "callback OnDpc() {{ synchronize I {{ {body} }} }}",
    ),
    "a thread": (PASSIVE, "thread T once {{ {body} }}"),
    "a thread under a spin lock": (
        DISPATCH,
        "spinlock L; thread T once {{ WdfSpinLockAcquire(L); {body} WdfSpinLockRelease(L); }}",
    ),
    "a thread under a wait lock": (
        PASSIVE,
        "waitlock L; thread T once {{ WdfWaitLockAcquire(L, NULL); {body} WdfWaitLockRelease(L); }}",
    ),
    "a thread under the lock of a queue": (
        DISPATCH,
        "queue Q : parallel, scope queue;thread T once {{ WdfObjectAcquireLock(Q); {body} WdfObjectReleaseLock(Q); }}",
    ),
    "a power callback": (
        PASSIVE,
        "device D {{ EvtDeviceSelfManagedIoInit = OnInit; }} callback OnInit() {{ {body} }}",
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("call", "highest"), [(PAGED, PASSIVE), (PLAIN, DISPATCH), (ANYWHERE, DEVICE)])
def test_calls_that_a_place_allows(place: str, call: str, highest: int) -> None:
    level, template = PLACES[place]
    items = "target Other : remote; event Signal; dpc Later { EvtDpcFunc = OnLater; } callback OnLater() { }"
    text = f"driver Levels {{ {items} {template.format(body=call)} }}"
    options = Options(rules=("ddi-irql-max",), requests=1, engine="explicit")
    (model,) = check_text(text, options=options).models
    found = {result.rule: result.verdict for result in model.results}
    assert found["ddi-irql-max"] is (Word.VIOLATED if level > highest else Word.PROVED)


@pytest.mark.parametrize(
    ("call", "waits"),
    [
        ("(VOID) WdfTimerStop(Clock, TRUE);", True),
        ("(VOID) WdfTimerStop(Clock, FALSE);", False),
        ("WdfIoTargetStop(Lower, WdfIoTargetCancelSentIo);", True),
        ("WdfIoTargetStop(Lower, WdfIoTargetLeaveSentIoPending);", False),
        ("WdfIoTargetPurge(Lower, WdfIoTargetPurgeIoAndWait);", True),
        ("WdfIoTargetPurge(Lower, WdfIoTargetPurgeIo);", False),
        ("WdfIoQueueStopSynchronously(Queue);", True),
        ("WdfIoQueueStop(Queue, NULL);", False),
        ("WdfWorkItemFlush(Item);", True),
        ("WdfWorkItemEnqueue(Item);", False),
        ("(VOID) KeWaitForSingleObject(Signal, NULL);", True),
        ("(VOID) WdfDpcCancel(Later, TRUE);", True),
        ("(VOID) WdfDpcCancel(Later, FALSE);", False),
    ],
)
def test_calls_that_may_block(call: str, waits: bool) -> None:
    text = f"""driver Waits {{
        interrupt Irq {{ EvtInterruptDpc = OnDpc; }} timer Clock {{ EvtTimerFunc = Nothing; }} target Lower;
        queue Queue : parallel; workitem Item {{ EvtWorkItem = OnItem; }} event Signal;
        dpc Later {{ EvtDpcFunc = OnLater; }}
        callback Nothing() {{ }} callback OnItem() {{ }} callback OnLater() {{ }}
        callback OnDpc() {{ {call} }}
    }}"""
    options = Options(rules=("sync-wait-passive", "ddi-irql-max"), requests=1, engine="explicit")
    (model,) = check_text(text, options=options).models
    found = {result.rule: result.verdict for result in model.results}
    assert (found["sync-wait-passive"] is Word.VIOLATED) == waits
    assert (found["ddi-irql-max"] is Word.VIOLATED) == waits
