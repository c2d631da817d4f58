"""Who a client is: Envoy's `node`, read as Istio's agent fills it, into a `Proxy`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from translators.model.proxy import GRPC, Locality, Proxy, ProxyType

if TYPE_CHECKING:
    from envoy.config.core.v3.base_pb2 import Node
    from google.protobuf.struct_pb2 import Struct, Value

_TYPES: Final = frozenset({"router", "sidecar"})
_PARTS: Final = 4
_INTERCEPTION_MODES: Final = frozenset({"REDIRECT", "TPROXY", "NONE"})


class _Identity(NamedTuple):
    type: ProxyType
    ip: str
    name: str
    namespace: str
    dns_domain: str


def proxy_of(node: Node, root_namespace: str) -> Proxy:
    """Read a node. Malformed metadata is passed over, key by key; nothing raises.

    Istio's id is `type~ip~name.namespace~domain`. Any other is served as a router in the root namespace, with the
    labels that it states (interfaces.md, "Identity of a proxy"); one that asks for the generator `grpc` is served in
    the namespace that it states. Metadata keys are Istio's:
    https://github.com/istio/istio/blob/master/pkg/model/proxy.go
    """
    metadata = node.metadata
    identity = _istio_identity(node.id)
    generator = _text(metadata, "GENERATOR")
    if identity is None and generator == GRPC:
        identity = _Identity("sidecar", "", node.id, "", "")
    if identity is None:
        identity = _Identity("router", "", node.id, root_namespace, "")
        namespace = root_namespace
    else:
        namespace = _text(metadata, "NAMESPACE") or identity.namespace or root_namespace
    addresses = tuple(ip for ip in map(str.strip, _text(metadata, "INSTANCE_IPS").split(",")) if _is_ip(ip))
    mode = _text(metadata, "INTERCEPTION_MODE").upper()
    return Proxy(
        id=node.id,
        type=identity.type,
        name=identity.name,
        namespace=namespace,
        ip_addresses=addresses or ((identity.ip,) if _is_ip(identity.ip) else ()),
        dns_domain=identity.dns_domain,
        labels=_labels(metadata),
        metadata=_scalars(metadata),
        locality=Locality(region=node.locality.region, zone=node.locality.zone, sub_zone=node.locality.sub_zone),
        network=_text(metadata, "NETWORK"),
        node=_text(metadata, "NODE_NAME"),
        cluster_id=_text(metadata, "CLUSTER_ID"),
        service_account=_text(metadata, "SERVICE_ACCOUNT"),
        unprivileged_pod=_text(metadata, "UNPRIVILEGED_POD").lower() == "true",
        interception_mode=mode if mode in _INTERCEPTION_MODES else "REDIRECT",
        generator=generator,
        envoy_version=_version(node),
        http10=_text(metadata, "HTTP10") in {"1", "true"},
    )


def _istio_identity(node_id: str) -> _Identity | None:
    parts = node_id.split("~")
    if len(parts) != _PARTS or parts[0] not in _TYPES or not parts[2]:
        return None
    kind, ip, full_name, domain = parts
    # A pod's name may hold dots, a namespace's may not.
    name, dot, namespace = full_name.rpartition(".")
    if not dot:
        name, namespace = full_name, domain.partition(".")[0]
    return _Identity(cast("ProxyType", kind), ip, name, namespace, domain)


def _version(node: Node) -> str:
    build = node.user_agent_build_version.version
    if build.major_number or build.minor_number or build.patch:
        return f"{build.major_number}.{build.minor_number}.{build.patch}"
    return node.user_agent_version


def _labels(metadata: Struct) -> dict[str, str]:
    value = metadata.fields.get("LABELS")
    if value is None or value.WhichOneof("kind") != "struct_value":
        return {}
    return _scalars(value.struct_value)


def _scalars(struct: Struct) -> dict[str, str]:
    found = ((key, _scalar(value)) for key, value in struct.fields.items())
    return {key: text for key, text in sorted(found, key=_key) if text is not None}


def _key(label: tuple[str, str | None]) -> str:
    return label[0]


def _text(metadata: Struct, key: str) -> str:
    value = metadata.fields.get(key)
    return (_scalar(value) or "") if value is not None else ""


def _scalar(value: Value) -> str | None:
    """A string, or what a person meant as one: YAML turns an unquoted `true` or `1` into something else."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "number_value":
        number = value.number_value
        return str(int(number)) if number.is_integer() else str(number)
    return None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
