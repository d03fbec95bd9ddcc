"""Rules about several declared objects: what their instances remember."""

from __future__ import annotations

import pytest

from tests.lowered import Lowered

LOCKS = 12


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("never acq(a) and once acq(b)", True),
        ("never (acq(a) while a == b) and once acq(b)", False),
        ("never (acq(a) while a != b) and once acq(b)", True),
        ("never (acq(b) while a != b) and once acq(a)", True),
        ("never acq(a) and once rel(b)", True),
        ("never (acq(a) while a == b) and once rel(b)", False),
        ("never (rel(a) while a == b) and once acq(b)", True),
        ("never acq(a) and (not acq(b) since rel(b))", True),
        ("never (acq(a) while a == b) and (not acq(b) since rel(b))", False),
    ],
)
def test_an_instance_sees_what_came_before_the_event_and_not_what_others_make_of_it(rule: str, broken: bool) -> None:
    lowered = Lowered(f"""
        rule twice(a: lock, b: lock) "No lock is taken after another." {rule};
        driver D {{
            spinlock First;
            spinlock Second;
            thread T once {{
                WdfSpinLockAcquire(First); WdfSpinLockRelease(First);
                WdfSpinLockAcquire(Second); WdfSpinLockRelease(Second);
            }}
        }}
        """, ("twice",))  # fmt: skip
    assert ("twice" in lowered.instance(1).broken) == broken


def test_of_many_locks_those_are_remembered_that_are_nested() -> None:
    declared = " ".join(f"spinlock L{at};" for at in range(LOCKS))
    lowered = Lowered(f"""
        driver D {{
            {declared}
            thread T {{
                WdfSpinLockAcquire(L0); WdfSpinLockAcquire(L1); WdfSpinLockRelease(L1); WdfSpinLockRelease(L0);
            }}
            thread U {{
                WdfSpinLockAcquire(L1); WdfSpinLockAcquire(L2); WdfSpinLockRelease(L2); WdfSpinLockRelease(L1);
            }}
            thread V {{
                WdfSpinLockAcquire(L2); WdfSpinLockAcquire(L0); WdfSpinLockRelease(L0); WdfSpinLockRelease(L2);
            }}
        }}
        """, ("lock-order-acyclic",))  # fmt: skip
    assert "lock-order-acyclic" in lowered.instance(1).broken
    remembered = [variable for variable in lowered.system.variables if variable.kind == "rule"]
    assert len(remembered) <= 2 * 3 * LOCKS
