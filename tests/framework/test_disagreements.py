"""Where the documentation and the source of the framework differ: wdf-semantics section 8.

Either both are in the library, as an option whose default finds more mistakes: drivers `dNN_default` and `dNN_other` of
the folder `disagreements`, which `test_points` checks. Or one of both is taken, and a test of the folder shows which.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wdfmc import library
from wdfmc.language import ast

HERE = Path(__file__).parent
DRIVERS = HERE / "disagreements"
NUMBERS = range(1, 21)
SETTLED = {
    2: ("points/p06_unmark_twice.wdf", "unmarking what is not marked breaks a contract, whatever it answers"),
    6: ("test_matrices.py", "formatting a request in flight breaks a contract"),
    12: ("points/p53_purge_waits.wdf", "the text about completion routines belongs to the purge of targets"),
    13: ("points/p62_reference_after_complete.wdf", "a handle is invalid after the completion, unless by a reference"),
    14: ("../rules/ddi-irql-max/violated.wdf", "the stricter level"),
    15: ("../rules/ddi-irql-max/violated.wdf", "the stricter level"),
    16: ("races/rc06_cancel_without_reference.wdf", "the framework protects the packet, the driver its handle"),
    17: ("test_outcomes.py", "a mistake in copying: the call sends"),
    18: ("../rules/change-target-before-resend/violated.wdf", "a rule asks for the call, the framework does not"),
    19: ("points/p16_reuse_forgets_cancel.wdf", "a received request may be reused, which loses its sender's cancel"),
    20: ("points/p57_late_acknowledge.wdf", "a late acknowledgement breaks a contract"),
}
ENVIRONMENT = re.compile(r"environment \{ (\w+) (\w+); \}")


@pytest.mark.parametrize("number", NUMBERS)
def test_is_an_option_or_settled(number: int) -> None:
    drivers = [DRIVERS / f"d{number:02}_{which}.wdf" for which in ("default", "other")]
    if number in SETTLED:
        where, why = SETTLED[number]
        assert (HERE / where).exists() and why
        assert not any(path.exists() for path in drivers)
    else:
        assert all(path.exists() for path in drivers)


@pytest.mark.parametrize("path", sorted(DRIVERS.glob("*_other.wdf")), ids=lambda path: path.stem)
def test_other_driver_sets_an_option_of_this_text(path: Path) -> None:
    """And not to its default."""
    texts = [text for text in library.texts() if text.source.name.endswith("disagreements.wdf")]
    options = {item.name: item for text in texts for item in text.items if isinstance(item, ast.OptionDeclaration)}
    chosen = [found for found in ENVIRONMENT.findall(path.read_text(encoding="utf-8")) if found[0] in options]
    assert len(chosen) == 1
    default = options[chosen[0][0]].default
    assert isinstance(default, ast.Name) and default.id != chosen[0][1]
