"""Each field of a traffic policy that stands in the TCP proxy, and not in the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.json_format import MessageToDict

from tests.translators.worlds import Scene, world
from translators.destination_rules import effective_policy
from translators.tcp_policy import apply_tcp_policy


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{loadBalancer: {simple: RANDOM}}", {}),
        ("{connectionPool: {tcp: {idleTimeout: 30s}}}", {"idle_timeout": "30s"}),
        ("{connectionPool: {tcp: {idleTimeout: 0s}}}", {"idle_timeout": "0s"}),
        ("{loadBalancer: {consistentHash: {useSourceIp: true}}}", {"hash_policy": [{"source_ip": {}}]}),
        ("{loadBalancer: {consistentHash: {httpHeaderName: x}}}", {}),
        (
            "{tunnel: {targetHost: db.example, targetPort: 3306}}",
            {"tunneling_config": {"hostname": "db.example:3306"}},
        ),
        (
            '{tunnel: {protocol: POST, targetHost: "::1", targetPort: 3306}}',
            {"tunneling_config": {"hostname": "[::1]:3306", "use_post": True}},
        ),
    ],
)
def test_what_a_policy_makes_of_a_tcp_proxy(policy: str, expected: dict[str, Any]) -> None:
    text = f"{{kind: DestinationRule, metadata: {{name: a}}, spec: {{host: a.example, trafficPolicy: {policy}}}}}"
    entry = """
{kind: ServiceEntry, metadata: {name: a}, spec: {hosts: [a.example], ports: [{number: 80, name: tcp}]}}
---
"""
    scene = Scene(world(entry + text))
    made = TcpProxy()
    apply_tcp_policy(made, effective_policy(scene.rules.for_service(scene.service("a.example"), "default"), 80))
    assert MessageToDict(made, preserving_proto_field_name=True) == expected
