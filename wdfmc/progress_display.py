"""Progress on standard error while a command runs: lines that are redrawn on a terminal, else one now and then."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from wdfmc.reports.page import harmless, write_text

if TYPE_CHECKING:
    from rich.text import Text

SHORT: Final = 1.0  # seconds: a run that ends sooner shows nothing
RARELY: Final = 10.0  # seconds between two lines in a pipe or a file
OFTEN: Final = 4  # times a second on a terminal


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


def written(lines: Callable[[], Sequence[str]], stream: TextIO, over: threading.Event, pause: float = RARELY) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        while not over.wait(pause):
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
