"""`wdfmc explain-trace` from the command line, for a driver that is wrong in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wdfmc.cli import main

RULE = "unmark-only-when-marked"
DRIVER = """\
driver Order {
    queue   Reads : sequential, front { EvtIoRead = OnRead; }
    context device { Waiting : request?; }
    callback OnRead(Request) {
        WdfRequestUnmarkCancelable(Request);
        WdfRequestComplete(Request, STATUS_SUCCESS);
    }
}
"""


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    path = tmp_path / "order.wdf"
    path.write_text(DRIVER, encoding="utf-8")
    return path


def test_from_a_report(driver: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    checked = ["check", str(driver), "--rule", RULE, "--jobs", "1", "--format", "json", "--output", str(report)]
    assert main(checked) == 1
    assert main(["explain-trace", str(report), "--jobs", "1", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["result"]["rule"] == RULE
    assert found["bad"]["steps"][-1]["action"] == "WdfRequestUnmarkCancelable"
    assert found["good"] is None  # a request that comes is lost
    assert found["tried"] > 0
    assert "WDF943" not in err


def test_a_report_of_another_text_is_noticed(driver: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    step = {"line": 1}
    result = {"rule": RULE, "verdict": "violated", "trace": {"steps": [step]}}
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"models": [{"path": str(driver), "results": [result]}]}), encoding="utf-8")
    assert main(["explain-trace", str(report), "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert "warning[WDF943]" in err
    assert f"{RULE}: violated in" in out
    assert "no run that goes well is shown" in out


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", "WDF942"),
        ("[]", "WDF942"),
        ('{"models": [{}]}', "WDF942"),
        ('{"models": [{"path": "a.wdf", "results": []}]}', "WDF941"),
    ],
)
def test_no_report(text: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    assert main(["explain-trace", str(path)]) == 2
    assert code in capsys.readouterr().err


def test_only_violations_are_explained(driver: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-trace", str(driver), "--rule", "no-such-rule"]) == 2
    assert "WDF907" in capsys.readouterr().err
    assert main(["explain-trace", str(driver), "--rule", "no-double-complete", "--jobs", "1"]) == 2
    err = capsys.readouterr().err
    assert "WDF941" in err and RULE in err
