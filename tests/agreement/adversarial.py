"""Drivers that are wrong, but only with enough requests: each with the rule that so many break, and fewer do not."""

from __future__ import annotations

from dataclasses import dataclass

WRONG = "never-wrong"
EVENTUALLY = "request-eventually-completed"
DEADLOCK = "deadlock-free"


@dataclass(frozen=True)
class Driver:
    """`fewest`: the number of requests that break the rule."""

    text: str
    rule: str
    fewest: int


def counter(limit: int) -> Driver:
    """Each request adds one to a count that must not reach the limit."""
    text = f"""
        driver Counts {{
            queue   Reads : parallel, front {{ EvtIoRead = OnRead; }}
            context device {{ Count : 0..{limit + 1}; }}
            callback OnRead(Request) {{
                InterlockedIncrement(&Count);
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        rule {WRONG} "Not so many requests come." never Count == {limit};
    """
    return Driver(text, WRONG, limit)


def together(limit: int) -> Driver:
    """As many callbacks as the queue allows run at the same time; that is one too many."""
    text = f"""
        driver Together {{
            queue   Reads : parallel, limit {limit}, front {{ EvtIoRead = OnRead; }}
            context device {{ Busy : 0..{limit + 1}; }}
            callback OnRead(Request) {{
                InterlockedIncrement(&Busy);
                InterlockedDecrement(&Busy);
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        rule {WRONG} "Not so many callbacks run at once." never Busy == {limit};
    """
    return Driver(text, WRONG, limit)


def in_order(place: int) -> Driver:
    """Requests are numbered as they come. The one with this number is not taken first, unless those before it were
    cancelled in the queue."""
    others = "".join(
        f"else if (Came == {at}) {{ Request.Number = {at + 1}; Came = {at + 1}; }} " for at in range(1, place)
    )
    text = f"""
        driver Order {{
            queue    Reads : sequential, front {{ EvtIoRead = OnRead; }}
            queue    Parked : manual;
            spinlock Lock;
            context  device {{ Came : 0..{place}; Taken, Wrong : bool; }}
            context  request {{ Number : 0..{place}; }}
            callback OnRead(Request) {{
                WdfSpinLockAcquire(Lock);
                if (Came == 0) {{ Request.Number = 1; Came = 1; }} {others}
                status = WdfRequestForwardToIoQueue(Request, Parked);
                WdfSpinLockRelease(Lock);
                if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
            }}
            thread Take {{
                if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Parked, &r))) {{
                    if (!Taken && r.Number == {place}) {{ Wrong = TRUE; }}
                    Taken = TRUE;
                    WdfRequestComplete(r, STATUS_SUCCESS);
                }}
            }}
        }}
        rule {WRONG} "The oldest is taken first." never Wrong;
    """
    return Driver(text, WRONG, place)


def waiting(kinds: int, rule: str) -> Driver:
    """Requests of several kinds; each waits until none of the next kind is there. All kinds together wait for ever."""
    ways = " or ".join(f"{{ Request.Kind = kind{kind}; WaitForKind{(kind + 1) % kinds}(); }}" for kind in range(kinds))
    waits = "\n".join(
        f"ddi WaitForKind{kind}() {{ then await no r: request (r.Kind == kind{kind}); }}" for kind in range(kinds)
    )
    wrong = " && ".join(f"some r: request (r.Kind == kind{kind})" for kind in range(kinds))
    text = f"""
        driver Waiting {{
            queue   Reads : parallel, front {{ EvtIoRead = OnRead; }}
            context request {{ Kind : {{ none, {", ".join(f"kind{kind}" for kind in range(kinds))} }}; }}
            callback OnRead(Request) {{
                choose {ways}
                Request.Kind = none;
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        {waits}
        rule {WRONG} "Some kind is not there." never {wrong};
    """
    return Driver(text, rule, kinds)


def lock_cycle(locks: int) -> Driver:
    """A callback takes one of the locks and then the next one."""
    declared = "\n".join(f"spinlock Lock{at};" for at in range(locks))
    ways = " or ".join(
        f"{{ WdfSpinLockAcquire(Lock{at}); WdfSpinLockAcquire(Lock{(at + 1) % locks}); "
        f"WdfSpinLockRelease(Lock{(at + 1) % locks}); WdfSpinLockRelease(Lock{at}); }}"
        for at in range(locks)
    )
    text = f"""
        driver Locks {{
            queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
            {declared}
            callback OnRead(Request) {{ choose {ways} WdfRequestComplete(Request, STATUS_SUCCESS); }}
        }}
    """
    return Driver(text, DEADLOCK, locks)


def tail(callbacks: int) -> Driver:
    """A handler passes its request on to a queue with the same handler, which may run while the first one still does.

    So two callbacks run for each request, and the odd one is the first of one more.
    """
    text = f"""
        driver Tail {{
            queue   Reads : parallel, front {{ EvtIoRead = OnRead; }}
            queue   Again : parallel {{ EvtIoRead = OnRead; }}
            context device {{ Busy : 0..{callbacks + 1}; }}
            context request {{ Forwarded : bool; }}
            callback OnRead(Request) {{
                InterlockedIncrement(&Busy);
                if (Request.Forwarded) {{
                    WdfRequestComplete(Request, STATUS_SUCCESS);
                }} else {{
                    Request.Forwarded = TRUE;
                    status = WdfRequestForwardToIoQueue(Request, Again);
                    if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
                }}
                InterlockedDecrement(&Busy);
            }}
        }}
        rule {WRONG} "Not so many callbacks run at once." never Busy == {callbacks};
    """
    return Driver(text, WRONG, (callbacks + 1) // 2)


def handed_on(requests: int) -> Driver:
    """Each request raises the flag after the highest one that is up; who finds the last one up does it twice."""
    last = requests - 2
    flags = "".join(f"if (Flag{at - 1}) {{ Flag{at} = TRUE; }} " for at in range(last, 0, -1))
    text = f"""
        driver HandedOn {{
            queue   Reads : parallel, front {{ EvtIoRead = OnRead; }}
            context device {{ {", ".join(f"Flag{at}" for at in range(last + 1))} : bool; }}
            callback OnRead(Request) {{
                WdfRequestSetInformation(Request);
                if (Flag{last}) {{ WdfRequestSetInformation(Request); }}
                {flags} Flag0 = TRUE;
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        rule {WRONG}(r: request) "The number of bytes is set once."
            assuming answers, ticks, threads;
            deliver(r) leads to setinfo(r) exactly once;
    """
    return Driver(text, WRONG, requests)


DRIVERS = {
    **{f"{requests} requests do it twice": handed_on(requests) for requests in (3, 4)},
    **{f"a counter that breaks at {limit}": counter(limit) for limit in (3, 4, 5)},
    "a parallel limit of two": together(2),
    "a bug that needs four requests": together(4),
    "the second comes first": in_order(2),
    "the third comes first": in_order(3),
    **{f"{kinds} kinds wait for each other": waiting(kinds, WRONG) for kinds in (2, 3, 4, 5)},
    **{f"{kinds} kinds wait for ever": waiting(kinds, EVENTUALLY) for kinds in (2, 3, 4, 5)},
    **{f"a cycle of {locks} locks": lock_cycle(locks) for locks in (2, 3, 4, 5)},
    "a tail overlaps the second activation": tail(2),
    "tails overlap second activations": tail(3),
}
