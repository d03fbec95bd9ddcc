"""The README says what is true: its commands run, its paths exist, its outputs are those of the tool.

`pytest --update-golden` writes the table of what is modelled and the trace into it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shown import compare
from wdfmc.cli import COMMANDS
from wdfmc.library import Entry, entries

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURE = re.compile(r"<!-- picture: (?P<model>\S+) (?P<rule>\S+) -->\n```mermaid\n(?P<text>.*?)```\n", re.DOTALL)
TABLE = re.compile(r"<!-- modelled -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)


def readme() -> str:
    return README.read_text(encoding="utf-8")


def wdfmc(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wdfmc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False)


def first_command() -> list[str]:
    """The words after `wdfmc` in the first command."""
    line = next(line for line in readme().splitlines() if line.startswith("python3 -m venv"))
    words = shlex.split(line)
    return words[words.index(".venv/bin/wdfmc") + 1 :]


def test_first_command_checks_a_shipped_model() -> None:
    done = wdfmc(*first_command())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proved" in done.stdout


def test_second_command_installs_what_the_tests_need_and_runs_them() -> None:
    lines = [line for line in readme().splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    assert lines[1].endswith("-m pytest -q -n auto --dist loadfile")
    extra = re.search(r'-e "\.\[(\w+)\]"', lines[1])
    assert extra
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf"^{extra[1]} = \[", project, re.MULTILINE)


def test_windows_form_is_the_same_with_other_paths() -> None:
    unix = [line for line in readme().splitlines() if line.startswith("python3 -m venv")]
    windows = [line for line in readme().splitlines() if line.startswith("py -m venv")]
    as_windows = [line.replace("python3 ", "py ", 1).replace(".venv/bin/", ".venv/Scripts/") for line in unix]
    assert [line.replace("\\", "/") for line in windows] == as_windows


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", readme()))))
def test_links_lead_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_commands_that_are_named_exist() -> None:
    named = set(re.findall(r"`wdfmc ([\w-]*\w)", readme()))
    assert named == set(COMMANDS)


def test_outputs_are_those_of_the_commands(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    compare(README, capsys, request.config.getoption("--update-golden"))


def test_picture_is_what_the_tool_draws(request: pytest.FixtureRequest) -> None:
    (shown,) = PICTURE.finditer(readme())
    done = wdfmc("check", shown["model"], "--rule", shown["rule"], "--format", "mermaid")
    found = re.search(r"(?<=```mermaid\n).*?(?=```)", done.stdout, re.DOTALL)
    assert found, done.stdout
    if request.config.getoption("--update-golden"):
        start, end = shown.span("text")
        README.write_text(readme()[:start] + found[0] + readme()[end:], encoding="utf-8", newline="\n")
    assert found[0] in readme()


def test_table_of_what_is_modelled_is_the_library(request: pytest.FixtureRequest) -> None:
    table = "".join(line + "\n" for line in modelled())
    found = TABLE.search(readme())
    assert found
    if request.config.getoption("--update-golden"):
        start, end = found.span("text")
        README.write_text(readme()[:start] + table + readme()[end:], encoding="utf-8", newline="\n")
    assert table in readme()


def modelled() -> Iterator[str]:
    """One row a text of the framework that a driver can call or be called by."""
    yield "| text | the driver calls | the framework calls | happens by itself |"
    yield "|---|---|---|---|"
    texts: dict[str, list[Entry]] = {}
    for entry in entries():
        texts.setdefault(entry.span.source.name, []).append(entry)
    for name, found in texts.items():
        columns = [
            ", ".join(f"`{entry.name}`" for entry in found if entry.kind in kinds)
            for kinds in (("DDI",), ("callback",), ("environment step", "thread of the framework"))
        ]
        if any(columns):
            yield f"| [{Path(name).stem}]({name}) | {' | '.join(columns)} |"
