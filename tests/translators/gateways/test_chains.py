"""Whatever Gateways and VirtualServices say: no two filter chains of a listener match the same, and all that a listener
needs is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators import goldens
from tests.translators.gateways.translation import translated
from translators.memo import Memo
from translators.model.gateway import Gateway, GatewaySpec, Port, Server, ServerTLSSettings
from translators.model.kubernetes import Service, ServicePort, ServiceSpec
from translators.model.meta import ObjectMeta
from translators.model.proxy import ProxyView
from translators.model.virtual_service import (
    Destination,
    L4MatchAttributes,
    RouteDestination,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualService,
    VirtualServiceSpec,
)
from translators.model.world import World
from translators.resources import CLUSTER, ROUTE, SECRET

if TYPE_CHECKING:
    from translators.model.meta import KubeObject

hosts = st.lists(
    st.sampled_from(["*", "*.com", "a.com", "A.com", "b.com", "x/a.com", "./b.com", "*.b.com"]), min_size=1, max_size=3
).map(tuple)
subnets = st.lists(st.sampled_from(["10.0.0.0/8", "10.1.2.3/8", "10.0.0.1", "10.0.0.1/32"]), max_size=2).map(tuple)
modes = st.sampled_from(["PASSTHROUGH", "SIMPLE", "AUTO_PASSTHROUGH", "MUTUAL", "ISTIO_MUTUAL"])
files = {"server_certificate": "/c", "private_key": "/k", "ca_certificates": "/a"}
tls_settings = modes.map(lambda mode: ServerTLSSettings(mode=mode, **({} if "PASS" in mode else files)))  # type: ignore[arg-type]
servers = st.one_of(
    st.builds(
        lambda protocol, tls, names, number: Server(
            port=Port(number=number, name=f"{protocol}-{number}", protocol=protocol), hosts=names, tls=tls
        ),
        st.sampled_from(["HTTPS", "TLS"]),
        tls_settings,
        hosts,
        st.sampled_from([443, 8443]),
    ),
    st.builds(
        lambda protocol, names: Server(port=Port(number=9000, name=protocol, protocol=protocol), hosts=names),
        st.sampled_from(["TCP", "HTTP"]),
        hosts,
    ),
)
gateways = st.lists(st.lists(servers, min_size=1, max_size=4).map(tuple), min_size=1, max_size=3)
destination = (RouteDestination(destination=Destination(host="db.default.svc.cluster.local")),)
tls_routes = st.builds(
    lambda names, nets: TLSRoute(
        match=(TLSMatchAttributes(sni_hosts=names, destination_subnets=nets),), route=destination
    ),
    hosts.map(lambda names: tuple(name.rpartition("/")[2] for name in names)),
    subnets,
)
tcp_routes = st.builds(
    lambda nets: TCPRoute(match=(L4MatchAttributes(destination_subnets=nets),), route=destination), subnets
)
virtual_services = st.lists(
    st.tuples(
        st.lists(tls_routes, max_size=3).map(tuple), st.lists(tcp_routes, max_size=2).map(tuple), st.sampled_from("xy")
    ),
    max_size=3,
)


@given(gateways, virtual_services)
@settings(max_examples=200, deadline=None)
def test_chains_never_overlap(
    all_servers: list[tuple[Server, ...]], routes: list[tuple[tuple[TLSRoute, ...], tuple[TCPRoute, ...], str]]
) -> None:
    ports = (ServicePort(name="tcp", port=5432),)
    udp = (
        ServicePort(name="q", port=443, protocol="UDP"),
        ServicePort(name="r", port=8443, target_port=443, protocol="UDP"),
    )
    objects: list[KubeObject] = [
        Service(metadata=ObjectMeta(name="db", namespace="default"), spec=ServiceSpec(ports=ports)),
        Service(
            metadata=ObjectMeta(name="in", namespace="istio-system"),
            spec=ServiceSpec(ports=udp, selector={"istio": "in"}),
        ),
    ]
    view = ProxyView(type="router", namespace="istio-system", labels=(("istio", "in"),))
    for i, some in enumerate(all_servers):
        meta = ObjectMeta(name=f"g{i}", namespace="x" if i else "y")
        objects.append(Gateway(metadata=meta, spec=GatewaySpec(servers=some)))
    names = tuple(f"{'x' if i else 'y'}/g{i}" for i in range(len(all_servers)))
    for i, (tls, tcp, namespace) in enumerate(routes):
        spec = VirtualServiceSpec(hosts=("*",), gateways=names, tls=tls, tcp=tcp)
        objects.append(VirtualService(metadata=ObjectMeta(name=f"v{i}", namespace=namespace), spec=spec))
    made = translated(World().apply({o.key: o for o in objects}), view, Memo())
    there = {(r.type_url, r.name) for r in (*made.routes, *made.secrets)}
    there |= {(CLUSTER, d.cluster_name) for d in made.destinations}
    assert len({r.name for r in made.listeners}) == len(made.listeners)
    for listener in made.listeners:
        assert {ref for ref in listener.refs if ref[0] in {CLUSTER, ROUTE, SECRET}} <= there
        tree: Any = goldens.resource_tree(listener)
        matched = [m for chain in tree["filter_chains"] for m in matches(chain.get("filter_chain_match", {}))]
        assert len(set(matched)) == len(matched)


def matches(match: Any) -> list[tuple[str, str]]:
    """Return each name and network that a chain matches."""
    networks = [f"{p['address_prefix']}/{p['prefix_len']}" for p in match.get("prefix_ranges", ())]
    return [(name, network) for name in match.get("server_names", [""]) for network in networks or [""]]
