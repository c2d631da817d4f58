"""`pilotfish proxy-config`: what one proxy is served, as istioctl's `proxy-config` lays it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from xds_server.cli.server_client import as_table, find_proxy, get, output_option, proxy_path, server_option, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from xds_server.cli.server_client import JsonObject

Row = tuple[str, ...]


@click.command()
@click.argument("what", type=click.Choice(["listeners", "routes", "clusters", "endpoints", "secrets", "extensions"]))
@click.argument("proxy")
@server_option
@output_option
def command(what: str, proxy: str, server: str, output: str) -> None:
    """Show the resources of one kind that PROXY is served.

    PROXY is a node id, `name.namespace`, or as much of either as is unique among the connected proxies. `-o json` and
    `-o yaml` print the Envoy resources themselves; private keys are redacted.
    """
    found = find_proxy(get(server, "/api/v1/proxies"), proxy)
    resources: list[JsonObject] = get(server, proxy_path(found, what))
    header, rows = _TABLES[what]
    show(output, resources, lambda: as_table(header, [row for r in resources for row in rows(r)]))


def _address(holder: JsonObject) -> tuple[str, str]:
    """Return address and port of whatever holds a core.v3.Address."""
    address = holder.get("address", {})
    socket = address.get("socket_address", {})
    if socket:
        return str(socket.get("address", "")), str(socket.get("port_value", socket.get("named_port", "")))
    pipe = address.get("pipe", {})
    return (f"unix://{pipe['path']}" if pipe else "", "")


def _origin(resource: JsonObject) -> str:
    """Return `name.namespace` of the object in `metadata.filter_metadata.istio.config`, as istioctl shows it."""
    path = str(resource.get("metadata", {}).get("filter_metadata", {}).get("istio", {}).get("config", ""))
    parts = path.split("/")
    if "namespaces" not in parts:
        return ""
    at = parts.index("namespaces")
    return f"{parts[-1]}.{parts[at + 1]}"


def _clusters(cluster: JsonObject) -> Iterator[Row]:
    name = str(cluster.get("name", ""))
    parts = name.split("|")
    direction, port, subset, host = parts if len(parts) == 4 else ("-", "-", "-", name)
    kind = cluster.get("cluster_type", {}).get("name") or cluster.get("type", "STATIC")
    yield host, port, subset or "-", direction, str(kind), _origin(cluster)


def _endpoints(assignment: JsonObject) -> Iterator[Row]:
    cluster = str(assignment.get("cluster_name", ""))
    for locality in assignment.get("endpoints", ()):
        for endpoint in locality.get("lb_endpoints", ()):
            address, port = _address(endpoint.get("endpoint", {}))
            yield (
                f"{address}:{port}" if port else address,
                str(endpoint.get("health_status", "HEALTHY")),
                str(endpoint.get("load_balancing_weight", 1)),
                str(locality.get("priority", 0)),
                cluster,
            )


def _listeners(listener: JsonObject) -> Iterator[Row]:
    address, port = _address(listener)
    if client := listener.get("api_listener", {}).get("api_listener"):
        yield str(listener.get("name", "")), "", "", "ALL", _destination({"filters": [{"typed_config": client}]})
        return
    chains = [*listener.get("filter_chains", ()), *filter(None, [listener.get("default_filter_chain")])]
    for chain in chains:
        match = chain.get("filter_chain_match", {})
        said = [
            *(f"SNI: {name}" for name in match.get("server_names", ())),
            *(f"Trans: {t}" for t in filter(None, [match.get("transport_protocol")])),
            *(f"App: {','.join(match['application_protocols'])}" for _ in match.get("application_protocols", ())[:1]),
            *(f"Addr: {p['address_prefix']}/{p.get('prefix_len', 0)}" for p in match.get("prefix_ranges", ())),
        ]
        yield str(listener.get("name", "")), address, port, "; ".join(said) or "ALL", _destination(chain)


def _destination(chain: JsonObject) -> str:
    for filter_ in chain.get("filters", ()):
        config = filter_.get("typed_config", {})
        if "rds" in config:
            return f"Route: {config['rds'].get('route_config_name', '')}"
        if "route_config" in config:
            return f"Inline Route: {config['route_config'].get('name', '')}"
        if "cluster" in config:
            return f"Cluster: {config['cluster']}"
        if "weighted_clusters" in config:
            return "Cluster: " + ", ".join(c.get("name", "") for c in config["weighted_clusters"].get("clusters", ()))
    return "Non-HTTP/Non-TCP"


_PATHS: Final[dict[str, str]] = {
    "path": "{}",
    "prefix": "{}*",
    "path_separated_prefix": "{}/*",
}


def _match(match: JsonObject) -> str:
    shown = next((form.format(match[key]) for key, form in _PATHS.items() if key in match), "")
    if "safe_regex" in match:
        shown = f"regex {match['safe_regex'].get('regex', '')}"
    conditions = [str(h.get("name", "")) for h in match.get("headers", ())]
    conditions += [f"?{q.get('name', '')}" for q in match.get("query_parameters", ())]
    return " ".join([shown or "/*", *conditions])


def _routes(configuration: JsonObject) -> Iterator[Row]:
    name = str(configuration.get("name", ""))
    for host in configuration.get("virtual_hosts", ()):
        domains = _few(host.get("domains", ()))
        if not host.get("routes"):
            yield name, str(host.get("name", "")), domains, "-", "404", ""
        for route in host.get("routes", ()):
            yield (
                name,
                str(host.get("name", "")),
                domains,
                _match(route.get("match", {})),
                _action(route),
                _origin(route),
            )


def _few(domains: Sequence[str]) -> str:
    shown = ", ".join(domains[:2])
    return f"{shown} + {len(domains) - 2} more..." if len(domains) > 2 else shown


def _action(route: JsonObject) -> str:
    if "redirect" in route:
        return "redirect"
    if "direct_response" in route:
        return str(route["direct_response"].get("status", "direct response"))
    action: dict[str, Any] = route.get("route", {})
    if "weighted_clusters" in action:
        return ", ".join(
            f"{c.get('name', '')} ({c.get('weight', 0)})" for c in action["weighted_clusters"].get("clusters", ())
        )
    return str(action.get("cluster") or action.get("cluster_header") or "-")


def _secrets(secret: JsonObject) -> Iterator[Row]:
    kinds = {
        "tls_certificate": "Cert Chain",
        "validation_context": "CA",
        "generic_secret": "Generic",
        "session_ticket_keys": "Session Ticket Keys",
    }
    yield str(secret.get("name", "")), next((shown for key, shown in kinds.items() if key in secret), "-")


def _extensions(extension: JsonObject) -> Iterator[Row]:
    yield str(extension.get("name", "")), str(extension.get("typed_config", {}).get("@type", "-")).rpartition("/")[2]


_TABLES: Final[dict[str, tuple[Row, Callable[[JsonObject], Iterator[Row]]]]] = {
    "clusters": (("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"), _clusters),
    "endpoints": (("ENDPOINT", "STATUS", "WEIGHT", "PRIORITY", "CLUSTER"), _endpoints),
    "extensions": (("NAME", "TYPE"), _extensions),
    "listeners": (("NAME", "ADDRESS", "PORT", "MATCH", "DESTINATION"), _listeners),
    "routes": (("NAME", "VHOST NAME", "DOMAINS", "MATCH", "DESTINATION", "VIRTUAL SERVICE"), _routes),
    "secrets": (("RESOURCE NAME", "TYPE"), _secrets),
}
