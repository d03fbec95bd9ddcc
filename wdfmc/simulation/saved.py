"""Runs in files: what `save` of a simulation writes, and the traces of a JSON report. Both can be followed again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdfmc import __version__
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean
from wdfmc.language.reading import read
from wdfmc.reports.json import trace_object
from wdfmc.simulation.following import Mark
from wdfmc.simulation.run import Run


@dataclass(frozen=True, slots=True)
class SavedRun:
    """Args:
    rule: of which it is the trace, if of one.
    end: as of a `Trace`; `loop` likewise.
    requests: in the instance that it is a run of, if that is known.
    """

    marks: tuple[Mark, ...]
    rule: str | None
    end: str
    loop: int | None
    requests: int | None

    @property
    def ending(self) -> str:
        """What there is to say at the end of a trace that breaks a rule by going on."""
        if self.end != "loop":
            return ""
        return f"from here the trace repeats what it did from step {self.loop} on, for ever, and {self.rule} stays owed"


def saved_text(run: Run) -> str:
    trace = trace_object(run.trace())
    found = {
        "tool": "wdfmc",
        "version": __version__,
        "model": run.stepwise.model.path,
        "requests": run.stepwise.requests,
        "rule": run.verdict(),
        "trace": trace,
    }
    return json.dumps(found, indent=2) + "\n"


def saved_run(path: Path, rule: str | None = None) -> SavedRun:
    """The run in a file. `rule`: whose trace is meant, if a report has several. Raises Rejected."""
    text = read(path).text
    try:
        whole = json.loads(text)
        runs = [whole] if "trace" in whole else [
            result for model in whole["models"] for result in model["results"] if result["trace"]
        ]  # fmt: skip
        found = [run_of(each) for each in runs]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise unreadable(path) from None
    names = [each.rule for each in found]
    if rule is not None and (len(found) > 1 or "trace" not in whole):
        found = [each for each in found if each.rule == rule]
        if not found:
            known = [name for name in names if name]
            advice = did_you_mean(rule, known) or f"it has traces of {', '.join(known) or 'no rule'}"
            raise Rejected([Diagnostic("WDF915", f"`{path}` has no trace of `{rule}`", help=advice)])
    if not found:
        raise Rejected([Diagnostic("WDF915", f"`{path}` has no trace", help="a report has one for each violation")])
    if len(found) > 1:
        advice = f"say which with `--rule`: {', '.join(name for name in names if name)}"
        raise Rejected([Diagnostic("WDF915", f"`{path}` has {len(found)} traces", help=advice)])
    return found[0]


def run_of(item: dict[str, Any]) -> SavedRun:
    """Raises what a wrong shape raises: KeyError, TypeError, ValueError, AttributeError, IndexError."""
    trace = item["trace"]
    marks = tuple(
        Mark(
            str(step["actor"]), str(step["action"]), step["result"], str(step["file"]), int(step["line"]),
            {str(name): str(change[1]) for name, change in step["changes"].items()}, int(step["transition"]),
        )
        for step in trace["steps"]
    )  # fmt: skip
    requests = item.get("requests")
    size = requests if isinstance(requests, int) else None
    return SavedRun(marks, item["rule"], trace["end"], trace["loop"], size)


def unreadable(path: Path) -> Rejected:
    advice = "a simulation writes one with `save`, `wdfmc check --format json` one for each violation"
    return Rejected([Diagnostic("WDF915", f"`{path}` is no saved run", help=advice)])
