"""The page of `wdfmc report`, piece by piece. How it behaves in a browser: `test_html_in_browser.py`."""

from __future__ import annotations

import html
import json
import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

from tests.reports.conftest import ENVIRONMENT, MODEL, at
from wdfmc import library
from wdfmc.checking import Options, check_text, read_texts
from wdfmc.cli import main
from wdfmc.lanes import Lane, lanes_of
from wdfmc.matrix import Act, Cell, Matrix, Row
from wdfmc.reports.html import digest, part, render
from wdfmc.reports.html.colouring import coloured
from wdfmc.reports.html.swimlane import swimlane
from wdfmc.reports.html.view import Names, moves, pill_of, thread
from wdfmc.review import Review, observed
from wdfmc.semantics import typed
from wdfmc.source import Source
from wdfmc.verdict import Report, Trace, Word

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "models/cancellation/pending_read_no_lock.wdf"
VOID = {"wbr", "meta", "link", "br", "img", "input", "hr", "circle", "path", "line", "polyline"}
LANES = (
    Lane("sender", "sender", frozenset({"none", "done"})),
    Lane("framework", "framework", frozenset({"queued", "canceling"})),
    Lane("driver", "driver", frozenset({"driver", "cancelable"})),
    Lane("device", "hardware", frozenset()),
    Lane("target", "target", frozenset({"sent"})),
)
COMPLETES = Act("OnCancel #2", at("WdfRequestComplete(Request, STATUS_CANCELLED)"))
ENDS = Act("sender_cancels", ENVIRONMENT)
MATRIX = Matrix(
    ("cancelled", "finished"),
    (Row("queued", "it waits", "framework", True), Row("driver", "", "driver", True), Row("sent", "", "target", False)),
    {
        ("queued", "cancelled"): Cell(("done",), (), (ENDS,), ()),
        ("driver", "cancelled"): Cell(("driver",), (COMPLETES,), (), ()),
        ("driver", "finished"): Cell(("driver",), (COMPLETES,), (), (("no-double-complete", COMPLETES),)),
    },
    2, 1234, ("no-double-complete",), None,
)  # fmt: skip


def page(report: Report) -> str:
    models = tuple(replace(model, texts=model.texts or (MODEL,)) for model in report.models)
    report = replace(report, models=models)
    environments = {model.path: {"power": "off"} for model in report.models}
    return render(Review(report, LANES, {model.path: MATRIX for model in report.models}, environments))


class Balanced(HTMLParser):
    """Raises where an element is closed that is not open, and keeps the elements and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag, (tag, self.getpos())


def parsed(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


# ---------------------------------------------------------------- the page


def test_every_verdict_and_assumption_is_there(report: Report) -> None:
    text = page(report)
    for result in report.models[0].results:
        assert result.rule in text
        assert html.escape(result.sentence, quote=False)[:30] in text or '"' in result.sentence
    assert "timers that are armed, DPCs and work items that are queued run eventually" in text
    assert "memory is sequentially consistent" in text
    assert "<code>power</code>" in text


def test_a_proof_up_to_a_breach_does_not_look_like_a_proof(report: Report) -> None:
    (model,) = report.models
    proved = next(result for result in model.results if result.verdict is Word.PROVED and not result.under)
    assert pill_of(proved).kind == "good"
    assert pill_of(replace(proved, under=("no-double-complete",))).kind == "info"


def test_elements_are_balanced_and_anchors_lead_somewhere(report: Report) -> None:
    elements = parsed(page(report)).seen
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))
    for tag, attributes in elements:
        for key in ("aria-labelledby", "aria-controls"):
            assert key not in attributes or attributes[key] in names, attributes
        link = attributes.get("href")
        if tag == "a" and link is not None:
            assert link.startswith("#")
            assert link[1:].split("&")[0] in names, link


def test_nothing_is_loaded_from_anywhere(report: Report) -> None:
    text = page(report)
    elements = parsed(text).seen
    assert not [
        tag for tag, attributes in elements if "src" in attributes or tag in ("link", "img", "iframe", "object")
    ]
    assert "url(" not in part("review.css")
    assert "@import" not in part("review.css")
    assert not re.search(r"https?://", text)
    policy = next(a["content"] for tag, a in elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert digest(part("review.js")) in policy


def test_the_policy_allows_the_script_that_is_there(report: Report) -> None:
    text = page(report)
    script = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    assert digest(script) in text


def test_hostile_words_stay_words(report: Report) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}" + string.punctuation
    model = report.models[0]
    results = []
    for result in model.results:
        trace = result.trace
        if trace is not None:
            steps = tuple(
                replace(step, actor=hostile, lane=hostile, action=hostile, result=hostile,
                        changes={hostile: (hostile, hostile + "!")})
                for step in trace.steps
            )  # fmt: skip
            trace = replace(trace, steps=steps)
        results.append(replace(result, rule=hostile, sentence=hostile, reason=hostile, trace=trace))
    source = Source(hostile, hostile + "\n" + hostile)
    bad = replace(model, path=hostile, driver=hostile, results=tuple(results), texts=(source,))
    plain, odd = parsed(page(report)).seen, parsed(page(replace(report, models=(bad,)))).seen
    scripts = [attributes for tag, attributes in odd if tag == "script"]
    assert scripts[-1] == {}
    assert all(attributes == {"type": "application/json", "class": "data"} for attributes in scripts[:-1])
    assert not [tag for tag, _ in odd if tag == "img"]
    assert {name for _, attributes in odd for name in attributes} <= {n for _, a in plain for n in a} | {"data-name"}


def test_data_of_a_trace_can_be_read_back(report: Report) -> None:
    found = re.findall(r'<script type="application/json" class="data">(.*?)</script>', page(report), re.DOTALL)
    traces = [result.trace for result in report.models[0].results if result.trace]
    assert [len(json.loads(one)["steps"]) for one in found] == [len(trace.steps) for trace in traces]


def test_names_are_given_once() -> None:
    names = Names()
    assert [names.new("a", "b.a") for _ in range(4)] == ["a", "b.a", "b.a-2", "b.a-3"]


# ---------------------------------------------------------------- the matrix


def cells_of(text: str) -> list[list[str]]:
    """The words of each cell, row by row."""
    table = text[text.index('<table class="matrix">') :].split("</table>")[0].split("<tbody>")[1]
    words = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("</tr>")[:-1]]
    return [[" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in words]


def test_each_cell_says_who_acts_and_how_sure_that_is(report: Report) -> None:
    text = page(report)
    assert cells_of(text) == [
        [
            "queued framework it waits",
            "assumed becomes → done ends by itself: sender cancels request.wdf:1",
            "unreachable",
        ],
        ["driver driver", "proved OnCancel line 9", "breach OnCancel line 9 then can break no-double-complete"],
    ]
    assert "All 1,234 states with 2 requests in one run." in text
    assert "No run brings a request into the state" in text
    assert "A run ends where it breaks no-double-complete; what would come after counts as unreachable." in text
    assert "In some run nobody acts on a request any more: see the traces of request-eventually-completed" in text


def test_what_was_not_searched_is_open(report: Report) -> None:
    model = report.models[0]
    part = replace(MATRIX, reason="out of time")
    text = render(Review(report, LANES, {model.path: part}, {}))
    found = {cell.split()[0] for row in cells_of(text) for cell in row[1:]}
    assert found == {"open", "seen", "breach"}
    assert "Not all is known: out of time." in text
    assert "No run brings a request" not in text


# ---------------------------------------------------------------- lanes


def a_trace(report: Report) -> Trace:
    return next(result.trace for result in report.models[0].results if result.trace)


def test_lanes_stand_from_the_sender_to_the_target(report: Report) -> None:
    assert swimlane(a_trace(report), LANES).columns == ("sender", "framework", "OnRead(r1)", "OnCancel(r1)", "OnDpc")


def test_a_request_is_where_its_state_says_or_with_the_callback_that_touched_it(report: Report) -> None:
    drawn = swimlane(a_trace(report), LANES)
    (token,) = drawn.tokens
    assert token.states == ("driver", "driver", "cancelable", "cancelable", "canceling", "done", "done")
    assert [None if c is None else drawn.columns[c] for c in token.columns] == [
        "OnRead(r1)", "OnRead(r1)", "OnRead(r1)", "OnRead(r1)", "framework", "sender", "sender",
    ]  # fmt: skip
    assert [state for _, _, state in moves(drawn, token)] == ["driver", "cancelable", "canceling", "done"]
    assert thread(drawn, token).startswith("M")


def test_the_step_that_breaks_the_rule_is_marked(report: Report) -> None:
    drawn = swimlane(a_trace(report), LANES)
    assert [row.mark for row in drawn.rows][-1] == "lost"
    assert [row.mark for row in drawn.rows].count("lost") == 1
    endless = replace(a_trace(report), end="loop", loop=2)
    assert {row.mark for row in swimlane(endless, LANES).rows} == {""}


def test_the_race_is_decided_where_another_callback_takes_the_request() -> None:
    """OnDpc has taken the request out of Pending; OnCancel completes it before OnDpc unmarks it."""
    report = check_text(WRONG.read_text(encoding="utf-8"), str(WRONG), Options(rules=("no-unmark-after-complete",)))
    trace = next(r.trace for r in report.models[0].results if r.rule == "no-unmark-after-complete")
    assert trace is not None
    rows = swimlane(trace, lanes_of(some_program())).rows
    marked = {row.mark: row for row in rows if row.mark}
    assert (marked["decided"].who, marked["decided"].code) == (
        "OnCancel(r1)", "WdfRequestComplete(Request, STATUS_CANCELLED)",
    )  # fmt: skip
    assert (marked["lost"].who, marked["lost"].code) == ("OnDpc", "WdfRequestUnmarkCancelable(r)")


def some_program() -> typed.Program:
    source = Source("a.wdf", "driver A { queue Q : manual; }\n")
    (program,) = observed(read_texts([source], Options()), Options()).values()
    return program


def test_every_state_of_a_request_has_one_lane() -> None:
    program = some_program()
    held = [state for lane in lanes_of(program) for state in lane.holds]
    known = program.sorts["request"].fields["own"].type
    assert sorted(held) == sorted(known.members)  # type: ignore[attr-defined]


def test_lanes_are_no_rules_of_a_check() -> None:
    assert not [entry for entry in library.entries() if entry.name.startswith(("lane-", "matrix-"))]


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize("source", library.sources(), ids=lambda source: source.name)
def test_a_coloured_text_says_what_the_text_says(source: Source) -> None:
    plain = [html.unescape(Markup(line).striptags()) for line in coloured(Source("", "x"))]
    assert plain == ["x"]
    lines = [html.unescape(re.sub(r"</?b[^>]*>", "", line)) for line in coloured(source)]
    assert lines == source.text.splitlines()


# ---------------------------------------------------------------- the command


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["report", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_writes_the_page_and_exits_as_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "review.html"
    code, out, _ = run(
        str(WRONG), "-o", str(output), "--rule", "no-dangling-slot", "--requests", "1", "--jobs", "1", capsys=capsys
    )
    assert (code, out) == (0, "")
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    unexpected = tmp_path / "model.wdf"
    text = WRONG.read_text(encoding="utf-8")
    unexpected.write_text(re.sub(r"\n *expect .*", "", text), encoding="utf-8")
    code, out, _ = run(str(unexpected), "-o", "-", "--rule", "no-dangling-slot", "--jobs", "1", capsys=capsys)
    assert code == 1
    assert out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.wdf", "-o", "review.html"], "WDF001"),
        ([str(WRONG)], "WDF901"),
        ([str(WRONG), "-o", "no/such/folder/review.html"], "WDF906"),
        ([str(WRONG), "-o", str(WRONG)], "WDF905"),
        ([str(WRONG), "-o", "review.html", "--timeout", "inf"], "WDF901"),
        ([str(WRONG), "-o", "review.html", "--rule", "no-such-rule"], "WDF208"),
    ],
)
def test_a_wrong_command_line_writes_nothing(
    arguments: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exit_code, out, err = run(*arguments, capsys=capsys)
    assert (exit_code, out) == (2, "")
    assert f"error[{code}]" in err
    assert list(tmp_path.iterdir()) == []
