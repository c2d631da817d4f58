"""How the webhook's objects in a cluster are called."""

from __future__ import annotations

from typing import Final

SECRET: Final = "pilotfish-webhook"  # noqa: S105 - a name
CONFIGURATION: Final = "pilotfish-sidecar-injector"
SERVICE: Final = "pilotfish"
PORT: Final = 15017
PATH: Final = "/inject"
