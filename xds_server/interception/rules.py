"""The rules themselves: what goes into which chain of which table, for one IP family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.interception.settings import Interception

OUTPUT: Final = "ISTIO_OUTPUT"
REDIRECT: Final = "ISTIO_REDIRECT"
INBOUND: Final = "ISTIO_INBOUND"
IN_REDIRECT: Final = "ISTIO_IN_REDIRECT"
DIVERT: Final = "ISTIO_DIVERT"
TPROXY: Final = "ISTIO_TPROXY"

OWN_CHAINS: Final = (OUTPUT, REDIRECT, INBOUND, IN_REDIRECT, DIVERT, TPROXY)
"""Ours in any table; whatever is in them may go."""

SOURCE_6: Final = "::6/128"
"""From where a sidecar calls its workload over IPv6."""
TPROXY_MARK: Final = 1337
TPROXY_ROUTE_TABLE: Final = 133


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of one family. A rule is what follows `-A` in iptables' own notation."""

    name: str
    chains: tuple[str, ...]
    jumps: tuple[str, ...]
    """Rules in the kernel's chains (PREROUTING, OUTPUT), in order."""
    rules: tuple[str, ...]
    """Rules in our chains, in order."""


def tables(settings: Interception, *, ipv6: bool) -> tuple[Table, ...]:
    """Return the tables that the settings ask for, of IPv4 or of IPv6."""
    family = _Family(settings, ipv6=ipv6)
    if settings.mode == "TPROXY":
        return (family.nat(inbound=False), family.mangle())
    return (family.nat(inbound=True),)


class _Family:
    """The rules of one IP family."""

    def __init__(self, settings: Interception, *, ipv6: bool) -> None:
        self._settings = settings
        self._ipv6 = ipv6
        self._loopback = "::1/128" if ipv6 else "127.0.0.1/32"
        self._passthrough = SOURCE_6 if ipv6 else "127.0.0.6/32"
        """The source address of InboundPassthroughCluster's connections."""

    def nat(self, *, inbound: bool) -> Table:
        """Outbound and, unless it goes by TPROXY, inbound."""
        settings = self._settings
        captures = inbound and settings.include_inbound_ports
        jumps = [f"PREROUTING -i {name} -j RETURN" for name in settings.exclude_interfaces]
        for name in settings.virtual_interfaces:
            jumps += self._virtual(name)
        if captures:
            jumps.append(f"PREROUTING -p tcp -j {INBOUND}")
        jumps += [f"OUTPUT -o {name} -j RETURN" for name in settings.exclude_interfaces]
        jumps.append(f"OUTPUT -p tcp -j {OUTPUT}")
        rules = [
            f"{REDIRECT} -p tcp -j REDIRECT --to-ports {settings.outbound_port}",
            f"{IN_REDIRECT} -p tcp -j REDIRECT --to-ports {settings.inbound_port}",
            *(self._inbound(IN_REDIRECT) if captures else ()),
            *self._outbound(),
        ]
        chains = (INBOUND, REDIRECT, IN_REDIRECT, OUTPUT) if captures else (REDIRECT, IN_REDIRECT, OUTPUT)
        return Table(name="nat", chains=chains, jumps=tuple(jumps), rules=tuple(rules))

    def mangle(self) -> Table:
        """Inbound with the client's address kept: packets are marked, and a route table takes marked ones in."""
        jumps = [f"PREROUTING -i {name} -j RETURN" for name in self._settings.exclude_interfaces]
        jumps.append(f"PREROUTING -p tcp -j {INBOUND}")
        mark = f"0x{TPROXY_MARK:x}"
        port, anywhere = self._settings.inbound_port, "::" if self._ipv6 else "0.0.0.0"  # noqa: S104 - a wildcard
        take = f"TPROXY --on-port {port} --on-ip {anywhere} --tproxy-mark {mark}/0xffffffff"
        rules = [
            f"{DIVERT} -j MARK --set-xmark {mark}/0xffffffff",
            f"{DIVERT} -j ACCEPT",
            f"{TPROXY} ! -d {self._loopback} -p tcp -j {take}",
            # Unlike nat's, this chain sees what the host says to itself: the proxy's connections to the app would go
            # round in circles until it has no descriptors left.
            f"{INBOUND} -i lo -j RETURN",
            f"{INBOUND} -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j {DIVERT}",
            *self._inbound(TPROXY),
        ]
        return Table(name="mangle", chains=(DIVERT, TPROXY, INBOUND), jumps=tuple(jumps), rules=tuple(rules))

    def _virtual(self, name: str) -> Iterator[str]:
        """Lead what a virtual machine sends out through the outbound listener, to the ranges that are included."""
        if "*" in self._settings.include_outbound_ranges:
            yield f"PREROUTING -i {name} -p tcp -j {REDIRECT}"
        for network in self._ranges(self._settings.include_outbound_ranges):
            yield f"PREROUTING -d {network} -i {name} -p tcp -j {REDIRECT}"
        yield f"PREROUTING -i {name} -j RETURN"

    def _inbound(self, target: str) -> Iterator[str]:
        ports = self._settings.include_inbound_ports
        if ports != "*":
            yield from (f"{INBOUND} -p tcp -m tcp --dport {port} -j {target}" for port in ports)
            return
        for port in self._settings.exclude_inbound_ports:
            yield f"{INBOUND} -p tcp -m tcp --dport {port} -j RETURN"
        yield f"{INBOUND} -p tcp -j {target}"

    def _outbound(self) -> Iterator[str]:
        settings, own = self._settings, self._owners()
        # What the inbound listener passes on to the app itself comes from an address of its own.
        yield f"{OUTPUT} -s {self._passthrough} -o lo -j RETURN"
        for port in settings.exclude_outbound_ports:
            yield f"{OUTPUT} -p tcp -m tcp --dport {port} -j RETURN"
        for owner in own:
            # The proxy calls its own pod, by a service's address: it goes in like any other request. (App to app on
            # loopback does not pass the proxy, and what the proxy sends elsewhere leaves.)
            yield f"{OUTPUT} ! -d {self._loopback} -o lo -m owner {owner} -j {IN_REDIRECT}"
            yield f"{OUTPUT} -o lo -m owner ! {owner} -j RETURN"
            yield f"{OUTPUT} -m owner {owner} -j RETURN"
        yield f"{OUTPUT} -d {self._loopback} -j RETURN"
        for network in self._ranges(settings.exclude_outbound_ranges):
            yield f"{OUTPUT} -d {network} -j RETURN"
        for port in settings.include_outbound_ports:
            yield f"{OUTPUT} -p tcp -m tcp --dport {port} -j {REDIRECT}"
        if "*" in settings.include_outbound_ranges:
            yield f"{OUTPUT} -j {REDIRECT}"
        else:
            for network in self._ranges(settings.include_outbound_ranges):
                yield f"{OUTPUT} -d {network} -j {REDIRECT}"

    def _owners(self) -> list[str]:
        users = [f"--uid-owner {number}" for number in self._settings.user_ids]
        return users + [f"--gid-owner {number}" for number in self._settings.group_ids]

    def _ranges(self, ranges: tuple[str, ...]) -> tuple[str, ...]:
        return self._settings.ranges(ranges, ipv6=self._ipv6)
