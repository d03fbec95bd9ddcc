"""A text with all that is known of it: its tree, what its names stand for, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from wdfmc import library
from wdfmc.checking import import_target, library_texts, too_deep
from wdfmc.depth import NoRoom, with_room
from wdfmc.diagnostics import Diagnostic, Label, Rejected
from wdfmc.editor.index import Index, Occurrence, index_of
from wdfmc.language import ast
from wdfmc.language.parse import Spelling, parse, spelled
from wdfmc.semantics.check import Base, base, examined, examined_within
from wdfmc.semantics.declarations import Tables
from wdfmc.semantics.uses import Role, Thing
from wdfmc.source import Source, Span

RULES: Final = ".wdfspec"
KEPT: Final = 64  # libraries with imports, and texts that were read from files
NOWHERE: Final = Source("", "")
DRIVER: Final = "this text"  # no name of the language


@dataclass(frozen=True)
class Known:
    """What is known of a text that can be read to its end."""

    spelling: Spelling
    tables: Tables
    index: Index

    @property
    def tree(self) -> ast.Text:
        return self.spelling.tree


@dataclass(frozen=True)
class Analysis:
    """A text. `known` is None if it has a syntax error."""

    source: Source
    known: Known | None
    diagnostics: tuple[Diagnostic, ...]


class Analyst:
    """Reads texts as an editor changes them. The library, and what is imported, is read once.

    Args:
        read: gives the text of a file, as it is in the editor if it is open there. Raises Rejected.
    """

    def __init__(self, read: Callable[[Path], Source]) -> None:
        self.read = read
        self.bases: dict[tuple[int, ...], tuple[Base, tuple[ast.Text, ...]]] = {}
        self.parsed: dict[str, tuple[str, ast.Text]] = {}

    def analysis(self, source: Source) -> Analysis:
        try:
            spelling = spelled(source)
        except Rejected as rejected:
            return Analysis(source, None, rejected.diagnostics)
        try:
            return with_room(spelling.tree.levels, lambda: self.examined(spelling))
        except NoRoom:
            return Analysis(source, None, (too_deep(spelling.tree),))

    def examined(self, spelling: Spelling) -> Analysis:
        source = spelling.tree.source
        imported, wrong = self.imports(spelling.tree)
        tables = self.tables(spelling.tree, imported)
        diagnostics = [item for item in tables.diagnostics if not wrong and concerns(item, source)]
        known = Known(spelling, tables, index_of(spelling, tables))
        return Analysis(source, known, (*wrong, *diagnostics))

    def tables(self, text: ast.Text, imported: Sequence[ast.Text]) -> Tables:
        framework, rules = library_texts()
        if any(is_installed(each.source, text.source) for each in (*framework, *rules)):
            texts, specs = ([text if is_installed(each.source, text.source) else each for each in part]
                            for part in (framework, rules))  # fmt: skip
            return examined_within(text, texts, specs, ast.Text(NOWHERE, (driver_without_anything(NOWHERE),)))
        return examined(beside_a_driver(text), self.base(imported), is_rule_text(text.source))

    # ------------------------------------------------------------ what a text stands beside

    def base(self, imported: Sequence[ast.Text]) -> Base:
        key = tuple(map(id, imported))
        if key not in self.bases:
            if len(self.bases) >= KEPT:
                self.bases.clear()
            framework, rules = library_texts()
            made = base([*framework, *imported], rules) if imported else library_base()
            self.bases[key] = made, tuple(imported)  # which keeps the texts, and so their identities
        return self.bases[key][0]

    def imports(self, text: ast.Text) -> tuple[list[ast.Text], list[Diagnostic]]:
        """The texts that a text imports, each once, depth first; what is wrong with one is told at its `import`."""
        found: dict[Path, ast.Text] = {}
        wrong: list[Diagnostic] = []

        def visit(current: ast.Text, at: Path, chain: tuple[Path, ...], told: ast.Import | None) -> None:
            for item in current.items:
                if not isinstance(item, ast.Import):
                    continue
                where = told or item
                try:
                    target = import_target(item, at, chain)
                    if target not in found:
                        part = self.text_of(target)
                        visit(part, target, (*chain, target), where)
                        found[target] = part
                except Rejected as rejected:
                    wrong.extend(at_import(where, problem) for problem in rejected.diagnostics[:1])

        path = Path(text.source.name)
        visit(text, path, (path.resolve(),), None)
        return list(found.values()), wrong

    def text_of(self, path: Path) -> ast.Text:
        """The tree of a file, read again if it has changed. Raises Rejected."""
        source = self.read(path)
        known = self.parsed.get(source.name)
        if known is None or known[0] != source.text:
            if len(self.parsed) >= KEPT:
                self.parsed.clear()
            known = self.parsed[source.name] = source.text, parse(source)
        return known[1]

    # ------------------------------------------------------------ declarations

    def declaration(self, thing: Thing, known: Known) -> Occurrence | None:
        """Where a thing is declared: in this text, in one that it imports, or in the library."""
        found = known.index.declared.get(thing)
        if found is not None or thing.role is Role.LOCAL:
            return found
        imported, _ = self.imports(known.tree)
        for text in imported:
            there = self.analysis(text.source).known
            if there and (one := there.index.declared.get(thing)):
                return one
        return in_library(thing)


@cache
def in_library(thing: Thing) -> Occurrence | None:
    """Where the library declares a thing."""
    names = {thing.owner, thing.name}
    texts = {entry.item.span.source for entry in library.entries() if entry.name in names}
    for source in library.sources():
        nameless = thing.owner.startswith("{") and thing.name in source.text  # an enumeration that a field declares
        if (nameless or source in texts) and (found := library_index(source).declared.get(thing)):
            return found
    return None


@cache
def library_index(source: Source) -> Index:
    return index_of(spelled(source), library_base().tables.copied())


@cache
def library_base() -> Base:
    return base(*library_texts())


def is_rule_text(source: Source) -> bool:
    return source.name.endswith(RULES)


def is_installed(text: Source, source: Source) -> bool:
    """Whether a source is this text of the library, open in the editor."""
    return text.name.startswith(library.PREFIX) and Path(source.name).as_posix().endswith("/" + text.name)


def beside_a_driver(text: ast.Text) -> ast.Text:
    """Rules, and texts of the framework, are read beside a driver without anything: a program has one."""
    has_one = any(isinstance(item, ast.Driver) for item in text.items)
    if not text.items or (has_one and not is_rule_text(text.source)):
        return text
    return replace(text, items=(*text.items, driver_without_anything(text.source)))


def driver_without_anything(source: Source) -> ast.Driver:
    return ast.Driver(DRIVER, None, (), span=Span(source, 0, 0))


def concerns(item: Diagnostic, source: Source) -> bool:
    return not item.labels or item.labels[0].span.source is source


def at_import(where: ast.Import, problem: Diagnostic) -> Diagnostic:
    """A mistake in an imported text, told where it is imported."""
    if problem.labels and problem.labels[0].span == where.span:
        return problem
    labels = tuple(label for label in problem.labels if label.span.source is not where.span.source)
    return replace(problem, message=f"`{where.path}`: {problem.message}", labels=(Label(where.span), *labels))
