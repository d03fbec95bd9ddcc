"""Checks a rule in a process of its own, which is stopped when the text changes: typing never waits for it.

`python -m wdfmc.editor.checking` reads a `Task` and writes the results, both as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wdfmc.diagnostics import Rejected
from wdfmc.source import Source


@dataclass(frozen=True)
class Task:
    """What is to be checked of a text: one rule, or all if it is None. `timeout` in seconds."""

    path: str
    text: str
    rule: str | None
    target: str | None
    timeout: float


@dataclass(frozen=True)
class Place:
    """A step of a trace: offsets in the text of a file, and what happens there."""

    file: str
    start: int
    end: int
    words: str


@dataclass(frozen=True)
class Outcome:
    """What was found of a rule.

    word: the verdict in one word, as in JSON reports. phrase: as in reports for people.
    page: all of it, with the trace, as markdown.
    """

    rule: str
    target: str | None
    sentence: str
    word: str
    phrase: str
    expectation: str | None
    steps: tuple[Place, ...]
    page: str


class Failed(Exception):
    """The check ended without results; the message says why."""


async def outcomes_of(task: Task) -> list[Outcome]:
    """Cancelling this ends the process. Raises Failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        written, complaints = await process.communicate(json.dumps(asdict(task)).encode())
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        last = complaints.decode(errors="replace").strip().splitlines()
        raise Failed(last[-1] if last else f"the check ended with code {process.returncode}")
    return [outcome(each) for each in json.loads(written)]


def outcome(found: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**found, "steps": tuple(Place(**step) for step in found["steps"])})


# ---------------------------------------------------------------- in the process


def checked(task: Task) -> list[Outcome]:
    """One process and no more: stopping it stops all. Raises Rejected."""
    from wdfmc.checking import Options, check_models
    from wdfmc.reports.phrases import verdict_phrase
    from wdfmc.verdict import Result

    def steps(result: Result) -> tuple[Place, ...]:
        if result.trace is None:
            return ()
        return tuple(
            Place(step.span.source.name, step.span.start, step.span.end, f"{step.index}. {step.actor}: {words}")
            for step in result.trace.steps
            for words in [step.action + (f" -> {step.result}" if step.result else "")]
        )

    options = Options(rules=() if task.rule is None else (task.rule,), target=task.target, timeout=task.timeout, jobs=1)
    report = check_models([Source(task.path, task.text)], options, lambda path, result: None)
    return [
        Outcome(
            result.rule, target_of(result), result.sentence, str(result.verdict), verdict_phrase(result),
            result.expectation, steps(result), page(result, task.path),
        )
        for model in report.models for result in model.results
    ]  # fmt: skip


def target_of(result: Any) -> str | None:
    return next((word.removeprefix("target ") for word in result.assumptions if word.startswith("target ")), None)


def page(result: Any, path: str) -> str:
    """What is known of a rule, and its trace, as markdown."""
    from wdfmc.reports.page import Look, plain
    from wdfmc.reports.phrases import verdict_phrase
    from wdfmc.reports.text import trace_lines

    parts = [f"# {result.rule}", result.sentence, f"**{verdict_phrase(result)}**"]
    if result.expectation:
        parts[-1] += {"met": ", as expected", "unmet": ", which is not what the text expects"}[result.expectation]
    if result.assumptions:
        parts.append(f"Assuming: {'; '.join(result.assumptions)}.")
    if result.trace is not None:
        shown = plain(trace_lines(result, result.trace, path, Look(unicode=True)))
        parts.append(f"```text\n{shown.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> int:
    task = Task(**json.load(sys.stdin))
    try:
        found = checked(task)
    except Rejected as rejected:
        sys.stderr.write(f"{rejected.diagnostics[0].message}\n")
        return 1
    json.dump([asdict(each) for each in found], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.exit(main())
