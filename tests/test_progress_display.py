"""Progress on standard error, on a terminal and in a pipe."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import pytest

from wdfmc import progress_display
from wdfmc.progress_display import watched, written


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """Whoever read it has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_short_run_shows_nothing(stream: type[io.StringIO]) -> None:
    out = stream()
    before = set(threading.enumerate())
    with watched(lambda: ["5 states"], out):
        pass
    assert out.getvalue() == ""
    assert set(threading.enumerate()) <= before


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "RARELY", 0.01)
    out, over = io.StringIO(), threading.Event()
    thread = threading.Thread(target=written, args=(lambda: ["1 s", "a.wdf: 5 \x1b[1m states"], out, over))
    thread.start()
    until(lambda: out.getvalue().count("\n") >= 3)
    over.set()
    thread.join()
    assert set(out.getvalue().splitlines()) == {"1 s; a.wdf: 5 ?[1m states"}


def test_nobody_reads_it_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "RARELY", 0.01)
    written(lambda: ["5 states"], Gone(), threading.Event())


def test_a_terminal_shows_what_is_said_now_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "SHORT", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    out, lines = Terminal(), ["1 s", "a.wdf: 5 states"]
    with watched(lambda: lines, out):
        until(lambda: "5 states" in out.getvalue())
        lines[:] = ["2 s", "a.wdf: 6 states"]
        until(lambda: "6 states" in out.getvalue())
    assert out.getvalue().endswith("\x1b[1A\x1b[2K"), "the last line is erased"
    assert "\x1b[?25h" in out.getvalue(), "the cursor is shown again"


def test_an_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "SHORT", 0.0)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), watched(lambda: ["5 states"], Terminal()):
        raise KeyboardInterrupt
    until(lambda: set(threading.enumerate()) <= before)  # rich ends a thread of its own a little later
