"""A run that breaks a rule, beside the closest one that goes well.

A run goes well if it comes to rest: every callback has ended, every request got what is owed to it, and no rule can be
broken at once. The closest one is about the same requests and shares as many transitions as possible. So whoever takes
the next step decides it: from there on no run comes to rest.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from wdfmc.checking import Goal, Model, Options, with_target
from wdfmc.decide import Instance, executed, lowered, run_engine
from wdfmc.engines.bmc import Bmc
from wdfmc.engines.engine import Path, Violated
from wdfmc.engines.resting import GaveUp, Resting
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lower import OutOfTime
from wdfmc.system.ordered import ordered
from wdfmc.system.slice import Slice, sliced
from wdfmc.system.system import Variable
from wdfmc.traces.delivery import Delivery
from wdfmc.traces.explain import explained, lifted
from wdfmc.traces.follow import Refuted as NoRun
from wdfmc.traces.follow import follow, steps_of
from wdfmc.traces.replay import Refuted
from wdfmc.verdict import Result, Trace, TraceStep, Word


@dataclass(frozen=True, slots=True)
class Beside:
    """Args:
    bad: breaks the rule.
    good: comes to rest; None if there is none, or if it was not found: `reason` says which.
    common: how many steps the two share, as printed.
    """

    bad: Trace
    good: Trace | None
    common: int
    reason: str | None = None


def beside(model: Model, result: Result, before: Sequence[Result], options: Options, deadline: float | None) -> Beside:
    """Args:
        result: a violation, with its basis.
        before: all verdicts on the model. What it breaks anyway does not keep a run from going well.

    Raises:
        OutOfTime: the model is not even lowered at the deadline.
    """
    basis = result.basis
    assert basis is not None
    program = with_target(model.program, basis.target, options.target is not None)
    goals = [Goal(rule, basis.target, None) for rule in basis.rules]
    instance = lowered(program, goals, options, basis.overlaps, deadline)
    part = sliced(instance.system, frozenset(basis.part), instance.contracts)
    run = violation(instance, part, result.rule, options, deadline)
    bad = explained(instance.full, run)
    broken = {other.rule for other in before if other.verdict is Word.VIOLATED and other.rule != result.rule}
    rules = instance.contracts.union(instance.program.rules) - (broken - instance.contracts)
    try:
        good = closest(instance, run, rules, deadline)
    except GaveUp as problem:
        return Beside(bad, None, 0, str(problem))
    if good is None:
        return Beside(bad, None, 0, "every run that begins so breaks a rule, or never comes to rest")
    trace = explained(instance.full, good)
    return Beside(bad, trace, shared(bad.steps, trace.steps))


def violation(instance: Instance, part: Slice, rule: str, options: Options, deadline: float | None) -> Path:
    """The run that the trace of the verdict shows, of the unreduced system.

    Raises:
        OutOfTime: it is not found again.
    """
    small = instantiate(part.system, instance.requests)
    depth = Bmc().depth if options.depth is None else options.depth
    delivery = Delivery(small, depth, deadline)
    for goal, _, outcome in run_engine(small, [rule], options, deadline):
        found = delivery.kept(goal, outcome)
        if isinstance(found, Violated):
            return lifted(part, small, instance.full, found.path)
    raise OutOfTime


def closest(instance: Instance, run: Path, rules: Set[str], deadline: float | None) -> Path | None:
    """The run that goes well and leaves the other one last; None if none does.

    Args:
        rules: what is to hold, and what is to be owed no more.

    Raises:
        GaveUp: the search is not finished.
        Refuted: the interpreter does not agree; an internal error with both sides.
    """
    line = ordered(instance.full)  # requests leave their queues in order
    counters = [at for at, found in enumerate(line.variables) if is_counter(instance, found)]
    taken = run.transitions[:-1] if run.end == "violation" else run.transitions
    states = executed(line, Path(taken, "stuck"))
    requests = frozenset(slot for number in run.transitions for slot in line.transitions[number].slots)
    search = Resting(line, counters, rules, requests, deadline=deadline)
    for shared_transitions in reversed(range(1, len(states))):
        rest = search.run_from(states[shared_transitions])
        if rest is not None:
            good = Path((*taken[:shared_transitions], *rest), "stuck")
            check_run(instance, good)
            return good
    return None


def is_counter(instance: Instance, variable: Variable) -> bool:
    """Whether it says where a callback or a thread of the driver stands. The framework's own threads go on for ever."""
    variables = instance.system.variables
    if not 0 <= variable.template < len(variables) or variables[variable.template].kind != "pc":
        return False  # those that `ordered` adds belong to no template
    return not any(each.library and f"thread {each.name}" in variable.name for each in instance.program.threads)


def check_run(instance: Instance, run: Path) -> None:
    """Executed by `step`, and by the interpreter of the typed program, as every trace that is shown."""
    steps = steps_of(instance.full, executed(instance.full, run), run.transitions)
    found = follow(instance.program, instance.requests, steps, overlaps=instance.overlaps, in_order=True)
    if isinstance(found, NoRun):
        raise Refuted(f"the run that goes well: step {found.step + 1} ({found.actor}): {found.reason}")


def shared(one: Sequence[TraceStep], other: Sequence[TraceStep]) -> int:
    """How many steps two traces begin alike with."""

    def told(found: TraceStep) -> object:
        return found.actor, found.action, found.result, found.span, found.changes

    same = 0
    for first, second in zip(one, other, strict=False):
        if told(first) != told(second):
            break
        same += 1
    return same
