"""What `import wdfmc` offers to Python: a model is checked, and what comes of it shows itself.

`print` gives the text that `wdfmc check` prints, a notebook gets tables. Each of these values holds the plain result
of `wdfmc.verdict`, whose fields are all that there is to know.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from wdfmc.checking import Options, check_models
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.reports.page import PIPE, plain
from wdfmc.source import Source
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep, Word

Bundle: TypeAlias = Mapping[str, str]  # of one value, in the forms that a notebook can choose from


def check(
    model: str | os.PathLike[str],
    *,
    rules: Sequence[str] = (),
    specs: Sequence[str | os.PathLike[str]] = (),
    requests: int = 2,
    target: str | None = None,
    engine: str = "auto",
    depth: int | None = None,
    timeout: float | None = None,
    jobs: int = 1,
    coverage: bool = False,
    invariants: bool = False,
    minimal_assumptions: bool = False,
) -> Checked:
    """Check every rule that concerns a model, as `wdfmc check` does.

    Args:
        model: a path; or the text of a model, which is told by its having more than one line or a brace.
        rules: only these. specs: also the rules of these files.
        requests: in one run. target: what I/O targets do: "answers", "honours" or "silent".
        engine: "auto", "explicit", "bmc" or "ic3". depth: in transitions, for "bmc".
        timeout: seconds of wall time for the whole check.
        jobs: processes at the same time. With more than one, a script needs `if __name__ == "__main__":`.
        coverage: also what of the driver can never run. invariants: also why rules hold.
        minimal_assumptions: also what each proof of "eventually" must assume.

    Raises:
        Rejected: the text is wrong; its notes show where, as the command line does.
        ValueError: an option has no such value.
    """
    for name, value, known in (
        ("engine", engine, ("auto", "bmc", "explicit", "ic3")),
        ("target", target, (None, "answers", "honours", "silent")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r}: it is one of {', '.join(map(repr, known))}")
    for name, number in (("requests", requests), ("depth", depth), ("timeout", timeout), ("jobs", jobs)):
        if number is not None and not number > 0:
            raise ValueError(f"{name}={number!r}: it is more than 0")
    options = Options(
        tuple(map(Path, specs)), tuple(dict.fromkeys(rules)), requests, target, engine, depth, timeout, jobs, coverage,
        invariants, minimal_assumptions,
    )  # fmt: skip
    try:
        return Checked(check_models([read_model(model)], options, lambda path, result: None))
    except Rejected as error:
        from wdfmc.reports.snippet import diagnostic_lines

        error.add_note(plain(diagnostic_lines(error.diagnostics, PIPE)).rstrip("\n"))
        raise


def read_model(model: str | os.PathLike[str]) -> Path | Source:
    if isinstance(model, str) and any(mark in model for mark in "\n{"):
        return Source("<text>", model)
    return Path(model)


class Shown(abc.ABC):
    """A value that shows itself: as text, and in a notebook as HTML."""

    @abc.abstractmethod
    def html(self) -> str: ...

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return {"text/plain": str(self), "text/html": self.html()}


@dataclass(frozen=True, repr=False)
class RunTrace(Shown):
    """How a rule is broken, step by step: a sequence of `TraceStep`."""

    trace: Trace
    result: Result
    model: ModelReport

    @property
    def steps(self) -> tuple[TraceStep, ...]:
        return self.trace.steps

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[TraceStep]:
        return iter(self.steps)

    def __getitem__(self, at: int) -> TraceStep:
        return self.steps[at]

    def __str__(self) -> str:
        from wdfmc.reports.text import trace_lines

        return plain(trace_lines(self.result, self.trace, self.model.path, PIPE))

    def __repr__(self) -> str:
        return f"<trace of {self.result.rule}: {len(self)} steps>"

    def html(self) -> str:
        from wdfmc.reports.notebook import trace_html

        return trace_html(self.result, self.trace, self.model.path)


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """What is known of one rule. `result` has everything."""

    result: Result
    model: ModelReport

    @property
    def rule(self) -> str:
        return self.result.rule

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return self.result.sentence

    @property
    def word(self) -> Word:
        """proved, violated, bounded, vacuous, unknown or skipped; equal to that string."""
        return self.result.verdict

    @cached_property
    def trace(self) -> RunTrace | None:
        """Of a violation."""
        trace = self.result.trace
        return None if trace is None else RunTrace(trace, self.result, self.model)

    def __str__(self) -> str:
        from wdfmc.reports.phrases import verdict_phrase

        text = f"{self.rule}: {verdict_phrase(self.result)}\n"
        return text if self.trace is None else str(self.trace)

    def __repr__(self) -> str:
        return f"<{self.rule}: {self.word}>"

    def html(self) -> str:
        from wdfmc.reports.notebook import result_html

        return result_html(self.result, self.model)


@dataclass(frozen=True, repr=False)
class Checked(Shown):
    """A model that was checked: its verdicts in the order of the report, by number or by the name of the rule."""

    report: Report

    @property
    def model(self) -> ModelReport:
        return self.report.models[0]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(Verdict(result, self.model) for result in self.model.results)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self.report.diagnostics

    @property
    def exit(self) -> int:
        """The exit code of `wdfmc check`: 0 all is well or as expected, 1 violated, 3 something is undecided."""
        return self.report.exit

    def having(self, word: str) -> tuple[Verdict, ...]:
        """The verdicts with a word, such as "violated"."""
        return tuple(verdict for verdict in self.verdicts if verdict.word == Word(word))

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __getitem__(self, key: int | str) -> Verdict:
        """Raises KeyError: the rule was not checked. Of a rule that was checked with several targets, the first."""
        if isinstance(key, int):
            return self.verdicts[key]
        for verdict in self.verdicts:
            if verdict.rule == key:
                return verdict
        raise KeyError(key)

    def __str__(self) -> str:
        from wdfmc.reports.text import render

        return render(self.report)

    def __repr__(self) -> str:
        from wdfmc.reports.phrases import counts

        return f"<{self.model.path}: {counts(self.report)}>"

    def html(self) -> str:
        from wdfmc.reports.notebook import report_html

        return report_html(self.report)
