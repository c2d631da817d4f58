"""Certificates for tests of TLS: an authority, and what it signs, as PEM files."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

_DAY = dt.timedelta(days=1)
_PEM = serialization.Encoding.PEM


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _san(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate authority whose certificate is `<folder>/<name>.pem`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / f"{name}.pem"
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._builder(self._name, self._key.public_key()).add_extension(constraints, critical=True)
        self.path.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(_PEM))

    def issue(self, name: str, *alt_names: str) -> tuple[Path, Path]:
        """Sign a certificate for `alt_names`, and return the paths of it and its key. Both files appear by a rename, as
        whoever renews certificates on a server should do it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        sans = x509.SubjectAlternativeName([_san(one) for one in alt_names])
        certificate = self._builder(_name(name), key.public_key()).add_extension(sans, critical=False)
        pem = certificate.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
        plain = serialization.NoEncryption()
        key_pem = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        for path, content in zip(reversed(paths), (key_pem, pem), strict=True):
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
        return paths

    def revoke(self, *certificates: Path) -> Path:
        """Sign the list of revoked certificates, with these on it, and return its path."""
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(now - _DAY)
        builder = builder.next_update(now + _DAY)
        for path in certificates:
            number = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now - _DAY).build()
            builder = builder.add_revoked_certificate(revoked)
        crl = self.path.with_suffix(".crl")
        crl.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM))
        return crl

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
        )
