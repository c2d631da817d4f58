"""Egress through a gateway: requests to a host outside leave the mesh through one Envoy, and no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.envoy.harness import assert_clean, eventually, objects
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from pathlib import Path

CLIENT, GATEWAY, OUTSIDE, ANYWHERE = "10.77.3.1", "10.77.3.2", "10.77.3.9", "10.96.9.9"
HOST = "far.example"

OUTSIDE_HOST = f"""
hosts: [{HOST}]
location: MESH_EXTERNAL
resolution: STATIC
ports: [{{number: 80, name: http, protocol: HTTP}}]
endpoints: [{{address: {OUTSIDE}, ports: {{http: 8080}}}}]
"""
DOOR = f"""
selector: {{istio: egressgateway}}
servers: [{{port: {{number: 8080, name: http, protocol: HTTP}}, hosts: [{HOST}]}}]
"""
BY_THE_DOOR = f"""
hosts: [{HOST}]
gateways: [mesh, door]
http:
- match: [{{gateways: [mesh]}}]
  route: [{{destination: {{host: istio-egressgateway.istio-system.svc.cluster.local, port: {{number: 8080}}}}}}]
- match: [{{gateways: [door]}}]
  route: [{{destination: {{host: {HOST}, port: {{number: 80}}}}}}]
"""


def test_egress_through_a_gateway(tmp_path: Path) -> None:
    require("netns", "iptables")
    town = Town(tmp_path)
    try:
        town.start(
            objects.yaml_object("ServiceEntry", "far", OUTSIDE_HOST),
            objects.yaml_object("Gateway", "door", DOOR),
            objects.service("istio-egressgateway", {"http": 8080}, namespace="istio-system", address="10.96.3.1"),
            objects.endpoint_slice("istio-egressgateway", {"http": 8080}, [GATEWAY], namespace="istio-system"),
        )
        client = town.pod("client", CLIENT, app="client")
        gateway = town.pod("gateway", GATEWAY, istio="egressgateway", app="istio-egressgateway")
        outside = town.pod("outside", OUTSIDE)
        server = outside.serve_http(8080, "outside")
        client.start_sidecar(tmp_path, "default")
        gateway.start_sidecar(tmp_path, "istio-system", kind="router")

        def through() -> int:
            return gateway.envoy.stat("http.outbound_0.0.0.0_8080.downstream_rq_2xx")

        assert client.get(f"{HOST}/", address=ANYWHERE).version == "outside", "straight, unless told otherwise"
        town.config.write("door.yaml", objects.yaml_object("VirtualService", "far", BY_THE_DOOR))
        eventually(lambda: client.get(f"{HOST}/", address=ANYWHERE).status == 200 and through() > 0, 5.0, "by the door")
        before, seen = through(), server.count
        for _ in range(10):
            assert client.get(f"{HOST}/", address=ANYWHERE).version == "outside"
        assert (through() - before, server.count - seen) == (10, 10)
        town.config.remove("door.yaml")

        def is_straight() -> bool:
            before = through()
            return client.get(f"{HOST}/", address=ANYWHERE).version == "outside" and through() == before

        eventually(is_straight, 5.0, "straight again")
        assert_clean(client.envoy)
        assert_clean(gateway.envoy)
    finally:
        town.close()
