"""A cluster is followed: against the emulation, and the real API server where there is one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.apiserver.cluster import ISTIO, Cluster, definition
from tests.apiserver.emulation import TOKEN
from tests.sources.kubernetes.following import QUICK, Following, fresh, objects_of, route, service
from translators.model.mesh_config import MeshConfig
from xds_server.kube_api import KubeApi, KubeConfigError
from xds_server.sources.kubernetes.mesh import MeshConfigMap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apiserver.emulation import Emulation

COUNT = itertools.count(1)


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    name = f"followed-{next(COUNT)}"
    cluster.create({"kind": "Namespace", "metadata": {"name": name}})
    return name


async def test_objects_come_change_and_go(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig")
    cluster.apply(service("before", namespace=namespace))
    async with Following(kubeconfig) as following:
        await following.synced()
        assert "before" in following.named("Service", namespace)
        following.changes()
        cluster.apply(service("svc", namespace=namespace), route("vs", namespace=namespace))
        await following.until(
            lambda: "vs" in following.named("VirtualService", namespace), "the VirtualService is there"
        )
        await following.until(lambda: "svc" in following.named("Service", namespace), "the Service is there")
        cluster.apply(route("vs", "b.example.com", namespace=namespace))
        cluster.delete("Service", "svc", namespace)
        await following.until(lambda: "svc" not in following.named("Service", namespace), "the Service is gone")
        changes = following.changes()
        assert changes.count(f"Apply VirtualService {namespace}/vs") in (1, 2)
        assert changes.count(f"Delete Service {namespace}/svc") == 1
        expected = await fresh(kubeconfig)
        await following.until(lambda: objects_of(following.store.world) == expected, "the same as at a fresh start")


async def test_a_status_is_no_change(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    cluster.apply(route("vs", namespace=namespace))
    async with Following(cluster.kubeconfig(tmp_path / "kubeconfig")) as following:
        await following.synced()
        world = following.store.world
        cluster.set_status("VirtualService", "vs", {"conditions": [{"type": "X", "status": "True"}]}, namespace)
        cluster.apply(service("after", namespace=namespace))
        await following.until(lambda: "after" in following.named("Service", namespace), "what came after it is seen")
        assert following.changes() == [f"Apply Service {namespace}/after"]
        key = next(key for key in objects_of(world) if key.name == "vs")
        assert following.store.world.get(key) is world.get(key)


async def test_lists_where_watch_lists_are_unknown(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    names = {f"svc-{number}" for number in range(10)}
    cluster.apply(*(service(name, namespace=namespace) for name in sorted(names)))
    async with Following(cluster.kubeconfig(tmp_path / "kubeconfig")) as following:
        for watcher in following.source.watchers:
            watcher.watch_lists = False
        await following.synced()
        assert names <= following.named("Service", namespace)
        cluster.apply(service("later", namespace=namespace))
        await following.until(lambda: "later" in following.named("Service", namespace), "it is watched")


async def test_an_object_that_is_not_valid(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with Following(cluster.kubeconfig(tmp_path / "kubeconfig")) as following:
        await following.synced()
        cluster.apply(route("vs", namespace=namespace))
        await following.until(lambda: "vs" in following.named("VirtualService", namespace), "it is there")
        good = objects_of(following.store.world)
        bad = route("vs", namespace=namespace)
        cluster.apply({**bad, "spec": {"hosts": ["a.example.com"], "http": "nothing"}})
        await following.until(lambda: "PF0205" in following.codes, "the mistake is said")
        assert objects_of(following.store.world) == good
        cluster.apply(route("vs", "c.example.com", namespace=namespace))
        await following.until(lambda: "PF0205" not in following.codes, "it has healed")


async def test_the_mesh_config_of_the_cluster(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    api = KubeApi.connect(kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig"))
    async with api:
        readings = MeshConfigMap(api, namespace, patience=QUICK).__aiter__()
        assert await anext(readings) == (MeshConfig(), ())
        text = "accessLogFile: /dev/stdout\nunknownKey: 1\n"
        config = {"kind": "ConfigMap", "metadata": {"name": "istio", "namespace": namespace}}
        cluster.apply({**config, "data": {"mesh": text}})
        mesh, diagnostics = await anext(readings)
        assert mesh is not None
        assert mesh.access_log_file == "/dev/stdout"
        assert [(d.code, str(d.location)) for d in diagnostics] == [("PF0204", f"ConfigMap {namespace}/istio, mesh:2")]
        cluster.apply({**config, "data": {"mesh": "accessLogFile: [1]"}})
        assert (await anext(readings))[0] is None
        cluster.delete("ConfigMap", "istio", namespace)
        assert await anext(readings) == (MeshConfig(), ())
        await readings.aclose()  # type: ignore[attr-defined] # a generator


async def test_kinds_that_are_installed_later(emulation: Emulation, tmp_path: Path) -> None:
    client = Cluster(emulation.url, TOKEN)
    async with Following(client.kubeconfig(tmp_path / "kubeconfig")) as following:
        await following.synced()
        assert following.codes == set()
        client.apply(*(definition(resource) for resource in ISTIO if resource.kind == "VirtualService"))
        client.apply(route("vs"))
        await following.until(lambda: "vs" in following.named("VirtualService"), "the kind is found")
        client.delete("CustomResourceDefinition", "virtualservices.networking.istio.io")
        await following.until(lambda: not following.named("VirtualService"), "with the kind its objects go")


@pytest.mark.parametrize("text", [None, "", "clusters: []", "current-context: x\ncontexts: []"])
async def test_a_kubeconfig_that_says_nothing(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(KubeConfigError, match="kubeconfig"):
        async with KubeApi.connect(kubeconfig=path):
            pass
