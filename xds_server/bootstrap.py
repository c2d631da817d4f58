"""An Envoy bootstrap: what an Envoy must be told before it can ask us for the rest.

Pure: a proxy and some ports in, a tree of plain dicts out (proto3 JSON, snake_case), which `as_yaml` and `as_json`
print. The shape is Istio's envoy_bootstrap.json for an Envoy without an agent beside it (reference 6.4): the same node
id, node metadata, cluster names and ports, so that tools made for Istio find their way.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import yaml

from translators.model.proxy import GRPC
from translators.proxyless import SERVER_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.proxy import Proxy

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | bool | float"

ADMIN_PORT: Final = 15000
STATUS_PORT: Final = 15021
METRICS_PORT: Final = 15090

_HCM: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER: Final = "envoy.extensions.filters.http.router.v3.Router"
_HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

FIRST_UNPRIVILEGED_PORT: Final = 1024
_HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapSettings:
    """What a bootstrap says besides who the proxy is."""

    xds_host: str
    """Host name (looked up again and again, STRICT_DNS) or IP address (STATIC) of the control plane."""
    xds_port: int
    admin_port: int | None = ADMIN_PORT
    """Admin interface, on loopback only. 0: the kernel chooses (see Envoy's --admin-address-path); None: no admin."""
    status_port: int = STATUS_PORT
    """Where /healthz/ready answers 200 once Envoy has its first configuration; 0: nowhere."""
    metrics_port: int = METRICS_PORT
    """Where /stats/prometheus answers; 0: nowhere."""
    delta: bool = True
    """Delta ADS, or state-of-the-world."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """More node metadata; a key given here wins over the one that the proxy gives."""
    reconnect_base_seconds: float = 0.1
    reconnect_max_seconds: float = 2.0
    """Envoy's own 0.5 s to 30 s keeps proxies from a restarted control plane for half a minute (xds-protocol 97)."""

    def __post_init__(self) -> None:
        """Raise ValueError for listeners that could reach no admin interface: both forward to its fixed port."""
        if (self.status_port or self.metrics_port) and not self.admin_port:
            msg = "the status and metrics listeners forward to the admin interface, so they need an admin port"
            raise ValueError(msg)


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port`, `1.2.3.4:port` or `[::1]:port`. Raises ValueError for anything else."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not colon or not bare or (":" in bare and not bracketed) or not port.isascii() or not port.isdigit():
        msg = f"{address!r} is not of the form HOST:PORT (an IPv6 address in brackets: [::1]:15010)"
        raise ValueError(msg)
    if not 0 < int(port) < 1 << 16:
        msg = f"{port} in {address!r} is not a port (1 to 65535)"
        raise ValueError(msg)
    return bare, int(port)


def may_bind_low_ports(*, euid: int, net_bind_service: bool, unprivileged_port_start: int) -> bool:
    """Whether a process may bind a gateway's ports 80 and 443.

    `unprivileged_port_start` is the sysctl net.ipv4.ip_unprivileged_port_start: Linux's default is 1024, while Docker
    sets 0 inside of its containers. A start of 80 is enough for a gateway.
    """
    return euid == 0 or net_bind_service or unprivileged_port_start <= _HTTP_PORT


def bootstrap(proxy: Proxy, settings: BootstrapSettings) -> dict[str, Tree]:
    """Return the bootstrap of one proxy."""
    tree: dict[str, Tree] = {"node": _node(proxy, settings)}
    if settings.admin_port is not None:
        # No access log: Envoy opens none unless told to. Loopback only: the admin interface can stop the proxy.
        tree["admin"] = {"address": _socket("127.0.0.1", settings.admin_port)}
    tree["dynamic_resources"] = _dynamic(settings)
    tree["static_resources"] = _static(settings)
    tree["stats_config"] = {"use_all_default_tags": False, "stats_tags": [dict(tag) for tag in _STATS_TAGS]}
    tree["layered_runtime"] = {
        "layers": [
            # Without a limit Envoy warns at every start, and an edge without one can be filled up with connections.
            # Envoy refuses regular expressions of more than 100 RE2 instructions unless told otherwise. The value is
            # Istio's, and the limit of our validation (PF0424).
            {
                "name": "global config",
                "static_layer": {
                    "overload.global_downstream_max_connections": 100000,
                    "re2.max_program_size.error_level": 32768,
                },
            },
            {"name": "admin", "admin_layer": {}},
        ]
    }
    return tree


def grpc_bootstrap(proxy: Proxy, settings: BootstrapSettings) -> dict[str, Tree]:
    """Return the bootstrap of a gRPC client or server, which reads it as JSON from the file that GRPC_XDS_BOOTSTRAP
    names, or from GRPC_XDS_BOOTSTRAP_CONFIG (gRFC A27). Ports and the variant of ADS are no settings of gRPC.
    """
    host = f"[{settings.xds_host}]" if ":" in settings.xds_host else settings.xds_host
    server: Tree = {
        "server_uri": f"{host}:{settings.xds_port}",
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    return {
        "xds_servers": [server],
        "node": _node(replace(proxy, generator=GRPC), settings),
        # What a server asks for, by the address that it binds (gRFC A36).
        "server_listener_resource_name_template": f"{SERVER_PREFIX}%s",
    }


def as_yaml(tree: dict[str, Tree]) -> str:
    """Print a bootstrap as YAML, in the order in which a reader wants it: node, admin, dynamic, static."""
    text: str = yaml.dump(tree, Dumper=_Plain, sort_keys=False, default_flow_style=False, width=120)
    return text


def as_json(tree: dict[str, Tree]) -> str:
    """Print a bootstrap as indented JSON."""
    return json.dumps(tree, indent=2) + "\n"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Never print `&id001`: a person reads this."""
        return True


def node_metadata(proxy: Proxy) -> dict[str, str]:
    """Return the node metadata of a proxy, but for its LABELS and whatever more its settings say."""
    optional = {
        "INTERCEPTION_MODE": proxy.interception_mode,
        "CLUSTER_ID": proxy.cluster_id,
        "NAME": proxy.name,
        "NAMESPACE": proxy.namespace,
        "INSTANCE_IPS": ",".join(proxy.ip_addresses),
        "NETWORK": proxy.network,
        "NODE_NAME": proxy.node,
        "SERVICE_ACCOUNT": proxy.service_account,
        "UNPRIVILEGED_POD": "true" if proxy.unprivileged_pod else "",
        "GENERATOR": proxy.generator,
    }
    return {key: value for key, value in optional.items() if value}


def _node(proxy: Proxy, settings: BootstrapSettings) -> Tree:
    metadata: dict[str, Tree] = {**node_metadata(proxy), "LABELS": dict(sorted(proxy.labels.items()))}
    ports = {"ENVOY_STATUS_PORT": settings.status_port, "ENVOY_PROMETHEUS_PORT": settings.metrics_port}
    metadata |= {key: str(port) for key, port in ports.items() if port}
    metadata |= settings.metadata
    node: dict[str, Tree] = {
        "id": proxy.id,
        # Istio's service cluster: the workload's app and its namespace (x-envoy-downstream-service-cluster shows it).
        "cluster": f"{proxy.labels.get('app', proxy.name)}.{proxy.namespace}",
    }
    place = proxy.locality
    locality: dict[str, Tree] = {
        key: value
        for key, value in (("region", place.region), ("zone", place.zone), ("sub_zone", place.sub_zone))
        if value
    }
    if locality:
        node["locality"] = locality
    node["metadata"] = dict(sorted(metadata.items()))
    return node


def _dynamic(settings: BootstrapSettings) -> Tree:
    # 0 s: an Envoy whose control plane is late waits for it instead of going live with nothing (architecture, choices).
    source: dict[str, Tree] = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC" if settings.delta else "GRPC",
            "transport_api_version": "V3",
            # The node is 61 KB, most of it the list of extensions (xds-protocol 0.8); once per stream is enough.
            "set_node_on_first_message_only": True,
            "grpc_services": [
                {
                    "envoy_grpc": {
                        "cluster_name": "xds-grpc",
                        "retry_policy": {
                            "retry_back_off": {
                                "base_interval": _seconds(settings.reconnect_base_seconds),
                                "max_interval": _seconds(settings.reconnect_max_seconds),
                            }
                        },
                    }
                }
            ],
        },
        "cds_config": dict(source),
        "lds_config": dict(source),
    }


def _static(settings: BootstrapSettings) -> Tree:
    clusters: list[Tree] = [_control_plane(settings)]
    listeners: list[Tree] = []
    admin_port = settings.admin_port or 0
    # Istio's names. Its `agent` cluster leads to the agent, which asks the admin interface; here nobody stands between.
    if settings.status_port:
        clusters.append(_loopback("agent", admin_port))
        listeners.append(_forward("status", settings.status_port, "/healthz/ready", "agent", rewrite="/ready"))
    if settings.metrics_port:
        clusters.append(_loopback("prometheus_stats", admin_port))
        listeners.append(_forward("metrics", settings.metrics_port, "/stats/prometheus", "prometheus_stats"))
    static: dict[str, Tree] = {"clusters": clusters}
    if listeners:
        static["listeners"] = listeners
    return static


def _control_plane(settings: BootstrapSettings) -> Tree:
    cluster: dict[str, Tree] = {"name": "xds-grpc", "connect_timeout": "1s"}
    # A connection that died in silence is the classic outage of xDS (xds-protocol 94).
    keepalive: Tree = {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
    protocol: Tree = {
        "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": keepalive},
    }
    if _is_ip(settings.xds_host):
        cluster["type"] = "STATIC"
    else:
        # Envoy's default of a lookup every 5 s, found or not, suits us; the fields that set it are deprecated in 1.40.
        cluster |= {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}
    cluster |= {
        "load_assignment": _assignment("xds-grpc", settings.xds_host, settings.xds_port),
        "typed_extension_protocol_options": {_HTTP_OPTIONS: protocol},
        "upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10}},
    }
    return cluster


def _loopback(name: str, port: int) -> Tree:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": _assignment(name, "127.0.0.1", port),
    }


def _forward(stat_prefix: str, port: int, path: str, cluster: str, *, rewrite: str = "") -> Tree:
    action: dict[str, Tree] = {"cluster": cluster}
    if rewrite:
        action["prefix_rewrite"] = rewrite
    return {
        "name": stat_prefix,
        "address": _socket("0.0.0.0", port),  # noqa: S104 - kubelets and Prometheus come from outside
        # The connection limit above is for users; a full proxy must still say how it is.
        "ignore_global_conn_limit": True,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": f"type.googleapis.com/{_HCM}",
                            "stat_prefix": stat_prefix,
                            "route_config": {
                                "name": stat_prefix,
                                "virtual_hosts": [
                                    {
                                        "name": stat_prefix,
                                        "domains": ["*"],
                                        "routes": [{"match": {"path": path}, "route": action}],
                                    }
                                ],
                            },
                            "http_filters": [
                                {
                                    "name": "envoy.filters.http.router",
                                    "typed_config": {"@type": f"type.googleapis.com/{_ROUTER}"},
                                }
                            ],
                        },
                    }
                ]
            }
        ],
    }


def _assignment(cluster: str, host: str, port: int) -> Tree:
    return {
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(host, port)}}]}],
    }


def _socket(host: str, port: int) -> Tree:
    return {"socket_address": {"address": host, "port_value": port}}


def _seconds(value: float) -> str:
    return f"{value:g}s"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_FIXED_CLUSTERS: Final = (
    r"xds-grpc|agent|prometheus_stats|BlackHoleCluster|PassthroughCluster|InboundPassthroughCluster"
)

_STATS_TAGS: Final[tuple[Mapping[str, str], ...]] = (
    # Names of clusters and stat prefixes hold dots, so Istio ends them in `;` (alt_stat_name, reference 2.1);
    # Envoy's own tags would cut `outbound|80||reviews.default.svc.cluster.local` at its first dot.
    {"tag_name": "cluster_name", "regex": rf"^cluster\.(({_FIXED_CLUSTERS}|[^;]+);?\.)"},
    {"tag_name": "http_conn_manager_prefix", "regex": r"^http\.((admin|async-client|status|metrics|[^;]+);?\.)"},
    {"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"},
    {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
)
