"""A change costs what it touches, and the order in which objects come does not matter."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators import goldens
from tests.translators.gateways.translation import translated
from translators.gateways.merge import merge_gateways
from translators.hosts import ServerHosts
from translators.memo import Memo
from translators.model.gateway import Gateway, GatewaySpec, Port, Server
from translators.model.kubernetes import Service, ServicePort, ServiceSpec
from translators.model.meta import ObjectMeta
from translators.model.proxy import ProxyView
from translators.model.virtual_service import (
    Destination,
    HTTPRoute,
    HTTPRouteDestination,
    VirtualService,
    VirtualServiceSpec,
)
from translators.model.world import World
from translators.recorder import SILENT
from translators.routes.outline import outline
from translators.routes.route_list import route_list
from translators.routes.virtual_host import virtual_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from translators.model.meta import KubeObject

R = TypeVar("R")

VIEW = ProxyView(type="router", namespace="istio-system")


class Counting(Memo):
    """A memo that says which steps it ran."""

    __slots__ = ("ran",)

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[Callable[..., object]] = []

    def step(self, function: Callable[..., R], /, *arguments: object) -> R:
        before = self.fresh
        result = super().step(function, *arguments)
        if self.fresh > before:
            self.ran.append(function)
        return result


def meta(name: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="default")


def gateway(*hosts: str) -> Gateway:
    server = Server(port=Port(number=8080, name="http", protocol="HTTP"), hosts=hosts)
    return Gateway(metadata=meta("gw"), spec=GatewaySpec(servers=(server,)))


def virtual_service(name: str, host: str, to: str) -> VirtualService:
    route = HTTPRoute(route=(HTTPRouteDestination(destination=Destination(host=to)),))
    return VirtualService(metadata=meta(name), spec=VirtualServiceSpec(hosts=(host,), gateways=("gw",), http=(route,)))


def service(name: str) -> Service:
    return Service(metadata=meta(name), spec=ServiceSpec(ports=(ServicePort(name="http", port=80),)))


def mesh(count: int) -> World:
    return world(
        gateway("*"),
        *(service(f"s{i}") for i in range(count)),
        *(virtual_service(f"v{i}", f"h{i}.example.com", f"s{i}") for i in range(count)),
    )


def world(*objects: KubeObject) -> World:
    return World().apply({o.key: o for o in objects})


def changed(before: World, *objects: KubeObject) -> list[str]:
    """Return the names of the steps that run anew when these objects are put in."""
    steps = Counting()
    translated(before, VIEW, steps)
    steps.turn()
    steps.ran.clear()
    translated(before.apply({o.key: o for o in objects}), VIEW, steps)
    return [f.__name__ for f in steps.ran if f.__module__.startswith(("translators.routes", "translators.gateways"))]


@pytest.mark.parametrize("count", [3, 30])
def test_one_virtual_service(count: int) -> None:
    """The same few steps run in a small and in a big mesh: its own routes, its virtual host, and what joins all."""
    steps = changed(mesh(count), virtual_service("v1", "h1.example.com", "s2"))
    assert sorted(steps) == [
        "_bind",
        "_shared",
        "_without_server",
        "outline",
        "route_configuration",
        "route_list",
        "virtual_host",
    ]


def test_one_service() -> None:
    """A Service that is gone changes the routes that lead to it, and no others."""
    before = mesh(5)
    steps = Counting()
    translated(before, VIEW, steps)
    steps.turn()
    steps.ran.clear()
    translated(before.apply({service("s1").key: None}), VIEW, steps)
    assert [steps.ran.count(f) for f in (route_list, virtual_host, outline)] == [1, 1, 0]


def test_nothing_runs_if_nothing_changes() -> None:
    steps = Counting()
    first = translated(mesh(3), VIEW, steps)
    steps.turn()
    again = mesh(3)
    translated(again, VIEW, steps)
    steps.turn()
    steps.ran.clear()
    second = translated(again, VIEW, steps)
    assert steps.ran == []
    assert [r.version for r in first.routes] == [r.version for r in second.routes]


def test_servers_of_one_gateway_are_one_group() -> None:
    """A Gateway that names each host in a server of its own: VirtualServices are looked at once, not once a server."""
    servers = tuple(
        Server(port=Port(number=8080, name=f"http-{i}", protocol="HTTP"), hosts=(f"h{i}.example.com",))
        for i in range(9)
    )
    one = Gateway(metadata=meta("gw"), spec=GatewaySpec(servers=servers))
    merged = merge_gateways(0, one, recorder=SILENT)
    assert [[tuple(group.hosts) for group in port.groups] for port in merged.ports] == [
        [tuple(f"h{i}.example.com" for i in range(9))]
    ]


@pytest.mark.parametrize("count", [10, 1000])
def test_a_host_is_found_without_looking_at_all(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ServerHosts([f"h{i}.example.com" for i in range(count)], "default")
    looked_at = []
    monkeypatch.setattr(ServerHosts, "_open_to", lambda _, host, __: looked_at.append(host))
    hosts.intersection(("h7.example.com",), "default")
    assert looked_at == ["h7.example.com", "*.example.com", "*.com", "*"]
    hosts_below = ServerHosts([*(f"h{i}.example.com" for i in range(count)), "a.b.example.org"], "default")
    looked_at.clear()
    hosts_below.intersection(("*.b.example.org",), "default")
    assert looked_at == ["*.b.example.org", "*.b.example.org", "*.example.org", "*.org", "*", "a.b.example.org"]


@pytest.mark.parametrize("path", goldens.inputs("gateways"), ids=lambda path: path.name)
@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_the_order_of_objects_does_not_matter(path: Path, seed: int) -> None:
    case = goldens.read(path)
    objects = [o for kind in case.world.objects.values() for names in kind.values() for o in names.values()]
    random.Random(seed).shuffle(objects)  # noqa: S311 - no secret
    shuffled = World(mesh=case.world.mesh)
    for one in objects:
        shuffled = shuffled.apply({one.key: one})
    once, again = translated(case.world, case.view, Memo()), translated(shuffled, case.view, Memo())
    assert [r.body for r in (*once.listeners, *once.routes)] == [r.body for r in (*again.listeners, *again.routes)]
    assert [d.cluster_name for d in once.destinations] == [d.cluster_name for d in again.destinations]
    assert once.diagnostics == again.diagnostics
