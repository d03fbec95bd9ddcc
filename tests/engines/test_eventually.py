"""Proofs of "eventually" for any number of requests are never false, and found where they should be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lowered import Lowered
from tests.systems import small_system
from wdfmc.engines import eventually
from wdfmc.engines.engine import Holds, Violated
from wdfmc.engines.eventually import Argument, Case, Missing, NotConclusive, Stage, audit, obligations, prove
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.tail import Tail, Way
from wdfmc.system.instantiate import instantiate
from wdfmc.system.slice import sliced
from wdfmc.system.system import (
    OTHER,
    SELF,
    Actor,
    Assignment,
    Fairness,
    Others,
    Place,
    Ref,
    Template,
    TemplateObligation,
    TemplateSystem,
    TemplateVariable,
    Value,
)
from wdfmc.system.writers import with_writers

MODELS = Path(__file__).parents[2] / "models"
LARGEST = 4
SECONDS = 60.0

Where = tuple[int, int | None]


def proof_of(system: TemplateSystem) -> eventually.Proof | None:
    found = prove(with_writers(system), "live", time.monotonic() + SECONDS)
    return found if isinstance(found, eventually.Proof) else None


def outcome(system: TemplateSystem, requests: int) -> Holds | Violated:
    found = dict(Explicit(limit_states=200_000).check(instantiate(system, requests), ["live"]))["live"]
    assert isinstance(found, Holds | Violated), found
    return found


def compared(seeds: range) -> int:
    """How many verdicts say "any"; none of them is false with one to four requests."""
    proved = 0
    for seed in seeds:
        system = small_system(seed, 5 + seed % 8)
        if obligations(system, "live") and proof_of(system) is not None:
            proved += 1
            for requests in range(1, LARGEST + 1):
                assert isinstance(outcome(system, requests), Holds), (seed, requests)
    return proved


def test_random_systems() -> None:
    assert compared(range(90)) >= 8


@pytest.mark.long
def test_a_thousand_verdicts_on_random_systems() -> None:
    assert compared(range(1_000, 10_000)) >= 1_000


def test_lemmas_of_an_argument_join_the_certificate() -> None:
    """What only implies them need not do so in a tail, where fewer references are looked into."""
    rule = "cancel-callback-completes"
    lowered = Lowered((MODELS / "seeds" / "complete_from_cancel.wdf").read_text(encoding="utf-8"), (rule,))
    system = with_writers(sliced(lowered.system, frozenset([rule]), frozenset()).system)
    proof = prove(system, rule, time.monotonic() + SECONDS)
    assert isinstance(proof, eventually.Proof)
    assert all(set(each.lemmas) <= set(proof.certificate.lemmas) for each in proof.arguments)


# ---------------------------------------------------------------- systems made for it


def step(
    name: str,
    guard: dict[Where, set[Value]],
    updates: dict[Where, Value],
    *others: Others,
    fairness: Fairness | None = "weak",
) -> Template:
    footprint = max([slot + 1 for _, slot in (*guard, *updates) if slot is not None], default=0)
    return Template(
        footprint,
        tuple((Place(*place), frozenset(values)) for place, values in guard.items()),
        others,
        tuple(Assignment(Place(*place), None, ((None, value),)) for place, value in updates.items()),
        Actor(name, 0 if footprint else None, "callback"),
        (),
        fairness=fairness,
        lock="L" if fairness == "strong" else None,
    )


def owing(variable: int, *pending: Value) -> tuple[TemplateObligation, ...]:
    return (TemplateObligation("live", variable, frozenset(pending)),)


def waiting(kinds: int) -> TemplateSystem:
    """Requests of several kinds; one that is parked goes on when none of the next kind is parked."""
    kind = TemplateVariable("kind", True, ("none", *range(kinds)), "none")
    own = TemplateVariable("own", True, ("idle", "parked", "done"), "idle")

    def none_of(each: int) -> Others:
        return Others(((((Place(0, SELF), frozenset({each})), (Place(1, SELF), frozenset({"parked"}))),),), 0, 0)

    start = [
        step("start", {(0, 0): {"none"}}, {(0, 0): each, (1, 0): "parked"}, fairness=None) for each in range(kinds)
    ]
    leave = [
        step("leave", {(0, 0): {each}, (1, 0): {"parked"}}, {(1, 0): "done"}, none_of((each + 1) % kinds))
        for each in range(kinds)
    ]
    return TemplateSystem((kind, own), (*start, *leave), owing(1, "parked"))


def lock_cycle(locks: int) -> TemplateSystem:
    """Request i takes lock i and then wants lock i + 1."""
    held = [TemplateVariable(f"lock{at}", False, (False, True), False) for at in range(locks)]
    place = TemplateVariable("place", True, ("idle", *(f"holds{at}" for at in range(locks)), "done"), "idle")
    take = [
        step(
            "take",
            {(at, None): {False}, (locks, 0): {"idle"}},
            {(at, None): True, (locks, 0): f"holds{at}"},
            fairness=None,
        )
        for at in range(locks)
    ]
    go_on = [
        step(
            "go_on",
            {((at + 1) % locks, None): {False}, (locks, 0): {f"holds{at}"}},
            {(at, None): False, (locks, 0): "done"},
            fairness="strong",
        )
        for at in range(locks)
    ]
    return TemplateSystem((*held, place), (*take, *go_on), owing(locks, *(f"holds{at}" for at in range(locks))))


def queue_of_one(own_lock: bool) -> TemplateSystem:
    """Requests take a lock, do their work, and give it back; a poller that never ends does so, too.

    Without `own_lock` the poller does not give it back.
    """
    held = TemplateVariable("held", False, (False, True), False)
    place = TemplateVariable("place", True, ("idle", "waits", "works", "done"), "idle")
    poller = TemplateVariable("poller", False, ("off", "on"), "off")
    back: dict[Where, Value] = {(0, None): False, (2, None): "off"}
    return TemplateSystem(
        (held, place, poller),
        (
            step("arrives", {(1, 0): {"idle"}}, {(1, 0): "waits"}, fairness=None),
            step(
                "takes", {(0, None): {False}, (1, 0): {"waits"}}, {(0, None): True, (1, 0): "works"}, fairness="strong"
            ),
            step("works", {(1, 0): {"works"}}, {(0, None): False, (1, 0): "done"}),
            step(
                "polls", {(0, None): {False}, (2, None): {"off"}}, {(0, None): True, (2, None): "on"}, fairness="free"
            ),
            step("ends", {(2, None): {"on"}}, back if own_lock else {(2, None): "off"}),
        ),
        owing(1, "waits", "works"),
    )


def last_one_out(needed: int) -> TemplateSystem:
    """A request leaves while at most so many others wait with it."""
    place = TemplateVariable("place", True, ("idle", "waits", "done"), "idle")
    few = Others(((((Place(0, SELF), frozenset({"waits"})),),),), 0, needed - 2)
    return TemplateSystem(
        (place,),
        (
            step("arrives", {(0, 0): {"idle"}}, {(0, 0): "waits"}, fairness=None),
            step("leaves", {(0, 0): {"waits"}}, {(0, 0): "done"}, few),
        ),
        owing(0, "waits"),
    )


def handed_on() -> TemplateSystem:
    """Whoever is current finishes, and names another request that waits; the last one names nobody."""
    anyone, me, next_ = Ref("request", 0, OTHER), Ref("request", 0, 0), Ref("request", 0, 1)
    current = TemplateVariable("Current", False, (None, anyone), None)
    place = TemplateVariable("place", True, ("idle", "waits", "done"), "idle")
    nobody = Others(((((Place(1, SELF), frozenset({"waits"})),),),), 0, 0)
    return TemplateSystem(
        (current, place),
        (
            step("arrives", {(1, 0): {"idle"}}, {(1, 0): "waits"}, fairness=None),
            step("begins", {(0, None): {None}, (1, 0): {"waits"}}, {(0, None): me}),
            step("ends", {(0, None): {me}, (1, 0): {"waits"}, (1, 1): {"waits"}}, {(1, 0): "done", (0, None): next_}),
            step("ends", {(0, None): {me}, (1, 0): {"waits"}}, {(1, 0): "done", (0, None): None}, nobody),
        ),
        owing(1, "waits"),
    )


def blinking(fairness: Fairness) -> TemplateSystem:
    """A light goes on and off for ever; a request goes on while it is on."""
    light = TemplateVariable("light", False, ("off", "on"), "off")
    place = TemplateVariable("place", True, ("idle", "waits", "done"), "idle")
    return TemplateSystem(
        (light, place),
        (
            step("arrives", {(1, 0): {"idle"}}, {(1, 0): "waits"}, fairness=None),
            step("light", {(0, None): {"off"}}, {(0, None): "on"}),
            step("light", {(0, None): {"on"}}, {(0, None): "off"}),
            step("goes", {(0, None): {"on"}, (1, 0): {"waits"}}, {(1, 0): "done"}, fairness=fairness),
        ),
        owing(1, "waits"),
    )


HANGS_WITH_MANY = {
    **{f"{kinds} kinds wait for each other": (waiting(kinds), kinds) for kinds in (2, 3, 4, 5)},
    **{f"a cycle of {locks} locks": (lock_cycle(locks), locks) for locks in (2, 3, 4)},
    **{f"{needed} are too many to leave": (last_one_out(needed), needed) for needed in (2, 3, 4)},
    "a poller that keeps the lock": (queue_of_one(False), 1),
}


@pytest.mark.parametrize("name", HANGS_WITH_MANY)
def test_what_hangs_with_many_is_never_proved_for_any_number(name: str) -> None:
    system, fewest = HANGS_WITH_MANY[name]
    assert fewest == 1 or isinstance(outcome(system, fewest - 1), Holds)
    assert isinstance(outcome(system, fewest), Violated)
    assert proof_of(system) is None


def test_a_lock_beside_a_poller_is_got_in_the_end() -> None:
    system = queue_of_one(True)
    assert isinstance(outcome(system, 3), Holds)
    assert proof_of(system) is not None


def test_what_is_handed_on_ends() -> None:
    system = handed_on()
    assert isinstance(outcome(system, 3), Holds)
    assert proof_of(system) is not None


def test_what_is_possible_again_and_again_takes_strong_fairness() -> None:
    assert isinstance(outcome(blinking("strong"), 3), Holds)
    assert proof_of(blinking("strong")) is not None
    assert isinstance(outcome(blinking("weak"), 1), Violated)
    assert proof_of(blinking("weak")) is None


def test_a_system_without_requests() -> None:
    light = TemplateVariable("light", False, ("off", "on", "out"), "off")
    templates = (
        step("on", {(0, None): {"off"}}, {(0, None): "on"}),
        step("out", {(0, None): {"on"}}, {(0, None): "out"}),
    )
    assert proof_of(TemplateSystem((light,), templates, owing(0, "off", "on"))) is not None
    assert proof_of(TemplateSystem((light,), templates[:1], owing(0, "off", "on"))) is None


def test_out_of_time_is_no_proof() -> None:
    assert prove(with_writers(queue_of_one(True)), "live", time.monotonic() - 1) is Missing.TIME


# ---------------------------------------------------------------- arguments with a gap


def arguments() -> Iterator[tuple[TemplateSystem, Argument]]:
    for system in (queue_of_one(True), handed_on()):
        proof = proof_of(system)
        assert proof is not None
        for argument in proof.arguments:
            yield with_writers(system), replace(argument, lemmas=proof.certificate.lemmas)


def first_stage(argument: Argument, change: Callable[[Stage], Stage]) -> Argument:
    def changed(case: Case) -> Case:
        if case.stages:
            return replace(case, stages=(change(case.stages[0]), *case.stages[1:]))
        return replace(case, cases=tuple(map(changed, case.cases)))

    return replace(argument, case=changed(argument.case))


def without_a_way(argument: Argument) -> Argument:
    return replace(argument, ways=argument.ways[1:])


def with_a_harmless_way(argument: Argument) -> Argument:
    way, *others = (way for way in argument.ways if way.changes)
    still = tuple(each for each in argument.ways if not each.changes)
    return replace(argument, ways=(Way(way.template, (), way.cubes), *others, *still))


def all_impossible(argument: Argument) -> Argument:
    return first_stage(argument, lambda stage: replace(stage, impossible=frozenset(argument.ways)))


def upside_down(argument: Argument) -> Argument:
    def negative(stage: Stage) -> Stage:
        return replace(stage, weights={key: -weight for key, weight in stage.weights.items()})

    return first_stage(argument, negative)


def nothing_left(argument: Argument) -> Argument:
    return replace(argument, case=Case(()))


def without_lemmas(argument: Argument) -> Argument:
    return replace(argument, lemmas=())


@pytest.mark.parametrize(
    "fault",
    [without_a_way, with_a_harmless_way, all_impossible, upside_down, nothing_left, without_lemmas],
    ids=lambda fault: fault.__name__,
)
def test_a_gap_is_found(fault: Callable[[Argument], Argument]) -> None:
    for system, argument in arguments():
        assert audit(system, argument)
        with pytest.raises(NotConclusive):
            audit(system, fault(argument))


def test_an_audit_out_of_time_accepts_nothing() -> None:
    for system, argument in arguments():
        assert not audit(system, argument, time.monotonic() - 1)


def test_a_fault_in_the_claims_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it forgotten what the tail changes, somebody would catch a light that blinks."""
    monkeypatch.setattr(Tail, "_reads", lambda *arguments: False)
    assert proof_of(blinking("weak")) is not None
