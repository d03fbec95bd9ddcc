"""What wdfmc says about a rule: the audited verdict, and the trace that people read. Reports print these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from wdfmc.diagnostics import Diagnostic
from wdfmc.progress import Effort
from wdfmc.source import Source, Span

if TYPE_CHECKING:
    from wdfmc.system.named import Invariant  # a help text needs no transition systems


class Word(StrEnum):
    PROVED = "proved"
    BOUNDED = "bounded"
    VIOLATED = "violated"
    VACUOUS = "vacuous"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Audit(StrEnum):
    REPLAYED = "replayed"  # a trace, executed again on the unreduced system and by the direct interpreter
    CERTIFIED = "certified"
    EXHAUSTIVE = "exhaustive"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One statement of a callback, or one step of the environment.

    Args:
        index: 1-based, as printed.
        lane: the lane of the actor without its request, for example "OnRead" or "sender".
        kind: callback, thread, environment or framework.
        owners: for each request whose owner is known: (before, after).
        changes: variable -> (before, after), only what changed.
        transition: which transition of the system it is part of (0-based); a joined transition prints several steps.
    """

    index: int
    actor: str
    lane: str
    kind: str
    action: str
    result: str | None
    span: Span
    changes: Mapping[str, tuple[str, str]]
    owners: Mapping[str, tuple[str, str]]
    transition: int


@dataclass(frozen=True, slots=True)
class Trace:
    """`loop`: the 1-based first repeated step, for end = "loop". Only a simulated run ends "open": it is not over."""

    end: Literal["violation", "stuck", "loop", "open"]
    loop: int | None
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """What it takes to check a verdict again.

    Args:
        target: what I/O targets do with what they are sent.
        rules: those that the driver was lowered with.
        part: those whose slice of the system the invariants, or the trace, are about.
        overlaps: activations of a role that may overlap on one request.
        invariants: all that were proved of this slice. A verdict relies on the contracts, too.
    """

    target: str
    rules: tuple[str, ...]
    part: tuple[str, ...]
    overlaps: Mapping[str, int]
    invariants: tuple[Invariant, ...] = ()


@dataclass(frozen=True, slots=True)
class Needed:
    """An assumption without which a rule is not proved. `instead`: the next weaker one; empty if that is none.

    `verdict`, `reason`, `trace`: of the rule with that one instead. A violation shows what goes wrong; if it is left
    open, it is not known whether the assumption is needed.
    """

    assumption: str
    instead: str
    verdict: Word
    reason: str | None
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class Minimal:
    """Assumptions none of which a proof can do without, and those that it can do without all together."""

    needed: tuple[Needed, ...]
    dropped: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """One rule of one driver. `requests`: N, or "any"; `depth`: transitions, for violated and bounded verdicts.

    `invariant` and `basis`: only if they were asked for, and if there are any.
    """

    rule: str
    sentence: str
    verdict: Word
    requests: int | Literal["any"]
    depth: int | None
    engine: str
    assumptions: tuple[str, ...]
    seconds: float
    audit: Audit
    expectation: Literal["met", "unmet"] | None = None
    reason: str | None = None
    under: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    invariant: Invariant | None = None
    trace: Trace | None = None
    basis: Basis | None = None
    minimal: Minimal | None = None  # of a proof, if it was asked for
    limited: str | None = None  # why a proof is not for any number of requests, if one was tried


@dataclass(frozen=True, slots=True)
class Covered:
    """A place of the driver's text, and whether any run comes to it; `runs` is None where that is not decided.

    Args:
        way: of a branch "yes" or "no", of an outcome what the call gives, such as `WdfRequestSend = FALSE`; else empty.
    """

    kind: Literal["callback", "statement", "branch", "outcome"]
    span: Span
    way: str
    runs: bool | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a driver can ever run.

    Args:
        under: the contracts at whose breach a run ends: nothing is said of what comes after.
        reason: why some places are not decided.
    """

    requests: int
    places: tuple[Covered, ...]
    under: tuple[str, ...]
    reason: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelReport:
    """`coverage`: only if it was asked for. `texts`: all that were read for it, the model first.

    Args:
        place: where the driver is declared.
        expected: for each rule of which the text expects something, where it says so.
    """

    path: str
    driver: str
    results: tuple[Result, ...]
    coverage: Coverage | None = None
    texts: tuple[Source, ...] = ()
    place: Span | None = None
    expected: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a run took.

    Args:
        seconds: wall time.
        memory: bytes, the most that the largest of its processes used at a time; None where the system does not tell.
    """

    efforts: tuple[Effort, ...]
    seconds: float
    memory: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of `wdfmc check` found. `exit`: the exit code of the command."""

    exit: int
    models: tuple[ModelReport, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    statistics: Statistics | None = None
