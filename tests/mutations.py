"""Real texts, and texts that are nearly right."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from wdfmc.language.lalr import Lexeme, automaton

ROOT = Path(__file__).parent.parent
FOLDERS = ("tests/data", "models", "specs", "wdfmc/library/framework", "wdfmc/library/rules")
MARKS = "\"/*#@{}();'é\\ \n-=x0|&\t\0"


@cache
def corpus() -> dict[str, str]:
    """Path of a text -> the text, for every text of the project."""
    found = [
        path
        for folder in FOLDERS
        for pattern in ("*.wdf", "*.wdfspec")
        for path in (ROOT / folder).rglob(pattern)
        if path.is_file()
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)}


@cache
def words() -> tuple[str, ...]:
    """Every lexeme of the corpus, each once."""
    return tuple(dict.fromkeys(lexeme.text for text in corpus().values() for lexeme in automaton().lexemes(text)))


def mutated(text: str, random: Random, times: int) -> str:
    """Lexemes deleted, inserted, replaced, swapped; a character inserted; the text cut off."""
    for _ in range(times):
        lexemes = automaton().lexemes(text)
        if not lexemes:
            return text
        here, there = random.choice(lexemes), random.choice(lexemes)
        match random.randrange(12):
            case 0 | 1 | 2:
                text = text[: here.start] + text[here.end :]
            case 3 | 4:
                text = f"{text[: here.start]}{random.choice(words())} {text[here.start :]}"
            case 5 | 6:
                text = f"{text[: here.start]} {random.choice(words())} {text[here.end :]}"
            case 7 | 8:
                text = swapped(text, *sorted((here, there)))
            case 9 | 10:
                at = random.randrange(len(text))
                text = text[:at] + random.choice(MARKS) + text[at:]
            case _:
                text = text[: random.randrange(len(text))]
    return text


def swapped(text: str, first: Lexeme, second: Lexeme) -> str:
    if first.end > second.start:
        return text
    between = text[first.end : second.start]
    return text[: first.start] + second.text + between + first.text + text[second.end :]


def respaced(text: str, random: Random) -> str:
    """The same lexemes, with other white space and comments between some of them."""
    often = random.choice((0.02, 0.2, 0.9))
    gaps = (" ", "", "  ", "\n", "\n\n\n", "\t", " // c\n", " /* c */ ", " /* a\n   b */", "\r\n", " (VOID) ", "_In_ ")
    parts: list[str] = []
    past = 0
    for _, _, start, end in automaton().read(text):
        parts += [random.choice(gaps) if random.random() < often else text[past:start], text[start:end]]
        past = end
    return "".join([*parts, text[past:]])
