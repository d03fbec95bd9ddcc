"""Where the sections of benchmarks/results.md go."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_section_replaces_the_one_with_its_heading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And begins a file that is not there yet: what took an hour is not lost."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from tables import entered

    path = tmp_path / "new.md"
    entered(path, "One", ["first"])
    entered(path, "Two", ["second"])
    entered(path, "One", ["third", "fourth"])
    assert path.read_text(encoding="utf-8") == "# What wdfmc takes\n\n## One\n\nthird\nfourth\n\n## Two\n\nsecond\n"
