"""Proofs for any number of requests, found and certified once for a lowered model, whoever asks for them again."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from wdfmc.engines import anynumber
from wdfmc.engines.anynumber import Patience, Proof
from wdfmc.engines.certificate import Certificate, audit
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import TemplateSystem

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
class Proofs:
    _known: list[tuple[TemplateSystem, tuple[str, ...], Certified]] = field(default_factory=list)

    def about(
        self, system: TemplateSystem, goals: Sequence[str], deadline: float, lemmas: Sequence[Lemma] = (), *,
        needed: Set[str] = frozenset(), patience: Patience = "endless",
    ) -> Certified:  # fmt: skip
        """What is asked again is continued where it ended, if something may come of it.

        Args:
            deadline: as of time.monotonic().
            lemmas: candidates, for example those of another slice.
            needed, patience: as of `anynumber.prove`.
        """
        before = [found for which, asked, found in self._known if asked == tuple(goals) and which == system]
        last = before[-1].proof if before else Proof((), {}, ())
        if before and before[-1].goals | last.hopeless | last.violated.keys() >= frozenset(goals):
            return before[-1]
        proof = anynumber.prove(
            system, goals, deadline, (*lemmas, *last.lemmas),
            needed=frozenset(needed), patience=patience, learned=last.learned,
        )  # fmt: skip
        proof = replace(proof, violated=last.violated | proof.violated)
        found = Certified(proof, tuple(each for each in proof.certificates if audit(system, each, deadline)))
        self._known.append((system, tuple(goals), found))
        return found
