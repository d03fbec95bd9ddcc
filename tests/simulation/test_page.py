"""The sessions of docs/simulate.md, held again. `pytest --update-golden` writes what is said into the page."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "simulate.md"
SESSION = re.compile(r"<!-- session: wdfmc (?P<command>[^\n]*) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)
LIBRARY_LINE = re.compile(r"(\w+\.wdf(?:spec)?):\d+")  # lines of the library move, those of a model do not


def held(command: str, shown: str) -> str:
    """What the command prints when it is told the lines that follow a prompt."""
    typed = "".join(f"{line}\n" for line in re.findall(r"^> (.*)$", shown, re.MULTILINE))
    done = subprocess.run(
        [sys.executable, "-m", "wdfmc", *shlex.split(command)],
        input=typed, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode in (0, 1)
    return done.stdout.removesuffix("> \n")


NUMBER = len(SESSION.findall(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("at", range(NUMBER))
def test_session(at: int, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = list(SESSION.finditer(page))[at]
    text = held(shown["command"], shown["text"])
    if request.config.getoption("--update-golden"):
        start, end = shown.span("text")
        PAGE.write_text(page[:start] + text + page[end:], encoding="utf-8", newline="\n")
        return
    assert LIBRARY_LINE.sub(r"\1", shown["text"]) == LIBRARY_LINE.sub(r"\1", text)
