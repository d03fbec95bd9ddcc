"""What became of the verdicts of a certificate, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wdfmc import __version__
from wdfmc.diagnostics import Diagnostic
from wdfmc.reports.json import diagnostic_object
from wdfmc.reports.page import Line, Look, cells, padded, paragraph
from wdfmc.reports.phrases import plural
from wdfmc.saved import Checked, Standing

STYLES: Final[Mapping[Standing, str]] = {
    Standing.CERTIFIED: "green",
    Standing.REPLAYED: "green",
    Standing.OPEN: "yellow",
    Standing.REFUTED: "bold red",
}
MEANING: Final[Mapping[int, str]] = {
    0: "",
    1: "the certificate claims what does not hold",
    3: "not every verdict has a certificate",
}


def said(checked: Checked) -> str:
    """The verdict that the certificate claims."""
    claim = checked.claim
    size = "any number of requests" if claim.requests == "any" else plural(int(claim.requests), "request")
    target = f", target {claim.basis.target}" if claim.basis else ""
    under = f", up to a breach of {', '.join(claim.under)}" if claim.under else ""
    return f"{claim.verdict}, {size}{target}{under}"


def certified_lines(results: Sequence[Checked], path: str, exit_code: int, look: Look) -> list[Line]:
    lines: list[Line] = [((path, "bold"),), ()]
    width = max((cells(item.claim.rule) for item in results), default=0)
    for item in results:
        words = f"{item.standing}: {item.reason}" if item.reason else str(item.standing)
        first, *others = paragraph("", f"{said(item)}: {words}", look.width - width - 4, STYLES[item.standing])
        lines.append((("  " + padded(item.claim.rule, width) + "  ", ""), *first))
        lines += [((" " * (width + 4), ""), *other) for other in others]
    counted = [(sum(item.standing is standing for item in results), standing) for standing in Standing]
    summary = ", ".join(f"{number} {standing}" for number, standing in counted if number) or "nothing is claimed"
    meaning = MEANING[exit_code]
    return [
        *lines,
        (),
        *paragraph("", f"{summary}; exit {exit_code}" + (f": {meaning}" if meaning else ""), look.width),
    ]


def certified_object(
    results: Sequence[Checked], certificate: str, path: str, exit_code: int, diagnostics: Sequence[Diagnostic]
) -> str:
    found: dict[str, Any] = {
        "tool": "wdfmc",
        "version": __version__,
        "exit": exit_code,
        "certificate": certificate,
        "path": path,
        "results": [
            {
                "rule": item.claim.rule,
                "target": item.claim.basis and item.claim.basis.target,
                "verdict": item.claim.verdict,
                "requests": item.claim.requests,
                "under": list(item.claim.under),
                "standing": str(item.standing),
                "reason": item.reason,
                "seconds": round(item.seconds, 3),
            }
            for item in results
        ],
        "diagnostics": [diagnostic_object(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(found, indent=2) + "\n"
