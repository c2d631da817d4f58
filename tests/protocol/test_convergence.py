"""The most valuable property (rule 60): after any sequence of edits, subscriptions, NACKs, reconnects and delays, each
client holds exactly what a fresh one would get, nothing that it did not ask for, and then the wire is quiet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.protocol.client import INVALID, WHOLE, Body, DeltaClient, FakeEnvoy, SotwClient, resource
from tests.protocol.snapshots import snapshot
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, TYPES, Resource, ResourceSet
from xds_server.protocol import Encoder

if TYPE_CHECKING:
    from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

    Client = FakeEnvoy[DiscoveryRequest] | FakeEnvoy[DeltaDiscoveryRequest]

NAMES = {
    CLUSTER: ("c1", "c2", "c3", "c4"),
    LISTENER: ("l1", "l2", "l3"),
    ROUTE: ("r1", "r2", "r3"),
    SECRET: ("s1", "s2", "s3"),
}
CONTENTS = st.sampled_from(["1", "2", INVALID])
BAD = st.sampled_from([False, False, False, True])


class Convergence(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.encoder = Encoder("test")
        self.resources: dict[tuple[str, str], Resource] = {}
        self.current = snapshot()
        self.sotw, self.delta = SotwClient(self.encoder), DeltaClient(self.encoder)
        self.clients: tuple[Client, Client] = (self.sotw, self.delta)

    # Edits. They change what the next offer holds.

    @rule(name=st.sampled_from(NAMES[CLUSTER]), content=CONTENTS, bad=BAD)
    def put_cluster(self, name: str, content: str, *, bad: bool) -> None:
        self._put(resource(CLUSTER, name, content, bad=bad))

    @rule(name=st.sampled_from(NAMES[CLUSTER]), content=CONTENTS, bad=BAD)
    def put_endpoints(self, name: str, content: str, *, bad: bool) -> None:
        self._put(resource(ENDPOINT, name, content, bad=bad))

    @rule(
        name=st.sampled_from(NAMES[LISTENER]),
        content=CONTENTS,
        bad=BAD,
        routes=st.sets(st.sampled_from(NAMES[ROUTE])),
        secrets=st.sets(st.sampled_from(NAMES[SECRET])),
    )
    def put_listener(self, name: str, content: str, routes: set[str], secrets: set[str], *, bad: bool) -> None:
        self._put(resource(LISTENER, name, content, bad=bad, routes=sorted(routes), secrets=sorted(secrets)))

    @rule(
        name=st.sampled_from(NAMES[ROUTE]),
        content=CONTENTS,
        bad=BAD,
        clusters=st.sets(st.sampled_from(NAMES[CLUSTER])),
    )
    def put_route(self, name: str, content: str, clusters: set[str], *, bad: bool) -> None:
        content += "".join(sorted(clusters))  # what it names is part of its body
        self._put(resource(ROUTE, name, content, bad=bad, clusters=sorted(clusters)))

    @rule(name=st.sampled_from(NAMES[SECRET]), content=CONTENTS, bad=BAD)
    def put_secret(self, name: str, content: str, *, bad: bool) -> None:
        self._put(resource(SECRET, name, content, bad=bad))

    @rule(type_url=st.sampled_from(TYPES), index=st.integers(0, 2))
    def remove(self, type_url: str, index: int) -> None:
        self.resources.pop((type_url, NAMES.get(type_url, NAMES[CLUSTER])[index]), None)

    def _put(self, new: Resource) -> None:
        self.resources[new.type_url, new.name] = new

    # Pushes. A client may miss some; the push may know its predecessor or not.

    @rule(which=st.sampled_from([0, 1, 2]), successor=st.booleans(), turn=st.booleans())
    def push(self, which: int, *, successor: bool, turn: bool) -> None:
        self.current = self._snapshot(successor=successor)
        for index, client in enumerate(self.clients):
            if which in (index, 2):
                client.offer(self.current)
        if turn:
            self.encoder.turn()

    def _snapshot(self, *, successor: bool) -> ResourceSet:
        return snapshot(*self.resources.values(), previous=self.current if successor else None)

    # The wire moves, one message at a time.

    @rule(which=st.sampled_from([0, 1]), count=st.integers(1, 4))
    def server_reads(self, which: int, count: int) -> None:
        client = self.clients[which]
        for _ in range(min(count, len(client.to_server))):
            client.server_reads()

    @rule(which=st.sampled_from([0, 1]), count=st.integers(1, 4))
    def client_reads(self, which: int, count: int) -> None:
        client = self.clients[which]
        for _ in range(min(count, len(client.to_client))):
            client.client_reads()

    @rule()
    def settle(self) -> None:
        for client in self.clients:
            client.settle()

    # What clients do by themselves.

    @rule(type_url=st.sampled_from(TYPES), index=st.integers(0, 2), which=st.sampled_from([0, 1]))
    def also_want(self, type_url: str, index: int, which: int) -> None:
        client = self.clients[which]
        client.named.setdefault(type_url, set()).add(NAMES.get(type_url, NAMES[CLUSTER])[index])
        if type_url in (ENDPOINT, ROUTE, SECRET):
            client.refresh()

    @rule(type_url=st.sampled_from([ENDPOINT, ROUTE, SECRET]), which=st.sampled_from([0, 1]))
    def want_no_more(self, type_url: str, which: int) -> None:
        client = self.clients[which]
        client.named.pop(type_url, None)
        client.refresh()

    @precondition(lambda self: any(self.delta.wanted.get(t) for t in (ENDPOINT, ROUTE, SECRET)))
    @rule(data=st.data())
    def subscribe_again(self, data: st.DataObject) -> None:
        type_url = data.draw(st.sampled_from([t for t in (ENDPOINT, ROUTE, SECRET) if self.delta.wanted.get(t)]))
        self.delta.subscribe_again(type_url, data.draw(st.sampled_from(sorted(self.delta.wanted[type_url]))))

    @rule(which=st.sampled_from([0, 1]))
    def reconnect(self, which: int) -> None:
        client = self.clients[which]
        client.connect()
        client.offer(self.current)

    # What must hold.

    @invariant()
    def statuses_are_consistent(self) -> None:
        for client in getattr(self, "clients", ()):
            for status in client.stream.status().values():
                assert (status.status == "NOT SENT") == (not status.nonce_sent and not status.rejected)
                assert status.status != "SYNCED" or status.nonce_sent in (status.nonce_acked, *client.rejected_nonces)

    def teardown(self) -> None:
        if not hasattr(self, "clients"):
            return
        for client in self.clients:
            client.offer(self.current)
            client.settle()
            self._as_good_as_it_gets(client)
        for key, was in self.resources.items():
            body = Body.of(was.body)
            if body.bad:  # heal
                self.resources[key] = resource(
                    was.type_url,
                    was.name,
                    f"{body.content} healed",
                    routes=sorted(body.routes),
                    secrets=sorted(body.secrets),
                )
        self.current = self._snapshot(successor=True)
        for client in self.clients:
            client.offer(self.current)
            client.settle()
            assert not client.warming
        for client in self.clients:
            fresh = type(client)(self.encoder, named={t: set(names) for t, names in client.named.items()})
            fresh.offer(self.current)
            fresh.settle()
            for type_url in TYPES:
                # State of the world has no word for the removal of a route or secret: the client keeps it (rule 16).
                held = {name: value for name, value in client.held[type_url].items() if self._known(type_url, name)}
                assert held == fresh.held[type_url], type_url
                assert client is self.sotw or held == client.held[type_url]
                statuses = client.stream.status().values()
                assert [s for s in statuses if s.nonce_sent and s.status != "SYNCED"] == []
            client.offer(snapshot(*self.resources.values()))
            assert client.settle() == 0, "the wire is not quiet"
        for type_url in TYPES:
            if self.sotw.named.get(type_url) == self.delta.named.get(type_url):
                all_held = self.sotw.held[type_url]
                here = {name: value for name, value in all_held.items() if (type_url, name) in self.resources}
                assert here == self.delta.held[type_url]

    def _as_good_as_it_gets(self, client: Client) -> None:
        """Every good resource is held in its newest version, and each bad one as it was before."""
        kept_back = {(t, name) for t, name in client.kept if self._is_bad(t, name)}
        for type_url in TYPES:
            for name, served in self.current[type_url].resources.items():
                wants = client.wanted.get(type_url, set())
                if not (name in wants or (type_url in WHOLE and (not wants or "*" in wants))):
                    continue
                held = client.held[type_url].get(name)
                if type_url == ENDPOINT:
                    if name not in client.held[CLUSTER]:
                        continue  # Envoy drops them
                    held = held and (None if held == self.encoder.empty_assignment(name).body else held)
                if Body.of(served.body).bad:
                    before = client.kept.get((type_url, name))
                    # The server may not know what that was, and then goes by what it knows that was accepted.
                    unknown = client is self.sotw or (type_url, name, before) not in client.accepted
                    earlier = unknown and (type_url, name, held) in client.accepted
                    lost = held is None and (unknown or not kept_back.isdisjoint(_needs(before)))
                    assert before is None or held == before or earlier or lost, (type_url, name)
                elif held != served.body:
                    assert kept_back.intersection(served.refs), (type_url, name)
        client.offer(snapshot(*self.resources_of(self.current)))
        assert client.settle(0.0) == 0, "the wire is not quiet"

    def resources_of(self, served: ResourceSet) -> list[Resource]:
        return [found for type_url in TYPES for found in served[type_url].resources.values()]

    def _is_bad(self, type_url: str, name: str) -> bool:
        served = self.current[type_url].resources.get(name)
        return served is not None and Body.of(served.body).bad

    def _known(self, type_url: str, name: str) -> bool:
        has_cluster = type_url == ENDPOINT and (CLUSTER, name) in self.resources
        return has_cluster or (type_url, name) in self.resources


def _needs(value: bytes | None) -> set[tuple[str, str]]:
    """Return without what a listener would warm for ever."""
    body = Body.of(value) if value is not None else None
    return {(t, n) for t, names in ((ROUTE, body.routes), (SECRET, body.secrets)) for n in names} if body else set()


Convergence.TestCase.settings = settings(
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
TestConvergence = Convergence.TestCase
