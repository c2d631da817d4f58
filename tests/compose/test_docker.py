"""compose/quickstart on a Docker engine, where one answers (the opt-in `docker`)."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.compose.quickstart import IMAGE, ROOT, compose, mounts, published, service
from tests.envoy.harness.client import many
from tests.envoy.harness.waiting import eventually
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator

START = ("pilotfish", "echo-v1", "echo-v2", "gateway")


@pytest.fixture
def engine() -> Iterator[Any]:
    require("docker")
    client = docker.from_env()
    yield client
    client.close()


@pytest.mark.timeout(900)
def test_the_quickstart_runs(engine: Any) -> None:
    assert set(START) == set(compose()["services"])
    engine.images.build(path=str(ROOT), tag=IMAGE, rm=True)
    with contextlib.ExitStack() as cleanup:
        network = engine.networks.create("pilotfish-quickstart-test")
        cleanup.callback(network.remove)
        for name in START:
            cleanup.callback(start(engine, network, name).remove, force=True)
            if name == "pilotfish":
                eventually(lambda: ready(published("pilotfish")[15014], "/readyz"), 60, "the control plane is ready")
        port = published("gateway")[8080]
        eventually(lambda: ready(published("gateway")[15021], "/healthz/ready"), 60, "the gateway is ready")
        eventually(lambda: many(port, "/product/v2", 1)[200, "v2"] == 1, 30, "the gateway answers")
        counted = many(port, "/product", 1000)
        assert counted[200, "v1"] + counted[200, "v2"] == 1000
        assert counted[200, "v1"] / 1000 == pytest.approx(0.75, abs=0.06)


def start(engine: Any, network: Any, name: str) -> Any:
    """Start one service as compose would."""
    says = service(name)
    container = engine.containers.create(
        says["image"],
        says["command"],
        name=f"pilotfish-quickstart-test-{name}",
        entrypoint=says.get("entrypoint"),
        ports={f"{inside}/tcp": ("127.0.0.1", host) for inside, host in published(name).items()},
        volumes={str(host): {"bind": inside, "mode": "ro"} for inside, host in mounts(name).items()},
    )
    network.connect(container, aliases=[name])
    container.start()
    return container


def ready(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False
