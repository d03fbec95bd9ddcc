"""Idioms about results: who asks what a call has answered, and does what the answer demands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wdfmc.language import ast
from wdfmc.language.edits import Edit
from wdfmc.mutants.mutations import call_of, reached
from wdfmc.mutants.spots import Spot, spots_in
from wdfmc.repairs.driver import Driver, Repair, after, assigned, first_argument, inline, mentions
from wdfmc.semantics import typed
from wdfmc.semantics.deeds import Deeds, statements
from wdfmc.semantics.types import RefType, StatusType, VoidType
from wdfmc.source import Span

EMPTY: Final = Deeds()
TEST: Final = "test this result"
REPORT: Final = "use the call that reports instead of calling back"
STATUS: Final = "status"


def test_result(driver: Driver) -> Iterator[Repair]:
    """The result of a call was dropped. If it failed its request is forgotten, or the callback ends, or the rest is
    not done.
    """
    for spot in driver.spots:
        call = call_of(spot)
        if call is None or not isinstance(call.callee, ast.Name) or call.callee.id not in driver.successes:
            continue
        written = call.span.text
        success = written if driver.successes[call.callee.id] == "true" else f"NT_SUCCESS({written})"
        name = call.callee.id
        subject = first_argument(spot)
        if subject is not None and subject in assigned(spot.routine):
            yield tested(spot, f"if (!{success}) {{ {subject} = null; }}", f"if {name} fails, forget {subject}")
        releases = " ".join(held_to(driver, spot))
        yield tested(spot, f"if (!{success}) {{ {releases} return; }}", f"if {name} fails, return")
        if spot.following is not None:
            last = spot.block.statements[-1].span
            body = Span(last.source, spot.following.statement.span.start, last.end)
            edits = (Edit(spot.statement.span, f"if ({success}) {{"), Edit(Span(last.source, last.end, last.end), " }"))
            yield Repair(TEST, f"go on to line {body.source.position(body.end)[0]} only if {name} succeeds", edits)


def tested(spot: Spot, text: str, words: str) -> Repair:
    return Repair(TEST, f"{words} (line {spot.statement.span.line})", (Edit(spot.statement.span, text),))


def held_to(driver: Driver, spot: Spot) -> list[str]:
    """The calls that give back the locks which are held at a statement, as they follow on it."""
    found = []
    for other in spots_in(spot.routine, spot.routine.body, ()):
        call = call_of(other)
        if call is not None and isinstance(call.callee, ast.Name):
            deed = driver.deeds.get(call.callee.id, EMPTY)
            if deed.locks and deed.ends and id(other.statement) in reached(spot, {id(other.statement): other}):
                found.append(other.statement.span.text)
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------- a call that reports


def report_failure(driver: Driver) -> Iterator[Repair]:
    """A call that runs a callback in place gives way to one that returns a status; a failure is undone and reported."""
    for spot in driver.spots:
        call = call_of(spot)
        subject = first_argument(spot)
        if call is None or not isinstance(call.callee, ast.Name) or subject is None:
            continue
        for better in reporting(driver.program, driver, call.callee.id):
            yield from reported(driver, spot, call, better, subject)


def reporting(program: typed.Program, driver: Driver, name: str) -> Iterator[str]:
    """The calls with the same arguments and a common event that give a status and run no callback."""
    known = {routine.name: routine for routine in program.routines.values() if routine.ddi}
    old = known.get(name)
    if old is None or not driver.deeds[name].calls_back or not isinstance(old.result, VoidType):
        return
    for other in known.values():
        alike = [each.type for each in other.parameters] == [each.type for each in old.parameters]
        reports = isinstance(other.result, StatusType) and not driver.deeds[other.name].calls_back
        if alike and reports and events(other) & events(old):
            yield other.name


def events(routine: typed.Routine) -> frozenset[str]:
    return frozenset(found.event for found in statements(routine.body) if isinstance(found, typed.Emit))


def reported(driver: Driver, spot: Spot, call: ast.Call, better: str, subject: str) -> Iterator[Repair]:
    end = ending(driver)
    if end is None:
        return
    arguments = ", ".join(argument.span.text for argument in call.args)
    failed = f"if (!NT_SUCCESS({STATUS}))"
    undone = [undo for each in spot.block.statements[: spot.at] if (undo := undoing(each, subject)) is not None]
    text = f"{STATUS} = {better}({arguments});"
    if undone:
        text += f"\n{failed} {{ {' '.join(undone)} }}"
    finish = f"{failed} {{ {end}({subject}, {STATUS}); }}"
    releases = [
        other
        for other in spots_in(spot.routine, spot.routine.body, ())
        if (found := call_of(other)) is not None
        and isinstance(found.callee, ast.Name)
        and driver.deeds.get(found.callee.id, EMPTY).locks
        and id(other.statement) in reached(spot, {id(other.statement): other})
    ]
    old = call.span.text.partition("(")[0]
    words = f"{better} for {old} in line {spot.statement.span.line}; end {subject} if it fails"
    if inline(spot) or mentions(spot.routine.body, STATUS):
        return
    if not releases:
        yield Repair(REPORT, words, (Edit(spot.statement.span, f"{text} {finish}"),))
    elif len(releases) == 1:
        yield Repair(REPORT, words, (Edit(spot.statement.span, text), after(releases[0], finish)))


def undoing(statement: ast.Statement, subject: str) -> str | None:
    """What takes a request out of the set or the variable that a statement has put it into."""
    match statement:
        case ast.Change("add" | "append", ast.Name(name), container) if name == subject:
            return f"remove {subject} from {container.span.text};"
        case ast.Assign(target, ast.Name(name)) if name == subject:
            return f"{target.span.text} = null;"
        case _:
            return None


def ending(driver: Driver) -> str | None:
    """The call of this driver that ends a request with a status."""
    found = {
        routine.name
        for routine in driver.program.routines.values()
        if routine.ddi
        and isinstance(routine.result, VoidType)
        and [type(each.type) for each in routine.parameters] == [RefType, StatusType]
    }
    used = [call_of(spot) for routine in driver.routines for spot in spots_in(routine, routine.body, ())]
    names = [call.callee.id for call in used if call is not None and isinstance(call.callee, ast.Name)]
    return next((name for name in names if name in found), None)
