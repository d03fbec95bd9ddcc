"""`wdfmc learn`: the course on cancellation, lesson by lesson."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import click

from wdfmc.console import DONE, show, show_text
from wdfmc.course import SOLVED, Lesson, digest, lessons, named, progress
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean

NOT_YET: Final = 1
OPEN: Final = 3
OWN: Final = ""  # the file of the lesson's folder
EXITS: Final = """\b
Exit codes:
  0    done; of --check: the answer is right
  1    of --check: not yet, something is broken or missing
  2    the command line or the answer is no text that can be checked
  3    of --check: something stayed undecided
  70   internal error
  130  interrupted"""


@click.command("learn", epilog=EXITS)
@click.argument("name", metavar="[LESSON]", required=False)
@click.option("--into", metavar="FOLDER", help="Start the lesson in this folder.  [default: NUMBER-NAME]")
@click.option("--check", "answer", metavar="[FILE]", is_flag=False, flag_value=OWN, help="Look at your answer.")
@click.option("--hint", metavar="[N]", type=click.IntRange(min=1), is_flag=False, flag_value=1, help="Give a hint.")
@click.option("--solution", is_flag=True, help="Print the repaired file.")
def command(name: str | None, into: str | None, answer: str | None, hint: int | None, solution: bool) -> int:
    """List the lessons of the course; or start LESSON (its number or name) in a folder, or check an answer to it."""
    asked = [said for said, given in (("--into", into), ("--check", answer), ("--hint", hint)) if given is not None]
    asked += ["--solution"] if solution else []
    if len(asked) > 1:
        raise Rejected([Diagnostic("WDF905", f"`{asked[0]}` and `{asked[1]}` are two requests", help="ask one by one")])
    here = Path.cwd()
    if name is None and not asked:
        return listed(here)
    lesson = chosen(name, here)
    if answer is not None:
        return check(lesson, answer, here)
    if hint is not None:
        from wdfmc.reports.lesson import hint_lines

        return show(lambda look: hint_lines(lesson, hint, look))
    if solution:
        show_text(lesson.repaired.read_text(encoding="utf-8"))
        return DONE
    return start(lesson, Path(into or lesson.directory))


def listed(here: Path) -> int:
    from wdfmc.reports.lesson import course_lines

    root = here.parent if named(here.name) else here
    found = [(lesson, progress(lesson, root)) for lesson in lessons()]
    return show(lambda look: course_lines(found, look))


def chosen(name: str | None, here: Path) -> Lesson:
    """The lesson of this name; without one, that whose folder this is. Raises Rejected."""
    found = named(here.name if name is None else name)
    if found is not None:
        return found
    if name is None:
        raise Rejected([Diagnostic("WDF901", "`wdfmc learn` needs LESSON: this folder is that of none")])
    advice = did_you_mean(name, [lesson.name for lesson in lessons()]) or "`wdfmc learn` lists the lessons"
    raise Rejected([Diagnostic("WDF951", f"the course has no lesson `{name}`", help=advice)])


def start(lesson: Lesson, folder: Path) -> int:
    """Write what the student gets. Raises Rejected: there is something already, or it cannot be written."""
    if folder.exists():
        message = f"there is a `{folder}` already, and it is left as it is"
        advice = "go on there, or name another folder with `--into`"
        raise Rejected([Diagnostic("WDF952", message, help=advice)])
    try:
        folder.mkdir(parents=True)
        for path in lesson.given:
            (folder / path.name).write_bytes(path.read_bytes())
    except OSError as error:
        raise Rejected([Diagnostic("WDF906", f"cannot write to `{folder}`: {error.strerror or error}")]) from None
    from wdfmc.reports.lesson import started_lines

    return show(lambda look: started_lines(lesson, folder.as_posix(), look))


def check(lesson: Lesson, answer: str, here: Path) -> int:
    """Raises Rejected."""
    from wdfmc.course.answers import example, judged
    from wdfmc.language.reading import read
    from wdfmc.reports.lesson import judgement_lines

    path = Path(answer)
    if answer == OWN:
        inside = (here / lesson.answer).is_file()
        path = Path(lesson.answer) if inside else Path(lesson.directory) / lesson.answer
    judgement = judged(lesson, read(path))
    following = next((other for other in lessons() if other.number == lesson.number + 1), None)
    shown = example(judgement)
    show(lambda look: judgement_lines(judgement, shown, following, look))
    if judgement.accepted:
        remember(lesson, path)
        return DONE
    return NOT_YET if any(finding.met == "no" for finding in judgement.findings) else OPEN


def remember(lesson: Lesson, path: Path) -> None:
    """Note in the student's folder that this answer is right; elsewhere nothing is noted."""
    folder = path.resolve().parent
    if folder.name == lesson.directory and path.name == lesson.answer:
        with contextlib.suppress(OSError):  # the answer is right all the same
            (folder / SOLVED).write_text(digest(path) + "\n", encoding="utf-8", newline="\n")
