"""What the control plane may do in a cluster: no more than it does.

`tests/deployment/test_access.py` records what it asks an API server for, and holds this table to it both ways. Whoever
has the product ask for something new adds a line here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from translators.model.kinds import ISTIO_KINDS
from xds_server.deployment.crds import NAMES
from xds_server.sources.kubernetes.mesh import NAME as MESH_CONFIG_MAP
from xds_server.status.runner import LEASE as STATUS_LEASE
from xds_server.webhook.names import CONFIGURATION as WEBHOOK_CONFIGURATION
from xds_server.webhook.names import SECRET as WEBHOOK_SECRET


class Access(NamedTuple):
    """Leave to do something with kinds of one API group."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    own_namespace: bool = False
    """Only in the namespace that Pilotfish runs in, which is also the mesh's root namespace."""
    names: tuple[str, ...] = ()
    """Only of these names. A list or watch is let pass if it selects one of them by `metadata.name`."""

    def rule(self) -> dict[str, Any]:
        """Return it as a Role has it."""
        names = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": [self.group], "resources": list(self.resources), **names, "verbs": list(self.verbs)}


FOLLOWED: Final = ("list", "watch")

_ISTIO: Final = tuple(sorted(NAMES[kind.KIND].plural for kind in ISTIO_KINDS))

ACCESS: Final = (
    Access("", ("namespaces", "nodes", "pods", "services"), FOLLOWED, "services and where their endpoints are"),
    Access("discovery.k8s.io", ("endpointslices",), FOLLOWED, "the endpoints of services"),
    Access("networking.istio.io", _ISTIO, ("get", *FOLLOWED), "what to serve"),
    Access("networking.istio.io", tuple(f"{one}/status" for one in _ISTIO), ("patch",), "what became of it"),
    Access("", ("configmaps",), FOLLOWED, "the settings of the mesh", own_namespace=True, names=(MESH_CONFIG_MAP,)),
    Access(
        "",
        ("configmaps",),
        ("create", "delete", "list", "update"),
        "what replicas tell the one that writes statuses",
        own_namespace=True,
    ),
    Access("coordination.k8s.io", ("leases",), ("create",), "which replica that is, at first", own_namespace=True),
    Access(
        "coordination.k8s.io",
        ("leases",),
        ("get", "update"),
        "which replica that is",
        own_namespace=True,
        names=(STATUS_LEASE,),
    ),
    Access("", ("secrets",), ("create",), "the webhook's certificate, at first", own_namespace=True),
    Access(
        "", ("secrets",), ("get", "update"), "the webhook's certificate", own_namespace=True, names=(WEBHOOK_SECRET,)
    ),
    Access(
        "admissionregistration.k8s.io",
        ("mutatingwebhookconfigurations",),
        ("get", "patch"),
        "the cluster's trust in that certificate",
        names=(WEBHOOK_CONFIGURATION,),
    ),
)
"""Everything, and why. Discovery (`/api`, `/apis`) and `/version` are open to every account."""
