"""Several models at the same time, each in a process.

A unit of work is a value that can be pickled, and whatever has the interface of `concurrent.futures.Executor` can do
it: what was found, and what it took, comes back as the result of the future. The processes of this machine also tell
what they have decided and how far they are while they work.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from wdfmc.checking import Model, Options, check_model
from wdfmc.diagnostics import Diagnostic
from wdfmc.processes import begin, stop
from wdfmc.progress import Messenger, Progress, listening, tell
from wdfmc.verdict import ModelReport, Result

OnResult: TypeAlias = Callable[[str, Result], None]

PATIENCE: Final = 0.02  # seconds between looks at whether a process is done


@dataclass(frozen=True, slots=True)
class Unit:
    """A model to be checked. `seconds`: from the start of the work until its deadline; clocks need not agree."""

    number: int
    model: Model
    options: Options
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """`progress`: how far each run of an engine came."""

    report: ModelReport
    warnings: list[Diagnostic]
    progress: tuple[Progress, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a process has decided, or how far it is."""

    number: int
    news: Result | Progress


def check_in_processes(
    models: Sequence[Model], options: Options, deadline: float | None, on_result: OnResult
) -> list[tuple[ModelReport, list[Diagnostic]]]:
    """As `check_model` does it, in the order of the models. The processes start no others."""
    workers = min(options.jobs, len(models))
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    crew = _Crew(models, replace(options, jobs=1), deadline, on_result, told)
    pool = ProcessPoolExecutor(workers, context, initializer=_enlist, initargs=(told,))
    try:
        crew.work(pool, workers)
    except BrokenProcessPool:
        # Processes cannot be started everywhere (no importable main module, no permission); this one always works.
        crew.finish_here(options)
    finally:
        stop(pool)
        pool.shutdown(wait=True, cancel_futures=True)
        told.close()
    return [crew.done[number] for number in range(len(models))]


class _Crew:
    """What is done of the models. `told`: a queue of `Told`."""

    def __init__(
        self, models: Sequence[Model], options: Options, deadline: float | None, on_result: OnResult, told: Any
    ) -> None:
        self.done: dict[int, tuple[ModelReport, list[Diagnostic]]] = {}
        self._models = models
        self._options = options
        self._deadline = deadline
        self._on_result = on_result
        self._told = told
        self._heard: dict[int, list[Result]] = {number: [] for number in range(len(models))}

    def work(self, executor: Executor, at_once: int) -> None:
        """A unit is submitted when it can start: then it is known how much time it has left.

        Raises:
            BrokenProcessPool: a process died.
            Exception: what the check of a model raised.
        """
        todo = list(enumerate(self._models))[::-1]
        running: dict[Future[Done], int] = {}
        while todo or running:
            while todo and len(running) < at_once:
                number, model = todo.pop()
                left = None if self._deadline is None else self._deadline - time.monotonic()
                future = executor.submit(checked, Unit(number, model, self._options, left))
                running[future] = number
            with contextlib.suppress(queue.Empty):
                self._listen(self._told.get(timeout=PATIENCE))
            for future in [future for future in running if future.done()]:
                self._finish(running.pop(future), future.result())

    def finish_here(self, options: Options) -> None:
        """What is not done, one after the other. What was already decided is not announced again."""
        for number, model in enumerate(self._models):
            if number not in self.done:
                known = {(result.rule, result.assumptions) for result in self._heard[number]}

                def announce(path: str, result: Result, known: set[tuple[str, tuple[str, ...]]] = known) -> None:
                    if (result.rule, result.assumptions) not in known:
                        self._on_result(path, result)

                self.done[number] = check_model(model, options, self._deadline, announce)

    def _listen(self, told: Told) -> None:
        if told.number in self.done:
            return  # it came later than the result, which says all of it
        if isinstance(told.news, Progress):
            tell(told.news)
        else:
            self._heard[told.number].append(told.news)
            self._on_result(self._models[told.number].path, told.news)

    def _finish(self, number: int, done: Done) -> None:
        for progress in done.progress:
            tell(progress)
        for result in done.report.results:
            if result not in self._heard[number]:
                self._on_result(done.report.path, result)
        self.done[number] = done.report, done.warnings


# ---------------------------------------------------------------- in the process that works

_here: dict[str, Any] = {}  # the queue of this process, if it has one


def _enlist(told: Any) -> None:
    begin()
    _here.update(told=told)


def checked(unit: Unit) -> Done:
    """The work itself, wherever it is done."""
    told = _here.get("told")
    deadline = None if unit.seconds is None else time.monotonic() + unit.seconds

    def send(news: Result | Progress) -> None:
        if told is not None:
            told.put(Told(unit.number, news))

    messenger = Messenger(send)
    with listening(messenger.hear):
        report, warnings = check_model(unit.model, unit.options, deadline, lambda _path, result: send(result))
    return Done(report, warnings, messenger.everything())
