"""What can be chosen about a deployment: the same keys for `pilotfish install --values` and for the Helm chart.

The chart's values.yaml and values.schema.json are made from these Structs.
"""

from __future__ import annotations

from importlib import metadata
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, field

ENVOY_IMAGE: Final = "envoyproxy/envoy:v1.40.0"
"""The official image, of the version that the tests and compose/ use."""

Quantities = dict[str, str]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Count = Annotated[int, Meta(ge=1, le=1000)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Seconds = Annotated[int, Meta(ge=0, le=3600)]
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


def own_image() -> str:
    """Return the name of our image, as `docker build -t` of the README gives it, at the version that runs."""
    return f"pilotfish:{metadata.version('pilotfish')}"


class _Values(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Refuses what is misspelt."""


class Resources(_Values, frozen=True, kw_only=True):
    """What a container asks for, and may have."""

    requests: Quantities = {}
    limits: Quantities = {}


class Autoscaling(_Values, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler by CPU; it needs the cluster's metrics server."""

    enabled: bool = True
    min_replicas: Count = 2
    max_replicas: Count = 5
    cpu_percent: Percent = 80
    """Of what a container asks for, on average over the pods."""


class Gateway(_Values, frozen=True, kw_only=True):
    """An ingress gateway: Envoy's own image, and the bootstrap of `pilotfish bootstrap`."""

    enabled: bool = True
    image: str = ENVOY_IMAGE
    replicas: Count = 2
    """Without autoscaling."""
    autoscaling: Autoscaling = Autoscaling()
    resources: Resources = Resources(requests={"cpu": "100m", "memory": "128Mi"}, limits={"memory": "1Gi"})
    service_type: ServiceType = "LoadBalancer"
    drain_seconds: Seconds = 15
    """For which connections are drained before Envoy ends."""
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []


class Values(_Values, frozen=True, kw_only=True):
    """The whole."""

    image: str = field(default_factory=own_image)
    image_pull_policy: PullPolicy = "IfNotPresent"
    image_pull_secrets: list[dict[str, str]] = []
    """As in a pod: `[{name: …}]`."""
    cluster_domain: str = "cluster.local"
    replicas: Count = 2
    """Without autoscaling."""
    autoscaling: Autoscaling = Autoscaling()
    resources: Resources = Resources(requests={"cpu": "250m", "memory": "256Mi"}, limits={"memory": "2Gi"})
    drain_seconds: Seconds = 5
    """For which a server that stops says that it is not ready, so that no new proxy comes to it."""
    shutdown_seconds: Seconds = 10
    """Over which its streams then end."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    extra_args: list[str] = []
    """Further flags of `pilotfish serve`."""
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []
    gateway: Gateway = Gateway()


def read_values(tree: object) -> Values:
    """Make values from what a file says; what it leaves out has its default.

    Raises ValueError, with the place, for a key that is not known or a value that does not fit.
    """
    try:
        return msgspec.convert({} if tree is None else tree, Values)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def values_schema() -> dict[str, Any]:
    """Return the JSON schema of the values, for Helm, which checks them before it renders anything."""
    schema = msgspec.json.schema(Values)
    for one in schema["$defs"].values():
        one.pop("title", None)
        for name, inner in one["properties"].items():
            if name == "image":  # the version is of the day
                inner.pop("default", None)
    # `global` is there in every chart's values, whether or not a parent sets it.
    schema["$defs"]["Values"]["properties"]["global"] = {"type": "object"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
