"""What can run, by the lowering and the explicit search, against what the direct interpreter runs, on random drivers.

The interpreter shares no code with the lowering. It looks at every configuration, and notes each statement that it
begins, each way that a condition goes, and each callback that it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.test_lowering import program_of
from tests.drivers import random_driver
from wdfmc.checking import Options
from wdfmc.coverage import coverage, named
from wdfmc.semantics import typed
from wdfmc.source import Span
from wdfmc.system.places import passing
from wdfmc.traces.interpreter import Machine
from wdfmc.traces.statements import MODEL_BOUND, Code, Instruction, Style
from wdfmc.traces.world import Activation, World

ROOT = Path(__file__).parents[2]
LIMIT = 6_000  # configurations of the interpreter
SEEDS = range(30)
EXAMPLES = sorted((ROOT / "tests" / "rules").glob("*/*.wdf"))[::3]


class Noting(Machine):
    """`ran`: the names of the places that some run has come to."""

    def __init__(self, program: typed.Program, slots: int) -> None:
        self.ran: set[str] = set()
        super().__init__(program, slots, spare=0)

    def note(self, span: Span, way: str = "") -> None:
        self.ran.add(passing(span, way))

    def begin(self, world: World, found: Activation) -> None:
        super().begin(world, found)
        self.note(self.program.callbacks[found.name].span)

    def statement(self, statement: typed.Statement, style: Style) -> Iterator[Instruction]:
        if not style.stepwise:
            yield from super().statement(statement, style)
            return
        yield Instruction(statement.span, lambda world: self.note(statement.span), silent=True)
        match statement:
            case typed.If(span, condition, then, otherwise):
                yes, no = self.way(span, "yes", then, style), self.way(span, "no", otherwise, style)
                yield self.branch(span, condition, yes, no, style)
            case typed.While(span, before, condition, body):
                loop = Code(again=True)
                stop = self.way(span, "no", (), style)
                stop.items.append(Instruction(span, World.break_loop, silent=True))
                loop.items += self.block(before, style).items
                loop.items.append(self.branch(span, condition, self.way(span, "yes", body, style), stop, style))
                yield Instruction(span, lambda world: world.push(loop), silent=True)
            case _:
                yield from super().statement(statement, style)

    def way(self, span: Span, word: str, block: typed.Block, style: Style) -> Code:
        code = self.block(block, style)
        code.items.insert(0, Instruction(span, lambda world: self.note(span, word), silent=True))
        return code

    def complete(self) -> bool:
        """Look at every configuration; False if there are too many, or a bound of the model is hit."""
        seen = {self.initial}
        level = [self.initial]
        while level:
            following = []
            for configuration in level:
                for move in self.moves(configuration):
                    if move.broken == MODEL_BOUND:
                        return False
                    if move.after is not None and move.after not in seen:
                        seen.add(move.after)
                        following.append(move.after)
            if len(seen) > LIMIT:
                return False
            level = following
        return True


def compare(text: str, requests: int = 1) -> None:
    program = program_of(text)
    machine = Noting(program, requests)
    if not machine.complete():
        pytest.skip("too many configurations")
    found = coverage(program, Options(requests=requests), None)
    assert found.reason is None
    places = {name: place for name, place in named(found.places) if place.kind != "outcome"}
    runs = {name for name, place in places.items() if place.runs}
    assert machine.ran & set(places) == runs, sorted(machine.ran & set(places) ^ runs)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_drivers(seed: int) -> None:
    compare(random_driver(seed))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_examples_of_the_rules(path: Path) -> None:
    compare(path.read_text(encoding="utf-8"))
