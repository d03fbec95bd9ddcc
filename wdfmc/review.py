"""What `wdfmc report` adds to the verdicts of a check: the lanes of traces, which a text of the library names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wdfmc import library
from wdfmc.check import Options, analysed_model, check_models, read_texts
from wdfmc.lanes import Lane, lanes_of
from wdfmc.semantics import typed
from wdfmc.source import Source
from wdfmc.verdict import Report, Result


@dataclass(frozen=True, slots=True)
class Review:
    """All that the page shows. `environments`: the options in force, by the path of the model in the report."""

    report: Report
    lanes: tuple[Lane, ...]
    environments: Mapping[str, Mapping[str, str]]


def review(paths: Sequence[Path | Source], options: Options, on_result: Callable[[str, Result], None]) -> Review:
    """Check the models with all that a page can show. Raises Rejected, as a check does."""
    report = check_models(paths, replace(options, coverage=True, evidence=True), on_result)
    programs = observed(paths, options)
    lanes = next((lanes_of(program) for program in programs.values()), ())
    return Review(report, lanes, {name: program.options for name, program in programs.items()})


def observed(paths: Sequence[Path | Source], options: Options) -> Mapping[str, typed.Program]:
    """The programs of models that are right, with the review texts of the library as if they were specifications."""
    texts = read_texts(paths, options)
    found = {}
    for name, text, imported in texts.models:
        model, _ = analysed_model(name, text, imported, (*texts.specs, *library.review_texts()), options)
        assert model is not None, name
        found[name] = model.program
    return found
