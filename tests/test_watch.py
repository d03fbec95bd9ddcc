"""`wdfmc watch`, with files that are really saved."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_rechecks import RIGHT, TWICE, WRONG
from wdfmc.cli import main

ROOT = Path(__file__).parents[1]
LONG = 90.0  # seconds, on a machine that has other things to do


class Watching:
    """A process that watches, and what it has printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wdfmc", "watch", *arguments], cwd=folder, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, pattern: str) -> str:
        """What is printed up to a line with the pattern."""
        text, end = "", time.monotonic() + LONG
        while not re.search(pattern, text):
            with contextlib.suppress(queue.Empty):
                text += self.lines.get(timeout=0.2)
            assert time.monotonic() < end, f"no {pattern!r} in:\n{text}"
        return text


@contextlib.contextmanager
def watching(folder: Path, *arguments: str) -> Iterator[Watching]:
    found = Watching(folder, *arguments, "--rule", "no-double-complete")
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        found.reader.join()
        assert found.process.stdout is not None
        found.process.stdout.close()


def save_as_editors_do(path: Path, text: str) -> None:
    beside = path.with_name(path.name + "~")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def test_saves_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "reader.wdf"
    path.write_text(RIGHT, encoding="utf-8")
    with watching(tmp_path, "reader.wdf") as watch:
        assert "1 proved" in watch.until("watching 1 model; Ctrl-C leaves")
        path.write_text(TWICE, encoding="utf-8")
        assert "no-double-complete: proved, 2 requests -> violated" in watch.until("owners at the end")
        save_as_editors_do(path, WRONG)
        assert "did you mean `OnRead`" in watch.until("nothing was checked")
        save_as_editors_do(path, RIGHT)
        watch.until("-> proved, 2 requests")
        if sys.platform != "win32":
            watch.process.send_signal(signal.SIGINT)
            assert watch.process.wait(timeout=LONG) == 0


def test_new_model_in_a_folder_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "one.wdf").write_text(RIGHT, encoding="utf-8")
    with watching(tmp_path, ".") as watch:
        watch.until("watching 1 model")
        (tmp_path / "two.wdf").write_text(TWICE, encoding="utf-8")
        assert "two.wdf" in watch.until("owners at the end")
        (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
        (tmp_path / "one.wdf").write_text(TWICE, encoding="utf-8")
        assert "one.wdf" in watch.until("-> violated")


@pytest.mark.parametrize(("arguments", "code"), [(["-"], "WDF905"), (["nothing.wdf"], "WDF001"), ([], "WDF901")])
def test_wrong_command_lines(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", *arguments]) == 2
    assert code in capsys.readouterr().err
