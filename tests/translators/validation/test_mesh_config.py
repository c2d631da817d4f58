"""MeshConfig: what validation says about each mistake."""

from __future__ import annotations

import pytest
import yaml

from translators.model.decode import decode_mesh_config
from translators.validation import validate_mesh_config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", []),
        ("{proxyHttpPort: 0, proxyListenPort: 15001}", []),
        ("{proxyListenPort: 0}", ["PF0290 proxyListenPort"]),
        (
            "{proxyInboundListenPort: 65536, proxyHttpPort: 70000}",
            ["PF0290 proxyHttpPort", "PF0290 proxyInboundListenPort"],
        ),
        ("{connectTimeout: 0s}", ["PF0291 connectTimeout"]),
        ("{dnsRefreshRate: 10us}", ["PF0291 dnsRefreshRate"]),
        ("{protocolDetectionTimeout: 0s}", []),
        ("{protocolDetectionTimeout: -1s}", ["PF0291 protocolDetectionTimeout"]),
        ("{tcpKeepalive: {time: -1s, interval: -2s}}", ["PF0291 tcpKeepalive.interval", "PF0291 tcpKeepalive.time"]),
        ("{defaultServiceExportTo: ['.', shop, '*']}", []),
        ("{defaultVirtualServiceExportTo: [Shop]}", ["PF0284 defaultVirtualServiceExportTo[0]"]),
        ("{outboundClusterStatName: '%SERVICE%_%SERVICE_PORT%'}", []),
        ("{outboundClusterStatName: '%SERVICE%_%PORT%'}", ["PF0292 outboundClusterStatName"]),
        ("{localityLbSetting: {failover: [{from: r1, to: r2}]}}", []),
        (
            "{localityLbSetting: {distribute: [{from: r1/*, to: {r1/*: 90}}]}}",
            ["PF0531 localityLbSetting.distribute[0].to"],
        ),
        ("{defaultHttpRetryPolicy: {attempts: -1}}", ["PF0440 defaultHttpRetryPolicy.attempts"]),
        ("{tlsDefaults: {cipherSuites: [AES128-SHA], ecdhCurves: [P-256]}}", []),
        (
            "{tlsDefaults: {cipherSuites: [NULL-SHA], ecdhCurves: [P-1]}}",
            ["PF0293 tlsDefaults.cipherSuites[0]", "PF0293 tlsDefaults.ecdhCurves[0]"],
        ),
        (
            "{defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}, outlierDetection: {interval: 0s}}}",
            [
                "PF0514 defaultTrafficPolicy.connectionPool.tcp.maxConnections",
                "PF0511 defaultTrafficPolicy.outlierDetection.interval",
            ],
        ),
        ("{discoverySelectors: [{matchLabels: {env: prod}}, {}]}", []),
        (
            "{discoverySelectors: [{matchExpressions: [{key: a, values: [b]}, {key: c, operator: Exists}]}]}",
            [],
        ),
        (
            "{discoverySelectors: [{matchLabels: {'-': x}}, {matchExpressions: [{operator: Exists, values: [a]}]}]}",
            [
                "PF0281 discoverySelectors[0].matchLabels",
                "PF1144 discoverySelectors[1].matchExpressions[0].key",
                "PF1144 discoverySelectors[1].matchExpressions[0].values",
            ],
        ),
        (
            "{discoverySelectors: [{matchExpressions: [{key: a, operator: NotIn}]}]}",
            ["PF1144 discoverySelectors[0].matchExpressions[0].values"],
        ),
    ],
)
def test_what_is_said(text: str, expected: list[str]) -> None:
    mesh, _ = decode_mesh_config(yaml.safe_load(text))
    assert mesh is not None
    assert [f"{d.code} {d.origin.path}" for d in validate_mesh_config(mesh) if d.origin] == expected
