"""A real Envoy reads everything in the golden outputs, strictly: an unknown field or a broken rule would fail it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.require import envoy_binary, require
from tests.translators import goldens
from tests.translators.gateways.translation import gateway_output
from translators.memo import Memo

if TYPE_CHECKING:
    from pathlib import Path


def validate(bootstrap: dict[str, Any], folder: Path) -> tuple[int, str]:
    """Return Envoy's exit status, and the end of what it says if that is not 0."""
    config = folder / "envoy.json"
    config.write_text(json.dumps(bootstrap), encoding="utf-8")
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(config), "--use-dynamic-base-id"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr[-2000:] if done.returncode else ""


def bootstrap(listeners: list[Any]) -> dict[str, Any]:
    xds = {"name": "xds", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {"cluster_name": "xds"}}
    ads = {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}
    return {
        "node": {"id": "router~127.0.0.1~gw.default~default.svc.cluster.local", "cluster": "gw"},
        "dynamic_resources": {"ads_config": ads},
        "static_resources": {"clusters": [xds], "listeners": listeners},
    }


def manager(listener: Any) -> Any:
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def test_envoy_accepts_every_listener_and_route_configuration(tmp_path: Path) -> None:
    """Each listener is there twice: as it is, and with its route configuration inside, which is then read too."""
    require("envoy")
    listeners: list[Any] = []
    for path in goldens.inputs("gateways"):
        made = gateway_output(goldens.read(path), Memo())
        for listener, routes in zip(made.listeners, made.routes, strict=True):
            for inline in (False, True):
                tree = goldens.resource_tree(listener)
                if inline:
                    del manager(tree)["rds"]
                    manager(tree)["route_config"] = goldens.resource_tree(routes)
                # All of them stand in one bootstrap, so each needs a name and an address of its own.
                tree["name"] = f"{path.name}/{tree['name']}/{inline}"
                if "socket_address" in tree["address"]:
                    tree["address"]["socket_address"]["port_value"] = 10_000 + len(listeners)
                elif inline:
                    tree["address"]["pipe"]["path"] += ".inline"
                listeners.append(tree)
    assert len(listeners) > 100
    assert validate(bootstrap(listeners), tmp_path) == (0, "")


def test_envoy_would_complain(tmp_path: Path) -> None:
    """The test above can fail: a route without an action is refused."""
    require("envoy")
    made = gateway_output(goldens.read(goldens.TESTDATA / "gateways" / "default-route.in.yaml"), Memo())
    tree = goldens.resource_tree(made.listeners[0])
    del manager(tree)["rds"]
    manager(tree)["route_config"] = goldens.resource_tree(made.routes[0])
    del manager(tree)["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    status, message = validate(bootstrap([tree]), tmp_path)
    assert (status, "action" in message.lower()) == (1, True), message
