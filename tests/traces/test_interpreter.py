"""The direct interpreter on drivers small enough to know what must come out."""

from __future__ import annotations

from functools import cache

import pytest

from wdfmc import library
from wdfmc.language.parse import parse
from wdfmc.semantics import typed
from wdfmc.semantics.check import analyse
from wdfmc.source import Source
from wdfmc.system.system import Obj, Ref
from wdfmc.traces.follow import Refuted, Step, explore, follow, is_visible
from wdfmc.traces.interpreter import Machine, Move
from wdfmc.traces.world import Configuration, shown

PENDING = """
driver Pending {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    dpc      Data { EvtDpcFunc = OnData; }
    context  device { Waiting : set of request; }

    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) { add Request to Waiting; }
        WdfSpinLockRelease(Lock);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }
        WdfDpcEnqueue(Data);
    }
    callback OnData() {
        WdfSpinLockAcquire(Lock);
        r = any of Waiting;
        if (r != null) {
            remove r from Waiting;
            if (!NT_SUCCESS(WdfRequestUnmarkCancelable(r))) { r = null; }
        }
        WdfSpinLockRelease(Lock);
        if (r != null) { WdfRequestComplete(r, STATUS_SUCCESS); }
    }
    callback OnCancel(Request) {
        WdfSpinLockAcquire(Lock);
        remove Request from Waiting;
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_CANCELLED);
    }
}
"""


@cache
def program(text: str) -> typed.Program:
    framework = [t for s, t in zip(library.sources(), library.texts(), strict=True) if s.name.endswith(".wdf")]
    rules = [t for s, t in zip(library.sources(), library.texts(), strict=True) if s.name.endswith(".wdfspec")]
    return analyse(parse(Source("<text>", text)), framework, rules)


def handler(body: str, rest: str = "", queue: str = "parallel, front") -> str:
    items = f"queue Reads : {queue} {{ EvtIoRead = OnRead; }} callback OnRead(Request) {{ {body} }} {rest}"
    return f"driver Small {{ {items} }}"


def broken(text: str, slots: int = 1) -> set[str]:
    found = explore(program(text), slots, 20_000)
    assert found.complete
    return found.broken


def value(machine: Machine, configuration: Configuration, name: str) -> str:
    return shown(configuration.values[machine.variables.names.index(name)])


def run(machine: Machine, *actors: str) -> Configuration:
    """One move of each actor in turn, each the only one that it has."""
    configuration = machine.initial
    for actor in actors:
        (move,) = machine.moves(configuration, actor)
        assert move.after is not None, move
        configuration = move.after
    return configuration


# ---------------------------------------------------------------- single moves


def test_a_new_request_is_presented_at_once() -> None:
    machine = Machine(program(PENDING), 1)
    after = run(machine, "sender_issues Reads(r1)")
    assert value(machine, after, "r1.own") == "driver"
    assert value(machine, after, "r1.home") == "Reads"
    assert [found.name for _, found in after.active if found.kind] == ["OnRead"]


def test_a_ddi_is_one_move_for_each_outcome() -> None:
    machine = Machine(program(handler("WdfRequestComplete(Request, STATUS_SUCCESS);")), 1)
    at_call = run(machine, "sender_issues Reads(r1)")
    (complete,) = machine.moves(at_call, "OnRead(r1)")
    request = Ref("request", 0, 0)
    assert ("complete", (request, "STATUS_SUCCESS")) in complete.events
    assert complete.events[-1] == ("callback_ends", ())
    assert complete.after is not None
    assert value(machine, complete.after, "r1.own") == "done"
    assert machine.at_rest(complete.after)


def test_maybe_and_choose_go_both_ways() -> None:
    machine = Machine(program(handler('if (maybe("it fails")) { WdfRequestComplete(Request, STATUS_SUCCESS); }')), 1)
    moves = list(machine.moves(run(machine, "sender_issues Reads(r1)"), "OnRead(r1)"))
    assert [move.choices for move in moves] == [("it fails: yes",), ("it fails: no",)]


def test_a_lock_that_is_held_blocks() -> None:
    machine = Machine(program(PENDING), 2)
    inside = run(machine, "sender_issues Reads(r1)", "sender_issues Reads(r2)", "OnRead(r1)")
    assert [lock for lock, _ in inside.held] == ["Lock"]
    assert not list(machine.moves(inside, "OnRead(r2)"))


def test_each_operand_of_a_drivers_condition_is_a_step() -> None:
    text = handler("if (A && B) { A = FALSE; }", "context device { A, B : bool = true; }")
    machine = Machine(program(text), 1)
    after = run(machine, *["sender_issues Reads(r1)"] + ["OnRead(r1)"] * 2)
    assert value(machine, after, "A") == "true"
    (last,) = machine.moves(after, "OnRead(r1)")
    assert last.after is not None and value(machine, last.after, "A") == "false"


def test_a_plain_increment_loses_updates_and_an_interlocked_one_does_not() -> None:
    def numbers(statement: str) -> set[str]:
        text = handler(statement, "context device { Count : 0..2; }")
        found = explore(program(text), 2, 20_000, ["Count", "r1.own", "r2.own"])
        return {count for count, *owners in found.resting if owners == ["driver", "driver"]}

    assert numbers("Count = Count + 1;") == {"1", "2"}
    assert numbers("InterlockedIncrement(&Count);") == {"2"}


def test_an_argument_is_read_before_the_call() -> None:
    """Between the two the timer completes the request and another thread forgets it."""
    text = """driver Small {
        queue   Reads : parallel, front { EvtIoRead = OnRead; }
        timer   Tick : armed { EvtTimerFunc = OnTick; }
        context device { Held : request?; }
        callback OnRead(Request) { Held = Request; }
        callback OnTick() { r = Held; Held = null; if (r != null) { WdfRequestComplete(r, STATUS_SUCCESS); } }
        thread  Reader { if (Held != null) { WdfObjectReference(Held); } }
    }"""
    machine = Machine(program(text), 1)
    start = ["sender_issues Reads(r1)", "OnRead(r1)", "Reader", "Reader"]
    after = run(machine, *start, "timer_expires Tick", *["OnTick"] * 4)
    assert value(machine, after, "Held") == "null"
    (call,) = machine.moves(after, "Reader")
    assert call.broken == "no-stale-handle"  # of the dead request, not of null
    assert call.span.text == "WdfObjectReference(Held)"


def test_the_presentation_lock_is_held_while_a_callback_runs() -> None:
    text = handler("A = TRUE; B = TRUE;", "context device { A, B : bool; }", "parallel, front, scope queue")
    machine = Machine(program(text), 2)
    waiting = run(machine, "sender_issues Reads(r1)", "sender_issues Reads(r2)")
    assert not waiting.held
    inside = run(machine, "sender_issues Reads(r1)", "sender_issues Reads(r2)", "OnRead(r2)")
    assert [lock for lock, _ in inside.held] == ["Reads.presentation"]
    assert not list(machine.moves(inside, "OnRead(r1)"))


def test_any_of_a_set_may_be_any_member() -> None:
    """Also one that is not the request of the callback that asks."""
    declared = "context device { S : set of request; Found : request?; }"
    text = handler("add Request to S; r = any of S; Found = r;", declared)
    found = explore(program(text), 2, 20_000, ["Found", "r1.own", "r2.own"])
    assert {which for which, *owners in found.resting if owners == ["driver", "driver"]} == {"r1", "r2"}
    alone = explore(program(text), 2, 20_000, ["Found", "r1.in S", "r2.in S"])
    assert ("r1", "true", "true") in alone.resting


def test_two_threads_of_one_device_are_two() -> None:
    text = """
    thread one of d: device { d.present = false; }
    thread two of d: device { d.leaving = true; }
    driver Small { queue Reads : manual, front, takes_reads; }"""
    machine = Machine(program(text), 1)
    assert {"one Device", "two Device"} <= {move.actor for move in machine.moves(machine.initial)}


def test_purge_reaches_one_request_at_a_time() -> None:
    text = """driver Small {
        queue  Reads : manual, front, takes_reads;
        thread Stopper once { WdfIoQueuePurge(Reads, NULL); }
    }"""
    found = explore(program(text), 2, 20_000, ["r1.own", "r2.own", "Reads.accept"])
    assert {("done", "queued", "false"), ("queued", "done", "false")} <= found.states
    assert ("queued", "queued", "false") not in found.resting


def test_a_wait_inside_a_ddi_lets_others_step() -> None:
    text = """driver Small {
        queue  Reads : parallel, front { EvtIoRead = OnRead; }
        timer  Tick : armed { EvtTimerFunc = OnTick; }
        context device { Held : request?; Stopped : bool; }
        callback OnRead(Request) { Held = Request; }
        callback OnTick() { if (Held != null) { WdfRequestComplete(Held, STATUS_SUCCESS); } }
        thread Stopper once { WdfIoQueueStopSynchronously(Reads); Stopped = TRUE; }
    }"""
    found = explore(program(text), 1, 20_000, ["Reads.op", "r1.own", "Stopped"])
    assert ("stopping", "driver", "false") in found.states
    assert ("none", "done", "true") in found.states
    assert not any(owner == "driver" and stopped == "true" for _, owner, stopped in found.states)


# ---------------------------------------------------------------- contracts


COMPLETE = "WdfRequestComplete(Request, STATUS_SUCCESS);"


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (COMPLETE, set()),
        (COMPLETE + COMPLETE, {"no-double-complete"}),
        ("WdfRequestUnmarkCancelable(Request);", {"unmark-only-when-marked"}),
        (COMPLETE + "Request.Mine = TRUE;", {"no-access-after-ownership-loss"}),
        (COMPLETE + "InterlockedIncrement(&Request.Count);", {"no-access-after-ownership-loss"}),
        ("Count = 2; Count = Count + 1;", {"model-bound"}),
        ("WdfRequestComplete(Other, STATUS_SUCCESS);", {"no-stale-handle"}),
    ],
)
def test_contracts(body: str, rules: set[str]) -> None:
    rest = "context device { Other : request?; Count : 0..2; } context request { Mine : bool; Count : 0..2; }"
    assert broken(handler(body, rest)) == rules


@pytest.mark.parametrize("slots", [1, 2])
def test_the_right_driver_breaks_no_contract(slots: int) -> None:
    found = explore(program(PENDING), slots, 200 if slots == 2 else 20_000)
    assert found.broken == set()
    assert found.complete == (slots == 1)


def test_completing_without_unmark_races_with_the_cancel_callback() -> None:
    wrong = PENDING.replace("if (!NT_SUCCESS(WdfRequestUnmarkCancelable(r))) { r = null; }", "")
    assert {"complete-requires-unmark", "no-complete-after-cancel-won", "no-double-complete"} <= broken(wrong)


def test_without_the_lock_the_handle_is_stale() -> None:
    wrong = PENDING.replace("WdfSpinLockAcquire(Lock);", "").replace("WdfSpinLockRelease(Lock);", "")
    assert "no-unmark-after-complete" in broken(wrong)


def test_a_second_activation_on_the_same_request_is_a_bound_of_the_model() -> None:
    text = """driver Small {
        queue  Reads : parallel, front { EvtIoRead = OnRead; }
        target Lower;
        callback OnRead(Request) {
            WdfRequestFormatRequestUsingCurrentType(Request);
            WdfRequestSetCompletionRoutine(Request, OnDone);
            if (!WdfRequestSend(Request, Lower, 0)) { WdfRequestComplete(Request, STATUS_CANCELLED); }
        }
        callback OnDone(Request) {
            WdfRequestFormatRequestUsingCurrentType(Request);
            WdfRequestSetCompletionRoutine(Request, OnDone);
            if (!WdfRequestSend(Request, Lower, 0)) { WdfRequestComplete(Request, STATUS_CANCELLED); }
        }
    }"""
    assert broken(text) == {"model-bound"}
    assert explore(program(text), 1, 20_000, spare=1).configurations > explore(program(text), 1, 20_000).configurations


@pytest.mark.parametrize(("order", "deadlock"), [(("A", "B"), False), (("B", "A"), True)])
def test_threads_that_wait_for_each_others_locks(order: tuple[str, str], deadlock: bool) -> None:
    def nested(first: str, second: str) -> str:
        acquired = f"WdfSpinLockAcquire({first}); WdfSpinLockAcquire({second});"
        return f"{acquired} WdfSpinLockRelease({second}); WdfSpinLockRelease({first});"

    threads = f"thread One {{ {nested('A', 'B')} }} thread Two {{ {nested(*order)} }}"
    found = explore(program(handler("", f"spinlock A; spinlock B; {threads}")), 1, 20_000)
    assert found.deadlock == deadlock


@pytest.mark.parametrize(
    ("rule", "body", "broken"),
    [
        ("no-dangling-slot", "Held = Request; WdfRequestComplete(Request, STATUS_SUCCESS);", True),
        ("no-dangling-slot", "Held = Request; WdfRequestComplete(Request, STATUS_SUCCESS); Held = null;", False),
        ("no-lock-held-at-callback-exit", "WdfSpinLockAcquire(L);", True),
        ("no-lock-held-at-callback-exit", "WdfSpinLockAcquire(L); WdfSpinLockRelease(L);", False),
        ("every-request-resolved", "Held = null;", True),
        ("every-request-resolved", "Held = Request;", False),
    ],
)
def test_safety_rules_are_watched(rule: str, body: str, broken: bool) -> None:
    text = handler(body, "spinlock L; context device { Held : request?; }", "sequential, front, scope queue")
    found = explore(program(text), 1, 20_000, rules=[rule])
    assert (rule in found.broken) == broken


def test_what_happened_before_is_remembered() -> None:
    body = "WdfRequestFormatRequestUsingCurrentType(Request); WdfRequestSetCompletionRoutine(Request, OnDone);"
    done = "callback OnDone(Request) { WdfRequestComplete(Request, WdfRequestGetStatus(Request)); } target Lower;"
    for early, broken in (("s = WdfRequestGetStatus(Request);", True), ("s = STATUS_SUCCESS;", False)):
        send = f"{early} if (!WdfRequestSend(Request, Lower, 0)) {{ WdfRequestComplete(Request, s); }}"
        found = explore(program(handler(body + send, done)), 1, 20_000, rules=["status-only-when-available"])
        assert ("status-only-when-available" in found.broken) == broken


# ---------------------------------------------------------------- following a trace


def test_a_joined_transition_is_several_moves_of_one_actor() -> None:
    steps = [
        Step("sender_issues Reads(r1)", {"r1.own": "driver"}),
        Step("OnRead(r1)", {"r1.own": "cancelable", "r1.in Waiting": "true", "Lock.held": "false"}),
        Step("OnRead(r1)", {"Data.queued": "true"}),
        Step("dpc_runs Data", {"Data.queued": "false"}),
        Step("OnData", {"r1.own": "driver", "r1.in Waiting": "false"}),
        Step("OnData", {"r1.own": "done"}),
    ]
    found = follow(program(PENDING), 1, steps)
    assert isinstance(found, Configuration)
    assert not any(activation.kind for _, activation in found.active)


def test_what_only_the_lowered_system_has_is_not_compared() -> None:
    after = {"r1.pc handler": "OnRead:1.1", "rule 7": "late", "r1.OnRead.status": "x"}
    assert isinstance(follow(program(PENDING), 1, [Step("sender_issues Reads(r1)", after)]), Configuration)
    assert not is_visible("r1.pc handler") and not is_visible("pc dpc Irq") and not is_visible("r1.OnRead.$3")
    assert is_visible("r1.in Waiting") and is_visible("Lock.held")


def test_a_wrong_value_is_refuted_with_both_sides() -> None:
    found = follow(program(PENDING), 1, [Step("sender_issues Reads(r1)", {"r1.own": "queued"})])
    assert isinstance(found, Refuted) and found.step == 0
    assert "r1.own = queued, not driver" in found.reason


def test_a_step_of_nobody_is_refuted() -> None:
    found = follow(program(PENDING), 1, [Step("OnRead(r1)", {"r1.own": "done"})])
    assert isinstance(found, Refuted) and found.step == 0


def test_another_actor_may_not_step_in_between() -> None:
    """The sender's cancel is not a step of OnRead."""
    steps = [Step("sender_issues Reads(r1)"), Step("OnRead(r1)", {"r1.own": "cancel_owed"})]
    assert isinstance(follow(program(PENDING), 1, steps), Refuted)


@pytest.mark.parametrize(("rule", "agrees"), [("no-double-complete", True), ("unmark-only-when-marked", False)])
def test_the_last_step_breaks_the_named_contract(rule: str, agrees: bool) -> None:
    body = "WdfRequestComplete(Request, STATUS_SUCCESS); WdfRequestComplete(Request, STATUS_SUCCESS);"
    steps = [Step("sender_issues Reads(r1)"), Step("OnRead(r1)", {"r1.own": "done"}), Step("OnRead(r1)", {}, rule)]
    found = follow(program(handler(body)), 1, steps)
    assert isinstance(found, Configuration) == agrees
    if isinstance(found, Refuted):
        assert "no-double-complete" in found.reason


def test_moves_name_their_place() -> None:
    machine = Machine(program(handler("WdfRequestComplete(Request, STATUS_SUCCESS);")), 1)
    moves: list[Move] = list(machine.moves(run(machine, "sender_issues Reads(r1)")))
    spans = {move.actor: move.span.text for move in moves}
    assert spans["OnRead(r1)"].startswith("WdfRequestComplete") or spans["OnRead(r1)"].startswith("callback OnRead")
    assert shown(Obj("Reads")) == "Reads"
