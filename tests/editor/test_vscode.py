"""The extension for Visual Studio Code: its grammar is that of wdfmc, its snippets can be read, its command exists."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.shipped import ROOT
from wdfmc.cli import COMMANDS
from wdfmc.diagnostics import Rejected
from wdfmc.language.parse import parse
from wdfmc.source import Source

FOLDER = ROOT / "docs" / "editor" / "vscode"


def written(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("grammar", FOLDER / "grammar.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_colours_are_those_of_the_grammar() -> None:
    """`python docs/editor/vscode/grammar.py` writes it anew."""
    assert (FOLDER / "syntaxes" / "wdf.tmLanguage.json").read_text(encoding="utf-8") == generator().text()


@pytest.mark.parametrize("word", sorted(generator().words() | generator().kinds()))
def test_every_word_has_a_colour(word: str) -> None:
    patterns = [entry["match"] for entry in written("syntaxes/wdf.tmLanguage.json")["patterns"] if "match" in entry]
    alone = [pattern for pattern in patterns if pattern.startswith(r"\b(?:")]
    assert any(re.fullmatch(pattern, word) for pattern in alone)


@pytest.mark.parametrize("name", sorted(written("snippets/wdf.json")))
def test_snippets(name: str) -> None:
    """With what they propose, each is a text, or a part of a driver or of a callback."""
    text = "\n".join(written("snippets/wdf.json")[name]["body"])
    text = re.sub(r"\$\{\d+\|([^,|}]*)[^}]*\}", r"\1", text)  # the first of several choices
    text = re.sub(r"\$\{\d+:([^{}]*)\}", r"\1", text).replace("$0", "")
    driver = "driver Small {{ {} callback OnCancel(Request) {{ {} }} }}"
    readings = [text, driver.format(text, ""), driver.format("", text)]
    assert any(readable(reading) for reading in readings), text


def readable(text: str) -> bool:
    try:
        parse(Source("snippet", text))
    except Rejected:
        return False
    return True


def test_the_command_exists() -> None:
    program, command = written("package.json")["contributes"]["configuration"]["properties"]["wdfmc.command"]["default"]
    assert program == "wdfmc" and command in COMMANDS
    assert 'const TRACE = "wdfmc.trace"' in (FOLDER / "src" / "extension.ts").read_text(encoding="utf-8")


def test_nothing_that_is_made_is_committed() -> None:
    ignored = (FOLDER / ".gitignore").read_text(encoding="utf-8").split()
    assert {"node_modules/", "out/", "*.vsix"} <= set(ignored)


@pytest.mark.skipif(not (FOLDER / "node_modules").is_dir(), reason="`npm install` was not run in docs/editor/vscode")
def test_in_the_tokenizer_of_the_editor(tmp_path: Path) -> None:
    """The colours of texts, by the library that Visual Studio Code uses; and the client compiles."""
    npx = shutil.which("npx")
    assert npx is not None
    for command in (["vscode-tmgrammar-test", "test/*.wdf*"], ["tsc", "-p", ".", "--outDir", str(tmp_path)]):
        done = subprocess.run([npx, *command], cwd=FOLDER, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
