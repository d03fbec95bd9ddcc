"""Proofs for any number of requests: each is found once, and they come first where many requests are asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wdfmc import decide, proofs
from wdfmc.checking import Options, check_models, loaded
from wdfmc.decide import lowered
from wdfmc.engines import anynumber
from wdfmc.engines.anynumber import Proof
from wdfmc.engines.engine import Path as Run
from wdfmc.proofs import Proofs, until
from wdfmc.system.slice import sliced
from wdfmc.system.system import TemplateSystem
from wdfmc.verdict import Audit, Result, Word

MODELS = Path(__file__).parents[1] / "models" / "cancellation"
RULES = ("no-double-complete", "complete-requires-unmark")


def results(model: str, requests: int) -> dict[str, Result]:
    options = Options(rules=RULES, requests=requests)
    report = check_models([MODELS / f"{model}.wdf"], options, lambda path, result: None)
    return {result.rule: result for result in report.models[0].results}


def test_many_requests_need_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched(*arguments: object) -> None:
        raise AssertionError("an instance was searched")

    monkeypatch.setattr(decide, "run_engine", searched)
    for result in results("pending_read", 5).values():
        assert (result.verdict, result.requests, result.audit) == (Word.PROVED, "any", Audit.CERTIFIED), result


def test_what_is_broken_is_found_with_many_requests() -> None:
    found = results("pending_read_no_lock", 3)
    assert found["no-unmark-after-complete"].verdict is Word.VIOLATED
    assert (
        found["no-unmark-after-complete"].depth == results("pending_read_no_lock", 2)["no-unmark-after-complete"].depth
    )


def test_a_question_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(rules=RULES)
    ((model,), _) = loaded([MODELS / "pending_read.wdf"], options)
    instance = lowered(model.program, model.goals, options, {})
    known = Proofs()

    def asked() -> frozenset[str]:
        part = sliced(instance.system, frozenset(RULES), instance.contracts)
        return known.about(part.system, RULES, time.monotonic() + 60).goals

    assert asked() == frozenset(RULES)
    monkeypatch.setattr(anynumber, "prove", None)
    assert asked() == frozenset(RULES)


def test_what_is_not_proved_yet_is_continued() -> None:
    options = Options(rules=RULES)
    ((model,), _) = loaded([MODELS / "pending_read.wdf"], options)
    instance = lowered(model.program, model.goals, options, {})
    part = sliced(instance.system, frozenset(RULES), instance.contracts)
    known = Proofs()
    assert not known.about(part.system, RULES, time.monotonic()).goals
    assert known.about(part.system, RULES, time.monotonic() + 60).goals == frozenset(RULES)


def test_what_was_seen_to_be_violated_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it is not looked for when the same is asked again."""
    goals = ("bad", "open")
    found = [Proof((), {"bad": (3, Run((), "violation"))}, ()), Proof((), {}, ())]
    monkeypatch.setattr(anynumber, "prove", lambda *arguments, **options: found.pop(0))
    known, system = Proofs(), TemplateSystem((), (), ())
    for _ in range(2):
        assert set(known.about(system, goals, time.monotonic() + 60).proof.violated) == {"bad"}
    assert not found
    found = [Proof((), {"bad": (3, Run((), "violation"))}, ())]
    for _ in range(2):  # there is nothing left to ask
        assert set(known.about(system, ("bad",), time.monotonic() + 60).proof.violated) == {"bad"}


def test_a_share_of_a_processor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that gives a quarter of a processor, four seconds pass while a process gets one."""
    monkeypatch.setattr(proofs.time, "monotonic", lambda: proofs.BEGUN + 40.0)
    monkeypatch.setattr(proofs.time, "process_time", lambda: 10.0)
    assert until(5.0, None) == proofs.BEGUN + 60.0
    assert until(5.0, proofs.BEGUN + 50.0) == proofs.BEGUN + 50.0
    monkeypatch.setattr(proofs.time, "process_time", lambda: 80.0)
    assert until(5.0, None) == proofs.BEGUN + 45.0
