"""Idioms about locks: what is done under them, and what must not be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wdfmc.language import ast
from wdfmc.language.edits import Edit, removed
from wdfmc.mutants.mutations import call_of
from wdfmc.mutants.spots import Routine, Spot, blocks
from wdfmc.repairs.driver import Driver, Repair, after, before, called, inside, mentions
from wdfmc.semantics.declarations import walk
from wdfmc.semantics.deeds import Deeds, opposites
from wdfmc.semantics.types import VoidType
from wdfmc.source import Span

EMPTY: Final = Deeds()
NEW_LOCK: Final = "Lock"
FURTHEST: Final = 3  # statements over which a lock call is moved


def hold_lock(driver: Driver) -> Iterator[Repair]:
    """Every callback that uses a variable holds one lock while it does. A new lock, if the driver has none."""
    pair = lock_calls(driver)
    if pair is None:
        return
    known = own_locks(driver)
    for variable in driver.fields:
        users = [routine for routine in driver.routines if mentions(routine.body, variable.name)]
        for lock in known or [NEW_LOCK]:
            open_users = [user for user in users if not takes(driver, user, lock)]
            if not any(driver.passed(user) for user in open_users):
                continue
            for wide in (True, False):
                sections = [Section(driver, user, variable.name, lock, pair, wide) for user in open_users]
                edits = [edit for section in sections for edit in section.edits()]
                edits += [] if known else declared(driver, lock)
                where = ", ".join(user.name for user in open_users)
                how = "for as long as no callback may run inside" if wide else "from the first use to the last"
                words = f"hold {lock} where {where} {verb(open_users)} {variable.name}, {how}"
                yield Repair("hold the lock over these lines", words, tuple(edits))


def own_locks(driver: Driver) -> list[str]:
    """Those that the driver declares; others come with queues, devices and interrupts."""
    declared = {item.name for each in driver.text.items if isinstance(each, ast.Driver) for item in objects(each)}
    return [item.name for item in driver.program.objects.values() if item.sort == "lock" and item.name in declared]


def objects(driver: ast.Driver) -> Iterator[ast.Object]:
    return (item for item in driver.items if isinstance(item, ast.Object))


def verb(users: Sequence[Routine]) -> str:
    return "uses" if len(users) == 1 else "use"


def takes(driver: Driver, routine: Routine, lock: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.callee, ast.Name)
        and driver.deeds.get(node.callee.id, EMPTY).locks
        and mentions(node.args, lock)
        for node in walk(routine.body)
    )


def lock_calls(driver: Driver) -> tuple[str, str] | None:
    """Which calls take and give back a lock: those of the driver, else the first ones of the library without result."""
    simple = {
        routine.name
        for routine in driver.program.routines.values()
        if routine.ddi and len(routine.parameters) == 1 and isinstance(routine.result, VoidType)
    }
    acquires = [name for name, deed in driver.deeds.items() if deed.begins == {"lock 0"} and name in simple]
    own = [name for name in called(driver.text.items) if name in acquires]
    for acquire in [*own, *acquires]:
        undoing = [name for name in driver.deeds if name in opposites(driver.deeds, acquire) and name in simple]
        used = [name for name in called(driver.text.items) if name in undoing]
        for release in [*used, *undoing]:
            return acquire, release
    return None


def declared(driver: Driver, lock: str) -> list[Edit]:
    """A new lock, declared by the first other name that the library has for one."""
    from wdfmc.checking import library_texts

    framework, _ = library_texts()
    aliases = (item for part in framework for item in part.items if isinstance(item, ast.Alias) and item.sort == "lock")
    kind = next(aliases).name
    owner = next(item for item in driver.text.items if isinstance(item, ast.Driver))
    context = next(item for item in owner.items if isinstance(item, ast.Context))
    start = context.span.start
    return [Edit(Span(driver.text.source, start, start), f"{kind} {lock};\n")]


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of a routine over which a lock is held: around all that uses a variable.

    wide: it begins as early and ends as late as it can without a call during which a callback may run. Else it is as
        small as possible.
    """

    driver: Driver
    routine: Routine
    variable: str
    lock: str
    calls: tuple[str, str]
    wide: bool

    def edits(self) -> Iterator[Edit]:
        statements = self.routine.body.statements
        uses = [at for at, statement in enumerate(statements) if mentions(statement, self.variable)]
        first = uses[0]
        while self.wide and first and not self.driver.calls_back(statements[first - 1]):
            first -= 1
        yield before(self.spot(self.routine.body, first), f"{self.calls[0]}({self.lock});")
        yield from self.ended(self.routine.body, first)

    @property
    def release(self) -> str:
        return f"{self.calls[1]}({self.lock});"

    def spot(self, block: ast.Block, at: int) -> Spot:
        return Spot(self.routine, block, at)

    def ended(self, block: ast.Block, first: int) -> Iterator[Edit]:
        """Where the lock is given back on the paths through a block, in which it is held from a statement on."""
        statements = block.statements
        last = max(at for at, statement in enumerate(statements) if mentions(statement, self.variable))
        ending = statements[last]
        if isinstance(ending, ast.If) and self.driver.calls_back(blocks(ending)):
            yield from self.returns(statements[first:last])
            for branch in blocks(ending):
                if mentions(branch, self.variable):
                    yield from self.ended(branch, 0)
                else:
                    yield inside(branch, self.release)
            if ending.otherwise is None:
                yield Edit(end_of(ending), f" else {{ {self.release} }}")
            return
        while self.wide and last + 1 < len(statements) and self.harmless(statements[last + 1]):
            last += 1
        yield from self.returns(statements[first : last + 1])
        yield after(self.spot(block, last), self.release)

    def harmless(self, statement: ast.Statement) -> bool:
        """It may stand in the section: no callback runs in it, and it does not leave."""
        leaves = any(isinstance(node, ast.Return | ast.Break | ast.Continue) for node in walk(statement))
        return not leaves and not self.driver.calls_back(statement)

    def returns(self, statements: Sequence[ast.Statement]) -> Iterator[Edit]:
        """Who leaves the routine on the way gives the lock back."""
        for statement in statements:
            for node in walk(statement):
                if isinstance(node, ast.Return):
                    span = node.span
                    yield Edit(span, f"{{ {self.release} {span.text} }}")


def end_of(node: ast.Node) -> Span:
    return Span(node.span.source, node.span.end, node.span.end)


# ---------------------------------------------------------------- moving lock calls


def move_lock_call(driver: Driver) -> Iterator[Repair]:
    """A lock is taken sooner or later, or given back sooner or later, in the same block."""
    for spot in driver.spots:
        call = call_of(spot)
        if call is None or not isinstance(call.callee, ast.Name) or spot.bare:
            continue
        deed = driver.deeds.get(call.callee.id, EMPTY)
        if deed.locks:
            yield from moves(spot, "take the lock" if deed.begins else "give the lock back")


def moves(spot: Spot, what: str) -> Iterator[Repair]:
    text = spot.statement.span.text
    line = spot.statement.span.line
    many = len(spot.block.statements)
    for distance in range(1, FURTHEST + 1):
        for at, sooner in ((spot.at - distance, True), (spot.at + distance, False)):
            if 0 <= at < many:
                other = Spot(spot.routine, spot.block, at, spot.around)
                placed = before(other, text) if sooner else after(other, text)
                where = f"{'before' if sooner else 'after'} line {other.statement.span.line}"
                words = f"{what} {where}, not in line {line}: `{text.rstrip(';')}`"
                yield Repair(IDIOM_OF[what, sooner], words, (placed, removed(spot.statement.span)))


IDIOM_OF: Final = {
    ("take the lock", True): "hold the lock over these lines",
    ("take the lock", False): "take the lock later",
    ("give the lock back", True): "release the lock before this call",
    ("give the lock back", False): "hold the lock over these lines",
}
