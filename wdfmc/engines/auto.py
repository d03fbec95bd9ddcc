"""The default: a search for a counterexample against a search for a proof, the first answer to each goal counts.

Small instances are decided by the explicit search at once, larger ones by proofs for any number of requests where these
are given, which take the same time for all, and of the others many goals by pairs of values. What is left is raced for
by IC3 (by k-liveness where it is about "eventually"), bounded model checking and the explicit search in processes of
their own, started by `spawn` as on Windows. With one job they take turns, with growing budgets.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Holds, Outcome, Unknown
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.ic3 import Ic3
from wdfmc.engines.kliveness import KLiveness
from wdfmc.engines.pairs import Pairs
from wdfmc.processes import begin, stop
from wdfmc.progress import Messenger, Progress, listening, tell
from wdfmc.system.system import TransitionSystem

Contender: TypeAlias = Bmc | Explicit | Ic3 | KLiveness | Pairs
Proof: TypeAlias = Callable[[Set[str]], Set[str]]  # of goals, those that are found to hold

ANY_NUMBER: Final = "any number"  # the name of the engine behind `Auto.proofs`
SMALL: Final = 300_000  # states that are visited sooner than a process is started
SAFE: Final = 2_500_000  # the same where no cycles are sought, which takes a kilobyte for each state
PATIENCE: Final = 0.1  # seconds between looks at whether the processes still live
TURN: Final = 2.0  # seconds of the first turn of bounded model checking
GROWTH: Final = 4  # of the budgets from turn to turn


@dataclass(frozen=True, slots=True)
class Auto:
    """Args:
    depth: of bounded model checking, in transitions.
    limit_states: of the explicit search.
    deadline: as of time.monotonic().
    jobs: processes; with 1 none is started.
    proofs: for any number of requests, each with the states that are visited before, if no goal is about
        "eventually"; what they give is audited.
    """

    depth: int = 30
    limit_states: int = 5_000_000
    deadline: float | None = None
    jobs: int = 2
    proofs: Sequence[tuple[int, Proof]] = ()

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, str, Outcome]]:
        """Yields (goal, name of the engine, outcome) as soon as each goal is decided; undecided ones at the end."""
        table = _Table(goals)
        cycles = bool(within_reach("k-liveness", system, goals))
        small = min(SMALL if cycles else SAFE, self.limit_states)
        for states, proof in () if cycles else self.proofs:
            if states and table.open:
                yield from table.during("explicit", Explicit(limit_states=states, deadline=self.deadline), system)
            if table.open and not self._late():
                yield from table.proved(proof)
        if table.open:
            yield from table.during("explicit", Explicit(limit_states=small, deadline=self.deadline), system)
        if table.open and not self._late():
            yield from table.during("pairs", Pairs(deadline=self.deadline), system)
        if table.open and not self._late():
            if self.jobs > 1:
                yield from self._race(table, system, small)
            else:
                yield from self._turns(table, system, small)
        yield from table.undecided()

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _within(self, seconds: float) -> float:
        end = time.monotonic() + seconds
        return end if self.deadline is None else min(end, self.deadline)

    def _contenders(self) -> dict[str, Contender]:
        return {
            "ic3": Ic3(),
            "k-liveness": KLiveness(),
            "bmc": Bmc(depth=self.depth),
            "explicit": Explicit(limit_states=self.limit_states),
        }

    def _turns(self, table: _Table, system: TransitionSystem, states: int) -> Iterator[tuple[str, str, Outcome]]:
        """`states`: have been visited already."""
        seconds = TURN
        bounded = exhausted = False
        while table.open and not (bounded and exhausted) and not self._late():
            yield from table.during("ic3", Ic3(deadline=self._within(seconds)), system)
            yield from table.during("k-liveness", KLiveness(deadline=self._within(seconds)), system)
            if not bounded:
                end = self._within(seconds)
                yield from table.during("bmc", Bmc(depth=self.depth, deadline=end), system)
                bounded = time.monotonic() < end
            if not exhausted and table.open:
                states = min(states * GROWTH, self.limit_states)
                yield from table.during("explicit", Explicit(limit_states=states, deadline=self.deadline), system)
                exhausted = states == self.limit_states
            seconds *= GROWTH
        if table.open and not self._late():  # only a proof is left to hope for
            yield from table.during("ic3", Ic3(deadline=self.deadline), system)
            yield from table.during("k-liveness", KLiveness(deadline=self.deadline), system)

    def _race(self, table: _Table, system: TransitionSystem, states: int) -> Iterator[tuple[str, str, Outcome]]:
        left = None if self.deadline is None else self.deadline - time.monotonic()
        bare = replace(system, origin=None)  # what it is made of is large, and no engine reads it
        wanted = {name: within_reach(name, system, table.open) for name in self._contenders()}
        race = _Race([Unit(n, engine, bare, wanted[n], left) for n, engine in self._contenders().items() if wanted[n]])
        try:
            for name, goal, outcome in race.answers():
                yield from table.enter(name, goal, outcome)
                if not table.open:
                    return
        except BrokenProcessPool:
            # Processes cannot be started everywhere (no importable main module, no permission); one job always works.
            race.stop()
            yield from self._turns(table, system, states)
        finally:
            race.stop()


class _Table:
    """The goals that are open, and the best that is known about each."""

    def __init__(self, goals: Sequence[str]) -> None:
        self.open: dict[str, tuple[str, Unknown]] = dict.fromkeys(goals, ("", Unknown("not decided")))

    def enter(self, engine: str, goal: str, outcome: Outcome) -> Iterator[tuple[str, str, Outcome]]:
        if goal not in self.open:
            return
        if not isinstance(outcome, Unknown):
            del self.open[goal]
            yield goal, engine, outcome
        elif _reach(outcome) >= _reach(self.open[goal][1]):
            self.open[goal] = engine, outcome

    def during(self, engine: str, search: Contender, system: TransitionSystem) -> Iterator[tuple[str, str, Outcome]]:
        goals = within_reach(engine, system, self.open)
        for goal, outcome in search.check(system, goals) if goals else ():
            yield from self.enter(engine, goal, outcome)

    def proved(self, proof: Proof) -> Iterator[tuple[str, str, Outcome]]:
        for goal in sorted(proof(self.open.keys())):
            yield from self.enter(ANY_NUMBER, goal, Holds(0))

    def undecided(self) -> Iterator[tuple[str, str, Outcome]]:
        for goal, (engine, outcome) in self.open.items():
            yield goal, engine, outcome


def within_reach(engine: str, system: TransitionSystem, goals: Iterable[str]) -> tuple[str, ...]:
    """The goals that an engine is made for: what never happens, what happens eventually, or both."""
    owed = {obligation.rule for obligation in system.obligations}
    match engine:
        case "ic3" | "pairs":
            return tuple(goal for goal in goals if goal not in owed)
        case "k-liveness":
            return tuple(goal for goal in goals if goal in owed)
        case _:
            return tuple(goals)


def _reach(outcome: Unknown) -> int:
    return -1 if outcome.depth is None else outcome.depth


# ---------------------------------------------------------------- processes


@dataclass(frozen=True, slots=True)
class Unit:
    """The work of one process. `seconds`: until the deadline; clocks of processes need not agree."""

    name: str
    engine: Contender
    system: TransitionSystem
    goals: tuple[str, ...]
    seconds: float | None


class _Race:
    """One process for each unit, all answering into one queue."""

    def __init__(self, units: Sequence[Unit]) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue()
        self._pools: list[ProcessPoolExecutor] = []
        self._running: dict[str, Future[None]] = {}
        try:
            for unit in units:
                # The unit travels with the start of the process: nothing is left half sent when it is terminated.
                pool = ProcessPoolExecutor(1, context, initializer=_receive, initargs=(self._queue, unit))
                self._pools.append(pool)
                self._running[unit.name] = pool.submit(_work)
        except BaseException:
            self.stop()
            raise

    def answers(self) -> Iterator[tuple[str, str, Outcome]]:
        """Until all processes are done.

        Raises:
            BrokenProcessPool: a process died.
            Exception: what an engine raised.
        """
        while self._running:
            try:
                name, goal, outcome = self._queue.get(timeout=PATIENCE)
            except queue.Empty:
                for future in self._running.values():
                    if future.done():
                        future.result()
                continue
            if isinstance(outcome, Progress):
                tell(outcome)
            elif goal is None:
                self._running.pop(name).result()
            else:
                yield name, goal, outcome

    def stop(self) -> None:
        """End the processes, whatever they are doing, and wait until they are gone."""
        for pool in self._pools:
            stop(pool)
        while self._pools:
            self._pools.pop().shutdown(wait=True, cancel_futures=True)
        self._queue.close()


_here: dict[str, Any] = {}  # the queue and the unit of this process; only ever filled in processes of a race


def _receive(answers: Any, unit: Unit) -> None:
    begin()
    _here.update(answers=answers, unit=unit)


def _work() -> None:
    answers, unit = _here["answers"], _here["unit"]
    engine = unit.engine
    if unit.seconds is not None:
        engine = replace(engine, deadline=time.monotonic() + unit.seconds)
    messenger = Messenger(lambda progress: answers.put((unit.name, None, progress)))
    try:
        with listening(messenger.hear):
            for goal, outcome in engine.check(unit.system, unit.goals):
                messenger.flush()  # with the last answer the race is over
                answers.put((unit.name, goal, outcome))
        messenger.flush()
    finally:
        answers.put((unit.name, None, None))
