"""IC3: an inductive invariant for any number of steps, built from small questions about single steps.

Frame i holds what is true after at most i transitions, as lemmas "never in this cube". A state from which a rule can
be broken is blocked frame by frame: its predecessors are lifted by exact pre-images (no solver call), what blocks them
is generalised as far as it stays inductive relative to the frame before, and lemmas are pushed forward until a frame
repeats itself. (Bradley, VMCAI 2011; Een, Mishchenko, Brayton, FMCAD 2011; counterexamples to generalisation: Hassan,
Bradley, Somenzi, FMCAD 2013.) Every lemma is learned for all renamings of the requests at once (Goel and Sakallah,
NFM 2021).

All goals share the frames: a violating transition has no successor, so no lemma assumes that a rule holds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

from wdfmc.engines.abstraction import Reach, reach
from wdfmc.engines.cubes import Masks, Preimages, Renamings, contains, key, within
from wdfmc.engines.engine import Holds, Outcome, Path, Unknown, Violated
from wdfmc.engines.relation import Box, values
from wdfmc.engines.stepping import Stepping
from wdfmc.engines.symmetry import interchangeable
from wdfmc.progress import Work
from wdfmc.system.instantiate import first_use
from wdfmc.system.system import Cube, State, TransitionSystem

MOST_QUESTIONS: Final = 4000  # to one solver: the literals that they leave behind slow it down
MOST_CTGS: Final = 3  # counterexamples to one generalisation that are blocked


class OutOfTime(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Ic3:
    """Decides safety goals. `deadline`: as of time.monotonic()."""

    deadline: float | None = None

    def check(self, system: TransitionSystem, goals: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        owed = {obligation.rule for obligation in system.obligations}
        safe = [goal for goal in dict.fromkeys(goals) if goal not in owed]
        yield from ((goal, Unknown("it is about what happens eventually")) for goal in goals if goal in owed)
        if not safe:
            return
        known = reach(system, self.deadline)
        if known is None:
            yield from ((goal, Unknown("out of time")) for goal in safe)
            return
        frames = Frames(system, known, safe, self.deadline)
        try:
            for goal, path in frames.violations():
                safe.remove(goal)
                yield goal, Violated(path)
        except OutOfTime:
            yield from ((goal, Unknown("out of time", depth=frames.depth or None)) for goal in safe)
            return
        invariant = (*frames.invariant(), *representatives(system, known))
        yield from ((goal, Holds(0, invariant)) for goal in safe)


def representatives(system: TransitionSystem, known: Reach) -> Iterator[Cube]:
    """What pairs of values rule out; of cubes that are alike but for the names of the requests one, or few."""
    symmetric = interchangeable(system)
    for cube in known.excluded():
        slots = [slot for variable, _ in cube if (slot := system.variables[variable].slot) is not None]
        if first_use(tuple(dict.fromkeys(slots)), 0) or not symmetric:
            yield cube


@dataclass(frozen=True, slots=True)
class Lemma:
    """No reachable state is in the cube, nor in any of its images. `level`: the last frame where this is known."""

    cube: Masks
    images: tuple[Masks, ...]


@dataclass(order=True, slots=True)
class _Blocking:
    """A cube to be blocked in a frame: it leads to a violation. `then`: where its transition leads."""

    level: int
    number: int
    cube: Masks = field(compare=False)
    state: State = field(compare=False)
    transition: int = field(compare=False)
    then: _Blocking | None = field(compare=False)


class Frames:
    """The frames 0..depth; frame 0 is the initial state. Lemmas stand at the last frame where they are known.

    `facts`: cubes that no reachable state is in. `later`: goals that `add` may add. `most`: questions, then OutOfTime
    is raised, on any machine alike.
    """

    def __init__(
        self,
        system: TransitionSystem,
        known: Reach,
        goals: Sequence[str],
        deadline: float | None = None,
        facts: Sequence[Cube] = (),
        later: Sequence[str] = (),
        most: int | None = None,
    ) -> None:
        self.system = system
        self.known = known
        self.deadline = deadline
        self.most = most
        self.depth = 0
        self.levels: list[dict[Cube, Lemma]] = [{}]
        self.questions = 0
        self._work = Work("ic3", system.slots)
        self._goals = list(goals)
        self._numbers = count()
        box = tuple(map(known.mask, range(len(system.variables))))
        self._preimages = Preimages(system, box)
        self._renamings = Renamings(system, interchangeable(system))
        self._box = box
        self._steps = _Steps(system, known, box, (*goals, *later), facts)
        self._records = _records(system)
        shared = [variable for variable, each in enumerate(system.variables) if each.slot is None]
        self._references = [variable for variable in shared if self._records[variable]]

    # ------------------------------------------------------------ the main loop

    def violations(self) -> Iterator[tuple[str, Path]]:
        """Goals that are violated, each with a run (not always a shortest); at the end the others are proved.

        Raises OutOfTime.
        """
        yield from self._broken_now()
        while self._goals:
            self.depth += 1
            self.levels.append({})
            self._steps.enter(self.depth)
            yield from self._broken_now()
            if not self._goals or self._pushed():
                return

    def inherit(self, levels: Iterable[Iterable[Masks]]) -> None:
        """Begin with the lemmas of the frames 1, 2, ... of a system that has all runs of this one, but for steps that
        change nothing there.
        """
        for lemmas in levels:
            self.depth += 1
            self.levels.append({})
            self._steps.enter(self.depth)
            for cube in lemmas:
                self._add(cube, self.depth)

    def add(self, goal: str) -> None:
        """One more goal, while the violation of another one is looked at. No lemma depends on the goals."""
        self._goals.append(goal)

    def invariant(self) -> tuple[Cube, ...]:
        """The lemmas of the frame that repeats itself, one of each set of images."""
        first = next((level for level in range(1, self.depth + 1) if not self.levels[level]), self.depth)
        return tuple(name for level in self.levels[first:] for name in level)

    def _broken_now(self) -> Iterator[tuple[str, Path]]:
        """Block every violation in the last frame."""
        while self._goals:
            found = self._ask(self.depth, self._steps.violated(self._goals))
            if found is None:
                return
            state, broken = found, self._steps.breaks(self._goals)
            cube = self._split(self._preimages.enabled(self.system.transitions[broken], state), state)
            run = self._block(_Blocking(self.depth, next(self._numbers), cube, state, broken, None))
            if run is not None:
                goal = self.system.transitions[broken].violates
                assert goal is not None
                self._goals.remove(goal)
                yield goal, Path(run, "violation")

    def _block(self, bad: _Blocking) -> tuple[int, ...] | None:
        """The transitions of a run into the cube, None if it is blocked."""
        queue = [bad]
        while queue:
            task = heappop(queue)
            if contains(task.cube, self.system.initial):
                return _run(task)
            if self._blocked(task.cube, task.level):
                self._again(queue, task)
                continue
            found = self._predecessor(task.cube, task.level)
            if isinstance(found, frozenset):
                level = self._learn(self._weakened(task.cube, found), task.level)
                self._again(queue, task, level)
            else:
                state, taken = found
                cube = self._split(self._preimages.of(task.cube, taken, state), state)
                heappush(queue, task)
                heappush(queue, _Blocking(task.level - 1, next(self._numbers), cube, state, taken, task))
        return None

    def _split(self, cube: Masks, state: State) -> Masks:
        """A cube that names every request is split by what shared variables refer to.

        "Busy, and none of the three is with the driver" is no lemma for four; "busy, and Current refers to one that is
        not" is, and it names one request.
        """
        named = {self.system.variables[variable].slot for variable in cube} - {None}
        if len(named) == self.system.slots > 1:
            for variable in self._references:
                if cube.get(variable, self._box[variable]).bit_count() > 1:
                    cube[variable] = 1 << state[variable]
        return cube

    def _again(self, queue: list[_Blocking], task: _Blocking, level: int | None = None) -> None:
        """Block it in the next frame too: it leads to the violation from there as well."""
        after = (task.level if level is None else level) + 1
        if after <= self.depth and task.then is not None:
            heappush(queue, _Blocking(after, next(self._numbers), task.cube, task.state, task.transition, task.then))

    def _blocked(self, cube: Masks, level: int) -> bool:
        return any(
            within(cube, image)
            for lemmas in self.levels[level:]
            for lemma in lemmas.values()
            for image in lemma.images
        )  # fmt: skip

    # ------------------------------------------------------------ generalisation

    def _learn(self, cube: Masks, level: int) -> int:
        """Block a cube that no state of frame level - 1 leads into, as much of its surroundings as possible, and in as
        many frames as possible. Returns the last of these.
        """
        cube = self._generalised(cube, level, 1)
        while level < self.depth:
            found = self._predecessor(cube, level + 1)
            if not isinstance(found, frozenset):
                break
            cube = self._weakened(cube, found)
            level += 1
        self._add(cube, level)
        return level

    def _generalised(self, cube: Masks, level: int, depth: int) -> Masks:
        """Drop what is known of a request, then of a variable, then single values, as long as it stays inductive."""
        for slot in range(self.system.slots):
            for forget_references in (False, True):
                smaller = self._without_request(cube, slot, forget_references)
                if len(smaller) < len(cube):
                    cube = self._down(smaller, cube, level, depth)
        for variable in sorted(cube, key=self._preference):
            if variable in cube and len(cube) > 1:
                smaller = {other: mask for other, mask in cube.items() if other != variable}
                cube = self._down(smaller, cube, level, depth)
        for variable in sorted(cube, key=self._preference):
            for value in values(self._box[variable]):
                if variable in cube and not cube[variable] >> value & 1:
                    cube = self._down(self._admitting(cube, variable, 1 << value), cube, level, depth)
        return cube

    def _preference(self, variable: int) -> tuple[bool, bool, int]:
        """Shared variables are dropped first, references last: they tell which request it is about."""
        return bool(self._records[variable]), self.system.variables[variable].slot is not None, variable

    def _without_request(self, cube: Masks, slot: int, forget_references: bool) -> Masks:
        """References to it tell it from others; as long as they do, the lemma still names it."""
        found = {}
        for variable, mask in cube.items():
            if self.system.variables[variable].slot != slot:
                referring = self._records[variable].get(slot, 0) if forget_references else 0
                wider = (mask | referring) & self._box[variable]
                if wider != self._box[variable]:
                    found[variable] = wider
        return found

    def _admitting(self, cube: Masks, variable: int, mask: int) -> Masks:
        wider = cube[variable] | mask
        found = {other: old for other, old in cube.items() if other != variable}
        if wider != self._box[variable]:
            found[variable] = wider
        return found

    def _down(self, cube: Masks, smaller: Masks, level: int, depth: int) -> Masks:
        """The cube, or what becomes of it when states that lead into it are blocked first; `smaller` if nothing does.

        (Hassan, Bradley, Somenzi: ctgDown, without joins.)
        """
        tries = 0
        while cube and not contains(cube, self.system.initial):
            found = self._predecessor(cube, level)
            if isinstance(found, frozenset):
                return self._weakened(cube, found)
            if depth == 0 or level == 1 or tries == MOST_CTGS:
                return smaller
            tries += 1
            state, taken = found
            before = self._preimages.of(cube, taken, state)
            if contains(before, self.system.initial):
                return smaller
            core = self._predecessor(before, level - 1)
            if not isinstance(core, frozenset):
                return smaller
            ctg = self._weakened(before, core)
            at = level - 1
            while at < self.depth and isinstance(self._predecessor(ctg, at + 1), frozenset):
                at += 1
            self._add(self._generalised(ctg, at, depth - 1), at)
        return smaller

    def _weakened(self, cube: Masks, core: frozenset[int]) -> Masks:
        """What the core needs of a cube, and something that keeps the initial state out."""
        found = {}
        for variable, mask in cube.items():
            needed = self._box[variable]
            for value in values(self._box[variable] & ~mask):
                if self._steps.excludes_next(variable, value) in core:
                    needed &= ~(1 << value)
            if needed != self._box[variable]:
                found[variable] = needed
        if contains(found, self.system.initial):
            initial = self.system.initial
            variable = next(
                (v for v in found if not cube[v] >> initial[v] & 1),
                next(v for v, mask in cube.items() if not mask >> initial[v] & 1),
            )
            found[variable] = found.get(variable, self._box[variable]) & ~(1 << initial[variable])
        return found

    # ------------------------------------------------------------ lemmas

    def _add(self, cube: Masks, level: int) -> None:
        name = key(cube)
        if any(name in lemmas for lemmas in self.levels[level:]):
            return
        lemma = Lemma(cube, tuple(self._renamings.images(cube)))
        for at in range(1, level + 1):
            for other in [other for other in self.levels[at].values() if within(other.cube, cube)]:
                del self.levels[at][key(other.cube)]
        self.levels[level][name] = lemma
        self._steps.learn(lemma.images, level)

    def _pushed(self) -> bool:
        """Move lemmas to the next frame where they hold there; True if some frame is like the next one."""
        for level in range(1, self.depth):
            for name, lemma in list(self.levels[level].items()):
                if name in self.levels[level] and isinstance(self._predecessor(lemma.cube, level + 1), frozenset):
                    del self.levels[level][name]
                    self._add(lemma.cube, level + 1)
            if not self.levels[level]:
                return True
        return False

    # ------------------------------------------------------------ questions

    def _ask(self, level: int, assumed: Iterable[int]) -> State | None:
        self.questions += 1
        self._work.at(frames=self.depth, lemmas=sum(map(len, self.levels)), queries=self.questions)
        late = self.deadline is not None and time.monotonic() > self.deadline
        if late or (self.most is not None and self.questions > self.most):
            raise OutOfTime
        return self._steps.state() if self._steps.solve(level, assumed) else None

    def _predecessor(self, cube: Masks, level: int) -> tuple[State, int] | frozenset[int]:
        """A state of frame level - 1 outside the cube and a transition from there into it; else a core of the cube."""
        if self._steps.asked > MOST_QUESTIONS:
            self._steps = self._steps.again(self.levels)
        with_next = self._steps.entering(cube)
        state = self._ask(level - 1, with_next)
        return self._steps.core() if state is None else (state, self._steps.taken())


def _run(task: _Blocking) -> tuple[int, ...]:
    found = []
    step: _Blocking | None = task
    while step is not None:
        found.append(step.transition)
        step = step.then
    return tuple(found)


def _records(system: TransitionSystem) -> list[dict[int, int]]:
    """For each variable and slot the mask of the values that refer to the slot."""
    found: list[dict[int, int]] = []
    for variable in system.variables:
        masks: dict[int, int] = {}
        for value, reference in enumerate(variable.refers):
            if reference is not None:
                masks[reference[1]] = masks.get(reference[1], 0) | 1 << value
        found.append(masks)
    return found


class _Steps:
    """Steps from the states of a frame; the frames are told apart by a literal for each."""

    def __init__(
        self, system: TransitionSystem, known: Reach, box: Box, goals: Sequence[str], facts: Sequence[Cube]
    ) -> None:
        self._arguments = (system, known, box, goals, facts)
        self._system = system
        asked = [at for at in known.first if (rule := system.transitions[at].violates) is None or rule in goals]
        self._stepping = Stepping(system, box, asked, known)
        self._solver = self._stepping.solver
        for cube in facts:
            self._solver.add(self._stepping.outside(dict(cube)))
        self._levels: list[int] = []
        self.asked = 0
        self._retired = 0
        self.enter(0)

    def again(self, levels: Sequence[Mapping[Cube, Lemma]]) -> _Steps:
        """A new solver with the same frames."""
        self._solver.close()
        fresh = _Steps(*self._arguments)
        for level in range(1, len(levels)):
            fresh.enter(level)
            for lemma in levels[level].values():
                fresh.learn(lemma.images, level)
        return fresh

    def enter(self, level: int) -> None:
        """One more frame."""
        name = self._solver.fresh()
        if level == 0:
            for literal in self._stepping.initial:
                self._solver.add((-name, literal))
        self._levels.append(name)

    def learn(self, images: Iterable[Masks], level: int) -> None:
        for image in images:
            self._solver.add((-self._levels[level], *self._stepping.outside(image)))

    def solve(self, level: int, assumed: Iterable[int]) -> bool:
        self.asked += 1
        frames = [self._levels[0]] if level == 0 else self._levels[level:]
        answer = self._stepping.solve([*frames, *assumed])
        self._solver.add((-self._retired,))
        return answer

    def violated(self, goals: Sequence[str]) -> list[int]:
        """Assumptions: some goal is violated in this state."""
        name = self._retired = self._solver.fresh()
        broken = self._stepping.broken.items()
        self._solver.add((-name, *(n for at, n in broken if self._system.transitions[at].violates in goals)))
        return [name]

    def entering(self, cube: Masks) -> list[int]:
        """Assumptions: this state is outside the cube, the next one inside."""
        name = self._retired = self._solver.fresh()
        self._solver.add((-name, *self._stepping.outside(cube)))
        return [name, self._stepping.step, *(-literal for literal in self._stepping.outside_next(cube))]

    def excludes_next(self, variable: int, value: int) -> int:
        return -self._stepping.ahead[variable][value]

    def core(self) -> frozenset[int]:
        return self._stepping.core

    def state(self) -> State:
        return self._stepping.state()

    def taken(self) -> int:
        return self._stepping.taken()

    def breaks(self, goals: Sequence[str]) -> int:
        """A violating transition that is enabled."""
        broken = self._stepping.broken.items()
        return next(at for at, n in broken if self._system.transitions[at].violates in goals and self._stepping.true(n))
