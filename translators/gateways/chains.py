"""The filter chains of a port with TLS or TCP servers, and what goes with them (reference 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.gateways.filter_chains import https_chain
from translators.gateways.tls_context import certificates_of
from translators.model.codes import diagnose
from translators.model.origin import Origin

if TYPE_CHECKING:
    from translators.gateways.attached import Attached
    from translators.gateways.filter_chains import ChainFragment
    from translators.gateways.route_tables import RouteTables
    from translators.gateways.servers import MergedPort, TlsServer
    from translators.model.origin import Diagnostic


class PortChains:
    """Builds the filter chains of one proxy's ports in one pass. What did not change is looked up."""

    __slots__ = ("_attached", "_tables", "diagnostics", "terminating")

    def __init__(self, attached: Attached, tables: RouteTables) -> None:
        """Take VirtualServices from `attached`, and RouteConfigurations from `tables`."""
        self._attached = attached
        self._tables = tables
        self.diagnostics: list[Diagnostic] = []
        self.terminating: list[TlsServer] = []
        """The servers that need certificates."""

    def of(self, port: MergedPort) -> list[ChainFragment]:
        """Return the chains of a port. There may be none: then the port needs no listener."""
        found: list[ChainFragment] = []
        for server in port.tls:
            if server.terminates and not self._has_certificates(server):
                continue
            if server.serves_http:
                found += self._https(port, server)
        return found

    def _https(self, port: MergedPort, server: TlsServer) -> list[ChainFragment]:
        name = server.route_name
        if name in self._tables.made:
            hint = "give each server of this Gateway a port name of its own"
            where = Origin(server.field.key, f"{server.field.path}.port.name")
            self.diagnostics.append(
                diagnose("PF0307", f"another server has the routes {name} already", where, hint=hint)
            )
            return []
        self._tables.make(server)
        names = " ".join(server.server_names)
        mesh = self._attached.world.mesh
        return [
            self._attached.steps.step(https_chain, server.gateway, server.index, names, name, port.listener_name, mesh)
        ]

    def _has_certificates(self, server: TlsServer) -> bool:
        """Whether the certificates of a server can reach the proxy; if not, the server is left out, with a diagnostic.

        Envoy would wait for a Secret that does not come before it listens, and at its start for ever (ADR 0006).
        """
        tls = server.tls
        if tls is None:
            return False
        of_mesh = tls.mode == "ISTIO_MUTUAL"
        named = [name for name in certificates_of(tls).names if not name.startswith("file-")]
        if not of_mesh and (self._attached.view.authenticated or not named):
            self.terminating.append(server)
            return True
        what = (
            "mode ISTIO_MUTUAL uses certificates of the mesh" if of_mesh else f"the certificate {named[0]} is a Secret"
        )
        self.diagnostics.append(
            diagnose(
                "PF0356",
                f"{what}, which only a proxy gets that has proved its identity (authenticated xDS): this server is "
                "left out, others on its port are not affected",
                Origin(server.field.key, f"{server.field.path}.tls"),
                hint="name files on the proxy: serverCertificate and privateKey, and caCertificates to check clients",
            )
        )
        return False
