"""A server made with `grpc.server(xds=True)`: it serves once we have sent it the listener of the address it binds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.envoy.harness import ReservedPort, eventually
from tests.proxyless.conftest import entry
from tests.proxyless.harness import GrpcServers

if TYPE_CHECKING:
    from tests.proxyless.conftest import GrpcMesh


def test_a_server_gets_its_listener_and_serves(mesh: GrpcMesh) -> None:
    with ReservedPort() as reserved:
        port, direct = reserved.port, f"dns:///127.0.0.1:{reserved.port}"
        listener = f"Listener xds.istio.io/grpc/lds/inbound/127.0.0.1:{port}"

        def called(target: str, **how: Any) -> dict[str, Any]:
            done: dict[str, Any] = mesh.client.do("call", target=target, timeout=2.0, **how)
            return done

        servers = GrpcServers(mesh.folder / "xds-server.log", {"served": port}, xds_port=mesh.pilotfish.xds_port)
        try:
            # No service has the port yet, so the server does not serve.
            eventually(lambda: any(p["id"].startswith("sidecar~127.0.0.1~server.") for p in mesh.pilotfish.proxies()))
            assert next(iter(called(direct)["failures"])).startswith("UNAVAILABLE")

            mesh.config.write("served.yaml", entry("served", {"served": port}))
            eventually(lambda: called("served:80")["answers"] == {"served": 1}, 10.0, "the server serves")
            (held,) = eventually(lambda: called(direct, method="/echo.Echo/Held")["answers"], 10.0)
            assert json.loads(held) == {listener: "ACKED"}

            mesh.config.remove("served.yaml")
            eventually(lambda: not called(direct)["answers"], 10.0, "the server does not serve without its listener")
            mesh.config.write("served.yaml", entry("served", {"served": port}))
            eventually(lambda: called(direct)["answers"] == {"served": 1}, 10.0, "and serves again")
        finally:
            servers.stop()
            mesh.config.remove("served.yaml")
