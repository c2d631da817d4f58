"""What the roles allow is what the product asks an API server for: no less, and no more."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.status.writers import wanted, writer_for
from translators.model.meta import ObjectKey
from xds_server.app import App, Settings
from xds_server.deployment.access import ACCESS
from xds_server.deployment.labels import NAME
from xds_server.deployment.manifests import NAMESPACE, manifests
from xds_server.deployment.objects import cluster_role_name
from xds_server.deployment.values import Values
from xds_server.deployment.webhook import webhook_configuration
from xds_server.injection.settings import InjectionSettings
from xds_server.kube_api import KubeApi
from xds_server.sources.kubernetes.reflector import written_of
from xds_server.status.exchange import Exchange
from xds_server.status.merging import Difference
from xds_server.status.reports import Entry
from xds_server.status.usage import Use
from xds_server.webhook.names import SECRET
from xds_server.webhook.trust import Trust, service_names

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATIONS: Final = "mutatingwebhookconfigurations"
GATEWAY: Final = {
    "selector": {"istio": "ingressgateway"},
    "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
}

Right = tuple[str, str, str]
"""Group, resource (perhaps with its subresource) and verb."""

ALLOWED: Final[set[Right]] = {
    (access.group, resource, verb) for access in ACCESS for resource in access.resources for verb in access.verbs
}


async def asked_for(emulation: Emulation, kubeconfig: Path) -> set[Right]:
    """Return what servers ask for that follow a cluster, inject its pods and write its statuses."""
    settings = Settings(
        config=(),
        kubeconfig=kubeconfig,
        xds_address=("127.0.0.1", 0),
        http_address=("127.0.0.1", 0),
        injection=InjectionSettings(),
        webhook_address=("127.0.0.1", 0),
    )
    app = App(settings)
    running = asyncio.create_task(app.run())
    seen = {("patch", CONFIGURATIONS), ("update", "leases"), ("list", "configmaps"), ("patch", "gateways/status")}
    try:
        async with asyncio.timeout(30):
            while not app.backend.store.synced or not set(emulation.requests) >= seen:
                assert not running.done()
                await asyncio.sleep(0.02)
    finally:
        app.stop()
        await running
    async with KubeApi.connect(kubeconfig=kubeconfig) as api:
        await _renew(api)
        await _report(api)
        await _write_again(api)
    groups = {resource.plural: resource.group for resource in emulation.resources()}
    return {_right(groups[what.partition("/")[0]], what, verb) for verb, what in emulation.requests}


async def _renew(api: KubeApi) -> None:
    """A certificate is renewed, which happens once in two months."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=80)
    names = service_names(NAMESPACE, "cluster.local")
    await Trust(api=api, namespace=NAMESPACE, names=names, use=lambda _: None, clock=lambda: later).check()


async def _report(api: KubeApi) -> None:
    """A replica that does not lead tells what its proxies have accepted, then more, and ends."""
    exchange = Exchange(api, namespace=NAMESPACE, identity="follower", seconds=15.0)
    for number in (1, 2):
        key = ObjectKey("Gateway", "default", "a")
        await exchange.publish({key: Entry(1, Use(number), ())})
    await exchange.withdraw()


async def _write_again(api: KubeApi) -> None:
    """A status is written of an object that another writer has just changed: it is read again."""
    key = ObjectKey("Gateway", "default", "a")
    data = await api.request("GET", "/apis/networking.istio.io/v1/namespaces/default/gateways/a")
    writer = writer_for(api)
    writer.want(key, wanted(), written_of(data)._replace(version="1"), Difference.STATE)
    task = asyncio.create_task(writer.run())
    try:
        async with asyncio.timeout(10):
            while len(writer):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _right(group: str, resource: str, verb: str) -> Right:
    """What is asked for after a write is asked for one kind here; it is the same for each."""
    if group == "networking.istio.io" and verb in {"get", "patch"}:
        return (group, "/".join(["<kind>", *resource.split("/")[1:]]), verb)
    return (group, resource, verb)


async def test_the_roles_allow_what_is_asked_for_and_nothing_else(tmp_path: Path) -> None:
    asked: set[Right] = set()
    for watch_lists in (True, False):
        emulation = Emulation(watch_lists=watch_lists, bookmark_seconds=0.1)
        try:
            cluster = Cluster(emulation.url, TOKEN)
            cluster.install()
            cluster.create(webhook_configuration(NAMESPACE))
            cluster.create({"kind": "Gateway", "metadata": {"name": "a"}, "spec": GATEWAY})
            emulation.requests.clear()
            asked |= await asked_for(emulation, cluster.kubeconfig(tmp_path / "config"))
        finally:
            emulation.close()
    assert asked == {_right(*right) for right in ALLOWED}


def _roles() -> dict[tuple[str, str], dict[str, Any]]:
    found = manifests(Values(), "mesh")
    return {(one["kind"], one["metadata"]["name"]): one for one in found if "Role" in one["kind"]}


def test_the_roles_are_the_table() -> None:
    roles = _roles()
    rules = [*roles["ClusterRole", cluster_role_name("mesh")]["rules"], *roles["Role", NAME]["rules"]]
    granted = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == ALLOWED
    assert not any("*" in right for right in granted)


def test_the_roles_are_bound_to_the_account_of_the_pods() -> None:
    objects = manifests(Values(), "mesh")
    pods = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment"}
    assert pods[NAME]["serviceAccountName"] == NAME
    for kind in ("ClusterRole", "Role"):
        (binding,) = (one for (what, _), one in _roles().items() if what == f"{kind}Binding")
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "mesh"}]
        assert (kind, binding["roleRef"]["name"]) in _roles()
    others = [spec for name, spec in pods.items() if name != NAME]
    assert [spec["automountServiceAccountToken"] for spec in others] == [False]


def test_one_secret_is_read() -> None:
    reading = [access for access in ACCESS if "secrets" in access.resources and access.verbs != ("create",)]
    assert [(access.names, access.own_namespace) for access in reading] == [((SECRET,), True)]


@pytest.mark.parametrize("access", ACCESS, ids=lambda access: access.why)
def test_a_right_in_one_namespace_is_not_given_in_all(access: Any) -> None:
    roles = _roles()
    role = roles["Role", NAME] if access.own_namespace else roles["ClusterRole", cluster_role_name("mesh")]
    assert access.rule() in role["rules"]
