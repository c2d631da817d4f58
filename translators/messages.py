"""Small helpers for building Envoy messages without json_format: durations, percentages, matches of strings, Any."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from envoy.extensions.transport_sockets.tls.v3.common_pb2 import SubjectAltNameMatcher, TlsParameters
from envoy.type.v3.percent_pb2 import FractionalPercent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext
    from envoy.type.matcher.v3.string_pb2 import StringMatcher
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.duration_pb2 import Duration as DurationMessage
    from google.protobuf.message import Message

    from translators.model.common import Duration, Percent, StringMatch

TYPE_URL_PREFIX: Final = "type.googleapis.com/"


def set_duration(out: DurationMessage, value: Duration) -> None:
    """Write a duration over what is there. Zero is present, which Envoy tells apart from absent. It must not be
    negative: validation refuses that, and Envoy has no use for it.
    """
    out.seconds, out.nanos = divmod(value, 1_000_000_000)


def set_percent(out: FractionalPercent, value: Percent) -> None:
    """Write a percentage as a fraction of a million, as Istio does: 0.0001 % is the smallest step."""
    out.numerator = round(value.value * 10_000)
    out.denominator = FractionalPercent.MILLION


def set_whole_percent(out: FractionalPercent, value: int) -> None:
    """Write a percentage given in the old form, a whole number."""
    out.numerator = value
    out.denominator = FractionalPercent.HUNDRED


def set_string_match(out: StringMatcher, match: StringMatch) -> None:
    """Write a string match that has exact, prefix or regex."""
    if match.exact is not None:
        out.exact = match.exact
    elif match.prefix is not None:
        out.prefix = match.prefix
    elif match.regex is not None:
        out.safe_regex.regex = match.regex


def is_presence(match: StringMatch) -> bool:
    """Whether a match on a header, parameter or claim asks for its presence only: nothing is said, or regex `*`,
    which is no RE2 but Istio's word for "any".
    """
    return (match.exact is None and match.prefix is None and match.regex is None) or match.regex == "*"


TLS_VERSIONS: Final = {
    "TLS_AUTO": TlsParameters.TLS_AUTO,
    "TLSV1_0": TlsParameters.TLSv1_0,
    "TLSV1_1": TlsParameters.TLSv1_1,
    "TLSV1_2": TlsParameters.TLSv1_2,
    "TLSV1_3": TlsParameters.TLSv1_3,
}
"""Istio's names of TLS versions, and Envoy's."""


def add_subject_alt_names(out: CertificateValidationContext, names: Iterable[str]) -> None:
    """Ask for a certificate with one of these names. Their kind, which Envoy wants to know, is told by their form:
    `spiffe://…`, an IP address, `a@b`, else a DNS name.
    """
    for name in dict.fromkeys(names):
        matcher = out.match_typed_subject_alt_names.add(san_type=_san_type(name))
        matcher.matcher.exact = name


def _san_type(name: str) -> SubjectAltNameMatcher.SanType:
    if "://" in name:
        return SubjectAltNameMatcher.URI
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return SubjectAltNameMatcher.EMAIL if "@" in name else SubjectAltNameMatcher.DNS
    return SubjectAltNameMatcher.IP_ADDRESS


def pack(out: AnyMessage, message: Message) -> None:
    """Write a message into an Any, with the type URL that Envoy expects and deterministic bytes."""
    out.type_url = TYPE_URL_PREFIX + message.DESCRIPTOR.full_name
    out.value = message.SerializeToString(deterministic=True)
