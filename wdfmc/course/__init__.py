"""The lessons of the course, as they come with wdfmc: what each is about, its files, and how far a student has got.

A lesson is a folder: the text (`README.md`), `lesson.toml`, a file that is wrong and that the student repairs, the
repaired one, and what an answer has to keep. For a driver that is `rules.wdfspec` (what must hold) and `job.wdfspec`
(what the driver is there for); for a rule, drivers that say by `expect` what the rule has to say of them.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

TEXT: Final = "README.md"
DESCRIPTION: Final = "lesson.toml"
REPAIRED: Final = "repaired"  # the stem of the file that an answer may be compared with
RULES: Final = "rules.wdfspec"
JOB: Final = "job.wdfspec"
SOLVED: Final = ".solved"  # in a student's folder: the digest of the answer that was accepted last


@dataclass(frozen=True, slots=True)
class Lesson:
    """`folder`: with the files as shipped. `answer`: the name of the file that the student repairs.

    any_number: an answer has to be right for any number of requests, not for two only.
    """

    number: int
    name: str
    folder: Path
    title: str
    idea: str
    answer: str
    hints: tuple[str, ...]
    any_number: bool

    @property
    def directory(self) -> str:
        """The name of the folder, shipped or a student's."""
        return self.folder.name

    @property
    def about_a_rule(self) -> bool:
        return self.answer.endswith(".wdfspec")

    @property
    def repaired(self) -> Path:
        return self.folder / (REPAIRED + Path(self.answer).suffix)

    @property
    def given(self) -> tuple[Path, ...]:
        """What a student gets."""
        kept_back = {DESCRIPTION, self.repaired.name}
        return tuple(path for path in sorted(self.folder.glob("[!.]*")) if path.name not in kept_back)


class Progress(StrEnum):
    NEW = ""
    STARTED = "started"
    SOLVED = "solved"
    CHANGED = "changed since it was solved"


@cache
def lessons() -> tuple[Lesson, ...]:
    """In their order."""
    return tuple(lesson(path.parent) for path in sorted(shipped().glob(f"*/{DESCRIPTION}")))


def shipped() -> Path:
    """Inside an installed package, beside the package in a checkout of the project."""
    package = Path(str(files("wdfmc")))
    packaged = package / "course" / "lessons"
    return packaged if packaged.is_dir() else package.parent / "docs" / "course"


def lesson(folder: Path) -> Lesson:
    """`folder`: NUMBER-NAME."""
    number, _, name = folder.name.partition("-")
    said = tomllib.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return Lesson(
        number=int(number),
        name=name,
        folder=folder,
        title=said["title"],
        idea=said["idea"],
        answer=said.get("answer", "driver.wdf"),
        hints=tuple(said["hints"]),
        any_number=said.get("any_number", False),
    )


def named(words: str) -> Lesson | None:
    """The lesson of this number, name, or both: `2`, `unmark`, `02-unmark`."""
    wanted = words.strip().rstrip("/\\").lower()
    for one in lessons():
        if wanted in (str(one.number), f"{one.number:02}", one.name, one.directory):
            return one
    return None


def progress(one: Lesson, root: Path) -> Progress:
    """How far the student has got whose folders are below `root`."""
    folder = root / one.directory
    if not (folder / one.answer).is_file():
        return Progress.NEW
    if not (folder / SOLVED).is_file():
        return Progress.STARTED
    same = (folder / SOLVED).read_text(encoding="utf-8").strip() == digest(folder / one.answer)
    return Progress.SOLVED if same else Progress.CHANGED


def digest(answer: Path) -> str:
    return hashlib.sha256(answer.read_bytes()).hexdigest()
