"""What every line of a driver is for: each in each way left out or weakened, and which rules notice.

In the terms of mutation testing (DeMillo, Lipton, Sayward, 1978): the rules are the tests, and the score says how many
of the changed drivers they tell from the given one.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Final

from wdfmc.check import Options
from wdfmc.mutants.judged import Answer, Asked, Baseline, Judged, baseline, judged, read_model
from wdfmc.mutants.mutations import REMOVALS, Mutant, mutants_of_text
from wdfmc.processes import begin, stop
from wdfmc.source import Source
from wdfmc.verdict import Result

PATIENCE: Final = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Table:
    """`judged`: in the order of the lines, without what was no driver any more."""

    before: Baseline
    judged: tuple[Judged, ...]

    @property
    def noticed(self) -> int:
        return sum(each.noticed for each in self.judged)

    @property
    def left_open(self) -> int:
        return sum(each.answer is Answer.OPEN for each in self.judged)

    @property
    def rules(self) -> tuple[str, ...]:
        """Those that some change breaks, in the order of the report."""
        broken = {result.rule for each in self.judged for result in each.broken}
        known = [result.rule for result in self.before.results if result.rule in broken]
        return tuple(dict.fromkeys([*known, *sorted(broken)]))

    @property
    def spare(self) -> tuple[Judged, ...]:
        """What can be left out, and nothing changes."""
        return tuple(
            each for each in self.judged if each.answer is Answer.SAME and each.mutant.mutation.kind in REMOVALS
        )


def mutation_table(
    source: Source, options: Options, deadline: float | None, on_start: Callable[[int], None],
    on_judged: Callable[[Judged], None],
) -> Table:  # fmt: skip
    """Args:
        on_start: is told how many changes there are. on_judged: is told of each when it is judged.

    Raises:
        Rejected: the text has mistakes.
    """
    model = read_model(source, options)
    mutants = mutants_of_text(model.program.source, model.program)
    on_start(len(mutants))
    before = baseline(model, options, deadline)
    work = Work(mutants, before.known, options, deadline, on_judged)
    found = work.in_processes() if options.jobs > 1 and len(mutants) > 1 else work.here()
    return Table(before, tuple(each for each in found if each.answer is not Answer.REFUSED))


@dataclass(frozen=True, slots=True)
class Unit:
    """A changed driver to be judged in a process. `seconds`: until the deadline; clocks need not agree."""

    mutant: Mutant
    before: Mapping[Asked, Result]
    options: Options
    seconds: float | None


class Work:
    """The judging of all mutants. `at_once`: in so many processes."""

    def __init__(
        self, mutants: Sequence[Mutant], before: Mapping[Asked, Result], options: Options, deadline: float | None,
        on_judged: Callable[[Judged], None],
    ) -> None:  # fmt: skip
        self.mutants = mutants
        self.before = {asked: replace(result, trace=None) for asked, result in before.items()}
        self.at_once = min(options.jobs, len(mutants))
        self.options = replace(options, jobs=1)
        self.deadline = deadline
        self.on_judged = on_judged
        self.found: dict[int, Judged] = {}

    def here(self) -> list[Judged]:
        """What is not judged yet, one after the other."""
        for number in range(len(self.mutants)):
            if number not in self.found:
                self.enter(number, judge(self.unit(number)))
        return [self.found[number] for number in range(len(self.mutants))]

    def in_processes(self) -> list[Judged]:
        pool = ProcessPoolExecutor(self.at_once, multiprocessing.get_context("spawn"), initializer=begin)
        try:
            self.hand_out(pool)
        except BrokenProcessPool:
            pass  # processes cannot be started everywhere (no importable main module); this one always works
        finally:
            stop(pool)
            pool.shutdown(wait=True, cancel_futures=True)
        return self.here()

    def hand_out(self, pool: ProcessPoolExecutor) -> None:
        """A unit is submitted when it can start: then it is known how much time it has left."""
        todo = list(range(len(self.mutants)))[::-1]
        running: dict[Future[Judged], int] = {}
        while todo or running:
            while todo and len(running) < self.at_once:
                number = todo.pop()
                running[pool.submit(judge, self.unit(number))] = number
            done, _ = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)  # an endless wait blocks Control-C
            for future in done:
                self.enter(running.pop(future), future.result())

    def unit(self, number: int) -> Unit:
        left = None if self.deadline is None else self.deadline - time.monotonic()
        return Unit(self.mutants[number], self.before, self.options, left)

    def enter(self, number: int, found: Judged) -> None:
        self.found[number] = found
        self.on_judged(found)


def judge(unit: Unit) -> Judged:
    deadline = None if unit.seconds is None else time.monotonic() + unit.seconds
    return judged(unit.mutant, unit.before, unit.options, deadline, thorough=True)
