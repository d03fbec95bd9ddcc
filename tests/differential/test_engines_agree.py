"""Bounded model checking and explicit search share nothing but the transition system."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.systems import GOALS, small_systems
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Holds, Unknown, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import TemplateSystem
from wdfmc.traces.minimize import canonical
from wdfmc.traces.replay import replay

DEPTH = 9


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_systems(), st.integers(1, 3))
def test_no_two_engines_contradict_each_other(templates: TemplateSystem, slots: int) -> None:
    system = instantiate(templates, slots)
    bounded = dict(Bmc(DEPTH).check(system, GOALS))
    exact = dict(Explicit().check(system, GOALS))
    assert set(bounded) == set(exact) == set(GOALS)
    for goal in GOALS:
        match bounded[goal], exact[goal]:
            case Violated(one), Violated(other):
                replay(system, one, goal)
                replay(system, other, goal)
                if one.end == other.end == "violation":
                    depth = len(one.transitions)
                    assert depth == len(other.transitions)
                    assert len(canonical(system, goal, depth).transitions) == depth
                else:
                    assert len(one.transitions) <= len(other.transitions)
            case Unknown(depth=depth), Violated(path):
                replay(system, path, goal)
                # Explicit search finds some fair cycle, not the shortest.
                assert depth == DEPTH and (len(path.transitions) > DEPTH or path.end == "loop"), (goal, path)
            case Unknown(depth=depth), Holds():
                assert depth == DEPTH
            case pair:
                raise AssertionError((goal, pair))
