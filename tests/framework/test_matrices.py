"""The state x call matrices of wdf-semantics section 10: for each cell the call is made in that state.

A cell is a DDI of its own that waits for the state and makes the call in the same step. `reject`: each such call breaks
a contract. Otherwise the states that the call leaves the request in, and after `:` what it answers; no contract is
broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Word

REJECT: Final = "reject"
STATES: Final = (
    "none arriving queued driver cancelable cancel_owed cancel_run queue_owed sent pended target_done gone done"
)
OWN: Final = tuple(STATES.split())


Table = Mapping[str, Mapping[str, str]]  # state -> call -> outcome


@dataclass(frozen=True, slots=True)
class State:
    """How a request gets into a state: `where`. In one of the texts `@` stands for the calls."""

    where: str
    taker: str = "@"  # what is done with a new request
    cancel: str = ""  # in its cancel callback
    routine: str = ""  # in its completion routine
    stop: str = ""  # in EvtIoStop


PREPARE: Final = "WdfRequestFormatRequestUsingCurrentType(Request); WdfRequestSetCompletionRoutine(Request, OnDone);"
SEND: Final = PREPARE + "if (WdfRequestSend(Request, Out, NULL)) { @ }"
MARK: Final = "if (NT_SUCCESS(WdfRequestMarkCancelableEx(Request, OnCancel))) { @ }"
FORWARD: Final = "if (NT_SUCCESS(WdfRequestForwardToIoQueue(Request, Parked))) { @ }"
STOPPED: Final = "WdfIoTargetStop(Out, WdfIoTargetLeaveSentIoPending);"

RECEIVED: Final[Mapping[str, State]] = {
    "DRV": State("r.own == driver"),
    "CNC": State("r.own == cancelable", MARK),
    "CNL, not entered": State("r.own == cancel_owed", MARK),
    "CNL, inside": State("r.own == cancel_run", MARK.replace("@", ""), cancel="@"),
    "INQ": State("r.own == queued", FORWARD),
    "COQ": State("r.own == queue_owed", FORWARD),
    "SENT": State("r.own == sent", SEND),
    "PEND": State("r.own == pended", STOPPED + SEND),
    "TDONE": State("r.own == target_done", SEND),
    "DONE with reference": State(
        "r.own == done", "WdfObjectReference(Request); WdfRequestComplete(Request, STATUS_SUCCESS); @"
    ),
    "GONE": State("r.own == gone", "if (WdfRequestSend(Request, Out, SEND_AND_FORGET)) { @ }"),
    "freed": State("r.own == done", "WdfRequestComplete(Request, STATUS_SUCCESS); @"),
}
CALLS: Final[Mapping[str, str]] = {
    "Complete": "WdfRequestComplete(r, STATUS_SUCCESS);",
    "MarkEx": "s = WdfRequestMarkCancelableEx(r, f);",
    "Unmark": "s = WdfRequestUnmarkCancelable(r);",
    "Forward": "s = WdfRequestForwardToIoQueue(r, q);",
    "Requeue": "s = WdfRequestRequeue(r);",
    "Send": "r.format = current; r.on_done = c; b = WdfRequestSend(r, t, NULL);",  # else refused for another reason
    "SAF": "b = WdfRequestSend(r, t, SEND_AND_FORGET);",
    "CancelSent": "b = WdfRequestCancelSentRequest(r);",
    "IsCanceled": "b = WdfRequestIsCanceled(r);",
    "StopAck(F)": "WdfRequestStopAcknowledge(r, FALSE);",
    "StopAck(T)": "WdfRequestStopAcknowledge(r, TRUE);",
    "Format": "s = WdfIoTargetFormatRequestForRead(t, r, NULL);",
    "Reuse": "s = WdfRequestReuse(r, STATUS_SUCCESS);",
    "SetComplRtn": "WdfRequestSetCompletionRoutine(r, c);",
}
NONE: Final = dict.fromkeys(CALLS, REJECT)
WITH_RECEIVED: Final[Table] = {
    "DRV": {
        **NONE,  # unmark; acknowledging a stop that nobody asked for
        "Complete": "done", "MarkEx": "cancelable driver: STATUS_SUCCESS STATUS_CANCELLED",
        "Forward": "queued driver queue_owed: STATUS_SUCCESS STATUS_WDF_BUSY", "Requeue": "queued done: STATUS_SUCCESS",
        "Send": "sent: true", "SAF": "gone: true", "IsCanceled": "driver: true false",
        "CancelSent": "driver: false",  # useless, and more than that: P80
        "Format": "driver", "Reuse": "driver: STATUS_SUCCESS", "SetComplRtn": "driver",
    },
    "CNC": {**NONE, "Unmark": "driver: STATUS_SUCCESS", "Format": "cancelable"},
    "CNL, not entered": {**NONE, "Unmark": "cancel_owed: STATUS_CANCELLED"},
    "CNL, inside": {**NONE, "Complete": "done", "Unmark": "cancel_run: STATUS_CANCELLED"},
    "INQ": NONE,
    "COQ": NONE,
    "SENT": {**NONE, "CancelSent": "sent: true false"},  # it comes back when the target likes (T9)
    "PEND": {**NONE, "CancelSent": "target_done: true"},
    "TDONE": {**NONE, "CancelSent": "target_done: false"},
    "DONE with reference": {**NONE, "CancelSent": "done: false"},
    "GONE": NONE,
    "freed": NONE,
}  # fmt: skip

# Inside EvtIoStop; the cancel callback does not begin meanwhile.
STOPPING: Final[Mapping[str, State]] = {
    "DRV": State("r.own == driver", "if (Request == NULL) { }", stop="@"),
    "CNC": State("r.own == cancelable", MARK.replace("@", ""), stop="@"),
    "CNL, not entered": State("r.own == cancel_owed", MARK.replace("@", ""), stop="@"),
    "SENT": State("r.own == sent", SEND.replace("@", ""), stop="@"),
    "PEND": State("r.own == pended", STOPPED + SEND.replace("@", ""), stop="@"),
    "TDONE": State("r.own == target_done", SEND.replace("@", ""), stop="@"),
    "DONE with reference": State("r.own == done", "Sleep(); WdfRequestComplete(Request, STATUS_SUCCESS);", stop="@"),
}
WHILE_STOPPING: Final[Table] = {
    "DRV": {"StopAck(F)": "driver", "StopAck(T)": "driver"},  # P56: to the queue after all stop callbacks
    "CNC": {"StopAck(F)": "cancelable", "StopAck(T)": REJECT},
    "CNL, not entered": {"StopAck(F)": "cancel_owed", "StopAck(T)": REJECT},
    "SENT": {"StopAck(F)": "sent", "StopAck(T)": REJECT},
    "PEND": {"StopAck(F)": "pended", "StopAck(T)": REJECT},
    "TDONE": {"StopAck(F)": "target_done", "StopAck(T)": REJECT},
    "DONE with reference": {"StopAck(F)": "done", "StopAck(T)": "done"},  # EvtIoStop has the reference
}

FORMAT: Final = "if (NT_SUCCESS(WdfIoTargetFormatRequestForRead(Out, Request, NULL))) { @ }"
SEND_OWN: Final = FORMAT.replace(
    "@", "WdfRequestSetCompletionRoutine(Request, OnDone); if (WdfRequestSend(Request, Out, NULL)) { @ }"
)
CREATED: Final[Mapping[str, State]] = {
    "FREE": State("r.own == driver"),
    "FMT": State("r.own == driver && r.format == target", FORMAT),
    "SENT": State("r.own == sent", SEND_OWN),
    "PEND": State("r.own == pended", STOPPED + SEND_OWN),
    "TDONE": State("r.own == target_done", SEND_OWN),
    "in completion routine": State("r.own == driver", SEND_OWN.replace("@", ""), routine="@"),
    "DEL": State("r.own == done", "WdfObjectDelete(Request); @"),
    "DEL with reference": State("r.own == done", "WdfObjectReference(Request); WdfObjectDelete(Request); @"),
}
CALLS_OF_CREATED: Final[Mapping[str, str]] = {
    "Format": CALLS["Format"],
    "ChangeTarget": "s = WdfRequestChangeTarget(r, t);",
    "SetComplRtn": CALLS["SetComplRtn"],
    "Send": "b = WdfRequestSend(r, t, NULL);",
    "SendSync": "s = WdfIoTargetSendReadSynchronously(t, r, NULL);",
    "CancelSent": CALLS["CancelSent"],
    "Reuse": CALLS["Reuse"],
    "Delete": "WdfObjectDelete(r);",
    "Complete": CALLS["Complete"],
    "Mark": "WdfRequestMarkCancelable(r, f);",
    "MarkEx": CALLS["MarkEx"],
    "Unmark": CALLS["Unmark"],
    "Forward": CALLS["Forward"],
    "Requeue": CALLS["Requeue"],
}
NONE_OF_CREATED: Final = dict.fromkeys(CALLS_OF_CREATED, REJECT)
FREE: Final = {
    **NONE_OF_CREATED,
    "Format": "driver: STATUS_SUCCESS STATUS_INSUFFICIENT_RESOURCES", "ChangeTarget": "driver: STATUS_SUCCESS",
    "SetComplRtn": "driver", "SendSync": "driver: STATUS_SUCCESS STATUS_UNSUCCESSFUL", "CancelSent": "driver: false",
    "Reuse": "driver: STATUS_SUCCESS", "Delete": "done",
}  # fmt: skip
WITH_CREATED: Final[Table] = {
    "FREE": FREE,
    "FMT": {**FREE, "Send": "sent: true"},
    "SENT": {**NONE_OF_CREATED, "CancelSent": "sent: true false"},
    "PEND": {**NONE_OF_CREATED, "CancelSent": "target_done: true"},
    "TDONE": {**NONE_OF_CREATED, "CancelSent": "target_done: false"},
    "in completion routine": FREE,
    "DEL": NONE_OF_CREATED,
    "DEL with reference": {**NONE_OF_CREATED, "CancelSent": "done: false"},
}

# The request is of the queue `Front`, on which the calls are made.
OF_QUEUE: Final[Mapping[str, State]] = {
    "Started": State("Front.power == on && r.own == driver"),
    "Stopped": State("r.own == driver", "WdfIoQueueStop(Front, NULL); @"),
    "Stopped, armed": State("r.own == driver", "WdfIoQueueStop(Front, OnStopped); @"),
    "Drained": State("r.own == driver", "WdfIoQueueDrain(Front, NULL); @"),
    "Purged": State("r.own == driver", "WdfIoQueuePurge(Front, NULL); @"),
    "Purged, armed": State("r.own == driver", "WdfIoQueuePurge(Front, OnEmpty); @"),
    "StopAndPurge": State("r.own == driver", "WdfIoQueueStopAndPurge(Front, NULL); @"),
    "StopAndPurge, armed": State("r.own == driver", "WdfIoQueueStopAndPurge(Front, OnStopped); @"),
    "Off": State("Front.power == off && r.own == driver"),
}
CALLS_OF_QUEUE: Final[Mapping[str, str]] = {
    "Requeue": "s = WdfRequestRequeue(r);",
    "MarkEx": CALLS["MarkEx"],
    "Retrieve": "s = WdfIoQueueRetrieveNextRequest(r.home, next); b = next != null;",
    "Start": "WdfIoQueueStart(r.home); b = r.home.accept && r.home.open && !r.home.purging;",
    "Stop": "WdfIoQueueStop(r.home, NULL); b = r.home.accept && !r.home.open;",
    "Purge": "WdfIoQueuePurge(r.home, NULL); b = !r.home.accept && r.home.purging;",
}
HEAD: Final = "queued done: STATUS_SUCCESS"  # done: it was cancelled meanwhile
KEPT: Final = {"Start": "driver: true", "Stop": "driver: true", "Purge": "driver: true"}
OPEN: Final = {
    **KEPT, "Requeue": HEAD, "MarkEx": "driver cancelable: STATUS_SUCCESS STATUS_CANCELLED",
    "Retrieve": "driver: STATUS_NO_MORE_ENTRIES",
}  # fmt: skip
PAUSED: Final = {"Retrieve": "driver: STATUS_WDF_PAUSED"}
CANCELS: Final = {"Requeue": "done: STATUS_SUCCESS", "MarkEx": "driver: STATUS_CANCELLED"}
ARMED: Final = {"Stop": REJECT, "Purge": REJECT}
WITH_QUEUE: Final[Table] = {
    "Started": OPEN,
    "Stopped": {**OPEN, **PAUSED},
    "Stopped, armed": {**OPEN, **PAUSED, **ARMED},
    "Drained": OPEN,
    "Purged": {**OPEN, **CANCELS},
    "Purged, armed": {**OPEN, **CANCELS, **ARMED},
    "StopAndPurge": {**OPEN, **PAUSED, **CANCELS},
    "StopAndPurge, armed": {**OPEN, **PAUSED, **CANCELS, **ARMED},
    "Off": {**OPEN, **PAUSED},
}


def chosen(row: Mapping[str, str], rejected: bool) -> dict[str, str]:
    return {call: result for call, result in row.items() if (result == REJECT) == rejected}


def cases(table: Table) -> list[tuple[str, bool]]:
    return [(state, rejected) for state in table for rejected in (True, False) if chosen(table[state], rejected)]


def cell(at: int, call: str, where: str) -> str:
    """A call without an answer says STATUS_SUCCESS and false."""
    return f"""
ghost tried{at}(r: request);
ghost passed{at}(r: request);
ghost said{at}(r: request, s: NTSTATUS, b: bool);
ddi Cell{at}(r: request, f: EvtRequestCancel, c: CompletionRoutine, q: queue, t: target)
    source "wdf-semantics 10";
{{
    await {where};
    s = STATUS_SUCCESS;
    b = false;
    emit tried{at}(r);
    {call}
    emit passed{at}(r);
    emit said{at}(r, s, b);
}}
"""


def questions(at: int, result: str) -> Iterator[tuple[str, str, Word]]:
    """Name, text and verdict of the rules about a cell."""
    yield f"tried-{at}", f"never tried{at}(r);", Word.VIOLATED
    if result == REJECT:
        yield f"rejected-{at}", f"never passed{at}(r);", Word.PROVED
        return
    states, _, answers = result.partition(":")
    for own in OWN:
        verdict = Word.VIOLATED if own in states.split() else Word.PROVED
        yield f"to-{at}-{own}", f"never passed{at}(r) while r.own == {own};", verdict
    for value in answers.split():
        said = f"_, {value}" if value in ("true", "false") else f"{value}, _"
        yield f"says-{at}-{value}", f"never said{at}(r, {said});", Word.VIOLATED


def text_of(state: State, calls: Mapping[str, str], row: Mapping[str, str], items: str, take: str) -> str:
    """take: how the driver gets its request; `@` is what it does with it then."""
    ways = [f"{{ Cell{at}(Request, OnCancel, OnDone, Parked, Out); }}" for at in range(len(row))]
    choice = ways[0] if len(ways) == 1 else f"choose {' or '.join(ways)}"
    driver = f"""
driver Matrix {{
    {items}
    queue  Parked : manual {{ EvtIoCanceledOnQueue = OnCanceledOnQueue; }}
    target Out;
    thread Closer once {{ WdfIoQueueDrain(Parked, NULL); }}
    thread Taker once {{ {take.replace("@", state.taker.replace("@", choice))} }}
    callback OnCancel(Request) {{ {state.cancel.replace("@", choice)} }}
    callback OnDone(Request) {{ {state.routine.replace("@", choice)} }}
    callback OnStop(Request, Action, Cancelable) {{ {state.stop.replace("@", choice)} }}
    callback OnCanceledOnQueue(Request) {{ }}
    callback OnStopped(Queue) {{ }}
    callback OnEmpty(Queue) {{ }}
}}
"""
    parts = [cell(at, calls[call], state.where) for at, call in enumerate(row)]
    parts.append(driver)
    for at, (call, result) in enumerate(row.items()):
        parts += [f'rule {name}(r: request) "{call}." {body}\n' for name, body, _ in questions(at, result)]
    return "".join(parts)


def wrong(text: str, row: Mapping[str, str], rejected: bool) -> dict[str, str]:
    """What comes out otherwise than expected, and the contracts that a call breaks that should be right."""
    wanted = {
        name: (call, verdict)
        for at, (call, result) in enumerate(row.items())
        for name, _, verdict in questions(at, result)
    }  # fmt: skip
    options = Options(rules=tuple(wanted), requests=1, engine="explicit", widening=0)
    report = check_text(text, options=options)
    verdicts = {result.rule: result.verdict for model in report.models for result in model.results}
    found = {
        f"{call}: {name}": str(verdicts.get(name))
        for name, (call, verdict) in wanted.items()
        if verdicts.get(name) is not verdict
    }
    if not rejected:
        found |= {name: str(verdict) for name, verdict in verdicts.items() if name not in wanted}
    return found


FRONT: Final = "queue Front : manual, front, takes_reads;"
POWERED: Final = "queue Front : manual, front, takes_reads, managed { EvtIoStop = OnStop; } environment { power on; }"
RETRIEVE: Final = "if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Front, &Request))) { @ }"
CREATE: Final = "if (NT_SUCCESS(WdfRequestCreate(NULL, Out, &Request))) { @ }"
ASLEEP: Final = 'ddi Sleep() source "none"; { await Front.power == notifying; }'


@pytest.mark.parametrize(("state", "rejected"), cases(WITH_RECEIVED))
def test_calls_with_a_received_request(state: str, rejected: bool) -> None:
    row = chosen(WITH_RECEIVED[state], rejected)
    assert wrong(text_of(RECEIVED[state], CALLS, row, FRONT, RETRIEVE), row, rejected) == {}


@pytest.mark.parametrize(("state", "rejected"), cases(WHILE_STOPPING))
def test_acknowledging_a_stop(state: str, rejected: bool) -> None:
    row = chosen(WHILE_STOPPING[state], rejected)
    assert wrong(ASLEEP + text_of(STOPPING[state], CALLS, row, POWERED, RETRIEVE), row, rejected) == {}


@pytest.mark.parametrize(("state", "rejected"), cases(WITH_CREATED))
def test_calls_with_a_request_of_the_driver(state: str, rejected: bool) -> None:
    row = chosen(WITH_CREATED[state], rejected)
    items = "created Own[1] of device;"
    assert wrong(text_of(CREATED[state], CALLS_OF_CREATED, row, items, CREATE), row, rejected) == {}


@pytest.mark.parametrize(("state", "rejected"), cases(WITH_QUEUE))
def test_calls_with_a_queue(state: str, rejected: bool) -> None:
    row = chosen(WITH_QUEUE[state], rejected)
    ack = State(OF_QUEUE[state].where, OF_QUEUE[state].taker, stop="WdfRequestStopAcknowledge(Request, FALSE);")
    assert wrong(text_of(ack, CALLS_OF_QUEUE, row, POWERED, RETRIEVE), row, rejected) == {}


# What a queue does with a request that is new, and with one that is forwarded to it; and with which answer.
STATES_OF_QUEUE: Final[Mapping[str, tuple[str, str, str]]] = {
    "Started": ("", "driver", "queued queue_owed: STATUS_SUCCESS"),
    "Stopped": ("WdfIoQueueStop({q}, NULL);", "queued done", "queued queue_owed: STATUS_SUCCESS"),
    "Drained": ("WdfIoQueueDrain({q}, NULL);", "done", "driver: STATUS_WDF_BUSY"),
    "Purged": ("WdfIoQueuePurge({q}, NULL);", "done", "driver: STATUS_WDF_BUSY"),
    "StopAndPurge": ("WdfIoQueueStopAndPurge({q}, NULL);", "queued done", "queued queue_owed: STATUS_SUCCESS"),
}


@pytest.mark.parametrize("state", STATES_OF_QUEUE)
def test_forwarding_to_a_queue(state: str) -> None:
    change, _, result = STATES_OF_QUEUE[state]
    row = {"Forward": result}
    text = text_of(State("r.own == driver", change.format(q="Parked") + "@"), CALLS, row, FRONT, RETRIEVE)
    assert wrong(text.replace("thread Closer once { WdfIoQueueDrain(Parked, NULL); }", ""), row, rejected=False) == {}


@pytest.mark.parametrize("state", STATES_OF_QUEUE)
def test_arriving_at_a_queue(state: str) -> None:
    """The queue is changed while the hardware is prepared: requests come later. Off: P87."""
    change, reached, _ = STATES_OF_QUEUE[state]
    verdicts = {own: Word.VIOLATED if own in reached.split() else Word.PROVED for own in OWN if own != "none"}
    text = f"""
driver Arriving {{
    device Device {{ EvtDevicePrepareHardware = OnPrepare; }}
    queue  Front : sequential, front {{ EvtIoRead = OnRead; }}
    callback OnPrepare() {{ {change.format(q="Front")} }}
    callback OnRead(Request) {{ }}
}}
""" + "".join(f'rule is-{own}(r: request) "It is {own}." never r.own == {own};\n' for own in verdicts)
    options = Options(rules=tuple(f"is-{own}" for own in verdicts), requests=1, engine="explicit", widening=0)
    report = check_text(text, options=options)
    found = {result.rule: result.verdict for model in report.models for result in model.results}
    assert found == {f"is-{own}": verdict for own, verdict in verdicts.items()}
