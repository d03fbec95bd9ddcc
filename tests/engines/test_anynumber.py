"""Proofs for any number of requests are never false, and found where they should be."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.systems import with_bad_states
from wdfmc.engines import anynumber
from wdfmc.engines.anynumber import Proof, Search, prove
from wdfmc.engines.certificate import Certificate, NotInductive, audit
from wdfmc.engines.engine import Holds, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.source import Source, Span
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import (
    OTHER,
    SELF,
    Actor,
    Assignment,
    Others,
    Place,
    Ref,
    Template,
    TemplateSystem,
    TemplateVariable,
)
from wdfmc.system.writers import spoken_of
from wdfmc.traces.replay import replay

LARGEST = 5


def proof_of(system: TemplateSystem, goals: list[str], seconds: float = 60) -> Proof:
    return prove(system, goals, time.monotonic() + seconds)


def for_any(system: TemplateSystem, proof: Proof) -> set[str]:
    """The goals that are proved for any number, each with a certificate that z3 confirms."""
    assert all(audit(spoken_of(system, each.lemmas, each.followed), each) for each in proof.certificates)
    assert all(certificate.requests is None for certificate in proof.certificates)
    return {goal for certificate in proof.certificates for goal in certificate.goals}


def rules(system: TemplateSystem) -> list[str]:
    return sorted({template.violates for template in system.templates if template.violates} - {"both"})


def compared(seeds: range) -> int:
    """How many verdicts say "any"; none of them is false with one to five requests."""
    proved = 0
    for seed in seeds:
        system = with_bad_states(seed)
        proof = proof_of(system, rules(system))
        goals = sorted(for_any(system, proof))
        proved += len(goals)
        for requests in range(1, LARGEST + 1):
            for goal, outcome in Explicit(limit_states=60_000).check(instantiate(system, requests), goals):
                assert not isinstance(outcome, Violated), (seed, requests, goal)
        for goal, (requests, path) in proof.violated.items():
            replay(instantiate(system, requests), path, goal)
    return proved


def test_random_systems() -> None:
    assert compared(range(40)) > 40


def test_random_systems_by_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without time for a first run of IC3, references of shared variables are looked into."""
    monkeypatch.setattr(anynumber, "FIRST", 0.0)
    assert compared(range(40, 80)) > 40


# ---------------------------------------------------------------- designs that break with many requests

_SPAN = Span(Source("adversarial", ""), 0, 0)
_ACTOR = Actor("OnRead", 0, "callback")


def _step(
    guard: dict[tuple[int, int | None], set[object]],
    updates: dict[tuple[int, int | None], object],
    others: tuple[Others, ...] = (),
    violates: str | None = None,
) -> Template:
    footprint = max([slot + 1 for _, slot in (*guard, *updates) if slot is not None], default=0)
    return Template(
        footprint,
        tuple((Place(*place), frozenset(values)) for place, values in guard.items()),  # type: ignore[arg-type]
        others,
        tuple(Assignment(Place(*place), None, ((None, value),)) for place, value in updates.items()),  # type: ignore[arg-type]
        Actor("OnRead", 0 if footprint else None, "callback"),
        (),
        violates=violates,
    )


def _others(variable: int, values: set[object], low: int = 0, high: int | None = None) -> Others:
    cube = ((Place(variable, SELF), frozenset(values)),)
    return Others(((cube,),), low, high)  # type: ignore[arg-type]


def counter(limit: int) -> TemplateSystem:
    """Each request adds one to a count that breaks at the limit."""
    count = TemplateVariable("count", False, tuple(range(limit + 1)), 0)
    own = TemplateVariable("own", True, ("idle", "counted"), "idle")
    adding = [
        _step({(0, None): {number}, (1, 0): {"idle"}}, {(0, None): number + 1, (1, 0): "counted"})
        for number in range(limit)
    ]
    return TemplateSystem((count, own), (*adding, _step({(0, None): {limit}}, {}, violates="bad")))


def waiting(kinds: int) -> TemplateSystem:
    """Requests of several kinds; one that is parked may go on when none of the next kind is parked.

    Bad: one is parked of every kind, so nobody can go on.
    """
    kind = TemplateVariable("kind", True, ("none", *range(kinds)), "none")
    own = TemplateVariable("own", True, ("idle", "parked", "done"), "idle")
    start = [_step({(0, 0): {"none"}}, {(0, 0): each, (1, 0): "parked"}) for each in range(kinds)]

    def next_kind(each: int) -> Others:
        cube = ((Place(0, SELF), frozenset({(each + 1) % kinds})), (Place(1, SELF), frozenset({"parked"})))
        return Others(((cube,),), 0, 0)

    leave = [_step({(0, 0): {each}, (1, 0): {"parked"}}, {(1, 0): "done"}, (next_kind(each),)) for each in range(kinds)]
    everyone = {(0, slot): {slot} for slot in range(kinds)} | {(1, slot): {"parked"} for slot in range(kinds)}
    return TemplateSystem((kind, own), (*start, *leave, _step(everyone, {}, violates="bad")))  # type: ignore[arg-type]


def lock_cycle(locks: int) -> TemplateSystem:
    """Request i takes lock i and then wants lock i + 1. Bad: all hold one and want the next."""
    held = [TemplateVariable(f"lock{at}", False, (False, True), False) for at in range(locks)]
    place = TemplateVariable("place", True, ("idle", *(f"holds{at}" for at in range(locks)), "done"), "idle")
    take = [
        _step({(at, None): {False}, (locks, 0): {"idle"}}, {(at, None): True, (locks, 0): f"holds{at}"})
        for at in range(locks)
    ]
    go_on = [
        _step({((at + 1) % locks, None): {False}, (locks, 0): {f"holds{at}"}}, {(at, None): False, (locks, 0): "done"})
        for at in range(locks)
    ]
    everyone: dict[tuple[int, int | None], set[object]] = {(locks, slot): {f"holds{slot}"} for slot in range(locks)}
    return TemplateSystem((*held, place), (*take, *go_on, _step(everyone, {}, violates="bad")))


def parallel_limit(limit: int, needed: int) -> TemplateSystem:
    """At most `limit` requests are with the driver at once. Bad: `needed` of them are."""
    own = TemplateVariable("own", True, ("queued", "driver", "done"), "queued")
    dispatch = _step({(0, 0): {"queued"}}, {(0, 0): "driver"}, (_others(0, {"driver"}, high=limit - 1),))
    finish = _step({(0, 0): {"driver"}}, {(0, 0): "done"})
    together: dict[tuple[int, int | None], set[object]] = {(0, slot): {"driver"} for slot in range(needed)}
    return TemplateSystem((own,), (dispatch, finish, _step(together, {}, violates="bad")))


def overlapping_tail() -> TemplateSystem:
    """A handler's tail clears a reference that the next activation, of another request, has already set.

    Bad: the request is with the driver, its handler is over, and nothing refers to it.
    """
    anyone = Ref("request", 0, OTHER)
    current = TemplateVariable("Current", False, (None, anyone), None)
    own = TemplateVariable("own", True, ("queued", "driver", "done"), "queued")
    handler = TemplateVariable("pc", True, ("idle", "body", "tail"), "idle")
    me = Ref("request", 0, 0)
    return TemplateSystem(
        (current, own, handler),
        (
            _step({(1, 0): {"queued"}}, {(1, 0): "driver", (2, 0): "body"}, (_others(1, {"driver"}, high=0),)),
            _step({(2, 0): {"body"}}, {(0, None): me, (2, 0): "tail"}),
            _step({(0, None): {me}, (1, 0): {"driver"}}, {(1, 0): "done"}),
            _step({(2, 0): {"tail"}, (1, 0): {"done"}}, {(0, None): None, (2, 0): "idle"}),
            _step({(2, 0): {"tail"}, (1, 0): {"driver"}}, {(2, 0): "idle"}),
            _step({(1, 0): {"driver"}, (2, 0): {"idle"}, (0, None): {None}}, {}, violates="bad"),
        ),
    )


def witness_beside_current() -> TemplateSystem:
    """One request raises a flag while another is ready and a third is the current one. Bad: and a fourth is seen."""
    anyone, me = Ref("request", 0, OTHER), Ref("request", 0, 0)
    current = TemplateVariable("Current", False, (None, anyone), None)
    flag = TemplateVariable("flag", False, (False, True), False)
    own = TemplateVariable("own", True, ("idle", "held", "ready", "go", "seen"), "idle")
    return TemplateSystem(
        (current, flag, own),
        (
            _step({(0, None): {None}, (2, 0): {"idle"}}, {(0, None): me, (2, 0): "held"}),
            _step({(2, 0): {"idle"}}, {(2, 0): "ready"}),
            _step({(2, 0): {"idle"}}, {(2, 0): "go"}),
            _step({(1, None): {False}, (2, 0): {"idle"}}, {(2, 0): "seen"}),
            _step({(0, None): {anyone}, (2, 0): {"go"}}, {(1, None): True}, (_others(2, {"ready"}, low=1),)),
            _step({(1, None): {True}, (2, 0): {"seen"}}, {}, violates="bad"),
        ),
    )


def one_at_a_time(resets: bool, slot: int | None = 0) -> TemplateSystem:
    """One request after the other comes in, makes the device busy and leaves. Bad: one comes in and the device is busy.

    Args:
        resets: whether the device is idle again when a request leaves.
        slot: whose step it is; None if it is a step of the device.
    """
    busy = TemplateVariable("busy", False, (False, True), False)
    own = TemplateVariable("own", True, ("queued", "in", "work", "done"), "queued")
    steps = (
        _step({(1, 0): {"queued"}}, {(1, 0): "in"}, (_others(1, {"in", "work"}, high=0),)),
        _step({(0, None): {False}, (1, 0): {"in"}}, {(0, None): True, (1, 0): "work"}),
        _step({(1, 0): {"work"}}, {(0, None): not resets, (1, 0): "done"}),
    )
    actor = Actor("OnWork", slot, "callback")
    bad = _step({(0, None): {True}, (1, 0): {"in"}}, {}, violates="bad")
    return TemplateSystem((busy, own), (*(replace(each, actor=actor) for each in steps), bad))


BREAKS_WITH_MANY = {
    "a counter that breaks at 3": (counter(3), 3),
    "a counter that breaks at 5": (counter(5), 5),
    **{f"{kinds} kinds wait for each other": (waiting(kinds), kinds) for kinds in (2, 3, 4, 5)},
    **{f"a cycle of {locks} locks": (lock_cycle(locks), locks) for locks in (2, 3, 4, 5)},
    "a parallel limit of two": (parallel_limit(2, 2), 2),
    "a bug that needs four": (parallel_limit(4, 4), 4),
    "a tail that overlaps the next activation": (overlapping_tail(), 2),
    "a witness beside the current one": (witness_beside_current(), 4),
    "a device that stays busy": (one_at_a_time(resets=False), 2),
}


@pytest.mark.parametrize("name", BREAKS_WITH_MANY)
def test_what_breaks_with_many_is_never_proved_for_any_number(name: str) -> None:
    system, fewest = BREAKS_WITH_MANY[name]
    outcomes = [dict(Explicit().check(instantiate(system, size), ["bad"]))["bad"] for size in (fewest - 1, fewest)]
    assert isinstance(outcomes[0], Holds) or fewest == 1
    assert isinstance(outcomes[1], Violated)
    proof = proof_of(system, ["bad"])
    assert not for_any(system, proof)
    assert ("bad" in proof.violated) == (fewest <= anynumber.TRIED)


@pytest.mark.parametrize(("limit", "needed"), [(1, 2), (2, 3)])
def test_a_limit_is_proved_for_any_number(limit: int, needed: int) -> None:
    system = parallel_limit(limit, needed)
    assert for_any(system, proof_of(system, ["bad"])) == {"bad"}


def test_that_some_other_request_is_at_work_is_said_of_the_last_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy: then *some* request works. No lemma about a few requests says so, unless it knows who made it busy."""
    system = one_at_a_time(resets=True)
    proof = proof_of(system, ["bad"])
    assert for_any(system, proof) == {"bad"}
    (certificate,) = proof.certificates
    with_ghosts = spoken_of(system, certificate.lemmas, certificate.followed)
    assert [variable.name for variable in with_ghosts.variables[len(system.variables) :]] == ["busy by"]
    assert all(place.variable < len(system.variables) for lemma in proof.lemmas for place, _ in lemma.cube)
    nobody = one_at_a_time(resets=True, slot=None)
    assert not for_any(nobody, proof_of(nobody, ["bad"]))
    monkeypatch.setattr(Search, "by_writers", lambda *arguments: None)
    assert not for_any(system, proof_of(system, ["bad"]))


# ---------------------------------------------------------------- the audit


def test_a_pigeonhole_is_refuted() -> None:
    """With two requests there is always one that is not counted; with three there is not."""
    system = counter(2)
    claimed = Lemma(0, ((Place(0, None), frozenset({2})),))
    for requests in (1, None):
        certificate = Certificate(frozenset({"bad"}), (claimed,), requests)
        if requests == 1:
            own = Lemma(1, ((Place(0, None), frozenset({1})), (Place(1, 0), frozenset({"idle"}))))
            assert audit(system, replace(certificate, lemmas=(claimed, own)))
        with pytest.raises(NotInductive):
            audit(system, certificate)


def test_a_lemma_that_excludes_the_initial_state_is_refuted() -> None:
    never_idle = Lemma(1, ((Place(1, 0), frozenset({"idle"})),))
    with pytest.raises(NotInductive, match="initial"):
        audit(counter(3), Certificate(frozenset({"bad"}), (never_idle,), None))


def test_lemmas_that_exclude_nothing_are_refuted() -> None:
    with pytest.raises(NotInductive, match="excludes every violation"):
        audit(counter(3), Certificate(frozenset({"bad"}), (), None))


@pytest.mark.parametrize("followed", [(), (0,)])
def test_there_is_room_for_who_meets_a_lower_bound_beside_who_is_followed(followed: tuple[int, ...]) -> None:
    """Four requests break it: the step's, its witness, the one that `Current` refers to, and the lemma's."""
    me = frozenset({Ref("request", 0, 0)})
    seen = Lemma(1, ((Place(1, None), frozenset({True})), (Place(2, 0), frozenset({"seen"}))))
    held = Lemma(1, ((Place(0, None), me), (Place(2, 0), frozenset({"idle", "ready", "go", "seen"}))))
    with pytest.raises(NotInductive, match="kept"):
        audit(witness_beside_current(), Certificate(frozenset({"bad"}), (seen, held), None, followed))


@pytest.mark.parametrize("followed", [(), (0,)])
def test_a_lower_bound_is_not_forgotten(followed: tuple[int, ...]) -> None:
    """Nobody is ever ready, so the flag is never raised, however many there are."""
    ready = Lemma(1, ((Place(2, 0), frozenset({"ready"})),))
    flag = Lemma(0, ((Place(1, None), frozenset({True})),))
    system = witness_beside_current()
    templates = tuple(each for at, each in enumerate(system.templates) if at != 1)
    goals = frozenset({"bad"})
    assert audit(replace(system, templates=templates), Certificate(goals, (ready, flag), None, followed))


def test_out_of_time_is_no_proof() -> None:
    system = parallel_limit(1, 2)
    assert not proof_of(system, ["bad"], seconds=-1).certificates
    (certificate,) = proof_of(system, ["bad"]).certificates
    assert not audit(system, certificate, time.monotonic() - 1)
