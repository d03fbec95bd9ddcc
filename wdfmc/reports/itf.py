"""A violation in the Informal Trace Format of Apalache, which Quint and other tools for TLA+ read, too.

What a request or an object has in a field is a function from its name: `own` is `[r1 |-> "driver"]`. A set of requests
is a set of names. `last_actor` and `last_action` tell the step that led to a state; both are empty in the first one.
Only what changes somewhere in the trace is told. The format holds one trace: the first violation is written.

Source: Apalache, ADR-015, *Informal Trace Format in JSON*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wdfmc import __version__
from wdfmc.diagnostics import Diagnostic, Severity
from wdfmc.reports.phrases import counts, ending
from wdfmc.verdict import ModelReport, Report, Result, Trace

FORMAT: Final = "https://apalache-mc.org/docs/adr/015adr-trace.html"
MEMBER: Final = "in "  # `r1.in Pending` says whether r1 is in the set
ACTOR: Final = "last_actor"
ACTION: Final = "last_action"
LOGICAL: Final = frozenset({"true", "false"})


def render(report: Report) -> str:
    found = traces(report)
    return json.dumps(trace_object(*found[0]) if found else nothing(report), indent=2) + "\n"


def traces(report: Report) -> list[tuple[ModelReport, Result, Trace]]:
    return [
        (model, result, result.trace) for model in report.models for result in model.results if result.trace is not None
    ]


def left_out(report: Report) -> list[Diagnostic]:
    """A warning that names the violations for which there is no room."""
    first, *others = [result.rule for _, result, _ in traces(report)] or [""]
    if not others:
        return []
    message = f"a file in the ITF holds one trace: this one is of `{first}`, {len(others)} more are left out"
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(others))
    return [Diagnostic("WDF920", message, (), f"choose with --rule: {names}", Severity.WARNING)]


def nothing(report: Report) -> dict[str, Any]:
    words = f"There is no trace: {counts(report)}."
    return {"#meta": {"format": "ITF", "format-description": FORMAT, "description": words}, "vars": [], "states": []}


def trace_object(model: ModelReport, result: Result, trace: Trace) -> dict[str, Any]:
    """`loop` is the state that comes after the last one."""
    values = before(trace)
    variables = layout(values, trace)
    states = [state_object(0, variables, values, "", "")]
    for step in trace.steps:
        values |= {name: after for name, (_, after) in step.changes.items()}
        action = step.action if step.result is None else f"{step.action} = {step.result}"
        states.append(state_object(step.index, variables, values, step.actor, action))
    meta = {
        "format": "ITF",
        "format-description": FORMAT,
        "source": model.path,
        "status": "violation",
        "description": ending(result, trace),
        "tool": "wdfmc",
        "version": __version__,
        "rule": result.rule,
        "driver": model.driver,
        "varTypes": {variable.name: variable.type for variable in variables} | {ACTOR: "Str", ACTION: "Str"},
    }
    names = [*(variable.name for variable in variables), ACTOR, ACTION]
    loop = {} if trace.loop is None else {"loop": trace.loop}
    return {"#meta": meta, "vars": names, "states": states, **loop}


def before(trace: Trace) -> dict[str, str]:
    """The first state: each variable as it is before it first changes."""
    values: dict[str, str] = {}
    for step in trace.steps:
        for name, (old, _) in step.changes.items():
            values.setdefault(name, old)
    return values


def state_object(
    number: int, variables: Sequence[Variable], values: Mapping[str, str], actor: str, action: str
) -> dict[str, Any]:
    told = {variable.name: variable.value(values) for variable in variables}
    return {"#meta": {"index": number}, **told, ACTOR: actor, ACTION: action}


# ---------------------------------------------------------------- variables


@dataclass(frozen=True)
class Variable:
    """A variable for TLA+. `entities`: whose it is -> the variable of the trace; {"": ...} if it is nobody's."""

    name: str
    kind: str  # Bool, Int or Str
    entities: Mapping[str, str]
    is_set: bool

    @property
    def type(self) -> str:
        """In the notation of Apalache's type annotations."""
        if self.is_set:
            return "Set(Str)"
        return self.kind if "" in self.entities else f"Str -> {self.kind}"

    def value(self, values: Mapping[str, str]) -> Any:
        if self.is_set:
            return {"#set": [entity for entity, name in self.entities.items() if values[name] == "true"]}
        if "" in self.entities:
            return self.atom(values[self.entities[""]])
        return {"#map": [[entity, self.atom(values[name])] for entity, name in self.entities.items()]}

    def atom(self, word: str) -> Any:
        match self.kind:
            case "Bool":
                return word == "true"
            case "Int":
                return {"#bigint": word}
            case _:
                return word


def layout(values: Iterable[str], trace: Trace) -> list[Variable]:
    """The variables of the trace by field: those of all requests and objects that have it are one."""
    found: dict[tuple[str, bool], dict[str, str]] = {}
    for entity, field, name in sorted((*split(name), name) for name in values):
        is_set = field.startswith(MEMBER) and entity != ""
        found.setdefault((field.removeprefix(MEMBER) if is_set else field, is_set), {})[entity] = name
    variables: list[Variable] = []
    taken = {ACTOR, ACTION}
    for (field, is_set), entities in found.items():
        for group in ({"": entities[""]} if "" in entities else {}, {e: n for e, n in entities.items() if e}):
            if group:
                name = fresh(re.sub(r"\W", "_", field), taken)
                variables.append(Variable(name, kind_of(group.values(), trace), group, is_set))
    return variables


def split(name: str) -> tuple[str, str]:
    """`r1.Child2.own` -> (r1.Child2, own); `r1.in Handle1.Pending` -> (r1, in Handle1.Pending)"""
    entity, member, rest = name.partition(f".{MEMBER}")
    if member:
        return entity, MEMBER + rest
    entity, _, field = name.rpartition(".")
    return entity, field


def fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def kind_of(names: Iterable[str], trace: Trace) -> str:
    """All values of a variable are of one kind, as TLA+ type checkers want it."""
    known = set(names)
    words = {word for step in trace.steps for name, change in step.changes.items() if name in known for word in change}
    if words <= LOGICAL:
        return "Bool"
    return "Int" if all(re.fullmatch(r"-?\d+", word) for word in words) else "Str"
