"""Deeply nested texts: checked like others, or refused with a diagnostic; never a crash."""

from __future__ import annotations

import sys
import threading

import pytest

from wdfmc import depth
from wdfmc.checking import Options, check_text
from wdfmc.depth import NoRoom, with_room
from wdfmc.diagnostics import Rejected
from wdfmc.language.format import formatted
from wdfmc.language.parse import DEEPEST
from wdfmc.source import Source
from wdfmc.verdict import Result, Word

SHAPES = {
    "parentheses": lambda levels: "B = " + "(" * levels + "B" + ")" * levels + ";",
    "negations": lambda levels: "B = " + "!" * levels + "B;",
    "conjunctions": lambda levels: "if (" + " && ".join(["B"] * levels) + ") { N = 1; }",
    "blocks": lambda levels: "{" * levels + "N = 1;" + "}" * levels,
    "conditions": lambda levels: "if (B) {" * levels + "N = 1;" + "}" * levels,
    "loops": lambda levels: "while (B) {" * levels + "N = 1;" + "}" * levels,
}


def driver(body: str) -> str:
    return (
        "driver D { queue Q : parallel, front { EvtIoRead = OnRead; } context device { B : bool; N : 0..3; } "
        f"callback OnRead(Request) {{ {body} WdfRequestComplete(Request, STATUS_SUCCESS); }} }}"
    )


def checked(text: str) -> Result:
    options = Options(requests=1, rules=("no-double-complete",), engine="explicit")
    return check_text(text, options=options).models[0].results[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_deep_text_is_checked(shape: str) -> None:
    assert checked(driver(SHAPES[shape](400))).verdict is Word.PROVED


@pytest.mark.parametrize("shape", ["parentheses", "blocks", "negations", "conditions"])
def test_five_thousand_levels(shape: str) -> None:
    text = driver(SHAPES[shape](5_000))
    assert formatted(Source("t.wdf", text))
    assert checked(text).verdict is Word.PROVED


def test_what_is_too_deep_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Rejected) as caught:
        checked(driver(SHAPES["blocks"](2 * DEEPEST)))
    assert [item.code for item in caught.value.diagnostics] == ["WDF115"]
    monkeypatch.setattr(depth, "CALLS", 1_100)
    with pytest.raises(Rejected) as caught:
        checked(driver(SHAPES["blocks"](5_000)))
    assert [item.code for item in caught.value.diagnostics] == ["WDF115"]


def test_the_room_is_used_only_where_it_is_needed() -> None:
    assert with_room(depth.SHALLOW, threading.current_thread) is threading.current_thread()
    assert with_room(depth.SHALLOW + 1, threading.current_thread) is not threading.current_thread()


def test_limits_are_as_before_afterwards() -> None:
    before = sys.getrecursionlimit(), threading.stack_size()

    def endless() -> None:
        endless()

    with pytest.raises(NoRoom):
        with_room(1_000, endless)
    with pytest.raises(ZeroDivisionError):
        with_room(1_000, lambda: 1 // 0)
    assert (sys.getrecursionlimit(), threading.stack_size()) == before
