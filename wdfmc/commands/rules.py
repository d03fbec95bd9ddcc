"""`wdfmc rules`: the built-in rules, and what became of those of other catalogues."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wdfmc.commands import option
from wdfmc.console import DONE, deliver, show
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean

if TYPE_CHECKING:
    from wdfmc.library import RuleInfo
    from wdfmc.reports.page import Line, Look

EXAMPLE_SECONDS: Final = 30.0


@click.command("rules")
@click.argument("name", required=False)
@click.option("--covers", "source", metavar="CATALOGUE", help="What became of each rule of another catalogue, as SDV.")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True)
@option.output("Write the list here.")
def command(name: str | None, source: str | None, form: str, file: Path | None) -> int:
    """List the built-in rules, or show the one called NAME with an example trace.

    `--format markdown` gives all of them as a page: `wdfmc rules --format markdown --output docs/rules.md`.
    """
    if name is None:
        return listed_rules(source, form, file)
    given = {"--covers": source, "--format markdown": form != "text" or None, "--output": file}
    if wrong := [name_of for name_of, value in given.items() if value is not None]:
        message = f"`{wrong[0]}` is about all rules, `{name}` names one"
        raise Rejected([Diagnostic("WDF905", message, help="drop one of the two")])
    from wdfmc.library import rules
    from wdfmc.reports.manual import rule_lines

    known = rules()
    rule = next((rule for rule in known if rule.name.lower() == name.lower()), None)
    if rule is None:
        return unchecked_rule(name)
    code = show(lambda look: rule_lines(rule, look))
    sys.stdout.flush()
    example = example_trace(rule)
    show(lambda look: [(), *example(look)])
    return code


def unchecked_rule(name: str) -> int:
    """A rule of another catalogue that is not checked, with the reason. Raises Rejected."""
    from wdfmc.library import rules, unchecked
    from wdfmc.reports.rulebook import unchecked_lines

    found = next((item for item in unchecked() if item.name.lower() == name.lower()), None)
    if found is None:
        advice = did_you_mean(name, [rule.name for rule in rules()]) or "`wdfmc rules` lists them"
        raise Rejected([Diagnostic("WDF907", f"there is no rule `{name}`", help=advice)])
    return show(lambda look: unchecked_lines(found, look))


def listed_rules(source: str | None, form: str, file: Path | None) -> int:
    """All rules, or all rows of another catalogue with what became of them."""
    from wdfmc.library import catalogues, covered, rules, unchecked
    from wdfmc.reports.rulebook import covered_lines, page, rules_lines

    if source is not None and form != "text":
        message = "`--covers` gives a list for people, `--format markdown` the page of all rules"
        raise Rejected([Diagnostic("WDF905", message, help="drop one of the two")])
    if source is not None and source.upper() not in catalogues():
        advice = did_you_mean(source.upper(), catalogues()) or f"there are {', '.join(catalogues())}"
        raise Rejected([Diagnostic("WDF907", f"no rule covers anything of `{source}`", help=advice)])

    def lines(look: Look) -> list[Line]:
        return rules_lines(rules(), look) if source is None else covered_lines(source.upper(), covered(source), look)

    deliver(file, lines, page(rules(), unchecked(), covered("SDV")) if form == "markdown" else None)
    return DONE


def example_trace(rule: RuleInfo) -> Callable[[Look], list[Line]]:
    """How a shipped model breaks the rule."""
    from wdfmc.library import example_of
    from wdfmc.reports.page import paragraph
    from wdfmc.reports.phrases import verdict_phrase
    from wdfmc.reports.text import trace_lines

    path = example_of(rule)
    if path is None:
        return lambda look: paragraph("  ", "No example that breaks this rule is shipped.", look.width)
    from wdfmc.checking import Options, check_models

    options = Options(
        specs=(), rules=(rule.name,), requests=2, target=None, engine="auto", depth=None, timeout=EXAMPLE_SECONDS,
        jobs=os.cpu_count() or 1, coverage=False, evidence=False, minimal=False,
    )  # fmt: skip
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    report = check_models([path], options, lambda path, result: None)
    found = [(m, r, r.trace) for m in report.models for r in m.results if r.rule == rule.name and r.trace]
    if not found:
        said = [verdict_phrase(r) for m in report.models for r in m.results if r.rule == rule.name]
        words = f"{path} is meant to break this rule; after at most {EXAMPLE_SECONDS:.0f} seconds: {', '.join(said)}"
        return lambda look: paragraph("  ", words, look.width)
    model, result, trace = found[0]
    head: Line = ((f"example: driver {model.driver} in {path}", "bold"),)
    return lambda look: [head, (), *trace_lines(result, trace, model.path, look)]
