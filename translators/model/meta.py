"""What every Kubernetes object carries: its metadata, and the key that names it."""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

import msgspec

REVISION_LABEL: Final = "istio.io/rev"
"""Says which control plane a pod, a namespace's pods or an Istio object is for."""


class ObjectKey(NamedTuple):
    """Names one object: kind, namespace and name. Cluster-scoped kinds have an empty namespace.

    Kinds of different groups that share a name (Istio's and the Gateway API's Gateway) get distinct `kind`s here.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Print as people write it: `VirtualService default/reviews`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of everything decoded: immutable, compared by content, camelCase on the wire.

    Subclasses state `frozen=True, kw_only=True` again (msgspec does not inherit kw_only). They hold values, never each
    other in a cycle, so the cycle collector need not look at them: in a big mesh each of its passes would take longer.
    """


class Value(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """Base of what translation steps make: immutable, told apart by identity (a memoised step makes it once), and 15
    times cheaper to make than a frozen dataclass. Like a Struct it can be part of no cycle.
    """


class ObjectMeta(Struct, frozen=True, kw_only=True):
    """The part of `metadata` that may influence a translation. resourceVersion, uid, generation and managedFields do
    not, so a status write changes no object.
    """

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: str = ""
    """RFC 3339 as the API server gives it; empty in files. Empty sorts first, so files order by namespace and name."""


class KubeObject(Struct, frozen=True, kw_only=True):
    """An object as users write it, without its apiVersion (the served versions of an Istio kind share one schema)."""

    KIND: ClassVar[str] = ""
    GROUP: ClassVar[str] = ""

    metadata: ObjectMeta

    @property
    def key(self) -> ObjectKey:
        """The key that names this object."""
        meta = self.metadata
        return tuple.__new__(ObjectKey, (self.KIND, meta.namespace, meta.name))  # half the price of ObjectKey(…)

    @property
    def age_order(self) -> tuple[str, str, str]:
        """Sort key for "oldest first, then name, then namespace" (reference 3.3); in files there is no timestamp and
        the order is namespace, then name (interfaces.md).
        """
        meta = self.metadata
        if meta.creation_timestamp:
            return (meta.creation_timestamp, meta.name, meta.namespace)
        return ("", meta.namespace, meta.name)
