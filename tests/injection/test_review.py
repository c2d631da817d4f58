from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.apiserver.admission import patched
from tests.injection.test_goldens import CASES, SETTINGS, TESTDATA
from xds_server.injection.review import BadReviewError, answer
from xds_server.injection.text import documents, read

POD: dict[str, Any] = {"metadata": {"generateName": "echo-"}, "spec": {"containers": [{"name": "echo", "image": "e"}]}}


def review(pod: object, **more: object) -> bytes:
    request = {"uid": "u1", "kind": {"kind": "Pod"}, "operation": "CREATE", "namespace": "shop", "object": pod, **more}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


def response(pod: object, **more: object) -> Any:
    return answer(review(pod, **more), SETTINGS)["response"]


def after(pod: dict[str, Any], said: Any) -> dict[str, Any]:
    return patched(pod, json.loads(base64.b64decode(said["patch"]))) if "patch" in said else pod


@pytest.mark.parametrize("case", CASES)
def test_the_patch_makes_what_the_command_prints(case: str) -> None:
    golden = (TESTDATA / f"{case}.out.yaml").read_text(encoding="utf-8")
    before, wanted = ([read(d) for d in documents(t)] for t in ((TESTDATA / f"{case}.in.yaml").read_text(), golden))
    for tree, expected in zip(before, wanted, strict=True):
        pod = json.loads(json.dumps(tree))  # what anchors share is apart in JSON
        if pod is not None and pod.get("kind") == "Pod":
            namespace = pod["metadata"].get("namespace", "default")
            said = response(pod, namespace=namespace)
            assert said["allowed"] is not ("#! error" in golden)
            assert after(pod, said) == expected


def test_a_pod_is_patched_and_named_after_its_deployment() -> None:
    owner = {"kind": "ReplicaSet", "name": "echo-5d8f", "controller": True}
    meta = {"generateName": "echo-5d8f-", "labels": {"pod-template-hash": "5d8f"}, "ownerReferences": [owner]}
    said = response({**POD, "metadata": meta})
    assert (said["uid"], said["allowed"], said["patchType"]) == ("u1", True, "JSONPatch")
    made = after({**POD, "metadata": meta}, said)
    assert made["metadata"]["labels"]["service.istio.io/canonical-name"] == "echo"
    assert "--metadata=WORKLOAD_NAME=echo" in made["spec"]["initContainers"][0]["args"]


def test_what_is_refused_has_its_reason() -> None:
    said = response({**POD, "metadata": {"annotations": {"sidecar.istio.io/proxyCPU": "lots"}}})
    assert not said["allowed"]
    assert "PF0161" in said["status"]["message"]
    assert "proxyCPU" in said["status"]["message"]


def test_what_does_nothing_is_a_warning() -> None:
    said = response({**POD, "metadata": {"annotations": {"sidecar.istio.io/agentLogLevel": "debug"}}})
    assert said["warnings"] == ["PF0163: annotation sidecar.istio.io/agentLogLevel does nothing here"]


@pytest.mark.parametrize(
    ("pod", "more"),
    [
        ({**POD, "spec": {**POD["spec"], "hostNetwork": True}}, {}),
        (POD, {"operation": "DELETE"}),
        (POD, {"kind": {"kind": "Service"}}),
        (POD, {"namespace": "kube-system"}),
    ],
)
def test_what_is_not_for_us_is_let_in_as_it_is(pod: object, more: dict[str, object]) -> None:
    assert response(pod, **more) == {"uid": "u1", "allowed": True}


@pytest.mark.parametrize("pod", [None, 1, [], {}, {"spec": 7}])
def test_a_review_without_a_pod_is_refused(pod: object) -> None:
    assert response(pod)["status"]["code"] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"kind": "AdmissionReview"}',
        b'{"kind": "Pod"}',
        review(POD).replace(b"/v1", b"/v1beta1"),
        review(POD, uid=""),
        review(POD, uid=7),
    ],
)
def test_what_is_no_review(body: bytes) -> None:
    with pytest.raises(BadReviewError):
        answer(body, SETTINGS)


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": 1, "spec": {}},
        {"metadata": {"labels": 1, "annotations": []}, "spec": {"containers": 1, "volumes": 2, "initContainers": {}}},
        {"spec": {"containers": [{}, 1, {"name": 1, "ports": 5, "livenessProbe": {"httpGet": 1}}]}},
        {"spec": {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"port": []}}}], "securityContext": 1}},
    ],
)
def test_a_pod_of_odd_shape_does_no_harm(pod: object) -> None:
    assert response(pod)["uid"] == "u1"
