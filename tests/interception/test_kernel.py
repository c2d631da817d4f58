"""The rules in a real kernel, in a network namespace of their own: both backends take them, and give them back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.require import require

pytestmark = pytest.mark.usefixtures("a_kernel_that_filters")


@pytest.fixture(scope="module")
def a_kernel_that_filters() -> None:
    require("netns", "iptables")


def in_namespace(*script: str) -> str:
    """Run shell lines in a fresh network namespace; the first that fails ends it."""
    text = "\n".join(
        ("set -e", "ip link set lo up", f'pilotfish() {{ "{sys.executable}" -m xds_server "$@"; }}', *script)
    )
    done = subprocess.run(["unshare", "--net", "bash", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def rules(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith(("-A", ":ISTIO", "*"))]


@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(
    "arguments",
    ["", "-x 10.0.0.0/8,fd00::/8 -o 3306 -d 22", "-i 10.96.0.0/12 -q 80 -b 8080", "-m TPROXY", "-c eth1 -k net1"],
)
def test_the_kernel_holds_what_was_asked_for_and_nothing_after_it(variant: str, arguments: str) -> None:
    flags = f"--variant {variant} {arguments}"
    printed = in_namespace(
        f"save() {{ iptables-{variant}-save; ip6tables-{variant}-save; ip rule; ip -6 rule; }}",
        "iptables -t nat -L >/dev/null; ip6tables -t nat -L >/dev/null",
        f"iptables-{variant} -t nat -A OUTPUT -d 192.0.2.1/32 -j RETURN",
        "save",
        "echo ======",
        f"pilotfish iptables {flags}",
        f"pilotfish iptables --check {flags}",
        "save",
        "echo ======",
        f"pilotfish iptables {flags}",
        "save",
        "echo ======",
        f"pilotfish iptables --clean {flags}",
        "save",
    )
    before, once, twice, after = (rules(part) for part in printed.split("======"))
    assert any("ISTIO_OUTPUT" in line for line in once)
    assert once == twice
    tables_left = {line for line in before if line.startswith("-A")}
    assert {line for line in after if not line.startswith("*")} == tables_left
    assert "1337" not in printed.rpartition("======")[2]


def test_a_check_names_what_is_missing() -> None:
    printed = in_namespace(
        "pilotfish iptables --no-ipv6",
        "iptables -t nat -D OUTPUT -p tcp -j ISTIO_OUTPUT",
        "pilotfish iptables --no-ipv6 --check && exit 1 || true",
    )
    assert printed.splitlines() == ["iptables nat: OUTPUT -p tcp -j ISTIO_OUTPUT"]


def test_what_is_there_already_decides_the_backend() -> None:
    printed = in_namespace(
        "pilotfish iptables --no-ipv6 --variant legacy",
        "pilotfish iptables --no-ipv6 -o 9999",
        "iptables-legacy-save -t nat",
    )
    assert "--dport 9999 -j RETURN" in printed


def test_who_may_not_is_told_what_is_needed() -> None:
    without = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
    done = subprocess.run(
        ["unshare", "--net", *without, sys.executable, "-m", "xds_server", "iptables"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "CAP_NET_ADMIN" in done.stderr


def test_a_sidecar_has_an_address_to_call_its_workload_from() -> None:
    printed = in_namespace(
        "pilotfish iptables",
        "pilotfish iptables",
        "ip -6 address show dev lo | grep -c 'inet6 ::6/128'",
        "pilotfish iptables --clean",
        "ip -6 address show dev lo | grep -c 'inet6 ::6/128' || true",
        "sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 || echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
        "pilotfish iptables",
    )
    assert printed.split() == ["1", "0"]
