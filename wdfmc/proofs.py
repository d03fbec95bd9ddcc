"""Proofs for any number of requests, found and certified once for a lowered model, whoever asks for them again."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from wdfmc.engines.anynumber import Patience, Proof, Search
from wdfmc.engines.certificate import Certificate, audit
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import TemplateSystem
from wdfmc.system.writers import spoken_of

BEGUN: Final = time.monotonic()


def until(seconds: float, deadline: float | None) -> float:
    """When this process will have had so many seconds of a processor, if the machine stays as busy as it has been since
    the process began; no later than the deadline. So what is proved depends less on what else the machine does.
    """
    now = time.monotonic()
    share = max(1.0, (now - BEGUN) / max(time.process_time(), 0.1))
    end = now + seconds * share
    return end if deadline is None else min(end, deadline)


@dataclass(frozen=True, slots=True)
class Certified:
    """What was found, and those of its certificates that z3 has proved again."""

    proof: Proof
    certificates: tuple[Certificate, ...]

    @property
    def goals(self) -> frozenset[str]:
        return frozenset().union(*(each.goals for each in self.certificates))


@dataclass(slots=True)
class _Asked:
    """A question, how far the search for an answer is, and the last answer."""

    system: TemplateSystem
    goals: tuple[str, ...]
    search: Search
    known: Certified | None = None

    @property
    def settled(self) -> bool:
        if self.known is None:
            return False
        proof = self.known.proof
        return self.known.goals | proof.hopeless | proof.violated.keys() >= frozenset(self.goals)


@dataclass(slots=True)
class Proofs:
    _asked: list[_Asked] = field(default_factory=list)

    def about(
        self, system: TemplateSystem, goals: Sequence[str], deadline: float, lemmas: Sequence[Lemma] = (), *,
        needed: Set[str] = frozenset(), patience: Patience = "endless",
    ) -> Certified:  # fmt: skip
        """What is asked again is continued where it ended, if something may come of it.

        Args:
            deadline: as of time.monotonic().
            lemmas: candidates, for example those of another slice.
            needed: as of `Search`, when it is asked first.
            patience: as of `Search.proof`.
        """
        before = (each for each in self._asked if each.goals == tuple(goals) and each.system == system)
        asked = next(before, None)
        if asked is None:
            asked = _Asked(system, tuple(goals), Search(system, goals, needed=needed))
            self._asked.append(asked)
        if asked.known is None or not asked.settled:
            audited = () if asked.known is None else asked.known.certificates
            proof = asked.search.proof(deadline, lemmas, patience)
            passed = (
                each for each in proof.certificates
                if each in audited or audit(spoken_of(system, each.lemmas, each.followed), each, deadline)
            )  # fmt: skip
            asked.known = Certified(proof, tuple(passed))
        return asked.known
