"""The examples of docs/ci.md: valid for the service that reads them, and their steps do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
SCHEMAS = {"github": "vendor.github-workflows", "azure": "vendor.azure-pipelines"}
RESULTS = {"github": "wdfmc.sarif", "azure": "wdfmc.xml"}
# The schema of Azure Pipelines has a regular expression that is none in the Unicode mode of ECMAScript.
VALIDATE = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "nonunicode", "--builtin-schema"]
RIGHT = """\
driver Right {
    queue Reads : parallel, front { EvtIoRead = OnRead; }
    callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }
}
"""
UNTIDY = RIGHT.replace("    queue", "  queue")
VIOLATED = RIGHT.replace("WdfRequestComplete", "WdfRequestComplete(Request, STATUS_SUCCESS); WdfRequestComplete", 1)

yaml = pytest.importorskip("ruamel.yaml")


def example(name: str) -> str:
    found = re.search(rf"<!-- workflow: {name} -->\n```yaml\n(.*?)```\n", PAGE, re.DOTALL)
    assert found, name
    return found[1]


def loaded(name: str) -> Any:
    return yaml.YAML(typ="safe").load(example(name))


def scripts(name: str) -> list[str]:
    """What the steps of an example run in a shell, in order."""
    document = loaded(name)
    steps = document["jobs"]["models"]["steps"] if name == "github" else document["steps"]
    return [step.get("run") or step.get("script") for step in steps if "run" in step or "script" in step]


@pytest.mark.parametrize("name", SCHEMAS)
def test_service_accepts_the_example(name: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    path = tmp_path / "example.yml"
    path.write_text(example(name), encoding="utf-8")
    done = subprocess.run([*VALIDATE, SCHEMAS[name], str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SCHEMAS)
def test_broken_example_is_not_accepted(name: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    path = tmp_path / "example.yml"
    path.write_text(example(name).replace("- uses: ", "- usse: ").replace("- task: ", "- tusk: "), encoding="utf-8")
    done = subprocess.run([*VALIDATE, SCHEMAS[name], str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Schema validation errors" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder `models`, and a command `wdfmc` that is the one under test."""
    (tmp_path / "models").mkdir()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "wdfmc"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wdfmc "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def run(script: str, where: Path) -> int:
    bash = shutil.which("bash")
    if not bash or os.name == "nt":
        pytest.skip("the steps are for a POSIX shell")
    path = f"{where / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [bash, "-e", "-c", script], cwd=where, env={**os.environ, "PATH": path}, check=False
    ).returncode


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(("model", "code"), [(RIGHT, 0), (VIOLATED, 1)], ids=["right", "violated"])
def test_steps_do_what_the_page_says(name: str, model: str, code: int, repository: Path) -> None:
    (repository / "models" / "a.wdf").write_text(model, encoding="utf-8")
    install, form, check = scripts(name)
    assert install == 'python -m pip install "$WDFMC_SOURCE"'
    assert run("wdfmc fmt models/*.wdf", repository) == 0
    assert run(form, repository) == 0
    assert run(check, repository) == code
    written = (repository / RESULTS[name]).read_text(encoding="utf-8")
    if name == "github":
        (run_,) = json.loads(written)["runs"]
        assert bool(run_["results"]) == (code == 1)
    else:
        assert ('failures="0"' in written) == (code == 0)


@pytest.mark.parametrize("name", SCHEMAS)
def test_result_is_published_under_the_name_that_it_is_written_to(name: str) -> None:
    assert example(name).count(RESULTS[name]) >= 2


def test_undecided_can_be_let_pass(repository: Path) -> None:
    assert "wdfmc check models || test $? -eq 3" in PAGE
    (repository / "models" / "a.wdf").write_text(VIOLATED, encoding="utf-8")
    assert run("wdfmc check models --engine bmc --depth 1 || test $? -eq 3", repository) == 0
    assert run("wdfmc check models || test $? -eq 3", repository) == 1


# ---------------------------------------------------------------- pre-commit


def hooks() -> dict[str, Any]:
    found = yaml.YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return {hook["id"]: hook for hook in found}


def test_hooks_are_those_of_the_page() -> None:
    (repo,) = loaded("pre-commit")["repos"]
    assert {hook["id"] for hook in repo["hooks"]} == set(hooks())


def test_pre_commit_accepts_the_hooks(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    config = tmp_path / ".pre-commit-config.yaml"
    config.write_text(example("pre-commit"), encoding="utf-8")
    for kind, path in (("manifest", ROOT / ".pre-commit-hooks.yaml"), ("config", config)):
        command = [sys.executable, "-m", "pre_commit", f"validate-{kind}", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", ["models/a.wdf", "specs/a.wdfspec", "models/a.wdf.bak", "a.txt"])
def test_hooks_are_for_the_files_that_they_can_read(path: str) -> None:
    takes = {name for name, hook in hooks().items() if re.search(hook["files"], path)}
    assert takes == {"models/a.wdf": {"wdfmc-fmt", "wdfmc-check"}, "specs/a.wdfspec": {"wdfmc-fmt"}}.get(path, set())


def test_hooks_on_a_repository(repository: Path) -> None:
    """`fmt` changes the file, so that pre-commit fails; `check` fails by its exit code."""
    entries = {name: hook["entry"] for name, hook in hooks().items()}
    path = repository / "models" / "a.wdf"
    path.write_text(UNTIDY, encoding="utf-8")
    assert run(f"{entries['wdfmc-fmt']} models/a.wdf", repository) == 0
    assert path.read_text(encoding="utf-8") == RIGHT
    path.write_text(VIOLATED, encoding="utf-8")
    assert run(f"{entries['wdfmc-check']} --timeout 60 models/a.wdf", repository) == 1
    path.write_text(RIGHT, encoding="utf-8")
    assert run(f"{entries['wdfmc-check']} --timeout 60 models/a.wdf", repository) == 0


@pytest.mark.long
def test_pre_commit_installs_and_runs_the_hooks(tmp_path: Path) -> None:
    """All of it: a clone of this repository, the environment that pre-commit makes, and a commit."""
    pytest.importorskip("pre_commit")
    git = shutil.which("git")
    if not git or not (ROOT / ".git").exists():
        pytest.skip("this is no clone, or git is not installed")
    where = tmp_path / "work"
    (where / "models").mkdir(parents=True)
    (where / "models" / "a.wdf").write_text(VIOLATED.replace("    queue", "  queue"), encoding="utf-8")
    subprocess.run([git, "init", "-q"], cwd=where, check=True)
    subprocess.run([git, "add", "."], cwd=where, check=True)
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "--all-files", "--color", "never"]
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "files were modified by this hook" in done.stdout
    assert "no-double-complete" in done.stdout
    (where / "models" / "a.wdf").write_text(RIGHT, encoding="utf-8")
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
