"""`pilotfish serve` with the protocol's order turned round: how the tests of lost requests show that they can fail.

Each push goes out backwards (removals first, routes before the clusters that they name), and nothing waits for an
answer of the client. Run it as the module is run: `misordered.py serve --config …`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xds_server.cli.main import main
from xds_server.protocol import DeltaStream, Encoder, SotwStream
from xds_server.protocol.passage import Stage

if TYPE_CHECKING:
    from xds_server.protocol import Outgoing
    from xds_server.protocol.stream import BaseStream


def backwards(variant: type[BaseStream[Any]]) -> None:
    """Have a variant send what is due in the reverse order."""
    due = variant._due

    def reversed_due(*arguments: Any) -> list[Outgoing]:
        return due(*arguments)[::-1]

    variant._due = reversed_due  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    backwards(DeltaStream)
    backwards(SotwStream)
    Encoder.passage = lambda _, _held, target, _waiting: (Stage(snapshot=target),)  # type: ignore[assignment, method-assign]
    main()
