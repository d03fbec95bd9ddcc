from __future__ import annotations

import time

import pytest

from tests.lowered import Lowered
from tests.systems import GOALS, small_system
from wdfmc.engines import anynumber
from wdfmc.engines.certificate import Certificate, audit
from wdfmc.engines.shrinking import shrunk
from wdfmc.system.lemma import Lemma
from wdfmc.system.slice import sliced
from wdfmc.system.system import Place

RULE = "no-double-complete"
DRIVER = """\
    driver Small {
        queue Reads : parallel, front { EvtIoRead = OnRead; }
        callback OnRead(Request) {
            if (maybe("it is wrong")) { WdfRequestComplete(Request, STATUS_INVALID_PARAMETER); return; }
            WdfRequestComplete(Request, STATUS_SUCCESS);
        }
    }
"""


@pytest.mark.parametrize("seed", range(30))
def test_fewer_lemmas_prove_the_same(seed: int) -> None:
    system = small_system(seed)
    for found in anynumber.prove(system, GOALS[:2], time.monotonic() + 20).certificates:
        small = shrunk(system, found, time.monotonic() + 20)
        assert small.goals == found.goals
        assert len(small.lemmas) <= len(found.lemmas)
        assert audit(system, small)


def test_lemma_that_proves_nothing_is_left_out() -> None:
    system = sliced(Lowered(DRIVER, (RULE,)).system, frozenset({RULE}), frozenset()).system
    (found,) = anynumber.prove(system, [RULE], time.monotonic() + 20).certificates
    number = next(at for at, variable in enumerate(system.variables) if variable.name == "own")
    apart = Lemma(2, ((Place(number, 0), frozenset({"driver"})), (Place(number, 1), frozenset({"driver"}))))
    more = Certificate(found.goals, (*found.lemmas, apart), None, found.followed)
    assert apart not in shrunk(system, more, time.monotonic() + 20).lemmas
