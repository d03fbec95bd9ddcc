"""Arguments in, exit code out: the commands, and what all of them do when something goes wrong.

A command is imported when it is called: `wdfmc --help` and a model with a mistake start no solver.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from wdfmc import __version__
from wdfmc.console import DEFECT, DONE, INTERRUPTED, WRONG, complain
from wdfmc.diagnostics import Rejected
from wdfmc.memory import collect_rarely
from wdfmc.usage import command_line, unknown_command

COMMANDS: Final = {  # each a module in `wdfmc.commands`
    "check": "Check every rule that concerns each model.",
    "watch": "Check models again whenever they are saved.",
    "report": "Check models and write one HTML page for a design review.",
    "graph": "Draw the states of a request, and what leads from one to another.",
    "diff": "Compare two versions of a design.",
    "why": "Say what a line of a driver is for: what goes wrong without it.",
    "mutate": "Say which rules notice when a line is left out, for all lines.",
    "new": "Write a model to begin with.",
    "simulate": "Step through the runs of a model.",
    "export": "Write what `check` decides for SPIN, AIGER or CHC tools.",
    "certify": "Check the verdicts of a certificate again.",
    "rules": "List the built-in rules, or show one.",
    "explain": "Say what a DDI, a callback, a rule, a status or a code means.",
    "explain-trace": "Say where a violation begins, and which repairs help.",
    "fmt": "Write files in the standard form.",
    "learn": "The course on cancellation: list, start and check lessons.",
    "lsp": "Serve an editor: diagnostics, completion, hover, checks (language server protocol).",
    "completion": "Print the script that makes a shell complete wdfmc.",
}
SHELL_ASKS: Final = "_WDFMC_COMPLETE"  # in the environment: what can be said next is to be answered, not done

# The threads of numpy's OpenBLAS wait for each other by spinning: where other processes need the processors, too, two
# threads took 10 times longer than one (products of matrices with 500 rows, measured).
SINGLE: Final = ("OPENBLAS_NUM_THREADS", "1")


class Commands(click.Group):
    """Each imported when it is asked for. A misspelt one gets a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Says what each is for, and imports none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"wdfmc.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        found.short_help = COMMANDS[cmd_name]
        if SHELL_ASKS not in os.environ:
            return found
        from wdfmc.completion import completable

        return completable(found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = ctx.resilient_parsing or not args or args[0].startswith("-")
        if not known and self.get_command(ctx, args[0]) is None:
            raise Rejected([unknown_command(args[0], self.list_commands(ctx))])
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, message="wdfmc %(version)s")
def commands() -> int:
    """Model checker for the request handling of WDF drivers: cancellation, completion, ownership, locks, power."""
    return DONE


def internal_error(error: BaseException) -> int:
    if os.environ.get("WDFMC_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
        return DEFECT
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    sys.stderr.write(
        f"wdfmc {__version__}: internal error: {told}\n"
        "This is a defect of wdfmc, not of your model. Please report it with the command line, the model, and what\n"
        "the same command prints with WDFMC_DEBUG=1 in the environment.\n"
    )
    return DEFECT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process). Returns the exit code and raises nothing.

    Except SystemExit, when a shell asks: `click` has answered it then.
    """
    if SHELL_ASKS in os.environ:
        from wdfmc.completion import answer_shells

        answer_shells()
    os.environ.setdefault(*SINGLE)  # read when numpy is imported, here and in processes that are started
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        code = commands.main(words, prog_name="wdfmc", standalone_mode=False, obj=tuple(words))
    except click.UsageError as error:
        complain([command_line(error, commands.list_commands(click.Context(commands)))])
        return WRONG
    except Rejected as error:
        complain(error.diagnostics)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        return internal_error(error)
    return code if isinstance(code, int) else DONE


def entry() -> None:
    """The console script."""
    collect_rarely()
    sys.exit(main())
