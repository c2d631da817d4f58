"""What any service may say about its audience: exportTo, which namespaces see it (reference 3.4), and who is near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYONE: Final = ("*",)
DISTRIBUTION_ANNOTATION: Final = "networking.istio.io/traffic-distribution"
SAME_NODE: Final = "PreferSameNode"
DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", SAME_NODE)
NOBODY: Final = ("~",)


def resolved_export_to(export_to: Sequence[str], default: Sequence[str], namespace: str) -> tuple[str, ...]:
    """Return who sees an object of `namespace`: `("*",)`, `("~",)` or sorted namespace names.

    `default` is what the mesh says for objects that say nothing. A `*` makes the other entries meaningless; `.` is the
    object's own namespace.
    """
    names = export_to or default or EVERYONE
    if "*" in names:
        return EVERYONE
    seen = {namespace if name == "." else name for name in names if name != "~"}
    return tuple(sorted(seen)) or NOBODY


def is_visible(export_to: tuple[str, ...], client_namespace: str) -> bool:
    """Whether a client in `client_namespace` sees an object with this resolved exportTo."""
    return export_to is EVERYONE or "*" in export_to or client_namespace in export_to
