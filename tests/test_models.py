"""Every shipped model, as a user checks it: each `expect` is met, nothing else is violated, nothing stays open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shipped import HEADLINE, MODELS, PATIENCE, ROOT, checked, of_rule, report, results, violated
from wdfmc.checking import Options
from wdfmc.verdict import Audit, Word

LONG = {  # more than 10 seconds of a processor
    "cancellation/power_cycle_stale_flag.wdf",
    "drivers/apple_spi.wdf",
    "drivers/apple_spi_before.wdf",
    "drivers/balloon.wdf",
    "drivers/kmdf_fx2.wdf",
    "drivers/libusbk.wdf",
    "drivers/serial_still_marked.wdf",
    "drivers/serial_write.wdf",
    "drivers/serial_write_removal.wdf",
    "drivers/serial_write_resume.wdf",
    "drivers/simsensor.wdf",
    "drivers/usbip_vhci.wdf",
    "drivers/usbsamp.wdf",
    "drivers/viorng.wdf",
    "drivers/viorng_repaired.wdf",
    "drivers/viorng_stop.wdf",
    "drivers/windivert.wdf",
    "drivers/windivert_repaired.wdf",
    "seeds/split_parallel_no_bias.wdf",
}
ALL = pytest.mark.parametrize(
    "model", [pytest.param(model, marks=pytest.mark.long) if model in LONG else model for model in MODELS]
)
EXPECT = re.compile(r"^\s*expect \w+ [\w-]+", re.MULTILINE)


AUDITS = {
    "domains": Audit.NONE,  # no reachable value allows the breach, so there was nothing to search
    "explicit": Audit.EXHAUSTIVE,
    "pairs": Audit.CERTIFIED,
    "ic3": Audit.CERTIFIED,
    "k-liveness": Audit.CERTIFIED,
}


def expects(model: str, verdict: str) -> bool:
    """Without a target named: under the rule's own environment."""
    text = MODELS[model].read_text(encoding="utf-8")
    return re.search(rf"^\s*expect {verdict} [\w-]+;", text, re.MULTILINE) is not None


def is_wrong(model: str) -> bool:
    return expects(model, "violated")


def is_right(model: str) -> bool:
    """Nothing is violated, or its comment says that what is violated is meant."""
    return not is_wrong(model) or "\n// Right" in MODELS[model].read_text(encoding="utf-8")


@ALL
def test_every_expectation_is_met_and_nothing_else_is_violated(model: str) -> None:
    found = report(model)
    told = [(r.rule, str(r.verdict), r.expectation, r.reason) for r in results(found)]
    wrong = [item for item in told if item[2] == "unmet" or item[1] in ("unknown", "bounded")]
    wrong += [(r.rule, "violated", None, f"depth {r.depth}") for r in violated(found) if r.expectation != "met"]
    assert (found.exit, wrong, found.diagnostics) == (0, [], ())
    expected = EXPECT.findall(MODELS[model].read_text(encoding="utf-8"))
    assert sum(r.expectation == "met" for r in results(found)) == len(expected)


@ALL
def test_no_verdict_is_taken_on_trust(model: str) -> None:
    for result in results(report(model)):
        if result.verdict is Word.VIOLATED:
            assert result.audit is Audit.REPLAYED, result.rule
            assert result.trace is not None and result.depth is not None, result.rule
            assert 0 < result.depth <= len(result.trace.steps), result.rule
            assert [step.index for step in result.trace.steps] == list(range(1, len(result.trace.steps) + 1))
        elif result.verdict is Word.PROVED:
            assert result.audit is AUDITS[result.engine] and result.requests == 2, result.rule
        elif result.verdict is Word.VACUOUS:
            assert result.audit is AUDITS[result.engine], result.rule
            assert result.reason is not None, result.rule
        assert result.sentence, result.rule


@ALL
def test_every_model_teaches_something(model: str) -> None:
    """A comment says what it shows, `expect` lines what comes of it; a wrong one has a right one beside it."""
    text = MODELS[model].read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert expects(model, "proved") or is_wrong(model)
    if is_wrong(model):
        beside = [name for name in MODELS if Path(name).parent == Path(model).parent and is_right(name)]
        family = Path(model).stem
        kin = [name for name in beside if family.startswith(Path(name).stem) or Path(name).stem.startswith(family)]
        if Path(model).parent.name == "drivers":  # named after the driver
            kin = [name for name in beside if Path(name).stem.split("_")[0] == family.split("_")[0]]
        assert kin, f"no right model beside {model}"


@pytest.mark.long
def test_some_trace_is_long() -> None:
    """Through a power cycle: beyond what a fixed small depth would find."""
    depths = {model: min(r.depth or 0 for r in violated(report(model))) for model in MODELS if is_wrong(model)}
    assert max(depths.values()) > 25, depths


def test_wrong_and_right_ones_are_many() -> None:
    wrong = [model for model in MODELS if is_wrong(model)]
    assert len(wrong) >= 15
    assert len(MODELS) - len(wrong) >= 15


# ---------------------------------------------------------------- how targets behave


@pytest.mark.parametrize(
    ("target", "verdict"), [("answers", Word.PROVED), ("honours", Word.VIOLATED), ("silent", Word.VIOLATED)]
)
def test_target_decides_whether_a_forwarded_request_comes_back(target: str, verdict: Word) -> None:
    """With `honours` only a cancelled request must come back."""
    options = Options(rules=("request-eventually-completed",), target=target, timeout=PATIENCE, widening=0)
    found = checked("seeds/forward_unmodified.wdf", options)
    (result,) = of_rule(found, "request-eventually-completed")
    assert result.verdict is verdict
    assert f"target Lower {target}" in result.assumptions
    if result.trace is not None:
        assert result.trace.end in ("stuck", "loop")


def test_an_expectation_is_about_its_own_target() -> None:
    """`expect violated ... with target silent` and `expect proved ...` stand in the same model and are both met."""
    both = of_rule(report("seeds/forward_unmodified.wdf"), "request-eventually-completed")
    assert sorted((str(r.verdict), str(r.expectation)) for r in both) == [("proved", "met"), ("violated", "met")]


# ---------------------------------------------------------------- the headline

PROVED = ("seeds/forward_unmodified.wdf", "seeds/format_and_send.wdf", "seeds/several_targets.wdf", "seeds/stacked.wdf",
          "seeds/synchronous_send.wdf", "cancellation/forward_canceller.wdf", "drivers/kmdf_fx2.wdf",
          "drivers/libusbk.wdf")  # fmt: skip
NEVER = ("seeds/forward_unmodified_never_completed.wdf", "seeds/synchronous_send_not_completed.wdf",
         "seeds/stacked_lower_keeps.wdf")  # fmt: skip
NOT_FORWARDED = ("cancellation/pending_read.wdf", "drivers/echo_autosync.wdf", "seeds/send_and_forget.wdf")


def headline(model: str, target: str | None = None) -> tuple[Word, tuple[str, ...], str | None]:
    """The verdict, the breached contracts, and how the trace ends."""
    found = checked(model, Options(specs=(HEADLINE,), target=target, timeout=PATIENCE, widening=0))
    (result,) = of_rule(found, "forwarded-completes-exactly-once")
    return result.verdict, result.under, None if result.trace is None else result.trace.end


@pytest.mark.parametrize("model", PROVED)
def test_every_forwarded_request_is_completed_exactly_once(model: str) -> None:
    assert headline(model) == (Word.PROVED, (), None)


@pytest.mark.parametrize("model", NEVER)
def test_a_forwarded_request_that_is_never_completed(model: str) -> None:
    verdict, under, end = headline(model)
    assert (verdict, under) == (Word.VIOLATED, ())
    assert end in ("stuck", "loop"), "it is owed for ever; no step of the driver is wrong by itself"


def test_a_forwarded_request_that_is_completed_twice() -> None:
    """The second completion breaks a contract and ends the run: the verdict names it and is no clean proof."""
    found = checked(
        "seeds/forward_unmodified_completes_twice.wdf", Options(specs=(HEADLINE,), timeout=PATIENCE, widening=0)
    )
    (result,) = of_rule(found, "forwarded-completes-exactly-once")
    assert result.verdict is Word.VIOLATED or "no-double-complete" in result.under
    assert of_rule(found, "no-double-complete")[0].verdict is Word.VIOLATED


def test_a_forwarded_request_whose_target_stays_silent() -> None:
    assert headline("seeds/forward_unmodified.wdf", "silent")[0] is Word.VIOLATED


@pytest.mark.parametrize("model", NOT_FORWARDED)
def test_a_driver_that_forwards_nothing_is_not_praised(model: str) -> None:
    assert headline(model)[0] in (Word.SKIPPED, Word.VACUOUS)


def test_the_headline_is_one_formula() -> None:
    lines = HEADLINE.read_text(encoding="utf-8").splitlines()
    assert sum("leads to" in line for line in lines) == 1


# ---------------------------------------------------------------- the bundles


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.wdfspec")), ids=lambda path: path.stem)
def test_every_bundle_applies_to_a_model(spec: Path) -> None:
    found = checked("cancellation/pending_read.wdf", Options(specs=(spec,), timeout=PATIENCE, widening=0))
    assert found.exit == 0
    assert results(found)
