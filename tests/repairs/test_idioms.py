"""What the idioms make of the teaching models, as text: the repair of each wrong one is there. Nothing is checked."""

from __future__ import annotations

from functools import cache

import pytest

from tests.shipped import MODELS
from wdfmc.checking import Options, loaded
from wdfmc.language.edits import changed_lines, edited
from wdfmc.language.format import formatted
from wdfmc.repairs.driver import Driver
from wdfmc.repairs.verified import IDIOMS, standard_form
from wdfmc.source import Source


@cache
def repaired(model: str) -> dict[str, list[tuple[str, str]]]:
    """Words of a repair -> the lines that change, of all routines of a model."""
    (found,), _ = loaded([MODELS[f"cancellation/{model}.wdf"]], Options())
    return changes(found.program.source.source)


def changes(source: Source) -> dict[str, list[tuple[str, str]]]:
    (found,), _ = loaded([source], Options())
    text = found.program.source
    driver = Driver(text, found.program, frozenset(range(1, len(source.line_starts) + 1)))
    original = standard_form(source)
    made = {}
    for idiom in IDIOMS:
        for repair in idiom(driver):
            after = Source(source.name, formatted(edited(text.source, repair.edits)))
            lines = [(line.mark, line.text.split("//")[0].strip()) for line in changed_lines(original, after)]
            made[f"{repair.idiom}: {repair.words}"] = lines
    return made


EXPECTED = {
    "pending_read_ignored_unmark": (
        "test this result: if WdfRequestUnmarkCancelable fails, forget r (line 30)",
        [
            ("-", "WdfRequestUnmarkCancelable(r);"),
            ("+", "if (!NT_SUCCESS(WdfRequestUnmarkCancelable(r))) { r = null; }"),
        ],
    ),
    "pending_read_lock_held": (
        "release the lock before this call: give the lock back before line 31, not in line 32: "
        "`WdfSpinLockRelease(Lock)`",
        [("+", "WdfSpinLockRelease(Lock);"), ("-", "WdfSpinLockRelease(Lock);")],
    ),
    "forward_canceller_stale": (
        "take the reference before releasing: take a reference on r before line 34, and drop it after line 36",
        [("+", "if (r != null) { WdfObjectReference(r); }"), ("+", "WdfObjectDereference(r);")],
    ),
    "forward_canceller_late_reference": (
        "take the reference before releasing: take the reference on r before line 34",
        [("+", "if (r != null) { WdfObjectReference(r); }"), ("-", "WdfObjectReference(r);")],
    ),
    "power_cycle_stale_flag": (
        "clear what belongs together: also clear Remark after line 36",
        [("+", "Remark = false;")],
    ),
    "pending_read_plain_mark": (
        "use the call that reports instead of calling back: WdfRequestMarkCancelableEx for WdfRequestMarkCancelable "
        "in line 16; end Request if it fails",
        [
            ("-", "WdfRequestMarkCancelable(Request, OnCancel);"),
            ("+", "status = WdfRequestMarkCancelableEx(Request, OnCancel);"),
            ("+", "if (!NT_SUCCESS(status)) { remove Request from Pending; }"),
            ("+", "if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }"),
        ],
    ),
    "pending_read_no_lock": (
        "hold the lock over these lines: hold Lock where OnRead, OnDpc, OnCancel use Pending, "
        "for as long as no callback may run inside",
        [
            ("+", "spinlock Lock;"),
            ("+", "WdfSpinLockAcquire(Lock);"),
            *[("+", "WdfSpinLockRelease(Lock);")] * 2,  # one for each branch: the call in the second may run callbacks
            *[("+", "WdfSpinLockAcquire(Lock);"), ("+", "WdfSpinLockRelease(Lock);")] * 2,
        ],
    ),
}


@pytest.mark.parametrize("model", EXPECTED)
def test_wrong_models_have_their_repair(model: str) -> None:
    words, lines = EXPECTED[model]
    assert words in repaired(model), "\n".join(repaired(model))
    assert repaired(model)[words] == lines


@pytest.mark.parametrize("model", EXPECTED)
def test_most_repairs_are_drivers(model: str) -> None:
    """An idiom may not fit a place, but what it writes is the language: all of it was formatted, so it parses."""
    assert len(repaired(model)) > 3


SECTIONS = """\
driver Sections {
    queue    Reads : parallel, front { EvtIoRead = OnRead; EvtIoWrite = OnWrite; }
    spinlock Lock;
    context  device { Busy : bool; Other : bool; }
    callback OnRead(Request) {
        if (Busy) { WdfRequestComplete(Request, STATUS_CANCELLED); return; }
        Busy = true;
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
    callback OnWrite(Request) {
        WdfSpinLockAcquire(Lock);
        Busy = false;
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""


def test_a_lock_is_given_back_on_every_way_out() -> None:
    """Only where it is not held yet, with the driver's own lock."""
    made = changes(Source("sections.wdf", SECTIONS))
    tight = "hold the lock over these lines: hold Lock where OnRead uses Busy, from the first use to the last"
    assert [text for mark, text in made[tight] if mark == "+"] == [
        "WdfSpinLockAcquire(Lock);",
        "if (Busy) { WdfRequestComplete(Request, STATUS_CANCELLED); { WdfSpinLockRelease(Lock); return; } }",
        "WdfSpinLockRelease(Lock);",
    ]
    assert not any("Other" in words for words in made if words.startswith("hold"))


def test_only_what_the_trace_passes_through_is_changed() -> None:
    (found,), _ = loaded([Source("sections.wdf", SECTIONS)], Options())
    driver = Driver(found.program.source, found.program, frozenset({12}))
    assert {spot.routine.name for spot in driver.spots} == {"OnWrite"}
