"""Fair cycles against a direct check of all strongly connected components."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.oracle import fair_components, reachable, refutes, shortest_violation, stuck, without_unfair
from tests.systems import small_systems
from wdfmc.engines.engine import Holds, Outcome, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.liveness import components
from wdfmc.source import Source, Span
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import (
    Actor,
    Assignment,
    Fairness,
    Place,
    Statement,
    Template,
    TemplateObligation,
    TemplateSystem,
    TemplateVariable,
    Value,
)

OWED = ("live", "both")
MOST = 500  # states that the oracle goes through


@settings(max_examples=300, deadline=None, derandomize=True)
@given(small_systems(), st.integers(1, 3))
def test_eventually_is_decided(system: TemplateSystem, many: int) -> None:
    flat = instantiate(system, many)
    graph = reachable(flat, MOST)
    assume(graph is not None)
    assert graph is not None
    lasting = without_unfair(flat, graph)
    for goal, outcome in Explicit().check(flat, OWED):
        obligations = [owed for owed in flat.obligations if owed.rule == goal]
        ends = [state for owed in obligations for state in stuck(flat, graph, owed)]
        cycles = [states for owed in obligations for states in fair_components(flat, lasting, owed)]
        shortest = shortest_violation(flat, graph, goal)
        match outcome:
            case Violated(path):
                assert refutes(flat, path, goal)
                if path.end == "stuck":
                    assert len(path.transitions) == min(graph.depth[state] for state in ends)
                if path.end == "loop":
                    assert not ends
                    assert shortest is None
                    loop = path.transitions[path.loop :]
                    assert all(flat.transitions[at].lasting for at in loop)
                    assert path.loop == min(graph.depth[state] for states in cycles for state in states)
            case Holds():
                assert not ends
                assert not cycles
                assert shortest is None
            case Unknown():
                pytest.fail("nothing limits the search")


SPAN = Span(Source("text", ""), 0, 0)


def moves(name: str, words: str, *edges: tuple[str, str, Fairness | None, str], owed: str = "a") -> TemplateSystem:
    """One variable over the letters `words`, starting at the first; an edge is (from, to, fairness, actor).

    `to` "!" is a violation of the rule `broken`; a strong edge is about a lock of its own.
    """
    place = Place(0, None)

    def template(at: int, source: str, target: str, fairness: Fairness | None, actor: str) -> Template:
        return Template(
            0,
            ((place, frozenset[Value](source)),),
            (),
            () if target == "!" else (Assignment(place, None, ((None, target),)),),
            Actor(actor, None, "thread"),
            (Statement(SPAN, name),),
            fairness,
            f"lock{at}" if fairness == "strong" else None,
            "broken" if target == "!" else None,
        )

    return TemplateSystem(
        (TemplateVariable("at", False, tuple(words), words[0]),),
        tuple(template(at, *edge) for at, edge in enumerate(edges)),
        (TemplateObligation("live", 0, frozenset[Value](owed)),),
    )


CASES = {
    "weak fairness drives it on": (moves("x", "ab", ("a", "b", "weak", "T")), "holds"),
    "the environment need not": (moves("x", "ab", ("a", "b", None, "T")), "stuck"),
    "an unfair loop starves a weak step": (
        moves("x", "ab", ("a", "a", None, "E"), ("a", "b", "weak", "T")),
        "holds",
    ),
    "what nobody owes may go on for ever": (
        moves("x", "acb", ("a", "c", "free", "E"), ("c", "a", "weak", "E"), ("a", "b", "weak", "T"), owed="ac"),
        "loop",
    ),
    "and need not happen": (moves("x", "ab", ("a", "b", "free", "T")), "stuck"),
    "it is a step of its actor": (moves("x", "ab", ("a", "a", "free", "T"), ("a", "b", "weak", "T")), "loop"),
    "but not of a lock": (moves("x", "ab", ("a", "a", "free", "T"), ("a", "b", "strong", "T")), "holds"),
    "spinning counts as a step of the actor": (
        moves("x", "ab", ("a", "a", "weak", "T"), ("a", "b", "weak", "T")),
        "loop",
    ),
    "weak is not enough when it is not always enabled": (
        moves("x", "acb", ("a", "c", "weak", "E"), ("c", "a", "weak", "E"), ("a", "b", "weak", "T"), owed="ac"),
        "loop",
    ),
    "strong is": (
        moves("x", "acb", ("a", "c", "weak", "E"), ("c", "a", "weak", "E"), ("a", "b", "strong", "T"), owed="ac"),
        "holds",
    ),
    "strong fairness of another step of the actor does not help": (
        moves("x", "acb", ("a", "c", "strong", "T"), ("c", "a", "weak", "T"), ("a", "b", "strong", "T"), owed="ac"),
        "holds",
    ),
    "a run may leave what it would starve": (
        moves("x", "acdb", ("a", "c", None, "E"), ("c", "d", None, "E"), ("d", "c", None, "E"),
              ("c", "a", None, "E"), ("a", "b", "strong", "T"), owed="acd"),
        "stuck",
    ),
    "inside a component, a smaller fair one": (
        moves("x", "acdb", ("a", "c", None, "E"), ("c", "d", "weak", "F"), ("d", "c", "weak", "F"),
              ("c", "a", None, "E"), ("a", "b", "strong", "T"), owed="acd"),
        "loop",
    ),
    "a violation that must come is not waited for": (moves("x", "a", ("a", "!", "weak", "T")), "holds"),
    "a violation that may come": (moves("x", "a", ("a", "!", None, "T")), "stuck"),
    "a violation keeps a group enabled": (
        moves("x", "ab", ("a", "a", "weak", "E"), ("a", "!", "strong", "T")),
        "holds",
    ),
    "paid on the way round": (
        moves("x", "ab", ("a", "b", "weak", "T"), ("b", "a", "weak", "T")),
        "holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("system", "end"), CASES.values(), ids=CASES)
def test_fairness(system: TemplateSystem, end: str) -> None:
    for many in (0, 1, 3):
        flat = instantiate(system, many)
        outcome = dict(Explicit().check(flat, ["live"]))["live"]
        assert (outcome.path.end if isinstance(outcome, Violated) else "holds") == end
        if isinstance(outcome, Violated):
            assert refutes(flat, outcome.path, "live")


def test_what_only_the_environment_drives_ends() -> None:
    system = moves("x", "acb", ("a", "c", None, "E"), ("c", "a", "weak", "T"), ("a", "b", "weak", "T"), owed="ac")
    flat = instantiate(system, 1)
    assert isinstance(dict(Explicit().check(flat, ["live"]))["live"], Holds)


def test_a_limit_leaves_liveness_open() -> None:
    flat = instantiate(CASES["spinning counts as a step of the actor"][0], 1)
    outcome: Outcome = dict(Explicit(limit_states=0).check(flat, ["live"]))["live"]
    assert outcome == Unknown("state limit (0) reached")


def test_components() -> None:
    random = Random(5)
    for _ in range(50):
        size = random.randint(1, 30)
        edges = [(random.randrange(size), random.randrange(size)) for _ in range(random.randint(0, 50))]
        source, target = np.array(edges, np.int64).reshape(-1, 2).T
        reach = np.zeros((size, size), np.bool_)
        reach[source, target] = True
        for middle in range(size):
            reach |= reach[:, middle : middle + 1] & reach[middle]
        found = components(size, source, target)
        assert ((found >= 0) == reach.diagonal()).all()
        same = (found[:, None] == found) & (found >= 0)
        assert (same == (reach & reach.T)).all()
        assert set(found.tolist()) - {-1} == set(range(found.max() + 1))
