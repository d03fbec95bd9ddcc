"""The manual is the library's own text: every entry of it can be shown."""

from __future__ import annotations

import pytest

from wdfmc.language import ast
from wdfmc.library import Entry, entries, example_of, find, lookup, rules, sources
from wdfmc.reports.manual import entry_lines, explanation_lines, rule_lines
from wdfmc.reports.page import PIPE, Look, plain


def shown(name: str) -> str:
    (entry, *_) = find(name)
    return plain(entry_lines(entry, PIPE))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: f"{entry.kind} {entry.name}")
def test_every_entry_can_be_shown(entry: Entry) -> None:
    text = plain(entry_lines(entry, Look(80)))
    assert " ".join(text.split()).startswith(f"{entry.name}: {entry.kind} (wdfmc/library/")
    own = entry.item.span.text.splitlines()[0].strip()
    assert own in text


def test_ddi_shows_text_source_outcomes_and_contract() -> None:
    text = shown("WdfRequestUnmarkCancelable")
    assert "ddi WdfRequestUnmarkCancelable(r: request) -> NTSTATUS" in text
    assert "source     wdf-semantics" in text
    assert "returns    STATUS_SUCCESS, STATUS_CANCELLED" in text
    assert "unmark-only-when-marked, unless r.own in" in text


def test_every_ddi_cites_its_source() -> None:
    without = [e.name for e in entries() if isinstance(e.item, ast.Ddi) and not e.item.sources]
    assert without == []


def test_status_says_what_nt_success_makes_of_it() -> None:
    assert "0xC0000120, NT_SUCCESS is false" in shown("STATUS_CANCELLED")
    assert "NT_SUCCESS is true" in shown("STATUS_SUCCESS")


def test_callback_says_where_it_is_bound() -> None:
    assert "bound by   queue" in shown("EvtIoRead")


def test_comment_above_an_item_belongs_to_it() -> None:
    for entry in entries():
        before = entry.span.source.line(entry.span.line - 1)
        assert not before.lstrip().startswith("//"), entry
    assert any(entry.span.text.startswith("//") for entry in entries())


def test_names_are_found_in_any_case() -> None:
    assert lookup("wdfrequestcomplete") == lookup("WdfRequestComplete")
    assert lookup("WdfRequestFrobnicate") is None


def test_rule_page() -> None:
    rule = next(rule for rule in rules() if rule.name == "no-double-complete")
    text = plain(rule_lines(rule, PIPE))
    assert rule.sentence in text
    assert "covers     SDV-01" in text
    assert "rule no-double-complete(r: request)" in text


def test_rule_names_are_unique() -> None:
    names = [rule.name for rule in rules()]
    assert len(names) == len(set(names))


def test_headline_rules_have_an_example() -> None:
    for name in ("no-double-complete", "request-eventually-completed", "no-unmark-after-complete"):
        rule = next(rule for rule in rules() if rule.name == name)
        path = example_of(rule)
        assert path is not None
        assert f"expect violated {name}" in path.read_text(encoding="utf-8")


def test_library_texts_are_utf8_with_unix_line_ends() -> None:
    assert sources()
    assert all("\r" not in source.text and source.text.endswith("\n") for source in sources())


def test_diagnostic_code_page() -> None:
    catalogue = pytest.importorskip("wdfmc.catalogue").CATALOGUE
    for code, explanation in catalogue.items():
        text = plain(explanation_lines(code, explanation, PIPE))
        assert text.startswith(f"{code}: {explanation.title}")
