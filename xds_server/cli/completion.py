"""`pilotfish completion`: the script that lets a shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PROGRAM = "pilotfish"
_VARIABLE = "_PILOTFISH_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a completion script for a shell.

    \b
    bash   eval "$(pilotfish completion bash)"
    zsh    eval "$(pilotfish completion zsh)"
    fish   pilotfish completion fish | source
    """  # noqa: D301 - click's mark for lines that are not to be joined
    root = click.get_current_context().find_root().command
    script = get_completion_class(shell)
    if script is None:  # a shell that this version of click does not know
        msg = f"click has no completion for {shell}"
        raise click.ClickException(msg)
    click.echo(script(root, {}, _PROGRAM, _VARIABLE).source())
