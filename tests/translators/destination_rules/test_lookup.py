"""Which DestinationRule holds: every precedence rule of reference 3.8 and 3.4."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.worlds import Scene, objects, with_objects, world
from translators.destination_rules import rule_index
from translators.memo import Memo
from translators.model.mesh_config import MeshConfig
from translators.model.world import World
from translators.services import service_index

REVIEWS = "reviews.shop.svc.cluster.local"
ROOT = "istio-system"

SERVICE = "{kind: Service, metadata: {name: reviews, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}"


def rule(
    name: str,
    namespace: str,
    host: str = REVIEWS,
    *,
    export_to: str = "[]",
    created: str = "",
    spec: str = "trafficPolicy: {loadBalancer: {simple: RANDOM}}",
) -> str:
    stamp = f", creationTimestamp: '{created}'" if created else ""
    return f"""
---
kind: DestinationRule
metadata: {{name: {name}, namespace: {namespace}{stamp}}}
spec: {{host: "{host}", exportTo: {export_to}, {spec}}}
"""


def chosen(text: str, client: str, labels: dict[str, str] | None = None, **settings: Any) -> list[str]:
    """Return the names of the rules that hold for reviews as a client in namespace `client` sees it."""
    scene = Scene(world(SERVICE + text, **settings))
    found = scene.rules.for_service(scene.service(REVIEWS, "shop"), client, tuple((labels or {}).items()))
    return [] if found is None else [f"{key.namespace}/{key.name}" for key in found.origins]


CLIENT, OF_SERVICE, OF_ROOT = rule("c", "client"), rule("s", "shop"), rule("r", ROOT)


@pytest.mark.parametrize(
    ("text", "client", "expected"),
    [
        (CLIENT + OF_SERVICE + OF_ROOT, "client", ["client/c"]),
        (OF_SERVICE + OF_ROOT, "client", ["shop/s"]),
        (OF_ROOT, "client", [f"{ROOT}/r"]),
        (CLIENT, "other", []),
        (OF_SERVICE + OF_ROOT, "shop", ["shop/s"]),
        (CLIENT + OF_SERVICE + OF_ROOT, "other", ["shop/s"]),
        ("", "client", []),
    ],
)
def test_the_clients_namespace_then_the_services_then_the_root(text: str, client: str, expected: list[str]) -> None:
    assert chosen(text, client) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rule("c", "client", "*") + OF_SERVICE, ["client/c"]),
        (rule("c", "client", "*.local") + OF_SERVICE + OF_ROOT, ["client/c"]),
        (rule("s", "shop", "*.shop.svc.cluster.local") + OF_ROOT, ["shop/s"]),
    ],
)
def test_a_nearer_wildcard_beats_a_farther_exact_host(text: str, expected: list[str]) -> None:
    assert chosen(text, "client") == expected


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["*", "*.local", "*.shop.svc.cluster.local", REVIEWS], 3),
        (["*.shop.svc.cluster.local", "*.cluster.local", "*"], 0),
        (["*", "*.cluster.local"], 1),
        (["*"], 0),
        (["ratings.shop.svc.cluster.local", "*.example.com"], None),
        (["*.reviews.shop.svc.cluster.local"], None),
    ],
)
def test_an_exact_host_beats_the_longest_wildcard(hosts: list[str], expected: int | None) -> None:
    text = "".join(rule(f"r{i}", "shop", host) for i, host in enumerate(hosts))
    assert chosen(text, "client") == ([] if expected is None else [f"shop/r{expected}"])


@pytest.mark.parametrize(("host", "holds"), [("reviews", True), ("reviews.shop", False), ("ratings", False)])
def test_a_short_host_is_read_in_the_rules_namespace(host: str, holds: bool) -> None:
    assert chosen(rule("s", "shop", host), "client") == (["shop/s"] if holds else [])
    assert chosen(rule("c", "client", host), "client") == []


def test_a_short_host_of_a_service_entry_stays_short() -> None:
    entry = """
---
kind: ServiceEntry
metadata: {name: echo, namespace: shop}
spec: {hosts: [echo], resolution: DNS, ports: [{number: 80, name: http}]}
"""
    scene = Scene(world(entry + rule("e", "shop", "echo")))
    found = scene.rules.for_service(scene.service("echo", "shop"), "client")
    assert found is not None
    assert found.host == "echo"


@pytest.mark.parametrize(
    ("text", "client", "expected"),
    [
        (rule("s", "shop", export_to="['.']"), "client", []),
        (rule("s", "shop", export_to="['.']"), "shop", ["shop/s"]),
        (rule("s", "shop", export_to="['.']") + OF_ROOT, "client", [f"{ROOT}/r"]),
        (rule("s", "shop", export_to="[client]"), "client", ["shop/s"]),
        (rule("s", "shop", export_to="[client]"), "other", []),
        (rule("s", "shop", export_to="[client]"), "shop", ["shop/s"]),
        (rule("s", "shop", export_to="['*']"), "client", ["shop/s"]),
        (rule("s", "shop", REVIEWS, export_to="['.']") + rule("w", "shop", "*"), "client", ["shop/w"]),
        (rule("r", ROOT, export_to="['.']"), "client", []),
        (rule("c", "client", export_to="['.']") + OF_SERVICE, "client", ["client/c"]),
    ],
)
def test_export_to(text: str, client: str, expected: list[str]) -> None:
    assert chosen(text, client) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OF_SERVICE + OF_ROOT, ["shop/s"]),
        (OF_SERVICE + rule("r", ROOT, export_to="['.']"), [f"{ROOT}/r"]),
        (OF_ROOT, [f"{ROOT}/r"]),
    ],
    ids=["the service's own before a public one", "a private one first", "a public one last"],
)
def test_a_client_in_the_root_namespace(text: str, expected: list[str]) -> None:
    assert chosen(text, ROOT) == expected


@pytest.mark.parametrize(
    ("default", "client", "expected"),
    [
        (("*",), "client", ["shop/s"]),
        ((".",), "client", []),
        ((".",), "shop", ["shop/s"]),
        (("client",), "other", ["shop/s"]),
        (("~",), "other", ["shop/s"]),
    ],
    ids=["all", "own, seen from outside", "own, seen from inside", "a name does not count", "nobody does not count"],
)
def test_the_meshs_default_export(default: tuple[str, ...], client: str, expected: list[str]) -> None:
    mesh = MeshConfig(default_destination_rule_export_to=default)
    assert chosen(OF_SERVICE, client, mesh=mesh) == expected


SELECTING = rule("sel", "client", spec="workloadSelector: {matchLabels: {app: gw}}, trafficPolicy: {tunnel: {}}")


@pytest.mark.parametrize(
    ("text", "client", "labels", "expected"),
    [
        (CLIENT + SELECTING, "client", {"app": "gw", "x": "y"}, ["client/sel"]),
        (CLIENT + SELECTING, "client", {"app": "other"}, ["client/c"]),
        (CLIENT + SELECTING, "client", {}, ["client/c"]),
        (SELECTING, "client", {"app": "other"}, []),
        (SELECTING + OF_SERVICE, "client", {"app": "other"}, ["shop/s"]),
        (SELECTING.replace("namespace: client", "namespace: shop"), "client", {"app": "gw"}, []),
        (SELECTING.replace("namespace: client", f"namespace: {ROOT}"), "client", {"app": "gw"}, []),
        (
            SELECTING.replace("namespace: client", f"namespace: {ROOT}") + OF_SERVICE,
            ROOT,
            {"app": "gw"},
            [f"{ROOT}/sel"],
        ),
    ],
)
def test_a_workload_selector(text: str, client: str, labels: dict[str, str], expected: list[str]) -> None:
    assert chosen(text, client, labels) == expected


OLD, YOUNG = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rule("b", "shop", created=OLD) + rule("a", "shop", created=YOUNG), ["shop/b", "shop/a"]),
        (rule("b", "shop") + rule("a", "shop"), ["shop/a", "shop/b"]),
        (rule("a", "shop") + rule("b", "shop", "reviews"), ["shop/a", "shop/b"]),
        (rule("a", "shop", export_to="['*']") + rule("b", "shop"), ["shop/a", "shop/b"]),
        (rule("a", "shop", "*") + rule("b", "shop"), ["shop/b"]),
        (rule("b", "shop", export_to="['*']") + rule("a", "shop", export_to="[client, shop]"), ["shop/a"]),
        (
            rule("b", "shop", export_to="['*']", created=OLD)
            + rule("a", "shop", export_to="[client]", created=YOUNG)
            + rule("c", "shop", export_to="['*']", created=YOUNG),
            ["shop/b", "shop/c"],
        ),
    ],
    ids=[
        "the oldest first",
        "in files, by name",
        "a short host and a full one are one host",
        "what is written out and the default are one audience",
        "different hosts are kept apart",
        "different audiences are kept apart",
        "of those the one with the oldest rule holds",
    ],
)
def test_which_rules_are_merged(text: str, expected: list[str]) -> None:
    assert chosen(text, "client") == expected


def test_what_does_not_change_keeps_its_identity() -> None:
    memo = Memo()
    first = world(SERVICE + OF_SERVICE + rule("other", "shop", "ratings"))
    before = Scene(first, memo)
    service, rules = before.service(REVIEWS, "shop"), before.rules
    assert Scene(with_objects(first, "{kind: Pod, metadata: {name: p}}"), memo).rules is rules
    edited = rule("other", "shop", "ratings", spec="trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}")
    after = Scene(with_objects(first, edited), memo).rules
    assert after is not rules
    assert after.for_service(service, "client") is rules.for_service(service, "client")
    assert after.for_service(service, "client") is not None


EVERYTHING = objects(
    SERVICE
    + "".join(
        rule(name, namespace, host, export_to=to, spec=f"subsets: [{{name: v1}}, {{name: {name}}}]")
        for name, host, to in [("a", "*", "[]"), ("b", REVIEWS, "[]"), ("c", REVIEWS, "['.']"), ("d", REVIEWS, "[]")]
        for namespace in ("shop", ROOT)
    )
)


@given(st.permutations(EVERYTHING))
def test_the_order_of_objects_does_not_matter(order: list[Any]) -> None:
    found = []
    for given_order in (EVERYTHING, order):
        scene = Scene(World().apply({o.key: o for o in given_order}))
        service, rules = scene.service(REVIEWS, "shop"), scene.rules
        holding = [rules.for_service(service, client) for client in ("shop", "client", ROOT)]
        found.append(([(r.origins, list(r.subsets)) for r in holding if r is not None], rules.diagnostics))
    assert found[0] == found[1]
    assert len(found[0][0]) == 3


def test_indexes_can_be_made_from_the_public_functions() -> None:
    memo = Memo()
    some = world(SERVICE + OF_SERVICE)
    assert rule_index(some, service_index(some, memo), memo).diagnostics == ()
