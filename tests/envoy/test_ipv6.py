"""Sidecars of pods with an IPv6 address: redirected connections of that family are theirs, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, objects
from tests.envoy.harness.client import request
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.envoy.harness.client import Reply
    from tests.envoy.harness.town import Pod

CLIENT, WEB, OUTSIDE = "fd77::1", "fd77::2", "fd77::9"
SERVICE, SERVICE_6 = "10.96.7.1", "fd96::1"
PORTS = {"http": 80, "tcp": 90}
TARGETS = {"http": 8080, "tcp": 8090}


class Two(Town):
    client: Pod
    web: Pod
    outside: Pod

    def call(self, pod: Pod, address: str, port: int) -> Reply:
        """Send a request whose Host is the address."""
        return pod.network.call(request, port, "/", host=f"[{address}]:{port}", address=address, timeout=3.0)


@pytest.fixture(scope="module", params=["REDIRECT", "TPROXY"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    require("netns")
    folder = tmp_path_factory.mktemp("ipv6")
    town = Two(folder)
    try:
        service = objects.service("web", PORTS, address=SERVICE, targets=TARGETS)
        service["spec"]["clusterIPs"] = [SERVICE, SERVICE_6]
        endpoints = objects.endpoint_slice("web", TARGETS, ["10.77.7.2"])
        endpoints_6 = objects.endpoint_slice("web", TARGETS, [WEB])
        endpoints_6["metadata"]["name"], endpoints_6["addressType"] = "web-6", "IPv6"
        town.start(service, endpoints, endpoints_6)
        town.client = town.pod("client", "10.77.7.1", app="client")
        town.web = town.pod("web", "10.77.7.2", app="web")
        town.outside = town.pod("outside", "10.77.7.9")
        for pod, address in ((town.client, CLIENT), (town.web, WEB), (town.outside, OUTSIDE)):
            pod.add_ipv6(address)
        for port in TARGETS.values():
            town.web.serve_http(port, "web", "::")
            town.web.serve_http(port, "web")
        town.outside.serve_http(8080, "outside", "::")
        for pod in (town.client, town.web):
            pod.start_sidecar(folder, "default", mode=request.param)
        yield town
        for pod in (town.client, town.web):
            assert_clean(pod.envoy)
    finally:
        town.close()


def test_a_service_is_reached_at_its_ipv6_address(town: Two) -> None:
    assert town.call(town.client, SERVICE_6, 80).version == "web"
    assert town.call(town.client, SERVICE_6, 90).version == "web"
    for port in TARGETS.values():
        assert town.web.envoy.stat(f"cluster.inbound|{port}||;.upstream_cx_total") > 0


def test_what_is_no_service_is_passed_through(town: Two) -> None:
    assert town.call(town.client, OUTSIDE, 8080).version == "outside"
    assert town.client.envoy.stat("cluster.PassthroughCluster;.upstream_cx_total") > 0


def test_a_workload_is_reached_from_outside_through_its_sidecar(town: Two) -> None:
    before = town.web.envoy.stat("cluster.inbound|8080||;.upstream_rq_total")
    reply = town.call(town.outside, WEB, 8080)
    assert reply.version == "web"
    assert town.web.envoy.stat("cluster.inbound|8080||;.upstream_rq_total") > before
