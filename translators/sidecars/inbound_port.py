"""A port on which a workload is reached, whether a service or a Sidecar says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.destination_rules import cluster_policy
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.services.protocols import entry_protocol

if TYPE_CHECKING:
    from translators.destination_rules import MergedRule
    from translators.model.common import Duration
    from translators.model.destination_rule import ConnectionPoolSettings
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.model.service import Protocol, Service, ServicePort
    from translators.model.sidecar import Sidecar
    from translators.recorder import Recorder


class InboundPort(Value, frozen=True, kw_only=True):
    """The same object while nothing of it changes."""

    number: int
    """To which clients connect: for a service, its target port."""
    protocol: Protocol
    service: Service | None
    """Whose port it is, as far as is known."""
    service_port: int
    """The port of the service; the number itself if no service is known."""
    endpoint: str
    """`address:port` or `unix://path` of the workload; empty: where the client meant."""
    origin: Origin
    pool: ConnectionPoolSettings | None
    """What protects the workload."""
    pool_origin: Origin | None

    @property
    def idle_timeout(self) -> Duration | None:
        """How long a connection may be idle whose bytes are passed on as they are; None: Envoy's hour."""
        tcp = self.pool.tcp if self.pool is not None and not self.protocol.is_http else None
        return tcp.idle_timeout if tcp is not None else None

    @property
    def listener_origins(self) -> tuple[ObjectKey, ...]:
        """Keys of the objects behind its filter chains."""
        if self.idle_timeout is None or self.pool_origin is None:
            return (self.origin.key,)
        return tuple(dict.fromkeys((self.origin.key, self.pool_origin.key)))


def service_inbound(
    number: int,
    service: Service,
    port: ServicePort,
    sidecar: Sidecar | None,
    rule: MergedRule | None,
    mesh: MeshConfig,
    *,
    recorder: Recorder,
) -> InboundPort:
    """Memoised step: the port of a workload that a service's port leads to. `rule` is the service's DestinationRule."""
    del recorder
    pool, pool_origin = _pool(sidecar, -1, rule, port.number, mesh)
    localhost = mesh.inbound_traffic_policy.mode == "LOCALHOST"
    return InboundPort(
        number=number,
        protocol=port.protocol,
        service=service,
        service_port=port.number,
        endpoint=f"127.0.0.1:{number}" if localhost else "",
        origin=Origin(service.origin, "spec.ports"),
        pool=pool,
        pool_origin=pool_origin,
    )


def served_by(sidecar: Sidecar, position: int, *own: Service, recorder: Recorder) -> tuple[Service, ServicePort] | None:
    """Memoised step: the service whose port the Sidecar's ingress listener at this position serves, if one is known:
    that with this target port, else that with this port. `own` are the services of the workload, the oldest first.
    """
    del recorder
    listener = sidecar.spec.ingress[position]
    number = listener.port.number if listener.port is not None else 0
    pairs = [(s, p) for s in own for p in s.ports]
    by_target = next(((s, p) for s, p in pairs if p.target_port == number), None)
    return by_target or next(((s, p) for s, p in pairs if p.number == number), None)


def ingress_inbound(
    sidecar: Sidecar,
    position: int,
    bound: bool,  # noqa: FBT001 - steps take positional arguments
    known: tuple[Service, ServicePort] | None,
    rule: MergedRule | None,
    mesh: MeshConfig,
    *,
    recorder: Recorder,
) -> InboundPort:
    """Memoised step: the port of a Sidecar's ingress listener. `bound`: the proxy listens there itself, so there is no
    address that the client meant. `known` is what `served_by` returned, `rule` that service's DestinationRule.
    """
    del recorder
    listener = sidecar.spec.ingress[position]
    number = listener.port.number if listener.port is not None else 0
    service, port = known if known is not None else (None, None)
    service_port = port.number if port is not None else number
    pool, pool_origin = _pool(sidecar, position, rule, service_port, mesh)
    return InboundPort(
        number=number,
        protocol=entry_protocol(listener.port.protocol if listener.port is not None else "", number),
        service=service,
        service_port=service_port,
        endpoint=listener.default_endpoint or (f"127.0.0.1:{number}" if bound else ""),
        origin=Origin(sidecar.key, f"spec.ingress[{position}]"),
        pool=pool,
        pool_origin=pool_origin,
    )


def _pool(
    sidecar: Sidecar | None, position: int, rule: MergedRule | None, service_port: int, mesh: MeshConfig
) -> tuple[ConnectionPoolSettings | None, Origin | None]:
    """Return the connection pool that holds, and where it stands. The first of them holds alone: the ingress
    listener's (-1: there is none), the Sidecar's, the DestinationRule's (reference 1.6).
    """
    if sidecar is not None:
        spec = sidecar.spec
        if position >= 0 and spec.ingress[position].connection_pool is not None:
            return spec.ingress[position].connection_pool, Origin(
                sidecar.key, f"spec.ingress[{position}].connectionPool"
            )
        if spec.inbound_connection_pool is not None:
            return spec.inbound_connection_pool, Origin(sidecar.key, "spec.inboundConnectionPool")
    policy = cluster_policy(rule, service_port, "", mesh)
    return policy.connection_pool, policy.connection_pool_origin
