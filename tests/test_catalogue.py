from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc.catalogue import CATALOGUE, Explanation
from wdfmc.diagnostics import Rejected, Severity
from wdfmc.language.parse import parse
from wdfmc.library import texts
from wdfmc.semantics.check import analysed
from wdfmc.source import Source

PACKAGE = Path(__file__).parent.parent / "wdfmc"
CHAPTERS = {
    "0": "files",
    "1": "syntax",
    "2": "names",
    "3": "types",
    "4": "structure",
    "5": "rules",
    "9": "command line",
}


def used() -> set[str]:
    """Every code that stands in the source of wdfmc, outside the catalogue."""
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.name != "catalogue.py")
    return {code for text in texts for code in re.findall(r"\bWDF\d{3}\b", text)}


def codes(text: str, *, check: bool) -> list[str]:
    """The codes of the errors and warnings of a text. With `check` the checker reads it too."""
    try:
        tree = parse(Source("example.wdf", text))
        if not check:
            return []
        _, found = analysed(tree, texts(), ())
    except Rejected as error:
        found = error.diagnostics
    return [diagnostic.code for diagnostic in found]


CHECKABLE = [explanation for explanation in CATALOGUE.values() if explanation.checkable and explanation.wrong]


def by_parser(explanation: Explanation) -> bool:
    return explanation.code.startswith("WDF1")


def test_every_code_that_is_used_is_explained() -> None:
    assert used() - set(CATALOGUE) == set()


def test_every_syntax_and_file_code_is_used() -> None:
    assert {code for code in CATALOGUE if code[3] in "01"} <= used()


@pytest.mark.parametrize("code", CATALOGUE)
def test_explanation(code: str) -> None:
    explanation = CATALOGUE[code]
    assert explanation.code == code
    assert re.fullmatch(r"WDF\d{3}", code)
    assert code[3] in CHAPTERS
    assert explanation.title
    assert not explanation.title.endswith(".")
    assert re.search(r"[.)]$", explanation.text), explanation.text


@pytest.mark.parametrize("explanation", CHECKABLE, ids=lambda explanation: explanation.code)
def test_examples(explanation: Explanation) -> None:
    check = not by_parser(explanation)
    assert explanation.code in codes(explanation.wrong, check=check)
    assert codes(explanation.right, check=check) == []


@pytest.mark.parametrize(
    "explanation", [e for e in CATALOGUE.values() if not by_parser(e)], ids=lambda explanation: explanation.code
)
def test_examples_are_texts_of_the_language(explanation: Explanation) -> None:
    parse(Source("example.wdf", explanation.wrong))
    parse(Source("example.wdf", explanation.right))


def test_only_warnings_leave_a_model_usable() -> None:
    warning = CATALOGUE["WDF404"]
    program, found = analysed(parse(Source("example.wdf", warning.wrong)), texts(), ())
    assert [diagnostic.severity for diagnostic in found] == [Severity.WARNING]
    assert program is not None
