"""The CORS filter's configuration on a route (reference 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy as Cors

from translators.messages import set_string_match, set_whole_percent

if TYPE_CHECKING:
    from translators.model.virtual_service import CorsPolicy

FILTER: Final = "envoy.filters.http.cors"


def cors_of(policy: CorsPolicy) -> Cors:
    """Return the filter's configuration. A preflight request that no origin allows goes on to the service, unless
    `unmatchedPreflights` is IGNORE.
    """
    out = Cors(
        allow_methods=",".join(policy.allow_methods),
        allow_headers=",".join(policy.allow_headers),
        expose_headers=",".join(policy.expose_headers),
    )
    for origin in policy.allow_origins:
        set_string_match(out.allow_origin_string_match.add(), origin)
    if not policy.allow_origins:
        for exact in policy.allow_origin:
            out.allow_origin_string_match.add().exact = exact
    set_whole_percent(out.filter_enabled.default_value, 100)
    if policy.allow_credentials is not None:
        out.allow_credentials.value = policy.allow_credentials
    if policy.max_age is not None:
        out.max_age = str(policy.max_age.seconds)
    out.forward_not_matching_preflights.value = policy.unmatched_preflights != "IGNORE"
    return out
