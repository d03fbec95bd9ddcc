"""Certificates: what `check` saves, another process checks again, and a certificate that claims too much is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import z3  # type: ignore[import-untyped]

from wdfmc.cli import main
from wdfmc.engines.smtlib import NotWritable

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((Path(__file__).parent / "reports" / "certified.schema.json").read_text(encoding="utf-8"))
RIGHT = ROOT / "models" / "seeds" / "complete_from_cancel.wdf"
WRONG = ROOT / "models" / "seeds" / "send_and_forget_completes.wdf"
STUCK = ROOT / "models" / "seeds" / "forward_unmodified_never_completed.wdf"
PROVED = ("no-double-complete", "complete-requires-unmark")

Content = dict[str, Any]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A model copied beside its certificate, for these rules; made once."""
    folder = tmp_path_factory.mktemp("saved")

    def certificate(model: Path, *rules: str) -> Path:
        path = folder / "-".join([model.stem, *rules, "certificate.json"])
        if not path.exists():
            chosen = [word for rule in rules for word in ("--rule", rule)]
            assert main(["check", str(model), *chosen, "--save-certificate", str(path)]) in (0, 1)
        return path

    return certificate


@pytest.fixture
def right(saved: Callable[..., Path]) -> Path:
    return saved(RIGHT, *PROVED)


def certify(path: Path, model: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Content]:
    capsys.readouterr()
    code = main(["certify", str(path), str(model), "--format", "json", *more])
    found: Content = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert found["exit"] == code
    return code, found


def changed(path: Path, folder: Path, change: Callable[[Content], object]) -> Path:
    """A certificate that says something else, with the digest that belongs to it: not damaged, but forged."""
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["digest"]
    change(content)
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    new = folder / "forged.json"
    new.write_text(json.dumps({**content, "digest": hashlib.sha256(plain.encode()).hexdigest()}), encoding="utf-8")
    return new


def standings(found: Content) -> dict[str, str]:
    return {result["rule"]: result["standing"] for result in found["results"]}


def answers_to(script: Path) -> list[str]:
    context = z3.Context()
    answers: str = z3.Z3_eval_smtlib2_string(context.ref(), script.read_text(encoding="utf-8"))
    return answers.split()


# ---------------------------------------------------------------- what holds


def test_proofs_are_certified(right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certify(right, RIGHT, capsys)
    assert code == 0
    assert standings(found) == dict.fromkeys(PROVED, "certified")


@pytest.mark.parametrize(
    ("model", "rule"),
    [(WRONG, "no-access-after-ownership-loss"), (STUCK, "request-eventually-completed")],
    ids=["violation", "stuck"],
)
def test_traces_are_replayed(
    saved: Callable[..., Path], capsys: pytest.CaptureFixture[str], model: Path, rule: str
) -> None:
    code, found = certify(saved(model, rule), model, capsys)
    assert standings(found)[rule] == "replayed"
    assert code == 0


EVENTUALLY = "request-eventually-completed"


def test_what_was_searched_is_not_certified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "searched.json"
    chosen = ["--rule", EVENTUALLY, "--engine", "explicit", "--save-certificate", str(path)]
    assert main(["check", str(RIGHT), *chosen]) == 0
    code, found = certify(path, RIGHT, capsys)
    assert code == 3
    assert found["results"][0]["standing"] == "not certified"
    assert found["results"][0]["reason"] == "exhaustive search; run check again"


def test_proofs_for_fixed_requests_come_from_an_engine_that_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fixed.json"
    chosen = ["--rule", PROVED[0], "--requests", "3", "--fixed-requests", "--save-certificate", str(path)]
    assert main(["check", str(RIGHT), *chosen]) == 0
    code, found = certify(path, RIGHT, capsys)
    assert code == 3
    assert found["results"][0]["reason"] == "exhaustive search; run check again"


def test_what_is_argued_is_certified(saved: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certify(saved(RIGHT, EVENTUALLY), RIGHT, capsys)
    assert code == 0
    assert found["results"][0]["standing"] == "certified"


def test_what_last_writers_prove_is_certified(
    saved: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The device's target is busy: then somebody changes its state. Only a ghost tells who."""
    model, rule = ROOT / "models" / "drivers" / "usbdk_alternate.wdf", "target-state-change-serialized"
    path, written = saved(model, rule), tmp_path / "proof.smt2"
    code, found = certify(path, model, capsys, "--smt2", str(written))
    assert (code, standings(found)) == (0, {rule: "certified"})
    assert '"Pipe.busy by"' in path.read_text(encoding="utf-8")
    assert set(answers_to(written)) == {"unsat"}


def test_too_few_lemmas_let_nothing_be_argued(
    saved: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fewer(content: dict[str, Any]) -> None:
        for invariant in content["bases"][0]["invariants"]:
            if invariant["goals"] == [EVENTUALLY]:
                invariant["lemmas"] = []

    code, found = certify(changed(saved(RIGHT, EVENTUALLY), tmp_path, fewer), RIGHT, capsys)
    assert code == 1
    assert found["results"][0]["standing"] == "does not hold"
    assert "not enough to argue" in found["results"][0]["reason"]


THREE = """\
driver Three {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    context device { Count : 0..3; }
    callback OnRead(Request) {
        if (Count < 3) { Count = Count + 1; }
        if (Count == 3) { WdfRequestComplete(Request, STATUS_UNSUCCESSFUL); }
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""


def test_trace_with_more_requests_than_were_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, path = tmp_path / "three.wdf", tmp_path / "three.json"
    model.write_text(THREE, encoding="utf-8")
    assert main(["check", str(model), "--rule", "no-double-complete", "--save-certificate", str(path)]) == 1
    code, found = certify(path, model, capsys)
    assert code == 0
    assert [(item["requests"], item["standing"]) for item in found["results"]] == [(3, "replayed")]


SPEC = """\
rule never-unsuccessful(r: request) "No request fails."
    never complete(r, STATUS_UNSUCCESSFUL);
"""


def test_rules_of_a_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(RIGHT, "model.wdf")
    Path("mine.wdfspec").write_text(SPEC, encoding="utf-8")
    assert main(["check", "model.wdf", "--spec", "mine.wdfspec", "--save-certificate", "c.json"]) == 0
    code, found = certify(Path("c.json"), Path("model.wdf"), capsys)
    assert (code, standings(found)) == (0, {"never-unsuccessful": "certified"})
    Path("mine.wdfspec").write_text(SPEC.replace("UNSUCCESSFUL);", "CANCELLED);"), encoding="utf-8")
    code, found = certify(Path("c.json"), Path("model.wdf"), capsys)
    assert (code, found["diagnostics"][0]["code"]) == (2, "WDF909")
    Path("mine.wdfspec").unlink()
    code, found = certify(Path("c.json"), Path("model.wdf"), capsys)
    assert (code, found["diagnostics"][0]["code"]) == (2, "WDF001")


def test_text_report(right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["certify", str(right), str(RIGHT)]) == 0
    printed = capsys.readouterr().out
    assert "proved, any number of requests, target answers: certified" in printed
    assert printed.endswith("2 certified; exit 0\n")


def test_other_process_with_other_hashes_in_another_directory(right: Path, tmp_path: Path) -> None:
    shutil.copy(RIGHT, tmp_path / "moved.wdf")
    command = [sys.executable, "-m", "wdfmc", "certify", str(right), "moved.wdf"]
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_saved_file_says_how_it_was_made(right: Path) -> None:
    content = json.loads(right.read_text(encoding="utf-8"))
    assert content["command"][:2] == ["check", str(RIGHT)]
    assert content["texts"][0]["sha256"] == hashlib.sha256(RIGHT.read_bytes()).hexdigest()
    assert any(text["name"].endswith("framework/request.wdf") for text in content["texts"])


def test_line_ends_do_not_matter(right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "windows.wdf"
    copy.write_bytes(RIGHT.read_bytes().replace(b"\n", b"\r\n"))
    assert certify(right, copy, capsys)[0] == 0


def test_other_version_is_a_warning(right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(right, tmp_path, lambda content: content.update(version="0.0.0"))
    code, found = certify(path, RIGHT, capsys)
    assert code == 0
    assert [(item["code"], item["severity"]) for item in found["diagnostics"]] == [("WDF912", "warning")]


def test_out_of_time_is_not_certified(right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certify(right, RIGHT, capsys, "--timeout", "0.000001")
    assert code == 3
    assert {result["reason"] for result in found["results"]} == {"out of time"}


# ---------------------------------------------------------------- what does not


def test_changed_model_is_refused(right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / RIGHT.name
    model.write_text(RIGHT.read_text(encoding="utf-8").replace("STATUS_CANCELLED", "STATUS_SUCCESS"), encoding="utf-8")
    code, found = certify(right, model, capsys)
    assert code == 2
    assert [item["code"] for item in found["diagnostics"]] == ["WDF909"]
    assert model.name in found["diagnostics"][0]["message"]


def test_changed_library_is_refused(right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(right, tmp_path, lambda content: content["texts"][-1].update(sha256="0" * 64))
    code, found = certify(path, RIGHT, capsys)
    assert code == 2
    assert [item["code"] for item in found["diagnostics"]] == ["WDF909"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"driver"', '"done"', 1),
        lambda text: "[]",
        lambda text: "{}",
        lambda text: '"' + text,
        lambda text: "[" * 100_000,
    ],
    ids=["cut off", "edited", "list", "empty", "no JSON", "deep"],
)
def test_damaged_file_is_refused(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[str], str]
) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(damage(right.read_text(encoding="utf-8")), encoding="utf-8")
    code, found = certify(path, RIGHT, capsys)
    assert code == 2
    assert [item["code"] for item in found["diagnostics"]] == ["WDF908"]


@pytest.mark.parametrize("key", ["version", "texts", "results", "bases", "specs", "rules", "target", "form"])
def test_file_of_another_shape_is_refused(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    for wrong in (lambda content: content.pop(key), lambda content: content.update({key: {"a": [True]}})):
        code, found = certify(changed(right, tmp_path, wrong), RIGHT, capsys)
        assert code == 2
        assert [item["code"] for item in found["diagnostics"]] == ["WDF908"]


def test_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certify(tmp_path / "none.json", RIGHT, capsys)
    assert code == 2
    assert [item["code"] for item in found["diagnostics"]] == ["WDF001"]


def lemmas(content: Content) -> list[Content]:
    """Those of the invariant with the most."""
    found: list[Content] = max((i["lemmas"] for basis in content["bases"] for i in basis["invariants"]), key=len)
    return found


def wrong_lemma(content: Content) -> None:
    """It says that no request is ever with the driver, which does not hold initially or is not kept."""
    never = [{"variable": "own", "request": 0, "values": ["driver"]}]
    lemmas(content)[0].update(requests=1, never=never)


def unknown_variable(content: Content) -> None:
    lemmas(content)[0]["never"][0]["variable"] = "own2"


def initial_state(content: Content) -> None:
    lemmas(content).append({"requests": 1, "never": [{"variable": "own", "request": 0, "values": ["none"]}]})


def more_goals(content: Content) -> None:
    """An invariant without lemmas that is said to prove everything."""
    for basis in content["bases"]:
        goals = sorted({goal for invariant in basis["invariants"] for goal in invariant["goals"]})
        basis["invariants"] = [{"goals": goals, "followed": [], "lemmas": []}]


def no_proof(content: Content) -> None:
    for basis in content["bases"]:
        basis["invariants"] = []


def part_without_the_rule(content: Content) -> None:
    for basis in content["bases"]:
        basis.update(part=["model-bound"], rules=["model-bound"])


def breach_without_a_trace(content: Content) -> None:
    no_proof(content)
    for result in content["results"]:
        result["under"] = ["complete-requires-unmark", "mark-cancelable-once"]


def followed_that_is_none(content: Content) -> None:
    for basis in content["bases"]:
        for invariant in basis["invariants"]:
            invariant["followed"] = ["own"]


@pytest.mark.parametrize(
    "forge",
    [
        wrong_lemma, unknown_variable, initial_state, more_goals, no_proof, part_without_the_rule,
        breach_without_a_trace, followed_that_is_none,
    ],
)  # fmt: skip
def test_forged_proof_does_not_hold(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], forge: Callable[[Content], None]
) -> None:
    code, found = certify(changed(right, tmp_path, forge), RIGHT, capsys)
    assert code == 1
    assert "does not hold" in standings(found).values()
    assert all(result["reason"] for result in found["results"] if result["standing"] == "does not hold")


def test_each_lemma_is_needed_or_the_audit_says_so(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The invariant was shrunk: without any one of its lemmas there is no proof."""
    number = len(lemmas(json.loads(right.read_text(encoding="utf-8"))))
    left = {
        certify(changed(right, tmp_path, lambda content, at=at: lemmas(content).pop(at)), RIGHT, capsys)[0]
        for at in range(number)
    }
    assert left == {1}


def another_end(content: Content) -> None:
    content["results"][0]["trace"]["steps"].pop()


def another_value(content: Content) -> None:
    steps = content["results"][0]["trace"]["steps"]
    step = next(step for step in steps if step["changes"])
    name = next(iter(step["changes"]))
    step["changes"][name][1] = "elsewhere"


def another_rule(content: Content) -> None:
    content["results"][0]["rule"] = "no-double-complete"


def other_order(content: Content) -> None:
    steps = content["results"][0]["trace"]["steps"]
    steps[0], steps[1] = steps[1], steps[0]


def no_steps(content: Content) -> None:
    content["results"][0]["trace"]["steps"] = []


def loop_without_a_loop(content: Content) -> None:
    content["results"][0]["trace"].update(end="loop", loop=None)


@pytest.mark.parametrize(
    "forge", [another_end, another_value, another_rule, other_order, no_steps, loop_without_a_loop]
)
@pytest.mark.parametrize(
    ("model", "rule"),
    [(WRONG, "no-access-after-ownership-loss"), (STUCK, "request-eventually-completed")],
    ids=["violation", "stuck"],
)
def test_forged_trace_does_not_hold(
    saved: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], model: Path, rule: str,
    forge: Callable[[Content], None],
) -> None:  # fmt: skip
    code, found = certify(changed(saved(model, rule), tmp_path, forge), model, capsys)
    assert code == 1
    assert found["results"][0]["standing"] == "does not hold"


# ---------------------------------------------------------------- saving


def test_certificate_of_several_models_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "certificate.json"
    assert main(["check", str(RIGHT), str(WRONG), "--save-certificate", str(path)]) == 2
    assert "WDF905" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize("where", ["no/such/folder.json", ".", "model.wdf"])
def test_certificate_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(RIGHT, "model.wdf")
    assert main(["check", "model.wdf", "--save-certificate", where]) == 2
    assert "WDF90" in capsys.readouterr().err
    assert Path("model.wdf").read_bytes() == RIGHT.read_bytes()


def test_report_and_certificate_in_one_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "one.json")
    assert main(["check", str(RIGHT), "--save-certificate", path, "--output", path]) == 2
    assert "WDF905" in capsys.readouterr().err


def test_saving_alone_prints_no_invariant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", str(RIGHT), "--rule", PROVED[0], "--save-certificate", str(tmp_path / "c.json")]
    assert main(arguments) == 0
    assert "never:" not in capsys.readouterr().out
    assert main([*arguments, "--show-invariant"]) == 0
    assert "never:" in capsys.readouterr().out


def test_invariant_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", str(RIGHT), "--rule", PROVED[0], "--format", "json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["results"][0]["invariant"] is None
    assert main([*arguments, "--show-invariant"]) == 0
    sentences = json.loads(capsys.readouterr().out)["models"][0]["results"][0]["invariant"]
    assert sentences
    assert all(sentence.startswith("never: ") for sentence in sentences)


# ---------------------------------------------------------------- SMT-LIB


def test_proof_for_other_solvers(right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "proof.smt2"
    assert certify(right, RIGHT, capsys, "--smt2", str(path))[0] == 0
    answers = answers_to(path)
    assert set(answers) == {"unsat"}
    assert len(answers) > 10


def test_no_proof_for_other_solvers_of_what_does_not_hold(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "proof.smt2"
    assert certify(changed(right, tmp_path, wrong_lemma), RIGHT, capsys, "--smt2", str(path))[0] == 1
    assert not path.exists()


def test_proof_that_cannot_be_written_is_refused(
    right: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(system: object, proof: object) -> str:
        raise NotWritable("between 0 and 2 of several records of each other request")

    monkeypatch.setattr("wdfmc.certify.script", refused)
    path = tmp_path / "proof.smt2"
    code, found = certify(right, RIGHT, capsys, "--smt2", str(path))
    assert (code, found["diagnostics"][0]["code"]) == (2, "WDF911")
    assert not path.exists()
