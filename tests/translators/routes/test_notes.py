"""With a recorder, each part of a route says which field it comes from."""

from __future__ import annotations

from tests.translators import goldens
from tests.translators.gateways.translation import gateway_output
from translators.memo import Recording

VS = "VirtualService default/reviews"


def notes(case: str) -> dict[str, list[str]]:
    """Return path inside the first virtual host to fields."""
    made = gateway_output(goldens.read(goldens.TESTDATA / "gateways" / f"{case}.in.yaml"), Recording())
    found: dict[str, list[str]] = {}
    for path, origin in made.routes[0].notes:
        found.setdefault(path.removeprefix("virtual_hosts[0]."), []).append(str(origin))
    return found


def test_match() -> None:
    assert notes("match-method-authority-scheme") == {
        "domains[0]": [f"{VS} spec.hosts"],
        "routes[0]": [f"{VS} spec.http[0].match[0]"],
        "routes[0].match.headers[0]": [f"{VS} spec.http[0].match[0].headers.zz"],
        "routes[0].match.headers[1]": [f"{VS} spec.http[0].match[0].method"],
        "routes[0].match.headers[2]": [f"{VS} spec.http[0].match[0].authority"],
        "routes[0].match.headers[3]": [f"{VS} spec.http[0].match[0].scheme"],
        "routes[0].route.cluster": [f"{VS} spec.http[0].route[0].destination"],
    }


def test_weights() -> None:
    found = notes("weights")
    assert found["routes[0].route.weighted_clusters.clusters[1]"] == [f"{VS} spec.http[0].route[1]"]


def test_policies() -> None:
    assert notes("timeout")["routes[0].route.timeout"] == [f"{VS} spec.http[0].timeout"]
    assert notes("retries")["routes[0].route.retry_policy"] == [f"{VS} spec.http[0].retries"]
    assert notes("rewrite")["routes[1].route.prefix_rewrite"] == [f"{VS} spec.http[0].rewrite"]
    assert notes("mirrors")["routes[0].route.request_mirror_policies[1]"] == [
        f"{VS} spec.http[0].mirrors[1].destination"
    ]
    assert notes("cors")["routes[0].typed_per_filter_config.envoy.filters.http.cors"] == [
        f"{VS} spec.http[0].corsPolicy"
    ]


def test_a_hash_comes_from_the_destination_rule() -> None:
    field = "DestinationRule default/reviews spec.trafficPolicy.loadBalancer"
    assert notes("hash-header")["routes[0].route.hash_policy"] == [field]


def test_routes_for_everything_keep_their_notes_when_they_move_to_the_end() -> None:
    found = notes("hosts-merge")
    assert [found[f"routes[{i}]"] for i in range(4)] == [
        ["VirtualService default/z-old spec.http[0].match[0]"],
        ["VirtualService default/a-new spec.http[0].match[0]"],
        ["VirtualService default/z-old spec.http[1]"],
        ["VirtualService default/a-new spec.http[1]"],
    ]


def test_a_redirect_to_https_comes_from_the_server() -> None:
    assert notes("https-redirect")["require_tls"] == ["Gateway default/gw spec.servers[0].tls.httpsRedirect"]


def test_a_delegates_route_comes_from_two_virtual_services() -> None:
    root, part = "VirtualService default/root spec.http[0]", "VirtualService team/part"
    found = notes("delegate-several-matches")
    assert found["routes[1]"] == [f"{part} spec.http[0].match[0]", root]
    assert found["routes[1].match.prefix"] == [f"{part} spec.http[0].match[0].uri"]
    assert found["routes[1].match.headers[0]"] == [f"{root}.match[1].headers.x"]
    assert found["routes[3].match.path"] == [f"{root}.match[2].uri"]
    assert found["routes[3].match.headers[0]"] == [f"{part} spec.http[0].match[1].headers.x"]
    inherited = notes("delegate-inherits")
    assert inherited["routes[0].route.timeout"] == [f"{part} spec.http[0].timeout"]
    assert inherited["routes[2].route.timeout"] == [f"{root}.timeout"]
    assert inherited["routes[2].route.request_mirror_policies[0]"] == [f"{root}.mirror"]
    assert inherited["routes[2].request_headers_to_add"] == [f"{root}.headers.request"]
