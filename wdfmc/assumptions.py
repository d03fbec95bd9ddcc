"""What a verdict about "eventually" takes for granted, as values that can be weakened one by one.

The library declares each as an option on which the fairness of its steps depends, or as the behaviour of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from wdfmc.semantics import typed
from wdfmc.semantics.check import BEHAVIOURS

GIVEN: Final = "on"  # the value of an option that is said by its name alone
SETTLES: Final = "settles"  # the option that says whether power transitions are finitely many
FINITE: Final = "new requests, cancels and power transitions are finitely many"
FINITE_BUT_POWER: Final = "new requests and cancels are finitely many"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An option of the library, or what a target does. `values`: from the strongest to the weakest."""

    kind: Literal["option", "target"]
    name: str
    value: str
    values: tuple[str, ...]

    @property
    def words(self) -> str:
        """As verdicts list it; empty if nothing is assumed."""
        if self.kind == "target":
            return f"target {self.name} {self.value}"
        if self.value == typed.WITHDRAWN:
            return ""
        return self.name if self.value == GIVEN else f"{self.name} {self.value}"

    @property
    def weaker(self) -> tuple[Assumption, ...]:
        """What could be assumed instead, the weakest first."""
        after = self.values[self.values.index(self.value) + 1 :]
        return tuple(replace(self, value=value) for value in reversed(after))


def assumed(program: typed.Program, rule: str) -> tuple[Assumption, ...]:
    """What a verdict on "eventually" relies on and could do without; nothing for any other rule."""
    found = program.rules.get(rule)
    if found is None or not found.liveness:
        return ()
    return (*sorted(behaviours(program), key=lambda each: each.name), *promises(program, found))


def behaviours(program: typed.Program) -> Iterator[Assumption]:
    for item in program.objects_of("target"):
        constant = item.constants.get("behaviour")
        if isinstance(constant, typed.Const) and isinstance(constant.value, str):
            yield Assumption("target", item.name, constant.value, BEHAVIOURS)


def promises(program: typed.Program, rule: typed.Rule) -> Iterator[Assumption]:
    """Those that the rule itself names come first."""
    for name in dict.fromkeys((*rule.assuming, *program.promises)):
        if name in program.promises:
            yield Assumption("option", name, program.options[name], program.promises[name])


def in_words(program: typed.Program, rule: str) -> tuple[str, ...]:
    """The assumptions of a verdict in words. The last one is part of the model: it has so many requests."""
    found = program.rules.get(rule)
    if found is None or not found.liveness:
        return ()
    finite = FINITE_BUT_POWER if SETTLES in program.promises else FINITE
    return (*(words for each in assumed(program, rule) if (words := each.words)), finite)


def with_behaviours(program: typed.Program, chosen: Mapping[str, str]) -> typed.Program:
    """The program in which each target that is named behaves so, whatever the text or the command line say."""
    objects = {
        name: replace(item, constants={**item.constants, "behaviour": typed.Const(chosen[name])})
        if name in chosen else item
        for name, item in program.objects.items()
    }  # fmt: skip
    return replace(program, objects=objects, explicit_targets=program.explicit_targets | chosen.keys())
