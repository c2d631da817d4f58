"""What goes into and comes out of a stream: limits, responses, and the step that carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from xds_server.protocol.events import Event

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from translators.resources import Resource, ResourceSet
    from xds_server.protocol.ledger import TypeStatus
    from xds_server.protocol.quarantine import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one stream may ask for. A request beyond it is answered with `events.Rejected`."""

    subscriptions: int = 100_000
    """Names subscribed to at once, in one type. A mesh of 50,000 services must fit."""
    name_length: int = 2048
    """Characters of one resource name. Istio's longest (direction, port, subset, 253 of host) is below 400."""


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """One response. It may be shared by many streams: send `payload` as it is.

    Compared by identity, since the same object on two streams means the same bytes.
    """

    type_url: str
    serial: int
    """The place of the nonce in the process-wide order of nonces."""
    nonce: str
    version: str
    """`version_info`, or `system_version_info` of the delta variant."""
    resources: tuple[Resource, ...]
    """Sorted by name."""
    removed: tuple[str, ...]
    """`removed_resources` of the delta variant, sorted."""
    payload: bytes
    """A serialised DiscoveryResponse or DeltaDiscoveryResponse."""

    @property
    def names(self) -> tuple[str, ...]:
        """The resources in it, by name."""
        return tuple(resource.name for resource in self.resources)

    def __repr__(self) -> str:
        """Show what it is about and never the payload (it may hold a secret)."""
        return f"<Outgoing {self.type_url.rpartition('.')[2]} nonce={self.nonce} +{self.names} -{self.removed}>"


class Step(msgspec.Struct, frozen=True):
    """What one call on a stream led to: responses to send in this order, and what there is to note.

    Two are made for each stream and push: see `events.Acked`.
    """

    responses: tuple[Outgoing, ...] = ()
    events: tuple[Event, ...] = ()
    reason: str = ""
    """Why there are responses: what `offer` was told, or a word of the protocol's own (see `xlog_records.Why`)."""


QUIET: Final = Step()
"""Nothing to send, nothing to note."""

Request_contra = TypeVar("Request_contra", contravariant=True)


class Stream(Protocol[Request_contra]):
    """What both variants of a stream can do. A stream belongs to one connection and one thread of control.

    The caller hands every request to `receive` and every new snapshot to `offer`, and sends `Step.responses` in order
    before it hands in the next. A snapshot that was not offered is simply skipped: `offer` looks at the difference to
    what this stream was sent, so a slow reader is given only the newest (xds-protocol rule 101).
    """

    @property
    def deadline(self) -> float | None:
        """When to call `wake`, if nothing else happens before; None: not at all."""
        ...

    def receive(self, request: Request_contra, now: float) -> Step:
        """Take in one request; `now` is in seconds, of any clock that never goes back.

        Before the first `offer` nothing is answered: the requests wait for it. Raises nothing on whatever a client
        sends; `events.Rejected` in the step means that the stream must end.
        """
        ...

    def offer(self, snapshot: ResourceSet, now: float, reason: str = "") -> Step:
        """Send what this stream has subscribed to and that differs from what it was sent. The snapshot is kept, and
        later requests are answered from it.

        Part of it may have to wait for an answer of the client (see `passage`): it then comes out of the `receive` that
        takes that answer in, or of `wake`.
        """
        ...

    def wake(self, now: float) -> Step:
        """Send what has waited for an answer of the client for long enough. Does nothing before `deadline`."""
        ...

    def retry(self, now: float) -> Step:
        """Try at once what the client has rejected, and begin anew to count how often it has."""
        ...

    def again(self, type_url: str, names: Collection[str], now: float) -> Step:
        """Send resources again, even unchanged, where the client subscribed to them: their parents went out to it on
        another stream.
        """
        ...

    def cases(self) -> tuple[Case, ...]:
        """Return what is in quarantine for this client, by type URL and name."""
        ...

    def status(self) -> Mapping[str, TypeStatus]:
        """Return the state of every type that the stream asked for, by type URL, in the order of a push."""
        ...

    def behind(self, wanted: ResourceSet) -> Mapping[str, frozenset[str]]:
        """Return, by the type URL of each type that the stream asked for, the names of what it asked for and has not
        accepted as it is in `wanted`. What is not in `wanted` any more does not count.
        """
        ...

    def held(self, type_url: str) -> tuple[Resource, ...]:
        """Return the resources of a type that the client should hold now, sorted by name."""
        ...
