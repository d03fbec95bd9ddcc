"""Mistakes as people make them: each is one edit of a text that is right."""

from __future__ import annotations

import re
import time
from random import Random
from statistics import mean

import pytest

from tests.mutations import corpus, mutated
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.parse import parse
from wdfmc.language.syntax_errors import MOST
from wdfmc.source import Source

RIGHT = """\
driver Echo {
    queue Reads : parallel, managed { EvtIoRead = OnRead; }
    spinlock Lock;
    context device { Pending : set of request; Busy : bool; Count : 0..3; }
    callback OnRead(Request) {
        WdfSpinLockAcquire(Lock);
        status = WdfRequestMarkCancelableEx(Request, OnCancel);
        if (NT_SUCCESS(status)) { add Request to Pending; }
        WdfSpinLockRelease(Lock);
        if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); return; }
        while (Busy) { break; }
    }
    callback OnCancel(Request) {
        remove Request from Pending;
        WdfRequestComplete(Request, STATUS_CANCELLED);
    }
    helper Twice(r) { Count = Count + 1; }
    expect proved no-double-complete;
}
rule my-rule(r: request) "Words." covers "X"; never complete(r) after complete(r);
"""


def errors(text: str) -> list[Diagnostic]:
    try:
        parse(Source("t", text))
    except Rejected as error:
        return list(error.diagnostics)
    return []


def found(text: str) -> list[tuple[str, int]]:
    """(code, line) of each diagnostic."""
    return [(d.code, d.labels[0].span.line) for d in errors(text)]


def edited(old: str, new: str) -> str:
    assert RIGHT.count(old) >= 1, old
    return RIGHT.replace(old, new, 1)


BODY = "Count = Count + 1;"  # line 17

# old, new, (code, line) of every diagnostic
EDITS: dict[str, tuple[str, str, list[tuple[str, int]]]] = {
    "an expression is missing": ("Count + 1", "Count + ", [("WDF101", 17)]),
    "two operators": ("status = Wdf", "status = = Wdf", [("WDF101", 7)]),
    "no name": ("driver Echo", "driver", [("WDF101", 1)]),
    "no words": ('covers "X"', "covers X", [("WDF101", 20)]),
    "no event": ("never complete(r) after complete(r);", "complete(r);", [("WDF101", 20)]),
    "a semicolon behind a brace": (BODY + " }", BODY + " };", [("WDF101", 17)]),
    "two semicolons": ("return; }", "return;; }", [("WDF101", 10)]),
    "no colon": ("Reads : par", "Reads par", [("WDF101", 2)]),
    "no opening brace": ("Echo {", "Echo", [("WDF101", 1)]),
    "no opening brace of a body": ("OnRead(Request) {", "OnRead(Request)", [("WDF101", 5)]),
    "no parentheses": ("if (NT_SUCCESS(status))", "if NT_SUCCESS(status)", [("WDF101", 8)]),
    "no comma": ("Request, OnCancel", "Request OnCancel", [("WDF101", 7)]),
    "no `to`": ("add Request to Pending", "add Request Pending", [("WDF101", 8)]),
    "a colon for an equals sign": ("EvtIoRead = OnRead", "EvtIoRead : OnRead", [("WDF101", 2)]),
    "C function": ("callback OnCancel", "VOID OnCancel", [("WDF101", 13)]),
    "no keyword": ("callback OnCancel", "OnCancel", [("WDF101", 13)]),
    "no rule keyword": ("rule my-rule", "my-rule", [("WDF101", 20)]),
    "semicolon at a line's end": ("Acquire(Lock);", "Acquire(Lock)", [("WDF103", 6)]),
    "semicolon of an object": ("spinlock Lock;", "spinlock Lock", [("WDF103", 3)]),
    "semicolon of a field": ("Busy : bool;", "Busy : bool", [("WDF103", 4)]),
    "semicolon before a brace": ("break; }", "break }", [("WDF103", 11)]),
    "semicolon of an object before a callback": (
        "OnRead; }\n", "OnRead; }\n    queue Other : manual\n    callback F(Request) { return; }\n", [("WDF103", 3)],
    ),
    "a statement that is cut short before a misspelt one": (
        BODY, "Count = ; whlie (Busy) { }", [("WDF101", 17), ("WDF111", 17)],
    ),
    "semicolon of a rule": ("after complete(r);", "after complete(r)", [("WDF102", 20)]),
    "semicolon of a clause": ('covers "X";', 'covers "X"', [("WDF103", 20)]),
    "parenthesis of a condition": ("if (NT_SUCCESS(status)) {", "if (NT_SUCCESS(status) {", [("WDF104", 8)]),
    "parenthesis of a call": ("Release(Lock);", "Release(Lock;", [("WDF104", 9)]),
    "parenthesis of parameters": ("OnCancel(Request) {", "OnCancel(Request {", [("WDF104", 13)]),
    "brace of a condition": ("return; }", "return;", [("WDF104", 10)]),
    "brace of a callback": ("break; }\n    }\n", "break; }\n", [("WDF104", 5)]),
    "brace of a driver": ("no-double-complete;\n}", "no-double-complete;\n", [("WDF104", 1)]),
    "brace for a parenthesis": ("Acquire(Lock)", "Acquire(Lock}", [("WDF105", 6)]),
    "parenthesis too many": ("Acquire(Lock)", "Acquire(Lock))", [("WDF105", 6)]),
    "brace too many at the end": ("after complete(r);", "after complete(r); }", [("WDF105", 20)]),
    "brace too many in the driver": ("break; }\n    }", "break; }\n    } }", [("WDF110", 13)]),
    "words at a line's end": (BODY, 'limit "abc;', [("WDF106", 17)]),
    "words in a call": (BODY, 'if (maybe("late)) { return; }', [("WDF106", 17)]),
    "comment": (BODY, "/* Count = 2;", [("WDF107", 17)]),
    "times": (BODY, "Count = 2 * 3;", [("WDF108", 17)]),
    "pointer": (BODY, "*Count = 2;", [("WDF108", 17)]),
    "preprocessor": ("    helper Twice", "#define X 3\n    helper Twice", [("WDF108", 17)]),
    "preprocessor and the next line": (
        "    helper Twice(r) {", "#if 1\n    helper Twice(r {", [("WDF108", 17), ("WDF104", 18)],
    ),
    "character constant": (BODY, "Count = 'a';", [("WDF108", 17)]),
    "typographic quotes": (BODY, "limit \u201cabc\u201d;", [("WDF108", 17), ("WDF108", 17)]),
    "letters": (BODY, "na\u00efve = 3;", [("WDF108", 17)]),
    "null character": (BODY, BODY + "\0", [("WDF108", 17)]),
    "keyword as a name": (BODY, "limit = 3;", [("WDF109", 17)]),
    "keyword as an operand": (BODY, "Count = count + 1;", [("WDF109", 17)]),
    "a rule in a driver": (BODY + " }", BODY + ' }\n    rule x "y" never complete(r);', [("WDF110", 18)]),
    "two rules in a driver": (
        BODY + " }", BODY + ' }\n    rule x "y" never e(r);\n    rule z "y" never e(r);', [("WDF110", 18)],
    ),
    "a callback beside a driver": ("rule my", "callback F(Request) { Busy = true; }\nrule my", [("WDF110", 20)]),
    "a queue beside a driver": ("rule my", "queue Q : manual;\nrule my", [("WDF110", 20)]),
    "a statement beside a driver": ("rule my", "Busy = true;\nrule my", [("WDF110", 20)]),
    "a statement in a driver": ("    helper Twice", "    Busy = true;\n    helper Twice", [("WDF110", 17)]),
    "a callback in a callback": (BODY, "callback F(Request) { Busy = true; }", [("WDF110", 17)]),
    "drvier": ("driver Echo", "drvier Echo", [("WDF111", 1)]),
    "whlie": ("while (Busy)", "whlie (Busy)", [("WDF111", 11)]),
    "fi": ("if (NT", "fi (NT", [("WDF111", 8)]),
    "remvoe": ("remove Request", "remvoe Request", [("WDF111", 14)]),
    "form": ("Request from", "Request form", [("WDF111", 14)]),
    "callbakc": ("callback OnCancel", "callbakc OnCancel", [("WDF111", 13)]),
    "retrun": (BODY, "retrun r;", [("WDF111", 17)]),
    "While": ("while (Busy)", "While (Busy)", [("WDF111", 11)]),
    "nevre": ("never complete", "nevre complete", [("WDF111", 20)]),
    "cover": ("covers", "cover", [("WDF111", 20)]),
    "large": (BODY, "Count = 99999999999;", [("WDF112", 17)]),
    "very large": (BODY, f"Count = {'9' * 10_000};", [("WDF112", 17)]),
    "octal": (BODY, "Count = 007;", [("WDF113", 17)]),
    "number and letters": (BODY, "Count = 12ab;", [("WDF113", 17)]),
    "hexadecimal without digits": (BODY, "Count = 0x;", [("WDF113", 17)]),
    "empty range": ("0..3", "3..0", [("WDF114", 4)]),
    "++": (BODY, "Count++;", [("WDF116", 17)]),
    "--": (BODY, "Count--;", [("WDF116", 17)]),
    "+=": (BODY, "Count += 1;", [("WDF116", 17)]),
    "->": (BODY, "r->Field = 3;", [("WDF116", 17)]),
    "for": (BODY, "for (i = 0; i < 3; i++) { Count = 2; }", [("WDF116", 17)]),
    "switch": (BODY, "switch (Count) { case 1: break; }  Count = 2;", [("WDF116", 17)]),
    "do": (BODY, "do { Count = 2; } while (Busy);", [("WDF116", 17)]),
    "elseif": ("break; }", "break; } if (a) { } elseif (b) { }", [("WDF116", 11)]),
    "goto": (BODY, "goto End;", [("WDF116", 17)]),
    "throw": (BODY, "throw Busy;", [("WDF116", 17)]),
    "bits in a condition": (BODY, "if (Count & 2) { Count = 2; }", [("WDF116", 17)]),
    "bits compared": (BODY, "Busy = (Count & 2) == 0;", [("WDF116", 17)]),
    "array": (BODY, "Count = Slots[3];", [("WDF116", 17)]),
    "and": ("if (NT_SUCCESS(status))", "if (Busy and NT_SUCCESS(status))", [("WDF116", 8)]),
    "a condition behind an else": ("break; }", "break; } if (a) { } else if (b = c) { }", [("WDF117", 11)]),
    "else alone": (BODY, "else { Count = 1; }", [("WDF116", 17)]),
    "assignment in a condition": ("while (Busy)", "while (Busy = true)", [("WDF117", 11)]),
}  # fmt: skip


def test_the_text_is_right() -> None:
    assert found(RIGHT) == []


@pytest.mark.parametrize(("old", "new", "wanted"), EDITS.values(), ids=EDITS)
def test_one_mistake(old: str, new: str, wanted: list[tuple[str, int]]) -> None:
    assert found(edited(old, new)) == wanted


@pytest.mark.parametrize("type", ["NTSTATUS", "WDFREQUEST", "int", "unsigned", "size_t"])
def test_a_declaration_of_c_is_accepted(type: str) -> None:
    assert found(edited(BODY, f"{type} n; {BODY}")) == []


def test_several_mistakes() -> None:
    text = RIGHT
    for old, new in [
        ("spinlock Lock;", "spinlock Lock"),
        ("while", "whlie"),
        ("Count + 1", "Count +"),
        ("never", "nevr"),
    ]:
        text = text.replace(old, new, 1)
    assert found(text) == [("WDF103", 3), ("WDF111", 11), ("WDF101", 17), ("WDF111", 20)]


ENDS = {
    "driver": "the driver's name",
    "driver D": "`from` or `{`",
    "driver D { callback F(": "a parameter or `)`",
    "driver D { callback F(Request) { x": None,
    "driver D { callback F(Request) { if (": "a condition",
    "driver D { context device { x :": "a type",
    "rule": "the name of a rule",
    'rule x "y" never': "a condition, `cycle`, `data` or `inline`",
    "enum E {": "a name",
    "status S =": "a number",
    "import": 'words in `"` quotes',
}


@pytest.mark.parametrize(("text", "wanted"), ENDS.items(), ids=ENDS)
def test_the_text_ends(text: str, wanted: str | None) -> None:
    (error,) = errors(text)
    assert error.code in ("WDF102", "WDF104")
    if wanted:
        assert wanted in (error.labels[0].text if error.code == "WDF102" else wanted)


def test_place_of_a_missing_semicolon() -> None:
    (error,) = errors(edited("Acquire(Lock);", "Acquire(Lock)   // no semicolon"))
    span = error.labels[0].span
    assert (span.line, span.column, span.start) == (6, 33, span.end)


def test_an_open_brace_is_shown_with_what_stands_inside_it() -> None:
    (error,) = errors(edited("break; }\n    }\n", "break; }\n"))
    assert [label.span.text for label in error.labels] == ["{", "callback"]


def test_help() -> None:
    (error,) = errors(edited("driver Echo", "drvier Echo"))
    assert error.help == "did you mean `driver`?"
    assert error.labels[0].span.text == "drvier"


def test_not_more_than_can_be_read() -> None:
    text = f"driver D {{ callback F(Request) {{ {'x = = 1; ' * 100} }} }}"
    assert [code for code, _ in found(text)] == ["WDF101"] * MOST


TERMINAL = re.compile(r"\b[A-Z]{2,}(_[A-Z]+)*\b|__|\bnot_|_slot\b")


def test_no_name_of_the_grammar_in_a_message() -> None:
    random = Random(7)
    texts = list(corpus().values())
    for _ in range(200):
        for error in errors(mutated(random.choice(texts), random, 1)):
            words = re.sub(r"`[^`]*`", "", " ".join([error.message, *(label.text for label in error.labels)]))
            words = re.sub(r"\b(C|NTSTATUS|DDI|UTF-8|U\+\w+|0x\w+)\b", "", words)
            assert not TERMINAL.search(words), words


def test_one_mistake_gives_few_diagnostics() -> None:
    """Recovery does not cascade: on average well below two diagnostics for one random edit."""
    random = Random(11)
    texts = list(corpus().values())
    counts = [len(errors(mutated(random.choice(texts), random, 1))) for _ in range(400)]
    assert mean(count for count in counts if count) < 1.6


@pytest.mark.parametrize(
    "text",
    ["{" * 20_000, "(" * 20_000, "driver D { callback f() { x " * 3_000, '"\n' * 20_000, "@" * 20_000,
     "driver D {" + "a b c d; " * 20_000, ";" * 20_000, "x " * 50_000, "if " * 20_000, "}" * 20_000,
     "(" * 20_000 + "}" * 20_000, "/*" * 20_000],
    ids=lambda text: text[:12] + text[-2:],
)  # fmt: skip
def test_large_nonsense_is_refused_quickly(text: str) -> None:
    begin = time.process_time()
    assert 1 <= len(errors(text)) <= MOST
    assert time.process_time() - begin < 5
