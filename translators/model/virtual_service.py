"""Istio's VirtualService: how requests to a host are routed (networking.istio.io; reference 1.2)."""

from __future__ import annotations

from typing import ClassVar, Literal

from translators.model.common import Bytes, Duration, Int32, Percent, PortSelector, StringMatch, UInt32
from translators.model.meta import KubeObject, Struct

UnmatchedPreflights = Literal["UNSPECIFIED", "FORWARD", "IGNORE"]
RedirectPortSelection = Literal["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]


class Destination(Struct, frozen=True, kw_only=True):
    """A service, or a subset of it, and a port of it."""

    host: str = ""
    subset: str = ""
    port: PortSelector | None = None


class HeaderOperations(Struct, frozen=True, kw_only=True):
    """What to do to headers."""

    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: tuple[str, ...] = ()


class Headers(Struct, frozen=True, kw_only=True):
    """Header rules for requests and responses."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class HTTPMatchRequest(Struct, frozen=True, kw_only=True):
    """Conditions that must all hold."""

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: dict[str, StringMatch] = {}
    port: UInt32 = 0
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    query_params: dict[str, StringMatch] = {}
    ignore_uri_case: bool = False
    without_headers: dict[str, StringMatch] = {}
    source_namespace: str = ""
    stat_prefix: str = ""


class HTTPRouteDestination(Struct, frozen=True, kw_only=True):
    """One weighted destination of an HTTP route."""

    destination: Destination | None = None
    weight: Int32 = 0
    headers: Headers | None = None


class RouteDestination(Struct, frozen=True, kw_only=True):
    """One weighted destination of a TCP or TLS route."""

    destination: Destination | None = None
    weight: Int32 = 0


class HTTPRedirect(Struct, frozen=True, kw_only=True):
    """Answer with a redirect."""

    uri: str = ""
    authority: str = ""
    port: UInt32 | None = None
    derive_port: RedirectPortSelection | None = None
    scheme: str = ""
    redirect_code: UInt32 = 0
    """0 means 301."""
    prefix_rewrite: str = ""


class HTTPBody(Struct, frozen=True, kw_only=True):
    """A body, as text or as bytes."""

    string: str | None = None
    bytes: Bytes | None = None


class HTTPDirectResponse(Struct, frozen=True, kw_only=True):
    """Answer at once."""

    status: UInt32 = 0
    body: HTTPBody | None = None


class Delegate(Struct, frozen=True, kw_only=True):
    """Another VirtualService whose HTTP routes take this route's place."""

    name: str = ""
    namespace: str = ""


class RegexRewrite(Struct, frozen=True, kw_only=True):
    """Rewrite a path by a regular expression."""

    match: str = ""
    rewrite: str = ""


class HTTPRewrite(Struct, frozen=True, kw_only=True):
    """Change path or authority on the way to the destination."""

    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class HTTPRetry(Struct, frozen=True, kw_only=True):
    """When and how often to retry."""

    attempts: Int32 = 0
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: Duration | None = None


class CorsPolicy(Struct, frozen=True, kw_only=True):
    """Cross-origin resource sharing."""

    allow_origin: tuple[str, ...] = ()
    """Deprecated in favour of `allow_origins`."""
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: UnmatchedPreflights = "UNSPECIFIED"


class FaultDelay(Struct, frozen=True, kw_only=True):
    """Delay a share of the requests."""

    percent: Int32 = 0
    """Deprecated in favour of `percentage`."""
    fixed_delay: Duration | None = None
    exponential_delay: Duration | None = None
    percentage: Percent | None = None


class FaultAbort(Struct, frozen=True, kw_only=True):
    """Abort a share of the requests."""

    percent: Int32 = 0
    """Gone from today's API, in favour of `percentage`."""
    http_status: Int32 | None = None
    grpc_status: str = ""
    http2_error: str = ""
    percentage: Percent | None = None


class HTTPFaultInjection(Struct, frozen=True, kw_only=True):
    """Faults to inject."""

    delay: FaultDelay | None = None
    abort: FaultAbort | None = None


class HTTPMirrorPolicy(Struct, frozen=True, kw_only=True):
    """Send a copy of a share of the requests somewhere else."""

    destination: Destination | None = None
    percentage: Percent | None = None


class HTTPRoute(Struct, frozen=True, kw_only=True):
    """Conditions and what happens when one of them holds."""

    name: str = ""
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    direct_response: HTTPDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HTTPRewrite | None = None
    timeout: Duration | None = None
    retries: HTTPRetry | None = None
    fault: HTTPFaultInjection | None = None
    mirror: Destination | None = None
    mirrors: tuple[HTTPMirrorPolicy, ...] = ()
    mirror_percent: UInt32 | None = None
    """Deprecated in favour of `mirror_percentage`."""
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None


class TLSMatchAttributes(Struct, frozen=True, kw_only=True):
    """Conditions on a TLS connection that is not terminated."""

    sni_hosts: tuple[str, ...] = ()
    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TLSRoute(Struct, frozen=True, kw_only=True):
    """Route TLS connections by server name."""

    match: tuple[TLSMatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class L4MatchAttributes(Struct, frozen=True, kw_only=True):
    """Conditions on a TCP connection."""

    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_subnet: str = ""
    """Ignored by Istio as well."""
    source_labels: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


class TCPRoute(Struct, frozen=True, kw_only=True):
    """Route TCP connections."""

    match: tuple[L4MatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


class VirtualServiceSpec(Struct, frozen=True, kw_only=True):
    """Hosts, where the rules apply, and the rules."""

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()
    tls: tuple[TLSRoute, ...] = ()
    tcp: tuple[TCPRoute, ...] = ()
    export_to: tuple[str, ...] = ()


class VirtualService(KubeObject, frozen=True, kw_only=True):
    """Istio's VirtualService."""

    KIND: ClassVar[str] = "VirtualService"
    GROUP: ClassVar[str] = "networking.istio.io"

    spec: VirtualServiceSpec = VirtualServiceSpec()
