"""The webhook's own authority and serving certificate: what is there, what is due, and how it is made.

Pure but for keys: the time is an argument. A rotation never leaves an API server with a certificate that it does not
trust, since it goes in steps: the new authority is added to the bundle; when the bundle has been published for a
while, the serving certificate is signed by it; and the old authority stays in the bundle until it ends.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

CA_LIFE: Final = dt.timedelta(days=3650)
SERVING_LIFE: Final = dt.timedelta(days=90)
SETTLE: Final = dt.timedelta(seconds=60)
"""How long API servers, which watch their webhooks, may take to notice a new bundle."""
_RENEW_AT: Final = 2 / 3
"""Of a certificate's life."""
_SKEW: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Serving:
    """A serving certificate and its key, PEM. The key is kept out of `repr`."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Serving(…)"


@dataclass(frozen=True, slots=True)
class Material:
    """All that replicas share. Keys are kept out of `repr`."""

    authorities: tuple[bytes, ...]
    """PEM, the newest last."""
    authority_key: bytes
    """Of the newest."""
    serving: Serving

    def __repr__(self) -> str:
        return f"Material({len(self.authorities)} authorities)"

    @property
    def bundle(self) -> bytes:
        """What API servers are to trust, PEM."""
        return b"".join(self.authorities)

    def as_secret(self) -> dict[str, bytes]:
        """Return the data of a Secret of type kubernetes.io/tls."""
        return {
            "ca.crt": self.bundle,
            "ca.key": self.authority_key,
            "tls.crt": self.serving.certificate,
            "tls.key": self.serving.key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """How long things hold; tests make them short."""

    authority: dt.timedelta = CA_LIFE
    serving: dt.timedelta = SERVING_LIFE
    settle: dt.timedelta = SETTLE


def from_secret(data: dict[str, bytes]) -> Material | None:
    """Read the data of a Secret; None where it is not all there or cannot be read, so that it is made anew."""
    try:
        authorities = x509.load_pem_x509_certificates(data["ca.crt"])
        serving = Serving(data["tls.crt"], data["tls.key"])
        keys = (data["ca.key"], serving.key)
        of = (authorities[-1], x509.load_pem_x509_certificate(serving.certificate))
        fits = all(
            serialization.load_pem_private_key(key, None).public_key() == certificate.public_key()
            for key, certificate in zip(keys, of, strict=True)
        )
    except (KeyError, ValueError, TypeError, IndexError):
        return None
    pems = tuple(one.public_bytes(serialization.Encoding.PEM) for one in authorities)
    return Material(pems, data["ca.key"], serving) if fits else None


def advance(
    material: Material | None, names: Sequence[str], now: dt.datetime, lives: Lives, *, published: bool
) -> Material:
    """Return what is to hold now: the same object where nothing is due, else the next step.

    `published` says that the API server has the newest authority in its bundle.
    """
    if material is None:
        return _anew(names, now, lives)
    parsed = [x509.load_pem_x509_certificate(one) for one in material.authorities]
    newest = parsed[-1]
    if newest.not_valid_after_utc <= now:
        return _anew(names, now, lives)
    if any(one.not_valid_after_utc <= now for one in parsed):
        kept = (pem for pem, one in zip(material.authorities, parsed, strict=True) if one.not_valid_after_utc > now)
        return replace(material, authorities=tuple(kept))
    if now >= _due(newest):
        certificate, key = _authority(now, lives.authority)
        return replace(material, authorities=(*material.authorities, certificate), authority_key=key)
    serving = x509.load_pem_x509_certificate(material.serving.certificate)
    settled = published and now >= newest.not_valid_before_utc + _SKEW + lives.settle
    by_newest = _signed_by(serving, newest)
    # Of an older authority there is no key any more, so whatever is due waits until the newest has settled.
    due = not by_newest or now >= _due(serving) or _names(serving) != sorted(names)
    expired = serving.not_valid_after_utc <= now
    if due and (by_newest or settled or expired):
        return replace(material, serving=_serving(newest, material.authority_key, names, now, lives.serving))
    return material


def _anew(names: Sequence[str], now: dt.datetime, lives: Lives) -> Material:
    certificate, key = _authority(now, lives.authority)
    issuer = x509.load_pem_x509_certificate(certificate)
    return Material((certificate,), key, _serving(issuer, key, names, now, lives.serving))


def _due(certificate: x509.Certificate) -> dt.datetime:
    start, end = certificate.not_valid_before_utc + _SKEW, certificate.not_valid_after_utc
    return start + (end - start) * _RENEW_AT


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - InvalidSignature, ValueError or TypeError: it is not
        return False
    return True


def _names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(found.value.get_values_for_type(x509.DNSName))


def _authority(now: dt.datetime, life: dt.timedelta) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own for each, so that a verifier with two of them in its bundle takes the right one.
    name = _name(f"pilotfish webhook CA {now:%Y-%m-%dT%H:%M:%S.%fZ}")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        _builder(name, name, key.public_key(), now, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), _pem(key)


def _serving(
    issuer: x509.Certificate, issuer_key: bytes, names: Sequence[str], now: dt.datetime, life: dt.timedelta
) -> Serving:
    signer = serialization.load_pem_private_key(issuer_key, None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        msg = "the authority's key is not of an elliptic curve, as ours are"
        raise TypeError(msg)
    key = ec.generate_private_key(ec.SECP256R1())
    life = min(life, issuer.not_valid_after_utc - now)
    made = (
        _builder(_name("pilotfish webhook"), issuer.subject, key.public_key(), now, life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    return Serving(made.public_bytes(serialization.Encoding.PEM), _pem(key))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
