"""All lines of a driver: the table, its score, and the same table from several processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from wdfmc.checking import Options
from wdfmc.cli import main
from wdfmc.mutants.judged import Answer
from wdfmc.mutants.table import Table, mutation_table
from wdfmc.reports.changed import table_lines
from wdfmc.reports.page import PIPE, plain
from wdfmc.source import Source

COMPLETES = """\
driver Completes {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        WdfSpinLockRelease(Lock);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""


@cache
def table(jobs: int = 1) -> Table:
    options = Options(widening=0, jobs=jobs)
    return mutation_table(Source("completes.wdf", COMPLETES), options, None, lambda _many: None, lambda _each: None)


def test_score_counts_what_is_noticed() -> None:
    found = table()
    answers = {(each.mutant.mutation.line, each.mutant.mutation.kind): each.answer for each in found.judged}
    assert answers == {
        (2, "drop"): Answer.IDLE,
        (5, "pair"): Answer.SAME,
        (5, "swap"): Answer.BROKEN,
        (6, "drop"): Answer.BROKEN,
        (6, "swap"): Answer.SAME,  # the lock keeps nobody out
        (7, "drop"): Answer.BROKEN,
    }
    assert (found.noticed, found.left_open) == (4, 0)
    assert [each.mutant.mutation.line for each in found.spare] == [5]


def test_table_as_printed(golden: Callable[[str, str], None]) -> None:
    golden("mutants/completes.txt", plain(table_lines(table(), PIPE)))


def test_processes_find_the_same() -> None:
    def untimed(found: Table) -> list[object]:
        return [
            (each.mutant, each.answer, [(result.rule, result.depth) for result in each.broken], each.proved)
            for each in found.judged
        ]

    assert untimed(table(2)) == untimed(table())


def test_what_is_left_at_the_deadline_is_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "completes.wdf"
    path.write_text(COMPLETES, encoding="utf-8")
    assert main(["mutate", str(path), "--jobs", "1", "--timeout", "0.000001", "--format", "json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["noticed"], found["open"]) == (0, found["mutants"])


def test_one_model_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", str(tmp_path)]) == 2
    assert "WDF002" in capsys.readouterr().err
