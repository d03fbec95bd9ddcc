"""A driver of 300 statements: shipped ones side by side in one, the names of each told apart by a number."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from own import results
from tables import machine, table
from timing import ROOT, Job, Limits, cpu, memory, seconds, timed, wdfmc

PARTS: Final = (
    "cancellation/pending_read",
    "cancellation/forward_canceller",
    "drivers/plx9x5x",
    "drivers/serial_write",
    "drivers/kmdf_fx2",
    "drivers/virtualserial2_fixed",
    "seeds/split_parallel",
    "seeds/several_targets",
    "seeds/complete_from_cancel",
    "seeds/split_reuse",
    "cancellation/pending_read",
    "cancellation/pending_read",
)
OBJECT: Final = re.compile(
    r"^    (?:queue|timer|dpc|interrupt|\w+lock|target|created|workitem|event|callback|helper|thread)\s+(\w+)",
    re.MULTILINE,
)
CONTEXT: Final = re.compile(r"^    context\s+(device|request)\s*\{([^}]*)\}\n", re.MULTILINE)
DEVICE: Final = re.compile(r"^    device\s+\w+[^{;]*(?:\{([^}]*)\}|;)\n", re.MULTILINE)
LEFT_OUT: Final = re.compile(r"//.*|^    (?:expect [^;]*;|environment \{[^}]*\})\n", re.MULTILINE)
SECONDS: Final = 600.0


def merged(parts: Sequence[Path]) -> str:
    """One driver with the objects, the data and the callbacks of all."""
    device: list[str] = []
    contexts: dict[str, list[str]] = {"device": [], "request": []}
    bodies: list[str] = []
    for number, part in enumerate(parts):
        text = LEFT_OUT.sub("", part.read_text(encoding="utf-8"))
        body = text[text.index("{") + 1 : text.index("\n}")] + "\n"
        fields = [field for _, block in CONTEXT.findall(body) for field in block.split(";")]
        names = {
            *OBJECT.findall(body),
            *(name for field in fields for name in re.findall(r"\w+", field.partition(":")[0])),
        }
        body = re.sub(rf"\b({'|'.join(sorted(names))})\b", rf"P{number}\1", body)
        for sort, block in CONTEXT.findall(body):
            contexts[sort].append(block)
        device += [block for block in DEVICE.findall(body) if block]
        bodies.append(DEVICE.sub("", CONTEXT.sub("", body)))
    shared = [f"    context {sort} {{ {' '.join(blocks)} }}" for sort, blocks in contexts.items() if blocks]
    return "\n".join(("driver Large {", f"    device Device {{ {' '.join(device)} }}", *shared, *bodies, "}")) + "\n"


def large(arguments: argparse.Namespace) -> Iterator[str]:
    """A driver of 300 statements gets a verdict for each rule, or an honest `unknown`."""
    text = merged([ROOT / "models" / f"{part}.wdf" for part in PARTS])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.wdf"
        path.write_text(text, encoding="utf-8")
        command = wdfmc("check", str(path), "--timeout", str(SECONDS), "--jobs", "2", "--format", "json")
        run = timed(Job([command]), Limits(2 * SECONDS, arguments.memory))
    found = Counter(result["verdict"] for result in results(run))
    yield f"{machine()} {len(PARTS)} shipped drivers in one, {text.count(';')} statements; `--timeout {SECONDS:.0f}`."
    yield ""
    rows = [[verdict, str(number)] for verdict, number in found.most_common()]
    yield from table(["verdict", "rules"], rows)
    yield ""
    yield f"{seconds(run.seconds)} s, {cpu([run])} s of a processor, {memory([run])} MiB."
