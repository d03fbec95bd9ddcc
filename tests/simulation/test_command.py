"""`wdfmc simulate`, as a command: at a terminal and from a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from wdfmc.cli import main
from wdfmc.reports.page import Line
from wdfmc.simulation.session import Session

ROOT = Path(__file__).parents[2]
NO_LOCK = "models/cancellation/pending_read_no_lock.wdf"


def simulate(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wdfmc", "simulate", *arguments]
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--seed", "3", NO_LOCK], "WDF905"),
        (["--steps", "3", NO_LOCK], "WDF905"),
        (["--at", "end", NO_LOCK], "WDF905"),
        (["--random", "--rule", "no-double-complete", NO_LOCK], "WDF905"),
        (["-"], "WDF905"),
        (["models/seeds"], "WDF901"),
        (["models/nothing.wdf"], "WDF001"),
        (["--rule", "no-double-compleet", NO_LOCK], "WDF208"),
        (["--from-trace", NO_LOCK, NO_LOCK], "WDF915"),
        (["--steps", "0", "--random", NO_LOCK], "WDF901"),
    ],
)
def test_wrong_command_lines(arguments: list[str], code: str) -> None:
    done = simulate(*arguments)
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr
    assert done.stdout == ""


def test_commands_from_a_pipe_without_a_last_line_end() -> None:
    done = simulate(NO_LOCK, typed="2\nnonsense\nback")
    assert done.returncode == 0
    assert "error[WDF913]" in done.stdout
    assert "1 step back" in done.stdout
    assert done.stderr == ""


def test_random_run_is_the_same_for_the_same_seed() -> None:
    one, other = (simulate("--random", "--seed", "5", "--steps", "9", NO_LOCK) for _ in range(2))
    assert one.stdout == other.stdout
    assert one.returncode == other.returncode == 0
    assert "\n  9  " in one.stdout


def test_random_run_and_the_numbers_of_choices_are_the_same_in_every_process() -> None:
    """The order of sets of texts differs from one process to another, and with it that of transitions."""
    model = "models/drivers/balloon_dpc.wdf"
    shown = set()
    for seed in ("0", "1", "2"):
        command = [sys.executable, "-m", "wdfmc", "simulate", "--random", "--seed", "1", "--steps", "40", model]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        shown.add(done.stdout)
    assert len(shown) == 1


def test_random_run_of_a_model_from_stdin() -> None:
    done = simulate("--random", "--seed", "1", "-", typed=(ROOT / NO_LOCK).read_text(encoding="utf-8"))
    assert "a run by chance, seed 1" in done.stdout


def test_random_run_that_breaks_a_rule_has_exit_code_1() -> None:
    done = simulate("--random", "--seed", "1", "--steps", "200", "models/seeds/forward_unmodified_completes_twice.wdf")
    assert done.returncode == 1
    assert "violates " in done.stdout


def test_rule_without_a_counterexample() -> None:
    done = simulate("--rule", "no-double-complete", "models/cancellation/pending_read.wdf")
    assert done.returncode == 2
    assert "there is no counterexample of no-double-complete: proved" in done.stderr


def test_trace_of_a_report_is_followed(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    rules = ["--rule", "no-access-after-ownership-loss", "--rule", "no-dangling-slot"]
    command = [sys.executable, "-m", "wdfmc", "check", NO_LOCK, *rules, "--format", "json", "--output", str(report)]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=300)
    several = simulate("--from-trace", str(report), NO_LOCK)
    assert several.returncode == 2
    assert "say which with `--rule`" in several.stderr
    done = simulate("--from-trace", str(report), "--rule", "no-dangling-slot", "--at", "end", NO_LOCK)
    assert "violates no-dangling-slot" in done.stdout
    other = simulate("--from-trace", str(report), "--rule", "no-dangling-slot", "models/cancellation/pending_read.wdf")
    assert other.returncode == 2
    assert "error[WDF915]: step 2 " in other.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo terminal")
def test_at_a_terminal() -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable, ["-m", "wdfmc", "simulate", NO_LOCK], cwd=str(ROOT), encoding="utf-8", timeout=60,
        dimensions=(40, 100),
    )  # fmt: skip
    child.expect("sender issues Reads")
    child.expect("> ")
    child.sendline("2")
    child.expect("r1: none . driver")
    child.expect("> ")
    child.sendline("back")
    child.expect("1 step back")
    child.expect("> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo terminal")
def test_interrupt_at_the_prompt_leaves() -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(sys.executable, ["-m", "wdfmc", "simulate", NO_LOCK], cwd=str(ROOT), timeout=60)
    child.expect("sender issues Reads")
    child.expect("> ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_interrupt_of_a_search_gives_it_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The session goes on."""
    answered = Session.say

    def interrupted(self: Session, text: str) -> list[Line]:
        if text.startswith("run"):
            raise KeyboardInterrupt
        return answered(self, text)

    monkeypatch.setattr(Session, "say", interrupted)
    monkeypatch.setattr("sys.stdin", StringIO("2\nrun no-double-complete\nback\n"))
    assert main(["simulate", str(ROOT / NO_LOCK)]) == 0
    printed = capsys.readouterr().out
    assert printed.index("> run") < printed.index("stopped") < printed.index("1 step back")
