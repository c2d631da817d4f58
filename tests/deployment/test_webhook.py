"""The pods that the webhook is shown are those that injection decides for."""

from __future__ import annotations

from itertools import product

import pytest

from tests.apiserver.admission import selects
from xds_server.deployment.manifests import NAMESPACE, manifests
from xds_server.deployment.values import Values
from xds_server.deployment.webhook import webhook_configuration
from xds_server.injection.decision import Candidate, decide

OF_NAMESPACES = [
    {},
    {"istio-injection": "enabled"},
    {"istio-injection": "disabled"},
    {"istio.io/rev": "default"},
    {"istio.io/rev": "canary"},
    {"istio-injection": "enabled", "istio.io/rev": "canary"},
]
OF_PODS = [
    {**rev, **asked}
    for rev, asked in product(
        ({}, {"istio.io/rev": "default"}, {"istio.io/rev": "canary"}),
        ({}, {"sidecar.istio.io/inject": "true"}, {"sidecar.istio.io/inject": "false"}),
    )
]


@pytest.mark.parametrize("name", ["shop", "kube-system"])
@pytest.mark.parametrize("namespace", OF_NAMESPACES, ids=str)
@pytest.mark.parametrize("pod", OF_PODS, ids=str)
def test_it_is_shown_each_pod_that_is_to_be_injected(name: str, namespace: dict[str, str], pod: dict[str, str]) -> None:
    labels = {**namespace, "kubernetes.io/metadata.name": name}
    shown = [
        hook["name"]
        for hook in webhook_configuration(NAMESPACE)["webhooks"]
        if selects(hook["namespaceSelector"], labels) and selects(hook["objectSelector"], pod)
    ]
    wanted = decide(Candidate(namespace=name, namespace_labels=namespace, labels=pod)).inject
    assert len(shown) <= 1
    if wanted:
        assert shown
    elif name == "shop":
        assert not shown, "it would be asked in vain"


def test_it_leads_to_our_service() -> None:
    found = manifests(Values(), "mesh")
    (service,) = (one for one in found if one["kind"] == "Service" and one["metadata"]["name"] == "pilotfish")
    (configuration,) = (one for one in found if one["kind"] == "MutatingWebhookConfiguration")
    for hook in configuration["webhooks"]:
        asked = hook["clientConfig"]["service"]
        assert (asked["namespace"], asked["name"]) == ("mesh", service["metadata"]["name"])
        assert asked["port"] in [port["port"] for port in service["spec"]["ports"]]
