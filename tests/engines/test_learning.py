"""Lemmas that are learned contradict no reachable state, and prove what can be proved by lemmas about two requests."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest

from tests.engines.naive import layers
from tests.engines.test_anynumber import BREAKS_WITH_MANY, compared, for_any, parallel_limit, proof_of
from tests.systems import with_bad_states
from wdfmc.engines import anynumber
from wdfmc.engines.anynumber import TRIED, Search
from wdfmc.engines.cubes import contains
from wdfmc.engines.houdini import Candidates
from wdfmc.engines.learning import Learning
from wdfmc.engines.reachable import ROOM, Reachable
from wdfmc.engines.sampling import visited
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.instantiate import Instance, instantiate
from wdfmc.system.presence import among_present, dangling, with_presence
from wdfmc.system.system import Place, TemplateSystem
from wdfmc.traces.replay import replay


def reachable(system: TemplateSystem, requests: int = TRIED) -> Reachable:
    instance = Instance(system, requests)
    flat = instance.flat()
    symmetry = Symmetry(flat)
    states, complete = visited(flat, symmetry, 100_000, None)
    assert complete
    return Reachable(instance, states, symmetry)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_generalised_holds_for_three_requests(seed: int, backwards: bool) -> None:
    system = with_bad_states(seed)
    here = reachable(system)
    flat = here.instance.flat()
    states = set().union(*layers(flat))
    random = Random(seed)
    for _ in range(20):
        state = tuple(random.randrange(len(variable.domain)) for variable in flat.variables)
        cube = tuple((at, 1 << value) for at, value in enumerate(state))
        if state not in states:
            lemma = here.generalised(cube, backwards)
            placed = [dict(each) for each in lemma.placements(here.instance)]
            assert any(contains(each, state) for each in placed)
            assert not any(contains(each, seen) for each in placed for seen in states)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("requests", [2, TRIED])
def test_lemmas_against_a_state_of_more_requests(seed: int, requests: int) -> None:
    """Whatever contradicts a state of four requests, some of which may be absent, holds for few."""
    system = with_bad_states(seed)
    few = reachable(system, requests)
    states = set().union(*layers(few.instance.flat()))
    many = Instance(with_presence(system), 4)
    random = Random(seed)
    for _ in range(20):
        state = tuple(random.randrange(len(variable.domain)) for variable in many.flat().variables)
        if any(all(mask >> state[at] & 1 for at, mask in cube) for cube in dangling(many.flat())):
            continue
        for lemma in few.lemmas(many, state):
            named = among_present(lemma, many.system)
            assert any(contains(dict(each), state) for each in named.placements(many)), lemma
            assert not any(contains(dict(each), seen) for each in lemma.placements(few.instance) for seen in states)


def test_random_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a first run of IC3."""
    monkeypatch.setattr(anynumber, "FIRST", 0)
    assert compared(range(80, 120)) > 40


@pytest.mark.parametrize("name", BREAKS_WITH_MANY)
def test_what_breaks_with_many_is_not_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anynumber, "FIRST", 0)
    system, fewest = BREAKS_WITH_MANY[name]
    proof = proof_of(system, ["bad"])
    assert not for_any(system, proof)
    assert ("bad" in proof.violated) == (fewest <= TRIED)


def learned(system: TemplateSystem) -> Learning:
    lemmas = Candidates(system, (), ["bad"], None, anynumber.followed(system), ROOM)
    learning = Learning(lemmas, reachable(system), ["bad"])
    learning.run(time.monotonic() + 60)
    return learning


def test_two_requests_are_enough_for_a_limit_of_one() -> None:
    learning = learned(parallel_limit(1, 2))
    assert not learning.hopeless
    assert learning.lemmas.proves(["bad"])


def test_a_limit_of_two_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests at a time is never reached: a lemma about three, which IC3 finds."""
    system = parallel_limit(2, 3)
    assert learned(system).hopeless == {"bad"}
    monkeypatch.setattr(anynumber, "FIRST", 0)
    proof = proof_of(system, ["bad"])
    assert for_any(system, proof) == {"bad"}
    assert not proof.hopeless


def test_without_what_is_needed_nothing_more_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is left then is given up, so that nobody asks again."""
    monkeypatch.setattr(anynumber, "FIRST", 0)
    monkeypatch.setattr(anynumber, "SECOND", 0)
    monkeypatch.setattr(anynumber, "never_seen", None)
    system = parallel_limit(2, 3)
    four = tuple((Place(0, slot), frozenset({"driver"})) for slot in range(4))
    other = replace(system.templates[-1], footprint=4, guard=four, violates="other")
    system = replace(system, templates=(*system.templates, other))
    proof = Search(system, ["other", "bad"], needed={"bad"}).proof(time.monotonic() + 60)
    assert proof.hopeless == {"bad", "other"}
    assert not proof.violated


def test_where_a_goal_is_out_of_reach_others_are_still_found_to_be_violated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anynumber, "FIRST", 0)
    system = parallel_limit(2, 3)
    done = ((Place(0, 0), frozenset({"driver"})), (Place(0, 1), frozenset({"done"})))
    broken = replace(system.templates[-1], footprint=2, guard=done, violates="other")
    system = replace(system, templates=(*system.templates, broken))
    proof = Search(system, ["bad", "other"], needed={"bad"}).proof(time.monotonic() + 60)
    assert set(proof.violated) == {"other"}
    requests, path = proof.violated["other"]
    replay(instantiate(system, requests), path, "other")
