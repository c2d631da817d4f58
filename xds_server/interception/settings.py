"""What is intercepted, in Istio's terms."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final, Literal

EVERYTHING: Final = ("*",)
"""All ports or all addresses."""

Mode = Literal["REDIRECT", "TPROXY"]

PROXY_PORTS: Final = (15020, 15021, 15090)
"""Ports of the proxy itself: Istio's agent, health, Prometheus. They are never led to its inbound listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interception:
    """Settings of `pilotfish iptables`. Ranges are CIDRs of either family; ports are numbers."""

    outbound_port: int = 15001
    inbound_port: int = 15006
    user_ids: tuple[int, ...] = (1337,)
    """Whose traffic is the proxy's own, and goes its way untouched."""
    group_ids: tuple[int, ...] = (1337,)
    include_outbound_ranges: tuple[str, ...] = EVERYTHING
    exclude_outbound_ranges: tuple[str, ...] = ()
    include_outbound_ports: tuple[int, ...] = ()
    """Intercepted whatever the ranges say."""
    exclude_outbound_ports: tuple[int, ...] = ()
    include_inbound_ports: tuple[int, ...] | Literal["*"] = "*"
    exclude_inbound_ports: tuple[int, ...] = PROXY_PORTS
    """Where `include_inbound_ports` is everything."""
    exclude_interfaces: tuple[str, ...] = ()
    virtual_interfaces: tuple[str, ...] = ()
    """Whose traffic from outside is treated as outbound (KubeVirt)."""
    mode: Mode = "REDIRECT"
    """TPROXY keeps the client's address; the proxy then needs CAP_NET_ADMIN."""
    ipv6: bool = True

    def ranges(self, ranges: tuple[str, ...], *, ipv6: bool) -> tuple[str, ...]:
        """Return the ranges of one family, as iptables prints them. `*` is none of them."""
        networks = (ipaddress.ip_network(one, strict=False) for one in ranges if one != "*")
        return tuple(str(network) for network in networks if (network.version == 6) == ipv6)
