"""What an endpoint's address may be."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

UNIX: Final = "unix://"


@lru_cache(maxsize=65_536)
def is_ip(address: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, as Envoy reads them (a scope such as `%eth0` is none)."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return "%" not in address


def is_usable(address: str, *, by_name: bool) -> bool:
    """Whether an endpoint may have this address.

    Without DNS it is an IP or a Unix socket: Envoy refuses the whole assignment for one host name in it ("malformed IP
    address"). With DNS it is a name or an IP.
    """
    if address.startswith(UNIX):
        return not by_name and len(address) > len(UNIX)
    return bool(address) if by_name else is_ip(address)
