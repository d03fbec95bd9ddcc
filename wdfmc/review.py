"""What `wdfmc report` adds to the verdicts of a check: the lanes of traces, and what can befall a request.

The words of WDF for both are texts of the library (`library/review`), read only here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wdfmc import library
from wdfmc.checking import Options, Texts, analysed_model, check_models, read_texts
from wdfmc.depth import with_room
from wdfmc.lanes import Lane, lanes_of
from wdfmc.progress import concerning
from wdfmc.semantics import typed
from wdfmc.source import Source
from wdfmc.verdict import Report, Result

if TYPE_CHECKING:
    from wdfmc.matrix import Matrix

PATIENCE: Final = 60.0  # seconds for the matrix of one model


@dataclass(frozen=True, slots=True)
class Review:
    """All that the page shows, by the path of the model in the report. `environments`: the options in force."""

    report: Report
    lanes: tuple[Lane, ...]
    matrices: Mapping[str, Matrix]
    environments: Mapping[str, Mapping[str, str]]


def review(paths: Sequence[Path | Source], options: Options, on_result: Callable[[str, Result], None]) -> Review:
    """Check the models, then look at what can befall their requests. Raises Rejected, as a check does."""
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    report = check_models(paths, replace(options, coverage=True, evidence=True), on_result)
    texts = read_texts(paths, options)
    return with_room(texts.deepest.levels, lambda: reviewed(report, texts, options, deadline))


def reviewed(report: Report, texts: Texts, options: Options, deadline: float | None) -> Review:
    from wdfmc.matrix import matrix  # numpy is imported only when something was decided

    programs = observed(texts, options)
    matrices = {}
    for name, program in programs.items():
        limit = time.monotonic() + PATIENCE
        with concerning(name):
            matrices[name] = matrix(program, options, limit if deadline is None else min(limit, deadline))
    lanes = next((lanes_of(program) for program in programs.values()), ())
    return Review(report, lanes, matrices, {name: program.options for name, program in programs.items()})


def observed(texts: Texts, options: Options) -> Mapping[str, typed.Program]:
    """The programs of models that are right, with the review texts of the library as if they were specifications."""
    found = {}
    for name, text, imported in texts.models:
        model, _ = analysed_model(name, text, imported, (*texts.specs, *library.review_texts()), options)
        assert model is not None, name
        found[name] = model.program
    return found
