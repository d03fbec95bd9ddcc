"""What a sample of the reachable states of two requests never shows, seen from one state that should be impossible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, permutations
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from wdfmc.engines.sampling import MOST_STATES, visited
from wdfmc.engines.symmetry import Symmetry
from wdfmc.system.instantiate import Instance
from wdfmc.system.lemma import Lemma, lifted
from wdfmc.system.system import Ref, State, TemplateSystem

Slots: TypeAlias = "tuple[int, ...]"
Seen: TypeAlias = "dict[int, int]"  # variable of the instance -> value

SAMPLED: Final = 2  # requests


class Unseen:
    """`banned`: lemmas that turned out to be false although no state of the sample contradicts them."""

    def __init__(self, system: TemplateSystem, deadline: float) -> None:
        self.instance = Instance(system, SAMPLED)
        self.flat = self.instance.flat()
        self.banned: set[Lemma] = set()
        symmetry = Symmetry(self.flat)
        states, _ = visited(self.flat, symmetry, MOST_STATES, deadline)
        renamings = range(len(symmetry.renamings) if symmetry.many else 1)
        self._columns = np.concatenate(
            [
                np.stack(
                    [symmetry.packing.column(renamed, at).astype(np.uint16) for at in range(len(self.flat.variables))]
                )
                for renamed in (symmetry.renamed(states.copy(), renaming) for renaming in renamings)
            ],
            axis=1,
        )

    def lemmas(self, instance: Instance, state: State, present: Sequence[int]) -> Iterator[Lemma]:
        """Lemmas that the state of a larger instance contradicts; none if every part of it looks possible.

        Args:
            present: the slots that are there.
        """
        for chosen in chain(((slot,) for slot in present), permutations(present, SAMPLED)):
            found = self._never(self._part(instance, state, chosen))
            if found is not None and found not in self.banned:
                yield found

    def _part(self, instance: Instance, state: State, chosen: Slots) -> Seen:
        """What the state says of the chosen requests. References beside one request are to one other at most."""
        found: Seen = {}
        seconds = list(chosen)
        for (template, slot), at in self.flat.index.items():
            if slot is None or slot < len(chosen):
                place = instance.place[template, None if slot is None else chosen[slot]]
                value = instance.domains[template].values[state[place]]
                if isinstance(value, Ref) and value.slot is not None:
                    if value.slot not in seconds and len(seconds) < SAMPLED:
                        seconds.append(value.slot)
                    if value.slot not in seconds:
                        continue
                    value = value._replace(slot=seconds.index(value.slot))
                found[at] = self.instance.domains[template].at[value]
        return found

    def _never(self, part: Seen) -> Lemma | None:
        """What is never seen of a part of a state, as much as possible around it."""
        masks = {variable: 1 << value for variable, value in part.items()}
        misses = {variable: self._columns[variable] != value for variable, value in part.items()}
        total = np.zeros(self._columns.shape[1], np.int16)
        for miss in misses.values():
            total += miss
        if not total.all():
            return None
        for variable in sorted(masks, key=self._preference):
            if len(masks) > 1 and not _lonely(total, misses[variable]):
                total -= misses[variable]
                del masks[variable], misses[variable]
        for variable in masks:
            for value in range(len(self.flat.variables[variable].domain)):
                now = misses[variable] & (self._columns[variable] == value)
                if not masks[variable] >> value & 1 and not _lonely(total, now):
                    masks[variable] |= 1 << value
                    misses[variable] &= ~now
                    total -= now
        return lifted(self.instance, [tuple(sorted(masks.items()))])[0]

    def _preference(self, variable: int) -> tuple[bool, bool, int]:
        """Shared variables are dropped first, references last: they tell which request it is about."""
        each = self.flat.variables[variable]
        return any(each.refers), each.slot is not None, -variable


def _lonely(total: npt.NDArray[np.int16], misses: npt.NDArray[np.bool_]) -> bool:
    """Whether some state is kept out of the cube by these misses alone."""
    return bool((total[misses] == 1).any())
