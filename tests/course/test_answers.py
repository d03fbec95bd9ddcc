"""What `wdfmc learn --check` accepts and what it refuses: who breaks nothing because he does nothing has no answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from wdfmc.course import lessons
from wdfmc.course.answers import Judgement, example, judged
from wdfmc.diagnostics import Rejected
from wdfmc.language.reading import read
from wdfmc.source import Source

LESSONS = {lesson.name: lesson for lesson in lessons()}
DRIVERS = [name for name, lesson in LESSONS.items() if not lesson.about_a_rule]


def repaired(name: str) -> str:
    return LESSONS[name].repaired.read_text(encoding="utf-8")


def judge(name: str, text: str) -> Judgement:
    return judged(LESSONS[name], Source(f"{name}.wdf", text))


@pytest.mark.parametrize("name", LESSONS)
def test_repaired_file_is_accepted(name: str) -> None:
    judgement = judged(LESSONS[name], read(LESSONS[name].repaired))
    assert judgement.accepted, [finding for finding in judgement.findings if finding.met != "yes"]


# ---------------------------------------------------------------- cheats


def whole(callback: str) -> str:
    """Matches a callback, its head and the rest, on one line or on several."""
    return rf"^(    callback {callback}\(.*\) {{)(?:.* }}\n|\n(?:.*\n)*?    }}\n)"


def with_body(text: str, callback: str, body: str) -> str:
    """A driver in which a callback does something else."""
    changed = re.sub(whole(callback), rf"\1 {body} }}\n", text, flags=re.MULTILINE)
    assert changed != text, callback
    return changed


def without(text: str, callback: str) -> str:
    """A driver without a callback and what binds it."""
    cut = re.sub(whole(callback), "", text, flags=re.MULTILINE)
    assert cut != text, callback
    return re.sub(rf" \w+ = {callback};", "", cut)


def handler(text: str) -> str:
    found = re.search(r"EvtIo(?:Read|Write) = (\w+);", text)
    assert found
    return found[1]


def completes_at_once(text: str) -> str:
    return with_body(text, handler(text), "WdfRequestComplete(Request, STATUS_SUCCESS);")


def refuses_all(text: str) -> str:
    return with_body(text, handler(text), "WdfRequestComplete(Request, STATUS_UNSUCCESSFUL);")


def keeps_all(text: str) -> str:
    return with_body(text, handler(text), "")


def has_no_handler(text: str) -> str:
    return without(text, handler(text))


def is_never_cancelable(text: str) -> str:
    """Neither marks nor unmarks, and has no cancel callback."""
    text = re.sub(r"WdfRequestMarkCancelable(?:Ex)?\(Request, OnCancel\)", "STATUS_SUCCESS", text)
    text = re.sub(r"^ *STATUS_SUCCESS;\n", "", text, flags=re.MULTILINE)
    return without(re.sub(r"WdfRequestUnmarkCancelable\(\w+\)", "STATUS_SUCCESS", text), "OnCancel")


def forgets_the_cancelled(text: str) -> str:
    return with_body(text, "OnCancel", "")


def forgets_the_finished(text: str) -> str:
    found = re.search(r"callback (On(?:Data|Dpc|Done|ChildDone))\(", text)
    assert found
    return with_body(text, found[1], "")


EVERYWHERE = (completes_at_once, has_no_handler, is_never_cancelable, forgets_the_cancelled)
ONCE = (refuses_all, keeps_all, forgets_the_finished)


def cheats() -> Iterator[tuple[str, Callable[[str], str]]]:
    for name in DRIVERS:
        for cheat in EVERYWHERE:
            if "OnCancel" in repaired(name) or cheat not in (is_never_cancelable, forgets_the_cancelled):
                yield name, cheat
    for at, cheat in enumerate(ONCE):
        yield DRIVERS[at], cheat


@pytest.mark.parametrize(("name", "cheat"), [pytest.param(*row, id=f"{row[0]}-{row[1].__name__}") for row in cheats()])
def test_cheat_is_refused(name: str, cheat: Callable[[str], str]) -> None:
    judgement = judge(name, cheat(repaired(name)))
    assert [finding for finding in judgement.findings if finding.met == "no"]


OWN = [
    (
        "handle",
        "thread Watchdog once {",
        'thread Watchdog once { environment "never"; return;',
        "sent-read-is-cancelled",
    ),
    ("owner", 'maybe("the device has no room")', "false", "read-is-refused"),
]


@pytest.mark.parametrize(("name", "old", "new", "missing"), OWN)
def test_part_of_the_job_that_is_left_out_is_named(name: str, old: str, new: str, missing: str) -> None:
    text = repaired(name)
    assert old in text
    judgement = judge(name, text.replace(old, new))
    assert [finding.name for finding in judgement.those("happen", "no")] == [missing]
    assert not judgement.those("hold", "no")
    shown = example(judgement)
    assert shown is not None and shown.name == missing and shown.result.trace is not None


# ---------------------------------------------------------------- what belongs to the lesson


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("owner", "    context device", "    environment { senders passive; }\n    context device", "WDF953"),
        ("owner", "driver Owner", "ghost extra();\ndriver Owner", "WDF953"),
        ("owner", "driver Owner", "driver Other { queue Q : manual; }\ndriver Owner", "WDF953"),
    ],
)
def test_surroundings_stay_as_they_are(name: str, old: str, new: str, code: str) -> None:
    text = repaired(name)
    assert old in text
    with pytest.raises(Rejected) as refused:
        judge(name, text.replace(old, new, 1))
    assert {diagnostic.code for diagnostic in refused.value.diagnostics} == {code}


def test_answer_without_a_driver_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        judge("owner", 'rule mine(r: request) "Words."\n    never complete(r, _) after complete(r, _);\n')
    assert [diagnostic.code for diagnostic in refused.value.diagnostics] == ["WDF954"]


def test_expectations_of_an_answer_count_for_nothing() -> None:
    lesson = LESSONS["owner"]
    text = (lesson.folder / lesson.answer).read_text(encoding="utf-8")
    assert "expect violated no-double-complete" in text
    assert not judge("owner", text).accepted
