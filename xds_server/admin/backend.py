"""What the HTTP endpoints read from: the runners of one server, and the questions that several endpoints ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from xds_server.admin.blame import fields_of, rejections
from xds_server.store import diagnostic_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from translators.model.origin import Diagnostic
    from translators.resources import ResourceSet
    from xds_server.admin.blame import Fields
    from xds_server.metrics import Metrics
    from xds_server.push import Push
    from xds_server.store import Store
    from xds_server.transport.server import AdsServer
    from xds_server.transport.stream import AdsStream

NO_FIELDS: Final[Fields] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The runners that the endpoints report on."""

    store: Store
    push: Push
    ads: AdsServer
    metrics: Metrics
    version: str
    addresses: Mapping[str, str]
    """`xds` and `http`, each with the port that was chosen; filled in when they listen."""
    others: list[Callable[[], Iterable[Diagnostic]]] = field(default_factory=list)
    """Whoever else has something to say."""

    @property
    def ready(self) -> bool:
        """Whether every source has synced, the first World is being served, and no stop has been asked for."""
        return self.store.synced and self.push.ready and not self.ads.stopping

    def streams(self) -> list[AdsStream[Any]]:
        """Return the connected proxies' streams, sorted by node id, then age."""
        return sorted(self.ads.streams, key=lambda s: (s.proxy.id, s.connected_at))

    def stream(self, proxy_id: str) -> AdsStream[Any] | None:
        """Return the newest stream of a proxy, by its node id or by `name.namespace`."""
        found = [s for s in self.streams() if proxy_id in (s.proxy.id, f"{s.proxy.name}.{s.proxy.namespace}")]
        return max(found, key=lambda s: s.connected_at, default=None)

    def served(self, stream: AdsStream[Any]) -> ResourceSet | None:
        """Return what a stream is meant to have."""
        return self.push.snapshot(stream)

    def diagnostics(self, fields: Fields = NO_FIELDS) -> tuple[Diagnostic, ...]:
        """Return all there is to say: of the sources, of the translations, and what proxies have rejected. Sorted.

        `fields`: see `blame.fields_of`.
        """
        found = dict.fromkeys(self.store.diagnostics())
        for other in self.others:
            found.update(dict.fromkeys(other()))
        for diagnostic in (*self.push.diagnostics(), *rejections(self.streams(), fields)):
            location = diagnostic.location
            if location is None and diagnostic.origin is not None:
                location = self.store.locate(diagnostic.origin)
            found[diagnostic._replace(location=location)] = None
        return tuple(sorted(found, key=diagnostic_order))

    async def blamed(self) -> tuple[Diagnostic, ...]:
        """Return the same, with the fields behind what proxies have rejected."""
        return self.diagnostics(await fields_of(self.streams(), self.served))
