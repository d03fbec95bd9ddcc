"""IC3 broken on purpose: whatever it then claims, the audit of an invariant or the replay of a run stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.systems import with_bad_states
from wdfmc.engines import ic3
from wdfmc.engines.certificate import NotInductive, audit, certificate_of
from wdfmc.engines.cubes import Masks, Preimages, Renamings
from wdfmc.engines.engine import Holds, Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Frames, Ic3
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import Cube, State
from wdfmc.traces.replay import Refuted, replay

SYSTEMS = 60
REQUESTS = 3


def drop_the_initiation_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ic3, "contains", lambda cube, state: False)


def skip_consecution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third question about a predecessor is answered with no."""
    ask = Frames._predecessor

    def lie(self: Frames, cube: Masks, level: int) -> tuple[State, int] | frozenset[int]:
        found = ask(self, cube, level)
        if self.questions % 3 or isinstance(found, frozenset):
            return found
        return frozenset(self._steps.entering(cube))

    monkeypatch.setattr(Frames, "_predecessor", lie)


def rename_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """References in a lemma keep the old names."""
    monkeypatch.setattr(Renamings, "_mask", lambda self, variable, mask, renaming: mask)


def use_a_stale_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lemmas of the first frames are called invariant."""

    def everything(self: Frames) -> tuple[Cube, ...]:
        return tuple(name for level in self.levels[1:] for name in level)

    monkeypatch.setattr(Frames, "invariant", everything)


def pull_back_a_remap_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever value is remapped, the result is taken to be in the cube."""
    pull_back = Preimages.of

    def anything(self: Preimages, cube: Mapping[int, int], at: int, state: State) -> Masks:
        remapped = {update.target for update in self.system.transitions[at].updates if update.source >= 0}
        return pull_back(
            self, {variable: mask for variable, mask in cube.items() if variable not in remapped}, at, state
        )

    monkeypatch.setattr(Preimages, "of", anything)


def verdicts() -> Iterator[str]:
    """For each goal of many systems: right, wrong (nothing stopped it), stopped, or crash."""
    for seed in range(SYSTEMS):
        template = with_bad_states(seed)
        system = instantiate(template, REQUESTS)
        owed = {obligation.rule for obligation in system.obligations}
        goals = sorted({one.violates for one in system.transitions if one.violates} - owed)
        truth = dict(Explicit().check(system, goals))
        try:
            outcomes = list(Ic3().check(system, goals))
        except (KeyError, StopIteration, ValueError):
            yield "crash"
            continue
        for goal, outcome in outcomes:
            try:
                if isinstance(outcome, Violated):
                    replay(system, outcome.path, goal)
                elif isinstance(outcome, Holds):
                    assert audit(template, certificate_of(template, outcome.invariant, frozenset({goal}), REQUESTS))
                yield "right" if type(outcome) is type(truth[goal]) else "wrong"
            except (NotInductive, Refuted):
                yield "stopped"


FAULTS = [
    drop_the_initiation_check,
    skip_consecution,
    rename_wrongly,
    use_a_stale_frame,
    pull_back_a_remap_wrongly,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_audit_stops_it(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    found = list(verdicts())
    assert "stopped" in found
    assert "wrong" not in found


def test_without_a_fault_nothing_is_stopped() -> None:
    assert set(verdicts()) == {"right"}
