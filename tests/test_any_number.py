"""Which verdicts on shipped models say "any number of requests", and that none of these is false."""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.shipped import MODELS, PATIENCE, checked, results
from wdfmc.checking import Options, check_text
from wdfmc.verdict import Audit, Report, Result, Word

QUICK = [
    "cancellation/pending_read.wdf",
    "cancellation/forward_canceller.wdf",
    "drivers/vhidmini2.wdf",
    "seeds/complete_from_cancel.wdf",
    "seeds/forward_unmodified.wdf",
    "seeds/several_targets.wdf",
]
LARGEST = 2
EVENTUALLY = "request-eventually-completed"


@lru_cache
def report(model: str) -> Report:
    return checked(model, Options(timeout=PATIENCE, widening=60))


def decided(result: Result) -> tuple[str, ...]:
    """The rule, and what targets do: an `expect` may ask about others, too."""
    return (result.rule, *(words for words in result.assumptions if words.startswith("target ")))


def for_any(model: str) -> set[tuple[str, ...]]:
    """The rules that are proved for any number, each with what targets do."""
    proved = [result for result in results(report(model)) if result.requests == "any"]
    for result in proved:
        audit = Audit.NONE if result.engine == "domains" else Audit.CERTIFIED
        assert (result.verdict, result.audit) == (Word.PROVED, audit), result.rule
        assert result.engine in ("domains", "ic3", "liveness"), result.rule
    return set(map(decided, proved))


@pytest.mark.parametrize("model", [*QUICK, pytest.param("drivers/echo_autosync.wdf", marks=pytest.mark.long)])
def test_what_is_proved_is_proved_for_any_number(model: str) -> None:
    """Of the rules on "eventually" at least that what is received is finished; the others say why not."""
    proved = [result for result in results(report(model)) if result.verdict is Word.PROVED]
    left = [result for result in proved if decided(result) not in for_any(model)]
    assert not [result.rule for result in left if not result.assumptions or result.rule == EVENTUALLY]
    assert all(result.limited for result in left)


def test_why_it_is_not_for_any_number() -> None:
    """With no time for it, nothing is proved for more than was asked for, and the report says so."""
    found = results(checked("seeds/several_targets.wdf", Options(timeout=PATIENCE, widening=1e-6)))
    proved = [result for result in found if result.verdict is Word.PROVED and result.engine != "domains"]
    assert all(result.requests == 2 for result in proved)
    assert all("could not be proved for more" in (result.limited or "") for result in proved)


@pytest.mark.parametrize("requests", range(1, LARGEST + 1))
@pytest.mark.parametrize("model", QUICK)
def test_with_fewer_and_more_requests_it_is_as_they_say(model: str, requests: int) -> None:
    agrees(model, requests)


@pytest.mark.long
@pytest.mark.parametrize("requests", range(1, LARGEST + 3))
@pytest.mark.parametrize("model", sorted(MODELS))
def test_with_up_to_four_requests_it_is_as_they_say(model: str, requests: int) -> None:
    agrees(model, requests)


def agrees(model: str, requests: int) -> None:
    proved = for_any(model)
    if proved:
        rules = tuple(sorted({rule for rule, *_ in proved}))
        options = Options(rules=rules, requests=requests, engine="ic3" if requests > 3 else "explicit")
        found = {decided(result): result.verdict for result in results(checked(model, options))}
        assert proved <= found.keys()
        assert not [each for each in proved if found[each] is Word.VIOLATED]


COUNTS = """
driver Counts {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    context  device { Count : 0..5; }
    callback OnRead(Request) {
        InterlockedIncrement(&Count);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
rule never-three "The counter never reaches three." never Count == 3;
"""


def counted(requests: int, widening: float = 60) -> Report:
    options = Options(rules=("never-three",), requests=requests, widening=widening)
    return check_text(COUNTS, options=options)


def test_more_requests_than_asked_for_can_violate_a_rule() -> None:
    """Three requests are needed; two were asked for. The trace is as good as any."""
    (result,) = [one for one in results(counted(requests=2)) if one.rule == "never-three"]
    assert (result.verdict, result.requests, result.audit) == (Word.VIOLATED, 3, Audit.REPLAYED)
    assert result.trace is not None


def test_a_driver_that_is_wrong_is_not_proved_for_any_number() -> None:
    found = results(checked("cancellation/pending_read_no_lock.wdf", Options(timeout=PATIENCE)))
    assert any(result.verdict is Word.VIOLATED for result in found)
    assert {result.requests for result in found} == {2}


def test_what_no_transition_can_break_is_not_called_certified() -> None:
    found = {result.rule: result for result in results(report("cancellation/pending_read.wdf"))}
    assert (found["deadlock-free"].requests, found["deadlock-free"].audit) == ("any", Audit.NONE)
    assert (found["no-double-complete"].requests, found["no-double-complete"].audit) == ("any", Audit.CERTIFIED)


def test_nothing_is_tried_without_time_for_it() -> None:
    (result,) = [one for one in results(counted(requests=2, widening=0)) if one.rule == "never-three"]
    assert (result.verdict, result.requests) == (Word.PROVED, 2)
