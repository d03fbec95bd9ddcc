"""The built-in rules together: as a table for a terminal, by what they cover, and as the page `docs/rules.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from wdfmc.language import ast
from wdfmc.library import IDENTIFIER, Covered, RuleInfo, UncheckedInfo, entries, introduction
from wdfmc.reports.manual import labelled, one_line, walk
from wdfmc.reports.page import Line, Look, cells, padded, paragraph, wrapped
from wdfmc.semantics.check import BEHAVIOURS

INDENT: Final = "  "
HEAD: Final = """\
# The rules

Written by `wdfmc rules --format markdown --output docs/rules.md` from the texts in `wdfmc/library/rules/`, which are
what counts; a test fails when this page is older than they are.

A rule that is not on by default is checked when it is named by `--rule`, used by a specification, or expected by the
model. A rule that assumes something speaks of what happens eventually; its target is the one that holds where neither
the driver nor `--target` says otherwise. Ids: SDV is the Static Driver Verifier, with the names of its pages; KV the
KMDF verifier and the checks of the framework itself; DOC the documentation of WDF; SEED five documents on techniques
for requests; MC what no other tool checks.
"""


# ---------------------------------------------------------------- on a terminal


def rules_lines(found: Sequence[RuleInfo], look: Look) -> list[Line]:
    """The table of all rules, group by group: name, sentence; below it what it covers and assumes."""
    width = min(max((cells(rule.name) for rule in found), default=0), look.width // 2)
    lines: list[Line] = []
    for group, rules in groupby(found, key=lambda rule: rule.group):
        lines += [((group, "bold"),), ()]
        for rule in rules:
            facts = "; ".join(filter(None, [", ".join(ids(rule)), assumptions(rule), "" if rule.default else "off"]))
            room = look.width - width - 4
            right = [(line, "") for line in wrapped(rule.sentence, room)]
            right += [(line, "dim") for line in (wrapped(facts, room) if facts else [])]
            names = wrapped(rule.name, width)
            for at in range(max(len(names), len(right))):
                name = names[at] if at < len(names) else ""
                here = right[at] if at < len(right) else ("", "")
                lines.append(((INDENT, ""), (padded(name, width + 2), "bold"), here))
        lines.append(())
    ends = [
        f"{len(found)} rules. `off`: checked only when named by --rule, used by a specification, or expected.",
        "`wdfmc rules NAME` shows one with an example trace, `wdfmc rules --covers SDV` what each rule of another"
        " catalogue has become.",
    ]
    return [*lines, *(line for end in ends for line in paragraph("", end, look.width))]


def covered_lines(source: str, found: Sequence[Covered], look: Look) -> list[Line]:
    """Each row of another catalogue: the rule that covers it, or why there is none."""
    lines: list[Line] = []
    for row in found:
        lines += labelled_by(row.page or row.id, said(row.by), look)
    pages_checked = sum(isinstance(row.by, RuleInfo) for row in found)
    end = f"{len(found)} of {source}: {pages_checked} covered by a rule, {len(found) - pages_checked} out of scope"
    return [*lines, (), ((end, ""),)]


def labelled_by(name: str, words: str, look: Look) -> list[Line]:
    width = min(36, look.width // 2)
    first, *others = wrapped(words, look.width - width - 1)
    names = wrapped(name, width)
    lines: list[Line] = [((padded(part, width + 1), "bold"),) for part in names[:-1]]
    lines.append(((padded(names[-1], width + 1), "bold"), (first, "")))
    return lines + [((" " * (width + 1), ""), (line, "")) for line in others]


def said(by: RuleInfo | UncheckedInfo) -> str:
    return by.name if isinstance(by, RuleInfo) else f"out of scope: {by.because}"


def unchecked_lines(found: UncheckedInfo, look: Look) -> list[Line]:
    """What is not checked, and why."""
    rows = [("covers", ", ".join(found.covers)), ("because", found.because)]
    return [
        ((f"{found.name}: not checked", "bold"),),
        (),
        *paragraph(INDENT, found.sentence, look.width),
        (),
        *labelled(rows, look),
    ]


def ids(rule: RuleInfo | UncheckedInfo) -> list[str]:
    return [word for word in rule.covers if IDENTIFIER.fullmatch(word)]


def assumptions(rule: RuleInfo) -> str:
    """What "eventually" relies on; the behaviour of targets is the one that holds where nobody says otherwise."""
    behaviour = next((word for word in rule.assuming if word in BEHAVIOURS), None)
    others = [word for word in rule.assuming if word not in BEHAVIOURS]
    parts = [f"the target {behaviour}"] if behaviour else []
    parts += [", ".join(others)] if others else []
    return f"assuming {'; '.join(parts)}" if parts else ""


# ---------------------------------------------------------------- as a page


def page(found: Sequence[RuleInfo], left_out: Sequence[UncheckedInfo], sdv: Sequence[Covered]) -> str:
    """`docs/rules.md`, in Markdown."""
    return "\n".join(
        [
            *HEAD.splitlines(),
            "",
            *contents(found),
            *(line for group, rules in groupby(found, key=lambda rule: rule.group) for line in part(group, rules)),
            *pages(sdv),
            *omissions(left_out),
        ]
    )


def contents(found: Sequence[RuleInfo]) -> Iterator[str]:
    groups = dict.fromkeys(rule.group for rule in found)
    links = [f"[{group}](#{group})" for group in groups]
    links += ["[the Static Driver Verifier](#the-static-driver-verifier)", "[not checked](#not-checked)"]
    yield "Contents: " + " - ".join(links)
    yield ""


def part(group: str, rules: Iterator[RuleInfo]) -> Iterator[str]:
    yield from (f"## {group}", "", introduction(group), "")
    for rule in rules:
        yield from (f"### {rule.name}", "", rule.sentence, "")
        yield from (f"- {label}: {words}" for label, words in facts(rule) if words)
        yield ""


def facts(rule: RuleInfo) -> Iterator[tuple[str, str]]:
    yield "covers", sources(rule)
    yield "says", f"`{stated}`" if (stated := formula(rule)) else ""
    yield "is in the contracts of", "" if stated else ", ".join(f"`{name}`" for name in contracts(rule))
    yield "means something when", f"`{one_line(rule.trigger)}`" if rule.trigger else ""
    yield "assumes", assumptions(rule).removeprefix("assuming ")
    yield "by default", "" if rule.default else "off"
    yield "symptom", rule.symptom or ""


def sources(rule: RuleInfo | UncheckedInfo) -> str:
    """The ids, each with its pages in brackets."""
    parts: list[str] = []
    pages: list[str] = []
    for word in (*rule.covers, None):
        if word is not None and not IDENTIFIER.fullmatch(word):
            pages.append(word)
            continue
        if pages and parts:
            parts[-1] += f" ({', '.join(pages)})"
        pages = []
        parts += [word] if word is not None else []
    return ", ".join(parts)


def formula(rule: RuleInfo) -> str:
    """What the rule says by itself, without its comments; empty if calls say it."""
    match rule.body:
        case ast.ByContract():
            return ""
        case ast.Monitor(states=states):
            return f"the monitor with the states {', '.join(state.name for state in states)}"
        case body:
            return one_line(re.sub(r"//[^\n]*", "", body.span.text)).rstrip(";")


def contracts(rule: RuleInfo) -> Iterator[str]:
    """The calls and helpers of the framework library whose contract the rule is."""
    for entry in entries():
        if isinstance(entry.item, ast.Ddi | ast.Helper):
            parts = (*walk(entry.item.body), *(entry.item.requires if isinstance(entry.item, ast.Ddi) else ()))
            if any(isinstance(node, ast.Requires) and node.rule == rule.name for node in parts):
                yield entry.name


def pages(sdv: Sequence[Covered]) -> Iterator[str]:
    """Every page of the Static Driver Verifier's KMDF rules, by name."""
    yield from ("## the Static Driver Verifier", "", "Its rules for KMDF drivers, by the names of their pages.", "")
    yield from ("| page | here |", "| --- | --- |")
    for row in sorted(sdv, key=lambda row: (row.page or row.id).lower()):
        yield f"| {row.page or row.id} | {linked(row.by)} |"
    yield ""


def linked(by: RuleInfo | UncheckedInfo) -> str:
    return f"[{by.name}](#{by.name})" if isinstance(by, RuleInfo) else said(by)


def omissions(left_out: Sequence[UncheckedInfo]) -> Iterator[str]:
    yield from ("## not checked", "", introduction("unchecked"), "")
    for item in left_out:
        yield f"- **{item.name}** ({sources(item)}): {item.sentence} Not checked: {item.because}."
    yield ""
