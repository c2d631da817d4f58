"""Cold translation of 1,000 services, each with a VirtualService and a DestinationRule, from decoded objects to bytes.

The floor is straight-line code that knows this one mesh: it builds and serialises the very same messages, with no
model, no indexes, no precedence, no memo. Equality of the bytes is checked before anything is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from benchmarks.harness import Result, compare, milliseconds
from benchmarks.meshes import ROUTER, mesh, namespace_of
from translators.resources import CLUSTER, ENDPOINT, ROUTE
from translators.translate import Translator

if TYPE_CHECKING:
    from translators.model.world import World
    from translators.translate import Translation

SERVICES: Final = 1_000
_UNLIMITED: Final = 4294967295
_RETRY_ON: Final = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_PREDICATE: Final = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"


def run() -> list[Result]:
    """Compare with straight-line code; target 3. That is not met: it is 4.1 to 4.7, by how busy the machine is. CI is
    to see when it gets worse than that.
    """
    world = mesh(SERVICES)
    served = Translator().translate(world, ROUTER)
    made = {r.body for t in (CLUSTER, ENDPOINT, ROUTE) for r in served[t].resources.values()}
    if made != set(_straight()):
        msg = "the floor does not build the same bytes"
        raise AssertionError(msg)
    return [
        compare(
            "cold_translation_1000_services",
            lambda: milliseconds(lambda: _translated(world)),
            lambda: milliseconds(_straight),
            target=3.0,
            slack=1.8,
        )
    ]


def _translated(world: World) -> tuple[Translator, Translation]:
    """Translate with an empty memo, and keep it, as a server does."""
    translator = Translator()
    return translator, translator.translate(world, ROUTER)


def _straight() -> list[bytes]:
    bodies = []
    routes = RouteConfiguration(name="http.80", ignore_port_in_host_matching=True)
    routes.validate_clusters.SetInParent()
    routes.max_direct_response_body_size_bytes.value = 1048576
    for service in sorted(f"svc-{index}" for index in range(SERVICES)):
        index = int(service[4:])
        namespace = namespace_of(index)
        host = f"{service}.{namespace}.svc.cluster.local"
        cluster = f"outbound|80||{host}"
        bodies.append(_cluster(service, namespace, host, cluster))
        bodies.append(_assignment(index, namespace, cluster))
        _virtual_host(routes, service, namespace, host, cluster)
    bodies.append(routes.SerializeToString(deterministic=True))
    return bodies


def _cluster(service: str, namespace: str, host: str, name: str) -> bytes:
    cluster = Cluster(name=name, type=Cluster.EDS, lb_policy=Cluster.LEAST_REQUEST, alt_stat_name=f"{name};")
    cluster.eds_cluster_config.service_name = name
    cluster.eds_cluster_config.eds_config.ads.SetInParent()
    cluster.eds_cluster_config.eds_config.resource_api_version = ApiVersion.V3
    cluster.connect_timeout.seconds = 10
    cluster.common_lb_config.healthy_panic_threshold.SetInParent()
    threshold = cluster.circuit_breakers.thresholds.add()
    threshold.max_connections.value = 100
    threshold.max_pending_requests.value = 100
    threshold.max_requests.value = _UNLIMITED
    threshold.max_retries.value = _UNLIMITED
    outlier = cluster.outlier_detection
    outlier.consecutive_5xx.value = 5
    outlier.interval.seconds = 1
    outlier.base_ejection_time.seconds = 30
    outlier.max_ejection_percent.value = 50
    outlier.enforcing_consecutive_5xx.value = 100
    outlier.enforcing_success_rate.SetInParent()
    istio = cluster.metadata.filter_metadata["istio"].fields
    istio["config"].string_value = f"/apis/networking.istio.io/v1/namespaces/{namespace}/destination-rule/{service}"
    fields = istio["services"].list_value.values.add().struct_value.fields
    fields["host"].string_value = host
    fields["name"].string_value = service
    fields["namespace"].string_value = namespace
    return cluster.SerializeToString(deterministic=True)


def _assignment(index: int, namespace: str, name: str) -> bytes:
    assignment = ClusterLoadAssignment(cluster_name=name)
    group = assignment.endpoints.add()
    group.locality.SetInParent()
    group.load_balancing_weight.value = 2
    for octet in (1, 2):
        endpoint = group.lb_endpoints.add()
        address = endpoint.endpoint.address.socket_address
        address.address = f"10.{index // 250 % 250}.{index % 250}.{octet}"
        address.port_value = 8080
        endpoint.health_status = HealthStatus.HEALTHY
        endpoint.load_balancing_weight.value = 1
        endpoint.metadata.filter_metadata["istio"].fields["workload"].string_value = f";{namespace};;latest;Kubernetes"
    return assignment.SerializeToString(deterministic=True)


def _virtual_host(routes: RouteConfiguration, service: str, namespace: str, host: str, cluster: str) -> None:
    virtual_host = routes.virtual_hosts.add(name=f"{service}.example.com:80", include_request_attempt_count=True)
    virtual_host.domains.append(f"{service}.example.com")
    route = virtual_host.routes.add()
    route.match.prefix = "/api"
    route.match.case_sensitive.value = True
    route.decorator.operation = f"{host}:80/api*"
    route.metadata.filter_metadata["istio"].fields[
        "config"
    ].string_value = f"/apis/networking.istio.io/v1/namespaces/{namespace}/virtual-service/{service}"
    action = route.route
    action.cluster = cluster
    action.timeout.SetInParent()
    action.max_grpc_timeout.SetInParent()
    retry = action.retry_policy
    retry.retry_on = _RETRY_ON
    retry.num_retries.value = 2
    retry.host_selection_retry_max_attempts = 5
    predicate = retry.retry_host_predicate.add(name="envoy.retry_host_predicates.previous_hosts")
    predicate.typed_config.type_url = _PREDICATE
