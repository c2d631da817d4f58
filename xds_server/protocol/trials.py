"""Whose fault a rejected response was.

Envoy names the bad clusters and listeners, and applies the rest, if it could decode all; of the other types it stops in
the order of a hash table, and names nothing. What it names is the culprit. Otherwise what was in the response is sent
again in halves, one at a time, until one resource is rejected alone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.resources import CLUSTER, LISTENER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from translators.resources import Resource, TypeSet
    from xds_server.protocol.ledger import Ledger
    from xds_server.protocol.step import Outgoing

TRIAL_PATIENCE: Final = 5.0
"""Seconds that a trial waits for its answer. Silence proves nothing: the next one goes, and nobody is blamed."""

NAMING: Final = frozenset({CLUSTER, LISTENER})
"""Types of which Envoy and gRPC say which resources of a response they reject."""

_APPLIED_IN_PART: Final = ("Error adding/updating ", "xDS response validation errors")
"""How Envoy and gRPC begin what they say if they have applied what is good in a response."""

_SEARCHED: Final = 1 << 16
"""Characters of a NACK's message in which resource names are looked for."""


class Trials:
    """The trials of one type on one stream. What is in `queue` is kept from the client until its turn."""

    __slots__ = ("deadline", "error", "queue", "serial")

    def __init__(self, error: str, now: float) -> None:
        """`error` is what the client said when it rejected them together."""
        self.error = error
        self.queue: deque[tuple[Resource, ...]] = deque()
        self.serial = 0
        """Of the last response of the trial under way; 0 until the first."""
        self.deadline = now + TRIAL_PATIENCE

    def split(self, suspects: tuple[Resource, ...]) -> None:
        """Have two halves of the suspects tried next."""
        middle = len(suspects) // 2
        self.queue.extendleft((suspects[middle:], suspects[:middle]))

    @property
    def pending(self) -> Iterator[Resource]:
        """What waits for its trial."""
        return (resource for group in self.queue for resource in group)

    def drop(self, served: Mapping[str, Resource]) -> list[str]:
        """Take out what is not served any more, under any version; return the names."""
        gone = sorted(r.name for r in self.pending if r.name not in served)
        if gone:
            groups = (tuple(r for r in group if r.name in served) for group in self.queue)
            self.queue = deque(group for group in groups if group)
        return gone

    def busy(self, ledger: Ledger, now: float) -> bool:
        """Whether the trial under way may still be answered; before the first, whether anything is: answers can get
        lost where they pile up (xds-protocol section 0, item 2).
        """
        if not ledger.waiting or now >= self.deadline:
            return False
        return not self.serial or ledger.waiting[0][0].serial <= self.serial


class Verdict(NamedTuple):
    """What a rejection says about the resources of a response."""

    suspects: list[Resource]
    """Who may be to blame."""
    certain: bool
    """Whether each of them is."""
    rest: list[Resource]
    """The others, if they have not been applied because of these."""
    in_part: bool = False
    """Whether the others have been applied."""


def judge(response: Outgoing, text: str, accepted: TypeSet | None) -> Verdict:
    """Judge a rejected response by what the client says (`text`), and by what it accepted before."""
    resources = list(response.resources)
    if response.type_url not in NAMING:
        return Verdict(resources, len(resources) == 1, [])
    # In state of the world most of what is in the response was there before.
    before = accepted.resources if accepted is not None else {}
    changed = [r for r in resources if (was := before.get(r.name)) is None or was.version != r.version] or resources
    text = text[:_SEARCHED]
    named = [resource for resource in resources if names(text, resource.name)]
    if not named:
        return Verdict(changed, len(changed) == 1, [])
    if text.startswith(_APPLIED_IN_PART):
        # Each is named before what is wrong with it, which may name others.
        culprits = [resource for resource in named if names(text, resource.name, before=": ")] or named
        return Verdict(culprits, certain=True, rest=[], in_part=True)
    # It could not be decoded or validated: Envoy prints the resource, and applies nothing of the whole response.
    return Verdict(named, len(named) == 1, [resource for resource in changed if resource not in named])


def names(text: str, name: str, *, before: str = "") -> bool:
    """Whether a text holds a name as a word of its own: `0.0.0.0_80` is not in `listener 0.0.0.0_8080`."""
    start = text.find(name) if name else -1
    while start >= 0:
        end = start + len(name)
        following = text[end : end + 2]
        ends = not following or not _goes_on(following[0]) or (following[0] == "." and not following[1:].isalnum())
        if ends and following.startswith(before) and (start == 0 or not _goes_on(text[start - 1])):
            return True
        start = text.find(name, start + 1)
    return False


def _goes_on(character: str) -> bool:
    return character.isalnum() or character in "_-|."
