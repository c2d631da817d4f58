"""One kind as the API server tells it, without I/O: lists and watch events in, batches of source events out.

A list after the first one (the watch was too old, or the server was restored from a backup) says only what differs
from what was known, so that objects which stayed are not even looked at further on. What a write changes that no
Struct holds (status, managedFields, resourceVersion) is no change; of Istio's kinds it is kept aside (`Written`), for
whoever writes their status.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from translators.model.decode import decode_bytes
from translators.model.kinds import CLUSTER_SCOPED, ISTIO_KINDS
from translators.model.meta import ObjectKey
from xds_server.kube_api import KubeApiError, decode_status
from xds_server.sources.events import Apply, Delete, Failed, Init, InitApply, InitDone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.model.meta import KubeObject
    from translators.model.origin import Diagnostic
    from xds_server.sources.events import Batch, Event

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""The annotation of the bookmark after which a watch list is complete (KEP-3157)."""

_GONE: Final = 410


class ExpiredError(Exception):
    """The server does not know any more what came after our resourceVersion: everything must be listed again."""


class BrokenWatchError(Exception):
    """What the server sent is no watch event: it cannot be known what was lost."""


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """What a list says of itself."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct, frozen=True):
    """A list, or a part of it."""

    metadata: ListMeta = ListMeta()
    items: list[msgspec.Raw] | None = None  # Go prints an empty list as null


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class _Header(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


class _Whole(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    status: msgspec.Raw = msgspec.Raw()


class _WatchEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_decode_event: Final = msgspec.json.Decoder(_WatchEvent).decode
_decode_header: Final = msgspec.json.Decoder(_Header).decode
_decode_whole: Final = msgspec.json.Decoder(_Whole).decode
decode_page: Final = msgspec.json.Decoder(Page).decode


class Written(NamedTuple):
    """What the server keeps beside an object's content; no part of a World, and no reason for a new one."""

    uid: str
    generation: int
    """Counts the changes of the content."""
    version: str
    """The resourceVersion, which counts all changes."""
    status: bytes
    """As JSON; empty if there is none."""


class Known(NamedTuple):
    """What became of one object: itself, or why there is none."""

    object: KubeObject | None
    diagnostics: tuple[Diagnostic, ...]
    written: Written | None = None
    """None for kinds whose status is nobody's business here."""

    def says(self, other: Known | None) -> bool:
        """Whether the content is that of the other."""
        return other is not None and self[:2] == other[:2]


class Reflector:
    """What is known of one kind. Not for use from several threads at a time."""

    __slots__ = ("_known", "_listing", "kind", "source", "synced", "version")

    def __init__(self, source: str, kind: type[KubeObject]) -> None:
        """`source` is the name under which its events go."""
        self.source = source
        self.kind = kind
        self.version: str | None = None
        """The resourceVersion to watch from; None: list first."""
        self.synced = False
        """Whether a listing was ever complete."""
        self._known: dict[ObjectKey, Known] = {}
        self._listing: dict[ObjectKey, Known] | None = None

    def __len__(self) -> int:
        """How many objects there are."""
        return len(self._known)

    @property
    def known(self) -> Mapping[ObjectKey, Known]:
        """What there is of the kind, as the server said it last. It changes with what is taken in."""
        return self._known

    def begin(self) -> None:
        """Begin a listing. What is known stays until it is complete."""
        self._listing = {}

    def add(self, items: Iterable[msgspec.Raw | bytes]) -> None:
        """Take in objects of the listing. Raises BrokenWatchError for what has not even a name."""
        listing = self._listing
        if listing is None:
            msg = "no listing was begun"
            raise RuntimeError(msg)
        for item in items:
            key, found = self._decoded(item)
            before = self._known.get(key)
            if before is not None and before.object == found.object:
                found = found._replace(object=before.object)  # the one that the World holds, or it would be kept twice
            listing[key] = found

    def complete(self, version: str) -> Batch:
        """End the listing, from which `version` goes on; return what it changes. The first one says all that there
        is.
        """
        listing, self._listing = self._listing or {}, None
        before, self._known, self.version = self._known, listing, version
        events: list[Event] = []
        for key, found in listing.items():
            if self.synced:
                events += self._differences(key, before.get(key), found)
            else:
                events += self._first(key, found)
        if self.synced:
            for key in sorted(before.keys() - listing.keys()):
                events += self._gone(key, before[key])
            return tuple(events)
        self.synced = True
        return (Init(source=self.source), *events, InitDone(source=self.source))

    def forget(self) -> Batch:
        """The server does not serve this kind: there are no objects of it."""
        self.begin()
        batch = self.complete("")
        self.version = None
        return batch

    def lost(self) -> None:
        """List again before the next watch."""
        self.version = self._listing = None

    def watched(self, lines: Iterable[bytes]) -> Batch:
        """Take in lines of a watch, each a JSON event; return what they change.

        Raises InterruptedWatchError for an event that says that the watch has failed, or a line that is none: it holds
        what came before in `lines`, which has been taken in, and the ExpiredError, KubeApiError or BrokenWatchError.
        """
        events: list[Event] = []
        try:
            for line in lines:
                if line.strip():
                    events += self._event(line)
        except (ExpiredError, BrokenWatchError, KubeApiError) as error:
            raise InterruptedWatchError(tuple(events), error) from error
        return tuple(events)

    def _event(self, line: bytes) -> Iterable[Event]:
        try:
            event = _decode_event(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            msg = f"a line of the watch is no event: {error}"
            raise BrokenWatchError(msg) from error
        if event.type == "ERROR":
            raise _failure(event.object)
        if event.type == "BOOKMARK":
            return self._bookmark(event.object)
        if event.type == "DELETED":
            return self._deleted(event.object)
        if event.type not in {"ADDED", "MODIFIED"}:
            msg = f"the watch has an event of the unknown type {event.type[:40]!r}"
            raise BrokenWatchError(msg)
        key, found = self._decoded(event.object)
        if self._listing is not None:
            self._listing[key] = found
            return ()
        self.version = _meta(event.object).resource_version or self.version
        before = self._known.get(key)
        if before is not None and found.says(before):
            found = found._replace(object=before.object)  # the one that the World holds, or it would be kept twice
        self._known[key] = found
        return self._differences(key, before, found)

    def _deleted(self, data: msgspec.Raw) -> Iterable[Event]:
        meta = _meta(data)
        key = self._key(meta)
        if self._listing is not None:
            self._listing.pop(key, None)
            return ()
        self.version = meta.resource_version or self.version
        before = self._known.pop(key, None)
        return self._gone(key, before) if before is not None else ()

    def is_behind(self, version: str) -> None:
        """Raise ExpiredError if the server's resourceVersion is older than ours: it was restored from a backup, and a
        watch from our version would bring nothing until it is there again. Versions can be compared as numbers
        (KEP-5504).
        """
        ours = self.version
        if ours and version.isdecimal() and ours.isdecimal() and int(version) < int(ours):
            msg = f"the server has gone back from version {ours} to {version}"
            raise ExpiredError(msg)

    def _bookmark(self, data: msgspec.Raw) -> Iterable[Event]:
        meta = _meta(data)
        self.is_behind(meta.resource_version)
        if self._listing is not None:
            if (meta.annotations or {}).get(INITIAL_EVENTS_END) == "true":
                return self.complete(meta.resource_version)
            return ()
        self.version = meta.resource_version or self.version
        return ()

    @property
    def listing(self) -> bool:
        """Whether a listing has begun and is not complete."""
        return self._listing is not None

    def _decoded(self, data: msgspec.Raw | bytes) -> tuple[ObjectKey, Known]:
        decoded = decode_bytes(bytes(data), self.kind)
        key = decoded.key or self._key(_meta(data))
        return key, Known(decoded.object, decoded.diagnostics, written_of(data) if self.kind in ISTIO_KINDS else None)

    def _key(self, meta: _Meta) -> ObjectKey:
        if not meta.name:
            msg = f"there is a {self.kind.KIND} without a name"
            raise BrokenWatchError(msg)
        return ObjectKey(self.kind.KIND, "" if self.kind.KIND in CLUSTER_SCOPED else meta.namespace, meta.name)

    def _first(self, key: ObjectKey, found: Known) -> Iterable[Event]:
        if found.object is None:
            return (Failed(source=self.source, subject=key, diagnostics=found.diagnostics),)
        return (InitApply(source=self.source, key=key, object=found.object, diagnostics=found.diagnostics),)

    def _differences(self, key: ObjectKey, before: Known | None, found: Known) -> Iterable[Event]:
        if found.says(before):
            return ()
        if found.object is None:
            return (Failed(source=self.source, subject=key, diagnostics=found.diagnostics),)
        apply = Apply(source=self.source, key=key, object=found.object, diagnostics=found.diagnostics)
        if before is not None and before.object is None:
            return (Failed(source=self.source, subject=key), apply)
        return (apply,)

    def _gone(self, key: ObjectKey, before: Known) -> Iterable[Event]:
        gone = Delete(source=self.source, key=key)
        return (gone,) if before.object is not None else (Failed(source=self.source, subject=key), gone)


class InterruptedWatchError(Exception):
    """A watch has ended in the middle of some lines."""

    def __init__(self, batch: Batch, cause: Exception) -> None:
        """`batch` is what came before."""
        super().__init__(str(cause))
        self.batch = batch
        self.cause = cause


def _meta(data: msgspec.Raw | bytes) -> _Meta:
    try:
        return _decode_header(data).metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"an object without metadata: {error}"
        raise BrokenWatchError(msg) from error


def written_of(data: msgspec.Raw | bytes) -> Written:
    """Return what the server keeps beside an object's content. Raises BrokenWatchError for what is no object."""
    try:
        whole = _decode_whole(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"an object without metadata: {error}"
        raise BrokenWatchError(msg) from error
    meta = whole.metadata
    return Written(meta.uid, meta.generation, meta.resource_version, bytes(whole.status))


def _failure(data: msgspec.Raw) -> Exception:
    try:
        status = decode_status(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BrokenWatchError(f"an error that says nothing: {error}")
    return ExpiredError(status.message) if status.code == _GONE else status.error()
