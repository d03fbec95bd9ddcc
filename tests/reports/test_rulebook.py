"""The rules together: the table, the rows of other catalogues, and `docs/rules.md`."""

from __future__ import annotations

from pathlib import Path

from wdfmc.library import RuleInfo, covered, rules, unchecked
from wdfmc.reports.page import PIPE, Look, cells, plain
from wdfmc.reports.rulebook import covered_lines, page, rules_lines, unchecked_lines

ROOT = Path(__file__).parents[2]
PAGES = 122  # of rules for KMDF drivers in the documentation of the Static Driver Verifier


def test_page_is_up_to_date() -> None:
    written = page(rules(), unchecked(), covered("SDV"))
    message = "stale: run `wdfmc rules --format markdown --output docs/rules.md`"
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == written, message


def test_page_has_every_rule_and_every_omission() -> None:
    lines = page(rules(), unchecked(), covered("SDV")).splitlines()
    for rule in rules():
        assert f"### {rule.name}" in lines
        assert rule.sentence in lines
    for item in unchecked():
        assert any(line.startswith(f"- **{item.name}** (") for line in lines)


def test_table_has_every_rule_and_fits() -> None:
    lines = rules_lines(rules(), Look(width=80))
    text = plain(lines)
    assert f"{len(rules())} rules." in text
    for rule in rules():
        assert rule.name in text
    for line in text.splitlines():
        assert cells(line) <= 80
    assert "SDV-03; assuming the target answers; ticks, threads, hardware" in " ".join(text.split())
    assert "MC-02; assuming the target honours; ticks, threads, hardware; off" in " ".join(text.split())


def test_pages_of_the_static_driver_verifier_are_told_apart() -> None:
    found = covered("SDV")
    names = [row.page for row in found]
    assert None not in names
    assert len(names) == len(set(names)) == PAGES
    assert covered("sdv") == found
    text = plain(covered_lines("SDV", found, PIPE))
    assert "DoubleCompletionLocal                no-double-complete" in text
    assert "DriverCreate                         out of scope: " in text
    checked = sum(isinstance(row.by, RuleInfo) for row in found)
    assert f"{len(found)} of SDV: {checked} covered by a rule, {len(found) - checked} out of scope" in text


def test_rows_without_pages_go_by_their_id() -> None:
    text = plain(covered_lines("KV", covered("KV"), PIPE))
    assert "KV-01                                no-double-complete" in text
    assert "KV-03                                out of scope: lengths are not in the model" in text


def test_what_is_not_checked_says_why() -> None:
    item = next(item for item in unchecked() if item.name == "information-within-length")
    text = plain(unchecked_lines(item, PIPE))
    assert item.sentence in text
    assert "because    lengths are not in the model" in text
