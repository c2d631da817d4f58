"""Pods as injection makes them: the exact rules of `pilotfish iptables`, in both backends of the kernel, and sidecars
as user 1337 in the client, in v1 and in v2.
"""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, eventually, objects
from tests.envoy.harness.certificates import Authority
from tests.envoy.harness.pods import SIDECAR_ID, redirect
from tests.envoy.harness.servers import SECONDS, TcpServer, ask_grpc, ask_http2, grpc_server, http2, say
from tests.envoy.harness.tls_client import client_context
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from tests.envoy.harness.town import Pod

CLIENT, V1, V2, GATEWAY, OUTSIDE = "10.77.3.1", "10.77.3.2", "10.77.3.3", "10.77.3.4", "10.77.9.9"
SHOP, SHOP_HOST = "10.96.3.1", "shop.default.svc.cluster.local"
PASSED_ON = "127.0.0.6"
"""Where a connection comes from that an app gets from its own sidecar."""

PORTS = {"http-web": 80, "http2-web": 81, "grpc-echo": 82, "tcp-lines": 83, "odd": 84}
TARGETS = {name: 8000 + number for name, number in PORTS.items()}
ZONED, EDGE = "10.96.3.2", "10.96.3.3"
ZONES = {V1: "here", V2: "there"}
SECURE = {"tls": 8443}
CROWD = {"http": 8080, "tcp-crowd": 8083}
INTO = ("15006", "15021", "15090")
"""The ports of a sidecar that others call."""
UNKNOWN = 9999
"""A port that no service has; in each pod somebody answers there."""

RULES = """
hosts: [shop]
http:
- match: [{headers: {x-want: {exact: v2}}}]
  route: [{destination: {host: shop, subset: v2}}]
- route: [{destination: {host: shop, subset: v1}}]
tcp:
- match: [{port: 83}]
  route: [{destination: {host: shop, port: {number: 83}, subset: v2}}]
"""


class Trio(Town):
    """A client, v1 and v2 with sidecars, and somebody outside of the mesh."""

    variant: str
    client: Pod
    v1: Pod
    v2: Pod
    outside: Pod
    gateway: Pod
    authority: Authority
    unknown: dict[str, TcpServer]
    """By pod: who answers on port UNKNOWN."""
    others: list[TcpServer]
    calls: list[grpc.Server]

    @contextmanager
    def intercepted(self, pod: Pod, *arguments: str) -> Iterator[None]:
        """Give a pod other rules for a while, as its annotations would."""
        redirect(pod.network, "--variant", self.variant, *arguments)
        try:
            yield
        finally:
            redirect(pod.network, "--variant", self.variant)

    def populate(self, folder: Path) -> None:
        """Make the pods, their apps and their sidecars."""
        self.client = self.pod("client", CLIENT, app="client")
        self.v1 = self.pod("v1", V1, app="shop", version="v1")
        self.v2 = self.pod("v2", V2, app="shop", version="v2")
        self.outside = self.pod("outside", OUTSIDE)
        self.gateway = self.pod("edge", GATEWAY, istio="ingressgateway")
        self.authority = Authority(folder)
        self.unknown = {pod.name: TcpServer(pod.network, answers(pod.name), UNKNOWN) for pod in self.pods}
        self.others = []
        self.calls = []
        for pod in (self.v1, self.v2):
            pod.serve_http(TARGETS["http-web"], pod.name)
            self.others += [
                TcpServer(pod.network, http2, TARGETS["http2-web"]),
                TcpServer(pod.network, answers(pod.name), TARGETS["tcp-lines"]),
                TcpServer(pod.network, answers(pod.name), TARGETS["odd"]),
                TcpServer(pod.network, secured(self.authority, pod.name), SECURE["tls"]),
            ]
            self.calls.append(grpc_server(pod.network, TARGETS["grpc-echo"]))
        self.outside.serve_http(80, "outside")
        for pod in (self.client, self.v1, self.v2):
            pod.zone = ZONES.get(pod.address, "here")
            pod.start_sidecar(folder, "default", intercept=("--variant", self.variant))
        self.gateway.start_sidecar(folder, "istio-system", kind="router")

    def close(self) -> None:
        for server in (*getattr(self, "unknown", {}).values(), *getattr(self, "others", ())):
            server.close()
        for call in getattr(self, "calls", ()):
            call.stop(0).wait()
        super().close()


def answers(name: str) -> Callable[[socket.socket], None]:
    """Return a server that answers each line with its own name: of a protocol that nobody knows."""

    def handle(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(f"{name} {line.decode()}".encode())

    return handle


def secured(authority: Authority, name: str) -> Callable[[socket.socket], None]:
    """Return the same server over TLS, with a certificate for its name."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue(name, f"{name}.example"))
    handle = answers(name)

    def encrypted(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            handle(secure)

    return encrypted


@pytest.fixture(scope="module", params=["nft", "legacy"])
def trio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    require("netns", f"iptables-{request.param}")
    folder = tmp_path_factory.mktemp(f"trio-{request.param}")
    town = Trio(folder)
    town.variant = request.param
    town.config.write("zoned.yaml", zoned(V1, V2))
    try:
        town.start(
            objects.service("shop", PORTS, address=SHOP, targets=TARGETS),
            objects.endpoint_slice("shop", TARGETS, [V1, V2]),
            *(objects.pod(version, {"version": version}, ip) for version, ip in (("v1", V1), ("v2", V2))),
            objects.service("crowd", CROWD),
            objects.endpoint_slice("crowd", CROWD, [V1, V2]),
            objects.destination_rule("shop", "shop", subsets=("v1", "v2")),
            objects.yaml_object("VirtualService", "shop", RULES),
            objects.service("zoned", {"http": 80}, address=ZONED, targets={"http": 8080}),
            objects.destination_rule("zoned", "zoned", "outlierDetection: {consecutive5xxErrors: 5}"),
            objects.service("edge", {"tls": 443}, "istio-system", EDGE, {"tls": 8443}),
            objects.endpoint_slice("edge", {"tls": 8443}, [GATEWAY], "istio-system"),
            objects.yaml_object("Gateway", "edge", BY_NAME),
            *(one for version, address in (("v1", V1), ("v2", V2)) for one in behind_the_gateway(version, address)),
        )
        town.populate(folder)
        yield town
        for pod in (town.client, town.v1, town.v2, town.gateway):
            assert_clean(pod.envoy)
    finally:
        town.close()


def zoned(*addresses: str) -> dict[str, object]:
    return objects.endpoint_slice("zoned", {"http": 8080}, addresses, zones=ZONES)


BY_NAME = """
selector: {istio: ingressgateway}
servers: [{port: {number: 8443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ["*.example"]}]
"""


def behind_the_gateway(version: str, address: str) -> Iterator[dict[str, object]]:
    """Yield a service of TLS that the gateway leads to by its name."""
    yield objects.service(f"secure-{version}", {"tls": 443}, targets=SECURE, address=f"10.96.4.{version[1:]}")
    yield objects.endpoint_slice(f"secure-{version}", SECURE, [address])
    match = f"match: [{{sniHosts: [{version}.example]}}]"
    to = f"route: [{{destination: {{host: secure-{version}, port: {{number: 443}}}}}}]"
    gateways = "gateways: [edge]"
    yield objects.yaml_object(
        "VirtualService", f"secure-{version}", f"{{hosts: [{version}.example], {gateways}, tls: [{{{match}, {to}}}]}}"
    )


def went_out(pod: Pod, act: Callable[[], object]) -> int:
    """Return how many connections of the pod its sidecar gets while `act` runs, whichever listener takes them."""
    return _accepted(pod, rf"^listener\.(?!admin|.*worker_|[\d.]+_({'|'.join(INTO)})\.).*\.downstream_cx_total$", act)


def came_in(pod: Pod, act: Callable[[], object]) -> int:
    """Return how many connections to the pod its sidecar gets while `act` runs."""
    return _accepted(pod, r"^listener\.0\.0\.0\.0_15006\.downstream_cx_total$", act)


def _accepted(pod: Pod, pattern: str, act: Callable[[], object]) -> int:
    def count() -> int:
        return sum(value for name, value in pod.envoy.stats().items() if re.match(pattern, name))

    before = count()
    act()
    return count() - before


def requested(pod: Pod, port: int) -> int:
    """Return the requests that a pod's sidecar has passed on to its app's port."""
    return pod.envoy.cluster_stat(f"inbound|{port}||", "upstream_rq_total")


def test_the_sidecar_is_user_1337_and_may_do_nothing_to_the_network(trio: Trio) -> None:
    for pod in (trio.client, trio.v1, trio.v2):
        status = Path(f"/proc/{pod.envoy.process.pid}/status").read_text(encoding="ascii")
        found = {key: value.split() for key, _, value in (line.partition(":") for line in status.splitlines())}
        assert found["Name"] == ["envoy"]
        assert {*found["Uid"], *found["Gid"]} == {str(SIDECAR_ID)}
        assert int(found["CapEff"][0], 16) == 1 << 1  # CAP_DAC_OVERRIDE, for the files of the test


def test_the_rules_are_in_the_backend_that_was_asked_for(trio: Trio) -> None:
    other = "legacy" if trio.variant == "nft" else "nft"
    assert "-j ISTIO_OUTPUT" in trio.client.network.run(f"iptables-{trio.variant}-save")
    assert "ISTIO_OUTPUT" not in trio.client.network.run(f"iptables-{other}-save")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_http(trio: Trio, version: str) -> None:
    before = requested(getattr(trio, version), 8080)
    reply = trio.client.get(f"{SHOP_HOST}/", address=SHOP, headers={"x-want": version})
    assert (reply.status, reply.version) == (200, version)
    assert requested(getattr(trio, version), 8080) == before + 1


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_http2(trio: Trio, version: str) -> None:
    before = requested(getattr(trio, version), 8081)
    headers = {":method": "GET", ":scheme": "http", ":path": "/two", ":authority": f"{SHOP_HOST}:81"}
    found, body = ask_http2(trio.client.network, SHOP, 81, {**headers, "x-want": version})
    assert (found[":status"], body) == ("200", b"/two")
    assert requested(getattr(trio, version), 8081) == before + 1


def test_grpc(trio: Trio) -> None:
    before = requested(trio.v1, 8082)
    assert ask_grpc(trio.client.network, SHOP, 82, f"{SHOP_HOST}:82", b"ping") == ("0", b"ping")
    assert requested(trio.v1, 8082) == before + 1


def test_tcp_goes_where_the_virtual_service_says(trio: Trio) -> None:
    for _ in range(4):
        assert say(trio.client.network, SHOP, 83, b"ping\n") == [b"v2 ping\n"]


def test_an_undeclared_protocol(trio: Trio) -> None:
    answered = {say(trio.client.network, SHOP, 84, b"ping\n")[0] for _ in range(12)}
    assert answered <= {b"v1 ping\n", b"v2 ping\n"}
    assert trio.client.envoy.cluster_stat(f"outbound|84||{SHOP_HOST}", "upstream_cx_total") >= 12


@pytest.mark.parametrize(("version", "address"), [("v1", V1), ("v2", V2)])
def test_headless_by_pod_ip(trio: Trio, version: str, address: str) -> None:
    pod: Pod = getattr(trio, version)
    cluster = "outbound|8083||crowd.default.svc.cluster.local"
    before = trio.client.envoy.cluster_stat(cluster, "upstream_cx_total")
    taken = came_in(pod, lambda: say(trio.client.network, address, 8083, b"ping\n"))
    assert say(trio.client.network, address, 8083, b"ping\n") == [f"{version} ping\n".encode()]
    assert (taken, trio.client.envoy.cluster_stat(cluster, "upstream_cx_total")) == (1, before + 2)
    assert trio.client.get(f"crowd:8080/{version}", address=address).version == version
    assert trio.client.get(f"{address}:8080/", address=address).version == version


def test_a_pod_calls_its_own_service(trio: Trio) -> None:
    """It goes out by the sidecar, and comes in by it: whatever holds for others holds for it as well."""
    before = requested(trio.v1, 8080)
    assert went_out(trio.v1, lambda: same(trio.v1.get(f"{SHOP_HOST}/", address=SHOP).version, "v1")) == 1
    assert requested(trio.v1, 8080) == before + 1
    before = trio.v2.envoy.cluster_stat("inbound|8083||", "upstream_cx_total")
    assert say(trio.v2.network, SHOP, 83, b"me\n") == [b"v2 me\n"]
    assert trio.v2.envoy.cluster_stat("inbound|8083||", "upstream_cx_total") == before + 1


@pytest.mark.parametrize("address", [V1, "127.0.0.1"])
def test_a_pod_calls_its_own_address(trio: Trio, address: str) -> None:
    """Nothing leaves the pod, so nothing stands between."""

    def call() -> None:
        assert trio.v1.get(f"{address}:8080/").version == "v1"
        assert say(trio.v1.network, address, UNKNOWN, b"me\n") == [b"v1 me\n"]

    assert went_out(trio.v1, lambda: same(came_in(trio.v1, call), 0)) == 0
    assert trio.unknown["v1"].peers[-1] == address


SCOPE = """
workloadSelector: {labels: {app: client}}
egress: [{hosts: [./shop.default.svc.cluster.local]}]
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""


def test_an_unknown_address_is_passed_through_or_blocked_and_a_scope_enforced(trio: Trio) -> None:
    def reached(address: str, port: int) -> bool:
        try:
            return say(trio.client.network, address, port, b"a\n") != [b""]
        except OSError:
            return False

    def outside() -> tuple[bool, int]:
        return reached(OUTSIDE, UNKNOWN), trio.client.get(f"{OUTSIDE}/").status

    assert outside() == (True, 200)
    trio.config.write("scope.yaml", objects.yaml_object("Sidecar", "client", SCOPE))
    try:
        eventually(lambda: outside() == (False, 502), 5.0, "the unknown is blocked")
        assert trio.client.get(f"{SHOP_HOST}/", address=SHOP).version == "v1"
        assert say(trio.client.network, SHOP, 83, b"a\n") == [b"v2 a\n"]
        eventually(lambda: not reached(V1, CROWD["tcp-crowd"]), 5.0, "so is a service that is not imported")
    finally:
        trio.config.remove("scope.yaml")
        eventually(lambda: outside() == (True, 200), 5.0, "the unknown is passed through again")
        eventually(lambda: reached(V1, CROWD["tcp-crowd"]), 5.0, "the service is back")


def test_a_zone_fails_over_when_its_endpoints_go(trio: Trio) -> None:
    statuses: set[int] = set()

    def answered() -> set[str]:
        replies = [trio.client.get("zoned/", address=ZONED) for _ in range(8)]
        statuses.update(reply.status for reply in replies)
        return {reply.version for reply in replies}

    assert answered() == {"v1"}, "the zone's own"
    trio.config.write("zoned.yaml", zoned(V2))
    eventually(lambda: answered() == {"v2"}, 5.0, "the other zone's")
    trio.config.write("zoned.yaml", zoned(V1, V2))
    eventually(lambda: answered() == {"v1"}, 5.0, "the zone's own again")
    assert statuses == {200}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_tls_by_name_through_a_gateway(trio: Trio, version: str) -> None:
    """From the client through its sidecar, the gateway and the server's sidecar, and nobody looks into it."""
    pod: Pod = getattr(trio, version)
    context = client_context(trio.authority.path)

    def ask() -> None:
        plain = trio.client.network.call(socket.create_connection, (EDGE, 443), SECONDS)
        with plain, context.wrap_socket(plain, server_hostname=f"{version}.example") as secure:
            secure.sendall(b"ping\n")
            assert secure.makefile("rb").readline() == f"{version} ping\n".encode()

    cluster = f"outbound|443||secure-{version}.default.svc.cluster.local"
    before = trio.gateway.envoy.cluster_stat(cluster, "upstream_cx_total")
    assert went_out(trio.client, lambda: same(came_in(pod, ask), 1)) == 1
    assert trio.gateway.envoy.cluster_stat(cluster, "upstream_cx_total") == before + 1


def same(found: object, expected: object) -> None:
    assert found == expected


def call_outside(trio: Trio) -> None:
    assert say(trio.client.network, OUTSIDE, UNKNOWN, b"a\n") == [b"outside a\n"]


def test_what_leaves_is_intercepted_unless_it_is_excluded(trio: Trio) -> None:
    assert went_out(trio.client, lambda: call_outside(trio)) == 1
    with trio.intercepted(trio.client, "-o", f"25,{UNKNOWN}"):
        assert went_out(trio.client, lambda: call_outside(trio)) == 0
        assert went_out(trio.client, lambda: trio.client.get(f"{OUTSIDE}/")) == 1
    assert went_out(trio.client, lambda: call_outside(trio)) == 1


def test_excluded_ranges(trio: Trio) -> None:
    with trio.intercepted(trio.client, "-x", "10.77.9.0/24,192.0.2.0/24"):
        assert went_out(trio.client, lambda: call_outside(trio)) == 0
        assert went_out(trio.client, lambda: say(trio.client.network, V1, UNKNOWN, b"a\n")) == 1
        assert trio.client.get(f"{SHOP_HOST}/", address=SHOP).version == "v1"


def test_included_ranges_and_ports(trio: Trio) -> None:
    with trio.intercepted(trio.client, "-i", "10.96.0.0/16"):
        assert went_out(trio.client, lambda: call_outside(trio)) == 0
        assert went_out(trio.client, lambda: trio.client.get(f"{SHOP_HOST}/", address=SHOP)) == 1
    with trio.intercepted(trio.client, "-i", "10.96.0.0/16", "-q", str(UNKNOWN)):
        assert went_out(trio.client, lambda: call_outside(trio)) == 1
        assert went_out(trio.client, lambda: trio.client.get(f"{OUTSIDE}/")) == 0


def test_excluded_ports_into_a_pod(trio: Trio) -> None:
    """They reach the app itself: it sees who called."""

    def called(port: int = UNKNOWN) -> str:
        assert say(trio.client.network, V1, port, b"a\n") == [b"v1 a\n"]
        return trio.unknown["v1"].peers[-1]

    assert came_in(trio.v1, lambda: same(called(), PASSED_ON)) == 1
    with trio.intercepted(trio.v1, "-d", f"25,{UNKNOWN}"):
        assert came_in(trio.v1, lambda: same(called(), CLIENT)) == 0
        assert came_in(trio.v1, lambda: called(8083)) == 1
    with trio.intercepted(trio.v1, "-b", "8080,8083"):
        assert came_in(trio.v1, lambda: same(called(), CLIENT)) == 0
        assert came_in(trio.v1, lambda: called(8083)) == 1
    with trio.intercepted(trio.v1, "-b", ""):
        assert came_in(trio.v1, lambda: called(8083)) == 0


@pytest.mark.parametrize("url", ["15021/healthz/ready", "15090/stats/prometheus"])
def test_the_proxys_own_ports_are_reached_from_outside(trio: Trio, url: str) -> None:
    """By the kubelet's probe and by Prometheus, whatever is intercepted."""
    assert came_in(trio.v1, lambda: same(trio.outside.get(f"{V1}:{url}").status, 200)) == 0


def test_probes_of_the_app_come_in_by_the_sidecar(trio: Trio) -> None:
    """The kubelet has no sidecar; so long as there is no mTLS its checks pass as they are."""
    assert came_in(trio.v1, lambda: same(trio.outside.get(f"{V1}:8080/healthz").status, 200)) == 1


def test_what_was_taken_back_leaves_the_pod_as_it_was(trio: Trio) -> None:
    with trio.intercepted(trio.client, "--clean"):
        assert went_out(trio.client, lambda: call_outside(trio)) == 0
    assert went_out(trio.client, lambda: call_outside(trio)) == 1
