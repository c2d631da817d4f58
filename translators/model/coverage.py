"""What a field that is read does not (yet) do: the table behind "no silent field".

Every field of a kind either changes what Envoy gets, or stands here with the reason why not, and then setting it gives
a warning. An entry goes away with the change that makes its field work. Paths are JSON names below the object, `[]`
for an element of a list and `{}` for a value of a map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Notice(NamedTuple):
    """What to say when a field is set to something other than its default."""

    code: str
    message: str
    hint: str = ""
    unless: tuple[object, ...] = ()
    """Values that ask for nothing, such as those that the API server fills in."""


def _idle(reason: str, *unless: object) -> Notice:
    return Notice("PF0208", f"this has no effect yet: {reason}", unless=unless)


def _renamed(today: str, note: str = "it is read as that") -> Notice:
    return Notice("PF0207", f"today this is called {today}; {note}", f"use {today}")


def _under(prefixes: Iterable[str], fields: Mapping[str, Notice]) -> dict[str, Notice]:
    return {f"{prefix}.{name}": notice for prefix in prefixes for name, notice in fields.items()}


_MESH_TLS: Final = _idle("certificates of the mesh are not issued")
_ZONE_AWARE: Final = _idle("it needs a cluster of the proxy's own replicas; localityLbSetting needs none")
_NETWORK: Final = _idle(
    "no gateway leads from one network to another, so endpoints are sent as they are; failoverPriority may look at it"
)
_NOT_ISTIO: Final = _idle("Istio does not implement it either")
_ACCESS_LOG: Final = _idle("accessLogFile is the only access log")
_TRACING: Final = _idle("tracing is not configured")

_GATEWAY: Final[dict[str, Notice]] = {
    "spec.servers[].defaultEndpoint": _NOT_ISTIO,
}

_VIRTUAL_SERVICE: Final[dict[str, Notice]] = {
    "spec.tcp[].match[].sourceSubnet": _NOT_ISTIO,
    "spec.http[].fault.delay.exponentialDelay": _NOT_ISTIO,
    "spec.http[].fault.abort.http2Error": _NOT_ISTIO,
    "spec.http[].fault.delay.percent": _renamed("percentage.value"),
    "spec.http[].fault.abort.percent": _renamed("percentage.value"),
    "spec.http[].mirrorPercent": _renamed("mirrorPercentage.value"),
    "spec.http[].corsPolicy.allowOrigin": _renamed("allowOrigins[].exact"),
}

_BALANCING: Final[dict[str, Notice]] = {
    "zoneAwareLbSetting": _ZONE_AWARE,
    "warmupDurationSecs": _renamed("warmup.duration"),
    "consistentHash.minimumRingSize": _renamed("consistentHash.ringHash.minimumRingSize"),
}
_POOL: Final[dict[str, Notice]] = {
    "http.maxConnections": _renamed("connectionPool.tcp.maxConnections"),
    "http.maxPendingRequests": _renamed("connectionPool.http.http1MaxPendingRequests"),
}
_POLICY: Final[dict[str, Notice]] = {
    **_under(("loadBalancer",), _BALANCING),
    **_under(("connectionPool",), _POOL),
    "outlierDetection.consecutiveErrors": _renamed("outlierDetection.consecutive5xxErrors"),
}
_TOP_POLICY: Final[dict[str, Notice]] = {
    **_POLICY,
    **_under(("portLevelSettings[]",), _POLICY),
    "retryBudget.budgetInterval": _idle("Envoy counts the requests of the moment"),
}
_DESTINATION_RULE: Final[dict[str, Notice]] = {
    **_under(("spec.trafficPolicy", "spec.subsets[].trafficPolicy"), _TOP_POLICY),
}

_SIDECAR: Final[dict[str, Notice]] = {
    "spec.ingress[].tls": _idle("sidecars do not terminate TLS"),
    **_under(
        ("spec.ingress[].connectionPool", "spec.inboundConnectionPool"),
        {
            **_POOL,
            "http.h2UpgradePolicy": _idle(
                "nobody knows whether the workload speaks HTTP/2", "DEFAULT", "DO_NOT_UPGRADE"
            ),
        },
    ),
}

_SERVICE_ENTRY: Final[dict[str, Notice]] = {
    "spec.endpoints[].serviceAccount": _MESH_TLS,
    "spec.endpoints[].network": _NETWORK,
}

_WORKLOAD_ENTRY: Final[dict[str, Notice]] = {
    "spec.serviceAccount": _MESH_TLS,
    "spec.network": _NETWORK,
}

_WORKLOAD_GROUP: Final[dict[str, Notice]] = dict.fromkeys(
    ("spec.metadata", "spec.template", "spec.probe"),
    _idle("workloads do not register themselves; write a WorkloadEntry for each of them"),
)

_SERVICE: Final[dict[str, Notice]] = {
    "spec.sessionAffinity": _idle("use a DestinationRule's consistentHash", "None"),
    "spec.externalIPs": _idle("gateways route by host, not by address"),
}

_MESH_CONFIG: Final[dict[str, Notice]] = {
    "ingressClass": _idle("Ingress is not read"),
    "ingressService": _idle("Ingress is not read"),
    "ingressSelector": _idle("Ingress is not read"),
    "ingressControllerMode": _idle("Ingress is not read"),
    "enableTracing": _TRACING,
    "enableEnvoyAccessLogService": _ACCESS_LOG,
    "disableEnvoyListenerLog": _ACCESS_LOG,
    "outboundTrafficPolicy.mode": Notice(
        "PF0208",
        "this has no effect yet: unknown hosts are not looked up, connections to them go where the client meant",
        unless=("ALLOW_ANY", "REGISTRY_ONLY"),
    ),
    "enableAutoMtls": _MESH_TLS,
    "trustDomain": _MESH_TLS,
    "trustDomainAliases": _MESH_TLS,
    "rootNamespace": _idle("it is set with --root-namespace"),
    "zoneAwareLbSetting": _ZONE_AWARE,
    **_under(("defaultTrafficPolicy.connectionPool",), _POOL),
    "defaultTrafficPolicy.outlierDetection.consecutiveErrors": _renamed("outlierDetection.consecutive5xxErrors"),
    "inboundClusterStatName": _idle("clusters are counted under their own names"),
    "enablePrometheusMerge": _idle("no agent merges the metrics of a workload into its proxy's"),
    "verifyCertificateAtClient": _idle("certificates are always verified, unless a rule says insecureSkipVerify"),
    "defaultProviders": _idle("extension providers are not read"),
    "meshMtls": _MESH_TLS,
}

_ENVOY_FILTER: Final[dict[str, Notice]] = {
    "spec.targetRefs": _idle("the Gateway API is not read"),
    "spec.configPatches[].match.listener.portName": _NOT_ISTIO,
    "spec.configPatches[].match.waypoint": _idle("there are no waypoints"),
    "spec.configPatches[].patch.filterClass": _idle("the operation says where a filter is put", "UNSPECIFIED"),
}

_AT_START: Final = _idle("it takes effect when a proxy is started by injection, which does not read it yet")
_PROXY_CONFIG: Final[dict[str, Notice]] = {
    f"spec.{name}": _AT_START for name in ("selector", "concurrency", "environmentVariables", "image")
}

NOTICES: Final[Mapping[str, Mapping[str, Notice]]] = {
    "DestinationRule": _DESTINATION_RULE,
    "EnvoyFilter": _ENVOY_FILTER,
    "Gateway": _GATEWAY,
    "MeshConfig": _MESH_CONFIG,
    "ProxyConfig": _PROXY_CONFIG,
    "Service": _SERVICE,
    "ServiceEntry": _SERVICE_ENTRY,
    "Sidecar": _SIDECAR,
    "VirtualService": _VIRTUAL_SERVICE,
    "WorkloadEntry": _WORKLOAD_ENTRY,
    "WorkloadGroup": _WORKLOAD_GROUP,
}
"""Kind to path to what is said when that field is set."""

_UNREAD: Final[dict[str, Notice | None]] = {
    "ca": _MESH_TLS,
    "caCertificates": _MESH_TLS,
    "certificates": _MESH_TLS,
    "configSources": _idle("objects come from --config"),
    "defaultConfig": _idle("what a proxy is set up with stands in its own bootstrap: see `pilotfish bootstrap`"),
    "defaultInboundHttpRetryPolicy": _idle("a sidecar tries twice again what its workload has not seen"),
    "extensionProviders": _idle("extension providers are not read"),
    "serviceEntryVisibility": _idle("exportTo says who sees a ServiceEntry"),
    "serviceScopeConfigs": _idle("there are no waypoints"),
    "serviceSettings": _idle("there is one cluster only, so every service is local to it"),
}
"""Keys of MeshConfig that have no field in the Struct."""

_METADATA: Final[dict[str, Notice | None]] = dict.fromkeys(
    (
        "clusterName",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)
_ISTIO: Final[Mapping[str, Mapping[str, Notice | None]]] = {
    "": dict.fromkeys(("apiVersion", "kind", "status")),
    "metadata": _METADATA,
}

ELSEWHERE: Final[Mapping[str, Mapping[str, Mapping[str, Notice | None]]]] = {
    **dict.fromkeys(NOTICES.keys() - {"MeshConfig", "Service"}, _ISTIO),
    "MeshConfig": {"": _UNREAD},
}
"""Kind to path of a message to fields of the API that are no field of the Struct: None where they are no user's
business, else what is said when one is set.
"""
