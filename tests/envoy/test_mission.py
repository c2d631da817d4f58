"""The mission's own YAML, as it stands, on a real Envoy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.envoy.harness import (
    Backend,
    EnvoyProcess,
    Folder,
    Loop,
    Pilotfish,
    ReservedPort,
    assert_clean,
    eventually,
    many,
    objects,
    request,
    wait_warm,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GATEWAY = """
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata:
  name: example-gateway
  namespace: default
spec:
  selector:
    istio: ingressgateway  # use Istio’s default ingress gateway
  servers:
  - port:
      number: 80
      name: http
      protocol: HTTP
    hosts:
    - "*"
"""  # noqa: RUF001 - the mission's own apostrophe

VIRTUAL_SERVICE = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: example-virtualservice
  namespace: default
spec:
  hosts:
  - "*"
  gateways:
  - example-gateway  # Reference to the previously created gateway
  http:
  - match:
    - uri:
        exact: "/product"
    route:
    - destination:
        host: product-service  # Your target Kubernetes service
        port:
          number: 80
"""

DESTINATION_RULE = """
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata:
  name: product-service
spec:
  host: product-service
  trafficPolicy:
    connectionPool:
      http:
        maxConnections: 100
        maxPendingRequests: 100
      tcp:
        maxConnections: 100
    outlierDetection:
      consecutiveErrors: 5
      interval: 1s
      baseEjectionTime: 30s
      maxEjectionPercent: 50
"""

FRAGMENTS = """
- match:
  - uri:
      exact: "/product/v2"
  route:
  - destination:
      host: product-service-v2  # Routing to a new version of the product service
      port:
        number: 80
- route:
  - destination:
      host: product-service
      subset: v1  # Version 1 of the service
    weight: 75  # 75% of traffic goes to version 1
  - destination:
      host: product-service
      subset: v2  # Version 2 of the service
    weight: 25  # 25% of traffic goes to version 2
"""


class Mission:
    def __init__(self, folder: Path, *, delta: bool) -> None:
        self.loop = Loop()
        self.v1, self.v2 = Backend(self.loop, "v1"), Backend(self.loop, "v2")
        self.reserved = ReservedPort()
        self.port = self.reserved.port
        config = Folder(folder / "config")
        config.write("service.yaml", objects.gateway_service(self.port))
        config.write("backends.yaml", objects.service_entry("product-service", [self.v1, self.v2]))
        config.write("backends-v2.yaml", objects.service_entry("product-service-v2", [self.v2]))
        for name, text in (("gateway", GATEWAY), ("virtualservice", VIRTUAL_SERVICE), ("rule", DESTINATION_RULE)):
            config.write(f"{name}.yaml", text)
        self.pilotfish = Pilotfish(folder)
        self.config = self.pilotfish.config
        self.envoy = EnvoyProcess.start(folder / "envoy", xds_port=self.pilotfish.xds_port, delta=delta)

    def close(self) -> None:
        self.envoy.stop()
        self.pilotfish.stop()
        for backend in (self.v1, self.v2):
            backend.stop()
        self.loop.close()
        self.reserved.close()


@pytest.fixture(scope="module", params=["delta", "sotw"])
def mission(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    running = Mission(tmp_path_factory.mktemp("mission"), delta=request.param == "delta")
    yield running
    running.close()


def test_gateway_virtual_service_and_destination_rule_as_they_stand(mission: Mission) -> None:
    eventually(lambda: request(mission.port, "/product").status == 200)
    assert request(mission.port, "/product").version in ("v1", "v2")
    assert request(mission.port, "/elsewhere").status == 404
    found = mission.envoy.config_dump("dynamic_active_clusters", eds=False)
    name = "outbound|80||product-service.default.svc.cluster.local"
    (cluster,) = (one["cluster"] for one in found if one["cluster"]["name"] == name)
    (threshold,) = cluster["circuit_breakers"]["thresholds"]
    assert (threshold["max_connections"], threshold["max_pending_requests"]) == (100, 100)
    outlier = cluster["outlier_detection"]
    assert outlier["consecutive_5xx"] == 5
    assert (outlier["interval"], outlier["base_ejection_time"]) == ("1s", "30s")
    assert outlier["max_ejection_percent"] == 50
    assert_clean(mission.envoy)


def test_the_legacy_fields_give_warnings_that_name_todays(mission: Mission) -> None:
    warnings = [one for one in mission.pilotfish.diagnostics() if one["severity"] == "warning"]
    said = " ".join(f"{one['message']} {one.get('hint', '')}" for one in warnings)
    for field in ("http1MaxPendingRequests", "consecutive5xxErrors", "tcp.maxConnections"):
        assert field in said


def with_fragments(mission: Mission) -> None:
    routes = objects.virtual_service("example-virtualservice", yaml.safe_load(FRAGMENTS), gateway="example-gateway")
    rule = objects.destination_rule("zz-subsets", "product-service", subsets=("v1", "v2"))
    mission.config.write("subsets.yaml", rule)
    mission.config.write("virtualservice.yaml", routes)
    eventually(lambda: many(mission.port, "/product/v2", 5) == {(200, "v2"): 5}, 1.0, "the path routes to v2")
    wait_warm(mission.envoy)


def test_the_two_fragments_inside_a_virtual_service(mission: Mission) -> None:
    with_fragments(mission)
    counted = many(mission.port, "/product", 5000)
    assert set(counted) == {(200, "v1"), (200, "v2")}
    assert counted[200, "v1"] / 5000 == pytest.approx(0.75, abs=0.03)
    assert_clean(mission.envoy)


def test_two_rules_of_one_host_merge_subsets_and_keep_the_older_policy(mission: Mission) -> None:
    with_fragments(mission)
    found = mission.envoy.config_dump("dynamic_active_clusters", eds=False)
    clusters = {one["cluster"]["name"]: one["cluster"] for one in found}
    for subset in ("v1", "v2"):
        cluster = clusters[f"outbound|80|{subset}|product-service.default.svc.cluster.local"]
        assert cluster["circuit_breakers"]["thresholds"][0]["max_connections"] == 100
        assert cluster["outlier_detection"]["consecutive_5xx"] == 5
