"""The forms of a life cycle: as reviewed, well formed, and the same facts in each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.shipped import MODELS, ROOT
from wdfmc import __version__
from wdfmc.checking import Options, loaded
from wdfmc.cli import main
from wdfmc.drawing import DRAWINGS
from wdfmc.drawing.words import arrows, final
from wdfmc.lifecycle import LifeCycle, life_cycle
from wdfmc.source import Source

CASES = {"pending_read": "cancellation/pending_read.wdf", "stacked": "seeds/stacked.wdf"}
SVG = "{http://www.w3.org/2000/svg}"


@cache
def cycle(case: str) -> tuple[LifeCycle, str]:
    path = MODELS[CASES[case]]
    name = path.relative_to(ROOT).as_posix()
    (model,), _ = loaded([Source(name, path.read_text(encoding="utf-8"))], Options())
    return life_cycle(model.program, Options(), None), name


def drawn(form: str, case: str) -> str:
    return DRAWINGS[form](*cycle(case))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("form", "ending"), [("text", "txt"), ("svg", "svg"), ("dot", "dot")])
def test_drawing_is_as_reviewed(case: str, form: str, ending: str, golden: Callable[[str, str], None]) -> None:
    golden(f"graphs/{case}.{ending}", drawn(form, case))


def test_json_has_every_edge() -> None:
    found = json.loads(drawn("json", "stacked"))
    whole, _ = cycle("stacked")
    assert (found["tool"], found["version"], found["complete"]) == ("wdfmc", __version__, True)
    assert [life["pool"] for life in found["lives"]] == [None, "LowerRequest"]
    assert sum(len(life["edges"]) for life in found["lives"]) == sum(len(life.edges) for life in whole.lives)
    assert [edge["line"] for life in found["lives"] for edge in life["edges"] if not edge["taken"]] == [15]


@pytest.mark.parametrize("case", CASES)
def test_picture_has_every_state_and_label_and_needs_nothing_else(case: str) -> None:
    text = drawn("svg", case)
    root = ElementTree.fromstring(text)
    whole, model = cycle(case)
    words = [node.text for node in root.iter(f"{SVG}text")]
    for life in whole.lives:
        assert set(life.states) <= set(words)
        for arrow in arrows(life, model):
            for label in arrow.labels:
                parts = [label] if label in words else [label.partition(": ")[0] + ":", label.partition(": ")[2]]
                assert set(parts) <= set(words), label
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text and "href" not in text
    assert sum(node.get("class") == "inner" for node in root.iter(f"{SVG}rect")) == sum(
        len(final(life)) for life in whole.lives
    )
    description = root.findtext(f"{SVG}desc")
    assert description and "none to driver: " in description


def test_what_never_runs_is_grey() -> None:
    root = ElementTree.fromstring(drawn("svg", "stacked"))
    (never,) = (group for group in root.iter(f"{SVG}g") if group.get("class") == "never")
    assert [node.text for node in never.iter(f"{SVG}text")] == ["OnUpperWrite 15: WdfRequestComplete"]
    assert '"0 driver" -> "0 done" [label="OnUpperWrite 15: WdfRequestComplete\\l", color="#b0b0b0"' in drawn(
        "dot", "stacked"
    )
    assert "never (grey in the picture):\n    driver -> done  OnUpperWrite 15" in drawn("text", "stacked")


def test_incomplete_says_so_in_every_form() -> None:
    whole, model = cycle("pending_read")
    for form in ("text", "svg", "dot"):
        said = " ".join(
            re.sub(r"<[^>]*>|\\n", " ", DRAWINGS[form](replace(whole, reason="out of time"), model)).split()
        )
        assert "not complete: out of time" in said, form
        assert "which is no proof" in said
    assert json.loads(DRAWINGS["json"](replace(whole, reason="out of time"), model))["complete"] is False


def test_odd_names_are_escaped() -> None:
    whole, _ = cycle("pending_read")
    odd = '<a & "b">.wdf'
    root = ElementTree.fromstring(DRAWINGS["svg"](whole, odd))
    assert odd in str(root.findtext(f"{SVG}title"))


def test_graphviz_draws_it() -> None:
    dot = shutil.which("dot")
    if not dot:
        pytest.skip("Graphviz is not installed")
    for case in CASES:
        done = subprocess.run([dot, "-Tsvg"], input=drawn("dot", case).encode(), capture_output=True, check=True)
        assert not done.stderr
        assert "STATUS" in done.stdout.decode() or case == "stacked"


def test_librsvg_draws_it(tmp_path: Path) -> None:
    rsvg = shutil.which("rsvg-convert")
    if not rsvg:
        pytest.skip("rsvg-convert is not installed")
    (tmp_path / "a.svg").write_text(drawn("svg", "stacked"), encoding="utf-8")
    subprocess.run([rsvg, str(tmp_path / "a.svg"), "-o", str(tmp_path / "a.png")], check=True)
    assert (tmp_path / "a.png").stat().st_size > 10_000


# ---------------------------------------------------------------- the command


def test_form_is_that_of_the_output(tmp_path: Path) -> None:
    model = str(MODELS["seeds/forward_unmodified.wdf"])
    for name, start in (("a.svg", "<svg "), ("a.dot", "digraph "), ("a.json", "{"), ("a.txt", model)):
        path = tmp_path / name
        assert main(["graph", model, "--requests", "1", "--output", str(path)]) == 0
        assert path.read_text(encoding="utf-8").startswith(start)


def test_cut_off_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    model = str(MODELS["cancellation/pending_read.wdf"])
    assert main(["graph", model, "--timeout", "0.000001"]) == 3
    assert "not complete: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("models", "WDF901"),
        ("nowhere.wdf", "WDF001"),
        ("models/seeds/stacked.wdf --format png", "WDF901"),
        ("models/seeds/stacked.wdf --output nowhere/a.svg", "WDF906"),
        ("models/seeds/stacked.wdf --output models/seeds/stacked.wdf", "WDF905"),
    ],
)
def test_wrong_command_line(
    words: str, code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["graph", *words.split()]) == 2
    assert code in capsys.readouterr().err


def test_picture_of_the_documentation_is_current(request: pytest.FixtureRequest) -> None:
    path = ROOT / "docs" / "life_cycle.svg"
    if request.config.getoption("--update-golden"):
        path.write_text(drawn("svg", "pending_read"), encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == drawn("svg", "pending_read")
