"""Certificates as files: verdicts with what it takes to check them again, in names that survive a new lowering.

And what became of them (`Checked`), for reports.

One JSON object. `digest` is the SHA-256 of all the rest: it tells damage, not forgery; what a certificate claims is
proved or executed again anyway (`certify`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from wdfmc import __version__
from wdfmc.checking import Options
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.language.reading import read
from wdfmc.reports.json import trace_object
from wdfmc.source import Source
from wdfmc.system.named import Condition, Invariant, NamedLemma
from wdfmc.system.system import Obj, Ref, Value
from wdfmc.verdict import Basis, ModelReport, Result, Word

KIND: Final = "wdfmc certificate"
FORM: Final = 1  # of the file; another number, another shape
MOST_REQUESTS: Final = 8  # that a lemma names

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Claim:
    """A verdict of a certificate. `basis`: None if nothing was saved to check it by; `trace`: as in a JSON report."""

    rule: str
    verdict: str
    requests: int | str
    depth: int | None
    engine: str
    reason: str | None
    under: tuple[str, ...]
    basis: Basis | None
    trace: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """`texts`: (name, SHA-256) of the model, what it imports, the specifications, the library, in this order."""

    version: str
    command: tuple[str, ...]
    specs: tuple[str, ...]
    rules: tuple[str, ...]
    target: str | None
    texts: tuple[tuple[str, str], ...]
    claims: tuple[Claim, ...]


class Standing(StrEnum):
    CERTIFIED = "certified"  # z3 has proved the invariant
    REPLAYED = "replayed"  # the trace was executed
    OPEN = "not certified"
    REFUTED = "does not hold"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a claim. `seconds`: of this check; what several claims share is counted at the first."""

    claim: Claim
    standing: Standing
    reason: str | None
    seconds: float


def digest_of(text: Source) -> str:
    return hashlib.sha256(text.text.replace("\r\n", "\n").encode()).hexdigest()


# ---------------------------------------------------------------- writing


def written(model: ModelReport, options: Options, command: Sequence[str]) -> str:
    """The certificate of a model's verdicts. They were decided with `options.evidence`."""
    bases: list[Basis] = []
    for result in model.results:
        if result.basis is not None and result.basis not in bases:
            bases.append(result.basis)
    content: dict[str, Any] = {
        "kind": KIND,
        "form": FORM,
        "version": __version__,
        "command": list(command),
        "specs": [spec.as_posix() for spec in options.specs],
        "rules": list(options.rules),
        "target": options.target,
        "texts": [{"name": text.name, "sha256": digest_of(text)} for text in model.texts],
        "results": [_result(result, bases) for result in model.results if result.verdict is not Word.SKIPPED],
        "bases": [_basis(basis) for basis in bases],
    }
    return json.dumps({**content, "digest": _digest(content)}, indent=1) + "\n"


def _digest(content: Mapping[str, Any]) -> str:
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _result(result: Result, bases: list[Basis]) -> dict[str, Any]:
    return {
        "rule": result.rule,
        "verdict": str(result.verdict),
        "requests": result.requests,
        "depth": result.depth,
        "engine": result.engine,
        "reason": result.reason,
        "under": list(result.under),
        "basis": None if result.basis is None else bases.index(result.basis),
        "trace": None if result.trace is None else trace_object(result.trace),
    }


def _basis(basis: Basis) -> dict[str, Any]:
    return {
        "target": basis.target,
        "rules": list(basis.rules),
        "part": list(basis.part),
        "overlaps": dict(basis.overlaps),
        "invariants": [
            {
                "goals": list(invariant.goals),
                "followed": list(invariant.followed),
                "lemmas": [_lemma(lemma) for lemma in invariant.lemmas],
            }
            for invariant in basis.invariants
        ],
    }


def _lemma(lemma: NamedLemma) -> dict[str, Any]:
    return {
        "requests": lemma.requests,
        "never": [
            {"variable": each.variable, "request": each.request, "values": [_value(value) for value in each.values]}
            for each in lemma.conditions
        ],
    }


def _value(value: Value) -> Any:
    match value:
        case Ref(pool, index, slot):
            return {"pool": pool, "index": index, "slot": slot}
        case Obj(name):
            return {"object": name}
        case _:
            return value


# ---------------------------------------------------------------- reading


class _Damaged(Exception):
    """The file does not have the shape of a certificate."""


def loaded_certificate(path: Path) -> Certificate:
    """Raises Rejected: the file cannot be read, or is no certificate, or was changed."""
    source = read(path)
    try:
        content = json.loads(source.text)
        if not isinstance(content, dict) or content.get("kind") != KIND:
            raise _Damaged("it does not say that it is one")
        if content.get("form") != FORM:
            raise _Damaged(f"its form is {content.get('form')!r}, this version reads form {FORM}")
        digest = content.pop("digest", None)
        if digest != _digest(content):
            raise _Damaged("its digest is not that of its content: it was changed, or not written to the end")
        return _certificate(content)
    except (ValueError, RecursionError) as error:
        raise Rejected([_no_certificate(path, f"it is no JSON: {error}")]) from None
    except _Damaged as damaged:
        raise Rejected([_no_certificate(path, str(damaged))]) from None


def _no_certificate(path: Path, why: str) -> Diagnostic:
    advice = "`wdfmc check MODEL --save-certificate FILE` writes one"
    return Diagnostic("WDF908", f"`{path}` is not a whole certificate: {why}", help=advice)


def _certificate(content: dict[str, Any]) -> Certificate:
    bases = _list(content, "bases", _read_basis)

    def claim(item: dict[str, Any]) -> Claim:
        number = _optional(item, "basis", int)
        if number is not None and not 0 <= number < len(bases):
            raise _Damaged("a result refers to a basis that is not there")
        requests = _get(item, "requests", (int, str))
        if requests != "any" and (isinstance(requests, str) or requests < 1):
            raise _Damaged("`requests` is neither a number nor `any`")
        return Claim(
            _get(item, "rule", str), _get(item, "verdict", str), requests, _optional(item, "depth", int),
            _get(item, "engine", str), _optional(item, "reason", str), _texts(item, "under"),
            None if number is None else bases[number], _optional(item, "trace", dict),
        )  # fmt: skip

    return Certificate(
        _get(content, "version", str),
        _texts(content, "command"),
        _texts(content, "specs"),
        _texts(content, "rules"),
        _optional(content, "target", str),
        _list(content, "texts", lambda item: (_get(item, "name", str), _get(item, "sha256", str))),
        _list(content, "results", claim),
    )


def _read_basis(item: dict[str, Any]) -> Basis:
    overlaps = _get(item, "overlaps", dict)
    if not all(isinstance(number, int) for number in overlaps.values()):
        raise _Damaged("`overlaps` has something else than numbers")
    return Basis(
        _get(item, "target", str), _texts(item, "rules"), _texts(item, "part"), overlaps,
        _list(item, "invariants", _read_invariant),
    )  # fmt: skip


def _read_invariant(item: dict[str, Any]) -> Invariant:
    return Invariant(_texts(item, "goals"), _list(item, "lemmas", _read_lemma), _texts(item, "followed"))


def _read_lemma(item: dict[str, Any]) -> NamedLemma:
    requests = _get(item, "requests", int)
    if not 0 <= requests <= MOST_REQUESTS:
        raise _Damaged(f"a lemma names {requests} requests")
    return NamedLemma(requests, _list(item, "never", _read_condition))


def _read_condition(item: dict[str, Any]) -> Condition:
    values = tuple(_read_value(value) for value in _get(item, "values", list))
    return Condition(_get(item, "variable", str), "", _optional(item, "request", int), values, ())


def _read_value(value: Any) -> Value:
    match value:
        case None | bool() | int() | str():
            return value
        case {"object": str(name)}:
            return Obj(name)
        case {"pool": str(pool), "index": int(index), "slot": None | int() as slot}:
            return Ref(pool, index, slot)
        case _:
            raise _Damaged(f"{value!r} is no value")


def _get(item: Any, key: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get(key), kind) or isinstance(item[key], bool):
        raise _Damaged(f"`{key}` is missing, or is something else than expected")
    return item[key]


def _optional(item: Any, key: str, kind: type) -> Any:
    if isinstance(item, dict) and key in item and item[key] is None:
        return None
    return _get(item, key, kind)


def _list(item: Any, key: str, each: Callable[[dict[str, Any]], Item]) -> tuple[Item, ...]:
    return tuple(each(part) for part in _get(item, key, list))


def _texts(item: Any, key: str) -> tuple[str, ...]:
    found = _get(item, key, list)
    if not all(isinstance(part, str) for part in found):
        raise _Damaged(f"`{key}` has something else than texts")
    return tuple(found)
