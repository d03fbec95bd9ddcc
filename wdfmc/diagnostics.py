"""What is wrong with a text or a command line, as values; `reports.text` prints them.

A stage collects every diagnostic that it can find and raises `Rejected` once, at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from enum import StrEnum

from wdfmc.source import Span


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. `code` is a key of `catalogue.CATALOGUE` and is never reused for another meaning.

    The first label is where it is wrong, the others are why; there is none for a mistake that has no place in a
    text (a missing file, a contradictory option).
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    help: str | None = None
    severity: Severity = Severity.ERROR


class Rejected(Exception):
    """The text or the command line is wrong; carries every diagnostic found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help sentence that names the closest known spelling, and others that are about as close; or None."""
    lowered: dict[str, str] = {}
    for candidate in known:
        lowered.setdefault(candidate.lower(), candidate)
    close = get_close_matches(name.lower(), lowered, n=3, cutoff=0.7)
    if not close:
        return None
    likeness = {match: SequenceMatcher(None, match, name.lower()).ratio() for match in close}
    alike = [match for match in close if likeness[match] > likeness[close[0]] - 0.1]
    return "did you mean " + " or ".join(f"`{lowered[match]}`" for match in alike) + "?"
