"""What can be done to a line. Nothing is checked here."""

from __future__ import annotations

import pytest

from wdfmc.checking import Options, loaded
from wdfmc.language.parse import parse
from wdfmc.mutants.judged import changed_model
from wdfmc.mutants.mutations import Mutant, mutants_of_line, mutants_of_text
from wdfmc.source import Source

DRIVER = """\
driver Small {
    queue    Reads : parallel, front { EvtIoRead = OnRead; EvtIoStop = OnStop; }
    spinlock Lock;
    context  device { Pending : set of request; Busy : bool; }
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        if (Busy || WdfRequestIsCanceled(Request)) {
            WdfSpinLockRelease(Lock);
            WdfRequestComplete(Request, STATUS_CANCELLED);
            return;
        }
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) { add Request to Pending; } else { WdfRequestComplete(Request, status); }
        WdfSpinLockRelease(Lock);
    }
    callback OnCancel(Request) { remove Request from Pending; WdfRequestComplete(Request, STATUS_CANCELLED); }
    callback OnStop(Request, Action, Cancelable) { if (Cancelable) WdfRequestStopAcknowledge(Request, FALSE); }
}
"""
SOURCE = Source("small.wdf", DRIVER)


def of_line(number: int) -> dict[str, Mutant]:
    (model,), _ = loaded([SOURCE], Options())
    found = mutants_of_line(model.program.source, model.program, number)
    return {f"{each.mutation.kind}: {each.mutation.words}": each for each in found}


def line(mutant: Mutant, number: int) -> str:
    return mutant.source.line(number).strip()


def test_a_lock_goes_with_every_release_that_it_leads_to() -> None:
    found = of_line(6)
    key = "pair: without `WdfSpinLockAcquire(Lock)` and `WdfSpinLockRelease(Lock)` in line 8 and "
    pair = found[key + "`WdfSpinLockRelease(Lock)` in line 14"]
    assert [line(pair, number) for number in (6, 8, 14)] == ["", "", ""]
    assert not [key for key in found if key.startswith("drop")]  # half a pair says nothing about the lock


def test_a_release_is_left_out_alone_and_with_its_lock() -> None:
    assert [key.partition(":")[0] for key in of_line(8)] == ["drop", "pair", "swap"]


def test_a_test_decides_nothing_but_its_calls_are_made() -> None:
    found = of_line(7)
    condition = "Busy || WdfRequestIsCanceled(Request)"
    assert line(found[f"test: `{condition}` taken to be true"], 7) == f"if (({condition}) || true) {{"
    assert line(found[f"test: `{condition}` taken to be false"], 7) == f"if (({condition}) && false) {{"
    assert (
        line(found["part: without `Busy` in the test"], 7) == "if ((Busy && false) || WdfRequestIsCanceled(Request)) {"
    )
    without_call = found["result: without `WdfRequestIsCanceled`, as if it gave true"]
    assert line(without_call, 7) == "if (Busy || true) {"


def test_the_result_of_a_call_that_is_left_out_is_that_of_success() -> None:
    found = of_line(12)
    words = "result: without `WdfRequestMarkCancelableEx`, as if it gave STATUS_SUCCESS"
    assert line(found[words], 12) == "status = STATUS_SUCCESS;"


def test_a_branch_is_left_out() -> None:
    found = of_line(13)["branch: without the `else`"]
    assert line(found, 13) == "if (NT_SUCCESS(status)) { add Request to Pending; }"


def test_neighbours_change_places_with_both() -> None:
    assert [key for key in of_line(12) if key.startswith("swap")] == [
        "swap: `status = WdfRequestMarkCancelableEx(Request, OnCancel)` after `if (NT_SUCCESS(status))`",
        "swap: `if (Busy || WdfRequestIsCanceled(Request))` after "
        "`status = WdfRequestMarkCancelableEx(Request, OnCancel)`",
    ]


def test_the_framework_is_not_told_of_a_callback() -> None:
    assert line(of_line(2)["drop: without `EvtIoStop = OnStop`"], 2).endswith("{ EvtIoRead = OnRead; }")


def test_a_statement_without_braces_leaves_an_empty_block() -> None:
    found = of_line(17)["drop: without `WdfRequestStopAcknowledge(Request, FALSE)`"]
    assert "if (Cancelable) { } }" in line(found, 17)


def test_a_line_inside_a_statement_stands_for_it() -> None:
    assert "branch: without the `else`" not in of_line(11)
    assert [key for key in of_line(11) if key.startswith("test")]  # the brace of the `if` in line 7


def test_what_is_read_no_more_is_not_written() -> None:
    """A call that gave it is made all the same."""
    text = DRIVER.replace("return;", "again = WdfRequestIsCanceled(Request); x = true;")
    model = changed_model(Source("small.wdf", text), Options())
    changed = model.program.source.source.line(10).strip()
    assert changed == "WdfRequestIsCanceled(Request);"


@pytest.mark.parametrize("number", [1, 3, 5, 18, 19, 99])
def test_nothing_is_to_be_left_out(number: int) -> None:
    assert of_line(number) == {}


def test_every_text_comes_once_and_keeps_the_lines_apart() -> None:
    (model,), _ = loaded([SOURCE], Options())
    mutants = mutants_of_text(model.program.source, model.program)
    texts = [mutant.source.text for mutant in mutants]
    assert len(texts) == len(set(texts))
    assert DRIVER not in texts
    assert [mutant.mutation.line for mutant in mutants] == sorted(mutant.mutation.line for mutant in mutants)
    for mutant in mutants:
        assert parse(mutant.source).items
        assert mutant.source.text.count("\n") == DRIVER.count("\n")
