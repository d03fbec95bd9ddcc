"""What is kept between runs: the same values, and never a wrong one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wdfmc import cache, library
from wdfmc.cache import MOST, remembered
from wdfmc.language.parse import parse
from wdfmc.language.tables import automaton_of_grammar


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def never() -> list[int]:
    raise AssertionError("it was made again")


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_value_is_made_once(folder: Path) -> None:
    assert remembered("value", [b"one"], lambda: [1]) == [1]
    assert remembered("value", [b"one"], never) == [1]
    assert len(files_in(folder)) == 1


def test_another_origin_is_another_value() -> None:
    assert remembered("value", [b"one", b"two"], lambda: [1]) == [1]
    assert remembered("value", [b"onetwo"], lambda: [2]) == [2]
    assert remembered("value", [b"onet", b"wo"], lambda: [3]) == [3]
    assert remembered("other", [b"one", b"two"], lambda: [4]) == [4]


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_file_is_not_believed(folder: Path, place: int) -> None:
    remembered("value", [b"one"], lambda: [1])
    (path,) = files_in(folder)
    packed = bytearray(path.read_bytes())
    packed[place] ^= 1
    path.write_bytes(bytes(packed))
    assert remembered("value", [b"one"], lambda: [2]) == [2]
    assert remembered("value", [b"one"], never) == [2]


def test_half_a_file_is_not_believed(folder: Path) -> None:
    remembered("value", [b"one"], lambda: [1])
    (path,) = files_in(folder)
    path.write_bytes(path.read_bytes()[:-3])
    assert remembered("value", [b"one"], lambda: [2]) == [2]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no owner that can be asked for")
def test_what_another_user_has_written_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered("value", [b"one"], lambda: [1])
    monkeypatch.setattr(cache.os, "geteuid", lambda: -1)
    assert remembered("value", [b"one"], lambda: [2]) == [2]


def test_no_folder_is_needed(folder: Path) -> None:
    folder.write_text("a file is in its place", encoding="utf-8")
    assert remembered("value", [b"one"], lambda: [1]) == [1]
    assert remembered("value", [b"one"], lambda: [2]) == [2]


def test_old_files_go(folder: Path) -> None:
    for number in range(MOST + 3):
        remembered("value", [bytes([number])], lambda number=number: [number])
    assert len(files_in(folder)) == MOST


def test_an_exception_is_not_kept(folder: Path) -> None:
    with pytest.raises(AssertionError):
        remembered("value", [b"one"], never)
    assert not folder.exists()


def test_the_library_and_the_tables_are_read_as_they_were_made() -> None:
    library.texts.cache_clear()
    made = library.texts()
    library.texts.cache_clear()
    assert library.texts() == made == tuple(map(parse, library.sources()))
    tables = automaton_of_grammar()
    assert remembered("tables", [b""], lambda: tables) == remembered("tables", [b""], lambda: None) == tables
