"""Whatever the text: a result or diagnostics, never another exception."""

from __future__ import annotations

import os
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mutations import corpus, mutated, words
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language import ast
from wdfmc.language.format import formatted
from wdfmc.language.parse import parse
from wdfmc.library import texts
from wdfmc.semantics.check import analysed
from wdfmc.source import Source

SEED: Final = int(os.environ.get("WDFMC_FUZZ_SEED", "1"))


def well_formed(diagnostic: Diagnostic, source: Source) -> None:
    assert diagnostic.message
    assert "\n" not in diagnostic.message
    for label in diagnostic.labels:
        if label.span.source is source:
            assert 0 <= label.span.start <= label.span.end <= len(source.text), diagnostic


def parsed(text: str) -> ast.Text | None:
    source = Source("t", text)
    try:
        return parse(source)
    except Rejected as error:
        found = error.diagnostics
    assert found
    for diagnostic in found:
        assert diagnostic.labels
        well_formed(diagnostic, source)
    return None


def checked(tree: ast.Text, *, small: bool) -> None:
    """The checker on a tree; a text of the library or one that is too large to be worth it is left out."""
    if not (small and any(isinstance(item, ast.Driver) for item in tree.items)):
        return
    try:
        _, found = analysed(tree, texts(), ())
    except Rejected as error:
        found = error.diagnostics
    for diagnostic in found:
        well_formed(diagnostic, tree.source)


def survive(seeds: range) -> None:
    """Mutants of the texts of the project, through the parser; of the models also through the checker."""
    names = list(corpus())
    models = [name for name in names if name.startswith("models")]
    for seed in seeds:
        random = Random(seed)
        name = random.choice(models if seed % 4 == 0 and models else names)
        text = mutated(corpus()[name], random, random.choice((1, 1, 2, 5, 20)))
        tree = parsed(text)
        if tree is not None:
            checked(tree, small=name.startswith("models"))


@pytest.mark.parametrize("part", range(8))
def test_mutants(part: int) -> None:
    start = SEED * 1_000_000 + part * 250
    survive(range(start, start + 250))


@pytest.mark.long
@pytest.mark.parametrize("part", range(8, 40))
def test_many_mutants(part: int) -> None:
    start = SEED * 1_000_000 + part * 250
    survive(range(start, start + 250))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_any_characters(text: str) -> None:
    parsed(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(words()), max_size=40))
def test_any_words(parts: list[str]) -> None:
    parsed(" ".join(parts))
    parsed(f"driver D {{ callback F(Request) {{ {' '.join(parts)} }} }}")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(corpus())), st.integers(0, 2**32))
def test_cut_texts(name: str, at: int) -> None:
    text = corpus()[name]
    tree = parsed(text[: at % (len(text) + 1)])
    if tree is not None:
        formatted(tree.source)
