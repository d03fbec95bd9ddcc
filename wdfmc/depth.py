"""Room for the passes that recurse over deeply nested texts.

A pass takes a few calls for each level of nesting. Python's own limit of a thousand, and the stack of the main thread
(1 MiB on Windows), are enough for texts that people write. Deeper ones are worked on in a thread with a large stack.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SHALLOW: Final = 100  # levels that need no room of their own
CALLS: Final = 250_000  # nested calls that are allowed in the room
STACK: Final = 1 << 30  # bytes, reserved but not used up; a nested call takes less than 1 KiB of it (measured, 3.11)


class NoRoom(Exception):
    """The text is nested more deeply than this Python can follow."""


def with_room(levels: int, work: Callable[[], T]) -> T:
    """The result of `work`, which recurses over a text nested so deeply.

    Raises:
        NoRoom: it needs more nested calls than there can be. Newer versions of Python set a lower limit of their own.
    """
    if levels <= SHALLOW:
        return work()
    room: Room[T] = Room(work)
    before = sys.getrecursionlimit()
    stack = threading.stack_size(STACK)
    try:
        thread = threading.Thread(
            target=copy_context().run, args=(room.enter,), daemon=True
        )  # an interrupt ends the program without it
        sys.setrecursionlimit(max(before, CALLS))
        thread.start()
        while thread.is_alive():  # an endless wait could not be interrupted on Windows
            thread.join(0.05)
    except (RuntimeError, ValueError):  # no such stack can be had
        raise NoRoom from None
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(before)
    if room.error is not None:
        raise room.error
    return room.value


class Room(Generic[T]):
    """What a thread is to do, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.value: T
        self.error: BaseException | None = None

    def enter(self) -> None:
        try:
            self.value = self.work()
        except RecursionError:
            self.error = NoRoom()
        except BaseException as error:
            self.error = error
