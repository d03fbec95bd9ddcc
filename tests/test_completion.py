"""What shells complete, asked as they ask; and bash, zsh and fish themselves where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from wdfmc.cli import COMMANDS, SHELL_ASKS, commands, main
from wdfmc.commands import completion as command
from wdfmc.completion import RULE, SHELLS, VARIABLE, script
from wdfmc.library import rules, sources

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """A folder with `wdfmc` in it, as an installation has one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "wdfmc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wdfmc "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


def environment(bin: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(bin)}


def asked(line: str, shell: str = "bash", folder: Path = ROOT) -> list[str]:
    """The answer to a line whose last word is to be completed."""
    words = line.split(" ")
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), SHELL_ASKS: f"{shell}_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "wdfmc"], env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, cwd=folder,
        capture_output=True, text=True, encoding="utf-8", check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.strip().splitlines()


def test_shells_of_the_command_are_those_that_are_answered() -> None:
    assert set(command.SHELLS) == set(SHELLS)
    assert VARIABLE == SHELL_ASKS


@pytest.mark.parametrize("shell", SHELLS)
def test_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    shown = capsys.readouterr().out
    assert shown == script(shell, commands)
    assert VARIABLE in shown
    assert "wdfmc" in shown
    page = (ROOT / "docs" / "completion.md").read_text(encoding="utf-8")
    assert f"wdfmc completion {shell}" in page


def test_bash_shows_directories_beside_models() -> None:
    assert "plusdirs" in script("bash", commands), "click has another script than it had"


def test_rules_that_are_found_are_those_that_there_are() -> None:
    found = {name for source in sources() if source.name.endswith(".wdfspec") for name in RULE.findall(source.text)}
    assert found == {rule.name for rule in rules()}


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("wdfmc ", {f"plain,{name}" for name in COMMANDS}),
        ("wdfmc sim", {"plain,simulate"}),
        ("wdfmc check --sho", {"plain,--show-invariant"}),
        ("wdfmc check --engine ", {"plain,bmc", "plain,ic3"}),
        ("wdfmc check --rule no-double", {"plain,no-double-complete"}),
        ("wdfmc check models/seeds/stack", {"dir,models/seeds/stack", "plain,models/seeds/stacked_lower_keeps.wdf"}),
        ("wdfmc check a.wdf models/canc", {"dir,models/canc"}),
        ("wdfmc simulate models/seeds/stacked.", {"plain,models/seeds/stacked.wdf"}),
        ("wdfmc simulate x.wdf --from-trace ru", {"file,ru"}),
        ("wdfmc rules no-double", {"plain,no-double-complete"}),
        ("wdfmc explain WdfRequestUnm", {"plain,WdfRequestUnmarkCancelable"}),
        ("wdfmc explain WDF91", {"plain,WDF910"}),
        ("wdfmc completion po", {"plain,powershell"}),
        ("wdfmc fmt wdfmc/library/rules/own", {"plain,wdfmc/library/rules/own.wdfspec"}),
    ],
)  # fmt: skip
def test_answers(line: str, some: set[str]) -> None:
    assert some <= set(asked(line))


def test_only_models_are_offered_where_models_are_needed(tmp_path: Path) -> None:
    for name in ("a.wdf", "b.txt", "c.wdfspec", ".hidden.wdf"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert asked("wdfmc check ", folder=tmp_path) == ["dir,", "plain,a.wdf"]
    assert asked("wdfmc check a.wdf --spec ", folder=tmp_path) == ["dir,", "plain,c.wdfspec"]
    assert asked("wdfmc check nowhere/", folder=tmp_path) == ["dir,nowhere/"]


def test_rules_of_a_model_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "own.wdf").write_text("rule my-own-rule(r: request) ...", encoding="utf-8")
    assert asked("wdfmc check own.wdf --rule my-", folder=tmp_path) == ["plain,my-own-rule"]
    assert asked("wdfmc check --rule my-", folder=tmp_path) == []


@pytest.mark.parametrize("line", ["wdfmc chekc ", "wdfmc check --nothing ", "wdfmc check --engine nothing "])
def test_what_is_wrong_in_a_line_is_no_error(line: str) -> None:
    asked(line)


def test_powershell_gets_three_lines_each_and_keeps_backslashes(tmp_path: Path) -> None:
    lines = asked("wdfmc check --engine ", "powershell")
    assert len(lines) % 3 == 0
    assert lines[:3] == ["plain", "auto", "_"]
    (tmp_path / "models").mkdir()
    (tmp_path / "m.wdf").write_text("", encoding="utf-8")
    assert asked("wdfmc check m", "powershell", tmp_path) == ["plain", f"models{os.sep}", "_", "plain", "m.wdf", "_"]
    (tmp_path / "a\\b.wdf").write_text("", encoding="utf-8")
    expected = [] if sys.platform == "win32" else ["plain", "a\\b.wdf", "_"]
    assert asked("wdfmc check a\\", "powershell", tmp_path) == expected


def test_a_command_line_loads_nothing_of_this() -> None:
    code = "import sys; from wdfmc.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "wdfmc.completion" not in done.stdout.split()


def test_every_parameter_that_is_a_model_is_completed() -> None:
    """A new command that names its argument otherwise is noticed here."""
    from wdfmc.completion import suggestion

    context = click.Context(commands)
    for name in COMMANDS:
        found = commands.get_command(context, name)
        assert found is not None
        for parameter in found.params:
            if (parameter.metavar or "").startswith("MODEL") or "--rule" in parameter.opts:
                assert suggestion(found, parameter) is not None, (name, parameter.name)


def run_in(shell: str, text: str, bin: Path, folder: Path) -> str:
    done = subprocess.run(
        [shell, "-c", text], env=environment(bin), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("wdfmc simu", ["simulate"]),
        ("wdfmc check --rule no-double-c", ["no-double-complete"]),
        ("wdfmc check models/seeds/stacked.", ["models/seeds/stacked.wdf"]),
    ],
)
def test_bash_itself(words: str, found: list[str], bin: Path) -> None:
    """The function that the script defines, called as bash calls it when Tab is pressed."""
    text = f"""
        eval "$(wdfmc completion bash)"
        compopt() {{ :; }}  # there is no line that is being edited
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _wdfmc_completion wdfmc
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert run_in("bash", text, bin, ROOT).split() == found


@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="bash is not installed")
def test_bash_at_a_terminal(bin: Path, tmp_path: Path) -> None:
    """Tab is pressed."""
    pexpect = pytest.importorskip("pexpect")
    folder = tmp_path / "work"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "only.wdf").write_text("", encoding="utf-8")
    child = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env={**environment(bin), "PS1": "ready> ", "TERM": "dumb"},
        cwd=str(folder), encoding="utf-8", timeout=30,
    )  # fmt: skip
    child.expect("ready> ")
    child.sendline('eval "$(wdfmc completion bash)"')
    child.expect("ready> ")
    child.send("wdfmc che\t")
    child.expect("wdfmc check ")
    child.send("mod\t")
    child.expect("models/")
    child.send("on\t")
    child.expect(r"only\.wdf ")
    child.send("--rule no-double-c\t")
    child.expect("--rule no-double-complete")
    child.close(force=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_itself(bin: Path) -> None:
    text = "wdfmc completion fish | source; complete -C 'wdfmc check --rule no-double-c'; complete -C 'wdfmc simu'"
    lines = run_in("fish", text, bin, ROOT).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["no-double-complete", "simulate"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_at_a_terminal(bin: Path, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        "zsh", ["-f", "-i"], env={**environment(bin), "PS1": "ready> ", "TERM": "dumb"}, cwd=str(ROOT),
        encoding="utf-8", timeout=30,
    )  # fmt: skip
    child.expect("ready> ")
    child.sendline('autoload -U compinit; compinit -D -u; eval "$(wdfmc completion zsh)"; echo done')
    child.expect("\ndone")
    child.expect("ready> ")
    child.send("wdfmc check --rule no-double-c\t")
    child.expect("no-double-complete")
    child.close(force=True)


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
def test_powershell_itself(bin: Path) -> None:
    text = (
        "wdfmc completion powershell | Out-String | Invoke-Expression;"
        "$line = 'wdfmc check --rule no-double-c';"
        "(TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object { $_.CompletionText }"
    )
    done = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", text], env=environment(bin), cwd=ROOT, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    assert re.findall(r"\S+", done.stdout) == ["no-double-complete"]
