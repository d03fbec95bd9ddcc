"""What engines say about their work while it goes on, and what it adds up to.

An engine opens a `Work` and says from time to time how far it has come. Whoever asked for the work may listen
(`listening`); if nobody does, saying it costs next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from wdfmc.memory import peak

PERIOD: Final = 0.5  # seconds between two messages of one process to another
TOGETHER: Final = 2.0  # seconds: of the processes of a model, those heard within them are taken to be at work


@dataclass(frozen=True, slots=True)
class Effort:
    """How far an engine has come. A count that an engine does not have is None.

    Args:
        requests: in the instance, or "any"; None for what comes before there is one.
        seconds: wall time; that of engines which run at the same time overlaps.
        depth: transitions. states: visited, up to renaming of requests. queries: to a solver.
    """

    engine: str
    requests: int | Literal["any"] | None
    seconds: float = 0.0
    depth: int | None = None
    frames: int | None = None
    lemmas: int | None = None
    states: int | None = None
    queries: int | None = None

    def beside(self, other: Effort) -> Effort:
        """Both together: depths and frames are the largest, all else is added up."""
        return replace(
            self,
            seconds=self.seconds + other.seconds,
            depth=_joined(self.depth, other.depth, max),
            frames=_joined(self.frames, other.frames, max),
            lemmas=_joined(self.lemmas, other.lemmas, int.__add__),
            states=_joined(self.states, other.states, int.__add__),
            queries=_joined(self.queries, other.queries, int.__add__),
        )


def _joined(one: int | None, other: int | None, join: Callable[[int, int], int]) -> int | None:
    return other if one is None else one if other is None else join(one, other)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one run of an engine has come since it began.

    Args:
        run: tells it from all other runs, also from those of other processes.
        effort: None when the work on the model has ended.
        model: the path of what is being checked; empty if that is not known yet.
        process: in which it runs; there, one thing is done at a time.
        memory: bytes, the most that a process other than the listener's has used; 0 if there is none.
    """

    run: bytes
    effort: Effort | None
    model: str = ""
    process: int = 0
    memory: int = 0


Listener: TypeAlias = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """What is said in here is heard by the listener."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


@contextlib.contextmanager
def concerning(model: str) -> Iterator[None]:
    """What is said in here is about this model."""
    outer = _listener.get()
    if outer is None:
        yield
        return
    with listening(lambda progress: outer(replace(progress, model=model))):
        yield
    outer(Progress(model.encode(), None, model))


def tell(progress: Progress) -> None:
    """Pass on what was heard from elsewhere."""
    hear = _listener.get()
    if hear is not None:
        hear(progress)


class Work:
    """One run of an engine, or of what comes before or after one."""

    def __init__(self, engine: str, requests: int | Literal["any"] | None = None) -> None:
        self._hear = _listener.get()
        self._begun = time.monotonic()
        self._run = os.urandom(8)
        self._effort = Effort(engine, requests)
        self.at()

    def at(
        self,
        *,
        depth: int | None = None,
        frames: int | None = None,
        lemmas: int | None = None,
        states: int | None = None,
        queries: int | None = None,
    ) -> None:
        """So far; what is not named has none, or not yet."""
        if self._hear is not None:
            engine, requests, seconds = self._effort.engine, self._effort.requests, time.monotonic() - self._begun
            effort = Effort(engine, requests, seconds, depth, frames, lemmas, states, queries)
            self._hear(Progress(self._run, effort, process=os.getpid()))


class Messenger:
    """Hears progress in a process that others wait for, and sends it to them some times a second."""

    def __init__(self, send: Listener) -> None:
        self._send = send
        self._last: dict[bytes, Progress] = {}
        self._unsent: set[bytes] = set()
        self._sent = 0.0  # the first one at once

    def hear(self, progress: Progress) -> None:
        self._last[progress.run] = progress
        self._unsent.add(progress.run)
        if time.monotonic() - self._sent >= PERIOD:
            self.flush()

    def flush(self) -> None:
        for progress in self.everything():
            if progress.run in self._unsent:
                self._send(progress)
        self._unsent.clear()
        self._sent = time.monotonic()

    def everything(self) -> tuple[Progress, ...]:
        """The last that was heard of each run."""
        memory = peak() or 0
        return tuple(replace(each, memory=max(each.memory, memory)) for each in self._last.values())


class Meter:
    """Adds up what it hears. It may be read in a thread other than that in which it hears."""

    def __init__(self) -> None:
        self.memory = 0  # bytes, the most that another process has used
        self._runs: dict[bytes, Effort] = {}
        self._now: dict[str, dict[int, tuple[float, Effort]]] = {}  # model -> process -> when it was heard, and what

    def hear(self, progress: Progress) -> None:
        self.memory = max(self.memory, progress.memory)
        effort = progress.effort
        if effort is None:
            self._now.pop(progress.model, None)
            return
        before = self._runs.get(progress.run)
        if before is None or before.seconds <= effort.seconds:  # messages may overtake each other
            self._runs[progress.run] = effort
            heard = self._now.get(progress.model, {}) | {progress.process: (time.monotonic(), effort)}
            self._now[progress.model] = heard

    def now(self) -> dict[str, list[Effort]]:
        """What each process does at the moment, for each model."""
        found = {}
        for model, processes in list(self._now.items()):
            last = max(when for when, _ in processes.values())
            found[model] = [effort for when, effort in processes.values() if when >= last - TOGETHER]
        return found

    def efforts(self) -> tuple[Effort, ...]:
        """Of each engine and number of requests, in the order of their first runs."""
        found: dict[tuple[str, object], Effort] = {}
        for effort in list(self._runs.values()):
            name = effort.engine, effort.requests
            found[name] = found[name].beside(effort) if name in found else effort
        return tuple(found.values())
