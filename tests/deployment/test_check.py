"""`pilotfish check`: each thing that can be wrong with a cluster is said, and nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from tests.apiserver.cluster import ISTIO, Cluster, definition
from tests.apiserver.emulation import TOKEN
from xds_server.cli.main import main
from xds_server.deployment.applying import path_of
from xds_server.deployment.labels import GATEWAY, NAME
from xds_server.deployment.manifests import NAMESPACE, manifests
from xds_server.deployment.values import Values
from xds_server.deployment.webhook import webhook_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apiserver.emulation import Emulation

READY: Final = {"conditions": [{"type": "Ready", "status": "True"}]}
UNSCHEDULED: Final = {"type": "PodScheduled", "status": "False"}
PODS: Final = {NAME: f"{NAME}-1", GATEWAY: f"{GATEWAY}-1"}


class Installed:
    """A cluster in which all is well, until a test has it otherwise."""

    def __init__(self, emulation: Emulation, config: Path) -> None:
        self.emulation = emulation
        self.cluster = Cluster(emulation.url, TOKEN)
        self.config = self.cluster.kubeconfig(config)
        for one in manifests(Values(), NAMESPACE):
            if one["kind"] not in {"Namespace", "MutatingWebhookConfiguration"}:  # which each test has as it needs it
                self.cluster.request("POST", path_of(one).rpartition("/")[0], one)
        for name, pod in PODS.items():
            labels = {"app": name}
            self.cluster.create(_object("Pod", pod, labels=labels))
            self.pod_is(READY, pod)
            labels = {"kubernetes.io/service-name": name}
            slice_ = {**_object("EndpointSlice", name, labels=labels), "endpoints": [{"addresses": ["10.0.0.1"]}]}
            self.cluster.create(slice_)

    def pod_is(self, status: dict[str, Any], name: str = PODS[NAME]) -> None:
        self.cluster.set_status("Pod", name, status, NAMESPACE)

    def delete(self, kind: str, name: str) -> None:
        one = next(o for o in manifests(Values()) if (o["kind"], o["metadata"]["name"]) == (kind, name))
        self.cluster.request("DELETE", path_of(one))

    def check(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit status and what is found."""
        command = ["check", "--kubeconfig", str(self.config), "-o", "json", *arguments]
        result = CliRunner().invoke(main, command, catch_exceptions=False)
        found: list[dict[str, Any]] = json.loads(result.stdout)
        assert all(one["hint"] for one in found)
        return result.exit_code, found

    def said(self) -> list[str]:
        """Return what is found, as `CODE message`."""
        return [f"{one['code']} {one['message']}" for one in self.check()[1]]


def _object(kind: str, name: str, **meta: object) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": NAMESPACE, **meta}}


@pytest.fixture
def installed(emulation: Emulation, tmp_path: Path) -> Installed:
    return Installed(emulation, tmp_path / "config")


def test_nothing_is_said_where_all_is_well(installed: Installed) -> None:
    one = webhook_configuration(NAMESPACE)
    for hook in one["webhooks"]:
        hook["clientConfig"]["caBundle"] = "YQ=="
    installed.cluster.create(one)
    assert installed.check() == (0, [])
    result = CliRunner().invoke(main, ["check", "--kubeconfig", str(installed.config)])
    assert result.stdout == f"All is well: nothing to say about {installed.emulation.url}.\n"


def test_nothing_is_changed(installed: Installed) -> None:
    before = installed.emulation.storage.version
    installed.check()
    assert installed.emulation.storage.version == before


def test_an_api_server_that_is_away(installed: Installed) -> None:
    installed.emulation.stop()
    status, (one,) = installed.check()
    assert (status, one["code"]) == (1, "PF0140")


def test_credentials_that_are_refused(installed: Installed) -> None:
    installed.emulation.tokens.clear()
    status, (one,) = installed.check()
    assert (status, one["code"]) == (1, "PF0140")
    assert "credentials" in one["hint"]


@pytest.mark.parametrize(
    ("version", "codes"), [("v1.22.17", ["PF0141"]), ("v1.23.0", []), ("v2.0.1+k3s1", []), ("unknown", [])]
)
def test_the_version_of_the_api_server(installed: Installed, version: str, codes: list[str]) -> None:
    installed.emulation.git_version = version
    assert [one["code"] for one in installed.check()[1]] == codes


def test_kinds_that_are_not_defined(installed: Installed) -> None:
    installed.delete("CustomResourceDefinition", "sidecars.networking.istio.io")
    status, (one,) = installed.check()
    assert (status, one["code"]) == (0, "PF0143")
    assert one["message"].startswith("Sidecar is not defined")


def test_kinds_of_other_versions(installed: Installed) -> None:
    installed.delete("CustomResourceDefinition", "gateways.networking.istio.io")
    theirs = definition(next(one for one in ISTIO if one.kind == "Gateway"))
    theirs["spec"]["versions"][0]["name"] = "v2"
    installed.cluster.create(theirs)
    (said,) = installed.said()
    assert said.startswith("PF0144 Gateway is defined at networking.istio.io/v2 only")


def test_rights_that_are_missing(installed: Installed) -> None:
    installed.delete("ClusterRoleBinding", f"{NAME}-{NAMESPACE}")
    said = installed.said()
    assert {line.partition(" ")[0] for line in said} == {"PF0145"}
    assert (
        f"PF0145 system:serviceaccount:{NAMESPACE}:{NAME} may not list and watch endpointslices.discovery.k8s.io"
        in said
    )
    assert not any("configmaps" in line for line in said)


def test_a_right_in_the_namespace_that_is_missing(installed: Installed) -> None:
    installed.delete("RoleBinding", NAME)
    said = installed.said()
    assert {one.partition(" may not ")[2] for one in said} == {
        "list and watch and create and delete and list and update configmaps",
        "create and get and update leases.coordination.k8s.io",
        "create and get and update secrets",
    }


def test_what_may_not_be_looked_at_is_said(installed: Installed) -> None:
    installed.emulation.forbidden.add(("list", "pods"))
    found = installed.check()[1]
    assert [one["code"] for one in found] == ["PF0149", "PF0149"]  # the pods of either Deployment


def test_nothing_is_installed(installed: Installed) -> None:
    installed.delete("Deployment", NAME)
    installed.delete("Deployment", GATEWAY)
    (said,) = installed.said()
    assert said == f"PF0142 there is no Deployment {NAME} in namespace {NAMESPACE}"


def test_another_namespace(installed: Installed) -> None:
    status, found = installed.check("--namespace", "other")
    assert status == 1
    assert {one["code"] for one in found} == {"PF0142", "PF0145"}


def _waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": NAME, "restartCount": 0, "state": state}


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
                ]
            },
            "it is on no node: Unschedulable: no cpu",
            "add a node",
        ),
        (
            {"containerStatuses": [_waiting("ImagePullBackOff", "no such image")]},
            f"container {NAME} does not start: ImagePullBackOff: no such image",
            "--image",
        ),
        (
            {
                "containerStatuses": [
                    {
                        **_waiting("CrashLoopBackOff"),
                        "restartCount": 4,
                        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                    }
                ]
            },
            f"container {NAME} does not start (restarted 4 times): OOMKilled",
            "more memory",
        ),
        (
            {
                "initContainerStatuses": [
                    {"name": "bootstrap", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}
                ],
                "containerStatuses": [_waiting("PodInitializing")],
            },
            "container bootstrap has ended with exit code 2: Error",
            "kubectl logs",
        ),
        (
            {
                "conditions": [{"type": "Ready", "status": "False", "message": "containers with unready status"}],
                "containerStatuses": [{"name": NAME, "state": {"running": {}}}],
            },
            "it is not ready: containers with unready status",
            "kubectl logs",
        ),
        ({}, "it is not ready", "kubectl logs"),
    ],
)
def test_pods_that_are_not_ready(installed: Installed, status: dict[str, Any], message: str, hint: str) -> None:
    installed.pod_is({"conditions": [], **status})
    code, (one,) = installed.check()
    assert (code, one["code"], one["message"]) == (1, "PF0146", message)
    assert hint in one["hint"]
    assert one["object"] == {"kind": "Pod", "namespace": NAMESPACE, "name": PODS[NAME]}


def test_pods_that_were_evicted_do_not_matter(installed: Installed) -> None:
    installed.cluster.create(_object("Pod", "evicted", labels={"app": NAME}))
    installed.pod_is({"phase": "Failed", "reason": "Evicted"}, "evicted")
    assert installed.said() == []


def test_no_pods(installed: Installed) -> None:
    installed.cluster.delete("Pod", PODS[NAME], NAMESPACE)
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    installed.cluster.set_status("Deployment", NAME, {"conditions": [failure]}, NAMESPACE)
    assert installed.said() == ["PF0146 it has no pods: exceeded quota"]


def test_a_service_without_endpoints(installed: Installed) -> None:
    installed.cluster.delete("EndpointSlice", GATEWAY, NAMESPACE)
    assert installed.said() == ["PF0147 it has no endpoints"]


def test_a_service_of_which_no_endpoint_is_ready(installed: Installed) -> None:
    held = installed.cluster.get("EndpointSlice", NAME, NAMESPACE)
    held["endpoints"] = [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]
    installed.cluster.replace(held)
    assert installed.said() == ["PF0147 none of its 1 endpoints is ready"]


def test_no_service(installed: Installed) -> None:
    installed.delete("Service", NAME)
    assert installed.said() == ["PF0147 there is no such Service"]


def webhook(installed: Installed, **webhook: object) -> None:
    service = {"namespace": NAMESPACE, "name": NAME}
    entry = {"name": "a.pilotfish", "clientConfig": {"service": service, "caBundle": "YQ=="}, **webhook}
    other = {"name": "b", "clientConfig": {"service": {"namespace": "x", "name": "y"}}}
    one = {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "hooks"}, "webhooks": [entry, other]}
    installed.cluster.create(one)


def test_a_webhook_that_is_well(installed: Installed) -> None:
    webhook(installed)
    assert installed.said() == []


def test_a_webhook_that_nobody_trusts(installed: Installed) -> None:
    webhook(installed, clientConfig={"service": {"namespace": NAMESPACE, "name": NAME}})
    status, (one,) = installed.check()
    assert (status, one["code"], one["severity"]) == (1, "PF0148", "error")
    assert "no caBundle" in one["message"]


def test_a_webhook_without_a_server(installed: Installed) -> None:
    webhook(installed, failurePolicy="Ignore")
    installed.cluster.delete("EndpointSlice", NAME, NAMESPACE)
    found = {one["code"]: one for one in installed.check()[1]}
    assert found.keys() == {"PF0147", "PF0148"}
    assert found["PF0148"]["severity"] == "warning"
    assert "passes unchanged" in found["PF0148"]["message"]


def test_an_answer_that_is_something_else(installed: Installed) -> None:
    installed.pod_is({"conditions": "yes"})
    assert [line[:6] for line in installed.said()] == ["PF0149"]


@pytest.mark.parametrize("arguments", [("--in-cluster", "--kubeconfig", "x"), ("-o", "csv")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["check", *arguments]).exit_code == 2


def test_not_in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = CliRunner().invoke(main, ["check", "--in-cluster"])
    assert result.exit_code == 1
    assert "this does not look like a pod" in result.stderr
