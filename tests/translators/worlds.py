"""Worlds written as YAML, the way a user writes them, for tests of translators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from translators.clusters import ClusterOutput, cluster_resources
from translators.destination_rules import RuleIndex, rule_index
from translators.memo import Memo
from translators.model.decode import decode
from translators.model.origin import Severity
from translators.model.proxy import ProxyView
from translators.model.world import World
from translators.services import Destination, ServiceIndex, service_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.memo import Steps
    from translators.model.meta import KubeObject
    from translators.model.service import Service

GATEWAY = ProxyView(type="router", namespace="istio-system")
SIDECAR = ProxyView(type="sidecar", namespace="default")

API = {
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Pod": "v1",
    "Node": "v1",
    "Namespace": "v1",
    "ServiceEntry": "networking.istio.io/v1",
    "WorkloadEntry": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "ProxyConfig": "networking.istio.io/v1beta1",
    "Sidecar": "networking.istio.io/v1",
}


def objects(text: str) -> list[KubeObject]:
    """Decode the documents of a YAML text; an apiVersion may be left out, an error is not allowed."""
    found = []
    for tree in yaml.safe_load_all(text):
        if tree:
            decoded = decode({"apiVersion": API[tree["kind"]], **tree})
            errors = [d for d in decoded.diagnostics if d.severity is Severity.ERROR]
            assert errors == []
            assert decoded.object is not None
            found.append(decoded.object)
    return found


def world(text: str, **settings: Any) -> World:
    """Return a World with these objects; `settings` are World's own fields, such as `mesh`."""
    return with_objects(World(**settings), text)


def with_objects(before: World, text: str) -> World:
    """Return the World after these objects were put in."""
    return before.apply({o.key: o for o in objects(text)})


@dataclass
class Scene:
    """A World with its indexes, made with one memo (or any other Steps)."""

    world: World
    steps: Steps = field(default_factory=Memo)

    @property
    def services(self) -> ServiceIndex:
        return service_index(self.world, self.steps)

    @property
    def rules(self) -> RuleIndex:
        return rule_index(self.world, self.services, self.steps)

    def service(self, hostname: str, client: str = "default") -> Service:
        service = self.services.find(hostname, client)
        assert service is not None, hostname
        return service

    def output(self, destinations: Iterable[Destination], view: ProxyView = GATEWAY) -> ClusterOutput:
        return cluster_resources(self.world, view, destinations, self.rules, self.steps)

    def everything(self, view: ProxyView = GATEWAY) -> list[Destination]:
        """Return each port and subset of each service that the view's namespace sees."""
        rules = self.rules
        found: list[Destination] = []
        for service in self.services.visible_to(view.namespace):
            rule = rules.for_service(service, view.namespace, view.labels)
            for port in service.ports:
                subsets = ("", *(rule.subsets if rule is not None else ()))
                found += [Destination(service=service, port=port, subset=subset) for subset in subsets]
        return found
