"""Instructive violations as people and scripts get them; `pytest --update-golden` writes tests/golden/traces anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from tests.shipped import MODELS, ROOT
from wdfmc import __version__
from wdfmc.checking import Options, check_models
from wdfmc.reports import FORMATS
from wdfmc.source import Source
from wdfmc.verdict import Report, Word

CASES = {
    "cancellation/pending_read_ignored_unmark.wdf": "no-double-complete",
    "cancellation/forward_canceller_stale.wdf": "cancel-sent-handle-valid",
    "cancellation/pending_read_lock_held.wdf": "deadlock-free",
    "seeds/forward_unmodified_never_completed.wdf": "request-eventually-completed",
    "seeds/send_and_forget_completes.wdf": "no-access-after-ownership-loss",
}
ENDINGS = {"text": "txt", "json": "json", "mermaid": "md", "itf": "itf.json", "dot": "dot"}


@cache
def report(model: str) -> Report:
    """Only the rule of the case, by the exhaustive engine, which finds the same trace each time. Without seconds."""
    path = MODELS[model]
    source = Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    found = check_models([source], Options(rules=(CASES[model],), engine="explicit"), lambda _path, _result: None)
    (one,) = found.models
    kept = tuple(replace(result, seconds=0.0) for result in one.results if result.rule == CASES[model])
    return replace(found, models=(replace(one, results=kept),))


@pytest.mark.parametrize("model", CASES)
@pytest.mark.parametrize("form", ENDINGS)
def test_trace_is_as_reviewed(model: str, form: str, golden: Callable[[str, str], None]) -> None:
    text = FORMATS[form](report(model)).replace(f'"version": "{__version__}"', '"version": ""')
    golden(f"traces/{MODELS[model].stem}.{ENDINGS[form]}", text)


@pytest.mark.parametrize("model", CASES)
def test_trace_leads_to_the_sources(model: str) -> None:
    """Each step names a line that is there, in the driver or in the library; a step of the driver quotes its own."""
    (one,) = report(model).models
    (result,) = one.results
    assert result.verdict is Word.VIOLATED and result.trace is not None
    steps = result.trace.steps
    for step in steps:
        assert (ROOT / step.span.source.name).is_file(), step
        assert 1 <= step.span.line <= step.span.source.text.count("\n") + 1
    lanes = {step.lane for step in steps if step.span.source.name == one.path}
    assert lanes, "a trace without a line of the driver teaches nothing"
    assert steps[-1].lane in lanes, "its last line is the driver's"
