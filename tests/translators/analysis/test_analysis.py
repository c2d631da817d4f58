"""What is said between objects: each case is a small World and `CODE object path` of every finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
import yaml

from translators.analysis import analyze
from translators.analysis.proxies import views_to_try
from translators.model.decode import decode
from translators.model.kinds import KINDS, api_versions
from translators.model.origin import Severity
from translators.model.world import World
from translators.translate import Translator, selector_keys
from translators.validation import validate

if TYPE_CHECKING:
    from translators.model.origin import Diagnostic

API_VERSIONS: Final = {kind.KIND: api_versions(kind)[0] for kind in KINDS.values()}


class Case(NamedTuple):
    title: str
    objects: str
    expected: tuple[str, ...]


def case(title: str, objects: str, *expected: str) -> Case:
    return Case(title, objects, expected)


def world_of(text: str) -> World:
    """Make a World of lines `Kind [namespace/]name: {…}`, each valid by itself."""
    changes = {}
    for head, rest in (yaml.safe_load(text) or {}).items():
        kind, _, full = head.partition(" ")
        namespace, _, name = full.rpartition("/")
        body = dict(rest or {})
        labels = body.pop("labels", {}) if kind != "WorkloadEntry" else {}
        if kind not in {"EndpointSlice", "Pod"}:
            body = {"spec": body}
        meta = {"name": name, "namespace": namespace or "default", "labels": labels}
        decoded = decode({"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": meta, **body})
        assert decoded.object is not None, decoded.diagnostics
        assert [d for d in validate(decoded.object) if d.severity is Severity.ERROR] == []
        changes[decoded.object.key] = decoded.object
    return World().apply(changes)


def said(world: World) -> tuple[Diagnostic, ...]:
    found = analyze(world, Translator())
    assert found == analyze(world, Translator())
    return found


SCOPED = "Sidecar a: {workloadSelector: {labels: {app: a}}, egress: [{hosts: ['./*']}]}\n"
GATEWAY: Final = """
Gateway gw: {selector: {istio: ingressgateway},
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
"""
REVIEWS: Final = """
ServiceEntry reviews: {hosts: [reviews.default.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC,
  ports: [{number: 80, name: http, protocol: HTTP}],
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, labels: {version: v2}}]}
"""
SUBSETS: Final = """
DestinationRule reviews: {host: reviews,
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
"""


def routes(name: str, *destinations: str, gateways: str = "[gw]", hosts: str = '["*"]') -> str:
    """A VirtualService with a path for each destination."""
    http = ", ".join(
        f"{{match: [{{uri: {{exact: /{i}}}}}], route: [{{destination: {to}}}]}}" for i, to in enumerate(destinations)
    )
    return f"\nVirtualService {name}: {{hosts: {hosts}, gateways: {gateways}, http: [{http}]}}\n"


TO_REVIEWS: Final = routes("a", "{host: reviews, subset: v1}")

CASES: Final = (
    case("nothing", ""),
    case("all is well", GATEWAY + REVIEWS + SUBSETS + TO_REVIEWS),
    case(
        "an unknown gateway",
        REVIEWS + routes("a", "{host: reviews}"),
        "PF0720 VirtualService default/a spec.gateways[0]",
    ),
    case(
        "a gateway of the wrong namespace",
        GATEWAY + REVIEWS + routes("a", "{host: reviews}", gateways="[other/gw]"),
        "PF0720 VirtualService default/a spec.gateways[0]",
    ),
    case(
        "an unknown gateway in a match",
        GATEWAY + REVIEWS + "VirtualService a: {hosts: ['*'], gateways: [gw],"
        " http: [{match: [{gateways: [gx]}], route: [{destination: {host: reviews}}]}]}",
        "PF0720 VirtualService default/a spec.http[0].match[0].gateways[0]",
    ),
    case(
        "an unknown host, subset and port, through a gateway",
        GATEWAY
        + REVIEWS
        + SUBSETS
        + routes("a", "{host: ratings}", "{host: reviews, subset: v3}", "{host: reviews, port: {number: 81}}"),
        "PF0701 VirtualService default/a spec.http[0].route[0].destination.host",
        "PF0702 VirtualService default/a spec.http[1].route[0].destination.subset",
        "PF0703 VirtualService default/a spec.http[2].route[0].destination.port",
    ),
    case(
        "an unknown host, subset and port, on the mesh",
        REVIEWS
        + SUBSETS
        + routes(
            "a",
            "{host: ratings}",
            "{host: reviews, subset: v3}",
            "{host: reviews, port: {number: 81}}",
            gateways="[mesh]",
            hosts="[x]",
        ),
        "PF0729 VirtualService default/a spec.gateways",
        "PF0701 VirtualService default/a spec.http[0].route[0].destination.host",
        "PF0702 VirtualService default/a spec.http[1].route[0].destination.subset",
        "PF0703 VirtualService default/a spec.http[2].route[0].destination.port",
    ),
    case(
        "a service of another namespace that keeps it to itself",
        REVIEWS.replace("hosts:", "exportTo: [.], hosts:").replace("reviews:", "team/reviews:")
        + routes("a", "{host: reviews.default.svc.cluster.local}", gateways="[mesh]", hosts="[x]"),
        "PF0729 VirtualService default/a spec.gateways",
        "PF0701 VirtualService default/a spec.http[0].route[0].destination.host",
    ),
    case(
        "an unknown host of a mirror",
        GATEWAY + REVIEWS + "VirtualService a: {hosts: ['*'], gateways: [gw],"
        " http: [{route: [{destination: {host: reviews}}], mirrors: [{destination: {host: x}}], name: n}]}",
        "PF0701 VirtualService default/a spec.http[0].mirrors[0].destination.host",
    ),
    case(
        "an unknown host of TCP",
        "VirtualService a: {hosts: [x], tcp: [{route: [{destination: {host: ratings}}]}]}",
        "PF0729 VirtualService default/a spec",
        "PF0701 VirtualService default/a spec.tcp[0].route[0].destination.host",
    ),
    case(
        "a rule for nobody",
        REVIEWS + "DestinationRule r: {host: ratings, trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
        "PF0722 DestinationRule default/r spec.host",
    ),
    case(
        "a rule for a wildcard of nobody",
        REVIEWS + "DestinationRule r: {host: '*.x.com', trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
        "PF0722 DestinationRule default/r spec.host",
    ),
    case(
        "a rule for a wildcard",
        REVIEWS + "DestinationRule r: {host: '*.local', trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
    ),
    case(
        "a subset of nobody",
        REVIEWS + "DestinationRule r: {host: reviews,"
        " subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]}",
        "PF0723 DestinationRule default/r spec.subsets[1].labels",
    ),
    case(
        "a Service without endpoints",
        GATEWAY + "Service a: {ports: [{name: http, port: 80}], selector: {app: a}}" + routes("v", "{host: a}"),
        "PF0726 VirtualService default/v spec.http[0].route[0].destination.host",
    ),
    case(
        "a Service with endpoints",
        GATEWAY
        + "Service a: {ports: [{name: http, port: 80}], selector: {app: a}}\n"
        + "EndpointSlice a-1: {labels: {kubernetes.io/service-name: a}, addressType: IPv4,"
        " endpoints: [{addresses: [10.0.0.1]}], ports: [{name: http, port: 8080}]}" + routes("v", "{host: a}"),
    ),
    case(
        "a port whose name says nothing",
        GATEWAY + "ServiceEntry a: {hosts: [a.com], addresses: [10.1.1.1], resolution: STATIC,"
        " ports: [{number: 80, name: web}], endpoints: [{address: 10.0.0.1}]}" + routes("v", "{host: a.com}"),
        "PF0727 VirtualService default/v spec.http[0].route[0].destination.host",
    ),
    case(
        "HTTP to a database",
        GATEWAY + "ServiceEntry a: {hosts: [a.com], addresses: [10.1.1.1], resolution: STATIC,"
        " ports: [{number: 3306, name: db, protocol: MySQL}], endpoints: [{address: 10.0.0.1}]}"
        + routes("v", "{host: a.com, port: {number: 3306}}"),
        "PF0728 VirtualService default/v spec.http[0].route[0].destination.port",
    ),
    case(
        "clear text to an HTTPS port",
        GATEWAY
        + "ServiceEntry a: {hosts: [a.com], resolution: DNS, ports: [{number: 443, name: https, protocol: HTTPS}]}"
        + routes("v", "{host: a.com}"),
        "PF0728 VirtualService default/v spec.http[0].route[0].destination.host",
    ),
    case(
        "TLS to an HTTPS port",
        GATEWAY
        + "ServiceEntry a: {hosts: [a.com], resolution: DNS, ports: [{number: 443, name: https, protocol: HTTPS}]}\n"
        + "DestinationRule a: {host: a.com, trafficPolicy: {tls: {mode: SIMPLE}}}"
        + routes("v", "{host: a.com}"),
    ),
    case(
        "two VirtualServices for a host of a gateway",
        GATEWAY
        + REVIEWS
        + routes("a", "{host: reviews}", hosts="[x.com]")
        + "VirtualService b: {hosts: [X.com], gateways: [gw], http: [{route: [{destination: {host: reviews}}]}]}",
        "PF0725 VirtualService default/b spec.hosts[0]",
    ),
    case(
        "a VirtualService that another hides",
        GATEWAY
        + REVIEWS
        + "VirtualService a: {hosts: [x.com], gateways: [gw], http: [{route: [{destination: {host: reviews}}]}]}\n"
        + "VirtualService b: {hosts: [x.com], gateways: [gw], http: [{route: [{destination: {host: reviews}}]}]}",
        "PF0725 VirtualService default/b spec.hosts[0]",
        "PF0710 VirtualService default/b spec.http[0]",
    ),
    case(
        "two VirtualServices for a host of the mesh",
        REVIEWS
        + routes("a", "{host: reviews}", gateways="[mesh]", hosts="[reviews]")
        + routes("b", "{host: reviews}", gateways="[mesh]", hosts="[reviews.default.svc.cluster.local]"),
        "PF0729 VirtualService default/a spec.gateways",
        "PF0729 VirtualService default/b spec.gateways",
        "PF0724 VirtualService default/b spec.hosts[0]",
    ),
    case(
        "one host on two gateways",
        GATEWAY
        + GATEWAY.replace("gw:", "gx:").replace("ingressgateway", "other")
        + REVIEWS
        + routes("a", "{host: reviews}", hosts="[x.com]")
        + routes("b", "{host: reviews}", hosts="[x.com]", gateways="[gx]"),
    ),
    case(
        "hosts that do not meet",
        GATEWAY.replace('"*"', "a.com") + REVIEWS + routes("a", "{host: reviews}", hosts="[b.com]"),
        "PF0711 VirtualService default/a spec.hosts",
    ),
    case(
        "HTTP against TCP on one port",
        GATEWAY + "Gateway gx: {selector: {istio: ingressgateway},"
        " servers: [{port: {number: 80, name: t, protocol: TCP}, hosts: ['*']}]}" + REVIEWS + TO_REVIEWS + SUBSETS,
        "PF0352 Gateway default/gx spec.servers[0]",
    ),
    case(
        "one TLS host twice on one port",
        GATEWAY.replace("80, name: http, protocol: HTTP}", "443, name: a, protocol: HTTPS}, tls: {mode: PASSTHROUGH}")
        + GATEWAY.replace(
            "80, name: http, protocol: HTTP}", "443, name: a, protocol: HTTPS}, tls: {mode: PASSTHROUGH}"
        ).replace("gw:", "gx:"),
        "PF0353 Gateway default/gx spec.servers[0].hosts[0]",
    ),
    case(
        "several Gateways share a port",
        GATEWAY + GATEWAY.replace("gw:", "gx:") + REVIEWS + SUBSETS + TO_REVIEWS,
    ),
    case(
        "a delegate of nobody",
        GATEWAY
        + REVIEWS
        + SUBSETS
        + TO_REVIEWS
        + "VirtualService d: {http: [{route: [{destination: {host: reviews}}]}]}",
        "PF0713 VirtualService default/d spec.hosts",
    ),
    case(
        "a delegate that does not exist",
        GATEWAY + "VirtualService a: {hosts: [x.com], gateways: [gw], http: [{delegate: {name: d}}]}",
        "PF0706 VirtualService default/a spec.http[0].delegate",
    ),
    case(
        "a Gateway for no known pod",
        GATEWAY + "Pod p: {labels: {app: x}, status: {podIP: 10.0.0.1}}\n" + REVIEWS + SUBSETS + TO_REVIEWS,
        "PF0721 Gateway default/gw spec.selector",
    ),
    case(
        "a Gateway for a known pod",
        GATEWAY
        + "Pod istio-system/p: {labels: {istio: ingressgateway}, status: {podIP: 10.0.0.1}}\n"
        + REVIEWS
        + SUBSETS
        + TO_REVIEWS,
    ),
    case(
        "Sidecars that are fine",
        REVIEWS
        + "Sidecar a: {egress: [{hosts: ['./*', '*/reviews.default.svc.cluster.local', '~/*']}]}\n"
        + "Sidecar b: {workloadSelector: {labels: {app: b}}, egress: [{hosts: ['~/*']}]}\n"
        + "Sidecar istio-system/c: {egress: [{hosts: ['./*', '~default/reviews.default.svc.cluster.local']}]}\n",
    ),
    case(
        "Sidecars that stand in each other's way",
        "Sidecar a: {egress: [{hosts: ['./*']}]}\n"
        "Sidecar b: {egress: [{hosts: ['./*']}]}\n"
        "Sidecar c: {workloadSelector: {labels: {app: c}}, egress: [{hosts: ['./*']}]}\n"
        "Sidecar d: {workloadSelector: {labels: {app: c}}, egress: [{hosts: ['./*']}]}\n",
        "PF1053 Sidecar default/b spec",
        "PF1053 Sidecar default/d spec.workloadSelector",
    ),
    case(
        "a Sidecar with a selector in the root namespace",
        "Sidecar istio-system/a: {workloadSelector: {labels: {app: c}}, egress: [{hosts: ['./*']}]}\n",
        "PF1055 Sidecar istio-system/a spec.workloadSelector",
    ),
    case(
        "hosts that a Sidecar imports in vain",
        REVIEWS
        + "ServiceEntry w: {hosts: ['*.example.com'], resolution: NONE,"
        + " ports: [{number: 80, name: a, protocol: HTTP}]}\n"
        + "VirtualService v: {hosts: [v.org], http: [{route: [{destination: {host: reviews}}]}]}\n"
        + "Sidecar a: {egress: [{hosts:"
        + " ['./a.example.com', './v.org', '*/reviews', 'b/reviews.default.svc.cluster.local']}]}",
        "PF1054 Sidecar default/a spec.egress[0].hosts[2]",
        "PF1054 Sidecar default/a spec.egress[0].hosts[3]",
        "PF0729 VirtualService default/v spec",
    ),
    case(
        "an egress proxy that does not exist",
        "Sidecar a: {outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a, port: {number: 80}}}}\n",
        "PF0701 Sidecar default/a spec.outboundTrafficPolicy.egressProxy",
    ),
    case(
        "services that sidecars cannot tell apart",
        "Sidecar a: {egress: [{hosts: ['./*']}]}\n"
        + "".join(
            f"ServiceEntry {n}: {{hosts: [{n}.com], resolution: DNS, ports: [{{number: 9, name: t, protocol: TCP}}]}}\n"
            for n in "xy"
        ),
        "PF1050 ServiceEntry default/y spec.ports",
    ),
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.title)
def test_findings(row: Case) -> None:
    found = said(world_of(row.objects))
    shown = tuple(f"{d.code} {d.origin}" for d in found if d.code != "PF0357")
    assert shown == row.expected
    assert all(d.message for d in found)


def test_findings_suggest_what_was_meant() -> None:
    hints = {
        d.code: d.hint
        for d in said(
            world_of(
                GATEWAY
                + REVIEWS
                + routes("team/a", "{host: reviews}", gateways="[gw]")
                + "DestinationRule team/r: {host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}}}"
            )
        )
    }
    assert hints == {
        "PF0720": 'did you mean "default/gw"?',
        "PF0701": "did you mean reviews.default.svc.cluster.local?",
        "PF0722": "did you mean reviews.default.svc.cluster.local?",
    }


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ("", [("istio-system", {})]),
        (GATEWAY, [("default", {"istio": "ingressgateway"})]),
        (
            GATEWAY + "Service istio-system/in: {ports: [{port: 80}], selector: {istio: ingressgateway, app: edge}}",
            [("istio-system", {"app": "edge", "istio": "ingressgateway"})],
        ),
        (
            GATEWAY
            + "Service istio-system/in: {ports: [{port: 80}], selector: {istio: ingressgateway}}\n"
            + "Pod edge/p: {labels: {istio: ingressgateway, pod-template-hash: a1}}\n"
            + "Pod edge/q: {labels: {istio: ingressgateway, pod-template-hash: b2}}\n",
            [("edge", {"istio": "ingressgateway"})],
        ),
        (
            SCOPED + "VirtualService team/v: {hosts: [v.org], http: [{directResponse: {status: 200}}]}\n",
            [("istio-system", {}), ("default", {"app": "a"}), ("team", {})],
        ),
    ],
)
def test_proxies_to_try(objects: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    world = world_of(objects)
    views = views_to_try(world, selector_keys(world))
    assert [(v.namespace, dict(v.labels)) for v in views] == expected
