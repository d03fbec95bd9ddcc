"""Many changed drivers to be looked at, each by itself: one after the other, or in processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Final, Generic, TypeVar

from wdfmc.processes import begin, stop

U = TypeVar("U")
T = TypeVar("T")

PATIENCE: Final = 0.2  # seconds: an endless wait could not be interrupted on Windows


class Crew(Generic[U, T]):
    """Args:
    work: done for each unit; a function of a module, so that a process can find it.
    unit: the unit of a number. It is asked for when the work on it can start: then it is known how much time is left.
    many: how many units there are.
    on_done: is told of each result.
    """

    def __init__(
        self, work: Callable[[U], T], unit: Callable[[int], U], many: int, on_done: Callable[[T], None]
    ) -> None:
        self.work = work
        self.unit = unit
        self.many = many
        self.on_done = on_done
        self.found: dict[int, T] = {}

    def results(self, jobs: int) -> list[T]:
        """In the order of the units. `jobs`: processes at the same time; with 1 none is started."""
        if jobs > 1 and self.many > 1:
            self._in_processes(min(jobs, self.many))
        for number in range(self.many):
            if number not in self.found:
                self._enter(number, self.work(self.unit(number)))
        return [self.found[number] for number in range(self.many)]

    def _in_processes(self, at_once: int) -> None:
        pool = ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn"), initializer=begin)
        try:
            self._hand_out(pool, at_once)
        except BrokenProcessPool:
            pass  # processes cannot be started everywhere (no importable main module); this one always works
        finally:
            stop(pool)
            pool.shutdown(wait=True, cancel_futures=True)

    def _hand_out(self, pool: ProcessPoolExecutor, at_once: int) -> None:
        todo = list(range(self.many))[::-1]
        running: dict[Future[T], int] = {}
        while todo or running:
            while todo and len(running) < at_once:
                number = todo.pop()
                running[pool.submit(self.work, self.unit(number))] = number
            done, _ = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
            for future in done:
                self._enter(running.pop(future), future.result())

    def _enter(self, number: int, found: T) -> None:
        self.found[number] = found
        self.on_done(found)
