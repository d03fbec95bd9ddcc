"""Which repairs make a rule hold: every one is checked as any driver, with all rules that held before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, TypeAlias

from wdfmc.checking import Model, Options
from wdfmc.diagnostics import Rejected
from wdfmc.language.edits import changed_lines, edited
from wdfmc.language.format import formatted
from wdfmc.mutants.crew import Crew
from wdfmc.mutants.judged import Asked, asked, changed_model, decided, processes, speaks_of_requests
from wdfmc.repairs.driver import Driver, Repair
from wdfmc.repairs.locks import hold_lock, move_lock_call
from wdfmc.repairs.order import clear_together, other_order
from wdfmc.repairs.references import reference, reference_in_time
from wdfmc.repairs.results import report_failure, test_result
from wdfmc.source import Source
from wdfmc.verdict import Result, Trace, Word

Idiom: TypeAlias = Callable[[Driver], Iterator[Repair]]

IDIOMS: Final[tuple[Idiom, ...]] = (
    test_result, move_lock_call, reference_in_time, reference, clear_together, other_order, report_failure, hold_lock,
)  # fmt: skip


class Standing(IntEnum):
    """How far a repair is verified, the best first."""

    PROVED = 0  # the rule is proved now, and all that was proved still is
    UNCONCERNED = 1  # the same, but the rule speaks of nothing that the driver does any more
    OPEN = 2  # nothing is violated that was not, but not all is decided
    FAILED = 3  # the rule is still violated, or another one now, or the driver does less, or it is none


@dataclass(frozen=True, slots=True)
class Verified:
    """Args:
    source: the repaired driver, in the standard form.
    mended: the rules that were violated and are proved now. still: those that are violated as before.
    left: what is not decided.
    requests: for how many requests all is proved, at least.
    """

    repair: Repair
    source: Source
    standing: Standing
    mended: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    left: tuple[Result, ...] = ()
    requests: int = 0
    seconds: float = 0.0

    @property
    def helps(self) -> bool:
        return self.standing is not Standing.FAILED


@dataclass(frozen=True, slots=True)
class Unit:
    """A repair to be verified in a process. `seconds`: until the deadline; clocks need not agree."""

    repair: Repair
    source: Source
    rule: str
    before: Mapping[Asked, Result]
    options: Options
    seconds: float | None


def candidates(model: Model, trace: Trace) -> list[tuple[Repair, Source]]:
    """What the idioms make of the callbacks that a trace passes through; each resulting text once."""
    text = model.program.source
    lines = frozenset(step.span.line for step in trace.steps if step.span.source.name == text.source.name)
    driver = Driver(text, model.program, lines)
    found: dict[str, tuple[Repair, Source]] = {}
    for idiom in IDIOMS:
        for repair in idiom(driver):
            try:
                source = Source(text.source.name, formatted(edited(text.source, repair.edits)))
            except Rejected:
                continue  # what the idiom writes cannot stand there
            found.setdefault(source.text, (repair, source))
    return list(found.values())


def verified_repairs(
    model: Model, rule: str, trace: Trace, before: Mapping[Asked, Result], options: Options, deadline: float | None,
    on_start: Callable[[int], None], on_verified: Callable[[Verified], None],
) -> list[Verified]:  # fmt: skip
    """All candidates, the best first: those that leave fewer rules violated, then those that change fewer lines."""
    units = candidates(model, trace)
    on_start(len(units))
    known = {each: replace(result, trace=None, basis=None) for each, result in before.items()}
    alone = replace(options, jobs=1)

    def unit(number: int) -> Unit:
        repair, source = units[number]
        return Unit(repair, source, rule, known, alone, None if deadline is None else deadline - time.monotonic())

    found = Crew(verified, unit, len(units), on_verified).results(processes(model, options))
    original = standard_form(model.program.source.source)
    return sorted(found, key=lambda each: (each.standing, len(each.still), len(changed_lines(original, each.source))))


def standard_form(source: Source) -> Source:
    return Source(source.name, formatted(source))


def verified(unit: Unit) -> Verified:
    started = time.monotonic()
    deadline = None if unit.seconds is None else started + unit.seconds
    try:
        found = with_rule(unit, deadline)
    except Rejected:
        found = Verified(unit.repair, unit.source, Standing.FAILED)
    return replace(found, seconds=time.monotonic() - started)


def with_rule(unit: Unit, deadline: float | None) -> Verified:
    """First the rule alone: most candidates fail there. Raises Rejected: the text is no driver."""
    failed = Verified(unit.repair, unit.source, Standing.FAILED)
    alone = changed_model(unit.source, replace(unit.options, rules=(unit.rule,)))
    results = decided(alone, unit.options, deadline)
    words = {result.verdict for result in results if result.rule == unit.rule}
    if words & {Word.VIOLATED, Word.VACUOUS} or worse(results, unit.before):
        return failed
    model = changed_model(unit.source, unit.options)
    return compared(unit, model, decided(model, unit.options, deadline))


def worse(results: Sequence[Result], before: Mapping[Asked, Result]) -> bool:
    """Whether something is violated of which that was not known before."""
    known = {each for each, result in before.items() if result.verdict is Word.VIOLATED}
    return any(result.verdict is Word.VIOLATED and asked(result) not in known for result in results)


def compared(unit: Unit, model: Model, results: tuple[Result, ...]) -> Verified:
    source = model.program.source.source
    failed = Verified(unit.repair, source, Standing.FAILED)
    before = {each: result.verdict for each, result in unit.before.items()}
    words = {result.verdict for result in results if result.rule == unit.rule}
    lost = [
        result
        for result in results
        if before.get(asked(result)) is Word.PROVED
        and result.verdict in (Word.VACUOUS, Word.SKIPPED)
        and speaks_of_requests(model.program, result.rule)
    ]
    if lost or words & {Word.VIOLATED, Word.VACUOUS} or worse(results, unit.before):
        return failed
    left = tuple(
        result
        for result in results
        if result.verdict in (Word.UNKNOWN, Word.BOUNDED)
        and (result.rule == unit.rule or before.get(asked(result)) is Word.PROVED)
    )
    broken = {each for each, word in before.items() if word is Word.VIOLATED}
    mended = [result.rule for result in results if asked(result) in broken and result.verdict is Word.PROVED]
    still = [result.rule for result in results if result.verdict is Word.VIOLATED]
    proofs = [result.requests for result in results if result.verdict is Word.PROVED]
    standing = Standing.OPEN if left else Standing.UNCONCERNED if words == {Word.SKIPPED} else Standing.PROVED
    return Verified(
        unit.repair, source, standing, tuple(dict.fromkeys(mended)), tuple(dict.fromkeys(still)), left,
        min((number for number in proofs if isinstance(number, int)), default=0),
    )  # fmt: skip
