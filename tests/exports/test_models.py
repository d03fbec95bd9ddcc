"""Shipped models: what other tools say of them, in the instance that `wdfmc check` decides."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.exports.tools import decided_by_abc, needs_abc, needs_spin, refuted_by_abc, shortest_by_abc, spun
from tests.shipped import MODELS
from wdfmc.checking import Model, Options, loaded
from wdfmc.diagnostics import Rejected
from wdfmc.engines.engine import Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.exports.subject import Subject, chosen, settled, subject
from wdfmc.system.lower import MODEL_BOUND

SMALL = 60_000  # states up to renaming of an instance that the other tools are asked about
EVENTUALLY = "request-eventually-completed"
SHARE = (
    "cancellation/pending_read.wdf",
    "cancellation/pending_read_no_lock.wdf",
    "drivers/vhidmini2.wdf",
    "seeds/forward_unmodified_never_completed.wdf",
    "seeds/split_reuse_completes_child.wdf",
)  # of every run


@cache
def model(name: str) -> Model:
    (found,), _ = loaded([MODELS[name]], Options())
    return found


def exported(name: str, requests: int, *rules: str) -> Subject:
    found, _ = loaded([MODELS[name]], Options(requests=requests, rules=rules))
    return subject(found[0], Options(requests=requests, rules=rules))


def expected(found: Subject) -> dict[str, Violated]:
    asked = list(dict.fromkeys((*found.breakable, *found.owed)))
    outcomes = dict(Explicit(limit_states=SMALL).check(found.system, asked))
    if any(isinstance(outcome, Unknown) for outcome in outcomes.values()):
        pytest.skip(f"the instance has more than {SMALL} states")
    return {rule: outcome for rule, outcome in outcomes.items() if isinstance(outcome, Violated)}


def by_spin(name: str, requests: int, folder: Path, *rules: str) -> None:
    found = exported(name, requests, *rules)
    broken = expected(found)
    assert spun(found, folder).broken == set(broken)


def by_abc(name: str, requests: int, folder: Path) -> None:
    found = exported(name, requests)
    broken = expected(found)
    assert decided_by_abc(found, "binary", folder) == set(broken)
    assert decided_by_abc(found, "one-hot", folder) == set(broken)


def fair_runs_by_abc(name: str, folder: Path) -> None:
    found = exported(name, 1, EVENTUALLY)
    assert refuted_by_abc(found, "binary", folder) == set(expected(found))


@needs_spin
@pytest.mark.parametrize("name", SHARE)
def test_spin_agrees_on_safety(name: str, tmp_path: Path) -> None:
    by_spin(name, 1, tmp_path)


@needs_abc
@pytest.mark.parametrize("name", SHARE)
def test_abc_agrees(name: str, tmp_path: Path) -> None:
    by_abc(name, 1, tmp_path)


@needs_spin
@pytest.mark.parametrize("name", SHARE)
def test_spin_agrees_on_what_happens_eventually(name: str, tmp_path: Path) -> None:
    by_spin(name, 1, tmp_path, EVENTUALLY)


@needs_abc
@pytest.mark.parametrize("name", SHARE)
def test_abc_agrees_on_what_happens_eventually(name: str, tmp_path: Path) -> None:
    fair_runs_by_abc(name, tmp_path)


@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_spin_agrees_on_the_safety_of_every_model(name: str, requests: int, tmp_path: Path) -> None:
    by_spin(name, requests, tmp_path)


@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_abc_agrees_on_every_model(name: str, requests: int, tmp_path: Path) -> None:
    by_abc(name, requests, tmp_path)


@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_spin_agrees_on_what_happens_eventually_in_every_model(name: str, tmp_path: Path) -> None:
    by_spin(name, 1, tmp_path, EVENTUALLY)


@needs_abc
@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_abc_agrees_on_what_happens_eventually_in_every_model(name: str, tmp_path: Path) -> None:
    fair_runs_by_abc(name, tmp_path)


RULE = "no-access-after-ownership-loss"


@needs_spin
def test_spin_finds_errors_of_our_length(tmp_path: Path) -> None:
    found = exported("cancellation/pending_read_no_lock.wdf", 1, RULE)
    depth = spun(found, tmp_path, shortest=True).depth
    assert depth == len(expected(found)[RULE].path.transitions) - 1 > 4


@needs_abc
def test_abc_finds_errors_of_our_length(tmp_path: Path) -> None:
    found = exported("cancellation/pending_read_no_lock.wdf", 1, RULE)
    frames = shortest_by_abc(found, "one-hot", tmp_path, 30)
    assert frames == len(expected(found)[RULE].path.transitions) - 1 > 4


# ---------------------------------------------------------------- what is exported


def test_without_rules_every_safety_rule_is_asked_about() -> None:
    found = exported("cancellation/pending_read.wdf", 2)
    program = model("cancellation/pending_read.wdf").program
    safety = {name for name, rule in program.rules.items() if rule.default and not rule.liveness}
    assert safety <= set(found.rules)
    assert not any(program.rules[rule].liveness for rule in found.rules)
    assert found.ending == ()


def test_a_chosen_rule_has_its_own_slice_and_breaches_end_runs() -> None:
    found = exported("cancellation/pending_read.wdf", 2, "no-lock-held-at-callback-exit")
    assert found.rules == ("no-lock-held-at-callback-exit",)
    assert "no-double-complete" in found.ending
    whole = exported("cancellation/pending_read.wdf", 2)
    assert len(found.system.variables) <= len(whole.system.variables)
    assert any("no-double-complete" in note for note in found.notes())


def test_callbacks_that_overlap_have_as_many_records_as_in_a_check() -> None:
    """A bound that `wdfmc check` lifts is not hit in what is exported either."""
    found = model("drivers/libusbk.wdf")
    options = Options(requests=1)
    assert settled(found.program, chosen(found, options), options).overlaps["handler"] == 2
    assert MODEL_BOUND not in expected(exported("drivers/libusbk.wdf", 1))


def test_rules_in_different_environments_are_no_instance() -> None:
    found = model("cancellation/pending_read.wdf")
    goals = tuple(found.goals)
    mixed = replace(found, goals=(goals[0], *(g.__class__(g.rule, "silent", None) for g in goals[1:])))
    with pytest.raises(Rejected) as refused:
        subject(mixed, Options())
    assert refused.value.diagnostics[0].code == "WDF905"
