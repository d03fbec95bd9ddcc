"""What the names of texts stand for: every name of every shipped text is known, and where it is declared."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.shipped import ROOT
from wdfmc.editor.analysis import Analyst, Known
from wdfmc.language.lalr import automaton
from wdfmc.language.reading import read
from wdfmc.semantics.check import BEHAVIOURS, VERDICTS
from wdfmc.semantics.uses import Role
from wdfmc.source import Source

MODELS = sorted([*ROOT.glob("models/**/*.wdf"), *ROOT.glob("specs/*.wdfspec")])
EVERY = 5  # of the models
WORDS = {*BEHAVIOURS, *VERDICTS, "bool", "NTSTATUS", "BOOLEAN", "target", "violation", "_", "request", "handler"}


@cache
def analyst() -> Analyst:
    return Analyst(read)


def known(path: Path) -> Known:
    found = analyst().analysis(Source(str(path), path.read_text(encoding="utf-8"))).known
    assert found is not None
    return found


@pytest.mark.parametrize("path", MODELS[::EVERY], ids=lambda path: path.name)
def test_every_name_is_known(path: Path) -> None:
    """Only words of the language that look like names are not."""
    text = known(path)
    starts = {one.span.start for one in text.index.occurrences}
    source = text.tree.source.text
    names = [
        source[start:end]
        for _, terminal, start, end in automaton().read(source)
        if terminal in ("NAME", "RULE_NAME") and start not in starts
    ]
    assert [name for name in names if name not in WORDS] == []


@pytest.mark.parametrize("path", MODELS[::EVERY], ids=lambda path: path.name)
def test_every_name_is_declared_somewhere(path: Path) -> None:
    """And an occurrence is spelled as what it stands for, but for objects that carry a number."""
    text = known(path)
    for one in text.index.occurrences:
        if one.thing.role is Role.BUILT_IN or implicit(one.thing.name, text):
            continue
        assert analyst().declaration(one.thing, text) is not None, (one.span.text, one.thing)
        assert one.span.text.rstrip("0123456789") == one.thing.name.rstrip("0123456789")


def implicit(name: str, text: Known) -> bool:
    """An object that a driver has without declaring it, or one that comes with another."""
    return name in text.tables.objects and name not in {one.span.text for one in text.index.occurrences if one.declares}


def test_locals_of_two_callbacks_are_two_things() -> None:
    words = "driver D { queue Q : parallel, front { EvtIoRead = F; EvtIoWrite = G; }"
    words += " callback F(R) { s = STATUS_SUCCESS; WdfRequestComplete(R, s); }"
    words += " callback G(R) { s = STATUS_SUCCESS; WdfRequestComplete(R, s); } }"
    found = analyst().analysis(Source("d.wdf", words)).known
    assert found is not None
    things = {one.thing for one in found.index.occurrences if one.span.text == "s"}
    assert len(things) == 2 and all(len(found.index.of(thing)) == 2 for thing in things)
