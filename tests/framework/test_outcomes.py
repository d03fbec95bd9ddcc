"""Every outcome that wdf-semantics gives for a call can happen, and no other: one tiny driver per call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Word

SUCCESS = "STATUS_SUCCESS"
UNSUCCESSFUL = "STATUS_UNSUCCESSFUL"  # what a target answers that fails
CANCELLED = "STATUS_CANCELLED"
NO_MEMORY = "STATUS_INSUFFICIENT_RESOURCES"
NOT_ACCEPTED = "STATUS_REQUEST_NOT_ACCEPTED"
BAD_STATE = "STATUS_INVALID_DEVICE_STATE"
BAD_REQUEST = "STATUS_INVALID_DEVICE_REQUEST"
TIMED_OUT = "STATUS_IO_TIMEOUT"
BUSY, PAUSED = "STATUS_WDF_BUSY", "STATUS_WDF_PAUSED"
NO_MORE, NOT_FOUND = "STATUS_NO_MORE_ENTRIES", "STATUS_NOT_FOUND"

TARGET = "target Out;"
REMOTE = "target Out : remote;"
OPEN = "target Out : remote, open;"
POOL = "target Out; created Own[1] of device;"
MANUAL = "queue Later : manual;"
LOCKED = "spinlock Lock; waitlock Wait;"

ROUTINE = "WdfRequestSetCompletionRoutine(Request, OnDone);"
READY = f"WdfRequestFormatRequestUsingCurrentType(Request); {ROUTINE}"
STOP = "WdfIoTargetStop(Out, WdfIoTargetLeaveSentIoPending);"
PURGE = "WdfIoTargetPurge(Out, WdfIoTargetPurgeIo);"
MARK = "if (!NT_SUCCESS(WdfRequestMarkCancelableEx(Request, OnCancel))) { return; }"
CREATE = "if (!NT_SUCCESS(WdfRequestCreate(NULL, Out, &own))) { return; }"
FORWARD = "if (!NT_SUCCESS(WdfRequestForwardToIoQueue(Request, Later))) { return; }"

FORMATS = ("ForRead", "ForWrite", "ForIoctl", "ForInternalIoctl", "ForInternalIoctlOthers")
SENDS = ("Read", "Write", "Ioctl", "InternalIoctl", "InternalIoctlOthers")


@dataclass(frozen=True, slots=True)
class Case:
    """A handler that runs `before`, then `answer = call`; `returns` are all the answers that there may be."""

    call: str
    returns: tuple[str, ...]
    before: str = ""
    items: str = ""
    type: str = "NTSTATUS"
    words: str = "sequential, front"

    def __str__(self) -> str:
        return f"{self.before} {self.call}".strip()


def cases() -> Iterator[Case]:
    yield from formatting()
    yield from synchronous()
    yield from sending()
    yield from creating()
    yield from cancelling()
    yield from targets()
    yield from queues()
    yield from others()


def formatting() -> Iterator[Case]:
    for name in FORMATS:
        call = f"WdfIoTargetFormatRequest{name}(Out, Request, NULL)"
        yield Case(call, (SUCCESS, NO_MEMORY, NOT_ACCEPTED), items=TARGET)
    yield Case(call, (BAD_STATE,), items=REMOTE)
    yield Case(call.replace("Request,", "own,"), (SUCCESS, NO_MEMORY), CREATE, POOL)  # its IRP can be replaced
    change = "WdfRequestChangeTarget(Request, Out)"
    yield Case(change, (SUCCESS, NOT_ACCEPTED), items=TARGET)
    yield Case(change, (BAD_STATE,), items=REMOTE)
    yield Case("WdfRequestChangeTarget(own, Out)", (SUCCESS, NO_MEMORY), CREATE, POOL)


def synchronous() -> Iterator[Case]:
    received = (SUCCESS, UNSUCCESSFUL, CANCELLED, NO_MEMORY, NOT_ACCEPTED)
    for name in SENDS:
        call = f"WdfIoTargetSend{name}Synchronously(Out, Request, NULL)"
        own = call.replace("Request,", "NULL,")
        yield Case(call, received, items=TARGET)
        yield Case(own, (SUCCESS, UNSUCCESSFUL, NO_MEMORY), items=TARGET)
    yield Case(call.replace("NULL", "TIMEOUT"), (*received, TIMED_OUT), items=TARGET)
    yield Case(call, (NO_MEMORY, NOT_ACCEPTED, BAD_STATE), PURGE, TARGET)
    yield Case(own.replace("NULL)", "TIMEOUT)"), (SUCCESS, UNSUCCESSFUL, NO_MEMORY, TIMED_OUT), items=TARGET)
    yield Case(own, (BAD_STATE, NO_MEMORY), PURGE, TARGET)


def sending() -> Iterator[Case]:
    send = "WdfRequestSend(Request, Out, NULL)"
    yield Case(send, ("true",), READY, TARGET, "bool")
    yield Case(send, ("true", "false"), READY + STOP, TARGET, "bool")  # FALSE: cancelled before, and not sent any more
    yield Case(send, ("false",), READY + PURGE, TARGET, "bool")
    yield Case(send.replace("NULL", "IGNORE_TARGET_STATE"), ("true",), READY + PURGE, TARGET, "bool")
    yield Case(send.replace("NULL", "IGNORE_TARGET_STATE"), ("true",), READY + STOP, TARGET, "bool")
    yield Case(send.replace("NULL", "TIMEOUT"), ("true", "false"), READY, TARGET, "bool")
    timer = "if (!NT_SUCCESS(WdfRequestAllocateTimer(Request))) { return; }"
    yield Case(send.replace("NULL", "TIMEOUT"), ("true",), READY + timer, TARGET, "bool")
    yield Case("WdfRequestAllocateTimer(Request)", (SUCCESS, NO_MEMORY))
    forget = send.replace("NULL", "SEND_AND_FORGET")
    yield Case(forget, ("true",), items=TARGET, type="bool")
    yield Case(forget, ("true",), STOP, TARGET, "bool")
    yield Case(send.replace("NULL", "SEND_AND_FORGET | TIMEOUT"), ("false",), items=TARGET, type="bool")
    formatted = "if (!NT_SUCCESS(WdfIoTargetFormatRequestForRead(Out, Request, NULL))) { return; }"
    yield Case(forget, ("false",), formatted, TARGET, "bool")

    def why(before: str, options: str, *statuses: str, items: str = TARGET) -> Case:
        refused = f"if (WdfRequestSend(Request, Out, {options})) {{ return; }}"
        return Case("WdfRequestGetStatus(Request)", statuses, before + refused, items)

    yield why(READY + STOP, "NULL", CANCELLED)
    yield why(READY + PURGE, "NULL", BAD_STATE)
    yield why(READY, "TIMEOUT", NO_MEMORY)
    yield why(READY, "SEND_AND_FORGET | TIMEOUT", "STATUS_INVALID_PARAMETER")
    yield why(formatted, "SEND_AND_FORGET", BAD_REQUEST)
    yield why("WdfRequestFormatRequestUsingCurrentType(Request);", "NULL", BAD_REQUEST)
    yield why(READY + "WdfIoTargetClose(Out);", "IGNORE_TARGET_STATE", BAD_STATE, items=OPEN)

    wait = READY + "if (!WdfRequestSend(Request, Out, SYNCHRONOUS)) { return; }"
    yield Case("WdfRequestGetStatus(Request)", (SUCCESS, UNSUCCESSFUL, CANCELLED), wait, TARGET)
    wait = READY + timer + "if (!WdfRequestSend(Request, Out, SYNCHRONOUS | TIMEOUT)) { return; }"
    yield Case("WdfRequestGetStatus(Request)", (SUCCESS, UNSUCCESSFUL, CANCELLED, TIMED_OUT), wait, TARGET)
    wait = READY + "if (!WdfRequestSend(Request, Out, SYNCHRONOUS)) { return; }"
    yield Case("WdfRequestGetCompletionParams(Request)", (SUCCESS, UNSUCCESSFUL, CANCELLED), wait, TARGET)

    hold = "WdfObjectReference(Request);" + READY + "if (!WdfRequestSend(Request, Out, NULL)) { return; }"
    cancel = "WdfRequestCancelSentRequest(Request)"
    yield Case(cancel, ("true", "false"), hold, TARGET, "bool")
    yield Case(cancel, ("false",), "", TARGET, "bool")  # the driver has it


def creating() -> Iterator[Case]:
    yield Case("WdfRequestCreate(NULL, NULL, &own)", (SUCCESS, NO_MEMORY), items=POOL)
    yield Case("WdfRequestCreate(NULL, Out, &own)", (SUCCESS, NO_MEMORY), items=POOL)
    closed = REMOTE + "created Own[1] of device;"
    yield Case("WdfRequestCreate(NULL, Out, &own)", (BAD_STATE, NO_MEMORY), items=closed)
    yield Case("WdfRequestCreate(Request, NULL, &own)", (SUCCESS, NO_MEMORY), items="created Own[1] of request;")
    yield Case("WdfRequestCreateFromIrp(NULL, &own)", (SUCCESS, NO_MEMORY), items=POOL)
    yield Case("WdfRequestReuse(Request, STATUS_UNSUCCESSFUL)", (SUCCESS,))
    yield Case("WdfRequestReuse(own, STATUS_SUCCESS)", (SUCCESS,), CREATE, POOL)
    reused = "if (!NT_SUCCESS(WdfRequestReuse(own, STATUS_UNSUCCESSFUL))) { return; }"
    yield Case("WdfRequestGetStatus(own)", (UNSUCCESSFUL,), CREATE + reused, POOL)
    yield Case("WdfRequestGetIoQueue(own)", ("null",), CREATE, POOL, "queue?")
    yield Case("WdfRequestGetIoQueue(Request)", ("Front",), type="queue?")
    referenced = "WdfObjectReference(Request); WdfRequestComplete(Request, STATUS_SUCCESS);"
    yield Case("WdfRequestGetIoQueue(Request)", ("null",), referenced, type="queue?")


def cancelling() -> Iterator[Case]:
    yield Case("WdfRequestMarkCancelableEx(Request, OnCancel)", (SUCCESS, CANCELLED))
    yield Case("WdfRequestUnmarkCancelable(Request)", (SUCCESS, CANCELLED), MARK)
    yield Case("WdfRequestIsCanceled(Request)", ("true", "false"), type="bool")
    unmarked = MARK + "if (!NT_SUCCESS(WdfRequestUnmarkCancelable(Request))) { return; }"
    yield Case("WdfRequestIsCanceled(Request)", ("true", "false"), unmarked, type="bool")
    yield Case("WdfRequestMarkCancelableEx(Request, OnCancel)", (SUCCESS, CANCELLED), unmarked)
    purged = "WdfIoQueuePurge(Front, NULL);"
    yield Case("WdfRequestMarkCancelableEx(Request, OnCancel)", (CANCELLED,), purged)  # P53


def targets() -> Iterator[Case]:
    yield Case("WdfDeviceGetIoTarget(Device)", ("Out",), items=TARGET, type="target?")
    yield Case("WdfDeviceGetIoTarget(Device)", ("null",), items=REMOTE, type="target?")
    yield Case("WdfIoTargetCreate(Out)", (SUCCESS, NO_MEMORY), items=REMOTE)
    opening = "WdfIoTargetOpen(Out)"
    yield Case(opening, (SUCCESS, "STATUS_NO_SUCH_DEVICE"), items=REMOTE)
    yield Case(opening, (BAD_STATE,), items=OPEN)  # it is open
    yield Case(opening, (SUCCESS, "STATUS_NO_SUCH_DEVICE"), "WdfIoTargetClose(Out);", OPEN)
    yield Case(opening, (SUCCESS, "STATUS_NO_SUCH_DEVICE"), "WdfIoTargetCloseForQueryRemove(Out);", OPEN)
    start = "WdfIoTargetStart(Out)"
    for before in ("", STOP, PURGE, "WdfIoTargetStop(Out, WdfIoTargetWaitForSentIoToComplete);"):
        yield Case(start, (SUCCESS,), before, TARGET)
    yield Case(start, (BAD_STATE,), "WdfIoTargetClose(Out);", OPEN)  # D7
    yield Case("WdfRequestSend(Request, Out, NULL)", ("true", "false"), PURGE + STOP + READY, TARGET, "bool")  # P35
    restart = PURGE + "if (!NT_SUCCESS(WdfIoTargetStart(Out))) { return; }" + READY
    yield Case("WdfRequestSend(Request, Out, NULL)", ("true",), restart, TARGET, "bool")  # P35


def queues() -> Iterator[Case]:
    forward = "WdfRequestForwardToIoQueue(Request, Later)"
    yield Case(forward, (SUCCESS,), items=MANUAL)
    yield Case(forward, (SUCCESS,), "WdfIoQueueStop(Later, NULL);", MANUAL)
    yield Case(forward, (SUCCESS,), "WdfIoQueueStopAndPurge(Later, NULL);", MANUAL)  # P51
    yield Case(forward, (BUSY,), "WdfIoQueueDrain(Later, NULL);", MANUAL)
    yield Case(forward, (BUSY,), "WdfIoQueuePurge(Later, NULL);", MANUAL)
    yield Case(forward, (SUCCESS,), "WdfIoQueuePurge(Later, NULL); WdfIoQueueStart(Later);", MANUAL)

    retrieve = "WdfIoQueueRetrieveNextRequest(Later, &next)"
    yield Case(retrieve, (NO_MORE,), items=MANUAL)
    yield Case(retrieve, (SUCCESS, NO_MORE), FORWARD, MANUAL)  # it may have been cancelled there
    yield Case(retrieve, (PAUSED,), "WdfIoQueueStop(Later, NULL);", MANUAL)
    yield Case(retrieve, (BAD_STATE,), items="queue Later : parallel { EvtIoRead = OnOther; }")
    for_file = "WdfIoQueueRetrieveRequestByFileObject(Later, NULL, &next)"
    yield Case(for_file, (SUCCESS, NO_MORE), FORWARD, MANUAL)
    yield Case(for_file, (PAUSED,), "WdfIoQueueStop(Later, NULL);", MANUAL)
    yield Case("WdfIoQueueRetrieveNextRequest(Front, &next)", (NO_MORE,))  # sequential: allowed, one is held

    find = "WdfIoQueueFindRequest(Later, NULL, &found)"
    yield Case(find, (SUCCESS, NO_MORE), FORWARD, MANUAL)
    yield Case(find, (NO_MORE,), items=MANUAL)
    found = FORWARD + f"if (!NT_SUCCESS({find})) {{ return; }}"
    yield Case("WdfIoQueueRetrieveFoundRequest(Later, found, &next)", (SUCCESS, NOT_FOUND), found, MANUAL)  # P47
    yield Case("WdfIoQueueFindRequest(Later, found, &next)", (NO_MORE, NOT_FOUND), found, MANUAL)
    stopped = found + "WdfIoQueueStop(Later, NULL);"
    yield Case("WdfIoQueueRetrieveFoundRequest(Later, found, &next)", (PAUSED,), stopped, MANUAL)

    taken = FORWARD + f"if (!NT_SUCCESS({retrieve})) {{ return; }}"
    yield Case("WdfRequestRequeue(next)", (SUCCESS,), taken, MANUAL)
    yield Case("WdfIoQueueReadyNotify(Later, OnReady)", (SUCCESS,), items=MANUAL)


def others() -> Iterator[Case]:
    clock = "timer Clock { EvtTimerFunc = OnRun; }"
    yield Case("WdfTimerStart(Clock)", ("false",), items=clock, type="bool")
    yield Case("WdfTimerStart(Clock)", ("true", "false"), "WdfTimerStart(Clock);", clock, "bool")
    yield Case("WdfTimerStop(Clock, FALSE)", ("false",), items=clock, type="bool")
    yield Case("WdfTimerStop(Clock, TRUE)", ("true", "false"), "WdfTimerStart(Clock);", clock, "bool")
    yield Case("WdfTimerStop(Clock, TRUE)", ("true",), "WdfTimerStart(Periodic);",
               clock.replace("Clock", "Periodic").replace("{", ": periodic {", 1)
               + "timer Clock : armed, periodic { EvtTimerFunc = OnRun; }", "bool")  # fmt: skip
    dpc = "dpc Deferred { EvtDpcFunc = OnRun; }"
    yield Case("WdfDpcEnqueue(Deferred)", ("true",), items=dpc, type="bool")
    yield Case("WdfDpcEnqueue(Deferred)", ("true", "false"), "WdfDpcEnqueue(Deferred);", dpc, "bool")
    yield Case("WdfDpcCancel(Deferred, TRUE)", ("true", "false"), "WdfDpcEnqueue(Deferred);", dpc, "bool")
    irq = "interrupt Irq { EvtInterruptDpc = OnRun; EvtInterruptIsr = OnIsr; } hardware Irq when FALSE;"
    yield Case("WdfInterruptQueueDpcForIsr(Irq)", ("true",), items=irq, type="bool")
    yield Case("WdfInterruptTryToAcquireLock(Irq)", ("true", "false"), items=irq, type="bool")
    yield Case("WdfWaitLockAcquire(Wait, NULL)", (SUCCESS,), items=LOCKED)
    yield Case("WdfWaitLockAcquire(Wait, TIMED)", (SUCCESS, "STATUS_TIMEOUT"), items=LOCKED)  # P70
    yield Case("WdfRequestIsFrom32BitProcess(Request)", ("true", "false"), type="bool")
    yield Case("WdfRequestGetParameters(Request)", ("WdfRequestTypeRead",), type="WDF_REQUEST_TYPE")
    for kind in ("Input", "Output"):
        yield Case(f"WdfRequestRetrieve{kind}Buffer(Request, &carried)", (SUCCESS, "STATUS_BUFFER_TOO_SMALL"))
        yield Case(f"WdfRequestRetrieve{kind}Memory(Request, &carried)", (SUCCESS, "STATUS_BUFFER_TOO_SMALL"))
        yield Case(f"WdfRequestRetrieve{kind}WdmMdl(Request, &carried)", (SUCCESS, NO_MEMORY))


CALLBACKS = {
    "OnDone": "callback OnDone(Request) { }",
    "OnCancel": "callback OnCancel(Request) { }",
    "OnOther": "callback OnOther(Request) { }",
    "OnReady": "callback OnReady(Queue) { }",
    "OnRun": "callback OnRun() { }",
    "OnIsr": "callback OnIsr() { }",
}


def driver(case: Case) -> str:
    given = "".join(f" if ({name} == NULL) {{ }}" for name in re.findall(r"&(\w+)\)$", case.call))  # else: never read
    body = f"{case.before} Answer = {case.call}; Answered = TRUE;{given}"
    callbacks = "\n".join(text for name, text in CALLBACKS.items() if name in body + case.items)
    gives = "\n".join(
        f'rule gives-{at} "The answer is {value}." never Answered && Answer == {value};'
        for at, value in enumerate(case.returns)
    )
    known = " || ".join(f"Answer == {value}" for value in case.returns)
    return f"""
driver Calls {{
    queue Front : {case.words} {{ EvtIoRead = OnRead; }}
    {case.items}
    context device {{ Answer : {case.type}; Answered : bool; }}
    callback OnRead(Request) {{ {body} }}
    {callbacks}
}}
{gives}
rule gives-another "The answer is none of these." never Answered && !({known});
"""


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_answers(case: Case) -> None:
    rules = [f"gives-{at}" for at in range(len(case.returns))]
    options = Options(rules=(*rules, "gives-another"), requests=1, engine="explicit")
    report = check_text(driver(case), options=options)
    verdicts = {result.rule: result.verdict for model in report.models for result in model.results}
    missing = [value for rule, value in zip(rules, case.returns, strict=True) if verdicts[rule] is not Word.VIOLATED]
    assert missing == []
    assert verdicts.pop("gives-another") is Word.PROVED
    assert verdicts.keys() == set(rules), "a contract is broken"
