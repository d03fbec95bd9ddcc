"""Several models at the same time say the same as one after the other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from queue import Queue
from typing import Any

import pytest

from tests.shipped import MODELS
from wdfmc import parallel
from wdfmc.checking import Model, Options, check_models, loaded, side_by_side
from wdfmc.parallel import Told
from wdfmc.progress import Meter, listening
from wdfmc.verdict import ModelReport, Report, Result

NAMES = ("seeds/filter_pass_through.wdf", "cancellation/forward_canceller_stale.wdf", "seeds/forward_unmodified.wdf")
PATHS = [MODELS[name] for name in NAMES]
OPTIONS = Options(rules=("no-double-complete", "cancel-sent-handle-valid"), engine="explicit")


def without_times(report: ModelReport) -> ModelReport:
    return replace(report, results=tuple(replace(result, seconds=0.0) for result in report.results))


@pytest.fixture(scope="module")
def expected() -> Report:
    return check_models(PATHS, OPTIONS, lambda path, result: None)


class Here(Executor):
    """Not a process in sight. After `healthy` units it breaks."""

    def __init__(self, healthy: int = 99) -> None:
        self.healthy = healthy

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.healthy -= 1
        if self.healthy < 0:
            future.set_exception(BrokenProcessPool())
            return future
        try:
            future.set_result(work(*args, **more))
        except Exception as error:
            future.set_exception(error)
        return future


def crew(results: list[tuple[str, Result]], deadline: float | None = None) -> parallel._Crew:
    models, _ = loaded(PATHS, OPTIONS)
    told: Queue[Told] = Queue()
    return parallel._Crew(models, OPTIONS, deadline, lambda path, result: results.append((path, result)), told)


def test_processes_find_the_same_in_the_same_order(expected: Report) -> None:
    told, meter = list[tuple[str, Result]](), Meter()
    with listening(meter.hear):
        found = check_models(PATHS, replace(OPTIONS, jobs=2), lambda path, result: told.append((path, result)))
    assert found.exit == expected.exit
    assert list(map(without_times, found.models)) == list(map(without_times, expected.models))
    for model in found.models:
        own = [result.rule for path, result in told if path == model.path]
        assert sorted(own) == sorted(result.rule for result in model.results), "each once"
    assert {effort.engine for effort in meter.efforts()} >= {"lowering", "explicit", "trace"}
    assert meter.memory > 0
    assert not meter.now(), "every model is done"
    assert not multiprocessing.active_children()


def test_any_executor_will_do(expected: Report) -> None:
    told, meter = list[tuple[str, Result]](), Meter()
    work = crew(told)
    with listening(meter.hear):
        work.work(Here(), 2)
    found = [without_times(work.done[number][0]) for number in range(len(PATHS))]
    assert found == list(map(without_times, expected.models))
    assert len(told) == sum(len(model.results) for model in found)
    assert any(effort.states for effort in meter.efforts())


def test_what_a_broken_executor_leaves_is_done_here(expected: Report) -> None:
    told = list[tuple[str, Result]]()
    work = crew(told)
    with pytest.raises(BrokenProcessPool):
        work.work(Here(healthy=1), 1)
    assert list(work.done) == [0]
    work.finish_here(OPTIONS)
    found = [without_times(work.done[number][0]) for number in range(len(PATHS))]
    assert found == list(map(without_times, expected.models))
    assert len(told) == sum(len(model.results) for model in found)


def test_what_was_heard_of_a_process_that_died_is_not_announced_again() -> None:
    told = list[tuple[str, Result]]()
    work = crew(told)
    work.work(Here(), 1)
    results, report = list(told), work.done.pop(0)[0]
    told.clear()
    work._heard[0] = [report.results[0]]
    work.finish_here(OPTIONS)
    assert len(told) == len([path for path, _ in results if path == report.path]) - 1


def test_an_error_in_a_process_is_an_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(model: Model, *_: object) -> None:
        raise AssertionError(model.path)

    monkeypatch.setattr(parallel, "check_model", fails)
    with pytest.raises(AssertionError, match=r"filter_pass_through\.wdf"):
        crew([]).work(Here(), 1)


def test_no_time_left() -> None:
    report = check_models(PATHS, replace(OPTIONS, jobs=2, timeout=1e-9), lambda path, result: None)
    words = {str(result.verdict) for model in report.models for result in model.results}
    assert "unknown" in words and "violated" not in words


def test_an_interrupt_ends_the_processes() -> None:
    def interrupt(path: str, result: Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_models(PATHS, replace(OPTIONS, jobs=2), interrupt)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("models", "jobs", "engine", "expected"),
    [
        (1, 8, "auto", False),
        (2, 1, "auto", False),
        (2, 2, "auto", True),
        (2, 3, "auto", False),  # three engines race for one after the other
        (3, 3, "auto", True),
        (3, 8, "auto", True),
        (2, 8, "explicit", True),  # nothing races
        (1, 8, "explicit", False),
    ],
)
def test_processes_go_where_there_is_more_to_do(models: int, jobs: int, engine: str, expected: bool) -> None:
    assert side_by_side(models, Options(jobs=jobs, engine=engine)) is expected


def test_processes_of_models_start_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[int, int]]()

    def note(self: parallel._Crew, executor: Executor, at_once: int) -> None:
        asked.append((at_once, self._options.jobs))
        raise BrokenProcessPool

    monkeypatch.setattr(parallel._Crew, "work", note)
    for jobs in (2, 3, 7):
        check_models(PATHS, replace(OPTIONS, jobs=jobs), lambda path, result: None)
    assert asked == [(2, 1), (3, 1), (3, 1)]
