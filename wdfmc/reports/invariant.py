"""Why a rule holds, in the words of the model: each lemma of its invariant as a sentence, under what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wdfmc.reports.phrases import OWNER, place
from wdfmc.system.instantiate import slot_name, value_name
from wdfmc.system.named import Condition, Invariant, NamedLemma
from wdfmc.system.system import OTHER, Ref, Value
from wdfmc.system.writers import BY

IDLE: Final = "idle"  # the program counter of a callback that does not run
MEMBER: Final = "in "  # a set of requests, as a variable of each request
OVERLAPPING: Final = " #2"  # an actor: an activation that overlaps another one
HELD: Final = ".held"  # a lock, as a variable
SECOND: Final = " (2)"  # of two runs of a callback on the same record
UNTOUCHED: Final = "No step of the model can break this: there is nothing to exclude."


def sentences(invariant: Invariant, model: str) -> tuple[str, ...]:
    """One for each lemma, in the order of their groups. `model`: the path of the text whose lines go without a name."""
    return tuple(sentence for _, group in grouped(invariant, model) for sentence in group) or (UNTOUCHED,)


def grouped(invariant: Invariant, model: str) -> list[tuple[str, list[str]]]:
    """(what they concern, sentences)"""
    words = _Words(invariant, model)
    found: dict[tuple[int, str], dict[str, None]] = {}
    for lemma in invariant.lemmas:
        found.setdefault(_concern(lemma), {})[words.sentence(lemma)] = None
    return [(name, list(found[rank, name])) for rank, name in sorted(found)]


def _concern(lemma: NamedLemma) -> tuple[int, str]:
    """The rank of a group and its name."""
    kinds = {condition.kind for condition in lemma.conditions}
    if "lock" in kinds:
        return 0, "locks"
    owners = [_runner(condition) for condition in lemma.conditions if condition.kind in ("pc", "local")]
    if owners:
        return 4, f"where {min(owners)} is"
    if "driver" in kinds:
        return 2, "the driver's data"
    if "rule" in kinds:
        return 5, "what rules keep in mind"
    shared = [condition.variable for condition in lemma.conditions if condition.request is None]
    if shared:
        return 3, f"{min(shared).partition('.')[0]}"
    return 1, "the state of a request"


def _runner(condition: Condition) -> str:
    """The callback or thread that a program counter or a local belongs to."""
    if condition.kind == "local":
        return condition.variable.partition(".")[0].partition("[")[0]
    labels = [str(value) for value in (*condition.values, *condition.excluded) if value != IDLE]
    return min((_Stop.of(label).runner.partition("[")[0] for label in labels), default=condition.variable)


@dataclass(frozen=True, slots=True)
class _Stop:
    """A value of a program counter, taken apart: `OnRead:18.54@Reads holding Lock`."""

    runner: str
    place: str
    locks: str

    @staticmethod
    def of(label: str) -> _Stop:
        runner, _, rest = label.partition(":")
        rest = rest.partition(" [")[0]
        where, _, locks = rest.partition(" holding ")
        return _Stop(runner, where.partition("@")[0], locks)


class _Words:
    def __init__(self, invariant: Invariant, model: str) -> None:
        self.model = model
        self.stands = {stop.label: stop for stop in invariant.stops}
        names = {c.variable for lemma in invariant.lemmas for c in lemma.conditions if c.kind == "local"}
        self.alike: dict[str, list[str]] = {}
        for name in sorted(names):
            self.alike.setdefault(_plain_local(name), []).append(name)
        self.stops: dict[tuple[str, str], list[str]] = {}
        labels = {
            str(value)
            for lemma in invariant.lemmas
            for c in lemma.conditions
            if c.kind == "pc"
            for value in (*c.values, *c.excluded)
            if value != IDLE
        }
        for label in sorted(labels, key=_order):
            stop = _Stop.of(label)
            self.stops.setdefault((stop.runner, self.where(label)), []).append(label)

    def sentence(self, lemma: NamedLemma) -> str:
        conditions = sorted(lemma.conditions, key=lambda c: (_importance(c), -1 if c.request is None else c.request))
        phrases = [phrase for c in conditions if (phrase := self.phrase(c, lemma.requests))]
        return "never: " + " while ".join([phrases[0], " and ".join(phrases[1:])] if len(phrases) > 1 else phrases)

    def phrase(self, condition: Condition, requests: int) -> str:
        match condition.kind:
            case "pc":
                return self.running(condition)
            case "lock":
                return f"{condition.variable.removesuffix(HELD)} is {'held' if True in condition.values else 'free'}"
            case "local":
                return self.stated(self.local(condition), condition, requests)
            case "rule":
                return self.remembered(condition)
            case "writer":
                return self.writer(condition, requests)
            case _:
                return self.field(condition, requests)

    # ------------------------------------------------------------ data

    def field(self, condition: Condition, requests: int) -> str:
        if condition.request is None:
            return self.stated(condition.variable, condition, requests)
        owner, name = slot_name(condition.request), condition.variable
        pool, dot, rest = name.partition(".")
        if dot:
            owner, name = f"{pool} of {owner}", rest
        if name.startswith(MEMBER):
            return f"{owner} is {'' if True in condition.values else 'not '}{name}"
        if name == OWNER:
            return f"{owner} is {self.among(condition, 'in state ')}"
        return self.stated(f"{owner}.{name}" if not dot else f"{name} of {owner}", condition, requests)

    def writer(self, condition: Condition, requests: int) -> str:
        """Who holds a lock, or set another flag."""
        flag = condition.variable.removesuffix(BY)
        holds = "who holds" if flag.endswith(HELD) else "who set"

        def who(value: Value) -> str:
            if isinstance(value, Ref) and value.slot is not None:
                return (
                    ("another request" if requests else "a request") if value.slot == OTHER else slot_name(value.slot)
                )
            name = "nobody" if value is None else value_name(value)
            return f"a second {name.removesuffix(OVERLAPPING)}" if name.endswith(OVERLAPPING) else name

        few = len(condition.values) <= len(condition.excluded) or not condition.excluded
        is_, values = ("is", condition.values) if few else ("is not", condition.excluded)
        return f"{holds} {flag.removesuffix(HELD)} {is_} {_either(map(who, values))}"

    def stated(self, subject: str, condition: Condition, requests: int) -> str:
        """The subject has one of the values."""
        if any(isinstance(value, Ref) and value.slot is not None for value in (*condition.values, *condition.excluded)):
            return self.refers(subject, condition, requests)
        if {*condition.values, *condition.excluded} <= {True, False} and len(condition.values) == 1:
            return subject if condition.values[0] is True else f"not {subject}"
        return f"{subject} is {self.among(condition)}"

    def among(self, condition: Condition, before: str = "") -> str:
        """`driver or done`, or what it is not, whichever is shorter."""
        few, no = condition.values, ""
        if 0 < len(condition.excluded) < len(condition.values):
            few, no = condition.excluded, "not "
        unset = "not set" if condition.kind == "local" else "null"
        return no + before + _either("" + (unset if value is None else value_name(value)) for value in few)

    def refers(self, subject: str, condition: Condition, requests: int) -> str:
        """A reference: to requests that the lemma names, to any other one, or to none."""
        inside = [value for value in condition.values if isinstance(value, Ref) and value.slot is not None]
        others = [value for value in inside if value.slot == OTHER]
        named = [value for value in inside if value.slot != OTHER]
        plain = [value for value in condition.values if value not in inside]
        kinds = {(v.pool, v.index) for v in (*inside, *condition.excluded) if isinstance(v, Ref) and v.slot is not None}
        left = [Ref(*kind, slot) for kind in sorted(kinds) for slot in range(requests)]
        left = [value for value in left if value not in named]
        if len(others) == len(kinds) and None in plain and not any(v for v in condition.excluded if v is not None):
            return f"{subject} does not refer to {_either(map(_target, left))}"
        said = [f"refers to {_either(map(_target, named))}"] if named else []
        if others:
            which = "a request" if not requests or len(left) == 0 else "another request"
            said = [f"refers to {which}"] if which == "a request" else [*said, f"refers to {which}"]
        if plain:
            said.append("is " + _either("null" if value is None else value_name(value) for value in plain))
        return f"{subject} {' or '.join(said)}"

    def local(self, condition: Condition) -> str:
        plain = _plain_local(condition.variable)
        runner, _, name = plain.removesuffix(SECOND).partition(".")
        if condition.request is not None:
            runner = _about(runner, condition.request)
        same = self.alike[plain]
        if plain.endswith(SECOND):
            runner = f"a second {runner}"
        which = f" ({same.index(condition.variable) + 1} of {len(same)})" if len(same) > 1 else ""
        if not name:
            return f"a result that {runner} keeps{which}"
        return f"{name} in {runner}{which}"

    def remembered(self, condition: Condition) -> str:
        """What the ghost of a rule says: `past0` and the like are its conditions on the past, `owed` what is due."""
        name, _, part = condition.variable.rpartition(".")
        whose = "" if condition.request is None else f" about {slot_name(condition.request)}"
        if part == "owed":
            return f"{name} {'is' if True in condition.values else 'is not'} waiting for what it demands{whose}"
        if part.startswith("past") and part[4:].isdigit():
            happened = "has seen" if True in condition.values else "has not seen"
            return f"{name} {happened} what it looks back for{whose} (condition {int(part[4:]) + 1})"
        return f"{name} is {self.among(condition, 'in state ')}{whose}"

    # ------------------------------------------------------------ callbacks

    def running(self, condition: Condition) -> str:
        """Where callbacks are that run on the same record, for example `OnRead(r1) is at line 18`."""
        inside = [str(value) for value in condition.values]
        outside = [str(value) for value in condition.excluded]
        everyone = dict.fromkeys(_Stop.of(label).runner for label in (*inside, *outside) if label != IDLE)
        second = "a second " if condition.variable.endswith(SECOND) else ""
        names = {runner: second + self.runner(runner, condition) for runner in everyone}
        if inside == [IDLE]:
            return f"{_either(names.values())} does not run"
        if outside == [IDLE]:
            return f"{_either(names.values())} runs"
        if IDLE in inside:
            return self.stopped([label for label in outside if label != IDLE], names, "is not")
        if len(outside) < len(inside) and len(everyone) == 1:
            return self.stopped([label for label in outside if label != IDLE], names, "runs and is not")
        return self.stopped(inside, names, "is")

    def stopped(self, labels: Sequence[str], names: dict[str, str], verb: str) -> str:
        found: dict[str, list[str]] = {}
        for label in sorted(labels, key=_order):
            found.setdefault(_Stop.of(label).runner, []).append(label)
        joint = " or " if verb == "is" else " and "
        return joint.join(f"{names[runner]} {verb} {self.at(runner, each)}" for runner, each in found.items())

    def at(self, runner: str, labels: Sequence[str]) -> str:
        """`at line 18 or 21 (holding Lock)`"""
        found: dict[str, dict[str, dict[str, None]]] = {}  # locks -> words before -> places
        for label in labels:
            where = self.where(label)
            same = self.stops[runner, where]
            lead, line, rest = where.rpartition("line ")
            which = "" if set(same) <= set(labels) else f" ({same.index(label) + 1} of {len(same)} stops there)"
            leads = found.setdefault(_Stop.of(label).locks, {})
            leads.setdefault(lead + line, {})[rest + which] = None
        return _either(
            _either(lead + _either(each) for lead, each in leads.items()) + (f" (holding {locks})" if locks else "")
            for locks, leads in found.items()
        )

    def where(self, label: str) -> str:
        stop = self.stands.get(label)
        if stop is None or not _Stop.of(label).place[:1].isdigit():
            return "about to run"
        if stop.edge:
            return f"at its {stop.edge}"
        where = place(stop.span, self.model)
        return f"at line {where}" if where.isdigit() else f"at {where}"

    def runner(self, runner: str, condition: Condition) -> str:
        return runner if condition.request is None else _about(runner, condition.request)


def _about(runner: str, request: int) -> str:
    """`OnRead(r1)`, `OnPieceDone(Child1 of r1)`"""
    name, bracket, pool = runner.partition("[")
    return f"{name}({pool.rstrip(']')} of {slot_name(request)})" if bracket else f"{name}({slot_name(request)})"


def _plain_local(name: str) -> str:
    """`OnDpc.r` for `OnDpc.r~6 (2)`; `OnDpc.` for what has no name in the text."""
    runner, _, own = name.partition(" (")[0].rpartition(".")
    return f"{runner}.{own.partition('~')[0].partition('$')[0]}" + (SECOND if name.endswith(SECOND) else "")


def _order(label: str) -> tuple[str, int, int, str]:
    """In the order of the text; within a line, places are numbered from its end."""
    stop = _Stop.of(label)
    line, _, number = stop.place.partition(".")
    if not line.isdigit():
        return stop.runner, 0, 0, label
    return stop.runner, int(line), -int(number or 0), label


def _importance(condition: Condition) -> int:
    """What comes first in a sentence."""
    order = ("driver", "rule", "pc", "lock", "writer", "local", "field", "ghost")
    return order.index(condition.kind) if condition.kind in order else len(order)


def _target(value: Value) -> str:
    assert isinstance(value, Ref), value
    assert value.slot is not None, value
    who = slot_name(value.slot)
    plain = value_name(value)
    return who if plain == who else f"{plain.partition('(')[0]} of {who}"


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
