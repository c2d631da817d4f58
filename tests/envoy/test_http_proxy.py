"""Where the host of a request alone says which service and port it is for: MeshConfig `proxyHttpPort`, for applications
that are told of an HTTP proxy (`http_proxy=…`), and an egress listener on a Unix socket.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import assert_clean, objects
from tests.envoy.harness.client import request as send
from tests.envoy.harness.town import Town
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.envoy.harness.client import Reply
    from tests.envoy.harness.town import Pod

PROXY = 15080
PORTS = {"http-one": 80, "http-two": 81}
TARGETS = {"http-one": 8080, "http-two": 8081}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Yield a folder that the sidecar may write to."""
    folder = Path(tempfile.mkdtemp(prefix="pilotfish-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, place: Path) -> Iterator[Pod]:
    require("netns")
    folder = tmp_path_factory.mktemp("http-proxy")
    town = Town(folder, mesh_config=f"proxyHttpPort: {PROXY}")
    try:
        service = objects.service("web", PORTS, address="10.96.8.1", targets=TARGETS)
        egress = [
            {"port": {"number": 0, "protocol": "HTTP", "name": "a"}, "bind": f"unix://{place}/a", "hosts": ["./*"]},
            {"hosts": ["*/*"]},
        ]
        sidecar = objects.istio("Sidecar", "client", {"egress": egress})
        town.start(sidecar, service, objects.endpoint_slice("web", TARGETS, ["10.77.8.2"]))
        client, web = town.pod("client", "10.77.8.1", app="client"), town.pod("web", "10.77.8.2", app="web")
        for name, port in TARGETS.items():
            web.serve_http(port, name)
        client.start_sidecar(folder, "default")
        yield client
        assert_clean(client.envoy)
    finally:
        town.close()


def ask(client: Pod, url: str) -> Reply:
    """Send what an HTTP client sends to its proxy: the whole URL."""
    return client.network.call(send, PROXY, url, host="", timeout=5.0)


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("http://web/", "http-one"),
        ("http://web:80/", "http-one"),
        ("http://web.default.svc.cluster.local:81/", "http-two"),
    ],
)
def test_host_and_port_of_the_url_say_where_it_goes(client: Pod, url: str, version: str) -> None:
    reply = ask(client, url)
    assert (reply.status, reply.version) == (200, version)


def test_what_is_no_service_gets_an_answer_of_envoy(client: Pod) -> None:
    assert ask(client, "http://web:82/").status == 503


@pytest.mark.parametrize(("host", "version"), [("web", "http-one"), ("web:80", "http-one"), ("web:81", "http-two")])
def test_a_unix_socket_takes_requests_too(client: Pod, place: Path, host: str, version: str) -> None:
    reply = client.network.call(ask_socket, place / "a", host)
    assert (reply.status, reply.getheader("x-version")) == (200, version)


def test_a_host_that_is_not_imported_gets_an_answer_of_envoy(client: Pod, place: Path) -> None:
    assert client.network.call(ask_socket, place / "a", "nobody").status == 503


def ask_socket(path: Path, host: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host)
    connection.sock = socket.socket(socket.AF_UNIX)
    with connection.sock:
        connection.sock.settimeout(5.0)
        connection.sock.connect(str(path))
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse()
