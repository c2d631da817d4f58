"""Runs the kernel's tools: which iptables there is, what it holds, and to put a text into force."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final, Literal

from xds_server.interception.rules import OWN_CHAINS, SOURCE_6, TPROXY_MARK, TPROXY_ROUTE_TABLE

Variant = Literal["auto", "nft", "legacy"]

_TIMEOUT: Final = 30.0
_ADDRESSES_6: Final = Path("/proc/net/if_inet6")


class InterceptionError(RuntimeError):
    """The kernel or its tools do not do what is asked; the text says what, and what to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs of one backend for one IP family."""

    save: str
    restore: str

    def saved(self) -> str:
        """Return what the kernel holds now. Raises InterceptionError if it cannot be asked."""
        return _run([self.save])

    def apply(self, text: str) -> None:
        """Put a text into force; what it does not name stays. Raises InterceptionError if any of it is refused."""
        if text:
            # `-w` waits for another who holds the lock: CNI plugins run at the same time.
            _run([self.restore, "--noflush", "-w", "5"], text)


def tools(variant: Variant, *, ipv6: bool) -> Tools:
    """Return the programs to use. `auto` goes by what is in force: rules of ours that are there already, else any
    rules, else nftables, which all current systems have.

    Raises InterceptionError if there are no programs that work.
    """
    prefix = "ip6tables" if ipv6 else "iptables"
    problems = []
    usable: list[tuple[bool, int, Tools]] = []
    for backend in ("nft", "legacy"):
        if variant not in ("auto", backend):
            continue
        found = _programs(prefix, backend)
        if found is None:
            problems.append(f"no {prefix}-{backend}-restore")
            continue
        try:
            rules = [line for line in found.saved().splitlines() if line.startswith("-A")]
        except InterceptionError as error:
            problems.append(str(error))
            continue
        usable.append((any(chain in rule for rule in rules for chain in OWN_CHAINS), len(rules), found))
    if not usable:
        msg = f"{prefix} cannot be used: {'; '.join(problems)}"
        raise InterceptionError(msg)
    return max(usable, key=lambda one: one[:2])[2]


def _programs(prefix: str, backend: str) -> Tools | None:
    save, restore = (shutil.which(f"{prefix}-{backend}-{what}") for what in ("save", "restore"))
    return Tools(save=save, restore=restore) if save and restore else None


def route_marked(*, ipv6: bool, remove: bool = False) -> None:
    """Have marked packets (TPROXY) taken in as if they were for this host, or no longer.

    Raises InterceptionError if `ip` is missing or refuses.
    """
    family = "-6" if ipv6 else "-4"
    mark, table = f"0x{TPROXY_MARK:x}", str(TPROXY_ROUTE_TABLE)
    rules = _run(["ip", family, "rule", "show"])
    known = f"lookup {table}" in rules
    if known and remove:
        _run(["ip", family, "rule", "del", "fwmark", mark, "lookup", table])
        _run(["ip", family, "route", "flush", "table", table])
    elif not known and not remove:
        _run(["ip", family, "rule", "add", "fwmark", mark, "lookup", table])
        _run(["ip", family, "route", "replace", "local", "default", "dev", "lo", "table", table])


def own_source(*, remove: bool = False) -> None:
    """Have `::6` be an address of this host, or no longer: from it a sidecar calls its workload over IPv6. Of IPv4,
    127.0.0.6 is one anyway. Nothing happens where the loopback interface has no IPv6.

    Raises InterceptionError if `ip` is missing or refuses.
    """
    try:
        lines = _ADDRESSES_6.read_text(encoding="ascii").splitlines()
    except OSError:  # a kernel without IPv6
        return
    known = {IPv6Address(int(words[0], 16)) for words in map(str.split, lines) if words[-1] == "lo"}
    if known and (IPv6Address(SOURCE_6.partition("/")[0]) in known) == remove:
        _run(["ip", "-6", "address", "del" if remove else "add", SOURCE_6, "dev", "lo"])


def _run(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the kernel's own tools, with arguments of ours
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{command[0]} cannot be run: {error}"
        raise InterceptionError(msg) from error
    if done.returncode:
        msg = f"{' '.join(command)} says: {' '.join(done.stderr.split()) or f'exit status {done.returncode}'}"
        raise InterceptionError(msg)
    return done.stdout
