"""benchmarks/results.md: sections of Markdown, each measured by itself, and those that people write."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

PACKAGES: Final = ("wdfmc", "z3-solver", "python-sat", "numpy", "lark", "click")
TOOLS: Final = {
    "spin": (["spin", "-V"], r"Version ([\d.]+)"),
    "gcc": (["gcc", "--version"], r"(\d+\.\d+\.\d+)"),
    "berkeley-abc": (["berkeley-abc", "-c", "version"], r"(ABC [\d.]+ \(compiled [^)]*\))"),
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, each as soon as its row is measured."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(['---'] * len(heads))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def machine(tools: Sequence[str] = ()) -> str:
    """When and with what."""
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    versions += [f"{name} {version_of_tool(name)}" for name in tools]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    system = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return f"{now}, {system}, {', '.join(versions)}."


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def version_of_tool(name: str) -> str:
    command, pattern = TOOLS[name]
    if shutil.which(name) is None:
        return "(not installed)"
    found = re.search(pattern, subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return found[1] if found else "(of unknown version)"


# ---------------------------------------------------------------- the file


def entered(path: Path, heading: str, lines: Iterable[str]) -> None:
    """Put a section in the place of the one with the same heading, or at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# What wdfmc takes"
    new = "\n".join((f"## {heading}", "", *lines)).rstrip() + "\n"
    old = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if old is None:
        text = f"{text.rstrip()}\n\n{new}"
    else:
        text = text[: old.start()] + new + ("\n" if text[old.end() :] else "") + text[old.end() :]
    path.write_text(text, encoding="utf-8", newline="\n")
