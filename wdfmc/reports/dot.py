"""Violations as graphs for Graphviz: a step is a node, each lane of the trace a cluster.

Edges lead from step to step, down the page, in the order of the trace; where one leaves a cluster, control switches.
The dashed edge of a trace that goes on for ever leads back to the first step that is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    place,
    title,
)
from wdfmc.verdict import ModelReport, Report, Result, Trace, TraceStep

INDENT: Final = "    "


def render(report: Report) -> str:
    graphs = [graph(model, result, result.trace) for model in report.models for result in model.results if result.trace]
    if not graphs:
        words = f"No violation was found, so there is no graph: {counts(report)}."
        graphs.append(f"digraph {quoted('no violation')} {{\n{INDENT}label={quoted(words)};\n}}\n")
    return "\n".join(graphs)


def graph(model: ModelReport, result: Result, trace: Trace) -> str:
    body = [INDENT + line for line in lines(model, result, trace)]
    return "\n".join([f"digraph {quoted(result.rule)} {{", *body, "}"]) + "\n"


def lines(model: ModelReport, result: Result, trace: Trace) -> Iterator[str]:
    heading = f"{title(model)}\n{ending(result, trace)}"
    yield f'label={quoted(heading)}; labelloc="t"; fontname="Helvetica"; newrank=true;'
    yield 'node [shape="box", style="rounded", fontname="Helvetica", fontsize=10];'
    yield 'edge [penwidth=2, color="#555555"];'
    lane_of = lanes(trace)
    for at, lane in enumerate(dict.fromkeys(lane_of.values())):
        yield f"subgraph cluster_{at} {{"
        yield f'{INDENT}label={quoted(lane)}; color="#999999"; fontname="Helvetica";'
        for step in trace.steps:
            if lane_of[step.index] == lane:
                broken = trace.end == "violation" and step is trace.steps[-1]
                look = ', color="#b00020", penwidth=2' if broken else ""
                yield f"{INDENT}s{step.index} [label={quoted(said(step, model.path))}{look}];"
        yield "}"
    for before, after in zip(trace.steps, trace.steps[1:], strict=False):
        yield f"s{before.index} -> s{after.index};"
    if trace.loop is not None:
        yield f's{trace.steps[-1].index} -> s{trace.loop} [style="dashed", label="for ever", constraint=false];'


def said(step: TraceStep, model: str) -> str:
    words = f"{step.index}. {step.action if acts(step) else deed(step)}"
    if step.result is not None:
        words += f" -> {step.result}"
    told = [words] if is_library(step.span) else [words, f"line {place(step.span, model)}"]
    told += [f"{name}: {a} -> {b}" for name, (a, b) in {**moved(step), **other_changes(step)}.items()]
    return "\n".join(told)


def quoted(text: str) -> str:
    """A string of the DOT language. In labels a backslash begins an escape, so it is doubled."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inside}"'
