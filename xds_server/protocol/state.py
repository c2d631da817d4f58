"""One type on one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xds_server.protocol.ledger import Ledger
from xds_server.protocol.subscription import NAMED_ONLY, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.resources import TypeSet
    from xds_server.protocol.ledger import TypeStatus
    from xds_server.protocol.trials import Trials

_NOTHING: frozenset[str] = frozenset()


class TypeState:
    """What the client subscribed to, what it was sent, what it answered."""

    __slots__ = ("base", "held", "ledger", "owed", "subscription", "trials", "version_brought")

    def __init__(self, type_url: str) -> None:
        self.subscription = Subscription(legacy=type_url not in NAMED_ONLY)
        self.ledger = Ledger()
        self.base: TypeSet | None = None
        """What was offered last, without what the client has rejected since: it was sent all of this that it subscribed
        to. None before the first answer.
        """
        self.held: dict[str, str] = {}
        """Until the first answer: the versions that a delta client says it kept from an earlier stream."""
        self.version_brought = ""
        """The version of the whole that a state-of-the-world client says it kept."""
        self.owed: frozenset[str] = _NOTHING
        """Names that are answered with the next push, whatever was sent before."""
        self.trials: Trials | None = None
        """How the culprit of a rejected response is being found; None: there is nothing to find."""

    def owe(self, names: Iterable[str]) -> None:
        """Have names answered with the next push."""
        self.owed = self.owed.union(names)

    def settle_debts(self) -> frozenset[str]:
        """Return the names that are owed, and owe nothing any more."""
        owed, self.owed = self.owed, _NOTHING
        return owed

    def behind(self, wanted: TypeSet) -> set[str]:
        """Return the names of what the client asked for and has not accepted as it is in `wanted`."""
        wants, base = self.subscription.wants, self.base
        if base is None:
            return {name for name in wanted.resources if wants(name)}
        names = self.ledger.newer()
        if base.total != wanted.total:
            held = base.resources
            names.update(n for n, r in wanted.resources.items() if (h := held.get(n)) is None or h.version != r.version)
        return {name for name in names if name in wanted.resources and wants(name)}

    def status(self, rejected: Iterable[str], error: str) -> TypeStatus:
        """Sum up for people."""
        wants, base = self.subscription, self.base
        if base is None:
            return self.ledger.status(0, rejected, error)
        held = len(base.resources) if wants.wildcard else sum(name in base.resources for name in wants.names)
        return self.ledger.status(held, rejected, error)
