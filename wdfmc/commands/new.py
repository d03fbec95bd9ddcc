"""`wdfmc new`: a model to begin with."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import click

from wdfmc.console import DONE, save, show, show_text
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.usage import MODEL, STDIN, unwritable

KINDS: Final = ("filter", "pending", "forward", "split")  # of `wdfmc.skeleton.KINDS`
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@click.command("new")
@click.argument("file")
@click.option("--kind", type=click.Choice(KINDS), help="What the driver does; asked for at a terminal.")
@click.option("--name", metavar="NAME", help="Of the driver.  [default: from the name of the file]")
@click.option("--sequential/--parallel", default=None, help="How its queue hands out requests.  [default: parallel]")
@click.option("--power", is_flag=True, default=None, help="The device sleeps while requests wait (pending).")
def command(file: str, kind: str | None, name: str | None, sequential: bool | None, power: bool | None) -> int:
    """Write a model to FILE (- for stdout) that is right and says why in comments. A file that exists stays as it is.

    \b
    filter   looks at writes, passes the rest on
    pending  reads wait for a DPC and can be cancelled
    forward  forwards reads, a thread may cancel them at the target
    split    sends each write as two created requests; its queue is sequential
    """
    path = None if file == STDIN else Path(file)
    wrong = [] if path is None else refused(path)
    if wrong:
        raise Rejected(wrong)
    from wdfmc.skeleton import KINDS as WAYS
    from wdfmc.skeleton import Wishes, skeleton

    asked = kind is None and sys.stdin.isatty()
    if asked:
        for each, way in WAYS.items():
            click.echo(f"  {each:<8} {way.words}")
        kind = click.prompt("kind", type=click.Choice(list(WAYS)), show_choices=False, default="pending")
    if kind is None:
        advice = f"say which: {', '.join(f'`--kind {each}`' for each in KINDS)}"
        raise Rejected([Diagnostic("WDF901", "`wdfmc new` needs to know what the driver does", help=advice)])
    way = WAYS[kind]
    if asked and sequential is None and way.parallel:
        sequential = not click.confirm("several requests at the same time?", default=True)
    if asked and power is None and way.sleeps:
        power = click.confirm("may the device sleep while requests wait?", default=False)
    if wrong := contradictory(kind, sequential, power, sleeps=way.sleeps, parallel=way.parallel):
        raise Rejected(wrong)
    driver = name or driver_name("mine" if path is None else path.stem)
    if not NAME.fullmatch(driver):
        advice = "letters, digits and _, a letter first"
        raise Rejected([Diagnostic("WDF901", f"`--name`: `{driver}` is no name of a driver", help=advice)])
    text = skeleton(kind, Wishes(driver, bool(sequential) or not way.parallel, bool(power)))
    if path is None:
        show_text(text)
        return DONE
    save(path, text)
    return show(lambda look: [((f"{path}: driver {driver}; `wdfmc check {path}` checks it", ""),)])


def refused(path: Path) -> list[Diagnostic]:
    if path.exists() and not path.is_dir():
        advice = "give another name, or remove it first"
        return [Diagnostic("WDF916", f"`{path}` exists already, and is left as it is", help=advice)]
    if path.suffix != MODEL:
        return [Diagnostic("WDF901", f"`{path}`: the name of a model ends in {MODEL}", help=f"`{path}{MODEL}`?")]
    return unwritable(path, ())


def contradictory(
    kind: str, sequential: bool | None, power: bool | None, *, sleeps: bool, parallel: bool
) -> list[Diagnostic]:
    found = []
    if power and not sleeps:
        found.append(Diagnostic("WDF905", f"in a `{kind}` model nothing waits while the device sleeps: no `--power`"))
    if sequential is False and not parallel:
        message = f"the queue of a `{kind}` model is sequential"
        advice = "change the text if you need more: two writes at once, each in two pieces, take a check minutes"
        found.append(Diagnostic("WDF905", message, help=advice))
    return found


def driver_name(stem: str) -> str:
    """`pending_read` -> `PendingRead`."""
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", stem))
    return name if NAME.fullmatch(name) else f"Driver{name}"
