"""Streams, files and exit codes of the commands."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wdfmc.diagnostics import Diagnostic, Rejected

if TYPE_CHECKING:
    from wdfmc.reports.page import Line, Look

DONE: Final = 0
WRONG: Final = 2  # the command line or a text
OPEN: Final = 3  # something stayed undecided
DEFECT: Final = 70
INTERRUPTED: Final = 130


def show(lines: Callable[[Look], Sequence[Line]]) -> int:
    from wdfmc.reports.page import look_of, write_lines

    with open_stdout():
        write_lines(lines(look_of(sys.stdout)), sys.stdout)
        sys.stdout.flush()
    return DONE


def deliver(file: Path | None, lines: Callable[[Look], Sequence[Line]], text: str | None = None) -> None:
    """To the file, or to stdout: the text, or without one the lines."""
    if text is not None:
        write(file, text)
    elif file is None:
        show(lines)
    else:
        from wdfmc.reports.page import PIPE, plain

        save(file, plain(lines(PIPE)))


def write(file: Path | None, text: str | bytes) -> None:
    """To the file, or to stdout."""
    if file is not None:
        save(file, text)
    elif isinstance(text, str):
        show_text(text)
    else:
        show_bytes(text)


def show_text(text: str) -> None:
    from wdfmc.reports.page import write_text

    with open_stdout():
        write_text(text, sys.stdout)
        sys.stdout.flush()


def show_bytes(packed: bytes) -> None:
    with open_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(packed)
        sys.stdout.flush()


@contextlib.contextmanager
def open_stdout() -> Iterator[None]:
    """Whoever reads stdout may stop reading (`| head`): that is no error, the rest is dropped."""
    try:
        yield
    except OSError as error:
        import errno

        if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
            raise
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


def complain(diagnostics: Sequence[Diagnostic]) -> None:
    from wdfmc.reports.page import look_of, write_lines
    from wdfmc.reports.snippet import diagnostic_lines

    with contextlib.suppress(OSError):
        write_lines(diagnostic_lines(diagnostics, look_of(sys.stderr)), sys.stderr)


def save(path: Path, text: str | bytes) -> None:
    """Raises Rejected: it cannot be written; then nothing was."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise Rejected([Diagnostic("WDF906", f"cannot write to `{path}`: {error.strerror or error}")]) from None


def write_whole(path: Path, text: str | bytes) -> None:
    """All of the text or, if anything fails, nothing."""
    packed = text.encode("utf-8") if isinstance(text, str) else text
    if path.exists() and not path.is_file():  # a device or a pipe
        path.write_bytes(packed)
        return
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(packed)
        if path.exists():
            part.chmod(path.stat().st_mode & 0o7777)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
