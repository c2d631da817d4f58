"""The harness of every test that runs a real Envoy. Start reading at `Mesh`, or at `EnvoyProcess` and `Pilotfish`."""

from __future__ import annotations

from tests.envoy.harness import objects
from tests.envoy.harness.backend import Backend, Loop
from tests.envoy.harness.client import Reply, many, request
from tests.envoy.harness.envoy_process import (
    EnvoyProcess,
    assert_clean,
    envoy_binary,
    gateway_proxy,
    proxy_named,
    wait_warm,
)
from tests.envoy.harness.mesh import HOST, Mesh
from tests.envoy.harness.pilotfish import Folder, Pilotfish
from tests.envoy.harness.waiting import eventually
from xds_server.demo.echo import Behaviour
from xds_server.demo.ports import ReservedPort

__all__ = [
    "HOST",
    "Backend",
    "Behaviour",
    "EnvoyProcess",
    "Folder",
    "Loop",
    "Mesh",
    "Pilotfish",
    "Reply",
    "ReservedPort",
    "assert_clean",
    "envoy_binary",
    "eventually",
    "gateway_proxy",
    "many",
    "objects",
    "proxy_named",
    "request",
    "wait_warm",
]
