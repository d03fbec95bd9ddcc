"""Progress on standard error while a command runs: lines that are redrawn on a terminal, else one now and then."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from wdfmc.reports.page import harmless, write_text

if TYPE_CHECKING:
    from rich.text import Text

SHORT: Final = 1.0  # seconds: a run that ends sooner shows nothing
RARELY: Final = 10.0  # seconds between two lines in a pipe or a file
OFTEN: Final = 4  # times a second on a terminal


@dataclass
class Tally:
    """Of a number of checks, how many are done, and found what is looked for. `begun`: as of time.monotonic()."""

    checks: str
    found: str
    begun: float = field(default_factory=time.monotonic)
    many: int | None = None
    done: int = 0
    hits: int = 0

    def start(self, many: int) -> None:
        self.many = many

    def count(self, hit: bool) -> None:
        self.done += 1
        self.hits += hit

    def line(self) -> str:
        so_far = (
            "checking the model"
            if self.many is None
            else f"{self.done} of {self.many} {self.checks}, {self.hits} {self.found}"
        )
        return f"{time.monotonic() - self.begun:.0f} s, {so_far}"


@contextlib.contextmanager
def watched(lines: Callable[[], Sequence[str]], stream: TextIO) -> Iterator[None]:
    """Show what `lines` says, which is called in another thread. On a terminal nothing is left of it at the end."""
    over = threading.Event()
    show = drawn if stream.isatty() and os.environ.get("TERM") != "dumb" else written
    thread = threading.Thread(target=show, args=(lines, stream, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def written(lines: Callable[[], Sequence[str]], stream: TextIO, over: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        while not over.wait(RARELY):
            write_text(harmless("; ".join(lines())) + "\n", stream)
            stream.flush()


def drawn(lines: Callable[[], Sequence[str]], stream: TextIO, over: threading.Event) -> None:
    if over.wait(SHORT):
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def picture() -> Text:
        text = "\n".join(map(harmless, lines()))
        return Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    console = Console(file=stream)
    with (
        contextlib.suppress(OSError, ValueError),
        Live(
            get_renderable=picture, console=console, refresh_per_second=OFTEN, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        ),
    ):  # fmt: skip
        over.wait()
