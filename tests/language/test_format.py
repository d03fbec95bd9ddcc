from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mutations import corpus, mutated, respaced
from wdfmc.diagnostics import Rejected
from wdfmc.language.format import formatted, pieces_of
from wdfmc.language.parse import parse
from wdfmc.source import Source


def checked(text: str) -> str:
    """The text in its layout; asserts what must be so for every text."""
    source = Source("t", text)
    laid_out = formatted(source)
    again = Source("t", laid_out)
    assert parse(again).items == parse(source).items
    assert formatted(again) == laid_out
    assert [(p.kind, p.text.split()) for p in pieces_of(laid_out)] == [
        (p.kind, p.text.split()) for p in pieces_of(text)
    ]
    assert all(line == line.rstrip() for line in laid_out.split("\n"))
    assert "\n\n\n" not in laid_out
    assert laid_out == "" or (laid_out.endswith("\n") and not laid_out.startswith("\n"))
    return laid_out


@pytest.mark.parametrize("name", corpus())
def test_every_text(name: str) -> None:
    checked(corpus()[name])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(corpus())), st.integers(0, 2**32))
def test_other_white_space(name: str, seed: int) -> None:
    random = Random(seed)
    text = respaced(corpus()[name], random)
    try:
        parse(Source(name, text))
    except Rejected:  # two words have become one
        return
    checked(text)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(corpus())), st.integers(0, 2**32))
def test_nearly_the_same_text(name: str, seed: int) -> None:
    text = mutated(corpus()[name], Random(seed), 1)
    try:
        parse(Source(name, text))
    except Rejected:
        return
    checked(text)


CASES = {
    "spaces": (
        "driver D{callback F( Request ){x=a+b;WdfX(&y,! z) ;y=- 1;r . own=c?a:b;}}",
        "driver D { callback F(Request) { x = a + b; WdfX(&y, !z); y = -1; r.own = c ? a : b; } }\n",
    ),
    "indentation": (
        "driver D {\ncallback F(Request) {\n  if (a) {\n\t\tx = 1;\n  } else {\n y = 1;\n   }\n}\n}\n",
        "driver D {\n    callback F(Request) {\n        if (a) {\n            x = 1;\n        } else {\n"
        "            y = 1;\n        }\n    }\n}\n",
    ),
    "empty lines": (
        "\n\ndriver D {\n\n\n    queue A;\n\n\n\n    queue B;\n\n}\n\n\n",
        "driver D {\n    queue A;\n\n    queue B;\n}\n",
    ),
    "comments": (
        "// head  \ndriver D { // why\n// about Q\nqueue Q; /* one */ // two\n// last\n}\n// end",
        "// head\ndriver D { // why\n    // about Q\n    queue Q; /* one */ // two\n    // last\n}\n// end\n",
    ),
    "a column of comments stays": (
        "driver D {\n    queue A;      // a\n    queue Bbb;    // b\n}\n",
        "driver D {\n    queue A;      // a\n    queue Bbb;    // b\n}\n",
    ),
    "columns of declarations stay": (
        "driver D {\n    queue     Reads  : manual;\n    spinlock  Guard;\n}\n",
        "driver D {\n    queue     Reads  : manual;\n    spinlock  Guard;\n}\n",
    ),
    "a line that goes on": (
        "driver D { callback F(Request) {\nx = a\n+ b;\nif (a\n            && b) { x = 1; }\n} }",
        "driver D { callback F(Request) {\n        x = a\n            + b;\n        if (a\n"
        "                    && b) { x = 1; }\n    } }\n",
    ),
    "casts and annotations": (
        "driver D { callback VOID F(_In_ WDFREQUEST  Request) { (VOID)  WdfX(y); } }",
        "driver D { callback VOID F(_In_ WDFREQUEST Request) { (VOID)WdfX(y); } }\n",
    ),
    "a name in parentheses is no cast": (
        "driver D { callback F(Request) { if ( ULONG ) x = 1; } }",
        "driver D { callback F(Request) { if ( ULONG) x = 1; } }\n",
    ),
    "names in braces": ("enum E {\na,\n  b }", "enum E {\n    a,\n    b }\n"),
    "rules": (
        'rule a-b( r:request )\n"W."\ncovers "X",\n       "Y";\nnever complete( r )after complete(r) ;',
        'rule a-b(r: request)\n    "W."\n    covers "X",\n       "Y";\n    never complete(r) after complete(r);\n',
    ),
    "quantifiers": (
        "define f(q)=no s:request(s.home==q)&&count( s :request,s.own in{a,b})<2;",
        "define f(q) = no s: request (s.home == q) && count(s: request, s.own in { a, b }) < 2;\n",
    ),
    "choose": (
        "helper f() {\nchoose { x = 1; }\nor { x = 2; }\nenter q if   idle;\n}",
        "helper f() {\n    choose { x = 1; }\n    or { x = 2; }\n    enter q if idle;\n}\n",
    ),
    "nothing": ("", ""),
    "only a comment": ("   // c", "// c\n"),
    "carriage returns": ("driver D {\r\n}\r\n", "driver D {\n}\n"),
    "types": (
        "sort s{x :request ?;y:0 .. 3;z:list [4]of request;}",
        "sort s { x : request?; y : 0..3; z : list[4] of request; }\n",
    ),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.values(), ids=CASES)
def test_layout(text: str, wanted: str) -> None:
    assert checked(text) == wanted


def test_wrong_text() -> None:
    with pytest.raises(Rejected):
        formatted(Source("t", "driver {"))
