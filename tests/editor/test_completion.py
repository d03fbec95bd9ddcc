"""What can be written at a place, in texts that are right, half written or wrong."""

from __future__ import annotations

from functools import cache
from textwrap import dedent

import pytest

from wdfmc.editor.analysis import Analyst
from wdfmc.editor.completion import offers, signature_at
from wdfmc.language.reading import read
from wdfmc.source import Source

MODEL = dedent(
    """\
    driver Waiting {
        queue    Reads : parallel, front { EvtIoRead = OnRead; §binding§ }
        queue    Parked : manual§word§;
        spinlock Lock;
        target   Lower;
        context  device { Pending : set of request; Busy : bool; Last : {§member§ none, some }; }
        context  request { Counted : §type§; }
        environment { §setting§ }
        expect §verdict§
        §item§

        callback OnRead(Request) {
            status = WdfRequestMarkCancelableEx(Request, §callback§);
            if (NT_SUCCESS(§inside§)) {
                add Request to §set§;
                Request.§field§;
            } else {
                §statement§
                WdfRequestComplete(Request, §status§);
            }
        }

        callback OnCancel(Other) {
            // a comment §comment§
            WdfRequestComplete(Other, STATUS_CANCELLED);
        }
    }
    """
)
MARKS = sorted(set(MODEL.split("§")[1::2]))


@cache
def analyst() -> Analyst:
    return Analyst(read)


def right() -> str:
    """The text without its gaps."""
    parts = MODEL.replace("§type§", "bool").replace("§callback§", "OnCancel").replace("§inside§", "status")
    parts = parts.replace("§set§", "Pending").replace("§status§", "status").replace("Request.§field§;", "")
    parts = parts.replace("expect §verdict§", "")
    for mark in MARKS:
        parts = parts.replace(f"§{mark}§", "")
    return parts


def at(mark: str, written: str = "", wrong: str = "") -> list[str]:
    """The names that are offered at a gap, the best first, as in an editor; `wrong` stands before all."""
    before, _, behind = MODEL.partition(f"§{mark}§")
    for other in MARKS:
        before, behind = before.replace(f"§{other}§", filler(other)), behind.replace(f"§{other}§", filler(other))
    source = Source("model.wdf", wrong + before + written + behind)
    good = analyst().analysis(Source("model.wdf", right())).known
    assert good is not None
    found, start = offers(source, len(wrong + before + written), good, analyst())
    assert (wrong + before + written).endswith(source.text[start : len(wrong + before + written)])
    return [offer.name for offer in sorted(found, key=lambda offer: (offer.rank, offer.name))]


def filler(mark: str) -> str:
    given = {"type": "bool", "callback": "OnCancel", "inside": "status", "set": "Pending", "status": "status",
             "field": "Counted", "verdict": "proved no-double-complete;"}  # fmt: skip
    return given.get(mark, "")


@pytest.mark.parametrize(
    ("mark", "written", "first", "also", "never"),
    [
        ("binding", "", ["EvtIoAllocateRequestResources"], ["EvtIoWrite", "EvtIoStop"], ["OnRead", "Pending"]),
        ("binding", "EvtIoWrite = ", ["OnCancel", "OnRead"], [], []),
        ("word", ", ", [], ["front", "managed", "limit"], ["EvtIoRead", "STATUS_SUCCESS"]),
        ("setting", "", [], ["target", "power"], ["OnRead"]),
        ("setting", "power ", ["off", "on"], [], ["target"]),
        ("setting", "target ", ["answers", "honours", "silent"], ["Lower"], []),
        ("verdict", "", ["proved"], ["violated", "unknown"], ["OnRead"]),
        ("verdict", "violated ", [], ["no-double-complete", "no-access-after-ownership-loss"], ["WdfRequestComplete"]),
        ("verdict", "violated no-dou", [], ["no-double-complete"], ["WdfRequestComplete"]),
        ("verdict", "violated no-double-complete with target ", ["answers", "honours", "silent"], [], []),
        ("item", "", [], ["queue", "spinlock", "interrupt", "callback", "context", "expect"], ["OnRead", "driver"]),
        ("type", "", ["NTSTATUS", "bool"], ["request", "queue"], ["OnRead"]),
        ("callback", "", ["OnCancel", "OnRead"], [], ["no-double-complete"]),
        ("callback", "OnC", ["OnCancel", "OnRead"], [], []),
        ("inside", "", ["status"], [], ["no-double-complete"]),
        ("set", "", [], ["Pending"], ["Other"]),
        ("field", "", ["Counted"], [], ["own", "Pending", "WdfRequestComplete"]),
        ("field", "Co", ["Counted"], [], ["own"]),
        ("statement", "", [], ["WdfRequestComplete", "status", "Request", "if", "add", "Pending"], ["Other", "emit_"]),
        ("statement", "WdfReq", [], ["WdfRequestComplete", "status"], ["Other"]),
        ("statement", "if (Bu", [], ["Busy", "status"], ["if"]),
        ("statement", "status == ", [], ["STATUS_CANCELLED"], []),
        ("status", "", ["status", "STATUS_ABANDONED"], ["STATUS_SUCCESS"], []),
        ("comment", "", [], [], ["WdfRequestComplete", "if"]),
    ],
)  # fmt: skip
def test_offers(mark: str, written: str, first: list[str], also: list[str], never: list[str]) -> None:
    found = at(mark, written)
    assert found[: len(first)] == first, found[:8]
    assert [name for name in also if name not in found] == []
    assert [name for name in never if name in found] == []


def test_locals_are_offered_where_the_text_is_wrong_elsewhere() -> None:
    found = at("statement", "WdfReq", wrong="driver ( { }\n")
    assert "WdfRequestComplete" in found and "Pending" in found and "Request" in found and "status" in found


def test_fields_where_the_text_is_wrong_elsewhere() -> None:
    assert at("field", wrong="driver ( { }\n")[:1] == ["Counted"]


def test_in_a_specification() -> None:
    text = 'rule mine(r: request) "Words."\n    never '
    found, _ = offers(Source("mine.wdfspec", text), len(text), None, analyst())
    names = [offer.name for offer in found]
    assert {"complete", "send", "r", "once"} <= set(names) and "WdfRequestComplete" not in names
    assert "own" in names_of_fields(text + "r.")


def names_of_fields(text: str) -> list[str]:
    found, _ = offers(Source("mine.wdfspec", text), len(text), None, analyst())
    return [offer.name for offer in found]


def test_in_an_empty_text() -> None:
    found, _ = offers(Source("model.wdf", ""), 0, None, analyst())
    assert {"driver", "import", "rule", "ddi"} <= {offer.name for offer in found}


def test_a_new_name_is_not_offered() -> None:
    text = "driver "
    assert offers(Source("model.wdf", text), len(text), None, analyst())[0] == []


@pytest.mark.parametrize(
    ("written", "label", "active"),
    [
        ("WdfRequestComplete(", "WdfRequestComplete(r: request, s: NTSTATUS)", 0),
        ("WdfRequestComplete(Request, ", "WdfRequestComplete(r: request, s: NTSTATUS)", 1),
        ("status = WdfRequestUnmarkCancelable(Req", "WdfRequestUnmarkCancelable(r: request) -> NTSTATUS", 0),
    ],
)  # fmt: skip
def test_signature(written: str, label: str, active: int) -> None:
    before, _, behind = right().partition("        } else {\n")
    text = before + "        } else {\n            " + written
    good = analyst().analysis(Source("model.wdf", right())).known
    found = signature_at(Source("model.wdf", text + "\n" + behind), len(text), good)
    assert found is not None and (found.label, found.active) == (label, active)
    start, end = found.places[active]
    assert label[start:end] == label.partition("(")[2].partition(")")[0].split(", ")[active]


def test_no_signature_outside_of_a_call() -> None:
    text = right()
    offset = text.index("WdfRequestComplete(")
    assert signature_at(Source("model.wdf", text), offset, None) is None
