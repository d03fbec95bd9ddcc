"""A text of wdfmc's language as lines of HTML, with a class on what is a word of the language, a call or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

from wdfmc.source import Source

WORDS: Final = (
    "driver|callback|queue|spinlock|waitlock|interrupt|context|timer|dpc|workitem|target|thread|helper|define|rule|sort"
    "|ddi|environment|ghost|enum|flags|option|loop|const|dynamic|part|expect|if|else|while|for|each|return|break|choose"
    "|or|await|then|start|call|inline|emit|add|remove|when|fair|weak|strong|requires|source|never|always|proved|violated"
)
TOKEN: Final = re.compile(
    rf"(?P<comment>//.*)|(?P<string>\"[^\"]*\")|(?P<word>\b(?:{WORDS})\b)|(?P<call>\b[A-Za-z_]\w*(?=\())"
)


def coloured(source: Source) -> list[Markup]:
    """One for each line; everything is escaped."""
    return [Markup("").join(pieces(line)) for line in source.text.splitlines()]


def pieces(line: str) -> Iterator[Markup]:
    done = 0
    for token in TOKEN.finditer(line):
        yield escape(line[done : token.start()])
        yield Markup('<b class="{}">{}</b>').format(f"t-{token.lastgroup}", token[0])
        done = token.end()
    yield escape(line[done:])
