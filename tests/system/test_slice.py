"""A slice decides its rules as the whole system does, and leads back to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.drivers import random_driver
from tests.lowered import Lowered
from wdfmc.engines.engine import Holds, Outcome, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.system import TemplateSystem
from wdfmc.traces.explain import lifted
from wdfmc.traces.replay import replay

ROOT = Path(__file__).parents[2]
RULES = {path.parent.name: path for path in sorted((ROOT / "tests" / "rules").glob("*/violated.wdf"))}
FEW = ("no-double-complete", "no-complete-after-cancel-won", "no-dangling-slot", "deadlock-free",
       "request-eventually-completed", "every-request-resolved", "no-lock-held-at-callback-exit")  # fmt: skip
MANY = 30_000  # states of a whole system that is compared


@cache
def contracts(lowered: Lowered) -> frozenset[str]:
    stated = {name for name, rule in lowered.program.rules.items() if rule.form == "contract"}
    return frozenset(stated | {MODEL_BOUND, "no-stale-handle"})


def outcomes(system: TemplateSystem, goals: list[str], requests: int) -> dict[str, Outcome]:
    return dict(Explicit(limit_states=MANY).check(instantiate(system, requests), goals))


def summary(outcome: Outcome) -> object:
    """What a user sees: the verdict, and for a broken rule the length. A loop is some loop."""
    match outcome:
        case Violated(path) if path.end == "violation":
            return "violated", len(path.transitions)
        case Violated(path):
            return "violated", "owed for ever"
        case Holds():
            return "holds"
        case unknown:
            return unknown


def agree(lowered: Lowered, goal: str, requests: int) -> Slice:
    part = sliced(lowered.system, frozenset({goal}), contracts(lowered))
    whole = summary(outcomes(lowered.system, [goal], requests)[goal])
    if "reached" in str(whole):
        pytest.skip("too many states in the whole system")
    assert summary(outcomes(part.system, [goal], requests)[goal]) == whole
    return part


@pytest.mark.parametrize("rule", RULES)
def test_slice_and_system_agree_on_a_wrong_driver(rule: str) -> None:
    lowered = Lowered(RULES[rule].read_text(encoding="utf-8"), (rule,))
    part = agree(lowered, rule, 1)
    assert len(part.system.variables) <= len(lowered.system.variables)


@pytest.mark.parametrize("seed", range(24))
def test_slice_and_system_agree_on_random_drivers(seed: int) -> None:
    lowered = Lowered(random_driver(seed), FEW)
    agree(lowered, FEW[seed % len(FEW)], 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(24, 200))
def test_slice_and_system_agree_on_more_random_drivers(seed: int) -> None:
    lowered = Lowered(random_driver(seed), FEW)
    for goal in FEW:
        agree(lowered, goal, 1 + seed % 2)


# ---------------------------------------------------------------- what is left out

TEXT = """
    driver D {
        queue Reads : parallel, front { EvtIoRead = OnRead; }
        context device { Idle, Counted : bool; Other : 0..3; }
        callback OnRead(Request) {
            Counted = true;
            if (Idle) { WdfRequestComplete(Request, STATUS_SUCCESS); }
            WdfRequestComplete(Request, STATUS_CANCELLED);
        }
        thread T { Idle = !Idle; }
        thread U { Other = 1; Other = 2; }
    }
    """


def test_what_no_guard_reads_is_left_out() -> None:
    lowered = Lowered(TEXT, ("no-double-complete",))
    part = sliced(lowered.system, frozenset({"no-double-complete"}), contracts(lowered))
    names = {variable.name for variable in part.system.variables}
    assert "Idle" in names
    assert not names & {"Counted", "Other"}
    assert "Other" in {variable.name for variable in lowered.system.variables}


def test_what_then_does_nothing_is_left_out() -> None:
    """Not so for liveness: what U can do for ever, it can do instead of something else."""
    lowered = Lowered(TEXT, ("no-double-complete", "request-eventually-completed"))
    safety = sliced(lowered.system, frozenset({"no-double-complete"}), contracts(lowered))
    liveness = sliced(lowered.system, frozenset({"request-eventually-completed"}), contracts(lowered))
    assert all(one.updates or one.violates for one in safety.system.templates)
    assert any(one.actor.name == "U" and one.fairness for one in liveness.system.templates)


def test_every_template_leads_back_to_those_that_look_like_it() -> None:
    lowered = Lowered(TEXT, ("no-double-complete",))
    part = sliced(lowered.system, frozenset({"no-double-complete"}), contracts(lowered))
    assert len(part.kept) == len(part.system.templates)
    for template, sources in zip(part.system.templates, part.kept, strict=True):
        assert sources
        for number in sources:
            source = lowered.system.templates[number]
            assert (source.actor, source.footprint, source.violates) == (
                template.actor,
                template.footprint,
                template.violates,
            )
    numbers = [number for sources in part.kept for number in sources]
    assert len(numbers) == len(set(numbers))


def test_breaches_of_contracts_stay() -> None:
    """They end a run, whatever is asked for."""
    lowered = Lowered(TEXT, ("no-lock-held-at-callback-exit",))
    part = sliced(lowered.system, frozenset({"no-lock-held-at-callback-exit"}), contracts(lowered))
    whole = {one.violates for one in lowered.system.templates if one.violates in contracts(lowered)}
    assert whole == {one.violates for one in part.system.templates if one.violates in contracts(lowered)}


def test_a_run_of_the_slice_is_a_run_of_the_system() -> None:
    lowered = Lowered(TEXT, ("no-double-complete",))
    part = sliced(lowered.system, frozenset({"no-double-complete"}), contracts(lowered))
    small, full = instantiate(part.system, 2), instantiate(lowered.system, 2)
    (found,) = (outcome for _, outcome in Explicit().check(small, ["no-double-complete"]))
    assert isinstance(found, Violated)
    run = lifted(part, small, full, found.path)
    replay(full, run, "no-double-complete")
    assert len(run.transitions) == len(found.path.transitions)
