"""Constrained Horn clauses in SMT-LIB 2.6 (Bjorner, Gurfinkel, McMillan, Rybalchenko, 2015): `(set-logic HORN)`.

The predicate `reached` holds in the reachable states; each rule has a predicate without arguments that holds if the
rule can be broken, and one query. `sat`: no rule of the file can be broken; `unsat`: some rule can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.exports.subject import CANNOT, Subject
from wdfmc.system.system import Count, Cube, Transition, Update


def smt2(subject: Subject) -> str:
    """Raises Rejected: a rule is not a matter of states that are reached."""
    if subject.owed:
        told = ", ".join(f"`{rule}`" for rule in subject.owed)
        message = f"Horn clauses are written for rules about what may never happen only, not for {told}"
        raise Rejected(
            [Diagnostic(CANNOT, message, help="`--to promela` and `--to aiger` take rules of the form `eventually`")]
        )
    return "".join(line + "\n" for line in _Clauses(subject).lines())


class _Clauses:
    """Variables of two values are Bool (true: the second), the others Int."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.system = subject.system
        self.names = [f"|{variable.name}|" for variable in self.system.variables]
        self.boolean = [len(variable.domain) == 2 for variable in self.system.variables]
        sorts = ["Bool" if boolean else "Int" for boolean in self.boolean]
        self.sorts = " ".join(sorts)
        self.bound = " ".join(f"({name} {sort})" for name, sort in zip(self.names, sorts, strict=True))

    def lines(self) -> Iterator[str]:
        for note in self.subject.notes():
            yield f"; {note}"
        yield "; sat: none of the rules can be broken; unsat: one can. For a rule alone, export it with --rule."
        for variable, boolean in zip(self.system.variables, self.boolean, strict=True):
            numbers = ("false", "true") if boolean else map(str, range(len(variable.domain)))
            values = ", ".join(f"{number} {value}" for number, value in zip(numbers, variable.domain, strict=True))
            yield f"; |{variable.name}|: {values}"
        yield "(set-logic HORN)"
        yield f"(declare-fun reached ({self.sorts}) Bool)"
        for rule in self.subject.rules:
            yield f"(declare-fun |{rule}| () Bool)"
        starts = [self.constant(at, variable.initial) for at, variable in enumerate(self.system.variables)]
        yield f"(assert {self.reached(starts)})"
        for transition in self.system.transitions:
            head = self.head(transition)
            if head is not None:
                body = conjoined([self.reached(self.names), *self.guard(transition)])
                yield f"; {self.subject.told(transition)}"
                yield f"(assert {self.everywhere(f'(=> {body} {head})')})"
        for rule in self.subject.rules:
            yield f"(assert (=> |{rule}| false))"
        yield "(check-sat)"

    def everywhere(self, clause: str) -> str:
        return f"(forall ({self.bound}) {clause})" if self.bound else clause

    def reached(self, values: Sequence[str]) -> str:
        return f"(reached {' '.join(values)})" if values else "reached"

    def head(self, transition: Transition) -> str | None:
        """What a transition leads to; None where the run ends and no rule of the file is broken."""
        if transition.violates is not None:
            return f"|{transition.violates}|" if transition.violates in self.subject.rules else None
        after = list(self.names)
        admitted = dict(transition.guard)
        for update in transition.updates:
            after[update.target] = self.value(update, admitted)
        return self.reached(after)

    def constant(self, variable: int, value: int) -> str:
        if self.boolean[variable]:
            return "true" if value else "false"
        return str(value)

    # ------------------------------------------------------------ guards and updates

    def guard(self, transition: Transition) -> Iterator[str]:
        for variable, mask in transition.guard:
            yield self.member(variable, mask)
        for count in transition.counts:
            yield from self.count(count)

    def member(self, variable: int, mask: int) -> str:
        name, size = self.names[variable], len(self.system.variables[variable].domain)
        inside = [value for value in range(size) if mask >> value & 1]
        outside = [value for value in range(size) if not mask >> value & 1]
        if self.boolean[variable] and len(inside) == 1:
            return name if inside == [1] else f"(not {name})"
        if len(outside) < len(inside):
            return conjoined([f"(not (= {name} {value}))" for value in outside])
        return disjoined([f"(= {name} {value})" for value in inside])

    def cube(self, cube: Cube) -> str:
        return conjoined([self.member(variable, mask) for variable, mask in cube])

    def count(self, count: Count) -> Iterator[str]:
        entities = [disjoined([self.cube(cube) for cube in cubes]) for cubes in count.entities]
        number = " ".join(f"(ite {entity} 1 0)" for entity in entities)
        if count.high == 0:
            yield from (f"(not {entity})" for entity in entities)
        elif count.low == 1 and count.high >= len(entities):
            yield disjoined(entities)
        else:
            yield f"(<= {count.low} (+ {number} 0) {count.high})"

    def value(self, update: Update, admitted: dict[int, int]) -> str:
        target, source, table = update
        if source < 0:
            return self.constant(target, table[0])
        full = (1 << len(table)) - 1
        mask = admitted.get(source, full)
        images: dict[int, int] = {}
        for old, new in enumerate(table):
            if mask >> old & 1:
                images[new] = images.get(new, 0) | 1 << old
        same_sort = self.boolean[source] == self.boolean[target]
        if same_sort and all(old == new for old, new in enumerate(table) if mask >> old & 1):
            return self.names[source]
        ordered = sorted(images, key=lambda new: (images[new].bit_count(), new))
        text = self.constant(target, ordered[-1])
        for new in ordered[:-1]:
            text = f"(ite {self.member(source, images[new])} {self.constant(target, new)} {text})"
        return text


def conjoined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"(and {' '.join(parts)})" if parts else "true"


def disjoined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"(or {' '.join(parts)})" if parts else "false"
