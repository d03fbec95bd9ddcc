"""What a person says to a simulation, and what it answers. Neither a terminal nor a clock is touched here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from wdfmc.console import save
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean
from wdfmc.reports.page import Line, Look, cells, paragraph, wrapped
from wdfmc.reports.phrases import acts, environment_lane, last_owners, moved, other_changes, place, plural
from wdfmc.reports.snippet import diagnostic_lines
from wdfmc.reports.text import Drawing, in_one_line
from wdfmc.simulation.following import Lost, followed
from wdfmc.simulation.run import NoWay, Run, at_random
from wdfmc.simulation.saved import SavedRun, saved_run, saved_text
from wdfmc.simulation.stepwise import Choice, Stepwise
from wdfmc.system.step import step
from wdfmc.verdict import TraceStep

# Who is shown first: the outside world, then the framework, then the driver.
MADE: Final = frozenset("$~")  # in the names of locals that are not in the text
ORDER: Final = ("environment", "framework", "thread", "callback")


class Order(NamedTuple):
    """Something that can be said. `takes`: what follows the word, as the help shows it."""

    word: str
    takes: str
    help: str
    obey: Callable[[Session, str], list[Line]]


@dataclass
class Session:
    """A run and the trace that it follows, if one was loaded. `over`: the person wants to leave."""

    stepwise: Stepwise
    look: Look
    run: Run = field(init=False)
    script: list[int] = field(default_factory=list)
    ending: str = ""  # what there is to say where the script ends
    over: bool = False

    def __post_init__(self) -> None:
        self.run = Run(self.stepwise)

    def greeting(self) -> list[Line]:
        program = self.stepwise.model.program
        rules = plural(len(self.stepwise.rules), "rule")
        who = f"{self.stepwise.model.path}: driver {program.name}, {plural(self.stepwise.requests, 'request')}, {rules}"
        lines: list[Line] = [((who, "bold"),)]
        for rule, reason in self.stepwise.left_out:
            lines += paragraph("", f"not watched: {rule}: {reason}", self.look.width, "yellow")
        return [*lines, *paragraph("", "Type the number of what is to happen; `help` lists the rest.", self.look.width)]

    def say(self, text: str) -> list[Line]:
        """The answer to what was typed. What is wrong with it is part of the answer."""
        try:
            return self.obey(text.strip())
        except Rejected as error:
            return diagnostic_lines(error.diagnostics, self.look)
        except NoWay as problem:
            return diagnostic_lines([Diagnostic("WDF914", str(problem))], self.look)

    def obey(self, text: str) -> list[Line]:
        word, _, rest = text.partition(" ")
        if not word:
            return self.onward()
        if word.isdecimal():
            return self.choose(text)
        order = WORDS.get(word.lower())
        if order is None:
            advice = did_you_mean(word, [order.word for order in ORDERS]) or "`help` lists what can be said"
            raise Rejected([Diagnostic("WDF913", f"`{word}` is no command of a simulation", help=advice)])
        if rest.strip() and not order.takes:
            raise Rejected([Diagnostic("WDF913", f"`{order.word}` takes nothing, `{rest.strip()}` follows it")])
        return order.obey(self, rest.strip())

    # ------------------------------------------------------------ going on

    def choose(self, text: str) -> list[Line]:
        choices = self.ordered_choices()
        if not text.isdecimal() or not 1 <= int(text) <= len(choices):
            if not choices:
                raise Rejected([Diagnostic("WDF913", f"`{text}`: nothing can happen now", help="`back` undoes a step")])
            message = f"`{text}` is none of the numbers 1 to {len(choices)}"
            raise Rejected([Diagnostic("WDF913", message, help="`list` shows what can happen now")])
        return self.take([choices[int(text) - 1].number])

    def onward(self) -> list[Line]:
        """An empty line: the next step of the trace that was loaded, or the only thing that can happen."""
        following = self.following()
        if following:
            return self.take(following[:1])
        choices = self.run.choices()
        return self.take([choices[0].number]) if len(choices) == 1 else self.standing()

    def following(self) -> list[int]:
        """What is left of the trace that was loaded, while the run has not left it."""
        taken = len(self.run.taken)
        return self.script[taken:] if self.script[:taken] == self.run.taken else []

    def take(self, numbers: Sequence[int]) -> list[Line]:
        lines: list[Line] = []
        for number in numbers:
            lines += self.step_lines(self.run.take(number))
        return [*lines, *self.standing()]

    def back(self, rest: str) -> list[Line]:
        if rest and (not rest.isdecimal() or int(rest) < 1):
            raise Rejected([Diagnostic("WDF913", f"`back {rest}`: how many steps?", help="as in `back 3`")])
        if not self.run.taken:
            raise Rejected([Diagnostic("WDF913", "this is the start, nothing comes before it")])
        undone = self.run.back(int(rest or 1))
        return [((f"  {plural(undone, 'step')} back", "dim"),), *self.standing()]

    def restart(self, rest: str) -> list[Line]:
        self.run.back(len(self.run.taken))
        return self.standing()

    def end(self, rest: str) -> list[Line]:
        following = self.following()
        if not following:
            message = "there is no trace to follow from here"
            raise Rejected([Diagnostic("WDF913", message, help="`load FILE` loads one, `back` returns to it")])
        return self.take(following)

    def go(self, rest: str) -> list[Line]:
        return self.take(self.way(rest))

    def way(self, point: str) -> list[int]:
        """Raises NoWay, and Rejected for what is no point."""
        if not point:
            advice = (
                "a line as in `run 14`, a callback as in `run OnRead(r1)` up to its end, a rule, or `breach` for any"
            )
            raise Rejected([Diagnostic("WDF913", "`run` needs a point to run to", help=advice)])
        if point.isdecimal():
            return self.run.to_line(int(point), self.stepwise.model.path)
        if point in self.stepwise.rules or point == "breach":
            return self.run.to_breach(None if point == "breach" else point)
        actors = [name for name in self.stepwise.actors if name.replace(" ", "") == point.replace(" ", "")]
        if actors:
            return self.run.to_end(actors[0])
        known = [*self.stepwise.actors, *self.stepwise.rules, *self.stepwise.model.program.rules]
        advice = (
            did_you_mean(point, known) or "a line, a callback that runs as in `run OnRead(r1)`, a rule, or `breach`"
        )
        if point in self.stepwise.model.program.rules:
            raise NoWay(f"no step of this driver breaks {point}, or it is not among the rules that are watched")
        raise Rejected([Diagnostic("WDF913", f"`{point}` is no point to run to", help=advice)])

    def by_chance(self, rest: str) -> list[Line]:
        words = rest.split()
        if len(words) > 2 or not all(word.isdecimal() for word in words):
            raise Rejected([Diagnostic("WDF913", f"`random {rest}`: how many steps?", help="as in `random 10 SEED`")])
        before = len(self.run.taken)
        most, seed = (*map(int, words), *(10, 0)[len(words) :])
        at_random(self.run, seed, most)
        new = self.run.taken[before:]
        self.run.back(len(new))
        return self.take(new)

    # ------------------------------------------------------------ files

    def save(self, rest: str) -> list[Line]:
        if not rest:
            raise Rejected([Diagnostic("WDF913", "`save` needs the name of a file")])
        save(Path(rest), saved_text(self.run))
        return [((f"  {plural(len(self.run.taken), 'step')} saved in {rest}", "dim"),)]

    def load(self, rest: str) -> list[Line]:
        if not rest:
            raise Rejected([Diagnostic("WDF913", "`load` needs the name of a file")])
        self.follow(saved_run(Path(rest)), rest)
        words = f"{plural(len(self.script), 'step')} loaded: an empty line takes the next one, `end` all"
        return [((f"  {words}", "dim"),), *self.standing()]

    def follow(self, saved: SavedRun, name: str) -> None:
        """To the start, with the trace to be followed. Raises Rejected if this model has no such run."""
        try:
            script = followed(self.stepwise, saved.marks, saved.end, saved.rule)
        except Lost as lost:
            mark = saved.marks[lost.at]
            message = (
                f"step {lost.at + 1} of {name} cannot be taken: {mark.actor}, {mark.file}:{mark.line}: {mark.action}"
            )
            advice = "was the model changed since? The number of requests has to be the same, too"
            raise Rejected([Diagnostic("WDF915", message, help=advice)]) from None
        self.run.back(len(self.run.taken))
        self.script, self.ending = script, saved.ending

    # ------------------------------------------------------------ what is shown

    def again(self, rest: str) -> list[Line]:
        return self.standing()

    def ordered_choices(self) -> list[Choice]:
        def key(choice: Choice) -> tuple[object, ...]:
            step = choice.steps[0]
            return ORDER.index(step.kind), self.who(step), choice.order

        return sorted(self.run.choices(), key=key)

    def who(self, step: TraceStep) -> str:
        return step.actor if acts(step) else environment_lane(step)

    def standing(self) -> list[Line]:
        """What is broken now, and what can happen next."""
        lines = [] if (rule := self.run.verdict()) is None else broken_lines(self.run, rule, self.look)
        if self.run.broken:
            return [*lines, (("  The run ends here; `back` undoes the step.", "dim"),)]
        return [*lines, *self.listed()]

    def listed(self) -> list[Line]:
        choices = self.ordered_choices()
        if not choices:
            lines = paragraph("  ", "Nothing can happen now.", self.look.width, "bold")
        else:
            lines = [(), (("what can happen now", "bold"),)]
        number = 0
        for who, group in groupby(choices, key=lambda choice: self.who(choice.steps[0])):
            lines.append(((f"  {who}", "cyan"),))
            same = list(group)
            for choice, words in zip(same, self.told_apart(same), strict=True):
                number += 1
                lines += paragraph(f"    {number:>2}  ", words, self.look.width, "red" if choice.breaks else "")
        for rule in self.stepwise.starved(self.run.state):
            words = f"nothing has to happen any more, and this is owed: {rule}: {self.stepwise.sentence(rule)}"
            lines += paragraph("  ! ", words, self.look.width, "yellow")
        if self.ending and self.run.taken == self.script:
            lines += paragraph("  ! ", self.ending, self.look.width, "yellow")
        if following := self.following():
            words = f"an empty line follows the trace, {plural(len(following), 'step')} to its end"
            lines.append(((f"  {words}", "dim"),))
        return lines

    def told_apart(self, choices: Sequence[Choice]) -> list[str]:
        """Each in words; where these are the same, also with the values in which they differ."""
        words = ["; ".join(self.said(step) for step in choice.steps) for choice in choices]
        told = []
        for said, choice in zip(words, choices, strict=True):
            if words.count(said) > 1:
                alike = [self.outcome(other) for text, other in zip(words, choices, strict=True) if text == said]
                own = self.outcome(choice)
                differ = [name for name in own if len({other.get(name) for other in alike}) > 1]
                said += "".join(f", {name} {own[name]}" for name in differ)
            told.append(said + (f" (breaks {choice.breaks})" if choice.breaks else ""))
        return told

    def outcome(self, choice: Choice) -> dict[str, str]:
        """All that a reader could ask for, after it."""
        if choice.breaks:
            return {}
        after = step(self.stepwise.system, self.run.state, choice.number)
        kinds = ("field", "driver", "local", "lock")
        return {name: now for name, (_, now) in self.stepwise.values(after, kinds).items()}

    def said(self, step: TraceStep) -> str:
        return in_one_line(step, self.stepwise.model.path, self.look)

    def step_lines(self, steps: Sequence[TraceStep]) -> list[Line]:
        lines: list[Line] = []
        for one in steps:
            words = f"{one.actor} {self.said(one)}" if acts(one) else self.said(one)
            lines += paragraph(f"  {one.index:>3}  ", words, self.look.width, "bold")
            for name, (before, after) in (moved(one) | other_changes(one)).items():
                lines.append(((f"         {name}: {before} {self.look.arrow} {after}", ""),))
        return lines

    def state(self, rest: str) -> list[Line]:
        if rest not in ("", "all"):
            raise Rejected(
                [Diagnostic("WDF913", f"`state {rest}`", help="`state` shows what changed, `state all` all")]
            )
        stepwise, now = self.stepwise, self.run.state
        values = stepwise.values(now, ("field", "driver", "lock"))
        rows = {tidy(name): after for name, (before, after) in values.items() if rest or before != after}
        for name, (before, after) in stepwise.values(now, ("local",)).items():  # of callbacks that run
            if before != after and not set(name) & MADE:
                rows[name] = after
        lines: list[Line] = [((f"  after {plural(len(self.run.taken), 'step')}", "bold"),)]
        for name, (before, label) in stepwise.values(now, ("pc",)).items():
            if (rest or label != before) and label in stepwise.places:
                lines.append(((f"  {self.activity(name, label)}", "cyan"),))
        width = max(map(cells, rows), default=0)
        for name, value in rows.items():
            first, *more = wrapped(value, self.look.width - width - 4)
            lines.append(((f"  {name:<{width}}  ", ""), (first, "bold")))
            lines += [((" " * (width + 4) + line, "bold"),) for line in more]
        if len(lines) == 1:
            lines.append((("  all is as at the start", "dim"),))
        return lines

    def activity(self, counter: str, label: str) -> str:
        """Where a callback or thread stands: `OnRead(r1) at line 14, holding Lock`."""
        name, _, rest = label.partition(":")
        record = counter.partition(".")[0] if "." in counter.partition(" ")[0] else ""
        holding = rest.partition(" holding ")[2].partition(" [")[0]
        where = place(self.stepwise.places[label], self.stepwise.model.path)
        at = f"line {where}" if where.isdecimal() else where
        waits = "waits to run" if "waits to run" in rest else f"at {at}"
        return f"{name}{f'({record})' if record else ''} {waits}" + (f", holding {holding}" if holding else "")

    def trace(self, rest: str) -> list[Line]:
        return trace_lines(self.run, self.look)

    def rules(self, rest: str) -> list[Line]:
        return [
            line
            for rule in sorted(self.stepwise.rules)
            for line in paragraph(f"  {rule}  ", self.stepwise.sentence(rule), self.look.width, hanging="      ")
        ]

    def help(self, rest: str) -> list[Line]:
        rows = [
            ("NUMBER", "let this happen"),
            ("(empty)", "the next step of a loaded trace, or the only one that there is"),
            *((f"{order.word} {order.takes}".rstrip(), order.help) for order in ORDERS),
        ]
        width = max(cells(said) for said, _ in rows)
        return [line for said, words in rows for line in paragraph(f"  {said:<{width}}  ", words, self.look.width)]

    def leave(self, rest: str) -> list[Line]:
        self.over = True
        return []


def trace_lines(run: Run, look: Look) -> list[Line]:
    """The run so far, as the trace of a violation is drawn."""
    trace = run.trace()
    if not trace.steps:
        return [(("  nothing has happened yet", "dim"),)]
    return Drawing(trace, run.stepwise.model.path, look).lines()


def broken_lines(run: Run, rule: str, look: Look) -> list[Line]:
    words = f"violates {rule}: {run.stepwise.sentence(rule)}"
    return paragraph(f"  {look.glyph('✗', 'X')} ", words, look.width, "bold red")


def ended_lines(run: Run, look: Look) -> list[Line]:
    """Why a run by chance ends where it does."""
    if (rule := run.verdict()) is not None:
        return broken_lines(run, rule, look)
    owners = ", ".join(f"{request} {owner}" for request, owner in last_owners(run.trace()).items())
    words = "it could go on" if run.choices() else "nothing can happen any more"
    return paragraph("    ", f"no rule is broken; {words}" + (f"; owners: {owners}" if owners else ""), look.width)


def tidy(name: str) -> str:
    return name.removesuffix(".held") + " is held" if name.endswith(".held") else name


ORDERS: Final = (
    Order("list", "", "what can happen now", Session.again),
    Order("back", "[N]", "undo the last step, or N", Session.back),
    Order(
        "run", "POINT", "the shortest way to a line, the end of a callback, a rule's breach, or `breach`", Session.go
    ),
    Order("random", "[N [SEED]]", "N steps by chance", Session.by_chance),
    Order("state", "[all]", "what is not as at the start, or everything", Session.state),
    Order("trace", "", "the run so far, as `wdfmc check` prints one", Session.trace),
    Order("rules", "", "the rules that are watched", Session.rules),
    Order("save", "FILE", "write the run", Session.save),
    Order("load", "FILE", "follow a run that was saved, or the trace of a JSON report", Session.load),
    Order("end", "", "the rest of the loaded trace", Session.end),
    Order("restart", "", "back to the start", Session.restart),
    Order("help", "", "this list", Session.help),
    Order("quit", "", "leave; the end of the input does as well", Session.leave),
)
# Any beginning of a word that means one thing only, and what other tools call it.
WORDS: Final[Mapping[str, Order]] = {
    beginning: order
    for order in reversed(ORDERS)
    for beginning in sorted({order.word[:at] for at in range(1, len(order.word) + 1)}, key=len)
    if sum(other.word.startswith(beginning) for other in ORDERS) == 1 or beginning == order.word
} | {
    word: order
    for order in ORDERS
    for word in {"quit": ("exit",), "help": ("?",), "back": ("undo",)}.get(order.word, ())
}
