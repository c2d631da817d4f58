"""What a route, a mirror or any other field sends traffic to: a port of a service, or a subset of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.meta import Value
from translators.names import cluster_name, sni_dnat_name

if TYPE_CHECKING:
    from translators.model.service import Service, ServicePort


class Destination(Value, frozen=True, kw_only=True):
    """One Envoy cluster that something reaches. Two destinations are the same if `cluster_name` is."""

    service: Service
    port: ServicePort
    subset: str = ""
    """A subset of the service's DestinationRule, or empty for all its endpoints."""
    sni_dnat: bool = False
    """Whether it is the cluster for connections that are passed on by the name in the mesh's own TLS handshake."""

    @property
    def cluster_name(self) -> str:
        """Name of the cluster, and of its endpoints in EDS."""
        if self.sni_dnat:
            return sni_dnat_name(self.port.number, self.subset, self.service.hostname)
        return cluster_name(self.port.number, self.subset, self.service.hostname)
