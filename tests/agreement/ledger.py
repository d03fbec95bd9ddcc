"""What was asked of all engines and tools, and what each of them said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator


class Ledger:
    """`asked`: how many of each kind of thing. `said`: how often each opinion was heard about them."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.said: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def enter(self, kind: str, number: int, said: Counter[str]) -> None:
        self.asked[kind] += number
        self.said[kind].update(said)

    def lines(self) -> Iterator[str]:
        for kind, number in self.asked.items():
            yield f"{kind}: {number}"
            yield from (f"    {opinion}: {times}" for opinion, times in sorted(self.said[kind].items()))
