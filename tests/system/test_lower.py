"""What becomes of small drivers: which statements are one transition, what is stored, and where runs end."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.lowered import AGAIN, Lowered
from wdfmc.checking import Options, check_text
from wdfmc.system.lower import MODEL_BOUND
from wdfmc.system.system import OTHER, Ref
from wdfmc.verdict import Word

ACQUIRE, RELEASE, COMPLETE = "WdfSpinLockAcquire", "WdfSpinLockRelease", "WdfRequestComplete"
READS = "queue Reads : parallel, front { EvtIoRead = OnRead; }"

# ---------------------------------------------------------------- joining by movers


def test_a_critical_section_is_one_transition() -> None:
    lowered = Lowered("""
        driver D {
            spinlock A;
            context device { N : 0..2; }
            thread T { WdfSpinLockAcquire(A); if (N < 2) { N = N + 1; } WdfSpinLockRelease(A); }
            thread U { WdfSpinLockAcquire(A); N = 0; WdfSpinLockRelease(A); }
        }
        """)
    assert lowered.joined("T") == {(ACQUIRE, "if (N < 2)", RELEASE), (ACQUIRE, "if (N < 2)", "N = N + 1;", RELEASE)}
    assert lowered.joined("U") == {(ACQUIRE, "N = 0;", RELEASE)}
    assert lowered.instance(1).values("A.held") == {("false",)}, "nobody sees the lock taken"


def test_one_access_without_the_lock_takes_the_protection_away() -> None:
    lowered = Lowered("""
        driver D {
            spinlock A;
            context device { N, M : 0..2; }
            thread T { WdfSpinLockAcquire(A); N = 1; M = 1; N = 2; WdfSpinLockRelease(A); }
            thread U { N = 0; }
            thread W { WdfSpinLockAcquire(A); M = 0; WdfSpinLockRelease(A); }
        }
        """)
    assert lowered.joined("T") == {(ACQUIRE, "N = 1;", "M = 1;"), ("N = 2;", RELEASE)}
    assert ("1", "1") in lowered.instance(1).values("N", "M"), "others see the state between"


def test_two_locks_protect_only_together_what_is_always_under_one_of_them() -> None:
    """N is under A in T and under B in U: no lock is held at each access."""
    lowered = Lowered("""
        driver D {
            spinlock A;
            spinlock B;
            context device { N : 0..2; }
            thread T { WdfSpinLockAcquire(A); N = 1; N = 2; WdfSpinLockRelease(A); }
            thread U { WdfSpinLockAcquire(B); N = 0; WdfSpinLockRelease(B); }
        }
        """)
    assert lowered.joined("T") == {(ACQUIRE, "N = 1;"), ("N = 2;", RELEASE)}


def test_two_calls_are_two_transitions() -> None:
    lowered = Lowered(f"""
        driver D {{
            {READS}
            callback OnRead(Request) {{
                gone = WdfRequestIsCanceled(Request);
                if (gone) {{ WdfRequestComplete(Request, STATUS_CANCELLED); return; }}
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        """)
    assert lowered.joined("OnRead") == {
        ("WdfRequestIsCanceled", "if (gone)"),
        (COMPLETE, "return;"),
        (COMPLETE,),
    }


def test_a_nested_acquire_begins_a_transition() -> None:
    """Else two threads that take two locks in opposite order could never meet half-way."""
    lowered = Lowered("""
        driver D {
            spinlock A;
            spinlock B;
            context device { N, M : bool; }
            thread T { WdfSpinLockAcquire(A); N = true; WdfSpinLockAcquire(B); M = true; WdfSpinLockRelease(B); WdfSpinLockRelease(A); }
            thread U { WdfSpinLockAcquire(B); M = true; WdfSpinLockAcquire(A); N = true; WdfSpinLockRelease(A); WdfSpinLockRelease(B); }
        }
        """, ("deadlock-free",))  # noqa: E501  # fmt: skip
    assert lowered.joined("T") == {(ACQUIRE, "N = true;"), (ACQUIRE, "M = true;", RELEASE, RELEASE)}
    instance = lowered.instance(1)
    assert ("true", "true") in instance.values("A.held", "B.held")
    assert instance.broken == {"deadlock-free": 3}


def test_locks_taken_in_one_order_do_not_deadlock() -> None:
    body = "WdfSpinLockAcquire(A); WdfSpinLockAcquire(B); WdfSpinLockRelease(B); WdfSpinLockRelease(A);"
    lowered = Lowered(
        f"driver D {{ spinlock A; spinlock B; thread T {{ {body} }} thread U {{ {body} }} }}", ("deadlock-free",)
    )
    assert lowered.instance(1).broken == {}


@pytest.mark.parametrize(
    ("add", "sums"),
    [("N = N + 1;", {"1", "2"}), ("InterlockedIncrement(&N);", {"2"})],
    ids=["plain", "interlocked"],
)
def test_read_modify_write_is_two_steps_unless_it_is_interlocked(add: str, sums: set[str]) -> None:
    lowered = Lowered(
        f"driver D {{ context device {{ N : 0..3; }} thread T once {{ {add} }} thread U once {{ {add} }} }}"
    )
    states = lowered.instance(1).values("N", "pc thread T T", "pc thread U U")
    assert {number for number, *counters in states if counters == ["idle", "idle"]} == sums


def test_operands_of_a_condition_are_read_one_after_the_other() -> None:
    """`A && B` with U flipping both at once: seen as true although no state has both."""
    lowered = Lowered("""
        driver D {
            context device { A : bool = true; B, Both : bool; }
            thread T once { if (A && B) { Both = true; } }
            thread U once { A = false; B = true; }
        }
        """)
    assert ("false", "true", "true") in lowered.instance(1).values("A", "B", "Both")


# ---------------------------------------------------------------- what is stored


def test_dead_locals_are_reset() -> None:
    """A local lives from its assignment to its last use: after that it tells no two states apart."""
    lowered = Lowered("""
        driver D {
            context device { N : 0..2; A, B : bool; }
            thread T { found = N; A = true; if (found == 1) { B = true; } A = false; N = 1; }
            thread U { N = 2; }
        }
        """)
    instance = lowered.instance(1)
    counter, local = "pc thread T T", "T.found"
    by_place: dict[str, set[str]] = {}
    for place, value in instance.values(counter, local):
        by_place.setdefault(place, set()).add(value)
    assert any(len(values) > 1 for values in by_place.values()), "it is stored while it is needed"
    resting = [values for values in by_place.values() if values == {"null"}]
    assert resting, by_place
    first = lowered.system.variables[lowered.variable(counter)].initial
    assert by_place[str(first)] == {"null"}


def test_a_local_that_nobody_reads_later_is_not_stored() -> None:
    lowered = Lowered(f"""
        driver D {{
            {READS}
            callback OnRead(Request) {{
                if (WdfRequestIsCanceled(Request)) {{ WdfRequestComplete(Request, STATUS_CANCELLED); return; }}
                WdfRequestComplete(Request, STATUS_SUCCESS);
            }}
        }}
        """)
    for variable in lowered.system.variables:
        if variable.kind == "local":
            assert set(variable.domain) == {None}, variable


# ---------------------------------------------------------------- references

KEEPER = """
    driver D {
        queue Reads : parallel, front { EvtIoRead = OnRead; }
        context device { Current : request?; Pending : set of request; Waiting : list[2] of request; }
        context request { Tries : 0..2; }
        callback OnRead(Request) { KEEP }
        thread Poller { POLL }
    }
    """


def keeper(keep: str, poll: str, *goals: str) -> Lowered:
    return Lowered(KEEPER.replace("KEEP", keep).replace("POLL", poll), goals)


def test_a_reference_is_split_by_what_it_refers_to() -> None:
    lowered = keeper("Current = Request;", "Current.Tries = 1;")
    current, tries = lowered.variable("Current"), lowered.variable("Tries")
    nulls = lowered.violating("no-stale-handle")
    assert nulls
    for one in nulls:
        assert one.footprint == 0
        assert (current, frozenset({None})) in [(place.variable, values) for place, values in one.guard]
    written = [
        one for one in lowered.templates("Poller") if tries in {update.target.variable for update in one.updates}
    ]
    assert written
    for one in written:
        (target,) = {update.target for update in one.updates if update.target.variable == tries}
        guards = {place.variable: values for place, values in one.guard}
        assert (one.footprint, target.slot) == (1, 0), "the request becomes part of the footprint"
        assert guards[current] == {Ref("request", 0, 0)}
    assert Ref("request", 0, OTHER) in lowered.system.variables[current].domain


def test_a_null_handle_ends_the_run() -> None:
    lowered = keeper(
        "append Request to Waiting;",
        "r = first of Waiting; remove r from Waiting; WdfRequestComplete(r, STATUS_SUCCESS);",
    )
    assert lowered.instance(1).broken == {"no-stale-handle": 3}
    (*_, breach) = lowered.violating("no-stale-handle")
    assert breach.updates == ()


def test_a_tested_handle_is_never_null() -> None:
    lowered = keeper(
        "append Request to Waiting;",
        "r = first of Waiting; if (r != null) { remove r from Waiting; WdfRequestComplete(r, STATUS_SUCCESS); }",
    )
    assert lowered.instance(2).broken == {}


def test_the_search_for_a_request_is_a_condition_on_all_others() -> None:
    lowered = keeper(
        "add Request to Pending;", "r = any of Pending; if (r != null) { remove r from Pending; r.Tries = 1; }"
    )
    member = lowered.variable("in Pending")
    searches = [one for one in lowered.templates("Poller") if one.statements[0].action.startswith("r = any")]
    none = [one for one in searches if one.footprint == 0]
    some = [one for one in searches if one.footprint == 1]
    assert none and some and len(none) + len(some) == len(searches)
    for one in none:
        (others,) = one.others
        assert (others.low, others.high) == (0, 0)
        ((cube,),) = others.entities
        assert [(place.variable, values) for place, values in cube] == [(member, frozenset({True}))]
    for one in some:
        assert one.others == ()
        assert (member, frozenset({True})) in [(place.variable, values) for place, values in one.guard]


def test_any_of_several_is_each_of_them() -> None:
    """With two requests in the set, the poller may find either."""
    lowered = keeper("add Request to Pending;", "r = any of Pending; if (r != null) { r.Tries = 1; }")
    found = lowered.instance(2).values("r1.in Pending", "r2.in Pending", "Poller.r")
    assert {("true", "true", "r1"), ("true", "true", "r2")} <= found
    assert not [state for state in found if state == ("false", "false", "r1")]


# ---------------------------------------------------------------- locks of the framework


def test_a_presentation_lock_is_waited_for_and_held() -> None:
    lowered = Lowered("""
        driver D {
            queue Reads : parallel, front, scope queue { EvtIoRead = OnRead; }
            context device { Busy : bool; }
            callback OnRead(Request) { Busy = true; WdfRequestIsCanceled(Request); WdfRequestComplete(Request, STATUS_SUCCESS); }
            thread T { Busy = false; }
        }
        """)  # noqa: E501
    first = [one for one in lowered.templates("OnRead") if one.statements[0].action == "begins"]
    assert first
    assert {(one.fairness, one.lock) for one in first} == {("strong", "Reads.presentation")}
    waits = "OnRead:waits to run@Reads [Reads.presentation]"
    seen = lowered.instance(2).values("r1.pc handler", "r2.pc handler", "Reads.presentation.held")
    assert (waits, waits, "false") in seen
    running = [state for state in seen if state[2] == "true"]
    assert running
    assert all(sum(counter not in ("idle", waits) for counter in state[:2]) == 1 for state in running)


def test_without_a_scope_two_handlers_run_at_once() -> None:
    lowered = Lowered("""
        driver D {
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            callback OnRead(Request) { WdfRequestIsCanceled(Request); WdfRequestComplete(Request, STATUS_SUCCESS); }
        }
        """)
    seen = lowered.instance(2).values("r1.pc handler", "r2.pc handler")
    assert any("idle" not in state for state in seen)
    assert "Reads.presentation.held" not in set(lowered.instance(2).names())


# ---------------------------------------------------------------- threads and fairness


def test_a_thread_need_not_start_but_goes_on() -> None:
    lowered = Lowered("""
        driver D {
            context device { A, B : bool; }
            thread T { A = true; B = true; }
            thread U once { A = false; B = false; }
        }
        """)
    for lane, places in (("T", 2), ("U", 3)):  # T comes back to its start, U ends
        (start,) = [one for one in lowered.templates(lane) if one.fairness == "free"]
        rest = [one for one in lowered.templates(lane) if one is not start]
        assert start.statements[0].action.startswith("A = ")
        assert {one.fairness for one in rest} == {"weak"}
        assert len(lowered.system.variables[lowered.variable(f"pc thread {lane} {lane}")].domain) == places
    ends = lowered.instance(1).values("pc thread T T", "pc thread U U")
    assert any(state[1] == "idle" for state in ends) and not any(state[0] == "idle" for state in ends)


def test_a_lock_is_waited_for_fairly() -> None:
    lowered = Lowered("""
        driver D {
            spinlock A;
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            callback OnRead(Request) { WdfSpinLockAcquire(A); WdfSpinLockRelease(A); WdfRequestComplete(Request, STATUS_SUCCESS); }
        }
        """)  # noqa: E501
    kinds = {(one.statements[0].action, one.fairness, one.lock) for one in lowered.templates("OnRead")}
    assert kinds == {(ACQUIRE, "strong", "A"), (COMPLETE, "weak", None)}


# ---------------------------------------------------------------- bounds of the model


def test_two_handlers_of_one_request_can_overlap() -> None:
    """OnSecond is called while OnRead, which has forwarded the request, has not yet returned."""
    once = Lowered(AGAIN)
    assert MODEL_BOUND in once.instance(1).broken
    assert once.lowering.raisable["OnSecond is started again while it runs"] == "handler"
    twice = Lowered(AGAIN, overlaps=(("handler", 2),))
    lanes = {one.actor.name for one in twice.system.templates if one.actor.kind == "callback"}
    assert {"OnRead", "OnSecond", "OnSecond #2"} <= lanes
    assert MODEL_BOUND not in twice.instance(1).broken


def test_overlap_is_raised_by_itself() -> None:
    found = check_text(AGAIN, options=Options(rules=("no-double-complete",), requests=1, engine="explicit"))
    (result,) = found.models[0].results
    assert result.verdict is Word.PROVED


def test_a_list_that_overflows_is_no_verdict() -> None:
    text = """
        driver D {
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            context device { Waiting : list[1] of request; }
            callback OnRead(Request) { append Request to Waiting; }
            thread Poller {
                r = first of Waiting;
                if (r != null) { remove r from Waiting; WdfRequestComplete(r, STATUS_SUCCESS); }
            }
        }
        """
    assert {one.limit for one in Lowered(text).violating(MODEL_BOUND)} >= {"the list Waiting is full"}
    options = Options(rules=("no-double-complete",), engine="explicit")
    (result,) = check_text(text, options=options).models[0].results
    assert result.verdict is Word.UNKNOWN
    assert result.reason == "a bound of the model is hit: the list Waiting is full"
    (result,) = check_text(text.replace("list[1]", "list[2]"), options=options).models[0].results
    assert result.verdict is Word.PROVED


def test_a_number_that_leaves_its_range_is_no_verdict() -> None:
    text = "driver D { context device { N : 0..1; } thread T { N = N + 1; } }"
    assert {one.limit for one in Lowered(text).violating(MODEL_BOUND)} == {"N leaves its range 0..1"}
    assert set(Lowered(text).instance(1).broken) == {MODEL_BOUND}


# ---------------------------------------------------------------- what a trace shows


def test_a_line_of_a_trace_has_its_own_changes() -> None:
    lowered = Lowered("""
        driver D {
            spinlock A;
            context device { N : 0..2; M : bool; }
            thread T { WdfSpinLockAcquire(A); N = 1; M = true; WdfSpinLockRelease(A); }
            thread U { WdfSpinLockAcquire(A); N = 2; M = false; WdfSpinLockRelease(A); }
        }
        """)
    names = [variable.name for variable in lowered.system.variables]
    for one in lowered.templates("T"):
        changed = [[names[effect.target.variable] for effect in line.effects] for line in one.statements]
        assert changed[:3] == [["A.held"], ["N"], ["M"]]


def test_a_call_shows_its_result() -> None:
    lowered = Lowered(f"""
        driver D {{
            {READS}
            callback OnRead(Request) {{
                status = WdfRequestMarkCancelableEx(Request, OnCancel);
                if (!NT_SUCCESS(status)) {{ WdfRequestComplete(Request, status); }}
            }}
            callback OnCancel(Request) {{ WdfRequestComplete(Request, STATUS_CANCELLED); }}
        }}
        """)
    results = {one.statements[0].result for one in lowered.templates("OnRead") if len(one.statements) > 1}
    assert results >= {"STATUS_SUCCESS", "STATUS_CANCELLED"}


# ---------------------------------------------------------------- joining hides nothing that is looked at

SECTION = """
    driver D {{
        spinlock A;
        context device {{ N : 0..2; M, Z : bool; }}
        thread T {{ WdfSpinLockAcquire(A); N = 1; M = true; N = 2; M = false; N = 0; WdfSpinLockRelease(A); }}
        thread U {{ WdfSpinLockAcquire(A); if (N == 1) {{ M = true; }} WdfSpinLockRelease(A); }}
    }}
    rule mine "Words." {formula};
    """


@pytest.mark.parametrize(
    ("formula", "broken"),
    [
        ("never N == 1", True),
        ("never N == 2 && M", True),
        ("never N == 0 && M", False),
        ("always N != 2", True),
        ("never M", True),
        ("always N <= 2", False),
    ],
)
def test_a_rule_about_states_sees_into_a_critical_section(formula: str, broken: bool) -> None:
    lowered = Lowered(SECTION.format(formula=formula), ("mine",))
    assert ("mine" in lowered.instance(1).broken) == broken


def test_what_no_rule_looks_at_stays_joined() -> None:
    lowered = Lowered(SECTION.format(formula="never Z"), ("mine",))
    assert len(lowered.joined("T")) == 1


def test_a_rule_about_states_sees_a_callback_before_it_ends() -> None:
    """The last assignment is joined with the end of the callback, unless a rule asks whether callbacks run."""
    text = """
        driver D {
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            context device { Seen : bool; }
            callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); Seen = true; }
        }
        rule mine "Words." covers "X"; never (Seen && active(Reads));
        """
    assert "mine" in Lowered(text, ("mine",)).instance(1).broken
    (result,) = check_text(dedent(text), options=Options(requests=1, rules=("mine",))).models[0].results
    assert result.verdict is Word.VIOLATED, "the direct interpreter sees it too"


def test_the_hardware_sees_into_a_critical_section() -> None:
    """What a step of the environment reads it reads without the lock."""
    lowered = Lowered("""
        driver D {
            spinlock A;
            interrupt Irq { EvtInterruptIsr = OnIsr; }
            hardware Irq when Busy;
            context device { Busy, Came : bool; }
            thread T { WdfSpinLockAcquire(A); Busy = true; Busy = false; WdfSpinLockRelease(A); }
            callback OnIsr() { Came = true; }
        }
        """)
    assert ("true",) in lowered.instance(1).values("Came")
