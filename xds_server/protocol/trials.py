"""Whose fault a rejected response was. Envoy names the bad clusters and listeners, and applies the rest; of the other
types it stops in the order of a hash table, and names nothing. What it names is the culprit. Otherwise what was in the
response is sent again in halves, one at a time, until one resource is rejected alone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from translators.resources import Resource
    from xds_server.protocol.ledger import Ledger

TRIAL_PATIENCE: Final = 5.0
"""Seconds that a trial waits for its answer. Silence proves nothing: the next one goes, and nobody is blamed."""

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

    def busy(self, ledger: Ledger, now: float) -> bool:
        """Whether the trial under way may still be answered; before the first, whether anything is: answers can get
        lost where they pile up (xds-protocol section 0, item 2).
        """
        if not ledger.waiting or now >= self.deadline:
            return False
        return not self.serial or ledger.waiting[0][0].serial <= self.serial


def mentioned(text: str, resources: Iterable[Resource]) -> list[Resource]:
    """Return the resources that a NACK names: as `name: what is wrong`, which is how Envoy and gRPC begin what they say
    about each; else wherever it names any.
    """
    text = text[:_SEARCHED]
    found = [resource for resource in resources if names(text, resource.name)]
    return [resource for resource in found if names(text, resource.name, before=": ")] or found


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
