"""`wdfmc simulate`: step through the runs of a model, at a prompt or from a pipe."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, INTERRUPTED, complain, show
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.source import Source
from wdfmc.usage import STDIN, model_files

if TYPE_CHECKING:
    from wdfmc.checking import Model, Options
    from wdfmc.simulation.saved import SavedRun
    from wdfmc.simulation.session import Session
    from wdfmc.simulation.stepwise import Stepwise

BROKEN: Final = 1  # of `--random`: the run breaks a rule
PROMPT: Final = "> "
STEPS: Final = 30
EXITS: Final = """\b
Exit codes:
  0    the session is over; with --random: the run breaks no rule
  1    with --random: the run breaks a rule
  2    the command line, the model or the saved run is wrong
  70   internal error
  130  interrupted"""


@click.command("simulate", epilog=EXITS)
@click.argument("model")
@option.specs("Also watch the rules of this file.")
@click.option("--requests", type=click.IntRange(min=1), help="Requests in one run.  [default: 2, or as in the trace]")
@option.target
@click.option("--rule", metavar="NAME", help="Check this rule and follow its counterexample.")
@click.option("--from-trace", "saved", metavar="FILE", help="Follow a saved run, or a trace of a JSON report.")
@click.option("--at", type=click.Choice(["start", "end"]), help="Where to begin in the trace.  [default: start]")
@click.option("--random", "chance", is_flag=True, help="No session: print one run by chance.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="The same N gives the same run (--random).")
@click.option("--steps", type=click.IntRange(min=1), metavar="K", help=f"Up to so many (--random).  [default: {STEPS}]")
def command(
    model: str,
    specs: tuple[Path, ...],
    requests: int | None,
    target: str | None,
    rule: str | None,
    saved: str | None,
    at: str | None,
    chance: bool,
    seed: int | None,
    steps: int | None,
) -> int:
    """Step through the runs of MODEL: what can happen now is listed, choose by number; `help` tells the rest.

    Commands may also come from a pipe or a file, one in a line.
    """
    wrong = contradictory(model=model, chance=chance, seed=seed, steps=steps, rule=rule, saved=saved, at=at)
    if wrong:
        raise Rejected(wrong)
    from wdfmc.checking import Options

    trace: SavedRun | None = None
    if saved is not None:
        from wdfmc.simulation.saved import saved_run

        trace = saved_run(Path(saved), rule)
        rule = rule or trace.rule
    path = only(model)
    size = requests or (trace.requests if trace else None) or 2
    options = Options(specs, (), size, target, jobs=1)
    loaded = right(path, options, rule)
    if rule is not None and trace is None:
        trace = counterexample(path, replace(options, rules=(rule,), jobs=os.cpu_count() or 1, widening=0))
        if trace.requests != options.requests:
            options = replace(options, requests=trace.requests or size)
    system = built(loaded, options)
    if chance:
        return sample(system, secrets.randbelow(10**6) if seed is None else seed, steps or STEPS)
    return converse(system, trace, saved or f"the trace of {rule}", at == "end")


def contradictory(
    *, model: str, chance: bool, seed: int | None, steps: int | None, rule: str | None, saved: str | None,
    at: str | None,
) -> list[Diagnostic]:  # fmt: skip
    found = []
    for name, value in (("--seed", seed), ("--steps", steps)):
        if value is not None and not chance:
            found.append(Diagnostic("WDF905", f"`{name}` is about `--random`", help="add it, or leave this out"))
    if chance and (rule is not None or saved is not None):
        option = "--rule" if saved is None else "--from-trace"
        found.append(Diagnostic("WDF905", f"`--random` follows no trace, so `{option}` has no meaning"))
    if at is not None and rule is None and saved is None:
        found.append(Diagnostic("WDF905", "`--at` is about a trace", help="give one by `--rule` or `--from-trace`"))
    if model == STDIN and not chance:
        found.append(Diagnostic("WDF905", "the commands come from stdin, so the model cannot", help="name a file"))
    return found


def only(model: str) -> Path | Source:
    """Raises Rejected: no file, or several."""
    paths = model_files([model])
    if len(paths) > 1:
        raise Rejected([Diagnostic("WDF901", f"`{model}`: one model is simulated at a time")])
    return paths[0]


def right(path: Path | Source, options: Options, rule: str | None) -> Model:
    """The model with its goals, and a rule that is off by default. Raises Rejected."""
    from wdfmc.checking import Goal, default_target, loaded
    from wdfmc.diagnostics import did_you_mean

    models, diagnostics = loaded([path], options)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    complain(diagnostics)
    (model,) = models
    if rule is None or any(goal.rule == rule for goal in model.goals):
        return model
    if rule not in model.program.rules:
        advice = did_you_mean(rule, model.program.rules)
        raise Rejected([Diagnostic("WDF208", f"there is no rule `{rule}`", (), advice)])
    return replace(model, goals=(*model.goals, Goal(rule, default_target(model.program, rule), None)))


def built(model: Model, options: Options) -> Stepwise:
    from wdfmc.simulation.stepwise import stepwise
    from wdfmc.system.paths import NotExpressible

    try:
        return stepwise(model, options)
    except NotExpressible as problem:
        raise Rejected([Diagnostic("WDF914", f"{model.path} cannot be simulated: {problem}")]) from None


def counterexample(path: Path | Source, options: Options) -> SavedRun:
    """What breaks the rule. Raises Rejected if a check finds nothing."""
    from wdfmc.checking import check_models
    from wdfmc.commands.check import Decided, progress
    from wdfmc.progress import Meter, listening
    from wdfmc.progress_display import watched
    from wdfmc.reports.phrases import verdict_phrase
    from wdfmc.simulation.following import marks_of
    from wdfmc.simulation.saved import SavedRun

    (rule,) = options.rules
    done, meter, begun = Decided(), Meter(), time.monotonic()
    with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
        results = check_models([path], options, done.add).models[0].results
    for result in results:
        if result.rule == rule and (trace := result.trace) is not None:
            size = result.requests if isinstance(result.requests, int) else None
            return SavedRun(tuple(marks_of(trace.steps)), rule, trace.end, trace.loop, size)
    said = ", ".join(verdict_phrase(result) for result in results if result.rule == rule)
    raise Rejected([Diagnostic("WDF914", f"there is no counterexample of {rule}: {said}")])


def sample(system: Stepwise, seed: int, steps: int) -> int:
    """One run by chance, printed as `check` prints a trace."""
    from wdfmc.reports.page import Line, Look
    from wdfmc.simulation.run import Run, at_random
    from wdfmc.simulation.session import ended_lines, trace_lines

    run = Run(system)
    at_random(run, seed, steps)

    def lines(look: Look) -> list[Line]:
        head = f"{system.model.path}: driver {system.model.program.name}, a run by chance, seed {seed}"
        return [((head, "bold"),), (), *trace_lines(run, look), *ended_lines(run, look)]

    show(lines)
    return BROKEN if run.verdict() else DONE


def converse(system: Stepwise, trace: SavedRun | None, name: str, to_end: bool) -> int:
    from wdfmc.reports.page import look_of
    from wdfmc.simulation.session import Session

    session = Session(system, look_of(sys.stdout))
    if trace is not None:
        session.follow(trace, name)
    show(lambda look: session.greeting())
    first = "end" if trace is not None and to_end else "list"
    show(lambda look: session.say(first))
    try:
        for text in spoken(session):
            try:
                answer = session.say(text)
            except KeyboardInterrupt:  # what takes long is given up, the session goes on
                answer = [(("  stopped", "yellow"),)]
            show(lambda look, answer=answer: answer)  # type: ignore[misc]
    except KeyboardInterrupt:
        show(lambda look: [()])
        return INTERRUPTED
    return DONE


def spoken(session: Session) -> Iterator[str]:
    """What is typed, up to the end of the input. What comes from a pipe is shown, too."""
    terminal = sys.stdin.isatty()
    if terminal:
        with contextlib.suppress(ImportError):  # keys to edit the line; the console of Windows has its own
            import readline  # noqa: F401
    while not session.over:
        try:
            text = input(PROMPT)
        except EOFError:
            show(lambda look: [()])
            return
        if not terminal:
            show(lambda look, text=text: [((text, ""),)])  # type: ignore[misc]
        yield text
