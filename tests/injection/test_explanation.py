from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.injection.test_goldens import TESTDATA
from xds_server.cli.main import main
from xds_server.injection.explanation import about_webhooks, explain
from xds_server.injection.pod import inject
from xds_server.injection.settings import InjectionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENABLED = {"istio-injection": "enabled"}
POD: dict[str, Any] = {"metadata": {"name": "echo"}, "spec": {"containers": [{"name": "echo", "image": "e"}]}}


def injected(annotations: dict[str, str], **spec: Any) -> Any:
    pod: Any = {"metadata": {"name": "echo", "annotations": annotations}, "spec": {**POD["spec"], **spec}}
    return inject(pod, InjectionSettings(), namespace="shop").pod


@pytest.mark.parametrize(
    ("pod", "labels", "has", "words"),
    [
        (POD, ENABLED, False, "not injected, although namespace shop has the label istio-injection=enabled"),
        (POD, ENABLED, False, "delete it"),
        (POD, {}, False, "not injected, since neither namespace shop"),
        (injected({}), ENABLED, True, "intercepted (REDIRECT)"),
        (injected({}), {}, True, "made anew, it would not be injected, since neither"),
        (injected({"sidecar.istio.io/interceptionMode": "NONE"}), ENABLED, True, "not intercepted"),
        (injected({"sidecar.istio.io/interceptionMode": "TPROXY"}), ENABLED, True, "intercepted (TPROXY)"),
        (injected({"inject.istio.io/templates": "gateway"}), ENABLED, True, "a gateway"),
        (injected({"traffic.sidecar.istio.io/includeInboundPorts": ""}), ENABLED, True, "only ports none go"),
        (injected({"traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/8"}), ENABLED, True, "to 10.0.0.0/8"),
        (injected({}, securityContext={"runAsUser": 1337}), ENABLED, True, "but not that of container echo"),
    ],
)
def test_a_pod(pod: Any, labels: dict[str, str], has: bool, words: str) -> None:
    said = explain(pod, namespace="shop", namespace_labels=labels)
    assert said.injected is has
    assert words in "\n".join(said.lines)


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (None, "there is no MutatingWebhookConfiguration hooks"),
        ({"webhooks": []}, "is empty"),
        ({"webhooks": [{"clientConfig": {}}]}, "has no caBundle"),
        ({"webhooks": [{"clientConfig": {"caBundle": "x"}}]}, "failurePolicy Fail"),
    ],
)
def test_the_webhook(configuration: Any, words: str) -> None:
    assert words in about_webhooks(configuration, "hooks")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    server = Emulation()
    try:
        yield Cluster(server.url, TOKEN)
    finally:
        server.close()


def test_the_command_asks_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create({"kind": "Namespace", "metadata": {"name": "shop", "labels": ENABLED}})
    cluster.create({"kind": "Pod", "metadata": {"name": "echo", "namespace": "shop"}, "spec": POD["spec"]})
    kubeconfig = str(cluster.kubeconfig(tmp_path / "kubeconfig"))
    done = CliRunner().invoke(main, ["check-inject", "echo", "-n", "shop", "--kubeconfig", kubeconfig])
    assert done.exit_code == 1
    assert "although namespace shop has the label istio-injection=enabled" in done.output
    assert "there is no MutatingWebhookConfiguration" in done.output
    gone = CliRunner().invoke(main, ["check-inject", "gone", "--kubeconfig", kubeconfig])
    assert (gone.exit_code, "there is no pod default/gone" in gone.output) == (1, True)


def test_the_command_reads_a_file() -> None:
    for case, status, words in (
        ("kind_deployment", 0, "Deployment shop/echo:\n  - would be injected"),
        ("host_network", 1, "host's network"),
        ("annotation_bad_port", 1, "refused"),
        ("kind_others", 1, "holds no pod"),
    ):
        done = CliRunner().invoke(main, ["check-inject", "-f", str(TESTDATA / f"{case}.in.yaml")])
        assert (done.exit_code, words in done.output) == (status, True), done.output


def test_labels_of_a_namespace_in_the_file_count() -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: disabled}}\n---\n"
    text = namespace + (TESTDATA / "kind_deployment.in.yaml").read_text(encoding="utf-8")
    done = CliRunner().invoke(main, ["check-inject", "-f", "-"], input=text)
    assert (done.exit_code, "istio-injection=disabled" in done.output) == (1, True)
