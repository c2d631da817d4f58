"""FilterChains of listeners that take TLS or plain TCP; each is encoded once (reference 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.extensions.transport_sockets.quic.v3.quic_transport_pb2 import QuicDownstreamTransport

from translators.gateways.connection_manager import set_connection_manager
from translators.gateways.tls_context import HTTP3_ALPN, HTTP_ALPN, certificates_of, tls_context
from translators.messages import pack
from translators.model.meta import Value
from translators.model.origin import Origin
from translators.resources import CLUSTER, ROUTE, SECRET, length_delimited

if TYPE_CHECKING:
    from translators.gateways.l4_routes import L4Route
    from translators.model.gateway import Gateway, ServerTLSSettings
    from translators.model.mesh_config import MeshConfig
    from translators.model.meta import ObjectKey
    from translators.recorder import Recorder
    from translators.resources import Note

_FILTER_CHAINS: Final = 3
"""The field number of Listener.filter_chains."""
_TLS_SOCKET: Final = "envoy.transport_sockets.tls"
_QUIC_SOCKET: Final = "envoy.transport_sockets.quic"
_HANDSHAKE_SECONDS: Final = 15
"""Istio's PILOT_GATEWAY_TRANSPORT_SOCKET_CONNECT_TIMEOUT: how long a client may take for its TLS handshake."""


class ChainFragment(Value, frozen=True, kw_only=True):
    """A FilterChain, encoded as the field `filter_chains` of a Listener, and what the listener must know of it."""

    body: bytes
    origins: tuple[ObjectKey, ...]
    refs: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]


def https_chain(
    gateway: Gateway,
    index: int,
    server_names: str,
    route_name: str,
    listener_name: str,
    mesh: MeshConfig,
    quic: bool,  # noqa: FBT001 - a step's arguments are positional
    *,
    recorder: Recorder,
) -> ChainFragment:
    """Memoised step: build the chain of an HTTPS server that terminates TLS; `server_names` are joined by spaces.
    `quic`: it is for HTTP/3.
    """
    server = gateway.spec.servers[index]
    chain = FilterChain()
    chain.filter_chain_match.server_names.extend(server_names.split())
    set_connection_manager(
        chain.filters.add(),
        route_name,
        # Istio's one use of a server's name.
        server.name or f"outbound_{listener_name};",
        mesh,
        grpc_web=False,
        http3=quic,
    )
    refs: tuple[tuple[str, str], ...] = ((ROUTE, route_name),)
    if server.tls is not None:
        refs += (_set_quic if quic else _set_tls)(chain, server.tls, mesh)
    if recorder.active:
        note_server(recorder, chain, Origin(gateway.key, f"spec.servers[{index}]"))
    return fragment(chain, (gateway.key,), refs, recorder)


def l4_chain(
    route: L4Route,
    server_names: str,
    subnets: str,
    gateway: Gateway | None,
    index: int,
    mesh: MeshConfig,
    *,
    recorder: Recorder,
) -> ChainFragment:
    """Memoised step: build the chain of a TLS or TCP route, for some names and networks, each joined by spaces; empty:
    all. The server in `gateway.spec.servers[index]` terminates TLS; None: nobody does.
    """
    chain = FilterChain()
    chain.filter_chain_match.server_names.extend(server_names.split())
    for subnet in subnets.split():
        address, _, length = subnet.partition("/")
        chain.filter_chain_match.prefix_ranges.add(address_prefix=address).prefix_len.value = int(length)
    chain.filters.append(route.filter)
    refs = tuple((CLUSTER, name) for name, _ in route.clusters)
    origins = route.origins
    if gateway is not None:
        origins += (gateway.key,)
        tls = gateway.spec.servers[index].tls
        if tls is not None:
            refs += _set_tls(chain, tls, mesh)
    if recorder.active:
        if gateway is not None:
            note_server(recorder, chain, Origin(gateway.key, f"spec.servers[{index}]"))
        recorder.note("", route.origin)
        if chain.filter_chain_match.server_names and gateway is None:
            recorder.note("filter_chain_match.server_names", Origin(route.origin.key, f"{route.origin.path}.sniHosts"))
        if subnets:
            field = f"{route.origin.path}.destinationSubnets"
            recorder.note("filter_chain_match.prefix_ranges", Origin(route.origin.key, field))
        recorder.include("filters[0].typed_config", route.notes)
    return fragment(chain, origins, refs, recorder)


def _set_tls(chain: FilterChain, tls: ServerTLSSettings, mesh: MeshConfig) -> tuple[tuple[str, str], ...]:
    """Let a chain terminate TLS; returns the references to its Secrets."""
    chain.transport_socket.name = _TLS_SOCKET
    pack(chain.transport_socket.typed_config, tls_context(tls, HTTP_ALPN, mesh.tls_defaults))
    chain.transport_socket_connect_timeout.seconds = _HANDSHAKE_SECONDS
    return tuple((SECRET, name) for name in certificates_of(tls).names)


def _set_quic(chain: FilterChain, tls: ServerTLSSettings, mesh: MeshConfig) -> tuple[tuple[str, str], ...]:
    """Let a chain of a UDP listener terminate QUIC; returns the references to its Secrets."""
    transport = QuicDownstreamTransport(downstream_tls_context=tls_context(tls, HTTP3_ALPN, mesh.tls_defaults))
    chain.transport_socket.name = _QUIC_SOCKET
    pack(chain.transport_socket.typed_config, transport)
    return tuple((SECRET, name) for name in certificates_of(tls).names)


def fragment(
    chain: FilterChain, origins: tuple[ObjectKey, ...], refs: tuple[tuple[str, str], ...], recorder: Recorder
) -> ChainFragment:
    """Encode a chain."""
    return ChainFragment(
        body=length_delimited(_FILTER_CHAINS, chain.SerializeToString(deterministic=True)),
        origins=origins,
        refs=refs,
        notes=recorder.notes(),
    )


def note_server(recorder: Recorder, chain: FilterChain, field: Origin) -> None:
    """Note which fields of a server are behind its chain."""
    recorder.note("", field)
    if chain.filter_chain_match.server_names:
        recorder.note("filter_chain_match.server_names", Origin(field.key, f"{field.path}.hosts"))
    if chain.HasField("transport_socket"):
        recorder.note("transport_socket", Origin(field.key, f"{field.path}.tls"))
