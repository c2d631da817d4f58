"""A wildcard ServiceEntry that is looked up for each request: the request's host says where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.envoy.harness import objects

if TYPE_CHECKING:
    from tests.envoy.harness import Mesh

WILD = objects.istio(
    "ServiceEntry",
    "wild",
    {
        "hosts": ["*.localhost"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "DYNAMIC_DNS",
    },
)


def test_each_request_goes_to_its_own_host(mesh: Mesh) -> None:
    mesh.route('- route: [{destination: {host: "*.localhost"}}]', WILD)
    for backend in (mesh.v1, mesh.v2):
        reply = mesh.get("/", host=f"{backend.version}.localhost:{backend.port}")
        assert (reply.status, reply.version) == (200, backend.version)
        assert reply.json["host"] == f"{backend.version}.localhost:{backend.port}"


def test_a_host_that_nobody_knows_is_answered_503(mesh: Mesh) -> None:
    mesh.route('- route: [{destination: {host: "*.localhost"}}]', WILD)
    assert mesh.get("/", host="nobody.invalid").status == 503
