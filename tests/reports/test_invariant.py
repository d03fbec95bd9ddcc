from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_models
from wdfmc.reports.invariant import UNTOUCHED, grouped, sentences
from wdfmc.source import Source, Span
from wdfmc.system.named import Condition, Invariant, NamedLemma, Stop
from wdfmc.system.system import OTHER, Obj, Ref, Value
from wdfmc.verdict import Report

ROOT = Path(__file__).parents[2]
MODEL = Source("m.wdf", "one\ntwo\nthree\nfour\n")
LIBRARY = Source("wdfmc/library/framework/queue.wdf", "one\ntwo\n")
STOPS = (
    Stop("OnRead:1.9@Reads", Span(MODEL, 0, 18), "start"),
    Stop("OnRead:1.2@Reads", Span(MODEL, 0, 18), "end"),
    Stop("OnRead:2.7@Reads holding Lock", Span(MODEL, 4, 7), ""),
    Stop("OnRead:3.5@Reads", Span(MODEL, 8, 13), ""),
    Stop("OnRead:3.6@Reads", Span(MODEL, 8, 13), ""),
    Stop("OnRead:2.4@Reads", Span(LIBRARY, 4, 7), ""),
    Stop("OnRead:waits to run@Reads [Reads.presentation]", Span(MODEL, 0, 18), "start"),
)
MINE, YOURS, ANOTHER = (Ref("request", 0, slot) for slot in (0, 1, OTHER))
CHILD = Ref("Child", 0, 0)


def said(*conditions: Condition, requests: int = 1) -> str:
    (sentence,) = sentences(Invariant(("rule",), (NamedLemma(requests, conditions),), (), STOPS), "m.wdf")
    return sentence.removeprefix("never: ")


def about(
    name: str, values: tuple[Value, ...], excluded: tuple[Value, ...], kind: str = "field", of: int | None = 0
) -> str:
    return said(Condition(name, kind, of, values, excluded))


@pytest.mark.parametrize(
    ("name", "values", "excluded", "words"),
    [
        ("own", ("driver",), ("none", "done"), "r1 is in state driver"),
        ("own", ("driver", "done"), ("none", "sent"), "r1 is in state driver or done"),
        ("own", ("driver", "none"), ("done",), "r1 is not in state done"),
        ("in Pending", (True,), (False,), "r1 is in Pending"),
        ("in Pending", (False,), (True,), "r1 is not in Pending"),
        ("irp_cancel", (True,), (False,), "r1.irp_cancel"),
        ("irp_cancel", (False,), (True,), "not r1.irp_cancel"),
        ("home", (None,), (Obj("Reads"),), "r1.home is null"),
        ("home", (Obj("Reads"),), (None, Obj("Writes")), "r1.home is Reads"),
        ("Left", (0, 1), (2, 3), "r1.Left is 0 or 1"),
        ("Child1.own", ("sent",), ("none",), "Child1 of r1 is in state sent"),
        ("Child1.to", (Obj("Lower"),), (None,), "to of Child1 of r1 is Lower"),
        ("Child1.Parent", (ANOTHER,), (None,), "Parent of Child1 of r1 refers to another request"),
    ],
)
def test_fields_of_a_request(name: str, values: tuple[Value, ...], excluded: tuple[Value, ...], words: str) -> None:
    assert about(name, values, excluded) == words


@pytest.mark.parametrize(
    ("values", "excluded", "words"),
    [
        ((None,), (ANOTHER,), "Current is null"),
        ((MINE,), (None,), "Current refers to r1"),
        ((ANOTHER,), (None,), "Current refers to another request"),
        ((None, ANOTHER), (), "Current does not refer to r1"),
        ((MINE, ANOTHER), (None,), "Current refers to a request"),
        ((None, MINE), (), "Current refers to r1 or is null"),
        ((CHILD,), (None, ANOTHER), "Current refers to Child1 of r1"),
    ],
)
def test_references(values: tuple[Value, ...], excluded: tuple[Value, ...], words: str) -> None:
    assert about("Current", values, excluded, "driver", None) == words


def test_reference_of_a_lemma_that_names_nobody_or_two() -> None:
    somebody = Condition("Current", "driver", None, (ANOTHER,), (None,))
    assert said(somebody, requests=0) == "Current refers to a request"
    assert said(somebody, requests=2) == "Current refers to another request"
    neither = Condition("Current", "driver", None, (None, ANOTHER), ())
    assert said(neither, requests=2) == "Current does not refer to r1 or r2"


IDLE = "idle"
START, END, SECOND, THIRD, ALSO_THIRD, INLINE, WAITS = (stop.label for stop in STOPS)


@pytest.mark.parametrize(
    ("values", "excluded", "words"),
    [
        ((IDLE,), (START, SECOND), "OnRead(r1) does not run"),
        ((START, SECOND), (IDLE,), "OnRead(r1) runs"),
        ((START,), (IDLE, SECOND), "OnRead(r1) is at its start"),
        ((SECOND,), (IDLE, END), "OnRead(r1) is at line 2 (holding Lock)"),
        ((THIRD,), (IDLE, ALSO_THIRD), "OnRead(r1) is at line 3 (2 of 2 stops there)"),
        ((THIRD, ALSO_THIRD), (IDLE, START), "OnRead(r1) is at line 3"),
        ((INLINE,), (IDLE, START), "OnRead(r1) is at queue.wdf:2"),
        ((WAITS,), (IDLE, START), "OnRead(r1) is about to run"),
        ((IDLE, START), (END, SECOND), "OnRead(r1) is not at its end or at line 2 (holding Lock)"),
        ((START, END, INLINE), (IDLE, THIRD), "OnRead(r1) runs and is not at line 3"),
    ],
)
def test_where_a_callback_is(values: tuple[Value, ...], excluded: tuple[Value, ...], words: str) -> None:
    assert about("pc handler", values, excluded, "pc") == words


def test_second_run_of_a_callback() -> None:
    assert about("pc dpc Irq (2)", (IDLE,), ("OnDpc:1.9@Irq",), "pc", None) == "a second OnDpc does not run"
    words = "r in a second OnDpc refers to r1"
    assert about("OnDpc.r (2)", (MINE,), (None,), "local", None) == words


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("Lock.held", "lock", "Lock is held"),
        ("OnRead.done~6", "local", "done in OnRead(r1)"),
        ("OnRead.$118", "local", "a result that OnRead(r1) keeps"),
        ("OnDone[Child1].seen", "local", "seen in OnDone(Child1 of r1)"),
        ("no-double-send.owed", "rule", "no-double-send is waiting for what it demands about r1"),
        ("no-double-send.past0", "rule", "no-double-send has seen what it looks back for about r1 (condition 1)"),
    ],
)
def test_other_kinds(name: str, kind: str, words: str) -> None:
    assert about(name, (True,), (False,), kind, None if kind == "lock" else 0) == words


def test_copies_of_a_local_are_told_apart() -> None:
    two = said(
        Condition("OnRead.x~1", "local", 0, (True,), (False,)), Condition("OnRead.x~2", "local", 0, (True,), (False,))
    )
    assert two == "x in OnRead(r1) (1 of 2) while x in OnRead(r1) (2 of 2)"


def test_conditions_are_joined_and_grouped() -> None:
    held = Condition("Lock.held", "lock", None, (False,), (True,))
    state = Condition("own", "field", 0, ("done",), ("none",))
    pending = Condition("in Pending", "driver", 0, (True,), (False,))
    other = Condition("own", "field", 1, ("driver",), ("none",))
    lemmas = (NamedLemma(1, (state, pending)), NamedLemma(2, (state, held, other)), NamedLemma(1, (state,)))
    assert grouped(Invariant(("rule",), lemmas), "m.wdf") == [
        ("locks", ["never: Lock is free while r1 is in state done and r2 is in state driver"]),
        ("the state of a request", ["never: r1 is in state done"]),
        ("the driver's data", ["never: r1 is in Pending while r1 is in state done"]),
    ]


def test_nothing_to_exclude() -> None:
    assert sentences(Invariant(("rule",), ()), "m.wdf") == (UNTOUCHED,)


INTERNAL = re.compile(r"\bpc \b|\$|~|#|@|\bRef\b|Obj|None|True|False|slot|\(2\)|idle|\.held")


@pytest.mark.parametrize(
    "path", ["cancellation/pending_read.wdf", "seeds/complete_from_dpc.wdf", "seeds/format_and_send.wdf"]
)
def test_sentences_of_shipped_models_speak_of_the_model(path: str) -> None:
    report: Report = check_models([ROOT / "models" / path], Options(evidence=True), lambda path, result: None)
    found = [result.invariant for result in report.models[0].results if result.invariant]
    assert any(invariant.lemmas for invariant in found)
    for invariant in found:
        for sentence in sentences(invariant, report.models[0].path):
            assert not INTERNAL.search(sentence), sentence
