"""What `wdfmc watch` says when a model is saved: checks of what has changed, and what is new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.checking import Options
from wdfmc.rechecks import News, Rechecks
from wdfmc.reports.news import news_lines
from wdfmc.reports.page import PIPE, plain
from wdfmc.verdict import Word

PAGE = Path(__file__).parents[1] / "docs" / "watch.md"
LIBRARY_LINE = re.compile(r"(\w+\.wdf(?:spec)?):\d+")  # lines of the library move
RIGHT = """driver Reader {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) {
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""
TWICE = RIGHT.replace("STATUS_SUCCESS);", "STATUS_SUCCESS); WdfRequestComplete(Request, STATUS_SUCCESS);")
WRONG = RIGHT.replace("OnRead;", "OnRaed;")
RULES = ("no-double-complete", "no-access-after-ownership-loss")


@pytest.fixture
def rechecks() -> Rechecks:
    return Rechecks(Options(rules=RULES, engine="explicit", widening=0))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "reader.wdf"
    path.write_text(RIGHT, encoding="utf-8")
    return path


def seen(rechecks: Rechecks, *paths: Path) -> list[News]:
    return list(rechecks.look(paths))


def shown(news: News) -> str:
    return plain(news_lines(news, "12:00:00", PIPE)).replace("\\", "/")


def test_first_look_checks_and_a_second_one_does_not(rechecks: Rechecks, model: Path) -> None:
    (news,) = seen(rechecks, model)
    assert news.first
    assert news.report is not None
    assert "12:00:00  " in shown(news)
    assert "2 proved" in shown(news)
    assert seen(rechecks, model) == []
    model.write_text(RIGHT, encoding="utf-8")  # saved, but as it was
    assert seen(rechecks, model) == []


def test_verdict_that_changes_is_shown_with_a_trace(rechecks: Rechecks, model: Path) -> None:
    seen(rechecks, model)
    model.write_text(TWICE, encoding="utf-8")
    (news,) = seen(rechecks, model)
    change = next(change for change in news.changes if change.rule == "no-double-complete")
    assert change.before == "proved, 2 requests"
    assert change.after is not None
    assert change.after.startswith("violated in ")
    assert change.result is not None
    assert change.result.verdict is Word.VIOLATED
    text = shown(news)
    assert "no-double-complete: proved, 2 requests -> violated in " in text
    assert "violates no-double-complete: " in text
    model.write_text(RIGHT, encoding="utf-8")
    (back,) = seen(rechecks, model)
    assert "-> proved, 2 requests" in shown(back)
    assert "violates" not in shown(back)


def test_example_of_the_page(
    rechecks: Rechecks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """`pytest --update-golden` writes it there."""
    monkeypatch.chdir(tmp_path)
    model = Path("reader.wdf")
    model.write_text(RIGHT, encoding="utf-8")
    seen(rechecks, model)
    model.write_text(TWICE, encoding="utf-8")
    (news,) = seen(rechecks, model)
    text = shown(news).rstrip("\n") + "\n"
    page = PAGE.read_text(encoding="utf-8")
    block = re.search(r"(?<=```text\n).*?(?=```\n)", page, re.DOTALL)
    assert block
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page[: block.start()] + text + page[block.end() :], encoding="utf-8", newline="\n")
        return
    assert LIBRARY_LINE.sub(r"\1", block[0]) == LIBRARY_LINE.sub(r"\1", text)


def test_change_that_changes_nothing(rechecks: Rechecks, model: Path) -> None:
    seen(rechecks, model)
    model.write_text("// a comment\n" + RIGHT, encoding="utf-8")
    (news,) = seen(rechecks, model)
    assert news.changes == ()
    assert "no verdict changed" in shown(news)


def test_wrong_text_is_shown_and_the_right_one_is_compared_with_the_last_right_one(
    rechecks: Rechecks, model: Path
) -> None:
    seen(rechecks, model)
    model.write_text(WRONG, encoding="utf-8")
    (news,) = seen(rechecks, model)
    assert news.report is None
    assert len(news.new) == news.left == 2  # the name, and a callback that nothing calls
    assert "did you mean `OnRead`" in shown(news)
    assert "nothing was checked" in shown(news)
    model.write_text("\n" + WRONG, encoding="utf-8")  # the same mistake, a line further down
    (again,) = seen(rechecks, model)
    assert again.new == ()
    assert again.left == 2
    model.write_text(TWICE, encoding="utf-8")
    (right,) = seen(rechecks, model)
    assert right.gone == 2
    assert "2 diagnostics gone" in shown(right)
    assert {change.before for change in right.changes} == {"proved, 2 requests"}


def test_wrong_text_at_the_start(rechecks: Rechecks, model: Path) -> None:
    model.write_text(WRONG, encoding="utf-8")
    (news,) = seen(rechecks, model)
    assert news.first
    assert news.report is None
    model.write_text(RIGHT, encoding="utf-8")
    (right,) = seen(rechecks, model)
    assert right.changes == ()
    assert right.report is not None


def test_file_that_is_gone_for_a_moment(rechecks: Rechecks, model: Path) -> None:
    seen(rechecks, model)
    model.unlink()
    (gone,) = seen(rechecks, model)
    assert [each.code for each in gone.new] == ["WDF001"]
    model.write_text(RIGHT, encoding="utf-8")
    (back,) = seen(rechecks, model)
    assert back.changes == ()


def test_import_that_changes_checks_its_importers(rechecks: Rechecks, tmp_path: Path) -> None:
    part = tmp_path / "part.wdf"
    part.write_text("helper Finish(r: request) { WdfRequestComplete(r, STATUS_SUCCESS); }\n", encoding="utf-8")
    text = 'import "part.wdf";\n' + RIGHT.replace("WdfRequestComplete(Request, STATUS_SUCCESS)", "Finish(Request)")
    importer, other = tmp_path / "importer.wdf", tmp_path / "other.wdf"
    importer.write_text(text, encoding="utf-8")
    other.write_text(RIGHT, encoding="utf-8")
    assert len(seen(rechecks, importer, other)) == 2
    assert part.resolve() in {path.resolve() for path in rechecks.files[str(importer)]}
    finish = "WdfRequestComplete(r, STATUS_SUCCESS);"
    part.write_text(f"helper Finish(r: request) {{ {finish} {finish} }}\n", encoding="utf-8")
    (news,) = seen(rechecks, importer, other)
    assert news.path == str(importer)
    assert any(change.rule == "no-double-complete" for change in news.changes)
