"""`wdfmc export` on the command line: what it writes, where, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.circuits import read
from wdfmc.cli import main
from wdfmc.exports.identifiers import identifiers

ROOT = Path(__file__).parents[2]
MODEL = str(ROOT / "models" / "cancellation" / "pending_read_no_lock.wdf")
RULE = "no-access-after-ownership-loss"


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["export", MODEL, *arguments]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    return out


def test_promela(capfd: pytest.CaptureFixture[str]) -> None:
    text = printed(capfd, "--to", "promela", "--rule", RULE, "--requests", "1")
    assert text.startswith("/* wdfmc ")
    assert MODEL in text.splitlines()[0]
    assert "/* requests: 1; targets: answers */" in text
    assert f"/* rules: {RULE} */" in text
    assert "unsigned r1_own : 3 = 0; /* 0 none, 1 driver, 2 cancelable, " in text
    assert "assert(no_access_after_ownership_loss_holds) } /* OnRead(r1): add Request to Pending; */" in text


def test_smt2(capfd: pytest.CaptureFixture[str]) -> None:
    text = printed(capfd, "--to", "smt2", "--rule", RULE, "--requests", "1")
    assert "(set-logic HORN)" in text
    assert "; |r1.own|: 0 none, 1 driver, 2 cancelable, " in text
    assert text.count(f"(assert (=> |{RULE}| false))") == 1
    assert text.endswith("(check-sat)\n")


@pytest.mark.parametrize("encoding", ["binary", "one-hot"])
def test_aiger(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "out.aig"
    arguments = ["--to", "aiger", "--encoding", encoding, "--rule", RULE, "--requests", "1", "--output", str(file)]
    assert main(["export", MODEL, *arguments]) == 0
    circuit = read(file.read_bytes())
    assert circuit.symbols["b0"] == RULE
    own = [name for name in circuit.symbols.values() if name.startswith("r1.own in ")]
    assert len(own) == {"binary": 3, "one-hot": 6}[encoding]
    assert f"\nvalues: {encoding}\n".encode() in file.read_bytes()


def test_aiger_has_justice_for_what_happens_eventually(tmp_path: Path) -> None:
    file = tmp_path / "live.aig"
    rules = ["--rule", RULE, "--rule", "request-eventually-completed"]
    assert main(["export", MODEL, "--to", "aiger", *rules, "--requests", "1", "--output", str(file)]) == 0
    circuit = read(file.read_bytes())
    assert len(circuit.bad) == len(circuit.justice) == 1
    assert circuit.symbols["b0"] == RULE
    assert circuit.symbols["j0"] == "request-eventually-completed"
    assert circuit.symbols["f0"] == "no guess is refuted"
    assert len(circuit.fairness) > 3


def test_the_default_is_binary_and_two_requests(tmp_path: Path) -> None:
    plain, chosen = tmp_path / "plain", tmp_path / "chosen"
    assert main(["export", MODEL, "--to", "aiger", "--output", str(plain)]) == 0
    more = ["--encoding", "binary", "--requests", "2"]
    assert main(["export", MODEL, "--to", "aiger", *more, "--output", str(chosen)]) == 0
    assert plain.read_bytes() == chosen.read_bytes()


def test_aiger_can_be_piped(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["export", MODEL, "--to", "aiger", "--rule", RULE]) == 0
    out, _ = capfdbinary.readouterr()
    assert read(out).symbols["b0"] == RULE


def test_two_runs_write_the_same(tmp_path: Path) -> None:
    for language in ("promela", "aiger", "smt2"):
        files = [tmp_path / f"{language}{at}" for at in range(2)]
        for file in files:
            assert main(["export", MODEL, "--to", language, "--output", str(file)]) == 0
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_file_of_rules(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "own.wdfspec"
    spec.write_text('rule once(r: request) "A request is completed once."\n    never complete(r) after complete(r);\n')
    text = printed(capfd, "--to", "smt2", "--spec", str(spec), "--rule", "once")
    assert "(declare-fun |once| () Bool)" in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([MODEL], "WDF901"),  # no --to
        ([MODEL, "--to", "dot"], "WDF901"),
        ([MODEL, "--to", "smt2", "--requests", "0"], "WDF901"),
        ([MODEL, "--to", "promela", "--encoding", "binary"], "WDF905"),
        ([MODEL, "--to", "smt2", "--output", MODEL], "WDF905"),
        ([MODEL, "--to", "smt2", "--output", str(ROOT)], "WDF906"),
        ([MODEL, "--to", "smt2", "--output", "missing/out.smt2"], "WDF906"),
        ([MODEL, "--to", "smt2", "--rule", "no-such-rule"], "WDF208"),
        (["missing.wdf", "--to", "smt2"], "WDF001"),
        ([str(ROOT / "models"), "--to", "smt2"], "WDF901"),
        ([MODEL, "--to", "smt2", "--rule", "request-eventually-completed"], "WDF910"),
        ([MODEL, "--to", "promela", "--rule", RULE, "--rule", "request-eventually-completed"], "WDF910"),
    ],
)
def test_what_is_wrong_exits_2(capfd: pytest.CaptureFixture[str], arguments: list[str], code: str) -> None:
    assert main(["export", *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert f"error[{code}]" in err


def test_a_file_is_left_alone_where_something_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "out.smt2"
    file.write_text("mine")
    arguments = ["--to", "smt2", "--rule", "request-eventually-completed", "--output", str(file)]
    assert main(["export", MODEL, *arguments]) == 2
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_wrong_model_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, file = tmp_path / "wrong.wdf", tmp_path / "out.pml"
    model.write_text("driver Wrong {")
    assert main(["export", str(model), "--to", "promela", "--output", str(file)]) == 2
    assert not file.exists()
    assert "error[WDF1" in capfd.readouterr().err


def test_names_become_different_identifiers() -> None:
    assert identifiers(["r1.own", "r1_own", "a[b]-c", "1st", "é"], ["a_b_c"]) == [
        "r1_own", "r1_own_2", "a_b_c_2", "x1st", "x",
    ]  # fmt: skip
