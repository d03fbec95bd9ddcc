"""What the pages of the documentation show of commands: each is run in this process, and compared with what it prints.

A page shows a command and what it prints in a block of its own:

    <!-- from "no-double-complete: violated" to "owners at the end" -->
    ```console
    $ wdfmc check driver.wdf --rule no-double-complete
    no-double-complete: violated in 9 steps
    ...
    ```

The comment says from which line to which, by their beginnings; without it all is shown. The commands of a page run one
after the other in a copy of its folder. `pytest --update-golden` writes what they print into the page.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wdfmc.cli import main

BLOCK = re.compile(
    r'(?:^<!-- from "(?P<first>[^"\n]+)"(?: to "(?P<last>[^"\n]+)")? -->\n)?'
    r"^```console\n\$ (?P<command>[^\n]+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """`span`: of `text` in the page."""

    command: str
    first: str | None
    last: str | None
    text: str
    span: tuple[int, int]


def blocks(page: str) -> Iterator[Block]:
    for found in BLOCK.finditer(page):
        yield Block(found["command"], found["first"], found["last"], found["text"], found.span("text"))


def compare(page: Path, capsys: pytest.CaptureFixture[str], update: bool) -> None:
    """Run the commands of a page in the current directory, and compare what they print with what it shows."""
    shown = page.read_text(encoding="utf-8")
    assert len(list(blocks(shown))) == shown.count("$ wdfmc"), "a block of another shape is not compared"
    for at, _ in enumerate(list(blocks(shown))):
        written = page.read_text(encoding="utf-8")
        block = list(blocks(written))[at]
        printed = excerpt(run(block.command, capsys), block)
        if update and steady(printed) != steady(block.text):
            start, end = block.span
            page.write_text(written[:start] + printed + written[end:], encoding="utf-8", newline="\n")
            continue
        assert steady(printed) == steady(block.text), f"{page}: {block.command}"


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """All that a command prints. A check starts no process: the page shows what does not depend on that."""
    program, *words = shlex.split(command)
    assert program == "wdfmc", command
    capsys.readouterr()
    code = main([*words, "--jobs", "1"] if words[:1] == ["check"] else words)
    assert code in (0, 1, 2, 3), command
    printed = capsys.readouterr()
    return printed.out + printed.err


def excerpt(text: str, block: Block) -> str:
    """The lines of an output that a block shows."""
    lines = text.rstrip("\n").splitlines()
    start, end = 0, len(lines)
    if block.first is not None:
        start = where(lines, block.first, 0, text)
        end = next((at for at in range(start, end) if not lines[at]), end)
    if block.last is not None:
        end = where(lines, block.last, start, text) + 1
    return "".join(line + "\n" for line in lines[start:end])


def where(lines: list[str], beginning: str, start: int, text: str) -> int:
    found = [at for at in range(start, len(lines)) if lines[at].strip().startswith(beginning)]
    assert found, f"no line begins with {beginning!r} in\n{text}"
    return found[0]


def steady(text: str) -> str:
    """Without what differs from run to run: seconds, the width of columns, and lines of the library, which move."""
    return re.sub(r"(\.wdf(?:spec)?):\d+:", r"\1:", re.sub(r"\d+\.\d\b", "", re.sub(r" +", " ", text)))


@pytest.fixture
def folder_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """A copy of the folder of a page, which becomes the current directory."""

    def copied(page: Path) -> Path:
        shutil.copytree(page.parent, tmp_path / page.parent.name)
        monkeypatch.chdir(tmp_path / page.parent.name)
        return tmp_path / page.parent.name

    return copied
