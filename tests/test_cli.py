"""The command line, in front of a pipeline that answers at once."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from wdfmc import __version__
from wdfmc.cli import main
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.source import Source
from wdfmc.verdict import Audit, ModelReport, Report, Result, Word

ROOT = Path(__file__).parents[1]

OnResult = Callable[[str, Result], None]
Answer = Callable[[Sequence[Path | Source], "Options", OnResult], Report]


@dataclass(frozen=True)
class Options:
    specs: tuple[Path, ...]
    rules: tuple[str, ...]
    requests: int
    target: str | None
    engine: str
    depth: int | None
    timeout: float | None
    jobs: int
    coverage: bool
    evidence: bool
    minimal: bool
    widening: float = 60.0


RESULT = Result("a-rule", "So it is.", Word.PROVED, 2, None, "explicit", (), 0.1, Audit.EXHAUSTIVE)


@dataclass
class Pipeline:
    """Stands for wdfmc.checking: notes what it is asked and gives `answer`."""

    exit: int = 0
    asked: Sequence[Path | Source] = ()
    options: Options | None = None
    error: BaseException | None = None

    def check_models(self, paths: Sequence[Path | Source], options: Options, on_result: OnResult) -> Report:
        self.asked, self.options = paths, options
        names = [path.name if isinstance(path, Source) else str(path) for path in paths]
        for name in names:
            on_result(name, RESULT)
        if self.error:
            raise self.error
        return Report(self.exit, tuple(ModelReport(name, "D", (RESULT,)) for name in names))


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    pipeline = Pipeline()
    module = ModuleType("wdfmc.checking")
    module.Options = Options  # type: ignore[attr-defined]
    module.check_models = pipeline.check_models  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wdfmc.checking", module)
    return pipeline


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with models in it."""
    for name in ("a.wdf", "b.wdf", "deep/c.wdf", "deep/er/d.wdf", "deep/note.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("driver D { }\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["a.wdf"], ["a.wdf"]),
        (["b.wdf", "a.wdf"], ["b.wdf", "a.wdf"]),
        (["a.wdf", "./a.wdf", "a.wdf"], ["a.wdf"]),
        (["deep"], ["deep/c.wdf", "deep/er/d.wdf"]),
        (["."], ["a.wdf", "b.wdf", "deep/c.wdf", "deep/er/d.wdf"]),
        (["*.wdf"], ["a.wdf", "b.wdf"]),
        (["deep/**/*.wdf"], ["deep/c.wdf", "deep/er/d.wdf"]),
        (["deep/note.txt"], ["deep/note.txt"]),
    ],
)
def test_models(pipeline: Pipeline, here: Path, arguments: list[str], asked: list[str]) -> None:
    assert main(["check", *arguments]) == 0
    assert [Path(str(path)).as_posix() for path in pipeline.asked] == asked


def test_stdin_is_utf8_whatever_the_console_says() -> None:
    code = "from wdfmc.usage import read_stdin; print(ascii(read_stdin().text))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="driver Ö {}".encode(),
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"},
    )
    assert done.stdout.decode().strip() == ascii("driver Ö {}")


def test_stdin_is_a_model(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Source("<stdin>", "driver D { }")
    monkeypatch.setattr("wdfmc.usage.read_stdin", lambda: given)
    assert main(["check", "-", "-"]) == 0
    assert list(pipeline.asked) == [given]


def test_options_reach_the_pipeline(pipeline: Pipeline, here: Path) -> None:
    chosen = "--spec b.wdf --rule x --rule y --rule x --requests 3 --target silent"
    how = "--engine ic3 --depth 9 --timeout 1.5 --jobs 2 --coverage --show-invariant --minimal-assumptions"
    assert main(["check", "a.wdf", *chosen.split(), *how.split()]) == 0
    assert pipeline.options == Options((Path("b.wdf"),), ("x", "y"), 3, "silent", "ic3", 9, 1.5, 2, True, True, True)


def test_requests_can_be_fixed(pipeline: Pipeline, here: Path) -> None:
    assert main(["check", "a.wdf", "--requests", "3", "--fixed-requests"]) == 0
    assert pipeline.options is not None
    assert (pipeline.options.requests, pipeline.options.widening) == (3, 0)


def test_defaults(pipeline: Pipeline, here: Path) -> None:
    assert main(["check", "a.wdf"]) == 0
    assert pipeline.options == Options((), (), 2, None, "auto", None, None, os.cpu_count() or 1, False, False, False)


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", ["WDF902", "a command is needed", "`check`"]),
        ("chekc a.wdf", ["WDF902", "`chekc`", "did you mean `check`?"]),
        ("frobnicate", ["WDF902", "the commands are `check`, "]),
        ("a.wdf", ["WDF902", "did you mean `wdfmc check a.wdf`?"]),
        ("--vresion", ["WDF901", "`--vresion`", "did you mean `--version`?"]),
        ("check", ["WDF901", "needs MODEL..."]),
        ("check a.wdf --requsts 3", ["WDF901", "`--requsts`", "did you mean `--requests`?"]),
        ("check a.wdf --requests 0", ["WDF901", "`--requests`"]),
        ("check a.wdf --requests two", ["WDF901", "`--requests`", "two"]),
        ("check a.wdf --depth 0", ["WDF901", "`--depth`"]),
        ("check a.wdf --timeout 0", ["WDF901", "`--timeout`"]),
        ("check a.wdf --timeout nan", ["WDF901", "`--timeout`"]),
        ("check a.wdf --timeout inf", ["WDF901", "`--timeout`"]),
        ("graph a.wdf --timeout nan", ["WDF901", "`--timeout`"]),
        ("diff a.wdf b.wdf --timeout inf", ["WDF901", "`--timeout`"]),
        ("why a.wdf:3 --timeout inf", ["WDF901", "`--timeout`"]),
        ("mutate a.wdf --timeout nan", ["WDF901", "`--timeout`"]),
        ("report a.wdf", ["WDF901", "needs `--output FILE`"]),
        ("report a.wdf -o empty", ["WDF906", "is a directory"]),
        ("check a.wdf --jobs 0", ["WDF901", "`--jobs`"]),
        ("check a.wdf --target nice", ["WDF901", "`--target`", "answers", "honours", "silent"]),
        ("check a.wdf --engine magic", ["WDF901", "`--engine`", "explicit"]),
        ("check a.wdf --format xml", ["WDF901", "`--format`", "mermaid"]),
        ("check a.wdf --engine explicit --depth 3", ["WDF905", "`--engine explicit`", "`--depth`"]),
        ("check a.wdf --engine bmc --minimal-assumptions", ["WDF905", "`--engine bmc`", "`--minimal-assumptions`"]),
        ("check a.wdf --fixed-requests --show-invariant", ["WDF905", "`--fixed-requests`", "`--show-invariant`"]),
        ("check a.wdf --output a.wdf", ["WDF905", "overwrite"]),
        ("check a.wdf --output empty", ["WDF906", "is a directory"]),
        ("check a.wdf --output none/x.txt", ["WDF906", "there is no directory"]),
        ("check c.wdf d.wdf", ["`c.wdf`", "`d.wdf`", "2 errors"]),
        ("check aa.wdf", ["WDF001", "there is no file `aa.wdf`", "did you mean `a.wdf`"]),
        ("check empty", ["WDF904", "no model"]),
        ("check *.wfd", ["WDF904", "no file matches"]),
        ("fmt", ["WDF901", "needs FILE..."]),
        ("fmt none.wdf", ["WDF001", "`none.wdf`"]),
        ("fmt deep", ["WDF002", "`deep`"]),
        ("explain", ["WDF901", "needs NAME"]),
        ("rules a b", ["WDF901", "(b)"]),
        ("certify a.json", ["WDF901", "needs MODEL"]),
        ("certify none.json a.wdf", ["WDF001", "`none.json`"]),
        ("certify a.wdf b.wdf", ["WDF908", "`a.wdf`", "no JSON"]),
        ("certify a.wdf b.wdf --timeout inf", ["WDF901", "`--timeout`"]),
        ("certify a.wdf b.wdf --smt2 b.wdf", ["WDF905", "`--smt2 b.wdf`", "overwrite"]),
        ("certify a.wdf b.wdf --smt2 none/x.smt2", ["WDF906", "there is no directory"]),
    ],
)
def test_wrong_command_line(
    pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str], command: str, said: list[str]
) -> None:
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[WDF")
    for words in said:
        assert words in err
    assert not pipeline.asked


def test_text_that_is_not_utf8(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "latin.wdf").write_bytes(b"driver D {\n  // \xe9\n}\n")
    assert main(["fmt", "latin.wdf"]) == 2
    err = capsys.readouterr().err
    assert "error[WDF004]: `latin.wdf` is not UTF-8" in err
    assert "--> latin.wdf:2:6" in err


def test_every_code_has_an_explanation() -> None:
    catalogue = pytest.importorskip("wdfmc.catalogue").CATALOGUE
    root = ROOT / "wdfmc"
    files = [root / "usage.py", root / "console.py", *(root / "commands").glob("*.py")]
    used = {code for file in files for code in re.findall(r"WDF\d\d\d", file.read_text())}
    assert used
    assert used <= set(catalogue)


def test_rejected_text(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.error = Rejected([Diagnostic("WDF203", "it is wrong"), Diagnostic("WDF204", "twice")])
    assert main(["check", "a.wdf"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error[WDF203]: it is wrong", "", "error[WDF204]: twice", "", "2 errors"]


def test_rejected_text_in_json(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.error = Rejected([Diagnostic("WDF203", "it is wrong")])
    assert main(["check", "a.wdf", "--format", "json"]) == 2
    printed = json.loads(capsys.readouterr().out)
    assert (printed["exit"], printed["models"]) == (2, [])
    assert printed["diagnostics"][0]["code"] == "WDF203"


# ---------------------------------------------------------------- where it goes


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_code_is_that_of_the_report(pipeline: Pipeline, here: Path, code: int) -> None:
    pipeline.exit = code
    assert main(["check", "a.wdf"]) == code


def test_output_is_written_whole(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.wdf", "--format", "json", "--output", "out.json"]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads((here / "out.json").read_text(encoding="utf-8"))["exit"] == 0
    assert sorted(path.name for path in here.iterdir()) == ["a.wdf", "b.wdf", "deep", "empty", "out.json"]


@pytest.mark.parametrize("error", [Rejected([Diagnostic("WDF203", "wrong")]), KeyboardInterrupt(), ValueError("oops")])
def test_output_is_left_alone_when_there_is_an_error(pipeline: Pipeline, here: Path, error: BaseException) -> None:
    (here / "out.txt").write_text("before")
    pipeline.error = error
    assert main(["check", "a.wdf", "--output", "out.txt"]) in (2, 70, 130)
    assert (here / "out.txt").read_text() == "before"


def test_output_to_stdout(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.wdf", "--output", "-"]) == 0
    assert "a.wdf: driver D" in capsys.readouterr().out
    assert not (here / "-").exists()


def test_interrupt_prints_what_is_decided(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.error = KeyboardInterrupt()
    assert main(["check", "a.wdf", "b.wdf"]) == 130
    out = capsys.readouterr().out
    assert "a-rule" in out
    assert "exit 130: interrupted" in out


def test_interrupt_keeps_the_order_of_the_command_line(
    pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_way_round(paths: Sequence[Path | Source], options: Options, on_result: OnResult) -> Report:
        on_result("b.wdf", RESULT)
        on_result("a.wdf", RESULT)
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["wdfmc.checking"], "check_models", other_way_round)
    assert main(["check", "a.wdf", "deep/c.wdf", "b.wdf", "--format", "json"]) == 130
    assert [model["path"] for model in json.loads(capsys.readouterr().out)["models"]] == ["a.wdf", "b.wdf"]


def test_interrupt_in_json(pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.error = KeyboardInterrupt()
    assert main(["check", "a.wdf", "--format", "json"]) == 130
    printed = json.loads(capsys.readouterr().out)
    assert printed["exit"] == 130
    assert printed["models"][0]["results"][0]["rule"] == "a-rule"


def test_defect(
    pipeline: Pipeline, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.error = ValueError("oops")
    monkeypatch.delenv("WDFMC_DEBUG", raising=False)
    assert main(["check", "a.wdf"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "internal error: ValueError: oops" in err
    assert "Traceback" not in err
    monkeypatch.setenv("WDFMC_DEBUG", "1")
    assert main(["check", "a.wdf"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_reader_that_stops_reading(pipeline: Pipeline, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    closed = io.TextIOWrapper(os.fdopen(write, "wb", buffering=0), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", closed)
    pipeline.exit = 1
    assert main(["check", "a.wdf"]) == 1
    closed.close()


# ---------------------------------------------------------------- the process


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wdfmc", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, env=os.environ | more, check=False
    )


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"wdfmc {__version__}\n")


def test_help_names_every_option_of_the_contract() -> None:
    done = run("check", "--help")
    assert done.returncode == 0
    options = "spec rule requests fixed-requests target engine depth timeout jobs coverage "
    options += "minimal-assumptions format output"
    assert [option for option in options.split() if f"--{option} " not in done.stdout] == []


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from wdfmc.cli import main; main(['--help']); "
        "print('LOADED', sorted({'z3', 'lark', 'numpy', 'rich', 'pysat', 'wdfmc.language.ast'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.endswith("LOADED []\n")


def test_usage_error_of_the_process() -> None:
    done = run("check", "--nonsense", PYTHONUTF8="0", PYTHONIOENCODING="cp1252")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- fmt

UGLY = "driver D {\nqueue Q:parallel,front{EvtIoRead=OnRead;} // why\ncallback OnRead(Request){x=1;}\n}\n"


def test_fmt_writes_and_then_has_nothing_to_do(here: Path) -> None:
    (here / "a.wdf").write_text(UGLY, encoding="utf-8")
    assert main(["fmt", "--check", "a.wdf"]) == 1
    assert main(["fmt", "a.wdf", "b.wdf"]) == 0
    text = (here / "a.wdf").read_text(encoding="utf-8")
    assert text != UGLY
    assert "// why" in text
    assert main(["fmt", "--check", "a.wdf", "b.wdf"]) == 0


def test_fmt_check_names_the_files_and_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.wdf").write_text(UGLY, encoding="utf-8")
    assert main(["fmt", "--check", "a.wdf", "b.wdf"]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["a.wdf"]
    assert (here / "a.wdf").read_text(encoding="utf-8") == UGLY


def test_fmt_writes_nothing_if_one_file_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.wdf").write_text(UGLY, encoding="utf-8")
    (here / "b.wdf").write_text("driver {{{\n", encoding="utf-8")
    assert main(["fmt", "a.wdf", "b.wdf", "nowhere.wdf"]) == 2
    assert (here / "a.wdf").read_text(encoding="utf-8") == UGLY
    err = capsys.readouterr().err
    assert "b.wdf:1:" in err
    assert "nowhere.wdf" in err


def test_fmt_keeps_the_line_ends_of_windows(here: Path) -> None:
    (here / "a.wdf").write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert main(["fmt", "a.wdf"]) == 0
    written = (here / "a.wdf").read_bytes()
    assert b"\r\n" in written
    assert written.count(b"\n") == written.count(b"\r\n")
    assert main(["fmt", "--check", "a.wdf"]) == 0


def test_fmt_from_stdin_to_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("wdfmc.commands.fmt.read_stdin", lambda: Source("<stdin>", UGLY))
    assert main(["fmt", "-"]) == 0
    assert "    callback OnRead(Request) {" in capsys.readouterr().out


# ---------------------------------------------------------------- explain and rules


@pytest.mark.parametrize("name", ["WdfRequestUnmarkCancelable", "EvtIoRead", "STATUS_CANCELLED", "no-double-complete"])
def test_explain(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["explain", name]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{name}: ")
    assert err == ""


def test_explain_takes_a_code_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "wdf905"]) == 0
    assert capsys.readouterr().out.startswith("WDF905: ")


@pytest.mark.parametrize(("word", "sort"), [("passive", "queue"), ("sequential", "queue"), ("periodic", "timer")])
def test_explain_of_a_word_names_the_sorts_that_have_it(
    word: str, sort: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", word]) == 2
    assert sort in capsys.readouterr().err.partition("it is a word of")[2]


@pytest.mark.parametrize("word", ["thread", "callback", "NTSTATUS", "maybe"])
def test_explain_of_a_word_of_the_language(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", word]) == 2
    assert "docs/language.md" in capsys.readouterr().err


def test_explain_of_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "WdfRequestUnmarkCancelabel"]) == 2
    err = capsys.readouterr().err
    assert "error[WDF907]" in err
    assert "did you mean `WdfRequestUnmarkCancelable`" in err


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    assert "no-double-complete" in capsys.readouterr().out


def test_rules_shows_one_and_says_when_there_is_no_trace(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "no-double-complete"]) == 0
    assert "A request is completed at most once." in capsys.readouterr().out
    assert pipeline.options
    assert pipeline.options.rules == ("no-double-complete",)


def test_rules_of_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "no-duble-complete"]) == 2
    assert "did you mean `no-double-complete`" in capsys.readouterr().err


def test_rules_of_another_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--covers", "SDV"]) == 0
    assert "ReqDelete                            complete-only-received\n" in capsys.readouterr().out
    assert main(["rules", "--covers", "SVD"]) == 2
    assert "there are DOC, KV, MC, SDV, SEED" in capsys.readouterr().err


def test_rules_that_are_not_checked_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "information-within-length"]) == 0
    assert "lengths are not in the model" in capsys.readouterr().out


def test_rules_as_a_page(tmp_path: Path) -> None:
    written = tmp_path / "rules.md"
    assert main(["rules", "--format", "markdown", "--output", str(written)]) == 0
    assert written.read_bytes() == (ROOT / "docs" / "rules.md").read_bytes()


def test_rules_written_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written = tmp_path / "rules.txt"
    assert main(["rules", "--covers", "KV", "--output", str(written)]) == 0
    assert capsys.readouterr().out == ""
    assert "KV-01 " in written.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        "rules no-double-complete --covers SDV",
        "rules no-double-complete --output a.md",
        "rules --covers SDV --format markdown",
    ],
)
def test_rules_options_that_contradict(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert "error[WDF905]" in capsys.readouterr().err


# ---------------------------------------------------------------- the whole of it

MODEL = "models/cancellation/pending_read.wdf"
FORWARDS = "models/seeds/forward_unmodified.wdf"
SCHEMA = ROOT / "tests" / "reports" / "report.schema.json"


def test_a_proof_for_so_many_requests_alone() -> None:
    done = run("check", MODEL, "--rule", "no-double-complete", "--requests", "3", "--fixed-requests")
    assert done.returncode == 0, done.stderr
    assert "no-double-complete  proved, 3 requests" in done.stdout
    assert "any number" not in done.stdout


def test_minimal_assumptions_of_a_shipped_model() -> None:
    rule = "request-eventually-completed"
    done = run("check", FORWARDS, "--rule", rule, "--target", "answers", "--minimal-assumptions", "--format", "json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    jsonschema.validate(printed, json.loads(SCHEMA.read_text(encoding="utf-8")))
    (result,) = (r for r in printed["models"][0]["results"] if r["rule"] == rule)
    (needed,) = result["minimal"]["needed"]
    assert (needed["assumption"], needed["instead"]) == ("target Lower answers", "target Lower honours")
    assert needed["verdict"] == "violated" and needed["trace"]["end"] == "stuck"
    assert result["minimal"]["dropped"] == ["ticks", "threads", "hardware answers", "locks"]


def test_minimal_assumptions_for_people() -> None:
    chosen = ("--rule", "request-eventually-completed", "--target", "answers")
    done = run("check", FORWARDS, *chosen, "--minimal-assumptions")
    assert done.returncode == 0, done.stderr
    assert "needs       target Lower answers: with target Lower honours instead, violated in" in done.stdout
    assert "request-eventually-completed with target Lower honours instead: violated in" in done.stdout
    assert "= stuck: no step that must happen is left" in done.stdout


def test_check_of_a_shipped_model() -> None:
    done = run("check", MODEL, "--rule", "no-double-complete", "--format", "json")
    assert done.returncode == 0, done.stderr
    (result,) = (r for r in json.loads(done.stdout)["models"][0]["results"] if r["rule"] == "no-double-complete")
    assert result["verdict"] == "proved"


def test_a_run_ends_with_what_it_took() -> None:
    one, other = "models/seeds/filter_pass_through.wdf", "models/seeds/forward_unmodified.wdf"
    for jobs in "12":
        done = run("check", one, other, "--rule", "no-double-complete", "--engine", "explicit", "--jobs", jobs)
        assert done.returncode == 0, done.stderr
        *_, table, total, counts = done.stdout.split("\n\n")
        assert [line.split()[0] for line in table.splitlines()][:3] == ["engine", "lowering", "explicit"]
        assert re.search(r"^ +explicit +2 +[\d.]+ +[\d,]+ states, depth \d+$", table, re.MULTILINE)
        assert re.fullmatch(r"[\d.]+ seconds; at most [\d,]+ MiB of memory in one process", total)
        assert counts.endswith("; exit 0\n")


def test_mistake_in_a_text_loads_no_solver(here: Path) -> None:
    (here / "a.wdf").write_text("driver D {\n    queue Q : paralel { }\n", encoding="utf-8")
    code = (
        "import sys; from wdfmc.cli import main; code = main(['check', sys.argv[1]]); "
        "print(code, sorted({'z3', 'numpy', 'pysat', 'rich'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(here / "a.wdf")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "2 []\n"
    assert "a.wdf:" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_rule() -> None:
    done = run("check", MODEL, "--rule", "no-duble-complete")
    assert done.returncode == 2
    assert "no-double-complete" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_what_a_shell_runs_in_the_background_can_be_ended() -> None:
    """It ignores Control-C."""
    command = [sys.executable, "-m", "wdfmc", "check", "models", "--requests", "4", "--jobs", "1"]
    told = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    finally:
        signal.signal(signal.SIGINT, told)
    try:
        time.sleep(3)
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
    finally:
        process.kill()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to a process group")
@pytest.mark.parametrize("interrupted", [True, False], ids=["Control-C", "ended"])
def test_interrupt_of_the_process(interrupted: bool) -> None:
    """Control-C goes to all processes of a console."""
    command = [sys.executable, "-m", "wdfmc", "check", "models", "--requests", "4"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as process:
        time.sleep(4)
        if interrupted:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "exit 130: interrupted" in out
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
