"""Life cycle to text or picture. One row a format; a module is imported only when its format is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from wdfmc.lifecycle import LifeCycle

Renderer: TypeAlias = "Callable[[LifeCycle, str], str]"  # the second argument is the path of the model


def lazily(module: str) -> Renderer:
    """The `render` of a module of this package, imported at the first call."""

    def render(cycle: LifeCycle, model: str) -> str:
        text: str = import_module(f"{__name__}.{module}").render(cycle, model)
        return text

    return render


DRAWINGS: Final[Mapping[str, Renderer]] = {
    "text": lazily("text"),  # for a terminal: a table of the edges
    "svg": lazily("svg"),  # a picture that needs nothing else
    "dot": lazily("dot"),  # for Graphviz
    "json": lazily("json"),  # for scripts
}
