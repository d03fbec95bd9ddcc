"""Models to begin with: `wdfmc new`. Each is right, says why in comments, and is meant to be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wdfmc.language.format import formatted
from wdfmc.source import Source


@dataclass(frozen=True, slots=True)
class Wishes:
    """Args:
    name: of the driver.
    sequential: its queue hands out one request at a time.
    power: the device sleeps and wakes up, while requests wait; only where `Kind.sleeps`.
    """

    name: str
    sequential: bool = False
    power: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to handle requests.

    Args:
        words: for help texts.
        sleeps: requests may wait while the device sleeps.
        parallel: the queue may be parallel, and a check still takes seconds.
    """

    words: str
    text: Callable[[Wishes], str]
    sleeps: bool = False
    parallel: bool = True


def skeleton(kind: str, wishes: Wishes) -> str:
    """The text of a model, in the form of `wdfmc fmt`."""
    return formatted(Source(f"{wishes.name}.wdf", KINDS[kind].text(wishes)))


def dispatch(wishes: Wishes) -> str:
    return "sequential" if wishes.sequential else "parallel"


def hands_out(wishes: Wishes) -> str:
    if wishes.sequential:
        return "// The queue is sequential: the next request comes when this one is no longer the driver's."
    return "// The queue is parallel: callbacks of several requests run at the same time."


FOOTER: Final = """\
    // What is expected is checked: with `expect`, a change that breaks the design fails `wdfmc check`.
    expect proved no-double-complete;
    expect proved no-access-after-ownership-loss;
    expect proved request-eventually-completed;
"""


def filter_text(wishes: Wishes) -> str:
    return f"""\
// {wishes.name}: a filter driver that looks at writes and passes on all the rest.
//
// Reads and device controls have no queue here, so the framework passes them to the next-lower driver. What has a
// handler is the driver's to pass on or to complete, on every path.

driver {wishes.name} {{
    device Filter : WdfFdoInitSetFilter;
    {hands_out(wishes)}
    queue  Writes : {dispatch(wishes)}, front {{ EvtIoWrite = OnWrite; }}
    target Lower;

    callback OnWrite(Request) {{
        // maybe(...) is a condition outside the model: both ways are explored, and the words appear in traces.
        if (maybe("the write is not allowed")) {{
            WdfRequestComplete(Request, STATUS_ACCESS_DENIED);
            return;                                          // without it the request would be sent after its end
        }}
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        if (!WdfRequestSend(Request, Lower, NULL)) {{
            WdfRequestComplete(Request, WdfRequestGetStatus(Request));    // not sent: OnDone will not run
        }}
        // Sent: the request may be complete by now, so nothing here may touch it.
    }}

    callback OnDone(Request) {{
        WdfRequestComplete(Request, WdfRequestGetStatus(Request));
    }}

{FOOTER}}}
"""


def pending_text(wishes: Wishes) -> str:
    managed = ", managed" if wishes.power else ""
    stop = (
        """
    // The device is about to sleep. The read stays with the driver, and cancelable, until there is data.
    callback OnStop(Request, Action, Cancelable) {
        WdfRequestStopAcknowledge(Request, FALSE);
    }
"""
        if wishes.power
        else ""
    )
    stops = " EvtIoStop = OnStop;" if wishes.power else ""
    environment = (
        "    environment { power on; }                                // the device leaves D0 and comes back\n"
        if wishes.power
        else ""
    )
    return f"""\
// {wishes.name}: reads wait until the device has data, and can be cancelled while they wait.
//
// Two callbacks want to finish a read: OnDpc with data, OnCancel without. WdfRequestUnmarkCancelable says who may:
// STATUS_SUCCESS gives the read to OnDpc, and OnCancel will never run; anything else leaves it to OnCancel. The lock
// keeps the handle alive between the moment when OnDpc takes a read out of Pending and that answer.

driver {wishes.name} {{
    {hands_out(wishes)}
    queue     Reads : {dispatch(wishes)}, front{managed} {{ EvtIoRead = OnRead;{stops} }}
    spinlock  Lock;
    interrupt Irq {{ EvtInterruptIsr = OnIsr; EvtInterruptDpc = OnDpc; }}
    context   device {{ Pending : set of request; }}
{environment}
    callback OnRead(Request) {{
        WdfSpinLockAcquire(Lock);
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) {{ add Request to Pending; }}   // in one section with the mark: OnCancel waits
        WdfSpinLockRelease(Lock);
        if (!NT_SUCCESS(status)) {{
            WdfRequestComplete(Request, status);             // cancelled before the mark: OnCancel will not come
        }}
    }}

    callback OnIsr() {{ WdfInterruptQueueDpcForIsr(Irq); }}

    callback OnDpc() {{
        WdfSpinLockAcquire(Lock);
        r = any of Pending;
        if (r != null) {{
            remove r from Pending;
            if (!NT_SUCCESS(WdfRequestUnmarkCancelable(r))) {{ r = null; }}    // cancel has won
        }}
        WdfSpinLockRelease(Lock);
        if (r != null) {{ WdfRequestComplete(r, STATUS_SUCCESS); }}    // not under the lock: it may run other callbacks
    }}

    callback OnCancel(Request) {{
        WdfSpinLockAcquire(Lock);
        remove Request from Pending;
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_CANCELLED);
    }}
{stop}
{FOOTER}    expect proved complete-requires-unmark;
    expect proved no-dangling-slot;
}}
"""


def forward_text(wishes: Wishes) -> str:
    return f"""\
// {wishes.name}: reads are forwarded, and a thread of the driver may cancel them at the target.
//
// WdfRequestCancelSentRequest needs a handle that still exists. So the canceller takes a reference under the lock under
// which Finish takes the read out of Sent; and it cancels without the lock, because OnDone may run inside that call.

driver {wishes.name} {{
    {hands_out(wishes)}
    queue    Reads : {dispatch(wishes)}, front {{ EvtIoRead = OnRead; }}
    target   Lower;
    spinlock Lock;
    context  device {{ Sent : set of request; }}

    callback OnRead(Request) {{
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        WdfSpinLockAcquire(Lock);
        add Request to Sent;                                 // before the send: afterwards it may be gone
        WdfSpinLockRelease(Lock);
        if (!WdfRequestSend(Request, Lower, NULL)) {{ Finish(Request); }}    // not sent: OnDone will not run
    }}

    callback OnDone(Request) {{ Finish(Request); }}

    helper Finish(r: request) {{
        WdfSpinLockAcquire(Lock);
        remove r from Sent;                                  // from here on the canceller cannot find it
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(r, WdfRequestGetStatus(r));
    }}

    // Code that runs beside the callbacks, whenever it likes: a watchdog, a worker.
    thread Canceller {{
        WdfSpinLockAcquire(Lock);
        r = any of Sent;
        if (r != null) {{ WdfObjectReference(r); }}            // still in Sent, so it is alive
        WdfSpinLockRelease(Lock);
        if (r != null) {{
            WdfRequestCancelSentRequest(r);
            WdfObjectDereference(r);
        }}
    }}

{FOOTER}    expect proved cancel-sent-handle-valid;
    expect proved deadlock-free;
}}
"""


def split_text(wishes: Wishes) -> str:
    return f"""\
// {wishes.name}: a large write is sent as two pieces that run at the same time.
//
// Outstanding counts the pieces, and one for the handler itself: otherwise a quick first piece would bring it to zero
// before the second one exists. Whoever drops the last count completes the write. A piece is deleted before its count
// is dropped, because it borrows the memory of the write.

driver {wishes.name} {{
    {hands_out(wishes)}
    queue   Writes : {dispatch(wishes)}, front {{ EvtIoWrite = OnWrite; }}
    target  Lower;
    created Child[2] of request;
    context request {{ Parent : request?; Outstanding : 0..3; Failed : bool; }}

    callback OnWrite(Request) {{
        status = WdfRequestRetrieveInputMemory(Request, &data);
        if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); return; }}
        Request.Outstanding = 1;                             // the handler's own
        StartPiece(Request, data);
        StartPiece(Request, data);
        Drop(Request);
    }}

    helper StartPiece(parent: request, data: wdfmemory) {{
        status = WdfRequestCreate(parent, Lower, &child);
        if (!NT_SUCCESS(status)) {{ parent.Failed = true; return; }}
        child.Parent = parent;
        status = WdfIoTargetFormatRequestForWrite(Lower, child, data);
        if (!NT_SUCCESS(status)) {{ parent.Failed = true; WdfObjectDelete(child); return; }}
        WdfRequestSetCompletionRoutine(child, OnPieceDone);
        InterlockedIncrement(&parent.Outstanding);           // before the send: the routine may run inside it
        if (!WdfRequestSend(child, Lower, NULL)) {{
            parent.Failed = true;
            WdfObjectDelete(child);
            Drop(parent);                                    // the routine will not run for this piece
        }}
    }}

    helper Drop(parent: request) {{
        if (InterlockedDecrement(&parent.Outstanding) == 0) {{    // interlocked: two routines may be here at once
            WdfRequestComplete(parent, parent.Failed ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS);
        }}
    }}

    callback OnPieceDone(Request) {{
        parent = Request.Parent;
        if (!NT_SUCCESS(WdfRequestGetStatus(Request))) {{ parent.Failed = true; }}
        WdfObjectDelete(Request);
        Drop(parent);
    }}

{FOOTER}    expect proved parent-after-children;
}}
"""


KINDS: Final[Mapping[str, Kind]] = {
    "filter": Kind("looks at writes, passes the rest on", filter_text),
    "pending": Kind("reads wait for a DPC and can be cancelled", pending_text, sleeps=True),
    "forward": Kind("forwards reads, a thread may cancel them at the target", forward_text),
    "split": Kind("sends each write as two created requests", split_text, parallel=False),
}
