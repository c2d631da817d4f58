"""The flags of `serve` that limit what streams may cost."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import click

from xds_server.cli.span import Span
from xds_server.transport.limits import StreamLimits

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT: Final = StreamLimits()

_OPTIONS: Final = (
    click.option(
        "--max-streams",
        "streams",
        type=click.IntRange(min=0),
        default=_DEFAULT.streams,
        show_default=True,
        envvar="PILOTFISH_MAX_STREAMS",
        help="Streams open at once; 0: no limit.",
    ),
    click.option(
        "--max-streams-per-second",
        "streams_per_second",
        type=click.FloatRange(min=0),
        default=_DEFAULT.streams_per_second,
        show_default=True,
        envvar="PILOTFISH_MAX_STREAMS_PER_SECOND",
        help="New streams a second; others wait up to 5s, then are refused; 0: no limit.",
    ),
    click.option(
        "--max-subscriptions",
        "subscriptions",
        type=click.IntRange(min=1),
        default=_DEFAULT.subscriptions,
        show_default=True,
        envvar="PILOTFISH_MAX_SUBSCRIPTIONS",
        help="Names of one type that a stream may subscribe to.",
    ),
    click.option(
        "--max-message-size",
        "message_size",
        type=click.IntRange(min=1),
        default=_DEFAULT.message_size,
        show_default=True,
        envvar="PILOTFISH_MAX_MESSAGE_SIZE",
        help="Bytes of one request.",
    ),
    click.option(
        "--max-connection-age",
        "connection_age",
        type=Span(),
        default="30m",
        show_default=True,
        envvar="PILOTFISH_MAX_CONNECTION_AGE",
        help="Age at which a stream ends (and comes back to any replica), 10% more or less; 0s: never.",
    ),
    click.option(
        "--first-message-timeout",
        "first_message",
        type=Span(),
        default="15s",
        show_default=True,
        envvar="PILOTFISH_FIRST_MESSAGE_TIMEOUT",
        help="Time within which a stream must say who it is.",
    ),
    click.option(
        "--write-timeout",
        "write_deadline",
        type=Span(),
        default="1m",
        show_default=True,
        envvar="PILOTFISH_WRITE_TIMEOUT",
        help="Time after which a proxy that does not read is cut off.",
    ),
)

_FIELDS: Final = frozenset(f.name for f in fields(StreamLimits))


def stream_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add the flags to a click command, which receives them together as its parameter `limits`."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        given = {name: kwargs.pop(name) for name in list(kwargs) if name in _FIELDS}
        kwargs["limits"] = StreamLimits(**given)  # type: ignore[arg-type] # click has converted each to its field's type
        return function(*args, **kwargs)

    decorated: Callable[P, R] = wrapper
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
