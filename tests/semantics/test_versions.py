"""A DDI may have several versions, for different kinds of first argument; `object?` takes any object."""

from __future__ import annotations

from wdfmc.checking import library_texts
from wdfmc.language.parse import parse
from wdfmc.semantics.check import analysed
from wdfmc.source import Source

MAILBOX = """
sort mailbox { full : bool; }
sort postman { busy : bool; }
ddi BusEmpty(b: mailbox) -> NTSTATUS source "ours"; { b.full = false; return STATUS_SUCCESS; }
ddi BusEmpty(p: postman) -> NTSTATUS source "ours"; { p.busy = false; return STATUS_DEVICE_BUSY; }
ddi BusShow(x: object?) -> bool source "ours"; { return x == null; }
driver Post {
    queue   Default : sequential, front { EvtIoRead = OnRead; }
    mailbox Box;
    postman Pat;
    callback OnRead(Request) { %s }
}
"""


def messages(statements: str, text: str = MAILBOX) -> list[str]:
    _, diagnostics = analysed(parse(Source("post.wdf", text % statements)), *library_texts())
    return [f"{item.code} {item.message}" for item in diagnostics]


def test_the_first_argument_chooses_the_version() -> None:
    program, _ = analysed(parse(Source("post.wdf", MAILBOX % "BusEmpty(Box); BusEmpty(Pat);")), *library_texts())
    assert program is not None
    called = [getattr(item, "routine", None) for item in program.callbacks["OnRead"].body]
    assert called == ["BusEmpty", "BusEmpty(postman)"]
    assert [program.routines[str(name)].name for name in called] == ["BusEmpty", "BusEmpty"]


def test_an_argument_that_no_version_takes_is_an_error_of_the_first() -> None:
    assert messages("BusEmpty(Default);") == ["WDF301 mailbox is needed here, this is queue"]


def test_two_versions_for_the_same_kind_are_one_too_many() -> None:
    again = 'ddi BusEmpty(c: mailbox) source "ours"; { c.full = true; }'
    assert messages("BusEmpty(Box);", MAILBOX + again) == ["WDF202 the name `BusEmpty(mailbox)` is declared twice"]


def test_any_object_or_null_is_an_object() -> None:
    assert messages("if (BusShow(Box) || BusShow(Request) || BusShow(NULL)) { }") == []
    assert messages("if (BusShow(TRUE)) { }") == ["WDF301 object? is needed here, this is bool"]
