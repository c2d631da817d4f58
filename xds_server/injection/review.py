"""An AdmissionReview in, an AdmissionReview out (admission.k8s.io/v1). Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec

from xds_server.injection.json_patch import json_patch
from xds_server.injection.overrides import Refused
from xds_server.injection.pod import inject

if TYPE_CHECKING:
    from xds_server.injection.settings import InjectionSettings, Mapping, Tree

API_VERSION: Final = "admission.k8s.io/v1"


class BadReviewError(Exception):
    """A request is no AdmissionReview of a version that is spoken here, so it has no `uid` to answer to."""


def answer(body: bytes, settings: InjectionSettings) -> Mapping:
    """Return the answer to a review: a JSON patch, nothing to change, or a refusal with its reason.

    A dry run is answered as any other, since nothing here has side effects. Whether the namespace asks for injection
    has been decided by the webhook's selectors before. Raises BadReviewError.
    """
    request = _request(body)
    uid = request["uid"]
    kind = _mapping(request.get("kind"))
    pod = request.get("object")
    if kind.get("kind") != "Pod" or request.get("operation") != "CREATE":
        return _response({"uid": uid, "allowed": True})
    if not isinstance(pod, dict) or not isinstance(pod.get("spec"), dict):
        return _response(_refusal(uid, 400, "BadRequest", "the review holds no pod"))
    namespace = str(request.get("namespace") or _mapping(pod.get("metadata")).get("namespace") or "default")
    try:
        done = inject(pod, settings, namespace=namespace, workload=workload_of(pod))
    except Refused as refused:
        return _response(_refusal(uid, 422, "Invalid", str(refused)))
    if not done.decision.inject:
        return _response({"uid": uid, "allowed": True})
    patch = base64.b64encode(msgspec.json.encode(list(json_patch(pod, done.pod)))).decode()
    warnings: list[Tree] = [f"{note.code}: {note.message}"[:256] for note in done.notes]
    response: Mapping = {"uid": uid, "allowed": True, "patchType": "JSONPatch", "patch": patch}
    return _response({**response, "warnings": warnings} if warnings else response)


def workload_of(pod: Mapping) -> str:
    """Return the name of what makes a pod: of a ReplicaSet its Deployment, whose name lacks the template's hash."""
    meta = _mapping(pod.get("metadata"))
    owners = meta.get("ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("controller") is True:
            name = str(owner.get("name", ""))
            value = _mapping(meta.get("labels")).get("pod-template-hash")
            if owner.get("kind") == "ReplicaSet" and isinstance(value, str):
                return name.removesuffix(f"-{value}")
            return name
    return str(meta.get("name") or "") or str(meta.get("generateName") or "").removesuffix("-")


def failure(uid: Tree, message: str) -> Mapping:
    """Return the answer for a review that could not be dealt with through a defect here."""
    return _response(_refusal(uid, 500, "InternalError", message))


def uid_of(body: bytes) -> Tree:
    """Return the uid of a review. Raises BadReviewError."""
    return _request(body)["uid"]


def _request(body: bytes) -> Mapping:
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the request is no JSON: {error}"
        raise BadReviewError(msg) from error
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        msg = "the request is no AdmissionReview"
        raise BadReviewError(msg)
    if review.get("apiVersion") != API_VERSION:
        msg = f"the AdmissionReview is of version {review.get('apiVersion')!r}, not {API_VERSION}"
        raise BadReviewError(msg)
    request = review.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("uid"), str) or not request["uid"]:
        msg = "the AdmissionReview has no request with a uid"
        raise BadReviewError(msg)
    return request


def _refusal(uid: Tree, code: int, reason: str, message: str) -> Mapping:
    status: Mapping = {"status": "Failure", "code": code, "reason": reason, "message": message}
    return {"uid": uid, "allowed": False, "status": status}


def _response(response: Mapping) -> Mapping:
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}


def _mapping(value: Tree) -> Mapping:
    return value if isinstance(value, dict) else {}
