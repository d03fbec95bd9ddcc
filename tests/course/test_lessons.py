"""Which lessons there are, and what a student gets of one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from wdfmc.course import JOB, RULES, Lesson, Progress, digest, lessons, named, progress
from wdfmc.language.format import formatted
from wdfmc.language.reading import read

ROOT = Path(__file__).parents[2]


def test_numbers_count_up() -> None:
    assert [lesson.number for lesson in lessons()] == list(range(1, len(lessons()) + 1))
    assert len({lesson.name for lesson in lessons()}) == len(lessons())


def test_installed_package_has_the_lessons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["docs/course"] == "wdfmc/course/lessons"


@pytest.mark.parametrize("words", ["2", "02", "unmark", "UNMARK", "02-unmark", "02-unmark/"])
def test_lesson_has_a_number_and_a_name(words: str) -> None:
    found = named(words)
    assert found is not None and found.name == "unmark"


def test_unknown_lesson() -> None:
    assert named("nothing") is None


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_student_gets_neither_the_repaired_file_nor_the_hints(lesson: Lesson) -> None:
    given = {path.name for path in lesson.given}
    assert {"README.md", lesson.answer} < given
    assert not {lesson.repaired.name, "lesson.toml"} & given
    assert lesson.about_a_rule or {RULES, JOB} < given


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_driver_fits_on_a_screen(lesson: Lesson) -> None:
    lines = (lesson.folder / lesson.answer).read_text(encoding="utf-8").count("\n")
    assert lines <= 60
    assert lesson.about_a_rule or lines >= 20
    assert len(lesson.hints) >= 2 and lesson.idea.endswith(".")


TEXTS = sorted(path for lesson in lessons() for path in lesson.folder.glob("*.wdf*"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_texts_are_in_the_standard_form(path: Path) -> None:
    source = read(path)
    assert formatted(source) == source.text


def test_progress(tmp_path: Path) -> None:
    lesson = lessons()[0]
    assert progress(lesson, tmp_path) is Progress.NEW
    folder = tmp_path / lesson.directory
    folder.mkdir()
    answer = folder / lesson.answer
    answer.write_text("one", encoding="utf-8")
    assert progress(lesson, tmp_path) is Progress.STARTED
    (folder / ".solved").write_text(digest(answer), encoding="utf-8")
    assert progress(lesson, tmp_path) is Progress.SOLVED
    answer.write_text("two", encoding="utf-8")
    assert progress(lesson, tmp_path) is Progress.CHANGED
