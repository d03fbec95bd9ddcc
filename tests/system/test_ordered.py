"""The runs of the ordered system are those of the interpreter in which queues keep their order."""

from __future__ import annotations

from random import Random

import pytest

from tests.drivers import random_driver
from tests.lowered import AGAIN, Lowered, random_run
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.instantiate import instantiate
from wdfmc.system.ordered import moved, ordered, waits
from wdfmc.system.step import NotEnabled, step
from wdfmc.system.system import TransitionSystem
from wdfmc.traces.follow import Refuted, follow, steps_of

WAITS = """
driver Waits {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    queue Waiting : manual;
    timer Poll : periodic, armed { EvtTimerFunc = OnPoll; }
    callback OnRead(Request) {
        status = WdfRequestForwardToIoQueue(Request, Waiting);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }
    }
    callback OnPoll() {
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Waiting, &r))) {
            if (maybe("not yet")) { WdfRequestRequeue(r); } else { WdfRequestComplete(r, STATUS_SUCCESS); }
        }
    }
}
"""
LENGTH = 16
RUNS = 200
COMPARED = 6  # of the runs in order, and of the others


def test_the_line_of_two_is_the_line_without_the_others() -> None:
    random = Random(5)
    line, pairs = list[int](), {(one, other): () for one in range(3) for other in range(one + 1, 3)}
    for _ in range(500):
        who, place = random.randrange(3), random.choice(("first", "last", "taken"))
        line = [each for each in line if each != who]
        line = {"first": [who, *line], "last": [*line, who], "taken": line}[place]
        for pair, before in pairs.items():
            pairs[pair] = moved(before, pair.index(who), place) if who in pair else before
            assert [pair[each] for each in pairs[pair]] == [each for each in line if each in pair]
            for one in (0, 1):
                rest = line[: line.index(pair[one])] if pair[one] in line else line
                assert waits(pairs[pair], one) == (pair[1 - one] in rest)


def kept(line: TransitionSystem, taken: list[int]) -> int:
    """How many transitions of a run keep the order."""
    state = line.initial
    for number, chosen in enumerate(taken):
        try:
            state = step(line, state, chosen)
        except NotEnabled:
            return number
    return len(taken)


def agree(text: str, requests: int) -> int:
    """Compares the two on random runs. Returns how many of these are out of order."""
    lowered = Lowered(text)
    system = instantiate(lowered.system, requests)
    line = ordered(system)
    compared = {True: 0, False: 0}
    for seed in range(RUNS):
        states, taken = random_run(system, seed, LENGTH)
        until = kept(line, taken)
        out_of_order = until < len(taken)
        if compared[out_of_order] == COMPARED:
            continue
        compared[out_of_order] += 1
        steps = steps_of(system, states, taken)
        found = follow(lowered.program, requests, steps[:until], in_order=True)
        assert not isinstance(found, Refuted), found
        if out_of_order:
            late = follow(lowered.program, requests, steps[: until + 1], in_order=True)
            assert isinstance(late, Refuted) and late.step == until
    return compared[True]


@pytest.mark.parametrize(
    ("text", "requests"),
    [
        pytest.param(WAITS, 2, id="manual"),
        pytest.param(WAITS, 3, id="manual-3"),
        pytest.param(AGAIN.replace("parallel", "sequential"), 3, id="sequential-3"),
    ],
)
def test_interpreter_and_ordered_system_agree(text: str, requests: int) -> None:
    assert agree(text, requests), "some of the runs are out of order"


@pytest.mark.parametrize("seed", range(0, 40, 8))
def test_they_agree_on_random_drivers(seed: int) -> None:
    agree(random_driver(seed), 2)


def test_what_never_waits_has_no_order() -> None:
    system = instantiate(Lowered(AGAIN).system, 2)
    assert ordered(system) is system


@pytest.mark.parametrize(("requests", "symmetric"), [(2, True), (3, False)])
def test_only_two_requests_stay_interchangeable(requests: int, symmetric: bool) -> None:
    assert Symmetry(ordered(instantiate(Lowered(WAITS).system, requests))).many is symmetric


def test_transitions_keep_their_numbers() -> None:
    system = instantiate(Lowered(WAITS).system, 2)
    line = ordered(system)
    for before, after in zip(system.transitions, line.transitions, strict=True):
        assert (before.template, before.slots, before.guard) == (after.template, after.slots, after.guard)
        assert set(before.updates) <= set(after.updates)
