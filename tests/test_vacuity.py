"""A rule that holds because nothing happens is vacuous, not proved; one that has something to say is not vacuous."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers import random_driver
from tests.lowered import MOST
from wdfmc import vacuity as module
from wdfmc.checking import Options, check_text, loaded
from wdfmc.decide import Instance, lowered
from wdfmc.semantics import typed
from wdfmc.source import Source
from wdfmc.system.instantiate import instantiate
from wdfmc.system.places import calling
from wdfmc.system.step import choices, step
from wdfmc.system.system import TransitionSystem
from wdfmc.vacuity import Idle, Vacuity, plain, trigger_of, vacuity
from wdfmc.verdict import Audit, Result, Word

ROOT = Path(__file__).parents[1]
WRONG = sorted([*(ROOT / "tests" / "rules").glob("*/violated.wdf"), *(ROOT / "models").glob("*/*.wdf")])


def only(text: str, rule: str, **options: object) -> Result:
    report = check_text(text, options=Options(rules=(rule,), widening=0, **options))  # type: ignore[arg-type]
    (result,) = [result for model in report.models for result in model.results if result.rule == rule]
    return result


def driver(body: str, items: str = "") -> str:
    return f"""
driver Small {{
    queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
    context device {{ Flag : bool; Stored : bool; }}
    context request {{ Mine : bool; }}
    callback OnRead(Request) {{
        {body}
    }}
    callback OnCancel(Request) {{ WdfRequestComplete(Request, STATUS_CANCELLED); }}
    {items}
}}
"""


COMPLETE = "WdfRequestComplete(Request, STATUS_SUCCESS);"
CALL = "WdfRequestSetInformation(Request);"
MARK = f"if (Flag) {{ WdfRequestMarkCancelable(Request, OnCancel); }} else {{ {COMPLETE} }}"
# The field has both values at some time, but not here: only a search tells.
NEVER = f"Request.Mine = TRUE; {CALL} Request.Mine = FALSE; {CALL} {MARK.replace('Flag', 'Request.Mine')}"
NEVER_MARKS = driver(NEVER)
MAY_MARK = driver(f"choose Flag; {MARK}")
OWN = {
    "leads to": 'rule mine(r: request) "Words." mark(r) leads to handler_ends(r);',
    "never": 'rule mine(r: request) "Words." trigger mark(r); never complete(r, _) after complete(r, _);',
    "precedes": 'rule mine(r: request) "Words." trigger mark(r); deliver(r) precedes complete(r, _);',
}


@pytest.mark.parametrize("rule", [*OWN, "mark-cancelable-once"])
def test_a_trigger_that_never_happens(rule: str) -> None:
    text = NEVER_MARKS + OWN.get(rule, "")
    found = only(text, "mine" if rule in OWN else rule)
    assert (found.verdict, found.audit) == (Word.VACUOUS, Audit.EXHAUSTIVE)
    assert found.reason is not None
    assert ("`mark`" if rule in OWN else "a call with this contract") in found.reason
    assert "2 requests" in found.reason


@pytest.mark.parametrize("rule", [*OWN, "mark-cancelable-once"])
def test_a_trigger_that_happens(rule: str) -> None:
    found = only(MAY_MARK + OWN.get(rule, ""), "mine" if rule in OWN else rule)
    assert (found.verdict, found.reason) == (Word.PROVED, None)


@pytest.mark.parametrize(("value", "verdict"), [("TRUE", Word.PROVED), ("FALSE", Word.VACUOUS)])
def test_the_state_in_a_trigger_counts(value: str, verdict: Word) -> None:
    rule = 'rule mine(r: request) "Words." trigger complete(r, _) while Stored; never mark(r) after complete(r, _);'
    assert only(driver(f"Stored = {value}; {COMPLETE}") + rule, "mine").verdict is verdict


def test_a_rule_about_every_run_is_never_vacuous() -> None:
    rule = 'rule mine() "Words." always !Flag;'
    assert only(driver(COMPLETE) + rule, "mine").verdict is Word.PROVED


def test_a_call_whose_first_contract_is_always_broken_is_a_call() -> None:
    """What ends the run is the breach; the other contracts of the call do not speak of nothing."""
    text = driver(f"{COMPLETE} WdfRequestMarkCancelable(Request, OnCancel);")
    found = only(text, "mark-cancelable-once")
    assert (found.verdict, found.under) == (Word.PROVED, ("no-access-after-ownership-loss",))


def test_what_a_breach_cuts_off_is_told() -> None:
    """The mark stands behind a breach."""
    text = driver(f"{COMPLETE} {COMPLETE} WdfRequestMarkCancelable(Request, OnCancel);")
    found = only(text + OWN["never"].replace("complete(r, _) after", "deliver(r) after"), "mine")
    assert found.verdict is Word.VACUOUS
    assert found.under == ("no-double-complete",)
    assert found.reason is not None
    assert found.reason.endswith("before a breach")


def test_an_expectation_tells_the_two_apart() -> None:
    said = [driver(NEVER, f"expect {verdict} mark-cancelable-once;") for verdict in ("proved", "vacuous")]
    proved, vacuous = map(check_text, said)
    assert (proved.exit, vacuous.exit) == (1, 0)


def test_what_is_not_decided_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1)
    found = only(MAY_MARK, "mark-cancelable-once")
    assert found.verdict is Word.PROVED
    assert found.reason is not None
    assert found.reason.startswith("whether it ever applies is open: no run has a call with this contract in ")


def test_pairs_of_values_exclude_triggers_when_there_are_too_many_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wdfmc.engines.reachability.FIRST", 1)
    found = only(NEVER_MARKS, "mark-cancelable-once")
    assert (found.verdict, found.engine, found.audit) == (Word.VACUOUS, "pairs", Audit.CERTIFIED)


def test_a_trigger_that_cannot_be_expressed_loses_no_verdict() -> None:
    """Which request the rule is about is not said by every event of its trigger."""
    rule = 'rule mine(r: request) "Words." trigger mark(r) or acq(_); never complete(r, _) after complete(r, _);'
    found = only(MAY_MARK + rule, "mine")
    assert found.verdict is Word.PROVED
    assert found.reason is None or "must name" in found.reason


# ---------------------------------------------------------------- against plain enumeration


def instance_of(text: str, requests: int) -> Instance:
    models, _ = loaded([Source("t.wdf", text)], Options())
    options = Options(requests=requests)
    return lowered(models[0].program, models[0].goals, options, {})


def found_in(instance: Instance) -> Vacuity:
    return vacuity(instance.system, instance.triggers, instance.contracts, instance.requests, None)


def taken(system: TransitionSystem) -> Iterator[int]:
    """The transitions that some reachable state enables, by `step` alone."""
    seen, level = {system.initial}, [system.initial]
    while level:
        following = []
        for state in level:
            for chosen in choices(system, state):
                yield chosen
                if system.transitions[chosen].violates is None and (after := step(system, state, chosen)) not in seen:
                    seen.add(after)
                    following.append(after)
        if len(seen) > MOST:
            pytest.skip("too many states")
        level = following


@pytest.mark.parametrize("seed", range(20))
def test_random_drivers(seed: int) -> None:
    """A plain trigger happens exactly if some transition emits its events."""
    instance = instance_of(random_driver(seed), 1)
    full = instantiate(instance.system, 1)
    happened: set[str] = set()
    violated: set[str] = set()
    for chosen in taken(full):
        transition = full.transitions[chosen]
        happened |= instance.system.templates[transition.template].events
        violated |= {transition.violates or ""}
    found = found_in(instance)
    compared = 0
    for rule, goal in instance.triggers.goal_of.items():
        idle = isinstance(found.of(rule), Idle)
        assert idle == (goal not in violated), rule
        trigger = trigger_of(instance.program.rules[rule])
        if trigger is not None and plain(trigger) and goal != calling(rule):
            events = {pattern.event for pattern in typed.events_of(trigger)}
            assert idle == happened.isdisjoint(events), rule
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("path", WRONG, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_violated_is_not_vacuous(path: Path) -> None:
    """A trigger that is declared too narrowly would show here."""
    models, _ = loaded([path], Options())
    program = models[0].program
    violated = {item.rule for item in program.expectations if item.verdict == "violated"}
    goals = [goal for goal in models[0].goals if goal.rule in violated]
    instance = lowered(program, goals, Options(), {})
    found = found_in(instance)
    assert [rule for rule in sorted(violated) if isinstance(found.of(rule), Idle)] == []
