"""A text that is examined beside a library gives what a whole analysis gives."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.shipped import ROOT
from wdfmc.catalogue import CATALOGUE
from wdfmc.checking import imports, library_texts
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.language.reading import read
from wdfmc.semantics.check import Base, analysed, base, examined
from wdfmc.source import Source

MODELS = sorted([*ROOT.glob("models/**/*.wdf"), *ROOT.glob("tests/rules/*/*.wdf")])
EVERY = 9  # of the models: an analysis takes a tenth of a second


@cache
def beside_library() -> Base:
    return base(*library_texts())


def both(text: ast.Text, imported: list[ast.Text]) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
    framework, rules = library_texts()
    known = base([*framework, *imported], rules) if imported else beside_library()
    whole = analysed(text, [*framework, *imported], rules)[1]
    return whole, tuple(examined(text, known).diagnostics)


@pytest.mark.parametrize("path", MODELS[::EVERY], ids=lambda path: "/".join(path.parts[-2:]))
def test_models(path: Path) -> None:
    text = parse(read(path))
    whole, alone = both(text, imports(text, path))
    assert alone == whole


@pytest.mark.parametrize("code", [code for code in CATALOGUE if "WDF199" < code < "WDF600"])
def test_mistakes(code: str) -> None:
    for words in (CATALOGUE[code].wrong, CATALOGUE[code].right):
        try:
            text = parse(Source("model.wdf", words))
        except Rejected:
            continue
        whole, alone = both(text, [])
        assert alone == whole


def test_the_library_stays_as_it_is() -> None:
    """What one text declares is unknown to the next."""
    framework, rules = library_texts()
    known = base(framework, rules)
    first = parse(
        Source("a", "ddi Mine(r: request) { }\ndriver A { queue Q : parallel, front; context device { B : bool; } }")
    )
    second = parse(
        Source("b", "driver A { queue Q : parallel, front; callback F(Request) { Mine(Request); B = true; } }")
    )
    before = [item.code for item in examined(second, known).diagnostics]
    assert not [item for item in examined(first, known).diagnostics if item.code != "WDF403"]
    assert [item.code for item in examined(second, known).diagnostics] == before
    assert "WDF207" in before
