"""Models that are checked again whenever one of their texts has changed, and what is new then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wdfmc.checking import Options, check_models, read_texts
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.reports.phrases import verdict_phrase
from wdfmc.reports.text import row_name
from wdfmc.verdict import ModelReport, Result, Word

Key = tuple[object, ...]  # equal for texts that are equal


@dataclass(frozen=True, slots=True)
class Changed:
    """A rule whose verdict is another one. `before` or `after` is None if it was not, or is no longer, checked."""

    rule: str
    before: str | None
    after: str | None
    result: Result | None


@dataclass(frozen=True, slots=True)
class News:
    """What came of checking a model again.

    Args:
        first: it was not checked before.
        report: None if its text is wrong.
        changes: against the last version that was right.
        new: diagnostics that were not there before; `gone`: how many are no more there; `left`: how many there are.
    """

    path: str
    first: bool
    report: ModelReport | None
    changes: tuple[Changed, ...]
    new: tuple[Diagnostic, ...]
    gone: int
    left: int


@dataclass(slots=True)
class Known:
    """Of a model: the texts that were checked last, the report of the last right ones, and what was wrong with them."""

    key: Key
    report: ModelReport | None
    diagnostics: tuple[Diagnostic, ...]


@dataclass
class Rechecks:
    """What is known of each model. `files`: all that were read, so that they can be watched."""

    options: Options
    known: dict[str, Known] = field(default_factory=dict)
    files: dict[str, set[Path]] = field(default_factory=dict)

    def look(self, paths: Sequence[Path]) -> Iterator[News]:
        """Checks the models that are new, or one of whose texts has changed."""
        for path in paths:
            key = self.read(path)
            known = self.known.get(str(path))
            if known is None or known.key != key:
                yield self.checked(path, key, known)

    def read(self, path: Path) -> Key:
        """What the verdicts of a model depend on: its text, what it imports, the specifications; or their mistakes."""
        texts = read_texts([path], self.options)
        sources = [part.source for _, text, imported in texts.models for part in (text, *imported)]
        sources += [text.source for text in texts.specs]
        named = [label.span.source for each in texts.diagnostics for label in each.labels]
        self.files[str(path)] = {path, *self.options.specs, *(Path(source.name) for source in (*sources, *named))}
        return (*sources, *texts.diagnostics)

    def checked(self, path: Path, key: Key, known: Known | None) -> News:
        before = known.report if known else None
        report: ModelReport | None = None
        try:
            found = check_models([path], self.options, lambda path, result: None)
            report, diagnostics = found.models[0], found.diagnostics
        except Rejected as error:
            diagnostics = error.diagnostics
        earlier = [told(each) for each in known.diagnostics] if known else []
        now = [told(each) for each in diagnostics]
        self.known[str(path)] = Known(key, report or before, diagnostics)
        return News(
            str(path),
            known is None,
            report,
            () if report is None or before is None else tuple(changes(before, report)),
            tuple(each for each in diagnostics if told(each) not in earlier),
            sum(each not in now for each in earlier),
            len(now),
        )


def told(diagnostic: Diagnostic) -> tuple[str, str]:
    """What makes it the same one in a text whose lines have moved."""
    return diagnostic.code, diagnostic.message


def changes(before: ModelReport, after: ModelReport) -> Iterator[Changed]:
    """In the order of the report, rules that are gone last."""
    old = {row_name(result, before.results): result for result in before.results}
    new = {row_name(result, after.results): result for result in after.results}
    for name, result in new.items():
        was = old.get(name)
        if was is None or verdict_phrase(was) != verdict_phrase(result) or was.expectation != result.expectation:
            if not (result.verdict is Word.SKIPPED and (was is None or was.verdict is Word.SKIPPED)):
                yield Changed(name, None if was is None else phrase(was), phrase(result), result)
    for name, result in old.items():
        if name not in new and result.verdict is not Word.SKIPPED:
            yield Changed(name, phrase(result), None, None)


def phrase(result: Result) -> str:
    expected = {"met": " (as expected)", "unmet": " (not as expected)", None: ""}[result.expectation]
    shown = "violated" if result.verdict is Word.VIOLATED else verdict_phrase(result)
    steps = f" in {len(result.trace.steps)} steps" if result.verdict is Word.VIOLATED and result.trace else ""
    return shown + steps + expected
