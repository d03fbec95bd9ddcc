"""What the course says on a terminal: the list of its lessons, and what an answer lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from wdfmc.course import Lesson, Progress
from wdfmc.course.answers import Finding, Judgement
from wdfmc.reports.page import Line, Look, cells, padded, paragraph, wrapped
from wdfmc.reports.phrases import plural, verdict_phrase
from wdfmc.reports.text import Drawing, trace_lines
from wdfmc.verdict import Word

STYLES: Final[Mapping[Progress, str]] = {
    Progress.NEW: "",
    Progress.STARTED: "yellow",
    Progress.SOLVED: "green",
    Progress.CHANGED: "yellow",
}
LABELS: Final[Mapping[tuple[Literal["hold", "happen"], Literal["yes", "no", "open"]], tuple[str, str]]] = {
    ("hold", "no"): ("broken", "bold red"),
    ("hold", "open"): ("open", "yellow"),
    ("happen", "no"): ("missing", "bold red"),
    ("happen", "open"): ("open", "yellow"),
}
LABEL: Final = 10  # columns


def course_lines(found: Sequence[tuple[Lesson, Progress]], look: Look) -> list[Line]:
    name = max(cells(lesson.name) for lesson, _ in found)
    title = max(cells(lesson.title) for lesson, _ in found)
    lines: list[Line] = [
        (
            (f"{lesson.number:>3}  ", ""),
            (padded(lesson.name, name + 2), "bold"),
            (padded(lesson.title, title + 2), ""),
            (how_far.value, STYLES[how_far]),
        )
        for lesson, how_far in found
    ]
    end = "`wdfmc learn NAME` starts a lesson in a folder of its own, `wdfmc learn NAME --check` looks at your answer."
    return [*lines, (), *paragraph("", end, look.width)]


def started_lines(lesson: Lesson, folder: str, look: Look) -> list[Line]:
    said = [
        ("read", f"{folder}/README.md"),
        ("repair", f"{folder}/{lesson.answer}"),
        ("check", f"wdfmc learn {lesson.name} --check"),
        ("stuck?", f"wdfmc learn {lesson.name} --hint"),
    ]
    lines: list[Line] = [
        ((f"{lesson.number}. {lesson.title}", "bold"),),
        *paragraph("   ", lesson.idea, look.width),
        (),
    ]
    return lines + [((f"   {padded(label, LABEL)}", "dim"), (words, "")) for label, words in said]


def hint_lines(lesson: Lesson, number: int, look: Look) -> list[Line]:
    """`number`: 1-based; the last one stands for all that are beyond it."""
    at = min(number, len(lesson.hints))
    lines = paragraph(f"{at} of {len(lesson.hints)}: ", lesson.hints[at - 1], look.width)
    if at < len(lesson.hints):
        lines += [(), ((f"`wdfmc learn {lesson.name} --hint {at + 1}` says more.", "dim"),)]
    return lines


def judgement_lines(judgement: Judgement, example: Finding | None, following: Lesson | None, look: Look) -> list[Line]:
    """What is wrong, part by part, then one trace.

    Args:
        example: how something that is left out can be done.
        following: the lesson after this one.
    """
    lesson = judgement.lesson
    head = f"{lesson.number}. {lesson.title}: "
    if judgement.accepted:
        return [((head, "bold"), ("solved", "bold green")), (), *after_lines(judgement, following, look)]
    wrong = [finding for finding in judgement.findings if finding.met == "no"]
    lines: list[Line] = [((head, "bold"), ("not yet", "bold red") if wrong else ("open", "bold yellow")), ()]
    breaches = {finding.name for finding in wrong if finding.asked == "hold"}
    still_open = [finding for finding in judgement.findings if finding.met == "open"]
    cut_off = [finding for finding in still_open if breaches & set(finding.result.under)]
    counted = [finding for finding in still_open if finding.result.verdict is Word.PROVED and not finding.result.under]
    for finding in judgement.findings:
        if finding.met != "yes" and finding not in cut_off and finding not in counted:
            label, style = LABELS[finding.asked, finding.met]
            lines += labelled(label, style, told(finding), look)
    if cut_off:
        said = f"{plural(len(cut_off), 'rule')}: nothing is said of a run after such a breach"
        lines += labelled("open", "yellow", said, look)
    if counted:
        size = plural(int(counted[0].result.requests), "request")
        said = f"{plural(len(counted), 'rule')}: proved for {size}, but no proof was found for any number"
        lines += labelled("open", "yellow", said, look)
    kept, done = len(judgement.those("hold", "yes")), len(judgement.those("happen", "yes"))
    parts = sum(finding.asked == "happen" for finding in judgement.findings)
    rules = len(judgement.findings) - parts
    said = f"{kept} of {plural(rules, 'rule')} kept, {done} of {plural(parts, 'part')} of the job done"
    lines += labelled("fine", "dim", said, look)
    lines += [(), *evidence_lines(judgement, example, look)]
    return lines


def labelled(label: str, style: str, words: str, look: Look) -> list[Line]:
    first, *others = wrapped(words, look.width - LABEL - 2)
    lines: list[Line] = [(("  ", ""), (padded(label, LABEL), style), (first, ""))]
    return lines + [((" " * (LABEL + 2), ""), (line, "")) for line in others]


def told(finding: Finding) -> str:
    said = f"{finding.name}: {finding.sentence}"
    return f"{said} ({verdict_phrase(finding.result, frozenset())})" if finding.met == "open" else said


def after_lines(judgement: Judgement, following: Lesson | None, look: Look) -> list[Line]:
    lesson = judgement.lesson
    rules, parts = len(judgement.those("hold", "yes")), len(judgement.those("happen", "yes"))
    said = (
        f"{plural(rules, 'rule')} kept, {plural(parts, 'part')} of the job done. "
        f"Compare with `wdfmc learn {lesson.name} --solution`."
    )
    if following is not None:
        said += f" Next: `wdfmc learn {following.name}` ({following.title})."
    return paragraph("  ", said, look.width)


def evidence_lines(judgement: Judgement, example: Finding | None, look: Look) -> list[Line]:
    """The shortest trace that breaks a rule; else how something that is missing can be done."""
    broken = [(finding, finding.result.trace) for finding in judgement.those("hold", "no")]
    traces = [(len(trace.steps), at, finding, trace) for at, (finding, trace) in enumerate(broken) if trace]
    if traces:
        _, _, finding, trace = min(traces)
        return trace_lines(finding.result, trace, finding.path, look)
    if example is not None and example.result.trace is not None:
        said = f"{example.name}: the driver that you were given does it like this, up to the step marked at the end"
        lines = paragraph("", said, look.width, "bold")
        return [*lines, (), *Drawing(example.result.trace, example.path, look).lines()]
    return []
