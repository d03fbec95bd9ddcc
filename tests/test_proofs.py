"""Proofs for any number of requests: each is found once, and they come first where many requests are asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engines.test_anynumber import parallel_limit
from wdfmc import decide, proofs
from wdfmc.checking import Options, check_models, loaded
from wdfmc.decide import Breaches, Decision, lowered
from wdfmc.engines import anynumber, auto
from wdfmc.engines.anynumber import Search
from wdfmc.proofs import Certified, Proofs, until
from wdfmc.system.slice import sliced
from wdfmc.verdict import Audit, Result, Word

MODELS = Path(__file__).parents[1] / "models" / "cancellation"
RULES = ("no-double-complete", "complete-requires-unmark")


def results(model: str, requests: int, widening: float = 60.0) -> dict[str, Result]:
    options = Options(rules=RULES, requests=requests, widening=widening)
    report = check_models([MODELS / f"{model}.wdf"], options, lambda path, result: None)
    return {result.rule: result for result in report.models[0].results}


def test_many_requests_need_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in (auto.Explicit, auto.Pairs):
        monkeypatch.setattr(engine, "check", lambda *arguments: pytest.fail("an instance was searched"))
    for result in results("pending_read", 5).values():
        assert (result.verdict, result.requests, result.audit) == (Word.PROVED, "any", Audit.CERTIFIED), result


def test_what_is_not_proved_soon_comes_after_few_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a number that is fixed the proof for any number has two turns: before states are visited, and after some."""
    monkeypatch.setattr(anynumber, "FIRST", 1)
    monkeypatch.setattr(decide, "FEW", 1)
    monkeypatch.setattr(decide, "MORE", 2)
    monkeypatch.setattr(auto.Pairs, "check", lambda *arguments: pytest.fail("not proved before"))
    for result in results("pending_read", 4, widening=0).values():
        assert (result.verdict, result.requests, result.engine) == (Word.PROVED, 4, "ic3"), result
        assert result.audit is Audit.CERTIFIED


def test_a_rule_that_is_not_proved_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all contracts are proved; else nothing is known of the rest."""
    rules = {"no-double-complete", "every-request-resolved", "no-dangling-slot"}
    options = Options(rules=tuple(rules), requests=4)
    ((model,), _) = loaded([MODELS / "pending_read.wdf"], options)
    instance = lowered(model.program, model.goals, options, {})
    part = sliced(instance.system, frozenset(rules), instance.contracts)
    decision = Decision(instance, model.goals, options, None, 0.0, Breaches())
    assert decision.for_any_number(part, "endless", rules) == rules
    about = Proofs.about
    for unproved, left in (
        ("no-dangling-slot", rules - {"no-dangling-slot"}),
        ("no-unmark-after-complete", set[str]()),
    ):

        def less(*arguments: Any, unproved: str = unproved, **options: Any) -> Certified:
            found = about(*arguments, **options)
            assert unproved in found.goals
            return replace(
                found, certificates=tuple(replace(each, goals=each.goals - {unproved}) for each in found.certificates)
            )

        monkeypatch.setattr(Proofs, "about", less)
        assert decision.for_any_number(part, "endless", rules) == left


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
    monkeypatch.setattr(Search, "proof", None)
    assert asked() == frozenset(RULES)


def test_what_is_not_proved_yet_is_continued() -> None:
    options = Options(rules=RULES)
    ((model,), _) = loaded([MODELS / "pending_read.wdf"], options)
    instance = lowered(model.program, model.goals, options, {})
    part = sliced(instance.system, frozenset(RULES), instance.contracts)
    known = Proofs()
    assert not known.about(part.system, RULES, time.monotonic()).goals
    assert known.about(part.system, RULES, time.monotonic() + 60).goals == frozenset(RULES)


def test_first_questions_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What IC3 cannot answer soon it is not asked again: states are looked at."""
    system = parallel_limit(2, 3)
    known = Proofs()
    monkeypatch.setattr(anynumber, "FIRST", 1)
    assert not known.about(system, ["bad"], time.monotonic() + 60, patience="none").goals
    begun = list[int | None]()
    by_ic3 = Search.by_ic3

    def noted(search: Search, deadline: float, most: int | None = None) -> None:
        begun.append(most)
        by_ic3(search, deadline, most)

    monkeypatch.setattr(Search, "by_ic3", noted)
    assert known.about(system, ["bad"], time.monotonic() + 60).goals == {"bad"}
    assert anynumber.FIRST not in begun
    assert begun


def test_what_was_seen_to_be_violated_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not looked for again."""
    system, goals = parallel_limit(2, 2), ("bad",)
    known = Proofs()
    for _ in range(2):
        found = known.about(system, goals, time.monotonic() + 60)
        assert set(found.proof.violated) == {"bad"}
        monkeypatch.setattr(Search, "proof", None)


def test_a_share_of_a_processor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that gives a quarter of a processor, four seconds pass while a process gets one."""
    monkeypatch.setattr(proofs.time, "monotonic", lambda: proofs.BEGUN + 40.0)
    monkeypatch.setattr(proofs.time, "process_time", lambda: 10.0)
    assert until(5.0, None) == proofs.BEGUN + 60.0
    assert until(5.0, proofs.BEGUN + 50.0) == proofs.BEGUN + 50.0
    monkeypatch.setattr(proofs.time, "process_time", lambda: 80.0)
    assert until(5.0, None) == proofs.BEGUN + 45.0
