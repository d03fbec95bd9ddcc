"""`wdfmc new`: every model that it writes is right by all rules, and in the standard form."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wdfmc.checking import Options, check_models
from wdfmc.cli import main
from wdfmc.commands import new
from wdfmc.language.format import formatted
from wdfmc.skeleton import KINDS, Wishes, skeleton
from wdfmc.source import Source
from wdfmc.verdict import Word

ROOT = Path(__file__).parents[1]
COMBINATIONS = [
    (kind, Wishes("Mine", sequential, power))
    for kind, way in KINDS.items()
    for sequential in ((True, False) if way.parallel else (True,))
    for power in ((True, False) if way.sleeps else (False,))
]


def said(kind: str, wishes: Wishes) -> str:
    return f"{kind} {'sequential' if wishes.sequential else 'parallel'}{' power' if wishes.power else ''}"


@pytest.mark.parametrize(("kind", "wishes"), COMBINATIONS, ids=[said(*each) for each in COMBINATIONS])
def test_every_rule_holds(kind: str, wishes: Wishes) -> None:
    text = skeleton(kind, wishes)
    options = Options(engine="explicit", widening=0)
    report = check_models([Source("mine.wdf", text)], options, lambda path, result: None)
    assert report.diagnostics == ()
    assert report.exit == 0
    (model,) = report.models
    assert model.driver == "Mine"
    for result in model.results:
        assert result.verdict in (Word.PROVED, Word.VACUOUS, Word.SKIPPED), result.rule
        assert result.verdict is Word.PROVED or result.reason, result.rule
        assert result.under == ()
    assert sum(result.expectation == "met" for result in model.results) >= 3


@pytest.mark.parametrize(("kind", "wishes"), COMBINATIONS, ids=[said(*each) for each in COMBINATIONS])
def test_text_is_in_the_standard_form_and_not_too_wide(kind: str, wishes: Wishes) -> None:
    text = skeleton(kind, wishes)
    assert formatted(Source("mine.wdf", text)) == text
    assert max(map(len, text.splitlines())) <= 120
    assert "//" in text


def test_kinds_of_the_command_line_are_those_that_there_are() -> None:
    assert set(new.KINDS) == set(KINDS)
    for kind, way in KINDS.items():
        assert f"{kind:<8} {way.words}" in " ".join((new.command.help or "").split("\n")), kind


def test_file_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my_first-driver.wdf"
    assert main(["new", str(path), "--kind", "filter", "--sequential"]) == 0
    text = path.read_text(encoding="utf-8")
    assert "driver MyFirstDriver {" in text
    assert "sequential, front" in text
    assert "wdfmc check" in capsys.readouterr().out
    assert main(["new", str(path), "--kind", "pending"]) == 2
    assert "WDF916" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == text


def test_page_says_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "new.md").read_text(encoding="utf-8")
    found = re.search(r"```text\n\$ wdfmc (?P<command>[^\n]*)\n(?P<text>.*?)```", page, re.DOTALL)
    assert found
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(found["command"])) == 0
    assert capsys.readouterr().out == found["text"]
    for kind, way in KINDS.items():
        assert f"| `{kind}` | {way.words} |" in page


def test_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "-", "--kind", "split", "--name", "Big"]) == 0
    assert capsys.readouterr().out == skeleton("split", Wishes("Big", sequential=True))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["x.wdf"], "WDF901"),
        (["x.c", "--kind", "filter"], "WDF901"),
        (["x.wdf", "--kind", "flter"], "WDF901"),
        (["x.wdf", "--kind", "filter", "--name", "4x"], "WDF901"),
        (["x.wdf", "--kind", "filter", "--power"], "WDF905"),
        (["x.wdf", "--kind", "split", "--parallel"], "WDF905"),
        (["no/such/directory/x.wdf", "--kind", "filter"], "WDF906"),
    ],
)
def test_wrong_command_lines(
    arguments: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", *arguments]) == 2
    assert code in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stem", "name"), [("a", "A"), ("read_write", "ReadWrite"), ("9lives", "Driver9lives"), ("é", "Driver")]
)
def test_name_of_the_driver(stem: str, name: str) -> None:
    assert new.driver_name(stem) == name


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo terminal")
def test_questions_at_a_terminal(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable, ["-m", "wdfmc", "new", "q.wdf"], cwd=str(tmp_path), encoding="utf-8", timeout=60
    )
    child.expect("reads wait for a DPC")
    child.expect("kind .pending.: ")
    child.sendline("nothing")
    child.expect("kind .pending.: ")
    child.sendline("pending")
    child.expect("at the same time.*: ")
    child.sendline("n")
    child.expect("sleep.*: ")
    child.sendline("y")
    child.expect("driver Q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (tmp_path / "q.wdf").read_text(encoding="utf-8") == skeleton("pending", Wishes("Q", True, True))


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wdfmc", "new", "q.wdf"]
    done = subprocess.run(
        command, input="pending\n", capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "--kind pending" in done.stderr
