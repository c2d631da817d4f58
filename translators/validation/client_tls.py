"""Rules for the tls block of a traffic policy (reference 4, "DestinationRule")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translators.validation.findings import quote
from translators.validation.names import fqdn_problem, is_ip

if TYPE_CHECKING:
    from translators.model.destination_rule import ClientTLSSettings
    from translators.validation.findings import Findings


def check_tls(found: Findings, path: str, tls: ClientTLSSettings) -> None:
    """Check TLS to endpoints (the same rules as on a gateway, from the client's side)."""
    files = {
        "clientCertificate": tls.client_certificate,
        "privateKey": tls.private_key,
        "caCertificates": tls.ca_certificates,
        "caCrl": tls.ca_crl,
    }
    given = [name for name, value in files.items() if value]
    if tls.mode == "ISTIO_MUTUAL":
        for name in [*given, *(["credentialName"] if tls.credential_name else [])]:
            found.add("PF0551", f"{path}.{name}", f"ISTIO_MUTUAL uses the mesh's certificates, not {name}", "remove it")
        return
    if tls.mode == "DISABLE":
        _check_disabled(found, path, tls)
        return
    if tls.credential_name:
        for name in given:
            found.add(
                "PF0552",
                f"{path}.{name}",
                f"{name} does not go with credentialName {quote(tls.credential_name)}",
                "keep one",
            )
    elif tls.mode == "MUTUAL":
        for name in ("clientCertificate", "privateKey"):
            if not files[name]:
                found.add(
                    "PF0550", f"{path}.{name}", f"mode MUTUAL needs {name}", "give the file's path, or a credentialName"
                )
    if tls.mode == "SIMPLE":
        for name in ("clientCertificate", "privateKey"):
            if files[name] and not tls.credential_name:
                found.add(
                    "PF0553", f"{path}.{name}", f"mode SIMPLE sends no {name}", "write mode: MUTUAL, or remove it"
                )
    _check_verification(found, path, tls)
    _check_names(found, path, tls)


def _check_disabled(found: Findings, path: str, tls: ClientTLSSettings) -> None:
    others = [field for field in tls.__struct_fields__ if field != "mode" and getattr(tls, field)]
    if others:
        found.add(
            "PF0556",
            path,
            "with mode DISABLE, which is the default, requests are sent in clear text, and the other settings say "
            "nothing",
            "write mode: SIMPLE or MUTUAL, or remove them",
        )


def _check_verification(found: Findings, path: str, tls: ClientTLSSettings) -> None:
    if not tls.insecure_skip_verify:
        return
    verified = {
        "caCertificates": tls.ca_certificates,
        "caCrl": tls.ca_crl,
        "subjectAltNames": tls.subject_alt_names,
        "credentialName": tls.credential_name if tls.mode == "SIMPLE" else "",
    }
    for name, value in verified.items():
        if value:
            found.add(
                "PF0554",
                f"{path}.{name}",
                f"with insecureSkipVerify nothing is verified, so {name} has no place",
                "remove one of them",
            )


def _check_names(found: Findings, path: str, tls: ClientTLSSettings) -> None:
    for index, name in enumerate(tls.subject_alt_names):
        if not name.strip():
            found.add("PF0555", f"{path}.subjectAltNames[{index}]", "the name is empty", "write a name, or remove it")
    if tls.sni:
        problem = "is an IP address, and SNI is a host name" if is_ip(tls.sni) else fqdn_problem(tls.sni)
        if problem:
            found.add("PF0555", f"{path}.sni", f"{quote(tls.sni)} {problem}", 'write a name such as "api.example.com"')
