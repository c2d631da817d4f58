"""The filter chains of a port with TLS or TCP servers, and what goes with them (reference 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.gateways.auto_passthrough import sni_dnat_chain
from translators.gateways.filter_chains import https_chain, l4_chain
from translators.gateways.l4_routes import l4_route_list
from translators.gateways.tls_context import certificates_of
from translators.model.codes import diagnose
from translators.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.gateways.attached import Attached
    from translators.gateways.filter_chains import ChainFragment
    from translators.gateways.l4_routes import L4Route
    from translators.gateways.route_tables import RouteTables
    from translators.gateways.servers import MergedPort, ServerGroup, TlsServer
    from translators.model.origin import Diagnostic
    from translators.routes.outline import Kind
    from translators.services.destination import Destination


class Claims:
    """Which connections of a port are spoken for: Envoy refuses a listener in which two chains match the same."""

    __slots__ = ("_taken", "diagnostics")

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], Origin] = {}
        """By name asked for and subnet connected to, both empty for any."""
        self.diagnostics: list[Diagnostic] = []

    def claim(self, names: tuple[str, ...], subnets: tuple[str, ...], owner: Origin) -> tuple[tuple[str, ...], ...]:
        """Take what nobody has, and return which of the names and of the subnets those are (either may be all: empty);
        nothing if there are none left.
        """
        free_subnets = tuple(s for s in subnets or ("",) if any((n, s) not in self._taken for n in names or ("",)))
        free_names = tuple(n for n in names or ("",) if all((n, s) not in self._taken for s in free_subnets))
        if len(free_names) * len(free_subnets) < len(names or ("",)) * len(subnets or ("",)):
            self._report(names, subnets, owner)
        if not free_names or not free_subnets:
            return ()
        self._taken.update(((n, s), owner) for n in free_names for s in free_subnets)
        return (free_names if names else (), free_subnets if subnets else ())

    def _report(self, names: tuple[str, ...], subnets: tuple[str, ...], owner: Origin) -> None:
        for name in names or ("",):
            for subnet in subnets or ("",):
                first = self._taken.get((name, subnet))
                if first is not None:
                    parts = (name and f"for {name}", subnet and f"to {subnet}")
                    which = " ".join(part for part in ("connections", *parts) if part)
                    self.diagnostics.append(
                        diagnose(
                            "PF0710",
                            f"{first} takes {which} before this",
                            owner,
                            hint="give one of the two another match, or join the VirtualServices",
                        )
                    )


class PortChains:
    """Builds the filter chains of one proxy's ports in one pass. What did not change is looked up."""

    __slots__ = ("_attached", "_tables", "destinations", "diagnostics", "terminating")

    def __init__(self, attached: Attached, tables: RouteTables) -> None:
        """Take VirtualServices from `attached`, and RouteConfigurations from `tables`."""
        self._attached = attached
        self._tables = tables
        self.diagnostics: list[Diagnostic] = []
        self.terminating: list[TlsServer] = []
        """The servers that need certificates."""
        self.destinations: dict[str, Destination] = {}
        """What the chains themselves lead to and that exists, by cluster name."""

    def of(self, port: MergedPort) -> list[ChainFragment]:
        """Return the chains of a port. There may be none: then the port needs no listener."""
        found: list[ChainFragment] = []
        claims = Claims()
        for group, field in zip(port.groups, port.fields, strict=False):
            found += self._or_say(self._tcp(group, claims), field)
        for server in port.tls:
            if server.kind in {"http", "tcp"} and not self._has_certificates(server):
                continue
            if server.kind == "http":
                found += self._https(port, server, claims)
            elif server.kind is None:
                found += self._automatic(server, claims)
            else:
                chains = self._passed_through if server.kind == "tls" else self._terminated
                found += self._or_say(chains(server, claims), server.field)
        self.diagnostics += claims.diagnostics
        return found

    def _or_say(self, chains: Iterator[ChainFragment], server: Origin) -> list[ChainFragment]:
        found = list(chains)
        if not found:
            self.diagnostics.append(
                diagnose(
                    "PF0357",
                    "no connection is taken by this server, since no VirtualService has a route for it",
                    server,
                    hint="write tcp routes for TCP, and for TLS that ends here; tls routes for TLS that passes through",
                )
            )
        return found

    def _tcp(self, group: ServerGroup, claims: Claims) -> Iterator[ChainFragment]:
        """Pass on what comes in as it is."""
        for route, _ in self._routes(group, "tcp"):
            if claimed := claims.claim((), route.subnets, route.origin):
                yield self._l4(route, claimed)

    def _terminated(self, server: TlsServer, claims: Claims) -> Iterator[ChainFragment]:
        """Take TLS off, and pass on what is inside."""
        for route, _ in self._routes(server.groups[0], "tcp"):
            if claimed := claims.claim(server.server_names, route.subnets, route.origin):
                yield self._l4(route, claimed, server)

    def _passed_through(self, server: TlsServer, claims: Claims) -> Iterator[ChainFragment]:
        """Pass on TLS by the name asked for: the names that a route and the server have in common (reference 3.7)."""
        hosts = server.groups[0].hosts
        for route, namespace in self._routes(server.groups[0], "tls"):
            shared = hosts.intersection(route.sni_hosts, namespace)
            if not shared:
                self.diagnostics.append(
                    diagnose(
                        "PF0712",
                        f"{server.field} has none of the hosts {', '.join(route.sni_hosts)}: this route is not on it",
                        Origin(route.origin.key, f"{route.origin.path}.sniHosts"),
                        hint="the hosts of the server and the SNI hosts must overlap",
                    )
                )
                continue
            names = () if "*" in shared else shared
            if claimed := claims.claim(names, route.subnets, route.origin):
                yield self._l4(route, claimed)

    def _automatic(self, server: TlsServer, claims: Claims) -> Iterator[ChainFragment]:
        """Pass on the mesh's own TLS to where its name says."""
        attached = self._attached
        mesh = attached.world.mesh
        for destination, rule in attached.passed_on(server.groups[0].hosts):
            name = destination.cluster_name
            if claims.claim((name.lower(),), (), server.field):
                self.destinations[name] = destination
                service, port, subset = destination.service, destination.port, destination.subset
                yield attached.steps.step(sni_dnat_chain, service, port, subset, rule, mesh)

    def _routes(self, group: ServerGroup, kind: Kind) -> Iterator[tuple[L4Route, str]]:
        """Yield the routes of one kind of the VirtualServices of a server, the oldest first, with their namespace."""
        attached = self._attached
        gateway = group.gateway_name
        for (service, plan), _ in attached.to(group):
            if not (service.spec.tls if kind == "tls" else service.spec.tcp):
                continue
            routes = attached.steps.step(
                l4_route_list,
                service,
                plan,
                kind,
                group.number,
                gateway if plan.matches_gateways else "",
                plan.left_out(attached.view, kind) if plan.conditions else "",
                attached.world.mesh,
                *attached.targets.of(plan.l4_destinations),
            )
            self.diagnostics += routes.diagnostics
            for route in routes.routes:
                yield route, service.metadata.namespace

    def _l4(
        self, route: L4Route, claimed: tuple[tuple[str, ...], ...], server: TlsServer | None = None
    ) -> ChainFragment:
        names, subnets = claimed
        self.destinations.update((name, d) for name, d in route.clusters if d is not None)
        return self._attached.steps.step(
            l4_chain,
            route,
            " ".join(names),
            " ".join(subnets),
            server.gateway if server is not None else None,
            server.index if server is not None else 0,
            self._attached.world.mesh,
        )

    def _https(self, port: MergedPort, server: TlsServer, claims: Claims) -> list[ChainFragment]:
        name = server.route_name
        if name in self._tables.made:
            hint = "give each server of this Gateway a port name of its own"
            where = Origin(server.field.key, f"{server.field.path}.port.name")
            self.diagnostics.append(
                diagnose("PF0307", f"another server has the routes {name} already", where, hint=hint)
            )
            return []
        claimed = claims.claim(server.server_names, (), server.field)
        if not claimed:
            return []
        self._tables.make(server)
        return [self._http(port, server, claimed[0])]

    def _http(self, port: MergedPort, server: TlsServer, names: tuple[str, ...]) -> ChainFragment:
        return self._attached.steps.step(
            https_chain,
            server.gateway,
            server.index,
            " ".join(names),
            server.route_name,
            port.listener_name,
            self._attached.world.mesh,
            port.quic,
        )

    def quic(self, port: MergedPort) -> list[ChainFragment]:
        """Return the chains of a UDP port: one for each of its servers that is there over TCP, with the same routes."""
        claims = Claims()
        there = [server for server in port.tls if server.route_name in self._tables.made]
        claimed = [(server, claims.claim(server.server_names, (), server.field)) for server in there]
        self.diagnostics += claims.diagnostics
        return [self._http(port, server, part[0]) for server, part in claimed if part]

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
