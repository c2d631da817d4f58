"""The endpoints of a service, with what there is to say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translators.model.origin import Diagnostic
    from translators.model.service import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EndpointSet:
    """All endpoints of one service. Compared by identity, as what a memoised step returns."""

    endpoints: tuple[Endpoint, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
