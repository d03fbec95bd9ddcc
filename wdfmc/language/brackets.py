"""Which bracket of a text belongs to which, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass

from wdfmc.language.lalr import Lexeme
from wdfmc.source import Source


@dataclass
class Brackets:
    """Which bracket belongs to which.

    partner: index of a bracket -> index of the one that belongs to it, None if there is none.
    unclosed: indices of the `{` that are probably the ones without a `}`: by indentation, because by counting it is
        always the outermost that is left over.
    """

    partner: dict[int, int | None]
    unclosed: set[int]
    depth: list[int]

    @staticmethod
    def of(source: Source, lexemes: list[Lexeme]) -> Brackets:
        partner: dict[int, int | None] = {}
        opened: list[int] = []
        depth = []
        braces = 0  # how many of `opened` are `{`
        pairs = {")": "(", "]": "[", "}": "{"}
        for index, lexeme in enumerate(lexemes):
            if lexeme.text in ("(", "[", "{"):
                opened.append(index)
                braces += lexeme.text == "{"
            elif lexeme.text in pairs:
                while lexeme.text == "}" and braces and lexemes[opened[-1]].text != "{":
                    partner[opened.pop()] = None  # a `}` ends what a `(` inside the braces has begun
                partner[index] = None
                if opened and lexemes[opened[-1]].text == pairs[lexeme.text]:
                    partner[index] = opened[-1]
                    partner[opened.pop()] = index
                    braces -= lexeme.text == "}"
            depth.append(len(opened))
        partner.update((index, None) for index in opened)
        missing = sum(lexemes[index].text == "{" for index in opened)
        unclosed = set(Brackets.by_indentation(source, lexemes)[:missing])
        spare = [index for index in opened if lexemes[index].text == "{" and index not in unclosed]
        unclosed.update(spare[: missing - len(unclosed)])
        return Brackets(partner, unclosed, depth)

    @staticmethod
    def by_indentation(source: Source, lexemes: list[Lexeme]) -> list[int]:
        """The `{` whose `}` stands further left than the line of the `{`."""
        found: list[int] = []
        opened: list[tuple[int, int]] = []
        for index, lexeme in enumerate(lexemes):
            if lexeme.text not in ("{", "}"):
                continue
            line = source.line(source.position(lexeme.start)[0])
            indent = len(line) - len(line.lstrip())
            if lexeme.text == "{":
                opened.append((index, indent))
                continue
            if line.lstrip().startswith("}"):
                while len(opened) > 1 and opened[-1][1] > indent:
                    found.append(opened.pop()[0])
            if opened:
                opened.pop()
        return found

    @property
    def uneven(self) -> bool:
        return None in self.partner.values()

    def suspect(self, before: int) -> int:
        """The best guess of the `{` that is not closed, when `before` shows that one is not."""
        earlier = [index for index in self.unclosed if index < before]
        return max(earlier) if earlier else min(self.unclosed)

    def deepest_beyond(self, limit: int) -> int | None:
        return next((index for index, depth in enumerate(self.depth) if depth > limit), None)
