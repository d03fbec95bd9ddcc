"""`wdfmc completion`: the script with which a shell completes our commands."""

from __future__ import annotations

from typing import Final

import click

from wdfmc.console import DONE, show_text

SHELLS: Final = ("bash", "zsh", "fish", "powershell")  # of `wdfmc.completion.SHELLS`


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print the script that makes SHELL complete commands, options, rules and models.

    \b
    bash        eval "$(wdfmc completion bash)"     in ~/.bashrc
    zsh         eval "$(wdfmc completion zsh)"      in ~/.zshrc
    fish        wdfmc completion fish | source      in ~/.config/fish/config.fish
    powershell  wdfmc completion powershell | Out-String | Invoke-Expression
                                                    in the file that $PROFILE names
    """
    from wdfmc.completion import script

    root = click.get_current_context().find_root().command
    show_text(script(shell, root))
    return DONE
