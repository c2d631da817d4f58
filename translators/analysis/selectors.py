"""Selectors and the workloads that there are; those of Sidecars, EnvoyFilters and ProxyConfigs that select none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.codes import diagnose
from translators.model.envoy_filter import EnvoyFilter
from translators.model.kubernetes import Pod
from translators.model.origin import Origin
from translators.model.proxy_config import ProxyConfig
from translators.model.sidecar import Sidecar
from translators.model.workload_entry import WorkloadEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.model.meta import KubeObject
    from translators.model.origin import Diagnostic
    from translators.model.world import World


def selector_remarks(world: World) -> Iterator[Diagnostic]:
    """Yield each selector that selects nothing. Only where workloads are known at all: files for docker-compose hold
    no pods.
    """
    if not world.kind(Pod):
        return
    for owner, path, labels, namespace in _selectors(world):
        if not any(labels.items() <= own.items() for own in workload_labels(world, namespace)):
            where = f"namespace {namespace}" if namespace else "any namespace"
            yield diagnose(
                "PF0739",
                f"no known workload of {where} has the labels {as_text(labels)}",
                Origin(owner.key, path),
                hint="check the labels, and the namespace; workloads may come later",
            )


def _selectors(world: World) -> Iterator[tuple[KubeObject, str, Mapping[str, str], str]]:
    """Yield each selector with its owner, its place and the namespace whose workloads it is for; empty: all of them."""
    for sidecar in world.each(Sidecar):
        if sidecar.spec.workload_selector is not None and (labels := sidecar.spec.workload_selector.labels):
            yield sidecar, "spec.workloadSelector", labels, sidecar.metadata.namespace
    for envoy_filter in world.each(EnvoyFilter):
        if envoy_filter.spec.workload_selector is not None and (labels := envoy_filter.spec.workload_selector.labels):
            yield envoy_filter, "spec.workloadSelector", labels, _beyond_root(world, envoy_filter)
    for config in world.each(ProxyConfig):
        if config.spec.selector is not None and (labels := config.spec.selector.match_labels):
            yield config, "spec.selector", labels, _beyond_root(world, config)


def _beyond_root(world: World, owner: KubeObject) -> str:
    namespace = owner.metadata.namespace
    return "" if namespace == world.root_namespace else namespace


def as_text(labels: Mapping[str, str]) -> str:
    """Return labels as people write them: `app=a, version=v1`."""
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))


def workload_labels(world: World, namespace: str) -> Iterator[Mapping[str, str]]:
    """Yield the labels of each Pod and each WorkloadEntry of a namespace; empty: of all of them."""
    if not namespace:
        yield from (pod.metadata.labels for pod in world.each(Pod))
        yield from (entry.spec.labels for entry in world.each(WorkloadEntry))
        return
    yield from (pod.metadata.labels for pod in world.namespace(Pod, namespace).values())
    yield from (entry.spec.labels for entry in world.namespace(WorkloadEntry, namespace).values())
