"""docs/why.md shows what the commands print. `pytest --update-golden` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shown import compare

ROOT = Path(__file__).parents[1]


def test_outputs_are_those_of_the_commands(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    compare(ROOT / "docs" / "why.md", capsys, request.config.getoption("--update-golden"))
