"""What WDF does and what must hold, written in the language itself: the texts of this folder, and what they name.

Read once a process. `framework/*.wdf` says what the framework does, `rules/*.wdfspec` what a driver owes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final

from wdfmc.cache import code_of, remembered
from wdfmc.language import ast
from wdfmc.source import Source, Span

REVIEW: Final = ("review", ".wdfspec")  # situations that only `wdfmc report` asks for
FOLDERS: Final = (("framework", ".wdf"), ("rules", ".wdfspec"))
PREFIX: Final = "wdfmc/library/"  # of the name of every text of the library
IDENTIFIER: Final = re.compile(r"[A-Z]+-\d+")  # of a row in a catalogue of rules, as `covers` names it


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A built-in rule. `trigger` and the words of `assuming` are as written; `span` covers its leading comment too.

    `group`: the name of its text, without folder and ending.
    """

    name: str
    group: str
    sentence: str
    covers: tuple[str, ...]
    assuming: tuple[str, ...]
    symptom: str | None
    trigger: str | None
    default: bool
    example: str | None  # the end of the path of a shipped model that breaks the rule
    body: ast.RuleBody
    span: Span


@dataclass(frozen=True, slots=True)
class UncheckedInfo:
    """What others ask of drivers and no built-in rule does; `because` says why not."""

    name: str
    sentence: str
    covers: tuple[str, ...]
    because: str
    span: Span


@dataclass(frozen=True, slots=True)
class Covered:
    """A row of another catalogue: its id (`SDV-01`), the name of one of its pages if it has any, and what covers it."""

    id: str
    page: str | None
    by: RuleInfo | UncheckedInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that the library names. `kind` is in the words of the language; `span` has the leading comment."""

    name: str
    kind: str
    span: Span
    item: ast.Item


@cache
def sources() -> tuple[Source, ...]:
    """Every text of the library: first the framework, then the rules, by name."""
    return tuple(source for folder, suffix in FOLDERS for source in in_folder(folder, suffix))


def in_folder(folder: str, suffix: str) -> list[Source]:
    texts = files(__name__).joinpath(folder)
    names = sorted(text.name for text in texts.iterdir() if text.name.endswith(suffix))
    return [Source(f"{PREFIX}{folder}/{name}", texts.joinpath(name).read_text(encoding="utf-8")) for name in names]


@cache
def texts() -> tuple[ast.Text, ...]:
    """The trees of `sources()`, in the same order. Raises Rejected."""
    from wdfmc.language.parse import parse

    written = [part.encode() for source in sources() for part in (source.name, source.text)]
    code = [*code_of("wdfmc.language"), files("wdfmc").joinpath("source.py").read_bytes()]
    return remembered("library", [*written, *code], lambda: tuple(map(parse, sources())))


@cache
def review_texts() -> tuple[ast.Text, ...]:
    """The trees of the texts that name the lanes of a trace and the columns of the matrix."""
    from wdfmc.language.parse import parse

    return tuple(map(parse, in_folder(*REVIEW)))


@cache
def entries() -> tuple[Entry, ...]:
    """All that has a name, in the order of the texts. A name may stand for several things of different kinds."""
    return tuple(
        Entry(name, kind, with_comment(item.span), item)
        for text in texts()
        for item in text.items
        for name, kind in names_of(item)
    )


def names_of(item: ast.Item) -> Iterator[tuple[str, str]]:
    """(name, kind) for each name that an item declares."""
    match item:
        case ast.Ddi(name=name):
            yield name, "DDI"
        case ast.CallbackKind(names=names):
            yield from ((name, "callback") for name in names)
        case ast.Step(name=name):
            yield name, "environment step"
        case ast.Thread(name=name):
            yield name, "thread of the framework"
        case ast.Loop(sort=sort, lines=lines):
            yield f"loop of {sort}", "loop of the framework"
            yield from ((line.name, f"line of the loop of {sort}") for line in lines)
        case ast.Rule(name=name):
            yield name, "rule"
        case ast.Unchecked(name=name):
            yield name, "rule that is not checked"
        case ast.StatusDeclaration(name=name):
            yield name, "status"
        case ast.Sort(name=name):
            yield name, "sort"
        case ast.Define(name=name):
            yield name, "definition"
        case ast.Helper(name=name):
            yield name, "helper"
        case ast.Ghost(name=name):
            yield name, "event"
        case ast.OptionDeclaration(name=name):
            yield name, "option of the environment"
        case ast.EnumDeclaration(name=name, members=members):
            yield name, "enumeration"
            yield from ((member.id, f"member of {name}") for member in members)
        case ast.FlagsDeclaration(name=name, aliases=aliases):
            yield name, "option set"
            yield from ((flag, f"option of {name}") for flag in dict.fromkeys(n for pair in aliases for n in pair))
        case ast.Alias(name=name) | ast.Driver(name=name):
            yield name, "kind of object"
        case ast.View(names=names):
            yield from ((name, "view of a request") for name in names)
        case ast.Import() | ast.Stack() | ast.Use():
            return


@cache
def rules() -> tuple[RuleInfo, ...]:
    """The built-in rules, in the order of the texts."""
    return tuple(rule_info(entry.item, entry.span) for entry in entries() if isinstance(entry.item, ast.Rule))


@cache
def unchecked() -> tuple[UncheckedInfo, ...]:
    """What is left out, in the order of the texts."""
    return tuple(unchecked_info(entry.item, entry.span) for entry in entries() if isinstance(entry.item, ast.Unchecked))


def unchecked_info(item: ast.Unchecked, span: Span) -> UncheckedInfo:
    metas = words_of(item.metas)
    return UncheckedInfo(item.name, item.sentence, metas.get("covers", ()), " ".join(metas["because"]), span)


def everything() -> tuple[RuleInfo | UncheckedInfo, ...]:
    """All that names rows of other catalogues."""
    return (*rules(), *unchecked())


def covered(source: str) -> tuple[Covered, ...]:
    """The rows of a catalogue (`SDV`) with all their pages, by id. Behind an id stand the names of its pages."""
    rows = re.compile(rf"{re.escape(source)}-(\d+)", re.IGNORECASE)
    found: list[tuple[int, Covered]] = []
    for rule in everything():
        ids = [at for at, word in enumerate(rule.covers) if IDENTIFIER.fullmatch(word)]
        for at, end in pairwise((*ids, len(rule.covers))):
            if number := rows.fullmatch(rule.covers[at]):
                pages = rule.covers[at + 1 : end] or (None,)
                found += [(int(number[1]), Covered(rule.covers[at], page, rule)) for page in pages]
    return tuple(row for _, row in sorted(found, key=lambda pair: pair[0]))


def catalogues() -> tuple[str, ...]:
    """The catalogues of which the texts name rows, the first part of each id."""
    words = (word for rule in everything() for word in rule.covers)
    return tuple(sorted({word.partition("-")[0] for word in words if IDENTIFIER.fullmatch(word)}))


def words_of(metas: tuple[ast.Meta, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for meta in metas:
        found[meta.key] = found.get(meta.key, ()) + meta.words
    return found


def rule_info(rule: ast.Rule, span: Span) -> RuleInfo:
    metas = words_of(rule.metas)
    return RuleInfo(
        name=rule.name,
        group=Path(span.source.name).stem,
        sentence=rule.sentence,
        covers=metas.get("covers", ()),
        assuming=metas.get("assuming", ()),
        symptom=" ".join(metas["symptom"]) if "symptom" in metas else None,
        trigger=rule.trigger.span.text if rule.trigger else None,
        default="off" not in metas.get("default", ()),
        example=metas["example"][0] if metas.get("example") else None,
        body=rule.body,
        span=span,
    )


def introduction(group: str) -> str:
    """The first paragraph of the text of a group of rules, which says what they are about."""
    text = next(source.text for source in sources() if source.name == f"{PREFIX}rules/{group}.wdfspec")
    lines = []
    for line in text.splitlines():
        if not (words := line.removeprefix("//").strip()) or not line.startswith("//"):
            break
        lines.append(words)
    return " ".join(lines)


def find(name: str) -> tuple[Entry, ...]:
    """Everything of this name; if there is nothing, everything whose name differs only in upper and lower case."""
    exact = tuple(entry for entry in entries() if entry.name == name)
    return exact or tuple(entry for entry in entries() if entry.name.lower() == name.lower())


def lookup(name: str) -> tuple[str, Span] | None:
    """The kind and the text, with its leading comment, of what the library calls `name`."""
    found = find(name)
    return (found[0].kind, found[0].span) if found else None


def with_comment(span: Span) -> Span:
    """From the `//` lines that stand right above an item to its end."""
    source = span.source
    first = span.line
    while source.line(first - 1).lstrip().startswith("//"):
        first -= 1
    start = span.start if first == span.line else source.line_starts[first - 1]
    return Span(source, start, span.end)


def examples() -> tuple[Path, ...]:
    """The models that come with wdfmc: inside an installed package, beside the package in a checkout of the project."""
    here = Path(str(files(__name__)))
    checkout = here.parents[1]
    packaged = here / "examples"
    folders = [packaged] if packaged.is_dir() else [checkout / "models", checkout / "tests" / "rules"]
    return tuple(path for folder in folders for path in sorted(folder.rglob("*.wdf")))


def example_of(rule: RuleInfo) -> Path | None:
    """A shipped model that breaks the rule: the one that the rule names, else the shortest that expects it."""
    shipped = examples()
    if rule.example is not None:
        return next((path for path in shipped if path.as_posix().endswith("/" + rule.example)), None)
    expects = re.compile(rf"^\s*expect\s+violated\s+{re.escape(rule.name)}\s*;", re.MULTILINE)
    found = [(len(text), path) for path in shipped if expects.search(text := path.read_text(encoding="utf-8"))]
    return min(found)[1] if found else None
