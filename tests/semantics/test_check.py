"""Mistakes in texts that parse, and right texts that use each part of the language.

A line that is wrong ends in a comment with the codes that it gets: `// <-- WDF201`. A text without one is right.
"""

from __future__ import annotations

import re
from functools import cache
from textwrap import dedent, indent

import pytest

from wdfmc import library
from wdfmc.catalogue import CATALOGUE
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.language.parse import parse
from wdfmc.semantics import check, declarations
from wdfmc.semantics.check import analyse, analysed
from wdfmc.source import Source

MARK = re.compile(r"// <-- ((?:WDF\d{3} ?)+)")


@cache
def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """What the checker says. The library is read with it; nothing of what it says may be about the library."""
    source = Source("t.wdf", dedent(text))
    _, found = analysed(parse(source), library.texts(), ())
    assert all(d.labels and d.labels[0].span.source is source for d in found), found
    return found


def said(text: str) -> list[tuple[int, str]]:
    """(line, code) of each diagnostic."""
    return sorted((d.labels[0].span.line, d.code) for d in diagnostics(text))


def marked(text: str) -> list[tuple[int, str]]:
    lines = enumerate(dedent(text).splitlines(), 1)
    return [(at, code) for at, line in lines if (found := MARK.search(line)) for code in sorted(found[1].split())]


def driver(body: str = "", items: str = "", beside: str = "") -> str:
    """A driver with `items`, with `body` in its read handler, and `beside` it."""
    parts = [
        dedent(beside).strip("\n"),
        "driver Small {",
        "    queue Reads : parallel, front { EvtIoRead = OnRead; }",
        indent(dedent(items).strip("\n"), "    "),
        "    callback OnRead(Request) {",
        indent(dedent(body).strip("\n"), "        "),
        "        WdfRequestComplete(Request, STATUS_SUCCESS);",
        "    }",
        "}",
    ]
    return "\n".join(part for part in parts if part) + "\n"


CANCEL = "callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }"
FIELDS = """
    context device { Busy : bool = false; Count : 0..3; Mode : { resting, moving }; Last : NTSTATUS; Current : request?;
                     Pending : set of request; Waiting : list[2] of request; }
    context request { Tries : 0..2; Parent : request?; }
"""

# ---------------------------------------------------------------- names: WDF2xx

NAMES = {
    "unknown argument": driver("WdfRequestComplete(Requst, STATUS_SUCCESS);  // <-- WDF201"),
    "unknown variable in a condition": driver("if (Buzy) { return; }  // <-- WDF201", FIELDS),
    "local read before it exists": driver("if (NT_SUCCESS(status)) { return; }  // <-- WDF201"),
    "unknown callback for a DDI": driver("WdfRequestMarkCancelableEx(Request, OnCancl);  // <-- WDF201",
                                         f"{CANCEL}  // <-- WDF404"),
    "unknown callback in a binding": driver(items="timer Tick { EvtTimerFunc = OnTick; }  // <-- WDF201"),
    "unknown queue in a word": driver(items="""
        timer Tick : parent Raeds { EvtTimerFunc = OnTick; }  // <-- WDF201
        callback OnTick() { }
        """),
    "unknown object of a context": driver(items="context queue Raeds { Busy : bool; }  // <-- WDF201"),
    "unknown upper driver": """
        driver Upper { }
        driver Lower { }
        stack Uper over Lower;  // <-- WDF201
        stack Upper over Lower;
        """,
    "unknown target of the environment": driver(items="""
        target Lower;
        environment { target Lowr silent; }  // <-- WDF201
        """),
    "unknown state of a monitor": driver(beside="""
        monitor once-only(r: request) "Once." covers "X"; {
            start fresh;
            state fresh { on complete(r, _) -> frsh; }  // <-- WDF201
        }
        """),
    "unknown first state of a monitor": driver(beside="""
        monitor once-only(r: request) "Once." covers "X"; {  // <-- WDF201
            start frehs;
            state fresh { on complete(r, _) -> violation; }
        }
        """),
    "object declared twice": driver(items="""
        spinlock Guard;
        spinlock Guard;  // <-- WDF202
        """),
    "callback with the name of an object": driver(items="""
        spinlock OnTick;
        timer Tick { EvtTimerFunc = OnTick; }
        callback OnTick() { }  // <-- WDF202
        """),
    "context variable twice": driver(items="""
        context device { Busy : bool; }
        context queue { Busy : bool; }  // <-- WDF202
        """),
    "field twice in one context": driver(items="context request { Tries : bool; Tries : bool; }  // <-- WDF202"),
    "helper with the name of a DDI": driver(items="helper WdfRequestComplete(r: request) { }  // <-- WDF202"),
    "unknown field": driver("Request.Tires = 1;  // <-- WDF203", FIELDS),
    "field of the framework": driver("if (Request.own == done) { return; }  // <-- WDF203"),
    "unknown type": driver(items="context device { Busy : boool; }  // <-- WDF204"),
    "unknown sort in a set": driver(items="context device { Pending : set of requst; }  // <-- WDF204"),
    "unknown kind of object": driver(items="spinlok Guard;  // <-- WDF204"),
    "unknown sort of a context": driver(items="context devise { Busy : bool; }  // <-- WDF204"),
    "unknown owner of a pool": driver(items="created Child[1] of requst;  // <-- WDF204"),
    "unknown kind of callback": driver(items="""
        queue Writes : parallel { EvtIoWrit = OnWrite; }  // <-- WDF205
        callback OnWrite(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }  // <-- WDF404
        """),
    "unknown kind of callback in a rule": driver(beside="""
        rule mine(r: request) "Words." covers "X"; never complete(r, _) while in(EvtIoSotp, r);  // <-- WDF205
        """),
    "word without a meaning": driver(items="queue Writes : paralel;  // <-- WDF206"),
    "unknown DDI": driver("WdfRequestCompelte(Request, STATUS_SUCCESS);  // <-- WDF207"),
    "unknown DDI in an expression": driver("if (WdfRequestIsCancelled(Request)) { return; }  // <-- WDF207"),
    "callback called": driver("OnCancel(Request);  // <-- WDF207", f"""
        queue Writes : parallel {{ EvtIoWrite = OnMark; }}
        callback OnMark(Request) {{ WdfRequestMarkCancelable(Request, OnCancel); }}
        {CANCEL}
        """),
    "statement that does nothing": driver("Request;  // <-- WDF207"),
    "field called": driver("Request.Complete();  // <-- WDF207"),
    "DDI called in a rule": driver(beside="""
        rule mine(r: request) "Words." covers "X"; never WdfRequestIsCanceled(r);  // <-- WDF207
        """),
    "expected rule unknown": driver(items="expect proved no-double-completion;  // <-- WDF208"),
    "used rule unknown": driver(beside="use no-double-completion;  // <-- WDF208"),
    "contract without a rule": driver(beside="""
        ddi MyStart(r: request)
            requires r.presented else my-contract;  // <-- WDF208
        { }
        """),
    "event in a driver": driver("complete(Request, STATUS_SUCCESS);  // <-- WDF209"),
    "unknown event": driver(beside="ddi MyStart(r: request) { emit started(r); }  // <-- WDF209"),
    "local that is assigned on one way only": driver("""
        if (Busy) { status = STATUS_CANCELLED; }
        WdfRequestComplete(Request, status);  // <-- WDF213
        return;
        """, FIELDS),
    "local that a loop may not assign": driver("""
        while (Busy) { status = STATUS_CANCELLED; }
        if (NT_SUCCESS(status)) { return; }  // <-- WDF213
        """, FIELDS),
    "local that is declared": driver("""
        NTSTATUS status;
        Last = status;  // <-- WDF213
        status = STATUS_SUCCESS;
        """, FIELDS),
    "local of the call that was not made": driver("""
        if (Busy && NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &r))) { return; }
        if (r != null) { return; }  // <-- WDF213
        """, FIELDS),
    "variable that nothing writes": driver(
        "if (Linked) { return; }", "context device { Linked : bool; }  // <-- WDF216"
    ),
    "out parameter that is read": driver("Go(&x); if (x == null) { return; }", """
        helper Go(out r: request?) { if (r != null) { return; } r = null; }  // <-- WDF213
        """),
    "the device's name": driver(items="spinlock Device;  // <-- WDF407"),
    "rule without a sentence": driver(beside="""
        rule mine(r: request) "" covers "X"; never complete(r, _);  // <-- WDF501
        """),
    "contract of no call": driver(beside="""
        rule mine(r: request) "Words." covers "X"; by contract;  // <-- WDF504
        """),
    "misspelt variable that a call writes": driver(
        "if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &Curent))) { return; }  // <-- WDF212", FIELDS
    ),
    "result that nobody reads": driver("Bussy = true;  // <-- WDF212", FIELDS),
    "helper that calls itself": driver("Again(Request);", "helper Again(r: request) { Again(r); }  // <-- WDF214"),
    "helpers that call each other": driver("One(Request);", """
        helper One(r: request) { Two(r); }  // <-- WDF214
        helper Two(r: request) { One(r); }
        """),
    "define that uses itself": driver("if (ready(Request)) { return; }",
                                      "define ready(r: request) = !ready(r);  // <-- WDF214"),
    "unknown setting": driver(items="environment { pwoer on; }  // <-- WDF215"),
    "unknown assumption": driver(
        beside='rule r(r: request) "So it is." assuming answers, tikcs; '
               "deliver(r) leads to complete(r, _);  // <-- WDF215"),
    "unknown value of a setting": driver(items="environment { power maybe; }  // <-- WDF215"),
    "unknown behaviour of targets": driver(items="""
        target Lower;
        environment { target quiet; }  // <-- WDF215
        """),
    "unknown target of an expectation": driver(
        items="expect proved no-double-complete with target slow;  // <-- WDF215"),
    "option without a default": driver(beside="option speed : { slow, fast } = faster;  // <-- WDF215"),
}  # fmt: skip

# ---------------------------------------------------------------- types: WDF3xx

TYPES = {
    "status needed": driver("WdfRequestComplete(Request, true);  // <-- WDF301"),
    "a local holds a callback of another kind": driver(
        "f = OnTick;\nWdfRequestMarkCancelable(Request, f);  // <-- WDF301",
        "timer Tick { EvtTimerFunc = OnTick; }\ncallback OnTick() { }",
    ),
    "a variable holds a callback of another kind": driver(
        "Canceller = OnTick;\nWdfRequestMarkCancelable(Request, Canceller);",
        """\
        timer Tick { EvtTimerFunc = OnTick; }
        context device { Canceller : EvtRequestCancel; }
        callback OnTick() { }  // <-- WDF405
        """,
    ),
    "request needed": driver("WdfRequestComplete(Reads, STATUS_SUCCESS);  // <-- WDF301"),
    "bool assigned to a number": driver("Count = true;  // <-- WDF301", FIELDS),
    "local of another type": driver("""
        found = 1;
        found = STATUS_SUCCESS;  // <-- WDF301
        if (found == 1) { return; }
        """),
    "a queue stands in no line": driver(beside="helper h(q: queue) { put q last; }  // <-- WDF301"),
    "taken before a queue": driver(beside="helper h(r: request) { take r before q: queue (q.open); }  // <-- WDF301"),
    "taken before what there is not": driver(
        beside="helper h(r: request) { take r before s: requests (true); }  // <-- WDF204"),
    "taken before a status": driver(
        beside="helper h(r: request) { take r before s: request (s.result); }  // <-- WDF304"),
    "a driver takes from a line": driver("take Request;  // <-- WDF310"),
    "a driver puts into a line": driver("put Request first;  // <-- WDF310"),
    "request field of another type": driver("Request.Tries = STATUS_SUCCESS;  // <-- WDF301", FIELDS),
    "string as a value": driver('Busy = "yes";  // <-- WDF301', FIELDS),
    "arithmetic on a bool": driver("Count = Busy + 1;  // <-- WDF301", FIELDS),
    "minus on a status": driver("Count = -Last;  // <-- WDF301", FIELDS),
    "order of bools": driver("if (Busy < true) { return; }  // <-- WDF301", FIELDS),
    "comparison of two types": driver("if (Busy == STATUS_SUCCESS) { return; }  // <-- WDF301", FIELDS),
    "two sides of a conditional": driver(
        "WdfRequestComplete(Request, Busy ? STATUS_SUCCESS : true);  // <-- WDF301", FIELDS),
    "has without flags": driver("if (Last has TIMEOUT) { return; }  // <-- WDF301", FIELDS),
    "any of a list": driver("r = any of Waiting; if (r == null) { return; }  // <-- WDF301", FIELDS),
    "first of a set": driver("r = first of Pending; if (r == null) { return; }  // <-- WDF301", FIELDS),
    "add to a list": driver("add Request to Waiting;  // <-- WDF301", FIELDS),
    "append to a set": driver("append Request to Pending;  // <-- WDF301", FIELDS),
    "add to a variable": driver("add Request to Busy;  // <-- WDF301", FIELDS),
    "add of a number": driver("add 1 to Pending;  // <-- WDF301", FIELDS),
    "for each of a variable": driver("for each r of Busy { }  // <-- WDF301", FIELDS),
    "in a variable": driver("if (Request in Busy) { return; }  // <-- WDF301", FIELDS),
    "empty of a variable": driver("if (empty(Busy)) { return; }  // <-- WDF301", FIELDS),
    "maybe without words": driver("if (maybe(Busy)) { return; }  // <-- WDF301", FIELDS),
    "choose of a request": driver("choose Current;  // <-- WDF301", FIELDS),
    "touch of a number": driver("touch Count;  // <-- WDF301", FIELDS),
    "set of objects": driver(items="context device { Locks : set of lock; }  // <-- WDF301"),
    "list in a sort": driver(beside="sort bag { items : list[2] of request; }  // <-- WDF301"),
    "set in a request": driver(items="context request { Children : set of request; }  // <-- WDF301"),
    "word out of range": driver(items="queue Writes : parallel, limit 1000;  // <-- WDF301"),
    "initial value of another type": driver(items="context device { Busy : bool = 1 + 1; }  // <-- WDF301"),
    "start of no callback": driver(beside="ddi MyStart(q: queue) { start q(); }  // <-- WDF301"),
    "parameter of no type": driver(items="helper Ignore(thing) { return; }  // <-- WDF301"),
    "too few arguments": driver("WdfRequestComplete(Request);  // <-- WDF302"),
    "too many arguments": driver("WdfSpinLockAcquire(Guard, Request);  // <-- WDF302", "spinlock Guard;"),
    "built-in with two arguments": driver("if (empty(Pending, Pending)) { return; }  // <-- WDF302", FIELDS),
    "define with two arguments": driver("if (ready(Request, Request)) { return; }  // <-- WDF302",
                                        "define ready(r: request) = r != null;"),
    "event with too many arguments": driver(beside="""
        rule mine(r: request) "Words." covers "X"; never complete(r, _, _);  // <-- WDF302
        """),
    "emit with too few arguments": driver(beside="ddi MyStart(r: request) { emit complete(r); }  // <-- WDF302"),
    "reference where none is written": driver("WdfRequestComplete(&Request, STATUS_SUCCESS);  // <-- WDF303"),
    "reference missing": driver("WdfIoQueueRetrieveNextRequest(Reads, Current);  // <-- WDF303", FIELDS),
    "reference outside a call": driver("Current = &Request;  // <-- WDF303", FIELDS),
    "status as a condition": driver("if (Last) { return; }  // <-- WDF304", FIELDS),
    "request as a condition": driver("if (Current) { return; }  // <-- WDF304", FIELDS),
    "number as a condition": driver("while (Count) { break; }  // <-- WDF304", FIELDS),
    "no member of the enum": driver("Mode = sleeping;  // <-- WDF305", FIELDS),
    "no member in a comparison": driver("if (Mode == sleeping) { return; }  // <-- WDF305", FIELDS),
    "no flag of the type": driver("Go(0);", """
        helper Go(o: WDF_REQUEST_SEND_OPTIONS) { if (o has TIMEOT) { return; } }  // <-- WDF305
        """),
    "no value of a word": driver(items="queue Writes : parallel, scope everything;  // <-- WDF305"),
    "field of a number": driver("Count.Tries = 1;  // <-- WDF306", FIELDS),
    "active of a bool": driver(beside="""
        rule mine(r: request) "Words." covers "X"; never complete(r, _) while active(true);  // <-- WDF306
        """),
    "result of nothing": driver("status = WdfRequestComplete(Request, STATUS_SUCCESS); return;  // <-- WDF307 WDF212"),
    "helper returns something": driver("Go();", "helper Go() { return STATUS_SUCCESS; }  // <-- WDF307"),
    "helper returns nothing": driver("Last = Go();", "helper Go() -> NTSTATUS { return; }  // <-- WDF307" + FIELDS),
    "object assigned": driver("Reads = null;  // <-- WDF308"),
    "parameter of a helper assigned": driver("Go(Request);", "helper Go(r: request) { r = null; }  // <-- WDF308"),
    "status assigned": driver("STATUS_SUCCESS = STATUS_CANCELLED;  // <-- WDF308"),
    "call assigned": driver("NT_SUCCESS(Last) = true;  // <-- WDF308", FIELDS),
    "fixed field assigned": driver(beside="ddi MyStart(q: queue) { q.managed = true; }  // <-- WDF308"),
    "break outside a loop": driver("break;  // <-- WDF309"),
    "continue in an if": driver('if (maybe("so")) { continue; }  // <-- WDF309'),
    "lock statement of the library": driver("acquire Guard;  // <-- WDF310", "spinlock Guard;"),
    "turn of the surroundings in a DDI": driver(beside="""
        ddi MyWait() { environment "the mail comes"; }  // <-- WDF310
        """),
    "emit in a driver": driver("emit complete(Request, STATUS_SUCCESS);  // <-- WDF310"),
    "a step that lets others step": driver("Jam(Request);", beside="""
        sort printer { full : bool; const EvtPrinted : EvtPrinted?; }
        callback EvtPrinted(p: printer) role run of printer;
        helper jam(r: request) { then; r.canceled = true; }
        helper empty_tray(p: printer) { await p.full; jam_all(p); }
        helper jam_all(p: printer) { for each r: request where r.canceled { jam(r); } }
        ddi Jam(r: request) { jam(r); }
        environment waits(p: printer) { choose { await p.full; p.full = false; } or { await !p.full; } }
        environment pauses(p: printer) {
            p.full = true;
            then;  // <-- WDF313
            p.full = false;
        }
        environment waits_late(p: printer) { p.full = true; then await !p.full; }  // <-- WDF313
        environment prints(p: printer) {
            if (p.EvtPrinted != null) { call p.EvtPrinted(p); }  // <-- WDF313
        }
        environment cancels_all(p: printer) {
            for each q: printer where q.full { q.full = false; }
            for each r: request where !r.canceled { r.canceled = true; }  // <-- WDF313
        }
        environment goes_round(p: printer) { while (p.full) { p.full = false; } }  // <-- WDF313
        environment empties(p: printer) {
            empty_tray(p);  // <-- WDF313
        }
        loop of p: printer fair weak when p.full {
            line(r: request) when r.canceled { Jam(r); }  // <-- WDF313
        }
        """, items="printer Inky;"),
    "return out of synchronize": driver("synchronize Irq { return; }  // <-- WDF310", """
        interrupt Irq { EvtInterruptIsr = OnIsr; }
        callback OnIsr() { }
        """),
    "since in a driver": driver("Busy = (Busy since Busy);  // <-- WDF311", FIELDS),
    "once in a driver": driver("Busy = (once Busy);  // <-- WDF311", FIELDS),
    "implies in a driver": driver("Busy = (Busy implies Busy);  // <-- WDF311", FIELDS),
    "count against a variable": driver("""
        most = Count;
        if (count(r: request, r == Request) < most) { return; }  // <-- WDF312
        """, FIELDS),
}  # fmt: skip

# ---------------------------------------------------------------- structure: WDF4xx, rules: WDF5xx

STRUCTURE = {
    "no driver": 'rule mine(r: request) "Words." covers "X"; never complete(r, _);  // <-- WDF401\n',
    "two drivers side by side": """
        driver Upper { }  // <-- WDF402
        driver Lower { }  // <-- WDF402
        """,
    "timer without its function": driver(items="timer Tick;  // <-- WDF403"),
    "callback that nothing calls": driver(
        items="callback OnWrite(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }  // <-- WDF404"),
    "callback of two kinds that differ": """
        driver Small {
            queue Reads : parallel, front { EvtIoRead = OnRead; }
            timer Tick { EvtTimerFunc = OnRead; }
            callback OnRead(Request) { }  // <-- WDF405
        }
        """,
    "context of which queue": driver(items="""
        queue Second : manual;
        context queue { Busy : bool; }  // <-- WDF406
        """),
    "context of no interrupt": driver(items="context interrupt { Busy : bool; }  // <-- WDF406"),
    "context of one file": driver(items="""
        file Handle[2];
        context file Handle1 { Busy : bool; }  // <-- WDF406
        """),
    "context of no file": driver(items="context file { Busy : bool; }  // <-- WDF406"),
    "set of files": driver(items="""
        file Handle[2];
        context file { Others : set of file; }  // <-- WDF301
        """),
    "context of a queue with a callback": driver(items="""
        context queue { Busy : bool; EvtCleanupCallback = OnCleanup; }  // <-- WDF205
        """),
    "unknown callback of a context": driver(items="""
        context request { EvtCleanup = OnCleanup; }  // <-- WDF205
        """),
    "callback of a context bound twice": driver(items="""
        context request { EvtCleanupCallback = OnCleanup; }
        context request { EvtCleanupCallback = OnCleanup; }  // <-- WDF202
        callback OnCleanup(Request) { }
        """),
    "several locks": driver(items="spinlock Guard[2];  // <-- WDF411"),
    "no file": driver(items="file Handle[0];  // <-- WDF411"),
    "too many files": driver(items="file Handle[9];  // <-- WDF411"),
    "file of a lower driver": """
        driver Lower {
            file Handle;  // <-- WDF412
        }
        driver Upper { }
        stack Upper over Lower;
        """,
    "callback of a context in a stack": """
        driver Lower { }
        driver Upper {
            context request { EvtCleanupCallback = OnCleanup; }  // <-- WDF412
            callback OnCleanup(Request) { }  // <-- WDF404
        }
        stack Upper over Lower;
        """,
    "pool of none": driver(items="created Child[0] of request;  // <-- WDF408"),
    "pool too large": driver(items="created Child[100] of request;  // <-- WDF408"),
    "hardware that is not there": driver(items="hardware Irq when true;  // <-- WDF409"),
    "too many parameters": driver(items="""
        queue Writes : parallel { EvtIoWrite = OnWrite; }
        callback OnWrite(Request, A, B, C, D) { WdfRequestComplete(Request, STATUS_SUCCESS); }  // <-- WDF410
        """),
    "unknown verdict": driver(items="expect broken no-double-complete;  // <-- WDF502"),
    "rule of the library declared again": driver(beside="""
        rule no-double-complete(r: request) "Once." covers "X"; never complete(r, _);  // <-- WDF503
        """),
    "leads to without an event": driver(beside="""
        rule mine(r: request) "Words." covers "X"; true leads to complete(r, _);  // <-- WDF505
        """),
    "leads to an event or a state": driver(beside="""
        rule mine(r: request) "Words." covers "X"; deliver(r) leads to complete(r, _) or r.own == sent;  // <-- WDF505
        """),
    "a monitor that waits for a state": driver(beside="""
        monitor mine(r: request) "Words." covers "X"; {
            start fresh;
            state fresh { on r.own == sent -> violation; }  // <-- WDF505
        }
        """),
    **{
        f"state of the past in {formula}": driver(beside=f"""
        rule mine(r: request) "Words." covers "X"; never {formula};  // <-- WDF507
        """)
        for formula in (
            "complete(r, _) and once (r.own == sent)",
            "r.own == sent and not once (r.own == driver)",
            "complete(r, _) and (r.own == sent since send(r, _))",
            "complete(r, _) and (not send(r, _) since r.own == sent)",
            "complete(r, _) after (r.own == sent)",
        )
    },
    "state that precedes": driver(beside="""
        rule mine(r: request) "Words." covers "X"; r.own == sent precedes complete(r, _);  // <-- WDF507
        """),
}  # fmt: skip

SEVERAL = {
    "in one body": driver("""
        Request.Tires = 1;  // <-- WDF203
        if (Last) { return; }  // <-- WDF304
        WdfRequestCompelte(Request, STATUS_SUCCESS);  // <-- WDF207
        break;  // <-- WDF309
        """, FIELDS),
    "in declarations, bodies and expectations": driver(
        "WdfRequestComplete(Requst, true);  // <-- WDF201 WDF301",
        """
        queue Writes : paralel;  // <-- WDF206
        context device { Busy : boool; }  // <-- WDF204
        created Child[100] of request;  // <-- WDF408
        expect broken no-double-completion;  // <-- WDF502 WDF208
        """,
    ),
}  # fmt: skip

WRONG = {**NAMES, **TYPES, **STRUCTURE, **SEVERAL}
ECHOES = {  # one mistake, and the checker says something else as well that follows from it
    "unknown callback in a binding",
    "callback with the name of an object",
    "field of the framework",
    "unknown sort in a set",
    "two drivers side by side",
}


@pytest.mark.parametrize("name", WRONG)
def test_mistake_is_found_in_its_line(name: str) -> None:
    assert set(marked(WRONG[name])) <= set(said(WRONG[name]))


@pytest.mark.parametrize("name", sorted(set(WRONG) - ECHOES))
def test_one_mistake_is_one_diagnostic(name: str) -> None:
    assert said(WRONG[name]) == marked(WRONG[name])


def test_every_code_of_the_checker_has_a_case() -> None:
    given = set()
    for module in (check, declarations):
        assert module.__file__ is not None
        with open(module.__file__, encoding="utf-8") as file:
            given |= set(re.findall(r'"(WDF\d{3})"', file.read()))
    assert given - {code for text in WRONG.values() for _, code in marked(text)} == set()
    assert given <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("unknown argument", "Request"),
        ("unknown variable in a condition", "Busy"),
        ("unknown callback for a DDI", "OnCancel"),
        ("unknown queue in a word", "Reads"),
        ("unknown upper driver", "Upper"),
        ("unknown state of a monitor", "fresh"),
        ("unknown field", "Tries"),
        ("unknown type", "bool"),
        ("unknown kind of object", "spinlock"),
        ("unknown sort of a context", "device"),
        ("unknown kind of callback", "EvtIoWrite"),
        ("word without a meaning", "parallel"),
        ("unknown DDI", "WdfRequestComplete"),
        ("unknown DDI in an expression", "WdfRequestIsCanceled"),
        ("expected rule unknown", "no-double-complete"),
        ("result that nobody reads", "Busy"),
        ("unknown setting", "power"),
        ("no flag of the type", "TIMEOUT"),
    ],
)
def test_what_was_meant_is_offered(name: str, meant: str) -> None:
    helps = [found.help or "" for found in diagnostics(WRONG[name])]
    assert any(text.startswith("did you mean") and f"`{meant}`" in text for text in helps), helps


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("Last = WdfRequestMarkCancelable(Request, OnCancel);", "`WdfRequestMarkCancelableEx` returns one"),
        ("Last = WdfRequestComplete(Request, STATUS_SUCCESS);", "write the call alone"),
        ("Last = STATUS_OBJECT_NO_LONGER_EXISTS;", "`status STATUS_OBJECT_NO_LONGER_EXISTS = 0xC...;`"),
        ("Request = null;", "it begins with `name = Request;`"),
        ("WdfRequestSend(Request, Lower, WDF_NO_SEND_OPTIONS);", "write `NULL`"),
        ("Always = NULL;", "declare it as `request?` if it may be null"),
    ],
)
def test_what_to_write_instead_is_said(statement: str, advice: str) -> None:
    fields = "\ntarget Lower;\ncontext queue { Always : request; }"
    text = driver(statement, FIELDS + fields + "\ncallback OnCancel(Request) { return; }")
    assert any(advice in (found.help or "") for found in diagnostics(text))


def test_the_parameter_too_many_is_shown() -> None:
    (found,) = diagnostics(driver(items="""
        queue Writes : parallel, front { EvtIoWrite = OnWrite; }
        callback OnWrite(Queue, Request) { return; }
        """))  # fmt: skip
    assert (found.code, found.labels[0].span.text) == ("WDF410", "Request")


@pytest.mark.parametrize(
    "writes",
    [
        "Linked = true;",
        "choose Linked;",
        "InterlockedExchange(&Number, 1); if (Number == 1) { Linked = true; }",
        "Set(&Linked);",
    ],
)
def test_a_variable_is_written_in_any_of_these_ways(writes: str) -> None:
    items = """
        context device { Linked : bool; Number : 0..3; }
        helper Set(out b: bool) { b = true; }
        """
    assert diagnostics(driver(f"if (Linked) {{ return; }} {writes}", items)) == ()


def test_a_constant_says_its_value() -> None:
    assert diagnostics(driver("if (Most == 2) { return; }", "context device { Most : 0..3 = 2; }")) == ()


def test_every_error_says_what_to_do_or_what_is_needed() -> None:
    for name, text in WRONG.items():
        for found in diagnostics(text):
            assert found.message and "\n" not in found.message, name
            assert not re.search(r"[A-Z][a-z]+Type\(|typed\.|ast\.|NoneType", found.message), (name, found.message)


def test_the_first_declaration_is_shown_too() -> None:
    (found,) = diagnostics(WRONG["object declared twice"])
    assert [label.text for label in found.labels] == ["", "first declared here"]
    assert found.labels[1].span.line == found.labels[0].span.line - 1


def test_a_warning_does_not_reject() -> None:
    text = dedent(WRONG["callback that nothing calls"])
    (found,) = diagnostics(text)
    assert found.severity is Severity.WARNING
    assert "OnWrite" in analyse(parse(Source("t.wdf", text)), library.texts()).callbacks


def test_errors_reject_with_all_of_them() -> None:
    text = dedent(SEVERAL["in one body"])
    with pytest.raises(Rejected) as error:
        analyse(parse(Source("t.wdf", text)), library.texts())
    assert sorted(found.code for found in error.value.diagnostics) == ["WDF203", "WDF207", "WDF304", "WDF309"]


# ---------------------------------------------------------------- right texts

RIGHT = {
    "a variable that holds a callback": driver(
        "Canceller = OnCancel;\nWdfRequestMarkCancelable(Request, Canceller);\nreturn;",
        f"context device {{ Canceller : EvtRequestCancel; }}\n{CANCEL}",
    ),
    "nothing but a driver": "driver Small { }\n",
    "queues of all kinds": driver(items="""
        queue Writes : sequential, managed, scope queue {
            EvtIoWrite = OnWrite;
            EvtIoStop = OnStop;
            EvtIoResume = OnResume;
        }
        queue Controls : parallel, limit 2, scope device { EvtIoDeviceControl = OnWrite; }
        queue Parked : manual { EvtIoCanceledOnQueue = OnWrite; }
        callback OnWrite(Request) { status = WdfRequestForwardToIoQueue(Request, Parked);
                                    if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); } }
        callback OnStop(Request, Action, Cancelable) { WdfRequestStopAcknowledge(Request, FALSE); }
        callback OnResume(Request) { }
        environment { power on; }
        """),
    "files": driver("""
        File = WdfRequestGetFileObject(Request);
        if (!File.Closing) { File.Count = 1; }
        append Request to File.Order;
        remove Request from File.Order;
        """, """
        file Handle[2] : scope none { EvtDeviceFileCreate = OnCreate; EvtFileCleanup = OnFile; EvtFileClose = OnFile; }
        context file { Closing : bool; Count : 0..2; Order : list[2] of request; Parent : file?; }
        context request { Opened : file?; }
        context device { First : file?; }
        callback OnCreate(Request, File) {
            Request.Opened = File;
            First = File;
            File.Parent = Handle1;
            WdfRequestComplete(Request, STATUS_SUCCESS);
        }
        callback OnFile(File) { File.Closing = TRUE; }
        """),
    "one file": driver(items="file Handle;\ncontext file { Closing : bool; }"),
    "callbacks of a context": driver("Request.Copied = TRUE;", """
        context request { EvtCleanupCallback = OnEnd; Copied : bool; EvtDestroyCallback = OnEnd; }
        callback OnEnd(Request) { Request.Copied = FALSE; }
        """),
    "default queue": """
        driver Small {
            queue Default : sequential { EvtIoDefault = OnIo; }
            callback OnIo(Request) { WdfRequestComplete(Request, STATUS_NOT_SUPPORTED); }
        }
        """,
    "C as it is pasted": driver("""
        NTSTATUS status;
        BOOLEAN sent = FALSE;
        (VOID) WdfRequestUnmarkCancelable(Request);
        status = STATUS_SUCCESS;
        if (!NT_SUCCESS(status) || sent == TRUE) return; else { /* nothing */ }
        """),
    "typed locals": driver("NTSTATUS status = STATUS_CANCELLED; WdfRequestComplete(Request, status); return;"),
    "variables of each type": driver("""
        Busy = !Busy;
        Count = Count + 1;
        Count = 3 - Count;
        Mode = Mode == resting ? moving : resting;
        Last = STATUS_CANCELLED;
        Current = Request;
        Current = null;
        Request.Tries = 2;
        Request.Parent = Current;
        if (Mode in { resting, moving } && Count >= 1 && Last != STATUS_SUCCESS) { Busy = false; }
        """, FIELDS),
    "sets and lists": driver("""
        add Request to Pending;
        append Request to Waiting;
        for each r of Pending { r.Tries = 1; }
        r = any of Pending;
        s = first of Waiting;
        if (r != null && r == s && !empty(Pending) && !empty(Waiting)) { remove r from Pending; remove s from Waiting; }
        """, FIELDS),
    "loops": driver("""
        while (Count < 3) { Count = Count + 1; if (Busy) { continue; } if (Mode == moving) { break; } }
        Mode = moving;
        loop { if (maybe("the device is ready")) { break; } }
        """, FIELDS),
    "choices": driver("""
        choose { Busy = true; } or { Busy = false; } or { return; }
        choose Mode;
        choose Count;
        """, FIELDS),
    "interlocked operations": driver("""
        InterlockedIncrement(&Count);
        left = InterlockedDecrement(&Request.Tries);
        if (left == 0) { return; }
        """, FIELDS),
    "locks": driver("""
        WdfSpinLockAcquire(Guard);
        WdfSpinLockRelease(Guard);
        WdfWaitLockAcquire(Slow, 0);
        WdfWaitLockRelease(Slow);
        """, "spinlock Guard;\nwaitlock Slow;"),
    "interrupt, its lock and its DPC": driver("synchronize Irq { Ready = true; }", """
        interrupt Irq { EvtInterruptIsr = OnIsr; EvtInterruptDpc = OnDpc; }
        hardware Irq when Ready;
        context device { Ready : bool; }
        callback OnIsr() { Ready = false; WdfInterruptQueueDpcForIsr(Irq); }
        callback OnDpc() { touch hardware; }
        """),
    "timer, DPC and work item": driver("WdfTimerStart(Tick); WdfDpcEnqueue(Later); WdfWorkItemEnqueue(Passive);", """
        timer Tick : periodic, parent Reads, serialized { EvtTimerFunc = OnRun; }
        dpc Later { EvtDpcFunc = OnLater; }
        workitem Passive { EvtWorkItem = OnPassive; }
        callback OnRun() { WdfTimerStop(Tick, FALSE); }
        callback OnLater() { }
        callback OnPassive() { }
        """),
    "cancellation": driver("""
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) { return; }
        """, CANCEL),
    "targets and completion routines": driver("""
        WdfRequestFormatRequestUsingCurrentType(Request);
        WdfRequestSetCompletionRoutine(Request, OnDone);
        if (WdfRequestSend(Request, Lower, 0)) { return; }
        if (WdfRequestSend(Request, Lower, SYNCHRONOUS | TIMEOUT)) { return; }
        """, """
        target Lower;
        environment { target Lower honours; }
        callback OnDone(Request) { WdfRequestComplete(Request, WdfRequestGetStatus(Request)); }
        """),
    "created requests": driver("""
        status = WdfRequestCreate(Request, Lower, &child);
        if (NT_SUCCESS(status)) { child.Parent = Request; WdfObjectDelete(child); }
        """, """
        target Lower;
        created Child[2] of request;
        created Pool[1] of device;
        context request { Parent : request?; }
        """),
    "helpers and defines": driver("""
        if (ready(Request)) { Finish(Request, STATUS_SUCCESS); return; }
        status = Try(Request);
        if (!NT_SUCCESS(status)) { Finish(Request, status); return; }
        """, """
        context request { Tries : 0..2; }
        define ready(r: request) = r.Tries == 2;
        helper Finish(r, status) { WdfRequestComplete(r, status); }
        helper Try(r: request) -> NTSTATUS {
            if (maybe("it works")) { return STATUS_SUCCESS; }
            return STATUS_UNSUCCESSFUL;
        }
        """),
    "helper that calls a helper without types": driver("Outer(Request); return;", """
        helper Inner(r) { WdfRequestComplete(r, STATUS_SUCCESS); }
        helper Outer(r) { Inner(r); }
        """),
    "threads": driver(items="""
        context device { Busy : bool; }
        thread Poller { Busy = !Busy; }
        thread Starter once { Busy = true; }
        """),
    "stacked drivers": """
        driver Upper {
            queue UpperReads : parallel, front { EvtIoRead = OnUpperRead; }
            target Below;
            callback OnUpperRead(Request) {
                WdfRequestFormatRequestUsingCurrentType(Request);
                sent = WdfRequestSend(Request, Below, SEND_AND_FORGET);
                if (!sent) { WdfRequestComplete(Request, STATUS_UNSUCCESSFUL); }
            }
        }
        driver Lower {
            queue LowerReads : parallel, front { EvtIoRead = OnLowerRead; }
            callback OnLowerRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
        }
        stack Upper over Lower;
        """,
    "rules of each form": driver(beside="""
        rule one(r: request) "Words." covers "A", "B"; never complete(r, _) after complete(r, _);
        rule two(r: request) "Words." covers "A"; always not complete(r, _) or r.own != none;
        rule three(r: request) "Words." covers "A"; assuming answers, ticks; deliver(r) leads to complete(r, _);
        rule four(r: request) "Words." covers "A"; deliver(r) leads to complete(r, _) exactly once;
        rule five(r: request) "Words." covers "A"; default off; deliver(r) precedes complete(r, _);
        rule six(r: request) "Words." covers "A"; trigger complete(r, _);
            never (not complete(r, _) since deliver(r)) and once deliver(r);
        monitor seven(r: request) "Words." covers "A"; {
            start fresh;
            state fresh { on deliver(r) -> given; on complete(r, _) while r.own == none -> violation; }
            state given { on complete(r, _) -> fresh; }
        }
        use no-double-complete, one;
        """),
    "expectations": driver(items="""
        expect proved no-double-complete;
        expect violated request-eventually-completed with target silent;
        expect skipped parent-after-children;
        """),
    "a DDI, an event and an environment of the user's own": driver("MyStart(Request);", beside="""
        status STATUS_MINE = 0xC0001234;
        enum MY_MODE { MyFirst, MySecond }
        ghost started(r: request);
        sort engine { const kind : { small, large } = small; running : bool; }
        ddi MyStart(r: request)
            requires r.presented else my-contract;
            source "the engine's manual";
        { emit started(r); }
        environment engine_stops(e: engine) when e.running fair weak { e.running = false; }
        rule my-contract(r: request) "It is started with a request that was received." covers "X"; by contract;
        """, items="engine Motor : large;"),
    "locals that are assigned on every way": driver("""
        if (Busy) { status = STATUS_CANCELLED; } else { status = STATUS_SUCCESS; }
        Last = status;
        if (Busy) { return; } else { other = STATUS_SUCCESS; }
        Last = other;
        while (true) { third = STATUS_SUCCESS; if (Busy) { break; } }
        Last = third;
        while (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &r))) { WdfRequestComplete(r, STATUS_SUCCESS); }
        if (Busy && NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &s)) && s != null) { s.Tries = 1; }
        if (!Busy || !NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &t))) { return; }
        t.Tries = 1;
        choose { u = Request; } or { u = null; }
        Current = u;
        for each v of Pending { w = v; w.Tries = 1; }
        Get(&x);
        Current = x;
        """, FIELDS + "helper Get(out r: request?) { r = Current; if (r == null) { return; } r.Tries = 0; }"),
    "events of the past": driver(beside="""
        rule mine(r: request) "Words." covers "X";
            never complete(r, _) and once send(r, _)
                and not (not (send(r, _) or reuse(r)) since (send(r, _) while r.own == sent));
        rule yours(r: request) "Words." covers "X"; send(r, _) precedes complete(r, _);
        """),
    "names of rules as plain names": driver("state = STATUS_SUCCESS; WdfRequestComplete(Request, state); return;"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_text_is_accepted(name: str) -> None:
    assert said(RIGHT[name]) == []


def test_lines_are_marked_as_the_codes_are_written() -> None:
    assert marked("a\n  b  // <-- WDF207 WDF201\n") == [(2, "WDF201"), (2, "WDF207")]


def test_program_of_a_right_text() -> None:
    """What the later stages get: types and objects as they were declared."""
    program = analyse(parse(Source("t.wdf", dedent(RIGHT["queues of all kinds"]))), library.texts())
    assert program.name == "Small"
    queues = {found.name: found for found in program.objects_of("queue")}
    assert set(queues) == {"Reads", "Writes", "Controls", "Parked"}
    assert program.callbacks["OnWrite"].kinds == ("EvtIoWrite", "EvtIoDeviceControl", "EvtIoCanceledOnQueue")
