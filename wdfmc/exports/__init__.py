"""A flat instance in the languages of other people's tools, so that a verdict can be cross-checked."""

from __future__ import annotations

from wdfmc.checking import Model, Options


def written(model: Model, options: Options, language: str, encoding: str | None) -> str | bytes:
    """What `wdfmc export` writes. Only AIGER has an `encoding`.

    Raises:
        Rejected: the rules of the options cannot be written in this language.
    """
    from wdfmc.exports.aiger import aiger
    from wdfmc.exports.promela import promela
    from wdfmc.exports.smt2 import smt2
    from wdfmc.exports.subject import subject

    exported = subject(model, options)
    match language:
        case "promela":
            return promela(exported)
        case "aiger":
            return aiger(exported, "one-hot" if encoding == "one-hot" else "binary")
        case "smt2":
            return smt2(exported)
    raise AssertionError(language)
