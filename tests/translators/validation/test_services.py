"""ServiceEntry, WorkloadEntry and Kubernetes' kinds: what validation says about each mistake."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, load, said

WEB = "ports: [{number: 80, name: http, protocol: HTTP}]"

ENTRIES = (
    case(
        "docker-compose",
        f"{{hosts: [a.b.svc.cluster.local], {WEB}, resolution: DNS,"
        " endpoints: [{address: echo-v1, labels: {version: v1}}]}",
    ),
    case("one name in DNS", f"{{hosts: [a.com], {WEB}, resolution: DNS}}"),
    case(
        "addresses",
        f"{{hosts: [a.com], addresses: [10.0.0.1, 10.1.0.0/16, '::1'], {WEB}, resolution: STATIC,"
        " endpoints: [{address: 10.0.0.9}]}",
    ),
    case("no hosts", f"{{{WEB}}}", "PF0601 spec.hosts"),
    case("every host", f"{{hosts: ['*'], {WEB}}}", "PF0602 spec.hosts[0]"),
    case("a host with an underscore", f"{{hosts: [a_b], {WEB}}}", "PF0602 spec.hosts[0]"),
    case("a top-level domain of digits", f"{{hosts: [a.123], {WEB}}}", "PF0602 spec.hosts[0]"),
    case("half a label", f"{{hosts: ['*a.com'], {WEB}}}", "PF0603 spec.hosts[0]"),
    case(
        "endpoints and a selector",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, workloadSelector: {{labels: {{a: b}}}},"
        " endpoints: [{address: 1.1.1.1}]}",
        "PF0604 spec.endpoints",
    ),
    case(
        "an empty selector",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, workloadSelector: {{}}}}",
        "PF0283 spec.workloadSelector",
    ),
    case("an address that is none", f"{{hosts: [a.com], addresses: [a.com], {WEB}}}", "PF0605 spec.addresses[0]"),
    case(
        "a subnet with DNS",
        f"{{hosts: [a.com], addresses: [10.0.0.0/8], {WEB}, resolution: DNS}}",
        "PF0606 spec.addresses[0]",
    ),
    case("no ports", "{hosts: [a.com]}", "PF0607 spec.ports"),
    case("port 0", "{hosts: [a.com], ports: [{name: a, protocol: HTTP}]}", "PF0608 spec.ports[0].number"),
    case(
        "a target port of 70000",
        "{hosts: [a.com], ports: [{number: 80, targetPort: 70000, name: a, protocol: HTTP}]}",
        "PF0608 spec.ports[0].targetPort",
    ),
    case(
        "one number twice",
        "{hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]}",
        "PF0609 spec.ports[1].number",
    ),
    case(
        "a port without a name", "{hosts: [a.com], ports: [{number: 80, protocol: HTTP}]}", "PF0610 spec.ports[0].name"
    ),
    case(
        "a port with a bad name",
        "{hosts: [a.com], ports: [{number: 80, name: a_b, protocol: HTTP}]}",
        "PF0610 spec.ports[0].name",
    ),
    case(
        "one name twice",
        "{hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: a, protocol: HTTP}]}",
        "PF0610 spec.ports[1].name",
    ),
    case(
        "an unknown protocol",
        "{hosts: [a.com], ports: [{number: 80, name: a, protocol: QUIC}]}",
        "PF0611 spec.ports[0].protocol",
    ),
    case(
        "TCP without an address",
        "{hosts: [a.com], ports: [{number: 9, name: a, protocol: TCP}]}",
        "PF0612 spec.ports[0]",
    ),
    case("no protocol and no address", "{hosts: [a.com], ports: [{number: 9, name: a}]}", "PF0612 spec.ports[0]"),
    case(
        "TCP with an address", "{hosts: [a.com], addresses: [10.0.0.1], ports: [{number: 9, name: a, protocol: TCP}]}"
    ),
    case(
        "endpoints with NONE", f"{{hosts: [a.com], {WEB}, endpoints: [{{address: 1.1.1.1}}]}}", "PF0613 spec.endpoints"
    ),
    case("STATIC without endpoints", f"{{hosts: [a.com], {WEB}, resolution: STATIC}}", "PF0614 spec.endpoints"),
    case(
        "STATIC with a selector",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, workloadSelector: {{labels: {{a: b}}}}}}",
    ),
    case(
        "STATIC with a name",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: b.com}}]}}",
        "PF0615 spec.endpoints[0].address",
    ),
    case(
        "an endpoint without an address",
        f"{{hosts: [a.com], {WEB}, resolution: DNS, endpoints: [{{labels: {{a: b}}}}]}}",
        "PF0615 spec.endpoints[0].address",
    ),
    case(
        "an endpoint behind a gateway",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{network: far}}]}}",
    ),
    case(
        "an endpoint with a port in its address",
        f"{{hosts: [a.com], {WEB}, resolution: DNS, endpoints: [{{address: 'b.com:80'}}]}}",
        "PF0615 spec.endpoints[0].address",
    ),
    case("a wildcard in DNS", f"{{hosts: ['*.a.com'], {WEB}, resolution: DNS}}", "PF0616 spec.hosts[0]"),
    case(
        "a wildcard with endpoints in DNS",
        f"{{hosts: ['*.a.com'], {WEB}, resolution: DNS, endpoints: [{{address: b.com}}]}}",
    ),
    case(
        "two endpoints in turn",
        f"{{hosts: [a.com], {WEB}, resolution: DNS_ROUND_ROBIN, endpoints: [{{address: b.com}}, {{address: c.com}}]}}",
        "PF0617 spec.endpoints",
    ),
    case("dynamic", f"{{hosts: ['*.a.com'], {WEB}, resolution: DYNAMIC_DNS}}"),
    case(
        "dynamic for one host over TCP at an address",
        "{hosts: [a.com], addresses: [10.0.0.1], resolution: DYNAMIC_DNS,"
        " ports: [{number: 9, name: a, protocol: TCP}]}",
        "PF0618 spec.addresses",
        "PF0618 spec.hosts[0]",
        "PF0618 spec.ports[0].protocol",
    ),
    case(
        "two hosts over TCP",
        "{hosts: [a.com, b.com], addresses: [10.0.0.1], ports: [{number: 9, name: a, protocol: TCP}], resolution: DNS}",
        "PF0619 spec.ports[0].protocol",
    ),
    case("two hosts over HTTP", f"{{hosts: [a.com, b.com], {WEB}, resolution: DNS}}"),
    case(
        "two hosts over TCP, unresolved",
        "{hosts: [a.com, b.com], addresses: [10.0.0.1], ports: [{number: 9, name: a, protocol: TCP}]}",
    ),
    case("a socket", f"{{hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: 'unix:///run/a'}}]}}"),
    case(
        "a socket for two ports",
        "{hosts: [a.com], ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}],"
        " resolution: STATIC, endpoints: [{address: 'unix:///run/a'}]}",
        "PF0620 spec.endpoints[0].address",
    ),
    case(
        "an endpoint's unknown port",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: 1.1.1.1, ports: {{web: 8080}}}}]}}",
        "PF0621 spec.endpoints[0].ports.web",
    ),
    case(
        "an endpoint's port 0",
        f"{{hosts: [a.com], {WEB}, resolution: STATIC, endpoints: [{{address: 1.1.1.1, ports: {{http: 0}}}}]}}",
        "PF0622 spec.endpoints[0].ports.http",
    ),
    case("exported to nobody", f"{{hosts: [a.com], {WEB}, exportTo: ['~']}}"),
    case("exported to nobody and all", f"{{hosts: [a.com], {WEB}, exportTo: ['~', b]}}", "PF0284 spec.exportTo"),
)

WORKLOADS = (
    case("an address", "{address: 10.0.0.1, ports: {http: 8080}, labels: {app: a}}"),
    case("a name", "{address: vm-1.example.com}"),
    case("no address", "{}", "PF0615 spec.address"),
    case("another network", "{network: far}"),
    case("an address that is none", "{address: a_b}", "PF0615 spec.address"),
    case("port 0", "{address: 10.0.0.1, ports: {http: 0}}", "PF0622 spec.ports.http"),
    case("a port's name", "{address: 10.0.0.1, ports: {a_b: 1}}", "PF0610 spec.ports.a_b"),
    case("a relative socket", "{address: 'unix://run/a'}", "PF0623 spec.address"),
    case("a socket with ports", "{address: 'unix:///run/a', ports: {http: 1}}", "PF0620 spec.ports"),
    case("a label", "{address: 10.0.0.1, labels: {app: a b}}", "PF0281 spec.labels"),
)

SERVICES = (
    case(
        "ports",
        "{clusterIP: 10.96.0.1, ports: [{name: web, port: 80, targetPort: web}, {name: b, port: 53, protocol: UDP}]}",
    ),
    case("headless", "{clusterIP: None, ports: [{port: 80}]}"),
    case("one number for two protocols", "{ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}]}"),
    case("an external name", "{type: ExternalName, externalName: a.com}"),
    case("no external name", "{type: ExternalName}", "PF0640 spec.externalName"),
    case("a bad address", "{clusterIP: 10.96.0.256, ports: [{port: 80}]}", "PF0641 spec.clusterIP"),
    case(
        "a bad second address",
        "{clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, x], ports: [{port: 80}]}",
        "PF0641 spec.clusterIPs[1]",
    ),
    case("no ports", "{clusterIP: 10.96.0.1}", "PF0642 spec.ports"),
    case("port 0", "{ports: [{port: 0}]}", "PF0608 spec.ports[0].port"),
    case("a target port of -1", "{ports: [{port: 80, targetPort: -1}]}", "PF0608 spec.ports[0].targetPort"),
    case("one number twice", "{ports: [{name: a, port: 80}, {name: b, port: 80}]}", "PF0609 spec.ports[1].port"),
    case("two ports without names", "{ports: [{name: a, port: 80}, {port: 81}]}", "PF0610 spec.ports[1].name"),
    case("one name twice", "{ports: [{name: a, port: 80}, {name: a, port: 81}]}", "PF0610 spec.ports[1].name"),
    case("a name in capitals", "{ports: [{name: HTTP, port: 80}]}", "PF0610 spec.ports[0].name"),
    case("an unknown protocol", "{ports: [{port: 80, protocol: HTTP}]}", "PF0611 spec.ports[0].protocol"),
    case("a selector", "{ports: [{port: 80}], selector: {'a b': c}}", "PF0281 spec.selector"),
)

GROUPS = (
    case("a group", "{template: {serviceAccount: a, ports: {http: 80}}, metadata: {labels: {app: a}}}"),
    case("the least", "{template: {}}"),
    case("no template", "{}", "PF0630 spec.template"),
    case("an address", "{template: {address: 10.0.0.1}}", "PF0630 spec.template.address"),
    case("a label", "{template: {}, metadata: {labels: {'a b': c}}}", "PF0281 spec.metadata.labels"),
    case("a port", "{template: {ports: {http: 0}}}", "PF0622 spec.template.ports.http"),
    case("a probe", "{template: {}, probe: {httpGet: {path: /ready, port: 80, scheme: HTTP}}}"),
    case("a command", "{template: {}, probe: {exec: {command: [cat]}, periodSeconds: 3}}"),
    case("gRPC", "{template: {}, probe: {grpc: {port: 80}}}"),
    case("no way", "{template: {}, probe: {periodSeconds: 3}}", "PF0631 spec.probe"),
    case("two ways", "{template: {}, probe: {grpc: {port: 80}, tcpSocket: {port: 80}}}", "PF0631 spec.probe"),
    case(
        "no port and the wrong sign",
        "{template: {}, probe: {tcpSocket: {}, timeoutSeconds: -1}}",
        "PF0631 spec.probe.tcpSocket.port",
        "PF0631 spec.probe.timeoutSeconds",
    ),
    case("no command", "{template: {}, probe: {exec: {}}}", "PF0631 spec.probe.exec.command"),
    case("no port for gRPC", "{template: {}, probe: {grpc: {}}}", "PF0631 spec.probe.grpc.port"),
    case(
        "HTTP",
        "{template: {}, probe: {httpGet: {path: ready, port: 80, scheme: ftp, httpHeaders: [{name: 'a b'}]}}}",
        "PF0631 spec.probe.httpGet.httpHeaders[0].name",
        "PF0631 spec.probe.httpGet.path",
        "PF0631 spec.probe.httpGet.scheme",
    ),
    case("no port for HTTP", "{template: {}, probe: {httpGet: {}}}", "PF0631 spec.probe.httpGet.port"),
)

SLICES = (
    case("IPv4", "{addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{name: http, port: 80}]}"),
    case("IPv6", "{addressType: IPv6, endpoints: [{addresses: ['fd00::1']}], ports: [{port: 80}]}"),
    case("names", "{addressType: FQDN, endpoints: [{addresses: [a.com]}]}"),
    case("every port", "{addressType: IPv4, ports: [{}]}"),
    case(
        "the other family",
        "{addressType: IPv4, endpoints: [{addresses: ['fd00::1']}]}",
        "PF0651 endpoints[0].addresses[0]",
    ),
    case(
        "no address",
        "{addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}, {addresses: [x]}]}",
        "PF0651 endpoints[1].addresses[0]",
    ),
    case("another type", "{addressType: IPv5}", "PF0652 addressType"),
    case("port 0", "{addressType: IPv4, ports: [{port: 0}]}", "PF0608 ports[0].port"),
)


def ids(row: Case) -> str:
    return row.title


@pytest.mark.parametrize("row", ENTRIES, ids=ids)
def test_service_entry(row: Case) -> None:
    assert said(load("ServiceEntry", f"spec: {row.snippet}")) == row.expected


@pytest.mark.parametrize("row", WORKLOADS, ids=ids)
def test_workload_entry(row: Case) -> None:
    assert said(load("WorkloadEntry", f"spec: {row.snippet}")) == row.expected


@pytest.mark.parametrize("row", GROUPS, ids=ids)
def test_workload_group(row: Case) -> None:
    assert said(load("WorkloadGroup", f"spec: {row.snippet}")) == row.expected


@pytest.mark.parametrize(
    ("addresses", "expected"), [("[]", ("PF0624 metadata.labels",)), ("[10.0.0.1]", ())], ids=["none", "one"]
)
def test_addresses_are_not_allocated(addresses: str, expected: tuple[str, ...]) -> None:
    metadata = "{name: a, labels: {networking.istio.io/enable-autoallocate-ip: 'true'}}"
    port = "{number: 80, name: http, protocol: HTTP}"
    spec = f"spec: {{hosts: [a.com], resolution: DNS, ports: [{port}], addresses: {addresses}}}"
    assert said(load("ServiceEntry", spec, metadata=metadata)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PreferClose", ()),
        ("PreferSameNode", ()),
        ("Near", ("PF0625 metadata.annotations",)),
    ],
)
def test_traffic_distribution(value: str, expected: tuple[str, ...]) -> None:
    metadata = f"{{name: a, annotations: {{networking.istio.io/traffic-distribution: {value}}}}}"
    port = "{number: 80, name: http, protocol: HTTP}"
    entry = load("ServiceEntry", f"spec: {{hosts: [a.com], resolution: DNS, ports: [{port}]}}", metadata=metadata)
    service = load("Service", "spec: {ports: [{port: 80}]}", version="v1", metadata=metadata)
    assert (said(entry), said(service)) == (expected, expected)


@pytest.mark.parametrize("row", SERVICES, ids=ids)
def test_service(row: Case) -> None:
    assert said(load("Service", f"spec: {row.snippet}", version="v1")) == row.expected


@pytest.mark.parametrize("row", SLICES, ids=ids)
def test_endpoint_slice(row: Case) -> None:
    metadata = "{name: x, labels: {kubernetes.io/service-name: x}}"
    assert said(load("EndpointSlice", row.snippet, version="discovery.k8s.io/v1", metadata=metadata)) == row.expected


def test_an_endpoint_slice_of_no_service() -> None:
    assert said(load("EndpointSlice", "{addressType: IPv4}", version="discovery.k8s.io/v1")) == (
        "PF0650 metadata.labels",
    )


def test_a_pod_with_a_bad_address() -> None:
    pod = load("Pod", "{status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: x}]}}", version="v1")
    assert said(pod) == ("PF0660 status.podIPs[1]",)
