"""What a changed driver is found to do, held against the driver as it was.

A changed driver is checked as any other: its traces are replayed, its proofs audited. A rule that the driver broke
already says nothing about the change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from wdfmc.checking import Model, Options, check_model, loaded, too_deep
from wdfmc.depth import SHALLOW, NoRoom, with_room
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.language.parse import parse
from wdfmc.mutants.mutations import Mutant, without_idle_writes
from wdfmc.semantics import typed
from wdfmc.semantics.types import RefType
from wdfmc.source import Source
from wdfmc.verdict import Result, Word

T = TypeVar("T")

UNREAD: Final = "WDF212"  # a local is written and never read
Asked: TypeAlias = tuple[str, tuple[str, ...]]  # a rule, and what its verdict assumes


class Answer(StrEnum):
    BROKEN = "broken"  # a rule is violated that was not
    IDLE = "idle"  # none is, but what one says of requests can happen no more: the driver does less
    OPEN = "open"  # what was proved is not decided
    SAME = "same"  # all verdicts are as before
    REFUSED = "refused"  # it is no driver: the text has a mistake


@dataclass(frozen=True, slots=True)
class Baseline:
    """The driver as it was, with its verdicts in the order of the report."""

    model: Model
    results: tuple[Result, ...]

    @property
    def known(self) -> Mapping[Asked, Result]:
        return {asked(result): result for result in self.results}

    @property
    def proved(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is Word.PROVED)


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant, and what became of the rules.

    Args:
        broken: new violations, the shortest first. If `partly`, only safety rules were looked at.
        idle: rules about requests that were proved, and now nothing can happen that they speak of.
        gone: the same of other rules: without its only lock a driver is not concerned by the rules about locks.
        left: what was proved and is not decided now. unsure: what was not decided before, and is not now.
        proved: how many rules are proved; requests: for how many requests, of all proofs the fewest.
        under: the contracts at whose breach the proved runs end.
        refusal: the first mistake of the text.
    """

    mutant: Mutant
    answer: Answer
    broken: tuple[Result, ...] = ()
    idle: tuple[Result, ...] = ()
    gone: tuple[Result, ...] = ()
    left: tuple[Result, ...] = ()
    unsure: tuple[Result, ...] = ()
    proved: int = 0
    requests: int = 0
    under: tuple[str, ...] = ()
    partly: bool = False
    refusal: Diagnostic | None = None
    seconds: float = 0.0

    @property
    def noticed(self) -> bool:
        return self.answer in (Answer.BROKEN, Answer.IDLE)


def asked(result: Result) -> Asked:
    return result.rule, result.assumptions


def with_room_for(source: Source, work: Callable[[], T]) -> T:
    """The result of `work`, which follows a text however deeply it is nested. Raises Rejected."""
    text = parse(source)
    try:
        return with_room(text.levels, work)
    except NoRoom:
        raise Rejected([too_deep(text)]) from None


def processes(model: Model, options: Options) -> int:
    """How many may work: those that are started have no room for deeply nested texts."""
    return options.jobs if model.program.source.levels <= SHALLOW else 1


def read_model(source: Source, options: Options) -> Model:
    """Raises Rejected: with every mistake."""
    models, diagnostics = loaded([source], options)
    wrong = [item for item in diagnostics if item.severity is Severity.ERROR]
    if wrong:
        raise Rejected(wrong)
    return models[0]


def changed_model(source: Source, options: Options) -> Model:
    """The model of a changed text, without assignments that only what was left out had read.

    Raises:
        Rejected: it has other mistakes.
    """
    while True:
        try:
            return read_model(source, options)
        except Rejected as rejected:
            if {item.code for item in rejected.diagnostics} != {UNREAD}:
                raise
            unread = [label.span for item in rejected.diagnostics for label in item.labels[:1]]
            text = parse(source)
            less = without_idle_writes(text, [replace(span, source=text.source) for span in unread])
            if less.text == source.text:
                raise
            source = less


def baseline(model: Model, options: Options, deadline: float | None) -> Baseline:
    return Baseline(model, decided(model, options, deadline))


def decided(model: Model, options: Options, deadline: float | None) -> tuple[Result, ...]:
    report, _ = check_model(model, options, deadline, lambda _path, _result: None)
    return report.results


def judged(
    mutant: Mutant, before: Mapping[Asked, Result], options: Options, deadline: float | None, thorough: bool
) -> Judged:
    """Args:
    before: the verdicts of the driver as it was.
    thorough: look at all rules, even if a safety rule is broken.
    """
    started = time.monotonic()
    try:
        model = changed_model(mutant.source, options)
    except Rejected as rejected:
        return Judged(mutant, Answer.REFUSED, refusal=rejected.diagnostics[0])
    mutant = replace(mutant, source=model.program.source.source)
    if not thorough and (broken := new_violations(decided(safety(model), options, deadline), before)):
        return Judged(mutant, Answer.BROKEN, broken, partly=True, seconds=time.monotonic() - started)
    results = decided(model, options, deadline)
    return replace(compared(mutant, model.program, results, before), seconds=time.monotonic() - started)


def safety(model: Model) -> Model:
    """Asked about its safety rules only: a counterexample to these is found soonest."""
    goals = tuple(goal for goal in model.goals if not model.program.rules[goal.rule].liveness)
    return replace(model, goals=goals or model.goals)


def compared(
    mutant: Mutant, program: typed.Program, results: Sequence[Result], before: Mapping[Asked, Result]
) -> Judged:
    proved = {each for each, result in before.items() if result.verdict is Word.PROVED}
    changed = [result for result in results if asked(result) in proved and result.verdict is not Word.PROVED]
    broken = new_violations(results, before)
    without = [result for result in changed if result.verdict in (Word.VACUOUS, Word.SKIPPED)]
    idle = tuple(result for result in without if speaks_of_requests(program, result.rule))
    gone = tuple(result for result in without if result not in idle)
    undecided = [result for result in results if result.verdict in (Word.UNKNOWN, Word.BOUNDED)]
    left = tuple(result for result in undecided if asked(result) in proved)
    unsure = tuple(result for result in undecided if result not in left)
    held = [result for result in results if result.verdict is Word.PROVED]
    nothing_to_lose = not proved and bool(unsure)
    answer = Answer.BROKEN if broken else Answer.IDLE if idle else Answer.SAME
    if answer is Answer.SAME and (left or nothing_to_lose):
        answer = Answer.OPEN
    fewest = min((result.requests for result in held if isinstance(result.requests, int)), default=0)
    under = tuple(sorted({rule for result in held for rule in result.under}))
    return Judged(mutant, answer, broken, idle, gone, left, unsure, len(held), fewest, under)


def speaks_of_requests(program: typed.Program, name: str) -> bool:
    """Whether a rule is about what happens to each request; not a contract, which is about a call."""
    rule = program.rules.get(name)
    return rule is not None and rule.form != "contract" and any(
        isinstance(each.type, RefType) and each.type.sort in program.sorts and program.sorts[each.type.sort].dynamic
        for each in rule.parameters
    )  # fmt: skip


def new_violations(results: Sequence[Result], before: Mapping[Asked, Result]) -> tuple[Result, ...]:
    """Of rules that were not violated before, the shortest trace first. What was not decided may have been."""

    def may_have_been(result: Result) -> bool:
        known = before.get(asked(result))
        return known is not None and known.verdict in (Word.VIOLATED, Word.UNKNOWN, Word.BOUNDED)

    found = [result for result in results if result.verdict is Word.VIOLATED and not may_have_been(result)]
    return tuple(sorted(found, key=steps))


def steps(result: Result) -> int:
    return len(result.trace.steps) if result.trace else result.depth or 0
