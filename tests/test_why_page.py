"""docs/why.md shows what the commands print. `pytest --update-golden` writes it anew."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from wdfmc.cli import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "why.md"
SHOWN = re.compile(r"(?P<head>```console\n\$ wdfmc (?P<command>[^\n]+)\n)(?P<output>.*?)```\n", re.DOTALL)
SECONDS = re.compile(r"\d+(\.\d+)? seconds")


def shown() -> list[tuple[str, str]]:
    """Each command line of the page, without `wdfmc`, and what stands under it."""
    return [(found["command"], found["output"]) for found in SHOWN.finditer(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("command", [command for command, _ in shown()])
def test_outputs_are_those_of_the_commands(
    command: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    main(shlex.split(command, posix=os.name != "nt"))
    printed = SECONDS.sub("... seconds", capsys.readouterr().out)
    if request.config.getoption("--update-golden"):
        page = PAGE.read_text(encoding="utf-8")
        head = f"```console\n$ wdfmc {command}\n"
        before, after = page.split(head)
        rest = after[after.index("```\n") :]
        PAGE.write_text(before + head + printed + rest, encoding="utf-8", newline="\n")
    assert dict(shown())[command] == printed
