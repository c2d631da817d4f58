"""Rules for the tls settings of a Gateway's server (reference 4, "Gateway")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translators.model.gateway import ServerTLSSettings
    from translators.validation.findings import Findings

_PASSTHROUGH: Final = frozenset({"PASSTHROUGH", "AUTO_PASSTHROUGH"})
_CHECKS_CLIENTS: Final = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})
_AT_MOST: Final = 2
"""One RSA and one ECDSA certificate."""

_VERSIONS: Final = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")

CIPHERS: Final = frozenset(
    {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-PSK-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-RSA-AES256-SHA",
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-PSK-AES128-CBC-SHA",
        "ECDHE-PSK-AES256-CBC-SHA",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA",
        "PSK-AES128-CBC-SHA",
        "PSK-AES256-CBC-SHA",
        "DES-CBC3-SHA",
    }
)
"""The names that BoringSSL gives to the suites of TLS 1.2 and below. Those of TLS 1.3 cannot be chosen."""


CURVES: Final = frozenset({"P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"})
"""Those that Istio allows; BoringSSL knows them all."""

_PIN: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
"""Base64 of a SHA-256 sum."""
_FINGERPRINT: Final = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}")
"""A SHA-256 sum in hexadecimal digits, perhaps with colons between the bytes."""


def usable_ciphers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cipher suites that Envoy knows, each once. It would refuse a listener with another."""
    return tuple(name for name in dict.fromkeys(names) if name in CIPHERS)


def usable_curves(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the curves that Envoy knows, each once. It would refuse a listener with another."""
    return tuple(name for name in dict.fromkeys(names) if name in CURVES)


def has_certificates(tls: ServerTLSSettings) -> bool:
    """Whether any field that names a certificate, a key or an authority is set."""
    return bool(
        tls.server_certificate
        or tls.private_key
        or tls.ca_certificates
        or tls.credential_name
        or tls.credential_names
        or tls.tls_certificates
        or tls.ca_cert_credential_name
    )


def check_tls(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    """Check the tls settings of a server of protocol HTTPS or TLS."""
    if tls.mode in _PASSTHROUGH:
        if has_certificates(tls):
            found.add(
                "PF0315",
                path,
                f"with mode {tls.mode} the connection is not decrypted, so the certificates have no effect",
                "write mode: SIMPLE to terminate TLS, or remove them",
            )
    elif tls.mode == "ISTIO_MUTUAL":
        if has_certificates(tls):
            found.add("PF0314", path, "mode ISTIO_MUTUAL uses the mesh's certificates", "remove certificates and keys")
    else:
        _check_certificates(found, path, tls)
        _check_authority(found, path, tls)
        _check_pins(found, path, tls)
    _check_parameters(found, path, tls)
    _check_idle(found, path, tls)


def _check_certificates(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    styles = {
        "serverCertificate": bool(tls.server_certificate or tls.private_key),
        "credentialName": bool(tls.credential_name),
        "credentialNames": bool(tls.credential_names),
        "tlsCertificates": bool(tls.tls_certificates),
    }
    given = [name for name, present in styles.items() if present]
    if not given:
        found.add(
            "PF0316",
            path,
            f"mode {tls.mode} terminates TLS and no certificate is given",
            "add credentialName, or serverCertificate and privateKey",
        )
    elif len(given) > 1:
        found.add("PF0317", path, f"certificates are given by {' and '.join(given)}", "keep one of them")
    if styles["serverCertificate"]:
        for field, value in (("serverCertificate", tls.server_certificate), ("privateKey", tls.private_key)):
            if not value:
                found.add("PF0316", f"{path}.{field}", f"{field} is missing", "give both files")
    for index, certificate in enumerate(tls.tls_certificates):
        if not certificate.server_certificate or not certificate.private_key:
            found.add(
                "PF0316", f"{path}.tlsCertificates[{index}]", "the certificate or its key is missing", "give both files"
            )
    for field, count in (
        ("credentialNames", len(tls.credential_names)),
        ("tlsCertificates", len(tls.tls_certificates)),
    ):
        if count > _AT_MOST:
            found.add(
                "PF0323",
                f"{path}.{field}",
                f"{count} certificates, and at most {_AT_MOST} are allowed",
                "keep one RSA and one ECDSA certificate",
            )


def _check_authority(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    by_file = bool(tls.server_certificate or tls.private_key or tls.tls_certificates)
    authority = tls.ca_certificates or tls.ca_cert_credential_name
    in_each = bool(tls.tls_certificates) and all(c.ca_certificates for c in tls.tls_certificates)
    if tls.mode in _CHECKS_CLIENTS and by_file and not authority and not in_each:
        found.add(
            "PF0318",
            f"{path}.caCertificates",
            f"mode {tls.mode} checks client certificates and no authority is given",
            "add caCertificates",
        )
    if tls.ca_crl and (tls.mode == "SIMPLE" or tls.credential_name or tls.credential_names):
        why = "mode SIMPLE checks no client" if tls.mode == "SIMPLE" else "the list belongs into the Secret"
        found.add("PF0319", f"{path}.caCrl", f"caCrl does not go with these settings: {why}", "remove caCrl")


def _check_pins(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    compared = tls.subject_alt_names or tls.verify_certificate_spki or tls.verify_certificate_hash
    if tls.mode == "OPTIONAL_MUTUAL" and compared:
        found.add(
            "PF0329",
            f"{path}.mode",
            "Envoy refuses clients without a certificate where subjectAltNames or pins are compared",
            "write mode: MUTUAL, or remove subjectAltNames, verifyCertificateSpki and verifyCertificateHash",
        )
    for field, pins, form, hint in (
        (
            "verifyCertificateSpki",
            tls.verify_certificate_spki,
            _PIN,
            "write the Base64 of a SHA-256 sum: 44 characters",
        ),
        ("verifyCertificateHash", tls.verify_certificate_hash, _FINGERPRINT, "write a SHA-256 sum as 64 hex digits"),
    ):
        for index, pin in enumerate(pins):
            if not form.fullmatch(pin):
                found.add("PF0327", f"{path}.{field}[{index}]", f"{quote(pin)} is not the pin of a certificate", hint)


def _check_idle(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    """Say which settings do nothing, because of what the mode leaves out."""
    checks = {
        "subjectAltNames": tls.subject_alt_names,
        "verifyCertificateSpki": tls.verify_certificate_spki,
        "verifyCertificateHash": tls.verify_certificate_hash,
        "insecureSkipVerify": tls.insecure_skip_verify,
    }
    authorities = {"caCertificates": tls.ca_certificates, "caCertCredentialName": tls.ca_cert_credential_name}
    parameters = {
        "minProtocolVersion": tls.min_protocol_version != "TLS_AUTO",
        "maxProtocolVersion": tls.max_protocol_version != "TLS_AUTO",
        "cipherSuites": tls.cipher_suites,
        "ecdhCurves": tls.ecdh_curves,
    }
    if tls.mode in _PASSTHROUGH:
        idle, why = {**checks, **parameters, "caCrl": tls.ca_crl}, "the connection is not decrypted"
    elif tls.mode == "SIMPLE":
        idle, why = {**checks, **authorities}, "clients are not asked for a certificate"
    else:
        authority = tls.ca_certificates or next(
            (c.ca_certificates for c in tls.tls_certificates if c.ca_certificates), ""
        )
        for index, certificate in enumerate(tls.tls_certificates):
            if certificate.ca_certificates not in {"", authority}:
                where = f"{path}.tlsCertificates[{index}].caCertificates"
                message = f"clients are checked against {quote(authority)}, so this has no effect"
                found.add("PF0325", where, message, "write one file with all authorities")
        return
    _say_idle(found, path, tls.mode, idle, why)


def _say_idle(found: Findings, path: str, mode: str, idle: Mapping[str, object], why: str) -> None:
    for field, value in idle.items():
        if value:
            hint = "write mode: MUTUAL or OPTIONAL_MUTUAL to check clients" if mode == "SIMPLE" else "remove it"
            found.add("PF0325", f"{path}.{field}", f"with mode {mode} {why}, so this has no effect", hint)


def _check_parameters(found: Findings, path: str, tls: ServerTLSSettings) -> None:
    seen = set()
    for index, cipher in enumerate(tls.cipher_suites):
        if cipher not in CIPHERS or cipher in seen:
            what = "is listed twice" if cipher in seen else "is not a cipher suite that Envoy knows"
            found.add(
                "PF0320",
                f"{path}.cipherSuites[{index}]",
                f"{quote(cipher)} {what}, and is ignored",
                "write names as OpenSSL does, such as ECDHE-RSA-AES128-GCM-SHA256",
            )
        seen.add(cipher)
    for index, curve in enumerate(tls.ecdh_curves):
        if curve not in CURVES or curve in tls.ecdh_curves[:index]:
            what = "is not a curve that Envoy knows" if curve not in CURVES else "is listed twice"
            hint = f"write one of {', '.join(sorted(CURVES))}"
            found.add("PF0326", f"{path}.ecdhCurves[{index}]", f"{quote(curve)} {what}, and is ignored", hint)
    low, high = _VERSIONS.index(tls.min_protocol_version), _VERSIONS.index(tls.max_protocol_version)
    if 0 < low < _VERSIONS.index("TLSV1_2"):
        found.add(
            "PF0321",
            f"{path}.minProtocolVersion",
            f"{tls.min_protocol_version} allows versions with known weaknesses",
            "write TLSV1_2 or TLSV1_3",
        )
    # Without a lowest version it is 1.2.
    if high and (low or _VERSIONS.index("TLSV1_2")) > high:
        lowest = tls.min_protocol_version if low else "TLSV1_2, the default"
        found.add(
            "PF0324",
            f"{path}.maxProtocolVersion",
            f"{tls.max_protocol_version} is below minProtocolVersion {lowest}",
            "raise it, or leave it out",
        )
