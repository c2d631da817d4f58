"""A real Envoy reads everything in the golden outputs, strictly: an unknown field or a broken rule would fail it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict

from tests.envoy.harness.certificates import Authority
from tests.require import envoy_binary, require
from tests.translators import goldens
from tests.translators.gateways.translation import gateway_output
from translators.gateways.tls_context import HTTP_ALPN, tls_context
from translators.memo import Memo
from translators.model.gateway import ServerTLSSettings
from translators.validation.gateway_tls import CIPHERS, CURVES

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


def managers(listener: Any) -> list[Any]:
    """Return the HTTP connection managers of a listener."""
    filters = [filter_ for chain in listener["filter_chains"] for filter_ in chain["filters"]]
    return [filter_["typed_config"] for filter_ in filters if "rds" in filter_["typed_config"]]


def test_envoy_accepts_every_listener_and_route_configuration(tmp_path: Path) -> None:
    """Each listener is there twice: as it is, and with its route configuration inside, which is then read too."""
    require("envoy")
    listeners: list[Any] = []
    for path in goldens.inputs("gateways"):
        made = gateway_output(goldens.read(path), Memo())
        routes = {r.name: goldens.resource_tree(r) for r in made.routes}
        for listener in made.listeners:
            for inline in (False, True):
                tree = goldens.resource_tree(listener)
                for manager in managers(tree) if inline else ():
                    manager["route_config"] = routes[manager.pop("rds")["route_config_name"]]
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
    [manager] = managers(tree)
    del manager["rds"]
    manager["route_config"] = goldens.resource_tree(made.routes[0])
    del manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    status, message = validate(bootstrap([tree]), tmp_path)
    assert (status, "action" in message.lower()) == (1, True), message


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        ({"cipher_suites": tuple(sorted(CIPHERS)), "ecdh_curves": tuple(sorted(CURVES))}, True),
        ({"min_protocol_version": "TLSV1_0", "max_protocol_version": "TLSV1_1"}, True),
        ({"verify_certificate_spki": ("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",)}, True),
        ({"verify_certificate_hash": ("ab" * 32, ":".join(["AB"] * 32))}, True),
        ({"verify_certificate_hash": ("ab",)}, False),
        ({"subject_alt_names": ("a.example", "*.b.example", "spiffe://c/d", "10.0.0.1", "::1", "a@b.example")}, True),
    ],
    ids=["every cipher and curve", "old versions", "an SPKI pin", "hash pins", "no hash", "names"],
)
def test_envoy_accepts_what_validation_lets_through(settings: dict[str, Any], accepted: bool, tmp_path: Path) -> None:
    """The certificates, which would come as Secrets, stand in the context here: Envoy looks at the rest only then."""
    require("envoy")
    authority = Authority(tmp_path)
    chain, key = authority.issue("server", "a.example")
    tls = ServerTLSSettings(
        mode="MUTUAL",
        server_certificate=str(chain),
        private_key=str(key),
        ca_certificates=str(authority.path),
        **settings,
    )
    context = MessageToDict(tls_context(tls, HTTP_ALPN), preserving_proto_field_name=True)
    common = context["common_tls_context"]
    del common["tls_certificate_sds_secret_configs"]
    common["tls_certificates"] = [
        {"certificate_chain": {"filename": str(chain)}, "private_key": {"filename": str(key)}}
    ]
    checks = common.pop("combined_validation_context")["default_validation_context"]
    common["validation_context"] = {**checks, "trusted_ca": {"filename": str(authority.path)}}
    made = gateway_output(goldens.read(goldens.TESTDATA / "gateways" / "https-simple.in.yaml"), Memo())
    tree = goldens.resource_tree(made.listeners[0])
    tree["filter_chains"][0]["transport_socket"]["typed_config"].update(context)
    status, message = validate(bootstrap([tree]), tmp_path)
    assert (status == 0) is accepted, message
