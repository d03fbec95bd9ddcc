"""An explanation for people and for scripts: two runs side by side, and the repairs."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, Final

from wdfmc.beside import Beside
from wdfmc.language.edits import changed_lines
from wdfmc.repairs.explanation import Explanation
from wdfmc.repairs.verified import Standing, Verified, standard_form
from wdfmc.reports.changed import FEW, STYLES, dumped
from wdfmc.reports.json import about, result_object, trace_object
from wdfmc.reports.page import Line, Look, padded, paragraph, shortened, wrapped
from wdfmc.reports.phrases import PASSING, acts, deed, ending, is_library, moved, place, plural, source_line
from wdfmc.verdict import TraceStep

MOST: Final = 5  # repairs that are shown


def explanation_lines(found: Explanation, look: Look) -> list[Line]:
    model, result = found.before.model, found.result
    steps = found.beside.bad.steps
    lines: list[Line] = [((f"{model.path}: driver {model.program.name}", "bold"),), ()]
    lines += paragraph("", f"{result.rule}: violated in {plural(len(steps), 'step')}", look.width, "bold red")
    lines += [*paragraph("  ", result.sentence, look.width), ()]
    lines += [*run_lines(found, look), ()]
    return [*lines, *repair_lines(found, look)]


# ---------------------------------------------------------------- the two runs


def run_lines(found: Explanation, look: Look) -> list[Line]:
    pair = found.beside
    if pair.good is None:
        lines = [line for step in pair.bad.steps for line in paragraph("  ", told(step, found), look.width)]
        lines += paragraph("  ", ending(found.result, pair.bad), look.width, "bold red")
        return [*lines, (), *paragraph("", f"no run that goes well is shown: {pair.reason}", look.width, "bold")]
    head = "both runs" if pair.common else "the runs have nothing in common"
    lines = [((head, "bold"),)]
    lines += [line for step in pair.bad.steps[: pair.common] for line in paragraph("  ", told(step, found), look.width)]
    width = (look.width - 5) // 2
    bar = look.glyph("│", "|")
    lines.append(())
    lines += paragraph("", f"they part after step {pair.common}", look.width, "bold")
    heads = padded("this run breaks the rule", width), "this one goes well"
    lines.append((("  " + heads[0], "bold red"), (f" {bar} ", "dim"), (heads[1], "bold green")))
    bad = [told(step, found) for step in pair.bad.steps[pair.common :]]
    good = [told(step, found) for step in pair.good.steps[pair.common :]]
    bad.append(f"{look.glyph('✗', 'X')} {ending(found.result, pair.bad)}")
    good.append("= every callback has ended, and nothing is owed")
    for one, other in zip_longest(bad, good, fillvalue=""):
        for left, right in zip_longest(wrapped(one, width), wrapped(other, width), fillvalue=""):
            lines.append((("  " + padded(left, width), ""), (f" {bar} ", "dim"), (right, "")))
    return [*lines, (), *paragraph("", decisive(pair), look.width)]


def decisive(pair: Beside) -> str:
    """Since when it cannot go well any more: a step may be one of several that happen at once."""
    steps = pair.bad.steps
    parted = steps[min(pair.common, len(steps) - 1)].transition
    last = max(step.index for step in steps if step.transition == parted)
    if last == len(steps):
        return "Until its last step the run could still go well."
    return f"After step {last} of the run that breaks the rule no run about these requests goes well."


def told(step: TraceStep, found: Explanation) -> str:
    """A step in one line: its number, who, where, what, and who owns the request then."""
    owners = ", ".join(f"{request}: {after}" for request, (_, after) in moved(step).items())
    words = f"{step.index} {done(step, found.before.model.path)}"
    return f"{words} [{owners}]" if owners else words


def done(step: TraceStep, model: str) -> str:
    given = "" if step.result is None else f" -> {step.result}"
    if is_library(step.span) and not acts(step):
        return f"{deed(step)}{given}"
    code = source_line(step.span)
    passing = step.action in PASSING or is_library(step.span) or step.action not in code
    text = step.action if passing or not step.action.isidentifier() else code
    return f"{step.actor} {place(step.span, model)}: {text}{given}"


# ---------------------------------------------------------------- the repairs


def repair_lines(found: Explanation, look: Look) -> list[Line]:
    if not found.repairs:
        words = f"no known repair makes the rule hold ({plural(found.tried, 'change')} tried)"
        return paragraph("", words, look.width, "bold")
    lines: list[Line] = [(("repairs", "bold"),)]
    for each in found.repairs[:MOST]:
        lines += [(), *one_repair(each, found, look)]
    lines.append(())
    more = len(found.repairs) - MOST
    rest = f", {more} of them not shown" if more > 0 else ""
    words = f"{len(found.repairs)} of {plural(found.tried, 'change')} make the rule hold{rest}"
    return [*lines, *paragraph("", words, look.width, "bold")]


def one_repair(each: Verified, found: Explanation, look: Look) -> list[Line]:
    lines = paragraph("  ", f"{each.repair.idiom}: {each.repair.words}", look.width, "bold")
    original = standard_form(found.before.model.program.source.source)
    for line in changed_lines(original, each.source):
        text = shortened(f"{line.mark} {line.number:>4}  {line.text.rstrip()}", look.width - 4)
        lines.append((("    ", ""), (text, STYLES[line.mark])))
    style = "green" if each.standing is Standing.PROVED else "yellow"
    return [*lines, *paragraph("    ", standing(each, found), look.width, style)]


def standing(each: Verified, found: Explanation) -> str:
    rule = found.result.rule
    size = plural(each.requests, "request")
    match each.standing:
        case Standing.PROVED:
            words = f"proved, {size}: {rule}, and all that was proved before"
        case Standing.UNCONCERNED:
            words = f"proved, {size}: all that was proved before; {rule} does not concern the driver any more"
        case _:
            left = ", ".join(dict.fromkeys(result.rule for result in each.left))
            words = f"not proved: no violation is known, but this is left open: {left}"
    others = [name for name in each.mended if name != rule]
    if others:
        words += f"; also proved now: {', '.join(others[:FEW])}" + (" and more" if len(others) > FEW else "")
    if each.still:
        words += f"; still violated, and nothing is said of what comes after: {', '.join(each.still)}"
    return words + "."


# ---------------------------------------------------------------- for scripts


def explanation_json(found: Explanation, exit: int) -> str:
    model, pair = found.before.model, found.beside
    return dumped({
        **about(model, exit),
        "result": result_object(found.result, model.path),
        "bad": trace_object(pair.bad),
        "good": None if pair.good is None else {**trace_object(pair.good), "end": "rest"},
        "common": pair.common,
        "reason": pair.reason,
        "tried": found.tried,
        "repairs": [repair_object(each, found) for each in found.repairs],
    })  # fmt: skip


def repair_object(each: Verified, found: Explanation) -> dict[str, Any]:
    original = standard_form(found.before.model.program.source.source)
    return {
        "idiom": each.repair.idiom,
        "words": each.repair.words,
        "standing": each.standing.name.lower(),
        "requests": each.requests,
        "diff": [
            {"mark": line.mark, "line": line.number, "text": line.text} for line in changed_lines(original, each.source)
        ],
        "text": each.source.text,
        "mended": list(each.mended),
        "still": list(each.still),
        "open": [result_object(result, original.name) for result in each.left],
        "seconds": round(each.seconds, 3),
    }
