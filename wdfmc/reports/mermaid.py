"""Violations as Mermaid sequence diagrams in Markdown, for code hosts that draw them (GitHub, GitLab, Azure DevOps).

The participants are the lanes of the trace and the requests that change owner. A step that gives a request another
owner is an arrow to it; every other step is a note over its lane.
"""

from __future__ import annotations

from typing import Final

from wdfmc.reports.phrases import (
    acts,
    counts,
    deed,
    ending,
    is_library,
    lanes,
    moved,
    other_changes,
    title,
    verdict_phrase,
)
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep, Word

# Mermaid has no quoting. It reads `#59;` as a character, ends a statement at `;`, and takes `%%` for a comment; HTML
# and Markdown signs would be interpreted when the picture is drawn.
SPECIAL: Final = frozenset(";#\"'<>&%{}[]|\\`*~$^@")
BREAK: Final = "<br/>"


def render(report: Report) -> str:
    found = [(model, result) for model in report.models for result in model.results if result.trace]
    if len(found) == 1:
        return diagram(found[0][1])
    parts = []
    if not found:
        parts.append("No violation was found, so there is no diagram.\n")
    for model in report.models:
        parts.append(model_part(model))
    parts.append(counts(report) + "\n")
    return "\n".join(parts)


def model_part(model: ModelReport) -> str:
    parts = [f"## {markdown(title(model))}\n"]
    others = [result for result in model.results if not result.trace and result.verdict is not Word.SKIPPED]
    if others:
        parts.append("".join(f"- `{result.rule}`: {markdown(verdict_phrase(result))}\n" for result in others))
    for result in model.results:
        if result.trace:
            parts.append(f"### {markdown(result.rule)}\n\n{markdown(result.sentence)}\n\n{diagram(result)}")
    return "\n".join(parts)


def markdown(text: str) -> str:
    """Plain words in a Markdown paragraph."""
    return "".join("\\" + char if char in "\\`*_[]<>#|" else char for char in text)


def diagram(result: Result) -> str:
    assert result.trace is not None, result.rule
    return "```mermaid\n" + sequence(result, result.trace) + "```\n"


def sequence(result: Result, trace: Trace) -> str:
    lane_of = lanes(trace)
    names = list(dict.fromkeys(lane_of.values()))
    requests = list(dict.fromkeys(request for step in trace.steps for request in moved(step)))
    ids = {name: f"L{at}" for at, name in enumerate(names)} | {r: f"R{at}" for at, r in enumerate(requests)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {ids[name]} as {escaped(name)}" for name in names]
    lines += [f"    participant R{at} as {escaped('request ' + name)}" for at, name in enumerate(requests)]
    indent = "    "
    for step in trace.steps:
        if step.index == trace.loop:
            lines.append("    loop for ever")
            indent = "        "
        lines += [indent + line for line in statements(step, ids, lane_of[step.index])]
    if trace.loop is not None:
        lines.append("    end")
    everyone = list(ids.values())
    if everyone:
        over = ",".join(dict.fromkeys((everyone[0], everyone[-1])))
        lines.append(f"    Note over {over}: {escaped(ending(result, trace))}")
    return "\n".join(lines) + "\n"


def statements(step: TraceStep, ids: dict[str, str], lane: str) -> list[str]:
    if acts(step):
        words = [f"{step.index}. {step.action}" + ("" if step.result is None else f" → {step.result}")]
        if not is_library(step.span):
            words.append(f"line {step.span.line}")
        if step.actor != lane:
            words.insert(0, step.actor)
    else:
        words = [f"{step.index}. {deed(step)}"]
    words += [f"{name}: {before} → {after}" for name, (before, after) in other_changes(step).items()]
    text = BREAK.join(map(escaped, words))
    owners = moved(step)
    if not owners:
        return [f"Note over {ids[lane]}: {text}"]
    first, *rest = (
        f"{ids[lane]}->>{ids[request]}: {{}}{escaped(f'{before} → {after}')}"
        for request, (before, after) in owners.items()
    )
    return [first.replace("{}", text + BREAK, 1), *(line.replace("{}", "", 1) for line in rest)]


def escaped(text: str) -> str:
    """Words of a diagram: every special character as a number that Mermaid turns back. ASCII, for any pipe."""
    return "".join(f"#{ord(char)};" if char in SPECIAL or char > "~" else char for char in " ".join(text.split()))
