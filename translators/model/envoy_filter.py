"""Istio's EnvoyFilter: patches to what is generated (networking.istio.io/v1alpha3; reference 1.7)."""

from __future__ import annotations

from typing import ClassVar, Literal

from translators.model.common import Int32, JsonValue, UInt32, WorkloadSelector
from translators.model.meta import KubeObject, Struct

ApplyTo = Literal[
    "INVALID",
    "LISTENER",
    "FILTER_CHAIN",
    "NETWORK_FILTER",
    "HTTP_FILTER",
    "ROUTE_CONFIGURATION",
    "VIRTUAL_HOST",
    "HTTP_ROUTE",
    "CLUSTER",
    "EXTENSION_CONFIG",
    "BOOTSTRAP",
    "LISTENER_FILTER",
]
Operation = Literal[
    "INVALID",
    "MERGE",
    "ADD",
    "REMOVE",
    "INSERT_BEFORE",
    "INSERT_AFTER",
    "INSERT_FIRST",
    "REPLACE",
    "MERGE_AND_REPLACE_LIST",
]
PatchContext = Literal["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"]


class ProxyMatch(Struct, frozen=True, kw_only=True):
    """Which proxies, beyond the workload selector."""

    proxy_version: str = ""
    """A regular expression for the proxy's ISTIO_VERSION."""
    metadata: dict[str, str] = {}
    """Node metadata that the proxy must have, all of it."""


class SubFilterMatch(Struct, frozen=True, kw_only=True):
    """An HTTP filter, by name."""

    name: str = ""


class FilterMatch(Struct, frozen=True, kw_only=True):
    """A network filter, by name, and a filter inside it."""

    name: str = ""
    sub_filter: SubFilterMatch | None = None


class FilterChainMatch(Struct, frozen=True, kw_only=True):
    """A filter chain: all that is said must fit."""

    name: str = ""
    sni: str = ""
    transport_protocol: str = ""
    application_protocols: str = ""
    """Separated by commas."""
    filter: FilterMatch | None = None
    destination_port: UInt32 = 0


class ListenerMatch(Struct, frozen=True, kw_only=True):
    """A listener, and parts of it."""

    port_number: UInt32 = 0
    port_name: str = ""
    filter_chain: FilterChainMatch | None = None
    listener_filter: str = ""
    name: str = ""


class RouteMatch(Struct, frozen=True, kw_only=True):
    """A route inside a virtual host."""

    name: str = ""
    action: Literal["ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"] = "ANY"


class VirtualHostMatch(Struct, frozen=True, kw_only=True):
    """A virtual host inside a route configuration."""

    name: str = ""
    domain_name: str = ""
    route: RouteMatch | None = None


class RouteConfigurationMatch(Struct, frozen=True, kw_only=True):
    """A route configuration, and parts of it."""

    port_number: UInt32 = 0
    port_name: str = ""
    gateway: str = ""
    """`namespace/name`."""
    vhost: VirtualHostMatch | None = None
    name: str = ""


class ClusterMatch(Struct, frozen=True, kw_only=True):
    """A cluster: by its name, or by what the name is made of."""

    port_number: UInt32 = 0
    service: str = ""
    subset: str = ""
    name: str = ""


class WaypointMatch(Struct, frozen=True, kw_only=True):
    """Parts of a waypoint, which Pilotfish does not configure."""

    port_number: UInt32 = 0
    filter: FilterMatch | None = None
    route: RouteMatch | None = None


class EnvoyConfigObjectMatch(Struct, frozen=True, kw_only=True):
    """What a patch is for. What is not said fits everything."""

    context: PatchContext = "ANY"
    proxy: ProxyMatch | None = None
    listener: ListenerMatch | None = None
    route_configuration: RouteConfigurationMatch | None = None
    cluster: ClusterMatch | None = None
    waypoint: WaypointMatch | None = None


class Patch(Struct, frozen=True, kw_only=True):
    """What is done, and the piece of Envoy configuration to do it with (protobuf's JSON form)."""

    operation: Operation = "INVALID"
    value: dict[str, JsonValue] | None = None
    filter_class: Literal["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"] = "UNSPECIFIED"


class EnvoyConfigObjectPatch(Struct, frozen=True, kw_only=True):
    """One patch."""

    apply_to: ApplyTo = "INVALID"
    match: EnvoyConfigObjectMatch | None = None
    patch: Patch | None = None


class PolicyTargetReference(Struct, frozen=True, kw_only=True):
    """A Gateway API object that the filter is for."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class EnvoyFilterSpec(Struct, frozen=True, kw_only=True):
    """Which workloads, and which patches, in order."""

    workload_selector: WorkloadSelector | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    config_patches: tuple[EnvoyConfigObjectPatch, ...] = ()
    priority: Int32 = 0
    """Lower ones come first."""


class EnvoyFilter(KubeObject, frozen=True, kw_only=True):
    """Istio's EnvoyFilter."""

    KIND: ClassVar[str] = "EnvoyFilter"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: EnvoyFilterSpec = EnvoyFilterSpec()
