from __future__ import annotations

import subprocess
import sys

from wdfmc.memory import peak, peak_of_ended_children

BLOCK = 200 << 20  # bytes
USE = f"block = b'1' * {BLOCK}"


def test_peak_is_at_least_what_was_used() -> None:
    code = f"from wdfmc.memory import peak; {USE}; del block; print(peak())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert BLOCK < int(done.stdout) < 10 * BLOCK


def test_children_that_have_ended_count() -> None:
    assert (peak() or 0) > 1 << 20
    subprocess.run([sys.executable, "-c", USE], check=True)
    children = peak_of_ended_children()
    assert children is None if sys.platform == "win32" else children is not None and children > BLOCK
