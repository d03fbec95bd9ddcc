"""Lemmas about any requests: what is never true of so many distinct requests, however many there are.

A cube of a flat instance names slots. As a lemma it names request symbols, and what its masks say of all slots that it
does not name is said of `OTHER`, any other request. (Lifting after Conchon, Goel, Krstic, Mebsout, Zaidi, FMCAD 2013.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

from wdfmc.system.instantiate import Instance
from wdfmc.system.system import OTHER, Cube, Place, Ref, TemplateCube, Value


@dataclass(frozen=True, slots=True)
class Lemma:
    """No reachable state is in the cube, whichever distinct requests the symbols 0..requests-1 stand for."""

    requests: int
    cube: TemplateCube

    def placed(self, instance: Instance, slots: tuple[int, ...]) -> Cube | None:
        """The flat cube at these slots; None if it is empty there."""
        return instance.placed(self.cube, slots)

    def placements(self, instance: Instance) -> Iterator[Cube]:
        for slots in permutations(range(instance.slots), self.requests):
            cube = self.placed(instance, slots)
            if cube is not None:
                yield cube


def lifted(instance: Instance, cubes: Iterable[Cube]) -> tuple[Lemma, ...]:
    """The lemmas that the cubes are instances of, each once."""
    return tuple(dict.fromkeys(_lifted(instance, cube) for cube in cubes))


def _lifted(instance: Instance, cube: Cube) -> Lemma:
    named = {slot for variable, _ in cube if (slot := instance.variables[variable].slot) is not None}
    named |= _distinguished(instance, cube, named)
    choices = (_renamed(instance, cube, order) for order in permutations(sorted(named)))
    return Lemma(len(named), min(choices, key=_sorting))


def _distinguished(instance: Instance, cube: Cube, named: set[int]) -> set[int]:
    """Requests of which a mask says something else than of the others that are not named: the fewest, one by one."""
    found: set[int] = set()
    again = True
    while again:
        again = False
        for variable, mask in cube:
            for kind in {reference[0] for reference in instance.variables[variable].refers if reference}:
                inside: set[int] = set()
                outside: set[int] = set()
                for value, reference in enumerate(instance.variables[variable].refers):
                    if reference is not None and reference[0] == kind and reference[1] not in named | found:
                        (inside if mask >> value & 1 else outside).add(reference[1])
                if inside and outside:
                    found |= min(inside, outside, key=len)
                    again = True
    return found


def _renamed(instance: Instance, cube: Cube, order: tuple[int, ...]) -> TemplateCube:
    symbols = {slot: symbol for symbol, slot in enumerate(order)}
    found = []
    for variable, mask in cube:
        flat = instance.variables[variable]
        values = set()
        left_out: set[tuple[str, int]] = set()
        for at, value in enumerate(instance.domains[flat.template].values):
            if mask >> at & 1:
                values.add(symbolic(value, symbols))
            elif isinstance(value, Ref):
                left_out.add((value.pool, value.index))
        if len(order) == instance.slots:
            # No slot tells what holds of others: the same as of all that are named, or nothing.
            everyone = {(v.pool, v.index) for v in values if isinstance(v, Ref) and v.slot is not None} - left_out
            values |= {Ref(pool, index, OTHER) for pool, index in everyone}
        place = Place(flat.template, None if flat.slot is None else symbols[flat.slot])
        found.append((place, frozenset(values)))
    return tuple(sorted(found, key=lambda item: (item[0].variable, -1 if item[0].slot is None else item[0].slot)))


def symbolic(value: Value, symbols: dict[int, int]) -> Value:
    """A flat value, with the symbols of slots in the place of these."""
    if isinstance(value, Ref) and value.slot is not None:
        return value._replace(slot=symbols.get(value.slot, OTHER))
    return value


def _sorting(cube: TemplateCube) -> str:
    return repr([(place, sorted(map(repr, values))) for place, values in cube])
