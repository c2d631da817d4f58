"""What clients have rejected: a bad resource is kept from the client that rejected it, for a while, and from no other.

A case is one resource in one version, as one client sees it: a node id, an Envoy build, and whoever the transport found
it to be. It outlives the stream. It ends when the client accepts the resource, when the resource changes, or when it is
no longer served; a client of another build has no case. Until then it is tried again after `RETRY_FIRST` seconds, then
after twice as long, up to `RETRY_MAX`: what was wrong may have been the client's surroundings (a port in use).

`effective` says what such a client is served meanwhile, `trials` how the culprit of a rejected response is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from translators.names import FILE_SECRETS
from translators.resources import SECRET
from xds_server.protocol.passage import content_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from envoy.config.core.v3.base_pb2 import Node

    from translators.resources import Resource, ResourceSet, TypeSet

RETRY_FIRST: Final = 60.0
"""Seconds after which a rejected resource is tried again; each rejection doubles it."""

RETRY_MAX: Final = 1800.0

CLIENTS: Final = 10_000
"""Clients that are remembered, the latest to connect. A stream keeps its own, whatever happens here."""

CASES: Final = 1000
"""Of one client. What it rejects beyond is left as it was sent, so that a client cannot make us remember anything."""


@dataclass(slots=True, kw_only=True, eq=False)
class Case:
    """One resource in one version that one client has rejected. Times are in seconds, of the streams' clock."""

    resource: Resource
    standby: Resource | None
    """What the client accepted last under this name and gets instead; None: it has accepted none that is known."""
    error: str
    """What the client said first."""
    since: float
    retry_at: float
    rejections: int = 1
    lasting: bool = False
    """Whether it is not tried again by itself (see `effective.Effective`)."""

    @property
    def key(self) -> tuple[str, str]:
        """Type URL and name."""
        return self.resource.type_url, self.resource.name

    @property
    def watched(self) -> bool:
        """Whether it is a Secret that names files on the proxy (ADR 0006). Envoy watches them and heals by itself, and
        what refers to it works but for that: so it is served as it is, and only said to be rejected.
        """
        return self.resource.type_url == SECRET and self.resource.name.startswith(FILE_SECRETS)

    @property
    def patience(self) -> float:
        """Seconds from the latest rejection to the next trial."""
        return float(min(RETRY_FIRST * 2 ** max(self.rejections - 1, 0), RETRY_MAX))


class Ward:
    """One client: its cases, and what it accepted last."""

    __slots__ = ("accepted", "cases", "proven")

    def __init__(self, *, proven: bool = False) -> None:
        self.proven = proven
        """Whether it has proved who it is. If not, no secret is kept for its next stream, which may be anybody's."""
        self.cases: dict[tuple[str, str], Case] = {}
        """By type URL and name."""
        self.accepted: dict[str, TypeSet] = {}
        """By type URL: the set that the client last accepted, shared with all who were sent the same. Of listeners the
        last that also had what it needs.
        """

    @property
    def full(self) -> bool:
        """Whether no more cases are taken."""
        return len(self.cases) >= CASES

    def confine(self, resource: Resource, standby: Resource | None, error: str, now: float) -> Case | None:
        """Open a case, or prolong the one there is; None if there are too many."""
        key = resource.type_url, resource.name
        case = self.cases.get(key)
        if case is None:
            if len(self.cases) >= CASES:
                return None
            case = self.cases[key] = Case(resource=resource, standby=standby, error=error, since=now, retry_at=now)
        elif case.resource.version != resource.version:
            return case  # it came in place of the other; `disown` has seen to it that it does not again
        else:
            case.rejections = min(case.rejections + 1, 32)  # far beyond RETRY_MAX
            case.standby = standby or case.standby
        case.retry_at = now + case.patience
        return case

    def known(self, resource: Resource) -> Resource | None:
        """Return what the client, on whatever stream, accepted last under the name of a resource that it rejects."""
        case = self.cases.get((resource.type_url, resource.name))
        candidates = [case.standby] if case is not None else []
        if (accepted := self.accepted.get(resource.type_url)) is not None:
            candidates.append(content_of(accepted.resources.get(resource.name)))
        return next((c for c in candidates if c is not None and c.version != resource.version), None)

    def disown(self, resource: Resource) -> None:
        """Forget that a resource was ever accepted: the client has rejected just this."""
        case = self.cases.get((resource.type_url, resource.name))
        if case is not None and case.standby is not None and case.standby.version == resource.version:
            case.standby = None
        accepted = self.accepted.get(resource.type_url)
        was = accepted.resources.get(resource.name) if accepted is not None else None
        if accepted is not None and was is not None and was.version == resource.version:
            self.accepted[resource.type_url] = accepted.replace({resource.name: None})

    def outdated(self, wanted: ResourceSet) -> list[Case]:
        """Take out and return the cases of resources that are not served in that version any more."""
        old = [case for case in self.cases.values() if not _is_in(wanted, case.resource)]
        for case in old:
            del self.cases[case.key]
        return old

    def healed(self, accepted: TypeSet) -> Iterator[Case]:
        """Yield the cases of a type that the client has accepted after all."""
        for case in self.cases.values():
            if case.resource.type_url == accepted.type_url:
                now = accepted.resources.get(case.resource.name)
                if now is not None and now.version == case.resource.version:
                    yield case


class Quarantine:
    """The wards of all clients of a server process."""

    __slots__ = ("_clients",)

    def __init__(self) -> None:
        self._clients: dict[Hashable, Ward] = {}

    def ward(self, node: Node, peer: str = "") -> Ward:
        """Return a client's ward. `peer` is whom the transport has authenticated: a node id alone can be anybody's."""
        build = node.user_agent_build_version.SerializeToString(deterministic=True)
        key = (node.id, node.user_agent_name, node.user_agent_version, build, peer)
        ward = self._clients.pop(key, None) or Ward(proven=bool(peer))
        self._clients[key] = ward
        if len(self._clients) > CLIENTS:
            del self._clients[next(iter(self._clients))]
        return ward


def standby_of(ward: Ward, here: TypeSet | None, resource: Resource) -> Resource | None:
    """Return what a client gets instead of a resource: what it accepted last on this stream (`here`), else before."""
    was = content_of(here.resources.get(resource.name)) if here is not None else None
    if was is not None and was.version != resource.version:
        return was
    return ward.known(resource) if ward.proven or resource.type_url != SECRET else None


def _is_in(served: ResourceSet, resource: Resource) -> bool:
    now = served[resource.type_url].resources.get(resource.name)
    return now is not None and now.version == resource.version
