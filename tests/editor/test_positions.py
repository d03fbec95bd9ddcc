"""Offsets and positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wdfmc.editor.positions import Encoding, Positions, Shift

TEXTS = st.text(alphabet="ab\n\r\t ä\U0001f600\u2028\f", max_size=40)
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")


@given(TEXTS, st.sampled_from(ENCODINGS), st.data())
def test_there_and_back(text: str, encoding: Encoding, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    positions = Positions(text, encoding)
    line, column = positions.position(offset)
    back = positions.offset(line, column)
    assert back == offset or (text[offset - 1 : offset + 1] == "\r\n" and back == offset - 1)


@given(TEXTS, st.sampled_from(ENCODINGS), st.integers(0, 9), st.integers(0, 99))
def test_positions_outside_mean_the_nearest_end(text: str, encoding: Encoding, line: int, column: int) -> None:
    positions = Positions(text, encoding)
    offset = positions.offset(line, column)
    assert 0 <= offset <= len(text)
    if line < len(positions.starts):
        assert positions.position(offset)[0] == line


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 8), ("utf-16", 5), ("utf-32", 4)])
def test_units(encoding: Encoding, column: int) -> None:
    assert Positions("x\nä\U0001f600bcd", encoding).position(6) == (1, column)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_shifts(head: str, old: str, new: str, tail: str) -> None:
    before, after = head + old + tail, head + new + tail
    shift = Shift.between(before, after)
    for offset in range(len(after)):
        there = shift.back(offset)
        if there is not None and there < len(before):
            assert before[there] == after[offset] or there == shift.prefix
    assert all(0 <= shift.forth(offset) <= len(after) for offset in range(len(before) + 1))
    assert shift.forth(0) == 0 and shift.forth(len(before)) >= len(head)
