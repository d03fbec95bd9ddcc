"""SPIN and ABC, run on what is exported: which rules each of them says are broken."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.engines.naive import random_system
from tests.exports.circuits import Circuit, read
from tests.systems import small_system
from wdfmc.engines.engine import Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.exports.aiger import aiger, delta
from wdfmc.exports.circuit import Encoding
from wdfmc.exports.promela import promela
from wdfmc.exports.subject import Subject
from wdfmc.system.instantiate import instantiate
from wdfmc.system.system import TransitionSystem

ABC = next((found for name in ("berkeley-abc", "abc") if (found := shutil.which(name))), None)
needs_spin = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="SPIN, or the gcc that it needs, is not installed"
)
needs_abc = pytest.mark.skipif(ABC is None, reason="ABC is not installed (neither berkeley-abc nor abc)")
# What SPIN writes is large and runs for a moment: tcc compiles it ten times faster than gcc does.
COMPILER = ("tcc" if shutil.which("tcc") else "gcc", "-w")
SMALL = ("-m10000", "-w16")
TOO_DEEP = "max search depth too small"
PATIENCE = 600  # seconds for one run of a tool; then the test fails


@dataclass(frozen=True)
class Spun:
    """`depth`: of the last error that was found; SPIN counts from 0."""

    broken: frozenset[str]
    depth: int | None


def run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, (command, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def spun(subject: Subject, folder: Path, *, shortest: bool = False) -> Spun:
    """What SPIN says of each rule: it is asked about the others again as long as it finds one that is broken.

    shortest: breadth first up to the first error.
    """
    found = first_error(subject, folder, shortest)
    left = replace(subject, rules=tuple(rule for rule in subject.rules if rule not in found.broken))
    if shortest or not found.broken or not left.breakable:
        return found
    return Spun(found.broken | spun(left, folder).broken, found.depth)


def first_error(subject: Subject, folder: Path, shortest: bool) -> Spun:
    """A run of SPIN with the flags that the text itself names, but faster compiled."""
    text = promela(subject)
    Path(folder, "exported.pml").write_text(text, encoding="utf-8")
    usage = re.search(r"gcc (?P<gcc>.*?) -o pan pan.c; ./pan (?P<pan>.*?) \*/", text)
    assert usage
    flags = [flag for flag in shlex.split(usage["gcc"]) if flag not in ("-O2", "-DCOLLAPSE")]
    assert "rror" not in run(["spin", "-a", "exported.pml"], folder)
    run([*COMPILER, *flags, *(["-DBFS"] if shortest else []), "-o", "pan", "pan.c"], folder)
    told = searched(shlex.split(usage["pan"]), folder)
    errors = re.search(r"errors: (\d+)", told)
    assert errors, told
    assert int(errors[1]) or "Search not completed" not in told, told
    names = {promela_name(rule): rule for rule in subject.rules}
    broken = {names[name] for name in re.findall(r"assertion violated +(\w+)_holds ", told)}
    if "acceptance cycle (" in told:
        broken |= set(subject.owed)
    assert bool(broken) == bool(int(errors[1])), told
    depths = re.findall(r"\(at depth (\d+)\)", told)
    return Spun(frozenset(broken), int(depths[-1]) if depths else None)


def searched(flags: Sequence[str], folder: Path) -> str:
    """What `pan` tells: at first with tables that cost less time than most of the searches."""
    small = [flag for flag in flags if not flag.startswith("-m")]
    told = run(["./pan", *small, *SMALL], folder)
    if TOO_DEEP in told:
        told = run(["./pan", *flags], folder)
    assert TOO_DEEP not in told, told
    return told


def promela_name(rule: str) -> str:
    return rule.replace("-", "_")


def decided_by_abc(subject: Subject, encoding: Encoding, folder: Path) -> frozenset[str]:
    """The rules that `pdr` refutes. It decides all of them."""
    told = abc(subject, encoding, folder, "pdr -a")
    counts = re.search(r"All = (\d+)\. Proved = (\d+)\. Disproved = (\d+)\. Undecided = 0\.", told)
    assert counts, told
    refuted = {subject.rules[int(at)] for at in re.findall(r"Output +(\d+) was (?:trivially )?asserted", told)}
    assert [int(count) for count in counts.groups()] == [
        len(subject.rules), len(subject.rules) - len(refuted), len(refuted)
    ], told  # fmt: skip
    return frozenset(refuted)


def refuted_by_abc(subject: Subject, encoding: Encoding, folder: Path) -> frozenset[str]:
    """The rules that some fair run breaks, as `l2s` and `pdr` decide it."""
    assert ABC
    circuit = read(aiger(subject, encoding))
    broken = set()
    for rule, justice in zip(subject.owed, circuit.justice, strict=True):
        Path(folder, "live.aig").write_bytes(with_named_outputs(circuit, justice))
        told = run([ABC, "-c", "read_aiger live.aig; l2s; pdr"], folder)
        assert ("Property proved" in told) != (re.search(r"was (trivially )?asserted", told) is not None), told
        if "Property proved" not in told:
            broken.add(rule)
    return frozenset(broken)


def with_named_outputs(circuit: Circuit, justice: tuple[int, ...]) -> bytes:
    """For ABC, which reads no justice: outputs named `assume_fair`, and one that never holds, `assert_fair`."""
    outputs = [("assume_fair", literal) for literal in (*justice, *circuit.fairness)] + [("assert_fair", 0)]
    most = circuit.inputs + circuit.latches + len(circuit.gates)
    head = f"aig {most} {circuit.inputs} {circuit.latches} {len(outputs)} {len(circuit.gates)}"
    literals = [*circuit.following, *(literal for _, literal in outputs)]
    packed = b"".join(
        bytes(delta(2 * node - one) + delta(one - other))
        for node, (one, other) in enumerate(circuit.gates, circuit.inputs + circuit.latches + 1)
    )
    names = [f"o{at} {name}_{at}" for at, (name, _) in enumerate(outputs)]
    return "\n".join([head, *map(str, literals), ""]).encode() + packed + "\n".join([*names, ""]).encode()


def shortest_by_abc(subject: Subject, encoding: Encoding, folder: Path, frames: int) -> int | None:
    """The number of steps before the only rule of the subject is broken, as bounded model checking finds it."""
    (_,) = subject.rules
    told = abc(subject, encoding, folder, f"bmc3 -F {frames}")
    found = re.search(r"was (?:trivially )?asserted in frame +(\d+)", told)
    return None if found is None else int(found[1])


def abc(subject: Subject, encoding: Encoding, folder: Path, command: str) -> str:
    assert ABC
    Path(folder, "exported.aig").write_bytes(aiger(subject, encoding))
    return run([ABC, "-c", f"read_aiger exported.aig; {command}"], folder)


# ---------------------------------------------------------------- random systems


def some_system(seed: int) -> TransitionSystem:
    """Every third one is flat from the beginning, with counting conditions on anything; the others are instances."""
    if seed % 3 == 2:
        return random_system(seed)
    return instance(seed)


def instance(seed: int) -> TransitionSystem:
    return instantiate(small_system(seed, 4 + seed % 9), 1 + seed // 3 % 3)


def violated(system: TransitionSystem, rules: Sequence[str]) -> dict[str, Violated]:
    outcomes = dict(Explicit().check(system, rules))
    return {rule: outcome for rule, outcome in outcomes.items() if isinstance(outcome, Violated)}
