"""The pages of the course: what they show is what the commands print, and the index names all lessons."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shown import compare, folder_of
from wdfmc.course import Lesson, lessons

COURSE = Path(__file__).parents[2] / "docs" / "course"
INDEX = COURSE / "README.md"
PAGES = [INDEX, *(lesson.folder / "README.md" for lesson in lessons())]

__all__ = ["folder_of"]  # a fixture


@pytest.mark.parametrize("page", PAGES, ids=[page.parent.name for page in PAGES])
def test_page_shows_what_is_printed(
    page: Path,
    folder_of: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    folder_of(page)
    compare(page, capsys, request.config.getoption("--update-golden"))


def test_index_names_every_lesson() -> None:
    rows = re.findall(r"^\| \[(\d+)\. ([^\]]+)\]\(([^)]+)\)", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(str(one.number), one.title, f"{one.directory}/README.md") for one in lessons()]


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_page_has_all_parts(lesson: Lesson) -> None:
    text = (lesson.folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {lesson.number}. {lesson.title}\n")
    parts = re.findall(r"^## (.*)$", text, re.MULTILINE)
    wanted = ["Run it", "The words", "The question", "Repair it", "Exercise 1", "Exercise 2", "To read"]
    assert parts == wanted
    assert text.count("<details>") == text.count("</details>") >= 3, "answers are folded"
    assert "https://learn.microsoft.com/windows-hardware/drivers/" in text


@pytest.mark.parametrize("page", PAGES, ids=[page.parent.name for page in PAGES])
def test_links_lead_to_files_of_the_folder(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)\)", prose)
    assert [link for link in links if not (page.parent / link).is_file()] == []
    if page != INDEX:
        assert [link for link in links if "/" in link] == [], "a student gets this folder alone"
