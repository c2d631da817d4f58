"""What merged rules say in the end: subsets, blocks and ports (reference 3.8)."""

from __future__ import annotations

import pytest

from tests.translators.worlds import Scene, world
from translators.destination_rules import EffectivePolicy, MergedRule, cluster_policy, effective_policy
from translators.model.destination_rule import ConnectionPoolSettings, OutlierDetection, TCPSettings
from translators.model.mesh_config import MeshConfig, MeshTrafficPolicy
from translators.model.meta import ObjectKey
from translators.model.origin import Origin

HOST = "reviews.default.svc.cluster.local"
KEY = ObjectKey("DestinationRule", "default", "a")


def rule_of(*specs: str, created: tuple[str, ...] = ()) -> tuple[MergedRule, Scene]:
    """Make rules `a`, `b`, … for reviews, each with its spec; return what they are merged to."""
    text = "{kind: Service, metadata: {name: reviews}, spec: {ports: [{name: http, port: 80}]}}"
    for index, spec in enumerate(specs):
        stamp = f", creationTimestamp: '{created[index]}'" if created else ""
        name = "abc"[index]
        text += f"\n---\n{{kind: DestinationRule, metadata: {{name: {name}{stamp}}}, spec: {{host: reviews, {spec}}}}}"
    scene = Scene(world(text))
    found = scene.rules.for_service(scene.service(HOST), "default")
    assert found is not None
    return found, scene


def shown(policy: EffectivePolicy) -> dict[str, tuple[object, str]]:
    """Return the blocks that are set: what tells them apart in these tests, and their origin's path."""
    found: dict[str, tuple[object, str]] = {}
    pool = policy.connection_pool
    for name, value in (
        ("load_balancer", policy.load_balancer and policy.load_balancer.simple),
        (
            "connection_pool",
            pool and pool.tcp and pool.tcp.max_connections,
        ),
        ("outlier_detection", policy.outlier_detection and policy.outlier_detection.consecutive_5xx_errors),
        ("tls", policy.tls and policy.tls.mode),
        ("tunnel", policy.tunnel and policy.tunnel.protocol),
        ("proxy_protocol", policy.proxy_protocol and policy.proxy_protocol.version),
        ("retry_budget", policy.retry_budget and policy.retry_budget.percent),
    ):
        origin = getattr(policy, f"{name}_origin")
        assert (value is None) == (origin is None), name
        if origin is not None:
            found[name] = (value, origin.path)
    return found


ALL = (
    "loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {maxConnections: 1}}, "
    "outlierDetection: {consecutive5xxErrors: 1}, tls: {mode: SIMPLE}, retryBudget: {percent: 1}"
)
TOP = "spec.trafficPolicy"
EVERY_BLOCK = {
    "load_balancer": ("RANDOM", f"{TOP}.loadBalancer"),
    "connection_pool": (1, f"{TOP}.connectionPool"),
    "outlier_detection": (1, f"{TOP}.outlierDetection"),
    "tls": ("SIMPLE", f"{TOP}.tls"),
    "retry_budget": (1.0, f"{TOP}.retryBudget"),
}
KEPT = {"retry_budget": EVERY_BLOCK["retry_budget"]}
PORT = f"{TOP}.portLevelSettings[0]"
SUBSET = "spec.subsets[0].trafficPolicy"


ROUND_ROBIN_BLOCK = "loadBalancer: {simple: ROUND_ROBIN}"


def ported(number: int, blocks: str) -> str:
    return f"portLevelSettings: [{{port: {{number: {number}}}, {blocks}}}]"


def of_subset(policy: str) -> str:
    return f"subsets: [{{name: v1, trafficPolicy: {{{policy}}}}}]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (f"trafficPolicy: {{{ALL}}}, subsets: [{{name: v1}}]", EVERY_BLOCK),
        (
            f"trafficPolicy: {{{ALL}, {ported(80, ROUND_ROBIN_BLOCK)}}}",
            KEPT | {"load_balancer": ("ROUND_ROBIN", f"{PORT}.loadBalancer")},
        ),
        (f"trafficPolicy: {{{ALL}, {ported(81, ROUND_ROBIN_BLOCK)}}}", EVERY_BLOCK),
        (
            f"trafficPolicy: {{{ALL}}}, {of_subset(ROUND_ROBIN_BLOCK)}",
            EVERY_BLOCK | {"load_balancer": ("ROUND_ROBIN", f"{SUBSET}.loadBalancer")},
        ),
        (
            f"trafficPolicy: {{{ALL}, {ported(80, 'tls: {mode: MUTUAL}')}}}, "
            + of_subset(f"{ROUND_ROBIN_BLOCK}, tunnel: {{protocol: POST}}"),
            KEPT
            | {
                "load_balancer": ("ROUND_ROBIN", f"{SUBSET}.loadBalancer"),
                "tls": ("MUTUAL", f"{PORT}.tls"),
                "tunnel": ("POST", f"{SUBSET}.tunnel"),
            },
        ),
        (
            f"trafficPolicy: {{{ALL}}}, "
            + of_subset(
                f"{ROUND_ROBIN_BLOCK}, proxyProtocol: {{version: V2}}, portLevelSettings: "
                "[{port: {number: 9}}, {port: {number: 80}, connectionPool: {tcp: {maxConnections: 7}}}]"
            ),
            KEPT
            | {
                "proxy_protocol": ("V2", f"{SUBSET}.proxyProtocol"),
                "connection_pool": (7, f"{SUBSET}.portLevelSettings[1].connectionPool"),
            },
        ),
        ("subsets: [{name: v1}]", {}),
    ],
    ids=[
        "a subset without a policy has the rule's",
        "settings of the port replace the four blocks whole",
        "settings of another port do nothing",
        "a subset's policy overrides block by block",
        "the port's settings, then the subset's blocks",
        "the subset's settings of the port come last",
        "no policy",
    ],
)
def test_layers(spec: str, expected: dict[str, tuple[object, str]]) -> None:
    rule, _ = rule_of(spec)
    assert shown(effective_policy(rule, 80, "v1")) == expected


def test_the_service_itself_does_not_have_a_subsets_policy() -> None:
    rule, _ = rule_of(f"trafficPolicy: {{{ALL}}}, subsets: [{{name: v1, trafficPolicy: {{tls: {{mode: MUTUAL}}}}}}]")
    assert shown(effective_policy(rule, 80)) == EVERY_BLOCK
    assert shown(effective_policy(rule, 80, "unknown")) == EVERY_BLOCK


def test_without_a_rule_nothing_is_said() -> None:
    assert shown(effective_policy(None, 80, "v1")) == {}


RANDOM = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
ROUND_ROBIN = "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}"


@pytest.mark.parametrize(
    ("specs", "created", "simple", "origin"),
    [
        ([RANDOM, ROUND_ROBIN], (), "RANDOM", "a"),
        (["subsets: []", ROUND_ROBIN], (), "ROUND_ROBIN", "b"),
        ([RANDOM, ROUND_ROBIN], ("2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z"), "ROUND_ROBIN", "b"),
    ],
    ids=["the first by name", "the oldest that has one", "the oldest"],
)
def test_the_policy_of_merged_rules_is_one_rules(
    specs: list[str], created: tuple[str, ...], simple: str, origin: str
) -> None:
    rule, _ = rule_of(*specs, created=created)
    policy = effective_policy(rule, 80)
    assert policy.load_balancer is not None
    assert policy.load_balancer.simple == simple
    assert policy.load_balancer_origin == Origin(ObjectKey("DestinationRule", "default", origin), f"{TOP}.loadBalancer")


def test_policies_of_merged_rules_are_not_mixed() -> None:
    rule, _ = rule_of(RANDOM, "trafficPolicy: {tls: {mode: SIMPLE}}")
    assert shown(effective_policy(rule, 80)) == {"load_balancer": ("RANDOM", f"{TOP}.loadBalancer")}


def test_subsets_of_merged_rules_are_put_together_and_the_older_keeps_its_name() -> None:
    rule, scene = rule_of(
        "subsets: [{name: v1, labels: {version: v1}}]",
        "subsets: [{name: v2, labels: {version: v2}}, {name: v1, labels: {version: other}}]",
    )
    b = ObjectKey("DestinationRule", "default", "b")
    assert [(s.name, s.labels, s.origin, s.path) for s in rule.subsets.values()] == [
        ("v1", {"version": "v1"}, KEY, "spec.subsets[0]"),
        ("v2", {"version": "v2"}, b, "spec.subsets[0]"),
    ]
    assert [(d.code, d.origin) for d in scene.rules.diagnostics] == [("PF0590", Origin(b, "spec.subsets[1]"))]


def test_the_mesh_fills_the_pool_and_the_outlier_detection_that_a_rule_leaves_out() -> None:
    pool = ConnectionPoolSettings(tcp=TCPSettings(max_connections=5))
    outlier = OutlierDetection(consecutive_5xx_errors=9)
    mesh = MeshConfig(default_traffic_policy=MeshTrafficPolicy(connection_pool=pool, outlier_detection=outlier))
    rule, _ = rule_of("trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}")
    found = cluster_policy(rule, 80, "", mesh)
    assert found.connection_pool == ConnectionPoolSettings(tcp=TCPSettings(max_connections=1))
    assert (found.outlier_detection, found.outlier_detection_origin) == (outlier, None)
    assert cluster_policy(None, 80, "", mesh).connection_pool == pool
