"""A callback that returns a status tells rules whether it is a success; nobody else gets it."""

from __future__ import annotations

import pytest

from wdfmc.checking import Options, check_text
from wdfmc.verdict import Word

DRIVER = """
driver Starts {
    device  Device { EvtDeviceD0Entry = OnEntry; EvtDeviceD0Exit = OnExit; }
    environment { power on; }
    callback OnEntry() {
        status = maybe("the device answers") ? STATUS_SUCCESS : STATUS_DEVICE_NOT_READY;
        return %s;
    }
    callback OnExit() { return STATUS_SUCCESS; }
}
rule entry-succeeds "EvtDeviceD0Entry succeeds." never returns(false) while in(EvtDeviceD0Entry, Device);
rule exit-succeeds "EvtDeviceD0Exit succeeds." never returns(false) while in(EvtDeviceD0Exit, Device);
rule returns "No callback returns." never returns(true);
"""


@pytest.mark.parametrize(
    ("value", "entry"),
    [("status", Word.VIOLATED), ("STATUS_DEVICE_NOT_READY", Word.VIOLATED), ("STATUS_SUCCESS", Word.PROVED)],
)
def test_status_of_a_callback(value: str, entry: Word) -> None:
    text = DRIVER % value if value == "status" else DRIVER.replace("        status = maybe", "        // ") % value
    options = Options(rules=("entry-succeeds", "exit-succeeds", "returns"), requests=1, engine="explicit")
    report = check_text(text, options=options)
    verdicts = {result.rule: result.verdict for model in report.models for result in model.results}
    assert verdicts == {"entry-succeeds": entry, "exit-succeeds": Word.PROVED, "returns": Word.VIOLATED}
