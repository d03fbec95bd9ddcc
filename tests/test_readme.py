"""The README says what is true: its commands run, its paths exist, its outputs are those of the tool.

`pytest --update-golden` writes the table of what is modelled and the trace into it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdfmc.cli import COMMANDS
from wdfmc.library import Entry, entries

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
OUTPUT = re.compile(
    r"<!-- (?P<kind>trace|picture): (?P<model>\S+) (?P<rule>\S+) -->\n```\w+\n(?P<text>.*?)```\n", re.DOTALL
)
MINIMAL = re.compile(r"<!-- minimal: (?P<model>\S+) (?P<rule>\S+) -->\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)
COVERAGE = re.compile(r"<!-- coverage: (?P<model>\S+) -->\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)
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


def printed(kind: str, model: str, rule: str) -> str:
    """How the tool shows the violation of a rule, as text or as a diagram."""
    form = {"trace": "text", "picture": "mermaid"}[kind]
    done = wdfmc("check", model, "--rule", rule, "--format", form)
    assert done.returncode in (0, 1), done.stderr
    if kind == "trace":
        found = re.search(
            rf"^{rule}: violated .*?\n    owners at the end: .*?\n", done.stdout, re.DOTALL | re.MULTILINE
        )
    else:
        section = done.stdout.partition(f"### {rule}\n")[2] or done.stdout
        found = re.search(r"(?<=```mermaid\n).*?(?=```)", section, re.DOTALL)
    assert found, done.stdout
    return found[0]


@pytest.mark.parametrize("kind", ["trace", "picture"])
def test_trace_is_what_the_tool_prints(kind: str, request: pytest.FixtureRequest) -> None:
    (shown,) = (found for found in OUTPUT.finditer(readme()) if found["kind"] == kind)
    text = printed(kind, shown["model"], shown["rule"])
    if request.config.getoption("--update-golden"):
        start, end = shown.span("text")
        README.write_text(readme()[:start] + text + readme()[end:], encoding="utf-8", newline="\n")
    (shown,) = (found for found in OUTPUT.finditer(readme()) if found["kind"] == kind)
    assert without_library_lines(shown["text"]) == without_library_lines(text)


def test_coverage_is_what_the_tool_prints(request: pytest.FixtureRequest) -> None:
    (shown,) = COVERAGE.finditer(readme())
    done = wdfmc("check", shown["model"], "--coverage")
    found = re.search(r"^what can run, .*?\n(?=\n)", done.stdout, re.DOTALL | re.MULTILINE)
    assert found, done.stdout
    if request.config.getoption("--update-golden"):
        start, end = shown.span("text")
        README.write_text(readme()[:start] + found[0] + readme()[end:], encoding="utf-8", newline="\n")
    (shown,) = COVERAGE.finditer(readme())
    assert shown["text"] == found[0]


INVARIANT = re.compile(r"<!-- invariant: (?P<model>\S+) (?P<rule>\S+) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)
CERTIFIED = re.compile(r"<!-- certified: (?P<model>\S+) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)


def compared(pattern: re.Pattern[str], text: str, update: bool) -> None:
    """The README's example is this text; or write it there."""
    (shown,) = pattern.finditer(readme())
    if update:
        start, end = shown.span("text")
        README.write_text(readme()[:start] + text + readme()[end:], encoding="utf-8", newline="\n")
    (shown,) = pattern.finditer(readme())
    assert without_library_lines(shown["text"]) == without_library_lines(text)


def test_invariant_is_what_the_tool_prints(request: pytest.FixtureRequest) -> None:
    (shown,) = INVARIANT.finditer(readme())
    done = wdfmc("check", shown["model"], "--show-invariant")
    groups = re.findall(r"^why .*?\n(?=\n)", done.stdout, re.DOTALL | re.MULTILINE)
    (text,) = (group for group in groups if re.search(rf"\b{shown['rule']}\b", group))
    assert "never: " in text
    compared(INVARIANT, text, request.config.getoption("--update-golden"))


def test_certificate_is_what_the_tool_prints(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (shown,) = CERTIFIED.finditer(readme())
    path = str(tmp_path / "certificate.json")
    rules = ["--rule", "no-double-complete", "--rule", "request-eventually-completed"]
    assert wdfmc("check", shown["model"], *rules, "--save-certificate", path).returncode == 0
    done = wdfmc("certify", path, shown["model"])
    assert done.returncode == 0
    compared(CERTIFIED, done.stdout, request.config.getoption("--update-golden"))


def test_needed_assumptions_are_what_the_tool_prints(request: pytest.FixtureRequest) -> None:
    (shown,) = MINIMAL.finditer(readme())
    done = wdfmc("check", shown["model"], "--rule", shown["rule"], "--minimal-assumptions")
    found = re.search(r"^what \S+ needs\n.*?\n(?=\n)", done.stdout, re.DOTALL | re.MULTILINE)
    assert found, done.stdout
    if request.config.getoption("--update-golden"):
        start, end = shown.span("text")
        README.write_text(readme()[:start] + found[0] + readme()[end:], encoding="utf-8", newline="\n")
    (shown,) = MINIMAL.finditer(readme())
    assert shown["text"] == found[0]


def without_library_lines(text: str) -> str:
    """An edit of the library moves its lines; no need to renew the README for that."""
    return re.sub(r"(\.wdf(?:spec)?):\d+:", r"\1:", re.sub(r" +", "", text))


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
