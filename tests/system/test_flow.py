"""Bodies as graphs: what is a step of its own, where calls lead, how long locals live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from tests.lowered import program
from wdfmc.semantics import typed
from wdfmc.system import expand, flow
from wdfmc.system.system import Obj

Kind = TypeVar("Kind")


def graph(body: str, items: str = "", **given: Any) -> flow.Graph:
    """The graph of a read handler with this body."""
    text = f"""
        driver D {{
            queue Reads : parallel, front {{ EvtIoRead = OnRead; }}
            queue Second : manual;
            spinlock Lock;
            context device {{ N : 0..3; A, B, C : bool; Pending : set of request; Current : request?; }}
            {items}
            callback OnRead(Request) {{ {body} }}
        }}
        """
    found = program(text)
    callback = found.callbacks["OnRead"]
    return expand.graph(found, callback.body, callback.span, **{"driver": True, "atomic": False, **given})


def nodes(found: flow.Graph, kind: type[Kind]) -> list[tuple[flow.Node, Kind]]:
    return [(node, node.operation) for node in found.nodes if isinstance(node.operation, kind)]


def assignments(found: flow.Graph, name: str) -> list[tuple[flow.Node, flow.Set]]:
    """To a driver variable or a local, in no order."""
    return [
        (node, operation)
        for node, operation in nodes(found, flow.Set)
        if (operation.target.field if isinstance(operation.target, typed.FieldOf) else operation.target.name) == name
    ]


def field(expr: object) -> str:
    assert isinstance(expr, typed.FieldOf), expr
    return expr.field


def straight(node: flow.Node) -> Iterator[flow.Operation]:
    """The operations from a node on, as long as there is one way."""
    here: flow.Node | None = node
    while here is not None:
        yield here.operation
        ways = list(here.successors())
        here = ways[0] if len(ways) == 1 else None


# ---------------------------------------------------------------- steps


def test_operands_are_tests_of_their_own() -> None:
    found = graph("if (A && !(B || C)) { N = 1; }")
    assert sorted(field(test.condition) for _, test in nodes(found, flow.Test)) == ["A", "B", "C"]
    first, test = next((node, test) for node, test in nodes(found, flow.Test) if field(test.condition) == "A")
    assert found.entry is first
    assert isinstance(test.otherwise.operation, flow.Outcome) and test.otherwise.operation.result == "no"
    assert isinstance(first.next and first.next.operation, flow.Test), "B is read only if A is true"


def test_in_an_atomic_body_a_condition_is_one_test() -> None:
    found = graph("if (A && B) { N = 1; }", atomic=True, driver=False)
    ((_, test),) = nodes(found, flow.Test)
    assert isinstance(test.condition, typed.And)
    assert isinstance(found.entry.operation, flow.AtomBegin)


def test_read_modify_write_goes_through_a_local() -> None:
    ((write, operation),) = assignments(found := graph("N = N + 1;"), "N")
    assert isinstance(operation.value, typed.Local)
    ((read, _),) = assignments(found, operation.value.name)
    assert read.next is write
    assert found.live[write.number] == {operation.value.name}


def test_a_constant_is_written_in_one_step() -> None:
    ((_, operation),) = assignments(graph("N = 2;"), "N")
    assert operation.value == typed.Const(2)


def test_a_statement_of_the_driver_is_a_line() -> None:
    found = graph("N = 2; WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock); if (A) { B = true; }")
    lines = {line.action for _, line in nodes(found, flow.Line)}
    assert lines == {"N = 2;", "WdfSpinLockAcquire", "WdfSpinLockRelease", "B = true;"}
    assert {(shown.action, shown.result) for _, shown in nodes(found, flow.Outcome)} == {
        ("if (A)", "yes"),
        ("if (A)", "no"),
    }


# ---------------------------------------------------------------- calls


def test_a_call_of_the_library_is_an_atom() -> None:
    found = graph("WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock); WdfRequestComplete(Request, STATUS_SUCCESS);")
    weights = {begin.action: (begin.heavy, begin.acquires) for _, begin in nodes(found, flow.AtomBegin)}
    assert weights == {
        "WdfSpinLockAcquire": (False, True),
        "WdfSpinLockRelease": (False, False),
        "WdfRequestComplete": (True, False),
    }
    assert len(nodes(found, flow.AtomEnd)) == 3


def test_what_a_call_requires_is_tested_inside_its_atom() -> None:
    operations = list(straight(graph("WdfSpinLockAcquire(Lock);").entry))
    kinds = [type(operation) for operation in operations if not isinstance(operation, flow.Emit)]
    assert kinds == [flow.Line, flow.AtomBegin, flow.Require, flow.Acquire, flow.AtomEnd, flow.End]
    told = [operation.event for operation in operations if isinstance(operation, flow.Emit)]
    assert told == ["ddi_called", "spin", "acq"]


def test_arguments_are_read_before_the_call() -> None:
    """Others may step between: the variable can change before the call begins."""
    found = graph("WdfRequestComplete(Current, STATUS_SUCCESS);")
    (copy,) = [
        node for node, read in nodes(found, flow.Set) if isinstance(read.value, typed.FieldOf) and read.value.driver
    ]
    assert isinstance(copy.next and copy.next.operation, flow.AtomBegin)


def test_each_expansion_of_a_helper_has_its_own_locals() -> None:
    found = graph("Put(1); Put(2);", "helper Put(x: 0..3) { y = x; N = y; }")
    values = {operation.value for _, operation in assignments(found, "N")}
    assert len(values) == 2 and all(isinstance(value, typed.Local) for value in values)


def test_return_leads_behind_the_call() -> None:
    found = graph("Put(); A = true;", "helper Put() { if (B) { return; } N = 1; }")
    (after,) = [node for node, line in nodes(found, flow.Line) if line.action == "A = true;"]
    (returned,) = [node for node, line in nodes(found, flow.Line) if line.action == "return;"]
    assert returned.next is after
    ((written, _),) = assignments(found, "N")
    assert written.next is after


def test_the_result_of_a_helper_is_a_local_of_the_caller() -> None:
    found = graph(
        "status = Try(); WdfRequestComplete(Request, status);",
        "helper Try() -> NTSTATUS { if (B) { return STATUS_CANCELLED; } return STATUS_SUCCESS; }",
    )
    values = {operation.value for _, operation in assignments(found, "status")}
    assert values == {typed.Const("STATUS_CANCELLED"), typed.Const("STATUS_SUCCESS")}


def test_a_call_inside_a_condition_comes_before_it() -> None:
    found = graph("if (A && NT_SUCCESS(WdfRequestMarkCancelableEx(Request, OnCancel))) { N = 1; }",
                  "callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }")  # fmt: skip
    ((begin, _),) = nodes(found, flow.AtomBegin)
    before = [node for node, test in nodes(found, flow.Test) if begin in reached(node)]
    assert before, "it runs only if A holds"


def reached(node: flow.Node) -> list[flow.Node]:
    return list(flow.reachable(node))


# ---------------------------------------------------------------- loops


def test_break_and_continue() -> None:
    found = graph("while (A) { if (B) { break; } if (C) { continue; } N = 1; } N = 2;")
    heads = [node for node, pause in nodes(found, flow.Pause) if pause.head]
    ((inside, _),) = [item for item in assignments(found, "N") if item[1].value == typed.Const(1)]
    ((after, _),) = [item for item in assignments(found, "N") if item[1].value == typed.Const(2)]
    assert inside in reached(inside.next) if inside.next else False
    assert inside not in reached(after)
    ((left, _),) = [
        item for item in nodes(found, flow.Outcome) if (item[1].action, item[1].result) == ("if (B)", "yes")
    ]
    assert left.next in heads and inside not in reached(left)
    ((on, _),) = [item for item in nodes(found, flow.Outcome) if (item[1].action, item[1].result) == ("if (C)", "yes")]
    assert on.next in heads and inside in reached(on)


def test_for_each_over_requests_goes_in_rounds() -> None:
    found = graph("for each r of Pending { r.Left = true; }", "context request { Left : bool; }")
    ((each, operation),) = nodes(found, flow.Each)
    assert each in reached(operation.body), "until none is left"
    (pause,) = [node for node, _ in nodes(found, flow.Pause) if node.next is each]
    assert pause is found.entry, "others may step between two rounds"


def test_for_each_over_objects_is_unrolled() -> None:
    text = """
        driver D { queue Reads : parallel; queue Second : manual; }
        ddi MyOpenAll() { for each q: queue where q.accept { q.accept = false; } }
        """
    found = program(text)
    routine = found.routines["MyOpenAll"]
    built = expand.graph(found, routine.body, routine.span, driver=False, atomic=True)
    written = {operation.target.base for _, operation in assignments(built, "accept")
               if isinstance(operation.target, typed.FieldOf)}  # fmt: skip
    assert written == {typed.Const(Obj("Reads")), typed.Const(Obj("Second"))}
    assert not nodes(built, flow.Each)


def test_a_thread_comes_back_to_its_beginning() -> None:
    once, again = graph("N = 1;"), graph("N = 1;", repeat=True)
    assert len(nodes(once, flow.End)) == 1
    assert not nodes(again, flow.End)
    assert all(again.entry in reached(node) for node in again.nodes)


def test_choices_are_ways() -> None:
    found = graph("choose { N = 1; } or { N = 2; } or { }")
    ((_, fork),) = nodes(found, flow.Fork)
    assert len(fork.ways) == 3


# ---------------------------------------------------------------- life of locals


def test_a_local_lives_from_its_assignment_to_its_last_use() -> None:
    found = graph("x = N; A = true; if (x == 1) { B = true; } C = true;")
    ((first, _),) = assignments(found, "x")
    ((between, _),) = assignments(found, "A")
    ((after, _),) = assignments(found, "C")
    assert "x" not in found.live[first.number]
    assert "x" in found.live[between.number]
    assert "x" not in found.live[after.number]


def test_a_local_that_a_loop_reads_lives_through_it() -> None:
    found = graph("x = N; while (A) { if (x == 1) { break; } B = true; }")
    ((inside, _),) = assignments(found, "B")
    assert "x" in found.live[inside.number], "the next round reads it"


def test_the_parameter_of_the_callback_lives_to_its_last_use() -> None:
    found = graph("A = true; WdfRequestComplete(Request, STATUS_SUCCESS); B = true;")
    ((before, _),), ((after, _),) = assignments(found, "A"), assignments(found, "B")
    assert "Request" in found.live[before.number]
    assert "Request" not in found.live[after.number]
