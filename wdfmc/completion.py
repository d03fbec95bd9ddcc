"""What a shell can complete in our commands: options, rules, names that the library knows, models and specifications.

`click` speaks with the shells. It is told what belongs to a parameter only while a shell asks, so that nothing of this
is loaded else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    PowerShellComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

PROGRAM: Final = "wdfmc"
VARIABLE: Final = "_WDFMC_COMPLETE"  # in the environment while a shell asks: `click` makes it of the program's name
RULE: Final = re.compile(r"^(?:rule|monitor) ([\w-]+)", re.MULTILINE)  # a declaration of a specification or a model

Items: TypeAlias = "list[CompletionItem[str]]"
Suggest: TypeAlias = Callable[[click.Context, str], Items]


class Bash(BashComplete):
    """Directories are offered beside what we offer, not instead of it."""

    source_template = BashComplete.source_template.replace("compopt -o dirnames", "compopt -o filenames -o plusdirs")


class PowerShell(PowerShellComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        """A backslash escapes nothing here."""
        words = os.environ["COMP_WORDS"]
        os.environ["COMP_WORDS"] = words.replace("\\", "\\\\")
        return super().get_completion_args()

    def get_completions(self, args: list[str], incomplete: str) -> Items:
        """With directories as we write them: the shell would give them from the root on."""
        found: Items = []
        for item in super().get_completions(args, incomplete):
            found += [item] if item.type != "dir" else map(CompletionItem, directories(item.value))
        return found


SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": Bash,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShell,
}


def script(shell: str, commands: click.Command) -> str:
    """What the shell has to run to know our commands."""
    return ShellComplete.source(SHELLS[shell](commands, {}, PROGRAM, VARIABLE))


def answer_shells() -> None:
    """Lets `click` answer with the classes above."""
    for shell, answers in SHELLS.items():
        add_completion_class(answers, shell)


def completable(command: click.Command) -> click.Command:
    """The command, whose parameters know what can stand for them."""
    for parameter in command.params:
        if (suggest := suggestion(command, parameter)) is not None:
            parameter.shell_complete = suggest  # type: ignore[method-assign, assignment]
    return command


def suggestion(command: click.Command, parameter: click.Parameter) -> Suggest | None:
    """None where `click` knows more: a choice, a number."""
    name = (parameter.metavar or parameter.name or "").upper().strip("[].")
    if "--rule" in parameter.opts or (command.name, parameter.name) == ("rules", "name"):
        return rules
    if (command.name, parameter.name) == ("explain", "name"):
        return names
    if "--spec" in parameter.opts:
        return files(".wdfspec")
    if command.name == "fmt":
        return files(".wdf", ".wdfspec") if name == "FILE" else None
    if name == "MODEL|REPORT.JSON":
        return files(".wdf", ".json")
    if isinstance(parameter, click.Argument) and name.split(":")[0] in ("MODEL", "MODELS", "OLD", "NEW"):
        return files(".wdf")
    return any_file if name == "FILE" else None


def starting(values: Iterable[str], incomplete: str) -> Items:
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]


def rules(context: click.Context, incomplete: str) -> Items:
    """Those of the library, and of the texts that the command line names so far."""
    from wdfmc.library import sources

    texts = [source.text for source in sources() if source.name.endswith(".wdfspec")]
    said = [
        value if isinstance(value, tuple) else (value,) for value in (*context.params.values(), tuple(context.args))
    ]
    for word in (word for words in said for word in words if isinstance(word, str)):
        if word.endswith((".wdf", ".wdfspec")) and os.path.isfile(word):
            texts.append(Path(word).read_text(encoding="utf-8", errors="replace"))
    return starting(sorted({name for text in texts for name in RULE.findall(text)}), incomplete)


def names(context: click.Context, incomplete: str) -> Items:
    from wdfmc.catalogue import CATALOGUE
    from wdfmc.library import entries

    return starting(sorted({*(entry.name for entry in entries()), *CATALOGUE}), incomplete)


def any_file(context: click.Context, incomplete: str) -> Items:
    return [CompletionItem(incomplete, type="file")]


def files(*endings: str) -> Suggest:
    """Files that end so; and directories, which shells find themselves."""

    def suggest(context: click.Context, incomplete: str) -> Items:
        found = [path for path in beginning(incomplete) if path.endswith(endings) and os.path.isfile(path)]
        return [CompletionItem(incomplete, type="dir"), *map(CompletionItem, found)]

    return suggest


def directories(incomplete: str) -> list[str]:
    return [path + os.sep for path in beginning(incomplete) if os.path.isdir(path)]


def beginning(incomplete: str) -> list[str]:
    """The paths that begin so. Those that begin with a dot only if asked for."""
    folder, name = os.path.split(incomplete)
    try:
        found = sorted(os.listdir(folder or "."))
    except OSError:
        return []
    shown = (each for each in found if each.startswith(name) and (name or not each.startswith(".")))
    return [os.path.join(folder, each) for each in shown]
