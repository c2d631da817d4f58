"""What the xlog is made of: records of what was said on a stream, and what became of each response.

They are small and refer to what is there anyway; `xlog_json` prints them.
"""

from __future__ import annotations

from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NAMES: Final = 16
"""How many names of a list are kept."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records. `seq` counts the records of a server from 1; `at` is in seconds of the stream's clock."""

    seq: int
    at: float


class Names(msgspec.Struct, frozen=True, gc=False):
    """The first names of a list, and how many there are in all."""

    first: tuple[str, ...] = ()
    count: int = 0


NO_NAMES: Final = Names()


class Why(msgspec.Struct, frozen=True, gc=False):
    """Why a response went out: made once a push, and shared by all its responses."""

    kind: str
    """`request`: it was asked for. `push`: objects changed. `settings`: the mesh configuration did, or so much that it
    is not known any more. `waited`: it had to wait for an answer of the client (make before break). `rejected`: it
    takes the place of what the client just rejected. `trial`: it shows whether what the client rejected was to blame.
    `retry`: what is in quarantine is tried again. `parent`: its parent went out on another stream.
    """
    objects: Names = NO_NAMES
    """The objects that changed, as `Kind namespace/name`."""

    def __or__(self, later: Why) -> Why:
        """Return the reason for what two pushes brought together, since the client was slow."""
        names = dict.fromkeys((*self.objects.first, *later.objects.first))
        return Why(later.kind, Names(tuple(islice(names, NAMES)), self.objects.count + later.objects.count))


REQUESTED: Final = Why("request")


def because_of(changed: Collection[object] | None) -> Why:
    """Return the reason for a push, from the keys of the objects that changed (`World.changed_since`)."""
    if changed is None:
        return Why("settings")
    return Why("push", Names(tuple(nsmallest(NAMES, map(str, changed))), len(changed)))


class Summary(msgspec.Struct, frozen=True, gc=False):
    """What there is to say of a response's content; shared by the streams that it goes to."""

    type_url: str
    nonce: str
    version: str
    names: Names
    removed: Names
    size: int
    """Bytes of the message."""


class Opened(Record, frozen=True, gc=False):
    """A stream has said who it is."""


class Closed(Record, frozen=True, gc=False):
    """A stream has ended."""

    reason: str


class Request(Record, frozen=True, gc=False):
    """A request that is more than an ACK or NACK: what it asks for now, and what no longer."""

    type_url: str
    nonce: str
    version: str
    """`version_info`, of the state-of-the-world variant alone."""
    subscribed: Names
    unsubscribed: Names
    wildcard: bool | None
    """True: everything is asked for; False: no longer; None: as before."""
    held: int
    """How many resources the client says to have kept from an earlier stream (`initial_resource_versions`)."""


class Response(Record, frozen=True, gc=False):
    """A response was handed out."""

    sent: Summary
    why: Why
    parent: str
    """The type of the response right before it whose resources wait for these, such as CDS of EDS; mostly empty."""


class Ack(Record, frozen=True, gc=False):
    """The client accepted a response, and with it those of the type before that it had not answered."""

    type_url: str
    nonce: str
    version: str
    seconds: float
    """From handing out the response."""


class Nack(Record, frozen=True, gc=False):
    """The client rejected a response."""

    type_url: str
    nonce: str
    version: str
    seconds: float
    """From handing out the response; -1 if its record is gone."""
    code: int
    message: str
    names: Names
    """The resources that the client may not hold in their current version."""


class Quarantined(Record, frozen=True, gc=False):
    """A resource that the client has rejected is kept from it for a while."""

    type_url: str
    name: str
    error: str
    seconds: float
    """Until it is tried again."""
    rejections: int


class Recovered(Record, frozen=True, gc=False):
    """The client has accepted a resource that it had rejected."""

    type_url: str
    name: str


class Unheeded(Record, frozen=True, gc=False):
    """(A part of) a request that means nothing here, such as an answer to a response that was never sent."""

    type_url: str
    reason: str


Fate = Literal["acked", "nacked", "superseded", "ended", "waiting"]
"""What became of a response. `superseded`: the client answered a newer one of the type. `ended`: the stream did."""


def fates(records: Iterable[Record]) -> dict[int, Fate]:
    """Return what became of each response among one conversation's records, by the `seq` of its record."""
    out: dict[int, Fate] = {}
    waiting: dict[str, dict[str, int]] = {}
    for record in records:
        if isinstance(record, Response):
            waiting.setdefault(record.sent.type_url, {})[record.sent.nonce] = record.seq
            out[record.seq] = "waiting"
        elif isinstance(record, Ack | Nack):
            of_type = waiting.get(record.type_url, {})
            if record.nonce not in of_type:
                continue  # its response's record is gone
            for nonce in list(of_type):
                seq = of_type.pop(nonce)
                if nonce == record.nonce:
                    out[seq] = "acked" if isinstance(record, Ack) else "nacked"
                    break
                out[seq] = "superseded"
        elif isinstance(record, Closed):
            out.update((seq, "ended") for of_type in waiting.values() for seq in of_type.values())
    return out
