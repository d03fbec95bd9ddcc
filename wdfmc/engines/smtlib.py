"""A certificate for any number of requests as SMT-LIB 2.6, for any other solver: every query must be answered `unsat`.

Requests are an uninterpreted sort, lemmas are quantified over it. Each value of a variable is a predicate over the
request whose record has it; of a reference, `refers` says that it refers to some request and a second predicate to
which. Written so, everything is in the class of Bernays and Schoenfinkel (no function symbols), which is decidable.

Initiation: no lemma is broken initially. Consecution, for each template: its guard, all lemmas, and a lemma broken in
the state after it. Exclusion, for each violating template: its guard and all lemmas. Nothing is shared with
`certificate`, which asks the same of a fragment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from wdfmc.engines.certificate import Certificate
from wdfmc.system.instantiate import value_name
from wdfmc.system.lemma import Lemma
from wdfmc.system.system import (
    OTHER,
    SELF,
    Assignment,
    Others,
    Place,
    Ref,
    Template,
    TemplateCube,
    TemplateSystem,
    Value,
)


class NotWritable(Exception):
    """A condition on all other requests that no formula here says."""


def script(system: TemplateSystem, certificate: Certificate) -> str:
    """Queries between `push` and `pop`. Raises NotWritable."""
    assert certificate.requests is None, "lemmas about a fixed number of requests need no quantifier"
    return "\n".join(_Script(system, certificate).lines()) + "\n"


def both(parts: Iterable[str]) -> str:
    return _joined("and", "true", "false", parts)


def either(parts: Iterable[str]) -> str:
    return _joined("or", "false", "true", parts)


def no(part: str) -> str:
    return {"true": "false", "false": "true"}.get(part, f"(not {part})")


def _joined(word: str, neutral: str, final: str, parts: Iterable[str]) -> str:
    found = [part for part in dict.fromkeys(parts) if part != neutral]
    if final in found:
        return final
    return found[0] if len(found) == 1 else f"({word} {' '.join(found)})" if found else neutral


def quantified(word: str, names: Sequence[str], body: str) -> str:
    return f"({word} ({' '.join(f'({name} Request)' for name in names)}) {body})" if names else body


def distinct(terms: Sequence[str]) -> str:
    return f"(distinct {' '.join(terms)})" if len(terms) > 1 else "true"


@dataclass(frozen=True, slots=True)
class _Named:
    """What symbols stand for: terms for those of a footprint or a lemma, in order, and for `SELF`."""

    terms: tuple[str, ...]
    me: str | None = None

    def owner(self, place: Place) -> tuple[str, ...]:
        return () if place.slot is None else (self.term(place.slot),)

    def term(self, slot: int) -> str:
        if slot == SELF:
            assert self.me is not None
            return self.me
        return self.terms[slot]

    @property
    def all(self) -> tuple[str, ...]:
        return self.terms if self.me is None else (*self.terms, self.me)


class _Script:
    """`plain`, `kinds`: for each variable the predicates of its values, and of its kinds of references."""

    def __init__(self, system: TemplateSystem, certificate: Certificate) -> None:
        self.system = system
        self.certificate = certificate
        self.plain: list[dict[Value, str]] = []
        self.kinds: list[dict[tuple[str, int], str]] = []
        for variable in system.variables:
            plain: dict[Value, str] = {}
            kinds: dict[tuple[str, int], str] = {}
            for number, value in enumerate(variable.domain):
                if isinstance(value, Ref) and value.slot is not None:
                    kinds[value.pool, value.index] = f"{variable.name} refers to {value.pool}{value.index + 1}"
                else:
                    name = f"{variable.name} = {value_name(value)}"
                    plain[value] = f"{name} #{number}" if name in plain.values() else name
            self.plain.append(plain)
            self.kinds.append(kinds)

    # ------------------------------------------------------------ the script

    def lines(self) -> Iterator[str]:
        yield f"; proves {', '.join(sorted(self.certificate.goals))} for any number of requests"
        yield "(push 1)"
        yield "(declare-sort Request 0)"
        for number in range(len(self.system.variables)):
            yield from self.declared(number)
        yield "(push 1)"
        yield from self.initial()
        yield from self.query("initiation", either(self.broken(lemma, ()) for lemma in self.certificate.lemmas))
        yield "(pop 1)"
        for lemma in self.certificate.lemmas:
            yield f"(assert {no(self.broken(lemma, ()))})"
        for template in self.system.templates:
            if template.violates is None:
                yield from self.consecution(template)
            elif template.violates in self.certificate.goals:
                yield "(push 1)"
                named = yield from self.enabled(template)
                yield from self.query(f"exclusion of {template.violates} at {described(template, named)}", "true")
                yield "(pop 1)"
        yield "(pop 1)"

    def query(self, name: str, question: str) -> Iterator[str]:
        yield f"; {name}"
        yield f"(assert {question})"
        yield "(set-info :status unsat)"
        yield "(check-sat)"

    def declared(self, number: int) -> Iterator[str]:
        """The predicates of a variable, and that it has exactly one value."""
        variable = self.system.variables[number]
        owner = ["r"] if variable.owned else []
        sorts = " ".join(["Request"] * len(owner))
        names = [*self.plain[number].values(), *self.kinds[number].values()]
        for name in names:
            yield f"(declare-fun {symbol(name)} ({sorts}) Bool)"
        values = [applied(name, owner) for name in names]
        yield f"(assert {quantified('forall', owner, either(values))})"
        for at, one in enumerate(values):
            for other in values[at + 1 :]:
                yield f"(assert {quantified('forall', owner, no(both([one, other])))})"
        for name in self.kinds[number].values():
            yield f"(declare-fun {symbol(to(name))} ({' '.join([sorts, 'Request']).strip()}) Bool)"
            here = applied(to(name), [*owner, "x"])
            there = applied(to(name), [*owner, "y"])
            refers = applied(name, owner)
            yield f"(assert {quantified('forall', [*owner, 'x'], f'(=> {here} {refers})')})"
            yield f"(assert {quantified('forall', [*owner, 'x', 'y'], f'(=> {both([here, there])} (= x y))')})"
            if not variable.owned:  # of others it is left open, which proves no less
                yield f"(assert (=> {refers} {quantified('exists', ['x'], here)}))"

    def initial(self) -> Iterator[str]:
        for number, variable in enumerate(self.system.variables):
            owner = ["r"] if variable.owned else []
            place = Place(number, SELF if variable.owned else None)
            value = self.member(place, frozenset({variable.initial}), _Named((), "r"))
            yield f"(assert {quantified('forall', owner, value)})"

    def consecution(self, template: Template) -> Iterator[str]:
        changed = {update.target.variable for update in template.updates}
        touched = [
            lemma for lemma in self.certificate.lemmas if any(place.variable in changed for place, _ in lemma.cube)
        ]
        if not touched:
            return
        yield "(push 1)"
        named = yield from self.enabled(template)
        left: list[str] = []
        for number in sorted(changed):
            updates = [update for update in template.updates if update.target.variable == number]
            yield from self.after(number, updates, named)
            left += [self.unmapped(update, named) for update in updates]
        broken = either([*left, *(self.broken(lemma, changed) for lemma in touched)])
        yield from self.query(f"consecution of {described(template, named)}", broken)
        yield "(pop 1)"

    def enabled(self, template: Template) -> Generator[str, None, _Named]:
        """Declares the footprint and asserts the guard. Returns what its symbols stand for."""
        named = _Named(tuple(f"p{symbol}" for symbol in range(template.footprint)))
        for term in named.terms:
            yield f"(declare-fun {term} () Request)"
        yield f"(assert {distinct(named.terms)})"
        yield f"(assert {self.cube(template.guard, named)})"
        for others in template.others:
            yield f"(assert {self.others(others, named)})"
        return named

    # ------------------------------------------------------------ conditions

    def broken(self, lemma: Lemma, changed: Iterable[int]) -> str:
        """Some requests are in the lemma's cube. `changed`: the variables that are read in the next state."""
        names = [f"y{symbol}" for symbol in range(lemma.requests)]
        body = both([distinct(names), self.cube(lemma.cube, _Named(tuple(names)), frozenset(changed))])
        return quantified("exists", names, body)

    def cube(self, cube: TemplateCube, named: _Named, changed: frozenset[int] = frozenset()) -> str:
        return both(self.member(place, values, named, place.variable in changed) for place, values in cube)

    def member(self, place: Place, values: frozenset[Value], named: _Named, later: bool = False) -> str:
        """The variable has one of the values."""
        owner = named.owner(place)
        mark = "'" if later else ""
        parts = [applied(name + mark, owner) for value, name in self.plain[place.variable].items() if value in values]
        for kind, name in self.kinds[place.variable].items():
            slots = {value.slot for value in values if isinstance(value, Ref) and (value.pool, value.index) == kind}
            terms = [named.term(slot) for slot in slots if slot is not None and slot != OTHER]
            if OTHER in slots:
                absent = [term for term in named.all if term not in terms]
                apart = (no(applied(to(name) + mark, (*owner, term))) for term in absent)
                parts.append(both([applied(name + mark, owner), *apart]))
            else:
                parts += [applied(to(name) + mark, (*owner, term)) for term in sorted(terms)]
        return either(parts)

    def others(self, others: Others, named: _Named) -> str:
        """The number of requests outside the footprint of which an entity's condition holds is within its bounds."""
        low, high = others.low, others.high
        if len(others.entities) > 1 and (low > 1 or high not in (None, 0)):
            raise NotWritable(f"between {low} and {high} of several records of each other request")
        parts = []
        if low > 0:
            parts.append(self.at_least(others, named, low))
        if high is not None:
            parts.append(no(self.at_least(others, named, high + 1)))
        return both(parts)

    def at_least(self, others: Others, named: _Named, number: int) -> str:
        names = [f"z{at}" for at in range(number)]
        holding = [
            either(
                self.cube(cube, _Named(named.terms, name)) for alternatives in others.entities for cube in alternatives
            )
            for name in names
        ]
        return quantified("exists", names, both([distinct([*named.terms, *names]), *holding]))

    # ------------------------------------------------------------ the next state

    def after(self, number: int, updates: Sequence[Assignment], named: _Named) -> Iterator[str]:
        """Defines the predicates of a variable about the next state."""
        owned = self.system.variables[number].owned
        owner = ["r"] if owned else []
        for value, name in self.plain[number].items():
            cases = {u.target: self.becomes(u, {value}, named) for u in updates}
            yield defined(name, owner, [], self.chosen(cases, applied(name, owner), named))
        for kind, name in self.kinds[number].items():
            references = {Ref(*kind, slot) for slot in (OTHER, *range(len(named.terms)))}
            cases = {u.target: self.becomes(u, references, named) for u in updates}
            yield defined(name, owner, [], self.chosen(cases, applied(name, owner), named))
            cases = {u.target: self.points(u, kind, named) for u in updates}
            yield defined(to(name), owner, ["x"], self.chosen(cases, applied(to(name), [*owner, "x"]), named))

    def chosen(self, cases: Mapping[Place, str], same: str, named: _Named) -> str:
        """What holds of the record `r`; of a shared variable there is one case."""
        found = same
        for place, case in cases.items():
            found = case if place.slot is None else f"(ite (= r {named.term(place.slot)}) {case} {found})"
        return found

    def becomes(self, update: Assignment, values: Set[Value], named: _Named) -> str:
        """The new value is one of these."""
        return either(self.was(update, old, named) for old, new in update.table if new in values)

    def points(self, update: Assignment, kind: tuple[str, int], named: _Named) -> str:
        """The new value is a reference of this kind to the request `x`."""
        parts = []
        for old, new in update.table:
            if isinstance(new, Ref) and new.slot is not None and (new.pool, new.index) == kind:
                target = f"(= x {named.term(new.slot)})" if new.slot != OTHER else self.same_target(update, old, named)
                parts.append(both([self.was(update, old, named), target]))
        return either(parts)

    def same_target(self, update: Assignment, old: Value, named: _Named) -> str:
        """The old value refers to `x`, too."""
        assert update.source is not None
        assert isinstance(old, Ref)
        name = self.kinds[update.source.variable][old.pool, old.index]
        return applied(to(name), (*named.owner(update.source), "x"))

    def was(self, update: Assignment, old: Value, named: _Named) -> str:
        """The source of an update has had the value; a constant has no source."""
        return "true" if update.source is None else self.member(update.source, frozenset({old}), named)

    def unmapped(self, update: Assignment, named: _Named) -> str:
        """The source has a value for which the table has none: the guard excludes it, and this asks whether it does."""
        if update.source is None:
            return "false"
        known = {old for old, _ in update.table}
        left: set[Value] = set(self.plain[update.source.variable]) - known
        for pool, index in self.kinds[update.source.variable]:
            left |= {Ref(pool, index, slot) for slot in (OTHER, *range(len(named.terms)))} - known
        return either(self.was(update, old, named) for old in sorted(left, key=repr))


def described(template: Template, named: _Named) -> str:
    """The actor and its step, on one line."""
    actor = template.actor.name + (f"({named.term(template.actor.slot)})" if template.actor.slot is not None else "")
    steps = "; ".join(f"{item.span.line}: {item.action}" for item in template.statements)
    return " ".join(f"{actor} {steps}".split())


def defined(name: str, owner: Sequence[str], more: Sequence[str], body: str) -> str:
    parameters = " ".join(f"({each} Request)" for each in (*owner, *more))
    mark = symbol(name + "'")
    return f"(define-fun {mark} ({parameters}) Bool {body})"


def to(name: str) -> str:
    """The predicate of a reference and its target."""
    return f"{name}:"


def symbol(name: str) -> str:
    return "|" + name.replace("\\", "/").replace("|", "/") + "|"


def applied(name: str, terms: Sequence[str]) -> str:
    return f"({symbol(name)} {' '.join(terms)})" if terms else symbol(name)
