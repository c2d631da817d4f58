"""`pilotfish serve` with the protocol's order turned round: how the tests of lost requests show that they can fail.

Each push goes out backwards (removals first, routes before the clusters that they name), and nothing waits for an
answer of the client. Run it as the module is run: `misordered.py serve --config …`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xds_server.cli.main import main
from xds_server.protocol import DeltaStream, SotwStream
from xds_server.protocol.stream import BaseStream

if TYPE_CHECKING:
    from xds_server.protocol import Outgoing


def backwards(variant: type[BaseStream[Any]]) -> None:
    """Have a variant send what is due in the reverse order."""
    due = variant._due

    def reversed_due(*arguments: Any) -> list[Outgoing]:
        return due(*arguments)[::-1]

    variant._due = reversed_due  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    backwards(DeltaStream)
    backwards(SotwStream)
    BaseStream._can_wait = lambda _: False  # type: ignore[assignment, method-assign]
    main()
