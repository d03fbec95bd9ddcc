"""What a machine is to make of a result: the exit code says it of a whole run, this of each rule."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from wdfmc.verdict import Report, Result, Word


class Standing(StrEnum):
    """`PASSED` is a proof, or what the text expects. `IDLE`: nothing was there to decide, so it did not pass."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    IDLE = "idle"


def standing(result: Result, report: Report) -> Standing:
    """A search to a depth leaves its rule open, except where no more was asked for: then the exit code is 0."""
    if result.expectation is not None:
        return Standing.PASSED if result.expectation == "met" else Standing.FAILED
    match result.verdict:
        case Word.PROVED:
            return Standing.PASSED
        case Word.VIOLATED:
            return Standing.FAILED
        case Word.UNKNOWN:
            return Standing.OPEN
        case Word.BOUNDED:
            return Standing.IDLE if report.exit == 0 else Standing.OPEN
        case Word.VACUOUS | Word.SKIPPED:
            return Standing.IDLE
        case _:
            assert_never(result.verdict)
