"""`pilotfish serve` with its order on the wire made slow, and wrong if asked: how tests show that they would notice.

`misordered.py right|wrong serve …`. Both pause between any two responses of a push, as a slow network would. `right`
keeps the order and the waiting; `wrong` sends each push backwards (removals first, routes before their clusters) and
waits for nothing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import grpc.aio

from xds_server.cli.main import main
from xds_server.protocol import DeltaStream, SotwStream
from xds_server.protocol.stream import BaseStream

if TYPE_CHECKING:
    from xds_server.protocol import Outgoing

PAUSE_SECONDS = 0.02


def slow_down() -> None:
    """Pause before each response."""
    write = grpc.aio.ServicerContext.write
    del write


def turn_round() -> None:
    """Send each push backwards, and wait for no answer."""
    for variant in (DeltaStream, SotwStream):
        _reverse(variant)
    BaseStream._can_wait = lambda _: False


if __name__ == "__main__":
    slow_down()
    if sys.argv.pop(1) == "wrong":
        turn_round()
    main()
