"""Host names as Istio compares them: exact names, left wildcards (`*.a.com`, `*`), short names (reference 3.1, 3.2)."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


MESH: Final = "mesh"
"""The reserved name in `gateways` of VirtualServices that stands for all sidecars."""


def matches(one: str, other: str) -> bool:
    """Whether some name fits both hosts. It works in both directions: `*.com` and `a.com`, `*.com` and `*.foo.com`."""
    return subset_of(one, other) or subset_of(other, one)


def subset_of(one: str, other: str) -> bool:
    """Whether each name that fits `one` fits `other`. `*.foo.com` does not cover `foo.com` itself."""
    if not other.startswith("*"):
        return one == other
    if one.startswith("*"):
        # `*.foo.com` has fewer names than `*.com`; of `*` the rest is empty and covers everything.
        return one[1:].endswith(other[1:])
    return one.endswith(other[1:])


def most_specific(host: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that names `host` exactly, else the longest wildcard that covers it, else None.

    Of wildcards of one length there is only one that covers a given host, so the answer needs no tie-break.
    """
    best = None
    for candidate in candidates:
        if candidate == host:
            return candidate
        if subset_of(host, candidate) and (best is None or len(candidate) > len(best)):
            best = candidate
    return best


def is_short(host: str) -> bool:
    """Whether a host is a short name, to be read in the namespace of the object that says it. `*` is not."""
    return bool(host) and "." not in host and ":" not in host and not host.startswith("*")


def fully_qualified(host: str, namespace: str, cluster_domain: str) -> str:
    """Expand a short name: `reviews` in `default` is `reviews.default.svc.cluster.local`. Others stay as they are."""
    return f"{host}.{namespace}.svc.{cluster_domain}" if is_short(host) else host


def gateway_reference(reference: str, namespace: str) -> str:
    """Return `namespace/name` of the Gateway that a VirtualService of `namespace` refers to.

    Accepted are `name`, `namespace/name`, `./name`, and Istio's old form `name.namespace.svc.cluster.local`. The word
    `mesh`, which stands for all sidecars, is no reference and stays as it is.
    """
    if reference == MESH:
        return reference
    if "/" in reference:
        where, _, name = reference.partition("/")
        return f"{namespace if where == '.' else where}/{name}"
    if "." in reference:
        name, _, rest = reference.partition(".")
        return f"{rest.partition('.')[0]}/{name}"
    return f"{namespace}/{reference}"


class ServerHosts:
    """The hosts of a gateway's servers, indexed so that finding those that meet a VirtualService's hosts costs what is
    found, not how many there are. Entries are `dns`, `*/dns`, `./dns` or `namespace/dns`; case is folded.
    """

    __slots__ = ("_backwards", "_odd", "_open", "_readers")

    def __init__(self, entries: Iterable[str], namespace: str) -> None:
        """Index the entries of servers of a Gateway of `namespace`."""
        readers: dict[str, set[str] | None] = {}
        for entry in entries:
            where, slash, dns = entry.partition("/")
            if not slash:
                where, dns = "*", entry
            dns = dns.lower()
            if where == "*" or readers.get(dns, ()) is None:
                readers[dns] = None
            else:
                known = readers.setdefault(dns, set())
                if known is not None:
                    known.add(namespace if where == "." else where)
        self._readers = readers
        """Host to the namespaces whose VirtualServices may use it; None: any."""
        self._open = "*" in readers and readers["*"] is None
        """Whether every host is here, for everybody: the usual gateway."""
        self._odd = tuple(sorted(h for h in readers if h.startswith("*") and h != "*" and not h.startswith("*.")))
        """Wildcards that do not end at a dot (`*-eu.example.com`): few, so tried one by one."""
        self._backwards = sorted(host[::-1] for host in readers)
        """Turned round, all hosts below a suffix stand in one range."""

    def __iter__(self) -> Iterator[str]:
        """Yield the hosts, sorted."""
        return iter(sorted(self._readers))

    def intersection(self, hosts: tuple[str, ...], namespace: str) -> tuple[str, ...]:
        """Return the hosts that these servers and a VirtualService of `namespace` have in common, sorted.

        Of each pair that meets, it is the more specific one (reference 3.7): `*.com` and `a.com` give `a.com`.
        """
        if self._open and len(hosts) == 1 and not hosts[0].startswith("*"):
            return hosts
        found: set[str] = set()
        for host in hosts:
            if self._open or any(self._open_to(cover, namespace) for cover in self._covers(host)):
                found.add(host)
            if host.startswith("*"):
                found.update(below for below in self._below(host[1:]) if self._open_to(below, namespace))
        return tuple(sorted(found))

    def _open_to(self, host: str, namespace: str) -> bool:
        readers = self._readers.get(host, ())
        return readers is None or namespace in readers

    def _covers(self, host: str) -> Iterator[str]:
        """Yield what could cover a host: itself, then each wildcard made of its own suffixes."""
        yield host
        rest = host.removeprefix("*")
        dot = rest.find(".")
        while dot >= 0:
            yield f"*{rest[dot:]}"
            dot = rest.find(".", dot + 1)
        yield "*"
        yield from (odd for odd in self._odd if subset_of(host, odd))

    def _below(self, suffix: str) -> Iterator[str]:
        turned = suffix[::-1]
        at = bisect_left(self._backwards, turned)
        while at < len(self._backwards) and self._backwards[at].startswith(turned):
            yield self._backwards[at][::-1]
            at += 1
