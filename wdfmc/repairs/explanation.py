"""Why a rule is violated, and what to do: the closest run that goes well, and the repairs that are known to help."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wdfmc.beside import Beside, beside
from wdfmc.checking import Options
from wdfmc.diagnostics import Diagnostic, Rejected, Severity, did_you_mean
from wdfmc.mutants.judged import Baseline, baseline, read_model
from wdfmc.repairs.verified import Verified, verified_repairs
from wdfmc.source import Source
from wdfmc.verdict import Result, Word


@dataclass(frozen=True, slots=True)
class Explanation:
    """`tried`: how many repairs there were; `repairs`: those that help, the best first, and those left open."""

    before: Baseline
    result: Result
    beside: Beside
    repairs: tuple[Verified, ...]
    tried: int


def explanation(
    source: Source, rule: str | None, options: Options, deadline: float | None, on_start: Callable[[int], None],
    on_verified: Callable[[Verified], None],
) -> Explanation:  # fmt: skip
    """Args:
        rule: by default the violated one with the shortest trace.

    Raises:
        Rejected: the text has mistakes, there is no such rule, or it is not violated.
    """
    options = replace(options, evidence=True)
    model = read_model(source, options)
    asked = [goal.rule for goal in model.goals]
    if rule is not None and rule not in asked:
        if rule not in model.program.rules:
            raise Rejected([Diagnostic("WDF907", f"there is no rule `{rule}`", (), did_you_mean(rule, asked))])
        options = replace(options, rules=(*dict.fromkeys(asked), rule))
        model = read_model(source, options)
    before = baseline(model, options, deadline)
    result = chosen(before.results, rule)
    found = beside(model, result, before.results, options, deadline)
    alone = replace(options, evidence=False)
    repairs = verified_repairs(model, result.rule, found.bad, before.known, alone, deadline, on_start, on_verified)
    helping = tuple(each for each in repairs if each.helps)
    return Explanation(before, result, found, helping, len(repairs))


def chosen(results: Sequence[Result], rule: str | None) -> Result:
    """The violation of a rule. Raises Rejected: there is none."""
    violated = [each for each in results if each.verdict is Word.VIOLATED and each.trace and each.basis]
    wanted = [each for each in violated if rule in (None, each.rule)]
    if wanted:
        return min(wanted, key=lambda each: len(each.trace.steps) if each.trace else 0)
    if rule is None:
        raise Rejected([Diagnostic("WDF941", "no rule is violated, so there is no trace to explain")])
    said = next((f", it is {each.verdict}" for each in results if each.rule == rule), "")
    others = ", ".join(dict.fromkeys(each.rule for each in violated))
    advice = f"these are: {others}" if others else "no rule is: `wdfmc why MODEL:LINE` says what a line is for"
    raise Rejected([Diagnostic("WDF941", f"`{rule}` is not violated{said}", help=advice)])


# ---------------------------------------------------------------- from a report


@dataclass(frozen=True, slots=True)
class Reported:
    """A violation as a report has it. `lines`: those of its steps."""

    model: str
    rule: str
    lines: tuple[int, ...]


def reported(path: Path, text: str, rule: str | None) -> Reported:
    """The violation in a report that `wdfmc check --format json` wrote: of the rule, by default the shortest.

    Raises:
        Rejected: it is no such report, or has no such violation.
    """
    try:
        found = list(violations(json.loads(text)))
    except (ValueError, KeyError, TypeError, AttributeError):
        advice = "`wdfmc check MODEL --format json --output FILE` writes one"
        raise Rejected([Diagnostic("WDF942", f"`{path}` is no report of wdfmc", help=advice)]) from None
    wanted = [each for each in found if rule in (None, each.rule)]
    if not wanted:
        what = "no violation" if rule is None else f"no violation of `{rule}`"
        others = ", ".join(dict.fromkeys(each.rule for each in found))
        instead = f"it has violations of {others}" if others else None
        raise Rejected([Diagnostic("WDF941", f"the report `{path}` has {what}", help=instead)])
    return min(wanted, key=lambda each: len(each.lines))


def violations(report: Mapping[str, Any]) -> Sequence[Reported]:
    """Raises KeyError, TypeError, AttributeError: it has another shape."""
    return [
        Reported(model["path"], result["rule"], tuple(step["line"] for step in result["trace"]["steps"]))
        for model in report["models"]
        for result in model["results"]
        if result["verdict"] == Word.VIOLATED and result["trace"] is not None
    ]


def changed_since(found: Explanation, report: Reported) -> list[Diagnostic]:
    """A warning if the trace is not that of the report."""
    if tuple(step.span.line for step in found.beside.bad.steps) == report.lines:
        return []
    message = "this is not the trace of the report: the model, the options or wdfmc changed since"
    return [Diagnostic("WDF943", message, severity=Severity.WARNING)]
