"""Promela, the language of SPIN (Holzmann, The SPIN Model Checker, 2003).

Safety: one process, one option of its loop for each transition, each a `d_step`: SPIN's depth is the number of
transitions. A violating transition asserts `RULE_holds`, which is always 0: what SPIN prints names the rule.

"Eventually": an option guesses the moment from which on an obligation stays owed and only fair transitions are taken,
and which strong groups are never able again from then on. Each other group has its turn, in rounds: a strong one until
it is served, a weak one until it is served or not able (generalized Buechi by counting, Courcoubetis et al., CAV 1990).
The never claim accepts the runs on which the guesses come true and the rounds never end: fair runs that owe for ever,
those among them that end in a stuck state, where only turns are left to be taken. `pan -f` is not used: it is about
processes, knows no strong fairness, and in SPIN 6.5 runs into its depth limit where a self-loop meets its first stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.exports.identifiers import identifiers
from wdfmc.exports.subject import CANNOT, Subject
from wdfmc.system.system import Count, Cube, Obligation, Transition, Update

COPY: Final = 16  # bits of a copy of any variable


def promela(subject: Subject) -> str:
    """Raises Rejected: the rules cannot be decided in one run of SPIN."""
    return "".join(line + "\n" for line in _Program(subject).lines())


class _Program:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.system = subject.system
        variables = self.system.variables
        names = [v.name.replace(".", "_") if v.slot is not None else f"shared_{v.name}" for v in variables]
        self.names = identifiers(names)
        rules = subject.breakable
        self.holds = dict(zip(rules, identifiers([f"{rule}_holds" for rule in rules], self.names), strict=True))

    def lines(self) -> Iterator[str]:
        live = bool(self.subject.owed)
        if live and len(self.subject.rules) > 1:
            told = ", ".join(f"`{rule}`" for rule in self.subject.owed)
            advice = "choose one with --rule"
            message = f"SPIN decides one rule of the form `eventually` at a time, and nothing beside it: {told}"
            raise Rejected([Diagnostic(CANNOT, message, help=advice)])
        body = _Eventually(self) if live else _Safety(self)
        for note in (*self.subject.notes(), *body.usage()):
            yield comment(note)
        yield ""
        for variable, name in zip(self.system.variables, self.names, strict=True):
            values = ", ".join(f"{at} {value}" for at, value in enumerate(variable.domain))
            yield f"unsigned {name} : {width(len(variable.domain))} = {variable.initial}; {comment(values)}"
        for name in self.holds.values():
            yield f"bit {name}; {comment('always 0: asserted where the rule is broken')}"
        assigned = {name for one in self.system.transitions for name, _ in self.assignments(one)}
        for name in sorted(assigned - set(self.names)):
            yield f"unsigned {name} : {COPY}; {comment('an old value, within a step')}"
        yield ""
        yield from body.lines()

    # ------------------------------------------------------------ guards

    def guard(self, transition: Transition) -> str:
        parts = [self.member(variable, mask) for variable, mask in transition.guard]
        parts += [self.count(count) for count in transition.counts]
        return " && ".join(parts) or "true"

    def cube(self, cube: Cube) -> str:
        return " && ".join(self.member(variable, mask) for variable, mask in cube) or "true"

    def member(self, variable: int, mask: int) -> str:
        """Whether the value of a variable is in a set."""
        name, size = self.names[variable], len(self.system.variables[variable].domain)
        inside = [value for value in range(size) if mask >> value & 1]
        outside = [value for value in range(size) if not mask >> value & 1]
        if not outside:
            return "true"
        if not inside:
            return "false"
        if len(outside) < len(inside):
            return joined("&&", [f"{name} != {value}" for value in outside])
        return joined("||", [f"{name} == {value}" for value in inside])

    def count(self, count: Count) -> str:
        entities = [joined("||", [self.cube(cube) for cube in cubes] or ["false"]) for cubes in count.entities]
        if count.high == 0:
            return joined("&&", [f"!({entity})" for entity in entities])
        if count.low == 1 and count.high == len(entities):
            return joined("||", entities)
        number = " + ".join(f"(({entity}) -> 1 : 0)" for entity in entities) or "0"
        bounds = []
        if count.low > 0:
            bounds.append(f"({number}) >= {count.low}")
        if count.high < len(entities):
            bounds.append(f"({number}) <= {count.high}")
        return " && ".join(bounds) or "true"

    # ------------------------------------------------------------ updates

    def assignments(self, transition: Transition) -> Iterator[tuple[str, str]]:
        """(name, expression), so ordered that each reads old values; where no order does, a copy of one is kept."""
        admitted = dict(transition.guard)
        left = list(transition.updates)
        kept: dict[int, str] = {}
        while left:
            needed = [u.source for u in left if u.source >= 0 and u.source not in kept and u.source != u.target]
            free = next((u for u in left if u.target not in needed), None)
            if free is None:
                kept[left[0].target] = f"old{len(kept)}"
                yield kept[left[0].target], self.names[left[0].target]
                continue
            left.remove(free)
            yield self.names[free.target], self.value(free, admitted, kept)
        for name in kept.values():
            yield name, "0"

    def value(self, update: Update, admitted: dict[int, int], kept: dict[int, str]) -> str:
        if update.source < 0:
            return str(update.table[0])
        source = kept.get(update.source, self.names[update.source])
        full = (1 << len(self.system.variables[update.source].domain)) - 1
        mask = admitted.get(update.source, full)
        images: dict[int, int] = {}
        for old, new in enumerate(update.table):
            if mask >> old & 1:
                images[new] = images.get(new, 0) | 1 << old
        if all(old == new for old, new in enumerate(update.table) if mask >> old & 1):
            return source
        ordered = sorted(images, key=lambda new: (images[new].bit_count(), new))
        text = str(ordered[-1])
        for new in ordered[:-1]:
            olds = [f"{source} == {old}" for old in range(len(update.table)) if images[new] >> old & 1]
            text = f"({joined('||', olds)} -> {new} : {text})"
        return text

    def option(self, conditions: Sequence[str], statements: Iterable[str], told: str) -> str:
        condition = " && ".join(part for part in conditions if part != "true") or "true"
        return f"    :: d_step {{ {condition} -> {'; '.join(statements) or 'skip'} }} {comment(told)}"

    def step(self, transition: Transition, *conditions: str, also: Sequence[str] = ()) -> str:
        """The option that takes a transition."""
        statements = [*(f"{name} = {value}" for name, value in self.assignments(transition)), *also]
        return self.option([*conditions, self.guard(transition)], statements, self.subject.told(transition))

    def breach(self, transition: Transition, *conditions: str) -> str:
        assert transition.violates is not None, transition
        statement = f"assert({self.holds[transition.violates]})"
        return self.option([*conditions, self.guard(transition)], [statement], self.subject.told(transition))

    def asked(self, transition: Transition) -> bool:
        return transition.violates in self.holds


class _Safety:
    def __init__(self, program: _Program) -> None:
        self.program = program

    def usage(self) -> Iterator[str]:
        yield "spin -a FILE; gcc -O2 -DSAFETY -DCOLLAPSE -DNOREDUCE -o pan pan.c; ./pan -m1000000"
        yield "with -DBFS in place of -DCOLLAPSE: a shortest error; with ./pan -c0 -e: the errors of all rules"

    def lines(self) -> Iterator[str]:
        program = self.program
        options = []
        for transition in program.system.transitions:
            if transition.violates is None:
                options.append(program.step(transition))
            elif program.asked(transition):
                options.append(program.breach(transition))
        yield from process("system", options)


class _Eventually:
    """`groups`: the number of each fairness group in the rounds, from 1; `last` is when a round is complete."""

    def __init__(self, program: _Program) -> None:
        self.program = program
        self.system = program.system
        self.obligations = [owed for owed in self.system.obligations if owed.rule in program.subject.rules]
        self.groups = list(enumerate(self.system.fairness, 1))
        self.strong = [at for at, group in self.groups if group.strong]
        self.last = len(self.groups) + 1

    def usage(self) -> Iterator[str]:
        yield "spin -a FILE; gcc -O2 -DCOLLAPSE -DNOREDUCE -o pan pan.c; ./pan -a -m1000000"
        yield "an acceptance cycle is a fair run on which the goal stays owed for ever"

    def lines(self) -> Iterator[str]:
        yield f"bit phase; {comment('1: from now on the goal stays owed')}"
        yield f"unsigned owed : {width(len(self.obligations))}; {comment('which of them, guessed')}"
        yield f"unsigned turn : {width(self.last + 1)}; {comment('the group that has its turn; 0 none')}"
        for at, group in self.groups:
            actor = self.system.actors[group.actor]
            able = [self.program.guard(one) for one in self.system.transitions if one.fairness == at - 1]
            told = f"{actor}, to take {group.lock}" if group.strong and group.lock else actor
            yield f"#define able{at} ({joined('||', able or ['false'])}) {comment(told)}"
            if group.strong:
                yield f"bit never{at}; {comment('guessed: not able from now on')}"
        yield f"#define held {self._held()}"
        yield ""
        yield from process("system", [*self._steps(), *self._guesses(), *self._rounds()])
        yield ""
        yield from self._claim()

    def _steps(self) -> Iterator[str]:
        """A fair transition that violates only makes its group able: whoever owes it a turn for ever is not fair."""
        program = self.program
        for transition in self.system.transitions:
            if transition.violates is None:
                running = () if transition.lasting else ("phase == 0",)
                yield program.step(transition, *running, also=self._served(transition))
            elif program.asked(transition):
                yield program.breach(transition, "phase == 0")

    def _served(self, transition: Transition) -> list[str]:
        if not transition.lasting:
            return []
        served = [
            f"turn == {at}"
            for at, group in self.groups
            if (at - 1 == transition.fairness if group.strong else group.actor == transition.actor)
        ]
        return [f"turn = ({joined('||', served)} -> turn + 1 : turn)"] if served else []

    def pending(self, owed: Obligation) -> str:
        return self.program.member(owed.variable, owed.pending)

    def _held(self) -> str:
        owing = [f"owed == {at} && {self.pending(owed)}" for at, owed in enumerate(self.obligations)]
        kept = [f"!(never{at} && able{at})" for at in self.strong]
        return joined("&&", ["phase == 1", joined("||", owing), *kept])

    def _guesses(self) -> Iterator[str]:
        never = "".join(f" if :: !able{at} -> never{at} = 1 :: true fi;" for at in self.strong)
        for at, owed in enumerate(self.obligations):
            yield f"    :: atomic {{ phase == 0 && {self.pending(owed)} -> owed = {at};{never} phase = 1 }}"

    def _rounds(self) -> Iterator[str]:
        yield "    :: d_step { phase == 1 && turn == 0 -> turn = 1 }"
        for at, group in self.groups:
            over = f"never{at}" if group.strong else f"!able{at}"
            yield f"    :: d_step {{ turn == {at} && {over} -> turn = {at + 1} }}"
        yield f"    :: d_step {{ turn == {self.last} -> turn = 0 }}"

    def _claim(self) -> Iterator[str]:
        yield "never {"
        yield "searching:"
        yield "    do"
        yield "    :: phase == 0"
        yield "    :: held -> goto staying"
        yield "    od;"
        yield "staying:"
        yield "    do"
        yield f"    :: held && turn != {self.last}"
        yield f"    :: held && turn == {self.last} -> goto accept_round"
        yield "    od;"
        yield "accept_round:"
        yield "    if"
        yield f"    :: held && turn != {self.last} -> goto staying"
        yield f"    :: held && turn == {self.last} -> goto waiting"
        yield "    fi;"
        yield "waiting:"
        yield "    do"
        yield f"    :: held && turn == {self.last}"
        yield f"    :: held && turn != {self.last} -> goto staying"
        yield "    od"
        yield "}"


def process(name: str, options: Sequence[str]) -> Iterator[str]:
    """It takes an option as long as there is one; to have none is no error."""
    yield f"active proctype {name}() {{"
    yield "end_here:"
    yield "    do"
    yield from options or ["    :: false"]
    yield "    od"
    yield "}"


def joined(operator: str, parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else "(" + f" {operator} ".join(parts) + ")"


def width(size: int) -> int:
    """The bits for so many values; SPIN wants one at least."""
    return max(1, (size - 1).bit_length())


def comment(text: str) -> str:
    return f"/* {text.replace('*/', '* /').replace('/*', '/ *')} */"
