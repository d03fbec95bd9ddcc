"""`import wdfmc` and what it offers; the examples of docs/api.md; a notebook that is really executed."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import wdfmc
from wdfmc.api import Checked, Verdict
from wdfmc.checking import Options
from wdfmc.verdict import Word

ROOT = Path(__file__).parents[1]
NO_LOCK = ROOT / "models" / "cancellation" / "pending_read_no_lock.wdf"
BREACH = "no-access-after-ownership-loss"
TWICE = """driver Twice {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) {
        WdfRequestComplete(Request, STATUS_SUCCESS);
        if (maybe("a < b & c")) { WdfRequestComplete(Request, STATUS_SUCCESS); }
    }
}
"""


def in_a_new_process(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60
    ).stdout


@pytest.fixture(scope="module")
def broken() -> Checked:
    return wdfmc.check(NO_LOCK, rules=[BREACH])


@pytest.fixture(scope="module")
def twice() -> Checked:
    return wdfmc.check(TWICE, rules=["no-double-complete", "request-eventually-completed"], engine="explicit")


def test_import_loads_nothing_that_takes_long() -> None:
    loaded = in_a_new_process("import sys, wdfmc; dir(wdfmc); print(*sorted(sys.modules))").split()
    assert {name for name in loaded if name.startswith("wdfmc")} == {"wdfmc"}
    assert not {"z3", "numpy", "lark", "pysat", "click", "rich"} & set(loaded)


@pytest.mark.parametrize("before", ["", "import wdfmc.checking; ", "import wdfmc.decide; ", "import wdfmc.api; "])
def test_check_can_be_called_whatever_was_imported_before(before: str) -> None:
    """The module of this name must not hide the function."""
    text = "driver D { queue Q : manual; }"
    code = f"{before}import wdfmc; print(len(wdfmc.check({text!r}, rules=['no-double-complete'])))"
    assert in_a_new_process(code) == "1\n"


def test_names() -> None:
    assert set(wdfmc.__all__) <= set(dir(wdfmc))
    assert all(hasattr(wdfmc, name) for name in wdfmc.__all__)
    with pytest.raises(AttributeError, match="has no attribute"):
        wdfmc.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_keywords_are_the_options_of_a_check() -> None:
    """An option that is added to one of them and not to the other is noticed here."""
    from wdfmc import api

    given = set(inspect.signature(api.check).parameters) - {"model"}
    named = {"evidence": "invariants", "minimal": "minimal_assumptions"}
    internal = {"widening"}
    assert given == {named.get(name, name) for name in Options.__slots__ if name not in internal}


def test_path_and_text(broken: Checked, twice: Checked) -> None:
    assert broken.model.driver == "PendingReadNoLock"
    assert broken.model.path == str(NO_LOCK)
    assert twice.model.path == "<text>"
    assert wdfmc.check(str(NO_LOCK), rules=[BREACH]).exit == broken.exit == 0


def test_verdicts_by_name_and_number(twice: Checked) -> None:
    first = twice["no-double-complete"]
    assert first is twice[0] or first in tuple(twice)
    assert first.word == Word.VIOLATED == "violated"
    assert first in twice.having("violated")
    assert len(twice) == len(twice.verdicts)
    assert twice.exit == 1
    with pytest.raises(KeyError):
        twice["no-such-rule"]
    with pytest.raises(ValueError, match="nonsense"):
        twice.having("nonsense")


def test_trace_is_a_sequence(twice: Checked) -> None:
    trace = twice["no-double-complete"].trace
    assert trace is not None
    assert [step.index for step in trace] == list(range(1, len(trace) + 1))
    assert trace[-1] is trace.steps[-1]


def test_text_is_that_of_the_command(broken: Checked, twice: Checked) -> None:
    assert "exit 0" in str(broken)
    assert f"{BREACH}: violated in 8 steps (as expected)" in str(broken)
    assert str(broken[BREACH]) == str(broken[BREACH].trace)
    proved = [verdict for verdict in twice if verdict.trace is None]
    assert all(str(verdict).count("\n") == 1 for verdict in proved)


class Closed(HTMLParser):
    """Whether every element is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["all", "one"])
def test_html_is_closed_and_harmless(twice: Checked, which: str) -> None:
    shown: Checked | Verdict = twice if which == "all" else twice["no-double-complete"]
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == str(shown)
    parser = Closed()
    parser.feed(bundle["text/html"])
    parser.close()
    assert parser.open == []
    assert "a &lt; b &amp; c" in bundle["text/html"]
    assert "a < b" not in bundle["text/html"]
    assert "r1: driver → done" in bundle["text/html"]


def test_wrong_text_shows_where() -> None:
    with pytest.raises(wdfmc.Rejected) as rejected:
        wdfmc.check("driver D { queue Q : manual; ")
    assert rejected.value.diagnostics
    assert any("--> <text>:1" in note for note in rejected.value.__notes__)
    with pytest.raises(wdfmc.Rejected, match="WDF001"):
        wdfmc.check("nothing.wdf")
    with pytest.raises(wdfmc.Rejected, match="WDF208"):
        wdfmc.check(NO_LOCK, rules=["no-double-compleet"])


@pytest.mark.parametrize("wrong", [{"engine": "fast"}, {"target": "maybe"}, {"requests": 0}, {"timeout": 0}])
def test_wrong_option(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        wdfmc.check(NO_LOCK, **wrong)  # type: ignore[arg-type]


def test_examples_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "docs/api.md", "docs/api.md", 0)
    assert len(test.examples) > 10
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_notebook_is_executed() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(
            f"import wdfmc\nchecked = wdfmc.check({str(NO_LOCK)!r}, rules=[{BREACH!r}])\nchecked"
        ),
        nbformat.v4.new_code_cell(f"checked[{BREACH!r}].trace"),
        nbformat.v4.new_code_cell("print(checked)"),
        nbformat.v4.new_code_cell("wdfmc.check('driver {')"),
    ]
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    table, trace, printed, wrong = notebook.cells
    assert "<details>" in table.outputs[0].data["text/html"]
    assert "violates" in trace.outputs[0].data["text/html"]
    assert "violated in 8 steps" in trace.outputs[0].data["text/plain"]
    assert "exit 0" in printed.outputs[0].text
    (error,) = wrong.outputs
    assert error.ename == "Rejected"
    nbformat.validate(notebook)
