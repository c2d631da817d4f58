"""Certificates for tests, made by the `openssl` command; whoever makes them has said `require("openssl")`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Certificate(NamedTuple):
    """A certificate and its key, as PEM files."""

    chain: Path
    key: Path


class Authority:
    """A certificate authority of its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        """Make it; `root` is its certificate."""
        self._folder = folder
        self._name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.root, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        self._openssl("req", "-x509", *_KEY, "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.root)

    def issue(self, name: str, *alternative_names: str) -> Certificate:
        """Make a certificate for servers and clients; names are written `DNS:shop.example` or `URI:spiffe://…`."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signed_by = ("-CA", self.root, "-CAkey", self._key)
        names = ("-addext", f"subjectAltName={','.join(alternative_names)}") if alternative_names else ()
        leaf = ("-addext", "basicConstraints=critical,CA:FALSE")
        out = ("-subj", f"/CN={name}", "-keyout", made.key, "-out", made.chain)
        self._openssl("req", "-x509", *_KEY, *signed_by, *names, *leaf, *out)
        return made

    def revoke(self, *certificates: Certificate) -> Path:
        """Make the list of revoked certificates, with these on it."""
        index, settings = self._folder / f"{self._name}.index", self._folder / f"{self._name}.conf"
        index.write_text("")
        settings.write_text(
            f"[ca]\ndefault_ca = own\n[own]\ndatabase = {index}\ndefault_md = sha256\ndefault_crl_days = 2\n"
        )
        signed_by = ("-config", settings, "-cert", self.root, "-keyfile", self._key)
        for certificate in certificates:
            self._openssl("ca", *signed_by, "-revoke", certificate.chain)
        crl = self._folder / f"{self._name}.crl"
        self._openssl("ca", *signed_by, "-gencrl", "-out", crl)
        return crl

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)
