"""A client's listener: what `xds:///host:port` asks for first, and which leads to the routes (gRFC A27)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from translators.messages import pack
from translators.model.origin import Origin
from translators.names import cluster_name
from translators.proxyless.names import dialled_ports, short_names
from translators.recorder import Recorder
from translators.resources import LISTENER, ROUTE, Resource
from translators.routes import fault

if TYPE_CHECKING:
    from translators.model.service import Service

ROUTER: Final = "envoy.filters.http.router"


def _base() -> HttpConnectionManager:
    """Build what all clients share: gRPC has a fault filter (gRFC A33), and none of Envoy's others that Istio uses."""
    manager = HttpConnectionManager()
    source = manager.rds.config_source
    source.ads.SetInParent()
    source.resource_api_version = ApiVersion.V3
    pack(manager.http_filters.add(name=fault.FILTER).typed_config, HTTPFault())
    pack(manager.http_filters.add(name=ROUTER).typed_config, Router())
    return manager


_BASE: Final = _base()


def dialled_listeners(
    service: Service, hostname: str, cluster_domain: str, home: str, *, recorder: Recorder
) -> tuple[tuple[str, Resource], ...]:
    """Memoised step: the listeners of each port, under each name that a client may dial (`echo:80`, `echo.default:80`).

    `hostname` is the service's own, or that of an ExternalName that leads to it; `home` its namespace if that is the
    client's, too, else empty. Beside each listener stands the short name, if its name is one.
    """
    names = short_names(hostname, cluster_domain, at_home=bool(home))
    found: list[tuple[str, Resource]] = []
    for number, port in dialled_ports(service).items():
        manager = HttpConnectionManager()
        manager.CopyFrom(_BASE)
        route = cluster_name(number, "", service.hostname)
        manager.rds.route_config_name = route
        out = Listener()
        pack(out.api_listener.api_listener, manager)
        for short in ("", *names):
            out.name = f"{short or hostname}:{number}"
            noted = Recorder()
            if recorder.active:
                noted.note("", Origin(service.origin, f"spec.ports[{service.ports.index(port)}]"))
            listener = Resource(
                LISTENER,
                out.name,
                out.SerializeToString(deterministic=True),
                (service.origin,),
                refs=((ROUTE, route),),
                notes=noted.notes(),
            )
            found.append((short, listener))
    return tuple(found)
