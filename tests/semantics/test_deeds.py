"""What calls do to locks, counters and callbacks, as the library's text says it."""

from __future__ import annotations

from functools import cache

import pytest

from tests.shipped import MODELS
from wdfmc.checking import Options, loaded
from wdfmc.semantics.deeds import Deeds, deeds, opposites


@cache
def known() -> dict[str, Deeds]:
    (model,), _ = loaded([MODELS["cancellation/pending_read.wdf"]], Options())
    return dict(deeds(model.program))


@pytest.mark.parametrize(
    ("name", "undone"),
    [
        ("WdfSpinLockAcquire", {"WdfSpinLockRelease", "WdfWaitLockRelease", "KeReleaseSpinLock"}),
        ("WdfWaitLockRelease", {"WdfSpinLockAcquire", "WdfWaitLockAcquire", "KeAcquireSpinLock"}),
        ("WdfObjectAcquireLock", {"WdfObjectReleaseLock"}),
        ("WdfObjectReference", {"WdfObjectDereference"}),
        ("WdfObjectDereference", {"WdfObjectReference"}),
        ("WdfRequestMarkCancelableEx", set()),
    ],
)
def test_what_undoes_a_call(name: str, undone: set[str]) -> None:
    assert opposites(known(), name) >= undone
    assert bool(opposites(known(), name)) == bool(undone)


@pytest.mark.parametrize(
    ("name", "back"),
    [
        ("WdfRequestComplete", True),  # the queue may present the next request
        ("WdfRequestMarkCancelable", True),
        ("WdfRequestMarkCancelableEx", False),
        ("WdfRequestUnmarkCancelable", False),
        ("WdfRequestSend", True),
        ("WdfSpinLockAcquire", False),
    ],
)
def test_who_may_run_callbacks_before_it_returns(name: str, back: bool) -> None:
    assert known()[name].calls_back is back


def test_locks_and_counters_are_told_apart() -> None:
    assert known()["WdfSpinLockAcquire"].locks
    assert not known()["WdfObjectReference"].locks
