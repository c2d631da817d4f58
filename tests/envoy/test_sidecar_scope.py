"""What a Sidecar object lets its workload reach, where connections are not redirected, and when a sidecar is ready."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, eventually, objects, request
from tests.envoy.harness.servers import TcpServer, say, shout
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.envoy.harness.town import Pod

CLIENT, FIRST, SECOND, STRANGER = "10.77.2.1", "10.77.2.2", "10.77.2.3", "10.77.9.9"
WEB, API = "10.96.1.1", "10.96.1.2"
MARKED = 299
"""The status of an edit's own route: one that no backend gives."""


class Scopes(Town):
    """A client in the namespace `default`, two pods behind a Service each and a headless one, and a stranger."""

    client: Pod
    first: Pod
    second: Pod
    stranger: Pod

    _edits = itertools.count(1)

    def scope(self, spec: str) -> None:
        """Replace the Sidecar of the client. Returns when Envoy has it: each edit has a host of its own."""
        host = f"edit-{next(self._edits)}.example"
        marker = {"hosts": [host], "http": [{"directResponse": {"status": MARKED}}]}
        self.config.write(
            "scope.yaml",
            objects.yaml_object("Sidecar", "client", spec),
            objects.istio("VirtualService", "edit", marker),
        )
        eventually(
            lambda: self.client.get(f"{host}/", address=WEB, timeout=0.5).status == MARKED, 5.0, "the scope is through"
        )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scopes]:
    require("netns", "iptables")
    folder = tmp_path_factory.mktemp("scopes")
    town = Scopes(folder)
    servers = []
    try:
        town.start(
            objects.service("web", {"http": 80}, address=WEB, targets={"http": 8080}),
            objects.endpoint_slice("web", {"http": 8080}, [FIRST]),
            objects.service("api", {"http": 80}, namespace="prod", address=API, targets={"http": 8080}),
            objects.endpoint_slice("api", {"http": 8080}, [SECOND], namespace="prod"),
            objects.service("db", {"tcp": 9000, "http": 8080}),
            objects.endpoint_slice("db", {"tcp": 9000, "http": 8080}, [FIRST, SECOND]),
        )
        town.client = town.pod("client", CLIENT, app="client")
        town.first = town.pod("first", FIRST, app="web")
        town.second = town.pod("second", SECOND, app="api")
        town.stranger = town.pod("stranger", STRANGER)
        for pod, version in ((town.first, "web"), (town.second, "api"), (town.stranger, "stranger")):
            pod.serve_http(8080, version)
            servers.append(TcpServer(pod.network, shout, 9000))
        town.client.start_sidecar(folder, "default")
        town.first.start_sidecar(folder, "default")
        town.second.start_sidecar(folder, "prod", delta=False)
        yield town
        for pod in (town.client, town.first, town.second):
            assert_clean(pod.envoy)
    finally:
        for server in servers:
            server.close()
        town.close()


def test_without_a_sidecar_object_everything_is_reached(town: Scopes) -> None:
    assert town.client.get("web/", address=WEB).version == "web"
    assert town.client.get("api.prod/", address=API).version == "api"
    assert town.client.get(f"{STRANGER}:8080/").version == "stranger"


def test_a_headless_service_is_reached_pod_by_pod(town: Scopes) -> None:
    assert say(town.client.network, FIRST, 9000, b"a\n") == [b"A\n"]
    assert say(town.client.network, SECOND, 9000, b"b\n") == [b"B\n"]
    cluster = "outbound|9000||db.default.svc.cluster.local"
    assert town.client.envoy.cluster_stat(cluster, "upstream_cx_total") == 2
    assert town.client.envoy.stat(f"listener.{FIRST}_9000.downstream_cx_total") == 1
    reply = town.client.get("pod-1.db.default.svc.cluster.local:8080/", address=SECOND)
    assert reply.version == "api"
    assert town.client.envoy.cluster_stat("outbound|8080||db.default.svc.cluster.local", "upstream_rq_200") == 1


def test_a_scope_is_enforced(town: Scopes) -> None:
    """With REGISTRY_ONLY, what is not imported cannot be reached, by whatever name or address."""
    town.scope("egress: [{hosts: ['./*']}]\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}")
    gone = "outbound|80||api.prod.svc.cluster.local"
    eventually(lambda: gone not in town.client.envoy.clusters(), 5.0, "the cluster is gone")
    assert town.client.get("web/", address=WEB).version == "web"
    assert town.client.get("api.prod/", address=API).status == 502
    assert town.client.get("api.prod.svc.cluster.local/", address=WEB).status == 502
    with pytest.raises(OSError):  # noqa: PT011 - closed or reset, as the kernel has it
        town.client.get(f"{STRANGER}:8081/", timeout=2.0)
    with pytest.raises(OSError):  # noqa: PT011 - see above
        assert say(town.client.network, STRANGER, 9001, b"a\n") == [b"A\n"]


def test_what_is_not_imported_is_unknown_traffic_otherwise(town: Scopes) -> None:
    """With ALLOW_ANY it goes to its original destination: a service address is nobody's, a pod's is somebody's."""
    town.scope("egress: [{hosts: ['./*']}]\noutboundTrafficPolicy: {mode: ALLOW_ANY}")
    before = town.client.envoy.cluster_stat("PassthroughCluster", "upstream_rq_200")
    assert town.client.get(f"{STRANGER}:8080/").version == "stranger"
    assert town.client.envoy.cluster_stat("PassthroughCluster", "upstream_rq_200") == before + 1


def test_an_egress_proxy_gets_what_is_unknown(town: Scopes) -> None:
    town.scope(
        "egress: [{hosts: ['./*']}]\n"
        "outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: api.prod.svc.cluster.local, port: {number: 80}}}"
    )
    assert town.client.get("unknown.example/", address="10.96.9.9").version == "api"


def test_ingress_leads_to_another_port(town: Scopes) -> None:
    """A port that no Service names, and the connection goes to what the Sidecar says."""
    town.config.write(
        "ingress.yaml",
        objects.yaml_object(
            "Sidecar",
            "first",
            "workloadSelector: {labels: {app: web}}\n"
            "ingress:\n"
            "- {port: {number: 7070, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:8080'}\n"
            "- {port: {number: 7071, protocol: HTTP, name: http}, defaultEndpoint: '0.0.0.0:8080'}\n",
        ),
    )
    eventually(lambda: town.stranger.get(f"{FIRST}:7070/").version == "web", 5.0, "port 7070 leads to 8080")
    assert town.stranger.get(f"{FIRST}:7071/").version == "web"
    assert town.first.envoy.cluster_stat("inbound|7070||", "upstream_rq_200") == 1
    town.config.remove("ingress.yaml")


def test_a_sidecar_is_ready_only_with_its_configuration(tmp_path: Path) -> None:
    """Port 15021, which a pod's start waits for, answers once Envoy has listeners and routes; 15090 has statistics."""
    require("netns", "iptables")
    town = Town(tmp_path)
    try:
        pod = town.pod("early", CLIENT, app="web")
        pod.start_sidecar(tmp_path, "default", wait=False)
        network = town.pod("kubelet", STRANGER).network

        def ready() -> int:
            return network.call(request, 15021, "/healthz/ready", address=CLIENT, timeout=2.0).status

        eventually(lambda: pod.envoy.stat("cluster_manager.cds.update_attempt") >= 1, 10.0, "it asks for clusters")
        try:
            early = ready()
        except OSError:
            early = 0
        assert early != 200
        town.start(objects.service("web", {"http": 80}, address=WEB, targets={"http": 8080}))
        eventually(lambda: ready() == 200, 20.0, "15021 answers 200")
        assert {"virtualOutbound", "virtualInbound", "0.0.0.0_80"} <= set(pod.envoy.listeners())
        stats = pod.network.ask(15090, "/stats/prometheus")
        assert stats.status == 200
        assert "envoy_cluster_upstream_cx_total" in stats.body
    finally:
        town.close()


def test_where_nothing_is_redirected(tmp_path: Path) -> None:
    """INTERCEPTION_MODE NONE: the client calls its proxy on loopback, the server's proxy listens in front of it."""
    require("netns")
    town = Town(tmp_path)
    try:
        town.start(
            objects.service("web", {"http": 8080}, address=WEB, targets={"http": 9080}),
            objects.endpoint_slice("web", {"http": 9080}, [FIRST]),
            objects.yaml_object(
                "Sidecar",
                "web",
                "workloadSelector: {labels: {app: web}}\n"
                "ingress: [{port: {number: 9080, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:7000'}]",
            ),
        )
        client, server = town.pod("client", CLIENT, app="client"), town.pod("server", FIRST, app="web")
        server.serve_http(7000, "web", address="127.0.0.1")
        for pod in (client, server):
            pod.start_sidecar(tmp_path, "default", mode="NONE")
        reply = client.get("web:8080/", address="127.0.0.1")
        assert (reply.status, reply.version) == (200, "web")
        assert server.envoy.cluster_stat("inbound|9080||", "upstream_rq_200") == 1
        for pod in (client, server):
            assert_clean(pod.envoy)
    finally:
        town.close()


def test_addresses_of_services_exist_in_sidecars_only(town: Scopes) -> None:
    """Or the tests above would show nothing."""
    with pytest.raises(OSError):  # noqa: PT011 - unreachable, or no answer
        town.stranger.get("web/", address=WEB, timeout=0.5)
