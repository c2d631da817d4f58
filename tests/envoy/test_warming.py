"""What Envoy does with clusters and listeners that warm and drain, and that the server plays its part in it.

The numbers are rules of the protocol's checklist: 54 and 55 of a stream that begins anew and of changed clusters, 62 to
65 of who waits for whom, 69 of draining.
"""

from __future__ import annotations

import http.client
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import eventually, request
from tests.envoy.harness.envoy_process import EnvoyProcess, proxy_named
from tests.envoy.harness.scene import rename

if TYPE_CHECKING:
    from pathlib import Path

    from tests.envoy.harness.relay import Seen
    from tests.envoy.harness.shop import Shop

CLUSTER, ENDPOINTS, LISTENER, ROUTES = "Cluster", "ClusterLoadAssignment", "Listener", "RouteConfiguration"

FIRST = "shelf-1"
"""The service behind the first path."""
NAME = f"outbound|80||{FIRST}.default.svc.cluster.local"


def first(messages: list[Seen], kind: str, *, response: bool) -> int:
    """Return the place of the first message of a kind."""
    return next(place for place, one in enumerate(messages) if one.kind == kind and one.response == response)


def touched(shop: Shop) -> Counter[str]:
    """Return how often Envoy did what to a listener."""
    stats = shop.envoy.stats("listener_manager.listener_(added|modified|removed|in_place_updated)")
    return Counter({name.removeprefix("listener_manager.listener_"): value for name, value in stats.items()})


def status(shop: Shop, path: str) -> int:
    return request(shop.port, path).status


def test_envoy_asks_for_listeners_once_its_first_clusters_have_endpoints(shop: Shop) -> None:
    """Rule 65: what is not answered about clusters holds up everything."""
    seen = shop.relay.seen
    clusters, endpoints = (first(seen, kind, response=True) for kind in (CLUSTER, ENDPOINTS))
    listeners, routes = (first(seen, kind, response=False) for kind in (LISTENER, ROUTES))
    assert clusters < endpoints < listeners < routes


def test_a_new_cluster_is_acknowledged_when_it_has_endpoints_and_only_then_come_its_routes(shop: Shop) -> None:
    """Rules 62 to 64: who held back the endpoints until that ACK would wait for ever."""
    since = len(shop.relay.seen)
    rename(shop.scene)
    shop.put("rename")
    seen = shop.relay.seen[since:]
    clusters, endpoints, routes = (first(seen, kind, response=True) for kind in (CLUSTER, ENDPOINTS, ROUTES))
    acknowledged = next(
        place for place, one in enumerate(seen) if one.nonce == seen[clusters].nonce and place > clusters
    )
    assert clusters < endpoints < acknowledged < routes
    removed = max(place for place, one in enumerate(seen) if one.kind == CLUSTER and one.response)
    accepted = next(place for place, one in enumerate(seen) if one.nonce == seen[routes].nonce and place > routes)
    assert accepted < removed, "the old cluster goes when the routes without it are accepted"


def test_a_changed_cluster_gets_its_unchanged_endpoints_again(shop: Shop) -> None:
    """Rule 55: nobody asks for them in delta, and what Envoy sends in the other variant looks like an ACK."""
    since = len(shop.relay.seen)
    shop.scene.shelves[FIRST].policy = {"connectionPool": {"tcp": {"connectTimeout": "7s"}}}
    shop.put("another timeout")
    sent = [one.kind for one in shop.relay.responses(since)]
    assert sent == [CLUSTER, ENDPOINTS]
    if shop.delta:
        (endpoints,) = [one for one in shop.relay.responses(since) if one.kind == ENDPOINTS]
        earlier = dict(pair for one in shop.relay.responses()[: -len(sent)] for pair in one.resources)
        assert dict(endpoints.resources) == {NAME: earlier[NAME]}
    assert status(shop, "/cart") == 200


def test_what_does_not_change_anything_is_not_sent(shop: Shop) -> None:
    since = len(shop.relay.seen)
    shop.scene.remark += 1
    shop.put("a comment")
    shop.scene.shelves["unused"] = shop.scene.shelves[FIRST]
    shop.put("a service without routes")
    shop.scene.shelves[FIRST].backends = (0,)
    shop.put("fewer endpoints")
    assert [one.kind for one in shop.relay.responses(since)] == [ENDPOINTS]


def test_a_service_without_endpoints_holds_up_nothing(shop: Shop, tmp_path: Path) -> None:
    """Neither a running Envoy nor one that starts; when endpoints come, they are used."""
    shelf = shop.scene.shelves[FIRST]
    shelf.kind, shelf.backends = "Service", ()
    shop.put("no endpoints")
    assert status(shop, "/cart") == 503
    assert status(shop, "/") == 200
    name = f"second-{'delta' if shop.delta else 'sotw'}"
    second = EnvoyProcess.start(
        tmp_path / "second",
        xds_port=shop.relay.port,
        proxy=proxy_named("router", name, "istio-system", labels={"istio": "ingressgateway"}, unprivileged_pod=True),
        delta=shop.delta,
    )
    try:
        found = second.stats("warming_clusters|init_fetch_timeout|assignment_use_cached|total_listeners_")
        assert found.pop("listener_manager.total_listeners_active") == 1
        assert {key: value for key, value in found.items() if value} == {}
    finally:
        second.stop()
    eventually(lambda: len(shop.pilotfish.proxies()) == 1, 5.0, "the second is gone")
    shelf.backends = (0, 3)
    shop.put("endpoints")
    assert status(shop, "/cart") == 200


def test_a_listener_that_goes_drains_and_keeps_its_routes_meanwhile(shop: Shop) -> None:
    """Rule 69: Envoy goes on asking for the routes of a listener that drains; its requests are answered until then."""
    port = shop.scene.ports[1]
    shop.scene.further[port] = FIRST
    shop.put("a second gateway")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        assert _status(connection) == 200
        del shop.scene.further[port]
        shop.put("it goes")
        assert shop.envoy.stat("listener_manager.total_listeners_draining") == 1
        assert _status(connection) == 200
    finally:
        connection.close()
    with pytest.raises(OSError, match="refused"):
        request(port, "/")
    eventually(lambda: shop.envoy.stat("listener_manager.total_listeners_draining") == 0, 5.0, "it has drained")
    shop.agree("without the routes, too")


def test_a_listener_that_comes_back_while_it_drains_serves(shop: Shop) -> None:
    port = shop.scene.ports[1]
    for _ in range(3):
        shop.scene.further[port] = FIRST
        shop.put("a second gateway")
        assert request(port, "/").status == 200
        del shop.scene.further[port]
        shop.put("it goes")
    shop.scene.further[port] = FIRST
    shop.put("it comes back")
    assert request(port, "/").status == 200
    assert status(shop, "/") == 200


def test_one_listener_changes_and_the_other_is_left_alone(shop: Shop) -> None:
    """A connection that was there before is there after, and Envoy has touched nothing but what changed."""
    before = touched(shop)
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
    try:
        assert _status(connection) == 200
        ours = connection.sock
        for port in shop.scene.ports[1:3]:
            shop.scene.further[port] = FIRST
            shop.put(f"a gateway on {port}")
        del shop.scene.further[shop.scene.ports[1]]
        shop.put("one goes")
        assert _status(connection) == 200
        assert connection.sock is ours
    finally:
        connection.close()
    assert touched(shop) - before == {"added": 2, "removed": 1}


def test_a_stream_that_breaks_while_a_cluster_warms_is_made_good(shop: Shop) -> None:
    """Rule 54: Envoy comes back asking for endpoints and not for clusters; if it is not answered, it warms for ever."""
    since, before = len(shop.relay.seen), shop.relay.connections
    shop.relay.cut_after_response(CLUSTER)
    shop.scene.shelves[FIRST].policy = {"connectionPool": {"tcp": {"connectTimeout": "7s"}}}
    shop.put("another timeout, and a cut before the endpoints")
    came = [one.kind for one in shop.relay.seen[since:] if one.connection == before + 1 and not one.response]
    assert came[0] == ENDPOINTS, came
    assert status(shop, "/cart") == 200


def _status(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/")
    response = connection.getresponse()
    response.read()
    return response.status
