"""Cubes of states: which values each variable may have; and the exact pre-image of a cube under a transition.

A cube is a mapping from variables to masks of values; a variable that is not in it may have any value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import TypeAlias

from wdfmc.engines.relation import Box, values
from wdfmc.system.system import Count, Cube, State, Transition, TransitionSystem

Masks: TypeAlias = dict[int, int]


def key(cube: Mapping[int, int]) -> Cube:
    return tuple(sorted(cube.items()))


def contains(cube: Mapping[int, int], state: State) -> bool:
    return all(mask >> state[variable] & 1 for variable, mask in cube.items())


def within(small: Mapping[int, int], large: Mapping[int, int]) -> bool:
    """Whether every state of the one cube is in the other."""
    return all(variable in small and not small[variable] & ~mask for variable, mask in large.items())


class Preimages:
    """Pre-images within a box that all reachable states are in."""

    def __init__(self, system: TransitionSystem, box: Box) -> None:
        self.system = system
        self.box = box

    def of(self, cube: Mapping[int, int], at: int, state: State) -> Masks:
        """States from which transition `at` leads into the cube; `state` is one of them.

        Where a condition counts, the alternatives that hold in `state` are what is kept of it.
        """
        transition = self.system.transitions[at]
        updates = {update.target: update for update in transition.updates}
        found = self.enabled(transition, state)
        for variable, mask in cube.items():
            update = updates.get(variable)
            if update is None:
                self._meet(found, variable, mask)
            elif update.source >= 0:
                pulled = sum(
                    1 << old for old in values(self.box[update.source]) if mask >> update.table[old] & 1
                )  # fmt: skip
                self._meet(found, update.source, pulled)
        return found

    def enabled(self, transition: Transition, state: State) -> Masks:
        """States in which the transition is enabled as it is in `state`."""
        found: Masks = {}
        for variable, mask in transition.guard:
            self._meet(found, variable, mask)
        for count in transition.counts:
            self._counted(found, count, state)
        return found

    def _counted(self, found: Masks, count: Count, state: State) -> None:
        """Enough entities keep an alternative that holds; of enough others no alternative comes to hold."""
        holding = [
            (at, cube) for at, cubes in enumerate(count.entities) if (cube := _holding(cubes, state)) is not None
        ]
        for _, cube in holding[: count.low]:
            for variable, mask in cube:
                self._meet(found, variable, mask)
        which = {at for at, _ in holding}
        idle = [cubes for at, cubes in enumerate(count.entities) if at not in which]
        for cubes in idle[: len(count.entities) - count.high]:
            for cube in cubes:
                self._exclude(found, cube, state)

    def _exclude(self, found: Masks, cube: Cube, state: State) -> None:
        """Keep out of a cube by one of its variables; by one that is restricted already, if possible."""
        failing = [(variable, mask) for variable, mask in cube if not mask >> state[variable] & 1]
        for variable, mask in failing:
            if variable in found and not found[variable] & mask:
                return
        variable, mask = next((pair for pair in failing if pair[0] in found), failing[0])
        self._meet(found, variable, ~mask)

    def _meet(self, found: Masks, variable: int, mask: int) -> None:
        met = found.get(variable, self.box[variable]) & mask
        if met != self.box[variable]:
            found[variable] = met


def _holding(cubes: Sequence[Cube], state: State) -> Cube | None:
    return next((cube for cube in cubes if all(mask >> state[variable] & 1 for variable, mask in cube)), None)


class Renamings:
    """The images of cubes under renamings of the request slots, references to them included."""

    def __init__(self, system: TransitionSystem, interchangeable: bool) -> None:
        self._system = system
        slots = system.slots if interchangeable else 0
        self._all = list(permutations(range(slots)))[1:]
        self._tables: dict[tuple[int, tuple[int, ...]], list[int] | None] = {}

    def images(self, cube: Mapping[int, int]) -> Iterator[Masks]:
        """Every image once, the cube itself first."""
        seen = {key(cube)}
        yield dict(cube)
        for renaming in self._all:
            image = {}
            for variable, mask in cube.items():
                image[self._variable(variable, renaming)] = self._mask(variable, mask, renaming)
            if (name := key(image)) not in seen:
                seen.add(name)
                yield image

    def _variable(self, variable: int, renaming: tuple[int, ...]) -> int:
        one = self._system.variables[variable]
        return variable if one.slot is None else self._system.index[one.template, renaming[one.slot]]

    def _mask(self, variable: int, mask: int, renaming: tuple[int, ...]) -> int:
        refers = self._system.variables[variable].refers
        if not any(refers):
            return mask
        at = {reference: value for value, reference in enumerate(refers) if reference is not None}
        image = 0
        for value in values(mask):
            reference = refers[value]
            image |= 1 << (value if reference is None else at[reference[0], renaming[reference[1]]])
        return image
