"""Models as they are stepped through, built once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from wdfmc.checking import Options, loaded
from wdfmc.simulation.stepwise import Stepwise, stepwise

ROOT = Path(__file__).parents[2]


@cache
def built(name: str) -> Stepwise:
    (model,), _ = loaded([ROOT / "models" / name], Options())
    return stepwise(model, Options())


@pytest.fixture(scope="session")
def model() -> Callable[[str], Stepwise]:
    """By the path below models/."""
    return built
