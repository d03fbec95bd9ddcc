"""Options that several commands take alike, each as the commands use it: files as paths, rules once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

from wdfmc.usage import STDIN, TARGETS

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


class Seconds(click.FloatRange):
    """A time that is over some day."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return seconds


def specs(words: str = "Also check the rules of this file.") -> Option:
    return click.option(
        "--spec", "specs", metavar="FILE", multiple=True, help=words,
        callback=lambda context, option, given: tuple(map(Path, given)),
    )  # fmt: skip


def rules(words: str = "Check this rule only; may be repeated.") -> Option:
    return click.option(
        "--rule", "rules", metavar="NAME", multiple=True, help=words,
        callback=lambda context, option, given: tuple(dict.fromkeys(given)),
    )  # fmt: skip


def timeout(words: str = "For the whole run.") -> Option:
    return click.option("--timeout", type=Seconds(), metavar="SECONDS", help=words)


def output(words: str = "Write here; not touched if there is an error.", *short: str, required: bool = False) -> Option:
    """The file; None: stdout."""
    return click.option(
        *short, "--output", "file", metavar="FILE", required=required, help=words,
        callback=lambda context, option, given: None if given in (None, STDIN) else Path(given),
    )  # fmt: skip


requests: Final = click.option(
    "--requests", type=click.IntRange(min=1), default=2, show_default=True, help="Requests in one run."
)
target: Final = click.option(
    "--target", type=click.Choice(TARGETS), help="What I/O targets do with what they are sent."
)
jobs: Final = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes at the same time.  [default: all processors]",
    callback=lambda context, option, given: given or os.cpu_count() or 1,
)  # fmt: skip
