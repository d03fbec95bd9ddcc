"""The life cycle against a plain search with `step`, and against what coverage says of the same statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drivers import random_driver
from tests.shipped import MODELS, ROOT
from wdfmc.checking import Model, Options, library_texts, loaded, with_target
from wdfmc.coverage import coverage
from wdfmc.language.parse import parse
from wdfmc.lifecycle import LifeCycle, contracts_of, life_cycle
from wdfmc.semantics import typed
from wdfmc.semantics.check import analyse
from wdfmc.source import Source
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import MODEL_BOUND, Lowering
from wdfmc.system.ordered import ordered
from wdfmc.system.step import enabled, step
from wdfmc.traces.explain import lines

MOST_STATES = 3000  # of a plain search
SMALL = ["cancellation/pending_read.wdf", "seeds/stacked.wdf", "seeds/forward_unmodified.wdf", "seeds/split_reuse.wdf"]


def model(name: str) -> Model:
    (found,), diagnostics = loaded([MODELS[name]], Options())
    assert not any(item.severity == "error" for item in diagnostics)
    return found


def cycle(name: str, requests: int = 1) -> LifeCycle:
    return life_cycle(model(name).program, Options(requests=requests), None)


def pairs(found: LifeCycle) -> set[tuple[str, str, str, int]]:
    """(before, after, text, line) of what runs take, of all kinds of request."""
    return {
        (edge.before, edge.after, edge.deed.span.source.name, edge.deed.span.line)
        for life in found.lives
        for edge in life.edges
        if edge.taken
    }


def plain_search(program: typed.Program) -> set[tuple[str, str, str, int]] | None:
    """Every reachable state of the unreduced instance of one request; what a step changes is told as a trace tells it.

    None if there are too many, or if a bound of the model is hit: then the lowering is another one.
    """
    program = with_target(program, "answers", False)
    system = ordered(instantiate(Lowering(program, frozenset()).system(), 1))
    assert system.origin is not None
    found, seen, todo = set(), {system.initial}, [system.initial]
    while todo:
        if len(seen) > MOST_STATES:
            return None
        state = todo.pop()
        for number, transition in enumerate(system.transitions):
            if not enabled(transition, state):
                continue
            if transition.violates == MODEL_BOUND:
                return None
            if transition.violates is None:
                after = step(system, state, number)
                template = system.origin.templates[transition.template]
                for told in lines(system, state, after, template, transition.slots, "", 0, 0):
                    for before, then in told.owners.values():
                        found.add((before, then, told.span.source.name, told.span.line))
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
    return {edge for edge in found if edge[0] != edge[1]}


@pytest.mark.parametrize("name", SMALL)
def test_edges_are_those_of_a_plain_search(name: str) -> None:
    found = plain_search(model(name).program)
    assert found is not None
    assert pairs(cycle(name)) == found


@pytest.mark.parametrize("first", [0, *(pytest.param(start, marks=pytest.mark.long) for start in range(10, 200, 10))])
def test_edges_of_random_drivers(first: int) -> None:
    compared = 0
    for seed in range(first, first + (6 if first == 0 else 10)):
        program = analyse(parse(Source(f"{seed}.wdf", random_driver(seed))), *library_texts())
        found = plain_search(program)
        if found is not None:
            assert pairs(life_cycle(program, Options(requests=1), None)) == found, seed
            compared += 1
    assert compared >= 2


def test_one_request_and_two() -> None:
    """With two requests one may wait in the queue while the other is with the driver."""
    alone, both = cycle("seeds/split_parallel.wdf", 1), cycle("seeds/split_parallel.wdf", 2)
    assert pairs(alone) < pairs(both)
    assert "queued" in both.lives[0].reached - alone.lives[0].reached
    assert both.reason is None and both.visited > alone.visited


def test_states_are_those_of_the_library() -> None:
    (life,) = cycle("cancellation/pending_read.wdf").lives
    assert life.initial == "none" and life.states[0] == "none"
    assert {"queued", "sent", "gone"} <= set(life.states) - life.reached
    assert life.reached == {"none", "driver", "cancelable", "cancel_owed", "cancel_run", "done"}


def test_created_requests_have_a_life_of_their_own() -> None:
    received, created = cycle("seeds/split_parallel.wdf").lives
    assert (received.pool, created.pool) == ("", "Child")
    assert "sent" in created.reached - received.reached


def test_what_never_runs_is_told_apart() -> None:
    found = model("seeds/stacked.wdf")
    never = {
        edge.deed.span.line
        for life in life_cycle(found.program, Options(), None).lives
        for edge in life.edges
        if not edge.taken
    }
    assert never == {15}
    dead = {place.span.line for place in coverage(found.program, Options(), None).places if place.runs is False}
    assert never <= dead


def test_cut_off_is_told() -> None:
    found = life_cycle(model("cancellation/pending_read.wdf").program, Options(), None, most_states=10)
    assert found.reason == "only 10 states were visited"
    assert life_cycle(model("cancellation/pending_read.wdf").program, Options(), 0.0).reason is not None


def test_breaches_are_told() -> None:
    found = cycle("cancellation/pending_read_no_lock.wdf", 1)
    assert "no-access-after-ownership-loss" in found.under
    assert set(found.under) <= contracts_of(model("cancellation/pending_read_no_lock.wdf").program)


def test_two_owners_in_one_joined_transition() -> None:
    """Marked and unmarked under one lock: two edges, though it is one transition of the system."""
    text = """\
driver Twice {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        WdfRequestMarkCancelable(Request, OnCancel);
        WdfSpinLockRelease(Lock);
    }
    callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }
}
"""
    program = analyse(parse(Source("twice.wdf", text)), *library_texts())
    (life,) = life_cycle(program, Options(requests=1), None).lives
    marks = {(edge.before, edge.after) for edge in life.edges if edge.deed.action == "WdfRequestMarkCancelable"}
    assert marks == {("driver", "cancelable"), ("driver", "cancel_owed")}


def test_models_are_where_they_are_expected() -> None:
    assert all((Path(ROOT) / "models" / name).is_file() for name in SMALL)
