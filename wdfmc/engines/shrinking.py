"""Fewer lemmas that prove the same: what a reader is shown and a certificate keeps."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from wdfmc.engines.certificate import Certificate
from wdfmc.engines.houdini import Candidates
from wdfmc.engines.ic3 import OutOfTime
from wdfmc.system.named import merged
from wdfmc.system.system import TemplateSystem

PATIENCE: Final = 10.0  # seconds
MOST: Final = 4000  # questions: on a busy machine the same lemmas are left as on another one


def shrunk(system: TemplateSystem, certificate: Certificate, deadline: float) -> Certificate:
    """A certificate of the same goals, not audited: lemmas are left out one by one as long as the rest is a proof.

    The longest go first; those that are left are said in as few as possible. `deadline`: as of time.monotonic(); after
    some time and some questions it stops anyway.
    """
    end = min(deadline, time.monotonic() + PATIENCE)
    goals = sorted(certificate.goals)
    lemmas = sorted(certificate.lemmas, key=lambda lemma: (lemma.requests, len(lemma.cube)))
    candidates = Candidates(system, lemmas, goals, certificate.requests, certificate.followed)
    kept = set(candidates.alive)
    try:
        for number in sorted(kept, reverse=True):
            if number in kept and candidates.questions < MOST:
                candidates.alive = kept - {number}
                candidates.houdini(end)
                if candidates.proves(goals):
                    kept = set(candidates.alive)
    except OutOfTime:
        pass
    candidates.alive = kept
    return replace(certificate, lemmas=merged(candidates.left()))
