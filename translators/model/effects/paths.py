"""How tables of effects are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def under(prefixes: Iterable[str], effects: Mapping[str, str]) -> dict[str, str]:
    """Return the effects of a message at each of the places where it stands; the name "" is the message itself."""
    return {f"{prefix}.{name}" if name else prefix: effect for prefix in prefixes for name, effect in effects.items()}
