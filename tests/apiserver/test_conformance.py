"""What clients may rely on: the same tests against the emulation and, with KUBEBUILDER_ASSETS, the real API server."""

from __future__ import annotations

import itertools
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.cluster import RESOURCES, Cluster, base_of, full, path_of
from tests.apiserver.storage import StatusError
from tests.envoy.harness.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.apiserver.storage import Object

COUNT = itertools.count(1)
SSA = "application/apply-patch+yaml"


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A namespace of the test's own."""
    name = f"conformance-{next(COUNT)}"
    cluster.create({"kind": "Namespace", "metadata": {"name": name}})
    return name


def config_map(namespace: str, name: str, **data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def route(namespace: str, name: str, host: str = "a.example.com") -> Object:
    return {"kind": "VirtualService", "metadata": {"name": name, "namespace": namespace}, "spec": {"hosts": [host]}}


def watch(cluster: Cluster, kind: str, namespace: str, query: str) -> Generator[Any]:
    """Yield the events of a watch until the server ends it."""
    request = urllib.request.Request(  # noqa: S310 - of the test's own server
        f"{cluster.url}{base_of(RESOURCES[kind], namespace)}?watch=true&{query}",
        headers={"Authorization": f"Bearer {cluster.token}"},
    )
    with urllib.request.urlopen(request, timeout=20, context=cluster._tls) as answer:  # noqa: S310 - as above
        for line in answer:
            yield json.loads(line)


def said(events: Generator[Any], count: int) -> list[tuple[str, str]]:
    found = []
    for event in events:
        if event["type"] != "BOOKMARK":
            found.append((event["type"], event["object"]["metadata"]["name"]))
        if len(found) == count:
            break
    return found


def refused(code: int) -> Any:
    return pytest.raises(StatusError, check=lambda error: error.code == code)


def test_create_get_list_delete(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(config_map(namespace, "a", x="1"))
    assert made["metadata"]["resourceVersion"]
    assert made["metadata"]["uid"]
    assert cluster.get("ConfigMap", "a", namespace)["data"] == {"x": "1"}
    with refused(409):
        cluster.create(config_map(namespace, "a"))
    path = base_of(RESOURCES["ConfigMap"], namespace)
    listed = cluster.request("GET", f"{path}?fieldSelector=metadata.name=a")
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a"]
    assert "kind" not in listed["items"][0]
    cluster.delete("ConfigMap", "a", namespace)
    with refused(404):
        cluster.get("ConfigMap", "a", namespace)


def test_items_of_custom_resources_say_their_kind(cluster: Cluster, namespace: str) -> None:
    cluster.create(route(namespace, "a"))
    (item,) = cluster.request("GET", base_of(RESOURCES["VirtualService"], namespace))["items"]
    assert item["kind"] == "VirtualService"


def test_a_stale_write_conflicts(cluster: Cluster, namespace: str) -> None:
    first = cluster.create(config_map(namespace, "a", x="1"))
    second = cluster.replace({**config_map(namespace, "a", x="2"), "metadata": first["metadata"]})
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    with refused(409):
        cluster.replace({**config_map(namespace, "a", x="3"), "metadata": first["metadata"]})
    same = cluster.replace({**config_map(namespace, "a", x="2"), "metadata": second["metadata"]})
    assert same["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"], "nothing changed"


def test_status_and_the_rest_are_written_apart(cluster: Cluster, namespace: str) -> None:
    made = cluster.create({**route(namespace, "a"), "status": {"ignored": True}})
    assert "status" not in made
    assert made["metadata"]["generation"] == 1
    after = cluster.set_status("VirtualService", "a", {"x": "1"}, namespace)
    assert after["status"] == {"x": "1"}
    assert after["metadata"]["generation"] == 1
    meta = {**route(namespace, "a")["metadata"], "resourceVersion": after["metadata"]["resourceVersion"]}
    changed = cluster.replace({**route(namespace, "a", "b.example.com"), "metadata": meta, "status": {"x": "2"}})
    assert changed["status"] == {"x": "1"}
    assert changed["metadata"]["generation"] == 2


def test_a_patch_of_a_status_from_a_stale_version_conflicts(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(route(namespace, "a"))
    path = f"{path_of(route(namespace, 'a'))}/status"

    def patch(version: str, status: Object) -> Object:
        body = {"metadata": {"resourceVersion": version}, "status": status}
        return cluster.request("PATCH", path, body, "application/merge-patch+json")

    first = patch(made["metadata"]["resourceVersion"], {"conditions": [{"type": "a"}], "other": {"x": 1}})
    with refused(409):
        patch(made["metadata"]["resourceVersion"], {"conditions": [{"type": "b"}]})
    second = patch(first["metadata"]["resourceVersion"], {"conditions": [{"type": "b"}]})
    assert second["status"] == {"conditions": [{"type": "b"}], "other": {"x": 1}}, "lists are replaced whole"
    assert second["metadata"]["generation"] == 1
    same = patch(second["metadata"]["resourceVersion"], {"conditions": [{"type": "b"}]})
    assert same["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"], "nothing changed"
    with refused(404):
        cluster.request("PATCH", f"{path_of(route(namespace, 'b'))}/status", {}, "application/merge-patch+json")


def test_of_two_that_write_a_lease_one_is_refused(cluster: Cluster, namespace: str) -> None:
    def lease(holder: str, **meta: str) -> Object:
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": "2026-01-02T03:04:05.678901Z"}
        return {"kind": "Lease", "metadata": {"name": "a", "namespace": namespace, **meta}, "spec": spec}

    made = cluster.create(lease("one"))
    assert made["spec"] == lease("one")["spec"], "times come back as they were given"
    with refused(409):
        cluster.create(lease("two"))
    version = made["metadata"]["resourceVersion"]
    taken = cluster.replace(lease("two", resourceVersion=version))
    assert taken["metadata"]["resourceVersion"] != version
    with refused(409):
        cluster.replace(lease("one", resourceVersion=version))


def test_pages(cluster: Cluster, namespace: str) -> None:
    for name in "abcde":
        cluster.create(config_map(namespace, name))
    base = f"{base_of(RESOURCES['ConfigMap'], namespace)}?limit=2"
    if "kube-root-ca.crt" in str(cluster.request("GET", base_of(RESOURCES["ConfigMap"], namespace))):
        cluster.delete("ConfigMap", "kube-root-ca.crt", namespace)
    names, more, versions = [], "", set()
    while True:
        page = cluster.request("GET", f"{base}&continue={more}" if more else base)
        names += [one["metadata"]["name"] for one in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        more = page["metadata"].get("continue", "")
        if not more:
            break
    assert names == list("abcde")
    assert len(versions) == 1


def test_a_watch_from_a_version(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(config_map(namespace, "a", x="1"))
    version = made["metadata"]["resourceVersion"]
    cluster.apply(config_map(namespace, "a", x="2"), config_map(namespace, "b"))
    cluster.delete("ConfigMap", "a", namespace)
    events = watch(cluster, "ConfigMap", namespace, f"resourceVersion={version}&timeoutSeconds=5")
    assert said(events, 3) == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_a_watch_list(cluster: Cluster, namespace: str) -> None:
    cluster.apply(config_map(namespace, "a"), config_map(namespace, "b"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=10"
    events = watch(cluster, "ConfigMap", namespace, query)
    seen = list(itertools.takewhile(lambda event: event["type"] != "BOOKMARK", events))
    assert {(event["type"], event["object"]["metadata"]["name"]) for event in seen} == {("ADDED", "a"), ("ADDED", "b")}
    cluster.create(config_map(namespace, "c"))
    assert said(events, 1) == [("ADDED", "c")]
    events.close()


def test_the_end_of_a_watch_list_is_marked(cluster: Cluster, namespace: str) -> None:
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=10"
    events = watch(cluster, "ConfigMap", namespace, query)
    end = next(event for event in events if event["type"] == "BOOKMARK")
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert end["object"]["metadata"]["resourceVersion"]
    events.close()


def test_the_server_ends_a_watch_when_asked(cluster: Cluster, namespace: str) -> None:
    assert said(watch(cluster, "ConfigMap", namespace, "resourceVersion=0&timeoutSeconds=1"), 9) == []


def test_a_version_of_the_future_brings_nothing(cluster: Cluster, namespace: str) -> None:
    """So says nobody that a server was restored from a backup: who watches has to ask."""
    cluster.create(config_map(namespace, "a"))
    events = watch(cluster, "ConfigMap", namespace, "resourceVersion=99999999&timeoutSeconds=1")
    assert said(events, 1) == []


def test_merge_patches(cluster: Cluster, namespace: str) -> None:
    cluster.create(config_map(namespace, "a", x="1", y="1"))
    path = path_of(config_map(namespace, "a"))
    after = cluster.request("PATCH", path, {"data": {"x": None, "z": "3"}}, "application/merge-patch+json")
    assert after["data"] == {"y": "1", "z": "3"}


def test_server_side_apply(cluster: Cluster, namespace: str) -> None:
    path = path_of(config_map(namespace, "a"))

    def apply(manager: str, force: str = "false", **data: str) -> Object:
        return cluster.request(
            "PATCH", f"{path}?fieldManager={manager}&force={force}", full(config_map(namespace, "a", **data)), SSA
        )

    assert apply("one", x="1")["data"] == {"x": "1"}
    assert apply("two", y="2")["data"] == {"x": "1", "y": "2"}
    with refused(409):
        apply("two", x="2", y="2")
    assert apply("two", "true", x="2", y="2")["data"] == {"x": "2", "y": "2"}
    assert apply("two", y="2")["data"] == {"y": "2"}


def test_a_token_that_nobody_knows(cluster: Cluster) -> None:
    with refused(401):
        Cluster(cluster.url, "unknown", cluster.ca).list("Namespace")


def test_discovery(cluster: Cluster) -> None:
    eventually(lambda: _served(cluster), 10.0, "the kinds of the CRDs are served")
    with refused(404):
        cluster.request("GET", "/apis/nobody.example.com")
    group = cluster.request("GET", "/apis/networking.istio.io")
    assert {version["version"] for version in group["versions"]} == {"v1", "v1alpha3", "v1beta1"}


def _served(cluster: Cluster) -> bool:
    found = cluster.request("GET", "/apis/networking.istio.io/v1")["resources"]
    return {"virtualservices", "virtualservices/status"} <= {resource["name"] for resource in found}
