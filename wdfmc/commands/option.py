"""Options that several commands take alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import click

from wdfmc.usage import TARGETS

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def specs(words: str = "Also check the rules of this file.") -> Option:
    return click.option("--spec", "specs", metavar="FILE", multiple=True, help=words)


def rules(words: str = "Check this rule only; may be repeated.") -> Option:
    return click.option("--rule", "rules", metavar="NAME", multiple=True, help=words)


def timeout(words: str = "For the whole run.") -> Option:
    return click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help=words)


requests: Final = click.option(
    "--requests", type=click.IntRange(min=1), default=2, show_default=True, help="Requests in one run."
)
target: Final = click.option(
    "--target", type=click.Choice(TARGETS), help="What I/O targets do with what they are sent."
)
jobs: Final = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes at the same time.  [default: all processors]"
)
