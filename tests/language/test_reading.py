from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.parse import parse
from wdfmc.language.reading import decoded, read

TEXT = "driver D {\n    queue Q : manual;\n}\n"


def rejected(path: Path | str) -> Diagnostic:
    with pytest.raises(Rejected) as error:
        read(path)
    assert len(error.value.diagnostics) == 1
    return error.value.diagnostics[0]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        ("// \u00fcber \U0001f512\n" + TEXT).encode(),
    ],
    ids=["plain", "byte order mark", "CRLF", "CR", "not ASCII"],
)
def test_readable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.wdf"
    path.write_bytes(content)
    source = read(path)
    assert source.name == str(path)
    assert parse(source).items == parse(decoded("d.wdf", TEXT.encode())).items


def test_a_comment_ends_with_its_line_whatever_ends_the_line() -> None:
    assert parse(decoded("t", b"// comment\rdriver D { }\r")).items


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "echo.wdf").write_text(TEXT)
    found = rejected(tmp_path / "ecoh.wdf")
    assert (found.code, found.help) == ("WDF001", "did you mean `echo.wdf`?")


def test_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(TEXT)
    assert rejected(tmp_path / "none" / "echo.wdf").code == "WDF001"
    assert rejected(tmp_path / "file" / "echo.wdf").code in ("WDF001", "WDF003")


def test_directory(tmp_path: Path) -> None:
    assert rejected(tmp_path).code == "WDF002"


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="permissions are those of POSIX")
def test_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "d.wdf"
    path.write_text(TEXT)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert rejected(path).code == "WDF003"


def test_null_character_in_a_path() -> None:
    assert rejected("a\0b.wdf").code == "WDF003"


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "d.wdf"
    path.write_bytes("// \u00fc\n".encode() + b"// caf\xe9\n")
    found = rejected(path)
    span = found.labels[0].span
    assert found.code == "WDF004"
    assert (span.line, span.column) == (2, 7)
    assert "byte 12 is 0xE9" in found.labels[0].text


def test_utf16(tmp_path: Path) -> None:
    path = tmp_path / "d.wdf"
    path.write_bytes(TEXT.encode("utf-16"))
    found = rejected(path)
    assert found.code == "WDF004"
    assert "UTF-16" in (found.help or "")


def test_not_utf8_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "d.wdf"
    path.write_bytes(TEXT.encode() + b"\xe2\x82")
    assert rejected(path).labels[0].span.line == 4


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.wdf"
    path.write_bytes(content)
    assert rejected(path).code == "WDF005"
