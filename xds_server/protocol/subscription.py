"""What a client wants of one type: a state machine over names and the wildcard, one instance per stream and type.

Each rule names its sentence in the xDS protocol, sections "How the client specifies what resources to return" (HOW) and
"Unsubscribing From Resources" (UNSUB): https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
or in the comments of discovery.proto (PROTO):
https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto#service-discovery-v3-deltadiscoveryrequest
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Final

from translators.resources import ENDPOINT, EXTENSION, ROUTE, SECRET

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

WILDCARD: Final = "*"

NAMED_ONLY: Final = frozenset({ENDPOINT, ROUTE, SECRET, EXTENSION})
"""Types of which a request without names never means everything: Envoy and gRPC send exactly that when the last cluster
or listener goes (rule 21). HOW: "For Listener and Cluster resource types, there is also a wildcard subscription"; Envoy
uses the legacy form for scoped routes and virtual hosts too (rule 22). An explicit "*" is taken for any type.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one request did to a subscription. All names are sorted, and never hold "*"."""

    subscribed: tuple[str, ...] = ()
    unsubscribed: tuple[str, ...] = ()
    wildcard: bool | None = None
    """True: everything is asked for (again, in delta); False: no longer; None: as before."""
    owed: tuple[str, ...] = ()
    """Names that must be answered whatever was sent before, with the resource or (in delta) with its absence."""

    def __bool__(self) -> bool:
        """Whether anything changed or must be answered."""
        return bool(self.subscribed or self.unsubscribed or self.owed or self.wildcard is not None)

    @property
    def owes(self) -> bool:
        """Whether the request must be answered."""
        return bool(self.owed or self.wildcard)


UNCHANGED: Final = Change()


class Subscription:
    """The names that a client subscribed to explicitly, and whether it has the wildcard."""

    __slots__ = ("_legacy", "names", "wildcard")

    def __init__(self, *, legacy: bool) -> None:
        """`legacy`: a client that never named anything means everything (`type_url not in NAMED_ONLY`)."""
        self._legacy = legacy
        self.names: set[str] = set()
        self.wildcard = False

    def __bool__(self) -> bool:
        """Whether anything is subscribed to; nothing is ever sent to a type without a subscription (rule 67)."""
        return self.wildcard or bool(self.names)

    def wants(self, name: str) -> bool:
        """Whether a resource of this name, if it exists, is for this client."""
        return self.wildcard or name in self.names

    def among(self, names: Collection[str]) -> bool:
        """Whether a state-of-the-world request with these names says what is known already (a plain ACK)."""
        if not names:
            # HOW: "all requests on the stream for that resource type have had an empty resource_names field".
            return not self.names and self.wildcard == self._legacy
        # Loops in C over the message's own container; the legacy form is over with any name.
        return not self.wildcard and len(names) == len(self.names) and self.names.issuperset(names)

    def replace(self, names: Collection[str]) -> Change:
        """Take in the `resource_names` of a state-of-the-world request.

        UNSUB: "each request must contain the full list of resource names being subscribed to".
        """
        if self._legacy and not names:
            # HOW, in SotW: "Client sends a request with resource_names unset. Server interprets this as a subscription
            # to *". It stays so until a name is given (rule 22).
            return Change(wildcard=self._switch(wanted=True))
        # HOW: "once the client does explicitly subscribe to a resource name (whether it be * or any other name), then
        # this legacy semantic is no longer available; at that point, clearing the list of subscribed resources is
        # interpreted as an unsubscription" (rules 21 and 24).
        self._legacy = False
        wanted = set(names)
        # HOW, in SotW: "continuing the existing subscription to *" needs no answer; being without "*" ends it.
        wildcard = self._switch(wanted=WILDCARD in wanted)
        wanted.discard(WILDCARD)
        dropped = self.names - wanted
        added = _shared(wanted - self.names)
        self.names -= dropped
        self.names |= added
        return Change(
            subscribed=tuple(sorted(added)),
            unsubscribed=tuple(sorted(dropped)),
            wildcard=wildcard,
            # HOW: "the server must resend any newly requested resources, even if it previously sent those resources
            # without having been asked for them and the resources have not changed since that time" (rule 19).
            owed=tuple(sorted(added)),
        )

    def update(self, subscribe: Collection[str], unsubscribe: Collection[str]) -> Change:
        """Take in the two lists of a delta request. A name in both stays subscribed."""
        if not subscribe and not unsubscribe and (self.wildcard or not self._legacy):
            return UNCHANGED
        wildcard: bool | None = None
        if self._legacy and not subscribe and not self.wildcard:
            # HOW, in incremental: "Client sends a request with resource_names_subscribe unset. Server interprets this
            # as a subscription to *" (rule 43).
            wildcard = self._switch(wanted=True)
        if subscribe or WILDCARD in unsubscribe:
            # HOW: "Although the set of subscribed resources is now empty, […] it is not interpreted as a wildcard
            # subscription". An unsubscription from "*" ends the legacy form too, or a client could never be rid of it.
            self._legacy = False
        dropped, given_back = self._unsubscribe(unsubscribe)
        if WILDCARD in unsubscribe:
            # The server "interprets this as unsubscribing to * and continuing the existing subscription to A" (HOW);
            # the client drops the rest without being told (rule 44).
            wildcard = self._switch(wanted=False)
            given_back = set()
        added = _shared(subscribe)
        if WILDCARD in added:
            added.discard(WILDCARD)
            self.wildcard = wildcard = True
        self.names |= added
        return Change(
            subscribed=tuple(sorted(added)),
            unsubscribed=tuple(sorted(dropped - added)),
            wildcard=wildcard,
            # PROTO: "the server must respond with all resources listed in resource_names_subscribe, even if it believes
            # the client has the most recent version of them. The reason: the client may have dropped them" (rule 39).
            owed=tuple(sorted(added | given_back)),
        )

    def _unsubscribe(self, names: Collection[str]) -> tuple[set[str], set[str]]:
        """Take out names; return those that were subscribed to, and those that the wildcard still covers.

        PROTO: a client with a wildcard subscription that unsubscribes from a name does not know whether the resource is
        part of the wildcard, so the server must answer with the resource, or with its removal (rule 42). A name that
        was not subscribed to is passed over (rule 40).
        """
        dropped = self.names.intersection(names)
        self.names -= dropped
        return dropped, set(dropped) if self.wildcard else set()

    def _switch(self, *, wanted: bool) -> bool | None:
        """Switch the wildcard; None if it stood so already."""
        if wanted == self.wildcard:
            return None
        self.wildcard = wanted
        return wanted


def _shared(names: Iterable[str]) -> set[str]:
    """Make a set of names that all streams hold in one copy: a thousand streams subscribe to the same clusters."""
    return {intern(name) for name in names}
