"""The pages of the course: what they show is what the commands print, and they say what the lessons are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shown import compare, folder_of

COURSE = Path(__file__).parents[2] / "docs" / "course"
PAGES = [*sorted(COURSE.glob("*/README.md"))]

__all__ = ["folder_of"]


@pytest.mark.parametrize("page", PAGES, ids=[page.parent.name for page in PAGES])
def test_page_shows_what_is_printed(
    page: Path,
    folder_of: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    folder_of(page)
    compare(page, capsys, request.config.getoption("--update-golden"))
