"""The rules of the library as texts: names, sentences, sources, triggers."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from wdfmc.language import ast
from wdfmc.language.parse import parse
from wdfmc.library import unchecked
from wdfmc.source import Source

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "tests" / "rules"

COMPLETION = """
    no-double-complete complete-only-when-owned complete-requires-unmark no-complete-after-cancel-won
    complete-only-received every-request-resolved deferred-request-completes every-outcome-completes
    sync-forward-then-complete information-before-complete
"""
CANCELLATION = """
    mark-cancelable-once is-canceled-only-unmarked no-send-while-cancelable cancel-sent-handle-valid
"""
SENDING = """
    completion-routine-before-async-send send-failure-handled sync-send-has-timeout status-only-when-available
    change-target-before-resend send-only-to-open-target
    format-before-send formatted-request-is-sent no-format-before-forget current-type-only-unmodified
    completion-params-valid
"""
OTHERS = """
    no-send-under-spinlock lock-alternation no-lock-held-at-callback-exit
    no-buffer-after-complete no-memory-after-complete no-mdl-after-complete no-access-after-ownership-loss
    request-eventually-completed cancel-responsive power-down-completes sync-send-terminates
    parent-after-children no-dangling-slot deadlock-free model-bound no-requeue-livelock
"""
PROTOCOLS = """
    send-ddi-matches-type buffer-ddi-matches-type no-completion-routine-with-forget forget-only-received
    request-single-owner ref-balance find-ref-balanced reuse-before-resend target-removal-protocol
    exactly-one-completer no-leak-at-quiesce status-propagated
    created-object-has-parent close-target-before-delete d0entry-failure-stops-target
    ready-notify-protocol requeue-preconditions sequential-retrieve-while-owning
    stop-ack-only-in-io-stop stop-ack-requeue-unmarked timer-stop-protocol workitem-protocol
"""
LEVELS = """
    ddi-irql-max sync-wait-passive callback-irql-balanced callback-critical-region-balanced interrupt-lock-dedicated
    lock-order-acyclic no-inline-callback-under-lock mark-cancelable-no-shared-lock cancel-sent-no-shared-lock
    no-data-race request-child-dispose-irql release-only-by-holder
"""
STOPPING = """
    io-stop-handled io-stop-exclusive-access io-stop-purge-cancels stop-ack-keep-needs-resume resumed-request-completes
    no-get-parameters-in-stop-resume power-managed-queue-has-stop-path power-callback-returns
    no-wait-in-power-managed-handler no-queue-op-in-surprise-remove no-complete-in-surprise-remove
    no-cancel-in-surprise-remove
    hw-wait-bounded no-hw-access-outside-d0 no-hw-access-after-stop-ack no-callback-after-quiesce
    forward-failure-handled queue-quiesce-terminates no-drain-while-stopped no-sync-queue-op-in-handler
    manual-queue-no-lost-wakeup queue-no-starvation
    no-request-stranded-at-target reader-stopped-at-d0exit no-send-on-running-reader no-target-stop-in-readers-failed
    markex-failure-completes cancel-callback-completes canceled-on-queue-completes
    partial-split-recovers parent-completes-when-children-done
"""
FORMS = """
    io-stop-handled-strict io-stop-exclusive-access-strict stop-ack-keep-needs-resume-strict
    no-wait-in-power-managed-handler-strict
    target-quiesce-terminates no-workitem-after-flush no-dpc-after-cancel
"""
"""Stricter forms of rules of the catalogue, and what they say of other kinds of objects: no rows of their own."""

PROMISED = frozenset(f"{COMPLETION} {CANCELLATION} {SENDING} {OTHERS} {PROTOCOLS} {LEVELS} {STOPPING} {FORMS}".split())
"""The builtins of the SEED rows (without env-...), of SDV-01 to 16, 19 to 21, 35 to 37, and seven of wdfmc's own."""

WITHOUT_TRIGGER = frozenset(
    {"no-stale-handle", "deadlock-free", "no-data-race", "model-bound", "ready-notify-protocol", "workitem-protocol"}
)
WITHOUT_SOURCE = frozenset({"model-bound", *FORMS.split()})
ASSUMPTIONS = frozenset({"answers", "honours", "ticks", "threads", "hardware"})


@cache
def texts() -> tuple[ast.Text, ...]:
    """Every text of the library."""
    library = files("wdfmc.library")
    found = [path for folder in ("framework", "rules") for path in library.joinpath(folder).iterdir()]
    found = [path for path in found if path.name.endswith((".wdf", ".wdfspec"))]
    return tuple(parse(Source(path.name, path.read_text(encoding="utf-8"))) for path in sorted(found, key=str))


@cache
def rules() -> dict[str, ast.Rule]:
    return {item.name: item for text in texts() for item in text.items if isinstance(item, ast.Rule)}


@cache
def registry() -> dict[str, str]:
    """The catalogue: id of a row or name of an SDV page -> name of its rule, `-` for rows out of scope."""
    table = Path(__file__).with_name("rule_ids.txt").read_text(encoding="utf-8")
    return dict(line.split() for line in table.splitlines())


def words(rule: ast.Rule, key: str) -> list[str]:
    return [word for meta in rule.metas if meta.key == key for word in meta.words]


def required(node: object) -> set[str]:
    """Names of the rules that `requires ... else RULE` below `node` states."""
    if isinstance(node, tuple):
        return set().union(*map(required, node))
    found = {node.rule} if isinstance(node, ast.Requires) else set()
    if isinstance(node, ast.Node):
        for name in getattr(node, "__dataclass_fields__", ()):
            found |= required(getattr(node, name))
    return found


def test_all_promised_rules_are_there() -> None:
    assert rules().keys() >= PROMISED


def test_every_other_rule_is_stated_by_the_framework() -> None:
    stated = required(tuple(text.items for text in texts()))
    by_contract = {name for name, rule in rules().items() if isinstance(rule.body, ast.ByContract)}
    assert stated <= by_contract, "stated by the framework, not declared `by contract`"
    assert by_contract - stated <= {"model-bound"}, "declared `by contract`, stated nowhere"
    assert rules().keys() - PROMISED <= stated


def test_names_are_unique() -> None:
    names = [item.name for text in texts() for item in text.items if isinstance(item, ast.Rule)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", sorted(rules()))
def test_rule_is_complete(name: str) -> None:
    rule = rules()[name]
    assert rule.sentence.endswith(".") and 20 < len(rule.sentence) < 200
    assert set(words(rule, "assuming")) <= ASSUMPTIONS
    assert bool(words(rule, "assuming")) == isinstance(rule.body, ast.LeadsTo)  # safety needs no assumption
    assert (rule.trigger is None) == (name in WITHOUT_TRIGGER)
    assert bool(words(rule, "covers")) == (name not in WITHOUT_SOURCE)
    assert words(rule, "symptom") or name == "model-bound"


@pytest.mark.parametrize("name", sorted(rules()))
def test_covers_its_rows_of_the_catalogue(name: str) -> None:
    assert set(words(rules()[name], "covers")) == {key for key, rule in registry().items() if rule == name}


def test_what_is_not_checked_covers_its_rows_of_the_catalogue() -> None:
    """`-`: out of scope, under any name."""
    left_out = {item.name: set(item.covers) for item in unchecked()}
    assert left_out.keys().isdisjoint(rules())
    named = {key: name for key, name in registry().items() if name in left_out}
    for name, covers in left_out.items():
        assert {key for key in covers if registry()[key] != "-"} == {key for key in named if named[key] == name}
    out_of_scope = {key for key, name in registry().items() if name == "-"}
    assert out_of_scope <= set().union(*left_out.values())


def test_bundles_name_existing_rules() -> None:
    known = set(rules())
    for path in sorted((ROOT / "specs").glob("*.wdfspec")):
        for item in parse(Source(path.name, path.read_text(encoding="utf-8"))).items:
            if isinstance(item, ast.Use):
                assert {rule.id for rule in item.rules} <= known, path.name


def test_every_promised_rule_has_its_pair() -> None:
    assert {path.name for path in PAIRS.iterdir()} >= PROMISED
