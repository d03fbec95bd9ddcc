"""What the pages of the documentation show as output of a command is what the command prints.

A comment `<!-- output CODE: wdfmc ARGUMENTS -->` stands before such a block. A line `...` in it stands for any number
of lines. `pytest --update-golden` writes the blocks that have none.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHOWN = re.compile(
    r"^<!-- output (?P<code>\d+): wdfmc (?P<arguments>.*?) -->\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PAGES = sorted((ROOT / "docs").glob("*.md"))


def shown() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for block in SHOWN.finditer(page.read_text(encoding="utf-8")):
            yield page, block["arguments"]


def block_of(page: Path, arguments: str) -> re.Match[str]:
    text = page.read_text(encoding="utf-8")
    return next(block for block in SHOWN.finditer(text) if block["arguments"] == arguments)


def steady(text: str) -> str:
    """Without what differs from run to run: seconds, and lines of the library, which any edit of it moves."""
    text = re.sub(r'time="[\d.]+"', 'time=""', text)
    text = re.sub(r"(\.wdf(?:spec)?):\d+", r"\1", text)
    return re.sub(r"(engines?: |\d+ (?:states|lemmas)).*", "", text)


def shows(text: str, output: str) -> bool:
    """Whether the output is the text with something in the place of each line `...`."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", steady(text), flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), steady(output)) is not None


CASES = list(shown())


def test_there_are_pages() -> None:
    assert {page.name for page, _ in CASES} >= {"formats.md"}


@pytest.mark.parametrize(("page", "arguments"), CASES, ids=[f"{page.stem}-{at}" for at, (page, _) in enumerate(CASES)])
def test_output_is_what_the_tool_prints(page: Path, arguments: str, request: pytest.FixtureRequest) -> None:
    block = block_of(page, arguments)
    command = [sys.executable, "-m", "wdfmc", *shlex.split(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False)
    assert done.returncode == int(block["code"]), done.stderr
    if request.config.getoption("--update-golden") and "\n...\n" not in "\n" + block["text"]:
        start, end = block.span("text")
        text = page.read_text(encoding="utf-8")
        page.write_text(text[:start] + done.stdout + text[end:], encoding="utf-8", newline="\n")
        block = block_of(page, arguments)
    assert shows(block["text"], done.stdout), done.stdout
