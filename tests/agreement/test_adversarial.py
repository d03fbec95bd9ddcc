"""Drivers that only many requests break are not proved for any number of them."""

from __future__ import annotations

import pytest

from tests.agreement.adversarial import DRIVERS
from wdfmc.checking import Options, check_text
from wdfmc.verdict import Result, Word

ASKED = 2  # requests, as on the command line
PATIENCE = 240.0  # seconds


def result(name: str, options: Options) -> Result:
    driver = DRIVERS[name]
    (model,) = check_text(driver.text, options=options).models
    (found,) = [one for one in model.results if one.rule == driver.rule]
    return found


@pytest.mark.parametrize("name", DRIVERS)
def test_it_is_not_proved_for_any_number(name: str) -> None:
    driver = DRIVERS[name]
    found = result(name, Options(rules=(driver.rule,), requests=ASKED, timeout=PATIENCE))
    if driver.fewest <= ASKED:
        assert found.verdict is Word.VIOLATED
    elif found.verdict is Word.VIOLATED:
        assert isinstance(found.requests, int) and found.requests >= driver.fewest
    else:
        assert (found.verdict, found.requests) == (Word.PROVED, ASKED)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long) if driver.fewest == 5 else name for name, driver in DRIVERS.items()],
)
def test_so_many_requests_break_it_and_fewer_do_not(name: str) -> None:
    driver = DRIVERS[name]
    for requests, verdict in ((driver.fewest - 1, Word.PROVED), (driver.fewest, Word.VIOLATED)):
        if requests:
            options = Options(rules=(driver.rule,), requests=requests, engine="explicit", widening=0, timeout=PATIENCE)
            assert result(name, options).verdict is verdict, requests
