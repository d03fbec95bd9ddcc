"""Verdict to text. One row a format; a module is imported only when its format is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, TypeAlias

from wdfmc.verdict import Report

Renderer: TypeAlias = Callable[[Report], str]


def lazily(module: str) -> Renderer:
    """The `render` of a module of this package, imported at the first call."""

    def render(report: Report) -> str:
        text: str = import_module(f"{__name__}.{module}").render(report)
        return text

    return render


FORMATS: Final[Mapping[str, Renderer]] = {
    "text": lazily("text"),  # for people: verdicts, traces, diagnostics
    "json": lazily("json"),  # for scripts
    "mermaid": lazily("mermaid"),  # for a code host: one sequence diagram for each violation
    "sarif": lazily("sarif"),  # for code hosts: alerts with their traces
    "junit": lazily("junit"),  # for build servers: one test case for each rule
    "itf": lazily("itf"),  # for TLA+ tools: one trace
    "dot": lazily("dot"),  # for Graphviz: one graph for each violation
}

WITH_DIAGNOSTICS: Final = frozenset({"json", "sarif", "junit"})  # formats that can say that a text was rejected
