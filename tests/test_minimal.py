"""Which assumptions the proof of an "eventually" needs, and what is taken for granted where nothing is promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wdfmc import minimal as module
from wdfmc.checking import Options, check_text
from wdfmc.reports.phrases import last_owners
from wdfmc.verdict import Minimal, Result, Word

RULE = "request-eventually-completed"
SERVE = "while (!empty(Parked)) { r = any of Parked; remove r from Parked; WdfRequestComplete(r, STATUS_SUCCESS); }"

FORWARDS = """
driver Forwards {
    queue  Reads : parallel, front { EvtIoRead = OnRead; }
    target Lower;

    callback OnRead(Request) {
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        if (!WdfRequestSend(Request, Lower, OPTIONS)) { WdfRequestComplete(Request, WdfRequestGetStatus(Request)); }
    }
    callback OnDone(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""
BY_TIMER = f"""
driver ByTimer {{
    queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
    timer Tick {{ EvtTimerFunc = OnTick; }}
    context device {{ Parked : set of request; }}

    callback OnRead(Request) {{ add Request to Parked; WdfTimerStart(Tick); }}
    callback OnTick(Timer) {{ {SERVE} }}
}}
"""
BY_THREAD = """
driver ByThread {
    queue Reads : manual, front, takes_reads;

    thread Worker {
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &r))) { WdfRequestComplete(r, STATUS_SUCCESS); }
    }
}
"""
AT_ONCE = """
driver AtOnce {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""
CONTENDED = """
driver Contended {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    context device { Reading : bool; }

    thread Poller { WdfSpinLockAcquire(Lock); Reading = false; WdfSpinLockRelease(Lock); }
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        Reading = true;
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""
ONLY_AWAKE = f"""
driver OnlyAwake {{
    environment {{ power on; }}
    device D {{ EvtDeviceD0Entry = OnEntry; EvtDeviceD0Exit = OnExit; }}
    queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
    timer Tick {{ EvtTimerFunc = OnTick; }}
    context device {{ Parked : set of request; }}

    callback OnRead(Request) {{ add Request to Parked; WdfTimerStart(Tick); }}
    callback OnEntry(Device) {{ WdfTimerStart(Tick); }}
    callback OnExit(Device) {{ WdfTimerStop(Tick, TRUE); }}
    callback OnTick(Timer) {{ {SERVE} }}
}}
"""
PUT_OFF = f"""
driver PutOff {{
    queue     Reads : parallel, front {{ EvtIoRead = OnRead; }}
    timer     Watch {{ EvtTimerFunc = OnWatch; }}
    context device {{ Parked : set of request; }}
    OTHERS

    callback OnRead(Request) {{ add Request to Parked; WdfTimerStart(Watch); }}
    callback OnWatch(Timer) {{ {SERVE} }}
}}
"""


def the_result(text: str, **options: object) -> Result:
    given = {"rules": (RULE,), "engine": "explicit", "requests": 1, "minimal": True} | options
    (result,) = check_text(text, options=Options(**given)).models[0].results  # type: ignore[arg-type]
    return result


def needs(text: str, **options: object) -> Minimal:
    result = the_result(text, **options)
    assert result.verdict is Word.PROVED and result.minimal is not None
    for needed in result.minimal.needed:
        assert needed.verdict is Word.VIOLATED and needed.trace is not None and needed.trace.end != "violation"
        assert needed.assumption in result.assumptions or needed.assumption.startswith("target")
    return result.minimal


def words(minimal: Minimal) -> list[tuple[str, str]]:
    return [(needed.assumption, needed.instead) for needed in minimal.needed]


def test_who_forwards_and_waits_needs_an_answer() -> None:
    minimal = needs(FORWARDS.replace("OPTIONS", "0"))
    assert words(minimal) == [("target Lower answers", "target Lower honours")]
    assert minimal.dropped == ("ticks", "threads", "hardware answers", "locks")
    (needed,) = minimal.needed
    assert needed.trace is not None and last_owners(needed.trace) == {"r1": "sent"}


def test_a_timeout_needs_a_target_that_honours_cancellation_and_a_clock() -> None:
    minimal = needs(FORWARDS.replace("OPTIONS", "TIMEOUT"))
    assert words(minimal) == [("target Lower honours", "target Lower silent"), ("ticks", "")]


def test_every_target_is_asked_about_by_itself() -> None:
    two = FORWARDS.replace("OPTIONS", "0").replace("target Lower;", "target Lower; target Other : remote;")
    minimal = needs(two)
    assert words(minimal) == [("target Lower answers", "target Lower honours")]
    assert "target Other answers" in minimal.dropped


def test_what_a_timer_does_needs_ticks() -> None:
    minimal = needs(BY_TIMER)
    assert words(minimal) == [("ticks", "")]
    (needed,) = minimal.needed
    assert needed.trace is not None and needed.trace.end == "stuck"


def test_what_a_thread_does_needs_threads() -> None:
    minimal = needs(BY_THREAD)
    assert words(minimal) == [("threads", "")]
    assert minimal.dropped == ("ticks", "hardware answers", "locks")


def test_what_a_handler_does_needs_nothing() -> None:
    minimal = needs(AT_ONCE)
    assert minimal.needed == ()
    assert minimal.dropped == ("ticks", "threads", "hardware answers", "locks")


def test_a_lock_that_is_taken_again_and_again_needs_threads_that_release_it_and_locks_that_are_granted() -> None:
    minimal = needs(CONTENDED)
    assert words(minimal) == [("threads", ""), ("locks", "")]
    halted, passed_over = (needed.trace for needed in minimal.needed)
    assert halted is not None and halted.end == "stuck"
    assert passed_over is not None and passed_over.end == "loop"


def test_power_has_assumptions_of_its_own() -> None:
    minimal = needs(ONLY_AWAKE)
    assert words(minimal) == [("ticks", ""), ("returns", ""), ("settles", "")]
    *_, for_ever = minimal.needed
    assert for_ever.trace is not None and for_ever.trace.end == "loop"


def test_without_power_nothing_is_said_of_it() -> None:
    assert not {"returns", "settles"} & set(the_result(AT_ONCE).assumptions)


def test_only_proofs_of_eventually_are_asked_about() -> None:
    assert the_result(FORWARDS.replace("OPTIONS", "0"), target="silent").minimal is None  # violated
    assert the_result(AT_ONCE, rules=("no-double-complete",)).minimal is None
    assert the_result(AT_ONCE, minimal=False).minimal is None


def test_a_rule_that_is_proved_in_two_environments_is_asked_about_in_both() -> None:
    text = FORWARDS.replace("OPTIONS", "TIMEOUT").rstrip().removesuffix("}")
    text += f"expect proved {RULE} with target honours; }}"
    report = check_text(text, options=Options(rules=(RULE,), engine="explicit", requests=1, minimal=True))
    found = [result.minimal for result in report.models[0].results]
    assert [None if each is None else words(each)[0] for each in found] == 2 * [
        ("target Lower honours", "target Lower silent")
    ]


def test_what_is_not_decided_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = the_result(BY_TIMER, minimal=False)
    undecided = replace(proof, verdict=Word.UNKNOWN, reason="out of time")
    monkeypatch.setattr(module, "decided", lambda *given: undecided)
    kept = the_result(BY_TIMER).minimal
    assert kept is not None and kept.dropped == ()
    assert {(needed.assumption, needed.verdict, needed.reason) for needed in kept.needed} == {
        (word, Word.UNKNOWN, "out of time") for word in ("ticks", "threads", "hardware answers", "locks")
    }


# ---------------------------------------------------------------- what is not promised may still happen, even for ever


def test_a_silent_device_may_interrupt_for_ever() -> None:
    put_off = """
        interrupt Irq { EvtInterruptDpc = OnDpc; }
        environment { hardware silent; }
        callback OnDpc(Interrupt) { if (WdfTimerStop(Watch, FALSE)) { WdfTimerStart(Watch); } }
    """
    result = the_result(PUT_OFF.replace("OTHERS", put_off))
    assert result.verdict is Word.VIOLATED and result.trace is not None and result.trace.end == "loop"


def test_a_thread_may_begin_again_for_ever() -> None:
    put_off = "thread Nag { if (WdfTimerStop(Watch, FALSE)) { WdfTimerStart(Watch); } }"
    result = the_result(PUT_OFF.replace("OTHERS", put_off))
    assert result.verdict is Word.VIOLATED and result.trace is not None and result.trace.end == "loop"


def test_what_the_surroundings_do_when_they_like_they_may_do_for_ever() -> None:
    put_off = 'thread Nag { environment "somebody nags"; if (WdfTimerStop(Watch, FALSE)) { WdfTimerStart(Watch); } }'
    result = the_result(PUT_OFF.replace("OTHERS", put_off))
    assert result.verdict is Word.VIOLATED and result.trace is not None and result.trace.end == "loop"
    assert the_result(PUT_OFF.replace("OTHERS", "")).verdict is Word.PROVED
