"""The queues of a printed trace, simulated: who waits where in which order. Knows neither lowering nor interpreter."""

from __future__ import annotations

from collections.abc import Iterator

from wdfmc.verdict import Trace, TraceStep

FROM_THE_MIDDLE = ("WdfIoQueueRetrieveFoundRequest", "WdfIoQueueRetrieveRequestByFileObject")
TO_THE_HEAD = ("WdfRequestRequeue", "take back")


def out_of_order(trace: Trace) -> list[str]:
    """The takings that were not of the head of a queue, in words."""
    queues: dict[str, list[str]] = {}
    own: dict[str, str] = {}
    home: dict[str, str] = {}
    found = []
    for step in trace.steps:
        for request in dict.fromkeys(requests(step)):
            before, where = own.get(request, "none"), home.get(request, "null")
            own[request] = step.changes.get(f"{request}.own", (before, before))[1]
            home[request] = step.changes.get(f"{request}.home", (where, where))[1]
            moved = home[request] != where
            queue = queues.setdefault(home[request], [])
            if before == "queued" and (own[request] != "queued" or moved):
                left = queues[where]
                delivered = own[request] == "driver" or "present next" in step.action
                if delivered and left[0] != request and not step.action.startswith(FROM_THE_MIDDLE):
                    found.append(f"{step.index}: {request} before {left[0]}")
                left.remove(request)
            elif own[request] == "driver" and moved and queue and step.action != "WdfRequestCreate":
                found.append(f"{step.index}: {request} overtakes {queue}")
            if own[request] == "queued" and (before != "queued" or moved):
                queue.insert(0 if step.action.startswith(TO_THE_HEAD) else len(queue), request)
    return found


def requests(step: TraceStep) -> Iterator[str]:
    for name in step.changes:
        if name.endswith((".own", ".home")):
            yield name.rsplit(".", 1)[0]
