"""What was asked and said is summed up at the end of a run."""

from __future__ import annotations

import pytest

from tests.agreement.ledger import Ledger

LEDGER = pytest.StashKey[Ledger]()


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return request.config.stash.setdefault(LEDGER, Ledger())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (found := config.stash.get(LEDGER, None)) is not None:
        terminalreporter.section("what agrees")
        for line in found.lines():
            terminalreporter.write_line(line)
