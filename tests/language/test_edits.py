from __future__ import annotations

from wdfmc.language.edits import Changed, Edit, changed_lines, edited, erased, swapped
from wdfmc.source import Source, Span

TEXT = Source("a.wdf", "one;   // first\ntwo { a; b; }\nthree {\n    c;\n}\n")


def at(words: str) -> Span:
    start = TEXT.text.index(words)
    return Span(TEXT, start, start + len(words))


def test_edits_are_done_in_any_order() -> None:
    edits = [Edit(at("two"), "2"), Edit(at("one"), "1"), Edit(Span(TEXT, 0, 0), "zero; ")]
    assert edited(TEXT, edits).text.startswith("zero; 1;   // first\n2 {")


def test_what_is_erased_leaves_its_lines_behind() -> None:
    assert edited(TEXT, [erased(at("three {\n    c;\n}"))]).text == "one;   // first\ntwo { a; b; }\n\n\n\n"


def test_a_comment_behind_a_statement_goes_with_it() -> None:
    assert edited(TEXT, [erased(at("one;"))]).text.startswith("\ntwo")


def test_in_the_middle_of_a_line_one_space_is_left() -> None:
    assert "two { b; }" in edited(TEXT, [erased(at("a;"))]).text


def test_two_places_change() -> None:
    assert "two { b; a; }" in edited(TEXT, swapped(at("a;"), at("b;"))).text


def test_only_lines_with_text_are_shown_as_changed() -> None:
    after = edited(TEXT, [erased(at("one;")), Edit(at("c;"), "d;")])
    assert changed_lines(TEXT, after) == (
        Changed("-", 1, "one;   // first"),
        Changed("-", 4, "    c;"),
        Changed("+", 4, "    d;"),
    )
