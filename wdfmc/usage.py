"""What can be wrong with a command line, before any model is read: the diagnostics of `cli`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
from click.exceptions import NoSuchOption

from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean
from wdfmc.language.reading import decoded, similar_file
from wdfmc.source import Source

STDIN: Final = "-"
MODEL: Final = ".wdf"
TARGETS: Final = ("answers", "honours", "silent")  # what I/O targets do with what they are sent


def command_line(error: click.UsageError, commands: Iterable[str]) -> Diagnostic:
    """What click found wrong, in our words."""
    context = error.ctx
    where = context.command_path if context else "wdfmc"
    advice = f"`{where} --help` lists what can be said"
    match error:
        case NoSuchOption(option_name=name):
            known = [option for p in (context.command.params if context else ()) for option in p.opts]
            return Diagnostic("WDF901", f"`{where}` has no option `{name}`", help=did_you_mean(name, known) or advice)
        case click.MissingParameter(param=click.Argument(name=name, metavar=metavar)):
            return Diagnostic("WDF901", f"`{where}` needs {metavar or (name or '').upper()}", help=advice)
        case click.MissingParameter(param=click.Option(opts=[*_, name], metavar=metavar)):
            return Diagnostic("WDF901", f"`{where}` needs `{name} {metavar}`", help=advice)
        case click.BadParameter(param=click.Parameter() as parameter, message=message):
            said = parameter.opts[-1] if isinstance(parameter, click.Option) else (parameter.name or "").upper()
            return Diagnostic("WDF901", f"`{said}`: {message.rstrip('.')}", help=advice)
        case _ if context is not None and isinstance(context.command, click.Group):
            return Diagnostic("WDF902", "a command is needed", help=listed(commands))
        case _:
            return Diagnostic("WDF901", error.format_message().rstrip("."), help=advice)


def unknown_command(name: str, commands: Sequence[str]) -> Diagnostic:
    if Path(name).suffix == MODEL:
        return Diagnostic("WDF902", f"`{name}` is not a command", help=f"did you mean `wdfmc check {name}`?")
    return Diagnostic("WDF902", f"`{name}` is not a command", help=did_you_mean(name, commands) or listed(commands))


def listed(commands: Iterable[str]) -> str:
    return "the commands are " + ", ".join(f"`{command}`" for command in commands)


def contradictions(
    *,
    engine: str,
    depth: int | None,
    minimal: bool,
    why: bool,
    fixed: bool,
    output: Path | None,
    inputs: Sequence[str | Path],
) -> list[Diagnostic]:
    """Options that cannot hold together, and an output that cannot be written."""
    found = []
    if engine == "explicit" and depth is not None:
        found.append(
            Diagnostic(
                "WDF905",
                "`--engine explicit` searches all depths, so `--depth` has no meaning",
                help="leave out one of them; `--engine bmc` searches up to a depth",
            )
        )
    if engine == "bmc" and minimal:
        found.append(
            Diagnostic(
                "WDF905",
                "`--engine bmc` proves nothing, so `--minimal-assumptions` has nothing to ask about",
                help="leave out one of them",
            )
        )
    if why and fixed:
        found.append(
            Diagnostic(
                "WDF905",
                "`--show-invariant` is about any number of requests, `--fixed-requests` about so many",
                help="leave out one of them",
            )
        )
    return found + unwritable(output, inputs)


def export_contradictions(
    *,
    model: str,
    language: str,
    encoding: str | None,
    output: Path | None,
    inputs: Sequence[str | Path],
    console: bool,
) -> list[Diagnostic]:
    """`console`: what is written would go to a terminal."""
    found = []
    if is_several(model):
        found.append(Diagnostic("WDF901", f"`{model}`: one model is exported at a time"))
    if encoding is not None and language != "aiger":
        found.append(
            Diagnostic("WDF905", f"`--encoding` is about `--to aiger`; `--to {language}` has none", help="leave it out")
        )
    if console and language == "aiger":
        found.append(
            Diagnostic("WDF905", "AIGER is binary, and would go to a terminal", help="name a file with `--output`")
        )
    return found + unwritable(output, inputs)


def is_several(model: str) -> bool:
    """Whether the argument stands for several files."""
    return model != STDIN and not Path(model).is_file() and (Path(model).is_dir() or glob.has_magic(model))


def uncertifiable(certificate: Path | None, output: Path | None, inputs: Sequence[str | Path]) -> list[Diagnostic]:
    """Why a certificate cannot be written to the file."""
    if certificate is not None and output is not None and certificate.resolve() == output.resolve():
        return [Diagnostic("WDF905", "`--save-certificate` and `--output` name the same file")]
    return unwritable(certificate, inputs, "--save-certificate")


def one_model(number: int) -> Diagnostic:
    message = f"`--save-certificate` is about one model, these are {number}"
    return Diagnostic("WDF905", message, help="check them one by one, each with a certificate of its own")


def unwritable(output: Path | None, inputs: Sequence[str | Path], option: str = "--output") -> list[Diagnostic]:
    """Why a file cannot be written that an option names (None: it names none)."""
    if output is None:
        return []
    if output.is_dir():
        return [Diagnostic("WDF906", f"cannot write to `{output}`: it is a directory")]
    if not output.parent.is_dir():
        return [Diagnostic("WDF906", f"cannot write to `{output}`: there is no directory `{output.parent}`")]
    if output.exists() and any(Path(i).exists() and output.samefile(i) for i in inputs if i != STDIN):
        return [Diagnostic("WDF905", f"`{option} {output}` would overwrite a text that is read")]
    return []


def model_files(given: Sequence[str]) -> list[Path | Source]:
    """The models that the arguments stand for, each once: files, all *.wdf below a directory, globs, `-` for stdin.

    Raises:
        Rejected: an argument stands for nothing; names every such argument.
    """
    found: dict[str, Path | Source] = {}
    wrong: list[Diagnostic] = []
    for argument in given:
        if argument == STDIN:
            found.setdefault(STDIN, read_stdin())
            continue
        try:
            for path in expanded(argument):
                found.setdefault(os.path.realpath(path), path)
        except Rejected as error:
            wrong += error.diagnostics
    if wrong:
        raise Rejected(wrong)
    return list(found.values())


def expanded(argument: str) -> list[Path]:
    """The files that one argument stands for. The shells of Windows leave globs to the program."""
    path = Path(argument)
    if "\0" in argument:
        raise Rejected([Diagnostic("WDF001", f"there is no file `{argument}`")])
    if path.is_dir():
        if below := sorted(below for below in path.rglob("*" + MODEL) if below.is_file()):
            return below
        raise Rejected([Diagnostic("WDF904", f"there is no model (*{MODEL}) below the directory `{argument}`")])
    if path.exists():
        return [path]
    if glob.has_magic(argument):
        if matches := sorted(Path(m) for m in glob.glob(argument, recursive=True) if os.path.isfile(m)):
            return matches
        raise Rejected([Diagnostic("WDF904", f"no file matches `{argument}`")])
    raise Rejected([Diagnostic("WDF001", f"there is no file `{argument}`", help=similar_file(path))])


def read_stdin() -> Source:
    """Raises Rejected: not UTF-8, or nothing there. Windows would decode it as its code page, hence the bytes."""
    with open(0, "rb", closefd=False) as stdin:
        return decoded("<stdin>", stdin.read())
