"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from wdfmc import progress_display

GOLDEN = Path(__file__).parent / "golden"

# What a shell runs in the background ignores Ctrl-C, and so does all that it starts: the commands in tests must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a command prints is compared, on a machine, too, on which it takes so long that it would say how far it is.
progress_display.RARELY = 3600.0  # type: ignore[misc]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected texts instead of comparing them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME, or write it there with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8")

    return compare
