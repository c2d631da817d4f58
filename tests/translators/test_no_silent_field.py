"""No silent field: setting any field of a kind changes what some proxy is served, or gives a diagnostic.

Each field is set in an object that is otherwise as in BASES, to a value made from its type or taken from SAMPLES. Where
it needs company to mean anything, NEEDS adds that to the object first: the two Worlds differ in the one field alone.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from msgspec import inspect

from translators.model.coverage import NOTICES
from translators.model.coverage_page import DOCUMENTED
from translators.model.decode import decode, decode_mesh_config
from translators.model.fields import fields_of
from translators.model.kinds import KINDS, api_versions
from translators.model.proxy import Locality, ProxyView
from translators.model.world import World
from translators.translate import Translator
from translators.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS: Final = """
{kind: Gateway, metadata: {name: gw}, spec: {selector: {istio: ingressgateway}, servers: [
  {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}}
---
{kind: Gateway, metadata: {name: l4}, spec: {selector: {istio: ingressgateway}, servers: [
  {port: {number: 9000, name: tcp-a, protocol: TCP}, hosts: ["*"]},
  {port: {number: 9001, name: tcp-b, protocol: TCP}, hosts: ["*"]},
  {port: {number: 9443, name: tls, protocol: TLS}, hosts: ["*"], tls: {mode: PASSTHROUGH}}]}}
---
{kind: VirtualService, metadata: {name: l4}, spec: {hosts: ["*"], gateways: [l4], tcp: [
  {match: [{port: 9000}], route: [{destination: {host: echo.example, port: {number: 82}}}]}]}}
---
{kind: VirtualService, metadata: {name: routes}, spec: {hosts: ["*"], gateways: [gw, x], http: [
  {match: [{uri: {prefix: /grpc}}], route: [{destination: {host: echo.example, port: {number: 81}}}]},
  {match: [{uri: {prefix: /selected}}], route: [{destination: {host: selected.example}}]},
  {match: [{uri: {prefix: /dns}}], route: [{destination: {host: dns.example}}]},
  {match: [{uri: {prefix: /subset}}], route: [{destination: {host: echo.example, subset: v1, port: {number: 80}}}]},
  {route: [{destination: {host: echo.example, port: {number: 80}}}]}]}}
---
{kind: ServiceEntry, metadata: {name: selected}, spec: {hosts: [selected.example], resolution: STATIC,
  ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: selected}}}}
---
{kind: ServiceEntry, metadata: {name: dns}, spec: {hosts: [dns.example], resolution: DNS,
  ports: [{number: 80, name: http, protocol: HTTP}]}}
---
{kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.1, selector: {app: web},
  ports: [{name: http, port: 80, targetPort: 8080}]}}
---
{kind: Service, metadata: {name: away, namespace: elsewhere}, spec: {ports: [{name: http, port: 80}]}}
---
{kind: Pod, metadata: {name: pod, labels: {app: pod}}, spec: {}, status: {phase: Running, podIP: 10.9.9.9}}
"""
BASES: Final = {
    "DestinationRule": """
{kind: DestinationRule, metadata: {name: x}, spec: {host: echo.example, subsets: [{name: v1, labels: {version: v1}}]}}
""",
    "ServiceEntry": """
{kind: ServiceEntry, metadata: {name: x}, spec: {hosts: [echo.example], resolution: STATIC, location: MESH_INTERNAL,
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: grpc, protocol: GRPC},
    {number: 82, name: tcp, protocol: TCP}],
  endpoints: [{address: 10.0.0.1, locality: r1/z1, labels: {version: v1}},
    {address: 10.0.0.2, locality: r1/z2, labels: {version: v1}}, {address: 10.0.0.3, locality: r2/z1},
    {address: 10.0.0.4, locality: r3/z1}]}}
""",
    "WorkloadEntry": """
{kind: WorkloadEntry, metadata: {name: x}, spec: {address: 10.1.0.1, labels: {app: selected}}}
""",
    "VirtualService": """
{kind: VirtualService, metadata: {name: x}, spec: {hosts: ["*.example"], gateways: [gw], http: [
  {route: [{destination: {host: echo.example, port: {number: 80}}}]}]}}
""",
    "Gateway": """
{kind: Gateway, metadata: {name: x}, spec: {selector: {istio: ingressgateway}, servers: [
  {port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]}}
""",
    "Sidecar": """
{kind: Sidecar, metadata: {name: x}, spec: {workloadSelector: {labels: {app: web}},
  ingress: [{port: {number: 9080, name: http, protocol: HTTP}, defaultEndpoint: "127.0.0.1:8080"}],
  egress: [{hosts: ["*/*"]}]}}
""",
    "MeshConfig": "{}",
}
ROUTE: Final = "route: [{destination: {host: echo.example, port: {number: 80}}}]"
SHARES: Final = "localityLbSetting: {distribute: [{from: r1/*, to: {r1/z1: 100}}]}"
HTTPS: Final = """
{spec: {servers: [{port: {number: 8443, name: https, protocol: HTTPS}, hosts: ["*"],
  tls: {mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /a}}]}}
"""
EGRESS: Final = """
{spec: {egress: [{port: {number: 90, name: a, protocol: HTTP}, hosts: ["*/*"]}, {hosts: ["*/*"]}]}}
"""
EGRESS_PROXY: Final = """
{spec: {outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: echo.example, port: {number: 80}}}}}
"""
GRPC_IN: Final = """
{spec: {ingress: [{port: {number: 9080, name: grpc, protocol: GRPC}, defaultEndpoint: "127.0.0.1:8080"}]}}
"""
L4_ROUTE: Final = "route: [{destination: {host: echo.example, port: {number: 82}}}]"
NEEDS: Final[dict[str, dict[str, str]]] = {
    "DestinationRule": {
        "loadBalancer.consistentHash.httpCookie.": "loadBalancer: {consistentHash: {httpCookie: {name: c}}}",
        "loadBalancer.consistentHash.maglev.": "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}",
        "loadBalancer.consistentHash.ringHash.": "loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {}}}",
        "loadBalancer.consistentHash.minimumRingSize": "loadBalancer: {consistentHash: {useSourceIp: true}}",
        "loadBalancer.localityLbSetting.distribute[].": f"loadBalancer: {{{SHARES}}}",
        "loadBalancer.localityLbSetting.failover[]": "{outlierDetection: {interval: 1s}, loadBalancer: "
        "{localityLbSetting: {failover: [{from: r1, to: r3}]}}}",
        "loadBalancer.localityLbSetting.": "outlierDetection: {interval: 1s}",
        "loadBalancer.warmup.": "loadBalancer: {warmup: {duration: 1s}}",
        "connectionPool.http.http2KeepAlive.": "connectionPool: {http: {http2KeepAlive: {interval: 1s, timeout: 1s}}}",
        "outlierDetection.consecutiveLocalOriginFailures": "outlierDetection: {splitExternalLocalOriginErrors: true}",
        "tls.clientCertificate": "tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k}",
        "tls.privateKey": "tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k}",
        "tls.mode": "tls: {mode: SIMPLE}",
        "tls.": "tls: {mode: SIMPLE}",
        "proxyProtocol.version": "proxyProtocol: {version: V1}",
        "tunnel.": "tunnel: {targetHost: a.example, targetPort: 80}",
    },
    "Sidecar": {
        "spec.egress[].": EGRESS,
        "spec.egress[].hosts": "{}",
        "spec.outboundTrafficPolicy.egressProxy.": EGRESS_PROXY,
        "spec.ingress[].connectionPool.tcp.idleTimeout": GRPC_IN.replace("GRPC", "TCP"),
        "spec.inboundConnectionPool.tcp.idleTimeout": GRPC_IN.replace("GRPC", "TCP"),
        "spec.outboundTrafficPolicy.mode": "{spec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}}",
        "spec.ingress[].connectionPool.http.http2KeepAlive.": GRPC_IN,
        "spec.ingress[].connectionPool.http.maxConcurrentStreams": GRPC_IN,
        "spec.inboundConnectionPool.http.http2KeepAlive.": GRPC_IN,
        "spec.inboundConnectionPool.http.maxConcurrentStreams": GRPC_IN,
    },
    "MeshConfig": {
        "localityLbSetting.distribute[].": SHARES,
        "localityLbSetting.failover[]": "{defaultTrafficPolicy: {outlierDetection: {interval: 1s}}, "
        "localityLbSetting: {failover: [{from: r1, to: r3}]}}",
        "localityLbSetting.": "defaultTrafficPolicy: {outlierDetection: {interval: 1s}}",
        "accessLogFormat": "accessLogFile: /dev/stdout",
        "accessLogEncoding": "accessLogFile: /dev/stdout",
        "defaultTrafficPolicy.outlierDetection.consecutiveLocalOriginFailures": "defaultTrafficPolicy: "
        "{outlierDetection: {splitExternalLocalOriginErrors: true}}",
        "defaultTrafficPolicy.connectionPool.http.http2KeepAlive.": "defaultTrafficPolicy: {connectionPool: {http: "
        "{http2KeepAlive: {interval: 1s, timeout: 1s}}}}",
    },
    "Gateway": {
        "spec.servers[].tls.": HTTPS,
        "spec.servers[].port.name": HTTPS,
        "spec.servers[].name": HTTPS,
        "spec.servers[].tls.httpsRedirect": "{}",
    },
    "VirtualService": {
        f"spec.http[].{path}": f"{{spec: {{http: [{{{http}}}]}}}}"
        for path, http in {
            "route[].weight": "route: [{destination: {host: a.example}, weight: 3}, "
            "{destination: {host: dns.example}, weight: 3}]",
            "redirect.": "redirect: {scheme: https}",
            "redirect.port": "redirect: {uri: /x}",
            "redirect.scheme": "redirect: {uri: /x}",
            "redirect.prefixRewrite": "match: [{uri: {prefix: /a}}], redirect: {scheme: https}",
            "directResponse.": "directResponse: {status: 200}",
            "delegate.": "delegate: {name: other}",
            "match[].ignoreUriCase": f"match: [{{uri: {{prefix: /a}}}}], {ROUTE}",
            "rewrite.uriRegexRewrite.": f"rewrite: {{uriRegexRewrite: {{match: a, rewrite: b}}}}, {ROUTE}",
            "retries.": f"retries: {{attempts: 3}}, {ROUTE}",
            "fault.delay.": f"fault: {{delay: {{fixedDelay: 1s}}}}, {ROUTE}",
            "fault.abort.": f"fault: {{abort: {{httpStatus: 500}}}}, {ROUTE}",
            "fault.abort.httpStatus": f"fault: {{abort: {{}}}}, {ROUTE}",
            "fault.abort.grpcStatus": f"fault: {{abort: {{}}}}, {ROUTE}",
            "mirror": f"mirror: {{host: dns.example}}, {ROUTE}",
            "mirrors[].": f"mirrors: [{{destination: {{host: dns.example}}}}], {ROUTE}",
            "corsPolicy.": f"corsPolicy: {{allowOrigins: [{{exact: a}}]}}, {ROUTE}",
            "corsPolicy.allowOrigin": f"corsPolicy: {{allowMethods: [GET]}}, {ROUTE}",
        }.items()
    }
    | {
        f"spec.{kind}[].{path}": f"{{spec: {{gateways: [l4], {kind}: [{{{match}, {route}}}]}}}}"
        for kind, match in {
            "tls": "match: [{sniHosts: [a.example]}]",
            "tcp": "match: [{port: 9001}]",
        }.items()
        for path, route in {
            "": L4_ROUTE,
            "route[].weight": "route: [{destination: {host: a.example}, weight: 3}, "
            "{destination: {host: dns.example}, weight: 3}]",
        }.items()
    },
}
"""Kind, then a path or the beginning of one, to what else is set. Of a DestinationRule: in its trafficPolicy."""

SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "DestinationRule": {
        "loadBalancer.simple": "RANDOM",
        "loadBalancer.consistentHash.maglev.tableSize": 131,
        "loadBalancer.localityLbSetting.distribute[].from": "r2/*",
        "loadBalancer.localityLbSetting.distribute[].to": {"r1/z2": 100},
        "loadBalancer.localityLbSetting.failover[].from": "r2",
        "loadBalancer.localityLbSetting.failover[].to": "r2",
        "loadBalancer.localityLbSetting.failoverPriority": ["version"],
        "loadBalancer.localityLbSetting.enabled": False,
        "connectionPool.http.h2UpgradePolicy": "UPGRADE",
        "tls.mode": "ISTIO_MUTUAL",
        "proxyProtocol.version": "V2",
        "tunnel.protocol": "POST",
    },
    "ServiceEntry": {
        "spec.location": "MESH_EXTERNAL",
        "spec.resolution": "DNS",
        "spec.hosts": ["other.example"],
        "spec.exportTo": ["."],
        "spec.ports[].number": 82,
        "spec.ports[].protocol": "HTTP2",
        "spec.endpoints[].address": "10.0.0.9",
        "spec.endpoints[].ports": {"http": 8080},
        "spec.endpoints[].labels": {"version": "v2"},
        "spec.endpoints[].locality": "r9/z9",
        "spec.workloadSelector.labels": {"app": "pod"},
    },
    "WorkloadEntry": {
        "spec.address": "10.0.0.9",
        "spec.ports": {"http": 8080},
        "spec.labels": {"app": "other"},
        "spec.locality": "r9/z9",
    },
    "VirtualService": {
        "spec.hosts": ["other.example"],
        "spec.gateways": ["other"],
        "spec.exportTo": ["."],
        "spec.http[].route[].destination.subset": "v1",
        "spec.http[].route[].destination.port.number": 81,
        "spec.http[].mirror.port.number": 81,
        "spec.http[].match[].gateways": ["default/x"],
        "spec.tls[].match[].destinationSubnets": ["10.0.0.0/8"],
        "spec.tcp[].match[].destinationSubnets": ["10.0.0.0/8"],
        "spec.tcp[].match[].sourceSubnet": "10.0.0.0/8",
        "spec.tls[].route[].destination.subset": "v1",
        "spec.tcp[].route[].destination.subset": "v1",
        "spec.http[].directResponse.body.bytes": "aGk=",
        "spec.http[].redirect.derivePort": "FROM_REQUEST_PORT",
        "spec.http[].retries.retryIgnorePreviousHosts": False,
        "spec.http[].corsPolicy.unmatchedPreflights": "IGNORE",
    },
    "Sidecar": {
        "spec.workloadSelector.labels": {"app": "other"},
        "spec.ingress[].port.protocol": "TCP",
        "spec.ingress[].bind": "10.0.0.1",
        "spec.ingress[].defaultEndpoint": "127.0.0.1:9090",
        "spec.egress[].port.protocol": "TCP",
        "spec.egress[].bind": "127.0.0.1",
        "spec.egress[].hosts": ["./web.default.svc.cluster.local"],
        "spec.ingress[].captureMode": "NONE",
        "spec.egress[].captureMode": "NONE",
        "spec.outboundTrafficPolicy.mode": "REGISTRY_ONLY",
        "spec.outboundTrafficPolicy.egressProxy.subset": "v1",
        "spec.outboundTrafficPolicy.egressProxy.port.number": 81,
        "spec.ingress[].connectionPool.http.h2UpgradePolicy": "UPGRADE",
        "spec.inboundConnectionPool.http.h2UpgradePolicy": "UPGRADE",
    },
    "Gateway": {
        "spec.selector": {"istio": "other"},
        "spec.servers[].port.number": 8081,
        "spec.servers[].port.protocol": "TCP",
        "spec.servers[].bind": "127.0.0.1",
    },
    "MeshConfig": {
        "localityLbSetting.distribute[].from": "r2/*",
        "localityLbSetting.distribute[].to": {"r1/z2": 100},
        "localityLbSetting.failover[].from": "r2",
        "localityLbSetting.failover[].to": "r2",
        "localityLbSetting.failoverPriority": ["version"],
        "localityLbSetting.enabled": False,
        "defaultServiceExportTo": ["."],
        "defaultVirtualServiceExportTo": ["."],
        "defaultDestinationRuleExportTo": ["."],
        "accessLogFormat": "%PROTOCOL%\n",
        "discoverySelectors[].matchExpressions[].operator": "Exists",
        "pathNormalization.normalization": "NONE",
        "defaultTrafficPolicy.connectionPool.http.h2UpgradePolicy": "UPGRADE",
    },
}
WITH_TLS: Final = ("tlsDefaults.", "spec.subjectAltNames")
"""Fields that show only where TLS is spoken."""

NOTHING_TO_SAY: Final = {
    ("MeshConfig", "enableTracing"): "false, which is not the default, is what is so anyway",
    ("MeshConfig", "enableAutoMtls"): "false, which is not the default, is what is so anyway",
    ("MeshConfig", "enablePrometheusMerge"): "false, which is not the default, is what is so anyway",
    ("Sidecar", "spec.ingress[].port.name"): "a name for people",
    ("Sidecar", "spec.egress[].port.name"): "a name for people",
}
"""Fields that change nothing, and of which there is nothing to be said."""


def paths(kind: str) -> Iterator[str]:
    """Yield the scalar fields; of a DestinationRule those of one policy, and then the rest."""
    for field in fields_of(DOCUMENTED[kind]):
        path = field.path
        if field.message or path.startswith("metadata"):
            continue
        if kind == "DestinationRule":
            if path.startswith("spec.trafficPolicy.") and "portLevelSettings" not in path:
                yield path.removeprefix("spec.trafficPolicy.")
        else:
            yield path


def sample(kind: str, path: str) -> Any:
    """Return a value for a field, other than its default."""
    if path in SAMPLES.get(kind, {}):
        return SAMPLES[kind][path]
    return of_type(type_at(kind, f"spec.trafficPolicy.{path}" if kind == "DestinationRule" else path))


def type_at(kind: str, path: str) -> inspect.Field:
    info: Any = inspect.type_info(DOCUMENTED[kind])
    field: Any = None
    for name in path.split("."):
        field = next(f for f in info.fields if f.encode_name == name.removesuffix("[]").removesuffix("{}"))
        info = inner(field.type)
    assert isinstance(field, inspect.Field)
    return field


def inner(info: Any) -> Any:
    match info:
        case inspect.UnionType():
            return inner(next(t for t in info.types if not isinstance(t, inspect.NoneType)))
        case inspect.VarTupleType():
            return inner(info.item_type)
        case inspect.DictType():
            return inner(info.value_type)
        case _:
            return info


def of_type(field: inspect.Field) -> Any:
    info: Any = field.type
    if isinstance(info, inspect.UnionType):
        info = next(t for t in info.types if not isinstance(t, inspect.NoneType))
    match info:
        case inspect.BoolType():
            return field.default is not True
        case inspect.IntType():
            return 7
        case inspect.FloatType():
            return 7.5
        case inspect.LiteralType(values=values):
            return next(value for value in values if value != field.default)
        case inspect.CustomType():
            return "7s"
        case inspect.VarTupleType():
            return [503] if isinstance(info.item_type, inspect.IntType) else ["x.example"]
        case inspect.DictType():
            return {"x": "y"} if isinstance(info.value_type, inspect.StrType) else {"x": 7}
        case _:
            return "x.example"


def merge(into: Any, more: Any) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = copy.deepcopy(value)


def put(tree: Any, path: str, value: Any) -> None:
    at: Any = tree
    *above, last = path.split(".")
    for name in above:
        at = at.setdefault(name[:-2], [{}])[0] if name.endswith("[]") else at.setdefault(name, {})
    at[last] = value


def both(kind: str, path: str) -> tuple[Any, Any]:
    """Return an object without the field, and the same with it."""
    before = yaml.safe_load(BASES[kind])
    policy = before["spec"].setdefault("trafficPolicy", {}) if kind == "DestinationRule" else before
    needs = NEEDS.get(kind, {})
    key = max((key for key in needs if path.startswith(key)), key=len, default="")
    if key:
        merge(policy, yaml.safe_load(needs[key]))
    after = copy.deepcopy(before)
    put(after["spec"]["trafficPolicy"] if kind == "DestinationRule" else after, path, sample(kind, path))
    if kind == "ServiceEntry" and path.startswith("spec.workloadSelector"):
        for tree in (before, after):
            del tree["spec"]["endpoints"]
    return before, after


def decoded(tree: Any) -> Any:
    kind = next(kind for kind in KINDS.values() if tree["kind"] == kind.KIND)
    return decode({"apiVersion": api_versions(kind)[0], **tree})


HERE: Final = Locality(region="r1", zone="z1")
VIEWS: Final = (
    ProxyView(
        type="router",
        namespace="istio-system",
        labels=(("istio", "ingressgateway"), ("version", "v2")),
        locality=HERE,
    ),
    ProxyView(type="sidecar", namespace="default", labels=(("app", "web"), ("version", "v2")), locality=HERE),
    ProxyView(
        type="sidecar",
        namespace="default",
        labels=(("app", "web"),),
        interception_mode="NONE",
        addresses=("10.1.0.1",),
    ),
)


@cache
def others(kind: str) -> tuple[Any, ...]:
    texts = [OTHERS, *(text for known, text in BASES.items() if known not in (kind, "MeshConfig", "Sidecar"))]
    found = [decoded(tree).object for text in texts for tree in yaml.safe_load_all(text)]
    assert None not in found
    return tuple(found)


def seen(kind: str, tree: Any, *, tls: bool) -> tuple[Any, ...]:
    """Return all that anyone can notice of an object: what a gateway and a sidecar are served, and what is said."""
    objects = list(others(kind))
    mesh, said = decode_mesh_config(tree if kind == "MeshConfig" else None)
    if kind != "MeshConfig":
        made = decoded(tree)
        said = made.diagnostics
        if made.object is not None:
            said = (*said, *validate(made.object))
            objects.append(made.object)
    if tls:
        spec = {"host": "echo.example", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}
        objects.append(decoded({"kind": "DestinationRule", "metadata": {"name": "x"}, "spec": spec}).object)
    served: list[Any] = []
    if mesh is not None:
        world = World(mesh=mesh).apply({one.key: one for one in objects})
        for view in VIEWS:
            translation = Translator().translate(world, view)
            served.append({url: types.version for url, types in translation.types.items()})
            served.append(translation.diagnostics)
    return served, tuple(said)


CASES: Final = [(kind, path) for kind in BASES for path in paths(kind) if (kind, path) not in NOTHING_TO_SAY]


@pytest.mark.parametrize(("kind", "path"), CASES, ids=[f"{kind}-{path}" for kind, path in CASES])
def test_a_field_does_something_or_something_is_said(kind: str, path: str) -> None:
    before, after = both(kind, path)
    assert before != after
    if is_idle(kind, path):
        before = yaml.safe_load(BASES[kind])  # a message that does nothing says so once, for all of its parts
    tls = path.startswith(WITH_TLS)
    assert seen(kind, before, tls=tls) != seen(kind, after, tls=tls)


def is_idle(kind: str, path: str) -> bool:
    full = f"spec.trafficPolicy.{path}" if kind == "DestinationRule" else path
    notices = NOTICES.get(kind, {})
    return any(
        full.startswith((f"{message}.", f"{message}[")) and notice.code == "PF0208"
        for message, notice in notices.items()
    )


@pytest.mark.parametrize("table", [NEEDS, SAMPLES], ids=["NEEDS", "SAMPLES"])
def test_the_tables_name_fields(table: dict[str, dict[str, Any]]) -> None:
    for kind, entries in table.items():
        known = list(paths(kind))
        assert [entry for entry in entries if not any(path.startswith(entry) for path in known)] == []
