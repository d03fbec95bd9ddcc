"""Changed drivers for people and for scripts: `why` tells what one line is for, `mutate` what all lines are for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Final

from wdfmc.language.edits import changed_lines
from wdfmc.mutants.judged import Answer, Judged
from wdfmc.mutants.mutations import REMOVALS
from wdfmc.mutants.table import Table
from wdfmc.mutants.why import Need, Why
from wdfmc.reports.json import about, result_object
from wdfmc.reports.page import Line, Look, Piece, cells, padded, paragraph, shortened, wrapped
from wdfmc.reports.phrases import plural
from wdfmc.reports.text import trace_lines
from wdfmc.source import Source
from wdfmc.verdict import Result, Word

STYLES: Final = {"-": "red", "+": "green"}
NARROW: Final = 30  # columns that the words of a change get at least
FEW: Final = 4  # rules that are named one by one


# ---------------------------------------------------------------- why


def why_lines(found: Why, look: Look, every_trace: bool) -> list[Line]:
    source = found.before.model.program.source.source
    lines: list[Line] = [((f"{source.name}:{found.line}: driver {found.before.model.program.name}", "bold"),), ()]
    lines += [(("  " + source.line(found.line).strip(), ""),), ()]
    for each in found.judged:
        lines += [*judged_lines(each, source, look), ()]
        if each.broken and (every_trace or each is found.told):
            lines += [*broken_trace(each, source, look), ()]
    return [*lines, *paragraph("", conclusion(found), look.width, "bold")]


def judged_lines(each: Judged, source: Source, look: Look) -> list[Line]:
    lines = paragraph("", each.mutant.mutation.words, look.width, "bold")
    for line in changed_lines(source, each.mutant.source):
        text = shortened(f"{line.mark} {line.number:>4}  {line.text.rstrip()}", look.width - 2)
        lines.append((("  ", ""), (text, STYLES[line.mark])))
    return [*lines, *paragraph("  ", answer(each) + ".", look.width)]


def broken_trace(each: Judged, source: Source, look: Look) -> list[Line]:
    first = each.broken[0]
    assert first.trace is not None
    return trace_lines(first, first.trace, source.name, look, f"{first.rule}, so changed")


def answer(each: Judged) -> str:
    """What the change does, in words."""
    match each.answer:
        case Answer.BROKEN:
            first, *others = each.broken
            more = f", and {named(others)}" if others else ""
            words = f"breaks {said(first)}{more}"
            return f"{words}; not all rules were looked at" if each.partly and len(each.broken) > FEW else words
        case Answer.IDLE:
            speaks = f"{named(each.idle)} {verb(each.idle, 'speak')} of"
            return f"breaks nothing, but the driver does less: nothing can happen that {speaks}"
        case Answer.OPEN:
            first = (each.left or each.unsure)[0]
            return f"not decided: {named(each.left or each.unsure)} ({first.reason or first.verdict})"
        case Answer.SAME:
            gone = f"; {named(each.gone)} no longer {verb(each.gone, 'concern')} it" if each.gone else ""
            unsure = f"; not decided, before as now: {named(each.unsure)}" if each.unsure else ""
            under = f", up to a breach of {', '.join(each.under)}" if each.under else ""
            held = f"{plural(each.proved, 'rule')} proved as before, {sized(each)}{under}"
            return f"changes nothing: {held}{gone}{unsure}"
        case Answer.REFUSED:
            return f"no driver: {each.refusal.message if each.refusal else 'the text has a mistake'}"


def verb(results: Sequence[Result], word: str) -> str:
    return f"{word}s" if len({result.rule for result in results}) == 1 else word


def sized(each: Judged) -> str:
    return f"{plural(each.requests, 'request')} in a run" if each.requests else "any number of requests"


def said(result: Result) -> str:
    size = "" if result.trace is None else f" in {plural(len(result.trace.steps), 'step')}"
    return result.rule + size


def named(results: Sequence[Result]) -> str:
    rules = list(dict.fromkeys(result.rule for result in results))
    if len(rules) > FEW:
        return f"{', '.join(rules[: FEW - 1])} and {len(rules) - FEW + 1} more"
    return " and ".join(filter(None, [", ".join(rules[:-1]), rules[-1]]))


def conclusion(found: Why) -> str:
    parts = [verdict(found)]
    spare = [each for each in found.judged if each.answer is Answer.SAME and each.mutant.mutation.kind in REMOVALS]
    if spare and found.need is Need.NEEDED:
        parts.append(f"But not all of it: {', '.join(each.mutant.mutation.words for each in spare)} nothing changes.")
    if broken := dict.fromkeys(result.rule for result in found.before.results if result.verdict is Word.VIOLATED):
        parts.append(f"Not counted, since it is violated as it is: {', '.join(broken)}.")
    return " ".join(parts)


def verdict(found: Why) -> str:
    told = found.told
    match found.need:
        case Need.NEEDED if told is not None:
            return f"The line is needed: {reason(told)}."
        case Need.NEEDED:
            return "The line is needed: without it the driver does less."
        case Need.UNNEEDED:
            proof = next(each for each in found.judged if each.answer is Answer.SAME)
            return f"The line is not needed: without it no rule changes its verdict ({sized(proof)})."
        case Need.OPEN:
            return "It is not decided whether the line is needed."


def reason(each: Judged) -> str:
    words = each.mutant.mutation.words
    return f"{words}, {each.broken[0].rule} is violated"


# ---------------------------------------------------------------- mutate


def table_lines(found: Table, look: Look) -> list[Line]:
    model = found.before.model
    letters = dict(zip(found.rules, columns(), strict=False))
    lines: list[Line] = [((f"{model.path}: driver {model.program.name}", "bold"),), ()]
    head = " ".join(letters.values())
    width = max(look.width - cells(head) - 10, NARROW)
    lines.append((("  line  ", "dim"), (padded("", width + 2), ""), (head, "dim")))
    before = 0
    for each in found.judged:
        mutation = each.mutant.mutation
        number = str(mutation.line) if mutation.line != before else ""
        before = mutation.line
        words, *more = wrapped(mutation.words, width)
        lines.append(((f"  {number:>4}  ", "dim"), (padded(words, width + 2), ""), table_marks(each, letters)))
        lines += [((" " * 10 + line, ""),) for line in more]
    lines.append(())
    for rule, letter in letters.items():
        lines.append((("  ", ""), (f"{letter}  {rule}", "dim")))
    lines += [(), *spare_lines(found, look), *paragraph("", score(found), look.width, "bold")]
    return lines


def columns() -> Iterator[str]:
    """A letter for each rule, and two where there are more."""
    yield from ascii_lowercase
    yield from ascii_uppercase
    yield from (first + second for first in ascii_lowercase for second in ascii_lowercase)


def table_marks(each: Judged, letters: Mapping[str, str]) -> Piece:
    match each.answer:
        case Answer.BROKEN:
            broken = {result.rule for result in each.broken}
            marks = ("X" if rule in broken else "." for rule in letters)
            return "".join(
                f"{mark:<{len(letter) + 1}}" for mark, letter in zip(marks, letters.values(), strict=True)
            ), ""
        case Answer.IDLE:
            return "does less", "yellow"
        case Answer.OPEN:
            return "not decided", "yellow"
        case _:
            return "-", "dim"


def spare_lines(found: Table, look: Look) -> list[Line]:
    """What can be left out, and no rule that holds now is broken then."""
    lines: list[Line] = []
    for each in found.spare:
        where = f"line {each.mutant.mutation.line}: {each.mutant.mutation.words}"
        lines += paragraph(
            "  ", f"{where} nothing changes ({plural(each.proved, 'rule')} proved, {sized(each)})", look.width
        )
    return [(("what is not needed", "bold"),), *lines, ()] if lines else []


def score(found: Table) -> str:
    many = len(found.judged)
    share = f" ({100 * found.noticed // many} %)" if many else ""
    idle = sum(each.answer is Answer.IDLE for each in found.judged)
    less = f", {idle} of them since the driver does less" if idle else ""
    left = f"; {found.left_open} not decided" if found.left_open else ""
    return f"{found.noticed} of {plural(many, 'change')} noticed{share}{less}{left}"


# ---------------------------------------------------------------- for scripts


def why_json(found: Why, exit: int) -> str:
    model = found.before.model
    source = model.program.source.source
    return dumped({
        **about(model, exit),
        "line": found.line,
        "text": source.line(found.line).strip(),
        "need": str(found.need),
        "before": [result_object(result, model.path) for result in found.before.results if told_of(result)],
        "mutants": [judged_object(each, source) for each in found.judged],
    })  # fmt: skip


def table_json(found: Table, exit: int) -> str:
    model = found.before.model
    source = model.program.source.source
    return dumped({
        **about(model, exit),
        "mutants": len(found.judged),
        "noticed": found.noticed,
        "open": found.left_open,
        "score": round(found.noticed / len(found.judged), 4) if found.judged else None,
        "rules": list(found.rules),
        "before": [result_object(result, model.path) for result in found.before.results if told_of(result)],
        "table": [judged_object(each, source) for each in found.judged],
    })  # fmt: skip


def judged_object(each: Judged, source: Source) -> dict[str, Any]:
    mutation = each.mutant.mutation
    return {
        "line": mutation.line,
        "kind": mutation.kind,
        "removal": mutation.kind in REMOVALS,
        "words": mutation.words,
        "diff": [
            {"mark": line.mark, "line": line.number, "text": line.text}
            for line in changed_lines(source, each.mutant.source)
        ],
        "answer": str(each.answer),
        "noticed": each.noticed,
        "broken": [result_object(result, source.name) for result in each.broken],
        "idle": [result.rule for result in each.idle],
        "gone": [result.rule for result in each.gone],
        "open": [result_object(result, source.name) for result in (*each.left, *each.unsure)],
        "proved": each.proved,
        "requests": each.requests or "any",
        "under": list(each.under),
        "all_rules": not each.partly,
        "refusal": None if each.refusal is None else each.refusal.message,
        "seconds": round(each.seconds, 3),
    }


def told_of(result: Result) -> bool:
    return result.verdict is not Word.SKIPPED


def dumped(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2) + "\n"
