"""Whether an answer to a lesson is right: what has to hold does, and what the driver is there for still happens.

A driver that does nothing keeps every rule that says "never". So a lesson also has a job, rules that have to be
violated: the run that breaks `never complete(r, STATUS_SUCCESS)` shows a driver that completes something with success.
The other way to win by doing nothing is to change what the driver does not decide: devices that never interrupt,
senders that never cancel. The lesson's surroundings therefore stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from wdfmc.checking import Options, Texts, check_read
from wdfmc.course import JOB, RULES, Lesson
from wdfmc.diagnostics import Diagnostic, Label, Rejected
from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.language.reading import read
from wdfmc.source import Source, Span
from wdfmc.verdict import ModelReport, Result, Word

PATIENCE: Final = 120.0  # seconds for each check
WIDENING: Final = 60.0  # seconds for the proof for any number of requests


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is asked of an answer, and what was found.

    Args:
        name: of the rule; of the driver, if the answer is itself a rule. `sentence` says what is asked of it.
        asked: that it holds in every run, or that it happens in some run.
        path: of the model whose lines the trace shows.
    """

    name: str
    sentence: str
    asked: Literal["hold", "happen"]
    met: Literal["yes", "no", "open"]
    result: Result
    path: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that was asked of an answer to a lesson."""

    lesson: Lesson
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        return all(finding.met == "yes" for finding in self.findings)

    def those(self, asked: Literal["hold", "happen"], met: Literal["yes", "no", "open"]) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if (finding.asked, finding.met) == (asked, met))


def judged(lesson: Lesson, answer: Source) -> Judgement:
    """Raises Rejected: the text is wrong, or it changes what belongs to the lesson."""
    text = parse(answer)
    if lesson.about_a_rule:
        return Judgement(lesson, tuple(said_of_drivers(lesson, text)))
    own = without_expectations(within(lesson, text))
    rules, job = (parse(read(lesson.folder / name)) for name in (RULES, JOB))
    parts = names_of(job)
    report = checked(own, (rules, job))
    found = [happens(r, report.path) if r.rule in parts else holds(r, report.path) for r in report.results]
    if lesson.any_number and all(finding.met == "yes" for finding in found):
        wider = checked(own, (rules,), WIDENING)
        done = [finding for finding in found if finding.asked == "happen"]
        found = [*(holds(result, wider.path, any_number=True) for result in wider.results), *done]
    return Judgement(lesson, tuple(found))


def example(judgement: Judgement) -> Finding | None:
    """If the job is all that an answer lacks: how the driver that was given does the first part that is left out."""
    lesson = judgement.lesson
    left_out = judgement.those("happen", "no")
    if not left_out or judgement.those("hold", "no") or lesson.about_a_rule:
        return None
    given = without_expectations(parse(read(lesson.folder / lesson.answer)))
    report = checked(given, (parse(read(lesson.folder / JOB)),))
    return next(happens(result, report.path) for result in report.results if result.rule == left_out[0].name)


def checked(model: ast.Text, specs: tuple[ast.Text, ...], widening: float = 0.0) -> ModelReport:
    """`widening`: as in `Options`. Raises Rejected."""
    texts = Texts(((model.source.name, model, []),), specs, ())
    report = check_read(texts, Options(widening=widening, timeout=PATIENCE), lambda path, result: None)
    return report.models[0]


def names_of(spec: ast.Text) -> list[str]:
    return [item.name for item in spec.items if isinstance(item, ast.Rule)]


def holds(result: Result, path: str, any_number: bool = False) -> Finding:
    met: Literal["yes", "no", "open"] = "open"
    proved = result.verdict is Word.PROVED and not result.under
    if result.verdict is Word.VIOLATED:
        met = "no"
    elif proved and (result.requests == "any" or not any_number):
        met = "yes"
    elif result.verdict in (Word.VACUOUS, Word.SKIPPED):
        met = "yes"  # what does not happen breaks nothing; that it happens is asked by the job
    return Finding(result.rule, result.sentence, "hold", met, result, path)


def happens(result: Result, path: str) -> Finding:
    met: Literal["yes", "no", "open"] = "open"
    if result.verdict is Word.VIOLATED:
        met = "yes"
    elif result.verdict in (Word.PROVED, Word.VACUOUS, Word.SKIPPED):
        met = "no"
    return Finding(result.rule, result.sentence, "happen", met, result, path)


def said_of_drivers(lesson: Lesson, text: ast.Text) -> Iterator[Finding]:
    """What an answer that is a rule says of the drivers of the lesson, which expect it to be proved or violated."""
    if strangers := [item for item in text.items if not isinstance(item, ast.Rule | ast.Define)]:
        raise Rejected([foreign(item, "rules") for item in strangers])
    for path in (given for given in lesson.given if given.suffix == ".wdf"):
        model = parse(read(path))
        wanted = {item.rule: item.verdict for item in driver_of(model).items if isinstance(item, ast.Expect)}
        for name in wanted:
            if name not in names_of(text):
                label = Label(Span(text.source, 0, 0))
                raise Rejected([Diagnostic("WDF954", f"there is no rule `{name}` in the answer", (label,))])
        report = checked(without_expectations(model), (text,), WIDENING if lesson.any_number else 0.0)
        for result in (result for result in report.results if result.rule in wanted):
            proved = wanted[result.rule] == "proved"
            found = holds(result, report.path, lesson.any_number) if proved else happens(result, report.path)
            sentence = "the rule has to hold here" if proved else "the rule has to notice that this driver is wrong"
            yield replace(found, name=path.name, sentence=sentence)


# ---------------------------------------------------------------- what belongs to the lesson


def within(lesson: Lesson, text: ast.Text) -> ast.Text:
    """The answer. Raises Rejected: it is not one driver in the lesson's surroundings."""
    allowed = ast.Driver | ast.Helper | ast.Define | ast.Rule
    wrong = [foreign(item, "one driver") for item in text.items if not isinstance(item, allowed)]
    drivers = [item for item in text.items if isinstance(item, ast.Driver)]
    wrong += [foreign(item, "one driver") for item in drivers[1:]]
    if not drivers:
        wrong.append(Diagnostic("WDF954", "there is no driver in the answer", (Label(Span(text.source, 0, 0)),)))
    if wrong:
        raise Rejected(wrong)
    given = surroundings(driver_of(parse(read(lesson.folder / lesson.answer))))
    own = surroundings(drivers[0])
    wrong += [changed("this is not the lesson's", item.span) for item in own if item not in given]
    wrong += [changed(f"the lesson says `{one_line(item)}`", drivers[0].span) for item in given if item not in own]
    if wrong:
        raise Rejected(wrong)
    return text


def surroundings(driver: ast.Driver) -> list[ast.DriverItem]:
    """What the driver does not decide: the behaviour of its environment and of its hardware."""
    return [item for item in driver.items if isinstance(item, ast.Environment | ast.Hardware)]


def driver_of(text: ast.Text) -> ast.Driver:
    return next(item for item in text.items if isinstance(item, ast.Driver))


def without_expectations(text: ast.Text) -> ast.Text:
    """What a text expects is not asked here."""
    kept = [
        replace(item, items=tuple(part for part in item.items if not isinstance(part, ast.Expect)))
        if isinstance(item, ast.Driver) else item
        for item in text.items
    ]  # fmt: skip
    return replace(text, items=tuple(kept))


def foreign(item: ast.Item, what: str) -> Diagnostic:
    return Diagnostic("WDF953", f"an answer to this lesson is {what}, and nothing else", (Label(item.span),))


def changed(message: str, span: Span) -> Diagnostic:
    help = "what the driver does not decide stays as it is; change the driver"
    return Diagnostic("WDF953", message, (Label(span),), help)


def one_line(item: ast.DriverItem) -> str:
    return " ".join(item.span.text.split())
