"""What is wrong with a cluster, as far as Pilotfish needs it: one check after the other, each on its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from translators.model.codes import diagnose
from translators.model.kinds import ISTIO_KINDS, api_versions
from translators.model.meta import ObjectKey
from translators.model.origin import Origin, Severity
from xds_server.deployment import cluster_objects as found
from xds_server.deployment.access import ACCESS
from xds_server.deployment.labels import GATEWAY, NAME
from xds_server.deployment.pods import pod_trouble
from xds_server.kube_api import KubeApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from translators.model.origin import Diagnostic
    from xds_server.deployment.access import Access
    from xds_server.kube_api import KubeApi

T = TypeVar("T")

OLDEST: Final = (1, 23)
"""The first version that serves what is installed (autoscaling/v2, policy/v1, discovery.k8s.io/v1)."""
INSTALL: Final = "run `pilotfish install --apply`"

_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_AUTHORIZATION: Final = "/apis/authorization.k8s.io/v1"
_WEBHOOKS: Final = "/apis/admissionregistration.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """Checks one cluster, and what is installed in one namespace of it."""

    api: KubeApi
    namespace: str
    as_itself: bool = False
    """Whether the account that asks is the one that Pilotfish runs as, as in its own pod."""

    async def run(self) -> list[Diagnostic]:
        """Return all that is wrong. Raises nothing that the server can cause."""
        try:
            version = await self._get("/version", found.Version)
        except KubeApiError as error:
            hint = "look at the kubeconfig, its context and its credentials"
            if error.status not in _REFUSED:
                hint = "look whether it runs, and whether this machine reaches it (a VPN, a proxy, a firewall)"
            return [diagnose("PF0140", f"{self.api.server}: {error}", hint=hint)]
        checks = (
            self._version(version or found.Version()),
            self._kinds(),
            self._access(),
            self._deployment(NAME, required=True),
            self._deployment(GATEWAY, required=False),
            self._webhooks("MutatingWebhookConfiguration"),
            self._webhooks("ValidatingWebhookConfiguration"),
        )
        return [one for several in await asyncio.gather(*map(self._collected, checks)) for one in several]

    async def _collected(self, check: AsyncIterator[Diagnostic]) -> list[Diagnostic]:
        """Run a check to its end, or to where the server does not say what it needs."""
        said: list[Diagnostic] = []
        try:
            said += [one async for one in check]
        except KubeApiError as error:
            hint = "ask with an account that may read it" if error.status in _REFUSED else "try again"
            said.append(diagnose("PF0149", str(error), hint=hint))
        return said

    async def _version(self, version: found.Version) -> AsyncIterator[Diagnostic]:
        if (0, 0) < version.numbers < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            message = f"the API server is {version.git_version}, and {oldest} is the oldest that will do"
            yield diagnose("PF0141", message, hint="upgrade the cluster")

    async def _kinds(self) -> AsyncIterator[Diagnostic]:
        """Say which kinds are not there, or not at a version that is read."""
        served = await self._served(ISTIO_KINDS[0].GROUP)
        for kind in ISTIO_KINDS:
            versions, read = served.get(kind.KIND, []), api_versions(kind)
            if not versions:
                message = f"{kind.KIND} is not defined: nobody can create any, and none are served"
                yield diagnose("PF0143", message, hint=f"{INSTALL}, or install Istio's definitions")
            elif not set(read) & set(versions):
                message = f"{kind.KIND} is defined at {', '.join(versions)} only, and read at {', '.join(read)}"
                yield diagnose("PF0144", message, hint="install definitions that serve one of these")

    async def _served(self, group: str) -> dict[str, list[str]]:
        """Return the versions of a group at which each kind is served."""
        answer = await self._get(f"/apis/{group}", found.Group)
        served: dict[str, list[str]] = {}
        for version in (one.group_version for one in (answer.versions if answer is not None else ())):
            resources = await self._get(f"/apis/{version}", found.Resources) or found.Resources()
            for resource in resources.resources:
                if "/" not in resource.name:
                    served.setdefault(resource.kind, []).append(version)
        return served

    async def _access(self) -> AsyncIterator[Diagnostic]:
        """Say what the account of Pilotfish may not do, of all that it does."""
        wanted = [
            (access, resource, verb) for access in ACCESS for resource in access.resources for verb in access.verbs
        ]
        allowed = await asyncio.gather(*(self._may(*one) for one in wanted))
        missing: dict[str, list[str]] = {}
        for (access, resource, verb), may in zip(wanted, allowed, strict=True):
            if not may:
                missing.setdefault(f"{resource}.{access.group}".rstrip("."), []).append(verb)
        account = f"system:serviceaccount:{self.namespace}:{NAME}"
        for resource, verbs in missing.items():
            who = "this account" if self.as_itself else account
            hint = f"{INSTALL}, or bind the role of deploy/ to it"
            yield diagnose("PF0145", f"{who} may not {' and '.join(verbs)} {resource}", hint=hint)

    async def _may(self, access: Access, resource: str, verb: str) -> bool:
        resource, _, subresource = resource.partition("/")
        attributes = {"verb": verb, "group": access.group, "resource": resource}
        attributes |= {"subresource": subresource} if subresource else {}
        attributes |= {"namespace": self.namespace} if access.own_namespace else {}
        attributes |= {"name": access.names[0]} if access.names else {}
        kind = "SelfSubjectAccessReview"
        spec: dict[str, object] = {"resourceAttributes": attributes}
        if not self.as_itself:
            accounts = "system:serviceaccounts"
            kind = "SubjectAccessReview"
            groups = [accounts, f"{accounts}:{self.namespace}", "system:authenticated"]
            spec |= {"user": f"system:serviceaccount:{self.namespace}:{NAME}", "groups": groups}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        answer = await self.api.request("POST", f"{_AUTHORIZATION}/{kind.lower()}s", body=body)
        return _decoded(answer, found.Review).status.allowed

    async def _deployment(self, name: str, *, required: bool) -> AsyncIterator[Diagnostic]:
        """Say what is wrong with a Deployment, its pods and its Service."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"
        deployment = await self._get(path, found.Workload)
        if deployment is None:
            if required:
                message = f"there is no Deployment {name} in namespace {self.namespace}"
                yield diagnose("PF0142", message, hint=f"{INSTALL}, or name its --namespace")
            return
        query = (("labelSelector", f"app={name}"),)
        pods = await self._get(f"/api/v1/namespaces/{self.namespace}/pods", found.Workloads, query=query)
        for pod in pods.items if pods is not None else ():
            if trouble := pod_trouble(pod):
                origin = Origin(ObjectKey("Pod", self.namespace, pod.metadata.name))
                yield diagnose("PF0146", trouble.message, origin, hint=trouble.hint)
        if pods is None or not pods.items:
            failure = deployment.condition("ReplicaFailure").message or "nothing says why"
            origin = Origin(ObjectKey("Deployment", self.namespace, name))
            yield diagnose(
                "PF0146", f"it has no pods: {failure}", origin, hint="look at its events with kubectl describe"
            )
        if nowhere := await self._service_trouble(self.namespace, name):
            origin = Origin(ObjectKey("Service", self.namespace, name))
            yield diagnose("PF0147", nowhere, origin, hint="look at its selector, and at its pods")

    async def _service_trouble(self, namespace: str, name: str) -> str:
        """Return why a Service leads nowhere, or nothing."""
        if await self._get(f"/api/v1/namespaces/{namespace}/services/{name}", found.Workload) is None:
            return "there is no such Service"
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = await self._get(path, found.Slices, query=(("labelSelector", f"kubernetes.io/service-name={name}"),))
        endpoints = [one for each in (slices.items if slices is not None else ()) for one in each.endpoints or ()]
        if any(one.conditions.ready is not False for one in endpoints):
            return ""
        return f"none of its {len(endpoints)} endpoints is ready" if endpoints else "it has no endpoints"

    async def _webhooks(self, kind: str) -> AsyncIterator[Diagnostic]:
        """Say which webhooks that lead to us cannot be answered: where they may not fail, nothing is let in."""
        path = f"{_WEBHOOKS}/{kind.lower()}s"
        configurations = await self._get(path, found.WebhookConfigurations)
        for configuration in configurations.items if configurations is not None else ():
            troubles: dict[tuple[str, bool], list[str]] = {}
            for webhook in configuration.webhooks:
                service = webhook.client_config.service
                if service is None or (service.namespace, service.name) != (self.namespace, NAME):
                    continue
                trouble = await self._service_trouble(service.namespace, service.name)
                if not trouble and not webhook.client_config.ca_bundle:
                    trouble = "there is no caBundle, so the API server trusts nobody there"
                if trouble:
                    troubles.setdefault((trouble, webhook.failure_policy == "Fail"), []).append(webhook.name)
            origin = Origin(ObjectKey(kind, "", configuration.metadata.name))
            for (trouble, fails), names in troubles.items():
                effect = "what it is asked about is refused" if fails else "what it is asked about passes unchanged"
                message = f"webhook {', '.join(names)}: {trouble}; {effect}"
                hint = "have the pods ready, or delete the configuration"
                severity = Severity.ERROR if fails else Severity.WARNING
                yield diagnose("PF0148", message, origin, hint=hint)._replace(severity=severity)

    async def _get(self, path: str, kind: type[T], *, query: tuple[tuple[str, str], ...] = ()) -> T | None:
        """Ask for something; None if it is not there. Raises KubeApiError."""
        try:
            return _decoded(await self.api.request("GET", path, query=query), kind)
        except KubeApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise


def _decoded(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KubeApiError(0, "Unreadable", f"the answer is no {kind.__name__}: {error}") from error
