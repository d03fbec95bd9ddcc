"""A review as one page of HTML that needs nothing else: templates, style and script are files of this package."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from wdfmc import __version__
from wdfmc.reports.html import view
from wdfmc.reports.html.swimlane import ROW

if TYPE_CHECKING:
    from wdfmc.review import Review


def render(review: Review) -> str:
    page = view.page_view(review)
    script = part("review.js")
    return templates().get_template("page.html").render(
        page=page, style=part("review.css"), script=script, hash=digest(script), version=__version__,
    )  # fmt: skip


@cache
def templates() -> Environment:
    """Everything that is put into a template is escaped, unless it says itself that it is HTML."""
    found = Environment(
        loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.globals.update(
        data_of=view.data_of, level=view.level, thread=view.thread, moves=view.moves, centre=view.centre, ROW=ROW,
    )  # fmt: skip
    return found


def part(name: str) -> str:
    return files(__name__).joinpath("templates", name).read_text(encoding="utf-8")


def digest(script: str) -> str:
    """What the page's own policy allows to run: this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
