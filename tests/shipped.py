"""The models that are shipped, and what `wdfmc check` says of each: checked once, however many tests ask."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from wdfmc.checking import Options, check_models
from wdfmc.verdict import Report, Result, Word

ROOT = Path(__file__).parent.parent
MODELS = {path.relative_to(ROOT / "models").as_posix(): path for path in sorted((ROOT / "models").rglob("*.wdf"))}
HEADLINE = ROOT / "specs" / "forwarded-completes-exactly-once.wdfspec"
PATIENCE = 300.0  # seconds: a search that never ends becomes `unknown`, not a test that hangs


def checked(model: str, options: Options) -> Report:
    return check_models([MODELS[model]], options, lambda _path, _result: None)


@cache
def report(model: str) -> Report:
    """All default rules and expected ones at two requests."""
    return checked(model, Options(requests=2, jobs=2, timeout=PATIENCE, widening=0))


def results(found: Report) -> tuple[Result, ...]:
    return tuple(result for model in found.models for result in model.results)


def violated(found: Report) -> list[Result]:
    return [result for result in results(found) if result.verdict is Word.VIOLATED]


def of_rule(found: Report, rule: str) -> list[Result]:
    return [result for result in results(found) if result.rule == rule]
