"""The ways in which one line of a driver can be left out or weakened, as edits of its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from wdfmc.language import ast
from wdfmc.language.edits import Edit, edited, erased, swapped
from wdfmc.mutants.spots import Spot, spots, spots_in, spots_of_line
from wdfmc.semantics import typed
from wdfmc.semantics.declarations import walk
from wdfmc.semantics.deeds import Deeds, deeds, opposites
from wdfmc.semantics.types import BoolType, StatusType
from wdfmc.source import Source, Span

Kind: TypeAlias = Literal["drop", "pair", "result", "test", "branch", "part", "swap"]
# What leaves something out; the others weaken a test or move a statement.
REMOVALS: Final[frozenset[Kind]] = frozenset({"drop", "pair", "result", "branch"})


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a driver. `line`: 1-based, the line that it is about. `words`: what is different."""

    kind: Kind
    line: int
    words: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    mutation: Mutation
    source: Source


def mutants_of_line(text: ast.Text, program: typed.Program, line: int) -> list[Mutant]:
    """What can be done to a 1-based line of a driver, each resulting text once. Empty if no statement is there."""
    known = Mutations(text, program)
    found = [mutation for spot in spots_of_line(text, line) for mutation in known.of(spot)]
    found += (m for spot in spots_of_line(text, line) if (m := known.swapped_with_last(spot)) is not None)
    return distinct(text.source, [*found, *known.of_bindings(line)])


def mutants_of_text(text: ast.Text, program: typed.Program) -> list[Mutant]:
    """What can be done to all lines, each resulting text once, in the order of the lines."""
    known = Mutations(text, program)
    found = [mutation for spot in spots(text) for mutation in known.of(spot)]
    return distinct(text.source, sorted([*found, *known.of_bindings(None)], key=lambda mutation: mutation.line))


def distinct(source: Source, mutations: Sequence[Mutation]) -> list[Mutant]:
    found: dict[str, Mutant] = {}
    for mutation in mutations:
        mutant = Mutant(mutation, edited(source, mutation.edits))
        found.setdefault(mutant.source.text, mutant)
    return list(found.values())


class Mutations:
    """Args:
    text: the driver.
    program: the same, typed: it has the calls of the library, whose bodies say what undoes what.
    """

    def __init__(self, text: ast.Text, program: typed.Program) -> None:
        self.text = text
        self.deeds: Mapping[str, Deeds] = deeds(program)
        self.successes = successes(program)

    def of(self, spot: Spot) -> Iterator[Mutation]:
        """Of a statement, but not of those inside it."""
        yield from self.without(spot)
        yield from self.without_result(spot)
        match spot.statement:
            case ast.If(condition, then, otherwise):
                yield from self.of_test(spot, condition)
                if otherwise is not None:
                    after = Span(self.text.source, then.span.end, otherwise.span.end)
                    yield self.mutation("branch", otherwise, "without the `else`", erased(after))
            case ast.While(condition, _):
                yield from self.of_parts(spot, condition)
                yield self.test(spot, condition, always=False)
            case _:
                pass
        if spot.following is not None:
            yield self.swap(spot, spot.following)

    def swapped_with_last(self, spot: Spot) -> Mutation | None:
        """The statement and the one before it in the same block, said of this one."""
        if spot.at == 0:
            return None
        before = Spot(spot.routine, spot.block, spot.at - 1, spot.around)
        moved = self.swap(before, spot)
        return Mutation("swap", spot.statement.span.line, moved.words, moved.edits)

    def mutation(self, kind: Kind, node: ast.Node, words: str, *edits: Edit) -> Mutation:
        return Mutation(kind, node.span.line, words, edits)

    def removal(self, spot: Spot) -> Edit:
        """A statement without braces leaves an empty block."""
        return Edit(spot.statement.span, "{ }") if spot.bare else erased(spot.statement.span)

    # ------------------------------------------------------------ leaving out

    def without(self, spot: Spot) -> Iterator[Mutation]:
        statement = spot.statement
        match statement:
            case ast.Evaluate(ast.Call(ast.Name(name))):
                pair = self.partners(spot)
                begins = bool(self.deeds.get(name, Deeds()).begins)
                if not (pair and begins):
                    yield self.mutation("drop", statement, f"without `{head(statement)}`", self.removal(spot))
                if pair:
                    yield self.mutation(
                        "pair", statement, f"without {listed([spot, *pair])}", *map(self.removal, [spot, *pair])
                    )
            case ast.If() | ast.While() | ast.Block():
                pass  # their tests are weakened, and what is in them is left out
            case ast.Declare(value=None):
                pass
            case _:
                yield self.mutation("drop", statement, f"without `{head(statement)}`", self.removal(spot))

    def partners(self, spot: Spot) -> list[Spot]:
        """The calls in the same routine that undo what this one does, on the paths that lead on from it, and back."""
        call = call_of(spot)
        if call is None or not isinstance(call.callee, ast.Name):
            return []
        name = call.callee.id
        own = self.deeds.get(name, Deeds())
        inside = list(spots_in(spot.routine, spot.routine.body, ()))
        opposite = {
            id(other.statement): other
            for other in inside
            if (found := call_of(other)) is not None
            and isinstance(found.callee, ast.Name)
            and found.callee.id in opposites(self.deeds, name)
            and found.args[:1] == call.args[:1]
        }
        if own.begins:
            return [opposite[at] for at in opposite if at in reached(spot, opposite)]
        for other in opposite.values():  # the one that this call undoes, and what else undoes it
            pair = self.partners(other) if id(spot.statement) in reached(other, {id(spot.statement): spot}) else []
            if any(each.statement is spot.statement for each in pair):
                return [other, *(each for each in pair if each.statement is not spot.statement)]
        return []

    def without_result(self, spot: Spot) -> Iterator[Mutation]:
        """Calls whose result is used: the call is left out, as if it had succeeded."""
        for part in expressions(spot.statement):
            for node in walk(part):
                if isinstance(node, ast.Call) and isinstance(node.callee, ast.Name):
                    success = self.successes.get(node.callee.id)
                    if success is not None and not (isinstance(spot.statement, ast.Evaluate) and node is part):
                        words = f"without `{node.callee.id}`, as if it gave {success}"
                        yield Mutation("result", spot.statement.span.line, words, (Edit(node.span, success),))

    # ------------------------------------------------------------ tests

    def of_test(self, spot: Spot, condition: ast.Expr) -> Iterator[Mutation]:
        yield self.test(spot, condition, always=True)
        yield self.test(spot, condition, always=False)
        yield from self.of_parts(spot, condition)

    def test(self, spot: Spot, condition: ast.Expr, always: bool) -> Mutation:
        """The test decides nothing; its calls are made all the same."""
        words = f"`{shown(condition)}` taken to be {'true' if always else 'false'}"
        return self.mutation("test", spot.statement, words, self.decided(condition, always))

    def decided(self, condition: ast.Expr, value: bool) -> Edit:
        written = condition.span.text
        if isinstance(condition, ast.Binary | ast.Conditional):
            written = f"({written})"
        return Edit(condition.span, f"{written} || true" if value else f"{written} && false")

    def of_parts(self, spot: Spot, condition: ast.Expr) -> Iterator[Mutation]:
        """Each part of `A && B` or `A || B` decides nothing."""
        match condition:
            case ast.Binary("&&" | "||" as op, left, right):
                for part in (left, right):
                    if isinstance(part, ast.Binary) and part.op == op:
                        yield from self.of_parts(spot, part)
                    else:
                        edit = self.decided(part, op == "&&")
                        words = f"without `{shown(part)}` in the test"
                        yield self.mutation("part", spot.statement, words, Edit(edit.span, f"({edit.text})"))
            case _:
                pass

    # ------------------------------------------------------------ order, and what the framework calls

    def swap(self, spot: Spot, following: Spot) -> Mutation:
        words = f"`{head(spot.statement)}` after `{head(following.statement)}`"
        return self.mutation("swap", spot.statement, words, *swapped(spot.statement.span, following.statement.span))

    def of_bindings(self, line: int | None) -> Iterator[Mutation]:
        """Callbacks of objects that the framework is not told of, on a line or on all."""
        for node in walk(self.text.items):
            if isinstance(node, ast.Binding) and line in (None, node.span.line):
                yield self.mutation("drop", node, f"without `{node.span.text.rstrip(';')}`", erased(node.span))


def without_idle_writes(text: ast.Text, unread: Sequence[Span]) -> Source:
    """What is written to a local that nobody reads any more is written no more; calls are still made.

    unread: the names at such assignments.
    """
    edits = []
    for spot in spots(text):
        match spot.statement:
            case ast.Assign(ast.Name() as target, value) if target.span in unread:
                span = spot.statement.span
                call = isinstance(value, ast.Call)
                edits.append(Edit(Span(text.source, span.start, value.span.start), "") if call else erased(span))
            case _:
                pass
    return edited(text.source, edits)


def reached(spot: Spot, ends: Mapping[int, Spot]) -> set[int]:
    """Which of some statements come first on the paths that lead on from a statement, by their `id`."""
    found: set[int] = set()

    def run(block: ast.Block, start: int) -> bool:
        """Whether the end of the block is reached with nothing found on the way."""
        return all(through(statement) for statement in block.statements[start:])

    def through(statement: ast.Statement) -> bool:
        if id(statement) in ends:
            found.add(id(statement))
            return False
        match statement:
            case ast.If(_, then, otherwise):
                open_then = run(then, 0)
                open_else = otherwise is None or run(otherwise, 0)
                return open_then or open_else
            case ast.While(_, body) | ast.ForEach(_, _, _, _, body):
                run(body, 0)
                return True
            case ast.Block() as block:
                return run(block, 0)
            case ast.Synchronize(_, body):
                return run(body, 0)
            case ast.Choose(alternatives):
                ends_open = [run(each, 0) for each in alternatives]  # all of them are looked at
                return any(ends_open)
            case ast.Return() | ast.Break() | ast.Continue():
                return False
            case _:
                return True

    here: Spot | None = spot
    around = list(spot.around)
    while here is not None and run(here.block, here.at + 1):
        here = around.pop() if around else None
    return found


def call_of(spot: Spot) -> ast.Call | None:
    statement = spot.statement
    return statement.call if isinstance(statement, ast.Evaluate) and isinstance(statement.call, ast.Call) else None


def expressions(statement: ast.Statement) -> tuple[ast.Expr, ...]:
    """What a statement itself computes."""
    match statement:
        case ast.Assign(_, value):
            return (value,)
        case ast.Declare(value=value) | ast.Return(value):
            return () if value is None else (value,)
        case ast.If(condition, _, _) | ast.While(condition, _):
            return (condition,)
        case ast.Evaluate(call):
            return (call,)
        case _:
            return ()


def successes(program: typed.Program) -> dict[str, str]:
    """How the result of a DDI is written when all is well, for those that have one."""
    status = next(name for name, value in program.statuses.items() if value == 0)
    found: dict[str, str] = {}
    for routine in program.routines.values():
        if routine.ddi and isinstance(routine.result, StatusType | BoolType):
            found[routine.name] = status if isinstance(routine.result, StatusType) else "true"
    return found


def head(statement: ast.Statement) -> str:
    """A statement in one line; of one with a body, what stands before it."""
    match statement:
        case ast.If(condition, _, _):
            return f"if ({shown(condition)})"
        case ast.While(condition, _):
            return f"while ({shown(condition)})"
        case _:
            return shown(statement).split("{")[0].strip().rstrip(";")


def shown(node: ast.Node) -> str:
    return " ".join(node.span.text.split())


def listed(group: Sequence[Spot]) -> str:
    first, *others = group
    more = " and ".join(f"`{head(other.statement)}` in line {other.statement.span.line}" for other in others)
    return f"`{head(first.statement)}` and {more}"
