"""The commands of the README by which other tools check the same instance."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"<!-- cross-check -->\n```sh\n(.*?)```", re.DOTALL)
SAID: Mapping[str, str] = {
    "spin": r"errors: 0\n",
    "berkeley-abc": r"Disproved = 0\. Undecided = 0\.",
    "z3": r"^sat\n$",
}


def pairs() -> list[tuple[str, str]]:
    """Each export, with the command that reads what it wrote."""
    blocks = SECTION.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.splitlines()]
    return list(zip(lines[::2], lines[1::2], strict=True))


def shell(line: str, folder: Path) -> str:
    own = shlex.join([sys.executable, "-m", "wdfmc"])
    if line.startswith("wdfmc "):
        line = own + line.removeprefix("wdfmc")
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


@pytest.mark.parametrize(("export", "other"), pairs(), ids=[other.split()[0] for _, other in pairs()])
def test_other_tools_prove_it_again(export: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = other.split()[0]
    beside = Path(sys.executable).parent  # where pip has put z3
    monkeypatch.setenv("PATH", str(beside), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    for needed in (tool, "gcc") if tool == "spin" else (tool,):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    model = next(word for word in shlex.split(export) if word.endswith(".wdf"))
    Path(tmp_path, model).parent.mkdir(parents=True)
    shutil.copy(ROOT / model, tmp_path / model)
    assert shell(export, tmp_path) == ""
    assert re.search(SAID[tool], shell(other, tmp_path))
