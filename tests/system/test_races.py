"""Data races: two activations that may access one variable next, one of them writing, with no lock in common."""

from __future__ import annotations

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Result, Word

RULE = "no-data-race"
TWO = "thread First once {{ {first} }} thread Second once {{ {second} }}"
COUNT = "context device {{ Count : 0..3; }}"
GUARDED = "WdfSpinLockAcquire(Lock); {} WdfSpinLockRelease(Lock);"
INCREMENT = "InterlockedIncrement(&Count);"
READ = "if (Count == 1) {{ KeSetEvent(Signal); }}"


def checked(items: str) -> Result:
    text = f"driver Races {{ spinlock Lock; spinlock Other; waitlock Mutex; event Signal; {items} }}"
    report = check_text(text, options=Options(rules=(RULE,), engine="explicit"))
    return next(result for model in report.models for result in model.results if result.rule == RULE)


@pytest.mark.parametrize(
    ("first", "second", "races"),
    [
        ("Count = 1;", "Count = 2;", True),
        ("Count = 1;", READ, True),
        (READ, READ, False),
        (INCREMENT, INCREMENT, False),
        (INCREMENT, READ, False),
        (INCREMENT, "Count = 1;", True),
        (GUARDED.format("Count = 1;"), GUARDED.format("Count = 2;"), False),
        (GUARDED.format("Count = 1;"), "Count = 2;", True),
        (GUARDED.format("Count = 1;"), GUARDED.replace("Lock);", "Other);").format("Count = 2;"), True),
        (GUARDED.format(INCREMENT), GUARDED.format("Count = 2;"), False),
        ("WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock); Count = 1;", GUARDED.format("Count = 2;"), True),
    ],
)
def test_two_threads(first: str, second: str, races: bool) -> None:
    items = (COUNT + TWO).format(first=first.replace("{{", "{").replace("}}", "}"), second=second.replace("{{", "{").replace("}}", "}"))  # fmt: skip  # noqa: E501
    assert (checked(items).verdict is Word.VIOLATED) == races


CASES = {
    "what is started afterwards comes after": (
        """timer Tick { EvtTimerFunc = OnTick; } context device { Ready : bool; }
           callback OnTick() { if (Ready) { KeSetEvent(Signal); } }
           thread T once { Ready = true; WdfTimerStart(Tick); }""",
        False,
    ),
    "what goes on after the start may meet it": (
        """timer Tick { EvtTimerFunc = OnTick; } context device { Ready : bool; }
           callback OnTick() { if (Ready) { KeSetEvent(Signal); } }
           thread T once { WdfTimerStart(Tick); Ready = true; }""",
        True,
    ),
    "a DPC meets itself": (
        """dpc Later { EvtDpcFunc = OnLater; } context device { Ready : bool; }
           callback OnLater() { Ready = true; }
           thread T { WdfDpcEnqueue(Later); }""",
        True,
    ),
    "a timer does not": (
        """timer Tick : periodic, armed { EvtTimerFunc = OnTick; } context device { Ready : bool; }
           callback OnTick() { Ready = true; }""",
        False,
    ),
    "handlers of a parallel queue meet": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context device { Ready : bool; }
           callback OnRead(Request) { Ready = true; WdfRequestComplete(Request, STATUS_SUCCESS); }""",
        True,
    ),
    "handlers under the lock of their queue do not": (
        """queue Q : parallel, front, scope queue { EvtIoRead = OnRead; } context device { Ready : bool; }
           callback OnRead(Request) { Ready = true; WdfRequestComplete(Request, STATUS_SUCCESS); }""",
        False,
    ),
    "who adds to a set changes all of it": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context device { Pending : set of request; }
           callback OnRead(Request) { add Request to Pending; }""",
        True,
    ),
    "a set under a lock": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context device { Pending : set of request; }
           callback OnRead(Request) { WdfSpinLockAcquire(Lock); add Request to Pending; WdfSpinLockRelease(Lock); }""",
        False,
    ),
    "each handler has its own request": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context request { Marked : bool; }
           callback OnRead(Request) { Request.Marked = true; WdfRequestComplete(Request, STATUS_SUCCESS); }""",
        False,
    ),
    "the handler and the cancel callback have the same": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context request { Marked : bool; }
           callback OnRead(Request) { WdfRequestMarkCancelable(Request, OnCancel); Request.Marked = true; }
           callback OnCancel(Request) { Request.Marked = true; }""",
        True,
    ),
    "a call writes what it returns": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } queue W : manual; context device { Next : request?; }
           callback OnRead(Request) {
               (VOID) WdfRequestForwardToIoQueue(Request, W);
               (VOID) WdfIoQueueRetrieveNextRequest(W, &Next);
           }""",
        True,
    ),
    "a test of a local, before": (
        """queue Q : parallel, front { EvtIoRead = OnRead; } context device { Count : 0..1; }
           callback OnRead(Request) {
               early = maybe("early");
               if (early) { Count = 1; }
               WdfRequestComplete(Request, STATUS_SUCCESS);
           }""",
        True,
    ),
    "one who waits for the other to end": (
        """workitem Item { EvtWorkItem = OnItem; } context device { Ready : bool; }
           callback OnItem() { Ready = true; }
           thread T once { WdfWorkItemEnqueue(Item); WdfWorkItemFlush(Item); Ready = false; }""",
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_callbacks(case: str) -> None:
    items, races = CASES[case]
    assert (checked(items).verdict is Word.VIOLATED) == races


def test_says_whose_accesses_it_cannot_tell() -> None:
    found = checked("""
        queue Q : parallel, front { EvtIoRead = OnRead; }
        context device { Last : request?; } context request { Marked : bool; }
        callback OnRead(Request) { Last = Request; }
        thread T once { r = Last; if (r != null) { r.Marked = true; } }
    """)
    assert found.verdict is Word.VIOLATED  # of Last
    found = checked("""
        queue Q : parallel, front { EvtIoRead = OnRead; }
        context device { Last : request?; } context request { Marked : bool; }
        callback OnRead(Request) { WdfSpinLockAcquire(Lock); Last = Request; WdfSpinLockRelease(Lock); }
        thread T once {
            WdfSpinLockAcquire(Lock); r = Last; WdfSpinLockRelease(Lock);
            if (r != null) { r.Marked = true; }
        }
    """)
    assert found.verdict is Word.PROVED
    assert "which requests some accesses to Marked are about is not followed" in found.bounds
