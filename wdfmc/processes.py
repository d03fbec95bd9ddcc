"""Processes that work for this one: how they begin, and how they are made to end."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, cast

from wdfmc.memory import collect_rarely


def begin() -> None:
    """Called first in a process that was started to work for another one."""
    # Control-C goes to all processes of a console; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_rarely()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Nobody is left to stop this process when the one that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def ended_as_interrupted() -> Iterator[None]:
    """Whoever ends this process (`timeout`, a build server) gets what Control-C gives: all that is decided.

    Python's own handler would wait for z3, which listens to Control-C alone. The byte that tells of a signal does not.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not of what a shell runs in the background
    if sys.platform == "win32" or not heeded or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = os.pipe()
    os.set_blocking(told, False)
    handler = signal.signal(signal.SIGTERM, lambda number, frame: None)
    before = signal.set_wakeup_fd(told)
    threading.Thread(target=_interrupt_when_ended, args=(heard,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGTERM, handler)
        os.close(told)


def _interrupt_when_ended(heard: int) -> None:
    while number := os.read(heard, 1):
        if number[0] == signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGINT)
    os.close(heard)


def stop(pool: ProcessPoolExecutor) -> None:
    """End its processes, whatever they are doing. They are gone after its `shutdown`."""
    # Public as `terminate_workers` from Python 3.14 on.
    processes = list((pool._processes or {}).values())
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
    # A process that ends in the middle of an answer leaves a thread of the pool waiting for the rest of it. Once nobody
    # can write to the pipe any more, that thread sees its end, and `shutdown` does not wait for ever.
    if pool._result_queue is not None:
        cast(Any, pool._result_queue)._writer.close()
