"""Kubernetes' quantities, such as 100m and 128Mi."""

from __future__ import annotations

import re
from typing import Final

_QUANTITY: Final = re.compile(r"(\d+(\.\d*)?|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?", re.ASCII)


def is_quantity(text: str) -> bool:
    """Whether Kubernetes would take a text as the quantity of a resource (resource.Quantity)."""
    return _QUANTITY.fullmatch(text) is not None
