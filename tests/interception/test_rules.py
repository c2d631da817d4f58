"""The rules for each setting, as `pilotfish iptables --dry-run` prints them: `testdata/<case>.txt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from xds_server.cli.main import main
from xds_server.interception import EVERYTHING, Interception, clean_up, install, missing, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTDATA = Path(__file__).parent / "testdata"
CASES = {
    "default": [],
    "no-ipv6": ["--no-ipv6"],
    "other-ports": ["-p", "12345", "-z", "54321"],
    "other-user": ["-u", "2000,2001", "-g", ""],
    "exclude-outbound-ranges": ["-x", "10.0.0.0/8, fd00::/8"],
    "include-outbound-ranges": ["-i", "10.96.0.1/12,fd00:10::/64"],
    "include-nothing-outbound": ["-i", ""],
    "exclude-outbound-ports": ["-o", "3306,6379"],
    "include-outbound-ports": ["-i", "", "-q", "80"],
    "include-inbound-ports": ["-b", "8080,9090"],
    "include-nothing-inbound": ["-b", ""],
    "exclude-inbound-ports": ["-d", "22"],
    "exclude-interfaces": ["-c", "eth1,net0"],
    "kubevirt-interfaces": ["-k", "net1", "-i", "10.0.0.0/8"],
    "kubevirt-interfaces-everything": ["-k", "net1"],
    "tproxy": ["-m", "TPROXY"],
    "tproxy-some-ports": ["-m", "TPROXY", "-b", "8080", "--no-ipv6"],
}


def printed(arguments: Sequence[str]) -> str:
    result = CliRunner().invoke(main, ["iptables", "--dry-run", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("case", CASES)
def test_rules_are_the_golden_ones(case: str, update_goldens: bool) -> None:
    file = TESTDATA / f"{case}.txt"
    text = (
        f"# pilotfish iptables --dry-run {' '.join(repr(a) if not a or ' ' in a else a for a in CASES[case])}".rstrip()
    )
    produced = f"{text}\n{printed(CASES[case])}"
    if update_goldens:
        file.write_text(produced, encoding="utf-8")
    assert produced == file.read_text(encoding="utf-8")


def test_every_golden_has_a_case() -> None:
    assert {file.stem for file in TESTDATA.iterdir()} == set(CASES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-x", "10.0.0.0/33"], "no address range"),
        (["-x", "nonsense"], "no address range"),
        (["-o", "0x50"], "no port"),
        (["-o", "65536"], "no port"),
        (["-u", "root"], "no id"),
        (["--check", "--clean"], "exclude each other"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["iptables", *arguments])
    assert result.exit_code == 2
    assert message in result.output


_PORTS = st.lists(st.integers(1, 65535), max_size=3, unique=True).map(tuple)
_RANGES = st.lists(st.sampled_from(["10.0.0.0/8", "192.168.1.0/24", "fd00::/8", "::1/128"]), max_size=2).map(tuple)
_NAMES = st.lists(st.sampled_from(["eth1", "net0"]), max_size=2, unique=True).map(tuple)
SETTINGS = st.builds(
    Interception,
    include_outbound_ranges=st.one_of(st.just(EVERYTHING), _RANGES),
    exclude_outbound_ranges=_RANGES,
    include_outbound_ports=_PORTS,
    exclude_outbound_ports=_PORTS,
    include_inbound_ports=st.one_of(st.just("*"), _PORTS),
    exclude_inbound_ports=_PORTS,
    exclude_interfaces=_NAMES,
    virtual_interfaces=_NAMES,
    mode=st.sampled_from(["REDIRECT", "TPROXY"]),
)

OTHERS = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 10.0.0.1:6443
COMMIT
"""


def simulated(saved: str, text: str) -> str:
    """Apply a restore text to what was saved, as the kernel does; what does not apply fails."""
    found: dict[str, tuple[dict[str, None], list[str]]] = {}
    name = ""
    for line in (*saved.splitlines(), *text.splitlines()):
        if line.startswith("*"):
            name = line[1:]
            found.setdefault(name, ({"PREROUTING": None, "OUTPUT": None}, []))
            continue
        if line in ("COMMIT", ""):
            continue
        chains, rules = found[name]
        what, _, rest = line.partition(" ")
        chain = rest.split()[0] if rest else ""
        if line.startswith(":"):
            chain = line[1:].split()[0]
            chains[chain] = None
            if "ISTIO" in chain:
                rules[:] = [rule for rule in rules if rule.split()[0] != chain]
        elif what == "-A":
            assert chain in chains
            rules.append(rest)
        elif what == "-I":
            _, number, rule = rest.split(" ", 2)
            places = [i for i, one in enumerate(rules) if one.split()[0] == chain]
            place = places[int(number) - 1] if int(number) <= len(places) else len(rules)
            rules.insert(place, f"{chain} {rule}")
        elif what == "-D":
            rules.remove(rest)
        elif what == "-F":
            rules[:] = [rule for rule in rules if rule.split()[0] != chain]
        else:
            assert what == "-X", line
            assert not any(rule.split()[0] == chain or rule.endswith(f"-j {chain}") for rule in rules), "in use"
            del chains[chain]
    printed_: list[str] = []
    for table, (chains, rules) in found.items():
        grouped = [rule for chain in chains for rule in rules if rule.split()[0] == chain]
        printed_ += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains), *(f"-A {r}" for r in grouped), "COMMIT"]
    return "\n".join(printed_) + "\n"


def contents(saved: str) -> dict[str, list[str]]:
    """Return the rules of each table that has any rules or chains beside the kernel's."""
    tree: dict[str, list[str]] = {}
    name = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            name = line
        elif line.startswith("-A") or (line.startswith(":") and line[1:].split()[0] not in ("PREROUTING", "OUTPUT")):
            tree.setdefault(name, []).append(line)
    return tree


@given(first=SETTINGS, second=SETTINGS, ipv6=st.booleans())
def test_twice_is_once_and_clean_is_as_before(first: Interception, second: Interception, ipv6: bool) -> None:
    before = simulated("", OTHERS)
    one, two = tables(first, ipv6=ipv6), tables(second, ipv6=ipv6)
    installed = simulated(before, install(one, before))
    assert missing(one, installed) == ()
    again = simulated(installed, install(one, installed))
    assert contents(again) == contents(installed)
    cleaned = simulated(again, clean_up(one, again))
    assert contents(cleaned) == contents(before)
    # Other settings put over the first ones leave nothing of them behind (but exclusions, which name nothing of ours).
    over = simulated(installed, install(two, installed))
    assert missing(two, over) == ()
    exclusions = {rule for table in one for rule in table.jumps if "ISTIO" not in rule}
    fresh = contents(simulated(before, install(two, before)))
    left = {
        table: sorted(line for line in lines if line.removeprefix("-A ") not in exclusions)
        for table, lines in contents(over).items()
    }
    wanted = {
        t: sorted(line for line in lines if line.removeprefix("-A ") not in exclusions) for t, lines in fresh.items()
    }
    assert {t: lines for t, lines in left.items() if lines} == {t: lines for t, lines in wanted.items() if lines}
