from __future__ import annotations

import pytest

from wdfmc.progress import Effort
from wdfmc.reports.effort import effort_phrase, in_all, progress_lines, statistics_lines
from wdfmc.reports.page import Look, cells, plain
from wdfmc.verdict import Statistics


@pytest.mark.parametrize(
    ("effort", "said"),
    [
        (Effort("explicit", 2, depth=17, states=12_345), "12,345 states, depth 17"),
        (Effort("ic3", 2, frames=5, lemmas=34, queries=812), "5 frames, 34 lemmas, 812 queries"),
        (Effort("ic3", 2, frames=1, lemmas=1, queries=1), "1 frame, 1 lemma, 1 query"),
        (Effort("bmc", 2, depth=0, queries=0), "depth 0, 0 queries"),
        (Effort("lowering", None), ""),
    ],
)
def test_counts_in_words(effort: Effort, said: str) -> None:
    assert effort_phrase(effort) == said


def test_progress_names_the_run_then_each_model() -> None:
    now = {
        "a.wdf": [Effort("lowering", None)],
        "b.wdf": [Effort("ic3", "any", 3.0, frames=5), Effort("bmc", 1, 2.0, depth=7)],
    }
    assert progress_lines(now, 1234, 61.4) == [
        "61 s, 1,234 rules decided",
        "a.wdf: lowering",
        "b.wdf: ic3 with any number of requests: 5 frames; bmc with 1 request: depth 7",
    ]


def test_memory_that_is_not_known_is_not_stated() -> None:
    assert in_all(Statistics((), 1.25, None)) == "1.2 seconds"
    assert in_all(Statistics((), 1.25, 3 << 20)) == "1.2 seconds; at most 3 MiB of memory in one process"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_statistics_fit_on_the_page(width: int) -> None:
    effort = Effort("reachability", "any", 1e5, 10**6, 10**6, 10**9, 10**12, 10**12)
    lines = plain(statistics_lines(Statistics((effort,), 1e6, 1 << 50), Look(width))).splitlines()
    assert max(map(cells, lines)) <= width
