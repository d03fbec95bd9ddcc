"""What is different between two versions of a design: verdicts, the life cycle of its requests, what can still run.

Lines are not compared: a statement that has only moved is the same. Steps of the life cycle are the same if the same
callback does the same, with the same result; statements are matched in the order of the text, as `diff` does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from wdfmc.checking import Model, Options, check_models, loaded
from wdfmc.lifecycle import Deed, Edge, LifeCycle, life_cycle
from wdfmc.progress import concerning
from wdfmc.source import Source
from wdfmc.verdict import Coverage, Covered, ModelReport, Report, Result, Word

UNDECIDED: Final = frozenset({Word.UNKNOWN, Word.BOUNDED})


class Change(StrEnum):
    """`OPEN`: it is not decided in one of the two, so that nothing is known of a change."""

    WORSE = "worse"
    OPEN = "open"
    OTHER = "other"
    BETTER = "better"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The results for one rule in one environment; None where the rule was not asked about."""

    old: Result | None
    new: Result | None
    change: Change

    @property
    def result(self) -> Result:
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Steps:
    """Edges of a life cycle that only one of the versions has. `pool`: empty for requests that the driver receives."""

    pool: str
    edge: Edge


@dataclass(frozen=True, slots=True)
class Difference:
    """
    Args:
        appeared, vanished: what some run of the new version does, and none of the old one; the other way round.
        died: what can no longer run, as it stands in the new text. revived: what can run now.
        open: why the lists may lack something.
    """

    old: ModelReport
    new: ModelReport
    verdicts: tuple[Verdicts, ...]
    appeared: tuple[Steps, ...]
    vanished: tuple[Steps, ...]
    died: Coverage
    revived: Coverage
    open: tuple[str, ...]

    @property
    def changed(self) -> tuple[Verdicts, ...]:
        """The worst first."""
        order = list(Change)
        found = [item for item in self.verdicts if item.change is not Change.SAME]
        return tuple(sorted(found, key=lambda item: order.index(item.change)))

    def number(self, change: Change) -> int:
        return sum(item.change is change for item in self.verdicts)

    @property
    def exit(self) -> int:
        if self.number(Change.WORSE):
            return 1
        if self.number(Change.OPEN) or self.open:
            return 3
        places = self.died.places or self.revived.places
        return 4 if self.changed or self.appeared or self.vanished or places else 0


def difference(
    old: Path | Source, new: Path | Source, options: Options, on_result: Callable[[str, Result], None]
) -> tuple[Difference, Report]:
    """Both versions are checked with the same options. Also the report on them, for its diagnostics.

    Raises:
        Rejected: with every mistake in either text.
    """
    deadline = None if options.timeout is None else time.monotonic() + options.timeout
    options = replace(options, coverage=True)
    report = check_models([old, new], options, on_result)
    models, _ = loaded([old, new], options)
    cycles = [cycle_of(model, options, deadline) for model in models]
    return compared(report, cycles), report


def cycle_of(model: Model, options: Options, deadline: float | None) -> LifeCycle:
    with concerning(model.path):
        return life_cycle(model.program, options, deadline)


def compared(report: Report, cycles: Sequence[LifeCycle]) -> Difference:
    before, after = report.models
    old, new = cycles
    assert before.coverage is not None and after.coverage is not None
    places = list(matched(before.coverage, after.coverage))
    died = tuple(now for was, now in places if was.runs is True and now.runs is False)
    revived = tuple(now for was, now in places if was.runs is False and now.runs is True)
    known_before, known_after = steps(old), steps(new)
    return Difference(
        before,
        after,
        tuple(verdicts(before, after)),
        tuple(step for key, step in known_after.items() if key not in known_before),
        tuple(step for key, step in known_before.items() if key not in known_after),
        replace(after.coverage, places=died),
        replace(after.coverage, places=revived),
        tuple(left_open(report, cycles)),
    )


def left_open(report: Report, cycles: Sequence[LifeCycle]) -> Iterator[str]:
    for model, cycle in zip(report.models, cycles, strict=True):
        if cycle.reason is not None:
            yield f"the life cycle of {model.path} is not complete: {cycle.reason}"
        if model.coverage is not None and model.coverage.reason is not None:
            yield f"what can run in {model.path} is not all known: {model.coverage.reason}"


# ---------------------------------------------------------------- verdicts


def verdicts(old: ModelReport, new: ModelReport) -> Iterator[Verdicts]:
    """In the order of the new report; then what only the old one has."""
    before, after = by_environment(old, new), by_environment(new, old)
    for key in [*after, *(key for key in before if key not in after)]:
        yield Verdicts(before.get(key), after.get(key), change(before.get(key), after.get(key)))


Environment: TypeAlias = tuple[str, tuple[str, ...], int]


def by_environment(model: ModelReport, other: ModelReport) -> Mapping[Environment, Result]:
    """A rule that each version decides once is one rule in any environment. What looks alike is numbered."""
    found: dict[Environment, Result] = {}
    for result in model.results:
        alone = all(sum(each.rule == result.rule for each in one.results) <= 1 for one in (model, other))
        words = () if alone else environment(result)
        found[result.rule, words, sum(known[:2] == (result.rule, words) for known in found)] = result
    return found


def environment(result: Result) -> tuple[str, ...]:
    """What targets do, as the assumptions say it."""
    return tuple(word for word in result.assumptions if word.startswith("target "))


def change(old: Result | None, new: Result | None) -> Change:
    """A proof for fewer requests, and a rule that has nothing left to say, are other verdicts, but no faults."""
    if new is not None and new.verdict is Word.VIOLATED:
        return Change.SAME if old is not None and old.verdict is Word.VIOLATED else Change.WORSE
    if new is None or old is None:
        return Change.OTHER
    if new.verdict in UNDECIDED:
        return Change.OPEN
    if new.verdict is Word.PROVED and old.verdict in (Word.VIOLATED, *UNDECIDED):
        return Change.BETTER
    if old.verdict in UNDECIDED:
        return Change.OPEN
    if old.verdict is Word.VIOLATED:
        return Change.BETTER
    same = (old.verdict, old.requests, old.under, old.bounds) == (new.verdict, new.requests, new.under, new.bounds)
    return Change.SAME if same or old.verdict is new.verdict is Word.SKIPPED else Change.OTHER


# ---------------------------------------------------------------- behaviours


def steps(cycle: LifeCycle) -> Mapping[tuple[object, ...], Steps]:
    """What runs do, told apart by everything but the line."""
    found: dict[tuple[object, ...], Steps] = {}
    for life in cycle.lives:
        for edge in life.edges:
            if edge.taken:
                found.setdefault((life.pool, edge.before, edge.after, *told(edge.deed)), Steps(life.pool, edge))
    return found


def told(deed: Deed) -> tuple[object, ...]:
    return deed.actor, deed.kind, deed.action, deed.result


def matched(old: Coverage, new: Coverage) -> Iterator[tuple[Covered, Covered]]:
    """The places that both texts have, in order."""
    before, after = [key(place) for place in old.places], [key(place) for place in new.places]
    for at, other, size in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        yield from zip(old.places[at : at + size], new.places[other : other + size], strict=True)


def key(place: Covered) -> tuple[str, str, str]:
    """A place without what is inside it."""
    return place.kind, " ".join(place.span.text.split("{")[0].split()), place.way
