"""The endpoints of a service, with what there is to say about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.model.meta import Value

if TYPE_CHECKING:
    from translators.model.origin import Diagnostic
    from translators.model.service import Endpoint


class EndpointSet(Value, frozen=True, kw_only=True):
    """All endpoints of one service. Compared by identity, as what a memoised step returns."""

    endpoints: tuple[Endpoint, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
