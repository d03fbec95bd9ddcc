from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
import z3  # type: ignore[import-untyped]

from tests.systems import GOALS, small_system
from wdfmc.engines import anynumber
from wdfmc.engines.certificate import Certificate, audit
from wdfmc.engines.engine import Violated
from wdfmc.engines.explicit import Explicit
from wdfmc.engines.smtlib import NotWritable, script
from wdfmc.system.instantiate import instantiate
from wdfmc.system.lemma import Lemma
from wdfmc.system.named import merged
from wdfmc.system.system import (
    OTHER,
    SELF,
    Actor,
    Assignment,
    Others,
    Place,
    Ref,
    Template,
    TemplateSystem,
    TemplateVariable,
)

SAFE = GOALS[:2]  # those that transitions violate


def answers(system: TemplateSystem, certificate: Certificate) -> Counter[str]:
    """What z3 says to the queries, by its own quantifier instantiation."""
    context = z3.Context()
    text = "(set-option :timeout 20000)\n(set-logic UF)\n" + script(system, certificate)
    text = text.replace("(set-info :status unsat)\n", "")  # z3 calls any other answer an error
    return Counter(z3.Z3_eval_smtlib2_string(context.ref(), text).split())


# One token: whoever finds it free takes it, and only its holder may work. Two that work at once break the rule.
TOKEN = TemplateVariable("Token", False, (None, Ref("request", 0, OTHER)), None, "driver")
WORKS = TemplateVariable("works", True, (False, True), False, "driver")
MINE = Ref("request", 0, 0)
ANOTHER = Ref("request", 0, OTHER)


def template(guard: object, updates: object, **more: object) -> Template:
    given = {"footprint": 1, "others": (), "actor": Actor("worker", 0, "callback"), "statements": (), **more}
    return Template(guard=guard, updates=updates, **given)  # type: ignore[arg-type]


def token(seconds: str = "free") -> TemplateSystem:
    taken = frozenset({None}) if seconds == "free" else frozenset({None, ANOTHER})
    none = Others(((((Place(1, SELF), frozenset({True})),),),), 0, 0)
    return TemplateSystem(
        (TOKEN, WORKS),
        (
            template(((Place(0, None), taken),), (Assignment(Place(0, None), None, ((None, MINE),)),)),
            template(
                ((Place(0, None), frozenset({MINE})),),
                (Assignment(Place(1, 0), None, ((None, True),)),),
            ),
            template(
                ((Place(1, 0), frozenset({True})),),
                (
                    Assignment(Place(1, 0), None, ((None, False),)),
                    Assignment(Place(0, None), Place(0, None), ((None, None), (MINE, None), (ANOTHER, ANOTHER))),
                ),
            ),
            template(
                ((Place(1, 0), frozenset({True})), (Place(1, 1), frozenset({True}))), (), footprint=2, violates="bad"
            ),
            template(
                ((Place(1, 0), frozenset({True})),), (), others=(replace(none, low=1, high=None),), violates="bad"
            ),
        ),
    )


HOLDER = Lemma(1, ((Place(0, None), frozenset({None, ANOTHER})), (Place(1, 0), frozenset({True}))))


def certificate(*lemmas: Lemma) -> Certificate:
    return Certificate(frozenset({"bad"}), lemmas, None, (0,))


def test_who_works_has_the_token() -> None:
    assert audit(token(), certificate(HOLDER))
    assert set(answers(token(), certificate(HOLDER))) == {"unsat"}


def test_without_the_lemma_there_is_no_proof() -> None:
    found = answers(token(), certificate())
    assert found["unsat"] < sum(found.values())


def test_wrong_lemma_is_no_proof() -> None:
    nobody = Lemma(1, ((Place(1, 0), frozenset({True})),))
    found = answers(token(), certificate(nobody))
    assert found["sat"]


def test_lemma_of_a_wrong_system_is_no_proof() -> None:
    """Here the token can be taken from its holder."""
    found = answers(token("any"), certificate(HOLDER))
    assert found["sat"]


def test_lemma_that_excludes_the_initial_state_is_no_proof() -> None:
    found = answers(token(), certificate(HOLDER, Lemma(0, ((Place(0, None), frozenset({None})),))))
    assert found["sat"]


def test_count_that_has_no_formula_is_refused() -> None:
    alternatives = (((Place(1, SELF), frozenset({True})),),)
    two = Others((alternatives, alternatives), 0, 2)
    system = replace(token(), templates=(*token().templates, template((), (), others=(two,), violates="bad")))
    with pytest.raises(NotWritable):
        script(system, certificate(HOLDER))


# ---------------------------------------------------------------- random systems


@pytest.mark.parametrize("seed", range(25))
def test_what_the_audit_accepts_every_solver_accepts(seed: int) -> None:
    system = small_system(seed)
    for found in anynumber.prove(system, SAFE, time.monotonic() + 20).certificates:
        if audit(system, found):
            for proof in (found, replace(found, lemmas=merged(found.lemmas))):
                try:
                    assert set(answers(system, proof)) <= {"unsat"}
                except NotWritable:
                    pytest.skip("the system counts others in a way that is refused")


@pytest.mark.parametrize("seed", range(40))
def test_no_proof_of_a_rule_that_some_number_of_requests_breaks(seed: int) -> None:
    """Whatever the lemmas are: here those that survive at random."""
    system = small_system(seed)
    broken = {
        goal
        for requests in (1, 2, 3)
        for goal, outcome in Explicit(limit_states=3_000).check(instantiate(system, requests), SAFE)
        if isinstance(outcome, Violated)
    }
    random = Random(seed)
    for goal in sorted(broken):
        lemmas = [some_lemma(system, random) for _ in range(random.randint(0, 6))]
        try:
            found = answers(system, Certificate(frozenset({goal}), tuple(lemmas), None, ()))
        except NotWritable:
            pytest.skip("the system counts others in a way that is refused")
        assert found["unsat"] < sum(found.values()), lemmas


def some_lemma(system: TemplateSystem, random: Random) -> Lemma:
    requests = random.randint(0, 2)
    cube = []
    for number in sorted(random.sample(range(len(system.variables)), min(2, len(system.variables)))):
        variable = system.variables[number]
        if variable.owned and not requests:
            continue
        values = [
            value._replace(slot=random.choice((OTHER, *range(requests))))
            if isinstance(value, Ref) and value.slot is not None
            else value
            for value in variable.domain
        ]
        some = frozenset(random.sample(values, random.randint(1, len(values))))
        cube.append((Place(number, random.randrange(requests) if variable.owned else None), some))
    return Lemma(requests, tuple(cube))
