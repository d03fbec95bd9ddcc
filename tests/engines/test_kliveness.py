"""K-liveness against the exhaustive search, and broken on purpose: the watcher, IC3, and what the watcher relies on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from tests.engines.test_liveness import CASES
from tests.shipped import MODELS, checked, results
from tests.systems import small_system
from wdfmc.checking import Goal, Options, loaded, with_target
from wdfmc.decide import lowered
from wdfmc.engines import kliveness, rounds
from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.certificate import NotInductive
from wdfmc.engines.cubes import Masks
from wdfmc.engines.engine import Holds, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Frames
from wdfmc.engines.kliveness import KLiveness
from wdfmc.engines.symmetry import interchangeable, symmetric
from wdfmc.system.instantiate import instantiate
from wdfmc.system.slice import sliced
from wdfmc.system.step import choices, enabled, holds, step
from wdfmc.system.system import Cube, Obligation, Transition, TransitionSystem
from wdfmc.traces.replay import replay
from wdfmc.verdict import Audit, Word

OWED = ("live", "both")
PATIENCE = 5.0  # seconds for a goal: what is violated need not be found in any time
SYSTEMS = 40
FAULTY = 60  # systems among which a fault is noticed
EVERY = range(10**6)  # kind of fairness group


def random_flat(seed: int) -> TransitionSystem:
    return instantiate(small_system(seed), 1 + seed % 3)


def verdicts(seeds: Iterable[int]) -> Iterator[str]:
    """For each goal: right; open; wrong."""
    for seed in seeds:
        system = random_flat(seed)
        truth = dict(Explicit().check(system, OWED))
        for goal in sorted({obligation.rule for obligation in system.obligations}):
            ((_, found),) = KLiveness(time.monotonic() + PATIENCE).check(system, [goal])
            if isinstance(found, Violated):
                replay(system, found.path, goal)
            if isinstance(found, Unknown):
                yield "open"
            else:
                yield "right" if type(found) is type(truth[goal]) else "wrong"


def test_it_agrees_with_the_exhaustive_search() -> None:
    found = Counter(verdicts(range(SYSTEMS)))
    assert set(found) <= {"right", "open"}
    assert found["right"] > 9 * found["open"]


@pytest.mark.parametrize("name", CASES)
def test_fairness_is_that_of_the_exhaustive_search(name: str) -> None:
    templates, end = CASES[name]
    system = instantiate(templates, 1)
    ((_, found),) = KLiveness().check(system, ["live"])
    assert isinstance(found, Holds if end == "holds" else Violated)
    if isinstance(found, Violated):
        replay(system, found.path, "live")


def test_a_loop_is_fair_to_what_was_ignored_in_each_of_its_rounds() -> None:
    system = random_flat(2039)
    ((_, found),) = KLiveness().check(system, ["both"])
    assert isinstance(found, Violated)
    replay(system, found.path, "both")


def test_other_goals_are_left_open() -> None:
    system = instantiate(CASES["weak fairness drives it on"][0], 1)
    assert list(KLiveness().check(system, ["bad"])) == [("bad", Unknown("it is about what never happens"))]


@pytest.mark.parametrize("seed", range(SYSTEMS))
def test_a_transition_is_enabled_in_the_union_of_its_ways(seed: int) -> None:
    system = random_flat(seed)
    watcher = rounds._Watcher(system, known(system), "live", 0, ())
    state = system.initial
    for number in range(20):
        for transition in system.transitions:
            ways = watcher._ways(transition)
            assert enabled(transition, state) == any(holds(tuple(way.items()), state) for way in ways)
        able = [at for at in choices(system, state) if system.transitions[at].violates is None]
        if able:
            state = step(system, state, able[(seed + number) % len(able)])


def test_too_many_ways_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_WAYS", 0)
    system = next(s for s in map(random_flat, range(99)) if any(one.counts and one.fairness for one in s.transitions))
    reason = "there are too many ways in which one step of an actor is enabled"
    assert list(KLiveness().check(system, ["live"])) == [("live", Unknown(reason))]


def known(system: TransitionSystem) -> Reach:
    found = reach(system)
    assert found is not None
    return found


# ---------------------------------------------------------------- symmetry


@pytest.mark.parametrize("seed", range(SYSTEMS))
def test_the_watcher_treats_all_requests_alike(seed: int) -> None:
    system = instantiate(small_system(seed), 3)
    for goal in {obligation.rule for obligation in system.obligations}:
        assert symmetric(rounds.rounds(system, known(system), goal, 2, EVERY).system)


def test_what_only_looks_alike_is_told_apart() -> None:
    system = next(s for s in map(random_flat, range(2, 300, 3)) if any(one.slots == (1,) for one in s.transitions))
    assert symmetric(system)
    transitions = tuple(
        replace(one, violates="another") if one.slots == (1,) else one for one in system.transitions
    )  # fmt: skip
    assert interchangeable(replace(system, transitions=transitions))
    assert not symmetric(replace(system, transitions=transitions))


# ---------------------------------------------------------------- broken on purpose


def must_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a weak group is disabled does not count."""
    leave_out_observations(monkeypatch, strong=False)


def no_oaths(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strong group has to be served, although it is never enabled again."""
    leave_out_observations(monkeypatch, strong=True)


def leave_out_observations(monkeypatch: pytest.MonkeyPatch, strong: bool) -> None:
    observe = rounds._Watcher._observation

    def some(self: rounds._Watcher, group: rounds._Group) -> None:
        if group.strong != strong:
            observe(self, group)

    monkeypatch.setattr(rounds._Watcher, "_observation", some)


def nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken to happen again and again."""
    monkeypatch.setattr(rounds, "recurring", lambda system, known: set())


def only_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another step of the same actor does not serve a weak group."""

    def named(self: rounds._Watcher, at: int, group: int) -> bool:
        return self.system.transitions[at].fairness == group

    monkeypatch.setattr(rounds._Watcher, "_serves", named)


def counts_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a transition asks of all others is left out of when its group is enabled."""
    monkeypatch.setattr(rounds._Watcher, "_ways", lambda self, transition: [dict(transition.guard)])


def settled_by_any_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What writes the variable of an obligation is taken to end it."""
    keep = rounds._Watcher._keeping

    def keeping(self: rounds._Watcher, transition: Transition, owed: Obligation) -> Masks | None:
        written = any(update.target == owed.variable for update in transition.updates)
        return None if written else keep(self, transition, owed)

    monkeypatch.setattr(rounds._Watcher, "_keeping", keeping)


WATCHERS = [must_be_served, no_oaths, nothing_again, only_its_own_steps, counts_are_ignored, settled_by_any_change]


@pytest.mark.parametrize("fault", WATCHERS, ids=lambda fault: fault.__name__)
def test_a_wrong_watcher_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It proves what the exhaustive search refutes."""
    fault(monkeypatch)
    assert "wrong" in verdicts(range(FAULTY))


def test_the_audit_stops_a_wrong_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lemmas of the first frames are called invariant."""

    def everything(self: Frames) -> tuple[Cube, ...]:
        return tuple(name for level in self.levels[1:] for name in level)

    monkeypatch.setattr(Frames, "invariant", everything)
    assert stopped(range(SYSTEMS))


def test_the_audit_stops_a_wrong_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that a variable can have is taken to be impossible."""

    def less(system: TransitionSystem, deadline: float | None = None) -> Reach:
        found = known(system)
        if all(variable.name != "watched" for variable in system.variables):
            start = {found.offset[variable] + value for variable, value in enumerate(system.initial)}
            left_out = max(
                (at for at in range(found.offset[-1]) if found.together[at, at] and at not in start), default=None
            )
            if left_out is not None:
                found.together[left_out, :] = found.together[:, left_out] = False
        return found

    monkeypatch.setattr(kliveness, "reach", less)
    assert stopped(range(SYSTEMS))


def stopped(seeds: Sequence[int]) -> bool:
    for seed in seeds:
        try:
            assert "wrong" not in verdicts([seed])
        except NotInductive:
            return True
    return False


# ---------------------------------------------------------------- drivers


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ("drivers/vhidmini2.wdf", "request-eventually-completed"),
        ("seeds/synchronous_send.wdf", "sync-send-terminates"),
        ("cancellation/forward_canceller.wdf", "request-eventually-completed"),
    ],
)
def test_a_driver_is_proved(model: str, rule: str) -> None:
    (found,) = results(checked(model, Options(requests=2, rules=(rule,), engine="ic3", widening=0)))
    assert (found.verdict, found.engine, found.audit) == (Word.PROVED, "k-liveness", Audit.CERTIFIED)
    assert found.requests == 2


@pytest.mark.long
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("model", MODELS)
def test_no_driver_is_judged_otherwise_than_by_the_exhaustive_search(model: str, requests: int) -> None:
    for target in ("answers", "honours"):
        (found, *_), _ = loaded([MODELS[model]], Options())
        goals = [Goal(rule, target, None) for rule in found.program.rules if found.program.rules[rule].liveness]
        instance = lowered(with_target(found.program, target, False), goals, Options(), {})
        for rule in (goal.rule for goal in goals):
            part = sliced(instance.system, frozenset({rule}), instance.contracts)
            system = instantiate(part.system, requests)
            if all(owed.rule != rule for owed in system.obligations):
                continue
            ((_, exact),) = Explicit(limit_states=300_000).check(system, [rule])
            ((_, counted),) = KLiveness(time.monotonic() + 4 * PATIENCE).check(system, [rule])
            if not isinstance(exact, Unknown) and not isinstance(counted, Unknown):
                assert type(counted) is type(exact), (rule, target)
            if isinstance(counted, Violated):
                replay(system, counted.path, rule)
