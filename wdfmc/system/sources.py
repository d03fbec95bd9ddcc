"""Where transitions begin: locations of activities, and steps of the environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system import flow
from wdfmc.system.evaluate import Context, Record
from wdfmc.system.paths import Path
from wdfmc.system.races import Access
from wdfmc.system.system import Template, Value
from wdfmc.system.waits import Wait, Way


@dataclass(frozen=True, slots=True)
class Activity:
    """A callback bound to a host and a lock, or a thread: code that runs in an activation record."""

    name: str  # of the lane
    record: Record
    kinds: tuple[str, ...]
    host: str | None
    lock: str | None
    kind: str  # callback, thread (of the driver) or environment (a thread of the library)


@dataclass(slots=True)
class Source:
    """Where transitions begin: a location of an activity, or a step of the environment for one choice of objects."""

    number: int
    activity: Activity | None
    label: str
    graph: flow.Graph
    node: flow.Node
    locks: frozenset[str]
    pick: bool = False  # waits for the presentation lock
    step: typed.Step | None = None
    binding: tuple[tuple[str, Value], ...] = ()
    protected: set[int] = field(default_factory=set)
    templates: list[Template] = field(default_factory=list)
    unfair: bool = False
    in_atom: bool = False  # the rest of an atomic body
    driver_context: Context = field(default_factory=Context)
    waits: list[Wait] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)  # of the transitions that it has
    accesses: list[Access] = field(default_factory=list)  # to data of the driver, if a rule asks for races

    def waits_here(self, path: Path, lock: str | None, condition: typed.Expr | None, span: Span) -> frozenset[int]:
        """Notes that the path waits before it goes on. Returns the number of the wait, as a set."""
        self.waits.append(Wait(dict(path.guard), path.footprint, not path.others, lock, condition, span))
        return frozenset({len(self.waits) - 1})


@dataclass(frozen=True, slots=True)
class Location:
    """What is known of a value of a program counter, for the waits-for graph."""

    variable: int
    label: str
    locks: frozenset[str]
    activity: Activity
