from __future__ import annotations

import pytest

from tests.lowered import Lowered
from wdfmc.system.lemma import Lemma
from wdfmc.system.named import Condition, NamedLemma, NoSuchName, merged, named, resolved
from wdfmc.system.system import OTHER, Obj, Place, Ref, TemplateSystem, TemplateVariable

DRIVER = """\
    driver Small {
        queue Reads : parallel, front { EvtIoRead = OnRead; }
        context device { Pending : set of request; Current : request?; }
        callback OnRead(Request) { Current = Request; add Request to Pending; }
        thread Worker { await Current != null; r = Current; Current = null; WdfRequestComplete(r, STATUS_SUCCESS); }
    }
"""
SYSTEM = TemplateSystem(
    (
        TemplateVariable("Current", False, (None, Ref("request", 0, OTHER), Obj("Reads")), None, "driver"),
        TemplateVariable("own", True, ("none", "driver", "done"), "none"),
        TemplateVariable("Left", True, (0, 1, 2), 0, "driver"),
    ),
    (),
)
MINE, ANOTHER = Ref("request", 0, 0), Ref("request", 0, OTHER)
LEMMA = Lemma(1, ((Place(0, None), frozenset({None, MINE})), (Place(1, 0), frozenset({"done", "driver"}))))


def test_lemma_by_its_names() -> None:
    assert named(SYSTEM, LEMMA) == NamedLemma(
        1,
        (
            Condition("Current", "driver", None, (None, MINE), (Obj("Reads"),)),
            Condition("own", "field", 0, ("driver", "done"), ("none",)),
        ),
    )


def test_names_lead_back() -> None:
    assert resolved(SYSTEM, named(SYSTEM, LEMMA)) == LEMMA


def test_names_of_a_lowered_driver_lead_back_in_another_lowering() -> None:
    first, again = Lowered(DRIVER).system, Lowered(DRIVER + " ").system
    for number, variable in enumerate(first.variables):
        values = frozenset(variable.domain[:1])
        lemma = Lemma(1, ((Place(number, 0 if variable.owned else None), values),))
        assert named(again, resolved(again, named(first, lemma))) == named(first, lemma)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("nothing", "field", None, (None,), ()),
        Condition("own", "field", 0, ("gone",), ()),
        Condition("own", "field", None, ("done",), ()),  # of no request
        Condition("own", "field", 1, ("done",), ()),  # of one that the lemma does not name
        Condition("Current", "field", 0, (None,), ()),  # of one request, but it is shared
        Condition("Current", "field", None, (Ref("request", 0, 1),), ()),
        Condition("Current", "field", None, (Ref("Child", 0, 0),), ()),
    ],
)
def test_what_the_system_does_not_have(condition: Condition) -> None:
    with pytest.raises(NoSuchName):
        resolved(SYSTEM, NamedLemma(1, (condition,)))


def lemma(*cube: tuple[int, set[object]]) -> Lemma:
    return Lemma(1, tuple((Place(at, 0), frozenset(values)) for at, values in cube))  # type: ignore[arg-type]


def test_lemmas_that_differ_in_one_variable_are_merged() -> None:
    three = [lemma((1, {"none"}), (2, {0})), lemma((1, {"done"}), (2, {0})), lemma((1, {"none", "done"}), (2, {1}))]
    assert merged(three) == (lemma((1, {"none", "done"}), (2, {0, 1})),)


def test_lemmas_that_differ_in_two_variables_are_not() -> None:
    two = (lemma((1, {"none"}), (2, {0})), lemma((1, {"done"}), (2, {1})))
    assert merged(two) == two


def test_lemmas_about_different_variables_are_not() -> None:
    two = (lemma((1, {"none"})), lemma((2, {0})))
    assert merged(two) == two
