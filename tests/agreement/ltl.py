"""A second opinion on "eventually" from SPIN: the fairness is the antecedent of a formula of linear temporal logic.

Shares nothing with `wdfmc export`, which writes the automaton itself: the translation of the steps is another one, and
the automaton is what SPIN makes of the formula. SPIN takes minutes for a formula that names several groups. So the
system itself counts rounds: one is over when each group was served, or not able, at some moment of it. Only weak
fairness can be said like that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.exports.tools import COMPILER, run, searched
from wdfmc.system.system import Count, Cube, Transition, TransitionSystem

MOST_WEAK = 4  # groups; each doubles the states
NOBODY = 255  # who takes the step in which nothing happens: what does not have to happen need not


def expressible(system: TransitionSystem) -> bool:
    return len(system.fairness) <= MOST_WEAK and not any(group.strong for group in system.fairness)


def refuted_by_formula(system: TransitionSystem, rule: str, folder: Path) -> bool:
    """Whether SPIN finds a fair run on which an obligation of the rule stays owed, or a breach of the rule."""
    Path(folder, "formula.pml").write_text("\n".join(_lines(system, rule)) + "\n", encoding="utf-8")
    assert "rror" not in run(["spin", "-a", "formula.pml"], folder)
    run([*COMPILER, "-DNOREDUCE", "-o", "pan", "pan.c"], folder)
    told = searched(["-a", "-m1000000"], folder)
    errors = re.search(r"errors: (\d+)", told)
    assert errors, told
    return errors[1] != "0"


def _lines(system: TransitionSystem, rule: str) -> Iterator[str]:
    for at, variable in enumerate(system.variables):
        yield f"byte v{at} = {variable.initial}; byte old{at};"
    yield f"byte actor = {NOBODY}; bit finite; bit round; byte watched;"
    groups = list(enumerate(system.fairness))
    for at, _ in groups:
        able = " || ".join(_guard(one) for one in system.transitions if one.fairness == at)
        yield f"#define able{at} ({able or 'false'})"
        yield f"bit served{at};"
    yield "inline stepped() {"
    for at, group in groups:
        yield f"    served{at} = (served{at} || !able{at} || actor == {group.actor});"
    every = [f"served{at}" for at, _ in groups]
    yield f"    round = ({' && '.join(every) or 'true'});"
    yield from (f"    {served} = ({served} && !round);" for served in every)
    yield "}"
    owed = [each for each in system.obligations if each.rule == rule]
    pending = (f"(watched == {at} && {_member(each.variable, each.pending)})" for at, each in enumerate(owed))
    yield f"#define owes ({' || '.join(pending) or 'false'})"
    yield "active proctype system() {"
    yield "    if " + " ".join(f":: watched = {at}" for at in range(max(1, len(owed)))) + " fi;"
    yield "    do"
    yield f"    :: d_step {{ true -> actor = {NOBODY}; finite = 0; stepped() }}"
    for one in system.transitions:
        if one.violates is None:
            yield f"    :: d_step {{ {_guard(one)} -> {'; '.join(_effects(one))}; stepped() }}"
        elif one.violates == rule:
            yield f"    :: d_step {{ {_guard(one)} -> assert(false) }}"
    yield "    od"
    yield "}"
    yield "ltl eventually { []<>(round == 1) -> !<>[](finite == 0 && owes) }"


def _effects(one: Transition) -> Iterator[str]:
    sources = sorted({update.source for update in one.updates if update.source >= 0})
    for source in sources:
        yield f"old{source} = v{source}"
    for target, source, table in one.updates:
        value = str(table[-1])
        if source >= 0:
            for old, new in enumerate(table[:-1]):
                value = f"(old{source} == {old} -> {new} : {value})"
        yield f"v{target} = {value}"
    for source in sources:
        yield f"old{source} = 0"
    yield f"actor = {one.actor}"
    yield f"finite = {int(not one.lasting)}"


def _guard(one: Transition) -> str:
    return " && ".join([_cube(one.guard), *map(_counted, one.counts)])


def _counted(count: Count) -> str:
    entities = ("(" + (" || ".join(map(_cube, cubes)) or "false") + ")" for cubes in count.entities)
    number = " + ".join(["0", *(f"({entity} -> 1 : 0)" for entity in entities)])
    return f"({number} >= {count.low} && {number} <= {count.high})"


def _cube(cube: Cube) -> str:
    return "(" + (" && ".join(_member(variable, mask) for variable, mask in cube) or "true") + ")"


def _member(variable: int, mask: int) -> str:
    inside = [value for value in range(mask.bit_length()) if mask >> value & 1]
    return "(" + (" || ".join(f"v{variable} == {value}" for value in inside) or "false") + ")"
