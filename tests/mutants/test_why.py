"""Why a line is there: what is found when it is left out, and that nothing else is taken for a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shipped import MODELS
from wdfmc.checking import Options
from wdfmc.cli import main
from wdfmc.diagnostics import Rejected
from wdfmc.language.reading import read
from wdfmc.mutants.judged import Answer, new_violations, with_room_for
from wdfmc.mutants.judged import asked as asked_of
from wdfmc.mutants.why import Need, Why, why
from wdfmc.source import Source
from wdfmc.verdict import Audit, Word

COMPLETES = """\
driver Completes {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_SUCCESS);
        again = false;
        if (again) { WdfRequestComplete(Request, STATUS_SUCCESS); }
    }
}
"""
TWICE = COMPLETES.replace("again = false;", "again = true;")


def asked(text: str, line: int, **options: object) -> Why:
    return why(Source("completes.wdf", text), line, Options(widening=0, **options), None, lambda _each: None)  # type: ignore[arg-type]


def test_a_statement_that_does_the_work_is_needed() -> None:
    found = asked(COMPLETES, 7)
    assert found.need is Need.NEEDED
    assert found.told is not None
    first = found.told.broken[0]
    assert first.audit is Audit.REPLAYED
    assert first.trace is not None
    assert found.judged[0].mutant.mutation.kind == "drop"


def test_a_lock_around_nothing_is_not_needed() -> None:
    found = asked(COMPLETES, 5)
    assert found.need is Need.UNNEEDED
    pair = next(each for each in found.judged if each.mutant.mutation.kind == "pair")
    assert pair.answer is Answer.SAME
    assert pair.gone  # the rules about locks do not concern it any more: no reason to keep one
    assert pair.requests == 2


def test_a_rule_that_is_broken_anyway_is_no_reason() -> None:
    """Without the test the request is completed twice as before, and by the same rule."""

    def taken_to_be_true(text: str) -> list[Answer]:
        found = asked(text, 9, rules=("no-double-complete",))
        return [each.answer for each in found.judged if each.mutant.mutation.words == "`again` taken to be true"]

    assert taken_to_be_true(TWICE) == [Answer.SAME]
    assert taken_to_be_true(COMPLETES) == [Answer.BROKEN]


def test_a_driver_without_its_handler_does_less() -> None:
    found = asked(COMPLETES, 2)
    (handler,) = found.judged
    assert (handler.answer, found.need) == (Answer.IDLE, Need.NEEDED)
    assert not handler.broken


def test_what_was_not_decided_is_no_reason() -> None:
    """It may have been violated before."""
    found = asked(COMPLETES, 7)
    unknown = {asked_of(result): replace(result, verdict=Word.UNKNOWN) for result in found.before.results}
    assert found.told is not None
    assert new_violations(found.told.broken, found.before.known) == found.told.broken
    assert new_violations(found.told.broken, unknown) == ()


def test_a_text_may_be_nested_deeply() -> None:
    depth = 400
    deep = COMPLETES.replace("again = false;", "{" * depth + "again = false;" + "}" * depth)
    source = Source("deep.wdf", deep)
    options = Options(widening=0, rules=("no-double-complete",))
    found = with_room_for(source, lambda: why(source, 7, options, None, lambda _each: None))
    assert found.judged


@pytest.mark.parametrize(("line", "words"), [(3, "no statement"), (1, "no statement"), (99, "has no line 99")])
def test_nothing_to_ask_about(line: int, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        asked(COMPLETES, line)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "WDF940"
    assert words in diagnostic.message


def test_the_lock_of_the_pending_read() -> None:
    """The reason that its text gives: between taking the read out of the set and unmarking it, it must not end."""
    source = read(MODELS["cancellation/pending_read.wdf"])
    found = why(source, 28, Options(widening=0), None, lambda _each: None)
    assert found.need is Need.NEEDED
    assert found.told is not None
    assert found.told.mutant.mutation.kind == "pair"
    assert {result.rule for result in found.told.broken} >= {"no-unmark-after-complete", "unmark-only-when-marked"}


def test_command_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "completes.wdf"
    path.write_text(COMPLETES, encoding="utf-8")
    assert main(["why", f"{path}:5", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["line"], found["need"], found["exit"]) == (5, "not needed", 0)
    pair = next(each for each in found["mutants"] if each["kind"] == "pair")
    assert [(line["mark"], line["line"]) for line in pair["diff"]] == [("-", 5), ("-", 6)]
    assert main(["why", str(path)]) == 2
    assert "WDF901" in capsys.readouterr().err
