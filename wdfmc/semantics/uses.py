"""What each name in a text stands for, for those who look at the text in an editor."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from wdfmc.semantics.types import Type
from wdfmc.source import Source, Span


class Role(StrEnum):
    """What sort of thing a name stands for, in the words of the manual."""

    LOCAL = "local"
    FIELD = "field"
    VARIABLE = "variable of a context"
    OBJECT = "object"
    POOL = "pool of created requests"
    CALLBACK = "callback of the driver"
    DDI = "DDI"
    HELPER = "helper"
    DEFINE = "definition"
    BUILT_IN = "built in"
    EVENT = "event"
    STATUS = "status"
    OPTION = "option of the environment"
    MEMBER = "member of an enumeration"
    FLAG = "option flag"
    RULE = "rule"
    SORT = "sort"
    ENUM = "enumeration"
    FLAGS = "option set"
    VIEW = "view"
    ALIAS = "kind of object"
    KIND = "callback"
    STEP = "environment step"
    THREAD = "thread"
    DRIVER = "driver"
    STATE = "state of a monitor"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a name stands for.

    owner: the sort of a field, the enumeration of a member, the option set of a flag; of what is known in a part of a
        text only, where that part begins; else empty.
    """

    role: Role
    name: str
    owner: str = ""


@dataclass
class Uses:
    """The names in the expressions of one text: (start, end) of each, what it stands for, and its type."""

    source: Source
    names: dict[tuple[int, int], tuple[Thing, Type]] = field(default_factory=dict)

    def note(self, span: Span, thing: Thing, kind: Type) -> None:
        if span.source is self.source:
            self.names[span.start, span.end] = thing, kind
