from __future__ import annotations

import io
import re

import pytest

from wdfmc.reports.page import PIPE, Line, cells, look_of, plain, printable, shortened, wrapped, write_lines, write_text

LINES: list[Line] = [(("error", "bold red"), (": → x", "")), (("a" * 150, "green"),)]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def stream(kind: type[io.TextIOWrapper], encoding: str) -> tuple[io.BytesIO, io.TextIOWrapper]:
    written = io.BytesIO()
    return written, kind(written, encoding=encoding, newline="\n", write_through=True)


def test_pipe_gets_no_escape_sequence() -> None:
    written, pipe = stream(io.TextIOWrapper, "utf-8")
    write_lines(LINES, pipe)
    assert written.getvalue().decode() == plain(LINES)


def test_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    written, terminal = stream(Terminal, "utf-8")
    write_lines(LINES, terminal)
    text = written.getvalue().decode()
    assert "\x1b[1;31merror" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == plain(LINES), "colour changes no text and breaks no line"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminal_without_colour(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    written, terminal = stream(Terminal, "utf-8")
    write_lines(LINES, terminal)
    assert b"\x1b" not in written.getvalue()


@pytest.mark.parametrize(("encoding", "unicode"), [("utf-8", True), ("cp1252", False), ("ascii", False)])
def test_drawing_characters_only_where_they_can_be_printed(encoding: str, unicode: bool) -> None:
    assert look_of(stream(Terminal, encoding)[1]).unicode is unicode
    assert look_of(stream(io.TextIOWrapper, encoding)[1]) == PIPE


@pytest.mark.parametrize(("columns", "width"), [("20", 60), ("90", 90), ("400", 120)])
def test_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert look_of(stream(Terminal, "utf-8")[1]).width == width


def test_what_an_encoding_lacks_does_not_end_the_run() -> None:
    written, pipe = stream(io.TextIOWrapper, "cp1252")
    write_text("Straße → 漢\n", pipe)
    assert written.getvalue().decode("cp1252") == "Straße ? ?\n"


@pytest.mark.parametrize(
    ("text", "shown"), [("\ta", "    a"), ("ab\tc", "ab  c"), ("a\x1b[31m\r", "a?[31m?"), ("字\tx", "字  x")]
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["", "a b c", "x" * 50, "one two " * 9, "字" * 30])
def test_wrapped_keeps_every_letter(text: str) -> None:
    lines = wrapped(text, 12)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cells(line) <= 12 for line in lines)


def test_shortened() -> None:
    assert shortened("abcdefgh", 8) == "abcdefgh"
    assert shortened("abcdefghi", 8) == "abcde..."
