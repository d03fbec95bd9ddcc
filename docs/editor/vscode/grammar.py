"""Writes `syntaxes/wdf.tmLanguage.json` from the grammar and the library of wdfmc, so that no word of them is missing.

python docs/editor/vscode/grammar.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from wdfmc import library
from wdfmc.language import ast
from wdfmc.language.expected import keywords
from wdfmc.language.lalr import IGNORED, automaton

TARGET: Final = Path(__file__).parent / "syntaxes" / "wdf.tmLanguage.json"
NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
RULE: Final = rf"{NAME}(?:-[A-Za-z0-9_]+)*"
VALUES: Final = {"true", "false", "TRUE", "FALSE", "null", "NULL"}
CONTROL: Final = {
    "if", "else", "while", "for", "each", "loop", "break", "continue", "return", "choose", "or", "then", "await",
}  # fmt: skip
TYPES: Final = {"bool", "BOOLEAN", "NTSTATUS"}
# What declares a thing, and what colour the name behind it gets.
DECLARES: Final = {
    "driver": "entity.name.type", "sort": "entity.name.type", "enum": "entity.name.type", "flags": "entity.name.type",
    "callback": "entity.name.function", "helper": "entity.name.function", "ddi": "entity.name.function",
    "define": "entity.name.function", "ghost": "entity.name.function", "thread": "entity.name.function",
    "option": "entity.name.type", "status": "constant.other", "created": "variable.other",
}  # fmt: skip


def words() -> set[str]:
    """Every word that is a keyword somewhere in the grammar."""
    return {word for terminal in automaton().terminals if terminal not in IGNORED for word in keywords(terminal)}


def kinds() -> set[str]:
    """The kinds of objects and views that the library declares."""
    declared = (ast.Sort, ast.Alias, ast.View)
    return {entry.name for entry in library.entries() if isinstance(entry.item, declared)}


def one_of(listed: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(sorted(listed, key=lambda word: (-len(word), word)))})\b"


def grammar() -> dict[str, Any]:
    keyword = words() - VALUES - CONTROL - TYPES
    declarations = [
        {
            "match": rf"\b({word})\s+(?:(VOID|void)\s+)?({NAME})",
            "captures": {
                "1": {"name": "keyword.declaration.wdf"}, "2": {"name": "storage.type.wdf"},
                "3": {"name": f"{colour}.wdf"},
            },
        }
        for word, colour in DECLARES.items()
    ]  # fmt: skip
    rules = [
        {
            "match": rf"\b(rule|monitor|unchecked)\s+({RULE})",
            "captures": {"1": {"name": "keyword.declaration.wdf"}, "2": {"name": "entity.name.tag.wdf"}},
        },
        {
            "match": rf"\b(expect)\s+({NAME})\s+({RULE})",
            "captures": {
                "1": {"name": "keyword.declaration.wdf"}, "2": {"name": "constant.language.wdf"},
                "3": {"name": "entity.name.tag.wdf"},
            },
        },
    ]  # fmt: skip
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "comment": "Written by grammar.py from the grammar and the library of wdfmc; not by hand.",
        "name": "WDF model",
        "scopeName": "source.wdf",
        "fileTypes": ["wdf", "wdfspec"],
        "patterns": [
            {"name": "comment.line.double-slash.wdf", "match": "//.*$"},
            {"name": "comment.block.wdf", "begin": r"/\*", "end": r"\*/"},
            {
                "name": "string.quoted.double.wdf", "begin": '"', "end": '"|$',
                "patterns": [{"name": "constant.character.escape.wdf", "match": r"\\."}],
            },
            {"name": "storage.modifier.wdf", "match": r"\b_(?:In|Out|Inout|In_opt|Out_opt|Use_decl_annotations)_\b"},
            *rules,
            *declarations,
            {"name": "constant.language.wdf", "match": one_of(VALUES)},
            {"name": "constant.numeric.wdf", "match": r"\b(?:0[xX][0-9a-fA-F]+|[0-9]+)\b"},
            {"name": "constant.other.status.wdf", "match": r"\bSTATUS_[A-Z0-9_]+\b"},
            {"name": "support.function.wdf", "match": rf"\b(?:Wdf|Ke|Interlocked|NT_){NAME}(?=\s*\()"},
            {"name": "support.type.event.wdf", "match": r"\bEvt[A-Z][A-Za-z0-9_]*\b"},
            {"name": "keyword.control.wdf", "match": one_of(CONTROL)},
            {"name": "support.type.wdf", "match": one_of(TYPES | kinds())},
            {"name": "keyword.other.wdf", "match": one_of(keyword)},
            {"name": "entity.name.function.call.wdf", "match": rf"\b{NAME}(?=\s*\()"},
            {"name": "variable.other.property.wdf", "match": rf"(?<=\.){NAME}"},
            {"name": "keyword.operator.wdf", "match": r"->|==|!=|<=|>=|&&|\|\||[=<>+\-|!&?]"},
        ],
    }  # fmt: skip


def text() -> str:
    return json.dumps(grammar(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
