"""The parts of Kubernetes' objects that a check looks at."""

from __future__ import annotations

import msgspec


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    """Of an answer of the API server; what is not here is of no interest."""


class Version(_Struct, frozen=True):
    """What `/version` answers."""

    git_version: str = ""

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor; (0, 0) if they are not there."""
        major, _, rest = self.git_version.lstrip("v").partition(".")
        minor = rest.partition(".")[0]
        return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


class GroupVersion(_Struct, frozen=True):
    """A version of a group, as discovery lists it."""

    group_version: str = ""


class Group(_Struct, frozen=True):
    """What discovery says of a group."""

    versions: list[GroupVersion] = []


class Resource(_Struct, frozen=True):
    """A kind as discovery lists it."""

    name: str = ""
    kind: str = ""


class Resources(_Struct, frozen=True):
    """What discovery says of a version of a group."""

    resources: list[Resource] = []


class Access(_Struct, frozen=True):
    """What a review of access decides."""

    allowed: bool = False


class Review(_Struct, frozen=True):
    """SubjectAccessReview and SelfSubjectAccessReview, as they are answered."""

    status: Access = Access()


class Meta(_Struct, frozen=True):
    """What an object is called, and when its end began."""

    name: str = ""
    deletion_timestamp: str = ""


class Condition(_Struct, frozen=True):
    """A condition of a pod or a Deployment."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class Stopped(_Struct, frozen=True):
    """Why a container waits, or has ended."""

    reason: str = ""
    message: str = ""
    exit_code: int = 0


class ContainerState(_Struct, frozen=True):
    """One of these is set, or none: then it runs."""

    waiting: Stopped | None = None
    terminated: Stopped | None = None


class ContainerStatus(_Struct, frozen=True):
    """What a container does, and what it did last."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class Status(_Struct, frozen=True):
    """Of a pod or a Deployment."""

    phase: str = ""
    conditions: list[Condition] = []
    init_container_statuses: list[ContainerStatus] = []
    container_statuses: list[ContainerStatus] = []


class Workload(_Struct, frozen=True):
    """A pod or a Deployment."""

    metadata: Meta = Meta()
    status: Status = Status()

    def condition(self, kind: str) -> Condition:
        """Return a condition; an empty one if there is none of that type."""
        return next((one for one in self.status.conditions if one.type == kind), Condition())


class Workloads(_Struct, frozen=True):
    """A list of them."""

    items: list[Workload] = []


class EndpointConditions(_Struct, frozen=True):
    """Not saying so means ready."""

    ready: bool | None = None


class Endpoint(_Struct, frozen=True):
    """One endpoint of a slice."""

    conditions: EndpointConditions = EndpointConditions()


class Slice(_Struct, frozen=True):
    """An EndpointSlice."""

    endpoints: list[Endpoint] | None = None


class Slices(_Struct, frozen=True):
    """A list of them."""

    items: list[Slice] = []


class WebhookService(_Struct, frozen=True):
    """The Service that a webhook is asked at."""

    namespace: str = ""
    name: str = ""


class ClientConfig(_Struct, frozen=True):
    """How a webhook is asked."""

    service: WebhookService | None = None
    ca_bundle: str = ""


class Webhook(_Struct, frozen=True):
    """One webhook of a configuration."""

    name: str = ""
    client_config: ClientConfig = ClientConfig()
    failure_policy: str = "Fail"


class WebhookConfiguration(_Struct, frozen=True):
    """A MutatingWebhookConfiguration or ValidatingWebhookConfiguration."""

    metadata: Meta = Meta()
    webhooks: list[Webhook] = []


class WebhookConfigurations(_Struct, frozen=True):
    """A list of them."""

    items: list[WebhookConfiguration] = []
