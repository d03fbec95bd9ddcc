"""The lowered system against the direct interpreter, which shares no code with it, on small drivers.

Joining hides states between the statements of a transition. So every visible state of the lowered system is one of the
interpreter; where no callback and no thread of the driver is unfinished, it is also the other way round; and both break
the same contracts and safety rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.drivers import random_driver, surrounded_driver
from tests.lowered import random_run
from wdfmc import library
from wdfmc.language.parse import parse
from wdfmc.semantics import typed
from wdfmc.semantics.check import analyse
from wdfmc.source import Source
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import lower
from wdfmc.system.step import choices, step
from wdfmc.system.system import State, TransitionSystem
from wdfmc.traces.follow import Explored, Refuted, explore, follow, steps_of
from wdfmc.traces.statements import MODEL_BOUND
from wdfmc.traces.watch import SAFETY
from wdfmc.traces.world import Variables

ROOT = Path(__file__).parents[2]
DEADLOCK = "deadlock-free"
SMALL = 1_000  # states of a lowered system that is compared; where there are more its runs are followed
LIMIT = 12_000  # configurations of the interpreter
EXAMPLES = [  # a quarter of them in every run
    pytest.param(path, id=f"{path.parent.name}/{path.stem}", marks=[pytest.mark.long] * (number % 4 != 1))
    for number, path in enumerate(sorted((ROOT / "tests" / "rules").glob("*/*.wdf")))
]
CALLBACKS = sorted((ROOT / "tests" / "framework" / "callbacks").glob("*.wdf"))
MODELS = sorted((ROOT / "models").glob("*/*.wdf"))
WALKS, LENGTH = 5, 50  # random runs


@dataclass(frozen=True)
class Reached:
    """Breadth-first search of the lowered system. `came`: how each state was reached first."""

    system: TransitionSystem
    came: dict[State, tuple[State, int] | None]
    broken: dict[str, tuple[State, int]]
    complete: bool

    def path(self, state: State, last: int) -> tuple[list[State], list[int]]:
        """The states and transitions of a shortest run that takes transition `last` in a state."""
        states, transitions = [state], [last]
        while (before := self.came[state]) is not None:
            state, taken = before
            states.insert(0, state)
            transitions.insert(0, taken)
        return states, transitions


def reached(system: TransitionSystem, most: int) -> Reached:
    came: dict[State, tuple[State, int] | None] = {system.initial: None}
    broken: dict[str, tuple[State, int]] = {}
    level = [system.initial]
    while level and len(came) <= most:
        following = []
        for state in level:
            for chosen in choices(system, state):
                rule = system.transitions[chosen].violates
                if rule is not None:
                    broken.setdefault(rule, (state, chosen))
                elif (after := step(system, state, chosen)) not in came:
                    came[after] = state, chosen
                    following.append(after)
        level = following
    return Reached(system, came, broken, not level)


@cache
def texts() -> tuple[list[object], list[object]]:
    read = list(zip(library.sources(), library.texts(), strict=True))
    rules = [text for source, text in read if source.name.endswith("spec")]
    return [text for _, text in read if text not in rules], list(rules)


def program_of(text: str) -> typed.Program:
    framework, rules = texts()
    return analyse(parse(Source("<text>", text)), framework, rules)  # type: ignore[arg-type]


class Comparison:
    """Both ways of one driver, and what is only on one side."""

    def __init__(self, text: str, slots: int) -> None:
        self.program = program_of(text)
        self.watched = {name for name, rule in self.program.rules.items() if rule.form in SAFETY}
        self.goals = {name for name, rule in self.program.rules.items() if rule.form == "contract"} | self.watched
        self.slots = slots
        self.lowered = reached(instantiate(lower(self.program, frozenset({*self.goals, DEADLOCK})), slots), SMALL)
        known = set(Variables(self.program, slots).names)
        known |= {f"{name}.held" for name, item in self.program.objects.items() if item.sort == "lock"}
        variables = self.lowered.system.variables
        self.shown = [at for at, found in enumerate(variables) if found.name in known]
        library = [f" thread {thread.name} {thread.subject.name}" for thread in self.program.threads if thread.subject]
        self.counters = [
            at for at, found in enumerate(variables)
            if "pc " in found.name and found.name not in known and not found.name.endswith(tuple(library))
        ]  # fmt: skip

    def agree(self) -> None:
        """Raises AssertionError with what differs. Skips what is too large to compare."""
        if not self.lowered.complete:
            pytest.skip("too many states to compare")
        exact = self.explored(spare=0)
        # Where the bound on activations is hit the one of the two sees it later: it goes on a little further.
        wide = exact if MODEL_BOUND not in exact.broken else self.explored(spare=1)
        broken = set(self.lowered.broken) & self.goals
        narrow = exact if MODEL_BOUND in broken else wide
        states = set(map(self.visible, self.lowered.came))
        resting = {self.visible(state) for state in self.lowered.came if self.at_rest(state)}
        names = exact.names
        for message, found in (
            ("states only in the lowered system", states - wide.states),
            ("states at rest only in the lowered system", resting - wide.resting),
            ("states at rest only in the interpreter", narrow.resting - resting),
        ):
            assert not found, (message, len(found), dict(zip(names, min(found), strict=True)))
        assert broken - wide.broken == set(), "broken only in the lowered system"
        assert narrow.broken - broken - {MODEL_BOUND} == set(), "broken only in the interpreter"
        assert not narrow.deadlock or DEADLOCK in self.lowered.broken, "a deadlock only in the interpreter"

    def explored(self, spare: int) -> Explored:
        names = [self.lowered.system.variables[at].name for at in self.shown]
        found = explore(self.program, self.slots, LIMIT, names, spare, self.watched)
        if not found.complete:
            pytest.skip("too many configurations to compare")
        return found

    def visible(self, state: State) -> tuple[str, ...]:
        variables = self.lowered.system.variables
        return tuple(variables[at].domain[state[at]] for at in self.shown)

    def at_rest(self, state: State) -> bool:
        """No callback runs; a driver's thread has ended, has not begun, or stands at the end of its round (node 0)."""
        variables = self.lowered.system.variables
        return all(
            state[at] == variables[at].initial
            or variables[at].domain[state[at]] == "idle"
            or variables[at].domain[state[at]].endswith(".0")
            for at in self.counters
        )

    def follow_violations(self) -> None:
        """The shortest run to each broken rule is a run of the interpreter."""
        for rule, (state, last) in self.lowered.broken.items():
            if rule in self.goals:
                states, transitions = self.lowered.path(state, last)
                self.follow(states, transitions)

    def follow_random_runs(self) -> None:
        system = self.lowered.system
        for seed in range(WALKS):
            states, taken = random_run(system, seed, LENGTH)
            self.follow(states, taken)

    def follow(self, states: list[State], transitions: list[int]) -> None:
        found = follow(self.program, self.slots, steps_of(self.lowered.system, states, transitions))
        assert not isinstance(found, Refuted), found


def compare(text: str, slots: int) -> None:
    compared = Comparison(text, slots)
    compared.follow_violations()
    compared.agree()


# Each of these once told the two apart.
ANY_IS_NOT_THE_FIRST = """driver P {
    queue   Reads : parallel, front { EvtIoRead = OnRead; }
    context device { Pending : set of request; }
    callback OnRead(Request) {
        add Request to Pending;
        r = any of Pending;
        if (r != Request) { WdfRequestComplete(r, STATUS_SUCCESS); WdfRequestComplete(r, STATUS_SUCCESS); }
    }
}"""
A_WRITTEN_ARGUMENT_IS_AN_ACCESS = """driver P {
    queue   Reads : parallel, front { EvtIoRead = OnRead; }
    context request { Count : 0..3; }
    callback OnRead(Request) {
        WdfRequestComplete(Request, STATUS_SUCCESS);
        InterlockedIncrement(&Request.Count);
    }
}"""
BEING_ALIVE_IS_NO_MOVER = """driver P {
    queue   Reads  : parallel, front, scope queue { EvtIoRead = OnRead; }
    queue   Second : manual { EvtIoCanceledOnQueue = OnCancel; }
    context request { Mine : bool; }
    thread  Runner {
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Second, &r))) { WdfRequestComplete(r, STATUS_SUCCESS); }
    }
    callback OnRead(Request) {
        if (!NT_SUCCESS(WdfRequestForwardToIoQueue(Request, Second))) {
            WdfRequestComplete(Request, STATUS_SUCCESS);
            return;
        }
        Request.Mine = TRUE;
    }
    callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }
}"""
A_VIOLATION_IS_NO_MOVER = """driver P {
    queue   Reads : parallel, front { EvtIoRead = OnRead; }
    context device { Pending : set of request; }
    timer   Runner : armed, periodic { EvtTimerFunc = OnRun; }
    callback OnRun() {
        found = any of Pending;
        if (found != null) { WdfRequestUnmarkCancelable(found); }
    }
    callback OnRead(Request) {
        if (NT_SUCCESS(WdfRequestMarkCancelableEx(Request, OnCancel))) { add Request to Pending; }
    }
    callback OnCancel(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); add Request to Pending; }
}"""
A_FIELD_OF_A_REQUEST_IS_SHARED = """driver P {
    queue   Reads : parallel, front { EvtIoRead = OnRead; }
    context device { Pending : set of request; }
    context request { Mine : bool; }
    callback OnRead(Request) {
        if (NT_SUCCESS(WdfRequestMarkCancelableEx(Request, OnCancel))) { add Request to Pending; }
        Request.Mine = !Request.Mine;
    }
    callback OnCancel(Request) {
        remove Request from Pending;
        if (!Request.Mine) { WdfRequestMarkCancelable(Request, OnCancel); }
    }
}"""
A_THREAD_RESTS_BETWEEN_ITS_ROUNDS = """driver P {
    queue    Reads : parallel, front { EvtIoRead = OnRead; }
    spinlock Lock;
    context  device { Held : request?; Go : bool; }
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        if (Held == null) { Held = Request; Go = TRUE; }
        WdfSpinLockRelease(Lock);
    }
    thread   T {
        WdfSpinLockAcquire(Lock);
        go = Go;
        Go = FALSE;
        WdfSpinLockRelease(Lock);
        if (go) { WdfRequestComplete(Held, STATUS_SUCCESS); }
    }
}"""


A_RETURN_ENDS_A_ROUND = """driver P {
    queue    Reads : manual, front, takes_reads;
    context  device { Ready : bool; }
    thread   T {
        Ready = !Ready;
        if (Ready) { return; }
        if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Reads, &r))) { WdfRequestComplete(r, STATUS_SUCCESS); }
    }
}"""
A_LOCK_MAY_BE_AN_EXPRESSION = """driver P {
    queue    Reads : parallel, front, scope queue { EvtIoRead = OnRead; }
    spinlock A;
    callback OnRead(Request) {
        WdfSpinLockAcquire(A);
        WdfSpinLockRelease(A);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
    thread T {
        WdfSpinLockAcquire(A);
        WdfObjectAcquireLock(Reads);
        WdfObjectReleaseLock(Reads);
        WdfSpinLockRelease(A);
    }
}"""


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        (ANY_IS_NOT_THE_FIRST, 2),
        (A_WRITTEN_ARGUMENT_IS_AN_ACCESS, 1),
        (BEING_ALIVE_IS_NO_MOVER, 1),
        (A_VIOLATION_IS_NO_MOVER, 1),
        (A_FIELD_OF_A_REQUEST_IS_SHARED, 1),
        (A_THREAD_RESTS_BETWEEN_ITS_ROUNDS, 1),
        (A_RETURN_ENDS_A_ROUND, 1),
        (A_LOCK_MAY_BE_AN_EXPRESSION, 1),
    ],
)
def test_both_agree_where_they_did_not(text: str, slots: int) -> None:
    compare(text, slots)


@pytest.mark.parametrize("path", EXAMPLES)
def test_both_agree_on_the_examples_of_the_rules(path: Path) -> None:
    compare(path.read_text(encoding="utf-8"), slots=1)


@pytest.mark.parametrize("path", CALLBACKS, ids=lambda path: path.stem)
def test_both_agree_on_the_callbacks_of_the_framework(path: Path) -> None:
    compare(path.read_text(encoding="utf-8"), slots=1)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.long] * (path.parent.name == "drivers")) for path in MODELS],
)
def test_runs_of_models_can_be_followed(path: Path) -> None:
    compared = Comparison(path.read_text(encoding="utf-8"), slots=2)
    compared.follow_violations()
    compared.follow_random_runs()


@pytest.mark.long
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_both_agree_on_models(path: Path) -> None:
    compare(path.read_text(encoding="utf-8"), slots=1)


@pytest.mark.parametrize("seed", range(60))
def test_both_agree_on_random_drivers(seed: int) -> None:
    compare(random_driver(seed), slots=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60, 300))
def test_both_agree_on_more_random_drivers(seed: int) -> None:
    compare(random_driver(seed), slots=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_both_agree_about_two_requests(seed: int) -> None:
    compare(random_driver(seed), slots=2)


@pytest.mark.parametrize("seed", range(30))
def test_both_agree_on_random_drivers_with_files_and_contexts(seed: int) -> None:
    compare(surrounded_driver(seed), slots=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 200))
def test_both_agree_on_more_random_drivers_with_files_and_contexts(seed: int) -> None:
    compare(surrounded_driver(seed), slots=1)
