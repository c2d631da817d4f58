"""The names by which a client may call a service: domains of its virtual host (reference 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.model import kubernetes
from translators.model.service import Resolution
from translators.services.addresses import is_ip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.model.service import Service
    from translators.recorder import Recorder

DEFAULT_PORT: Final = 80
"""The port that an HTTP request means which names none."""

_SVC: Final = ".svc."


def seen_from(service: Service, dns_domain: str, aliases: Iterable[Service] = ()) -> str:
    """Reduce a client's DNS domain to what matters for the domains of a service, so that the clients of all namespaces
    but its own share them: `default.svc.cluster.local` if it is of that namespace, else `.svc.cluster.local`.
    """
    at = dns_domain.find(_SVC)
    if at <= 0:
        return dns_domain
    own = f".{dns_domain[: at + len(_SVC)]}"
    return dns_domain if any(own in one.hostname for one in (service, *aliases)) else dns_domain[at:]


def domains_of(service: Service, dns_domain: str, *aliases: Service, recorder: Recorder) -> tuple[str, ...]:
    """Memoised step: return the domains of a service for a client with this DNS domain (as `seen_from` reduces it), the
    host itself first, all in lower case: to Envoy there is no other.

    After the host come its aliases (ExternalNames that stand for it), then for each of them the absolute form and, if
    it is below the client's own `.svc.` suffix, its short forms; then the service's addresses. A headless service of
    Kubernetes has each of its names with a wildcard too, for the pods of a StatefulSet. Ports are not written:
    the route configuration ignores them.
    """
    del recorder
    hosts = [one.hostname.lower() for one in (service, *aliases)]
    found = dict.fromkeys(hosts)
    for host in hosts:
        found.update(dict.fromkeys(_variants(host, dns_domain)))
    headless = service.resolution is Resolution.PASSTHROUGH and service.origin.kind == kubernetes.Service.KIND
    wildcards = [f"*.{name}" for name in found] if headless else []
    addresses = [_authority(a) for a in service.addresses if is_ip(a)]
    return tuple(dict.fromkeys((*found, *wildcards, *addresses)))


def with_port(domains: Iterable[str], port: int) -> list[str]:
    """Return domains as the authority of a request for a port: to 80 (reference 2.4) it may go unsaid."""
    return [form for domain in domains for form in ((domain,) if port == DEFAULT_PORT else ()) + (f"{domain}:{port}",)]


def shared_suffix(host: str, dns_domain: str) -> bool:
    """Whether a host is in the same cluster domain as a client, so that the client may leave the suffix out."""
    at, own = host.find(_SVC), dns_domain.find(_SVC)
    return at > 0 and own >= 0 and host[at:] == dns_domain[own:]


def _variants(host: str, dns_domain: str) -> tuple[str, ...]:
    if host.startswith("*") or is_ip(host):
        return ()
    absolute = f"{host}."
    if not shared_suffix(host, dns_domain):
        return (absolute,)
    below = host[: host.find(_SVC)]
    name, _, namespace = below.partition(".")
    if not namespace:
        return (absolute,)
    if namespace == dns_domain[: dns_domain.find(_SVC)]:
        return (absolute, name, f"{below}.svc", below)
    return (absolute, below, f"{below}.svc")


def _authority(address: str) -> str:
    """Return an address as it stands in a Host header."""
    return f"[{address}]" if ":" in address else address
