"""Names: DNS labels, host names and wildcards, labels, selectors, gateways, exportTo.

Rules: RFC 1123 and Kubernetes' and Istio's use of it (reference 4, "Common"). Upper case is allowed in host names, as
Istio allows it, and a trailing dot is.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translators.validation.findings import Findings

MESH: Final = "mesh"
"""The gateway name that stands for all sidecars."""

_DNS_LABEL: Final = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_WILDCARD_LABEL: Final = re.compile(r"\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_LOWER_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_NAME: Final = re.compile(r"[a-zA-Z0-9](?:[-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""What `ipaddress.IPv4Address` takes, at a tenth of the cost: addresses are what changes most."""
_LONGEST_DOMAIN: Final = 255
_LONGEST_NAME: Final = 253


def is_dns_label(text: str) -> bool:
    """Whether `text` is one label of a host name, at most 63 characters."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_lower_label(text: str) -> bool:
    """Whether `text` is an RFC 1123 label as Kubernetes wants it for names of namespaces, subsets and ports."""
    return _LOWER_LABEL.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """Whether `text` may be a Kubernetes object's name: lower-case labels joined by dots, at most 253 characters."""
    return len(text) <= _LONGEST_NAME and all(_LOWER_LABEL.fullmatch(part) for part in text.split("."))


def is_ipv4(text: str) -> bool:
    """Whether `text` is an IPv4 address."""
    return _IPV4.fullmatch(text) is not None


def is_ip(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address without a zone."""
    if is_ipv4(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_cidr(text: str) -> bool:
    """Whether `text` is an address with a prefix length. Host bits may be set, as Go's ParsePrefix allows."""
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit() or "%" in address:
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def fqdn_problem(host: str, *, wildcard: bool = False) -> str:
    """Say why `host` is not a host name (with `wildcard`: whose first label may be `*`), or return "" if it is."""
    if not host:
        return "is empty"
    if len(host) > _LONGEST_DOMAIN:
        return f"has {len(host)} characters and a host name has at most {_LONGEST_DOMAIN}"
    labels = host.split(".")
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    first = labels[0]
    if wildcard:
        if not _WILDCARD_LABEL.fullmatch(first):
            return _label_problem(first)
        labels = labels[1:]
    for label in labels:
        if not _DNS_LABEL.fullmatch(label):
            return _label_problem(label)
    if labels and labels[-1].isascii() and labels[-1].isdigit():
        return f"ends in {quote(labels[-1])}, and a top-level domain cannot be all digits"
    return ""


def is_partial_wildcard(host: str) -> bool:
    """Whether the wildcard of a host stands for a part of its first label, as in `*-eu.example.com`: Envoy can match
    such a host in requests, and not in TLS handshakes.
    """
    return host.startswith("*") and host != "*" and not host.startswith("*.")


def _label_problem(label: str) -> str:
    if not label:
        return "has an empty label (two dots in a row, or a dot in front)"
    if "*" in label:
        return 'has a "*" in a place other than the whole first label'
    if len(label) > 63:
        return f"has a label of {len(label)} characters and at most 63 are allowed"
    if "_" in label:
        return f'has an underscore in {quote(label)}, where only letters, digits and "-" are allowed'
    return (
        f'has the label {quote(label)}; a label is letters, digits and "-", and begins and ends with a letter or digit'
    )


def check_labels(found: Findings, path: str, labels: Mapping[str, str]) -> None:
    """Check label keys (`[prefix/]name`) and values by the rules of Kubernetes."""
    for key, value in sorted(labels.items()):
        problem = _key_problem(key)
        if problem:
            found.add("PF0281", path, f"the label key {quote(key)} {problem}", 'write "name" or "domain/name"')
        if value and not _LABEL_NAME.fullmatch(value):
            found.add(
                "PF0281",
                path,
                f"the label {quote(key)} has the value {quote(value)}, which is not valid",
                'write at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
            )


@lru_cache(4096)
def _key_problem(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if slash and fqdn_problem(prefix):
        return "does not begin with a domain name"
    return "" if _LABEL_NAME.fullmatch(name) else "is not valid"


def check_selector(found: Findings, path: str, labels: Mapping[str, str]) -> None:
    """Check a workload selector: keys that are not empty, and no wildcards (reference 4)."""
    for key, value in sorted(labels.items()):
        if not key:
            found.add("PF0282", path, "a selector has an empty label key", "name the label that workloads carry")
        elif "*" in key or "*" in value:
            found.add(
                "PF0282",
                path,
                f"the selector {quote(f'{key}={value}')} has a wildcard, and labels are compared as they stand",
                "write the label's whole value, or leave the label out",
            )
        else:
            check_labels(found, path, {key: value})


def check_workload_selector(
    found: Findings,
    path: str,
    labels: Mapping[str, str],
    does: str = "selects every workload",
    *,
    field: str = "labels",
) -> None:
    """Check the selector at `path`, which has these `labels` in its field; what it `does` if it has none."""
    check_selector(found, f"{path}.{field}", labels)
    if not labels:
        found.add("PF0283", path, f"an empty selector {does}", "name labels, or remove it")


def check_export_to(found: Findings, entries: Sequence[str], namespace: str, *, nobody: bool = False) -> None:
    """Check `spec.exportTo`. `~` (nobody) is for ServiceEntry only, which says so with `nobody`."""
    seen: dict[str, str] = {}
    for index, entry in enumerate(entries):
        path = f"spec.exportTo[{index}]"
        if entry == "~" and not nobody:
            found.add("PF0284", path, '"~" (nobody) is for ServiceEntry only', 'write "." for this namespace alone')
        elif entry not in {"*", ".", "~"} and not is_lower_label(entry):
            found.add(
                "PF0284", path, f"{quote(entry)} is not a namespace", 'write a namespace, "." (this one) or "*" (all)'
            )
        meaning = namespace if entry == "." else entry
        if meaning in seen:
            found.add(
                "PF0284", path, f"{quote(entry)} says again what {quote(seen[meaning])} says", "remove one of them"
            )
        seen.setdefault(meaning, entry)
    for everything in ("*", "~"):
        if everything in entries and len(set(entries)) > 1:
            found.add(
                "PF0284",
                "spec.exportTo",
                f"{quote(everything)} stands beside other entries, which then mean nothing",
                f"write {quote(everything)} alone",
            )


def check_gateway_name(found: Findings, path: str, gateway: str) -> None:
    """Check a reference to a Gateway: `name`, `namespace/name` or `mesh`."""
    if gateway == MESH:
        return
    namespace, slash, name = gateway.rpartition("/")
    if slash and namespace != "." and not is_lower_label(namespace):
        what = (
            f"has the namespace {quote(namespace)}, which is not valid"
            if namespace
            else "has no namespace before the /"
        )
        found.add("PF0406", path, f"{quote(gateway)} {what}", 'write "namespace/name", "name" or "mesh"')
    elif slash and not is_lower_label(name):
        found.add("PF0406", path, f"{quote(gateway)} does not end in the name of a Gateway", 'write "namespace/name"')
    elif not slash and not is_lower_label(name):
        problem = fqdn_problem(name)
        if problem:
            found.add("PF0406", path, f"{quote(gateway)} {problem}", 'write "namespace/name", "name" or "mesh"')
        else:
            first, _, rest = name.partition(".")
            found.add(
                "PF0407",
                path,
                f"{quote(gateway)} is the old form of a gateway's name",
                f'write "{rest.partition(".")[0]}/{first}"' if rest else "write it in lower case",
            )
