"""What every line of a driver is for: each in each way left out or weakened, and which rules notice.

In the terms of mutation testing (DeMillo, Lipton, Sayward, 1978): the rules are the tests, and the score says how many
of the changed drivers they tell from the given one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from wdfmc.checking import Options
from wdfmc.mutants.crew import Crew
from wdfmc.mutants.judged import Answer, Asked, Baseline, Judged, baseline, judged, processes, read_model
from wdfmc.mutants.mutations import REMOVALS, Mutant, mutants_of_text
from wdfmc.source import Source
from wdfmc.verdict import Result


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
    known = {asked: replace(result, trace=None) for asked, result in before.known.items()}
    alone = replace(options, jobs=1)

    def unit(number: int) -> Unit:
        return Unit(mutants[number], known, alone, None if deadline is None else deadline - time.monotonic())

    found = Crew(judge, unit, len(mutants), on_judged).results(processes(model, options))
    return Table(before, tuple(each for each in found if each.answer is not Answer.REFUSED))


@dataclass(frozen=True, slots=True)
class Unit:
    """A changed driver to be judged in a process. `seconds`: until the deadline; clocks need not agree."""

    mutant: Mutant
    before: Mapping[Asked, Result]
    options: Options
    seconds: float | None


def judge(unit: Unit) -> Judged:
    deadline = None if unit.seconds is None else time.monotonic() + unit.seconds
    return judged(unit.mutant, unit.before, unit.options, deadline, thorough=True)
