"""What can befall a request, against the same questions asked as rules, and against a slow search of the same graph."""

from __future__ import annotations

from collections import deque
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from wdfmc import matrix as module
from wdfmc.checking import Options, check_models, read_texts
from wdfmc.matrix import PREFIX, Cell, Deeds, Flow, Graph, Matrix, column_of, deeds, explored, matrix, observing
from wdfmc.review import observed
from wdfmc.semantics import typed
from wdfmc.source import Source
from wdfmc.verdict import Word

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models/cancellation"
PATTERNS = {"cancelled by its sender": "creq(r) while {}", "EvtIoStop: suspend": "stop(r) while r.stop == asked && {}"}


def program_of(text: str | Path) -> typed.Program:
    source = Source("model.wdf", text) if isinstance(text, str) else Source(str(text), text.read_text(encoding="utf-8"))
    (program,) = observed(read_texts([source], Options()), Options()).values()
    return program


def matrix_of(text: str | Path, requests: int = 2) -> Matrix:
    return matrix(program_of(text), Options(requests=requests), None)


def said(cell: Cell) -> tuple[set[tuple[str, int]], set[str]]:
    """The lines of the driver, activations that overlap being one, and who else ends the request."""
    lines = {(act.who.partition(" #")[0], act.span.line) for act in cell.lines}
    return lines, {act.who for act in cell.by_itself}


def line_of(path: Path, text: str, number: int = 0) -> int:
    return [at for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line][number]


def test_who_acts_after_a_cancel() -> None:
    path = MODELS / "pending_read.wdf"
    found = matrix_of(path)
    event = "cancelled by its sender"
    assert set(found.cells) == {("driver", event), ("cancelable", event)}
    refused = line_of(path, "WdfRequestComplete(Request, status)")
    finished = line_of(path, "WdfRequestComplete(r, STATUS_SUCCESS)")
    cancelled = line_of(path, "WdfRequestComplete(Request, STATUS_CANCELLED)")
    assert said(found.cells["driver", event]) == ({("OnRead", refused), ("OnDpc", finished)}, set())
    assert said(found.cells["cancelable", event]) == ({("OnCancel", cancelled)}, set())
    assert found.cells["driver", event].becomes == ("driver",)
    assert found.cells["cancelable", event].becomes == ("cancel_owed",)
    assert not any(cell.breaches for cell in found.cells.values())
    assert (found.reason, found.requests, found.under) == (None, 2, ())


def test_what_can_be_broken_after_a_cancel() -> None:
    found = matrix_of(MODELS / "pending_read_no_lock.wdf")
    cell = found.cells["cancelable", "cancelled by its sender"]
    assert {rule for rule, _ in cell.breaches} == {"no-access-after-ownership-loss", "no-unmark-after-complete"}
    assert set(found.under) > {rule for rule, _ in cell.breaches}


def test_the_framework_ends_what_waits_and_the_stop_is_answered() -> None:
    path = MODELS / "power_cycle.wdf"
    found = matrix_of(path)
    assert said(found.cells["queued", "cancelled by its sender"]) == (set(), {"sender_cancels"})
    assert found.cells["queued", "cancelled by its sender"].becomes == ("done",)
    stop = found.cells["cancelable", "EvtIoStop: suspend"]
    assert {who for who, _ in said(stop)[0]} == {"OnDpc", "OnStop"}
    assert not any(event == "EvtIoStop: purge" for _, event in found.cells)


def test_rows_are_the_states_between_arrival_and_end() -> None:
    found = matrix_of(MODELS / "pending_read.wdf")
    assert [row.state for row in found.rows if row.reached] == ["driver", "cancelable", "cancel_owed", "cancel_run"]
    assert not {"none", "gone", "done"} & {row.state for row in found.rows}
    (marked,) = (row for row in found.rows if row.state == "cancelable")
    assert marked.words == "the driver has it, marked: the framework may call its cancel callback"
    assert marked.lane == "driver"


TIMER = """
driver Waits {
    queue Q : sequential, front { EvtIoRead = OnRead; }
    timer T { EvtTimerFunc = OnTimer; }
    context device { Kept : request?; }
    callback OnRead(Request) { Kept = Request; WdfTimerStart(T); }
    callback OnTimer() {
        r = Kept;
        Kept = null;
        if (r != null) { WdfRequestComplete(r, STATUS_SUCCESS); }
    }
}
"""


def test_an_event_without_a_request_is_about_all_of_them() -> None:
    found = matrix_of(TIMER)
    cells = {state: cell for (state, event), cell in found.cells.items() if event == "timer expires"}
    assert set(cells) == {"driver", "queued"}
    assert said(cells["driver"])[0] == {("OnTimer", 10)}
    assert ("OnTimer", 10) in said(cells["queued"])[0]  # completing the one presents the next
    assert "sender_cancels" in said(cells["queued"])[1]


def test_a_driver_without_requests_has_an_empty_matrix() -> None:
    found = matrix_of("driver Nothing { queue Q : manual; }\n")
    assert found.cells == {}
    assert not any(row.reached for row in found.rows)


def test_too_many_states_are_tried_with_fewer_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    path = MODELS / "pending_read.wdf"
    alone = matrix_of(path, requests=1)
    monkeypatch.setattr(module, "BATCH", 64)
    monkeypatch.setattr(module, "MOST_STATES", alone.size)
    fewer = matrix_of(path)
    assert (fewer.requests, fewer.reason) == (1, None)
    assert fewer.cells == alone.cells
    monkeypatch.setattr(module, "MOST_STATES", 100)
    part = matrix_of(path)
    assert part.requests == 1
    assert part.reason == "not all states were visited (100 at most)"


def test_out_of_time() -> None:
    found = matrix(program_of(MODELS / "pending_read.wdf"), Options(), 0.0)
    assert found.cells == {}
    assert found.reason == "out of time while the transition system was built"


# ---------------------------------------------------------------- the same question, asked as rules


@pytest.mark.parametrize("name", ["pending_read", "power_cycle", "forward_canceller"])
def test_cells_are_those_whose_rule_is_violated(name: str, tmp_path: Path) -> None:
    path = MODELS / f"{name}.wdf"
    found = matrix_of(path)
    spec = tmp_path / "cells.wdfspec"
    asked = {f"cell-{at}": cell for at, cell in enumerate(product([row.state for row in found.rows], PATTERNS))}
    rules = [
        f'rule {rule}(r: request) "never" never {PATTERNS[event].format(f"r.own == {state}")};\n'
        for rule, (state, event) in asked.items()
    ]
    spec.write_text("".join(rules), encoding="utf-8")
    report = check_models([path], Options(specs=(spec,), jobs=1), lambda at, result: None)
    happens = {
        asked[result.rule]
        for result in report.models[0].results
        if result.verdict is Word.VIOLATED and result.rule in asked
    }
    assert all(r.verdict in (Word.VIOLATED, Word.PROVED, Word.SKIPPED, Word.VACUOUS) for r in report.models[0].results)
    assert happens == {cell for cell in found.cells if cell[1] in PATTERNS}
    assert happens


# ---------------------------------------------------------------- the same graph, searched slowly


def slowly(graph: Graph, done: Deeds, flow: Flow, event: str) -> dict[str, tuple[set[object], set[int]]]:
    """By state: the lines that act next, and the transitions that end the request, run by run."""
    steps: dict[int, list[tuple[int, int]]] = {}
    for source, target, number in zip(graph.source, graph.target, graph.transition, strict=True):
        steps.setdefault(int(source), []).append((int(target), int(number)))
    left = {flow.names[own[s]] for own in flow.own for s in steps for t, _ in steps[s] if own[s] != own[t]}
    found: dict[str, tuple[set[object], set[int]]] = {}
    for source, outgoing in steps.items():
        for target, number in outgoing:
            for slot in done.happens.get(number, {}).get(event, ()):
                own = flow.own[slot]
                acts, ends = found.setdefault(flow.names[own[source]], (set(), set()))
                if own[source] != own[target] and flow.names[own[target]] not in left:
                    if slot not in done.acts.get(number, {}):
                        ends.add(number)
                        continue
                seen, todo = {target}, deque([target])
                while todo:
                    here = todo.popleft()
                    for there, taken in steps.get(here, ()):
                        acts |= done.acts.get(taken, {}).get(slot, frozenset())
                        if slot in done.surely.get(taken, ()):
                            continue
                        if own[here] != own[there] and flow.names[own[there]] not in left:
                            if slot not in done.acts.get(taken, {}):
                                ends.add(taken)
                                continue
                        if there not in seen:
                            seen.add(there)
                            todo.append(there)
    return found


@pytest.mark.parametrize("name", ["pending_read", "power_cycle", "forward_canceller"])
def test_marks_find_what_following_every_run_finds(name: str) -> None:
    program = program_of(MODELS / f"{name}.wdf")
    columns = {rule: program.rules[rule] for rule in program.rules if rule.startswith(PREFIX)}
    contracts = frozenset(name for name, rule in program.rules.items() if rule.form == "contract") | {"model-bound"}
    graph, reason = explored(observing(program, columns), frozenset(columns), contracts, 1, None)
    assert reason is None
    done = deeds(graph, columns)
    flow = Flow.over(graph, done)
    expected = slowly(graph, done, flow, "matrix-cancel")
    cells = module.found(flow, columns, list(flow.names))
    quick = {state: cell for (state, event), cell in cells if event == columns["matrix-cancel"].sentence}
    assert {state: set(cell.lines) for state, cell in quick.items()} == {s: acts for s, (acts, _) in expected.items()}
    for state, (_, ends) in expected.items():
        assert set(quick[state].by_itself) == {act for number in ends for act in module.told(graph, number)}
    assert quick
    nothing = np.zeros(len(graph.transition), np.uint64)
    assert column_of(flow, "matrix-nothing", nothing, nothing, nothing) == {}
