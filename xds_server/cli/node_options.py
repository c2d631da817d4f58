"""The flags that describe a proxy, shared by `bootstrap` (which writes them into an Envoy) and `translate`."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar, cast

import click

from translators.model.proxy import GRPC, Locality, Proxy, ProxyType
from xds_server.bootstrap import node_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

P = ParamSpec("P")
R = TypeVar("R")

_TRUE: Final = frozenset({"1", "true", "yes"})
_LOCALITY_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """A proxy as flags describe it; what is left out gets Istio's default."""

    type: ProxyType
    name: str
    namespace: str
    ip_addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Node metadata beyond what the other flags set, such as CLUSTER_ID."""
    locality: Locality = Locality()
    network: str = ""
    interception_mode: str = "REDIRECT"
    dns_domain: str = ""
    grpc: bool = False
    """A gRPC client or server without a proxy, which is what the metadata GENERATOR=grpc says too."""

    @property
    def domain(self) -> str:
        """The DNS domain: the one stated, else `<namespace>.svc.cluster.local`."""
        return self.dns_domain or f"{self.namespace}.svc.cluster.local"

    @property
    def node_id(self) -> str:
        """Istio's node id: `type~ip~name.namespace~domain` (interfaces.md, "Identity of a proxy")."""
        ip = self.ip_addresses[0] if self.ip_addresses else "127.0.0.1"
        return f"{self.type}~{ip}~{self.name}.{self.namespace}~{self.domain}"

    def proxy(self) -> Proxy:
        """Return the proxy that a server would see if an Envoy connected with these flags in its bootstrap."""
        meta = self.metadata
        proxy = Proxy(
            id=self.node_id,
            type=self.type,
            name=self.name,
            namespace=self.namespace,
            ip_addresses=self.ip_addresses,
            dns_domain=self.domain,
            labels=dict(self.labels),
            locality=self.locality,
            network=self.network or meta.get("NETWORK", ""),
            node=meta.get("NODE_NAME", ""),
            cluster_id=meta.get("CLUSTER_ID", ""),
            service_account=self.service_account,
            unprivileged_pod=meta.get("UNPRIVILEGED_POD", "").lower() in _TRUE,
            interception_mode=self.interception_mode,
            generator=GRPC if self.grpc else meta.get("GENERATOR", ""),
            http10=meta.get("HTTP10", "") in {"1", "true"},
        )
        return replace(proxy, metadata={**node_metadata(proxy), **meta})


def pairs(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Turn `k=v` flags into a dict; a value without `=` is wrong usage."""
    found = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            msg = f"{value!r} is not of the form key=value"
            raise click.BadParameter(msg, param=parameter)
        found[key] = text
    return found


def _addresses(_context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    # With commas, they come from the downward API's status.podIPs.
    found = tuple(part for value in values for part in value.split(",") if part or len(values) == 1)
    for value in found:
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            msg = f"{value!r} is not an IP address"
            raise click.BadParameter(msg, param=parameter) from error
    return found


def _locality(_context: click.Context, parameter: click.Parameter, value: str) -> Locality:
    parts = value.split("/")
    if len(parts) > _LOCALITY_PARTS:
        msg = f"{value!r} has more parts than region/zone/subzone"
        raise click.BadParameter(msg, param=parameter)
    region, zone, sub_zone = (*parts, "", "")[:_LOCALITY_PARTS]
    return Locality(region=region, zone=zone, sub_zone=sub_zone)


_OPTIONS: Final = (
    click.option(
        "--type",
        "node_type",
        type=click.Choice(["router", "sidecar"]),
        envvar="PILOTFISH_TYPE",
        help="router: a gateway; sidecar: beside a workload.  [required without --grpc]",
    ),
    click.option(
        "--grpc",
        is_flag=True,
        envvar="PILOTFISH_GRPC",
        help="A gRPC client or server that speaks xDS itself, no Envoy.",
    ),
    click.option("--name", "node_name", default="envoy", show_default=True, envvar="PILOTFISH_NAME", help="Pod name."),
    click.option("--namespace", default="default", show_default=True, envvar="PILOTFISH_NAMESPACE", help="Namespace."),
    click.option(
        "--ip",
        "ips",
        multiple=True,
        callback=_addresses,
        envvar="PILOTFISH_IP",
        help="Address; repeatable, or with commas.",
    ),
    click.option(
        "--label",
        "labels",
        multiple=True,
        callback=pairs,
        metavar="K=V",
        envvar="PILOTFISH_LABEL",
        help="Label that selectors see; repeatable.",
    ),
    click.option("--service-account", default="", envvar="PILOTFISH_SERVICE_ACCOUNT", help="Service account."),
    click.option(
        "--metadata",
        "metadata",
        multiple=True,
        callback=pairs,
        metavar="K=V",
        envvar="PILOTFISH_METADATA",
        help="Further node metadata, such as CLUSTER_ID=east; repeatable.",
    ),
    click.option(
        "--locality",
        default="",
        callback=_locality,
        metavar="REGION/ZONE/SUBZONE",
        envvar="PILOTFISH_LOCALITY",
        help="Where the proxy runs.",
    ),
    click.option("--network", default="", envvar="PILOTFISH_NETWORK", help="Istio network of the proxy."),
    click.option(
        "--interception-mode",
        type=click.Choice(["REDIRECT", "TPROXY", "NONE"]),
        default="REDIRECT",
        show_default=True,
        envvar="PILOTFISH_INTERCEPTION_MODE",
        help="How traffic reaches a sidecar.",
    ),
    click.option(
        "--dns-domain", default="", envvar="PILOTFISH_DNS_DOMAIN", help="Default: <namespace>.svc.cluster.local."
    ),
)
_PARAMETERS: Final = {
    "type": "node_type",
    "name": "node_name",
    "namespace": "namespace",
    "ip_addresses": "ips",
    "labels": "labels",
    "service_account": "service_account",
    "metadata": "metadata",
    "locality": "locality",
    "network": "network",
    "interception_mode": "interception_mode",
    "dns_domain": "dns_domain",
    "grpc": "grpc",
}


def node_options(function: Callable[Concatenate[NodeOptions, P], R]) -> Callable[P, R]:
    """Add the node flags to a click command, which receives them as its first argument, one `NodeOptions`.

    Put it below `@click.command()` and above or among the command's own options.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        values = {attribute: kwargs.pop(parameter) for attribute, parameter in _PARAMETERS.items()}
        if values["type"] is None:
            if not values["grpc"]:
                msg = "Missing option '--type' (router or sidecar), or '--grpc'."
                raise click.UsageError(msg)
            values["type"] = "sidecar"
        return function(NodeOptions(**values), *args, **kwargs)  # type: ignore[arg-type] # click checked the types

    decorated = cast("Callable[P, R]", wrapper)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
