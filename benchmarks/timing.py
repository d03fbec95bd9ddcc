"""Whole processes, timed: wall time, processor time and peak memory, within limits, several contestants in turn."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run. `seconds`: of wall time. `memory`: MiB of address space, for each process; not on Windows."""

    seconds: float = 600.0
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What is timed: commands in a folder, each as soon as the one before it has succeeded."""

    commands: Sequence[Sequence[str]]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A job, to its end. `seconds`: wall time. The system may not tell the rest:

    cpu: seconds of all processes that took part; mebibytes: of the largest one.
    """

    printed: str  # to the standard output, by the last command
    exit: int
    late: bool
    seconds: float
    cpu: float | None
    mebibytes: float | None


def timed(job: Job, limits: Limits) -> Run:
    begun = time.perf_counter()
    ended: list[Run] = []
    for command in job.commands:
        ended.append(_timed(_within(limits.memory, command), job, limits.seconds - (time.perf_counter() - begun)))
        if ended[-1].exit or ended[-1].late:
            break
    cpu = [one.cpu for one in ended if one.cpu is not None]
    peaks = [one.mebibytes for one in ended if one.mebibytes is not None]
    last, seconds = ended[-1], time.perf_counter() - begun
    return Run(last.printed, last.exit, last.late, seconds, sum(cpu) if cpu else None, max(peaks, default=None))


def interleaved(jobs: Mapping[str, Sequence[Job]], limits: Limits) -> dict[str, list[Run]]:
    """Rounds in which each contestant has its turn, so that all meet the same business of the machine; the next round
    begins with the next contestant. Whoever did not end within the limits has no further turn.

    Args:
        jobs: the runs of each contestant.
    """
    runs: dict[str, list[Run]] = {name: [] for name in jobs}
    for turn in range(max(map(len, jobs.values()), default=0)):
        names = list(jobs)
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            gone = any(run.late or run.exit < 0 for run in runs[name])
            if turn < len(jobs[name]) and not gone:
                runs[name].append(timed(jobs[name][turn], limits))
    return runs


def _within(memory: int | None, command: Sequence[str]) -> Sequence[str]:
    if memory is None or sys.platform == "win32":
        return command
    return ["sh", "-c", f'ulimit -v {memory * 1024}; exec "$@"', "sh", *command]


def _timed(command: Sequence[str], job: Job, seconds: float) -> Run:
    """One command. When it is late it is ended, with all processes that it has started.

    What it prints goes to a file, so that nobody waits for a pipe.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)

    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=job.folder, env={**os.environ, **job.environment},
            stdout=printed, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        alarm = threading.Timer(max(0.0, seconds), end)
        alarm.start()
        code, cpu, used = _ended(process)
        alarm.cancel()
        took = time.perf_counter() - begun
        printed.seek(0)
        return Run(printed.read(), code, late.is_set(), took, cpu, used)


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, float | None, float | None]:
    """The exit code; seconds of processor time and peak in MiB of the process and of those that it has waited for."""
    if sys.platform == "win32":
        return process.wait(), None, None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # Popen has not seen the end itself
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


# ---------------------------------------------------------------- wdfmc


def wdfmc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "wdfmc", *arguments]


def seeded(command: Sequence[str], times: int) -> list[Job]:
    """Each with another order of Python's sets, the only thing about wdfmc that chance has a part in."""
    return [Job([command], environment={"PYTHONHASHSEED": str(seed)}) for seed in range(times)]


def repeated(command: Sequence[str], times: int, limits: Limits) -> list[Run]:
    return [timed(job, limits) for job in seeded(command, times)]


# ---------------------------------------------------------------- figures


def middle(runs: Sequence[Run]) -> float:
    return median(one.seconds for one in runs)


def slowest(runs: Sequence[Run]) -> float:
    return max(one.seconds for one in runs)


def cpu(runs: Sequence[Run]) -> str:
    spent = [one.cpu for one in runs if one.cpu is not None]
    return seconds(median(spent)) if spent else "n/a"


def memory(runs: Sequence[Run]) -> str:
    peaks = [one.mebibytes for one in runs if one.mebibytes is not None]
    return f"{max(peaks):.0f}" if peaks else "n/a"


def seconds(number: float) -> str:
    return f"{number:.2f}"


def used(run: Run) -> float:
    """Processor time; where the system does not tell it, wall time."""
    return run.seconds if run.cpu is None else run.cpu
