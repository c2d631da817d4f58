"""What injection makes is what a real API server takes: each workload's pod, before and after, as a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.fixtures import real_cluster
from tests.apiserver.storage import StatusError
from tests.injection.test_goldens import CASES, TESTDATA, injected
from translators.model.decode import flatten
from xds_server.injection.text import documents, read
from xds_server.injection.workloads import template_of

if TYPE_CHECKING:
    from tests.apiserver.cluster import Cluster

__all__ = ["real_cluster"]


def pods(text: str) -> list[dict[str, Any]]:
    """Return a Pod for each workload, with what the API server's own admission adds to every pod."""
    found = []
    for document in documents(text):
        for one, _ in flatten(read(document)):
            template: Any = template_of(one) if isinstance(one, dict) else None
            if template is not None:
                meta = {**(template.get("metadata") or {}), "name": "probe", "namespace": "default"}
                spec = {"serviceAccountName": "default", **template["spec"]}
                found.append({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_valid_pod_still_is_one(real_cluster: Cluster, case: str) -> None:
    before = pods((TESTDATA / f"{case}.in.yaml").read_text(encoding="utf-8"))
    for plain, made in zip(before, pods(injected(case).text), strict=True):
        assert refused(real_cluster, plain) == ""
        assert refused(real_cluster, made) == ""


def refused(cluster: Cluster, pod: dict[str, Any]) -> str:
    path = "/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Strict"
    try:
        cluster.request("POST", path, pod)
    except StatusError as error:
        return str(error)
    return ""
