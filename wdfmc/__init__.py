"""wdfmc: a model checker for the request state machines of WDF drivers.

`wdfmc.check(path_or_text)` checks a model from Python. What it needs is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wdfmc.api import Checked, RunTrace, Verdict, check
    from wdfmc.diagnostics import Rejected

__version__ = "0.1.0"
__all__ = ["Checked", "Rejected", "RunTrace", "Verdict", "__version__", "check"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wdfmc import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted(__all__)
