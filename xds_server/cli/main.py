"""The `pilotfish` command: a table of verbs, each in a module of its own that is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Final

import click

VERBS: Final = {
    "serve": "xds_server.cli.serve",
    "bootstrap": "xds_server.cli.bootstrap",
    "translate": "xds_server.cli.translate",
    "analyze": "xds_server.cli.analyze",
    "proxy-status": "xds_server.cli.proxy_status",
    "proxy-config": "xds_server.cli.proxy_config",
    "xlog": "xds_server.cli.xlog",
    "install": "xds_server.cli.install",
    "check": "xds_server.cli.check",
    "inject": "xds_server.cli.inject",
    "check-inject": "xds_server.cli.check_inject",
    "iptables": "xds_server.cli.iptables",
    "demo": "xds_server.cli.demo",
    "completion": "xds_server.cli.completion",
    "version": "xds_server.cli.version",
}
"""Verb to module. Each module has a click command named `command`."""

ALIASES: Final = {"ps": "proxy-status", "pc": "proxy-config"}


class Verbs(click.Group):
    """Imports a verb's module only when that verb (or its help) is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """List the verbs in the order of a first visit."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a verb's command, by its name or alias."""
        module = VERBS.get(ALIASES.get(cmd_name, cmd_name))
        if module is None:
            return None
        command: click.Command = importlib.import_module(module).command
        return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Pilotfish: an Envoy control plane that a person can read in an afternoon."""
