"""The life cycle as one JSON object. Later versions add keys and change none."""

from __future__ import annotations

import json
from typing import Any

from wdfmc import __version__
from wdfmc.lifecycle import Edge, Life, LifeCycle


def render(cycle: LifeCycle, model: str) -> str:
    return json.dumps({"tool": "wdfmc", "version": __version__, "path": model, **cycle_object(cycle)}, indent=2) + "\n"


def cycle_object(cycle: LifeCycle) -> dict[str, Any]:
    return {
        "driver": cycle.driver,
        "requests": cycle.requests,
        "visited": cycle.visited,
        "complete": cycle.reason is None,
        "reason": cycle.reason,
        "under": list(cycle.under),
        "lives": [life_object(life) for life in cycle.lives],
    }


def life_object(life: Life) -> dict[str, Any]:
    return {
        "pool": life.pool or None,
        "initial": life.initial,
        "states": [{"name": state, "reached": state in life.reached} for state in life.states],
        "edges": [edge_object(edge) for edge in life.edges],
    }


def edge_object(edge: Edge) -> dict[str, Any]:
    return {
        "before": edge.before,
        "after": edge.after,
        "actor": edge.deed.actor,
        "kind": edge.deed.kind,
        "action": edge.deed.action,
        "result": edge.deed.result,
        "file": edge.deed.span.source.name,
        "line": edge.deed.span.line,
        "taken": edge.taken,
    }
