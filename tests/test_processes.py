from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from wdfmc.processes import stop

LARGE = 400_000_000  # bytes: takes longer to send than any of the waits


@pytest.mark.parametrize("seconds", [0.0, 0.4, 0.6])
def test_a_process_can_be_stopped_in_the_middle_of_an_answer(seconds: float) -> None:
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    pool.submit(int).result()  # it runs
    pool.submit(bytes, LARGE)
    time.sleep(seconds)
    stop(pool)
    pool.shutdown(wait=True, cancel_futures=True)
    assert not multiprocessing.active_children()
