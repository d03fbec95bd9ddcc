"""Two versions of a design: what is told, what is not, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shipped import MODELS, ROOT
from wdfmc.checking import Options
from wdfmc.cli import main
from wdfmc.difference import Change, Difference, change, difference
from wdfmc.reports.differing import difference_object, lines
from wdfmc.reports.page import PIPE, plain
from wdfmc.source import Source
from wdfmc.verdict import Audit, Result, Word

OLD = """\
driver Reader {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) {
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); return; }
        if (NT_SUCCESS(WdfRequestUnmarkCancelable(Request))) { WdfRequestComplete(Request, STATUS_SUCCESS); }
    }
    callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }
}
"""
TESTED = "if (NT_SUCCESS(WdfRequestUnmarkCancelable(Request))) { WdfRequestComplete(Request, STATUS_SUCCESS); }"
WRONG = OLD.replace(TESTED, "WdfRequestUnmarkCancelable(Request); WdfRequestComplete(Request, STATUS_SUCCESS);")
UNMARKED = OLD.replace(
    "WdfRequestComplete(Request, status); return; }", "WdfRequestComplete(Request, status); return; }\n        return;"
)
RULES = ("no-double-complete", "request-eventually-completed")


@cache
def found(old: str, new: str, requests: int = 1, rules: tuple[str, ...] = RULES) -> Difference:
    options = Options(rules=rules, engine="explicit", requests=requests, widening=0.0)
    sources = Source("old.wdf", old), Source("new.wdf", new)
    return difference(*sources, options, lambda path, result: None)[0]


def text(one: Difference) -> str:
    return plain(lines(one, PIPE))


def test_the_same() -> None:
    one = found(OLD, OLD)
    assert one.exit == 0
    assert not one.changed and not one.appeared and not one.vanished
    assert not one.died.places and not one.revived.places
    assert text(one).endswith("every verdict is the same; exit 0: no difference\n")


def test_what_has_moved_is_the_same() -> None:
    moved = "// A comment.\n\n" + OLD.replace("    callback OnCancel", "\n    // another one\n    callback OnCancel")
    assert found(OLD, moved).exit == 0


def test_worse() -> None:
    one = found(OLD, WRONG)
    assert one.exit == 1
    worse = {item.result.rule for item in one.changed if item.change is Change.WORSE}
    assert "no-double-complete" in worse or "no-complete-after-cancel-won" in worse
    said = text(one)
    assert "exit 1: a verdict is worse" in said
    for rule in worse:
        assert f"\n{rule}: violated in " in said, "each comes with its trace"


def test_better_is_the_other_way_round() -> None:
    one = found(WRONG, OLD)
    assert one.exit == 4
    assert one.number(Change.WORSE) == 0 and one.number(Change.BETTER) >= 1
    assert "violates" not in text(one), "a fault that is gone has no trace"


def test_steps_that_appear_and_vanish() -> None:
    one, back = found(OLD, WRONG), found(WRONG, OLD)
    appeared = {(step.edge.before, step.edge.after, step.edge.deed.actor) for step in one.appeared}
    assert appeared == {("cancel_owed", "done", "OnRead")} or appeared == {("cancel_run", "done", "OnRead")}
    assert [step.edge.deed.action for step in back.vanished] == [step.edge.deed.action for step in one.appeared]
    assert "life cycle of requests\n  new     " in text(one)
    assert "  gone    " in text(back)


def test_statements_that_can_no_longer_run() -> None:
    """What follows a return is there, and dead; so is what it would have called."""
    one = found(OLD, UNMARKED)
    died = {" ".join(place.span.text.split()) for place in one.died.places if place.kind == "statement"}
    assert any("WdfRequestUnmarkCancelable" in words for words in died)
    assert "can no longer run" in text(one)
    assert all(place.span.source.name == "new.wdf" for place in one.died.places)
    revived = found(UNMARKED, OLD).revived.places
    assert {" ".join(place.span.text.split()) for place in revived if place.kind == "statement"} == died


def test_one_line_for_what_is_inside_another() -> None:
    said = [line for line in text(found(OLD, UNMARKED)).splitlines() if "can no longer run" in line]
    assert 1 <= len(said) < len(found(OLD, UNMARKED).died.places)


def test_undecided_is_not_the_same() -> None:
    one = replace(found(OLD, OLD), open=("the life cycle of old.wdf is not complete: out of time",))
    assert one.exit == 3
    assert "is not complete: out of time" in text(one)
    options = Options(rules=RULES, engine="explicit", requests=1, widening=0.0, timeout=1e-6)
    cut = difference(Source("old.wdf", OLD), Source("new.wdf", OLD), options, lambda path, result: None)[0]
    assert cut.exit == 3
    assert cut.number(Change.OPEN) == len(cut.verdicts) > 0


def a_result(verdict: Word, **more: Any) -> Result:
    return replace(Result("a-rule", "So it is.", verdict, 2, None, "explicit", (), 0.0, Audit.NONE), **more)


PROVED, VIOLATED, VACUOUS = a_result(Word.PROVED), a_result(Word.VIOLATED), a_result(Word.VACUOUS)
UNKNOWN, BOUNDED, SKIPPED = a_result(Word.UNKNOWN), a_result(Word.BOUNDED), a_result(Word.SKIPPED)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (PROVED, PROVED, Change.SAME),
        (VIOLATED, replace(VIOLATED, depth=7), Change.SAME),
        (SKIPPED, replace(SKIPPED, reason="another one"), Change.SAME),
        (PROVED, VIOLATED, Change.WORSE),
        (UNKNOWN, VIOLATED, Change.WORSE),
        (BOUNDED, VIOLATED, Change.WORSE),
        (SKIPPED, VIOLATED, Change.WORSE),
        (VACUOUS, VIOLATED, Change.WORSE),
        (None, VIOLATED, Change.WORSE),
        (VIOLATED, PROVED, Change.BETTER),
        (VIOLATED, SKIPPED, Change.BETTER),
        (UNKNOWN, PROVED, Change.BETTER),
        (PROVED, UNKNOWN, Change.OPEN),
        (PROVED, BOUNDED, Change.OPEN),
        (VIOLATED, BOUNDED, Change.OPEN),
        (UNKNOWN, UNKNOWN, Change.OPEN),
        (UNKNOWN, SKIPPED, Change.OPEN),
        (PROVED, VACUOUS, Change.OTHER),
        (PROVED, SKIPPED, Change.OTHER),
        (SKIPPED, PROVED, Change.OTHER),
        (PROVED, replace(PROVED, requests="any"), Change.OTHER),
        (PROVED, replace(PROVED, under=("model-bound",)), Change.OTHER),
        (None, PROVED, Change.OTHER),
        (VIOLATED, None, Change.OTHER),
    ],
)
def test_kinds_of_change(old: Result | None, new: Result | None, kind: Change) -> None:
    assert change(old, new) is kind


def test_environments_are_told_apart() -> None:
    """A rule that one version also checks with silent targets."""
    base = (MODELS["seeds/send_and_forget.wdf"]).read_text(encoding="utf-8")
    more = base.rstrip().removesuffix("}") + "    expect proved no-double-complete with target silent;\n}\n"
    one = found(base, more, rules=("no-double-complete",))
    assert len([item for item in one.verdicts if item.result.rule == "no-double-complete"]) == 2
    assert {item.change for item in one.changed} == {Change.OTHER}
    assert all(item.old is None for item in one.changed)


def test_report_is_as_reviewed(golden: Callable[[str, str], None]) -> None:
    sources = [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in (MODELS[f"cancellation/pending_read{name}.wdf"] for name in ("", "_ignored_unmark"))
    ]
    options = Options(rules=("no-double-complete",), engine="explicit", requests=1, widening=0.0)
    golden("reports/difference.txt", text(difference(*sources, options, lambda path, result: None)[0]))


def test_json_has_all_of_it() -> None:
    one = found(OLD, WRONG)
    said = difference_object(one)
    assert json.loads(json.dumps(said)) == said
    assert (said["exit"], said["old"]["path"], said["new"]["path"]) == (1, "old.wdf", "new.wdf")
    worse = [item for item in said["verdicts"] if item["change"] == "worse"]
    assert worse and all(item["new"]["trace"]["steps"] for item in worse)
    assert {item["change"] for item in said["verdicts"]} <= {str(each) for each in Change}
    assert said["life_cycle"]["appeared"][0]["actor"] == "OnRead"


# ---------------------------------------------------------------- the command


@pytest.fixture
def versions(tmp_path: Path) -> tuple[str, str]:
    for name, words in (("old", OLD), ("new", WRONG)):
        (tmp_path / f"{name}.wdf").write_text(words, encoding="utf-8")
    return str(tmp_path / "old.wdf"), str(tmp_path / "new.wdf")


def test_exit_code_is_that_of_the_difference(versions: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--rule", "no-double-complete", "--requests", "1", "--jobs", "1"]
    assert main(["diff", *versions, *options]) == 1
    assert "exit 1: a verdict is worse" in capsys.readouterr().out
    assert main(["diff", versions[0], versions[0], *options, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["exit"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("- -", "WDF905"),
        ("models/seeds models/seeds/stacked.wdf", "WDF901"),
        ("nowhere.wdf models/seeds/stacked.wdf", "WDF001"),
        ("models/seeds/stacked.wdf models/seeds/stacked.wdf --output nowhere/a.txt", "WDF906"),
        ("models/seeds/stacked.wdf", "WDF901"),
        ("models/seeds/stacked.wdf models/seeds/stacked.wdf --rule no-such-rule", "WDF208"),
    ],
)
def test_wrong_command_line(
    words: str, code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["diff", *words.split()]) == 2
    assert code in capsys.readouterr().err
