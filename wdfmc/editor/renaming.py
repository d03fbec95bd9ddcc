"""References to a name over several texts, and renaming."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from wdfmc import library
from wdfmc.diagnostics import Severity
from wdfmc.editor.analysis import Analysis, Analyst, Known
from wdfmc.editor.index import Occurrence
from wdfmc.language.lalr import automaton
from wdfmc.semantics.uses import Role, Thing
from wdfmc.source import Source, Span

FIXED: Final = frozenset({Role.BUILT_IN, Role.KIND})


class Refused(Exception):
    """A name is not renamed; the message says why."""


def references(thing: Thing, known: Known, others: Iterable[Known], analyst: Analyst) -> list[Occurrence]:
    """Where a name stands in its text, and in others that mean the same thing by it."""
    found = list(known.index.of(thing))
    if thing.role is Role.LOCAL:
        return found
    home = analyst.declaration(thing, known)
    for other in others:
        if other.tree.source.name == known.tree.source.name:
            continue
        there = analyst.declaration(thing, other)
        if home is not None and there is not None and there.span.source.name == home.span.source.name:
            found += other.index.of(thing)
    return found


def renameable(offset: int, known: Known, analyst: Analyst) -> Occurrence:
    """The name at an offset. Raises Refused."""
    one = known.index.at(offset)
    if one is None:
        raise Refused("there is no name here")
    thing = one.thing
    declared = analyst.declaration(thing, known)
    if thing.role in FIXED or declared is None:
        raise Refused(f"`{thing.name}` is a word of the language or of the library")
    source = declared.span.source
    if source is not known.tree.source:
        if source.name.startswith(library.PREFIX):
            raise Refused(f"`{thing.name}` is the library's: {source.name}:{declared.span.line} declares it")
        raise Refused(f"`{thing.name}` is declared in {source.name}: rename it there")
    if any(use.span.text != thing.name for use in known.index.of(thing)):
        raise Refused(f"`{thing.name}` stands for several objects that carry its name with a number")
    return one


def renamed(one: Occurrence, name: str, known: Known, others: Sequence[Known], analyst: Analyst) -> list[Occurrence]:
    """The occurrences that get the new name.

    Raises:
        Refused: it is no name, or a text would be wrong with it, or mean something else.
    """
    wanted = "RULE_NAME" if one.thing.role is Role.RULE else "NAME"
    if wanted not in automaton().terminals_of(name) and not (wanted == "RULE_NAME" and is_rule_name(name)):
        raise Refused(f"`{name}` is not a name: letters, digits and `_`, a letter first")
    found = references(one.thing, known, others, analyst)
    spans: dict[str, list[Span]] = {}
    for use in found:
        spans.setdefault(use.span.source.name, []).append(use.span)
    changed = {
        Path(path): Source(path, replaced(places[0].source.text, places, name)) for path, places in spans.items()
    }
    trial = Analyst(lambda path: changed.get(path) or analyst.read(path))
    for text in (known, *others):
        path = text.tree.source.name
        if path in spans:
            check_meaning(
                text, spans[path], name, analyst.analysis(text.tree.source), trial.analysis(changed[Path(path)])
            )
    return found


def is_rule_name(name: str) -> bool:
    pattern = automaton().stretches["RULE_NAME"]
    return pattern.fullmatch(name) is not None


def check_meaning(known: Known, spans: Sequence[Span], name: str, before: Analysis, after: Analysis) -> None:
    """Every name of the changed text stands for what it stood for. Raises Refused."""
    if after.known is None:
        raise Refused(f"with `{name}` the text could not be read: {after.diagnostics[0].message}")
    if new := new_errors(before, after):
        raise Refused(f"with `{name}`: {new}")
    changed = {span.start for span in spans}
    old, new_ones = known.index.occurrences, after.known.index.occurrences
    places: dict[Thing, Thing] = {}
    same = len(old) == len(new_ones)
    for one, other in zip(old, new_ones, strict=False):
        same = same and other.span.text == (name if one.span.start in changed else one.span.text)
        same = same and places.setdefault(one.thing, other.thing) == other.thing
    if not same or len(set(places.values())) != len(places):
        raise Refused(f"`{name}` means something else already where `{spans[0].text}` stands")


def new_errors(before: Analysis, after: Analysis) -> str | None:
    """The message of the first mistake that was not there."""
    told = [item.code for item in before.diagnostics if item.severity is Severity.ERROR]
    for item in after.diagnostics:
        if item.severity is Severity.ERROR:
            if item.code not in told:
                return item.message
            told.remove(item.code)
    return None


def replaced(text: str, spans: Iterable[Span], name: str) -> str:
    for span in sorted(spans, key=lambda span: span.start, reverse=True):
        text = text[: span.start] + name + text[span.end :]
    return text
