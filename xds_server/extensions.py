"""Finds extensions: functions that other packages offer under the entry-point group `pilotfish.extensions`."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import Final

from translators.extensions import NamedExtension

log = logging.getLogger(__name__)

GROUP: Final = "pilotfish.extensions"


def load_extensions() -> tuple[NamedExtension, ...]:
    """Return the extensions that are installed, sorted by name. One that cannot be loaded is logged and left out."""
    found = []
    for entry_point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            function = entry_point.load()
        except Exception:
            log.exception("the extension %s (%s) cannot be loaded", entry_point.name, entry_point.value)
            continue
        log.info("extension %s (%s)", entry_point.name, entry_point.value)
        found.append(NamedExtension(entry_point.name, function))
    return tuple(found)
