"""`wdfmc learn` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from wdfmc.cli import main
from wdfmc.course import lessons

FIRST = lessons()[0]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(folder: Path) -> Path:
    assert main(["learn", "1"]) == 0
    return folder / FIRST.directory


def test_list_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[: len(lessons())]] == [[str(one.number), one.name] for one in lessons()]


def test_start_writes_what_a_student_gets(empty_folder: Path) -> None:
    folder = started(empty_folder)
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in FIRST.given]
    assert (folder / FIRST.answer).read_bytes() == (FIRST.folder / FIRST.answer).read_bytes()


def test_start_overwrites_nothing(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = started(empty_folder)
    (folder / FIRST.answer).write_text("my work", encoding="utf-8")
    assert main(["learn", "1"]) == 2
    assert "WDF952" in capsys.readouterr().err
    assert (folder / FIRST.answer).read_text(encoding="utf-8") == "my work"


def test_folder_of_ones_own(empty_folder: Path) -> None:
    assert main(["learn", "1", "--into", "deep/mine"]) == 0
    assert (empty_folder / "deep" / "mine" / "README.md").is_file()


def test_from_the_start_to_the_end(
    empty_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = started(empty_folder)
    capsys.readouterr()
    assert main(["learn", "owner", "--check"]) == 1
    said = capsys.readouterr().out
    assert "not yet" in said and "broken    no-double-complete" in said and "X violates" in said
    (folder / FIRST.answer).write_bytes(FIRST.repaired.read_bytes())
    monkeypatch.chdir(folder)
    assert main(["learn", "--check"]) == 0
    assert "solved" in capsys.readouterr().out
    assert main(["learn"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("solved")


def test_what_is_missing_is_shown(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = FIRST.repaired.read_text(encoding="utf-8").replace('maybe("the device has no room")', "false")
    (empty_folder / "mine.wdf").write_text(text, encoding="utf-8")
    assert main(["learn", "owner", "--check", "mine.wdf"]) == 1
    said = capsys.readouterr().out
    assert "missing   read-is-refused: A read for which the device has no room is refused." in said
    assert "the driver that you were given does it like this" in said
    assert "4    X 10: WdfRequestComplete(Request," in said


def test_hints_come_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "owner", "--hint"]) == 0
    assert capsys.readouterr().out.startswith(f"1 of {len(FIRST.hints)}: ")
    assert main(["learn", "owner", "--hint", "99"]) == 0
    assert capsys.readouterr().out.startswith(f"{len(FIRST.hints)} of {len(FIRST.hints)}: ")


def test_solution_is_the_repaired_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "owner", "--solution"]) == 0
    assert capsys.readouterr().out == FIRST.repaired.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["learn", "ovner"], "WDF951"),
        (["learn", "--hint"], "WDF901"),
        (["learn", "owner", "--hint", "--solution"], "WDF905"),
        (["learn", "owner", "--check", "nothing.wdf"], "WDF001"),
        (["learn", "owner", "--hint", "0"], "WDF901"),
    ],
)
def test_wrong_command_line(words: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert code in capsys.readouterr().err
