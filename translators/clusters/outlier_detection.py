"""trafficPolicy.outlierDetection: when an endpoint is ejected (reference 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.messages import set_duration

if TYPE_CHECKING:
    from envoy.config.cluster.v3.cluster_pb2 import Cluster

    from translators.model.destination_rule import OutlierDetection


def apply_outlier_detection(cluster: Cluster, settings: OutlierDetection) -> None:
    """Set ejection by consecutive errors; ejection by success rate, which Istio has no field for, is switched off.

    A counter that is given is enforced at 100 %, and at 0 % if it is 0. What is left out keeps Envoy's default: five
    consecutive 5xx, every 10 s, for 30 s, at most 10 % of the endpoints.
    """
    outlier = cluster.outlier_detection
    outlier.enforcing_success_rate.value = 0
    errors = settings.consecutive_5xx_errors
    if errors is None and settings.consecutive_errors > 0:
        # The mission's YAML says `consecutiveErrors`, the old name of the same counter.
        errors = settings.consecutive_errors
    if errors is not None:
        outlier.consecutive_5xx.value = errors
        outlier.enforcing_consecutive_5xx.value = 100 if errors else 0
    gateway_errors = settings.consecutive_gateway_errors
    if gateway_errors is not None:
        outlier.consecutive_gateway_failure.value = gateway_errors
        outlier.enforcing_consecutive_gateway_failure.value = 100 if gateway_errors else 0
    if settings.interval:
        set_duration(outlier.interval, settings.interval)
    if settings.base_ejection_time:
        set_duration(outlier.base_ejection_time, settings.base_ejection_time)
    if settings.max_ejection_percent > 0:
        outlier.max_ejection_percent.value = settings.max_ejection_percent
    if settings.split_external_local_origin_errors:
        outlier.split_external_local_origin_errors = True
        outlier.enforcing_local_origin_success_rate.value = 0
        failures = settings.consecutive_local_origin_failures
        if failures is not None:
            outlier.consecutive_local_origin_failure.value = failures
            outlier.enforcing_consecutive_local_origin_failure.value = 100 if failures else 0
    # Istio's threshold is 0, so that a cluster whose endpoints are all ejected answers 503 rather than panic.
    cluster.common_lb_config.healthy_panic_threshold.value = max(settings.min_health_percent, 0)
