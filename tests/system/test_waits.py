"""Who waits for whom: which circles are found, and what the verdict says of waits that are not followed."""

from __future__ import annotations

import pytest

from tests.lowered import Lowered
from wdfmc.checking import Options, check_text
from wdfmc.verdict import Result, Word

DEADLOCK = "deadlock-free"


def circle(members: int, *, gate: bool = False, ordered: bool = False) -> str:
    """Thread k takes lock k, then the next one; the last one takes the first. With a gate each does so under one lock
    more, in order the last thread takes its two locks the other way around."""
    locks = [f"spinlock L{at};" for at in range(members)]
    threads = []
    for at in range(members):
        first, second = f"L{at}", f"L{(at + 1) % members}"
        if ordered and at == members - 1:
            first, second = second, first
        body = f"WdfSpinLockAcquire({first}); WdfSpinLockAcquire({second}); WdfSpinLockRelease({second}); "
        body += f"WdfSpinLockRelease({first});"
        if gate:
            body = f"WdfSpinLockAcquire(Gate); {body} WdfSpinLockRelease(Gate);"
        threads.append(f"thread T{at} once {{ {body} }}")
    return "driver D { " + " ".join([*locks, "spinlock Gate;" * gate, *threads]) + " }"


def checked(text: str, *, requests: int = 1) -> Result:
    report = check_text(text, options=Options(requests=requests, rules=(DEADLOCK,), widening=0))
    (result,) = report.models[0].results
    return result


@pytest.mark.parametrize("members", [2, 3, 4, 5])
def test_a_circle_of_locks_is_found_whatever_its_length(members: int) -> None:
    lowered = Lowered(circle(members), (DEADLOCK,))
    assert lowered.instance(1).broken == {DEADLOCK: members + 1}, "each takes its first lock, and then nobody goes on"
    (template,) = lowered.violating(DEADLOCK)
    assert template.statements[0].action.count(" and ") == members - 1


@pytest.mark.parametrize("members", [2, 4, 5])
def test_a_gate_lock_protects_the_circle(members: int) -> None:
    lowered = Lowered(circle(members, gate=True), (DEADLOCK,))
    assert lowered.violating(DEADLOCK) == []
    assert lowered.instance(1).broken == {}


@pytest.mark.parametrize("members", [3, 5])
def test_locks_in_one_order_make_no_circle(members: int) -> None:
    assert Lowered(circle(members, ordered=True), (DEADLOCK,)).instance(1).broken == {}


@pytest.mark.parametrize("members", [2, 3, 4])
def test_a_circle_through_requests(members: int) -> None:
    """Each request waits in turn: one handler per request, and as many requests as the circle is long."""
    kinds = ("EvtIoRead", "EvtIoWrite", "EvtIoDeviceControl", "EvtIoInternalDeviceControl")[:members]
    handlers = " ".join(
        f"callback On{at}(Request) {{ WdfSpinLockAcquire(L{at}); WdfSpinLockAcquire(L{(at + 1) % members}); "
        f"WdfSpinLockRelease(L{(at + 1) % members}); WdfSpinLockRelease(L{at}); "
        "WdfRequestComplete(Request, STATUS_SUCCESS); }"
        for at in range(members)
    )
    locks = " ".join(f"spinlock L{at};" for at in range(members))
    bound = " ".join(f"{kind} = On{at};" for at, kind in enumerate(kinds))
    lowered = Lowered(f"driver D {{ queue Q : parallel, front {{ {bound} }} {locks} {handlers} }}", (DEADLOCK,))
    assert {template.footprint for template in lowered.violating(DEADLOCK)} == {members}


def test_a_wait_behind_a_local_assignment_is_a_wait() -> None:
    """The assignment is joined with the acquire: the callback waits where it begins."""
    lowered = Lowered("""
        driver D {
            waitlock A;
            timer Poll { EvtTimerFunc = OnPoll; }
            context device { Last : NTSTATUS; }
            thread T once {
                WdfTimerStart(Poll);
                WdfWaitLockAcquire(A, 0);
                WdfTimerStop(Poll, TRUE);
                WdfWaitLockRelease(A);
            }
            callback OnPoll() {
                status = STATUS_CANCELLED;
                WdfWaitLockAcquire(A, 0);
                Last = status;
                WdfWaitLockRelease(A);
            }
        }
        """, (DEADLOCK,))  # fmt: skip
    assert DEADLOCK in lowered.instance(1).broken


@pytest.mark.parametrize(("test", "broken"), [("Deep", {DEADLOCK}), ("!Deep", set())])
def test_a_wait_of_one_branch_is_a_wait_for_the_values_that_lead_to_it(test: str, broken: set[str]) -> None:
    lowered = Lowered(f"""
        driver D {{
            waitlock A;
            timer Poll {{ EvtTimerFunc = OnPoll; }}
            context device {{ Deep : bool = true; N : bool; }}
            thread T once {{
                WdfTimerStart(Poll);
                WdfWaitLockAcquire(A, 0);
                WdfTimerStop(Poll, TRUE);
                WdfWaitLockRelease(A);
            }}
            callback OnPoll() {{
                if ({test}) {{ WdfWaitLockAcquire(A, 0); WdfWaitLockRelease(A); }}
            }}
        }}
        """, (DEADLOCK,))  # fmt: skip
    assert set(lowered.instance(1).broken) == broken


def test_a_wait_that_may_time_out_is_none() -> None:
    body = "WdfWaitLockAcquire({}, 0); status = WdfWaitLockAcquire({}, TIMED); if (status == STATUS_SUCCESS) {{ WdfWaitLockRelease({}); }} WdfWaitLockRelease({});"  # noqa: E501
    lowered = Lowered(
        "driver D { waitlock A; waitlock B; thread T { " + body.format("A", "B", "B", "A") + " } thread U { "
        + body.format("B", "A", "A", "B") + " } }", (DEADLOCK,),
    )  # fmt: skip
    assert lowered.instance(1).broken == {}


# ---------------------------------------------------------------- what is not followed


EVENTS = """
driver D {
    event A; event B;
    context device { N : bool; }
    thread T once { KeWaitForSingleObject(A, 0); KeSetEvent(B); }
    thread U once { KeWaitForSingleObject(B, 0); KeSetEvent(A); }
}
"""


def test_waits_that_are_not_followed_are_a_bound_of_this_verdict() -> None:
    result = checked(EVENTS)
    assert result.verdict is Word.PROVED
    assert result.bounds == ("the wait of T, U for `e.signaled` is not followed",)


def test_other_rules_do_not_carry_it() -> None:
    report = check_text(EVENTS, options=Options(requests=1, rules=(DEADLOCK, "lock-alternation"), widening=0))
    bounds = {result.rule: result.bounds for result in report.models[0].results}
    assert bounds["lock-alternation"] == ()
    assert bounds[DEADLOCK]


def test_locks_alone_leave_nothing_open() -> None:
    assert checked(circle(3, ordered=True)).bounds == ()


def test_a_wait_of_which_a_part_is_followed() -> None:
    result = checked("""
        driver D {
            queue Q : parallel, front { EvtIoRead = OnRead; }
            waitlock A;
            thread T { WdfIoQueueStopSynchronously(Q); WdfIoQueueStart(Q); }
            callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
        }
        """)
    assert result.bounds == ("the wait of T for `idle(q) && no r: request (held(r, q))` is not followed",)
