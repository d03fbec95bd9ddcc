"""Characters that are in no text of the language, strings and comments without an end, numbers that are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from wdfmc.diagnostics import Diagnostic, Label
from wdfmc.language.lalr import Lexeme
from wdfmc.source import Source, Span

LARGEST: Final = 0xFFFF_FFFF  # an NTSTATUS, or a ULONG

ARITHMETIC: Final = 'there is no arithmetic but `+` and `-`; where a result decides, write `maybe("what decides")`'
FOREIGN: Final[Mapping[str, str]] = {
    "*": "there are no pointers (write `x.Field`, and `&x` for an argument that the call writes) and no multiplication",
    "/": ARITHMETIC,
    "%": ARITHMETIC,
    "^": "there are no operations on bits but `|` in a set of options",
    "~": "there are no operations on bits but `|` in a set of options",
    "#": 'there is no preprocessor: remove the line; `import "file.wdf";` reads another text',
    "'": 'there are no character constants; words stand in `"` quotes',
    "\\": "a line need not be continued: a statement ends at its `;`",
    "@": "remove it",
    "$": "remove it",
    "`": "remove it",
}
LOOKALIKES: Final[Mapping[str, str]] = {
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'",
    "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00d7": "*", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
    "\u2192": "->", "\uff1b": ";", "\u037e": ";", "\uff08": "(", "\uff09": ")", "\u2026": "..", "\u00ac": "!",
}  # fmt: skip
NEUTRAL: Final[Mapping[str, str]] = {"*": "+", "/": "+", "%": "+", "^": "+"}  # read on as if it had been this


def malformed_number(text: str, span: Span) -> Diagnostic | None:
    if len(text) > 1 and text[0] == "0" and text[1] not in "xX":
        return Diagnostic(
            "WDF113",
            f"`{text}` starts with 0, which in C means octal",
            (Label(span, "is it octal or decimal?"),),
            f"write `{text.lstrip('0') or '0'}`, or `0x...` for a hexadecimal number",
        )
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if len(digits) > 20 or int(text, 0) > LARGEST:
        shown = text if len(text) <= 24 else f"{text[:20]}..."
        return Diagnostic(
            "WDF112", f"the number {shown} is too large", (Label(span, f"the largest is {LARGEST} (0x{LARGEST:X})"),)
        )
    return None


def lexical_errors(source: Source, lexemes: list[Lexeme]) -> tuple[list[Diagnostic], list[Lexeme], bool]:
    """The problems, the lexemes without them, and whether the text was cut short by a comment without an end."""
    text = source.text
    problems: list[Diagnostic] = []
    sound: list[Lexeme] = []
    past = 0  # lexemes before this offset belong to a problem already reported
    for lexeme in lexemes:
        if lexeme.start < past:
            continue
        if lexeme.terminals:
            sound.append(lexeme)
            continue
        start = lexeme.start
        end_of_line = text.find("\n", start)
        end_of_line = len(text) if end_of_line < 0 else end_of_line
        if text.startswith("/*", start):
            problems.append(open_comment(Span(source, start, start + 2)))
            return problems, sound, True
        if lexeme.text == '"':
            past = end_of_string(text, start, end_of_line)
            problems.append(open_string(Span(source, start, past)))
            sound.append(Lexeme(text[start:past], start, past, ("STRING",)))
        elif lexeme.text == "#" and not text[source.line_starts[source.position(start)[0] - 1] : start].strip():
            past = end_of_line
            problems.append(foreign("#", Span(source, start, len(text[:end_of_line].rstrip()))))
        elif lexeme.text == "'" and (closed := re.compile(r"'(\\?[^'\n]{1,4})'").match(text, start)):
            past = closed.end()
            problems.append(foreign("'", Span(source, start, past)))
            sound.append(Lexeme("0", start, past, ("NUMBER",)))
        else:
            past = end_of_strange_word(text, start)
            problems.append(foreign(text[start:past], Span(source, start, past)))
            if lexeme.text in NEUTRAL:
                sound.append(Lexeme("+", start, past, ("SUM",)))
    return problems, sound, False


def end_of_strange_word(text: str, start: int) -> int:
    """The end of the run of foreign characters (or of the foreign word) that starts here."""
    if text[start] in FOREIGN or text[start] in LOOKALIKES or not text[start].isprintable():
        return start + 1
    run = re.compile(r"[^\W_]+|[^\x00-\x7f\s]+").match(text, start)
    return run.end() if run else start + 1


def end_of_string(text: str, start: int, end_of_line: int) -> int:
    """Where a string that is not closed was probably meant to end: before the next `;` or `)` of its line."""
    closing = re.compile(r"[;)]").search(text, start + 1, end_of_line)
    end = closing.start() if closing else end_of_line
    return start + len(text[start:end].rstrip())


def open_comment(span: Span) -> Diagnostic:
    return Diagnostic("WDF107", "this comment has no end", (Label(span, "no `*/` follows"),), "close it with `*/`")


def open_string(span: Span) -> Diagnostic:
    return Diagnostic(
        "WDF106", "these words are not closed", (Label(span, 'no `"` follows on this line'),), 'close them with `"`'
    )


def foreign(spelled: str, span: Span) -> Diagnostic:
    one = spelled[0]
    if one in FOREIGN:
        shown = "a preprocessor line" if one == "#" and len(span.text) > 1 else f"`{span.text}`"
        return Diagnostic(
            "WDF108", f"{shown} is not part of the language", (Label(span, "cannot be read"),), FOREIGN[one]
        )
    if one in LOOKALIKES:
        name = unicodedata.name(one, "a character").lower()
        label = Label(span, "looks alike, but is another character")
        return Diagnostic(
            "WDF108", f"`{one}` ({name}) is not part of the language", (label,), f"write `{LOOKALIKES[one]}`"
        )
    if not one.isprintable():
        shown = f"the character U+{ord(one):04X}"
        return Diagnostic(
            "WDF108", f"{shown} is not part of the language", (Label(span, "cannot be read"),), "remove it"
        )
    return Diagnostic(
        "WDF108",
        f"`{spelled}` is not part of the language",
        (Label(span, "cannot be read"),),
        "names are made of the letters a to z, A to Z, digits and `_`; other letters may stand in comments and strings",
    )
