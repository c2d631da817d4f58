"""Probes of an app, answered by its Envoy: the listener on port 15020 that an injected pod's bootstrap holds.

Istio's agent answers these (reference 6.1); a stock Envoy can as well. An HTTP probe is a request that is passed on to
the app. Where a probe is no HTTP request (a TCP connection, gRPC health), Envoy checks the app's health itself, and
answers the probe with what it found last.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xds_server.bootstrap import Tree

PROBES_PORT: Final = 15020
_TYPE: Final = "type.googleapis.com/envoy.extensions"
_HCM: Final = f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER: Final = f"{_TYPE}.filters.http.router.v3.Router"
_HEALTH: Final = f"{_TYPE}.filters.http.health_check.v3.HealthCheck"
_TLS: Final = f"{_TYPE}.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP_OPTIONS: Final = f"{_TYPE}.upstreams.http.v3.HttpProtocolOptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppProbe:
    """What Envoy asks the app in the place of one probe."""

    path: str
    """Where kubelet asks, such as /app-health/app/livez."""
    kind: Literal["httpGet", "tcpSocket", "grpc"]
    port: int
    app_path: str = "/"
    https: bool = False
    service: str = ""
    """Of a gRPC health check."""
    timeout_seconds: int = 1
    period_seconds: int = 10


class _Target(msgspec.Struct, frozen=True):
    port: int
    path: str = "/"
    scheme: str = ""
    service: str = ""


class _Probe(msgspec.Struct, frozen=True, rename="camel"):
    http_get: _Target | None = None
    tcp_socket: _Target | None = None
    grpc: _Target | None = None
    timeout_seconds: int = 1
    period_seconds: int = 10


def read_app_probes(text: str) -> tuple[AppProbe, ...]:
    """Read the value of ISTIO_KUBE_APP_PROBERS. Raises ValueError."""
    found = []
    for path, probe in sorted(msgspec.json.decode(text, type=dict[str, _Probe]).items()):
        kinds = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "grpc": probe.grpc}
        for kind, target in kinds.items():
            if target is not None:
                found.append(
                    AppProbe(
                        path=path,
                        kind=cast("Literal['httpGet', 'tcpSocket', 'grpc']", kind),
                        port=target.port,
                        app_path=target.path if target.path.startswith("/") else f"/{target.path}",
                        https=target.scheme.upper() == "HTTPS",
                        service=target.service,
                        timeout_seconds=max(probe.timeout_seconds, 1),
                        period_seconds=max(probe.period_seconds, 1),
                    )
                )
    return tuple(found)


def add_app_probes(bootstrap: dict[str, Tree], probes: Sequence[AppProbe], addresses: Sequence[str]) -> None:
    """Add the listener and its clusters to a bootstrap, in place. `addresses` are the pod's; the first one is asked."""
    if not probes:
        return
    address = addresses[0] if addresses else "127.0.0.1"
    static = cast("dict[str, Tree]", bootstrap["static_resources"])
    cast("list[Tree]", static["clusters"]).extend(_cluster(probe, address) for probe in probes)
    cast("list[Tree]", static.setdefault("listeners", [])).append(_listener(probes, ipv6=":" in address))


def _listener(probes: Sequence[AppProbe], *, ipv6: bool) -> Tree:
    routes: list[Tree] = [
        {
            "match": {"path": probe.path},
            "route": {
                "cluster": _name(probe),
                # All of the path, and no query, is what the probe has.
                "regex_rewrite": {"pattern": {"regex": "^.*$"}, "substitution": probe.app_path.replace("\\", "\\\\")},
                "timeout": f"{probe.timeout_seconds}s",
            },
        }
        for probe in probes
        if probe.kind == "httpGet"
    ]
    checks: list[Tree] = [
        {
            "name": "envoy.filters.http.health_check",
            "typed_config": {
                "@type": _HEALTH,
                "pass_through_mode": False,
                "cluster_min_healthy_percentages": {_name(probe): {"value": 100}},
                "headers": [{"name": ":path", "string_match": {"exact": probe.path}}],
            },
        }
        for probe in probes
        if probe.kind != "httpGet"
    ]
    manager: Tree = {
        "@type": _HCM,
        "stat_prefix": "app_health",
        "route_config": {
            "name": "app_health",
            "virtual_hosts": [{"name": "app_health", "domains": ["*"], "routes": routes}],
        },
        "http_filters": [*checks, {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    chain: Tree = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
    }
    everywhere = "::" if ipv6 else "0.0.0.0"  # noqa: S104 - kubelet asks from outside of the pod
    return {
        "name": "app_health",
        "address": {"socket_address": {"address": everywhere, "port_value": PROBES_PORT}},
        "filter_chains": [chain],
    }


def _cluster(probe: AppProbe, address: str) -> Tree:
    endpoint: Tree = {"address": {"socket_address": {"address": address, "port_value": probe.port}}}
    made: dict[str, Tree] = {
        "name": _name(probe),
        "type": "STATIC",
        "connect_timeout": f"{probe.timeout_seconds}s",
        "load_assignment": {
            "cluster_name": _name(probe),
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
    if not ipaddress.ip_address(address).is_loopback:
        # The rules of interception let this source by; anything else of Envoy's that goes to the pod's own address
        # is led to its inbound listener.
        source = "::6" if ":" in address else "127.0.0.6"
        made["upstream_bind_config"] = {"source_address": {"address": source, "port_value": 0}}
    if probe.https:
        # Kubelet does not verify the certificate of an app, either.
        made["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": _TLS}}
    if probe.kind == "httpGet":
        return made
    check: dict[str, Tree] = {
        "timeout": f"{probe.timeout_seconds}s",
        "interval": f"{max(probe.period_seconds // 2, 1)}s",
        "no_traffic_interval": "1s",
        "unhealthy_interval": "1s",
        "no_traffic_healthy_interval": f"{max(probe.period_seconds // 2, 1)}s",
        # Kubelet counts successes and failures itself.
        "healthy_threshold": 1,
        "unhealthy_threshold": 1,
    }
    if probe.kind == "tcpSocket":
        check["tcp_health_check"] = {}
    else:
        check["grpc_health_check"] = {"service_name": probe.service}
        made["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _HTTP_OPTIONS,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    made["health_checks"] = [check]
    return made


def _name(probe: AppProbe) -> str:
    return probe.path.removeprefix("/").replace("/", "|")
