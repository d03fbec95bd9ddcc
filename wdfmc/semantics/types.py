"""The types of the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class IntType:
    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class EnumType:
    name: str  # empty for an enum written in place
    members: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or "{ " + ", ".join(self.members) + " }"


@dataclass(frozen=True, slots=True)
class StatusType:
    """NTSTATUS: the values are the statuses that flow into the variable."""

    def __str__(self) -> str:
        return "NTSTATUS"


@dataclass(frozen=True, slots=True)
class RefType:
    """A reference to an object of a sort. `view` is the name it was declared under (`buffer` of request)."""

    sort: str
    optional: bool
    view: str

    def __str__(self) -> str:
        return self.view + ("?" if self.optional else "")


@dataclass(frozen=True, slots=True)
class CallbackType:
    """A callback of one kind, for example EvtRequestCancel."""

    kind: str
    optional: bool

    def __str__(self) -> str:
        return self.kind + ("?" if self.optional else "")


@dataclass(frozen=True, slots=True)
class SetType:
    sort: str

    def __str__(self) -> str:
        return f"set of {self.sort}"


@dataclass(frozen=True, slots=True)
class ListType:
    bound: int
    sort: str

    def __str__(self) -> str:
        return f"list[{self.bound}] of {self.sort}"


@dataclass(frozen=True, slots=True)
class FlagsType:
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ConditionType:
    def __str__(self) -> str:
        return "condition"


@dataclass(frozen=True, slots=True)
class NullType:
    def __str__(self) -> str:
        return "null"


@dataclass(frozen=True, slots=True)
class VoidType:
    def __str__(self) -> str:
        return "nothing"


@dataclass(frozen=True, slots=True)
class UnknownType:
    """Stands where a mistake has been reported already; fits everything."""

    def __str__(self) -> str:
        return "?"


Type: TypeAlias = (
    BoolType | IntType | EnumType | StatusType | RefType | CallbackType | SetType | ListType | FlagsType
    | ConditionType | NullType | VoidType | UnknownType
)  # fmt: skip


def may_hold(wanted: Type, given: Type) -> bool:
    """Whether a variable or parameter may be given a value. Callbacks of different kinds can only be compared."""
    match given, wanted:
        case CallbackType(kind=one), CallbackType(kind=other):
            return one == other
        case _:
            return fits(given, wanted)


ANY_SORT: Final = "object"  # what a parameter takes that is only compared with null


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of the first type may stand where the second is wanted."""
    match given, wanted:
        case (UnknownType(), _) | (_, UnknownType()):
            return True
        case (BoolType(), ConditionType()) | (ConditionType(), BoolType()):
            return True
        case IntType(), IntType():
            return True
        case NullType(), (RefType(optional=optional) | CallbackType(optional=optional)):
            return optional
        case (NullType(), FlagsType()) | (FlagsType(), NullType()):
            return True
        case IntType(low=0, high=0), FlagsType():
            return True
        case ((RefType() | CallbackType()), NullType()):
            return True
        case RefType(sort=a), RefType(sort=b):
            return b in (a, ANY_SORT)
        case CallbackType(), CallbackType():
            return True
        case EnumType(members=a), EnumType(members=b):
            return set(a) <= set(b)
        case _:
            return given == wanted
