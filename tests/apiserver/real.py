"""A real kube-apiserver with its etcd, from `KUBEBUILDER_ASSETS` (as controller-runtime's envtest has it)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.apiserver.cluster import Cluster
from tests.envoy.harness.waiting import eventually
from xds_server.demo.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN: Final = "real"
_READY_SECONDS: Final = 90.0


class RealApiServer:
    """Runs in a folder of its own, on ports that are free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._assets = Path(os.environ["KUBEBUILDER_ASSETS"])
        self._processes: list[subprocess.Popen[bytes]] = []
        ports = [ReservedPort() for _ in range(3)]
        client, peer, secure = (port.port for port in ports)
        for port in ports:
            port.close()
        etcd = f"http://127.0.0.1:{client}"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (folder / "sa.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n", encoding="utf-8")
        try:
            self._start(
                "etcd",
                f"--data-dir={folder / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
            )
            self._start(
                "kube-apiserver",
                f"--etcd-servers={etcd}",
                f"--secure-port={secure}",
                "--bind-address=127.0.0.1",
                f"--cert-dir={folder / 'certificates'}",
                f"--service-account-key-file={folder / 'sa.key'}",
                f"--service-account-signing-key-file={folder / 'sa.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--disable-admission-plugins=ServiceAccount",
            )
            ca = folder / "certificates" / "apiserver.crt"
            eventually(ca.exists, _READY_SECONDS, "kube-apiserver has made its certificate")
            self.cluster = Cluster(f"https://127.0.0.1:{secure}", TOKEN, ca)
            eventually(self._ready, _READY_SECONDS, "kube-apiserver is ready")
        except BaseException:
            self.stop()
            raise

    def _start(self, program: str, *arguments: str) -> None:
        self._processes.append(_spawn(self._assets / program, arguments, self._folder / f"{program}.log"))

    def _ready(self) -> bool:
        assert all(process.poll() is None for process in self._processes), f"see {self._folder}"
        namespaces = self.cluster.list("Namespace")["items"]
        return "default" in {one["metadata"]["name"] for one in namespaces}

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()  # it would wait half a minute for watches to end
        for process in self._processes:
            process.wait(30)


def _spawn(program: Path, arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([program, *arguments], stdout=output, stderr=output)
