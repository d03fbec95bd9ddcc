"""What engines say of their work, who hears it, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from tests.engines.naive import random_system
from wdfmc.depth import SHALLOW, with_room
from wdfmc.engines import auto
from wdfmc.engines.auto import Auto
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Holds, Outcome, Unknown
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Ic3
from wdfmc.progress import Effort, Messenger, Meter, Progress, Work, concerning, listening, tell
from wdfmc.system.system import TransitionSystem

GOALS = ["bad", "worse"]


def test_nobody_has_to_listen() -> None:
    Work("explicit", 2).at(states=1)
    tell(Progress(b"1", Effort("explicit", 2)))
    with concerning("a.wdf"):
        Work("explicit", 2).at(states=1)


def test_what_is_said_is_heard_only_inside() -> None:
    outer, inner = list[Progress](), list[Progress]()
    with listening(outer.append):
        with listening(inner.append):
            Work("explicit", 2)
        Work("ic3", 3)
    Work("bmc", 4)
    assert [one.effort and one.effort.engine for one in inner] == ["explicit"]
    assert [one.effort and one.effort.engine for one in outer] == ["ic3"]


def test_it_is_about_a_model_until_that_is_done() -> None:
    meter = Meter()
    with listening(meter.hear):
        with concerning("a.wdf"):
            Work("explicit", 2).at(states=1)
            assert [effort.engine for effort in meter.now()["a.wdf"]] == ["explicit"]
        assert not meter.now()
    assert [effort.states for effort in meter.efforts()] == [1]


def test_a_process_does_one_thing_at_a_time_and_others_work_beside_it() -> None:
    meter = Meter()
    for run, (process, engine) in enumerate([(1, "lowering"), (1, "explicit"), (2, "ic3"), (3, "bmc"), (2, "ic3")]):
        meter.hear(Progress(bytes([run]), Effort(engine, 2), "a.wdf", process))
    assert [effort.engine for effort in meter.now()["a.wdf"]] == ["explicit", "ic3", "bmc"]


def test_a_deep_text_is_worked_on_in_a_thread_that_is_heard() -> None:
    heard = list[Progress]()
    with listening(heard.append):
        with_room(SHALLOW + 1, lambda: Work("explicit", 2))
    assert len(heard) == 1


# ---------------------------------------------------------------- adding up


def test_counts_are_added_up_and_depths_are_the_largest() -> None:
    meter = Meter()
    with listening(meter.hear):
        for depth, states in ((5, 100), (3, 10)):
            work = Work("explicit", 2)
            work.at(depth=1, states=1)
            work.at(depth=depth, states=states)
        Work("explicit", 3).at(states=7)
        Work("ic3", 2).at(frames=4, lemmas=3, queries=0)
    two, three, ic3 = meter.efforts()
    assert (two.engine, two.requests, two.depth, two.states, two.queries) == ("explicit", 2, 5, 110, None)
    assert (three.requests, three.depth, three.states) == (3, None, 7)
    assert (ic3.frames, ic3.lemmas, ic3.queries) == (4, 3, 0)


def test_messages_may_overtake_each_other() -> None:
    meter = Meter()
    late, early = (Progress(b"1", Effort("bmc", 2, float(depth), depth=depth)) for depth in (9, 4))
    meter.hear(late)
    meter.hear(early)
    assert [effort.depth for effort in meter.efforts()] == [9]


def test_a_messenger_sends_the_first_at_once_and_then_now_and_then() -> None:
    sent = list[Progress]()
    messenger = Messenger(sent.append)
    first = Progress(b"1", Effort("bmc", 2, depth=1))
    messages = [replace(first, effort=Effort("bmc", 2, depth=depth)) for depth in range(1, 100)]
    for message in messages:
        messenger.hear(message)
    assert sent[0].effort == messages[0].effort
    assert len(sent) < len(messages)
    messenger.flush()
    assert sent[-1].effort == messages[-1].effort
    before = len(sent)
    messenger.flush()
    assert len(sent) == before, "nothing new was heard"
    assert [each.effort for each in messenger.everything()] == [messages[-1].effort]
    assert sent[-1].memory > 0


# ---------------------------------------------------------------- engines


def efforts(system: TransitionSystem, engine: Explicit | Bmc | Ic3 | Auto, goals: Sequence[str]) -> dict[str, Effort]:
    meter = Meter()
    with listening(meter.hear):
        list(engine.check(system, goals))
    return {effort.engine: effort for effort in meter.efforts()}


def test_the_explicit_search_counts_its_states() -> None:
    for seed in range(20):
        system = random_system(seed)
        outcomes = dict(Explicit().check(system, GOALS))
        told = efforts(system, Explicit(), GOALS)["explicit"]
        assert told.requests == system.slots
        for outcome in outcomes.values():
            if isinstance(outcome, Holds):
                assert told.states == outcome.states


def test_solvers_count_their_queries() -> None:
    asked = 0
    for seed in range(10):
        system = random_system(seed)
        bmc = efforts(system, Bmc(depth=6), GOALS)["bmc"]
        if bmc.queries is not None:  # else no violation is possible at any depth
            assert bmc.depth is not None and bmc.depth <= 6
            assert bmc.queries >= bmc.depth
            asked += 1
        ic3 = efforts(system, Ic3(), GOALS)["ic3"]
        assert ic3.frames is not None and ic3.lemmas is not None and ic3.queries
    assert asked


@dataclass(frozen=True, slots=True)
class Nothing:
    """An engine that decides nothing and does some work."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        work = Work("nothing", system.slots)
        for queries in range(1, 8):
            work.at(queries=queries)
        yield from ((goal, Unknown("nothing")) for goal in goals)


def test_what_processes_of_a_race_say_is_heard_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "SMALL", 1)
    monkeypatch.setattr(auto, "SAFE", 1)
    monkeypatch.setattr(Auto, "_contenders", lambda self: {"one": Nothing(), "other": Nothing()})
    monkeypatch.setattr(auto, "Pairs", Nothing)
    told = efforts(random_system(1), Auto(limit_states=1), ["live"])["nothing"]
    assert told.queries == 3 * 7, "in this process and in two others"
