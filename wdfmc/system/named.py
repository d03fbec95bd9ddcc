"""Lemmas in the names of variables and values: what reports print and certificates keep.

Numbers of template variables change with every lowering, their names do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from wdfmc.source import Span
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import OTHER, Place, Ref, TemplateCube, TemplateSystem, Value, general


class NoSuchName(Exception):
    """A lemma speaks of a variable or of a value that the system does not have."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A variable has one of the values.

    Args:
        kind: see TemplateVariable.
        request: the symbol of the request in whose record the variable is; None for a shared one.
        excluded: the other values of its domain, references with slot `OTHER`.
    """

    variable: str
    kind: str
    request: int | None
    values: tuple[Value, ...]
    excluded: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NamedLemma:
    """Never do all the conditions hold, whichever distinct requests the symbols 0..requests-1 stand for."""

    requests: int
    conditions: tuple[Condition, ...]


class Stop(NamedTuple):
    """A value of a program counter. `edge`: "start" or "end" where `span` is all of a callback, else empty."""

    label: str
    span: Span
    edge: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """Lemmas that hold for any number of requests and prove the rules `goals`.

    followed: shared variables whose references the proof looks into.
    stops: where in a text the values of program counters are.
    """

    goals: tuple[str, ...]
    lemmas: tuple[NamedLemma, ...]
    followed: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = field(default=(), compare=False)


def named(system: TemplateSystem, lemma: Lemma) -> NamedLemma:
    found = []
    for place, values in lemma.cube:
        variable = system.variables[place.variable]
        inside = tuple(sorted(values, key=lambda value: (_position(variable.domain, value), _slot(value))))
        excluded = tuple(value for value in variable.domain if value not in {general(each) for each in inside})
        found.append(Condition(variable.name, variable.kind, place.slot, inside, excluded))
    return NamedLemma(lemma.requests, tuple(found))


def resolved(system: TemplateSystem, lemma: NamedLemma) -> Lemma:
    """Raises NoSuchName."""
    numbers = numbered(system)
    cube: TemplateCube = ()
    for condition in lemma.conditions:
        number = number_of(numbers, condition.variable)
        variable = system.variables[number]
        symbols = {value.slot for value in condition.values if isinstance(value, Ref)} - {None, OTHER}
        if condition.request is not None:
            symbols.add(condition.request)
        if variable.owned != (condition.request is not None) or not symbols <= set(range(lemma.requests)):
            raise NoSuchName(f"`{condition.variable}` of request {condition.request}")
        for value in condition.values:
            if general(value) not in variable.domain:
                raise NoSuchName(f"the value {value!r} of `{condition.variable}`")
        cube = (*cube, (Place(number, condition.request), frozenset(condition.values)))
    return Lemma(lemma.requests, cube)


def carried(old: TemplateSystem, lemmas: Iterable[Lemma], new: TemplateSystem) -> Iterator[Lemma]:
    """Lemmas of one slice that another one can state, too.

    What is never true of a system is never true of a slice of it: a slice leaves out what does not matter to its rest.
    """
    for lemma in lemmas:
        with suppress(NoSuchName):
            yield resolved(new, named(old, lemma))


def numbered(system: TemplateSystem) -> dict[str, int]:
    """The variables by their names."""
    found = {variable.name: at for at, variable in enumerate(system.variables)}
    assert len(found) == len(system.variables), "two variables have the same name"
    return found


def number_of(numbers: dict[str, int], name: str) -> int:
    """Raises NoSuchName."""
    if name not in numbers:
        raise NoSuchName(f"`{name}`")
    return numbers[name]


def merged(lemmas: Iterable[Lemma]) -> tuple[Lemma, ...]:
    """The same said with fewer lemmas: two that differ in the values of one variable are one about both."""
    found = list(dict.fromkeys(lemmas))
    again = True
    while again:
        again = False
        for at, one in enumerate(found):
            for other in found[at + 1 :]:
                if (both := _united(one, other)) is not None:
                    found[at] = both
                    found.remove(other)
                    again = True
                    break
            if again:
                break
    return tuple(found)


def _united(one: Lemma, other: Lemma) -> Lemma | None:
    """The lemma that both together say, if they differ in the values of one variable only."""
    if one.requests != other.requests or [place for place, _ in one.cube] != [place for place, _ in other.cube]:
        return None
    apart = [at for at, (mine, its) in enumerate(zip(one.cube, other.cube, strict=True)) if mine != its]
    if len(apart) != 1:
        return None
    at = apart[0]
    place, values = one.cube[at]
    return Lemma(one.requests, (*one.cube[:at], (place, values | other.cube[at][1]), *one.cube[at + 1 :]))


def _position(domain: tuple[Value, ...], value: Value) -> int:
    return domain.index(general(value))


def _slot(value: Value) -> int:
    return value.slot if isinstance(value, Ref) and value.slot is not None else OTHER
