"""What is said at the prompt, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wdfmc.reports.page import PIPE, plain
from wdfmc.simulation.session import ORDERS, Session
from wdfmc.simulation.stepwise import Stepwise

NO_LOCK = "cancellation/pending_read_no_lock.wdf"
BREACH = "no-access-after-ownership-loss"


@pytest.fixture
def session(model: Callable[[str], Stepwise]) -> Session:
    return Session(model(NO_LOCK), PIPE)


def told(session: Session, *texts: str) -> str:
    """The answer to the last one."""
    answer = ""
    for text in texts:
        answer = plain(session.say(text))
    return answer


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("0", "WDF913", "none of the numbers 1 to 3"),
        ("99", "WDF913", "none of the numbers 1 to 3"),
        ("1 2", "WDF913", "none of the numbers"),
        ("²", "WDF913", "no command"),
        ("bakc", "WDF913", "did you mean `back`"),
        ("back", "WDF913", "this is the start"),
        ("back -1", "WDF913", "how many steps"),
        ("back x", "WDF913", "how many steps"),
        ("list all", "WDF913", "takes nothing"),
        ("run", "WDF913", "needs a point"),
        ("run 1", "WDF914", "no statement that can run begins on line 1 "),
        ("run 999999999999999999999", "WDF914", "no statement"),
        ("run OnRead(r1)", "WDF914", "OnRead(r1) is not running"),
        ("run OnRaed(r1)", "WDF913", "did you mean `OnRead(r1)`"),
        ("run sender_issues Reads(r1)", "WDF914", "is no callback"),
        ("random x", "WDF913", "how many steps"),
        ("state most", "WDF913", "`state all`"),
        ("save", "WDF913", "name of a file"),
        ("save /nowhere/at/all", "WDF906", "cannot write"),
        ("load", "WDF913", "name of a file"),
        ("load /nowhere/at/all", "WDF001", "there is no file"),
        ("end", "WDF913", "no trace to follow"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(session: Session, text: str, code: str, words: str) -> None:
    answer = told(session, text)
    assert f"error[{code}]" in answer
    assert words in " ".join(answer.split())
    assert session.run.taken == []
    assert not session.over


@pytest.mark.parametrize("text", ["quit", "q", "exit", "QUIT"])
def test_leaving(session: Session, text: str) -> None:
    told(session, text)
    assert session.over


def test_every_word_can_be_said_and_is_in_the_help(session: Session) -> None:
    shown = told(session, "help")
    for order in ORDERS:
        assert f"\n  {order.word} " in shown


def test_step_and_back(session: Session) -> None:
    before = told(session, "list")
    assert "r1: none -> driver" in told(session, "2")
    assert before in told(session, "back")
    told(session, "2", "4", "4")
    assert len(session.run.taken) == 3
    assert "2 steps back" in told(session, "b 2")
    assert before in told(session, "restart")


def test_state_shows_what_changed_and_all(session: Session) -> None:
    assert "all is as at the start" in told(session, "state")
    short, whole = told(session, "2", "4", "state"), told(session, "state all")
    assert "OnRead(r1) at line 14" in short
    assert "r1.own            cancelable" in short
    assert "r1.OnRead.status  STATUS_SUCCESS" in short
    assert "r2.own" not in short
    assert "r2.own" in whole
    assert "~" not in whole


def test_run_to_a_line_to_an_end_and_to_a_breach(session: Session) -> None:
    told(session, "run 15")
    assert [step.span.line for step in session.run.steps][-1] == 14
    assert "returns" in told(session, "run OnRead(r1)")
    told(session, "restart")
    answer = told(session, f"run {BREACH}")
    assert f"violates {BREACH}" in answer
    assert len(session.run.taken) == 8, "the shortest, as `check` finds it"
    assert "nothing can happen now" in told(session, "1")
    assert "WDF914" in told(session, "run 15")
    told(session, "back")
    assert f"(breaks {BREACH})" in told(session, "list")


def test_run_to_a_line_where_one_stands_already_goes_round_once(session: Session) -> None:
    told(session, "run 13")
    before = len(session.run.taken)
    told(session, "run 13")
    assert len(session.run.taken) > before


def test_run_to_where_no_run_comes(model: Callable[[str], Stepwise]) -> None:
    session = Session(model("seeds/forward_unmodified.wdf"), PIPE)
    told(session, "random 300")
    assert "Nothing can happen now" in told(session, "list")
    assert "WDF914" in told(session, "run 15")
    assert "no run from here comes there" in told(session, "run 15")


def test_state_that_breaks_a_rule_is_named_at_once(session: Session) -> None:
    assert "violates no-dangling-slot" in told(session, "run no-dangling-slot")
    assert session.run.broken is None, "no step breaks it"
    assert "violates no-dangling-slot" in told(session, "list")
    assert "the rule is broken now" in told(session, "trace")
    assert "violates" not in told(session, "back")


def test_saved_run_is_followed_again(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "a run.json"
    told(session, f"run {BREACH}", f"save {path}")
    taken = list(session.run.taken)
    told(session, "restart", "1")
    assert "8 steps loaded" in told(session, f"load {path}")
    assert session.run.taken == []
    told(session, "", "")
    assert session.run.taken == taken[:2]
    assert f"violates {BREACH}" in told(session, "end")
    assert session.run.taken == taken


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"trace": 3}', '{"models": 1}', '{"trace": {"steps": [1], "end": "open", "loop": null}}'],
)
def test_file_that_is_no_run_is_refused(session: Session, tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    assert "error[WDF" in told(session, f"load {path}")
    assert session.script == []


def test_run_of_another_model_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    told(session, "2", "4", f"save {path}")
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["trace"]["steps"][1]["changes"] = {"r1.own": ["driver", "done"]}
    path.write_text(json.dumps(saved), encoding="utf-8")
    answer = told(session, f"load {path}")
    assert "WDF915" in answer
    assert "step 2 of" in answer


def test_random_is_repeatable_and_goes_on_from_here(session: Session) -> None:
    told(session, "2", "random 6 3")
    taken = list(session.run.taken)
    assert len(taken) == 7
    told(session, "back 6", "random 6 3")
    assert session.run.taken == taken


def test_choices_that_look_alike_are_told_apart(model: Callable[[str], Stepwise]) -> None:
    shown = told(Session(model("seeds/forward_unmodified_never_completed.wdf"), PIPE), "list")
    rows = [line.split(None, 1)[1] for line in shown.splitlines() if line.strip()[:1].isdigit()]
    assert len(rows) == len(set(rows))
    assert any("r1.kind WdfRequestTypeRead" in row for row in rows)
