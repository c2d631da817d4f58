"""The objects that tests put into the folder, as plain dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from translators.model.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.envoy.harness.backend import Backend

Object = dict[str, Any]

_ISTIO = "networking.istio.io/v1"


def istio(kind: str, name: str, spec: Mapping[str, Any], namespace: str = "default") -> Object:
    """Return an object of networking.istio.io."""
    return {
        "apiVersion": _ISTIO,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": dict(spec),
    }


def gateway(name: str = "gateway", hosts: Iterable[str] = ("*",), number: int = 80) -> Object:
    """Return an HTTP Gateway for Envoys with the label istio: ingressgateway."""
    server = {"port": {"number": number, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    return istio("Gateway", name, {"selector": {"istio": "ingressgateway"}, "servers": [server]})


def gateway_service(target_port: int, number: int = 80) -> Object:
    """Return the Service that maps a Gateway's port to one that needs no root."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "istio-ingressgateway", "namespace": "istio-system"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "ports": [{"name": "http2", "port": number, "targetPort": target_port}],
        },
    }


def service_entry(name: str, backends: Iterable[Backend]) -> Object:
    """Return `<name>.default.svc.cluster.local:80`, with an endpoint for each backend, labelled with its version."""
    endpoints = [
        {"address": "127.0.0.1", "ports": {"http": one.port}, "labels": {"version": one.version}} for one in backends
    ]
    spec = {
        "hosts": [f"{name}.default.svc.cluster.local"],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": endpoints,
    }
    return istio("ServiceEntry", name, spec)


def kubernetes_service(name: str, pods: Iterable[tuple[str, str, int]]) -> list[Object]:
    """Return a Service with a Pod for each (name, version, port), and a slice for each, since their ports differ."""
    found: list[Object] = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": 80}]},
        }
    ]
    for pod, version, port in pods:
        meta = {"name": pod, "namespace": "default"}
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "labels": {"version": version}}})
        found.append(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": port}],
                "endpoints": [{"addresses": ["127.0.0.1"], "targetRef": {"kind": "Pod", **meta}}],
            }
        )
    return found


def virtual_service(
    name: str, http: str | list[Object], hosts: Iterable[str] = ("*",), gateway: str = "gateway"
) -> Object:
    """Return a VirtualService of a gateway; `http` is its list of routes, as YAML or as objects."""
    routes = yaml.safe_load(http) if isinstance(http, str) else http
    return istio("VirtualService", name, {"hosts": list(hosts), "gateways": [gateway], "http": routes})


def destination_rule(name: str, host: str, policy: str = "", subsets: Iterable[str] = ()) -> Object:
    """Return a DestinationRule; `policy` is its trafficPolicy as YAML, each subset selects the version of its name."""
    spec: Object = {"host": host}
    if policy:
        spec["trafficPolicy"] = yaml.safe_load(policy)
    if subsets:
        spec["subsets"] = [{"name": one, "labels": {"version": one}} for one in subsets]
    return istio("DestinationRule", name, spec)


def bare_proxy(node_id: str, labels: Mapping[str, str]) -> Proxy:
    """Return an Envoy that knows nothing of Istio but labels, and may not bind ports below 1024."""
    return Proxy(id=node_id, type="router", name="", namespace="", labels=labels, unprivileged_pod=True)


def service(
    name: str,
    ports: Mapping[str, int],
    namespace: str = "default",
    address: str = "None",
    targets: Mapping[str, int] | None = None,
) -> Object:
    """Return a Service for pods with the label `app` of its name; `ports` and `targets` go by the ports' names."""
    listed: list[Object] = [{"name": port, "port": number} for port, number in ports.items()]
    for one in listed:
        if targets and one["name"] in targets:
            one["targetPort"] = targets[one["name"]]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": address, "selector": {"app": name}, "ports": listed},
    }


def endpoint_slice(
    service: str,
    ports: Mapping[str, int],
    addresses: Iterable[str],
    namespace: str = "default",
    zones: Mapping[str, str] | None = None,
) -> Object:
    """Return the ready endpoints of a Service; `ports` are their own ports, by the names of the Service's. `zones` go
    by address.
    """
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-1", "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": name, "port": number} for name, number in ports.items()],
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}, "zone": (zones or {}).get(address, "")}
            for address in addresses
        ],
    }


def pod(name: str, labels: Mapping[str, str], address: str, namespace: str = "default") -> Object:
    """Return a Pod: whose labels the endpoint with its address has."""
    meta = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"podIP": address}}


def yaml_object(kind: str, name: str, spec: str, namespace: str = "default") -> Object:
    """Return an object of networking.istio.io whose spec is YAML."""
    return istio(kind, name, yaml.safe_load(spec), namespace)
