"""google.protobuf.Duration fields, set in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration as ProtoDuration

    from translators.model.common import Duration

_NANOS: Final = 1_000_000_000


def set_duration(field: ProtoDuration, value: Duration) -> None:
    """Write a duration into a message's field, which is present afterwards even if the duration is 0.

    It must not be negative: validation refuses that, and Envoy has no use for it.
    """
    field.seconds, field.nanos = divmod(value, _NANOS)
