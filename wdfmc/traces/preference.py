"""What makes one run better to read than another of the same length."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from wdfmc.engines.engine import Path
from wdfmc.engines.packed import Bools, Numbers
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.system import TransitionSystem

End: TypeAlias = Literal["violation", "stuck"]


class Preference:
    """By transition number: the actor, the slots named (a bit set), whether it is the environment, and the rank."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        self.symmetry = Symmetry(system)
        transitions = system.transitions
        by_name = sorted(range(len(transitions)), key=lambda at: (transitions[at].template, transitions[at].slots, at))
        self.rank = [0] * len(transitions)
        for rank, at in enumerate(by_name):
            self.rank[at] = rank
        self.actor = np.array([transition.actor for transition in transitions], np.int64)
        self.named = np.array([sum(1 << slot for slot in t.slots) for t in transitions], np.int64)
        self.environment = np.array([self._environment(transition.template) for transition in transitions], np.int64)

    def _environment(self, template: int) -> bool:
        origin = self.system.origin
        return origin is not None and origin.templates[template].actor.kind == "environment"

    def first_names(self, before: Numbers, named: Numbers) -> Bools:
        """Where naming these slots after those keeps to the order of slots; all are bit sets."""
        after = before | named
        if not self.symmetry.many:
            return np.ones(len(after), np.bool_)
        return np.asarray((after & (after + 1)) == 0)


def switches(preference: Preference, path: Path) -> int:
    return sum(preference.actor[first] != preference.actor[second] for first, second in pairwise(path.transitions))


def requests(preference: Preference, path: Path) -> int:
    return len({slot for at in path.transitions for slot in preference.system.transitions[at].slots})


def environment(preference: Preference, path: Path) -> int:
    return sum(int(preference.environment[at]) for at in path.transitions)
