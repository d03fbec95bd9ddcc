"""What every engine takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from wdfmc.system.system import Cube, TransitionSystem


@dataclass(frozen=True, slots=True)
class Path:
    """A run from the initial state, as transition numbers of the system.

    end = "violation": the last transition breaks the rule (it is not executed).
    end = "stuck": after the last one no fair transition is enabled and an obligation is owed for ever.
    end = "loop": the transitions from position `loop` (0-based) on repeat for ever, fairly, with the obligation owed.
    Transitions that are not lasting (new requests, cancels, power) happen finitely often: no loop has one.
    """

    transitions: tuple[int, ...]
    end: Literal["violation", "stuck", "loop"]
    loop: int | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """The goal holds in every run of this instance.

    `states`: how many were visited, up to renaming of requests. `invariant`: cubes that, with all their renamings and
    with what pairs of values rule out, no reachable state is in.
    """

    states: int
    invariant: tuple[Cube, ...] = ()


@dataclass(frozen=True, slots=True)
class Violated:
    path: Path


@dataclass(frozen=True, slots=True)
class Unknown:
    """`depth`: no violation within this many transitions; None if nothing was decided."""

    reason: str
    depth: int | None = None


Outcome: TypeAlias = Holds | Violated | Unknown


class Engine(Protocol):
    """A goal is the name of a rule: that of violating transitions, of obligations, or of both.

    Yields (goal, outcome) as soon as each is decided, each goal once. Outcomes are not yet audited.
    """

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]: ...
