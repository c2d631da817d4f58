"""What all objects made here are recognised by."""

from __future__ import annotations

from typing import Final

NAME: Final = "pilotfish"
"""Of the control plane's Deployment, Service, ServiceAccount and so on; also the manager of what is applied."""
GATEWAY: Final = "istio-ingressgateway"
"""Of the ingress gateway's objects: Istio's name, so that examples made for Istio find it."""

LABELS: Final = {"app.kubernetes.io/part-of": NAME}
"""On every object; `pilotfish install` overwrites no definition without it."""
