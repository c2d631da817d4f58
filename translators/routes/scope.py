"""What building the routes of one VirtualService needs to know, and what it finds out on the way."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from translators.destination_rules import effective_policy
from translators.hosts import is_short
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.service import Resolution
from translators.names import cluster_name
from translators.services.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.destination_rules import MergedRule
    from translators.model.destination_rule import ConsistentHashLB, TrafficPolicy
    from translators.model.meta import ObjectKey
    from translators.model.origin import Diagnostic
    from translators.model.service import Service, ServicePort
    from translators.model.virtual_service import Destination as HostAndPort
    from translators.recorder import Recorder
    from translators.routes.outline import PlannedRoute


class Target(NamedTuple):
    """What a host that a route names stands for."""

    hostname: str
    """The full name, also if nobody knows it."""
    service: Service | None
    rule: MergedRule | None
    hidden: str = ""
    """The namespaces, if any, whose service of that name the proxy may not see."""


class Reached(NamedTuple):
    """The cluster that a destination stands for."""

    cluster: str
    """Its name, which is Istio's even if the cluster does not exist: Envoy then answers 503."""
    destination: Destination | None
    """None if the host, the port or the subset does not exist."""
    hash_by: ConsistentHashLB | None
    """The consistent hash of the destination's policy: a part of the route, since Envoy hashes requests there."""
    hash_origin: Origin | None
    problem: tuple[str, str, str] | None
    """Code, message and field name (`host`, `port` or `subset`) if it does not exist."""
    rule: MergedRule | None = None
    """What DestinationRules say about the host."""


class Scope:
    """Made anew for each VirtualService and port. Everything in it but its lists stays as given."""

    __slots__ = (
        "_inherited",
        "_reached",
        "_route_key",
        "default_port",
        "diagnostics",
        "key",
        "origins",
        "recorder",
        "targets",
    )

    def __init__(
        self, key: ObjectKey, default_port: int, targets: Mapping[tuple[str, str], Target], recorder: Recorder
    ) -> None:
        """`targets` tells what each host means, by the namespace it is read in, and as written; `default_port` is the
        server's.
        """
        self.key = key
        self._route_key = key
        self._inherited: tuple[tuple[str, Origin], ...] = ()
        self.default_port = default_port
        self.targets = targets
        self.recorder = recorder
        """Of the route that is being built."""
        self.diagnostics: list[Diagnostic] = []
        self.origins: dict[ObjectKey, None] = {key: None}
        """Keys of the objects that shape these routes, in the order in which they were found."""
        self._reached: dict[tuple[str, str, int, str], Reached] = {}

    def enter(self, route: PlannedRoute, recorder: Recorder) -> None:
        """Begin with a route, which may be a delegate's: paths are those in the object that it stands in."""
        self.recorder = recorder
        self._route_key = route.origin.key
        self._inherited = route.inherited
        self.origins[route.origin.key] = None

    def origin(self, field: str) -> Origin:
        """Return where a field of the route really stands."""
        for path, origin in self._inherited:
            if field.startswith(path) and field[len(path) : len(path) + 1] in {"", ".", "["}:
                return Origin(origin.key, origin.path + field[len(path) :])
        return Origin(self._route_key, field)

    def note(self, path: str, field: str) -> None:
        """Note that a part of the route comes from a field of it."""
        self.recorder.note(path, self.origin(field))

    def comes_from(self, path: str, origin: Origin | None, field: str = "") -> None:
        """Note that a part of the route comes from another object, or from a field below what `origin` names."""
        if origin is not None:
            self.origins[origin.key] = None
            self.recorder.note(path, Origin(origin.key, f"{origin.path}.{field}" if field else origin.path))

    def report(self, code: str, message: str, field: str, *, hint: str = "") -> None:
        """Say something about a field of the route."""
        self.diagnostics.append(diagnose(code, message, self.origin(field), hint=hint))

    def reach(self, destination: HostAndPort, path: str) -> Reached:
        """Find the cluster of a destination that stands at `path`, and say so if it does not exist."""
        number = destination.port.number if destination.port is not None else 0
        asked = (self._route_key.namespace, destination.host, number, destination.subset)
        reached = self._reached.get(asked)
        if reached is None:
            reached = self._reached[asked] = self._find(*asked)
            if reached.destination is not None and is_short(reached.destination.service.hostname):
                hostname = reached.destination.service.hostname
                message = f"{hostname} is the host of a ServiceEntry of this namespace, and taken as it stands"
                self.report("PF0705", message, f"{path}.host")
            if reached.hash_origin is not None:
                self.origins[reached.hash_origin.key] = None
        if reached.problem is not None:
            code, message, field = reached.problem
            self.report(code, message, f"{path}.{field}", hint="requests that take this route are answered 503")
        return reached

    def clusters(self) -> tuple[tuple[str, Destination | None], ...]:
        """Return the name of every cluster that was asked for, with what it is if it exists; sorted, each once."""
        return tuple(sorted({r.cluster: r.destination for r in self._reached.values()}.items(), key=itemgetter(0)))

    def _find(self, namespace: str, host: str, number: int, subset: str) -> Reached:
        hostname, service, rule, hidden = self.targets[namespace, host]
        if service is None:
            name = cluster_name(number or self.default_port, subset, hostname)
            message = f"no service {hostname} is known"
            if hidden:
                message = f"{hostname} of namespace {hidden} is not exported to the proxy's namespace"
            return Reached(name, None, None, None, ("PF0701", message, "host"))
        # An ExternalName stands for another service, whose name its clusters have.
        hostname = service.hostname
        if service.resolution is Resolution.ALIAS:
            name = cluster_name(number or self.default_port, subset, hostname)
            message = f"{service.origin} is an ExternalName, and no service is known by the name that it stands for"
            return Reached(name, None, None, None, ("PF0704", message, "host"))
        port = self._port(service, number)
        if port is None:
            name = cluster_name(number or self.default_port, subset, hostname)
            ports = ", ".join(str(p.number) for p in service.ports) or "none"
            asked = (
                f"port {number}" if number else f"port {self.default_port} (the server's, since the route names none)"
            )
            problem = ("PF0703", f"{hostname} has no {asked}; it has: {ports}", "port" if number else "host")
            return Reached(name, None, None, None, problem)
        name = cluster_name(port.number, subset, hostname)
        if subset and (rule is None or subset not in rule.subsets):
            known = ", ".join(sorted(rule.subsets)) if rule is not None and rule.subsets else "none"
            problem = ("PF0702", f"{hostname} has no subset {subset} in any DestinationRule; it has: {known}", "subset")
            return Reached(name, None, None, None, problem)
        hash_by, hash_origin = hash_of(rule, port, subset)
        return Reached(name, Destination(service=service, port=port, subset=subset), hash_by, hash_origin, None, rule)

    def _port(self, service: Service, number: int) -> ServicePort | None:
        """Return the port asked for; if none is, the service's only one, else the server's number (reference 1.2)."""
        if number:
            return service.port(number)
        return service.ports[0] if len(service.ports) == 1 else service.port(self.default_port)


def hash_of(rule: MergedRule | None, port: ServicePort, subset: str) -> tuple[ConsistentHashLB | None, Origin | None]:
    """Return the consistent hash of a port of a service, or of its subset, and the field that says so."""
    if rule is None:
        return None, None
    known = rule.subsets.get(subset)
    if not (_says(rule.traffic_policy) or (known is not None and _says(known.traffic_policy))):
        return None, None
    policy = effective_policy(rule, port.number, subset)
    if policy.load_balancer is None or policy.load_balancer.consistent_hash is None:
        return None, None
    return policy.load_balancer.consistent_hash, policy.load_balancer_origin


def _says(policy: TrafficPolicy | None) -> bool:
    """Whether a policy may say something about load balancing, so that it is worth being looked at."""
    return policy is not None and (policy.load_balancer is not None or len(policy.port_level_settings) > 0)
