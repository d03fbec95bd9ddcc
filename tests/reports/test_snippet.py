from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from wdfmc.diagnostics import Diagnostic, Label
from wdfmc.reports.page import Look, cells
from wdfmc.reports.snippet import render
from wdfmc.source import Source, Span

ECHO = Source(
    "echo.wdf",
    """\
driver Echo {
    callback OnRead(Request) {
        WdfRequestMarkCancelable(Request, OnCancel);
        WdfRequestSetInformation(Request);

        WdfRequestComplete(Request, STATUS_SUCCESS);
\tif (Busy)\t{ WdfRequestComplete(Request, STATUS_DEVICE_BUSY); }
    }
}
""",
)


def at(text: str, source: Source = ECHO) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def one(*labels: Label, help: str | None = None) -> Diagnostic:
    return Diagnostic("WDF203", "`WdfRequestComplete` on a request that is still cancelable", labels, help)


LONG = Source("long.wdf", "a" * 500 + " WdfRequestCancel " + "b" * 500)
OTHER = Source("wdfmc/library/framework/request.wdf", "// one\nddi WdfRequestComplete(r: request)\n")
CASES = {
    "one label": one(Label(at("Busy"), "nothing has this name"), help="declare it in a `context`"),
    "two lines": one(
        Label(at("WdfRequestComplete"), "must be unmarked first"),
        Label(at("WdfRequestMarkCancelable"), "made cancelable here"),
        help="call `WdfRequestUnmarkCancelable` and return if it gives STATUS_CANCELLED; nothing else will do, since "
        "the cancel callback may be running on another processor at this very moment",
    ),
    "two in one line": one(
        Label(at("STATUS_DEVICE_BUSY"), "a status"), Label(at("Busy"), "a condition"), Label(at("if"), "here")
    ),
    "several lines": one(Label(at(ECHO.text[ECHO.text.index("callback") : ECHO.text.rindex("}\n}")]), "all of this")),
    "two texts": one(Label(at("WdfRequestComplete"), "wrong"), Label(at("r: request", OTHER), "declared here")),
    "no place": one(help="say `wdfmc --help`"),
    "long line": one(Label(at("WdfRequestCancel", LONG), "no such DDI")),
    "end of text": one(Label(Span(ECHO, len(ECHO.text), len(ECHO.text)), "here the text ends")),
    "end of line": one(Label(Span(ECHO, ECHO.text.index("\n"), ECHO.text.index("\n") + 1), "a `;` is missing")),
    "empty text": one(Label(Span(Source("empty.wdf", ""), 0, 0), "there is nothing")),
    "wide letters": one(Label(at("漢", Source("w.wdf", "x 字 漢 = 1\n")), "not a name")),
}


def test_diagnostics_are_as_reviewed(golden: Callable[[str, str], None]) -> None:
    parts = [f"=== {name}\n{render([diagnostic])}" for name, diagnostic in CASES.items()]
    golden("reports/diagnostics.txt", "\n".join([*parts, f"=== all\n{render(list(CASES.values())[:3])}"]))


def test_caret_stands_under_the_name_after_tabs() -> None:
    _, _, source, carets, *_ = render([CASES["one label"]]).splitlines()
    assert source.index("Busy") == carets.index("^^^^")


def test_layout_of_the_style_guide() -> None:
    assert render([CASES["two lines"]]).splitlines()[:9] == [
        "error[WDF203]: `WdfRequestComplete` on a request that is still cancelable",
        " --> echo.wdf:6:9",
        "3 |         WdfRequestMarkCancelable(Request, OnCancel);",
        "  |         ------------------------ made cancelable here",
        "...",
        "6 |         WdfRequestComplete(Request, STATUS_SUCCESS);",
        "  |         ^^^^^^^^^^^^^^^^^^ must be unmarked first",
        "  = help: call `WdfRequestUnmarkCancelable` and return if it gives STATUS_CANCELLED; nothing else",
        "          will do, since the cancel callback may be running on another processor at this very moment",
    ]


def test_long_line_is_cut_around_the_mistake() -> None:
    lines = render([CASES["long line"]]).splitlines()
    assert lines[2].startswith("1 | ...")
    assert lines[2].endswith("...")
    assert lines[2].index("WdfRequestCancel") == lines[3].index("^")
    assert all(len(line) <= 100 for line in lines)


@st.composite
def labels(draw: st.DrawFn) -> Label:
    source = Source(draw(st.sampled_from(["a.wdf", "b.wdf"])), draw(TEXTS))
    start = draw(st.integers(0, len(source.text)))
    end = draw(st.integers(start, len(source.text)))
    return Label(Span(source, start, end), draw(st.text(max_size=40)))


TEXTS = st.sampled_from(["", "a", "\n", "\r\n\t\x1b[31m\n", "x\t\ty" * 40, ECHO.text, LONG.text, "漢字 é\u0301\n" * 5])


@settings(max_examples=300, deadline=None)
@given(st.lists(labels(), max_size=5), st.integers(60, 120))
def test_any_place_can_be_shown(found: list[Label], width: int) -> None:
    text = render([one(*found)], Look(width))
    assert "\x1b" not in text
    assert all(cells(line) <= width + 1 for line in text.splitlines() if "|" in line), text
